import { DurableObject } from "cloudflare:workers";
import { equal } from "../assert.js";

/** Statements, one after the other, with what each writes. */
const STATEMENTS = [
  ["CREATE TABLE t (id INTEGER PRIMARY KEY, a INTEGER, b TEXT, c)", 2],
  ["CREATE INDEX t_a ON t (a)", 1],
  ["CREATE UNIQUE INDEX t_b ON t (b)", 1],
  ["CREATE TABLE u (id INTEGER PRIMARY KEY, t_id INTEGER, v)", 2],
  ["CREATE TABLE w (k TEXT PRIMARY KEY, v) WITHOUT ROWID", 2],
  ["CREATE TABLE plain (a, b)", 2],
  ["INSERT INTO t SELECT value, value % 10, 'b' || value, value FROM (WITH RECURSIVE n(value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM n WHERE value < 100) SELECT value FROM n)", 300],
  ["INSERT INTO u SELECT id, id, 'v' FROM t WHERE id <= 20", 20],
  ["INSERT INTO plain SELECT id, a FROM t", 100],
  ["INSERT INTO w VALUES ('a', 1), ('b', 2), ('c', 3)", 3],
  ["SELECT * FROM t", 0],
  ["SELECT count(*) FROM t", 0],
  ["SELECT count(*) FROM plain", 0],
  ["SELECT * FROM t LIMIT 5", 0],
  ["SELECT * FROM t WHERE id = 5", 0],
  ["SELECT * FROM t WHERE id = 5000", 0],
  ["SELECT * FROM t WHERE a = 3", 0],
  ["SELECT a FROM t WHERE a = 3", 0],
  ["SELECT * FROM t WHERE b = 'b7'", 0],
  ["SELECT * FROM t WHERE b = 'zz'", 0],
  ["SELECT * FROM t WHERE c = 50", 0],
  ["SELECT * FROM t WHERE id BETWEEN 10 AND 19", 0],
  ["SELECT * FROM t WHERE id IN (1, 2, 3, 999)", 0],
  ["SELECT * FROM t WHERE a IN (1, 2)", 0],
  ["SELECT * FROM t ORDER BY c", 0],
  ["SELECT * FROM t ORDER BY id DESC LIMIT 3", 0],
  ["SELECT * FROM t ORDER BY a LIMIT 3", 0],
  ["SELECT max(id) FROM t", 0],
  ["SELECT max(a) FROM t", 0],
  ["SELECT min(c) FROM t", 0],
  ["SELECT a, count(*) FROM t GROUP BY a", 0],
  ["SELECT c % 3, count(*) FROM t GROUP BY 1", 0],
  ["SELECT DISTINCT a FROM t", 0],
  ["SELECT * FROM t JOIN u ON u.t_id = t.id", 0],
  ["SELECT * FROM u JOIN t ON t.id = u.t_id WHERE u.id < 5", 0],
  ["SELECT * FROM plain p JOIN plain q ON p.a = q.a", 0],
  ["SELECT * FROM t LEFT JOIN u ON u.id = t.id WHERE t.id > 15 AND t.id < 25", 0],
  ["SELECT * FROM w WHERE k = 'b'", 0],
  ["SELECT * FROM w", 0],
  ["SELECT * FROM t WHERE EXISTS (SELECT 1 FROM u WHERE u.t_id = t.id)", 0],
  ["SELECT * FROM t WHERE id IN (SELECT t_id FROM u)", 0],
  ["SELECT (SELECT count(*) FROM u), (SELECT count(*) FROM plain)", 0],
  ["WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 50) SELECT sum(i) FROM n", 0],
  ["WITH x AS (SELECT * FROM t WHERE a = 1) SELECT count(*) FROM x", 0],
  ["WITH x AS MATERIALIZED (SELECT * FROM t WHERE a = 1) SELECT count(*) FROM x", 0],
  ["SELECT id FROM t UNION SELECT id FROM u", 0],
  ["SELECT id FROM t UNION ALL SELECT id FROM u", 0],
  ["SELECT id FROM t INTERSECT SELECT id FROM u", 0],
  ["SELECT * FROM json_each('[1,2,3]')", 0],
  ["SELECT sum(a) OVER (ORDER BY id) FROM t WHERE id < 10", 0],
  ["SELECT 1", 0],
  ["INSERT INTO t VALUES (101, 1, 'x', 1)", 3],
  ["INSERT INTO t VALUES (102, 1, 'y', 1), (103, 1, 'z', 1)", 6],
  ["INSERT INTO t VALUES (104, 1, 'q', 1) RETURNING id", 3],
  ["INSERT INTO plain VALUES (1, 2)", 1],
  ["INSERT INTO w VALUES ('d', 4)", 1],
  ["INSERT OR IGNORE INTO t VALUES (101, 1, 'x', 1)", 0],
  ["INSERT OR REPLACE INTO t VALUES (101, 2, 'x', 2)", 3],
  ["REPLACE INTO w VALUES ('d', 5)", 1],
  ["INSERT INTO t VALUES (101, 3, 'x', 3) ON CONFLICT (id) DO UPDATE SET c = excluded.c", 1],
  ["INSERT INTO t VALUES (101, 3, 'x', 3) ON CONFLICT (id) DO UPDATE SET a = excluded.a", 2],
  ["INSERT INTO t VALUES (101, 3, 'x', 3) ON CONFLICT DO NOTHING", 0],
  ["INSERT INTO w VALUES ('d', 6) ON CONFLICT (k) DO UPDATE SET v = 7", 1],
  ["UPDATE t SET c = 7 WHERE id = 101", 1],
  ["UPDATE t SET a = 7 WHERE id = 101", 2],
  ["UPDATE t SET a = 8, b = 'xx' WHERE id = 101", 3],
  ["UPDATE t SET c = c + 1", 104],
  ["UPDATE t SET c = c + 1 WHERE a = 3", 10],
  ["UPDATE t SET a = a + 100 WHERE a = 3", 20],
  ["UPDATE t SET id = 1000 WHERE id = 101", 3],
  ["UPDATE w SET v = 1", 4],
  ["UPDATE w SET k = 'e' WHERE k = 'd'", 1],
  ["UPDATE t SET c = 1 WHERE id = 1 RETURNING *", 1],
  ["UPDATE plain SET b = 1 WHERE a < 10", 10],
  ["DELETE FROM t WHERE id = 1000", 1],
  ["DELETE FROM t WHERE a = 4", 10],
  ["DELETE FROM plain WHERE a < 10", 10],
  ["DELETE FROM t WHERE id = 5 RETURNING *", 1],
  ["DELETE FROM w WHERE k = 'e'", 1],
  ["DELETE FROM plain", 91],
  ["CREATE TABLE log (x)", 2],
  ["CREATE TRIGGER tr AFTER INSERT ON u BEGIN INSERT INTO log VALUES (new.id); UPDATE t SET c = 0 WHERE id = new.t_id; END", 1],
  ["INSERT INTO u VALUES (500, 10, 'v')", 3],
  ["CREATE TABLE p (id INTEGER PRIMARY KEY)", 2],
  ["CREATE TABLE ch (id INTEGER PRIMARY KEY, p REFERENCES p ON DELETE CASCADE)", 2],
  ["INSERT INTO p VALUES (1), (2)", 2],
  ["INSERT INTO ch VALUES (1, 1), (2, 1), (3, 2)", 3],
  ["DELETE FROM p WHERE id = 1", 3],
  ["CREATE VIRTUAL TABLE f USING fts5(body)", 2],
  ["INSERT INTO f VALUES ('the quick brown fox'), ('jumps over the lazy dog')", 2],
  ["SELECT * FROM f WHERE f MATCH 'quick'", 0],
  ["SELECT * FROM f", 0],
  ["UPDATE f SET body = 'slow fox' WHERE rowid = 1", 1],
  ["DELETE FROM f WHERE rowid = 1", 1],
  ["PRAGMA table_info(t)", 0],
  ["SELECT * FROM sqlite_schema", 0],
  ["SELECT * FROM t; SELECT * FROM u", 0],];

