// What is said about wrong arguments of `crypto.subtle`, letter for letter.
import { encode, equal, rejects, throws } from "../assert.js";

const { subtle } = crypto;
const GCM = { name: "AES-GCM", length: 256 };
const iv = new Uint8Array(12);

async function fails(promise, name, message) {
  equal((await rejects(promise, name)).message, message);
}

const text = encode("text");
const gcm = (usages = ["encrypt", "decrypt"], extractable = true) => subtle.generateKey(GCM, extractable, usages);

export const wrong_types = {
  async test() {
    const wrong = (method, index, type) =>
      `Failed to execute '${method}' on 'SubtleCrypto': parameter ${index} is not of type '${type}'.`;
    const key = await gcm();
    await fails(subtle.sign(), TypeError, wrong("sign", 1, "string or SignAlgorithm"));
    await fails(subtle.sign("HMAC", {}, text), TypeError, wrong("sign", 2, "CryptoKey"));
    await fails(subtle.encrypt({ name: "AES-GCM", iv }, key, "x"), TypeError, wrong("encrypt", 3, "BufferSource"));
    await fails(subtle.digest("SHA-1"), TypeError, wrong("digest", 2, "BufferSource"));
    await fails(subtle.generateKey(GCM, true), TypeError, wrong("generateKey", 3, "Array"));
    await fails(subtle.importKey("raw", "x", "AES-GCM", true, []), TypeError, wrong("importKey", 2, "BufferSource or JsonWebKey"));
    await fails(subtle.exportKey("raw"), TypeError, wrong("exportKey", 2, "CryptoKey"));
    await fails(subtle.deriveBits(), TypeError, wrong("deriveBits", 1, "string or DeriveKeyAlgorithm"));
    await fails(subtle.unwrapKey("raw", text), TypeError, wrong("unwrapKey", 3, "CryptoKey"));
    throws(() => new CryptoKey(), TypeError);
    throws(() => new SubtleCrypto(), TypeError);
  },
};

export const keys_for_something_else = {
  async test() {
    const key = await gcm(["encrypt"], false);
    await fails(
      subtle.decrypt({ name: "AES-GCM", iv }, key, new Uint8Array(32)),
      "InvalidAccessError",
      "Requested key usage \"decrypt\" does not match any usage listed in this CryptoKey.",
    );
    await fails(
      subtle.encrypt({ name: "AES-CBC", iv }, key, text),
      "InvalidAccessError",
      "Requested algorithm \"AES-CBC\" does not match this CryptoKey's algorithm \"AES-GCM\".",
    );
    await fails(subtle.exportKey("raw", key), "InvalidAccessError", "Attempt to export non-extractable AES-GCM key.");
  },
};

export const exports_that_do_not_exist = {
  async test() {
    await fails(
      subtle.exportKey("spki", await gcm()),
      "NotSupportedError",
      "AES-GCM key only supports exporting \"raw\", \"raw-secret\" & \"jwk\", not \"spki\".",
    );
    const hmac = await subtle.generateKey({ name: "HMAC", hash: "SHA-256" }, true, ["sign"]);
    await fails(subtle.exportKey("zzz", hmac), "NotSupportedError", "Unimplemented key export format \"zzz\".");
    const pair = await subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, true, ["sign", "verify"]);
    await fails(
      subtle.exportKey("pkcs8", pair.publicKey),
      "InvalidAccessError",
      "Asymmetric pkcs8 export requires private key (not \"public\").",
    );
    await fails(
      subtle.exportKey("spki", pair.privateKey),
      "InvalidAccessError",
      "Asymmetric spki export requires public key (not \"private\").",
    );
    await fails(
      subtle.exportKey("raw", pair.privateKey),
      "InvalidAccessError",
      "Raw export of elliptic curve keys is only allowed for public keys.",
    );
  },
};

