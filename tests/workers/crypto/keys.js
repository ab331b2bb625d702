// Every algorithm with every format that its keys have.
import { encode, equal, hex, ok, same } from "../assert.js";

const { subtle } = crypto;
/** A key for these tests: to make one takes a while. */
const RSA_KEY = {
  kty: "RSA",
  n: "sbWeqb3jjYgh7HD9S_2EhWQt189XsHPZMc0g_L6HSrWNj5N0ntrN5cm1unYLBUN4gP3W5ic6TrxGEz5fIVRkQQGfr5MnkKsorJkH" +
    "VpQYSr2CkiGHwfvlqM1wJ5YhecBTWUtq7UgQQ-O9MiC_0JtVqNqGVddftqqUBFEr3-E9pBA3HfttBWkbZjEMf2rhkMSh94c1VmUe" +
    "qKvDzc8cnwNAOvQn4Wzn-1XYFQaONspHsCov0FK_cN_hFRrQEVMPWFdplBgYWX9jPsF-GAPEh22LjEqV0VvgKoMew2OGpLwwa5G6" +
    "Mz_j8E0niDHYaWmqwHWIP_Ftcfza7khEVx9Ym0HPdw",
  e: "AQAB",
  d: "A0c_cxAut3iwb4UyFwnJPRC5C8cmbfnlItcO6bq2EjnBL8nfl-Kfc8LB2Hu-_kzdVzvXkA1fNP6iKE65QIsnAk_-WyXS0AdoS67T" +
    "BNTckdxnITz_HSQBe5i2nfRWD8Hth7MteM0gh7AW2GrkPvvum5vUaJb9jAgfjOjWb13fXjxqcVApnfQj565Sxa_9FDX0Dmkkeoe9" +
    "IKFXhRW8iWa9-KXgsklvrnmyFcooxknmNsWEyWIiBS_7uAmbolLbKXMNCwEYSBye1RixqFNRqHg6V1rebbNRlFsG1y847r7wzJbI" +
    "XzOxzNHXlvgt3NGOCw0is_LPPxY5aPLm5oc1xYnscQ",
  p: "6RxzOWoOCIMVWribcMn8Zd8HZchF-1HwXnVDFIbtFx6tFJBCkTKQPbBnHGk-iTkiqW6E5FM7uUEe73xrO6R9M8ofpgA-Rbjvbz01" +
    "kIjolseA5VecEKFBNSpr0P1DPTjMr5BeljjhV1YxQV0QkmAr2L3vEvYvMWrDBBL4tLJUXX8",
  q: "wyiTpo9Wcf-lO57XUxcG2tPaCaSFRZA6MxJnsQmg_I-19QCskasMNRN4_8oD6KwFtngN7eSuVtTC_MIdged5IGQXgz6YXb3SUmW3" +
    "IFi_OeLPqgCvPDr-v2pezgL5Jva4-vhpPlyof1k5X5JLXG4DcC2gRi2R2EXWK2ySJLREegk",
  dp: "HZnRP98pvQb4NTbv9hiQBleV1uThjhJPlY8KX5bqkF8C13OiIFHtYwf9b-wlVsN8lUtFcMDo-pM8XGjOLRqsE2F9N1UckznynYuG" +
    "O75G2q6mvXishqgTYa7rVfRzD1khFMIeYLEEXFTDmGs66Xtw1er4as38HChUbzYBguCKOf0",
  dq: "AypaUr5Kcajq3i-yYGekNdJv2-4uNzWirAdlZSq50L7n_aRYKDi1Bvtc4BE_xPtdUFtcJnqqFUB4NS9U2TGO9maJNxjB0ettSObb" +
    "dIvb9i1mnuRJ81klnqc0CHVl4yrnTzLOSjOojAA_fPxbepFSPvSOf_TnQ7HGSogFStEdtzk",
  qi: "Zi8V3UyPgS5ESGisrfh4fGdy2yJtwxC3u-xekzoCfOAXShXDj6EEGpoY0fpbROjUl6ebEQgki0klDmcqnFVWAcZAFOkkI2u8Rhqo" +
    "t9x-fGUQHi-dFwkX8Y1Vvl4JnEFh2yE4EPuL1KgPYZifM7I8EkVEULRNC-ZvhJTFSV0xc_s",
};
const CIPHER = ["encrypt", "decrypt", "wrapKey", "unwrapKey"];
const SIGNATURE = ["sign", "verify"];
const AGREEMENT = ["deriveKey", "deriveBits"];

