mod killed;
mod travel;

use std::sync::Arc;
use std::time::Duration;

use selvedge_storage::data_dir::DataDir;

use super::super::SqlValue;
use super::*;
use crate::rules::TOO_LONG;

struct Folder {
    folder: tempfile::TempDir,
}

impl Folder {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a folder") }
    }

    fn catalog(&self) -> Catalog {
        let dir = Arc::new(DataDir::open(self.folder.path(), "a test", 0).expect("free"));
        Catalog::open(dir, Arc::new(|| 1000)).expect("opened")
    }
}

fn query(sql: &str) -> Query {
    Query { sql: sql.to_owned(), params: Vec::new() }
}

async fn run(store: &SqliteStore, sql: &[&str]) -> Results {
    let queries = sql.iter().map(|sql| query(sql)).collect();
    match store.run(queries, Wanted::All) {
        Answer::Ready(results) => results,
        Answer::Later(later) => later.await,
    }
}

async fn rows(store: &SqliteStore, sql: &str) -> Vec<SqlValue> {
    run(store, &[sql]).await.expect("rows").pop().expect("one").values
}

fn text(results: Results) -> String {
    match results.expect_err("refused") {
        Refusal::Sql(at, text) => format!("{at}: {text}"),
        Refusal::Store(error) => error.to_string(),
    }
}

#[tokio::test]
async fn databases_outlive_the_process() {
    let folder = Folder::new();
    let made = folder.catalog().create("shop").expect("made");
    assert_eq!(made.id.len(), 36);
    {
        let catalog = folder.catalog();
        let store = catalog.store(&made.id).expect("opened");
        run(&store, &["CREATE TABLE t (a)", "INSERT INTO t VALUES (7)"]).await.expect("written");
    }
    let catalog = folder.catalog();
    assert_eq!(catalog.get(&made.id).expect("read"), Some(made.clone()));
    let store = catalog.store(&made.id).expect("opened");
    assert_eq!(rows(&store, "SELECT a FROM t").await, [SqlValue::Integer(7)]);
    catalog.delete(&made.id).expect("deleted");
    assert!(matches!(run(&store, &["SELECT 1"]).await, Err(Refusal::Store(_))));
    let store = catalog.store(&made.id).expect("a new one");
    assert!(text(run(&store, &["SELECT a FROM t"]).await).contains("no such table"));
}

#[tokio::test]
async fn short_reads_are_answered_at_once_and_long_ones_too() {
    let folder = Folder::new();
    let catalog = folder.catalog();
    let store = catalog.store("a").expect("opened");
    let read = |sql: &str| store.run(vec![query(sql)], Wanted::All);
    assert!(matches!(read("SELECT 1"), Answer::Ready(Ok(_))));
    let long = "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c LIMIT 3000000)
                SELECT count(*) FROM c";
    let Answer::Later(later) = read(long) else { panic!("it took no time") };
    assert_eq!(later.await.expect("rows")[0].values, [SqlValue::Integer(3_000_000)]);
}

#[tokio::test]
async fn what_takes_too_long_is_stopped_and_hurts_no_other() {
    let folder = Folder::new();
    let catalog = folder.catalog();
    let store = catalog.store("a").expect("opened");
    run(&store, &["CREATE TABLE t (a)"]).await.expect("made");
    let forever = "INSERT INTO t WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c)
                   SELECT n FROM c WHERE n < 0";
    let limit = Duration::from_millis(200);
    let stopped = store.submit(vec![query(forever)], Wanted::All, Way::Any, limit);
    let others: Vec<_> = (0..5)
        .map(|n| {
            let insert = query(&format!("INSERT INTO t VALUES ({n})"));
            store.submit(vec![insert], Wanted::All, Way::Any, MAX_QUERY)
        })
        .collect();
    assert_eq!(text(stopped.await), format!("0: {TOO_LONG}"));
    for other in others {
        other.await.expect("written");
    }
    assert_eq!(rows(&store, "SELECT count(*) FROM t").await, [SqlValue::Integer(5)]);
}

#[tokio::test]
async fn writes_that_wait_together_have_their_own_figures() {
    let folder = Folder::new();
    let catalog = folder.catalog();
    let store = catalog.store("a").expect("opened");
    run(&store, &["CREATE TABLE t (id INTEGER PRIMARY KEY, a UNIQUE)"]).await.expect("made");
    // Twice: the second time it is known that they write.
    for round in 0..2 {
        let calls: Vec<_> = (0..40)
            .map(|n| {
                // Every tenth is there already.
                let a = if n % 10 == 9 { round * 100 } else { round * 100 + n };
                let sql = "INSERT INTO t (a) VALUES (?1 || hex(zeroblob(2000)))".to_owned();
                let query = Query { sql, params: vec![SqlValue::Real(f64::from(a))] };
                match store.run(vec![query], Wanted::All) {
                    Answer::Later(later) => later,
                    Answer::Ready(ready) => panic!("a write was answered at once: {ready:?}"),
                }
            })
            .collect();
        let mut last = 0;
        for (n, call) in calls.into_iter().enumerate() {
            match call.await {
                Ok(sets) => {
                    let meta = sets[0].meta;
                    assert_eq!((meta.changes, meta.rows_written, meta.changed), (1, 2, true));
                    assert!(meta.last_row_id > last, "{n}: {meta:?}");
                    assert!(meta.size_after > 4000 && meta.size_after <= store.size(), "{meta:?}");
                    last = meta.last_row_id;
                }
                refused => assert!(n % 10 == 9 && text(refused).contains("UNIQUE"), "{n}"),
            }
        }
        let count = rows(&store, "SELECT count(*) FROM t").await;
        assert_eq!(count, [SqlValue::Integer(36 * i64::from(round + 1))]);
    }
    let alone = run(&store, &["DELETE FROM t WHERE id > 10"]).await.expect("deleted");
    assert_eq!((alone[0].meta.changes, alone[0].meta.size_after), (62, store.size()));
    let (before, nothing) = (store.size(), "DELETE FROM t WHERE id = 1000");
    let nothing = run(&store, &[nothing]).await.expect("deleted");
    assert_eq!((nothing[0].meta.changed, nothing[0].meta.size_after), (false, before));
}

