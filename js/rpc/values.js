// What crosses between two contexts: a copy of plain data, and beside it what
// goes by reference
// (https://developers.cloudflare.com/workers/runtime-apis/rpc/#supported-types).
//
// `encode` copies a value in the context that sends it. In a `Message`, each
// place where something goes by reference is left open and listed with it
// (`externals`), to be filled in the context that receives. Within an isolate
// the copy itself is handed over.
(function () {
const { core, internals, primordials } = __bootstrap;
const {
  ArrayBufferIsView,
  ArrayBufferPrototypeGetByteLength,
  ArrayIsArray,
  ArrayPrototypePush,
  ArrayPrototypeToSpliced,
  BigInt64Array,
  BigUint64Array,
  DataView,
  DataViewPrototypeGetBuffer,
  DataViewPrototypeGetByteLength,
  DataViewPrototypeGetByteOffset,
  DatePrototypeGetTime,
  Error,
  Float32Array,
  Float64Array,
  Int16Array,
  Int32Array,
  Int8Array,
  Map,
  MapPrototypeForEach,
  MapPrototypeGet,
  MapPrototypeSet,
  ObjectGetOwnPropertySymbols,
  ObjectGetPrototypeOf,
  ObjectHasOwn,
  ObjectKeys,
  ObjectPrototype,
  ObjectPrototypeIsPrototypeOf,
  ReflectDeleteProperty,
  SafeMap,
  Set,
  SetPrototypeForEach,
  String,
  SymbolPrototypeToString,
  TypedArrayPrototypeGetBuffer,
  TypedArrayPrototypeGetByteLength,
  TypedArrayPrototypeGetByteOffset,
  TypedArrayPrototypeGetLength,
  TypedArrayPrototypeGetSymbolToStringTag,
  TypedArrayPrototypeSet,
  Uint16Array,
  Uint32Array,
  Uint8Array,
  Uint8ClampedArray,
} = primordials;
const { entrypoints, headers: headerLists, request: requests, response: responses } = internals.selvedge;
const { encodeError } = core.loadExtScript("ext:selvedge/rpc/error_values.js");
const { notCloneable, textOf, unsupported } = core.loadExtScript("ext:selvedge/rpc/errors.js");
const { define, External, Message, release } = core.loadExtScript("ext:selvedge/rpc/messages.js");
const { rpc, viewOf } = internals;

/** https://developers.cloudflare.com/workers/runtime-apis/rpc/ */
const MAX_MESSAGE_BYTES = 32 * 1024 * 1024;
/** An array longer than this is copied by its keys if it has holes. */
const MAX_DENSE = 10000;

const RpcTargetPrototype = entrypoints.RpcTarget.prototype;
const VIEWS = {
  __proto__: null,
  BigInt64Array,
  BigUint64Array,
  Float16Array: primordials.Float16Array,
  Float32Array,
  Float64Array,
  Int16Array,
  Int32Array,
  Int8Array,
  Uint16Array,
  Uint32Array,
  Uint8Array,
  Uint8ClampedArray,
};

class Encoder {
  io;
  /** Whether stubs stay with the sender, too. */
  dup;
  message;
  memo = null;
  /** At least as many bytes as V8's serialization has. */
  size = 32;
  /** Stubs that are the receiver's from now on. */
  given = null;
  /** Whether it is for the `env` of a Worker, which has bindings to entrypoints by name. */
  isEnv = false;

  constructor(io, dup, message) {
    this.io = io;
    this.dup = dup;
    this.message = message;
  }
}

/** The message of a value that needs no copy, else `undefined`. */
function plainMessage(value) {
  switch (typeof value) {
    case "string":
      return value.length < 1048576 ? new Message(value) : undefined;
    case "number":
    case "boolean":
    case "undefined":
    case "bigint":
      return new Message(value);
    default:
      return value === null ? new Message(null) : undefined;
  }
}

/**
 * Copies a value of the context `io`. With `dup`, stubs in it stay the
 * sender's; without, `given` gets those to dispose when the message was used.
 */
function encode(value, io, dup, given = null, isEnv = false) {
  const plain = plainMessage(value);
  if (plain !== undefined) return plain;
  const message = new Message(value);
  const encoder = new Encoder(io, dup, message);
  encoder.given = given;
  encoder.isEnv = isEnv;
  try {
    message.root = copy(encoder, value, message, "root");
    if (encoder.size > MAX_MESSAGE_BYTES) checkSize(message);
  } catch (error) {
    release(message);
    throw error;
  }
  return message;
}

/** The arguments of a call; mostly there are few and they are plain. */
function encodeArgs(args, io, dup) {
  let isPlain = true;
  for (let i = 0; i < args.length; i++) {
    const type = typeof args[i];
    if (type === "object" ? args[i] !== null : type === "function" || type === "symbol" || type === "string" && args[i].length > 4096) {
      isPlain = false;
      break;
    }
  }
  if (isPlain) return new Message(args);
  if (dup) return encode(args, io, true);
  const given = [];
  const message = encode(args, io, false, given);
  for (let i = 0; i < given.length; i++) given[i].dispose();
  return message;
}

function checkSize(message) {
  const late = message.late;
  message.late = null;
  const size = TypedArrayPrototypeGetByteLength(core.serialize(message.root));
  message.late = late;
  if (size > MAX_MESSAGE_BYTES) {
    throw new Error(
      "Serialized RPC arguments or return values are limited to 32MiB, but the size of this value was: " +
        `${size} bytes.`,
    );
  }
}

function copy(encoder, value, holder, key) {
  switch (typeof value) {
    case "string":
      encoder.size += value.length * 2 + 8;
      return value;
    case "symbol":
      throw notCloneable(`${SymbolPrototypeToString(value)} could not be cloned.`);
    case "bigint":
      // Its digits are at least half as many as its bytes.
      encoder.size += String(value).length + 16;
      return value;
    case "object":
      if (value === null) break;
      // Falls through.
    case "function":
      return copyObject(encoder, value, holder, key);
  }
  encoder.size += 10;
  return value;
}

function copyObject(encoder, value, holder, key) {
  const { memo } = encoder;
  if (memo !== null) {
    const known = MapPrototypeGet(memo, value);
    if (known !== undefined) {
      encoder.size += 8;
      if (!(known instanceof External)) return known;
      ArrayPrototypePush(known.slots, holder, key);
      return null;
    }
  }
  const stub = rpc.stateOf(value);
  if (stub !== undefined) return external(encoder, value, rpc.encodeStub(encoder, stub, value), holder, key);
  if (core.isProxy(value)) return external(encoder, value, proxyExternal(encoder, value), holder, key);
  if (typeof value === "function") {
    return external(encoder, value, capExternal(rpc.exportFunction(encoder.io, value)), holder, key);
  }
  if (ArrayIsArray(value)) return copyArray(encoder, value);
  if (ObjectGetPrototypeOf(value) === ObjectPrototype && !core.isNativeError(value)) return copyPlain(encoder, value);
  return copyInstance(encoder, value, holder, key);
}

function remember(encoder, value, copied) {
  encoder.memo ??= new SafeMap();
  MapPrototypeSet(encoder.memo, value, copied);
}

function copyPlain(encoder, value) {
  // Getters run here, once.
  const out = { ...value };
  remember(encoder, value, out);
  if (ObjectGetOwnPropertySymbols(out).length > 0) {
    const symbols = ObjectGetOwnPropertySymbols(out);
    for (let i = 0; i < symbols.length; i++) ReflectDeleteProperty(out, symbols[i]);
  }
  copyValues(encoder, out);
  return out;
}

/** Replaces the values of an object that is a copy already by copies. */
function copyValues(encoder, out) {
  const keys = ObjectKeys(out);
  let size = 16;
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i];
    size += key.length * 2 + 8;
    const value = out[key];
    switch (typeof value) {
      case "number":
      case "boolean":
      case "undefined":
        size += 10;
        break;
      default:
        // The property is there: no setter is asked.
        out[key] = copy(encoder, value, out, key);
    }
  }
  encoder.size += size;
}

