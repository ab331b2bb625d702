//! The contract of [`KvStore`], run against every backend.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;

use super::{
    Answer, Attributes, Entry, KvStore, ListPage, ListQuery, MemoryStore, UnixSeconds, Value,
};
use crate::Error;

const NOW: UnixSeconds = 1_700_000_000;
const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

type Store = Arc<dyn KvStore>;

/// Runs each function once per backend.
macro_rules! contract {
    ($($name:ident)*) => {
        mod memory {
            $(#[tokio::test]
            async fn $name() {
                super::$name(std::sync::Arc::new(super::MemoryStore::new())).await;
            })*
        }

        mod sqlite {
            $(#[tokio::test]
            async fn $name() {
                let folder = tempfile::tempdir().expect("a folder");
                let store = super::sqlite_store(folder.path());
                super::$name(store.clone()).await;
                drop(store);
                // And the file can be opened again.
                super::sqlite_store(folder.path());
            })*
        }
    };
}

contract! {
    a_value_is_read_as_it_was_put
    the_largest_value_comes_and_goes_in_pieces
    a_put_replaces_value_and_attributes
    metadata_stays_as_it_was_put
    deleted_keys_are_gone_and_absent_ones_are_no_error
    an_entry_is_absent_from_its_expiration_on
    keys_are_listed_in_the_order_of_their_bytes
    a_prefix_is_taken_literally
    pages_are_full_until_the_last_one
    a_page_may_begin_anywhere
    expired_keys_take_no_room_in_a_page
    pages_meet_each_key_once_while_others_write
    keys_of_512_bytes_are_keys
    nothing_of_a_value_is_seen_before_the_commit
    a_dropped_writer_leaves_what_was_there
    a_value_that_is_being_read_stays
    one_of_many_writers_of_a_key_wins_whole
    an_acknowledged_write_is_seen_by_all_threads
    writes_count_in_the_order_of_their_calls
}

fn sqlite_store(folder: &std::path::Path) -> Store {
    use super::sqlite::SqliteStore;
    use selvedge_storage::data_dir::DataDir;

    let dir = Arc::new(DataDir::open(folder, "a test", NOW).expect("free"));
    Arc::new(SqliteStore::open(dir, &folder.join("contract.sqlite"), "contract").expect("opened"))
}

async fn answer<T>(answer: Answer<T>) -> Result<T, Error> {
    match answer {
        Answer::Ready(result) => result,
        Answer::Later(later) => later.await,
    }
}

async fn entry(store: &Store, key: &str) -> Option<Entry> {
    answer(store.get(key, NOW)).await.expect("readable")
}

async fn read(value: Value) -> Vec<u8> {
    match value {
        Value::Whole(bytes) => bytes.into(),
        Value::Pieces(mut reader) => {
            let mut all = Vec::new();
            while let Some(piece) = reader.next().await.expect("readable") {
                assert!(!piece.is_empty() && piece.len() <= MIB, "{}", piece.len());
                all.extend_from_slice(&piece);
            }
            assert_eq!(reader.length(), all.len() as u64);
            all
        }
    }
}

async fn value(store: &Store, key: &str) -> Option<Vec<u8>> {
    Some(read(entry(store, key).await?.value).await)
}

async fn put(store: &Store, key: &str, value: impl Into<Bytes>) {
    store.put(key.to_owned(), value.into(), Attributes::default()).await.expect("stored");
}

async fn put_expiring(store: &Store, key: &str, expiration: UnixSeconds) {
    let attributes = Attributes { expiration: Some(expiration), metadata: None };
    store.put(key.to_owned(), "x".into(), attributes).await.expect("stored");
}

async fn list(store: &Store, query: ListQuery) -> ListPage {
    answer(store.list(query, NOW)).await.expect("readable")
}

fn query(prefix: &str, after: Option<&str>, limit: usize) -> ListQuery {
    ListQuery { prefix: prefix.to_owned(), after: after.map(str::to_owned), limit }
}

