import { equal, ok, rejects, same } from "../assert.js";

async function refusal(call) {
  const error = await rejects(async () => await call(), Error);
  return `${error.constructor.name}: ${error.message}`;
}

export const many_keys_give_a_map = {
  async test(_, { KV }) {
    await KV.put("b1", "one");
    await KV.put("b2", "2", { metadata: { m: 2 } });
    const found = await KV.get(["b1", "missing", "b2"]);
    ok(found instanceof Map);
    same([...found], [["b1", "one"], ["missing", null], ["b2", "2"]]);
    same([...await KV.get(["b1", "b1"])], [["b1", "one"]]);
    same([...await KV.get(["b2"], "json")], [["b2", 2]]);
    same([...await KV.get(["b2", "missing"], { type: "json", cacheTtl: 60 })], [["b2", 2], ["missing", null]]);
    same([...await KV.get(["b1"], null)], [["b1", "one"]]);
    same([...await KV.get(["b1", { toString: () => "b2" }])], [["b1", "one"], ["b2", "2"]]);
  },
};

export const many_keys_come_with_metadata = {
  async test(_, { KV }) {
    await KV.put("c1", "1");
    await KV.put("c2", "2", { metadata: { m: 2 } });
    same([...await KV.getWithMetadata(["c1", "missing", "c2"])], [
      ["c1", { value: "1", metadata: null }],
      ["missing", null],
      ["c2", { value: "2", metadata: { m: 2 } }],
    ]);
    same([...await KV.getWithMetadata(["c2"], "json")], [["c2", { value: 2, metadata: { m: 2 } }]]);
  },
};

export const a_hundred_keys_are_the_most = {
  async test(_, { KV }) {
    const names = Array.from({ length: 101 }, (_, i) => `h${i}x`);
    equal((await KV.get(names.slice(0, 100))).size, 100);
    equal(await refusal(() => KV.get(names)), "Error: KV GET_BULK failed: 400 You can request a maximum of 100 keys");
    equal(await refusal(() => KV.get([])), "Error: KV GET_BULK failed: 400 You must request a minimum of 1 key");
    equal(
      await refusal(() => KV.getWithMetadata([])),
      "Error: KV GET_BULK failed: 400 You must request a minimum of 1 key",
    );
  },
};

export const only_text_and_json_come_in_bulk = {
  async test(_, { KV }) {
    for (const type of ["arrayBuffer", "stream", "nope", "JSON"]) {
      const text = `Error: KV GET_BULK failed: 400 "${type}" is not a valid type. Use "json" or "text"`;
      equal(await refusal(() => KV.get(["a"], type)), text);
      equal(await refusal(() => KV.getWithMetadata(["a"], { type })), text);
    }
    await KV.put("nojson", "{nope");
    equal(
      await refusal(() => KV.get(["nojson"], "json")),
      "Error: KV GET_BULK failed: 400 At least one of the requested keys corresponds to a non-json value",
    );
  },
};

export const each_key_is_checked = {
  async test(_, { KV }) {
    equal(await refusal(() => KV.get(["a", ""])), "Error: KV GET_BULK failed: 400 Key names must not be empty");
    equal(
      await refusal(() => KV.get(["a", "."])),
      'Error: KV GET_BULK failed: 400 Illegal key name ".". Please use a different name.',
    );
    equal(
      await refusal(() => KV.get(["x".repeat(513)])),
      "Error: KV GET_BULK failed: 414 UTF-8 encoded length of 513 exceeds key length limit of 512.",
    );
    equal(
      await refusal(() => KV.get(["a"], { cacheTtl: 10 })),
      "Error: KV GET_BULK failed: 400 Invalid cache_ttl of 10. Cache TTL must be at least 30.",
    );
    equal(await refusal(() => KV.get(["a", Symbol("x")])), "TypeError: Cannot convert a Symbol value to a string");
  },
};

export const values_end_at_25_mib_together = {
  async test(_, { KV }) {
    await KV.put("v1", "x".repeat(13 * 1024 * 1024));
    await KV.put("v2", "x".repeat(13 * 1024 * 1024));
    equal((await KV.get(["v1"])).get("v1").length, 13 * 1024 * 1024);
    equal(
      await refusal(() => KV.get(["v1", "v2"])),
      "Error: KV GET_BULK failed: 413 Total size of request exceeds the limit of 25MB",
    );
  },
};
