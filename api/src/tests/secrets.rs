//! Secrets.

use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::fixture::Fixture;

const SECRETS: &str = "/workers/scripts/api/secrets";
const BULK: &str = "/workers/scripts/api/secrets-bulk";
const LATEST: &str = "/workers/workers/api/versions/latest";

fn secret(name: &str) -> Value {
    json!({ "name": name, "type": "secret_text", "text": "hunter2" })
}

#[tokio::test]
async fn secrets_come_and_go_and_never_come_back() {
    let fixture = Fixture::start().await;
    assert_eq!(
        fixture.put(SECRETS, secret("A")).await.code(),
        10007,
        "wrangler makes a draft then"
    );
    fixture.hello("api").await;
    let put = fixture.put(SECRETS, secret("A")).await.ok();
    assert_eq!(put, json!({ "name": "A", "type": "secret_text" }));
    let body = json!({ "secrets": { "B": secret("B"), "C/D": secret("C/D"), "NONE": null } });
    fixture.patch(BULK, body).await.ok();
    let names = |list: Value| -> Vec<String> {
        let list = list.as_array().expect("a list").clone();
        list.iter().map(|item| item["name"].as_str().expect("a name").to_owned()).collect()
    };
    assert_eq!(names(fixture.get(SECRETS).await.ok()), ["A", "B", "C/D"]);
    fixture.delete(&format!("{SECRETS}/C%2FD?url_encoded=true")).await.ok();
    fixture.patch(BULK, json!({ "secrets": { "B": null } })).await.ok();
    assert_eq!(names(fixture.get(SECRETS).await.ok()), ["A"]);
    assert_eq!(fixture.delete(&format!("{SECRETS}/B")).await.code(), 10056);
    assert_eq!(fixture.get(&format!("{SECRETS}/A")).await.ok()["name"], "A");
    let newest =
        fixture.get("/workers/scripts/api/deployments").await.ok()["deployments"][0].clone();
    assert_eq!(newest["annotations"]["workers/triggered_by"], "secret");
    for path in [SECRETS, "/workers/scripts/api/settings", "/workers/scripts/api/versions/latest"] {
        let got = fixture.get(path).await;
        assert!(got.status.is_success());
        assert!(!String::from_utf8_lossy(&got.body).contains("hunter2"), "{path}");
    }
}

#[tokio::test]
async fn a_secret_does_not_deploy_another_version_by_the_way() {
    let fixture = Fixture::start().await;
    fixture.hello("api").await;
    fixture.version("api", json!({ "main_module": "index.js" })).await.ok();
    assert_eq!(fixture.put(SECRETS, secret("A")).await.code(), 10215);
    let before = fixture.get("/workers/scripts/api/deployments").await.ok();
    let body = json!({ "env": { "A": { "type": "secret_text", "text": "x" }, "B": null },
        "annotations": { "workers/message": "a secret", "workers/tag": null } });
    let made = fixture.patch(LATEST, body).await.ok();
    assert_eq!(made["number"], 3);
    assert_eq!(made["annotations"]["workers/message"], "a secret");
    assert_eq!(made["resources"]["bindings"], json!([{ "name": "A", "type": "secret_text" }]));
    assert_eq!(fixture.get("/workers/scripts/api/deployments").await.ok(), before);
    assert_eq!(
        fixture.patch("/workers/workers/none/versions/latest", json!({})).await.code(),
        10007
    );
}

#[tokio::test]
async fn what_cannot_be_a_secret_is_refused() {
    let fixture = Fixture::start().await;
    let bindings = json!([{ "name": "VAR", "type": "plain_text", "text": "" }]);
    fixture.script("api", json!({ "main_module": "index.js", "bindings": bindings })).await.ok();
    assert_eq!(fixture.put(SECRETS, secret("VAR")).await.code(), 10053);
    assert_eq!(fixture.put(SECRETS, secret("")).await.code(), 10021);
    let large = json!({ "name": "A", "type": "secret_text", "text": "x".repeat(6000) });
    assert_eq!(fixture.put(SECRETS, large).await.code(), 10021);
    let other = json!({ "name": "A", "type": "secret_key", "text": "x" });
    assert_eq!(fixture.put(SECRETS, other).await.code(), 10021);
    let got = fixture.call(Method::PUT, SECRETS, json!({ "name": "A" })).await;
    assert_eq!((got.status, got.code()), (StatusCode::BAD_REQUEST, 6007));
    // All of them or none.
    let body = json!({ "secrets": { "GOOD": secret("GOOD"), "VAR": secret("VAR") } });
    assert_eq!(fixture.patch(BULK, body).await.code(), 10053);
    assert_eq!(fixture.get(SECRETS).await.ok(), json!([]));
}
