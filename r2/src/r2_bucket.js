// R2: a bucket and its objects, as https://developers.cloudflare.com/r2/api/workers/
// has them. What may be stored is checked by the ops; here are the shape, the
// coercions, and the texts about arguments.
(function () {
const { core, internals, primordials } = __bootstrap;
const {
  op_r2_delete,
  op_r2_get,
  op_r2_head,
  op_r2_list,
  op_r2_part_open,
  op_r2_put_open,
  op_r2_upload_abort,
  op_r2_upload_complete,
  op_r2_upload_create,
  op_r2_write_body,
  op_r2_write_bytes,
  op_r2_write_text,
} = core.ops;
const {
  ArrayIsArray,
  ArrayPrototypePush,
  Date,
  DateParse,
  DatePrototypeGetTime,
  DatePrototypeToUTCString,
  Error,
  MathTrunc,
  NumberIsFinite,
  NumberIsInteger,
  NumberIsNaN,
  ObjectDefineProperty,
  ObjectKeys,
  ObjectPrototypeIsPrototypeOf,
  PromisePrototypeThen,
  PromiseReject,
  PromiseResolve,
  RangeError,
  ReflectApply,
  RegExpPrototypeExec,
  SafeRegExp,
  StringPrototypeCharCodeAt,
  Symbol,
  SymbolToStringTag,
  TypeError,
  TypedArrayPrototypeGetBuffer,
  TypedArrayPrototypeGetByteLength,
  Uint8Array,
} = primordials;
const { viewOf } = internals;
const { bodies, headers: h, io: contexts } = internals.selvedge;
const setHeader = h.Headers.prototype.set;

/** Parts of an upload. */
const MAX_PARTS = 10000;
/** The bytes of each hash, and what texts call it. */
const HASHES = [
  ["md5", "MD5", 16],
  ["sha1", "SHA-1", 20],
  ["sha256", "SHA-256", 32],
  ["sha384", "SHA-384", 48],
  ["sha512", "SHA-512", 64],
];
const SSEC_KEY_BYTES = 32;
const MAX_SAFE = 9007199254740991;
const HEX = new SafeRegExp("^(?:[0-9a-fA-F]{2})*$");

const ILLEGAL_INVOCATION = "Illegal invocation: function called with incorrect `this` reference. " +
  "See https://developers.cloudflare.com/workers/observability/errors/#illegal-invocation-errors for details.";
const OUT_OF_RANGE = "Value out of range. Must be between -2147483648 and 2147483647 (inclusive).";
const BAD_BODY = "JsReadableStream or ArrayBuffer or ArrayBufferView or string or Blob";
const NO_LENGTH =
  "Provided readable stream must have a known length (request/response body or readable half of FixedLengthStream)";

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

function missing(method, position, type, name = "R2Bucket") {
  return new TypeError(
    `Failed to execute '${method}' on '${name}': parameter ${position} is not of type '${type}'.`,
  );
}

function wrongField(field, type, expected) {
  return new TypeError(
    `Incorrect type for the '${field}' field on '${type}': the provided value is not of type '${expected}'.`,
  );
}

/** A field that must be a string; undefined when it is not given. */
function text(value, field, type) {
  if (value !== undefined && typeof value !== "string") throw wrongField(field, type, "string");
  return value;
}

/** A field that is a date, in Unix ms. */
function time(value, field, type) {
  if (value === undefined) return undefined;
  const millis = core.isDate(value) ? DatePrototypeGetTime(value) : value;
  if (typeof millis !== "number") throw wrongField(field, type, "date");
  if (!NumberIsFinite(millis)) {
    throw new TypeError("The value cannot be converted because it is not a valid Date.");
  }
  return MathTrunc(millis);
}

/** The options of a method, or null. */
function optionsOf(value, method, position, type, name = undefined) {
  if (value === undefined || value === null) return null;
  if (!isObject(value)) throw missing(method, position, type, name);
  return value;
}

/** `onlyIf`, for the ops. */
function conditions(value, type) {
  if (value === undefined || value === null) return undefined;
  if (h.isHeaders(value)) {
    return {
      __proto__: null,
      isHeaders: true,
      ifMatch: h.getRaw(value, "if-match") ?? undefined,
      ifNoneMatch: h.getRaw(value, "if-none-match") ?? undefined,
      ifModifiedSince: h.getRaw(value, "if-modified-since") ?? undefined,
      ifUnmodifiedSince: h.getRaw(value, "if-unmodified-since") ?? undefined,
    };
  }
  if (!isObject(value)) throw wrongField("onlyIf", type, "Conditional or Headers");
  const { etagMatches, etagDoesNotMatch, uploadedBefore, uploadedAfter, secondsGranularity } = value;
  return {
    __proto__: null,
    etagMatches: etag(etagMatches, "etagMatches"),
    etagDoesNotMatch: etag(etagDoesNotMatch, "etagDoesNotMatch"),
    uploadedBefore: time(uploadedBefore, "uploadedBefore", "Conditional"),
    uploadedAfter: time(uploadedAfter, "uploadedAfter", "Conditional"),
    secondsGranularity: !!secondsGranularity,
  };
}

function etag(value, field) {
  text(value, field, "Conditional");
  if (value !== undefined && value.length > 1 && value[0] === '"' && value[value.length - 1] === '"') {
    throw new TypeError(`Conditional ETag should not be wrapped in quotes (${value}).`);
  }
  return value;
}

/** A number of a range: whole, and not below zero. */
function bound(value, what, name) {
  if (value === undefined) return undefined;
  const number = +value;
  if (!(number >= 0)) {
    const shown = NumberIsNaN(number) ? "nan" : number === -Infinity ? "-inf" : `${number}`;
    throw new RangeError(`Invalid ${what}. ${name} (${shown}) must be greater than or equal to 0.`);
  }
  if (number !== Infinity && !NumberIsInteger(number)) {
    throw new RangeError(`Invalid ${what}. ${name} (${number}) must be an integer, not floating point.`);
  }
  return number > MAX_SAFE ? MAX_SAFE : number;
}

function rangeOf(value) {
  if (!isObject(value)) throw wrongField("range", "GetOptions", "Range or Headers");
  const offset = bound(value.offset, "range", "Starting offset");
  const length = bound(value.length, "range", "Length");
  const suffix = bound(value.suffix, "suffix", "Suffix");
  if (suffix !== undefined) {
    if (offset !== undefined) throw new TypeError("Suffix is incompatible with offset.");
    if (length !== undefined) throw new TypeError("Suffix is incompatible with length.");
  }
  return { __proto__: null, offset, length, suffix };
}

function getOptions(value) {
  const options = optionsOf(value, "get", 2, "GetOptions");
  if (options === null) return null;
  const { onlyIf, range, ssecKey } = options;
  const given = { __proto__: null, onlyIf: conditions(onlyIf, "GetOptions") };
  if (h.isHeaders(range)) given.rangeHeader = h.getRaw(range, "range") ?? undefined;
  else if (range !== undefined && range !== null) given.range = rangeOf(range);
  refuseKey(ssecKey, "get");
  return given;
}

/** Objects that only who has a key can read are refused, not kept in the clear. */
function refuseKey(key, method) {
  if (key === undefined) return;
  if (typeof key === "string") {
    if (key.length === 2 * SSEC_KEY_BYTES && RegExpPrototypeExec(HEX, key) === null) {
      throw new Error("SSE-C Key has invalid format");
    }
    if (key.length !== 2 * SSEC_KEY_BYTES) throw new Error("SSE-C Key must be 32 bytes in length");
  } else {
    const bytes = viewOf(key);
    if (bytes === null) throw wrongField("ssecKey", "PutOptions", "ArrayBuffer or string");
    if (TypedArrayPrototypeGetByteLength(bytes) !== SSEC_KEY_BYTES) {
      throw new Error("SSE-C Key must be 32 bytes in length");
    }
  }
  throw new Error(`${method}: Selvedge does not encrypt objects with keys of its users (ssecKey). (10029)`);
}

const HTTP_FIELDS = [
  ["contentType", "content-type"],
  ["contentLanguage", "content-language"],
  ["contentDisposition", "content-disposition"],
  ["contentEncoding", "content-encoding"],
  ["cacheControl", "cache-control"],
];

function httpMetadata(value, type) {
  if (value === undefined) return undefined;
  const given = { __proto__: null };
  if (h.isHeaders(value)) {
    for (let i = 0; i < HTTP_FIELDS.length; i++) {
      const header = h.getRaw(value, HTTP_FIELDS[i][1]);
      if (header !== null) given[HTTP_FIELDS[i][0]] = header;
    }
    const expires = h.getRaw(value, "expires");
    if (expires !== null) {
      const millis = DateParse(expires);
      given.cacheExpiry = NumberIsNaN(millis) ? 0 : millis;
    }
    return given;
  }
  if (!isObject(value)) throw wrongField("httpMetadata", type, "HttpMetadata or Headers");
  for (let i = 0; i < HTTP_FIELDS.length; i++) {
    const field = HTTP_FIELDS[i][0];
    given[field] = text(value[field], field, "HttpMetadata");
  }
  given.cacheExpiry = time(value.cacheExpiry, "cacheExpiry", "HttpMetadata");
  return given;
}

function customMetadata(value, type) {
  if (value === undefined) return undefined;
  if (!isObject(value)) throw wrongField("customMetadata", type, "object");
  const pairs = [];
  const names = ObjectKeys(value);
  for (let i = 0; i < names.length; i++) ArrayPrototypePush(pairs, [names[i], stringOf(value[names[i]])]);
  return pairs;
}

/** Digits of a hash that was given as bytes or digits; checks its length. */
function hash(value, [field, name, length]) {
  if (typeof value === "string") {
    if (value.length !== 2 * length) {
      throw new TypeError(`${name} is ${2 * length} hex characters, not ${value.length}`);
    }
    if (RegExpPrototypeExec(HEX, value) === null) {
      throw new TypeError(`Provided ${name} wasn't a valid hex string`);
    }
    return value;
  }
  const bytes = viewOf(value);
  if (bytes === null) throw wrongField(field, "PutOptions", "BufferSource or string");
  const given = TypedArrayPrototypeGetByteLength(bytes);
  if (given !== length) throw new TypeError(`${name} is ${length} bytes, not ${given}`);
  return digits(bytes);
}

const DIGITS = "0123456789abcdef";

function digits(bytes) {
  let all = "";
  for (let i = 0; i < TypedArrayPrototypeGetByteLength(bytes); i++) {
    all += DIGITS[bytes[i] >> 4] + DIGITS[bytes[i] & 15];
  }
  return all;
}

/** The bytes of digits, which are even in number and valid. */
function bytesOf(text) {
  const bytes = new Uint8Array(text.length / 2);
  const digit = (at) => {
    const code = StringPrototypeCharCodeAt(text, at);
    return code < 58 ? code - 48 : (code | 32) - 87;
  };
  for (let i = 0; i < text.length / 2; i++) bytes[i] = digit(2 * i) << 4 | digit(2 * i + 1);
  return bytes;
}

function uploadOptions(options, type, method) {
  const { httpMetadata: http, customMetadata: custom, storageClass, ssecKey } = options;
  const given = {
    __proto__: null,
    httpMetadata: httpMetadata(http, type),
    customMetadata: customMetadata(custom, type),
    storageClass: text(storageClass, "storageClass", type),
  };
  refuseKey(ssecKey, method);
  return given;
}

function putOptions(value) {
  const options = optionsOf(value, "put", 3, "PutOptions");
  if (options === null) return null;
  const given = uploadOptions(options, "PutOptions", "put");
  given.onlyIf = conditions(options.onlyIf, "PutOptions");
  let hashes = 0;
  for (let i = 0; i < HASHES.length; i++) {
    const field = HASHES[i][0];
    const value = options[field];
    if (value === undefined || value === null) continue;
    if (hashes++ > 0) throw new TypeError("You cannot specify multiple hashing algorithms.");
    given[field] = hash(value, HASHES[i]);
  }
  return given;
}

/**
 * Writes a value. `open` checks all else when it is given the length, and gives
 * the number of the write; `refuse` makes the error for values of other types.
 */
function write(io, value, open, refuse) {
  if (typeof value === "string") return op_r2_write_text(open(-1), value);
  if (typeof value !== "object" || value === null) throw refuse();
  const bytes = viewOf(value);
  if (bytes !== null) return op_r2_write_bytes(open(TypedArrayPrototypeGetByteLength(bytes)), bytes);
  const { ReadableStreamPrototype, isReadableStreamDisturbed, isReadableStreamLocked } = core
    .loadExtScript("ext:deno_web/06_streams.js");
  const { BlobPrototype } = core.loadExtScript("ext:deno_web/09_file.js");
  if (ObjectPrototypeIsPrototypeOf(ReadableStreamPrototype, value)) {
    if (isReadableStreamLocked(value)) throw new TypeError("The ReadableStream has been locked to a reader.");
    if (isReadableStreamDisturbed(value)) throw new TypeError("This ReadableStream is disturbed.");
  } else if (!ObjectPrototypeIsPrototypeOf(BlobPrototype, value)) {
    throw refuse();
  }
  const body = bodies.extract(value);
  if (!(body.length >= 0)) throw new TypeError(NO_LENGTH);
  const rid = open(body.length);
  contexts.ownBody(io, rid);
  const { upload } = core.loadExtScript("ext:selvedge/streams.js");
  let broken = false;
  let reason;
  const source = upload(io, body, (error) => {
    broken = true;
    reason = error;
  });
  return PromisePrototypeThen(op_r2_write_body(rid, source), undefined, (error) => {
    throw broken ? reason : error;
  });
}

/** What a method gives: a promise in all cases. */
function promised(work) {
  try {
    const value = work();
    return core.isPromise(value) ? value : PromiseResolve(value);
  } catch (error) {
    return PromiseReject(error);
  }
}

function nothing() {}

/** The hashes of an object: array buffers. */
class Checksums {
  #hex;

  constructor(token, hex) {
    if (token !== internal) throw new TypeError("Illegal constructor");
    this.#hex = hex;
    for (let i = HASHES.length - 1; i >= 0; i--) {
      const field = HASHES[i][0];
      const value = hex[field] === undefined ? undefined : TypedArrayPrototypeGetBuffer(bytesOf(hex[field]));
      define(this, field, value);
    }
  }

  toJSON() {
    const all = {};
    for (let i = 0; i < HASHES.length; i++) all[HASHES[i][0]] = this.#hex[HASHES[i][0]];
    return all;
  }
}

function define(object, name, value) {
  ObjectDefineProperty(object, name, { __proto__: null, value, enumerable: true, configurable: true });
}

/** The content type of an object. */
let typeOf;

/** An object without its body. */
class HeadResult {
  #http;

  constructor(token, object, slice) {
    if (token !== internal) throw new TypeError("Illegal constructor");
    const http = { ...object.httpMetadata };
    if (http.cacheExpiry !== undefined) http.cacheExpiry = new Date(http.cacheExpiry);
    const custom = {};
    for (let i = 0; i < object.customMetadata.length; i++) {
      const pair = object.customMetadata[i];
      ObjectDefineProperty(custom, pair[0], {
        __proto__: null,
        value: pair[1],
        writable: true,
        enumerable: true,
        configurable: true,
      });
    }
    this.#http = object.httpMetadata;
    define(this, "ssecKeyMd5", undefined);
    define(this, "storageClass", object.storageClass);
    define(this, "range", slice === null ? undefined : { offset: slice.offset, length: slice.length });
    define(this, "customMetadata", custom);
    define(this, "httpMetadata", http);
    define(this, "uploaded", new Date(object.uploaded));
    define(this, "checksums", new Checksums(internal, object.checksums));
    define(this, "httpEtag", `"${object.etag}"`);
    define(this, "etag", object.etag);
    define(this, "size", object.size);
    define(this, "version", object.version);
    define(this, "key", object.key);
  }

  writeHttpMetadata(headers) {
    if (!(#http in this)) throw new TypeError(ILLEGAL_INVOCATION);
    if (!h.isHeaders(headers)) throw missing("writeHttpMetadata", 1, "Headers", "HeadResult");
    const http = this.#http;
    for (let i = 0; i < HTTP_FIELDS.length; i++) {
      const value = http[HTTP_FIELDS[i][0]];
      if (value !== undefined) ReflectApply(setHeader, headers, [HTTP_FIELDS[i][1], value]);
    }
    if (http.cacheExpiry !== undefined) {
      const date = DatePrototypeToUTCString(new Date(http.cacheExpiry));
      ReflectApply(setHeader, headers, ["expires", date]);
    }
  }

  static {
    typeOf = (result) => result.#http.contentType ?? "";
  }
}

/** An object with its body. */
class GetResult extends HeadResult {
  #body;

  constructor(token, object, slice, body) {
    super(token, object, slice);
    this.#body = body;
  }

  get body() {
    if (!(#body in this)) throw new TypeError(ILLEGAL_INVOCATION);
    return bodies.streamOf(this.#body);
  }

  get bodyUsed() {
    if (!(#body in this)) throw new TypeError(ILLEGAL_INVOCATION);
    return bodies.isUsed(this.#body);
  }

  arrayBuffer() {
    return this.#read(bodies.consumeArrayBuffer);
  }

  bytes() {
    return this.#read(bodies.consumeBytes);
  }

  text() {
    return this.#read(bodies.consumeText);
  }

  json() {
    return this.#read(bodies.consumeJson);
  }

  blob() {
    return promised(() => {
      if (!(#body in this)) throw new TypeError(ILLEGAL_INVOCATION);
      const { Blob } = core.loadExtScript("ext:deno_web/09_file.js");
      const type = typeOf(this);
      return PromisePrototypeThen(bodies.consumeBytes(this.#body), (bytes) => new Blob([bytes], { type }));
    });
  }

  #read(consume) {
    return promised(() => consume(this.#body));
  }
}

/** An upload in parts. */
class R2MultipartUpload {
  #rid;
  #key;
  #upload;

  constructor(token, rid, key, upload) {
    if (token !== internal) throw new TypeError("Illegal constructor");
    this.#rid = rid;
    this.#key = key;
    this.#upload = upload;
    define(this, "uploadId", upload);
    define(this, "key", key);
  }

  uploadPart(partNumber, value, options = undefined) {
    return promised(() => {
      if (!(#rid in this)) throw new TypeError(ILLEGAL_INVOCATION);
      const io = contexts.requiredOpen();
      if (arguments.length === 0) throw missing("uploadPart", 1, "integer", "R2MultipartUpload");
      const number = partNumberOf(partNumber);
      const refuse = () => missing("uploadPart", 2, BAD_BODY, "R2MultipartUpload");
      const given = optionsOf(options, "uploadPart", 3, "UploadPartOptions", "R2MultipartUpload");
      if (given !== null) refuseKey(given.ssecKey, "uploadPart");
      const open = (length) => op_r2_part_open(this.#rid, io.slot, this.#key, this.#upload, number, length);
      return write(io, value, open, refuse);
    });
  }

  abort() {
    return promised(() => {
      if (!(#rid in this)) throw new TypeError(ILLEGAL_INVOCATION);
      const io = contexts.requiredOpen();
      return PromisePrototypeThen(op_r2_upload_abort(this.#rid, io.slot, this.#key, this.#upload), nothing);
    });
  }

  complete(uploadedParts) {
    return promised(() => {
      if (!(#rid in this)) throw new TypeError(ILLEGAL_INVOCATION);
      const io = contexts.requiredOpen();
      if (!ArrayIsArray(uploadedParts)) throw missing("complete", 1, "Array", "R2MultipartUpload");
      const parts = [];
      for (let i = 0; i < uploadedParts.length; i++) {
        const part = uploadedParts[i];
        if (!isObject(part)) {
          throw new TypeError(
            `Incorrect type for array element ${i}: the provided value is not of type 'UploadedPart'.`,
          );
        }
        const partNumber = partNumberOf(part.partNumber);
        ArrayPrototypePush(parts, { __proto__: null, partNumber, etag: stringOf(part.etag) });
      }
      return PromisePrototypeThen(
        op_r2_upload_complete(this.#rid, io.slot, this.#key, this.#upload, parts),
        (object) => new HeadResult(internal, object, null),
      );
    });
  }
}

function partNumberOf(value) {
  const number = integerOf(value);
  if (number < 1 || number > MAX_PARTS) {
    throw new TypeError(
      `Part number must be between 1 and ${MAX_PARTS} (inclusive). Actual value was: ${number}`,
    );
  }
  return number;
}

function listOptions(value) {
  const options = optionsOf(value, "list", 1, "ListOptions");
  const given = { __proto__: null, httpMetadata: false, customMetadata: false };
  if (options === null) return given;
  const { limit, prefix, cursor, delimiter, startAfter, include } = options;
  if (limit !== undefined) given.limit = integerOf(limit);
  given.prefix = text(prefix, "prefix", "ListOptions");
  given.cursor = text(cursor, "cursor", "ListOptions");
  given.delimiter = text(delimiter, "delimiter", "ListOptions");
  given.startAfter = text(startAfter, "startAfter", "ListOptions");
  if (include !== undefined) {
    if (!ArrayIsArray(include)) throw wrongField("include", "ListOptions", "Array");
    for (let i = 0; i < include.length; i++) {
      const name = stringOf(include[i]);
      if (name !== "httpMetadata" && name !== "customMetadata") {
        throw new RangeError(`Unsupported include value ${name}`);
      }
      given[name] = true;
    }
  }
  return given;
}

/** A bucket. All of its methods give promises, also of their errors, but for `resumeMultipartUpload`. */
class R2Bucket {
  #rid;

  constructor(token, rid) {
    if (token !== internal) throw new TypeError("Illegal constructor");
    this.#rid = rid;
  }

  head(key) {
    return promised(() => {
      if (!(#rid in this)) throw new TypeError(ILLEGAL_INVOCATION);
      const io = contexts.requiredOpen();
      if (arguments.length === 0) throw missing("head", 1, "string");
      const object = op_r2_head(this.#rid, io.slot, stringOf(key));
      if (object === null) return null;
      return new HeadResult(internal, object, { __proto__: null, offset: 0, length: object.size });
    });
  }

  get(key, options = undefined) {
    return promised(() => {
      if (!(#rid in this)) throw new TypeError(ILLEGAL_INVOCATION);
      const io = contexts.requiredOpen();
      if (arguments.length === 0) throw missing("get", 1, "string");
      const found = op_r2_get(this.#rid, io.slot, stringOf(key), getOptions(options));
      if (found === null) return null;
      if (found.body === null) return new HeadResult(internal, found.object, null);
      contexts.ownBody(io, found.body);
      const body = bodies.nativeBody(io, found.body);
      return new GetResult(internal, found.object, found.slice, body);
    });
  }

  put(key, value, options = undefined) {
    return promised(() => {
      if (!(#rid in this)) throw new TypeError(ILLEGAL_INVOCATION);
      const io = contexts.requiredOpen();
      if (arguments.length === 0) throw missing("put", 1, "string");
      const name = stringOf(key);
      if (arguments.length === 1) throw missing("put", 2, BAD_BODY);
      const given = putOptions(options);
      const content = value === undefined || value === null ? "" : value;
      const open = (length) => op_r2_put_open(this.#rid, io.slot, name, length, given);
      return PromisePrototypeThen(
        write(io, content, open, () => missing("put", 2, BAD_BODY)),
        (object) => object === null ? null : new HeadResult(internal, object, null),
      );
    });
  }

  createMultipartUpload(key, options = undefined) {
    return promised(() => {
      if (!(#rid in this)) throw new TypeError(ILLEGAL_INVOCATION);
      const io = contexts.requiredOpen();
      if (arguments.length === 0) throw missing("createMultipartUpload", 1, "string");
      const name = stringOf(key);
      const given = optionsOf(options, "createMultipartUpload", 2, "MultipartOptions");
      const attributes = given === null
        ? null
        : uploadOptions(given, "MultipartOptions", "createMultipartUpload");
      const rid = this.#rid;
      return PromisePrototypeThen(
        op_r2_upload_create(rid, io.slot, name, attributes),
        (upload) => new R2MultipartUpload(internal, rid, name, upload),
      );
    });
  }

  resumeMultipartUpload(key, uploadId) {
    if (!(#rid in this)) throw new TypeError(ILLEGAL_INVOCATION);
    if (arguments.length === 0) throw missing("resumeMultipartUpload", 1, "string");
    if (arguments.length === 1) throw missing("resumeMultipartUpload", 2, "string");
    return new R2MultipartUpload(internal, this.#rid, stringOf(key), stringOf(uploadId));
  }

  delete(keys) {
    return promised(() => {
      if (!(#rid in this)) throw new TypeError(ILLEGAL_INVOCATION);
      const io = contexts.requiredOpen();
      if (arguments.length === 0) throw missing("delete", 1, "string or Array");
      const names = [];
      if (ArrayIsArray(keys)) {
        for (let i = 0; i < keys.length; i++) ArrayPrototypePush(names, stringOf(keys[i]));
      } else {
        ArrayPrototypePush(names, stringOf(keys));
      }
      return PromisePrototypeThen(op_r2_delete(this.#rid, io.slot, names), nothing);
    });
  }

  list(options = undefined) {
    return promised(() => {
      if (!(#rid in this)) throw new TypeError(ILLEGAL_INVOCATION);
      const io = contexts.requiredOpen();
      return PromisePrototypeThen(op_r2_list(this.#rid, io.slot, listOptions(options)), (page) => {
        const objects = [];
        for (let i = 0; i < page.objects.length; i++) {
          ArrayPrototypePush(objects, new HeadResult(internal, page.objects[i], null));
        }
        const cursor = page.cursor ?? undefined;
        return {
          objects,
          truncated: cursor !== undefined,
          cursor,
          delimitedPrefixes: page.delimitedPrefixes,
        };
      });
    });
  }
}

const named = [
  [Checksums, "Checksums"],
  [HeadResult, "HeadResult"],
  [GetResult, "GetResult"],
  [R2MultipartUpload, "R2MultipartUpload"],
  [R2Bucket, "R2Bucket"],
];
for (let i = 0; i < named.length; i++) {
  ObjectDefineProperty(named[i][0].prototype, SymbolToStringTag, {
    __proto__: null,
    value: named[i][1],
    configurable: true,
  });
}

return { bind: (rid) => new R2Bucket(internal, rid) };
})();
