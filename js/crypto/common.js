// What the checks of `crypto.subtle` share.
(function () {
const { core, internals, primordials } = __bootstrap;
const {
  ArrayBufferIsView,
  ArrayPrototypeIncludes,
  String,
  StringPrototypeToUpperCase,
  TypeError,
} = primordials;
const { DOMException } = core.loadExtScript("ext:deno_web/01_dom_exception.js");

const USAGES = {
  __proto__: null,
  "AES-CBC": ["encrypt", "decrypt", "wrapKey", "unwrapKey"],
  "AES-CTR": ["encrypt", "decrypt", "wrapKey", "unwrapKey"],
  "AES-GCM": ["encrypt", "decrypt", "wrapKey", "unwrapKey"],
  "AES-KW": ["wrapKey", "unwrapKey"],
  "HMAC": ["sign", "verify"],
  "RSASSA-PKCS1-V1_5": ["sign", "verify"],
  "RSA-PSS": ["sign", "verify"],
  "RSA-OAEP": ["encrypt", "decrypt", "wrapKey", "unwrapKey"],
  "ECDSA": ["sign", "verify"],
  "ED25519": ["sign", "verify"],
  "ECDH": ["deriveKey", "deriveBits"],
  "X25519": ["deriveKey", "deriveBits"],
};

/** Most bits that a shared secret has. */
const SECRET_BITS = { __proto__: null, "P-256": 256, "P-384": 384, "P-521": 528, "X25519": 256 };
const HASHES = internals.isOn("webcrypto_modern_algorithms")
  ? ["SHA-1", "SHA-256", "SHA-384", "SHA-512", "SHA3-256", "SHA3-384", "SHA3-512"]
  : ["SHA-1", "SHA-256", "SHA-384", "SHA-512"];

function isBytes(value) {
  return ArrayBufferIsView(value) || core.isAnyArrayBuffer(value);
}

function isObject(value) {
  return typeof value === "object" && value !== null || typeof value === "function";
}

/** What a DOMException of this name tells. */
function failure(name, text) {
  return new DOMException(text, name);
}

function nameOf(algorithm) {
  return String(isObject(algorithm) ? algorithm.name : algorithm);
}

function upper(name) {
  return StringPrototypeToUpperCase(name);
}

/** A field that must be there, of an algorithm that may be a string only. */
function field(algorithm, name, where = "algorithm") {
  const value = isObject(algorithm) ? algorithm[name] : undefined;
  if (value === undefined) throw new TypeError(`Missing field "${name}" in "${where}".`);
  return value;
}

/** The hash that a key is for. */
function checkHash(algorithm) {
  const name = upper(nameOf(field(algorithm, "hash")));
  if (!ArrayPrototypeIncludes(HASHES, name)) {
    throw failure("NotSupportedError", "Unrecognized or unimplemented digest algorithm requested.");
  }
}

function checkCurve(algorithm) {
  const curve = String(field(algorithm, "namedCurve"));
  if (SECRET_BITS[curve] === undefined || curve === "X25519") {
    throw failure("NotSupportedError", `Unrecognized or unimplemented EC curve "${curve}" requested.`);
  }
}

return { checkCurve, checkHash, failure, field, isBytes, isObject, nameOf, SECRET_BITS, upper, USAGES };
})();
