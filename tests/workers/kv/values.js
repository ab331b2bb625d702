import { bytes, collect, decode, equal, ok, rejects, same, streamOf } from "../assert.js";

export const what_was_put_is_got_as_text_by_default = {
  async test(_, { KV }) {
    equal(await KV.put("text", "one \u20ac"), undefined);
    equal(await KV.get("text"), "one \u20ac");
    equal(await KV.get("text", "text"), "one \u20ac");
    equal(await KV.get("text", null), "one \u20ac");
    equal(await KV.get("text", {}), "one \u20ac");
    equal(await KV.get("text", { type: undefined, cacheTtl: 30 }), "one \u20ac");
    equal(await KV.get("text", { cacheTtl: "60" }), "one \u20ac");
  },
};

export const a_missing_key_is_null_whatever_the_type = {
  async test(_, { KV }) {
    for (const type of [undefined, "text", "json", "arrayBuffer", "stream", "nonsense"]) {
      equal(await KV.get("missing", type), null);
    }
    same(await KV.getWithMetadata("missing"), { value: null, metadata: null, cacheStatus: null });
    equal(await KV.delete("missing"), undefined);
  },
};

export const json_is_parsed = {
  async test(_, { KV }) {
    await KV.put("json", '{"a":[1,"\u20ac"]}');
    same(await KV.get("json", "json"), { a: [1, "\u20ac"] });
    same(await KV.get("json", { type: "json" }), { a: [1, "\u20ac"] });
    await KV.put("json", "7");
    equal(await KV.get("json", "json"), 7);
    await KV.put("json", "null");
    equal(await KV.get("json", "json"), null);
  },
};

export const invalid_json_is_a_syntax_error = {
  async test(_, { KV }) {
    await KV.put("broken", "{nope");
    const error = await rejects(KV.get("broken", "json"), SyntaxError);
    equal(error.message, "Expected property name or '}' in JSON at position 1 (line 1 column 2)");
    await rejects(KV.getWithMetadata("broken", "json"), SyntaxError);
    await KV.put("broken", "");
    equal((await rejects(KV.get("broken", "json"), SyntaxError)).message, "Unexpected end of JSON input");
  },
};

export const bytes_come_back_as_they_went = {
  async test(_, { KV }) {
    const all = Uint8Array.from({ length: 256 }, (_, i) => i);
    await KV.put("bytes", all);
    same([...new Uint8Array(await KV.get("bytes", "arrayBuffer"))], [...all]);
    await KV.put("bytes", all.buffer);
    equal((await KV.get("bytes", "arrayBuffer")).byteLength, 256);
    await KV.put("bytes", all.subarray(10, 13));
    same([...new Uint8Array(await KV.get("bytes", "arrayBuffer"))], [10, 11, 12]);
    await KV.put("bytes", new DataView(all.buffer, 65, 2));
    equal(await KV.get("bytes"), "AB");
    await KV.put("bytes", new Uint16Array([0x4241, 0x4443]).subarray(1));
    equal(await KV.get("bytes"), "CD");
    await KV.put("bytes", new Uint8Array());
    equal((await KV.get("bytes", "arrayBuffer")).byteLength, 0);
    equal(await KV.get("bytes"), "");
  },
};

export const a_value_is_what_it_was_when_put_was_called = {
  async test(_, { KV }) {
    const value = bytes(1, 2, 3);
    const putting = KV.put("early", value);
    value.fill(9);
    await putting;
    same([...new Uint8Array(await KV.get("early", "arrayBuffer"))], [1, 2, 3]);
  },
};

export const text_is_utf8_with_broken_parts_replaced = {
  async test(_, { KV }) {
    await KV.put("utf8", bytes(104, 105, 0xff));
    equal(await KV.get("utf8"), "hi\ufffd");
    await KV.put("utf8", "\ufeffhi");
    equal(await KV.get("utf8"), "\ufeffhi");
  },
};

export const streams_go_in_and_out = {
  async test(_, { KV }) {
    await KV.put("stream", streamOf(bytes(97), bytes(98, 99)));
    equal(await KV.get("stream"), "abc");
    const stream = await KV.get("stream", "stream");
    ok(stream instanceof ReadableStream);
    equal(decode(new Uint8Array((await collect(stream)).flatMap((chunk) => [...chunk]))), "abc");
    equal(await new Response(await KV.get("stream", { type: "stream" })).text(), "abc");
    await KV.put("stream", new Response("of a response").body);
    equal(await KV.get("stream"), "of a response");
    await KV.put("stream", await KV.get("stream", "stream"));
    equal(await KV.get("stream"), "of a response");
    await KV.put("stream", streamOf());
    equal(await KV.get("stream"), "");
    equal(await new Response(await KV.get("stream", "stream")).text(), "");
  },
};

export const a_large_value_has_every_type = {
  async test(_, { KV }) {
    const size = 700_001;
    const value = new Uint8Array(size);
    for (let i = 0; i < size; i++) value[i] = i % 251;
    await KV.put("large", value);
    const back = new Uint8Array(await KV.get("large", "arrayBuffer"));
    equal(back.length, size);
    ok(back.every((byte, i) => byte === i % 251));
    const chunks = await collect(await KV.get("large", "stream"));
    equal(chunks.reduce((sum, chunk) => sum + chunk.length, 0), size);

    // Characters of 1, 2, 3 and 4 bytes, so that pieces end in all of their parts.
    const text = "a\u00e9\u20ac\u{1f600}x".repeat(60_000);
    await KV.put("large", text);
    ok(await KV.get("large") === text);
    const list = JSON.stringify({ text });
    await KV.put("large", list, { metadata: "kept" });
    ok((await KV.get("large", "json")).text === text);
    const found = await KV.getWithMetadata("large", "json");
    ok(found.value.text === text);
    equal(found.metadata, "kept");
    equal((await KV.getWithMetadata("large", "arrayBuffer")).value.byteLength, new TextEncoder().encode(list).length);
  },
};

