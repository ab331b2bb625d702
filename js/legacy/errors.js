// Errors on their way to another context before they crossed whole: what is thrown is
// a line of text for the caller, and what is passed is as V8 writes it.
(function () {
const { core, primordials } = __bootstrap;
const {
  Error,
  ObjectDefineProperty,
  ObjectGetOwnPropertyDescriptor,
  ObjectHasOwn,
  ObjectPrototypeToString,
} = primordials;
const { classOf, className, isDomException, makeError, textOf } = core.loadExtScript("ext:selvedge/rpc/errors.js");
const { FLAGS } = core.loadExtScript("ext:selvedge/rpc/failures.js");

/** What the caller gets of what somebody threw: its class, if that is a built-in one, and its text. */
function flat(thrown) {
  if (typeof thrown !== "object" || thrown === null) return new Error(textOf(() => thrown, ""));
  if (isDomException(thrown)) return thrown;
  if (!core.isNativeError(thrown)) return new Error(detailOf(thrown));
  const name = textOf(() => thrown.name, "Error");
  const message = textOf(() => thrown.message, "");
  const known = name === classOf(name);
  const text = known || name === "" ? message : message === "" ? name : `${name}: ${message}`;
  const error = makeError(known ? name : "Error", text);
  const stack = textOf(() => thrown.stack, "");
  ObjectDefineProperty(error, "stack", { __proto__: null, value: stack, writable: true, configurable: true });
  for (let i = 0; i < FLAGS.length; i++) {
    const own = ObjectGetOwnPropertyDescriptor(thrown, FLAGS[i]);
    if (own !== undefined && own.value === true) error[FLAGS[i]] = true;
  }
  return error;
}

/** An object as V8 tells of it without calling it. */
function detailOf(object) {
  const tag = ObjectPrototypeToString(object);
  return tag === "[object Object]" ? `#<${className(object)}>` : tag;
}

/** What crosses of an error that is passed or returned: see `error_values.js`. */
function passed(error) {
  const name = classOf(textOf(() => error.name, "Error"));
  const stack = textOf(() => error.stack, "");
  const data = {
    __proto__: null,
    dom: false,
    // (Of one that was thrown there is the class, and nothing in it.)
    name: name === "AggregateError" && ObjectHasOwn(error, "errors") ? "Error" : name,
    message: textOf(() => error.message, ""),
    stack: stack === "" ? null : stack,
    props: {},
    hidden: true,
  };
  const cause = ObjectGetOwnPropertyDescriptor(error, "cause");
  return { __proto__: null, data, cause };
}

return { flat, passed };
})();
