//! Workflows and their instances.

use http::StatusCode;
use selvedge_workflows::store::{Note, Times};
use serde_json::json;

use super::fixture::Fixture;
use crate::host::Host as _;

#[tokio::test]
async fn a_workflow_is_put_told_and_deleted() {
    let fixture = Fixture::start().await;
    assert_eq!(fixture.get("/workflows/orders").await.code(), 10_200);
    let wanted = json!({ "script_name": "shop", "class_name": "Order", "limits": { "steps": 5 } });
    assert_eq!(fixture.put("/workflows/orders", wanted.clone()).await.code(), 10_007);
    fixture.hello("shop").await;
    let made = fixture.put("/workflows/orders", wanted.clone()).await.ok();
    assert_eq!((&made["script_name"], &made["class_name"]), (&json!("shop"), &json!("Order")));
    assert_eq!(made["limits"]["steps"], 5);
    let id = made["id"].clone();
    let again = fixture.put("/workflows/orders", wanted.clone()).await.ok();
    assert_eq!(again["id"], id);
    assert_ne!(again["version_id"], made["version_id"], "each is a version");
    let versions = fixture.get("/workflows/orders/versions").await.ok();
    assert_eq!(versions.as_array().map(Vec::len), Some(2));
    assert_eq!(fixture.get("/workflows").await.ok()[0]["name"], "orders");
    let bad = fixture.put("/workflows/a%20b", wanted.clone()).await;
    assert_eq!(bad.status, StatusCode::BAD_REQUEST);
    let mut scheduled = wanted.clone();
    scheduled["schedules"] = json!([{ "cron": "61 * * * *" }]);
    let refused = fixture.put("/workflows/orders", scheduled.clone()).await;
    assert_eq!(refused.code(), 10100, "{refused:?}");
    scheduled["schedules"] = json!([{ "cron": "0 9 * * MON-FRI" }, { "cron": "* * * * *" }]);
    fixture.put("/workflows/orders", scheduled).await.ok();
    let shown = fixture.get("/workflows/orders").await.ok();
    assert_eq!(shown["schedules"], json!([{ "cron": "* * * * *" }, { "cron": "0 9 * * MON-FRI" }]));
    fixture.put("/workflows/orders", wanted).await.ok();
    assert_eq!(
        fixture.get("/workflows/orders").await.ok()["schedules"],
        json!([]),
        "none was said"
    );
    fixture.delete("/workflows/orders").await.ok();
    assert_eq!(fixture.get("/workflows").await.ok(), json!([]));
}

#[tokio::test]
async fn instances_are_asked_and_listed() {
    let fixture = Fixture::start().await;
    fixture.hello("shop").await;
    let wanted = json!({ "script_name": "shop", "class_name": "Order" });
    let workflow = fixture.put("/workflows/orders", wanted).await.ok();
    let base = "/workflows/orders/instances";
    let new = json!({ "instance_id": "one", "params": { "item": "tea" } });
    let made = fixture.post(base, new).await.ok();
    assert_eq!((&made["id"], &made["status"]), (&json!("one"), &json!("queued")));
    let unnamed = fixture.post(base, json!({})).await.ok();
    assert_eq!(unnamed["id"].as_str().map(str::len), Some(36));
    let bad = fixture.post(base, json!({ "instance_id": "a b" })).await;
    assert_eq!(bad.message(), "Workflow instance has invalid id");
    let index = fixture.host.workflows().expect("the index");
    for (id, created) in [("a", 1), ("b", 2), ("c", 3)] {
        let times = Times { created, ..Times::default() };
        let (instance, status) = (id.to_owned(), "complete".to_owned());
        let workflow = workflow["id"].as_str().expect("an id").to_owned();
        let note = Note { workflow, instance, status, version: None, times };
        index.note(note).await.expect("noted");
    }
    let page = fixture.get(&format!("{base}?per_page=2&status=complete")).await;
    let info = page.json()["result_info"].clone();
    assert_eq!((&info["count"], &info["total_count"]), (&json!(2), &json!(3)));
    assert_eq!(page.ok()[0]["id"], "c");
    let cursor = info["cursor"].as_str().expect("a cursor");
    let rest = fixture.get(&format!("{base}?per_page=2&cursor={cursor}")).await.ok();
    assert_eq!(rest[0]["id"], "a");
    let wrong = fixture.get(&format!("{base}?status=asleep")).await;
    assert_eq!(wrong.status, StatusCode::BAD_REQUEST);
    let status = |status: &str| json!({ "status": status });
    fixture.patch(&format!("{base}/one/status"), status("pause")).await.ok();
    let wrong = fixture.patch(&format!("{base}/one/status"), status("remove")).await;
    assert_eq!(wrong.status, StatusCode::BAD_REQUEST);
    assert_eq!(fixture.get(&format!("{base}/nobody")).await.status, StatusCode::NOT_FOUND);
    fixture.post(&format!("{base}/one/events/approval"), json!({ "by": "me" })).await.ok();
    let deleted = json!({ "instances": ["one", "nobody"] });
    let deleted = fixture.post(&format!("{base}/batch/delete"), deleted).await.ok();
    assert_eq!(
        (&deleted["deleted"][0]["id"], &deleted["errors"][0]["id"]),
        (&json!("one"), &json!("nobody"))
    );
    let asked = fixture.host.asked.lock().expect("not poisoned").clone();
    let event = asked.iter().find(|(_, command, _)| command == "sendEvent").expect("it was sent");
    assert_eq!(event.2, json!({ "type": "approval", "payload": { "by": "me" } }));
}
