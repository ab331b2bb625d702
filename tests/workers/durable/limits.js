import { DurableObject } from "cloudflare:workers";
import { equal, same } from "../assert.js";

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

async function refusal(call) {
  try {
    const result = await call();
    return `fine: ${result}`;
  } catch (error) {
    return `${error.name}: ${error.message}`;
  }
}

const MIB = 1 << 20;
const TOO_BIG = "Error: string or blob too big: SQLITE_TOOBIG";

export const values_over_the_limit_are_refused_and_nothing_is_written = within("values", async (sql, storage) => {
  sql.exec("CREATE TABLE t (a, b)");
  await storage.put("kept", "before");
  for (const call of [
    () => storage.put("kept", new Uint8Array(9 * MIB)),
    () => storage.put("kept", "x".repeat(9 * MIB)),
    () => storage.put("k".repeat(9 * MIB), 1),
    () => storage.put({ first: 1, kept: new Uint8Array(9 * MIB), last: 2 }),
    () => storage.kv.put("kept", new Uint8Array(9 * MIB)),
    () => sql.exec("INSERT INTO t VALUES (?, 1)", "x".repeat(9 * MIB)),
    () => sql.exec("INSERT INTO t VALUES (?, 1)", new Uint8Array(9 * MIB)),
    () => sql.exec("INSERT INTO t VALUES (?, ?)", new Uint8Array(5 * MIB), new Uint8Array(5 * MIB)),
    () => sql.exec("INSERT INTO t VALUES (zeroblob(9000000), 1)"),
    () => sql.exec("SELECT length(? || ?)", "x".repeat(5 * MIB), "x".repeat(5 * MIB)).toArray(),
    () => sql.exec("SELECT length(replace(?, 'x', 'yyyyyyyy'))", "x".repeat(2 * MIB)).toArray(),
  ]) equal(await refusal(call), TOO_BIG);
  equal(await storage.get("kept"), "before");
  same([...(await storage.list()).keys()], ["kept"]);
  equal(sql.exec("SELECT count(*) AS n FROM t").one().n, 0);
  // What fits is taken.
  await storage.put("kept", new Uint8Array(2 * MIB));
  equal((await storage.get("kept")).length, 2 * MIB);
});

export const statements_over_the_limits_are_refused = within("statements", async (sql) => {
  const list = (count, item = (at) => at) => Array.from({ length: count }, (_, at) => item(at));
  sql.exec("CREATE TABLE t (a)");
  const cases = [
    [`SELECT 1 --${"x".repeat(100000)}`, "Error: statement too long: SQLITE_TOOBIG"],
    [`SELECT 1 --${"x".repeat(100000 - 11)}`, "fine: 1"],
    [`CREATE TABLE c (${list(101, (at) => `c${at}`)})`, "Error: too many columns on c: SQLITE_ERROR"],
    [`SELECT ${list(101)}`, "Error: too many columns in result set: SQLITE_ERROR"],
    ["SELECT ?101", "Error: variable number must be between ?1 and ?100 at offset 7: SQLITE_ERROR"],
    [list(6, () => "SELECT 1").join(" UNION ALL "), "Error: too many terms in compound SELECT: SQLITE_ERROR"],
    [list(5, () => "SELECT 1").join(" UNION ALL "), "fine: 5"],
    [`SELECT ${"(1+".repeat(101)}1${")".repeat(101)}`, "Error: Expression tree is too large (maximum depth 100): SQLITE_ERROR"],
    [`SELECT 'a' LIKE '${"x".repeat(51)}'`, "Error: LIKE or GLOB pattern too complex: SQLITE_ERROR"],
    [`SELECT 'a' GLOB '${"x".repeat(51)}'`, "Error: LIKE or GLOB pattern too complex: SQLITE_ERROR"],
    [`SELECT max(${list(128)})`, "Error: too many arguments on function max at offset 7: SQLITE_ERROR"],
  ];
  for (const [query, expected] of cases) {
    equal(await refusal(() => sql.exec(query).toArray().length), expected);
  }
});

export const sql_that_is_not_allowed_is_refused = within("allowed", async (sql, storage) => {
  await storage.put("kept", 1);
  sql.exec("CREATE TABLE t (a)");
  const unauthorized = "Error: not authorized: SQLITE_AUTH";
  const cases = {
    "ATTACH 'x' AS y": unauthorized,
    "DETACH main": unauthorized,
    "PRAGMA writable_schema = ON": unauthorized,
    "PRAGMA synchronous = OFF": unauthorized,
    "PRAGMA user_version = 4": unauthorized,
    "PRAGMA wal_checkpoint": unauthorized,
    "PRAGMA database_list": unauthorized,
    "PRAGMA integrity_check": unauthorized,
    "PRAGMA cache_size = 5": unauthorized,
    "CREATE VIRTUAL TABLE r USING fts4(a)": unauthorized,
    "CREATE VIRTUAL TABLE r USING csv(filename = '/etc/passwd')": unauthorized,
    "CREATE TEMP VIEW v AS SELECT 1": unauthorized,
    "CREATE TABLE temp.x (a)": unauthorized,
    "DROP TABLE _cf_KV": unauthorized,
    "ALTER TABLE t RENAME TO _cf_t": unauthorized,
    "SELECT sqlite_version()": "Error: not authorized to use function: sqlite_version at offset 7: SQLITE_ERROR",
    "SELECT readfile('/etc/passwd')": "Error: no such function: readfile at offset 7: SQLITE_ERROR",
    "SELECT writefile('x', 'x')": "Error: no such function: writefile at offset 7: SQLITE_ERROR",
    "SELECT edit('x')": "Error: no such function: edit at offset 7: SQLITE_ERROR",
    "SELECT * FROM sqlite_dbpage": "Error: no such table: sqlite_dbpage: SQLITE_ERROR",
    "SELECT * FROM dbstat": "Error: no such table: dbstat: SQLITE_ERROR",
    "UPDATE sqlite_schema SET sql = ''": "Error: table sqlite_master may not be modified: SQLITE_ERROR",
    "CREATE TABLE sqlite_x (a)": "Error: object name reserved for internal use: sqlite_x: SQLITE_ERROR",
    "VACUUM": "Error: cannot VACUUM from within a transaction: SQLITE_ERROR",
    "VACUUM INTO 'x'": "Error: cannot VACUUM from within a transaction: SQLITE_ERROR",
  };
  for (const [query, expected] of Object.entries(cases)) {
    equal(`${query}: ${await refusal(() => sql.exec(query).toArray().length)}`, `${query}: ${expected}`);
  }
  for (const query of ["BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT a", "RELEASE a"]) {
    const text = await refusal(() => sql.exec(query));
    equal(text.startsWith("Error: To execute a transaction, please use the state.storage.transaction()"), true);
  }
  equal(await storage.get("kept"), 1);
  equal(sql.exec("SELECT count(*) AS n FROM t").one().n, 0);
});
