import { equal, ok, same } from "../assert.js";

const http = {
  contentType: "text/plain",
  contentLanguage: "en",
  contentDisposition: "inline",
  contentEncoding: "br",
  cacheControl: "no-cache",
  cacheExpiry: new Date(1e12),
};

export const metadata_comes_back = {
  async test(_, { BUCKET }) {
    const customMetadata = { z: "1", A: "\u00e9", "": "empty", __proto__x: "p" };
    await BUCKET.put("meta", "x", { httpMetadata: http, customMetadata });
    const head = await BUCKET.head("meta");
    same(head.httpMetadata, http);
    same(head.customMetadata, customMetadata);
    same((await BUCKET.get("meta")).customMetadata, customMetadata);
    ok(head.httpMetadata.cacheExpiry instanceof Date);
    await BUCKET.put("meta", "x", { customMetadata: { number: 5, flag: true } });
    same((await BUCKET.head("meta")).customMetadata, { number: "5", flag: "true" });
  },
};

export const headers_are_metadata = {
  async test(_, { BUCKET }) {
    const headers = new Headers({
      "content-type": "a/b",
      "cache-control": "c",
      "expires": "Thu, 01 Jan 1970 00:00:10 GMT",
      "content-language": "l",
      "content-disposition": "d",
      "content-encoding": "gzip",
      "x-other": "o",
    });
    same((await BUCKET.put("headers", "x", { httpMetadata: headers })).httpMetadata, {
      contentType: "a/b",
      contentLanguage: "l",
      contentDisposition: "d",
      contentEncoding: "gzip",
      cacheControl: "c",
      cacheExpiry: new Date(10_000),
    });
  },
};

export const metadata_is_written_to_headers = {
  async test(_, { BUCKET }) {
    await BUCKET.put("written", "x", { httpMetadata: http });
    const headers = new Headers({ "content-type": "other", "x-mine": "stays" });
    (await BUCKET.get("written")).writeHttpMetadata(headers);
    same([...headers], [
      ["cache-control", "no-cache"],
      ["content-disposition", "inline"],
      ["content-encoding", "br"],
      ["content-language", "en"],
      ["content-type", "text/plain"],
      ["expires", "Sun, 09 Sep 2001 01:46:40 GMT"],
      ["x-mine", "stays"],
    ]);
  },
};

export const checksums_are_kept = {
  async test(_, { BUCKET }) {
    const text = new TextEncoder().encode("x");
    for (const [field, algorithm, length] of [
      ["sha1", "SHA-1", 20],
      ["sha256", "SHA-256", 32],
      ["sha384", "SHA-384", 48],
      ["sha512", "SHA-512", 64],
    ]) {
      const digest = await crypto.subtle.digest(algorithm, text);
      const hex = [...new Uint8Array(digest)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
      for (const given of [digest, new Uint8Array(digest), hex, hex.toUpperCase()]) {
        const { checksums } = await BUCKET.put("sums", "x", { [field]: given });
        equal(checksums[field].byteLength, length);
        same(checksums.toJSON(), { md5: "9dd4e461268c8034f5c8564e155c67a6", [field]: hex });
      }
      equal((await BUCKET.head("sums")).checksums.toJSON()[field], hex);
    }
    const { checksums } = await BUCKET.put("sums", "x", { md5: "9dd4e461268c8034f5c8564e155c67a6" });
    same(Object.keys(checksums), ["sha512", "sha384", "sha256", "sha1", "md5"]);
    same(Object.keys(checksums.toJSON()), ["md5", "sha1", "sha256", "sha384", "sha512"]);
  },
};
