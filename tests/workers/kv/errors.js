import { equal, rejects, same, throws } from "../assert.js";

/** What a call is refused with, as "TypeError: text". */
async function refusal(call) {
  const error = await rejects(async () => await call(), Error);
  return `${error.constructor.name}: ${error.message}`;
}

export const keys_are_checked = {
  async test(_, { KV }) {
    const calls = {
      GET: (key) => KV.get(key),
      PUT: (key) => KV.put(key, "x"),
      DELETE: (key) => KV.delete(key),
    };
    for (const [operation, call] of Object.entries(calls)) {
      equal(await refusal(() => call("")), "TypeError: Key name cannot be empty.");
      equal(await refusal(() => call(".")), 'TypeError: "." is not allowed as a key name.');
      equal(await refusal(() => call("..")), 'TypeError: ".." is not allowed as a key name.');
      equal(
        await refusal(() => call("\u00e9".repeat(300))),
        `Error: KV ${operation} failed: 414 UTF-8 encoded length of 600 exceeds key length limit of 512.`,
      );
      equal(await refusal(() => call(Symbol("x"))), "TypeError: Cannot convert a Symbol value to a string");
    }
    equal(await refusal(() => KV.getWithMetadata("")), "TypeError: Key name cannot be empty.");
    equal(
      await refusal(() => KV.getWithMetadata("x".repeat(513))),
      "Error: KV GET failed: 414 UTF-8 encoded length of 513 exceeds key length limit of 512.",
    );
    await KV.put("x".repeat(512), "longest");
    equal(await KV.get("x".repeat(512)), "longest");
    await KV.put("...", "dots");
    equal(await KV.get("..."), "dots");
  },
};

export const missing_arguments_are_named = {
  async test(_, { KV }) {
    const text = (method, position, type) =>
      `TypeError: Failed to execute '${method}' on 'KvNamespace': parameter ${position} is not of type '${type}'.`;
    equal(await refusal(() => KV.get()), text("get", 1, "string or Array"));
    equal(await refusal(() => KV.getWithMetadata()), text("getWithMetadata", 1, "Array or string"));
    equal(await refusal(() => KV.put()), text("put", 1, "string"));
    equal(await refusal(() => KV.put("a")), text("put", 2, "string or Object"));
    equal(await refusal(() => KV.delete()), text("delete", 1, "string"));
    equal(await refusal(() => KV.put("a", "b", 5)), text("put", 3, "PutOptions"));
    equal(await refusal(() => KV.put("a", "b", "s")), text("put", 3, "PutOptions"));
    equal(await refusal(() => KV.list(5)), text("list", 1, "ListOptions"));
    equal(await refusal(() => KV.list("e")), text("list", 1, "ListOptions"));
  },
};

export const other_receivers_are_refused = {
  async test(_, { KV }) {
    equal(
      await refusal(() => KV.get.call({}, "a")),
      "TypeError: Illegal invocation: function called with incorrect `this` reference. See " +
        "https://developers.cloudflare.com/workers/observability/errors/#illegal-invocation-errors for details.",
    );
  },
};

export const types_are_checked = {
  async test(_, { KV }) {
    await KV.put("typed", "1");
    const text = 'TypeError: Unknown response type. Possible types are "text", "arrayBuffer", "json", and "stream".';
    for (const type of ["nope", "JSON", 5, true, { type: null }, { type: "nope" }]) {
      equal(await refusal(() => KV.get("typed", type)), text);
      equal(await refusal(() => KV.getWithMetadata("typed", type)), text);
    }
    equal(await KV.get("typed", { type: new String("json") }), 1);
    equal(await refusal(() => KV.get("typed", { get type() { throw new RangeError("mine"); } })), "RangeError: mine");
  },
};

export const cache_ttls_are_checked = {
  async test(_, { KV }) {
    for (const [given, shown] of [[10, 10], [29, 29], [0, 0], [-1, -1], ["abc", 0], [NaN, 0], [null, 0], [29.9, 29]]) {
      equal(
        await refusal(() => KV.get("a", { cacheTtl: given })),
        `Error: KV GET failed: 400 Invalid cache_ttl of ${shown}. Cache TTL must be at least 30.`,
      );
    }
    equal(
      await refusal(() => KV.get("a", { cacheTtl: 1e12 })),
      "TypeError: Value out of range. Must be between -2147483648 and 2147483647 (inclusive).",
    );
  },
};