export const a_large_stream_is_put_in_pieces = {
  async test(_, { KV }) {
    const piece = new Uint8Array(50_000).fill(120);
    await KV.put("pieces", streamOf(...Array(21).fill(piece)), { metadata: { n: 21 } });
    const { value, metadata } = await KV.getWithMetadata("pieces");
    ok(value === "x".repeat(21 * 50_000));
    same(metadata, { n: 21 });
  },
};

export const a_stream_that_breaks_leaves_the_key_as_it_was = {
  async test(_, { KV }) {
    await KV.put("kept", "before");
    const breaks = (chunks) => {
      let left = chunks;
      return new ReadableStream({
        pull(controller) {
          if (left-- > 0) controller.enqueue(new Uint8Array(100_000));
          else controller.error(new RangeError("mine"));
        },
      });
    };
    equal((await rejects(KV.put("kept", breaks(0)), RangeError)).message, "mine");
    equal((await rejects(KV.put("kept", breaks(4)), RangeError)).message, "mine");
    equal(await KV.get("kept"), "before");
  },
};

export const other_values_are_strings_or_refused = {
  async test(_, { KV }) {
    for (const [value, text] of [[undefined, "undefined"], [null, "null"], [true, "true"], [5.5, "5.5"], [7n, "7"]]) {
      await KV.put("coerced", value);
      equal(await KV.get("coerced"), text);
    }
    const refused = [{}, [1], new Date(0), new Blob(["x"]), new URLSearchParams("a=1"), () => 1, new Map()];
    for (const value of refused) {
      const error = await rejects(KV.put("coerced", value), TypeError);
      equal(
        error.message,
        "KV put() accepts only strings, ArrayBuffers, ArrayBufferViews, and ReadableStreams as values.",
      );
    }
    equal((await rejects(KV.put("coerced", Symbol("x")), TypeError)).message, "Cannot convert a Symbol value to a string");
    const refusal = "Draining read encountered a value that cannot be converted to bytes";
    equal((await rejects(KV.put("coerced", streamOf(5)), TypeError)).message, refusal);
    equal(await KV.get("coerced"), "7");
    await KV.put("coerced", streamOf("te", "xt\u00e9", new Uint8Array([33]), new Uint16Array([0x2121])));
    equal(await KV.get("coerced"), "text\u00e9!!!");
  },
};

export const locked_streams_are_refused = {
  async test(_, { KV }) {
    const locked = streamOf(bytes(1));
    locked.getReader();
    equal((await rejects(KV.put("used", locked), TypeError)).message, "The ReadableStream has been locked to a reader.");
  },
};

export const streams_that_were_read_from_are_refused = {
  async test(_, { KV }) {
    const read = streamOf(bytes(1), bytes(2));
    const reader = read.getReader();
    await reader.read();
    reader.releaseLock();
    equal((await rejects(KV.put("used", read), TypeError)).message, "This ReadableStream is disturbed.");
  },
};

export const keys_are_strings_of_any_kind = {
  async test(_, { KV }) {
    await KV.put(5, "five");
    equal(await KV.get("5"), "five");
    equal(await KV.get(5), "five");
    await KV.put(undefined, "u");
    equal(await KV.get(undefined), "u");
    equal(await KV.get("undefined"), "u");
    equal(await KV.get(new String("5")), "five");
    const odd = "\u20ac/?#%&\u0000\u{1f600} ..";
    await KV.put(odd, "odd");
    equal(await KV.get(odd), "odd");
    await KV.delete(["5"]);
    equal(await KV.get("5"), null);
  },
};

export const a_namespace_is_its_id = {
  async test(_, { KV, SAME, OTHER }) {
    await KV.put("shared", "yes");
    equal(await SAME.get("shared"), "yes");
    equal(await OTHER.get("shared"), null);
    await SAME.delete("shared");
    equal(await KV.get("shared"), null);
  },
};

export const a_namespace_has_this_shape = {
  async test(_, { KV }) {
    equal(Object.prototype.toString.call(KV), "[object KvNamespace]");
    equal(KV.constructor.name, "KvNamespace");
    equal(typeof globalThis.KvNamespace, "undefined");
    same(Object.keys(KV), []);
    for (const name of ["get", "list", "put", "getWithMetadata", "delete"]) {
      equal(typeof KV[name], "function");
      equal(KV[name].name, name);
    }
    equal(KV.deleteBulk, undefined);
    let error;
    try {
      new KV.constructor();
    } catch (thrown) {
      error = thrown;
    }
    ok(error instanceof TypeError);
    equal(error.message, "Illegal constructor");
  },
};

export const many_calls_go_on_at_once = {
  async test(_, { KV }) {
    const names = Array.from({ length: 100 }, (_, i) => `many-${i}`);
    await Promise.all(names.map((name) => KV.put(name, `value of ${name}`)));
    const values = await Promise.all(names.map((name) => KV.get(name)));
    same(values, names.map((name) => `value of ${name}`));
    await Promise.all(names.map((name) => KV.delete(name)));
    same((await KV.list({ prefix: "many-" })).keys, []);
  },
};
