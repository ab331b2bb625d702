import { equal, ok, rejects, same, throws } from "../assert.js";

export const a_session_has_a_bookmark_once_it_was_used = {
  async test(_, { DB }) {
    for (const constraint of [undefined, null, "", " ", "first-primary"]) {
      const session = DB.withSession(constraint);
      equal(session.getBookmark(), null);
      await session.prepare("SELECT 1").all();
      ok(/^[0-9a-f]{8}-[0-9a-f]{8}-[0-9a-f]{8}-[0-9a-f]{32}$/.test(session.getBookmark()), session.getBookmark());
    }
  },
};

export const bookmarks_sort_by_time = {
  async test(_, { DB }) {
    await DB.exec("CREATE TABLE sa (x)");
    const session = DB.withSession("first-primary");
    await session.prepare("INSERT INTO sa VALUES (1)").run();
    const one = session.getBookmark();
    await session.batch([session.prepare("INSERT INTO sa VALUES (2)")]);
    const two = session.getBookmark();
    ok(one < two, `${one} ${two}`);
    const other = DB.withSession(two);
    equal(other.getBookmark(), two);
    equal(await other.prepare("SELECT count(*) AS n FROM sa").first("n"), 2);
    ok(other.getBookmark() >= two);
  },
};

export const sessions_see_what_was_written = {
  async test(_, { DB }) {
    await DB.exec("CREATE TABLE sb (x)");
    const session = DB.withSession("first-unconstrained");
    await session.batch([session.prepare("INSERT INTO sb VALUES (?)").bind("a")]);
    await DB.prepare("INSERT INTO sb VALUES ('b')").run();
    same(await session.prepare("SELECT x FROM sb ORDER BY x").raw(), [["a"], ["b"]]);
  },
};

export const a_constraint_is_a_string = {
  test(_, { DB }) {
    throws(() => DB.withSession(5), TypeError);
  },
};

export const a_dump_is_a_file_of_sqlite = {
  async test(_, { DB }) {
    await DB.exec("CREATE TABLE sc (x)");
    const dump = await DB.dump();
    ok(dump instanceof ArrayBuffer && dump.byteLength >= 4096);
    equal(new TextDecoder().decode(dump.slice(0, 15)), "SQLite format 3");
    await rejects(DB.dump.call({}), TypeError);
  },
};
