//! What the contract does not say: files, sweeping, failures.

use futures::executor::block_on;

use super::*;

struct Fixture {
    folder: tempfile::TempDir,
}

impl Fixture {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a folder") }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("kv.sqlite")
    }

    fn try_open(&self) -> Result<SqliteStore, Error> {
        let dir = DataDir::open(self.folder.path(), "a test", 0).expect("free");
        SqliteStore::open(Arc::new(dir), &self.path(), "kv")
    }

    fn open(&self) -> SqliteStore {
        self.try_open().expect("opened")
    }

    /// What the file is refused for; it must stay as it is.
    fn refused(&self) -> String {
        let before = std::fs::read(self.path()).expect("readable");
        let error = self.try_open().expect_err("refused");
        assert!(matches!(error, Error::Data(_)), "{error:?}");
        assert!(std::fs::read(self.path()).expect("readable") == before, "the file was changed");
        let text = error.to_string();
        assert!(text.contains("kv.sqlite") && text.contains("it is kept as it is"), "{text}");
        text
    }

    /// Changes bytes of the file.
    fn patch(&self, at: usize, bytes: &[u8]) {
        let mut file = std::fs::read(self.path()).expect("readable");
        file[at..at + bytes.len()].copy_from_slice(bytes);
        std::fs::write(self.path(), file).expect("written");
    }
}

fn put(store: &SqliteStore, key: &str, size: usize, expiration: Option<UnixSeconds>) {
    let attributes = Attributes { expiration, metadata: None };
    block_on(store.put(key.to_owned(), vec![7; size].into(), attributes)).expect("stored");
}

fn length(store: &SqliteStore, key: &str) -> Option<u64> {
    match store.find(key, 0).expect("readable")?.value {
        Value::Whole(value) => Some(value.len() as u64),
        Value::Pieces(reader) => Some(reader.length()),
    }
}

fn rows(store: &SqliteStore, table: &str) -> i64 {
    let sql = format!("SELECT count(*) FROM {table}");
    store.shared.read(|it| it.query_row(&sql, [], |row| row.get(0))).expect("readable")
}