function copyArray(encoder, value) {
  const { length } = value;
  const keys = ObjectKeys(value);
  // Elements come before other properties, in their order.
  const isDense = length === 0 || keys.length >= length && keys[length - 1] === `${length - 1}`;
  let out;
  if (length > MAX_DENSE && !isDense) {
    out = [];
    out.length = length;
    remember(encoder, value, out);
    for (let i = 0; i < keys.length; i++) define(out, keys[i], value[keys[i]]);
    encoder.size += keys.length * 8;
  } else {
    out = ArrayPrototypeToSpliced(value, 0, 0);
    remember(encoder, value, out);
    if (!isDense || keys.length !== length) {
      // Holes, or properties that are no elements.
      for (let i = 0; i < length; i++) {
        if (!ObjectHasOwn(value, i)) ReflectDeleteProperty(out, i);
      }
      for (let i = 0; i < keys.length; i++) {
        if (!ObjectHasOwn(out, keys[i])) define(out, keys[i], value[keys[i]]);
      }
    }
  }
  if (isDense && keys.length === length) {
    encoder.size += 16;
    for (let i = 0; i < length; i++) {
      const element = out[i];
      if (typeof element === "number" || typeof element === "boolean") encoder.size += 10;
      else out[i] = copy(encoder, element, out, i);
    }
  } else {
    copyValues(encoder, out);
  }
  return out;
}

/** An object of a class: a few built-in ones can cross. */
function copyInstance(encoder, value, holder, key) {
  if (core.isNativeError(value)) return external(encoder, value, errorExternal(encoder, value), holder, key);
  if (core.isMap(value)) return copyMap(encoder, value);
  if (core.isSet(value)) return copySet(encoder, value);
  let copied;
  if (core.isDate(value)) {
    copied = new primordials.Date(DatePrototypeGetTime(value));
  } else if (ArrayBufferIsView(value)) {
    copied = copyView(encoder, value);
  } else if (core.isAnyArrayBuffer(value) || isPlatformValue(value)) {
    copied = cloned(value);
    if (core.isAnyArrayBuffer(copied)) encoder.size += ArrayBufferPrototypeGetByteLength(copied);
  } else {
    return external(encoder, value, instanceExternal(encoder, value), holder, key);
  }
  encoder.size += 32;
  remember(encoder, value, copied);
  return copied;
}