/** Both keys of `RSA_KEY`, for this algorithm. */
async function rsaPair(algorithm, usages) {
  const { kty, n, e } = RSA_KEY;
  const take = (jwk, own) => subtle.importKey("jwk", jwk, algorithm, true, usages.filter((it) => own.includes(it)));
  return {
    publicKey: await take({ kty, n, e }, ["encrypt", "verify", "wrapKey"]),
    privateKey: await take(RSA_KEY, ["decrypt", "sign", "unwrapKey"]),
  };
}

/** Makes a key, and imports each of its exports again; what the formats were. */
async function trip(algorithm, usages, pair = undefined) {
  const made = pair ?? await subtle.generateKey(algorithm, true, usages);
  const formats = [];
  for (const key of made.privateKey ? [made.publicKey, made.privateKey] : [made]) {
    for (const format of ["raw", "spki", "pkcs8", "jwk"]) {
      let data;
      try {
        data = await subtle.exportKey(format, key);
      } catch {
        continue;
      }
      const again = await subtle.importKey(format, data, algorithm, true, key.usages);
      equal(again.type, key.type);
      same(again.usages, key.usages);
      const back = await subtle.exportKey(format, again);
      if (format === "jwk") same(fields(back), fields(data));
      else equal(hex(back), hex(data));
      formats.push(`${key.type} ${format}${format === "jwk" ? ` ${data.kty} ${data.alg ?? data.crv}` : ""}`);
    }
  }
  return { made, formats };
}

function fields(jwk) {
  return Object.entries(jwk).filter(([, value]) => value !== undefined).sort(([a], [b]) => (a < b ? -1 : 1));
}

/** Wraps and unwraps a key with another one. */
async function wrap(wrapping, unwrapping, how) {
  const inner = await subtle.generateKey({ name: "AES-GCM", length: 256 }, true, ["encrypt"]);
  for (const format of ["raw", "jwk"]) {
    const wrapped = await subtle.wrapKey(format, inner, wrapping, how);
    const key = await subtle.unwrapKey(format, wrapped, unwrapping, how, "AES-GCM", true, ["encrypt"]);
    equal(hex(await subtle.exportKey("raw", key)), hex(await subtle.exportKey("raw", inner)), format);
  }
}

async function sign(made, how) {
  const signature = await subtle.sign(how, made.privateKey ?? made, encode("message"));
  const verify = (text, given = signature) => subtle.verify(how, made.publicKey ?? made, given, encode(text));
  equal(await verify("message"), true);
  equal(await verify("another"), false);
  return signature.byteLength;
}

async function encrypt(made, how) {
  const data = await subtle.encrypt(how, made.publicKey ?? made, encode("message"));
  const back = await subtle.decrypt(how, made.privateKey ?? made, data);
  equal(new TextDecoder().decode(back), "message");
  return data.byteLength;
}

const iv = new Uint8Array(16);

export const aes = {
  async test() {
    const ways = {
      "AES-CBC": [{ name: "AES-CBC", iv }, 16, "A256CBC"],
      "AES-CTR": [{ name: "AES-CTR", counter: iv, length: 64 }, 7, "A256CTR"],
      "AES-GCM": [{ name: "AES-GCM", iv, additionalData: encode("more"), tagLength: 128 }, 23, "A256GCM"],
    };
    for (const [name, [how, length, alg]] of Object.entries(ways)) {
      const { made, formats } = await trip({ name, length: 256 }, CIPHER);
      same(formats, ["secret raw", `secret jwk oct ${alg}`], name);
      same(made.algorithm, { name, length: 256 });
      equal(await encrypt(made, how), length, name);
      await wrap(made, made, how);
    }
    for (const length of [128, 192]) {
      equal((await trip({ name: "AES-GCM", length }, CIPHER)).formats[1], `secret jwk oct A${length}GCM`);
    }
  },
};

