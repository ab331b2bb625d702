import { equal, ok, rejects, same } from "../assert.js";

const bytes = (text) => new TextEncoder().encode(text);
const decode = (bytes) => new TextDecoder().decode(bytes);

export const what_was_put_is_got = {
  async test(_, { BUCKET, SAME, OTHER }) {
    const before = Date.now();
    const put = await BUCKET.put("a/b", "one \u20ac");
    equal(put.constructor.name, "HeadResult");
    equal(put.key, "a/b");
    equal(put.size, 7);
    equal(put.etag, "d5b3b36d7e29a2322cc8202b53a7da09");
    equal(put.httpEtag, `"${put.etag}"`);
    ok(/^[0-9a-f]{32}$/.test(put.version), put.version);
    ok(put.uploaded instanceof Date && put.uploaded >= before - 1000, `${put.uploaded}`);
    same(put.httpMetadata, {});
    same(put.customMetadata, {});
    const got = await SAME.get("a/b");
    equal(got.constructor.name, "GetResult");
    same(got.range, { offset: 0, length: 7 });
    equal(got.version, put.version);
    equal(got.bodyUsed, false);
    equal(await got.text(), "one \u20ac");
    equal(got.bodyUsed, true);
    const error = await rejects(() => got.text(), TypeError);
    ok(error.message.startsWith("Body has already been used."), error.message);
    equal(await OTHER.get("a/b"), null);
    equal(await BUCKET.head("nothing"), null);
    equal(await BUCKET.get("nothing"), null);
  },
};

export const objects_have_their_properties_in_one_order = {
  async test(_, { BUCKET }) {
    const put = await BUCKET.put("order", "x");
    const names = ["ssecKeyMd5", "storageClass", "range", "customMetadata", "httpMetadata", "uploaded",
      "checksums", "httpEtag", "etag", "size", "version", "key"];
    same(Object.keys(put), names);
    same(Object.keys(await BUCKET.get("order")), names);
    equal(Object.prototype.toString.call(put), "[object HeadResult]");
    equal(Object.prototype.toString.call(put.checksums), "[object Checksums]");
    equal(Object.prototype.toString.call(BUCKET), "[object R2Bucket]");
    const json = JSON.parse(JSON.stringify(put));
    same(json.checksums, { md5: "9dd4e461268c8034f5c8564e155c67a6" });
    equal(json.key, "order");
    equal("body" in put, false);
    equal("body" in await BUCKET.get("order"), true);
  },
};

export const bodies_are_read_in_all_ways = {
  async test(_, { BUCKET }) {
    await BUCKET.put("ways", '{"a":1}', { httpMetadata: { contentType: "application/json" } });
    same(await (await BUCKET.get("ways")).json(), { a: 1 });
    equal((await (await BUCKET.get("ways")).arrayBuffer()).byteLength, 7);
    equal(decode(await (await BUCKET.get("ways")).bytes()), '{"a":1}');
    const blob = await (await BUCKET.get("ways")).blob();
    same([blob.size, blob.type], [7, "application/json"]);
    let text = "";
    for await (const piece of (await BUCKET.get("ways")).body) text += decode(piece);
    equal(text, '{"a":1}');
    equal(await new Response((await BUCKET.get("ways")).body).text(), '{"a":1}');
    equal((await BUCKET.get("ways")).body.locked, false);
  },
};

export const values_of_all_kinds_can_be_put = {
  async test(_, { BUCKET }) {
    const read = async (value) => {
      await BUCKET.put("kinds", value);
      return await (await BUCKET.get("kinds")).text();
    };
    equal(await read("text"), "text");
    equal(await read(bytes("bytes")), "bytes");
    equal(await read(bytes("buffer").buffer), "buffer");
    equal(await read(new DataView(bytes("xviewx").buffer, 1, 4)), "view");
    equal(await read(bytes("xpartx").subarray(1, 5)), "part");
    equal(await read(new Blob(["a", "blob"])), "ablob");
    equal(await read(new Response("response").body), "response");
    equal(await read(null), "");
    equal(await read(undefined), "");
    const fixed = new FixedLengthStream(5);
    const writer = fixed.writable.getWriter();
    writer.write(bytes("fi"));
    writer.write(bytes("xed"));
    writer.close();
    equal(await read(fixed.readable), "fixed");
    const text = "TypeError: Provided readable stream must have a known length (request/response body or " +
      "readable half of FixedLengthStream)";
    const error = await rejects(() => BUCKET.put("kinds", new ReadableStream({ pull: (it) => it.close() })), Error);
    equal(`${error.constructor.name}: ${error.message}`, text);
    equal(await (await BUCKET.get("kinds")).text(), "fixed");
  },
};

export const a_put_replaces_all_of_an_object = {
  async test(_, { BUCKET }) {
    const first = await BUCKET.put("whole", "x", {
      httpMetadata: { contentType: "a/b" },
      customMetadata: { c: "d" },
    });
    const second = await BUCKET.put("whole", "yy");
    ok(first.version !== second.version);
    const head = await BUCKET.head("whole");
    equal(head.size, 2);
    same(head.httpMetadata, {});
    same(head.customMetadata, {});
  },
};

export const a_body_stays_as_it_was_when_it_was_got = {
  async test(_, { BUCKET }) {
    await BUCKET.put("stays", "x".repeat(300_000));
    const got = await BUCKET.get("stays");
    await BUCKET.put("stays", "y");
    await BUCKET.delete("stays");
    equal(await got.text(), "x".repeat(300_000));
    equal(await BUCKET.get("stays"), null);
  },
};

export const objects_are_deleted_one_by_one_or_together = {
  async test(_, { BUCKET }) {
    for (const key of ["d1", "d2", "d3"]) await BUCKET.put(key, "x");
    equal(await BUCKET.delete("d1"), undefined);
    equal(await BUCKET.head("d1"), null);
    equal(await BUCKET.delete(["d2", "d3", "never"]), undefined);
    equal(await BUCKET.head("d2"), null);
    equal(await BUCKET.head("d3"), null);
    equal(await BUCKET.delete([]), undefined);
    equal(await BUCKET.delete("never"), undefined);
  },
};

export const large_bodies_pass_through = {
  async test(_, { BUCKET }) {
    const size = 3_000_001;
    const large = new Uint8Array(size).map((_, i) => i * 7);
    const digest = await crypto.subtle.digest("SHA-256", large);
    const put = await BUCKET.put("large", large, { sha256: digest });
    equal(put.size, size);
    const copied = await BUCKET.put("copy", (await BUCKET.get("large")).body);
    equal(copied.etag, put.etag);
    const got = new Uint8Array(await (await BUCKET.get("copy")).arrayBuffer());
    equal(got.length, size);
    same([...new Uint8Array(await crypto.subtle.digest("SHA-256", got))], [...new Uint8Array(digest)]);
    const part = await BUCKET.get("copy", { range: { offset: 1_000_000, length: 700_001 } });
    same(part.range, { offset: 1_000_000, length: 700_001 });
    const middle = await part.bytes();
    equal(middle.length, 700_001);
    ok(middle.every((byte, i) => byte === large[1_000_000 + i]));
  },
};

export const an_empty_key_is_a_key = {
  async test(_, { BUCKET }) {
    await BUCKET.put("", "empty");
    equal(await (await BUCKET.get("")).text(), "empty");
    await BUCKET.delete("");
    equal(await BUCKET.head(""), null);
  },
};
