import { DurableObject } from "cloudflare:workers";
import { equal, ok, same } from "../assert.js";

const inside = {};

export class Subject extends DurableObject {
  async fetch(request) {
    try {
      await inside[new URL(request.url).pathname.slice(1)](this.ctx.storage.sql, this.ctx.storage);
      return new Response("passed");
    } catch (error) {
      return new Response(error?.stack ?? `${error}`, { status: 555 });
    }
  }
}

export class Other extends Subject {}

function within(name, run) {
  inside[name] = run;
  return {
    async test(_, { OBJECTS }) {
      const answer = await OBJECTS.get(OBJECTS.newUniqueId()).fetch(`http://object/${name}`);
      equal(await answer.text(), "passed");
    },
  };
}

function refusal(call) {
  try {
    call();
  } catch (error) {
    return `${error.name}: ${error.message}`;
  }
  return "nothing was refused";
}

export const rows_come_as_objects_and_as_arrays = within("rows", (sql) => {
  sql.exec("CREATE TABLE t (id INTEGER PRIMARY KEY, a, b)");
  const inserted = sql.exec("INSERT INTO t (a, b) VALUES (?, ?), (?, ?)", "x", 1.5, null, new Uint8Array([1, 2]));
  same(inserted.toArray(), []);
  const all = sql.exec("SELECT * FROM t");
  same(all.columnNames, ["id", "a", "b"]);
  const rows = all.toArray();
  same(rows[0], { id: 1, a: "x", b: 1.5 });
  equal(rows[1].a, null);
  ok(rows[1].b instanceof ArrayBuffer);
  equal(rows[1].b.byteLength, 2);
  same(all.toArray(), []);
  same([...sql.exec("SELECT id FROM t ORDER BY id DESC")], [{ id: 2 }, { id: 1 }]);
  same([...sql.exec("SELECT 1 AS a, 2 AS a UNION SELECT 3, 4").raw()], [[1, 2], [3, 4]]);
  same(sql.exec("SELECT 1 AS a, 2 AS a").toArray(), [{ a: 2 }]);
  const cursor = sql.exec("SELECT id FROM t");
  same(cursor.next().value, { id: 1 });
  same(cursor.raw().next().value, [2]);
  equal(cursor.next().done, true);
  equal(cursor.next().done, true);
  same(sql.exec("SELECT count(*) AS n FROM t").one(), { n: 2 });
});

export const bindings_are_what_cloudflare_makes_of_them = within("bindings", (sql) => {
  const of = (value) => sql.exec("SELECT ? AS v, typeof(?) AS t", value, value).one();
  same(of(1), { v: 1, t: "real" });
  same(of("x"), { v: "x", t: "text" });
  same(of(null), { v: null, t: "null" });
  same(of(undefined), { v: null, t: "null" });
  same(of(NaN), { v: null, t: "null" });
  same(of(true), { v: "true", t: "text" });
  same(of([1, 2]), { v: "1,2", t: "text" });
  equal(of(new Uint8Array([1]).buffer).t, "blob");
  equal(of(new DataView(new ArrayBuffer(3), 1)).v.byteLength, 2);
  equal(refusal(() => of(5n)), "TypeError: Cannot convert a BigInt value to a number");
  equal(refusal(() => of(Symbol("x"))), "TypeError: Cannot convert a Symbol value to a string");
  equal(sql.exec("SELECT 9007199254740993 AS x").one().x, 9007199254740992);
});

