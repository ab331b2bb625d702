use serde_json::{Value, json};

use super::*;
use crate::{Level, UnixMillis};

fn now() -> UnixMillis {
    1_000_000
}

fn store(folder: &Path) -> LogStore {
    let mut options = Options::new(folder.join("logs"), now);
    options.retention = Duration::from_secs(100);
    LogStore::open(options).expect("it opens")
}

fn record(account: &str, script: &str, at: UnixMillis, text: &str) -> Record {
    let item = json!({ "outcome": "ok", "logs": [{ "level": "log", "message": [text] }] });
    Record {
        account: account.into(),
        script: script.into(),
        version: Some("v1".into()),
        at,
        item: Arc::new(item),
    }
}

fn all() -> Query {
    Query { limit: 100, ..Query::default() }
}

fn texts(page: &Page) -> Vec<String> {
    let text = |item: &Value| {
        let text = item.pointer("/logs/0/message/0").and_then(Value::as_str);
        text.unwrap_or_default().to_owned()
    };
    page.items.iter().map(text).collect()
}

fn found(store: &LogStore, account: &str, query: &Query) -> Vec<String> {
    texts(&store.query(account, query).expect("it can be asked"))
}

#[test]
fn events_come_back_newest_first_and_only_to_their_account() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = store(folder.path());
    store.write(record("a", "w", 1, "first"));
    store.write(record("a", "w", 2, "second"));
    store.write(record("b", "w", 3, "foreign"));
    store.flush();
    assert_eq!(found(&store, "a", &all()), ["second", "first"]);
    assert_eq!(found(&store, "b", &all()), ["foreign"]);
    assert!(found(&store, "c", &all()).is_empty());
    assert!(store.query("../a", &all()).is_err());
    assert_eq!(store.dropped(), 0);
}

#[test]
fn each_condition_counts() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = store(folder.path());
    store.write(record("a", "w", 10, "Needle in hay"));
    store.write(record("a", "x", 20, "hay"));
    let mut failed = record("a", "w", 30, "needle");
    failed.item = Arc::new(json!({ "outcome": "exception",
        "logs": [{ "level": "log", "message": ["boom"] }] }));
    failed.version = None;
    store.write(failed);
    store.flush();
    let with = |edit: fn(&mut Query)| {
        let mut query = all();
        edit(&mut query);
        found(&store, "a", &query)
    };
    assert_eq!(with(|query| query.script = Some("x".into())), ["hay"]);
    assert_eq!(with(|query| query.text = Some("NEEDLE".into())), ["Needle in hay"]);
    assert_eq!(with(|query| query.level = Some(Level::Error)), ["boom"]);
    assert_eq!(with(|query| query.outcome = Some("ok".into())), ["hay", "Needle in hay"]);
    assert_eq!(with(|query| query.version = Some("v1".into())), ["hay", "Needle in hay"]);
    assert_eq!(with(|query| query.since = Some(20)), ["boom", "hay"]);
    assert_eq!(with(|query| query.until = Some(20)), ["Needle in hay"]);
}

#[test]
fn pages_join_without_gap_or_repetition_also_within_one_millisecond() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = store(folder.path());
    for number in 0..25 {
        store.write(record("a", "w", 100 + number / 10, &number.to_string()));
    }
    store.flush();
    let mut query = Query { limit: 7, ..Query::default() };
    let mut seen = Vec::new();
    loop {
        let page = store.query("a", &query).expect("it can be asked");
        seen.extend(texts(&page));
        query.cursor = page.cursor;
        if query.cursor.is_none() {
            break;
        }
    }
    let expected: Vec<_> = (0..25).rev().map(|number: i32| number.to_string()).collect();
    assert_eq!(seen, expected);
    query.cursor = Some("x".into());
    assert!(matches!(store.query("a", &query), Err(Error::Invalid(_))));
}

#[test]
fn what_is_old_goes_and_what_is_too_much_goes_from_the_oldest() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut options = Options::new(folder.path().join("logs"), now);
    options.retention = Duration::from_secs(100);
    options.max_bytes_per_account = 512 * 1024;
    let store = LogStore::open(options).expect("it opens");
    store.write(record("a", "w", now() - 100_001, "old"));
    store.write(record("a", "w", now(), "new"));
    store.flush();
    store.tidy();
    assert_eq!(found(&store, "a", &all()), ["new"]);
    for number in 0..4000 {
        store.write(record("a", "w", now() + 1 + number, &"x".repeat(200)));
    }
    store.flush();
    store.tidy();
    let newest = store.query("a", &Query { limit: 1, ..Query::default() }).expect("an answer");
    assert_eq!(newest.items.len(), 1);
    let oldest = Query { until: Some(now() + 1), limit: 1, ..Query::default() };
    assert!(found(&store, "a", &oldest).is_empty());
}

#[test]
fn what_was_queued_is_on_disk_after_a_stop_and_a_forgotten_account_is_not() {
    let folder = tempfile::tempdir().expect("a folder");
    let first = store(folder.path());
    first.write(record("a", "w", 1, "kept"));
    drop(first);
    let second = store(folder.path());
    assert_eq!(found(&second, "a", &all()), ["kept"]);
    second.forget("a");
    assert!(found(&second, "a", &all()).is_empty());
    second.write(record("a", "w", 2, "again"));
    second.flush();
    assert_eq!(found(&second, "a", &all()), ["again"]);
}