export const aes_kw = {
  async test() {
    const { made, formats } = await trip({ name: "AES-KW", length: 256 }, ["wrapKey", "unwrapKey"]);
    same(formats, ["secret raw", "secret jwk oct A256KW"]);
    const inner = await subtle.generateKey({ name: "HMAC", hash: "SHA-256" }, true, ["sign"]);
    const wrapped = await subtle.wrapKey("raw", inner, made, "AES-KW");
    equal(wrapped.byteLength, 72);
    const key = await subtle.unwrapKey("raw", wrapped, made, "AES-KW", { name: "HMAC", hash: "SHA-256" }, true, ["sign"]);
    equal(hex(await subtle.exportKey("raw", key)), hex(await subtle.exportKey("raw", inner)));
  },
};

export const hmac = {
  async test() {
    const sizes = { "SHA-1": [20, 512, "HS1"], "SHA-256": [32, 512, "HS256"], "SHA-384": [48, 1024, "HS384"], "SHA-512": [64, 1024, "HS512"] };
    for (const [hash, [bytes, bits, alg]] of Object.entries(sizes)) {
      const { made, formats } = await trip({ name: "HMAC", hash }, SIGNATURE);
      same(formats, ["secret raw", `secret jwk oct ${alg}`]);
      equal(made.algorithm.length, bits);
      equal(made.algorithm.hash.name, hash);
      equal(await sign(made, "HMAC"), bytes);
    }
  },
};

export const rsa = {
  async test() {
    const ways = {
      "RSASSA-PKCS1-v1_5": ["RS256", (made) => sign(made, "RSASSA-PKCS1-v1_5"), SIGNATURE],
      "RSA-PSS": ["PS256", (made) => sign(made, { name: "RSA-PSS", saltLength: 32 }), SIGNATURE],
      "RSA-OAEP": ["RSA-OAEP-256", (made) => encrypt(made, { name: "RSA-OAEP", label: encode("l") }), CIPHER],
    };
    for (const [name, [alg, use, usages]] of Object.entries(ways)) {
      const algorithm = { name, hash: "SHA-256" };
      const { made, formats } = await trip(algorithm, usages, await rsaPair(algorithm, usages));
      same(formats, ["public spki", `public jwk RSA ${alg}`, "private pkcs8", `private jwk RSA ${alg}`], name);
      equal(made.publicKey.algorithm.modulusLength, 2048);
      same([...made.publicKey.algorithm.publicExponent], [1, 0, 1]);
      equal(await use(made), 256);
    }
    const made = await rsaPair({ name: "RSA-OAEP", hash: "SHA-256" }, CIPHER);
    const inner = await subtle.generateKey({ name: "AES-GCM", length: 256 }, true, ["encrypt"]);
    const wrapped = await subtle.wrapKey("raw", inner, made.publicKey, "RSA-OAEP");
    const key = await subtle.unwrapKey("raw", wrapped, made.privateKey, "RSA-OAEP", "AES-GCM", true, ["encrypt"]);
    equal(hex(await subtle.exportKey("raw", key)), hex(await subtle.exportKey("raw", inner)));
  },
};

export const elliptic_curves = {
  async test() {
    const sizes = { "P-256": [64, 256], "P-384": [96, 384], "P-521": [132, 528] };
    for (const [namedCurve, [bytes, bits]] of Object.entries(sizes)) {
      const expected = (name) => [
        "public raw",
        "public spki",
        `public jwk EC ${name}`,
        "private pkcs8",
        `private jwk EC ${name}`,
      ];
      const signing = await trip({ name: "ECDSA", namedCurve }, SIGNATURE);
      same(signing.formats.map((it) => it.replace(/ES\d+/, namedCurve)), expected(namedCurve));
      equal(await sign(signing.made, { name: "ECDSA", hash: "SHA-256" }), bytes);
      const { made, formats } = await trip({ name: "ECDH", namedCurve }, AGREEMENT);
      same(formats, expected(namedCurve));
      await agree({ name: "ECDH", namedCurve }, made, bits);
    }
  },
};

async function agree(algorithm, made, bits) {
  const other = await subtle.generateKey(algorithm, true, AGREEMENT);
  const derive = (mine, theirs, length) => subtle.deriveBits({ name: algorithm.name, public: theirs.publicKey }, mine.privateKey, length);
  equal(hex(await derive(made, other, 256)), hex(await derive(other, made, 256)));
  equal((await derive(made, other, null)).byteLength * 8, bits);
  const key = await subtle.deriveKey(
    { name: algorithm.name, public: other.publicKey },
    made.privateKey,
    { name: "AES-GCM", length: 128 },
    true,
    ["encrypt"],
  );
  same(key.algorithm, { name: "AES-GCM", length: 128 });
}