#[tokio::test]
async fn pragmas_hold_within_their_call() {
    let folder = Folder::new();
    let catalog = folder.catalog();
    let store = catalog.store("a").expect("opened");
    run(&store, &["CREATE TABLE t (a CHECK (a > 0))"]).await.expect("made");
    let ignore = "PRAGMA ignore_check_constraints = ON";
    run(&store, &[ignore, "INSERT INTO t VALUES (-1)"]).await.expect("written");
    let refused = text(run(&store, &["INSERT INTO t VALUES (-2)"]).await);
    assert!(refused.contains("CHECK constraint failed"), "{refused}");
    let like = "PRAGMA case_sensitive_like = ON";
    run(&store, &[like, "SELECT 1"]).await.expect("run");
    assert_eq!(rows(&store, "SELECT 'A' LIKE 'a'").await, [SqlValue::Integer(1)]);
}

#[tokio::test]
async fn the_query_that_failed_is_told_by_its_number() {
    let folder = Folder::new();
    let catalog = folder.catalog();
    let store = catalog.store("a").expect("opened");
    let refused = run(&store, &["SELECT 1", "SELECT 2", "SELECT x"]).await;
    assert!(text(refused).starts_with("2: no such column: x"));
    let refused = run(&store, &["CREATE TABLE t (a)", "nonsense"]).await;
    assert!(text(refused).starts_with("1: near \"nonsense\""));
}

#[tokio::test]
async fn rows_that_are_too_much_are_refused() {
    let folder = Folder::new();
    let catalog = folder.catalog();
    let store = catalog.store("a").expect("opened");
    let much = "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c LIMIT 20)
                SELECT zeroblob(4000000) FROM c";
    assert_eq!(text(run(&store, &[much]).await), format!("0: {}", crate::rules::TOO_LARGE));
}

#[tokio::test]
async fn an_export_makes_the_same_database() {
    let folder = Folder::new();
    let catalog = folder.catalog();
    let store = catalog.store("a").expect("opened");
    run(
        &store,
        &[
            "CREATE TABLE \"od\"\"d\" (id INTEGER PRIMARY KEY AUTOINCREMENT, t TEXT, r REAL, b BLOB,
             g AS (t || '!'))",
            "CREATE INDEX i ON \"od\"\"d\" (t)",
            "CREATE VIEW v AS SELECT t FROM \"od\"\"d\"",
            "CREATE TRIGGER tr AFTER DELETE ON \"od\"\"d\" BEGIN SELECT 1; END",
            "CREATE TABLE child (p REFERENCES parent(id))",
            "CREATE TABLE parent (id INTEGER PRIMARY KEY)",
            "INSERT INTO parent VALUES (1)",
            "INSERT INTO child VALUES (1)",
            "INSERT INTO \"od\"\"d\" (id, t, r, b) VALUES (41, 'it''s \\n ' || char(10) || char(13),
             1e400, x'00ff'), (42, 'a' || char(0) || 'b', 2.0, NULL)",
        ],
    )
    .await
    .expect("made");
    let export = |store: &SqliteStore| {
        let mut text = Vec::new();
        store.export(&DumpOptions::default(), &mut text).expect("exported");
        String::from_utf8(text).expect("text")
    };
    let first = export(&store);
    let copy = catalog.store("b").expect("opened");
    copy.import(first.clone()).await.expect("imported");
    assert_eq!(export(&copy), first);
    let sql = "SELECT id, t, r, b, g, typeof(r) FROM \"od\"\"d\" ORDER BY id";
    assert_eq!(rows(&copy, sql).await, rows(&store, sql).await);
    let only = DumpOptions { tables: vec!["parent".to_owned()], ..DumpOptions::default() };
    let mut text = Vec::new();
    store.export(&only, &mut text).expect("exported");
    assert_eq!(
        String::from_utf8(text).expect("text"),
        "PRAGMA defer_foreign_keys=TRUE;\nCREATE TABLE parent (id INTEGER PRIMARY KEY);\n\
         INSERT INTO \"parent\" (\"id\") VALUES(1);\n"
    );
}

#[tokio::test]
async fn a_file_of_something_else_is_left_alone() {
    let folder = Folder::new();
    let catalog = folder.catalog();
    let path = folder.folder.path().join("d1/other.sqlite");
    std::fs::write(
        &path,
        "not a database of ours, though it is long enough for a header; ".repeat(3),
    )
    .expect("written");
    let error = catalog.store("other").expect_err("refused").to_string();
    assert!(error.contains("is not a D1 database") && error.contains("kept as it is"), "{error}");
}
