import crypto from "node:crypto";
import { promisify } from "node:util";
import { equal, ok, same, throws } from "../assert.js";

const hex = (buffer) => Buffer.from(buffer).toString("hex");

export const hashes = {
  async test() {
    equal(crypto.createHash("md5").update("abc").digest("hex"), "900150983cd24fb0d6963f7d28e17f72");
    equal(crypto.createHash("sha1").update("a").update(Buffer.from("bc")).digest("hex"), "a9993e364706816aba3e25717850c26c9cd0d89d");
    equal(crypto.createHash("SHA-256").update("abc").digest("base64"), "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=");
    equal(crypto.createHash("sha512").update("").digest("hex").slice(0, 16), "cf83e1357eefb8bd");
    equal(crypto.createHash("sha384").update("abc").digest().length, 48);
    equal(crypto.createHash("ripemd160").update("abc").digest("hex"), "8eb208f7e05d987a9b044a8e98c6b087f15a0bfc");
    ok(crypto.getHashes().includes("sha256"));
    const first = crypto.createHash("sha256").update("a");
    const copy = first.copy();
    equal(first.update("b").digest("hex"), crypto.createHash("sha256").update("ab").digest("hex"));
    equal(copy.digest("hex"), crypto.createHash("sha256").update("a").digest("hex"));
    throws(() => copy.digest(), Error);
    throws(() => crypto.createHash("nothing"), Error);
    equal(crypto.hash("sha1", "abc"), "a9993e364706816aba3e25717850c26c9cd0d89d");
    const streamed = crypto.createHash("sha256");
    streamed.end("abc");
    const [chunk] = await streamed.toArray();
    equal(hex(chunk), crypto.createHash("sha256").update("abc").digest("hex"));
  },
};

export const hmacs = {
  test() {
    equal(crypto.createHmac("sha256", "key").update("data").digest("hex"), "5031fe3d989c6d1537a013fa6e739da23463fdaec3b70137d828e36ace221bd0");
    const key = crypto.createSecretKey(Buffer.from("key"));
    equal(crypto.createHmac("md5", key).update("data").digest("hex"), "9d5c73ef85594d34ec4438b7c97e51d8");
    throws(() => crypto.createHmac("nothing", "key"), Error);
  },
};

export const random_values = {
  async test() {
    equal(crypto.randomBytes(8).length, 8);
    ok(hex(crypto.randomBytes(16)) !== hex(crypto.randomBytes(16)));
    equal((await promisify(crypto.randomBytes)(5)).length, 5);
    ok(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/.test(crypto.randomUUID()));
    for (let i = 0; i < 20; i++) {
      const value = crypto.randomInt(5, 8);
      ok(value >= 5 && value < 8);
    }
    const filled = crypto.randomFillSync(Buffer.alloc(70000));
    ok(filled.some((byte) => byte !== 0));
    ok(crypto.checkPrimeSync(7n) && !crypto.checkPrimeSync(9n));
    ok(crypto.checkPrimeSync(crypto.generatePrimeSync(64)));
  },
};

export const keys_from_passwords = {
  async test() {
    equal(crypto.pbkdf2Sync("password", "salt", 1, 20, "sha1").toString("hex"), "0c60c80f961f0e71f3a9b524af6012062fe037a6");
    equal(crypto.pbkdf2Sync("password", "salt", 2, 32, "sha256").toString("hex"), "ae4d0c95af6b46d32d0adff928f06dd02a303f8ef3c251dfd6e2d85a95474c43");
    equal(hex(await promisify(crypto.pbkdf2)("password", "salt", 1, 4, "sha512")), "867f70cf");
    equal(crypto.scryptSync("password", "NaCl", 64, { N: 1024, r: 8, p: 16 }).toString("hex").slice(0, 32), "fdbabe1c9d3472007856e7190d01e9fe");
    equal(hex(await promisify(crypto.scrypt)("", "", 8, { N: 16, r: 1, p: 1 })), "77d6576238657b20");
    const okm = crypto.hkdfSync("sha256", Buffer.alloc(22, 0x0b), Buffer.from("000102030405060708090a0b0c", "hex"), Buffer.from("f0f1f2f3f4f5f6f7f8f9", "hex"), 42);
    equal(hex(okm), "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865");
    throws(() => crypto.pbkdf2Sync("a", "b", 1, 1, "nothing"), Error);
    throws(() => crypto.scryptSync("a", "b", 1, { N: 3 }), Error);
  },
};