export const curve25519 = {
  async test() {
    const signing = await trip({ name: "Ed25519" }, SIGNATURE);
    const expected = (crv) => ["public raw", "public spki", `public jwk OKP ${crv}`, "private pkcs8", `private jwk OKP ${crv}`];
    same(signing.formats.map((it) => it.replace("EdDSA", "Ed25519")), expected("Ed25519"));
    equal(await sign(signing.made, "Ed25519"), 64);
    const { made, formats } = await trip({ name: "X25519" }, AGREEMENT);
    same(formats, expected("X25519"));
    await agree({ name: "X25519" }, made, 256);
    const old = await subtle.generateKey({ name: "NODE-ED25519", namedCurve: "NODE-ED25519" }, true, SIGNATURE);
    equal(await sign(old, "NODE-ED25519"), 64);
  },
};

export const private_keys_are_wrapped = {
  async test() {
    const wrapping = await subtle.generateKey({ name: "AES-GCM", length: 256 }, true, ["wrapKey", "unwrapKey"]);
    const how = { name: "AES-GCM", iv };
    const { privateKey, publicKey } = await subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, true, SIGNATURE);
    const wrapped = await subtle.wrapKey("pkcs8", privateKey, wrapping, how);
    const key = await subtle.unwrapKey("pkcs8", wrapped, wrapping, how, { name: "ECDSA", namedCurve: "P-256" }, false, ["sign"]);
    equal(key.type, "private");
    equal(key.extractable, false);
    const signature = await subtle.sign({ name: "ECDSA", hash: "SHA-256" }, key, encode("m"));
    ok(await subtle.verify({ name: "ECDSA", hash: "SHA-256" }, publicKey, signature, encode("m")));
  },
};

export const keys_from_secrets = {
  async test() {
    const expected = {
      "SHA-1": ["23e7466fc8ef3e60f60c21c70bc1086e", "3f98885b6ed97eccc55f1b3b2e31850b"],
      "SHA-256": ["ded7bb61bc51c84cba534a7741a1d76f", "91d79f804107da72e7cddead985ea88b"],
      "SHA-384": ["506bb48aab2483cda8966de730b90072", "ed42b2359ed3fba64e283a5e782e3f8b"],
      "SHA-512": ["09e8ce8c82b4ac426ab7a7fc0683bcdb", "81236274720e640dfd2f8db371b4c53c"],
    };
    const hkdf = await subtle.importKey("raw", encode("secret"), "HKDF", false, AGREEMENT);
    const pbkdf2 = await subtle.importKey("raw", encode("secret"), "PBKDF2", false, AGREEMENT);
    for (const [hash, [first, second]] of Object.entries(expected)) {
      const stretch = { name: "HKDF", hash, salt: encode("s"), info: encode("i") };
      equal(hex(await subtle.deriveBits(stretch, hkdf, 128)), first);
      const slow = { name: "PBKDF2", hash, salt: encode("s"), iterations: 10 };
      equal(hex(await subtle.deriveBits(slow, pbkdf2, 128)), second);
    }
    const how = { name: "HKDF", hash: "SHA-256", salt: encode("s"), info: encode("") };
    const key = await subtle.deriveKey(how, hkdf, { name: "HMAC", hash: "SHA-256" }, true, ["sign"]);
    equal(key.algorithm.length, 512);
  },
};

export const a_jwk_has_what_its_key_has = {
  async test() {
    const key = await subtle.importKey("raw", encode("0123456789abcdef"), { name: "HMAC", hash: "SHA-512" }, true, SIGNATURE);
    const jwk = await subtle.exportKey("jwk", key);
    same([jwk.kty, jwk.k, jwk.alg, jwk.ext, jwk.key_ops], ["oct", "MDEyMzQ1Njc4OWFiY2RlZg", "HS512", true, SIGNATURE]);
    equal(Object.prototype.toString.call(key), "[object CryptoKey]");
  },
};
