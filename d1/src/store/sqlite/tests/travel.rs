//! Time Travel: bookmarks, and going back to them.

use std::sync::atomic::{AtomicI64, Ordering};

use super::*;

/// A database whose time stands still but for what it is told.
struct Database {
    folder: tempfile::TempDir,
    now: Arc<AtomicI64>,
    dir: Option<Arc<DataDir>>,
    limits: history::Limits,
}

const BEGIN: i64 = 1_700_000_000_000;
const DAY: i64 = 24 * 60 * 60 * 1000;

impl Database {
    fn new() -> Self {
        let now = Arc::new(AtomicI64::new(BEGIN));
        let folder = tempfile::tempdir().expect("a folder");
        Self { folder, now, dir: None, limits: HISTORY_LIMITS }
    }

    fn path(&self) -> std::path::PathBuf {
        self.folder.path().join("shop.sqlite")
    }

    fn open(&mut self) -> Arc<SqliteStore> {
        let dir = self.dir.get_or_insert_with(|| {
            Arc::new(DataDir::open(self.folder.path(), "a test", 0).expect("free"))
        });
        let now = self.now.clone();
        let clock = Arc::new(move || now.load(Ordering::Relaxed));
        let path = self.folder.path().join("shop.sqlite");
        let store = SqliteStore::open_at(dir.clone(), &path, "shop", clock, self.limits);
        Arc::new(store.expect("opened"))
    }

    fn history_bytes(&self) -> u64 {
        let entries = self.path().with_extension("history").read_dir().expect("a history");
        entries.map(|entry| entry.expect("an entry").metadata().expect("there").len()).sum()
    }

    async fn set(&self, store: &SqliteStore, value: i64) -> i64 {
        let now = self.now.fetch_add(1000, Ordering::Relaxed) + 1000;
        let sql = format!("UPDATE t SET a = {value}");
        run(store, &[&sql]).await.expect("written");
        now
    }
}

async fn make(store: &SqliteStore) {
    let sql = ["CREATE TABLE t (a)", "INSERT INTO t VALUES (0)"];
    run(store, &sql).await.expect("made");
}

/// As the thread of the catalog does it.
async fn upkeep(store: &Arc<SqliteStore>) {
    let store = store.clone();
    tokio::task::spawn_blocking(move || store.upkeep(0)).await.expect("no panic");
}

async fn value(store: &SqliteStore) -> i64 {
    match rows(store, "SELECT a FROM t").await[..] {
        [SqlValue::Integer(value)] => value,
        ref other => panic!("{other:?}"),
    }
}

async fn now(store: &SqliteStore) -> String {
    store.time_travel_bookmark(None).await.expect("a bookmark")
}

async fn back(store: &SqliteStore, to: &str) -> String {
    let restored = store.time_travel_restore(to.to_owned()).await.expect("restored");
    assert_eq!(restored.bookmark, to);
    restored.previous_bookmark
}

async fn refused(store: &SqliteStore, to: &str) -> String {
    store.time_travel_restore(to.to_owned()).await.expect_err("refused").to_string()
}

#[tokio::test]
async fn each_state_comes_back_and_what_was_undone_too() {
    let mut database = Database::new();
    let store = database.open();
    let empty = now(&store).await;
    make(&store).await;
    let mut marks = Vec::new();
    for at in 1..=3 {
        database.set(&store, at).await;
        marks.push(now(&store).await);
        assert_eq!(store.bookmark(), marks[marks.len() - 1], "one name for one state");
    }
    assert!(marks.is_sorted() && empty < marks[0], "{empty} {marks:?}");
    let parts: Vec<usize> = marks[0].split('-').map(str::len).collect();
    assert_eq!(parts, [8, 8, 8, 32]);
    let undo = back(&store, &marks[0]).await;
    assert_eq!(undo, marks[2]);
    assert_eq!(value(&store).await, 1);
    let after = now(&store).await;
    assert!(after > undo, "{after} {undo}");
    let undo_of_undo = back(&store, &undo).await;
    assert_eq!((undo_of_undo, value(&store).await), (after, 3));
    back(&store, &empty).await;
    assert!(text(run(&store, &["SELECT a FROM t"]).await).contains("no such table"));
    back(&store, &marks[1]).await;
    assert_eq!(value(&store).await, 2);
    database.set(&store, 9).await;
    assert_eq!(value(&store).await, 9);
}