fn names(page: &ListPage) -> Vec<&str> {
    page.keys.iter().map(|key| key.name.as_str()).collect()
}

/// Bytes that differ from place to place, and by `seed`.
fn pattern(length: usize, seed: usize) -> Vec<u8> {
    (0..length).map(|at| ((at / 251 + at + seed) % 256) as u8).collect()
}

async fn a_value_is_read_as_it_was_put(store: Store) {
    let sizes = [0, 1, 511, 512, 513, 4 * KIB, 64 * KIB - 1, 64 * KIB, 64 * KIB + 1];
    for size in sizes.into_iter().chain([256 * KIB - 1, 256 * KIB, 256 * KIB + 1, MIB + 3]) {
        let expected = pattern(size, 1);
        put(&store, "whole", expected.clone()).await;
        assert!(value(&store, "whole").await == Some(expected.clone()), "{size}");
        for step in [size.max(1), 100 * KIB, 300 * KIB] {
            let mut writer = store.put_pieces("pieces".to_owned(), Attributes::default());
            for piece in expected.chunks(step) {
                writer.write(Bytes::copy_from_slice(piece)).await.expect("written");
            }
            writer.commit().await.expect("stored");
            assert!(value(&store, "pieces").await.as_ref() == Some(&expected), "{size} by {step}");
        }
    }
    assert_eq!(value(&store, "other").await, None);
}

async fn the_largest_value_comes_and_goes_in_pieces(store: Store) {
    let expected = pattern(25 * MIB, 2);
    let mut writer = store.put_pieces("large".to_owned(), Attributes::default());
    for piece in expected.chunks(333_333) {
        writer.write(Bytes::copy_from_slice(piece)).await.expect("written");
    }
    writer.commit().await.expect("stored");
    let found = entry(&store, "large").await.expect("there");
    assert!(matches!(found.value, Value::Pieces(_)));
    assert!(read(found.value).await == expected);
    put(&store, "at once", expected.clone()).await;
    assert!(value(&store, "at once").await == Some(expected));
}

async fn a_put_replaces_value_and_attributes(store: Store) {
    let attributes = Attributes { expiration: Some(NOW + 100), metadata: Some("{\"a\":1}".into()) };
    let sizes = [3, 10 * KIB, 100 * KIB, 600 * KIB];
    for old in sizes {
        for new in sizes {
            store
                .put("key".to_owned(), pattern(old, 3).into(), attributes.clone())
                .await
                .expect("stored");
            let page = list(&store, query("", None, 10)).await;
            assert_eq!(page.keys[0].expiration, Some(NOW + 100));
            put(&store, "key", pattern(new, 4)).await;
            let found = entry(&store, "key").await.expect("there");
            assert_eq!(found.metadata, None);
            assert!(read(found.value).await == pattern(new, 4), "{old} to {new}");
            let page = list(&store, query("", None, 10)).await;
            assert_eq!((names(&page), page.keys[0].expiration), (vec!["key"], None));
        }
    }
}

async fn metadata_stays_as_it_was_put(store: Store) {
    for text in ["null", "\"\\u0000\u{e4}\u{1f600}\"", "{ \"spaces\" : [1, 2.50] }", "\"\u{0}\""] {
        let attributes = Attributes { expiration: None, metadata: Some(text.into()) };
        store.put("key".to_owned(), "v".into(), attributes).await.expect("stored");
        assert_eq!(entry(&store, "key").await.expect("there").metadata.as_deref(), Some(text));
        let page = list(&store, query("", None, 1)).await;
        assert_eq!(page.keys[0].metadata.as_deref(), Some(text));
    }
}

async fn deleted_keys_are_gone_and_absent_ones_are_no_error(store: Store) {
    for (key, size) in [("a", 1), ("b", 10 * KIB), ("c", MIB), ("d", 1)] {
        put(&store, key, pattern(size, 5)).await;
    }
    let keys = ["a", "b", "c", "none", "a"].map(str::to_owned);
    store.delete(keys.to_vec()).await.expect("deleted");
    store.delete(Vec::new()).await.expect("nothing to do");
    for key in ["a", "b", "c"] {
        assert_eq!(value(&store, key).await, None);
    }
    assert_eq!(names(&list(&store, query("", None, 10)).await), ["d"]);
}

