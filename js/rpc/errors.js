// The errors of remote calls, and how an exception travels from the context
// that threw it to the one that called
// (https://developers.cloudflare.com/workers/runtime-apis/rpc/error-handling/).
(function () {
const { core, primordials } = __bootstrap;
const {
  AggregateError,
  AggregateErrorPrototype,
  Error,
  EvalError,
  ObjectDefineProperty,
  ObjectGetOwnPropertyDescriptor,
  ObjectGetPrototypeOf,
  ObjectPrototypeIsPrototypeOf,
  ObjectSetPrototypeOf,
  RangeError,
  ReferenceError,
  String,
  SyntaxError,
  TypeError,
  URIError,
} = primordials;
const { DOMException, DOMExceptionPrototype } = core.loadExtScript("ext:deno_web/01_dom_exception.js");

const CANCELED = "The destination execution context for this RPC was canceled while the call was still running.";
const GONE = "The execution context which hosts this callback is no longer running.";
const STUB_DISPOSED = "RPC stub used after being disposed.";
const PROMISE_DISPOSED = "RPC promise used after being disposed.";
const READABLE_LOST = "ReadableStream received over RPC disconnected prematurely.";
const WRITABLE_LOST =
  "WritableStream received over RPC was disconnected because the remote execution context has ended.";

const CLASSES = {
  __proto__: null,
  AggregateError,
  Error,
  EvalError,
  RangeError,
  ReferenceError,
  SyntaxError,
  TypeError,
  URIError,
};

/** The built-in class that an error's copy is of, by its name. */
function classOf(name) {
  return CLASSES[name] === undefined ? "Error" : name;
}

/** An error of this class, without the text in `stack` that its making would leave. */
function makeError(className, message) {
  if (className !== "AggregateError") return new CLASSES[className](message);
  // Its constructor iterates, which a Worker can change.
  return ObjectSetPrototypeOf(new Error(message), AggregateErrorPrototype);
}

/** Nothing like this may cross. */
function notCloneable(message) {
  return new DOMException(message, "DataCloneError");
}

/** The name of the class that an object is an instance of; no code of the Worker's runs. */
function className(object) {
  try {
    for (let at = object; at !== null; at = ObjectGetPrototypeOf(at)) {
      const own = ObjectGetOwnPropertyDescriptor(at, "constructor");
      if (own === undefined) continue;
      if (typeof own.value !== "function") break;
      const name = ObjectGetOwnPropertyDescriptor(own.value, "name");
      if (name !== undefined && typeof name.value === "string" && name.value !== "") return name.value;
      break;
    }
  } catch {
    // A proxy in the chain does not like to be looked at.
  }
  return "Object";
}

function unsupported(object, name = className(object)) {
  return notCloneable(`Could not serialize object of type "${name}". This type does not support serialization.`);
}

function isDomException(value) {
  return ObjectPrototypeIsPrototypeOf(DOMExceptionPrototype, value);
}

/** Marks what a remote call threw, as far as it lets itself be marked. */
function markRemote(error) {
  if (typeof error !== "object" || error === null) return error;
  try {
    ObjectDefineProperty(error, "remote", {
      __proto__: null,
      value: true,
      writable: true,
      enumerable: true,
      configurable: true,
    });
  } catch {
    // Frozen: it came from this isolate's platform.
  }
  return error;
}

/** A name or message as text; a getter may throw. */
function textOf(read, otherwise) {
  try {
    return String(read());
  } catch {
    return otherwise;
  }
}

return {
  CANCELED,
  className,
  classOf,
  DOMException,
  GONE,
  isDomException,
  makeError,
  markRemote,
  notCloneable,
  PROMISE_DISPOSED,
  READABLE_LOST,
  STUB_DISPOSED,
  textOf,
  unsupported,
  WRITABLE_LOST,
};
})();
