// Errors on their way between two contexts: what of them crosses
// (https://developers.cloudflare.com/workers/runtime-apis/rpc/error-handling/).
(function () {
const { core, internals, primordials } = __bootstrap;
const {
  ObjectGetOwnPropertyDescriptor,
  ObjectHasOwn,
  ObjectKeys,
  ReflectDeleteProperty,
  StringPrototypeIndexOf,
  StringPrototypeSlice,
} = primordials;
const { classOf, isDomException, notCloneable, textOf } = core.loadExtScript("ext:selvedge/rpc/errors.js");
const { define, External } = core.loadExtScript("ext:selvedge/rpc/messages.js");
const { isOff, shared } = internals;

/**
 * The own properties of an error that can cross, without what it has by birth. `copy`
 * and `remember` are those of `values.js`.
 */
function encodeError(encoder, error, copy, remember) {
  if (isDomException(error)) {
    const data = { __proto__: null, dom: true, name: `${error.name}`, message: `${error.message}`, stack: null, props: {} };
    const stack = ObjectGetOwnPropertyDescriptor(error, "stack");
    if (stack !== undefined && typeof stack.value === "string") data.stack = stack.value;
    return new External("error", null, data);
  }
  if (isOff("enhanced_error_serialization")) return encodeAsV8(encoder, error, copy, remember);
  const name = textOf(() => error.name, "Error");
  const data = {
    __proto__: null,
    dom: false,
    name: classOf(name),
    message: textOf(() => error.message, ""),
    stack: null,
    props: {},
  };
  const made = new External("error", null, data);
  encoder.size += data.message.length * 2;
  if (!shared.production) {
    const stack = textOf(() => error.stack, "");
    const at = StringPrototypeIndexOf(stack, "\n    at ");
    if (at >= 0) data.frames = StringPrototypeSlice(stack, at);
  }
  // An error may lead to itself.
  remember(encoder, error, made);
  const cause = ObjectGetOwnPropertyDescriptor(error, "cause");
  if (cause !== undefined && !cause.enumerable) copyProp(encoder, copy, data.props, "cause", cause.value);
  const errors = data.name === "AggregateError" ? ObjectGetOwnPropertyDescriptor(error, "errors") : undefined;
  if (errors !== undefined) copyProp(encoder, copy, data.props, "errors", errors.value);
  const keys = ObjectKeys(error);
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i];
    if (key === "stack" || key === "message" || errors !== undefined && key === "errors") continue;
    let value;
    try {
      value = error[key];
    } catch {
      continue;
    }
    copyProp(encoder, copy, data.props, key, value);
  }
  if (data.name !== name && !ObjectHasOwn(data.props, "name")) define(data.props, "name", name);
  return made;
}

/** The same at old dates. */
function encodeAsV8(encoder, error, copy, remember) {
  const { data, cause } = core.loadExtScript("ext:selvedge/legacy/errors.js").passed(error);
  const made = new External("error", null, data);
  encoder.size += data.message.length * 2;
  remember(encoder, error, made);
  if (cause !== undefined) copyProp(encoder, copy, data.props, "cause", cause.value);
  return made;
}

/** Copies what is plain data; the rest of an error stays behind. */
function copyProp(encoder, copy, props, key, value) {
  const before = encoder.message.externals?.length ?? 0;
  try {
    if (typeof value === "function") return;
    define(props, key, undefined);
    props[key] = copy(encoder, value, props, key);
    const { externals } = encoder.message;
    for (let i = before; externals !== null && i < externals.length; i++) {
      if (externals[i].kind !== "error") throw notCloneable("");
    }
  } catch {
    ReflectDeleteProperty(props, key);
    dropExternals(encoder.message, before);
  }
}

function dropExternals(message, from) {
  if (message.externals === null) return;
  for (let i = from; i < message.externals.length; i++) message.externals[i].cap?.release();
  message.externals.length = from;
}

return { encodeError };
})();
