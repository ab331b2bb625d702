//! A process that is killed while it writes loses nothing that it acknowledged.
//!
//! The test starts its own program again as the process that writes. That one
//! says on stdout what was acknowledged, and is killed at a random moment.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::SqliteStore;
use crate::store::{Answer, Attributes, Entry, KvStore, Value};
use selvedge_storage::data_dir::DataDir;

const FOLDER_VARIABLE: &str = "SELVEDGE_TEST_KILLED_FOLDER";
const ROUND_VARIABLE: &str = "SELVEDGE_TEST_KILLED_ROUND";
const ROUNDS: u64 = 100;
/// How many writers the child has; each has keys of its own.
const WRITERS: usize = 12;
const KEYS_PER_WRITER: u64 = 5;
/// Inline, in one piece, and in several.
const SIZES: [usize; 6] = [40, 300, 3_000, 60_000, 200_000, 700_000];

fn open(folder: &Path) -> SqliteStore {
    let dir = Arc::new(DataDir::open(folder, "a test", 0).expect("free"));
    SqliteStore::open(dir, &folder.join("killed.sqlite"), "killed").expect("opened")
}

/// What a writer puts in its step `number`: the number, and a body that shows
/// when it is not whole.
fn body(number: u64) -> Vec<u8> {
    let size = SIZES[(number % SIZES.len() as u64) as usize];
    let mut bytes = number.to_be_bytes().to_vec();
    bytes.extend(
        (bytes.len()..size).map(|at| (at as u64).wrapping_mul(number | 1).to_be_bytes()[6]),
    );
    bytes
}

/// The process that is killed. It does nothing when it is run by hand.
#[test]
#[ignore = "the test below starts it"]
fn child() {
    #[expect(clippy::disallowed_methods, reason = "that is how the parent talks to it")]
    let (folder, round) = (std::env::var_os(FOLDER_VARIABLE), std::env::var(ROUND_VARIABLE));
    let (Some(folder), Ok(round)) = (folder, round) else { return };
    let round: u64 = round.parse().expect("a number");
    let store = Arc::new(open(Path::new(&folder)));
    let threads: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let store = store.clone();
            std::thread::spawn(move || write_forever(&*store, writer, round))
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().expect("it never ends"));
}

fn write_forever(store: &dyn KvStore, writer: usize, round: u64) {
    for step in 0.. {
        let number = round * 1_000_000 + step;
        let key = format!("{writer}-{}", number % KEYS_PER_WRITER);
        let bytes = Bytes::from(body(number));
        let done = if step % 7 == 6 {
            futures::executor::block_on(store.delete(vec![key.clone()]))
        } else if step % 2 == 0 {
            futures::executor::block_on(store.put(key.clone(), bytes, Attributes::default()))
        } else {
            let mut sink = store.put_pieces(key.clone(), Attributes::default());
            futures::executor::block_on(async {
                for at in (0..bytes.len()).step_by(100_000) {
                    sink.write(bytes.slice(at..bytes.len().min(at + 100_000))).await?;
                }
                sink.commit().await
            })
        };
        done.expect("written");
        let verb = if step % 7 == 6 { "delete" } else { "put" };
        // One call, so that lines of several threads do not mix.
        let line = format!("\nack {verb} {key} {number}\n");
        std::io::stdout().write_all(line.as_bytes()).expect("the parent reads");
    }
}

/// What was acknowledged last for a key: the number, or that it was deleted.
type Acknowledged = HashMap<String, (u64, bool)>;

#[test]
fn a_killed_process_loses_no_acknowledged_write() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut acknowledged = Acknowledged::new();
    let mut writes = 0;
    for round in 1..=ROUNDS {
        let mut child = start(folder.path(), round);
        let stdout = BufReader::new(child.stdout.take().expect("piped"));
        writes += kill_while_it_writes(&mut child, stdout, round, &mut acknowledged);
        check(folder.path(), round, &mut acknowledged);
    }
    assert!(writes > ROUNDS as usize * WRITERS, "only {writes} writes");
    no_piece_is_left(folder.path());
}