#[tokio::test]
async fn tables_and_sizes_come_back_over_processes() {
    let mut database = Database::new();
    let mut marks = Vec::new();
    for round in 0..5 {
        let store = database.open();
        let sql = match round {
            0 => "CREATE TABLE t (a); INSERT INTO t VALUES ('x')".to_owned(),
            2 => "DROP TABLE t; CREATE TABLE t (b, a DEFAULT 'y'); CREATE INDEX i ON t (b);
                  INSERT INTO t (b) WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n
                  LIMIT 2000) SELECT n FROM n"
                .to_owned(),
            _ => format!("UPDATE t SET a = a || {round}"),
        };
        run(&store, &[&sql]).await.expect("written");
        marks.push((store.bookmark(), store.size()));
    }
    let expected = ["x", "x1", "y", "y3", "y34"];
    for at in [4, 0, 2, 1, 3] {
        let store = database.open();
        back(&store, &marks[at].0).await;
        assert_eq!(store.size(), marks[at].1);
        let found = rows(&store, "SELECT DISTINCT a FROM t").await;
        assert_eq!(found, [SqlValue::Text(expected[at].to_owned())], "{at}");
        let checked = rows(&store, "PRAGMA quick_check").await;
        assert_eq!(checked, [SqlValue::Text("ok".to_owned())]);
    }
}

#[tokio::test]
async fn a_time_tells_the_last_commit_before_it() {
    let mut database = Database::new();
    let store = database.open();
    make(&store).await;
    let mut marks = Vec::new();
    for at in 1..=3 {
        let time = database.set(&store, at).await;
        marks.push((time, now(&store).await));
    }
    let at = async |time| store.time_travel_bookmark(Some(time)).await;
    for (time, mark) in &marks {
        assert_eq!(&at(*time).await.expect("there"), mark);
        assert!(at(time - 1).await.expect("there") < *mark);
    }
    let future = at(marks[2].0 + 1).await.expect_err("refused").to_string();
    assert_eq!(future, "Cannot get a bookmark for a time in the future.");
    // A restore is a state like others: the time before it is still that.
    database.now.fetch_add(1000, Ordering::Relaxed);
    back(&store, &marks[0].1).await;
    assert_eq!(at(marks[2].0 + 999).await.expect("there"), marks[2].1);
    let restored = at(marks[2].0 + 1000).await.expect("there");
    assert!(restored > marks[2].1);
    database.set(&store, 7).await;
    back(&store, &restored).await;
    assert_eq!(value(&store).await, 1);
    database.now.fetch_add(31 * DAY, Ordering::Relaxed);
    let old = at(marks[2].0).await.expect_err("refused").to_string();
    assert_eq!(old, "Cannot get a bookmark for a time more than 30 days ago.");
}

#[tokio::test]
async fn what_is_no_bookmark_of_the_database_is_refused() {
    let mut database = Database::new();
    let store = database.open();
    make(&store).await;
    database.set(&store, 1).await;
    let mark = now(&store).await;
    let folder = Folder::new();
    let catalog = folder.catalog();
    let other = catalog.store("other").expect("opened");
    for bad in ["", "x", &mark[1..], &mark.to_uppercase(), &mark.replace('-', ""), "é"] {
        assert_eq!(refused(&store, bad).await, "Not a bookmark of this database.", "{bad}");
    }
    make(&other).await;
    assert_eq!(refused(&other, &mark).await, "Not a bookmark of this database.");
    std::fs::remove_dir_all(database.path().with_extension("history")).expect("a history");
    drop(store);
    let store = database.open();
    database.set(&store, 2).await;
    let gone = refused(&store, &mark).await;
    assert_eq!(gone, "The history of this database does not have that bookmark.");
    assert_eq!(value(&store).await, 2);
}

