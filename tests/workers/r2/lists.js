import { equal, ok, same } from "../assert.js";

async function refusal(call) {
  try {
    await call();
  } catch (error) {
    return `${error.constructor.name}: ${error.message}`;
  }
  return "none";
}

/** The bucket with these keys and no others. */
async function fill(bucket, keys) {
  for (const object of (await bucket.list()).objects) await bucket.delete(object.key);
  for (const key of keys) {
    await bucket.put(key, `v${key}`, { httpMetadata: { contentType: "t/x" }, customMetadata: { k: "v" } });
  }
  return async (options) => {
    const page = await bucket.list(options);
    return [page.objects.map((object) => object.key), page.delimitedPrefixes, page.truncated];
  };
}

const KEYS = ["p/a", "p/b", "p/c/d", "p/c/e", "p/f", "q", "\u00e9"];

export const keys_come_in_the_order_of_their_bytes = {
  async test(_, { OTHER }) {
    const list = await fill(OTHER, [...KEYS].reverse());
    same(await list(), [KEYS, [], false]);
    same(await list({ prefix: "p/" }), [KEYS.slice(0, 5), [], false]);
    same(await list({ limit: 2 }), [["p/a", "p/b"], [], true]);
    same(await list({ limit: 1.9 }), [["p/a"], [], true]);
    same(await list({ limit: 7 }), [KEYS, [], false]);
    same(await list({ limit: -1 }), [KEYS, [], false]);
    same(await list({ startAfter: "p/c/d" }), [["p/c/e", "p/f", "q", "\u00e9"], [], false]);
    same(await list({ startAfter: "p/c", limit: 1 }), [["p/c/d"], [], true]);
    same(await list({ prefix: "x".repeat(1025) }), [[], [], false]);
    const page = await OTHER.list();
    same(Object.keys(page), ["objects", "truncated", "cursor", "delimitedPrefixes"]);
    equal(page.cursor, undefined);
  },
};

export const delimiters_gather_keys = {
  async test(_, { OTHER }) {
    const list = await fill(OTHER, KEYS);
    same(await list({ delimiter: "/" }), [["q", "\u00e9"], ["p/"], false]);
    same(await list({ prefix: "p/", delimiter: "/" }), [["p/a", "p/b", "p/f"], ["p/c/"], false]);
    same(await list({ prefix: "p/", delimiter: "/", limit: 3 }), [["p/a", "p/b"], ["p/c/"], true]);
    same(await list({ delimiter: "/", limit: 1 }), [[], ["p/"], true]);
    same(await list({ delimiter: "" }), [KEYS, [], false]);
    same(await list({ delimiter: "/c" }), [["p/a", "p/b", "p/f", "q", "\u00e9"], ["p/c"], false]);
  },
};

export const pages_lead_to_the_end = {
  async test(_, { OTHER }) {
    await fill(OTHER, KEYS);
    for (const delimiter of [undefined, "/"]) {
      for (const limit of [1, 2, 3]) {
        const seen = [];
        let cursor;
        do {
          const page = await OTHER.list({ limit, cursor, delimiter });
          ok(page.objects.length + page.delimitedPrefixes.length <= limit);
          seen.push(...page.objects.map((object) => object.key), ...page.delimitedPrefixes);
          cursor = page.cursor;
          equal(page.truncated, cursor !== undefined);
        } while (cursor !== undefined);
        same(seen.sort(), delimiter === undefined ? KEYS : ["p/", "q", "\u00e9"]);
      }
    }
    const { cursor } = await OTHER.list({ limit: 2 });
    same((await OTHER.list({ cursor, startAfter: "a", limit: 1 })).objects.map((it) => it.key), ["p/c/d"]);
  },
};

export const metadata_is_there_where_it_is_asked_for = {
  async test(_, { OTHER }) {
    await fill(OTHER, ["one"]);
    const first = async (include) => {
      const { objects: [object] } = await OTHER.list({ include });
      equal(object.constructor.name, "HeadResult");
      equal(object.size, 4);
      return [object.httpMetadata, object.customMetadata];
    };
    const http = { contentType: "t/x" };
    same(await first(undefined), [{}, {}]);
    same(await first([]), [{}, {}]);
    same(await first(["httpMetadata"]), [http, {}]);
    same(await first(["customMetadata"]), [{}, { k: "v" }]);
    same(await first(["httpMetadata", "customMetadata"]), [http, { k: "v" }]);
  },
};

export const what_is_asked_for_is_checked = {
  async test(_, { OTHER }) {
    const list = (options) => refusal(() => OTHER.list(options));
    const limit = "Error: list: MaxKeys params must be positive integer <= 1000. (10022)";
    equal(await list({ limit: 0 }), limit);
    equal(await list({ limit: 1001 }), limit);
    equal(await list({ limit: "x" }), limit);
    equal(await list({ include: ["x"] }), "RangeError: Unsupported include value x");
    equal(
      await list({ include: "httpMetadata" }),
      "TypeError: Incorrect type for the 'include' field on 'ListOptions': the provided value is not of type 'Array'.",
    );
    equal(
      await list({ prefix: null }),
      "TypeError: Incorrect type for the 'prefix' field on 'ListOptions': the provided value is not of type 'string'.",
    );
    equal(
      await list(5),
      "TypeError: Failed to execute 'list' on 'R2Bucket': parameter 1 is not of type 'ListOptions'.",
    );
  },
};
