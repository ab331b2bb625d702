//! D1.

use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::fixture::Fixture;

const DATABASES: &str = "/d1/database";

async fn database(fixture: &Fixture, name: &str) -> String {
    let made = fixture.post(DATABASES, json!({ "name": name })).await.ok();
    assert_eq!(made["name"], name);
    format!("{DATABASES}/{}", made["uuid"].as_str().expect("an id"))
}

#[tokio::test]
async fn databases_are_made_found_by_name_and_deleted() {
    let fixture = Fixture::start().await;
    let path = database(&fixture, "shop").await;
    database(&fixture, "other").await;
    let taken = fixture.post(DATABASES, json!({ "name": "shop" })).await;
    assert_eq!((taken.status, taken.code()), (StatusCode::CONFLICT, 7502));
    let found = fixture.get(&format!("{DATABASES}/shop?fields=uuid,name")).await.ok();
    assert_eq!(format!("{DATABASES}/{}", found["uuid"].as_str().expect("an id")), path);
    assert_eq!(fixture.get(&format!("{DATABASES}?name=oth")).await.ok()[0]["name"], "other");
    fixture.delete(&path).await.ok();
    let gone = fixture.get(&path).await;
    assert_eq!((gone.status, gone.code()), (StatusCode::NOT_FOUND, 7404));
    assert_eq!(
        fixture.post(&format!("{path}/query"), json!({ "sql": "SELECT 1" })).await.code(),
        7404
    );
}

#[tokio::test]
async fn queries_have_rows_figures_and_errors() {
    let fixture = Fixture::start().await;
    let path = database(&fixture, "shop").await;
    let query = async |body: Value| fixture.post(&format!("{path}/query"), body).await;
    let sql = "CREATE TABLE t (a, b); INSERT INTO t VALUES (1, 'x'), (2, NULL); SELECT * FROM t";
    let results = query(json!({ "sql": sql })).await.ok();
    assert_eq!(results.as_array().map(Vec::len), Some(3), "one for each statement");
    assert_eq!(results[1]["meta"]["changes"], 2);
    assert_eq!(results[2]["results"], json!([{ "a": 1, "b": "x" }, { "a": 2, "b": null }]));
    let bound = json!({ "sql": "SELECT ? AS a, ? AS b", "params": [7, "y"] });
    assert_eq!(query(bound).await.ok()[0]["results"], json!([{ "a": 7, "b": "y" }]));
    let raw = fixture.post(&format!("{path}/raw"), json!({ "sql": "SELECT a FROM t" })).await.ok();
    assert_eq!(raw[0]["results"], json!({ "columns": ["a"], "rows": [[1], [2]] }));
    let wrong = query(json!({ "sql": "INSERT INTO t VALUES (3, 3); nonsense" })).await;
    assert_eq!((wrong.status, wrong.code()), (StatusCode::BAD_REQUEST, 7500));
    assert!(wrong.message().contains("near \"nonsense\": syntax error"), "{}", wrong.message());
    let count = query(json!({ "sql": "SELECT count(*) AS n FROM t" })).await.ok();
    assert_eq!(count[0]["results"][0]["n"], 2, "nothing of it was done");
    let batch =
        json!({ "batch": [{ "sql": "SELECT 1 AS a" }, { "sql": "SELECT ? AS a", "params": [2] }] });
    assert_eq!(query(batch).await.ok()[1]["results"], json!([{ "a": 2 }]));
    assert_eq!(fixture.get(&path).await.ok()["num_tables"], 1);
}