/** What V8's structured clone copies, or refuses with a text of its own. */
function isPlatformValue(value) {
  return core.isRegExp(value) || core.isBoxedPrimitive(value) || core.isPromise(value) || core.isWeakMap(value) ||
    core.isWeakSet(value) || core.isGeneratorObject(value);
}

function cloned(value) {
  try {
    return core.structuredClone(value);
  } catch (error) {
    throw notCloneable(textOf(() => error.message, "The object could not be cloned."));
  }
}

function copyView(encoder, value) {
  const tag = TypedArrayPrototypeGetSymbolToStringTag(value);
  const isTyped = tag !== undefined;
  const buffer = isTyped ? TypedArrayPrototypeGetBuffer(value) : DataViewPrototypeGetBuffer(value);
  let copiedBuffer = encoder.memo === null ? undefined : MapPrototypeGet(encoder.memo, buffer);
  if (copiedBuffer === undefined) {
    copiedBuffer = cloned(buffer);
    encoder.size += ArrayBufferPrototypeGetByteLength(copiedBuffer);
    remember(encoder, buffer, copiedBuffer);
  }
  if (!isTyped) {
    return new DataView(copiedBuffer, DataViewPrototypeGetByteOffset(value), DataViewPrototypeGetByteLength(value));
  }
  const View = VIEWS[tag];
  return new View(copiedBuffer, TypedArrayPrototypeGetByteOffset(value), TypedArrayPrototypeGetLength(value));
}

function copyMap(encoder, value) {
  const out = new Map();
  remember(encoder, value, out);
  const entries = [];
  MapPrototypeForEach(value, (element, name) => ArrayPrototypePush(entries, name, element));
  finishLater(encoder, out, true, entries);
  return out;
}

function copySet(encoder, value) {
  const out = new Set();
  remember(encoder, value, out);
  const entries = [];
  SetPrototypeForEach(value, (element) => ArrayPrototypePush(entries, element));
  finishLater(encoder, out, false, entries);
  return out;
}

function finishLater(encoder, out, isMap, entries) {
  encoder.size += 16 + entries.length * 8;
  for (let i = 0; i < entries.length; i++) entries[i] = copy(encoder, entries[i], entries, i);
  encoder.message.late ??= [];
  ArrayPrototypePush(encoder.message.late, { __proto__: null, out, isMap, entries });
}

// ----- By reference. -----

function external(encoder, value, made, holder, key) {
  encoder.size += 32;
  ArrayPrototypePush(made.slots, holder, key);
  encoder.message.externals ??= [];
  ArrayPrototypePush(encoder.message.externals, made);
  remember(encoder, value, made);
  return null;
}

function capExternal(cap) {
  return new External("stub", cap, null);
}

/** A proxy may stand for all that a stub may wrap. */
function proxyExternal(encoder, value) {
  const kind = rpc.wrappable(value);
  if (kind === undefined) {
    throw notCloneable(
      "Proxy could not be serialized because it is not a valid RPC receiver type. The Proxy must emulate either " +
        "a plain object or an RpcTarget, as indicated by the Proxy's prototype chain.",
    );
  }
  return capExternal(rpc.exportObject(encoder.io, value, kind));
}

/** An error on its way: see `error_values.js`. */
function errorExternal(encoder, error) {
  return encodeError(encoder, error, copy, remember);
}

function instanceExternal(encoder, value) {
  if (ObjectPrototypeIsPrototypeOf(RpcTargetPrototype, value)) {
    return capExternal(rpc.exportObject(encoder.io, value, "target"));
  }
  if (headerLists.isHeaders(value)) return new External("headers", null, headerLists.toBlob(value));
  if (responses.isResponse(value)) return rpc.encodeResponse(encoder, value);
  if (requests.isRequest(value)) return rpc.encodeRequest(encoder, value);
  const made = rpc.encodePlatformObject(encoder, value);
  if (made !== undefined) return made;
  throw unsupported(value);
}

/** The bytes of a view or buffer, in a buffer of their own. */
function exactBytes(chunk) {
  const view = viewOf(chunk);
  const out = new Uint8Array(TypedArrayPrototypeGetByteLength(view));
  TypedArrayPrototypeSet(out, view);
  return out;
}

rpc.messageOf = (args, io) => encodeArgs(args, io, true);
/** Whether a value crosses as it is, or as an error. */
rpc.isPlain = (value) => plainMessage(value) !== undefined || core.isNativeError(value);
/** A copy of what is plain data; nothing of anything else. */
rpc.plainCopy = (value) => {
  if (value === undefined || value === null) return value;
  try {
    return core.structuredClone(value);
  } catch {
    return undefined;
  }
};

return {
  checkSize,
  copy,
  encode,
  encodeArgs,
  Encoder,
  errorExternal,
  exactBytes,
  external,
  MAX_MESSAGE_BYTES,
  plainMessage,
};
})();