export const keys_that_cannot_be_made = {
  async test() {
    const make = (algorithm, usages = ["encrypt"]) => subtle.generateKey(algorithm, true, usages);
    await fails(make({ name: "NOPE" }), "NotSupportedError", "Unrecognized key generation algorithm \"NOPE\" requested.");
    await fails(make(GCM, []), "SyntaxError", "Secret/private CryptoKeys must have at least one usage.");
    await fails(make(GCM, ["sign"]), "SyntaxError", "Attempt to generate AES-GCM key with invalid usage \"sign\".");
    await fails(make(GCM, ["zzz"]), "SyntaxError", "Attempt to generate AES-GCM key with invalid usage \"zzz\".");
    await fails(
      make({ name: "AES-GCM", length: 100 }),
      "OperationError",
      "Generated AES key length must be 128, 192, or 256 bits but requested 100.",
    );
    await fails(make("AES-GCM"), TypeError, "Missing field \"length\" in \"algorithm\".");
    await fails(make({ name: "HMAC" }, ["sign"]), TypeError, "Missing field \"hash\" in \"algorithm\".");
    await fails(make({ name: "ECDSA" }, ["sign"]), TypeError, "Missing field \"namedCurve\" in \"algorithm\".");
    await fails(
      make({ name: "ECDSA", namedCurve: "P-1" }, ["sign"]),
      "NotSupportedError",
      "Unrecognized or unimplemented EC curve \"P-1\" requested.",
    );
    const rsa = { name: "RSA-PSS", hash: "SHA-256", modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]) };
    await fails(make({ ...rsa, modulusLength: 256 }, ["sign"]), "OperationError", "RSA key size is too small.");
    await fails(
      make({ ...rsa, publicExponent: new Uint8Array([2]) }, ["sign"]),
      "OperationError",
      "The \"publicExponent\" must be either 3 or 65537, but got 2.",
    );
    await fails(make({ ...rsa, publicExponent: undefined }, ["sign"]), TypeError, "Missing field \"publicExponent\" in \"algorithm\".");
  },
};

export const keys_that_cannot_be_imported = {
  async test() {
    const take = (format, data, algorithm, usages = ["encrypt"]) => subtle.importKey(format, data, algorithm, true, usages);
    const bytes = new Uint8Array(16);
    await fails(take("zzz", bytes, "AES-GCM"), "NotSupportedError", "Unrecognized key import format \"zzz\".");
    await fails(take("raw", bytes, "NOPE"), "NotSupportedError", "Unrecognized key import algorithm \"NOPE\" requested.");
    await fails(
      take("raw", new Uint8Array(5), "AES-GCM"),
      "DataError",
      "Imported AES key length must be 128, 192, or 256 bits but provided 40.",
    );
    await fails(take("raw", bytes, "AES-GCM", []), "SyntaxError", "Secret/private CryptoKeys must have at least one usage.");
    await fails(take("raw", bytes, "HMAC", ["sign"]), TypeError, "Missing field \"hash\" in \"algorithm\".");
    await fails(
      take("jwk", bytes, "AES-GCM"),
      TypeError,
      "Import data provided for \"jwk\" import format must be a JsonWebKey.",
    );
    await fails(
      take("raw", { kty: "oct" }, "AES-GCM"),
      TypeError,
      "Import data provided for buffer-based import formats must be a buffer source.",
    );
    await fails(
      take("jwk", { kty: "RSA" }, "AES-GCM"),
      "DataError",
      "Symmetric \"jwk\" key import requires a JSON Web Key with Key Type parameter \"kty\" equal to \"oct\" " +
        "(encountered \"RSA\").",
    );
    const ec = { name: "ECDSA", namedCurve: "P-256" };
    await fails(take("spki", bytes, ec, ["verify"]), "DataError", "Invalid SPKI input.");
    await fails(take("pkcs8", bytes, { name: "RSA-PSS", hash: "SHA-256" }, ["sign"]), "DataError", "Invalid PKCS8 input.");
    await fails(take("raw", bytes, "HKDF", ["deriveBits"]), "SyntaxError", "HKDF key cannot be extractable.");
  },
};