function sealed(name, key, iv, text) {
  const cipher = crypto.createCipheriv(name, key, iv);
  return Buffer.concat([cipher.update(text.slice(0, 3)), cipher.update(text.slice(3)), cipher.final()]);
}

export const ciphers = {
  test() {
    const text = Buffer.from("some text that is longer than a block");
    for (const [name, keyLength, ivLength] of [["aes-128-cbc", 16, 16], ["aes-256-cbc", 32, 16], ["aes-192-ctr", 24, 16], ["aes-256-ecb", 32, 0]]) {
      const key = Buffer.alloc(keyLength, 7);
      const iv = ivLength === 0 ? null : Buffer.alloc(ivLength, 9);
      const hidden = sealed(name, key, iv, text);
      const opener = crypto.createDecipheriv(name, key, iv);
      equal(opener.update(hidden, null, "utf8") + opener.final("utf8"), text.toString(), name);
    }
    equal(sealed("aes-128-cbc", Buffer.alloc(16), Buffer.alloc(16), Buffer.from("hello")).toString("hex"), "9834ed518cbc8fbe9af3c6ecb75eb8c0");
    ok(crypto.getCiphers().includes("aes-256-gcm"));
    equal(crypto.getCipherInfo("aes-256-cbc").keyLength, 32);
    throws(() => crypto.createCipheriv("aes-256-cbc", Buffer.alloc(16), Buffer.alloc(16)), RangeError);
    throws(() => crypto.createCipheriv("aes-256-cbc", Buffer.alloc(32), Buffer.alloc(3)), TypeError);
    throws(() => crypto.createCipheriv("nothing", Buffer.alloc(32), null), Error);
    const wrong = crypto.createDecipheriv("aes-128-cbc", Buffer.alloc(16), Buffer.alloc(16));
    wrong.update(Buffer.alloc(16, 3));
    throws(() => wrong.final(), Error);
  },
};

export const authenticated_ciphers = {
  test() {
    for (const name of ["aes-128-gcm", "aes-256-gcm"]) {
      const key = Buffer.alloc(name === "aes-128-gcm" ? 16 : 32, 1);
      const iv = Buffer.alloc(12, 2);
      const cipher = crypto.createCipheriv(name, key, iv);
      cipher.setAAD(Buffer.from("header"));
      const hidden = Buffer.concat([cipher.update("secret"), cipher.final()]);
      const tag = cipher.getAuthTag();
      equal(tag.length, 16);
      const opener = crypto.createDecipheriv(name, key, iv);
      opener.setAAD(Buffer.from("header"));
      opener.setAuthTag(tag);
      equal(opener.update(hidden, null, "utf8") + opener.final("utf8"), "secret");
      const forged = crypto.createDecipheriv(name, key, iv);
      forged.setAAD(Buffer.from("other"));
      forged.setAuthTag(tag);
      forged.update(hidden);
      throws(() => forged.final(), Error);
    }
  },
};

export const signatures = {
  test() {
    const data = Buffer.from("a message");
    for (const [type, options, digest] of [
      ["rsa", { modulusLength: 1024 }, "sha256"],
      ["ec", { namedCurve: "P-256" }, "sha256"],
      ["ec", { namedCurve: "secp384r1" }, "sha384"],
      ["ed25519", {}, null],
    ]) {
      const { publicKey, privateKey } = crypto.generateKeyPairSync(type, options);
      equal(publicKey.asymmetricKeyType, type);
      const signature = crypto.sign(digest, data, privateKey);
      ok(crypto.verify(digest, data, publicKey, signature), type);
      ok(!crypto.verify(digest, Buffer.from("other"), publicKey, signature), type);
      // Keys go out and come back.
      const pem = privateKey.export({ type: "pkcs8", format: "pem" });
      ok(pem.startsWith("-----BEGIN PRIVATE KEY-----\n"));
      ok(crypto.verify(digest, data, crypto.createPublicKey(pem), crypto.sign(digest, data, pem)), type);
      const jwk = publicKey.export({ format: "jwk" });
      ok(crypto.createPublicKey({ key: jwk, format: "jwk" }).equals(publicKey), type);
      const der = publicKey.export({ type: "spki", format: "der" });
      ok(crypto.createPublicKey({ key: der, type: "spki", format: "der" }).equals(publicKey), type);
    }
  },
};