async fn an_entry_is_absent_from_its_expiration_on(store: Store) {
    put_expiring(&store, "key", NOW + 1).await;
    assert!(answer(store.get("key", NOW)).await.expect("readable").is_some());
    assert!(answer(store.get("key", NOW + 1)).await.expect("readable").is_none());
    let page = answer(store.list(query("", None, 10), NOW + 1)).await.expect("readable");
    assert_eq!(page, ListPage { keys: Vec::new(), complete: true });
    put_expiring(&store, "past", 1).await;
    assert!(entry(&store, "past").await.is_none());
    put(&store, "key", "again").await;
    assert!(answer(store.get("key", NOW + 1)).await.expect("readable").is_some());
}

/// Keys that are hard for somebody, in the order of their bytes.
const ODD_KEYS: [&str; 21] = [
    "\0",
    "\0\0",
    "\t",
    " ",
    "\"",
    "%",
    "'",
    "*",
    "A",
    "Z",
    "_",
    "a",
    "a\0",
    "a b",
    "aa",
    "a\u{301}",
    "\u{e1}",
    "\u{d7ff}",
    "\u{e000}",
    "\u{ffff}",
    "\u{1f600}",
];

async fn keys_are_listed_in_the_order_of_their_bytes(store: Store) {
    for key in ODD_KEYS.iter().rev() {
        put(&store, key, key.as_bytes()).await;
    }
    for key in ODD_KEYS {
        assert_eq!(value(&store, key).await.as_deref(), Some(key.as_bytes()));
    }
    // UTF-16 would put the last one before the two that stand before it.
    assert_eq!(names(&list(&store, query("", None, 1000)).await), ODD_KEYS);
    let mut after = None;
    for key in ODD_KEYS {
        let page = list(&store, query("", after, 1)).await;
        assert_eq!(names(&page), [key]);
        after = Some(key);
    }
}

async fn a_prefix_is_taken_literally(store: Store) {
    let all = ["a%", "a%b", "a*", "aB", "a_", "a_b", "ab", "a\u{10ffff}", "a\u{10ffff}z", "b"];
    for key in all {
        put(&store, key, "x").await;
    }
    for prefix in ["", "a", "a%", "a*", "a_", "A", "ab", "abc", "a\u{10ffff}", "b", "c"] {
        let expected: Vec<_> = all.into_iter().filter(|key| key.starts_with(prefix)).collect();
        let page = list(&store, query(prefix, None, 100)).await;
        assert_eq!((names(&page), page.complete), (expected, true), "{prefix}");
    }
}

async fn pages_are_full_until_the_last_one(store: Store) {
    let all: Vec<_> = (0..250).map(|number| format!("key {number:03}")).collect();
    for key in &all {
        put(&store, key, "x").await;
    }
    for limit in [1, 7, 50, 249, 250, 251, 1000] {
        let mut found = Vec::new();
        let mut after: Option<String> = None;
        loop {
            let page = list(&store, query("key", after.as_deref(), limit)).await;
            found.extend(page.keys.iter().map(|key| key.name.clone()));
            assert_eq!(page.complete, found.len() == all.len(), "{limit}");
            if page.complete {
                break;
            }
            assert_eq!(page.keys.len(), limit);
            after = found.last().cloned();
        }
        assert_eq!(found, all);
    }
}

async fn a_page_may_begin_anywhere(store: Store) {
    for key in ["a", "b1", "b2", "c"] {
        put(&store, key, "x").await;
    }
    for (prefix, after, expected) in [
        ("b", "a", vec!["b1", "b2"]),
        ("b", "b", vec!["b1", "b2"]),
        ("b", "b1", vec!["b2"]),
        ("b", "b15", vec!["b2"]),
        ("b", "b2", vec![]),
        ("b", "z", vec![]),
        ("", "b", vec!["b1", "b2", "c"]),
        ("", "c", vec![]),
    ] {
        let page = list(&store, query(prefix, Some(after), 10)).await;
        assert_eq!((names(&page), page.complete), (expected, true), "{prefix} {after}");
    }
}

