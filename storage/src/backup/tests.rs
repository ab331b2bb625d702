use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rusqlite::Connection;

use super::*;

fn silent(_: u64, _: u64) {}

/// A data folder with one of each kind of file.
fn data_folder(root: &Path) -> PathBuf {
    let data = root.join("data");
    for (path, text) in [
        ("lock", "held"),
        ("control.json", "token"),
        ("cache/code/ab", "made again"),
        ("blobs/ab/abcd", "blob"),
        ("do/x/ab/ab.history/1", "history"),
    ] {
        let path = data.join(path);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("it can be made");
        std::fs::write(path, text).expect("it can be written");
    }
    for path in ["meta/deployments.sqlite", "do/x/index.sqlite", "logs/a.sqlite"] {
        database(&data.join(path)).execute("INSERT INTO t VALUES (1)", []).expect("it takes rows");
    }
    data
}

fn database(path: &Path) -> Connection {
    std::fs::create_dir_all(path.parent().expect("a parent")).expect("it can be made");
    let connection = Connection::open(path).expect("it opens");
    connection
        .execute_batch("PRAGMA journal_mode = WAL; CREATE TABLE IF NOT EXISTS t (n INTEGER)")
        .expect("it takes a table");
    connection
}

fn count(path: &Path) -> i64 {
    let connection = Connection::open(path).expect("it opens");
    let sound: String =
        connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).expect("an answer");
    assert_eq!(sound, "ok", "{}", path.display());
    connection.query_row("SELECT count(*) FROM t", [], |row| row.get(0)).expect("an answer")
}

#[test]
fn what_is_restored_is_what_was_copied_and_nothing_of_the_process() {
    let root = tempfile::tempdir().expect("a folder");
    let data = data_folder(root.path());
    let (to, again) = (root.path().join("copy"), root.path().join("again"));
    let copied = backup(&data, &to, Logs::Copied, 7, &mut silent).expect("it is copied");
    assert_eq!(copied.files, 4);
    let restored = restore(&to, &again, &mut silent).expect("it is restored");
    assert_eq!(restored, copied);
    assert_eq!(std::fs::read_to_string(again.join("blobs/ab/abcd")).expect("it is there"), "blob");
    assert_eq!(count(&again.join("meta/deployments.sqlite")), 1);
    assert_eq!(count(&again.join("logs/a.sqlite")), 1);
    for gone in ["lock", "control.json", "cache", "do/x/ab/ab.history"] {
        assert!(!again.join(gone).exists(), "{gone}");
    }
}

#[test]
fn logs_are_left_out_when_asked() {
    let root = tempfile::tempdir().expect("a folder");
    let data = data_folder(root.path());
    let to = root.path().join("copy");
    let copied = backup(&data, &to, Logs::LeftOut, 0, &mut silent).expect("it is copied");
    assert_eq!(copied.files, 3);
}

#[test]
fn a_copy_under_writes_is_of_one_moment_of_each_database() {
    let root = tempfile::tempdir().expect("a folder");
    let data = data_folder(root.path());
    let path = data.join("kv/n.sqlite");
    let stop = Arc::new(AtomicBool::new(false));
    let writer = {
        let (path, stop) = (path.clone(), stop.clone());
        let connection = database(&path);
        std::thread::spawn(move || {
            // Two rows at a time: half of a pair is not a state that there was.
            while !stop.load(Ordering::Relaxed) {
                connection
                    .execute_batch(
                        "BEGIN; INSERT INTO t VALUES (1); INSERT INTO t VALUES (2); COMMIT",
                    )
                    .expect("it takes rows");
            }
        })
    };
    for number in 0..5 {
        let (to, again) =
            (root.path().join(format!("copy{number}")), root.path().join(format!("again{number}")));
        backup(&data, &to, Logs::Copied, 0, &mut silent).expect("it is copied");
        restore(&to, &again, &mut silent).expect("it is restored");
        assert_eq!(count(&again.join("kv/n.sqlite")) % 2, 0);
    }
    stop.store(true, Ordering::Relaxed);
    writer.join().expect("it does not panic");
}

#[test]
fn a_damaged_or_unfinished_copy_restores_nothing() {
    let root = tempfile::tempdir().expect("a folder");
    let data = data_folder(root.path());
    let (to, again) = (root.path().join("copy"), root.path().join("again"));
    backup(&data, &to, Logs::Copied, 0, &mut silent).expect("it is copied");
    std::fs::write(to.join("blobs/ab/abcd"), "blub").expect("it can be written");
    let error = restore(&to, &again, &mut silent).expect_err("it is damaged").to_string();
    assert!(error.contains("abcd"), "{error}");
    assert!(!again.exists());
    std::fs::remove_file(to.join("manifest.json")).expect("it can be removed");
    assert!(restore(&to, &again, &mut silent).is_err());
}

#[test]
fn folders_that_hold_something_are_refused() {
    let root = tempfile::tempdir().expect("a folder");
    let data = data_folder(root.path());
    let full = root.path().join("full");
    std::fs::create_dir(&full).expect("it can be made");
    std::fs::write(full.join("mine"), "").expect("it can be written");
    let to = root.path().join("copy");
    assert!(backup(&data, &full, Logs::Copied, 0, &mut silent).is_err());
    backup(&data, &to, Logs::Copied, 0, &mut silent).expect("it is copied");
    assert!(restore(&to, &full, &mut silent).is_err());
    assert!(full.join("mine").exists());
    assert!(backup(&full, &root.path().join("x"), Logs::Copied, 0, &mut silent).is_err());
    assert!(backup(&data, &data.join("copy"), Logs::Copied, 0, &mut silent).is_err());
}

#[test]
fn a_manifest_cannot_lead_out_of_the_folder() {
    let root = tempfile::tempdir().expect("a folder");
    let data = data_folder(root.path());
    let to = root.path().join("copy");
    backup(&data, &to, Logs::Copied, 0, &mut silent).expect("it is copied");
    let path = to.join("manifest.json");
    let text = std::fs::read_to_string(&path).expect("it is there");
    std::fs::write(&path, text.replace("blobs/ab/abcd", "../outside")).expect("it can be written");
    assert!(restore(&to, &root.path().join("again"), &mut silent).is_err());
    assert!(!root.path().join("outside").exists());
}
