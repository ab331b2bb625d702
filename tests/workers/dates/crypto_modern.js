// compatibility-flags: webcrypto_modern_algorithms immutable_api_prototypes
// What the flags add that no date brings.
import { equal, ok, same, throws } from "../assert.js";

const { subtle } = crypto;

export const secretsAreEncapsulated = {
  async test() {
    const { publicKey, privateKey } = await subtle.generateKey("ML-KEM-768", false, [
      "encapsulateBits",
      "decapsulateBits",
    ]);
    const { sharedKey, ciphertext } = await subtle.encapsulateBits("ML-KEM-768", publicKey);
    const again = await subtle.decapsulateBits("ML-KEM-768", privateKey, ciphertext);
    same([...new Uint8Array(again)], [...new Uint8Array(sharedKey)]);
  },
};

export const signaturesAreVerified = {
  async test() {
    const { publicKey, privateKey } = await subtle.generateKey("ML-DSA-65", true, ["sign", "verify"]);
    const data = new Uint8Array([1, 2, 3]);
    const signature = await subtle.sign("ML-DSA-65", privateKey, data);
    equal(signature.byteLength, 3309);
    equal(await subtle.verify("ML-DSA-65", publicKey, signature, data), true);
    equal((await subtle.getPublicKey(privateKey, ["verify"])).type, "public");
  },
};

export const whatIsThereIsTold = {
  async test() {
    equal(SubtleCrypto.supports("digest", "SHA-256"), true);
    equal((await subtle.digest("SHA3-256", new Uint8Array(1))).byteLength, 32);
  },
};

export const prototypesAreReadOnly = {
  test() {
    ok(!Object.getOwnPropertyDescriptor(Headers, "prototype").writable);
    ok(!Object.getOwnPropertyDescriptor(URL, "prototype").writable);
    throws(() => {
      Response.prototype = {};
    }, TypeError);
  },
};
