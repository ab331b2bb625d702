// Errors on their way from one context to another: what callers see of what an
// object threw.
(function () {
const { core, primordials } = __bootstrap;
const {
  Error,
  ObjectDefineProperty,
  ReflectDeleteProperty,
  String,
} = primordials;

const { encodeThrown } = core.loadExtScript("ext:selvedge/rpc/exceptions.js");
const { FLAGS } = core.loadExtScript("ext:selvedge/rpc/failures.js");
const { decode } = core.loadExtScript("ext:selvedge/rpc/messages.js");

/** The error as another context gets it: a copy, marked as remote. */
function tunnelled(error) {
  let copy;
  try {
    copy = copied(error);
  } catch {
    // Its getters throw.
    copy = new Error("internal error");
  }
  copy.remote = true;
  if (typeof error !== "object" || error === null) return copy;
  for (let i = 0; i < FLAGS.length; i++) {
    try {
      if (error[FLAGS[i]] === true) copy[FLAGS[i]] = true;
    } catch {
      // A getter of the Worker's: it tells nothing then.
    }
  }
  return copy;
}

/** A copy of it, as that of a remote call would be, with the stack that it had. */
function copied(error) {
  if (typeof error !== "object" || error === null) return new Error(String(error));
  const copy = decode(encodeThrown(error, null), null, null);
  if (!core.isNativeError(copy) || !core.isNativeError(error)) return copy;
  const { stack } = error;
  if (typeof stack === "string") ObjectDefineProperty(copy, "stack", { __proto__: null, value: stack, writable: true, configurable: true });
  return copy;
}

/** The same error once more, for one who did not see it happen: nobody threw it at him. */
function again(error) {
  const copy = tunnelled(error);
  ReflectDeleteProperty(copy, "remote");
  return copy;
}

return { again, tunnelled };
})();
