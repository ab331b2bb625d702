// What Cloudflare says about wrong arguments of `crypto.subtle`. What is wrong
// is found before deno_crypto sees it; what fails there is told in these words, too.
(function () {
const { core, internals, primordials } = __bootstrap;
const {
  ArrayBufferIsView,
  ArrayIsArray,
  ArrayPrototypeIncludes,
  Number,
  ObjectPrototypeIsPrototypeOf,
  ReflectApply,
  ReflectGetOwnPropertyDescriptor,
  String,
  StringPrototypeStartsWith,
  TypedArrayPrototypeGetByteLength,
  TypedArrayPrototypeGetSymbolToStringTag,
  TypeError,
} = primordials;
const { Crypto, CryptoKey } = core.loadExtScript("ext:deno_crypto/00_crypto.js");

const { checkCurve, checkHash, failure, field, isBytes, isObject, nameOf, SECRET_BITS, upper, USAGES } = core
  .loadExtScript("ext:selvedge/crypto/common.js");
const { checkImport, isPrivateKey } = core.loadExtScript("ext:selvedge/crypto/import_checks.js");

const getter = (name) => ReflectGetOwnPropertyDescriptor(CryptoKey.prototype, name).get;
const getAlgorithm = getter("algorithm");
const getExtractable = getter("extractable");
const getType = getter("type");
const getUsages = getter("usages");
const CryptoKeyPrototype = CryptoKey.prototype;
const CryptoPrototype = Crypto.prototype;

/** The parameters of each method. */
const METHODS = {
  __proto__: null,
  decrypt: ["string or EncryptAlgorithm", "CryptoKey", "BufferSource"],
  deriveBits: ["string or DeriveKeyAlgorithm", "CryptoKey"],
  deriveKey: ["string or DeriveKeyAlgorithm", "CryptoKey", "string or ImportKeyAlgorithm", "boolean", "Array"],
  digest: ["string or HashAlgorithm", "BufferSource"],
  encrypt: ["string or EncryptAlgorithm", "CryptoKey", "BufferSource"],
  exportKey: ["string", "CryptoKey"],
  generateKey: ["string or GenerateKeyAlgorithm", "boolean", "Array"],
  importKey: ["string", "BufferSource or JsonWebKey", "string or ImportKeyAlgorithm", "boolean", "Array"],
  sign: ["string or SignAlgorithm", "CryptoKey", "BufferSource"],
  unwrapKey: [
    "string",
    "BufferSource",
    "CryptoKey",
    "string or EncryptAlgorithm",
    "string or ImportKeyAlgorithm",
    "boolean",
    "Array",
  ],
  verify: ["string or SignAlgorithm", "CryptoKey", "BufferSource", "BufferSource"],
  wrapKey: ["string", "CryptoKey", "CryptoKey", "string or EncryptAlgorithm"],
};

const SECRETS = ["AES-CBC", "AES-CTR", "AES-GCM", "AES-KW", "HMAC"];
const GCM_TAGS = [32, 64, 96, 104, 112, 120, 128];
const RANDOM_BYTES = 65536;
/** Arrays that hold no integers. */
const NOT_INTEGER = [undefined, "Float16Array", "Float32Array", "Float64Array"];

function fits(type, value) {
  if (type === "CryptoKey") return ObjectPrototypeIsPrototypeOf(CryptoKeyPrototype, value);
  if (type === "BufferSource") return isBytes(value);
  if (type === "BufferSource or JsonWebKey") return isObject(value);
  if (type === "Array") return ArrayIsArray(value);
  return true;
}

/** Where a text may stand, all that is no object is one. */
function isText(type, value) {
  return type === "string" || typeof value === "symbol" && StringPrototypeStartsWith(type, "string");
}

function member(algorithm, name) {
  const value = algorithm[name];
  if (value === undefined) throw new TypeError(`Missing "${name}" member in "algorithm".`);
  return value;
}

function byteLength(value) {
  return isBytes(value) ? value.byteLength : 0;
}

/** What `getRandomValues()` and `randomUUID()` are called on, and with. */
function checkRandom(self, method, view) {
  if (!ObjectPrototypeIsPrototypeOf(CryptoPrototype, self)) {
    throw core.illegalInvocation();
  }
  if (method !== "getRandomValues") return;
  if (!ArrayBufferIsView(view)) {
    throw new TypeError(
      "Failed to execute 'getRandomValues' on 'Crypto': parameter 1 is not of type 'ArrayBufferView'.",
    );
  }
  if (ArrayPrototypeIncludes(NOT_INTEGER, TypedArrayPrototypeGetSymbolToStringTag(view))) {
    throw failure("TypeMismatchError", "ArrayBufferView argument to getRandomValues() must be an integer-typed view.");
  }
  const length = TypedArrayPrototypeGetByteLength(view);
  if (length > RANDOM_BYTES) {
    throw failure(
      "QuotaExceededError",
      `getRandomValues() only accepts buffers of size <= 64K but provided ${length} bytes.`,
    );
  }
}

function checkTypes(method, args) {
  const types = METHODS[method];
  for (let i = 0; i < types.length; i++) {
    if (i < args.length && isText(types[i], args[i])) args[i] = `${args[i]}`;
    if (i < args.length && fits(types[i], args[i])) continue;
    throw new TypeError(
      `Failed to execute '${method}' on 'SubtleCrypto': parameter ${i + 1} is not of type '${types[i]}'.`,
    );
  }
}

/** The key is for this algorithm and this use. */
function checkKey(algorithm, key, usage) {
  const name = nameOf(algorithm);
  const own = ReflectApply(getAlgorithm, key, []).name;
  if (upper(name) !== upper(own)) {
    throw failure(
      "InvalidAccessError",
      `Requested algorithm "${name}" does not match this CryptoKey's algorithm "${own}".`,
    );
  }
  checkUsage(key, usage);
}

function checkUsage(key, usage) {
  if (ArrayPrototypeIncludes(ReflectApply(getUsages, key, []), usage)) return;
  throw failure(
    "InvalidAccessError",
    `Requested key usage "${usage}" does not match any usage listed in this CryptoKey.`,
  );
}

/** What an algorithm needs to encrypt; `data` is there to decrypt. */
function checkCipher(algorithm, data = undefined) {
  switch (upper(nameOf(algorithm))) {
    case "AES-GCM": {
      if (!isBytes(field(algorithm, "iv"))) {
        throw new TypeError(
          "Incorrect type for the 'iv' field on 'EncryptAlgorithm': the provided value is not of type 'BufferSource'.",
        );
      }
      if (byteLength(algorithm.iv) === 0) throw failure("OperationError", "AES-GCM IV must not be empty.");
      const tag = algorithm.tagLength === undefined ? 128 : Number(algorithm.tagLength);
      if (!ArrayPrototypeIncludes(GCM_TAGS, tag)) {
        throw failure("OperationError", `Invalid AES-GCM tag length ${tag}.`);
      }
      if (data !== undefined && data.byteLength * 8 < tag) {
        throw failure(
          "OperationError",
          `Ciphertext length of ${data.byteLength * 8} bits must be greater than or equal to the size of the ` +
            `AES-GCM tag length of ${tag} bits.`,
        );
      }
      if (data !== undefined && tag !== 128) {
        throw failure("NotSupportedError", `Selvedge does not check AES-GCM tags of ${tag} bits, only those of 128.`);
      }
      return;
    }
    case "AES-CBC": {
      const length = byteLength(field(algorithm, "iv"));
      if (length !== 16) {
        throw failure("OperationError", `AES-CBC IV must be 16 bytes long (provided ${length} bytes).`);
      }
      return;
    }
    case "AES-CTR": {
      const length = byteLength(member(algorithm, "counter"));
      if (length !== 16) {
        throw failure("OperationError", `Counter must have length of 16 bytes (provided ${length}).`);
      }
      const bits = Number(member(algorithm, "length"));
      if (!(bits > 0 && bits <= 128)) {
        throw failure("OperationError", `Invalid counter of ${bits} bits length provided.`);
      }
    }
  }
}

function checkSignature(algorithm) {
  const name = upper(nameOf(algorithm));
  if (name === "ECDSA" && (!isObject(algorithm) || algorithm.hash === undefined)) {
    throw new TypeError(
      "Missing \"hash\" in AlgorithmIdentifier. (ECDSA requires that the hash algorithm be specified at call time " +
        "rather than on the key. This differs from other WebCrypto algorithms for historical reasons.)",
    );
  }
  if (name === "RSA-PSS" && (!isObject(algorithm) || algorithm.saltLength === undefined)) {
    throw failure("DataError", "Failed to provide salt for RSA-PSS key operation which requires a salt");
  }
}

function checkDerivation(algorithm, key, length) {
  const name = upper(nameOf(algorithm));
  switch (name) {
    case "PBKDF2":
      checkPassword(algorithm, length);
      return;
    case "HKDF":
      field(algorithm, "hash");
      field(algorithm, "salt");
      field(algorithm, "info");
      if (length === null) throw failure("OperationError", "HKDF cannot derive a key with null length.");
      return;
    case "ECDH":
    case "X25519":
      checkAgreement(algorithm, key, length);
  }
}

function checkPassword(algorithm, length) {
  field(algorithm, "hash");
  field(algorithm, "salt");
  const iterations = Number(field(algorithm, "iterations"));
  if (!(iterations > 0)) {
    throw failure("OperationError", `PBKDF2 requires a positive iteration count (requested ${iterations}).`);
  }
  if (length === null) throw failure("OperationError", "PBKDF2 cannot derive a key with null length.");
  if (length !== undefined && Number(length) % 8 !== 0) {
    throw failure(
      "OperationError",
      `PBKDF2 requires a derived key length that is a multiple of eight (requested ${Number(length)}).`,
    );
  }
}

function checkAgreement(algorithm, key, length) {
  const other = field(algorithm, "public", "derivedKeyParams");
  if (!ObjectPrototypeIsPrototypeOf(CryptoKeyPrototype, other)) return;
  const type = ReflectApply(getType, other, []);
  if (type !== "public") {
    throw failure("InvalidAccessError", `The provided key has type "${type}", not "public"`);
  }
  const own = ReflectApply(getAlgorithm, key, []);
  const theirs = ReflectApply(getAlgorithm, other, []);
  if (own.namedCurve !== theirs.namedCurve) {
    throw failure(
      "InvalidAccessError",
      `Private key for derivation is using curve "${own.namedCurve}" while public key is using "${theirs.namedCurve}".`,
    );
  }
  const most = SECRET_BITS[own.namedCurve ?? own.name];
  if (length > most) {
    throw failure(
      "OperationError",
      `Derived key length (${length} bits) is too long (should be at most ${most} bits).`,
    );
  }
}

function checkExport(format, key) {
  const { name } = ReflectApply(getAlgorithm, key, []);
  if (!ReflectApply(getExtractable, key, [])) {
    throw failure("InvalidAccessError", `Attempt to export non-extractable ${name} key.`);
  }
  const type = ReflectApply(getType, key, []);
  format = String(format);
  if (type === "secret") {
    if (format === "raw" || format === "jwk" || format === "raw-secret") return;
    const isAes = name !== "HMAC";
    throw failure(
      "NotSupportedError",
      isAes
        ? `${name} key only supports exporting "raw", "raw-secret" & "jwk", not "${format}".`
        : `Unimplemented key export format "${format}".`,
    );
  }
  checkPairExport(format, type, name);
}

function checkPairExport(format, type, name) {
  if (format === "pkcs8" && type !== "private" || format === "spki" && type !== "public") {
    const wanted = format === "spki" ? "public" : "private";
    throw failure("InvalidAccessError", `Asymmetric ${format} export requires ${wanted} key (not "${type}").`);
  }
  if (format !== "raw") return;
  const isRsa = name === "RSASSA-PKCS1-v1_5" || name === "RSA-PSS" || name === "RSA-OAEP";
  if (isRsa) throw failure("InvalidAccessError", `Cannot export "${name}" in "raw" format.`);
  if (type === "public") return;
  const what = name === "ECDSA" || name === "ECDH" ? "elliptic curve" : name;
  throw failure("InvalidAccessError", `Raw export of ${what} keys is only allowed for public keys.`);
}

/** What is generated is complete; usages are the algorithm's. */
function checkGeneration(algorithm, usages) {
  const name = nameOf(algorithm);
  const known = USAGES[upper(name)];
  if (known === undefined) return;
  checkParameters(algorithm, upper(name));
  for (let i = 0; i < usages.length; i++) {
    const usage = String(usages[i]);
    if (!ArrayPrototypeIncludes(known, usage)) {
      throw failure("SyntaxError", `Attempt to generate ${name} key with invalid usage "${usage}".`);
    }
  }
}

function checkParameters(algorithm, name) {
  switch (name) {
    case "AES-CBC":
    case "AES-CTR":
    case "AES-GCM":
    case "AES-KW": {
      const length = Number(field(algorithm, "length"));
      if (length !== 128 && length !== 192 && length !== 256) {
        throw failure(
          "OperationError",
          `Generated AES key length must be 128, 192, or 256 bits but requested ${length}.`,
        );
      }
      return;
    }
    case "HMAC":
      checkHash(algorithm);
      if (algorithm.length !== undefined && Number(algorithm.length) === 0) {
        throw failure(
          "OperationError",
          "HMAC key length must be a non-zero unsigned long integer (requested 0).",
        );
      }
      return;
    case "ECDSA":
    case "ECDH":
      checkCurve(algorithm);
      return;
    case "RSASSA-PKCS1-V1_5":
    case "RSA-PSS":
    case "RSA-OAEP":
      checkHash(algorithm);
      checkRsa(field(algorithm, "publicExponent"), Number(field(algorithm, "modulusLength")));
  }
}

function checkRsa(exponent, modulusLength) {
  let value = 0;
  for (let i = 0; i < byteLength(exponent); i++) value = value * 256 + exponent[i];
  if (value !== 3 && value !== 65537) {
    throw failure("OperationError", `The "publicExponent" must be either 3 or 65537, but got ${value}.`);
  }
  if (modulusLength < 256 || modulusLength % 8 !== 0) {
    throw failure(
      "OperationError",
      `The modulus length must be a multiple of 8 and between 256 and 16k, but ${modulusLength} was requested.`,
    );
  }
  if (modulusLength < 512) throw failure("OperationError", "RSA key size is too small.");
}

/** Of a key that was imported: that of RSA has an exponent that is safe. */
function checkExponent(key) {
  const exponent = ReflectApply(getAlgorithm, key, []).publicExponent;
  if (exponent === undefined) return;
  const bytes = internals.viewOf(exponent);
  let value = 0;
  for (let i = 0; i < bytes.length; i++) value = value * 256 + bytes[i];
  if (value === 3 || value === 65537) return;
  throw failure(
    "OperationError",
    value > 0xffffffff
      ? 'The "publicExponent" must be either 3 or 65537, but got a number larger than 2^32.'
      : `Imported RSA key has invalid publicExponent ${value}.`,
  );
}

/** Before checks were strict, public keys of ECDH could have usages, which they never use. */
function dropPublicUsages(args) {
  if (upper(nameOf(args[2])) === "ECDH" && !isPrivateKey(args[0], args[1])) args[4] = [];
}

const CHECKS = {
  __proto__: null,
  decrypt(algorithm, key, data) {
    checkKey(algorithm, key, "decrypt");
    checkCipher(algorithm, data);
  },
  deriveBits(algorithm, key, length = null) {
    checkKey(algorithm, key, "deriveBits");
    checkDerivation(algorithm, key, length);
  },
  deriveKey(algorithm, key) {
    checkKey(algorithm, key, "deriveKey");
    checkDerivation(algorithm, key, undefined);
  },
  digest(algorithm) {
    if (isObject(algorithm) && algorithm.name === undefined) {
      throw failure("NotSupportedError", "Unrecognized or unimplemented digest algorithm requested.");
    }
  },
  encrypt(algorithm, key) {
    checkKey(algorithm, key, "encrypt");
    checkCipher(algorithm);
  },
  exportKey: checkExport,
  generateKey(algorithm, _extractable, usages) {
    checkGeneration(algorithm, usages);
  },
  importKey: checkImport,
  sign(algorithm, key) {
    checkKey(algorithm, key, "sign");
    checkSignature(algorithm);
  },
  unwrapKey(_format, data, key, algorithm) {
    checkKey(algorithm, key, "unwrapKey");
    checkCipher(algorithm, data);
  },
  verify(algorithm, key) {
    checkKey(algorithm, key, "verify");
    checkSignature(algorithm);
  },
  wrapKey(format, inner, key, algorithm) {
    checkKey(algorithm, key, "wrapKey");
    checkExport(format, inner);
    checkCipher(algorithm);
  },
};

const { checkClassic } = internals.isOn("webcrypto_modern_algorithms")
  ? { __proto__: null }
  : core.loadExtScript("ext:selvedge/crypto/classic.js");

/** Throws what Cloudflare throws for these arguments. */
function check(method, args) {
  checkTypes(method, args);
  if (checkClassic !== undefined) checkClassic(method, args);
  ReflectApply(CHECKS[method], undefined, args);
}

/** What Cloudflare has no algorithm for. */
const UNKNOWN = {
  __proto__: null,
  deriveKey: (args) => `Unrecognized derived key type "${nameOf(args[2])}" requested.`,
  generateKey: (args) => `Unrecognized key generation algorithm "${nameOf(args[0])}" requested.`,
  importKey: (args) => `Unrecognized key import algorithm "${nameOf(args[2])}" requested.`,
};

/** The error of deno_crypto in Cloudflare's words, where it has some. */
function reworded(method, args, error) {
  const name = error?.name;
  if (name === "NotSupportedError" && method === "importKey" && USAGES[upper(nameOf(args[2]))] !== undefined) {
    return failure(name, `Unrecognized key import format "${String(args[0])}".`);
  }
  if (name === "NotSupportedError") {
    const text = UNKNOWN[method];
    return failure(
      name,
      text === undefined ? "Unrecognized or unimplemented digest algorithm requested." : text(args),
    );
  }
  if (name === "SyntaxError" && method === "generateKey") {
    return failure(
      name,
      ArrayPrototypeIncludes(SECRETS, upper(nameOf(args[0])))
        ? "Secret/private CryptoKeys must have at least one usage."
        : "Attempt to generate asymmetric keys with no valid private key usages.",
    );
  }
  if (name === "DataError" && method === "importKey") {
    if (args[0] === "spki") return failure(name, "Invalid SPKI input.");
    if (args[0] === "pkcs8") return failure(name, "Invalid PKCS8 input.");
  }
  if (name === "OperationError" && method === "unwrapKey" && upper(nameOf(args[3])) === "AES-KW") {
    return failure(name, "AES-KW key unwrapping failed.");
  }
  if (name === "OperationError" && method === "deriveBits" && upper(nameOf(args[0])) === "HKDF") {
    return failure(name, "HKDF deriveBits failed.");
  }
  if (name === "OperationError" && (method === "decrypt" || method === "encrypt")) {
    return failure(name, cipherFailure(args[0], args[2]));
  }
  return error;
}

/** What `decrypt()` is rejected with when the data is not what was enciphered. */
function cipherError(algorithm, data) {
  return failure("OperationError", cipherFailure(algorithm, data));
}

function cipherFailure(algorithm, data) {
  const name = nameOf(algorithm);
  if (upper(name) === "RSA-OAEP") return "RSA-OAEP failed encrypt/decrypt.";
  let length = data.byteLength;
  let expected = 0;
  if (upper(name) === "AES-GCM") {
    length -= (algorithm.tagLength === undefined ? 128 : Number(algorithm.tagLength)) / 8;
    expected = length;
  }
  // Of the last block at least one byte fills up.
  if (upper(name) === "AES-CBC" && length >= 32 && length % 16 === 0) expected = length - 16;
  return "Decryption failed. This could be due to a ciphertext authentication failure, bad padding, incorrect " +
    `CryptoKey, or another algorithm-specific reason. Input length was ${length}, output length expected to be ` +
    `${expected} for ${name}`;
}

return { check, checkExponent, checkRandom, cipherError, dropPublicUsages, reworded };
})();