/** Queries of the same tables that look at all rows of one, with what they read. */
const SCANS = [
  ["SELECT * FROM t", 92],
  ["SELECT * FROM t WHERE c = 50", 92],
  ["SELECT min(c) FROM t", 92],
  ["SELECT * FROM t LIMIT 5", 5],
  ["SELECT * FROM t WHERE id = 7", 1],
];

export class Subject extends DurableObject {
  async fetch() {
    const { sql } = this.ctx.storage;
    const wrong = [];
    for (const [query, written] of STATEMENTS) {
      const cursor = sql.exec(query);
      cursor.toArray();
      if (cursor.rowsWritten !== written) wrong.push(`${query}: ${cursor.rowsWritten} instead of ${written}`);
    }
    for (const [query, read] of SCANS) {
      const cursor = sql.exec(query);
      cursor.toArray();
      if (cursor.rowsRead !== read) wrong.push(`${query}: ${cursor.rowsRead} instead of ${read}`);
    }
    // What is said while there are more rows.
    const cursor = sql.exec("SELECT * FROM t");
    cursor.next();
    cursor.next();
    if (cursor.rowsRead > 3) wrong.push(`two rows: ${cursor.rowsRead}`);
    return new Response(wrong.join("\n") || "passed");
  }
}

export class Other extends Subject {}

export const rows_are_counted_as_cloudflare_counts_them = {
  async test(_, { OBJECTS }) {
    const answer = await OBJECTS.get(OBJECTS.newUniqueId()).fetch("http://object/");
    equal(await answer.text(), "passed");
  },
};