export const ciphers_with_wrong_parameters = {
  async test() {
    const key = await gcm();
    const seal = (algorithm) => subtle.encrypt({ name: "AES-GCM", ...algorithm }, key, text);
    await fails(seal({}), TypeError, "Missing field \"iv\" in \"algorithm\".");
    await fails(seal({ iv: new Uint8Array() }), "OperationError", "AES-GCM IV must not be empty.");
    await fails(seal({ iv, tagLength: 5 }), "OperationError", "Invalid AES-GCM tag length 5.");
    await fails(
      subtle.decrypt({ name: "AES-GCM", iv }, key, new Uint8Array(2)),
      "OperationError",
      "Ciphertext length of 16 bits must be greater than or equal to the size of the AES-GCM tag length of 128 bits.",
    );
    await fails(
      subtle.decrypt({ name: "AES-GCM", iv }, key, new Uint8Array(32)),
      "OperationError",
      "Decryption failed. This could be due to a ciphertext authentication failure, bad padding, incorrect CryptoKey, " +
        "or another algorithm-specific reason. Input length was 16, output length expected to be 16 for AES-GCM",
    );
    const cbc = await subtle.generateKey({ name: "AES-CBC", length: 256 }, true, ["encrypt", "decrypt"]);
    await fails(
      subtle.encrypt({ name: "AES-CBC", iv }, cbc, text),
      "OperationError",
      "AES-CBC IV must be 16 bytes long (provided 12 bytes).",
    );
    const ctr = await subtle.generateKey({ name: "AES-CTR", length: 256 }, true, ["encrypt"]);
    await fails(
      subtle.encrypt({ name: "AES-CTR", counter: iv, length: 64 }, ctr, text),
      "OperationError",
      "Counter must have length of 16 bytes (provided 12).",
    );
    await fails(
      subtle.encrypt({ name: "AES-CTR", counter: new Uint8Array(16), length: 0 }, ctr, text),
      "OperationError",
      "Invalid counter of 0 bits length provided.",
    );
  },
};

export const signatures_and_derivations_with_wrong_parameters = {
  async test() {
    const pair = await subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, true, ["sign", "verify"]);
    await fails(
      subtle.sign("ECDSA", pair.privateKey, text),
      TypeError,
      "Missing \"hash\" in AlgorithmIdentifier. (ECDSA requires that the hash algorithm be specified at call time " +
        "rather than on the key. This differs from other WebCrypto algorithms for historical reasons.)",
    );
    await fails(
      subtle.sign({ name: "ECDSA", hash: "nope" }, pair.privateKey, text),
      "NotSupportedError",
      "Unrecognized or unimplemented digest algorithm requested.",
    );
    const password = await subtle.importKey("raw", text, "PBKDF2", false, ["deriveBits"]);
    const slow = { name: "PBKDF2", hash: "SHA-256", salt: text, iterations: 1 };
    await fails(
      subtle.deriveBits({ ...slow, iterations: 0 }, password, 128),
      "OperationError",
      "PBKDF2 requires a positive iteration count (requested 0).",
    );
    await fails(subtle.deriveBits(slow, password, null), "OperationError", "PBKDF2 cannot derive a key with null length.");
    await fails(
      subtle.deriveBits(slow, password, 7),
      "OperationError",
      "PBKDF2 requires a derived key length that is a multiple of eight (requested 7).",
    );
    const secret = await subtle.importKey("raw", text, "HKDF", false, ["deriveBits"]);
    await fails(
      subtle.deriveBits({ name: "HKDF", hash: "SHA-256", info: text }, secret, 128),
      TypeError,
      "Missing field \"salt\" in \"algorithm\".",
    );
    const { privateKey, publicKey } = await subtle.generateKey({ name: "ECDH", namedCurve: "P-256" }, true, ["deriveBits"]);
    await fails(subtle.deriveBits("ECDH", privateKey, 128), TypeError, "Missing field \"public\" in \"derivedKeyParams\".");
    await fails(
      subtle.deriveBits({ name: "ECDH", public: publicKey }, privateKey, 4096),
      "OperationError",
      "Derived key length (4096 bits) is too long (should be at most 256 bits).",
    );
    await fails(
      subtle.deriveBits({ name: "ECDH", public: privateKey }, privateKey, 128),
      "InvalidAccessError",
      "The provided key has type \"private\", not \"public\"",
    );
  },
};