export const expirations_are_checked = {
  async test(_, { KV }) {
    const put = (options) => refusal(() => KV.put("e", "x", options));
    for (const ttl of [0, -1]) {
      equal(
        await put({ expirationTtl: ttl }),
        `Error: KV PUT failed: 400 Invalid expiration_ttl of ${ttl}. Please specify integer greater than 0.`,
      );
    }
    for (const ttl of [1, 10, 59]) {
      equal(
        await put({ expirationTtl: ttl }),
        `Error: KV PUT failed: 400 Invalid expiration_ttl of ${ttl}. Expiration TTL must be at least 60.`,
      );
    }
    for (const ttl of ["abc", NaN, null]) {
      equal(
        await put({ expirationTtl: ttl }),
        "Error: KV PUT failed: 400 Invalid expiration_ttl of 0. Please specify integer greater than 0.",
      );
    }
    for (const at of [10, 0, -5]) {
      equal(
        await put({ expiration: at }),
        `Error: KV PUT failed: 400 Invalid expiration of ${at}. Please specify integer greater than the current ` +
          "number of seconds since the UNIX epoch.",
      );
    }
    const soon = Math.floor(Date.now() / 1000) + 30;
    equal(
      await put({ expiration: soon }),
      `Error: KV PUT failed: 400 Invalid expiration of ${soon}. Expiration times must be at least 60 seconds in the future.`,
    );
    const range = "TypeError: Value out of range. Must be between -2147483648 and 2147483647 (inclusive).";
    equal(await put({ expiration: 4e9 }), range);
    equal(await put({ expirationTtl: 1e12 }), range);
    equal(await put({ expirationTtl: 70n }), "TypeError: Cannot convert a BigInt value to a number");
    equal(await KV.get("e"), null);
    await KV.put("e", "x", { expirationTtl: 60.9 });
    await KV.put("e", "x", { expirationTtl: "100" });
    await KV.put("e", "x", { expirationTtl: undefined, expiration: undefined, metadata: undefined });
    await KV.put("e", "x", { expiration: 1, expirationTtl: 100 });
    await KV.put("e", "x", null);
    await KV.put("e", "x", []);
    equal(await KV.get("e"), "x");
  },
};

export const metadata_is_checked = {
  async test(_, { KV }) {
    const put = (metadata) => refusal(() => KV.put("meta", "x", { metadata }));
    equal(await put("x".repeat(1023)), "Error: KV PUT failed: 413 Metadata length of 1025 exceeds limit of 1024.");
    equal(await put("\u00e9".repeat(600)), "Error: KV PUT failed: 413 Metadata length of 1202 exceeds limit of 1024.");
    equal(await put(1n), "TypeError: Do not know how to serialize a BigInt");
    equal(await put({ toJSON() { throw new RangeError("mine"); } }), "RangeError: mine");
    equal(await KV.get("meta"), null);
    await KV.put("meta", "x", { metadata: "x".repeat(1022) });
    equal((await KV.getWithMetadata("meta")).metadata.length, 1022);
  },
};

export const values_end_at_25_mib = {
  async test(_, { KV }) {
    const limit = 25 * 1024 * 1024;
    const put = (value) => refusal(() => KV.put("huge", value));
    const text = (length) => `Error: KV PUT failed: 413 Value length of ${length} exceeds limit of 26214400.`;
    equal(await put("x".repeat(limit + 1)), text(limit + 1));
    equal(await put("\u00e9".repeat(limit / 2 + 1)), text(limit + 2));
    equal(await put(new Uint8Array(limit + 1)), text(limit + 1));
    let left = 26;
    const stream = new ReadableStream({
      pull(controller) {
        if (left-- === 0) controller.close();
        else controller.enqueue(new Uint8Array(1024 * 1024));
      },
    });
    equal(await put(stream), text(26 * 1024 * 1024));
    equal(await KV.get("huge"), null);
  },
};

export const list_options_are_checked = {
  async test(_, { KV }) {
    equal(
      await refusal(() => KV.list({ limit: 1001 })),
      "Error: KV GET failed: 400 Invalid key_count_limit of 1001. Please specify an integer less than 1000.",
    );
    equal(
      await refusal(() => KV.list({ prefix: "x".repeat(513) })),
      "Error: KV GET failed: 414 UTF-8 encoded length of 513 exceeds key length limit of 512.",
    );
    equal(
      await refusal(() => KV.list({ limit: 1e12 })),
      "TypeError: Value out of range. Must be between -2147483648 and 2147483647 (inclusive).",
    );
    for (const options of [undefined, null, {}, { limit: 0 }, { limit: -1 }, { limit: "x" }, { limit: null }, { prefix: null, cursor: null }]) {
      equal((await KV.list(options)).cacheStatus, null);
    }
  },
};

export const errors_are_rejections_and_not_thrown = {
  test(_, { KV }) {
    for (const call of [() => KV.put("", "x"), () => KV.list(5), () => KV.delete()]) {
      const promise = call();
      equal(promise instanceof Promise, true);
      promise.catch(() => {});
    }
    same(throws(() => new KV.constructor("x"), TypeError).message, "Illegal constructor");
  },
};
