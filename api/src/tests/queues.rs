//! Queues.

use http::StatusCode;
use serde_json::{Value, json};

use super::fixture::Fixture;

async fn queue(fixture: &Fixture, name: &str) -> String {
    let made = fixture.post("/queues", json!({ "queue_name": name })).await.ok();
    assert_eq!(made["queue_name"], name);
    format!("/queues/{}", made["queue_id"].as_str().expect("an id"))
}

#[tokio::test]
async fn queues_are_made_changed_and_deleted() {
    let fixture = Fixture::start().await;
    let path = queue(&fixture, "jobs").await;
    let taken = fixture.post("/queues", json!({ "queue_name": "jobs" })).await;
    assert_eq!((taken.status, taken.code()), (StatusCode::CONFLICT, 11_009));
    let wrong = fixture.post("/queues", json!({ "queue_name": "a/b" })).await;
    assert_eq!(wrong.status, StatusCode::BAD_REQUEST);
    let change = json!({ "settings": { "delivery_delay": 9, "delivery_paused": true } });
    let changed = fixture.patch(&path, change).await.ok();
    assert_eq!(
        changed["settings"],
        json!({ "delivery_delay": 9, "delivery_paused": true,
        "message_retention_period": 345_600 })
    );
    let change = json!({ "settings": { "message_retention_period": 1 } });
    assert_eq!(fixture.patch(&path, change).await.status, StatusCode::BAD_REQUEST);
    assert_eq!(fixture.get("/queues?name=jobs").await.ok()[0]["settings"]["delivery_delay"], 9);
    assert_eq!(fixture.get("/queues?name=job").await.ok(), json!([]), "names are whole");
    fixture.delete(&path).await.ok();
    assert_eq!(fixture.get(&path).await.code(), 11_000);
}

#[tokio::test]
async fn a_queue_has_one_consumer() {
    let fixture = Fixture::start().await;
    fixture.hello("api").await;
    let path = format!("{}/consumers", queue(&fixture, "jobs").await);
    let worker = |script: &str, size: u32| json!({ "type": "worker", "script_name": script, "settings": { "batch_size": size } });
    assert_eq!(fixture.post(&path, worker("none", 5)).await.code(), 10_007);
    assert_eq!(fixture.post(&path, worker("api", 500)).await.status, StatusCode::BAD_REQUEST);
    let made = fixture.post(&path, worker("api", 5)).await.ok();
    assert_eq!((&made["script"], &made["settings"]), (&json!("api"), &json!({ "batch_size": 5 })));
    assert_eq!(fixture.post(&path, worker("api", 5)).await.code(), 11_004);
    let one = format!("{path}/{}", made["consumer_id"].as_str().expect("an id"));
    let changed = fixture.put(&one, worker("api", 7)).await.ok();
    assert_eq!(changed["settings"], json!({ "batch_size": 7 }));
    assert_eq!(fixture.get(&path).await.ok()[0]["settings"]["batch_size"], 7);
    fixture.delete(&one).await.ok();
    assert_eq!(fixture.get(&one).await.code(), 11_001);
}

#[tokio::test]
async fn messages_are_sent_pulled_and_settled() {
    let fixture = Fixture::start().await;
    let dead = queue(&fixture, "dead").await;
    let path = queue(&fixture, "jobs").await;
    let call =
        async |what: &str, body: Value| fixture.post(&format!("{path}/messages{what}"), body).await;
    assert_eq!(call("/pull", json!({})).await.status, StatusCode::BAD_REQUEST, "nobody may");
    let consumer = json!({ "type": "http_pull", "dead_letter_queue": "dead",
        "settings": { "max_retries": 1 } });
    fixture.post(&format!("{path}/consumers"), consumer).await.ok();
    call("", json!({ "body": { "a": 1 } })).await.ok();
    call("", json!({ "body": "text", "content_type": "text" })).await.ok();
    let many = json!({ "messages": [{ "body": 1, "delay_seconds": 60 }] });
    call("/batch", many).await.ok();
    let long = json!({ "body": "x".repeat(128_001), "content_type": "text" });
    assert_eq!(call("", long).await.status, StatusCode::BAD_REQUEST);

    let pulled = call("/pull", json!({ "batch_size": 10 })).await.ok();
    let messages = pulled["messages"].as_array().expect("a list").clone();
    let bodies: Vec<_> = messages.iter().map(|it| it["body"].clone()).collect();
    assert_eq!(bodies, [json!("eyJhIjoxfQ=="), json!("text")], "JSON is base64 here");
    assert_eq!(
        (&messages[0]["attempts"], &pulled["message_backlog_count"]),
        (&json!(1), &json!(3))
    );
    let again = call("/pull", json!({})).await.ok();
    assert_eq!(again["messages"], json!([]), "they are somebody's");

    let settle = json!({ "acks": [{ "lease_id": messages[0]["lease_id"] }],
        "retries": [{ "lease_id": messages[1]["lease_id"] }] });
    let settled = call("/ack", settle).await.ok();
    assert_eq!((&settled["ackCount"], &settled["retryCount"]), (&json!(1), &json!(1)));
    for attempts in [2, 3] {
        let pulled = call("/pull", json!({ "visibility_timeout_ms": 0 })).await.ok();
        let messages = pulled["messages"].as_array().expect("a list");
        // The third time is one too many.
        assert_eq!(messages.len(), usize::from(attempts == 2), "{attempts}");
    }
    assert_eq!(fixture.get(&dead).await.ok()["backlog_count"], 1);
    fixture
        .post(&format!("{path}/purge"), json!({ "delete_messages_permanently": true }))
        .await
        .ok();
    assert_eq!(fixture.get(&path).await.ok()["backlog_count"], 0);
}