async fn expired_keys_take_no_room_in_a_page(store: Store) {
    let mut expected = Vec::new();
    for number in 0..3000 {
        let key = format!("{number:04}");
        if number % 1000 == 999 {
            put(&store, &key, "x").await;
            expected.push(key);
        } else {
            let attributes = Attributes { expiration: Some(NOW), metadata: None };
            drop(store.put(key, "x".into(), attributes));
        }
    }
    for (limit, complete) in [(2, false), (3, true), (500, true)] {
        let page = list(&store, query("", None, limit)).await;
        let first = &expected[..limit.min(3)];
        assert_eq!(
            (names(&page), page.complete),
            (first.iter().map(String::as_str).collect(), complete)
        );
    }
}

async fn pages_meet_each_key_once_while_others_write(store: Store) {
    let all: Vec<_> = (0..200).map(|number| format!("{number:03} stays")).collect();
    for key in &all {
        put(&store, key, "x").await;
    }
    let stop = Arc::new(AtomicBool::new(false));
    let (others, stopped) = (store.clone(), stop.clone());
    let thread = std::thread::spawn(move || {
        let mut round = 0;
        while !stopped.load(Ordering::Relaxed) {
            let key = format!("{:03} goes", (round * 37) % 200);
            futures::executor::block_on(others.put(key.clone(), "y".into(), Attributes::default()))
                .expect("stored");
            if round % 2 == 0 {
                futures::executor::block_on(others.delete(vec![key])).expect("deleted");
            }
            round += 1;
        }
    });
    for _ in 0..10 {
        let mut found = Vec::new();
        let mut after: Option<String> = None;
        loop {
            let page = list(&store, query("", after.as_deref(), 9)).await;
            after = page.keys.last().map(|key| key.name.clone());
            found.extend(page.keys.into_iter().map(|key| key.name));
            if page.complete {
                break;
            }
        }
        assert!(found.is_sorted());
        found.retain(|key| key.ends_with("stays"));
        assert_eq!(found, all);
    }
    stop.store(true, Ordering::Relaxed);
    thread.join().expect("no panic");
}

async fn keys_of_512_bytes_are_keys(store: Store) {
    let long = ["a".repeat(512), "\u{1f600}".repeat(128), format!("{}b", "a".repeat(511))];
    for key in &long {
        put(&store, key, key.clone()).await;
    }
    for key in &long {
        assert_eq!(value(&store, key).await, Some(key.clone().into_bytes()));
    }
    let page = list(&store, query(&long[0], None, 10)).await;
    assert_eq!(names(&page), [long[0].as_str()]);
    let page = list(&store, query("", Some(&long[0]), 10)).await;
    assert_eq!(names(&page), [long[2].as_str(), &long[1]]);
}

async fn nothing_of_a_value_is_seen_before_the_commit(store: Store) {
    put(&store, "key", "old").await;
    let mut writer = store.put_pieces("key".to_owned(), Attributes::default());
    let mut new = store.put_pieces("new".to_owned(), Attributes::default());
    for _ in 0..5 {
        writer.write(pattern(200 * KIB, 6).into()).await.expect("written");
        new.write(pattern(200 * KIB, 6).into()).await.expect("written");
        assert_eq!(value(&store, "key").await.as_deref(), Some(b"old".as_slice()));
        assert_eq!(names(&list(&store, query("", None, 10)).await), ["key"]);
    }
    writer.commit().await.expect("stored");
    new.commit().await.expect("stored");
    assert_eq!(value(&store, "key").await.map(|value| value.len()), Some(1000 * KIB));
    assert_eq!(names(&list(&store, query("", None, 10)).await), ["key", "new"]);
}

