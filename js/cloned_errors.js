// Errors in what is cloned: `structuredClone()`, `postMessage()`, storage and
// attachments of sockets. V8 writes their name, message and stack, and loses what
// else they were given. So a value that holds one is written once more, with each
// error as an object that tells all of it.
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
const { op_holds_error } = core.ops;
const { DOMException } = core.loadExtScript("ext:deno_web/01_dom_exception.js");
const { clonePlain, OTHER } = core.loadExtScript("ext:selvedge/plain_clone.js");
const { classOf, makeError, unsupported } = core.loadExtScript("ext:selvedge/rpc/errors.js");

const brand = core.hostObjectBrand;
const TYPE = "storedError";

/** The bytes of a value; with options and callback as for `core.serialize()`. */
function serialize(value, options, refuse) {
  const bytes = core.serialize(value, options, refuse);
  if (!op_holds_error(bytes) || internals.isOff("enhanced_error_serialization")) return bytes;
  return core.serialize(told(value, new SafeMap(), new SafeSet()), options, refuse);
}

/** A clone of a value, for `structuredClone()`. */
function clone(value) {
  const plain = clonePlain(value);
  return plain === OTHER ? core.deserialize(serialize(value, undefined, undefined), cloning) : plain;
}

/** A copy of a value that V8 can clone, with something else in place of errors. */
function told(value, known, open) {
  if (typeof value !== "object" || value === null || core.isProxy(value) || brand in value) return value;
  const before = MapPrototypeGet(known, value);
  if (before !== undefined) {
    // V8 cannot read an object that is inside of one of these.
    if (SetPrototypeHas(open, value)) throw new DOMException("An Error that leads to itself could not be cloned.", "DataCloneError");
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

core.registerCloneableResource(TYPE, made);
/** DOMExceptions and their like come back as what they were. */
const cloning = { __proto__: null, deserializers: core.getCloneableDeserializers() };

return { clone, serialize, unsupported };
})();
