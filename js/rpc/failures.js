// An answer over a pipe of the host that is no response: its status is one that no
// Worker can set, and a header tells what happened. The server writes it, too
// (`server/src/callee_failure.rs`).
(function () {
const { core, internals, primordials } = __bootstrap;
const {
  JSONParse,
  NumberParseInt,
  ObjectDefineProperty,
  StringPrototypeSlice,
  TypedArrayPrototypeGetLength,
  Uint8Array,
} = primordials;
const { headers, response: responses } = internals.selvedge;
const { classOf, DOMException, makeError } = core.loadExtScript("ext:selvedge/rpc/errors.js");

/** The callee threw, or is gone. */
const FAILED = 900;
const HEADER = "selvedge-failure";
/** What an error tells of a Durable Object. */
const FLAGS = ["durableObjectReset", "overloaded", "retryable"];

/** An error of this name. */
function made(name, message) {
  return classOf(name) === name ? makeError(name, message) : new DOMException(message, name);
}

function bytesOf(text) {
  const bytes = new Uint8Array(text.length / 2);
  const length = TypedArrayPrototypeGetLength(bytes);
  for (let i = 0; i < length; i++) bytes[i] = NumberParseInt(StringPrototypeSlice(text, 2 * i, 2 * i + 2), 16);
  return bytes;
}

/** The error that such an answer tells of. */
function failureOf(answer) {
  const parts = JSONParse(headers.getRaw(responses.innerOf(answer).headers, HEADER));
  let error;
  if (parts.bytes === undefined) {
    error = made(parts.name, parts.message);
  } else {
    const { decode, messageOfBytes } = core.loadExtScript("ext:selvedge/rpc/messages.js");
    error = decode(messageOfBytes(bytesOf(parts.bytes), []), null, null);
    if (internals.isOff("enhanced_error_serialization")) {
      error = core.loadExtScript("ext:selvedge/legacy/errors.js").flat(error);
    }
  }
  if (parts.stack !== undefined) {
    ObjectDefineProperty(error, "stack", { __proto__: null, value: parts.stack, writable: true, configurable: true });
  }
  error.remote = true;
  for (let i = 0; i < FLAGS.length; i++) {
    if (parts[FLAGS[i]] === true) error[FLAGS[i]] = true;
  }
  return error;
}

return { FAILED, failureOf, FLAGS, HEADER };
})();
