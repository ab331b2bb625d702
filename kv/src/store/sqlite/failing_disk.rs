//! A disk that cannot sync for a while costs the writes of that while, and none
//! that was acknowledged before or after.

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use futures::executor::block_on;
use selvedge_test_vfs::Disk;
use tempfile::TempDir;

use super::{PIECE_BYTES, SqliteStore};
use crate::Error;
use crate::store::{Answer, Attributes, KvStore, Value};
use selvedge_storage::data_dir::DataDir;

const FILE: &str = "failing.sqlite";

fn open(folder: &Path) -> SqliteStore {
    let dir = Arc::new(DataDir::open(folder, "a test", 0).expect("free"));
    SqliteStore::open(dir, &folder.join(FILE), "failing").expect("opened")
}

fn put(store: &SqliteStore, key: &str, value: &str) -> Result<(), Error> {
    let value = Bytes::from(value.as_bytes().to_vec());
    block_on(store.put(key.to_owned(), value, Attributes::default()))
}

fn get(store: &SqliteStore, key: &str) -> Option<Vec<u8>> {
    let Answer::Ready(found) = store.get(key, 0) else { panic!("it reads at once") };
    let mut reader = match found.expect("readable")?.value {
        Value::Whole(bytes) => return Some(bytes.into()),
        Value::Pieces(reader) => reader,
    };
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("made");
    runtime.block_on(async {
        let mut all = Vec::new();
        while let Some(piece) = reader.next().await.expect("readable") {
            all.extend_from_slice(&piece);
        }
        Some(all)
    })
}

/// What is found if the power goes now.
fn after_power_loss(disk: &Disk) -> (TempDir, SqliteStore) {
    let folder = tempfile::tempdir().expect("a folder");
    disk.copy_after_power_loss(folder.path()).expect("copied");
    let store = open(folder.path());
    (folder, store)
}

#[test]
fn writes_around_a_failed_sync_outlive_a_power_loss() {
    let folder = tempfile::tempdir().expect("a folder");
    let disk = Disk::watch(folder.path()).expect("watched");
    let store = open(folder.path());
    let large: Vec<u8> = (0..3 * PIECE_BYTES).map(|at| (at % 251) as u8).collect();
    put(&store, "before", "1").expect("written");

    // These pieces are committed and not synced: the sync that fails loses them
    // from the log, in which later commits would stand behind them.
    let mut sink = store.put_pieces("large".to_owned(), Attributes::default());
    block_on(sink.write(large.clone().into())).expect("written");
    disk.fail_syncs(1);
    let error = put(&store, "failed", "2").expect_err("the disk did not take it");
    assert!(matches!(error, Error::Unavailable(_) | Error::Internal(_)), "{error:?}");
    assert_eq!(disk.failed_syncs(), 1);

    put(&store, "after", "3").expect("written");
    {
        let (_folder, found) = after_power_loss(&disk);
        assert_eq!(get(&found, "before").as_deref(), Some(b"1".as_slice()));
        assert_eq!(get(&found, "after").as_deref(), Some(b"3".as_slice()));
        assert!(get(&found, "failed").is_none_or(|value| value == b"2"));
        assert_eq!(get(&found, "large"), None);
    }

    block_on(sink.commit()).expect("its pieces are there");
    let (_folder, found) = after_power_loss(&disk);
    assert!(get(&found, "large") == Some(large), "it was acknowledged");
}

#[test]
fn writes_fail_as_long_as_the_disk_does_and_work_afterwards() {
    for failing in 1..=5 {
        let folder = tempfile::tempdir().expect("a folder");
        let disk = Disk::watch(folder.path()).expect("watched");
        let store = open(folder.path());
        let mut acknowledged = Vec::new();
        let mut failed = 0;
        for step in 0..40 {
            if step % 8 == 4 {
                disk.fail_syncs(failing);
            }
            // One key has an old value to keep, the other one has none.
            for key in ["same".to_owned(), format!("key {step}")] {
                match put(&store, &key, &step.to_string()) {
                    Ok(()) => {
                        acknowledged.retain(|(other, _)| *other != key);
                        acknowledged.push((key, step));
                    }
                    Err(_) => failed += 1,
                }
            }
            let (_folder, found) = after_power_loss(&disk);
            for (key, step) in &acknowledged {
                let value = get(&found, key).expect("it was acknowledged");
                let value: i32 = String::from_utf8_lossy(&value).parse().expect("a number");
                // A write that failed may be there, or not.
                assert!(value >= *step, "{key} {step} {value}");
            }
        }
        assert!(failed >= 5, "each round of failures was seen: {failed}");
        assert_eq!(disk.failed_syncs(), 5 * failing, "the disk was asked again");
        assert_eq!(get(&store, "same").as_deref(), Some(b"39".as_slice()));
    }
}
