import { equal, ok, rejects, same, throws } from "../assert.js";

const TRANSACTION =
  "To execute a transaction, please use the state.storage.transaction() or state.storage.transactionSync() " +
  "APIs instead of the SQL BEGIN TRANSACTION or SAVEPOINT statements. The JavaScript API is safer because it " +
  "will automatically roll back on exceptions, and because it interacts correctly with Durable Objects' " +
  "automatic atomic write coalescing.";

/** What a query is refused with. */
async function refusal(db, sql, ...values) {
  const error = await rejects(db.prepare(sql).bind(...values).all());
  equal(error.constructor, Error);
  equal(error.message, `D1_ERROR: ${error.cause.message}`);
  return error.cause.message;
}

export const sql_errors_say_where = {
  async test(_, { DB }) {
    equal(await refusal(DB, "SELEC 1"), 'near "SELEC": syntax error at offset 0: SQLITE_ERROR');
    equal(await refusal(DB, "  SELECT 1 FRM x"), 'near "x": syntax error at offset 15: SQLITE_ERROR');
    equal(await refusal(DB, "SELECT * FROM nope"), "no such table: nope: SQLITE_ERROR");
    equal(await refusal(DB, "INSERT INTO nope VALUES (1)"), "no such table: nope: SQLITE_ERROR");
    for (const method of ["first", "run", "raw"]) {
      const error = await rejects(DB.prepare("SELECT * FROM nope")[method]());
      equal(error.message, "D1_ERROR: no such table: nope: SQLITE_ERROR");
    }
  },
};

export const there_must_be_a_statement = {
  async test(_, { DB }) {
    equal(await refusal(DB, ""), "No SQL statements detected.");
    equal(await refusal(DB, " \n "), "No SQL statements detected.");
    equal(await refusal(DB, "-- nothing"), "SQL code did not contain a statement.");
  },
};

export const constraints_are_named = {
  async test(_, { DB }) {
    await DB.exec("CREATE TABLE ea (a UNIQUE, b NOT NULL DEFAULT 1, c CHECK (c > 0))\nINSERT INTO ea VALUES (1, 1, 1)");
    const failed = (what, name) => `${what}: SQLITE_CONSTRAINT (extended: SQLITE_CONSTRAINT_${name})`;
    equal(await refusal(DB, "INSERT INTO ea VALUES (1, 1, 1)"), failed("UNIQUE constraint failed: ea.a", "UNIQUE"));
    equal(
      await refusal(DB, "INSERT INTO ea VALUES (2, NULL, 1)"),
      failed("NOT NULL constraint failed: ea.b", "NOTNULL"),
    );
    equal(await refusal(DB, "INSERT INTO ea VALUES (2, 1, -1)"), failed("CHECK constraint failed: c > 0", "CHECK"));
    equal(await refusal(DB, "INSERT OR FAIL INTO ea VALUES (5, 1, 1), (1, 1, 1)"), failed("UNIQUE constraint failed: ea.a", "UNIQUE"));
    equal(await DB.prepare("SELECT count(*) AS n FROM ea").first("n"), 1);
  },
};

export const transactions_are_made_by_batches_alone = {
  async test(_, { DB }) {
    for (const sql of ["BEGIN", "COMMIT", "ROLLBACK", "SAVEPOINT a", "BEGIN IMMEDIATE"]) {
      equal(await refusal(DB, sql), TRANSACTION);
    }
  },
};

export const what_is_not_the_workers_is_out_of_reach = {
  async test(_, { DB }) {
    equal(await refusal(DB, "ATTACH 'x' AS y"), "not authorized: SQLITE_AUTH");
    equal(await refusal(DB, "PRAGMA journal_mode = DELETE"), "not authorized: SQLITE_AUTH");
    equal(await refusal(DB, "PRAGMA user_version"), "not authorized: SQLITE_AUTH");
    equal(await refusal(DB, "CREATE TABLE _cf_x (a)"), "not authorized: SQLITE_AUTH");
    equal(
      await refusal(DB, "SELECT sqlite_version()"),
      "not authorized to use function: sqlite_version at offset 7: SQLITE_ERROR",
    );
    await refusal(DB, "VACUUM");
    await refusal(DB, "CREATE TEMP TABLE t (a)");
    await refusal(DB, "SELECT load_extension('x')");
  },
};

export const pragmas_that_are_allowed = {
  async test(_, { DB }) {
    await DB.exec("CREATE TABLE eb (id INTEGER PRIMARY KEY, name TEXT NOT NULL)");
    same(await DB.prepare("PRAGMA table_info(eb)").raw(), [
      [0, "id", "INTEGER", 0, null, 1],
      [1, "name", "TEXT", 1, null, 0],
    ]);
    same((await DB.prepare("PRAGMA foreign_keys").all()).results, [{ foreign_keys: 1 }]);
    const tables = await DB.prepare("PRAGMA table_list").all();
    ok(tables.results.some((table) => table.name === "eb"));
    same(await DB.prepare("PRAGMA quick_check").raw(), [["ok"]]);
  },
};

export const limits_of_statements = {
  async test(_, { DB }) {
    const many = (count, what) => Array(count).fill(what).join(",");
    equal(await refusal(DB, `SELECT '${"x".repeat(100001)}'`), "statement too long: SQLITE_TOOBIG");
    equal(
      await refusal(DB, `SELECT ${many(101, "?")}`, ...Array(101).fill(1)),
      "too many SQL variables at offset 207: SQLITE_ERROR",
    );
    equal(await refusal(DB, `SELECT ${many(101, "1")}`), "too many columns in result set: SQLITE_ERROR");
    equal(await refusal(DB, "SELECT length(?)", "x".repeat(9 * 1024 * 1024)), "string or blob too big: SQLITE_TOOBIG");
    equal(await refusal(DB, "SELECT 'a' LIKE ?", "x".repeat(51)), "LIKE or GLOB pattern too complex: SQLITE_ERROR");
  },
};

export const classes_have_names = {
  test(_, { DB }) {
    equal(DB.constructor.name, "D1Database");
    equal(DB.prepare("SELECT 1").constructor.name, "D1PreparedStatement");
    equal(DB.withSession().constructor.name, "D1DatabaseSession");
    equal(typeof D1Database, "undefined");
    const names = Object.getOwnPropertyNames(Object.getPrototypeOf(DB));
    for (const name of ["prepare", "batch", "exec", "withSession", "dump"]) ok(names.includes(name));
  },
};

export const methods_know_what_they_are_called_on = {
  async test(_, { DB }) {
    const { prepare, batch } = Object.getPrototypeOf(DB);
    throws(() => prepare.call({}, "SELECT 1"), TypeError);
    await rejects(batch.call({}, []), TypeError);
    await rejects(DB.prepare("SELECT 1").first.call({}), TypeError);
  },
};

export const a_statement_is_a_string = {
  async test(_, { DB }) {
    for (const sql of [5, undefined, null, {}]) await rejects(DB.prepare(sql).all());
  },
};