#[tokio::test]
async fn what_is_exported_can_be_imported() {
    let fixture = Fixture::start().await;
    let from = database(&fixture, "from").await;
    let sql = "CREATE TABLE t (a); INSERT INTO t VALUES ('it''s')";
    fixture.post(&format!("{from}/query"), json!({ "sql": sql })).await.ok();
    let asked = json!({ "output_format": "polling", "dump_options": { "tables": [] } });
    let made = fixture.post(&format!("{from}/export"), asked).await.ok();
    assert_eq!(
        (&made["status"], &made["result"]["filename"]),
        (&json!("complete"), &json!("from.sql"))
    );
    let path = |address: &Value| {
        let address = address.as_str().expect("an address");
        format!("/client{}", address.split_once("/client").expect("a call").1)
    };
    let exported =
        fixture.send(Method::GET, &path(&made["result"]["signed_url"]), None, &[], "").await;
    let text = String::from_utf8(exported.body.to_vec()).expect("text");
    assert!(text.ends_with("INSERT INTO \"t\" (\"a\") VALUES('it''s');\n"), "{text}");

    let to = database(&fixture, "to").await;
    let step = async |body: Value| fixture.post(&format!("{to}/import"), body).await;
    let etag = "0f".repeat(16);
    let begun = step(json!({ "action": "init", "etag": etag })).await.ok();
    let upload = path(&begun["upload_url"]);
    let wrong = fixture.send(Method::PUT, &upload, None, &[], text.clone()).await;
    assert_eq!(wrong.status, StatusCode::BAD_REQUEST, "its hash is another one");
    let ingest = json!({ "action": "ingest", "etag": etag, "filename": begun["filename"] });
    assert_eq!(step(ingest).await.status, StatusCode::BAD_REQUEST, "nothing was sent");

    let digest = <md5::Md5 as md5::Digest>::digest(text.as_bytes());
    let etag: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    let begun = step(json!({ "action": "init", "etag": etag })).await.ok();
    let sent = fixture.send(Method::PUT, &path(&begun["upload_url"]), None, &[], text).await;
    assert_eq!(sent.headers["etag"], format!("\"{etag}\"").as_str());
    let ingest = json!({ "action": "ingest", "etag": etag, "filename": begun["filename"] });
    let done = step(ingest.clone()).await.ok();
    assert_eq!((&done["status"], &done["result"]["num_queries"]), (&json!("complete"), &json!(3)));
    assert_eq!(step(ingest).await.status, StatusCode::NOT_FOUND, "once");
    let rows = fixture.post(&format!("{to}/query"), json!({ "sql": "SELECT a FROM t" })).await.ok();
    assert_eq!(rows[0]["results"], json!([{ "a": "it's" }]));
    let none = fixture.send(Method::GET, "/client/v4/d1-transfers/none", None, &[], "").await;
    assert_eq!(none.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_database_goes_back_to_bookmarks_and_times() {
    let fixture = Fixture::start().await;
    let path = database(&fixture, "shop").await;
    let query =
        async |sql: &str| fixture.post(&format!("{path}/query"), json!({ "sql": sql })).await.ok();
    let bookmark = async |at: &str| fixture.get(&format!("{path}/time_travel/bookmark{at}")).await;
    let restore =
        async |to: &str| fixture.post(&format!("{path}/time_travel/restore?{to}"), json!({})).await;
    query("CREATE TABLE t (a); INSERT INTO t VALUES (1)").await;
    let first = bookmark("").await.ok()["bookmark"].as_str().expect("text").to_owned();
    let now = chrono::Utc::now().to_rfc3339_opts(chrono::SecondsFormat::Millis, true);
    let at = bookmark(&format!("?timestamp={now}")).await.ok();
    assert_eq!(at["bookmark"], first.as_str());
    query("DELETE FROM t").await;
    let restored = restore(&format!("bookmark={first}")).await.ok();
    assert_eq!(restored["bookmark"], first.as_str());
    let count = async || query("SELECT count(*) AS n FROM t").await[0]["results"][0]["n"].clone();
    assert_eq!(count().await, 1);
    let undo = restored["previous_bookmark"].as_str().expect("text");
    restore(&format!("bookmark={undo}")).await.ok();
    assert_eq!(count().await, 0);
    restore(&format!("timestamp={now}")).await.ok();
    assert_eq!(count().await, 1);
    for (got, why) in [
        (bookmark("?timestamp=yesterday").await, "no time of RFC 3339"),
        (bookmark("?timestamp=2999-01-01T00:00:00Z").await, "in the future"),
        (bookmark("?timestamp=2001-01-01T00:00:00Z").await, "30 days"),
        (restore("bookmark=x").await, "Not a bookmark of this database."),
        (restore("").await, "is needed"),
    ] {
        assert_eq!((got.status, got.code()), (StatusCode::BAD_REQUEST, 7500));
        assert!(got.message().contains(why), "{}", got.message());
    }
}
