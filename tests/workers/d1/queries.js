import { equal, ok, rejects, same } from "../assert.js";

/** Makes the tables that a case needs. */
async function tables(db, ...sql) {
  await db.batch(sql.map((one) => db.prepare(one)));
}

export const rows_are_objects = {
  async test(_, { DB }) {
    await tables(DB, "CREATE TABLE a (id INTEGER PRIMARY KEY, name TEXT, score REAL, data BLOB)");
    const insert = DB.prepare("INSERT INTO a (name, score, data) VALUES (?, ?, ?)");
    await insert.bind("one", 1.5, new Uint8Array([1, 2, 255])).run();
    await insert.bind("two", null, null).run();
    const all = await DB.prepare("SELECT * FROM a ORDER BY id").all();
    same(Object.keys(all), ["success", "meta", "results"]);
    equal(all.success, true);
    same(all.results, [
      { id: 1, name: "one", score: 1.5, data: [1, 2, 255] },
      { id: 2, name: "two", score: null, data: null },
    ]);
    const run = await DB.prepare("SELECT name FROM a WHERE id = 2").run();
    same(run.results, [{ name: "two" }]);
    equal(Object.getPrototypeOf(run.results[0]), Object.prototype);
  },
};

export const the_first_row_or_one_of_its_columns = {
  async test(_, { DB }) {
    await tables(DB, "CREATE TABLE b (x, y)", "INSERT INTO b VALUES (1, NULL), (2, 'z')");
    const select = DB.prepare("SELECT * FROM b ORDER BY x");
    same(await select.first(), { x: 1, y: null });
    equal(await select.first("x"), 1);
    equal(await select.first("y"), null);
    equal(await DB.prepare("SELECT * FROM b WHERE x = 9").first(), null);
    equal(await DB.prepare("SELECT * FROM b WHERE x = 9").first("nothing"), null);
    const error = await rejects(select.first("nothing"));
    equal(error.message, "D1_COLUMN_NOTFOUND: Column not found (nothing)");
    equal(error.cause.message, "Column not found");
  },
};

export const raw_rows_are_arrays = {
  async test(_, { DB }) {
    await tables(DB, "CREATE TABLE c (x, y)", "INSERT INTO c VALUES (1, 'a'), (2, 'b')");
    const select = DB.prepare("SELECT x, y FROM c ORDER BY x");
    same(await select.raw(), [[1, "a"], [2, "b"]]);
    same(await select.raw({ columnNames: true }), [["x", "y"], [1, "a"], [2, "b"]]);
    const none = DB.prepare("SELECT x, y FROM c WHERE x = 9");
    same(await none.raw(), []);
    same(await none.raw({ columnNames: true }), [["x", "y"]]);
    same(await DB.prepare("SELECT 1 AS a, 2 AS a").raw({ columnNames: true }), [["a", "a"], [1, 2]]);
    same((await DB.prepare("SELECT 1 AS a, 2 AS a").all()).results, [{ a: 2 }]);
  },
};

export const columns_may_have_any_name = {
  async test(_, { DB }) {
    const row = await DB.prepare('SELECT 1 AS "__proto__", 2 AS "then", 3 AS ""').first();
    equal(Object.getPrototypeOf(row), Object.prototype);
    same(Object.keys(row), ["__proto__", "then", ""]);
    equal(row.then, 2);
  },
};

export const figures_tell_what_was_written = {
  async test(_, { DB }) {
    await tables(DB, "CREATE TABLE d (id INTEGER PRIMARY KEY, x UNIQUE)");
    const inserted = (await DB.prepare("INSERT INTO d (x) VALUES ('a'), ('b')").run()).meta;
    equal(inserted.changes, 2);
    equal(inserted.last_row_id, 2);
    equal(inserted.changed_db, true);
    equal(inserted.rows_written, 4);
    ok(inserted.size_after >= 4096 && inserted.duration >= 0);
    const read = (await DB.prepare("SELECT * FROM d WHERE x = 'a'").all()).meta;
    equal(read.changes, 0);
    equal(read.last_row_id, 2);
    equal(read.changed_db, false);
    equal(read.rows_written, 0);
    equal(read.size_after, inserted.size_after);
    equal((await DB.prepare("UPDATE d SET x = x || '!'").run()).meta.changes, 2);
    const nothing = (await DB.prepare("DELETE FROM d WHERE x = 'none'").run()).meta;
    equal(nothing.changes, 0);
    equal(nothing.changed_db, false);
    equal((await DB.prepare("SELECT sum(id) FROM d").all()).meta.rows_read, 2);
  },
};