#[tokio::test]
async fn writes_and_reads_go_on_while_a_state_comes_back() {
    let mut database = Database::new();
    let store = database.open();
    make(&store).await;
    let sql = "CREATE TABLE f (b); INSERT INTO f WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT
               n + 1 FROM n LIMIT 3000) SELECT randomblob(500) FROM n";
    run(&store, &[sql]).await.expect("filled");
    let mark = now(&store).await;
    let writing = tokio::spawn({
        let store = store.clone();
        async move {
            for _ in 0..200 {
                run(&store, &["UPDATE t SET a = a + 1"]).await.expect("written");
                let pair = run(&store, &["SELECT a FROM t", "SELECT count(*) FROM f"]).await;
                assert_eq!(pair.expect("read")[1].values, [SqlValue::Integer(3000)]);
            }
        }
    });
    for _ in 0..3 {
        back(&store, &mark).await;
    }
    writing.await.expect("no panic");
    // What was written after the last restore is there.
    let last = value(&store).await;
    assert!(last <= 200, "{last}");
    back(&store, &mark).await;
    assert_eq!(value(&store).await, 0);
}

/// Writes the number of each round, and much besides, every four seconds.
async fn write_much(database: &Database, store: &Arc<SqliteStore>, rounds: i64) -> Vec<i64> {
    run(store, &["CREATE TABLE t (a)", "CREATE TABLE f (k INTEGER PRIMARY KEY, b)"])
        .await
        .expect("made");
    run(store, &["INSERT INTO t VALUES (0)"]).await.expect("made");
    let mut times = Vec::new();
    for round in 0..rounds {
        let now = database.now.fetch_add(4000, Ordering::Relaxed) + 4000;
        let set = format!("UPDATE t SET a = {round}");
        let fill = "REPLACE INTO f VALUES (1, randomblob(200000))";
        run(store, &[&set, fill]).await.expect("written");
        times.push(now);
        if round % 15 == 0 {
            upkeep(store).await;
        }
    }
    upkeep(store).await;
    times
}

#[tokio::test]
async fn older_states_of_a_busy_database_are_kept_by_the_minute() {
    let mut database = Database::new();
    let store = database.open();
    // Forty minutes, and 120 MB of logs.
    let times = write_much(&database, &store, 600).await;
    assert!(database.history_bytes() < 60 << 20, "{}", database.history_bytes());
    let mut marks = Vec::new();
    for (round, time) in (0..).zip(&times).skip(37).step_by(37) {
        let mark = store.time_travel_bookmark(Some(*time)).await.expect("it is there");
        marks.push((round, mark));
    }
    for (round, mark) in marks {
        back(&store, &mark).await;
        let found = value(&store).await;
        // The last one of the minute before, which has 15 rounds.
        assert!((round - 15..=round).contains(&found), "{found} at {round}");
        let checked = rows(&store, "PRAGMA quick_check").await;
        assert_eq!(checked, [SqlValue::Text("ok".to_owned())]);
    }
    // What was written just now is kept to the commit.
    let mark = store.time_travel_bookmark(Some(times[598])).await.expect("it is there");
    back(&store, &mark).await;
    assert_eq!(value(&store).await, 598);
}

#[tokio::test]
async fn a_history_is_as_large_as_it_may_be() {
    let mut database = Database::new();
    database.limits = history::Limits { kept_days: 30, max_bytes: 18 << 20, max_databases: 0 };
    let store = database.open();
    // 62 MB of logs, where the usual limits keep more than half of them.
    let times = write_much(&database, &store, 300).await;
    // The newest log is kept whole, which may have 16 MiB.
    assert!(database.history_bytes() < 19 << 20, "{}", database.history_bytes());
    let gone = store.time_travel_bookmark(Some(times[0] - 1)).await.expect_err("dropped");
    assert_eq!(gone.to_string(), "The history of this database does not go back to that time.");
    let mark = store.time_travel_bookmark(Some(times[298])).await.expect("it is there");
    back(&store, &mark).await;
    assert_eq!(value(&store).await, 298);
}