fn eventually(what: &str, done: impl Fn() -> bool) {
    let end = std::time::Instant::now() + std::time::Duration::from_secs(60);
    while !done() {
        assert!(std::time::Instant::now() < end, "it never happened: {what}");
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
}

#[test]
fn what_was_stored_is_there_after_a_restart() {
    let fixture = Fixture::new();
    let sizes = [0, 512, 513, 65_536, 65_537, 1_000_000];
    let store = fixture.open();
    sizes.iter().for_each(|size| put(&store, &size.to_string(), *size, None));
    drop(store);
    let store = fixture.open();
    for size in sizes {
        assert_eq!(length(&store, &size.to_string()), Some(size as u64));
    }
    // Values get new numbers, not those of others.
    put(&store, "new", 1_000_000, None);
    assert_eq!(length(&store, "1000000"), Some(1_000_000));
}

#[test]
fn a_closed_file_is_one_file() {
    let fixture = Fixture::new();
    let store = fixture.open();
    put(&store, "key", 1000, None);
    drop(store);
    let files: Vec<_> = std::fs::read_dir(fixture.folder.path())
        .expect("a folder")
        .map(|entry| entry.expect("readable").file_name())
        .collect();
    assert_eq!(files.len(), 2, "{files:?}");
}

#[test]
fn a_file_gets_smaller_when_much_is_deleted() {
    let fixture = Fixture::new();
    let store = fixture.open();
    let size = || fixture.path().metadata().expect("there").len();
    // What stays lies before, between and behind what goes.
    let stays: Vec<String> = (0..40).map(|number| format!("stays {number}")).collect();
    let goes: Vec<String> = (0..40).map(|number| format!("goes {number}")).collect();
    for (stays, goes) in stays.iter().zip(&goes) {
        put(&store, stays, 3_000, None);
        put(&store, goes, 400_000, None);
    }
    put(&store, "last", 300_000, None);
    let Some(Value::Pieces(mut reader)) =
        store.find("goes 7", 0).expect("readable").map(|it| it.value)
    else {
        panic!("it is a large value");
    };
    store.upkeep(0);
    block_on(store.delete(goes)).expect("deleted");
    eventually("the file is small", || {
        store.upkeep(0);
        size() < 3 << 20
    });
    // All of it was in the file, not in the log.
    assert!(rows(&store, "pieces") > 0);
    stays.iter().for_each(|key| assert_eq!(length(&store, key), Some(3_000)));
    assert_eq!(length(&store, "last"), Some(300_000));
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("made");
    let piece =
        runtime.block_on(reader.next()).expect("readable").expect("it stays while it is read");
    assert!(piece.iter().all(|byte| *byte == 7));
    drop(reader);
    store.close();
    let check = Connection::open(fixture.path()).expect("opened");
    let intact: String =
        check.query_row("PRAGMA integrity_check", [], |row| row.get(0)).expect("checked");
    assert_eq!(intact, "ok");
}

#[test]
fn free_pages_that_another_process_left_are_given_back() {
    let fixture = Fixture::new();
    let store = fixture.open();
    put(&store, "goes", 8_000_000, None);
    drop(store);
    let size = || fixture.path().metadata().expect("there").len();
    assert!(size() > 8_000_000);
    let connection = Connection::open(fixture.path()).expect("opened");
    connection.execute_batch("DELETE FROM entries; DELETE FROM pieces").expect("deleted");
    drop(connection);
    let store = fixture.open();
    assert!(size() > 8_000_000);
    store.upkeep(0);
    eventually("the file is small", || size() < 3 << 20);
}

#[test]
fn what_expired_is_deleted_in_the_background() {
    let fixture = Fixture::new();
    let store = fixture.open();
    for number in 0..1000 {
        drop(store.put(
            number.to_string(),
            vec![0; 600].into(),
            Attributes { expiration: Some(100 + number % 2), metadata: None },
        ));
    }
    put(&store, "large", 600_000, Some(100));
    put(&store, "stays", 1, None);
    store.upkeep(99);
    assert_eq!(rows(&store, "entries"), 1002);
    store.upkeep(100);
    eventually("half of them are gone", || rows(&store, "entries") == 501);
    eventually("the large one too", || rows(&store, "pieces") == 500);
    assert_eq!(store.shared.next_expiration.load(Ordering::Relaxed), 101);
    // A restart knows what is to come.
    drop(store);
    let store = fixture.open();
    store.upkeep(101);
    eventually("the others are gone", || rows(&store, "entries") == 1);
    eventually("nothing is to come", || {
        store.shared.next_expiration.load(Ordering::Relaxed) == u64::MAX
    });
    assert_eq!(length(&store, "stays"), Some(1));
}

#[test]
fn old_values_are_swept_when_nobody_reads_them() {
    let fixture = Fixture::new();
    let store = fixture.open();
    put(&store, "key", 1_000_000, None);
    let first = store.find("key", 0).expect("readable");
    let second = store.find("key", 0).expect("readable");
    put(&store, "key", 10, None);
    put(&store, "other", 1_000_000, None);
    put(&store, "other", 1_000_001, None);
    eventually("the unpinned one is swept", || rows(&store, "orphans") == 1);
    drop(first);
    assert_eq!(rows(&store, "pieces"), 8);
    drop(second);
    eventually("all are swept", || rows(&store, "orphans") == 0);
    assert_eq!(rows(&store, "pieces"), 4);
    block_on(store.delete(vec!["other".to_owned()])).expect("deleted");
    eventually("that one too", || rows(&store, "pieces") == 0);
}

#[test]
fn a_dropped_writer_leaves_no_pieces() {
    let fixture = Fixture::new();
    let store = fixture.open();
    let mut writer = store.put_pieces("key".to_owned(), Attributes::default());
    block_on(writer.write(vec![0; 1_000_000].into())).expect("written");
    assert_eq!((rows(&store, "pieces"), rows(&store, "orphans")), (3, 1));
    // Somebody else's sweeping does not touch it.
    put(&store, "other", 600_000, None);
    block_on(store.delete(vec!["other".to_owned()])).expect("deleted");
    eventually("the other one is swept", || rows(&store, "orphans") == 1);
    assert_eq!(rows(&store, "pieces"), 3);
    drop(writer);
    eventually("it is swept", || rows(&store, "pieces") + rows(&store, "orphans") == 0);
}

#[test]
fn a_write_that_was_dropped_half_way_cannot_be_committed() {
    let fixture = Fixture::new();
    let store = fixture.open();
    let mut writer = store.put_pieces("key".to_owned(), Attributes::default());
    drop(writer.write(vec![0; 1_000_000].into()));
    assert!(matches!(block_on(writer.commit()), Err(Error::Internal(_))));
    assert_eq!(length(&store, "key"), None);
}

#[test]
fn writes_that_wait_share_a_transaction() {
    let fixture = Fixture::new();
    let store = fixture.open();
    let all: Vec<_> = (0..2000)
        .map(|number| store.put(number.to_string(), "x".into(), Attributes::default()))
        .collect();
    block_on(futures::future::try_join_all(all)).expect("stored");
    assert_eq!(rows(&store, "entries"), 2000);
    assert!(store.shared.readers.commits() < 1000, "{}", store.shared.readers.commits());
}

#[test]
fn a_full_queue_makes_writes_wait() {
    let fixture = Fixture::new();
    let store = fixture.open();
    let all: Vec<_> = (0..300)
        .map(|number| store.put(number.to_string(), vec![0; 200_000].into(), Attributes::default()))
        .collect();
    block_on(futures::future::try_join_all(all)).expect("stored");
    assert_eq!(rows(&store, "entries"), 300);
    eventually("all room is free again", || store.shared.room.available_permits() == QUEUE_BYTES);
}

#[test]
fn the_log_starts_over_while_others_read() {
    let fixture = Fixture::new();
    let store = fixture.open();
    for number in 0..400 {
        put(&store, &(number % 10).to_string(), 200_000, None);
        assert_eq!(length(&store, &(number % 10).to_string()), Some(200_000));
    }
    // 80 MB were written; a log that reads hold up would have them all.
    let log = std::fs::metadata(fixture.folder.path().join("kv.sqlite-wal")).expect("a log").len();
    assert!(log < 40_000_000, "{log}");
}

#[test]
fn a_closed_namespace_says_so() {
    let fixture = Fixture::new();
    let store = fixture.open();
    let write = store.put("key".to_owned(), "x".into(), Attributes::default());
    store.close();
    block_on(write).expect("what was queued is written");
    let write = store.put("key".to_owned(), "y".into(), Attributes::default());
    assert!(matches!(block_on(write), Err(Error::Unavailable(_))));
    assert!(matches!(store.find("key", 0), Err(Error::Unavailable(_))));
    drop(store);
    assert_eq!(length(&fixture.open(), "key"), Some(1));
}

#[test]
fn unused_connections_are_closed() {
    let fixture = Fixture::new();
    let store = fixture.open();
    put(&store, "key", 1, None);
    assert_eq!(length(&store, "key"), Some(1));
    store.upkeep(0);
    assert_eq!(store.shared.readers.resting(), 1);
    store.upkeep(0);
    assert_eq!(store.shared.readers.resting(), 0);
    assert_eq!(length(&store, "key"), Some(1));
}

#[test]
fn files_of_others_are_refused_and_kept() {
    let fixture = Fixture::new();
    std::fs::write(fixture.path(), "").expect("written");
    assert!(fixture.refused().contains("too short"));
    std::fs::write(fixture.path(), "not a database ".repeat(100)).expect("written");
    assert!(fixture.refused().contains("not a database of SQLite"));
    std::fs::remove_file(fixture.path()).expect("removed");
    let other = Connection::open(fixture.path()).expect("made");
    other.execute_batch("CREATE TABLE t (a); INSERT INTO t VALUES (1)").expect("made");
    drop(other);
    assert!(fixture.refused().contains("another program made it"));
}

#[test]
fn files_of_other_versions_and_namespaces_are_refused_and_kept() {
    let fixture = Fixture::new();
    drop(fixture.open());
    fixture.patch(60, &2u32.to_be_bytes());
    let text = fixture.refused();
    assert!(text.contains("of a newer version of Selvedge: its format is 2"), "{text}");
    fixture.patch(60, &0u32.to_be_bytes());
    assert!(fixture.refused().contains("no known number"));
    fixture.patch(60, &1u32.to_be_bytes());
    drop(fixture.open());
    let dir = Arc::new(DataDir::open(fixture.folder.path(), "a test", 0).expect("free"));
    let error = SqliteStore::open(dir, &fixture.path(), "other").expect_err("refused");
    assert!(error.to_string().contains("holds the namespace kv, not other"), "{error}");
}

#[test]
fn a_log_without_its_database_is_refused_and_kept() {
    let fixture = Fixture::new();
    let log = fixture.folder.path().join("kv.sqlite-wal");
    std::fs::write(&log, "precious").expect("written");
    let error = fixture.try_open().expect_err("refused").to_string();
    assert!(error.contains("kv.sqlite-wal is there, but not the file it belongs to"), "{error}");
    assert_eq!(std::fs::read(&log).expect("kept"), b"precious");
    assert!(!fixture.path().exists());
}

#[test]
fn damage_is_named_and_stops_writes() {
    let fixture = Fixture::new();
    let store = fixture.open();
    (0..2000).for_each(|number| {
        drop(store.put(number.to_string(), vec![1; 400].into(), Attributes::default()));
    });
    put(&store, "last", 1, None);
    drop(store);
    let size = std::fs::metadata(fixture.path()).expect("there").len() as usize;
    // The header stays, and so do the tables' first pages.
    fixture.patch(10 * 4096, &vec![0xee; size - 10 * 4096]);
    let store = fixture.open();
    let damaged = |error: &Error| {
        let text = error.to_string();
        matches!(error, Error::Data(_)) && text.contains("kv.sqlite is damaged")
    };
    let failed: Vec<_> =
        (0..2000).filter_map(|number| store.find(&number.to_string(), 0).err()).collect();
    assert!(!failed.is_empty() && failed.iter().all(damaged), "{failed:?}");
    let write = |key: &str| block_on(store.put(key.to_owned(), "x".into(), Attributes::default()));
    let error = (0..2000).find_map(|number| write(&number.to_string()).err()).expect("damage");
    assert!(damaged(&error), "{error}");
    // Also where there is none: a wrong tree may say so.
    assert!(damaged(&write("new").expect_err("refused")));
}

#[cfg(target_os = "linux")]
mod full_disk {
    //! On a small file system of its own, which only root can mount.

    use std::process::Command;

    use super::*;

    /// 4 MiB in memory; unmounted at the end.
    struct Mounted<'a>(&'a Path);

    impl<'a> Mounted<'a> {
        fn new(folder: &'a Path) -> Option<Self> {
            let mounted = Command::new("mount")
                .args(["-t", "tmpfs", "-o", "size=4m", "none"])
                .arg(folder)
                .output()
                .is_ok_and(|output| output.status.success());
            mounted.then_some(Self(folder))
        }
    }

    impl Drop for Mounted<'_> {
        fn drop(&mut self) {
            let _ = Command::new("umount").arg(self.0).output();
        }
    }

    #[test]
    fn writes_fail_on_a_full_disk_and_work_again_with_room() {
        let fixture = Fixture::new();
        let Some(_mounted) = Mounted::new(fixture.folder.path()) else {
            eprintln!("skipped: this user cannot mount a small file system");
            return;
        };
        let store = fixture.open();
        put(&store, "early", 1000, None);
        let fill = fixture.folder.path().join("fill");
        std::fs::write(&fill, vec![0; 2_000_000]).expect("room");
        let write = |key: String, size| {
            block_on(store.put(key, vec![1; size].into(), Attributes::default()))
        };
        let mut stored = Vec::new();
        let error = (0..100)
            .find_map(|number| {
                let result = write(number.to_string(), 100_000);
                stored.extend(result.is_ok().then_some(number));
                result.err()
            })
            .expect("the disk is full");
        assert!(matches!(error, Error::Full(_)), "{error:?}");
        let error = write("large".to_owned(), 3_000_000).expect_err("full");
        assert!(matches!(error, Error::Full(_)), "{error:?}");
        let check = |store: &SqliteStore| {
            assert_eq!(length(store, "early"), Some(1000));
            assert_eq!(length(store, "large"), None);
            for number in &stored {
                assert_eq!(length(store, &number.to_string()), Some(100_000));
            }
        };
        check(&store);
        std::fs::remove_file(&fill).expect("removed");
        write("late".to_owned(), 100_000).expect("there is room");
        check(&store);
        drop(store);
        let store = fixture.open();
        check(&store);
        assert_eq!(length(&store, "late"), Some(100_000));
        drop(store);
    }
}