fn start(folder: &Path, round: u64) -> Child {
    Command::new(std::env::current_exe().expect("known"))
        .args(["--exact", "--ignored", "--nocapture", "store::sqlite::durability::child"])
        .env(FOLDER_VARIABLE, folder)
        .env(ROUND_VARIABLE, round.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .expect("started")
}

/// Kills the child some milliseconds after its first writes, and reads all that
/// it said.
fn kill_while_it_writes(
    child: &mut Child,
    mut stdout: BufReader<ChildStdout>,
    round: u64,
    acknowledged: &mut Acknowledged,
) -> usize {
    let mut writes = 0;
    let mut line = String::new();
    let mut killed = false;
    while stdout.read_line(&mut line).expect("readable") > 0 {
        // The last line may be cut.
        if let Some((key, number, deleted)) = parse(&line) {
            acknowledged.insert(key, (number, deleted));
            writes += 1;
        }
        line.clear();
        if writes >= WRITERS && !killed {
            killed = true;
            std::thread::sleep(Duration::from_micros(round * 7919 % 60_000));
            child.kill().expect("it runs");
        }
    }
    let ended = child.wait().expect("it ended");
    assert!(killed, "the child ended by itself: {ended}");
    writes
}

fn parse(line: &str) -> Option<(String, u64, bool)> {
    let mut words = line.strip_prefix("ack ")?.strip_suffix('\n')?.split(' ');
    let (verb, key, number) = (words.next()?, words.next()?, words.next()?);
    Some((key.to_owned(), number.parse().ok()?, verb == "delete"))
}

/// Each key has what was acknowledged last, or something later, whole. What was
/// found counts from then on: it outlived the process.
fn check(folder: &Path, round: u64, acknowledged: &mut Acknowledged) {
    let store = open(folder);
    for (key, last) in acknowledged {
        let (number, deleted) = *last;
        let Answer::Ready(found) = store.get(key, 0) else { panic!("{key}") };
        match found.expect("readable") {
            Some(Entry { value, .. }) => {
                let bytes = read(value);
                let head = bytes.first_chunk().expect("a number");
                let found = u64::from_be_bytes(*head);
                assert!(
                    found > number || (found == number && !deleted),
                    "{key}: {found}, {number}"
                );
                assert!(bytes == body(found), "round {round}: {key} is torn");
                *last = (found, false);
            }
            // The next write of that key may have been its deletion.
            None => {
                assert!(
                    deleted || was_deleted_after(number, round),
                    "round {round}: {key} is lost, it was {number}"
                );
                *last = (number, true);
            }
        }
    }
}

/// Whether a deletion of the same key may have come, unacknowledged, after the
/// step: its writer had at most one write on the way.
fn was_deleted_after(number: u64, round: u64) -> bool {
    let first = round * 1_000_000;
    let step = if number < first { None } else { Some(number - first) };
    (step.map_or(0, |step| step + 1)..).take(KEYS_PER_WRITER as usize).any(|later| {
        (first + later) % KEYS_PER_WRITER == number % KEYS_PER_WRITER && later % 7 == 6
    })
}

fn read(value: Value) -> Vec<u8> {
    match value {
        Value::Whole(bytes) => bytes.into(),
        Value::Pieces(mut reader) => {
            let runtime = tokio::runtime::Builder::new_current_thread().build().expect("made");
            runtime.block_on(async {
                let mut all = Vec::new();
                while let Some(piece) = reader.next().await.expect("readable") {
                    all.extend_from_slice(&piece);
                }
                all
            })
        }
    }
}

/// What the killed processes left of unfinished values is swept.
fn no_piece_is_left(folder: &Path) {
    let store = open(folder);
    let keys = (0..WRITERS)
        .flat_map(|writer| (0..KEYS_PER_WRITER).map(move |number| format!("{writer}-{number}")))
        .collect();
    futures::executor::block_on(store.delete(keys)).expect("deleted");
    store.upkeep(0);
    let rows = |table: &str| {
        let sql = format!("SELECT count(*) FROM {table}");
        store
            .shared
            .read(|it| it.query_row(&sql, [], |row| row.get::<_, i64>(0)))
            .expect("readable")
    };
    let end = std::time::Instant::now() + Duration::from_secs(30);
    while rows("orphans") + rows("pieces") > 0 {
        assert!(std::time::Instant::now() < end, "{} pieces are left", rows("pieces"));
        std::thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(rows("entries"), 0);
}
