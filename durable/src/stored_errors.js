// Errors in storage and in attachments of sockets. V8 writes their name, message
// and stack, and loses what else they were given. So a value that holds one is
// written once more, with each error as an object that tells all of it.
(function () {
const { core, internals, primordials } = __bootstrap;
const {
  ArrayBufferIsView,
  ArrayIsArray,
  ArrayPrototypePush,
  Map,
  MapPrototypeForEach,
  MapPrototypeGet,
  MapPrototypeSet,
  ObjectDefineProperty,
  ObjectKeys,
  ReflectOwnKeys,
  SafeMap,
  SafeSet,
  Set,
  SetPrototypeAdd,
  SetPrototypeDelete,
  SetPrototypeForEach,
  SetPrototypeHas,
  String,
} = primordials;
const { op_do_holds_error } = core.ops;
const { DOMException } = core.loadExtScript("ext:deno_web/01_dom_exception.js");
const { classOf, makeError } = core.loadExtScript("ext:selvedge/rpc/errors.js");

const brand = core.hostObjectBrand;
const TYPE = "storedError";
const FOR_STORAGE = { __proto__: null, forStorage: true };
/** DOMExceptions and their like come back as what they were. */
const FROM_STORAGE = {
  __proto__: null,
  forStorage: true,
  deserializers: { __proto__: core.getCloneableDeserializers(), [TYPE]: made },
};

function refused(message) {
  const text = message === "Unsupported object type"
    ? "Could not serialize this object. Its type does not support serialization."
    : message;
  throw new DOMException(text, "DataCloneError");
}

/** The bytes of a value. */
function serialize(value) {
  const bytes = core.serialize(value, FOR_STORAGE, refused);
  if (!op_do_holds_error(bytes)) return bytes;
  return core.serialize(told(value, new SafeMap(), new SafeSet()), FOR_STORAGE, refused);
}

function deserialize(bytes) {
  return core.deserialize(bytes, FROM_STORAGE);
}

/** A copy of a value that V8 can clone, with something else in place of errors. */
function told(value, known, open) {
  if (typeof value !== "object" || value === null || core.isProxy(value) || brand in value) return value;
  const before = MapPrototypeGet(known, value);
  if (before !== undefined) {
    // V8 cannot read an object that is inside of one of these.
    if (SetPrototypeHas(open, value)) refused("An Error that leads to itself could not be cloned.");
    return before;
  }
  if (core.isNativeError(value)) return toldError(value, known, open);
  if (ArrayIsArray(value)) {
    const out = [];
    MapPrototypeSet(known, value, out);
    out.length = value.length;
    copyKeys(out, value, known, open);
    return out;
  }
  if (core.isMap(value)) {
    const out = new Map();
    MapPrototypeSet(known, value, out);
    MapPrototypeForEach(value, (inner, key) => MapPrototypeSet(out, told(key, known, open), told(inner, known, open)));
    return out;
  }
  if (core.isSet(value)) {
    const out = new Set();
    MapPrototypeSet(known, value, out);
    SetPrototypeForEach(value, (inner) => SetPrototypeAdd(out, told(inner, known, open)));
    return out;
  }
  if (isWhole(value)) return value;
  const out = {};
  MapPrototypeSet(known, value, out);
  copyKeys(out, value, known, open);
  return out;
}

/** What V8 writes in one piece: no error is in there. */
function isWhole(value) {
  return ArrayBufferIsView(value) || core.isAnyArrayBuffer(value) || core.isDate(value) || core.isRegExp(value) ||
    core.isBoxedPrimitive(value) || core.isPromise(value) || core.isWeakMap(value) || core.isWeakSet(value) ||
    core.isGeneratorObject(value);
}

function copyKeys(out, value, known, open) {
  const keys = ObjectKeys(value);
  for (let i = 0; i < keys.length; i++) define(out, keys[i], told(value[keys[i]], known, open));
}

function define(object, key, value) {
  ObjectDefineProperty(object, key, { __proto__: null, value, writable: true, enumerable: true, configurable: true });
}

/** An error: all own properties with a name, also those that are not enumerable. */
function toldError(error, known, open) {
  const data = { type: TYPE, name: classOf(String(error.name)), message: "", props: {} };
  const place = { __proto__: null, [brand]: () => data };
  MapPrototypeSet(known, error, place);
  SetPrototypeAdd(open, error);
  data.message = String(error.message);
  const name = String(error.name);
  const keys = ReflectOwnKeys(error);
  const names = [];
  for (let i = 0; i < keys.length; i++) if (typeof keys[i] === "string") ArrayPrototypePush(names, keys[i]);
  for (let i = 0; i < names.length; i++) {
    const key = names[i];
    if (key === "message") continue;
    const value = error[key];
    if (key !== "name") define(data.props, key, told(value, known, open));
  }
  // A name that is not that of its class.
  if (name !== data.name) define(data.props, "name", name);
  SetPrototypeDelete(open, error);
  return place;
}

/** The error again. */
function made({ name, message, props }) {
  const error = makeError(name, message);
  const keys = ObjectKeys(props);
  for (let i = 0; i < keys.length; i++) define(error, keys[i], props[keys[i]]);
  return error;
}

internals.storedErrors = { __proto__: null, deserialize, serialize };

return { deserialize, refused, serialize };
})();
