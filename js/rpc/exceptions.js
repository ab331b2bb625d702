// Exceptions on their way from the context that threw them to the one that
// called (https://developers.cloudflare.com/workers/runtime-apis/rpc/error-handling/).
(function () {
const { core, internals, primordials } = __bootstrap;
const {
  Error,
  StringPrototypeIndexOf,
  StringPrototypeSlice,
} = primordials;
const { isOff, shared } = internals;
const { makeError, markRemote, textOf } = core.loadExtScript("ext:selvedge/rpc/errors.js");
const { decode, hide, Message, release } = core.loadExtScript("ext:selvedge/rpc/messages.js");
const { checkSize, copy, Encoder, errorExternal, external, MAX_MESSAGE_BYTES } = core.loadExtScript(
  "ext:selvedge/rpc/values.js",
);

/**
 * What a callee threw, as a message without anything by reference: it may be
 * decoded more than once.
 */
function encodeThrown(error, io) {
  if (isOff("enhanced_error_serialization")) return thrownError(flat(error), io);
  if (typeof error !== "object" || error === null) {
    return thrownError(new Error(textOf(() => error, "")), io);
  }
  try {
    const message = new Message(error);
    const encoder = new Encoder(io, true, message);
    message.root = copy(encoder, error, message, "root");
    if (encoder.size > MAX_MESSAGE_BYTES) checkSize(message);
    if (message.externals !== null && hasCaps(message.externals)) {
      release(message);
      return thrownError(new Error(textOf(() => error.message ?? error, "")), io);
    }
    return message;
  } catch (reason) {
    return thrownError(
      new Error(textOf(() => typeof error.message === "string" ? error.message : reason.message, "")),
      io,
    );
  }
}

/** What there is of an exception at old dates. */
function flat(error) {
  return core.loadExtScript("ext:selvedge/legacy/errors.js").flat(error);
}

function hasCaps(externals) {
  for (let i = 0; i < externals.length; i++) if (externals[i].kind !== "error") return true;
  return false;
}

function thrownError(error, io) {
  const message = new Message(null);
  const encoder = new Encoder(io, true, message);
  external(encoder, error, errorExternal(encoder, error), message, "root");
  return message;
}

/** The exception as the caller gets it. */
function decodeThrown(message, io) {
  const externals = message.externals;
  let error;
  try {
    error = decode(message, io, null);
  } finally {
    message.externals = externals;
  }
  if (message.isRemote && isOff("enhanced_error_serialization")) error = flat(error);
  if (core.isNativeError(error)) {
    // The stack is that of the caller: a callee keeps its own.
    const stack = makeError("Error", "").stack;
    const at = StringPrototypeIndexOf(stack, "\n");
    const header = errorHeader(error);
    const frames = at < 0 ? "" : StringPrototypeSlice(stack, at);
    hide(error, "stack", header + framesOf(message) + frames);
  }
  return message.isRemote ? markRemote(error) : error;
}

/** Where the callee threw it, if that is the same Worker in development. */
function framesOf(message) {
  const { externals } = message;
  if (shared.production || message.bytes !== null || externals === null) return "";
  for (let i = 0; i < externals.length; i++) {
    const { slots, data } = externals[i];
    if (externals[i].kind !== "error" || slots[0] !== message || data.frames === undefined) continue;
    return data.frames;
  }
  return "";
}

function errorHeader(error) {
  const name = textOf(() => error.name, "Error");
  const message = textOf(() => error.message, "");
  return message === "" ? name : `${name}: ${message}`;
}

/** A failure of the calls themselves: nobody threw it. */
function failure(text) {
  const message = encodeThrown(new Error(text), null);
  message.isRemote = false;
  return message;
}

return { decodeThrown, encodeThrown, failure };
})();
