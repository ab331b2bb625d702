// What `structuredClone()` and `postMessage()` may transfer
// (https://html.spec.whatwg.org/#structuredserializewithtransfer): array buffers,
// and what registered itself as transferable (message ports, streams).
(function () {
const { core, primordials } = __bootstrap;
const {
  ArrayBufferPrototypeTransferToFixedLength,
  ObjectPrototypeToString,
  SafeSet,
  SetPrototypeAdd,
  SetPrototypeHas,
  StringPrototypeSlice,
} = primordials;
const { DOMException } = core.loadExtScript("ext:deno_web/01_dom_exception.js");

/** Throws before anything is cloned or detached. */
function checkTransfer(list) {
  const seen = new SafeSet();
  for (let i = 0; i < list.length; i++) {
    const value = list[i];
    if (SetPrototypeHas(seen, value)) {
      throw refused(`${kindOf(value)} at index ${i} is a duplicate of an earlier one`);
    }
    SetPrototypeAdd(seen, value);
    if (!core.isArrayBuffer(value) && value[core.hostObjectBrand] === undefined) {
      throw refused(`Value at index ${i} does not have a transferable type: ${kindOf(value)}`);
    }
  }
}

/** Takes the memory from a buffer whose content was cloned. */
function detach(buffer) {
  try {
    ArrayBufferPrototypeTransferToFixedLength(buffer);
  } catch {
    // Memory of WebAssembly stays where it is.
    throw refused("An ArrayBuffer is not detachable and could not be cloned.");
  }
}

function kindOf(value) {
  return StringPrototypeSlice(ObjectPrototypeToString(value), 8, -1);
}

function refused(message) {
  return new DOMException(message, "DataCloneError");
}

return { checkTransfer, detach };
})();
