//! SQL of a Worker.

use super::*;
use SqlValue::{Blob, Integer, Null, Real, Text};

fn rows(object: &ObjectStorage, query: &str) -> Vec<Vec<SqlValue>> {
    let mut cursor = object.exec(query, &[]).unwrap_or_else(|error| panic!("{query}: {error}"));
    let mut rows = Vec::new();
    while let Some(row) = cursor.next_row().unwrap_or_else(|error| panic!("{query}: {error}")) {
        rows.push(row);
    }
    rows
}

fn refused(object: &ObjectStorage, query: &str) -> String {
    match object.exec(query, &[]) {
        Ok(_) => panic!("{query} is allowed"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn values_come_back_with_their_types() {
    let fixture = Fixture::new();
    let object = fixture.object(1);
    let values = [Null, Integer(-7), Real(1.5), Text("é\0".to_owned()), Blob(vec![0, 255])];
    let mut cursor = object.exec("SELECT ?, ?, ?, ?, ? AS last", &values).expect("run");
    assert_eq!(cursor.columns(), ["?", "?", "?", "?", "last"]);
    assert_eq!(cursor.next_row().expect("read"), Some(values.to_vec()));
    assert_eq!(cursor.next_row().expect("read"), None);
    assert_eq!(cursor.next_row().expect("read"), None);
}

#[test]
fn a_cursor_steps_when_it_is_asked_to() {
    let fixture = Fixture::new();
    let object = fixture.object(1);
    // That has no end.
    let endless =
        "WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n) SELECT n FROM n";
    let mut cursor = object.exec(endless, &[]).expect("run");
    for number in 1..100 {
        assert_eq!(cursor.next_row().expect("read"), Some(vec![Integer(number)]));
    }
    let mut other = object.exec(endless, &[]).expect("two at a time");
    assert_eq!(other.next_row().expect("read"), Some(vec![Integer(1)]));
    assert_eq!(cursor.next_row().expect("read"), Some(vec![Integer(100)]));
}

#[test]
fn several_statements_run_in_their_order() {
    let fixture = Fixture::new();
    let object = fixture.object(1);
    let query = "CREATE TABLE t (a); INSERT INTO t VALUES (1); SELECT * FROM t; \
                 INSERT INTO t VALUES (?) RETURNING a + 1";
    let mut cursor = object.exec(query, &[Integer(2)]).expect("run");
    assert_eq!(cursor.next_row().expect("read"), Some(vec![Integer(3)]));
    assert_eq!(rows(&object, "SELECT a FROM t"), [[Integer(1)], [Integer(2)]]);
    assert_eq!(
        text_of(object.exec("INSERT INTO t VALUES (?); SELECT 1", &[Integer(1)])),
        "When executing multiple SQL statements in a single call, only the last statement can \
         have parameters."
    );
    assert_eq!(
        text_of(object.exec("SELECT ?", &[])),
        "Wrong number of parameter bindings for SQL query."
    );
    for empty in ["", " ;; ", "-- nothing", "SELECT 1; -- nothing", "SELECT 1;;"] {
        assert_eq!(refused(&object, empty), "SQL code did not contain a statement.");
    }
    // What was done before the error stays, as no transaction undoes it.
    refused(&object, "INSERT INTO t VALUES (3); SELECT x");
    assert_eq!(rows(&object, "SELECT count(*) FROM t"), [[Integer(3)]]);
}

#[test]
fn errors_are_worded_as_cloudflare_does() {
    let fixture = Fixture::new();
    let object = fixture.object(1);
    object.put("a", b"1").expect("put");
    rows(&object, "CREATE TABLE t (a UNIQUE); INSERT INTO t VALUES (1)");
    for (query, expected) in [
        ("SELEC 1", "near \"SELEC\": syntax error at offset 0: SQLITE_ERROR"),
        (" \n SELEC 1", "near \"SELEC\": syntax error at offset 3: SQLITE_ERROR"),
        ("SELECT 1; SELEC 1", "near \"SELEC\": syntax error at offset 0: SQLITE_ERROR"),
        ("SELECT 1 FROM", "incomplete input: SQLITE_ERROR"),
        ("SELECT nope", "no such column: nope at offset 7: SQLITE_ERROR"),
        ("SELECT * FROM nope", "no such table: nope: SQLITE_ERROR"),
        (
            "INSERT INTO t VALUES (1)",
            "UNIQUE constraint failed: t.a: SQLITE_CONSTRAINT (extended: SQLITE_CONSTRAINT_UNIQUE)",
        ),
        ("SELECT * FROM _cf_KV", "access to _cf_KV.key is prohibited: SQLITE_AUTH"),
        ("DROP TABLE _cf_KV", "not authorized: SQLITE_AUTH"),
        ("ATTACH 'a' AS a", "not authorized: SQLITE_AUTH"),
        ("PRAGMA journal_mode = DELETE", "not authorized: SQLITE_AUTH"),
        (
            "SELECT sqlite_version()",
            "not authorized to use function: sqlite_version at offset 7: SQLITE_ERROR",
        ),
    ] {
        assert_eq!(refused(&object, query), expected, "{query}");
    }
    for query in [
        "BEGIN",
        "EXPLAIN BEGIN",
        "COMMIT",
        "ROLLBACK",
        "SAVEPOINT a",
        "RELEASE a",
        "END",
        "/* */ begin",
    ] {
        assert!(
            refused(&object, query).starts_with(
                "To execute a transaction, please use the state.storage.transaction() or"
            ),
            "{query}"
        );
    }
}

#[test]
fn tables_of_ours_and_other_files_are_out_of_reach() {
    let fixture = Fixture::new();
    let object = fixture.object(1);
    object.put("a", b"1").expect("put");
    object.set_alarm(1).expect("set");
    rows(&object, "CREATE TABLE t (a); CREATE INDEX i ON t (a)");
    for query in [
        "SELECT value FROM _CF_kv",
        "INSERT INTO _cf_KV VALUES (1, 2)",
        "UPDATE _cf_ALARM SET time = 0",
        "DELETE FROM _cf_KV",
        "ALTER TABLE _cf_KV RENAME TO kv",
        "CREATE TABLE _cf_new (a)",
        "CREATE INDEX _cf_i ON t (a)",
        "CREATE INDEX j ON _cf_KV (value)",
        "CREATE TRIGGER tr AFTER INSERT ON _cf_KV BEGIN SELECT 1; END",
        "CREATE TRIGGER tr AFTER INSERT ON t BEGIN DELETE FROM _cf_KV; END; INSERT INTO t VALUES (1)",
        "CREATE VIEW v AS SELECT * FROM _cf_KV; SELECT * FROM v",
        "PRAGMA table_info(_cf_KV)",
        "SELECT * FROM pragma_table_info('_cf_KV')",
        "VACUUM",
        "VACUUM INTO 'a'",
        "DETACH main",
        "CREATE TEMP TABLE x (a)",
        "ALTER TABLE t RENAME TO \"_CF_t\"",
        "CREATE VIRTUAL TABLE x USING dbstat",
        "SELECT power(2, 3)",
        "SELECT * FROM dbstat",
        "SELECT load_extension('a')",
        "SELECT readfile('a')",
        "SELECT fts3_tokenizer('simple')",
        "PRAGMA writable_schema = ON",
        "PRAGMA user_version = 2",
        "PRAGMA wal_checkpoint",
        "PRAGMA foreign_keys = maybe",
        "DELETE FROM sqlite_schema",
        "UPDATE sqlite_schema SET sql = ''",
    ] {
        if object.exec(query, &[]).is_ok() {
            panic!("{query} is allowed");
        }
    }
    assert_eq!(object.get("a").expect("read"), Some(b"1".to_vec()));
}

#[test]
fn statements_that_were_prepared_for_us_are_not_for_a_worker() {
    let fixture = Fixture::new();
    let object = fixture.object(1);
    object.put("a", b"1").expect("put");
    object.get("a").expect("read");
    for query in [
        "SELECT value FROM _cf_KV WHERE key = ?1",
        "/*_cf_*/SELECT value FROM _cf_KV WHERE key = ?1",
        "\u{85} /*_cf_*/SELECT value FROM _cf_KV WHERE key = ?1 ",
        " /*_cf_*/SELECT value FROM _cf_KV WHERE key = ?1; SELECT 1",
    ] {
        let result = object.exec(query, &[Text("a".to_owned())]);
        assert!(result.is_err(), "{query}");
    }
    let error = refused(&object, "/*_cf_*/COMMIT");
    assert_eq!(error, "not authorized: SQLITE_AUTH");
    assert!(object.has_uncommitted());
}

#[test]
fn what_is_allowed_works() {
    let fixture = Fixture::new();
    let object = fixture.object(1);
    rows(
        &object,
        "CREATE TABLE t (a INTEGER PRIMARY KEY, b); INSERT INTO t (b) VALUES ('x'), ('y');
         ALTER TABLE t RENAME COLUMN b TO c; ALTER TABLE t RENAME TO u; ALTER TABLE u ADD COLUMN d;
         ALTER TABLE u DROP COLUMN d; CREATE INDEX i ON u (c); REINDEX; ANALYZE; DROP INDEX i;
         PRAGMA optimize; PRAGMA quick_check; PRAGMA foreign_key_check; PRAGMA table_list;
         CREATE VIRTUAL TABLE f USING fts5 (text); INSERT INTO f VALUES ('one two'), ('three');
         CREATE VIRTUAL TABLE r USING rtree (id, a, b); INSERT INTO r VALUES (1, 2, 3)",
    );
    for (query, expected) in [
        (
            "SELECT highlight(f, 0, '<', '>') FROM f WHERE f MATCH 'two'",
            Text("one <two>".to_owned()),
        ),
        ("SELECT bm25(f) < 0 FROM f('one')", Integer(1)),
        ("SELECT json_extract('{\"a\":[1,2]}', '$.a[1]')", Integer(2)),
        ("SELECT '{\"a\":5}' ->> 'a'", Integer(5)),
        ("SELECT sum(value) FROM json_each('[1,2,3]')", Integer(6)),
        ("SELECT sqrt(16) + floor(2.5)", Real(6.0)),
        ("SELECT pow(2, 3)", Real(8.0)),
        ("SELECT hex(jsonb_array())", Text("0B".to_owned())),
        ("SELECT date('2026-11-20', '+1 day')", Text("2026-11-21".to_owned())),
        ("SELECT unixepoch('1970-01-02')", Integer(86400)),
        ("SELECT row_number() OVER (ORDER BY c DESC) FROM u WHERE a = 1", Integer(1)),
        ("SELECT group_concat(c) FROM u", Text("x,y".to_owned())),
        ("SELECT c FROM u WHERE c LIKE 'Y'", Text("y".to_owned())),
        ("SELECT name FROM pragma_table_info('u') WHERE pk", Text("a".to_owned())),
        ("EXPLAIN SELECT 1", Integer(0)),
    ] {
        assert_eq!(rows(&object, query)[0][0], expected, "{query}");
    }
}

#[test]
fn limits_are_those_of_workerd() {
    let fixture = Fixture::new();
    let object = fixture.object(1);
    let columns = |count: usize| (0..count).map(|n| format!("c{n}")).collect::<Vec<_>>().join(", ");
    rows(&object, &format!("CREATE TABLE t ({})", columns(100)));
    assert_eq!(
        refused(&object, &format!("CREATE TABLE u ({})", columns(101))),
        "too many columns on u: SQLITE_ERROR"
    );
    let long = format!("SELECT 1 /* {} */", "x".repeat(100_000));
    assert_eq!(refused(&object, &long), "statement too long: SQLITE_TOOBIG");
    let unions = ["SELECT 1"; 6].join(" UNION ALL ");
    assert_eq!(refused(&object, &unions), "too many terms in compound SELECT: SQLITE_ERROR");
    let like = format!("SELECT 'a' LIKE '{}'", "a".repeat(51));
    assert_eq!(refused(&object, &like), "LIKE or GLOB pattern too complex: SQLITE_ERROR");
    let many = format!("SELECT {}", ["?"; 101].join(", "));
    assert!(refused(&object, &many).starts_with("too many SQL variables"));
    let huge = "SELECT zeroblob(8388643)";
    assert_eq!(refused(&object, huge), "string or blob too big: SQLITE_TOOBIG");
    rows(&object, "SELECT length(zeroblob(8388642))");
    let deep = format!("SELECT {}1{}", "(1+".repeat(101), ")".repeat(101));
    assert!(refused(&object, &deep).contains("Expression tree is too large (maximum depth 100)"));
}

#[test]
fn rows_are_counted() {
    let fixture = Fixture::new();
    let object = fixture.object(1);
    rows(&object, "CREATE TABLE t (a INTEGER PRIMARY KEY, b)");
    let cursor = object.exec("INSERT INTO t (b) VALUES (1), (2), (3)", &[]).expect("run");
    assert_eq!((cursor.rows_read(), cursor.rows_written()), (0, 3));
    let mut cursor = object.exec("SELECT * FROM t", &[]).expect("run");
    while cursor.next_row().expect("read").is_some() {}
    assert_eq!((cursor.rows_read(), cursor.rows_written()), (3, 0));
    let mut cursor = object.exec("SELECT sum(b) FROM t", &[]).expect("run");
    while cursor.next_row().expect("read").is_some() {}
    assert_eq!(cursor.rows_read(), 3);
    let mut cursor = object.exec("SELECT b FROM t WHERE a = 2", &[]).expect("run");
    while cursor.next_row().expect("read").is_some() {}
    assert_eq!(cursor.rows_read(), 1);
}

#[test]
fn a_cursor_outlives_commits_but_not_its_database() {
    let fixture = Fixture::new();
    let object = fixture.object(1);
    rows(&object, "CREATE TABLE t (a); INSERT INTO t VALUES (1), (2), (3)");
    let mut cursor = object.exec("SELECT a FROM t", &[]).expect("run");
    assert_eq!(cursor.next_row().expect("read"), Some(vec![Integer(1)]));
    commit(&object);
    object.put("a", b"1").expect("put");
    commit(&object);
    assert_eq!(cursor.next_row().expect("read"), Some(vec![Integer(2)]));
    let mut other = object.exec("SELECT a FROM t", &[]).expect("run");
    object.delete_all(DeleteAlarm::Yes).expect("deleted");
    commit(&object);
    for cursor in [&mut cursor, &mut other] {
        assert_eq!(
            text_of(cursor.next_row()),
            "SQLite query was canceled because the database was deleted."
        );
    }
    let mut cursor = object.exec("SELECT 1 UNION SELECT 2", &[]).expect("run");
    drop(object);
    fixture.objects.settle();
    assert_eq!(
        text_of(cursor.next_row()),
        "SQLite query was canceled because the database was closed."
    );
    assert!(!fixture.path_of(1).exists());
}

#[test]
fn pragmas_that_need_no_transaction_work() {
    let fixture = Fixture::new();
    let object = fixture.object(1);
    rows(&object, "CREATE TABLE p (id INTEGER PRIMARY KEY); CREATE TABLE c (id REFERENCES p)");
    commit(&object);
    assert_eq!(rows(&object, "PRAGMA foreign_keys"), [[Integer(1)]]);
    rows(&object, "PRAGMA foreign_keys = OFF; INSERT INTO c VALUES (1)");
    commit(&object);
    rows(&object, "DELETE FROM c");
    commit(&object);
    rows(&object, "PRAGMA foreign_keys = ON");
    assert!(refused(&object, "INSERT INTO c VALUES (1)").starts_with("FOREIGN KEY"));
    rows(&object, "PRAGMA defer_foreign_keys = ON");
    rows(&object, "INSERT INTO c VALUES (1); INSERT INTO p VALUES (1)");
    commit(&object);
}

#[test]
fn a_query_is_stopped_when_the_flag_says_so() {
    let stop = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let flag = stop.clone();
    let options = ConnectionsOptions {
        stop: Some(Arc::new(move || flag.load(Ordering::Relaxed))),
        ..Default::default()
    };
    let fixture = Fixture::in_folder(tempfile::tempdir().expect("a folder"), options);
    let object = fixture.object(1);
    object.put("a", b"1").expect("put");
    commit(&object);
    stop.store(true, Ordering::Relaxed);
    let endless = "WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n)
                   SELECT count(*) FROM n";
    assert_eq!(refused(&object, endless), "interrupted: SQLITE_INTERRUPT");
    stop.store(false, Ordering::Relaxed);
    assert_eq!(object.get("a").expect("read"), Some(b"1".to_vec()));
}

#[test]
fn the_size_is_that_of_the_pages_in_use() {
    let fixture = Fixture::new();
    let object = fixture.object(1);
    object.put("a", &[1; 100_000]).expect("put");
    let full = object.database_size().expect("read");
    assert!((100_000..150_000).contains(&full), "{full}");
    object.delete("a").expect("deleted");
    assert!(object.database_size().expect("read") < 20_000);
}

#[test]
fn this_sqlite_has_mathematical_functions() {
    let connection = rusqlite::Connection::open_in_memory().expect("opened");
    let has = |option: &str| {
        connection
            .query_row("SELECT sqlite_compileoption_used(?1)", [option], |row| {
                row.get::<_, bool>(0)
            })
            .expect("answered")
    };
    // Set in `.cargo/config.toml`.
    assert!(has("ENABLE_MATH_FUNCTIONS"));
    assert!(has("ENABLE_FTS5"));
}
