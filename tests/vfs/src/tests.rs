//! What a database loses when the power goes, and what it does not.

use rusqlite::Connection;

use super::*;

fn open(folder: &Path, synchronous: &str) -> Connection {
    let connection = Connection::open(folder.join("a.sqlite")).expect("opened");
    let pragmas = format!("PRAGMA journal_mode = WAL; PRAGMA synchronous = {synchronous}");
    connection.execute_batch(&pragmas).expect("set");
    connection.execute_batch("CREATE TABLE IF NOT EXISTS rows (number INTEGER)").expect("a table");
    connection
}

fn insert(connection: &Connection, number: i64) -> rusqlite::Result<usize> {
    connection.execute("INSERT INTO rows VALUES (?1)", [number])
}

/// The rows that are there after the power went.
fn survivors(disk: &Disk) -> Vec<i64> {
    let folder = tempfile::tempdir().expect("a folder");
    disk.copy_after_power_loss(folder.path()).expect("copied");
    let connection = Connection::open(folder.path().join("a.sqlite")).expect("opened");
    let mut statement = connection.prepare("SELECT number FROM rows").expect("a table");
    let rows = statement.query_map([], |row| row.get(0)).expect("readable");
    rows.collect::<Result<_, _>>().expect("readable")
}

#[test]
fn what_was_synced_is_there_after_a_power_loss() {
    let folder = tempfile::tempdir().expect("a folder");
    let disk = Disk::watch(folder.path()).expect("watched");
    let connection = open(folder.path(), "FULL");
    insert(&connection, 1).expect("written");
    insert(&connection, 2).expect("written");
    assert!(disk.syncs().by_sqlite >= 2);
    assert_eq!(survivors(&disk), [1, 2]);
}

#[test]
fn what_was_not_synced_is_lost() {
    let folder = tempfile::tempdir().expect("a folder");
    let disk = Disk::watch(folder.path()).expect("watched");
    let connection = open(folder.path(), "FULL");
    insert(&connection, 1).expect("written");
    connection.pragma_update(None, "synchronous", "NORMAL").expect("set");
    insert(&connection, 2).expect("written");
    assert_eq!(survivors(&disk), [1]);
    connection.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").expect("copied");
    assert_eq!(survivors(&disk), [1, 2]);
}

#[test]
fn a_sync_after_one_that_failed_does_not_bring_back_what_that_lost() {
    let folder = tempfile::tempdir().expect("a folder");
    let disk = Disk::watch(folder.path()).expect("watched");
    let connection = open(folder.path(), "FULL");
    insert(&connection, 1).expect("written");
    disk.fail_syncs(1);
    assert!(insert(&connection, 2).is_err());
    assert_eq!(disk.failed_syncs(), 1);
    assert_eq!(survivors(&disk), [1]);
}

#[test]
fn other_folders_are_left_alone() {
    let (folder, other) = (tempfile::tempdir().expect("one"), tempfile::tempdir().expect("two"));
    let disk = Disk::watch(folder.path()).expect("watched");
    disk.fail_syncs(usize::MAX);
    let connection = open(other.path(), "FULL");
    insert(&connection, 1).expect("written");
    assert_eq!(disk.syncs(), Syncs::default());
}
