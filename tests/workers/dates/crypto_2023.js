// compatibility-date: 2023-07-01
// Web Crypto before its checks were strict (2023-08-01), and before 2023-12-01, when
// the public exponent became a Uint8Array.
import { equal, rejects, same } from "../assert.js";

const { subtle } = crypto;
const OAEP = { name: "RSA-OAEP", hash: "SHA-256" };

/** The example of RFC 7517, A.1. */
const n =
  "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw";
const imported = (e) => subtle.importKey("jwk", { kty: "RSA", n, e }, OAEP, true, ["encrypt"]);

export const exponentsAreBuffers = {
  async test() {
    const key = await imported("AQAB");
    const { publicExponent } = key.algorithm;
    equal(publicExponent instanceof ArrayBuffer, true);
    same([...new Uint8Array(publicExponent)], [1, 0, 1]);
    equal(key.algorithm.publicExponent, publicExponent);
    equal((await subtle.encrypt("RSA-OAEP", key, new Uint8Array([7]))).byteLength, 256);
  },
};

export const otherExponentsAreImported = {
  async test() {
    same([...new Uint8Array((await imported("BQ")).algorithm.publicExponent)], [5]);
  },
};

export const publicKeysOfExchangesMayNameUsages = {
  async test() {
    const algorithm = { name: "ECDH", namedCurve: "P-256" };
    const { publicKey, privateKey } = await subtle.generateKey(algorithm, true, ["deriveBits"]);
    const raw = await subtle.exportKey("raw", publicKey);
    const key = await subtle.importKey("raw", raw, algorithm, true, ["deriveBits", "deriveKey"]);
    equal((await subtle.deriveBits({ name: "ECDH", public: key }, privateKey, 256)).byteLength, 32);
    await rejects(subtle.importKey("raw", raw, algorithm, true, ["sign"]), "SyntaxError");
  },
};
