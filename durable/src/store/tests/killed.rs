//! A process that is killed while it writes loses nothing that it acknowledged.
//!
//! The test starts its own program again as the process that writes: counters by
//! key and by SQL, with alarms, in several objects on two threads. It says on
//! stdout what was acknowledged, and is killed at a random moment.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use super::*;

const FOLDER_VARIABLE: &str = "SELVEDGE_TEST_KILLED_OBJECTS";
const ROUNDS: u64 = 100;
const THREADS: u8 = 2;
const OBJECTS_PER_THREAD: u8 = 4;

/// The process that is killed. It does nothing when it is run by hand.
#[test]
#[ignore = "the test below starts it"]
fn child() {
    #[expect(clippy::disallowed_methods, reason = "that is how the parent talks to it")]
    let Some(folder) = std::env::var_os(FOLDER_VARIABLE) else { return };
    let dir = Arc::new(DataDir::open(Path::new(&folder), "a test", 0).expect("free"));
    let objects = Objects::open(dir, Arc::new(|| 0)).expect("objects");
    let namespace = objects.namespace(NAMESPACE).expect("a namespace");
    let threads: Vec<_> = (0..THREADS)
        .map(|thread| {
            let namespace = namespace.clone();
            std::thread::spawn(move || write_forever(&namespace, thread))
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().expect("it never ends"));
}

fn write_forever(namespace: &Arc<Namespace>, thread: u8) {
    // Fewer connections than objects, so that they come and go.
    let connections = Connections::new(ConnectionsOptions { open: 3, ..Default::default() });
    let open = |number| namespace.object(id(number), Some("n"), &connections).expect("free");
    let first = thread * OBJECTS_PER_THREAD;
    let mut objects: Vec<_> = (first..first + OBJECTS_PER_THREAD).map(open).collect();
    for step in 0u64.. {
        let at = (step % u64::from(OBJECTS_PER_THREAD)) as usize;
        let object = &objects[at];
        let counter = increment(object, step);
        let commit = object.commit().expect("committed").expect("it wrote");
        let number = first + at as u8;
        // Several are on the way at a time; each is told of by itself.
        object.durability().when(commit.seq, move |result| {
            result.expect("durable");
            let line = format!("\nack {number} {counter}\n");
            std::io::stdout().write_all(line.as_bytes()).expect("the parent reads");
        });
        if step.is_multiple_of(3) {
            let durability = object.durability();
            futures::executor::block_on(durability.wait(commit.seq)).expect("durable");
        }
        if step % 97 == 96 {
            // It ends, is put in order, and is opened anew.
            drop(objects.remove(at));
            objects.insert(at, open(number));
        }
    }
}

/// The same number in a key, in a row, as the alarm's time, and large now and
/// then, so that the log is long.
fn increment(object: &ObjectStorage, step: u64) -> i64 {
    let counter = counter_of(object) + 1;
    object.put("counter", &counter.to_le_bytes()).expect("put");
    let large = vec![counter as u8; if step.is_multiple_of(11) { 200_000 } else { 10 }];
    object.put(&format!("large-{}", counter % 3), &large).expect("put");
    object
        .exec(
            "CREATE TABLE IF NOT EXISTS counters (id INTEGER PRIMARY KEY, value);
             INSERT INTO counters VALUES (1, ?) ON CONFLICT DO UPDATE SET value = excluded.value",
            &[SqlValue::Integer(counter)],
        )
        .expect("run");
    match counter % 5 {
        0 => object.delete_alarm().expect("deleted"),
        odd => object.set_alarm(counter * if odd % 2 == 0 { 1 } else { -1 }).expect("set"),
    }
    counter
}

fn counter_of(object: &ObjectStorage) -> i64 {
    let bytes = object.get("counter").expect("read");
    bytes.map_or(0, |bytes| i64::from_le_bytes(bytes.try_into().expect("8 bytes")))
}

#[test]
fn a_killed_process_loses_no_acknowledged_write() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut acknowledged = HashMap::new();
    let mut marks = Vec::new();
    let mut writes = 0;
    for round in 1..=ROUNDS {
        let mut child = start(folder.path());
        let stdout = BufReader::new(child.stdout.take().expect("piped"));
        writes += kill_while_it_writes(&mut child, stdout, round, &mut acknowledged);
        check(folder.path(), round, &mut acknowledged, &mut marks);
    }
    go_back(folder.path(), &marks);
    assert!(writes > ROUNDS as usize * 20, "only {writes} writes");
    assert_eq!(acknowledged.len(), usize::from(THREADS * OBJECTS_PER_THREAD));
}

