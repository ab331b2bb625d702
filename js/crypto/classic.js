// `crypto.subtle` without the flag `webcrypto_modern_algorithms`: what it does not have.
(function () {
const { primordials } = __bootstrap;
const { ArrayPrototypeIncludes, String } = primordials;
const { failure, nameOf, upper, USAGES } = __bootstrap.core.loadExtScript("ext:selvedge/crypto/common.js");

const FORMATS = ["raw-public", "raw-secret", "raw-seed"];
const METHODS = ["decapsulateBits", "decapsulateKey", "encapsulateBits", "encapsulateKey", "getPublicKey"];
const DIGESTS = ["MD5", "SHA-1", "SHA-256", "SHA-384", "SHA-512"];

function isKnown(algorithm) {
  const name = upper(nameOf(algorithm));
  return USAGES[name] !== undefined || name === "HKDF" || name === "PBKDF2";
}

function checkFormat(format) {
  if (ArrayPrototypeIncludes(FORMATS, String(format))) {
    throw failure("NotSupportedError", `Key format "${String(format)}" requires the webcrypto_modern_algorithms flag.`);
  }
}

function checkName(algorithm, what) {
  if (!isKnown(algorithm)) {
    throw failure("NotSupportedError", `Unrecognized ${what} "${nameOf(algorithm)}" requested.`);
  }
}

const CHECKS = {
  __proto__: null,
  deriveKey: (args) => checkName(args[2], "derived key type"),
  digest(args) {
    if (!ArrayPrototypeIncludes(DIGESTS, upper(nameOf(args[0])))) {
      throw failure("NotSupportedError", "Unrecognized or unimplemented digest algorithm requested.");
    }
  },
  exportKey: (args) => checkFormat(args[0]),
  generateKey: (args) => checkName(args[0], "key generation algorithm"),
  importKey(args) {
    checkFormat(args[0]);
    checkName(args[2], "key import algorithm");
  },
  unwrapKey(args) {
    checkFormat(args[0]);
    checkName(args[4], "key import algorithm");
  },
  wrapKey: (args) => checkFormat(args[0]),
};

/** Throws what Cloudflare throws where the flag is off. */
function checkClassic(method, args) {
  const check = CHECKS[method];
  if (check !== undefined) check(args);
}

/** Takes the methods away. */
function removeMethods(SubtleCrypto) {
  for (let i = 0; i < METHODS.length; i++) delete SubtleCrypto.prototype[METHODS[i]];
  delete SubtleCrypto.supports;
}

return { checkClassic, removeMethods };
})();
