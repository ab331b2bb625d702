// compatibility-date: 2026-11-01
// What strict checks refuse, and what needs the flag `webcrypto_modern_algorithms`.
import { equal, same, throwsTexts } from "../assert.js";

const { subtle } = crypto;
const OAEP = { name: "RSA-OAEP", hash: "SHA-256" };

/** The example of RFC 7517, A.1. */
const n =
  "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw";

export const otherExponentsAreRefused = {
  async test() {
    const imported = (e) => subtle.importKey("jwk", { kty: "RSA", n, e }, OAEP, true, ["encrypt"]);
    equal((await imported("AQAB")).algorithm.publicExponent instanceof Uint8Array, true);
    same([...(await imported("Aw")).algorithm.publicExponent], [3]);
    await throwsTexts({
      five: [() => imported("BQ"), "OperationError: Imported RSA key has invalid publicExponent 5."],
    });
  },
};

export const newerAlgorithmsAreNotThere = {
  async test() {
    equal("getPublicKey" in subtle, false);
    equal("encapsulateBits" in subtle, false);
    equal("supports" in SubtleCrypto, false);
    const key = await subtle.generateKey({ name: "AES-GCM", length: 128 }, true, ["encrypt"]);
    await throwsTexts({
      generate: [
        () => subtle.generateKey("ML-KEM-768", true, ["decapsulateBits"]),
        'NotSupportedError: Unrecognized key generation algorithm "ML-KEM-768" requested.',
      ],
      import: [
        () => subtle.importKey("raw", new Uint8Array(32), "ChaCha20-Poly1305", true, ["encrypt"]),
        'NotSupportedError: Unrecognized key import algorithm "ChaCha20-Poly1305" requested.',
      ],
      format: [
        () => subtle.exportKey("raw-secret", key),
        'NotSupportedError: Key format "raw-secret" requires the webcrypto_modern_algorithms flag.',
      ],
      digest: [
        () => subtle.digest("SHA3-256", new Uint8Array(1)),
        "NotSupportedError: Unrecognized or unimplemented digest algorithm requested.",
      ],
    });
  },
};
