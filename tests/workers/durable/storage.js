import { DurableObject } from "cloudflare:workers";
import { equal, ok, rejects, same } from "../assert.js";

/** What runs in the object, by name. */
const inside = {};

export class Subject extends DurableObject {
  alarm() {}

  async fetch(request) {
    try {
      const result = await inside[new URL(request.url).pathname.slice(1)](this.ctx.storage, this);
      return new Response(result === undefined ? "passed" : `${result}`);
    } catch (error) {
      return new Response(error?.stack ?? `${error}`, { status: 555 });
    }
  }
}

export class Other extends Subject {}

/** A case that runs in a fresh object. */
function within(name, run) {
  inside[name] = run;
  return {
    async test(_, { OBJECTS }) {
      const answer = await OBJECTS.get(OBJECTS.newUniqueId()).fetch(`http://object/${name}`);
      equal(await answer.text(), "passed");
    },
  };
}

async function refusal(call) {
  try {
    await call();
  } catch (error) {
    return `${error.name}: ${error.message}`;
  }
  return "nothing was refused";
}

export const values_of_all_kinds_come_back = within("kinds", async (storage) => {
  const circular = { list: [] };
  circular.list.push(circular);
  const values = {
    int: 5, negative: -5, zero: -0, float: 1.5, large: 2 ** 40, nan: NaN, text: "text", latin: "\u00e9\u00ff", wide: "\u20ac\u{1f600}",
    odd: "\u20ac".repeat(100), empty: "", yes: true, no: false, nothing: null, big: 2n ** 70n, date: new Date(5), pattern: /a+/gi,
    list: [1, , undefined, "a"], map: new Map([[{ k: 1 }, new Set([1])]]), bytes: new Uint8Array([1, 2, 3]), circular,
  };
  for (const [key, value] of Object.entries(values)) await storage.put(key, value);
  for (const [key, value] of Object.entries(values)) {
    const found = await storage.get(key);
    if (typeof value !== "object" || value === null) ok(Object.is(found, value), key);
  }
  ok(Object.is((await storage.get(["zero"])).get("zero"), -0));
  equal((await storage.get("date")).getTime(), 5);
  equal(String(await storage.get("pattern")), "/a+/gi");
  const list = await storage.get("list");
  equal(list.length, 4);
  ok(!(1 in list) && 2 in list);
  const map = await storage.get("map");
  same([...map.keys()], [{ k: 1 }]);
  ok(map.values().next().value.has(1));
  const bytes = await storage.get("bytes");
  ok(bytes instanceof Uint8Array);
  same([...bytes], [1, 2, 3]);
  const copy = await storage.get("circular");
  equal(copy.list[0], copy);
  same((await storage.list({ prefix: "n" })).size, 4);
});

export const many_keys_come_as_a_sorted_map = within("many", async (storage) => {
  await storage.put({ b: 2, a: 1, gone: undefined, c: "three" });
  const found = await storage.get(["c", "a", "none", "a"]);
  ok(found instanceof Map);
  same([...found], [["a", 1], ["c", "three"]]);
  equal(await storage.get("gone"), undefined);
  equal(await storage.delete("a"), true);
  equal(await storage.delete("a"), false);
  equal(await storage.delete(["a", "b", "c"]), 2);
  equal((await storage.list()).size, 0);
  same([...await storage.get([])], []);
});

export const what_cannot_be_cloned_is_not_stored = within("clone", async (storage, object) => {
  await storage.put("a", 1);
  equal(await refusal(() => storage.put("a", () => 1)), "DataCloneError: () => 1 could not be cloned.");
  equal(await refusal(() => storage.put("a", Symbol("x"))), "DataCloneError: Symbol(x) could not be cloned.");
  equal(await refusal(() => storage.put("a", Promise.resolve())), "DataCloneError: #<Promise> could not be cloned.");
  equal(await refusal(() => storage.put({ a: 2, b: () => 1 })), "DataCloneError: () => 1 could not be cloned.");
  const throws = { get x() { throw new RangeError("mine"); } };
  equal(await refusal(() => storage.put("a", throws)), "RangeError: mine");
  equal(
    await refusal(() => storage.put("a", { url: new URL("http://x/") })),
    'DataCloneError: Could not serialize object of type "URL". This type does not support serialization.',
  );
  equal(
    await refusal(() => storage.put("a", object.ctx.id)),
    'DataCloneError: Could not serialize object of type "DurableObjectId". This type does not support serialization.',
  );
  equal(await storage.get("a"), 1);
  await storage.put("e", new DOMException("m", "DataError"));
  const error = await storage.get("e");
  ok(error instanceof DOMException);
  equal(error.name, "DataError");
});