fn start(folder: &Path) -> Child {
    Command::new(std::env::current_exe().expect("known"))
        .args(["--exact", "--ignored", "--nocapture", "store::tests::killed::child"])
        .env(FOLDER_VARIABLE, folder)
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
    acknowledged: &mut HashMap<u8, i64>,
) -> usize {
    let mut writes = 0;
    let mut line = String::new();
    let mut killed = false;
    while stdout.read_line(&mut line).expect("readable") > 0 {
        // The last line may be cut.
        if let Some((number, counter)) = parse(&line) {
            let last = acknowledged.entry(number).or_insert(0);
            *last = counter.max(*last);
            writes += 1;
        }
        line.clear();
        if writes >= 20 && !killed {
            killed = true;
            std::thread::sleep(Duration::from_micros(round * 7919 % 60_000));
            child.kill().expect("it runs");
        }
    }
    let ended = child.wait().expect("it ended");
    assert!(killed, "the child ended by itself: {ended}");
    writes
}

fn parse(line: &str) -> Option<(u8, i64)> {
    let (number, counter) = line.strip_prefix("ack ")?.strip_suffix('\n')?.split_once(' ')?;
    Some((number.parse().ok()?, counter.parse().ok()?))
}

/// Each object has what was acknowledged last, or something later, whole, and the
/// index never has its alarm too late.
fn check(
    folder: &Path,
    round: u64,
    acknowledged: &mut HashMap<u8, i64>,
    marks: &mut Vec<(u8, String, i64)>,
) {
    let dir = Arc::new(DataDir::open(folder, "a test", 0).expect("free"));
    let objects = Objects::open(dir, Arc::new(|| 0)).expect("objects");
    let namespace = objects.namespace(NAMESPACE).expect("a namespace");
    let connections = Connections::new(ConnectionsOptions::default());
    for (number, last) in acknowledged {
        let indexed = namespace.get_object(id(*number)).expect("read").expect("known");
        assert_eq!(indexed.name.as_deref(), Some("n"));
        let object = namespace.object(id(*number), None, &connections).expect("free");
        let counter = counter_of(&object);
        assert!(counter >= *last, "round {round}: object {number} went from {last} to {counter}");
        let mut rows = object.exec("SELECT value FROM counters", &[]).expect("run");
        assert_eq!(rows.next_row().expect("read"), Some(vec![SqlValue::Integer(counter)]));
        let alarm = object.get_alarm().expect("read");
        assert_eq!(alarm.is_none(), counter % 5 == 0, "{alarm:?} {counter}");
        if let Some(alarm) = alarm {
            assert_eq!(alarm.abs(), counter);
            assert!(
                indexed.alarm.is_some_and(|indexed| indexed <= alarm),
                "round {round}: object {number} has its alarm at {alarm}, indexed {indexed:?}"
            );
        }
        let whole: String = {
            let mut rows = object.exec("PRAGMA quick_check", &[]).expect("run");
            format!("{:?}", rows.next_row().expect("read"))
        };
        assert!(whole.contains("\"ok\""), "round {round}: {whole}");
        *last = counter;
        // A bookmark copies the log, so that it is often what is killed that does.
        if round % 5 == u64::from(*number) % 5 {
            marks.push((*number, object.current_bookmark().expect("a bookmark"), counter));
        }
    }
    // The folder is free for the next process.
    objects.settle();
}

/// Each bookmark that the history still has gives the state that it was made of.
fn go_back(folder: &Path, marks: &[(u8, String, i64)]) {
    let dir = Arc::new(DataDir::open(folder, "a test", 0).expect("free"));
    let objects = Objects::open(dir, Arc::new(|| 0)).expect("objects");
    let namespace = objects.namespace(NAMESPACE).expect("a namespace");
    let connections = Connections::new(ConnectionsOptions::default());
    let open = |number: u8| namespace.object(id(number), None, &connections).expect("free");
    let mut restored = 0;
    for (number, mark, counter) in marks.iter().rev() {
        match open(*number).restore_on_next_open(mark) {
            Ok(_) => restored += 1,
            Err(error) => {
                assert!(error.to_string().contains("does not have that bookmark"), "{error}");
                continue;
            }
        }
        let object = open(*number);
        assert_eq!(counter_of(&object), *counter, "object {number} at {mark}");
        let mut rows = object.exec("SELECT value FROM counters", &[]).expect("run");
        assert_eq!(rows.next_row().expect("read"), Some(vec![SqlValue::Integer(*counter)]));
        drop(rows);
        let mut rows = object.exec("PRAGMA quick_check", &[]).expect("run");
        let ok = Some(vec![SqlValue::Text("ok".to_owned())]);
        assert_eq!(rows.next_row().expect("read"), ok);
    }
    // How far the history goes back depends on how much was written.
    assert!(restored > 0, "none of {}", marks.len());
}
