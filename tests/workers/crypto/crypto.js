import { bytes, decode, encode, equal, hex, ok, rejects, throws } from "../assert.js";

export const digests_are_right = {
  async test() {
    const digest = async (name, text) => hex(await crypto.subtle.digest(name, encode(text)));
    equal(await digest("SHA-1", "abc"), "a9993e364706816aba3e25717850c26c9cd0d89d");
    equal(await digest("SHA-256", "abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    equal(await digest({ name: "sha-384" }, ""), "38b060a751ac96384cd9327eb1b1e36a21fdb71114be07434c0cc7bf63f6e1da274edebfe76f65fbd51ad2f14898b95b");
    equal((await digest("SHA-512", "abc")).slice(0, 16), "ddaf35a193617aba");
    await rejects(crypto.subtle.digest("SHA-3", bytes()));
  },
};

export const hmac_signs_and_verifies = {
  async test() {
    const algorithm = { name: "HMAC", hash: "SHA-256" };
    const key = await crypto.subtle.importKey("raw", encode("key"), algorithm, false, ["sign", "verify"]);
    const text = encode("The quick brown fox jumps over the lazy dog");
    const signature = await crypto.subtle.sign("HMAC", key, text);
    equal(hex(signature), "f7bc83f430538424b13298e6aa6fb143ef4d59a14946175997479dbc2d1a3cd8");
    equal(await crypto.subtle.verify("HMAC", key, signature, text), true);
    equal(await crypto.subtle.verify("HMAC", key, signature, encode("another")), false);
    await rejects(crypto.subtle.exportKey("raw", key), "InvalidAccessError");
  },
};

export const aes_gcm_encrypts_and_decrypts = {
  async test() {
    const key = await crypto.subtle.generateKey({ name: "AES-GCM", length: 256 }, true, ["encrypt", "decrypt"]);
    const iv = crypto.getRandomValues(new Uint8Array(12));
    const algorithm = { name: "AES-GCM", iv, additionalData: encode("more") };
    const secret = await crypto.subtle.encrypt(algorithm, key, encode("secret"));
    equal(secret.byteLength, 6 + 16);
    equal(decode(await crypto.subtle.decrypt(algorithm, key, secret)), "secret");
    const broken = new Uint8Array(secret);
    broken[0] ^= 1;
    await rejects(crypto.subtle.decrypt(algorithm, key, broken), "OperationError");
    equal((await crypto.subtle.exportKey("raw", key)).byteLength, 32);
  },
};

export const aes_gcm_of_every_length = {
  async test() {
    for (const length of [128, 256]) {
      const key = await crypto.subtle.generateKey({ name: "AES-GCM", length }, true, ["encrypt", "decrypt"]);
      for (const size of [0, 1, 15, 16, 17, 255, 4096, 70_001]) {
        const algorithm = { name: "AES-GCM", iv: crypto.getRandomValues(new Uint8Array(12)) };
        const data = new Uint8Array(size + 3).map((_, i) => i).subarray(3);
        const sealed = await crypto.subtle.encrypt(algorithm, key, data);
        equal(sealed.byteLength, size + 16);
        equal(hex(await crypto.subtle.decrypt(algorithm, key, sealed)), hex(data.slice().buffer), `${size} bytes`);
        // In place: a view of what was sealed, and of a larger buffer.
        const room = new Uint8Array(size + 40);
        room.set(new Uint8Array(sealed), 7);
        const view = new DataView(room.buffer, 7, size + 16);
        equal(hex(await crypto.subtle.decrypt(algorithm, key, view)), hex(data.slice().buffer));
        room[room.length - 18] ^= 0x80;
        await rejects(crypto.subtle.decrypt(algorithm, key, view), "OperationError");
      }
    }
    // The test case 14 of the paper that defines GCM (McGrew and Viega, 2005).
    const key = await crypto.subtle.importKey("raw", new Uint8Array(32), "AES-GCM", false, ["encrypt"]);
    const sealed = await crypto.subtle.encrypt({ name: "AES-GCM", iv: new Uint8Array(12) }, key, new Uint8Array(16));
    equal(hex(sealed), "cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919");
  },
};

export const keys_are_derived = {
  async test() {
    const key = await crypto.subtle.importKey("raw", encode("password"), "PBKDF2", false, ["deriveBits"]);
    const algorithm = { name: "PBKDF2", hash: "SHA-256", salt: encode("salt"), iterations: 1 };
    equal(
      hex(await crypto.subtle.deriveBits(algorithm, key, 256)),
      "120fb6cffcf8b32c43e7225256c4f837a86548c92ccc35480805987cb70be17b",
    );
  },
};

export const ecdsa_signs_and_verifies = {
  async test() {
    const algorithm = { name: "ECDSA", namedCurve: "P-256" };
    const pair = await crypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
    const how = { name: "ECDSA", hash: "SHA-256" };
    const signature = await crypto.subtle.sign(how, pair.privateKey, encode("x"));
    equal(signature.byteLength, 64);
    equal(await crypto.subtle.verify(how, pair.publicKey, signature, encode("x")), true);
    const jwk = await crypto.subtle.exportKey("jwk", pair.publicKey);
    equal(jwk.crv, "P-256");
    equal(jwk.d, undefined);
  },
};

export const random_values_are_random = {
  test() {
    const one = crypto.randomUUID(), two = crypto.randomUUID();
    ok(one !== two);
    ok(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/.test(one), one);
    const values = new Uint32Array(8);
    equal(crypto.getRandomValues(values), values);
    ok(values.some((value) => value !== 0));
    throws(() => crypto.getRandomValues(new Uint8Array(65537)), "QuotaExceededError");
    throws(() => crypto.getRandomValues(new Float32Array(1)), "TypeMismatchError");
  },
};

export const secrets_are_compared_in_constant_time = {
  test() {
    equal(crypto.subtle.timingSafeEqual(bytes(1, 2), bytes(1, 2)), true);
    equal(crypto.subtle.timingSafeEqual(bytes(1, 2), bytes(1, 3)), false);
  },
};


export const galois_counter_mode_with_all_lengths = {
  async test() {
    const { subtle } = crypto;
    const data = new Uint8Array(1000).map((_, i) => i);
    for (const length of [128, 192, 256]) {
      const key = await subtle.generateKey({ name: "AES-GCM", length }, false, ["encrypt", "decrypt"]);
      for (const [ivLength, tagLength, additional] of [[12, 128, 0], [12, undefined, 5], [16, 128, 0], [12, 96, 3]]) {
        const algorithm = { name: "aes-gcm", iv: new Uint8Array(ivLength).fill(3) };
        if (tagLength !== undefined) algorithm.tagLength = tagLength;
        if (additional > 0) algorithm.additionalData = new Uint8Array(additional).fill(4).buffer;
        const sealed = await subtle.encrypt(algorithm, key, data.subarray(10));
        equal(sealed.byteLength, 990 + (tagLength ?? 128) / 8);
        if (tagLength === 96) continue;
        const opened = new Uint8Array(await subtle.decrypt(algorithm, key, sealed));
        equal(opened.join(), data.subarray(10).join());
        new Uint8Array(sealed)[0] ^= 1;
        equal(await subtle.decrypt(algorithm, key, sealed).catch((error) => error.name), "OperationError");
      }
    }
  },
};

export const galois_counter_mode_of_the_specification = {
  // (The GCM specification, test case 16.)
  async test() {
    const hex = (text) => new Uint8Array(text.match(/../g).map((pair) => parseInt(pair, 16)));
    const raw = hex("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308");
    const key = await crypto.subtle.importKey("raw", raw, "AES-GCM", true, ["encrypt"]);
    const sealed = await crypto.subtle.encrypt(
      {
        name: "AES-GCM",
        iv: hex("cafebabefacedbaddecaf888"),
        additionalData: hex("feedfacedeadbeeffeedfacedeadbeefabaddad2"),
      },
      key,
      hex(
        "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72" +
          "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
      ),
    );
    const text = [...new Uint8Array(sealed)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
    equal(
      text,
      "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa" +
        "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662" +
        "76fc6ece0f4e1768cddf8853bb2d551b",
    );
  },
};