export const signatures_of_streams = {
  test() {
    const { publicKey, privateKey } = crypto.generateKeyPairSync("ec", { namedCurve: "prime256v1" });
    const signature = crypto.createSign("SHA256").update("some ").update("data").sign(privateKey, "base64");
    ok(crypto.createVerify("SHA256").update("some data").verify(publicKey, signature, "base64"));
    const flat = crypto.sign("sha256", Buffer.from("x"), { key: privateKey, dsaEncoding: "ieee-p1363" });
    equal(flat.length, 64);
    ok(crypto.verify("sha256", Buffer.from("x"), { key: publicKey, dsaEncoding: "ieee-p1363" }, flat));
  },
};

export const rsa = {
  test() {
    const { publicKey, privateKey } = crypto.generateKeyPairSync("rsa", { modulusLength: 1024 });
    equal(publicKey.asymmetricKeyDetails.modulusLength, 1024);
    equal(publicKey.asymmetricKeyDetails.publicExponent, 65537n);
    const hidden = crypto.publicEncrypt(publicKey, Buffer.from("secret"));
    equal(crypto.privateDecrypt(privateKey, hidden).toString(), "secret");
    const oaep = crypto.publicEncrypt({ key: publicKey, oaepHash: "sha256" }, Buffer.from("s"));
    equal(crypto.privateDecrypt({ key: privateKey, oaepHash: "sha256" }, oaep).toString(), "s");
    const pss = { padding: crypto.constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 };
    const signature = crypto.sign("sha256", Buffer.from("m"), { key: privateKey, ...pss });
    ok(crypto.verify("sha256", Buffer.from("m"), { key: publicKey, ...pss }, signature));
  },
};

export const secrets_that_two_agree_on = {
  test() {
    const alice = crypto.createECDH("secp256k1");
    const bob = crypto.createECDH("secp256k1");
    alice.generateKeys();
    bob.generateKeys();
    equal(alice.computeSecret(bob.getPublicKey(), null, "hex"), bob.computeSecret(alice.getPublicKey("hex", "compressed"), "hex", "hex"));
    const [one, two] = [crypto.generateKeyPairSync("x25519"), crypto.generateKeyPairSync("x25519")];
    equal(
      hex(crypto.diffieHellman({ privateKey: one.privateKey, publicKey: two.publicKey })),
      hex(crypto.diffieHellman({ privateKey: two.privateKey, publicKey: one.publicKey })),
    );
    const group = crypto.getDiffieHellman("modp14");
    const other = crypto.getDiffieHellman("modp14");
    equal(group.getPrime("hex").slice(0, 40), "ffffffffffffffffc90fdaa22168c234c4c6628b");
    group.generateKeys();
    other.generateKeys();
    equal(hex(group.computeSecret(other.getPublicKey())), hex(other.computeSecret(group.getPublicKey())));
  },
};

export const key_objects = {
  test() {
    const secret = crypto.createSecretKey("00ff", "hex");
    equal(secret.type, "secret");
    equal(secret.symmetricKeySize, 2);
    equal(secret.export().toString("hex"), "00ff");
    same(secret.export({ format: "jwk" }), { kty: "oct", k: "AP8" });
    equal(crypto.generateKeySync("aes", { length: 256 }).symmetricKeySize, 32);
    throws(() => crypto.createPrivateKey("nothing"), Error);
    ok(crypto.timingSafeEqual(Buffer.from("a"), Buffer.from("a")));
    throws(() => crypto.timingSafeEqual(Buffer.from("a"), Buffer.from("ab")), RangeError);
  },
};

export const what_it_shares_with_the_web = {
  async test() {
    equal(crypto.webcrypto, globalThis.crypto);
    equal(crypto.subtle, globalThis.crypto.subtle);
    equal(hex(await crypto.subtle.digest("SHA-256", Buffer.from("abc"))), crypto.createHash("sha256").update("abc").digest("hex"));
    ok(crypto.getRandomValues(new Uint8Array(4)).length === 4);
  },
};

export const unknown_ciphers = {
  test() {
    const bytes = Buffer.alloc(16);
    for (const run of [
      () => crypto.createCipheriv("foo", bytes, bytes),
      () => crypto.createDecipheriv("aes-128-xyz", bytes, bytes),
    ]) {
      const error = throws(run, Error);
      equal(error.message, "Unknown cipher");
      equal(error.code, "ERR_CRYPTO_UNKNOWN_CIPHER");
    }
  },
};
