// Between KeyObjects and CryptoKeys.
import { Buffer } from "node:buffer";
import crypto, { KeyObject } from "node:crypto";
import { equal, ok, same, throws } from "../assert.js";

const { subtle } = crypto.webcrypto;
const data = new Uint8Array([1, 2, 3]);

export const secrets_come_from_crypto_keys = {
  async test() {
    const key = await subtle.generateKey({ name: "HMAC", hash: "SHA-256" }, true, ["sign"]);
    const object = KeyObject.from(key);
    ok(object instanceof KeyObject);
    equal(object.type, "secret");
    equal(object.symmetricKeySize, 64);
    const raw = Buffer.from(await subtle.exportKey("raw", key));
    ok(object.export().equals(raw));
    const mac = Buffer.from(await subtle.sign("HMAC", key, data));
    ok(crypto.createHmac("sha256", object).update(data).digest().equals(mac));
  },
};

export const pairs_come_from_crypto_keys = {
  async test() {
    const pair = await subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, true, ["sign", "verify"]);
    const object = KeyObject.from(pair.privateKey);
    same([object.type, object.asymmetricKeyType], ["private", "ec"]);
    equal(object.asymmetricKeyDetails.namedCurve, "prime256v1");
    ok(object.export({ type: "pkcs8", format: "pem" }).startsWith("-----BEGIN PRIVATE KEY-----\n"));
    const other = KeyObject.from(pair.publicKey);
    equal(other.type, "public");
    const signature = crypto.createSign("SHA256").update(data).sign(object);
    ok(crypto.createVerify("SHA256").update(data).verify(other, signature));
  },
};

export const what_is_not_extractable_stays_so = {
  async test() {
    const key = await subtle.generateKey({ name: "AES-GCM", length: 128 }, false, ["encrypt"]);
    const object = KeyObject.from(key);
    equal(object.type, "secret");
    throws(() => object.export(), TypeError);
    throws(() => object.export({ format: "jwk" }), TypeError);
  },
};

export const other_things_are_no_crypto_keys = {
  test() {
    equal(throws(() => KeyObject.from({}), TypeError).code, "ERR_INVALID_ARG_TYPE");
    equal(throws(() => KeyObject.from(), TypeError).code, "ERR_INVALID_ARG_TYPE");
  },
};

export const key_objects_become_crypto_keys = {
  async test() {
    const secret = crypto.createSecretKey(Buffer.alloc(20, 7));
    const mac = secret.toCryptoKey({ name: "HMAC", hash: "SHA-256" }, true, ["sign"]);
    same([mac.type, mac.extractable, mac.usages], ["secret", true, ["sign"]]);
    equal(mac.algorithm.hash.name, "SHA-256");
    const expected = crypto.createHmac("sha256", secret).update(data).digest();
    ok(Buffer.from(await subtle.sign("HMAC", mac, data)).equals(expected));

    const { privateKey, publicKey } = crypto.generateKeyPairSync("ec", { namedCurve: "P-256" });
    const algorithm = { name: "ECDSA", namedCurve: "P-256" };
    const signing = privateKey.toCryptoKey(algorithm, false, ["sign"]);
    const verifying = publicKey.toCryptoKey(algorithm, true, ["verify"]);
    same([signing.type, signing.extractable, verifying.type], ["private", false, "public"]);
    const signature = await subtle.sign({ name: "ECDSA", hash: "SHA-256" }, signing, data);
    ok(await subtle.verify({ name: "ECDSA", hash: "SHA-256" }, verifying, signature, data));
  },
};

export const bad_arguments_of_to_crypto_key = {
  test() {
    const secret = (size) => crypto.createSecretKey(Buffer.alloc(size));
    const text = (act) => {
      const { name, message } = throws(act, Error);
      return `${name}: ${message}`;
    };
    equal(
      text(() => secret(20).toCryptoKey("foo", true, ["sign"])),
      'NotSupportedError: Unrecognized key import algorithm "foo" requested.',
    );
    equal(
      text(() => secret(16).toCryptoKey("AES-GCM", true, [])),
      "SyntaxError: Secret/private CryptoKeys must have at least one usage.",
    );
    equal(
      text(() => secret(5).toCryptoKey("AES-GCM", true, ["encrypt"])),
      "DataError: Imported AES key length must be 128, 192, or 256 bits but provided 40.",
    );
  },
};
