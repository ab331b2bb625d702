use std::sync::Arc;

use selvedge_storage::data_dir::DataDir;
use serde_json::json;
use tempfile::TempDir;

use super::*;
use crate::query::{Answer, ask};

fn clock() -> i64 {
    1_700_000_000_123
}

fn open(folder: &TempDir) -> AnalyticsStore {
    let dir = DataDir::open(folder.path(), "test", 0).expect("it is free");
    AnalyticsStore::open(Arc::new(dir), clock).expect("it opens")
}

fn point(dataset: &str, blob: &str, double: f64) -> Point {
    Point {
        dataset: dataset.to_owned(),
        timestamp: clock(),
        index: Some("i".to_owned()),
        blobs: vec![Some(blob.to_owned()), None],
        doubles: vec![double],
    }
}

fn rows(store: &AnalyticsStore, account: &str, sql: &str) -> Vec<Vec<serde_json::Value>> {
    let Answer { rows, .. } = ask(&store.file_of(account), sql).expect("it may be asked");
    rows
}

#[test]
fn points_are_asked_for_by_dataset_and_account() {
    let folder = TempDir::new().expect("a folder");
    let store = open(&folder);
    let (one, other): (Arc<str>, Arc<str>) = ("".into(), "acc".into());
    store.write(&one, point("views", "/a", 1.5));
    store.write(&one, point("views", "/a", 2.0));
    store.write(&one, point("odd \"name'", "/b", 1.0));
    store.write(&other, point("views", "/other", 7.0));
    store.flush();
    let sql =
        "SELECT blob1, sum(double1), sum(_sample_interval), blob2, double20, timestamp, index1
               FROM views WHERE timestamp <= NOW() GROUP BY blob1";
    let expected = json!(["/a", 3.5, 2, "", 0.0, 1_700_000_000, "i"]);
    assert_eq!(json!(rows(&store, "", sql)), json!([expected]));
    assert_eq!(json!(rows(&store, "acc", "SELECT blob1 FROM views")), json!([["/other"]]));
    let odd = "SELECT count() FROM \"odd \"\"name'\"";
    assert_eq!(json!(rows(&store, "", odd)), json!([[1]]));
    store.forget("acc");
    ask(&store.file_of("acc"), "SELECT * FROM views").expect_err("there is none");
    assert_eq!(store.dropped(), 0);
}

#[test]
fn nothing_can_be_changed_or_seen_beside_the_points() {
    let folder = TempDir::new().expect("a folder");
    let store = open(&folder);
    store.write(&"".into(), point("views", "/a", 1.0));
    store.flush();
    for sql in [
        "DELETE FROM views",
        "DELETE FROM points",
        "DROP TABLE points",
        "SELECT * FROM sqlite_master",
        "PRAGMA query_only = false",
        "ATTACH '/etc/passwd' AS x",
        "SELECT load_extension('x')",
        "CREATE TABLE t (a)",
        "SELECT 1; SELECT 2",
        "SELECT * FROM nothing",
        "nonsense",
        "",
    ] {
        ask(&store.file_of(""), sql).expect_err(sql);
    }
    assert_eq!(rows(&store, "", "SELECT count() FROM views"), [[json!(1)]]);
}

#[test]
fn points_survive_the_store() {
    let folder = TempDir::new().expect("a folder");
    let store = open(&folder);
    for number in 0..1000 {
        store.write(&"".into(), point("views", "/a", f64::from(number)));
    }
    drop(store);
    let store = open(&folder);
    assert_eq!(
        json!(rows(&store, "", "SELECT count(), max(double1) FROM views")),
        json!([[1000, 999.0]])
    );
}

#[test]
fn answers_have_a_format() {
    let folder = TempDir::new().expect("a folder");
    let store = open(&folder);
    let write = |sql| ask(&store.file_of(""), sql).expect("it may be asked").write().1;
    let json: serde_json::Value =
        serde_json::from_str(&write("SELECT 1 AS one, 'x' AS text, 1.5 AS real")).expect("JSON");
    assert_eq!(json["data"], json!([{ "one": 1, "text": "x", "real": 1.5 }]));
    assert_eq!(json["meta"][2], json!({ "name": "real", "type": "Float64" }));
    assert_eq!(write("SELECT 1 AS a FORMAT JSONEachRow"), "{\"a\":1}\n");
    assert_eq!(write("SELECT 1, 'a\tb', NULL FORMAT TabSeparated"), "1\ta\\tb\t\\N\n");
}