#[tokio::test]
async fn a_history_is_kept_for_as_long_as_it_may_be() {
    let mut database = Database::new();
    for (days, text) in [(2, "2 days"), (1, "1 day"), (60, "60 days")] {
        database.limits = history::Limits { kept_days: days, ..HISTORY_LIMITS };
        let store = database.open();
        let at = database.now.load(Ordering::Relaxed);
        let too_old = at - i64::from(days) * DAY - 1;
        let old = store.time_travel_bookmark(Some(too_old)).await.expect_err("refused").to_string();
        assert_eq!(old, format!("Cannot get a bookmark for a time more than {text} ago."));
        // Before it was made, it was empty.
        let empty = store.time_travel_bookmark(Some(too_old + 1)).await.expect("it is there");
        assert_eq!(empty, now(&store).await);
    }
}

#[tokio::test]
async fn a_thinned_history_goes_on_in_another_process() {
    let mut database = Database::new();
    let store = database.open();
    let times = write_much(&database, &store, 200).await;
    let mark = store.time_travel_bookmark(Some(times[30])).await.expect("it is there");
    back(&store, &mark).await;
    let found = value(&store).await;
    drop(store);
    let store = database.open();
    database.set(&store, 1000).await;
    let undo = back(&store, &mark).await;
    assert_eq!(value(&store).await, found);
    back(&store, &undo).await;
    assert_eq!(value(&store).await, 1000);
}

#[tokio::test]
async fn a_large_database_without_a_history_gets_one_when_it_is_asked() {
    let mut database = Database::new();
    let store = database.open();
    make(&store).await;
    let sql = "CREATE TABLE f AS WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n
               LIMIT 300) SELECT randomblob(1000) AS b FROM n";
    run(&store, &[sql]).await.expect("filled");
    drop(store);
    std::fs::remove_dir_all(database.path().with_extension("history")).expect("a history");
    let store = database.open();
    let first = now(&store).await;
    database.set(&store, 1).await;
    let undo = back(&store, &first).await;
    assert_eq!(value(&store).await, 0);
    back(&store, &undo).await;
    assert_eq!(value(&store).await, 1);
    // Without being asked, after a write.
    drop(store);
    std::fs::remove_dir_all(database.path().with_extension("history")).expect("a history");
    let store = database.open();
    upkeep(&store).await;
    assert!(!database.path().with_extension("history").exists(), "nobody wrote");
    database.set(&store, 2).await;
    upkeep(&store).await;
    let second = store.bookmark();
    database.set(&store, 3).await;
    back(&store, &second).await;
    assert_eq!(value(&store).await, 2);
}

#[tokio::test]
async fn a_database_that_was_replaced_begins_a_history_of_its_own() {
    let mut database = Database::new();
    let store = database.open();
    make(&store).await;
    database.set(&store, 1).await;
    let first = now(&store).await;
    drop(store);
    let copy = std::fs::read(database.path()).expect("one file");
    let store = database.open();
    database.set(&store, 2).await;
    let second = now(&store).await;
    drop(store);
    std::fs::write(database.path(), copy).expect("an older one");
    let store = database.open();
    assert_eq!(value(&store).await, 1);
    database.set(&store, 3).await;
    let third = now(&store).await;
    for (mark, expected) in [(&second, 2), (&third, 3), (&first, 1)] {
        back(&store, mark).await;
        assert_eq!(value(&store).await, expected);
    }
}

#[tokio::test]
async fn a_deleted_database_has_no_history() {
    let folder = Folder::new();
    let catalog = folder.catalog();
    let made = catalog.create("shop").expect("made");
    let store = catalog.store(&made.id).expect("opened");
    make(&store).await;
    now(&store).await;
    let history = folder.folder.path().join("d1").join(format!("{}.history", made.id));
    assert!(history.exists());
    catalog.delete(&made.id).expect("deleted");
    assert!(!history.exists());
    let closed = store.time_travel_bookmark(None).await.expect_err("closed").to_string();
    assert!(closed.contains("closed"), "{closed}");
}
