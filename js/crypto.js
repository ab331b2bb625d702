// Web Crypto with the rule that the global scope makes no random values.
(function () {
const { core, internals, primordials } = __bootstrap;
const { op_aes_gcm_open, op_aes_gcm_seal, op_job_begin, op_job_end, op_timing_safe_equal } = core.ops;
const { ArrayBufferIsView, ObjectDefineProperty, ObjectKeys, PromisePrototypeThen, PromiseReject, PromiseResolve, TypedArrayPrototypeGetBuffer, TypeError, Uint8Array, ReflectApply, ReflectGetOwnPropertyDescriptor, StringPrototypeToUpperCase } = primordials;
const { Crypto, CryptoKey, SubtleCrypto, crypto, cryptoKeyExportNodeKeyMaterial, importCryptoKeySync } = core
  .loadExtScript("ext:deno_crypto/00_crypto.js");

/** Loads a script when it is needed. */
function lazy(specifier) {
  let loaded;
  return () => loaded ??= core.loadExtScript(specifier);
}

const GLOBAL_SCOPE = "Disallowed operation called within global scope. " +
  "Asynchronous I/O (ex: fetch() or connect()), setting a timeout, and " +
  "generating random values are not allowed within global scope. To fix this " +
  "error, perform this operation within a handler. " +
  "https://developers.cloudflare.com/workers/runtime-apis/handlers/";

function guard(prototype, name) {
  const descriptor = ReflectGetOwnPropertyDescriptor(prototype, name);
  if (descriptor === undefined || typeof descriptor.value !== "function") return;
  const original = descriptor.value;
  const guarded = {
    [name](...args) {
      const frame = core.getAsyncContext();
      if (frame === undefined || frame === null || frame.io === undefined) {
        throw new primordials.Error(GLOBAL_SCOPE);
      }
      // (An element that is not there would be asked of the prototype.)
      if (prototype === Crypto.prototype) checks().checkRandom(this, name, args.length > 0 ? args[0] : undefined);
      return ReflectApply(original, this, args);
    },
  }[name];
  ObjectDefineProperty(guarded, "length", { __proto__: null, value: original.length, configurable: true });
  ObjectDefineProperty(prototype, name, { __proto__: null, ...descriptor, value: guarded });
}

/** Iterations of PBKDF2 that one call may ask for, as on Cloudflare. */
const MAX_PBKDF2_ITERATIONS = 100000;
/** Making a longer RSA key would hold a thread for minutes. */
const MAX_RSA_BITS = 4096;

/** Making an RSA key takes a time that nobody knows before. */
const RSA_WEIGHT = 2048;
const TOO_MUCH = "This request has too many operations of crypto.subtle under way. Wait for some of them.";

/** What deno_crypto does on other threads. */
const CHARGED = [
  "decapsulateBits",
  "decapsulateKey",
  "decrypt",
  "deriveBits",
  "deriveKey",
  "digest",
  "encapsulateBits",
  "encapsulateKey",
  "encrypt",
  "exportKey",
  "generateKey",
  "sign",
  "verify",
  "wrapKey",
];

/** Refuses work that would run for long where no CPU limit reaches it. */
function bound(name, check) {
  const descriptor = ReflectGetOwnPropertyDescriptor(SubtleCrypto.prototype, name);
  if (descriptor === undefined || typeof descriptor.value !== "function") return;
  const original = descriptor.value;
  const bounded = {
    [name](...args) {
      let problem;
      try {
        problem = check(args[0]);
      } catch (error) {
        return PromiseReject(error);
      }
      if (problem !== null) {
        const { DOMException } = core.loadExtScript("ext:deno_web/01_dom_exception.js");
        return PromiseReject(new DOMException(problem, "NotSupportedError"));
      }
      return ReflectApply(original, this, args);
    },
  }[name];
  ObjectDefineProperty(SubtleCrypto.prototype, name, { __proto__: null, ...descriptor, value: bounded });
}

function checkDerivation(algorithm) {
  const iterations = algorithm?.iterations;
  return iterations > MAX_PBKDF2_ITERATIONS
    ? `Pbkdf2 failed: iteration counts above ${MAX_PBKDF2_ITERATIONS} are not supported (requested ${iterations}).`
    : null;
}

function checkGeneration(algorithm) {
  const bits = algorithm?.modulusLength;
  return bits > MAX_RSA_BITS ? `RSA keys of more than ${MAX_RSA_BITS} bits are not made here (requested ${bits}).` : null;
}

/** Compares secrets in a time that does not tell where they differ. */
function timingSafeEqual(a, b) {
  const left = bytesOf(a, 1);
  const right = bytesOf(b, 2);
  if (left.length !== right.length) throw new TypeError("Input buffers must have the same byte length.");
  return op_timing_safe_equal(left, right);
}

function bytesOf(value, index) {
  if (ArrayBufferIsView(value)) return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
  if (core.isAnyArrayBuffer(value)) return new Uint8Array(value);
  throw new TypeError(
    `Failed to execute 'timingSafeEqual' on 'SubtleCrypto': parameter ${index} is not of type 'BufferSource'.`,
  );
}

ObjectDefineProperty(SubtleCrypto.prototype, "timingSafeEqual", {
  __proto__: null,
  value: timingSafeEqual,
  writable: true,
  enumerable: true,
  configurable: true,
});

const digests = lazy("ext:selvedge/crypto/digest_stream.js");

const checks = lazy("ext:selvedge/crypto/checks.js");

/** Methods whose arguments are checked in Cloudflare's words. */
const WORDED = [
  "decrypt",
  "deriveBits",
  "deriveKey",
  "digest",
  "encrypt",
  "exportKey",
  "generateKey",
  "importKey",
  "sign",
  "unwrapKey",
  "verify",
  "wrapKey",
];

const NOTHING = new Uint8Array(0);

/** AES-GCM at once, where it has the usual nonce and tag; `undefined` for all else. */
function galois(name, algorithm, key, data) {
  if (!isNamed(algorithm, "AES-GCM")) return undefined;
  const { additionalData, iv, tagLength } = algorithm;
  if (tagLength !== undefined && tagLength !== 128) return undefined;
  if (additionalData !== undefined && !ArrayBufferIsView(additionalData) && !core.isAnyArrayBuffer(additionalData)) {
    return undefined;
  }
  const nonce = bytesOf(iv, 1);
  if (nonce.length !== NONCE_BYTES) return undefined;
  const secret = bytesOf(cryptoKeyExportNodeKeyMaterial(key).data, 2);
  const additional = additionalData === undefined ? NOTHING : bytesOf(additionalData, 1);
  const bytes = bytesOf(data, 3);
  if (name === "encrypt") {
    const sealed = new Uint8Array(bytes.length + TAG_BYTES);
    op_aes_gcm_seal(secret, nonce, additional, bytes, sealed);
    return TypedArrayPrototypeGetBuffer(sealed);
  }
  if (bytes.length < TAG_BYTES) throw checks().cipherError(algorithm, data);
  const opened = new Uint8Array(bytes.length - TAG_BYTES);
  try {
    op_aes_gcm_open(secret, nonce, additional, bytes, opened);
  } catch {
    throw checks().cipherError(algorithm, data);
  }
  return TypedArrayPrototypeGetBuffer(opened);
}
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** A method that says what is wrong as Cloudflare does. */
function worded(name) {
  const descriptor = ReflectGetOwnPropertyDescriptor(SubtleCrypto.prototype, name);
  const original = descriptor.value;
  const method = {
    [name](...args) {
      const { check, reworded } = checks();
      try {
        standardNames(name, args);
        check(name, args);
        if (name === "importKey" && internals.isOff("strict_crypto_checks")) checks().dropPublicUsages(args);
        if (name === "digest") {
          const algorithm = digestNamed(args[0]);
          if (algorithm !== null) return digests().digestAtOnce(algorithm, bytesOf(args[1], 2));
        }
        if (name === "encrypt" || name === "decrypt") {
          const result = galois(name, args[0], args[1], args[2]);
          if (result !== undefined) return PromiseResolve(result);
        }
      } catch (error) {
        return PromiseReject(error);
      }
      return PromisePrototypeThen(ReflectApply(original, this, args), results[name], (error) => {
        throw reworded(name, args, error);
      });
    },
  }[name];
  ObjectDefineProperty(method, "length", { __proto__: null, value: original.length, configurable: true });
  ObjectDefineProperty(SubtleCrypto.prototype, name, { __proto__: null, ...descriptor, value: method });
}

/** A JWK has all fields that there are, in Cloudflare's order. */
function tidy(exported) {
  const { kty, use, key_ops, ext, crv, x, y, d, n, e, p, q, dp, dq, qi, oth, k, pub, priv } = exported;
  if (kty === undefined) return exported;
  // Keys of elliptic curves name no algorithm (https://w3c.github.io/webcrypto/#ecdsa-operations-export-key).
  const alg = kty === "EC" ? undefined : exported.alg;
  const jwk = { kty, use, key_ops, alg, ext, crv, x, y, d, n, e, p, q, dp, dq, qi, oth, k, pub, priv };
  if (internals.isOff("enable_fast_jsg_struct")) {
    const names = ObjectKeys(jwk);
    for (let i = 0; i < names.length; i++) {
      if (jwk[names[i]] === undefined) delete jwk[names[i]];
    }
  }
  return jwk;
}

/** What is imported is checked once more, where keys are known. */
function checkImported(key) {
  if (!internals.isOff("strict_crypto_checks")) checks().checkExponent(key);
  return key;
}

const results = { __proto__: null, exportKey: tidy, importKey: checkImported };

function isNamed(algorithm, wanted) {
  const name = typeof algorithm === "object" && algorithm !== null ? algorithm.name : algorithm;
  return typeof name === "string" && StringPrototypeToUpperCase(name) === wanted;
}

/** Digests that are made at once, where their data lies; MD5 is in no standard of the web. */
const DIGESTS = ["SHA-256", "SHA-1", "SHA-384", "SHA-512", "MD5"];

function digestNamed(algorithm) {
  for (let i = 0; i < DIGESTS.length; i++) {
    if (isNamed(algorithm, DIGESTS[i])) return DIGESTS[i];
  }
  return null;
}

/** Cloudflare had Ed25519 under another name before it was in the standard. */
function standardNames(method, args) {
  const index = method === "importKey" ? 2 : method === "unwrapKey" ? 4 : 0;
  if (args.length > index && isNamed(args[index], "NODE-ED25519")) args[index] = { __proto__: null, name: "Ed25519" };
}

for (let i = 0; i < WORDED.length; i++) worded(WORDED[i]);

// (Outside of it: they have words of their own.)
bound("deriveBits", checkDerivation);
bound("deriveKey", checkDerivation);
bound("generateKey", checkGeneration);

ObjectDefineProperty(Crypto.prototype, "DigestStream", {
  __proto__: null,
  get() {
    const { DigestStream } = digests();
    ObjectDefineProperty(Crypto.prototype, "DigestStream", {
      __proto__: null,
      value: DigestStream,
      writable: true,
      enumerable: false,
      configurable: true,
    });
    return DigestStream;
  },
  enumerable: false,
  configurable: true,
});

/** About how much work a call asks for: 10 are a millisecond. */
function weightOf(name, algorithm) {
  if (name === "generateKey" && algorithm?.modulusLength > 0) return RSA_WEIGHT;
  const iterations = algorithm?.iterations;
  return iterations > 0 && iterations <= MAX_PBKDF2_ITERATIONS ? 1 + (iterations / 250 | 0) : 1;
}

/** Charges what a method does on other threads to the request that asks for it. */
function charge(name) {
  const descriptor = ReflectGetOwnPropertyDescriptor(SubtleCrypto.prototype, name);
  const original = descriptor.value;
  const charged = {
    [name](...args) {
      const io = core.getAsyncContext()?.io;
      if (io === undefined || io.over) return ReflectApply(original, this, args);
      let weight;
      try {
        weight = weightOf(name, args[0]);
      } catch (error) {
        return PromiseReject(error);
      }
      const job = op_job_begin(io.slot, weight);
      if (job < 0) {
        const { DOMException } = core.loadExtScript("ext:deno_web/01_dom_exception.js");
        return PromiseReject(new DOMException(TOO_MUCH, "QuotaExceededError"));
      }
      let promise;
      try {
        promise = ReflectApply(original, this, args);
      } catch (error) {
        op_job_end(job);
        throw error;
      }
      return PromisePrototypeThen(promise, (value) => {
        op_job_end(job);
        return value;
      }, (error) => {
        op_job_end(job);
        throw error;
      });
    },
  }[name];
  ObjectDefineProperty(charged, "length", { __proto__: null, value: original.length, configurable: true });
  ObjectDefineProperty(SubtleCrypto.prototype, name, { __proto__: null, ...descriptor, value: charged });
}

for (let i = 0; i < CHARGED.length; i++) charge(CHARGED[i]);
if (!internals.isOn("webcrypto_modern_algorithms")) {
  core.loadExtScript("ext:selvedge/crypto/classic.js").removeMethods(SubtleCrypto);
}

guard(Crypto.prototype, "getRandomValues");
guard(Crypto.prototype, "randomUUID");
guard(SubtleCrypto.prototype, "generateKey");

const { checkReceivers } = core.loadExtScript("ext:selvedge/receivers.js");
checkReceivers(Crypto);
checkReceivers(CryptoKey);
checkReceivers(SubtleCrypto);

/** A key of bytes, at once: for `KeyObject.toCryptoKey()`. */
function importNow(...args) {
  const { check, reworded } = checks();
  // (Reading the singleton gives the classes what new keys are marked with.)
  void crypto.subtle;
  try {
    standardNames("importKey", args);
    check("importKey", args);
    return importCryptoKeySync(args[0], args[1], args[2], args[3], args[4]);
  } catch (error) {
    throw reworded("importKey", args, error);
  }
}

return {
  Crypto: core.expose(Crypto),
  CryptoKey: core.expose(CryptoKey),
  SubtleCrypto: core.expose(SubtleCrypto),
  crypto,
  importNow,
  materialOf: cryptoKeyExportNodeKeyMaterial,
};
})();
