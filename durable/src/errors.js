// Errors on their way from one context to another: what callers see of what an
// object threw.
(function () {
const { core, primordials } = __bootstrap;
const {
  Error,
  EvalError,
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
  if (typeof error !== "object" || error === null || !ObjectPrototypeIsPrototypeOf(Error.prototype, error)) {
    // Structured clone, as far as that goes.
    try {
      return core.structuredClone(error);
    } catch {
      return new Error(String(error));
    }
  }
  let name, message, stack;
  try {
    name = String(error.name);
    message = String(error.message);
    stack = error.stack;
  } catch {
    return new Error("internal error");
  }
  const copy = new (CLASSES[name] ?? Error)(message);
  if (CLASSES[name] === undefined) copy.name = name;
  if (typeof stack === "string") copy.stack = stack;
  copy.remote = true;
  for (let i = 0; i < FLAGS.length; i++) {
    try {
      if (error[FLAGS[i]] === true) copy[FLAGS[i]] = true;
    } catch {
      // A getter of the Worker's: it tells nothing then.
    }
  }
  return copy;
}

return { tunnelled };
})();