export const errors_are_cloudflares = within("errors", (sql) => {
  const transactions = "Error: To execute a transaction, please use the state.storage.transaction() or " +
    "state.storage.transactionSync() APIs instead of the SQL BEGIN TRANSACTION or SAVEPOINT statements. The " +
    "JavaScript API is safer because it will automatically roll back on exceptions, and because it interacts " +
    "correctly with Durable Objects' automatic atomic write coalescing.";
  sql.exec("CREATE TABLE t (a UNIQUE); INSERT INTO t VALUES (1)");
  const bad = {
    "": "Error: SQL code did not contain a statement.",
    "-- hi": "Error: SQL code did not contain a statement.",
    "SELEC 1": 'Error: near "SELEC": syntax error at offset 0: SQLITE_ERROR',
    "SELECT * FROM nope": "Error: no such table: nope: SQLITE_ERROR",
    "INSERT INTO t VALUES (1)": "Error: UNIQUE constraint failed: t.a: SQLITE_CONSTRAINT (extended: SQLITE_CONSTRAINT_UNIQUE)",
    "SELECT ?": "Error: Wrong number of parameter bindings for SQL query.",
    "SELECT ?; SELECT 1":
      "Error: When executing multiple SQL statements in a single call, only the last statement can have parameters.",
    "BEGIN TRANSACTION": transactions,
    "COMMIT": transactions,
    "SAVEPOINT x": transactions,
    "ATTACH ':memory:' AS x": "Error: not authorized: SQLITE_AUTH",
    "PRAGMA journal_mode = DELETE": "Error: not authorized: SQLITE_AUTH",
    "CREATE TABLE _cf_x (a)": "Error: not authorized: SQLITE_AUTH",
    "CREATE TEMP TABLE x (a)": "Error: not authorized: SQLITE_AUTH",
  };
  for (const [query, text] of Object.entries(bad)) equal(refusal(() => sql.exec(query)), text);
  ok(refusal(() => sql.exec()).startsWith("TypeError: Failed to execute 'exec' on 'SqlStorage': parameter 1 is not of type '"));
  equal(
    refusal(() => sql.exec("SELECT 1 WHERE 0").one()),
    "Error: Expected exactly one result from SQL query, but got no results.",
  );
  equal(
    refusal(() => sql.exec("SELECT 1 UNION SELECT 2").one()),
    "Error: Expected exactly one result from SQL query, but got multiple results.",
  );
  equal(sql.exec("SELECT count(*) AS n FROM t").one().n, 1);
});

export const keys_are_out_of_reach_of_sql = within("reach", async (sql, storage) => {
  await storage.put("a", 1);
  equal(refusal(() => sql.exec("SELECT * FROM _cf_KV")), "Error: access to _cf_KV.key is prohibited: SQLITE_AUTH");
});

export const cursors_see_what_happens_meanwhile = within("cursors", async (sql, storage) => {
  sql.exec("CREATE TABLE t (a); INSERT INTO t VALUES (1), (2), (3)");
  const open = sql.exec("SELECT a FROM t");
  same(open.next().value, { a: 1 });
  // One row was read ahead.
  sql.exec("DELETE FROM t");
  same(open.next().value, { a: 2 });
  equal(open.next().done, true);
  sql.exec("INSERT INTO t VALUES (1), (2)");
  const kept = sql.exec("SELECT a FROM t");
  kept.next();
  await storage.put("k", 1);
  await storage.sync();
  await new Promise((resolve) => setTimeout(resolve, 5));
  same(kept.toArray(), [{ a: 2 }]);
  const one = sql.exec("SELECT 1 AS a UNION SELECT 2");
  const two = sql.exec("SELECT 1 AS a UNION SELECT 2");
  same([one.next().value.a, two.next().value.a, one.next().value.a, two.next().value.a], [1, 1, 2, 2]);
  const ended = sql.exec("SELECT a FROM t");
  await storage.deleteAll();
  equal(refusal(() => ended.next()), "Error: SQLite query was canceled because the database was deleted.");
});

export const sql_takes_part_in_transactions = within("transactions", async (sql, storage) => {
  sql.exec("CREATE TABLE t (a)");
  await storage.transaction(async (txn) => {
    sql.exec("INSERT INTO t VALUES (1)");
    txn.rollback();
  });
  try {
    storage.transactionSync(() => {
      sql.exec("INSERT INTO t VALUES (2)");
      throw 1;
    });
  } catch {}
  await storage.transaction(async () => sql.exec("INSERT INTO t VALUES (3)"));
  same(sql.exec("SELECT a FROM t").toArray(), [{ a: 3 }]);
});

export const extensions_of_sqlite_are_there = within("extensions", (sql) => {
  sql.exec("CREATE VIRTUAL TABLE f USING fts5(text)");
  sql.exec("INSERT INTO f VALUES ('a quick fox'), ('a lazy dog')");
  same(sql.exec("SELECT text FROM f WHERE f MATCH 'fox'").toArray(), [{ text: "a quick fox" }]);
  same(sql.exec("SELECT json_extract('{\"a\":1}', '$.a') AS j, sqrt(4) AS s").one(), { j: 1, s: 2 });
  equal(sql.databaseSize % 4096, 0);
  ok(sql.databaseSize > 0);
});
