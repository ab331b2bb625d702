// Errors on their way from one context to another: what callers see of what an
// object threw.
(function () {
const { core, primordials } = __bootstrap;
const {
  Error,
  EvalError,
  ObjectDefineProperty,
  ObjectPrototypeIsPrototypeOf,
  RangeError,
  ReferenceError,
  String,
  SyntaxError,
  TypeError,
  URIError,
} = primordials;

const CLASSES = { __proto__: null, Error, EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError };
/** What an error tells of a Durable Object. */
const FLAGS = ["durableObjectReset", "overloaded", "retryable"];

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

/** A name that is none of JavaScript's own becomes part of the message. */
function copied(error) {
  if (typeof error !== "object" || error === null) return new Error(String(error));
  const { DOMException } = core.loadExtScript("ext:deno_web/01_dom_exception.js");
  const name = String(error.name);
  const message = String(error.message);
  if (ObjectPrototypeIsPrototypeOf(DOMException.prototype, error)) return new DOMException(message, name);
  if (!ObjectPrototypeIsPrototypeOf(Error.prototype, error)) return new Error(String(error));
  const Class = CLASSES[name];
  const copy = Class === undefined ? new Error(`${name}: ${message}`) : new Class(message);
  const { stack } = error;
  if (typeof stack === "string") ObjectDefineProperty(copy, "stack", { __proto__: null, value: stack, writable: true, configurable: true });
  return copy;
}

/** An error of this name, which `tunnelled` gave it. */
function made(name, message) {
  const Class = CLASSES[name];
  if (Class !== undefined) return new Class(message);
  const { DOMException } = core.loadExtScript("ext:deno_web/01_dom_exception.js");
  return new DOMException(message, name);
}

/** Why an object is reset, as its callers are told. */
function resetBy(reason) {
  const error = tunnelled(reason);
  const copy = error.name === "Error" ? error : new Error(`${error.name}: ${error.message}`);
  copy.remote = true;
  copy.durableObjectReset = true;
  return copy;
}

return { FLAGS, made, resetBy, tunnelled };
})();
