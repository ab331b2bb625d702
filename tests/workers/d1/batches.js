import { equal, ok, rejects, same } from "../assert.js";

export const a_batch_gives_a_result_for_each = {
  async test(_, { DB }) {
    await DB.exec("CREATE TABLE ba (x UNIQUE)");
    const results = await DB.batch([
      DB.prepare("INSERT INTO ba VALUES (?)").bind("a"),
      DB.prepare("SELECT x FROM ba"),
      DB.prepare("INSERT INTO ba VALUES ('b'), ('c')"),
    ]);
    equal(results.length, 3);
    ok(results.every((one) => one.success));
    same(results.map((one) => one.meta.changes), [1, 0, 2]);
    same(results[1].results, [{ x: "a" }]);
  },
};

export const a_batch_is_done_whole_or_not_at_all = {
  async test(_, { DB }) {
    await DB.exec("CREATE TABLE bb (x UNIQUE)\nINSERT INTO bb VALUES (1)");
    const error = await rejects(DB.batch([
      DB.prepare("INSERT INTO bb VALUES (2)"),
      DB.prepare("CREATE TABLE bb_new (x)"),
      DB.prepare("INSERT INTO bb VALUES (1)"),
    ]));
    const text = "UNIQUE constraint failed: bb.x: SQLITE_CONSTRAINT (extended: SQLITE_CONSTRAINT_UNIQUE)";
    equal(error.message, `D1_ERROR: ${text}`);
    equal(error.cause.message, text);
    same(await DB.prepare("SELECT x FROM bb").raw(), [[1]]);
    equal(await DB.prepare("SELECT 1 FROM sqlite_master WHERE name = 'bb_new'").first(), null);
    await rejects(DB.batch([DB.prepare("INSERT INTO bb VALUES (3)"), DB.prepare("nonsense")]));
    same(await DB.prepare("SELECT x FROM bb").raw(), [[1]]);
  },
};

export const a_batch_that_fails_takes_no_other_call_with_it = {
  async test(_, { DB }) {
    await DB.exec("CREATE TABLE bc (x UNIQUE)");
    const insert = DB.prepare("INSERT OR ROLLBACK INTO bc VALUES (?)");
    const calls = [1, 2, 1, 3, 2, 4].map((x) => DB.batch([insert.bind(x), insert.bind(x + 10)]));
    const done = await Promise.allSettled(calls);
    same(done.map((one) => one.status === "fulfilled"), [true, true, false, true, false, true]);
    same(await DB.prepare("SELECT x FROM bc ORDER BY x").raw(), [[1], [2], [3], [4], [11], [12], [13], [14]]);
  },
};

export const an_empty_batch_is_refused = {
  async test(_, { DB }) {
    const error = await rejects(DB.batch([]));
    equal(error.message, "D1_ERROR: No SQL statements detected.");
    await rejects(DB.batch("SELECT 1"), TypeError);
  },
};

export const a_batch_is_of_the_database_that_runs_it = {
  async test(_, { DB, OTHER }) {
    await OTHER.exec("CREATE TABLE bd (x)");
    const error = await rejects(DB.batch([OTHER.prepare("SELECT * FROM bd")]));
    equal(error.message, "D1_ERROR: no such table: bd: SQLITE_ERROR");
  },
};

export const foreign_keys_hold = {
  async test(_, { DB }) {
    await DB.exec("CREATE TABLE parent (id INTEGER PRIMARY KEY)\nCREATE TABLE child (parent REFERENCES parent(id))");
    const insert = DB.prepare("INSERT INTO child VALUES (?)");
    const text = "D1_ERROR: FOREIGN KEY constraint failed: SQLITE_CONSTRAINT (extended: SQLITE_CONSTRAINT_FOREIGNKEY)";
    equal((await rejects(insert.bind(1).run())).message, text);
    equal((await rejects(DB.batch([DB.prepare("PRAGMA foreign_keys = off"), insert.bind(1)]))).message, text);
    const defer = DB.prepare("PRAGMA defer_foreign_keys = on");
    await DB.batch([defer, insert.bind(2), DB.prepare("INSERT INTO parent VALUES (2)")]);
    equal((await rejects(insert.bind(3).run())).message, text);
    same(await DB.prepare("SELECT parent FROM child").raw(), [[2]]);
  },
};

export const what_is_deferred_is_checked_at_the_end = {
  async test(_, { DB }) {
    await DB.exec("CREATE TABLE up (id INTEGER PRIMARY KEY)\nCREATE TABLE down (up REFERENCES up(id))");
    const defer = DB.prepare("PRAGMA defer_foreign_keys = on");
    const error = await rejects(DB.batch([defer, DB.prepare("INSERT INTO down VALUES (4)")]));
    equal(
      error.message,
      "D1_ERROR: FOREIGN KEY constraint failed: SQLITE_CONSTRAINT (extended: SQLITE_CONSTRAINT_FOREIGNKEY)",
    );
    same(await DB.prepare("SELECT * FROM down").raw(), []);
  },
};

export const lines_are_executed = {
  async test(_, { DB }) {
    const done = await DB.exec("CREATE TABLE be (x)\nINSERT INTO be VALUES (1); INSERT INTO be VALUES (2)");
    equal(done.count, 2);
    ok(done.duration >= 0);
    same(await DB.prepare("SELECT x FROM be").raw(), [[1], [2]]);
    equal((await DB.exec("SELECT 1; SELECT 2;")).count, 1);
  },
};

export const a_line_that_fails_undoes_those_before = {
  async test(_, { DB }) {
    await DB.exec("CREATE TABLE bf (x)");
    await rejects(DB.exec("INSERT INTO bf VALUES (1)\nnonsense"));
    same(await DB.prepare("SELECT x FROM bf").raw(), []);
    const error = await rejects(DB.exec("SELEC 1"));
    const text = 'Error in line 1: SELEC 1: near "SELEC": syntax error at offset 0: SQLITE_ERROR';
    equal(error.message, `D1_EXEC_ERROR: ${text}`);
    equal(error.cause.message, text);
    equal((await rejects(DB.exec(""))).message, "D1_EXEC_ERROR: Error in line 1: : No SQL statements detected.");
    equal(
      (await rejects(DB.exec("CREATE TABLE\n bg (x)"))).message,
      "D1_EXEC_ERROR: Error in line 1: CREATE TABLE: incomplete input: SQLITE_ERROR",
    );
  },
};

export const the_line_that_failed_is_told = {
  async test(_, { DB }) {
    const error = await rejects(DB.exec("SELECT 1\n\nnonsense"));
    equal(
      error.message,
      'D1_EXEC_ERROR: Error in line 3: nonsense: near "nonsense": syntax error at offset 0: SQLITE_ERROR',
    );
  },
};
