// What the converters of Web IDL say, in workerd's words: programs compare the
// texts of exceptions. Loaded when the first of them is thrown.
(function () {
const { primordials } = __bootstrap;
const { RegExpPrototypeExec, SafeRegExp, StringPrototypeSlice, StringPrototypeStartsWith } = primordials;

/** What a function called with a wrong `this` throws. */
const ILLEGAL_INVOCATION = "Illegal invocation: function called with incorrect `this` reference. See " +
  "https://developers.cloudflare.com/workers/observability/errors/#illegal-invocation-errors for details.";

/** The types of parameters, where the converters have no name for them. */
const PARAMETERS = {
  __proto__: null,
  "construct 'Blob'": ["Array", "Options"],
  "construct 'ByteLengthQueuingStrategy'": ["QueuingStrategyInit"],
  "construct 'CloseEvent'": ["string", "Initializer"],
  "construct 'CompressionStream'": ["string"],
  "construct 'CountQueuingStrategy'": ["QueuingStrategyInit"],
  "construct 'CustomEvent'": ["string", "CustomEventInit"],
  "construct 'DecompressionStream'": ["string"],
  "construct 'ErrorEvent'": ["string", "ErrorEventInit"],
  "construct 'Event'": ["string", "Init"],
  "construct 'File'": ["Array", "string", "Options"],
  "construct 'MessageEvent'": ["string", "Initializer"],
  "construct 'PerformanceMark'": ["string", "Options"],
  "construct 'PerformanceObserver'": ["Value"],
  "construct 'ReadableStream'": ["UnderlyingSource", "StreamQueuingStrategy"],
  "construct 'ReadableStreamBYOBReader'": ["ReadableStream"],
  "construct 'ReadableStreamDefaultReader'": ["ReadableStream"],
  "construct 'TextDecoder'": ["string", "ConstructorOptions"],
  "construct 'TextDecoderStream'": ["string", "TextDecoderStreamInit"],
  "construct 'TransformStream'": ["Transformer", "StreamQueuingStrategy", "StreamQueuingStrategy"],
  "construct 'URL'": ["USVString", "USVString"],
  "construct 'WritableStream'": ["UnderlyingSink", "StreamQueuingStrategy"],
  "construct 'WritableStreamDefaultWriter'": ["WritableStream"],
  "execute 'addEventListener' on 'EventTarget'": ["string", "function or HandlerObject"],
  "execute 'any' on 'AbortSignal'": ["Array"],
  "execute 'append' on 'URLSearchParams'": ["USVString", "USVString"],
  "execute 'atob' on 'ServiceWorkerGlobalScope'": ["string"],
  "execute 'btoa' on 'ServiceWorkerGlobalScope'": ["String"],
  "execute 'canParse' on 'URL'": ["USVString", "USVString"],
  "execute 'decode' on 'TextDecoder'": ["Array", "DecodeOptions"],
  "execute 'delete' on 'URLSearchParams'": ["USVString", "USVString"],
  "execute 'dispatchEvent' on 'EventTarget'": ["Event"],
  "execute 'encodeInto' on 'TextEncoder'": ["String", "Uint8Array"],
  "execute 'enqueue' on 'ReadableByteStreamController'": ["BufferSource"],
  "execute 'forEach' on 'URLSearchParams'": ["function"],
  "execute 'from' on 'ReadableStream'": ["AsyncGenerator"],
  "execute 'get' on 'URLSearchParams'": ["USVString"],
  "execute 'getAll' on 'URLSearchParams'": ["USVString"],
  "execute 'getEntriesByName' on 'Performance'": ["string", "string"],
  "execute 'getEntriesByType' on 'Performance'": ["string"],
  "execute 'getReader' on 'ReadableStream'": ["GetReaderOptions"],
  "execute 'has' on 'URLSearchParams'": ["USVString", "USVString"],
  "execute 'mark' on 'Performance'": ["string", "Options"],
  "execute 'measure' on 'Performance'": ["string"],
  "execute 'parse' on 'URL'": ["USVString", "USVString"],
  "execute 'pipeThrough' on 'ReadableStream'": ["Transform", "PipeToOptions"],
  "execute 'pipeTo' on 'ReadableStream'": ["WritableStream", "PipeToOptions"],
  "execute 'postMessage' on 'MessagePort'": ["Value"],
  "execute 'read' on 'ReadableStreamBYOBReader'": ["ArrayBufferView", "ReadableStreamBYOBReaderReadOptions"],
  "execute 'removeEventListener' on 'EventTarget'": ["string", "Object"],
  "execute 'set' on 'URLSearchParams'": ["USVString", "USVString"],
  "execute 'setResourceTimingBufferSize' on 'Performance'": ["unsigned integer"],
  "execute 'structuredClone' on 'ServiceWorkerGlobalScope'": ["Value", "StructuredCloneOptions"],
  "execute 'timeout' on 'AbortSignal'": ["number"],
  "execute 'values' on 'ReadableStream'": ["ValuesOptions"],
};

/** Functions of the global scope. */
const GLOBALS = ["atob", "btoa", "structuredClone"];

/** Dictionaries that workerd has another name for. */
const DICTIONARIES = {
  __proto__: null,
  QueuingStrategy: "StreamQueuingStrategy",
  ReadableWritablePair: "Transform",
  StreamPipeOptions: "PipeToOptions",
  StructuredSerializeOptions: "StructuredCloneOptions",
};

/** Types of members that the converters do not name as workerd does. */
const MEMBERS = { __proto__: null, transfer: "Array", readable: "ReadableStream", writable: "WritableStream" };

const PREFIX = new SafeRegExp("^Failed to (execute|construct) '([^']+)'(?: on '([^']+)')?$");
const STATIC = new SafeRegExp("^([A-Z][A-Za-z]*)\\.([a-z][A-Za-z]*)$");
const ARGUMENT = new SafeRegExp("^Argument ([0-9]+)$");
const ELEMENT = new SafeRegExp("^Argument [0-9]+, index ([0-9]+)$");
const MEMBER = new SafeRegExp("^'([^']+)' of '([^']+)'");
const OF_TYPE = new SafeRegExp("^is not of type ([A-Za-z]+)$");
const REQUIRED = new SafeRegExp("because '([^']+)' is required in '([^']+)'$");

/** The call that went wrong: `construct 'X'` or `execute 'y' on 'X'`. */
function callOf(prefix) {
  const match = typeof prefix === "string" ? RegExpPrototypeExec(PREFIX, prefix) : null;
  if (match === null) return null;
  const kind = match[1];
  let name = match[2];
  if (kind === "construct") return `construct '${name}'`;
  let owner = match[3];
  if (owner === undefined) {
    const parts = RegExpPrototypeExec(STATIC, name);
    if (parts !== null) {
      owner = parts[1];
      name = parts[2];
    } else {
      for (let i = 0; i < GLOBALS.length; i++) if (GLOBALS[i] === name) owner = "ServiceWorkerGlobalScope";
    }
    if (owner === undefined) return null;
  }
  return `execute '${name}' on '${owner}'`;
}

function parameter(call, number, type) {
  const what = StringPrototypeStartsWith(call, "construct") ? "constructor parameter" : "parameter";
  return `Failed to ${call}: ${what} ${number} is not of type '${type}'.`;
}

function field(name, dictionary, type) {
  const known = DICTIONARIES[dictionary] ?? dictionary;
  return `Incorrect type for the '${name}' field on '${known}': the provided value is not of type '${type}'.`;
}

/** What is told if the argument of this number, counted from 1, is missing; `null` for what has no such text. */
function missing(prefix, number) {
  const call = callOf(prefix);
  const type = call === null ? undefined : PARAMETERS[call]?.[number - 1];
  return type === undefined ? null : parameter(call, number, type);
}

/** The text for a value that a converter refuses; `null` for what has none. */
function reworded(message, prefix, context) {
  if (typeof context !== "string" || typeof message !== "string") return null;
  const named = RegExpPrototypeExec(OF_TYPE, message)?.[1];
  const member = RegExpPrototypeExec(MEMBER, context);
  if (member !== null) {
    const type = MEMBERS[member[1]] ?? named ?? (message === "is not a function" ? "function" : undefined);
    return type === undefined ? null : field(member[1], member[2], type);
  }
  const element = RegExpPrototypeExec(ELEMENT, context)?.[1];
  if (element !== undefined && named !== undefined) {
    return `Incorrect type for array element ${element}: the provided value is not of type '${named}'.`;
  }
  const needed = RegExpPrototypeExec(REQUIRED, message);
  if (needed !== null && MEMBERS[needed[1]] !== undefined) return field(needed[1], needed[2], MEMBERS[needed[1]]);
  const number = RegExpPrototypeExec(ARGUMENT, context)?.[1];
  const call = number === undefined ? null : callOf(prefix);
  if (call === null || !isAboutType(message)) return null;
  // (A number that is none.)
  if (message === "is not a finite number") return null;
  const type = PARAMETERS[call]?.[number - 1] ?? named;
  return type === undefined ? null : parameter(call, number, type);
}

/** Whether a converter says that it got something of another kind. */
function isAboutType(message) {
  return StringPrototypeStartsWith(message, "is not a") || StringPrototypeStartsWith(message, "is not of") ||
    StringPrototypeStartsWith(message, "can not be converted to") && StringPrototypeSlice(message, -1) !== "'";
}

return { ILLEGAL_INVOCATION, missing, reworded };
})();
