import { equal, ok, same } from "../assert.js";

async function fill(KV, names, options) {
  await Promise.all(names.map((name) => KV.put(name, "x", options)));
}

export const a_list_says_what_stands_beside_the_values = {
  async test(_, { KV }) {
    const expiration = Math.floor(Date.now() / 1000) + 1000;
    await KV.put("said/a", "x");
    await KV.put("said/b", "x", { expiration });
    await KV.put("said/c", "x", { metadata: { n: 1 } });
    await KV.put("said/d", "x", { expiration, metadata: "text" });
    await KV.put("said/e", "x", { metadata: null });
    same(await KV.list({ prefix: "said/" }), {
      keys: [
        { name: "said/a" },
        { name: "said/b", expiration },
        { name: "said/c", metadata: { n: 1 } },
        { name: "said/d", expiration, metadata: "text" },
        { name: "said/e" },
      ],
      list_complete: true,
      cacheStatus: null,
    });
    await KV.put("said/a", "x", { expirationTtl: 60 });
    const [key] = (await KV.list({ prefix: "said/a" })).keys;
    const left = key.expiration - Math.floor(Date.now() / 1000);
    ok(left > 50 && left <= 61, `${left}`);
  },
};

export const keys_come_in_the_order_of_their_bytes = {
  async test(_, { KV }) {
    // UTF-16 would put the smiley before the private-use character.
    const names = ["", "\u0000", "A", "a", "aa", "b", "\u00e9", "\u20ac", "\ue000", "\u{1f600}"];
    await fill(KV, names.map((name) => `order/${name}`).reverse());
    const { keys } = await KV.list({ prefix: "order/" });
    same(keys.map((key) => key.name.slice(6)), names);
  },
};

export const pages_lead_to_the_end = {
  async test(_, { KV }) {
    const names = Array.from({ length: 25 }, (_, i) => `page/${String(i).padStart(2, "0")}`);
    await fill(KV, names);
    const seen = [];
    const sizes = [];
    let cursor;
    do {
      const page = await KV.list({ prefix: "page/", limit: 10, cursor });
      seen.push(...page.keys.map((key) => key.name));
      sizes.push(page.keys.length);
      same(
        Object.keys(page),
        page.list_complete
          ? ["keys", "list_complete", "cacheStatus"]
          : ["keys", "list_complete", "cursor", "cacheStatus"],
      );
      cursor = page.cursor;
    } while (cursor !== undefined);
    same(seen, names);
    same(sizes, [10, 10, 5]);
    const exact = await KV.list({ prefix: "page/", limit: 25 });
    equal(exact.list_complete, true);
    equal((await KV.list({ prefix: "page/", limit: "3" })).keys.length, 3);
    equal((await KV.list({ prefix: "page/", limit: 3.9 })).keys.length, 3);
  },
};

export const paging_is_stable_while_others_write = {
  async test(_, { KV }) {
    const names = Array.from({ length: 20 }, (_, i) => `stable/${String(i).padStart(2, "0")}`);
    await fill(KV, names);
    const first = await KV.list({ prefix: "stable/", limit: 7 });
    // What the cursor stands at goes away, and others come before and after it.
    await KV.delete(first.keys.at(-1).name);
    await KV.put("stable/00b", "x");
    await KV.put("stable/zz", "x");
    const rest = await KV.list({ prefix: "stable/", cursor: first.cursor });
    const seen = [...first.keys, ...rest.keys].map((key) => key.name);
    same(seen, [...names, "stable/zz"]);
  },
};

export const a_thousand_keys_are_one_page = {
  async test(_, { KV }) {
    const name = (i) => `k/${String(i).padStart(4, "0")}`;
    for (let from = 0; from < 1001; from += 91) {
      await fill(KV, Array.from({ length: 91 }, (_, i) => name(from + i)));
    }
    const page = await KV.list({ prefix: "k/" });
    equal(page.keys.length, 1000);
    equal(page.keys[999].name, name(999));
    equal(page.list_complete, false);
    const last = await KV.list({ prefix: "k/", cursor: page.cursor });
    same(last.keys, [{ name: name(1000) }]);
  },
};

export const a_prefix_is_a_string = {
  async test(_, { KV }) {
    await KV.put("5-a", "x");
    same((await KV.list({ prefix: 5 })).keys, [{ name: "5-a" }]);
    same(await KV.list({ prefix: "no such" }), { keys: [], list_complete: true, cacheStatus: null });
  },
};
