import { equal, rejects, same, throws } from "../assert.js";

/** What a value that was bound is, and what comes back. */
async function bound(db, value) {
  const row = await db.prepare("SELECT typeof(?1) AS type, ?1 AS value").bind(value).first();
  return [row.type, row.value];
}

export const values_are_bound_by_their_types = {
  async test(_, { DB }) {
    same(await bound(DB, 1), ["real", 1]);
    same(await bound(DB, 1.5), ["real", 1.5]);
    same(await bound(DB, "text"), ["text", "text"]);
    same(await bound(DB, "\u00e9\u{1f600}"), ["text", "\u00e9\u{1f600}"]);
    same(await bound(DB, "a\0b"), ["text", "a\0b"]);
    same(await bound(DB, true), ["real", 1]);
    same(await bound(DB, false), ["real", 0]);
    same(await bound(DB, null), ["null", null]);
    same(await bound(DB, NaN), ["null", null]);
    same(await bound(DB, Infinity), ["null", null]);
    same(await bound(DB, [1, 2, 255]), ["blob", [1, 2, 255]]);
    same(await bound(DB, []), ["blob", []]);
    same(await bound(DB, new ArrayBuffer(2)), ["blob", [0, 0]]);
    same(await bound(DB, new Uint8Array([9, 8, 7]).subarray(1)), ["blob", [8, 7]]);
  },
};

export const columns_convert_what_they_take = {
  async test(_, { DB }) {
    await DB.exec("CREATE TABLE types_a (i INTEGER, t TEXT, n)");
    await DB.prepare("INSERT INTO types_a VALUES (?, ?, ?)").bind(5, 5, 5).run();
    const row = await DB.prepare("SELECT typeof(i) i, typeof(t) t, typeof(n) n FROM types_a").first();
    same(row, { i: "integer", t: "text", n: "real" });
  },
};

export const other_types_are_refused = {
  test(_, { DB }) {
    const refused = (value) => {
      const error = throws(() => DB.prepare("SELECT ?").bind(value));
      equal(error.message, `D1_TYPE_ERROR: ${error.cause.message}`);
      return error.cause.message;
    };
    equal(refused(undefined), "Type 'undefined' not supported for value 'undefined'");
    equal(refused(1n), "Type 'bigint' not supported for value '1'");
    equal(refused({}), "Type 'object' not supported for value '[object Object]'");
    equal(refused([1, "a"]), "Type 'object' not supported for value '1,a'");
    equal(refused([256]), "Type 'object' not supported for value '256'");
    throws(() => DB.prepare("SELECT ?").bind(Symbol("x")), TypeError);
  },
};

export const views_are_bytes = {
  async test(_, { DB }) {
    same(await bound(DB, new Uint16Array([258])), ["blob", [2, 1]]);
    same(await bound(DB, new DataView(new ArrayBuffer(4), 1, 2)), ["blob", [0, 0]]);
  },
};

export const bytes_are_copied_when_they_are_bound = {
  async test(_, { DB }) {
    const bytes = new Uint8Array([1, 2]);
    const select = DB.prepare("SELECT ? AS x").bind(bytes);
    bytes[0] = 9;
    same(await select.first("x"), [1, 2]);
  },
};

export const numbers_are_those_of_json = {
  async test(_, { DB }) {
    const row = await DB.prepare("SELECT 9007199254740993 AS big, -0.0 AS zero, 1e400 AS infinite").first();
    equal(row.big, 9007199254740992);
    equal(row.zero, 0);
    equal(row.infinite, null);
  },
};

export const numbered_parameters = {
  async test(_, { DB }) {
    same(await DB.prepare("SELECT ?2 AS a, ?1 AS b").bind(1, 2).first(), { a: 2, b: 1 });
    same(await DB.prepare("SELECT :x AS a").bind(1).first(), { a: 1 });
    const text = "D1_ERROR: Wrong number of parameter bindings for SQL query.";
    for (const values of [[], [1], [1, 2, 3]]) {
      const error = await rejects(DB.prepare("SELECT ?, ?").bind(...values).all());
      equal(error.message, text);
    }
  },
};
