// What the methods of R2 take: options and their fields, coerced as workerd does
// (https://developers.cloudflare.com/r2/api/workers/workers-api-reference/).
(function () {
const { core, internals, primordials } = __bootstrap;
const {
  ArrayIsArray,
  ArrayPrototypePush,
  Date,
  DateParse,
  DatePrototypeGetTime,
  Error,
  MathTrunc,
  NumberIsFinite,
  NumberIsInteger,
  NumberIsNaN,
  ObjectKeys,
  RangeError,
  RegExpPrototypeExec,
  SafeRegExp,
  StringPrototypeCharCodeAt,
  TypeError,
  TypedArrayPrototypeGetByteLength,
  Uint8Array,
} = primordials;
const { viewOf } = internals;
const { headers: h } = internals.selvedge;

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

const OUT_OF_RANGE = "Value out of range. Must be between -2147483648 and 2147483647 (inclusive).";

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

return {
  bytesOf,
  getOptions,
  HASHES,
  HTTP_FIELDS,
  isObject,
  listOptions,
  missing,
  optionsOf,
  partNumberOf,
  putOptions,
  refuseKey,
  stringOf,
  uploadOptions,
};
})();