export const definitions_change_the_database = {
  async test(_, { DB }) {
    const made = (await DB.prepare("CREATE TABLE IF NOT EXISTS e (x)").run()).meta;
    equal(made.changed_db, true);
    equal(made.rows_written, 2);
    const again = (await DB.prepare("CREATE TABLE IF NOT EXISTS e (x)").run()).meta;
    equal(again.changed_db, false);
    equal(again.rows_written, 0);
  },
};

export const what_is_returned_by_a_write = {
  async test(_, { DB }) {
    await tables(DB, "CREATE TABLE f (id INTEGER PRIMARY KEY, x)");
    const insert = DB.prepare("INSERT INTO f (x) VALUES (?), (?) RETURNING id, x").bind("a", "b");
    same((await insert.all()).results, [{ id: 1, x: "a" }, { id: 2, x: "b" }]);
    same(await insert.first(), { id: 3, x: "a" });
    equal(await DB.prepare("SELECT count(*) AS n FROM f").first("n"), 4);
  },
};

export const a_text_may_have_many_statements = {
  async test(_, { DB }) {
    await tables(DB, "CREATE TABLE g (x)");
    same((await DB.prepare("SELECT 1 AS a; SELECT 2 AS b").all()).results, [{ b: 2 }]);
    const run = await DB.prepare("INSERT INTO g VALUES (1); INSERT INTO g VALUES (?)").bind("p").run();
    equal(run.meta.changes, 2);
    same(await DB.prepare("SELECT x FROM g").raw(), [[1], ["p"]]);
    const error = await rejects(DB.prepare("SELECT ?; SELECT 1").bind(1).all());
    equal(
      error.message,
      "D1_ERROR: When executing multiple SQL statements in a single call, only the last statement can have parameters.",
    );
  },
};

export const bindings_of_one_id_are_one_database = {
  async test(_, { DB, SAME, OTHER }) {
    await tables(DB, "CREATE TABLE h (x)", "INSERT INTO h VALUES (7)");
    equal(await SAME.prepare("SELECT x FROM h").first("x"), 7);
    const error = await rejects(OTHER.prepare("SELECT x FROM h").first("x"));
    equal(error.message, "D1_ERROR: no such table: h: SQLITE_ERROR");
  },
};

export const statements_can_be_used_again = {
  async test(_, { DB }) {
    const select = DB.prepare("SELECT ? AS x");
    const [one, two] = [select.bind(1), select.bind(2)];
    ok(one !== select && one !== two);
    equal(await two.first("x"), 2);
    equal(await one.first("x"), 1);
    equal(await one.bind(3).first("x"), 3);
    await rejects(select.first());
    same(Object.getOwnPropertyNames(one), ["statement", "params"]);
    equal(one.statement, "SELECT ? AS x");
  },
};

export const calls_at_once_are_all_done = {
  async test(_, { DB }) {
    await tables(DB, "CREATE TABLE i (x)");
    const insert = DB.prepare("INSERT INTO i VALUES (?)");
    const done = await Promise.all(Array.from({ length: 50 }, (_, x) => insert.bind(x).run()));
    ok(done.every((one) => one.meta.changes === 1));
    equal(await DB.prepare("SELECT count(DISTINCT x) AS n FROM i").first("n"), 50);
  },
};

export const full_text_and_json = {
  async test(_, { DB }) {
    await tables(
      DB,
      "CREATE VIRTUAL TABLE j USING fts5(title, body)",
      "INSERT INTO j VALUES ('one', 'hello world'), ('two', 'goodbye')",
    );
    same(await DB.prepare("SELECT title FROM j WHERE j MATCH ?").bind("hello").raw(), [["one"]]);
    equal(await DB.prepare("SELECT json_extract(?, '$.a[1]') AS x").bind('{"a":[1,2]}').first("x"), 2);
    same(await DB.prepare("SELECT value FROM json_each('[1,2]')").raw(), [[1], [2]]);
  },
};

export const long_queries_give_all_rows = {
  async test(_, { DB }) {
    const rows = await DB.prepare(
      "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < ?) SELECT n FROM c",
    ).bind(20000).raw();
    equal(rows.length, 20000);
    equal(rows[19999][0], 20000);
  },
};