export const wrong_arguments_are_refused = within("arguments", async (storage) => {
  const of = "on 'DurableObjectStorage'";
  const bad = [
    [() => storage.get(), `TypeError: Failed to execute 'get' ${of}: parameter 1 is not of type 'string or Array'.`],
    [() => storage.get("a", 5), `TypeError: Failed to execute 'get' ${of}: parameter 2 is not of type 'GetOptions'.`],
    [() => storage.get(Symbol("x")), "TypeError: Cannot convert a Symbol value to a string"],
    [() => storage.put(), `TypeError: Failed to execute 'put' ${of}: parameter 1 is not of type 'string or object'.`],
    [() => storage.put("a"), "TypeError: put() called with undefined value."],
    [() => storage.put("a", undefined), "TypeError: put() called with undefined value."],
    [() => storage.put(["a"]), "TypeError: put() called with undefined value."],
    [
      () => storage.put({ a: 1 }, 5),
      "TypeError: put() may only be called with a single key-value pair and optional options as put(key, value, options) " +
        "or with multiple key-value pairs and optional options as put(entries, options)",
    ],
    [() => storage.delete(), `TypeError: Failed to execute 'delete' ${of}: parameter 1 is not of type 'string or Array'.`],
    [() => storage.list(5), `TypeError: Failed to execute 'list' ${of}: parameter 1 is not of type 'ListOptions'.`],
    [() => storage.list({ limit: 0 }), "TypeError: List limit must be positive."],
    [() => storage.list({ limit: "x" }), "TypeError: List limit must be positive."],
    [
      () => storage.list({ limit: 1e10 }),
      "TypeError: Value out of range. Must be between -2147483648 and 2147483647 (inclusive).",
    ],
    [
      () => storage.list({ start: "a", startAfter: "b" }),
      "TypeError: list() cannot be called with both start and startAfter values.",
    ],
    [() => storage.setAlarm(0), "TypeError: setAlarm() cannot be called with an alarm time <= 0"],
    [() => storage.setAlarm(NaN), "TypeError: The value cannot be converted because it is not a valid Date."],
    [() => storage.setAlarm("x"), `TypeError: Failed to execute 'setAlarm' ${of}: parameter 1 is not of type 'date'.`],
    [() => storage.setAlarm(1e20), "TypeError: This API doesn't support dates after 2189."],
    [() => storage.transaction(), `TypeError: Failed to execute 'transaction' ${of}: parameter 1 is not of type 'function'.`],
    [
      () => storage.transactionSync(),
      `TypeError: Failed to execute 'transactionSync' ${of}: parameter 1 is not of type 'function'.`,
    ],
    [() => storage.kv.get(), "TypeError: Failed to execute 'get' on 'SyncKvStorage': parameter 1 is not of type 'string'."],
    [() => storage.kv.put("x"), /^TypeError: Failed to execute 'put' on 'SyncKvStorage': parameter 2 is not of type '/],
    [() => new storage.constructor(), "TypeError: Illegal constructor"],
    [() => (0, storage.get)("a"), /^TypeError: Illegal invocation/],
  ];
  for (const [call, text] of bad) {
    const said = await refusal(call);
    if (text instanceof RegExp) ok(text.test(said), said);
    else equal(said, text);
  }
});

export const more_than_128_keys_are_refused = within("keys", async (storage) => {
  const keys = Array.from({ length: 129 }, (_, i) => `k${i}`);
  equal(await refusal(() => storage.get(keys)), "RangeError: Maximum number of keys is 128.");
  equal(await refusal(() => storage.delete(keys)), "RangeError: Maximum number of keys is 128.");
  const entries = Object.fromEntries(keys.map((key) => [key, 1]));
  equal(await refusal(() => storage.put(entries)), "RangeError: Maximum number of pairs is 128.");
  delete entries.k0;
  await storage.put(entries);
  equal((await storage.get(keys.slice(0, 128))).size, 127);
});

export const lists_are_ranges_in_the_order_of_bytes = within("list", async (storage) => {
  await storage.put({ a: 1, b: 2, ba: 3, bb: 4, c: 5, "\u00ff": 6, "\u{10ffff}": 7, "": 0 });
  const keys = async (options) => [...(await storage.list(options)).keys()];
  same(await keys(), ["", "a", "b", "ba", "bb", "c", "\u00ff", "\u{10ffff}"]);
  same(await keys({ prefix: "b" }), ["b", "ba", "bb"]);
  same(await keys({ prefix: "b", reverse: true, limit: 2 }), ["bb", "ba"]);
  same(await keys({ start: "ba", end: "c" }), ["ba", "bb"]);
  same(await keys({ startAfter: "ba", end: "c" }), ["bb"]);
  same(await keys({ prefix: "b", start: "a", end: "bb" }), ["b", "ba"]);
  same(await keys({ start: "c", end: "a" }), []);
  same(await keys({ prefix: "\u{10ffff}" }), ["\u{10ffff}"]);
  same(await keys({ limit: 1.9 }), [""]);
  same(await keys({ prefix: null }), []);
});

export const transactions_commit_or_undo = within("transaction", async (storage) => {
  equal(await storage.transaction(async (txn) => {
    await txn.put("a", 1);
    equal(await txn.get("a"), 1);
    return 5;
  }), 5);
  equal(
    await refusal(() =>
      storage.transaction(async (txn) => {
        await txn.put("a", 2);
        await storage.put("b", 2);
        throw new RangeError("mine");
      })
    ),
    "RangeError: mine",
  );
  same([...await storage.get(["a", "b"])], [["a", 1]]);
  equal(await storage.transaction(async (txn) => {
    await txn.put("a", 3);
    txn.rollback();
    txn.rollback();
    return 9;
  }), 9);
  equal(await storage.get("a"), 1);
  await storage.transaction(async (outer) => {
    await outer.put("o", 1);
    await storage.transaction(async (inner) => {
      await inner.put("i", 1);
      inner.rollback();
    });
  });
  same([...await storage.get(["i", "o"])], [["o", 1]]);
});

export const ended_transactions_are_refused = within("ended", async (storage) => {
  const calls = {
    get: (txn) => txn.get("a"),
    list: (txn) => txn.list(),
    put: (txn) => txn.put("a", 1),
    delete: (txn) => txn.delete("a"),
    getAlarm: (txn) => txn.getAlarm(),
    setAlarm: (txn) => txn.setAlarm(9e12),
    deleteAlarm: (txn) => txn.deleteAlarm(),
  };
  for (const [name, call] of Object.entries(calls)) {
    equal(
      await refusal(() =>
        storage.transaction(async (txn) => {
          txn.rollback();
          await call(txn);
        })
      ),
      `Error: Cannot ${name}() on rolled back transaction`,
    );
    let kept;
    await storage.transaction(async (txn) => {
      kept = txn;
    });
    equal(
      await refusal(() => call(kept)),
      `Error: Cannot call ${name}() on transaction that has already committed: did you move \`txn\` outside of the closure?`,
    );
  }
  for (const from of ["txn", "storage"]) {
    equal(
      await refusal(() => storage.transaction(async (txn) => await (from === "txn" ? txn : storage).deleteAll())),
      "Error: Cannot call deleteAll() within a transaction",
    );
  }
});

export const sync_transactions_nest = within("nest", async (storage) => {
  const { kv } = storage;
  equal(storage.transactionSync(() => {
    kv.put("a", 1);
    return 8;
  }), 8);
  equal(await refusal(() =>
    storage.transactionSync(() => {
      kv.put("a", 2);
      throw new Error("mine");
    })
  ), "Error: mine");
  equal(kv.get("a"), 1);
  storage.transactionSync(() => {
    kv.put("b", 1);
    try {
      storage.transactionSync(() => {
        kv.put("c", 1);
        throw 1;
      });
    } catch {}
  });
  same([kv.get("b"), kv.get("c")], [1, undefined]);
  await storage.transactionSync(() => storage.transaction(async () => kv.put("d", 1)));
  equal(kv.get("d"), 1);
});

export const sync_kv_reads_and_writes_at_once = within("kv", (storage) => {
  const { kv } = storage;
  equal(kv.put("a", { deep: [1] }), undefined);
  same(kv.get("a"), { deep: [1] });
  kv.put("u", undefined);
  same([...kv.list({ prefix: "u" })], [["u", undefined]]);
  equal(kv.delete("a"), true);
  equal(kv.delete("a"), false);
  for (let i = 100; i < 300; i++) kv.put(`k${i}`, i);
  equal([...kv.list({ prefix: "k" })].length, 200);
  same([...kv.list({ prefix: "k", reverse: true, limit: 70 })].map(([key]) => key).slice(68), ["k231", "k230"]);
  const first = kv.list();
  kv.list();
  let said = "";
  try {
    first.next();
  } catch (error) {
    said = error.message;
  }
  equal(
    said,
    "kv.list() iterator was invalidated because a new call to kv.list() was started. Only one kv.list() iterator can exist at a time.",
  );
});

export const alarms_are_set_and_deleted = within("alarm", async (storage) => {
  equal(await storage.getAlarm(), null);
  await storage.setAlarm(9e12 + 0.7);
  equal(await storage.getAlarm(), 9e12);
  await storage.setAlarm(new Date(8e12));
  equal(await storage.getAlarm(), 8e12);
  await storage.transaction(async (txn) => {
    await txn.deleteAlarm();
    txn.rollback();
  });
  equal(await storage.getAlarm(), 8e12);
  await storage.deleteAlarm();
  equal(await storage.getAlarm(), null);
});

export const delete_all_leaves_nothing = within("all", async (storage) => {
  await storage.put("a", 1);
  await storage.setAlarm(9e12);
  storage.sql.exec("CREATE TABLE t (a); INSERT INTO t VALUES (1)");
  await storage.sync();
  await storage.deleteAll();
  equal(await storage.get("a"), undefined);
  equal(await storage.getAlarm(), null);
  await storage.put("a", 2);
  equal(await storage.get("a"), 2);
  equal(storage.sql.exec("SELECT name FROM sqlite_master WHERE name NOT LIKE '\\_cf%' ESCAPE '\\'").toArray().length, 0);
});

inside.increment = async (storage) => {
  const count = (await storage.get("count") ?? 0) + 1;
  await storage.get("other");
  await storage.put("count", count);
  return count;
};

export const waiting_for_storage_lets_nobody_in = {
  async test(_, { OBJECTS }) {
    const stub = OBJECTS.get(OBJECTS.newUniqueId());
    const answers = await Promise.all(
      Array.from({ length: 1000 }, () => stub.fetch("http://object/increment").then((answer) => answer.text())),
    );
    same(answers.map(Number).sort((a, b) => a - b), Array.from({ length: 1000 }, (_, i) => i + 1));
  },
};

inside.slow = async (storage) => {
  const count = (await storage.get("count") ?? 0) + 1;
  await new Promise((resolve) => setTimeout(resolve, 20));
  await storage.put("count", count);
  return count;
};

inside.exclusive = (storage) => storage.transaction(() => inside.slow(storage));

export const other_waiting_interleaves_unless_a_transaction_is_around = {
  async test(_, { OBJECTS }) {
    const stub = OBJECTS.get(OBJECTS.newUniqueId());
    const answers = async (path) => {
      const all = [1, 2, 3, 4].map(() => stub.fetch(`http://object/${path}`).then((answer) => answer.text()));
      return (await Promise.all(all)).sort().join();
    };
    equal(await answers("slow"), "1,1,1,1");
    equal(await answers("exclusive"), "2,3,4,5");
  },
};

inside.undo = async (storage, object) => {
  storage.kv.put("kept", 1);
  await storage.sync();
  storage.kv.put("kept", 2);
  object.ctx.abort("enough");
};
inside.kept = (storage) => storage.get("kept");

export const an_aborted_object_loses_what_was_not_committed = {
  async test(_, { OBJECTS }) {
    const id = OBJECTS.newUniqueId();
    await rejects(async () => await OBJECTS.get(id).fetch("http://object/undo"), Error);
    equal(await (await OBJECTS.get(id).fetch("http://object/kept")).text(), "1");
  },
};
