import { equal, same } from "../assert.js";

export const metadata_is_any_json = {
  async test(_, { KV }) {
    for (const metadata of [{ a: [1, null] }, "text", 0, false, [], { "\u00e9": "\u65e5" }]) {
      await KV.put("m", "x", { metadata });
      same(await KV.getWithMetadata("m"), { value: "x", metadata, cacheStatus: null });
    }
    for (const metadata of [null, undefined]) {
      await KV.put("m", "x", { metadata });
      same(await KV.getWithMetadata("m"), { value: "x", metadata: null, cacheStatus: null });
    }
  },
};

export const a_put_replaces_all_of_an_entry = {
  async test(_, { KV }) {
    await KV.put("r", "x", { metadata: 1, expirationTtl: 1000 });
    await KV.put("r", "y");
    same(await KV.getWithMetadata("r"), { value: "y", metadata: null, cacheStatus: null });
    same((await KV.list({ prefix: "r" })).keys, [{ name: "r" }]);
  },
};

export const values_of_all_types_come_with_metadata = {
  async test(_, { KV }) {
    await KV.put("t", "[1]", { metadata: "m" });
    const get = async (type) => {
      const found = await KV.getWithMetadata("t", type);
      equal(found.metadata, "m");
      same(Object.keys(found), ["value", "metadata", "cacheStatus"]);
      return found.value;
    };
    equal(await get(), "[1]");
    equal(await get("text"), "[1]");
    same(await get("json"), [1]);
    equal((await get({ type: "arrayBuffer" })).byteLength, 3);
    equal(await new Response(await get("stream")).text(), "[1]");
  },
};
