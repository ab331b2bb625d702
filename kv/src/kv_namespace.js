// KV: class KvNamespace, as https://developers.cloudflare.com/kv/api/ has it.
// What may be stored is checked by the ops; here are the shape, the coercions,
// and the texts about arguments.
(function () {
const { core, internals, primordials } = __bootstrap;
const {
  op_kv_delete,
  op_kv_delete_bulk,
  op_kv_delete_bulk_on,
  op_kv_get,
  op_kv_get_bulk,
  op_kv_get_later,
  op_kv_large_bytes,
  op_kv_large_free,
  op_kv_large_length,
  op_kv_large_string,
  op_kv_large_text,
  op_kv_large_wide,
  op_kv_list,
  op_kv_list_later,
  op_kv_put_body,
  op_kv_put_bytes,
  op_kv_put_open,
  op_kv_put_text,
} = core.ops;
const {
  ArrayBuffer,
  ArrayIsArray,
  ArrayPrototypePush,
  Error,
  JSONParse,
  JSONStringify,
  Map,
  MapPrototypeSet,
  MathTrunc,
  NumberIsFinite,
  ObjectDefineProperty,
  ObjectPrototypeIsPrototypeOf,
  PromisePrototypeThen,
  PromiseReject,
  PromiseResolve,
  Symbol,
  SymbolToStringTag,
  TypedArrayPrototypeGetBuffer,
  TypeError,
  Uint8Array,
} = primordials;
const { viewOf } = internals;
const { bodies, io: contexts } = internals.selvedge;

/** What the ops know a type by; JSON is text until it is parsed here. */
const TEXT = 0;
const ARRAY_BUFFER = 1;
const STREAM = 2;
const UNKNOWN = 3;

/** Bytes behind the characters of a buffer that becomes a string: `TAIL_BYTES`. */
const STRING_TAIL = 8;

/** Seconds; what holds when nothing is said. */
const CACHE_TTL = 60;

const ILLEGAL_INVOCATION = "Illegal invocation: function called with incorrect `this` reference. " +
  "See https://developers.cloudflare.com/workers/observability/errors/#illegal-invocation-errors for details.";
const BAD_VALUE =
  "KV put() accepts only strings, ArrayBuffers, ArrayBufferViews, and ReadableStreams as values.";
const OUT_OF_RANGE = "Value out of range. Must be between -2147483648 and 2147483647 (inclusive).";
const NOT_JSON =
  "KV GET_BULK failed: 400 At least one of the requested keys corresponds to a non-json value";

const internal = Symbol("internal");

function isObject(value) {
  return typeof value === "object" && value !== null || typeof value === "function";
}

/** A string, as workerd makes it of any value: a symbol throws. */
function stringOf(value) {
  return typeof value === "string" ? value : `${value}`;
}

/** A 32-bit integer, as workerd makes it of any value. */
function integerOf(value) {
  const number = +value;
  if (!NumberIsFinite(number)) return 0;
  const whole = MathTrunc(number);
  if (whole < -2147483648 || whole > 2147483647) throw new TypeError(OUT_OF_RANGE);
  return whole;
}

function missing(method, position, type) {
  return new TypeError(
    `Failed to execute '${method}' on 'KvNamespace': parameter ${position} is not of type '${type}'.`,
  );
}

/** `type` and `cacheTtl` of `get`: an object with both, or the type alone. */
function getOptions(options) {
  let type;
  let cacheTtl;
  if (isObject(options)) {
    type = options.type;
    cacheTtl = options.cacheTtl;
  } else if (options !== undefined && options !== null) {
    type = options;
  }
  return {
    __proto__: null,
    type: type === undefined ? "text" : stringOf(type),
    cacheTtl: cacheTtl === undefined ? CACHE_TTL : integerOf(cacheTtl),
  };
}

function kindOf(type) {
  switch (type) {
    case "text":
    case "json":
      return TEXT;
    case "arrayBuffer":
      return ARRAY_BUFFER;
    case "stream":
      return STREAM;
    default:
      return UNKNOWN;
  }
}

/** A value as it is wanted, from what the op gave: often at once. */
function convert(io, value, type) {
  if (typeof value === "number") {
    contexts.ownBody(io, value);
    if (type === "stream") return bodies.streamOf(bodies.nativeBody(io, value));
    if (type === "arrayBuffer") return largeBuffer(io, value);
    const text = largeText(io, value);
    return type === "json" ? PromisePrototypeThen(text, parse) : text;
  }
  return type === "json" && value !== null ? JSONParse(value) : value;
}

function parse(text) {
  return JSONParse(text);
}

/**
 * The text of a value that comes in pieces. They go into a buffer that becomes
 * the string: the value is in memory once.
 */
async function largeText(io, rid) {
  const length = op_kv_large_length(rid);
  const buffer = new ArrayBuffer(length + STRING_TAIL);
  const units = await op_kv_large_text(rid, io.slot, new Uint8Array(buffer, 0, length));
  if (units >= 0) return op_kv_large_string(buffer, units, false);
  op_kv_large_free(buffer);
  const wide = new ArrayBuffer(-2 * units + STRING_TAIL);
  await op_kv_large_wide(rid, io.slot, new Uint8Array(wide, 0, -2 * units));
  return op_kv_large_string(wide, -units, true);
}

async function largeBuffer(io, rid) {
  const bytes = new Uint8Array(op_kv_large_length(rid));
  await op_kv_large_bytes(rid, io.slot, bytes);
  return TypedArrayPrototypeGetBuffer(bytes);
}

/** A promise of a value that is there, or that is a promise already. */
function promised(value) {
  return core.isPromise(value) ? value : PromiseResolve(value);
}

function get(rid, io, key, options) {
  const { type, cacheTtl } = getOptions(options);
  const result = op_kv_get(rid, io.slot, key, kindOf(type), cacheTtl, false);
  if (typeof result === "number" && result < 0) {
    return PromisePrototypeThen(
      op_kv_get_later(-1 - result, io.slot),
      (value) => convert(io, value, type),
    );
  }
  return promised(convert(io, result, type));
}

function getWithMetadata(rid, io, key, options) {
  const { type, cacheTtl } = getOptions(options);
  const result = op_kv_get(rid, io.slot, key, kindOf(type), cacheTtl, true);
  if (typeof result === "number") {
    return PromisePrototypeThen(
      op_kv_get_later(-1 - result, io.slot),
      (pair) => withMetadata(io, pair, type),
    );
  }
  return promised(withMetadata(io, result, type));
}

/** What `getWithMetadata` gives, from the op's pair. */
function withMetadata(io, pair, type) {
  if (pair === null) return { value: null, metadata: null, cacheStatus: null };
  const metadata = pair[1];
  const value = convert(io, pair[0], type);
  if (core.isPromise(value)) {
    return PromisePrototypeThen(value, (value) => ({ value, metadata, cacheStatus: null }));
  }
  return { value, metadata, cacheStatus: null };
}

function getBulk(rid, io, given, options, metadata) {
  const keys = stringsOf(given);
  const { type, cacheTtl } = getOptions(options);
  if (type !== "text" && type !== "json") {
    throw new Error(`KV GET_BULK failed: 400 "${type}" is not a valid type. Use "json" or "text"`);
  }
  return PromisePrototypeThen(
    op_kv_get_bulk(rid, io.slot, keys, cacheTtl, metadata),
    (found) => {
      let large = false;
      for (let i = 0; i < found.length; i++) {
        const rid = bulkText(found[i], metadata);
        if (typeof rid !== "number") continue;
        contexts.ownBody(io, rid);
        large = true;
      }
      if (large) return bulkLarge(io, keys, found, type, metadata);
      const values = new Map();
      for (let i = 0; i < keys.length; i++) {
        MapPrototypeSet(values, keys[i], bulkValue(found[i], type, metadata));
      }
      return values;
    },
  );
}

/** The text in what the op gave for a key, or the number of one in pieces. */
function bulkText(found, metadata) {
  return metadata && found !== null ? found[0] : found;
}

/** The same with values that come in pieces: one after the other. */
async function bulkLarge(io, keys, found, type, metadata) {
  const values = new Map();
  for (let i = 0; i < keys.length; i++) {
    let text = bulkText(found[i], metadata);
    if (typeof text === "number") {
      text = await largeText(io, text);
      if (metadata) found[i][0] = text;
      else found[i] = text;
    }
    MapPrototypeSet(values, keys[i], bulkValue(found[i], type, metadata));
    found[i] = null;
  }
  return values;
}

function bulkValue(found, type, metadata) {
  if (found === null) return null;
  if (metadata) return { value: bulkParse(found[0], type), metadata: found[1] };
  return bulkParse(found, type);
}

function bulkParse(text, type) {
  if (type !== "json") return text;
  try {
    return JSONParse(text);
  } catch {
    throw new Error(NOT_JSON);
  }
}

function stringsOf(given) {
  const strings = [];
  for (let i = 0; i < given.length; i++) ArrayPrototypePush(strings, stringOf(given[i]));
  return strings;
}

function put(rid, io, key, value, options) {
  let expiration = NaN;
  let expirationTtl = NaN;
  let metadata = null;
  if (options !== undefined && options !== null) {
    if (!isObject(options)) throw missing("put", 3, "PutOptions");
    const given = {
      __proto__: null,
      expiration: options.expiration,
      expirationTtl: options.expirationTtl,
      metadata: options.metadata,
    };
    if (given.expiration !== undefined) expiration = integerOf(given.expiration);
    if (given.expirationTtl !== undefined) expirationTtl = integerOf(given.expirationTtl);
    if (given.metadata !== undefined && given.metadata !== null) {
      metadata = JSONStringify(given.metadata);
      if (metadata === undefined) {
        throw new TypeError("KV put() accepts only metadata that JSON can express.");
      }
    }
  }
  if (!isObject(value)) {
    return op_kv_put_text(rid, io.slot, key, stringOf(value), expiration, expirationTtl, metadata);
  }
  const bytes = viewOf(value);
  if (bytes !== null) {
    return op_kv_put_bytes(rid, io.slot, key, bytes, expiration, expirationTtl, metadata);
  }
  const { ReadableStreamPrototype, isReadableStreamDisturbed, isReadableStreamLocked } = core
    .loadExtScript("ext:deno_web/06_streams.js");
  if (!ObjectPrototypeIsPrototypeOf(ReadableStreamPrototype, value)) throw new TypeError(BAD_VALUE);
  if (isReadableStreamLocked(value)) {
    throw new TypeError("The ReadableStream has been locked to a reader.");
  }
  if (isReadableStreamDisturbed(value)) throw new TypeError("This ReadableStream is disturbed.");
  const body = bodies.extract(value);
  const write = op_kv_put_open(
    rid,
    io.slot,
    key,
    body.length,
    expiration,
    expirationTtl,
    metadata,
  );
  contexts.ownBody(io, write);
  const { upload } = core.loadExtScript("ext:selvedge/streams.js");
  let broken = false;
  let reason;
  const source = upload(io, body, (error) => {
    broken = true;
    reason = error;
  });
  return PromisePrototypeThen(op_kv_put_body(write, source), undefined, (error) => {
    throw broken ? reason : error;
  });
}

function list(rid, io, options) {
  let limit = NaN;
  let prefix = null;
  let cursor = null;
  if (options !== undefined && options !== null) {
    if (!isObject(options)) throw missing("list", 1, "ListOptions");
    const given = { __proto__: null, limit: options.limit, prefix: options.prefix, cursor: options.cursor };
    if (given.limit !== undefined) limit = integerOf(given.limit);
    if (given.prefix !== undefined && given.prefix !== null) prefix = stringOf(given.prefix);
    if (given.cursor !== undefined && given.cursor !== null) cursor = stringOf(given.cursor);
  }
  const result = op_kv_list(rid, io.slot, prefix, limit, cursor);
  return typeof result === "number" ? op_kv_list_later(-1 - result, io.slot) : PromiseResolve(result);
}

function nothing() {}

/** A namespace. All of its methods give promises, also of their errors. */
class KvNamespace {
  #rid;

  constructor(token, rid) {
    if (token !== internal) throw new TypeError("Illegal constructor");
    this.#rid = rid;
  }

  get(key, options = undefined) {
    try {
      if (!(#rid in this)) throw new TypeError(ILLEGAL_INVOCATION);
      const io = contexts.requiredOpen();
      if (options === undefined && typeof key === "string") {
        const value = op_kv_get(this.#rid, io.slot, key, TEXT, CACHE_TTL, false);
        if (typeof value !== "number") return PromiseResolve(value);
        if (value >= 0) return convert(io, value, "text");
        return PromisePrototypeThen(
          op_kv_get_later(-1 - value, io.slot),
          (value) => convert(io, value, "text"),
        );
      }
      if (arguments.length === 0) throw missing("get", 1, "string or Array");
      if (ArrayIsArray(key)) return getBulk(this.#rid, io, key, options, false);
      return get(this.#rid, io, stringOf(key), options);
    } catch (error) {
      return PromiseReject(error);
    }
  }

  list(options = undefined) {
    try {
      if (!(#rid in this)) throw new TypeError(ILLEGAL_INVOCATION);
      return list(this.#rid, contexts.requiredOpen(), options);
    } catch (error) {
      return PromiseReject(error);
    }
  }

  put(key, value, options = undefined) {
    try {
      if (!(#rid in this)) throw new TypeError(ILLEGAL_INVOCATION);
      const io = contexts.requiredOpen();
      if (arguments.length === 0) throw missing("put", 1, "string");
      if (arguments.length === 1) throw missing("put", 2, "string or Object");
      return PromisePrototypeThen(put(this.#rid, io, stringOf(key), value, options), nothing);
    } catch (error) {
      return PromiseReject(error);
    }
  }

  getWithMetadata(key, options = undefined) {
    try {
      if (!(#rid in this)) throw new TypeError(ILLEGAL_INVOCATION);
      const io = contexts.requiredOpen();
      if (arguments.length === 0) throw missing("getWithMetadata", 1, "Array or string");
      if (ArrayIsArray(key)) return getBulk(this.#rid, io, key, options, true);
      return getWithMetadata(this.#rid, io, stringOf(key), options);
    } catch (error) {
      return PromiseReject(error);
    }
  }

  delete(key) {
    try {
      if (!(#rid in this)) throw new TypeError(ILLEGAL_INVOCATION);
      const io = contexts.requiredOpen();
      if (arguments.length === 0) throw missing("delete", 1, "string");
      return PromisePrototypeThen(op_kv_delete(this.#rid, io.slot, stringOf(key)), nothing);
    } catch (error) {
      return PromiseReject(error);
    }
  }

  static {
    if (op_kv_delete_bulk_on()) {
      const deleteBulk = {
        deleteBulk(keys) {
          try {
            if (!(#rid in this)) throw new TypeError(ILLEGAL_INVOCATION);
            const io = contexts.requiredOpen();
            if (arguments.length === 0) throw missing("deleteBulk", 1, "Array or string");
            const names = stringsOf(ArrayIsArray(keys) ? keys : [keys]);
            return PromisePrototypeThen(op_kv_delete_bulk(this.#rid, io.slot, names), nothing);
          } catch (error) {
            return PromiseReject(error);
          }
        },
      };
      ObjectDefineProperty(KvNamespace.prototype, "deleteBulk", {
        __proto__: null,
        value: deleteBulk.deleteBulk,
        writable: true,
        configurable: true,
      });
    }
  }
}
ObjectDefineProperty(KvNamespace.prototype, SymbolToStringTag, {
  __proto__: null,
  value: "KvNamespace",
  configurable: true,
});

return { bind: (rid) => new KvNamespace(internal, rid) };
})();
