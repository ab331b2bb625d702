//! A process that is killed while a state comes back leaves the state before it or
//! that state, whole.
//!
//! The test starts its own program again as the process that is killed. It says on
//! stdout what it is about to do, and what is done.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use super::*;

const FOLDER_VARIABLE: &str = "SELVEDGE_TEST_KILLED_TRAVEL";
const ROUNDS: u64 = 12;
/// All of them have the same value, at any time.
const ROWS: i64 = 600;

/// The process that is killed. It does nothing when it is run by hand.
#[tokio::test]
#[ignore = "the test below starts it"]
async fn child() {
    #[expect(clippy::disallowed_methods, reason = "that is how the parent talks to it")]
    let Some(folder) = std::env::var_os(FOLDER_VARIABLE) else { return };
    let store = open(Path::new(&folder));
    let say = |line: String| {
        std::io::stdout().write_all(format!("\n{line}\n").as_bytes()).expect("the parent reads");
    };
    let mut marks: Vec<(i64, String)> = Vec::new();
    for step in 0.. {
        let value = state(&store).await;
        let to = match marks.get(step % 7) {
            Some((to, mark)) if step % 2 == 1 => {
                say(format!("try {to}"));
                store.time_travel_restore(mark.clone()).await.expect("restored");
                *to
            }
            _ => {
                let to = value + 1 + i64::try_from(step).expect("few");
                say(format!("try {to}"));
                let sql = format!("UPDATE t SET a = {to}, b = randomblob(1000)");
                run(&store, &[&sql]).await.expect("written");
                marks.push((to, store.bookmark()));
                to
            }
        };
        assert_eq!(state(&store).await, to);
        say(format!("now {to}"));
    }
}

fn open(folder: &Path) -> SqliteStore {
    // A process that was killed may need a moment to be gone.
    let dir = (0..1000).find_map(|_| {
        let dir = DataDir::open(folder, "a test", 0);
        dir.map_err(|_| std::thread::sleep(Duration::from_millis(10))).ok()
    });
    let path = folder.join("shop.sqlite");
    SqliteStore::open(Arc::new(dir.expect("it is free")), &path, "shop").expect("opened")
}

/// The value that all rows have.
async fn state(store: &SqliteStore) -> i64 {
    let found = rows(store, "SELECT a, count(*) FROM t GROUP BY a").await;
    match found[..] {
        [SqlValue::Integer(value), SqlValue::Integer(ROWS)] => value,
        ref other => panic!("half of a state: {other:?}"),
    }
}

fn start(folder: &Path) -> Child {
    Command::new(std::env::current_exe().expect("known"))
        .args(["--exact", "--ignored", "--nocapture", "store::sqlite::tests::killed::child"])
        .env(FOLDER_VARIABLE, folder)
        .stdout(Stdio::piped())
        .spawn()
        .expect("started")
}

#[tokio::test]
async fn a_killed_process_leaves_the_old_or_the_new_state() {
    let folder = tempfile::tempdir().expect("a folder");
    {
        let store = open(folder.path());
        let sql = format!(
            "CREATE TABLE t (a, b); INSERT INTO t WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL
             SELECT n + 1 FROM n LIMIT {ROWS}) SELECT 0, randomblob(1000) FROM n"
        );
        run(&store, &[&sql]).await.expect("made");
    }
    let mut done = 0;
    for round in 0..ROUNDS {
        let mut child = start(folder.path());
        let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let (mut last, mut tried) = (None, None);
        let mut steps = 0;
        let mut take = |line: String| {
            if let Some(value) = line.strip_prefix("try ") {
                tried = Some(value.parse::<i64>().expect("a number"));
            } else if let Some(value) = line.strip_prefix("now ") {
                last = Some(value.parse::<i64>().expect("a number"));
                tried = None;
                done += 1;
            }
        };
        for line in lines.by_ref() {
            let line = line.expect("text");
            steps += usize::from(line.starts_with("try "));
            take(line);
            // In the middle of a write or a restore, whichever it is.
            if steps as u64 > 5 + round {
                break;
            }
        }
        std::thread::sleep(Duration::from_micros(700 * (round % 6)));
        child.kill().expect("killed");
        child.wait().expect("gone");
        lines.map_while(Result::ok).for_each(take);
        let store = open(folder.path());
        let found = state(&store).await;
        assert!([last, tried].contains(&Some(found)), "{found}: {last:?}, then {tried:?}");
        let checked = rows(&store, "PRAGMA quick_check").await;
        assert_eq!(checked, [SqlValue::Text("ok".to_owned())]);
        let mark = store.time_travel_bookmark(None).await.expect("a bookmark");
        run(&store, &["UPDATE t SET a = a + 1"]).await.expect("written");
        store.time_travel_restore(mark).await.expect("restored");
        assert_eq!(state(&store).await, found);
    }
    assert!(done > ROUNDS, "only {done} steps");
}