async fn a_dropped_writer_leaves_what_was_there(store: Store) {
    put(&store, "key", "old").await;
    for pieces in 0..3 {
        for key in ["key", "new"] {
            let mut writer = store.put_pieces(key.to_owned(), Attributes::default());
            for _ in 0..pieces {
                writer.write(pattern(300 * KIB, 7).into()).await.expect("written");
            }
        }
    }
    assert_eq!(value(&store, "key").await.as_deref(), Some(b"old".as_slice()));
    assert_eq!(value(&store, "new").await, None);
}

async fn a_value_that_is_being_read_stays(store: Store) {
    let old = pattern(MIB, 8);
    for deleted in [false, true] {
        put(&store, "key", old.clone()).await;
        let (first, second) = (entry(&store, "key").await, entry(&store, "key").await);
        let Some(Entry { value: Value::Pieces(mut reader), .. }) = first else {
            panic!("a large value comes in pieces");
        };
        let mut all = reader.next().await.expect("readable").expect("a piece").to_vec();
        if deleted {
            store.delete(vec!["key".to_owned()]).await.expect("deleted");
        } else {
            put(&store, "key", pattern(MIB, 9)).await;
        }
        // What comes later must not take its place.
        for number in 0..20 {
            put(&store, &format!("other {number}"), pattern(300 * KIB, number)).await;
        }
        while let Some(piece) = reader.next().await.expect("readable") {
            all.extend_from_slice(&piece);
        }
        assert!(all == old);
        reader.rewind();
        assert!(read(Value::Pieces(reader)).await == old);
        assert!(read(second.expect("found").value).await == old);
    }
    assert_eq!(value(&store, "key").await, None);
}

async fn one_of_many_writers_of_a_key_wins_whole(store: Store) {
    let sizes = [100, 2 * KIB, 100 * KIB, 700 * KIB];
    let threads: Vec<_> = (0..8)
        .map(|seed| {
            let store = store.clone();
            std::thread::spawn(move || {
                for round in 0..5 {
                    let bytes = pattern(sizes[(seed + round) % sizes.len()], seed);
                    let key = format!("key {round}");
                    futures::executor::block_on(store.put(
                        key,
                        bytes.into(),
                        Attributes::default(),
                    ))
                    .expect("stored");
                }
            })
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().expect("no panic"));
    for round in 0..5 {
        let found = value(&store, &format!("key {round}")).await.expect("there");
        let whole = (0..8).any(|seed| found == pattern(sizes[(seed + round) % sizes.len()], seed));
        assert!(whole, "{} bytes", found.len());
    }
}

async fn an_acknowledged_write_is_seen_by_all_threads(store: Store) {
    let (sender, receiver) = std::sync::mpsc::sync_channel::<(String, u32)>(0);
    let reader = store.clone();
    let thread = std::thread::spawn(move || {
        let mut seen = BTreeMap::new();
        for (key, number) in receiver {
            let Answer::Ready(Ok(Some(Entry { value: Value::Whole(value), .. }))) =
                reader.get(&key, NOW)
            else {
                panic!("{key} is not there");
            };
            assert_eq!(value, number.to_string());
            seen.insert(key, number);
        }
        seen.len()
    });
    for number in 0..300 {
        let key = format!("key {}", number % 10);
        put(&store, &key, number.to_string()).await;
        sender.send((key, number)).expect("the reader lives");
    }
    drop(sender);
    assert_eq!(thread.join().expect("no panic"), 10);
}

async fn writes_count_in_the_order_of_their_calls(store: Store) {
    let mut later = Vec::new();
    for number in 0..100 {
        later.push(store.put("key".to_owned(), number.to_string().into(), Attributes::default()));
        later.push(store.delete(vec!["gone".to_owned()]));
        later.push(store.put("gone".to_owned(), "x".into(), Attributes::default()));
    }
    later.push(store.delete(vec!["gone".to_owned()]));
    for result in futures::future::join_all(later).await {
        result.expect("stored");
    }
    assert_eq!(value(&store, "key").await.as_deref(), Some(b"99".as_slice()));
    assert_eq!(value(&store, "gone").await, None);
}
