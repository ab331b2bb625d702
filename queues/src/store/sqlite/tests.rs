use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use selvedge_storage::data_dir::DataDir;
use tempfile::TempDir;

use super::super::{ContentType, Lease};
use super::*;

/// The clock of all tests stands still: each test has times of its own.
static NOW: AtomicI64 = AtomicI64::new(1_000_000);

fn now() -> UnixMs {
    NOW.load(Ordering::Relaxed)
}

fn open(folder: &TempDir) -> SqliteStore {
    let dir = Arc::new(DataDir::open(folder.path(), "a test", 0).expect("free"));
    SqliteStore::open(dir, &folder.path().join("q.sqlite"), now).expect("opened")
}

fn folder() -> TempDir {
    tempfile::tempdir().expect("a folder")
}

fn message(body: &str, delay: i64) -> NewMessage {
    let body = body.to_owned().into();
    NewMessage { body, content_type: ContentType::Text, delay, former: None }
}

fn bodies(taken: &[Taken]) -> Vec<String> {
    taken.iter().map(|it| String::from_utf8_lossy(&it.body).into_owned()).collect()
}

async fn take(store: &SqliteStore) -> Vec<Taken> {
    store.take(10, usize::MAX, 60_000).await.expect("taken")
}

#[tokio::test]
async fn messages_come_in_the_order_of_becoming_visible() {
    let folder = folder();
    let store = open(&folder);
    let sent =
        vec![message("late", -1), message("a", -5), message("b", -5), message("later", 5000)];
    store.send(sent).await.expect("sent");
    assert_eq!(bodies(&take(&store).await), ["a", "b", "late"]);
    assert!(take(&store).await.is_empty());
    assert_eq!(store.due(10).expect("read"), (0, Some(now() + 5000)));
}

#[tokio::test]
async fn what_is_taken_comes_again_unless_it_is_done() {
    let folder = folder();
    let store = open(&folder);
    store.send(vec![message("a", 0), message("b", 0)]).await.expect("sent");
    let first = take(&store).await;
    assert_eq!(first[0].attempts, 1);
    let settled = Settled { done: vec![first[0].lease], again: vec![(first[1].lease, 0)] };
    store.settle(settled).await.expect("settled");
    let second = take(&store).await;
    assert_eq!(bodies(&second), ["b"]);
    assert_eq!((second[0].attempts, &second[0].id), (2, &first[1].id));
    // An old lease says nothing any more.
    let old = Settled { done: vec![first[1].lease], again: Vec::new() };
    store.settle(old).await.expect("settled");
    assert_eq!(store.metrics().expect("read").count, 1);
    let done = Settled { done: vec![second[0].lease], again: Vec::new() };
    store.settle(done).await.expect("settled");
    assert_eq!(store.metrics().expect("read"), Metrics::default());
}

#[tokio::test]
async fn a_lease_ends_by_itself() {
    let folder = folder();
    let store = open(&folder);
    store.send(vec![message("a", 0)]).await.expect("sent");
    assert_eq!(store.take(1, usize::MAX, -1).await.expect("taken").len(), 1);
    assert_eq!(take(&store).await[0].attempts, 2);
}

#[tokio::test]
async fn what_a_process_had_taken_for_its_workers_is_free_when_it_is_gone() {
    let folder = folder();
    let store = open(&folder);
    store.send(vec![message("pushed", 0)]).await.expect("sent");
    assert_eq!(store.take_to_push(1, usize::MAX, 60_000).await.expect("taken").len(), 1);
    store.send(vec![message("pulled", 0)]).await.expect("sent");
    assert_eq!(bodies(&take(&store).await), ["pulled"]);
    drop(store);
    let store = open(&folder);
    assert_eq!(store.metrics().expect("read").count, 2);
    assert_eq!(store.metrics().expect("read").bytes, 12);
    assert_eq!(bodies(&take(&store).await), ["pushed"]);
}

#[tokio::test]
async fn a_batch_has_so_many_bytes() {
    let folder = folder();
    let store = open(&folder);
    let long = "x".repeat(100);
    store.send(vec![message(&long, 0), message("b", 0), message("c", 0)]).await.expect("sent");
    assert_eq!(store.take(10, 10, 60_000).await.expect("taken").len(), 1, "one always fits");
    assert_eq!(store.take(10, 1, 60_000).await.expect("taken").len(), 1);
}

#[tokio::test]
async fn a_queue_can_be_emptied_and_old_messages_go() {
    let folder = folder();
    let store = open(&folder);
    store.send(vec![message("a", 0), message("b", 0)]).await.expect("sent");
    store.purge().await.expect("purged");
    assert_eq!(store.metrics().expect("read"), Metrics::default());
    store.send(vec![message("old", 0)]).await.expect("sent");
    store.set_retention(0);
    Stored::upkeep(&store, u64::try_from(now()).expect("after 1970") / 1000 + 10);
    // The writer does one job after the other.
    store.send(vec![message("new", 0)]).await.expect("sent");
    assert_eq!(bodies(&take(&store).await), ["new"]);
}

#[tokio::test]
async fn former_ids_and_times_are_kept() {
    let folder = folder();
    let store = open(&folder);
    let former = Some(("f".repeat(32), 7));
    store.send(vec![NewMessage { former, ..message("a", 0) }]).await.expect("sent");
    let taken = take(&store).await;
    assert_eq!((taken[0].id.as_str(), taken[0].sent), ("f".repeat(32).as_str(), 7));
    assert_eq!(taken[0].lease, Lease { number: 1, attempt: 1 });
}
