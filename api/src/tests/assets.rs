//! Static files.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{Method, StatusCode};
use selvedge_deployments::{DeploymentStore as _, Scope, WorkerKey};
use serde_json::{Value, json};

use super::fixture::{Fixture, form};

fn hash(digit: char) -> String {
    String::from(digit).repeat(32)
}

async fn session(fixture: &Fixture, manifest: Value) -> Value {
    let path = "/workers/scripts/site/assets-upload-session";
    fixture.post(path, json!({ "manifest": manifest })).await.ok()
}

async fn upload(
    fixture: &Fixture,
    token: &str,
    files: &[(&str, &str, &str)],
) -> super::fixture::Got {
    let files: Vec<(&str, &str, Vec<u8>)> = files
        .iter()
        .map(|(hash, kind, text)| (*hash, *kind, STANDARD.encode(text).into_bytes()))
        .collect();
    let parts: Vec<_> =
        files.iter().map(|(hash, kind, body)| (*hash, *kind, body.as_slice())).collect();
    let headers = [("content-type", "multipart/form-data; boundary=X")];
    let path = fixture.path("/workers/assets/upload?base64=true");
    fixture.send(Method::POST, &path, Some(token), &headers, form(&parts)).await
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a string")
}

#[tokio::test]
async fn files_are_uploaded_once_and_kept() {
    let fixture = Fixture::start().await;
    let (a, b) = (hash('a'), hash('b'));
    let manifest = json!({ "/index.html": { "hash": a, "size": 5 },
        "/copy.html": { "hash": a, "size": 5 }, "/x.bin": { "hash": b, "size": 3 } });
    let begun = session(&fixture, manifest.clone()).await;
    assert_eq!(begun["buckets"], json!([[a, b]]));
    let token = text(&begun["jwt"]).to_owned();
    let first = upload(&fixture, &token, &[(&a, "text/html", "<h1>!")]).await;
    assert_eq!(first.status, StatusCode::ACCEPTED);
    assert_eq!(first.ok()["jwt"], Value::Null);
    // What is not complete cannot be used.
    let metadata = json!({ "assets": { "jwt": token } });
    let parts = metadata.to_string();
    let half = [("metadata", "", parts.as_bytes())];
    let got = fixture.form(Method::PUT, "/workers/scripts/site", &half).await;
    assert_eq!(got.code(), 100_115);
    let last = upload(&fixture, &token, &[(&b, "application/null", "abc")]).await;
    assert_eq!(last.status, StatusCode::CREATED);
    let complete = text(&last.ok()["jwt"]).to_owned();

    let metadata = json!({ "compatibility_date": "2026-08-01", "assets": { "jwt": complete,
        "config": { "html_handling": "none", "run_worker_first": ["/api/*"],
            "_headers": "/*\n  X-A: b" } } });
    let metadata = metadata.to_string();
    let whole = [("metadata", "", metadata.as_bytes())];
    fixture.form(Method::PUT, "/workers/scripts/other", &whole).await.code();
    let made = fixture.form(Method::PUT, "/workers/scripts/site", &whole).await.ok();
    assert_eq!((&made["has_assets"], &made["has_modules"]), (&json!(true), &json!(false)));
    let key = WorkerKey::new(fixture.account.clone(), "site").expect("a name");
    let version = fixture.store.latest_version(&key).expect("read").expect("there");
    let assets = version.content.assets.expect("assets");
    assert_eq!(assets.manifest.len(), 3);
    let index = &assets.manifest["/index.html"];
    assert_eq!(index.content_type.as_deref(), Some("text/html"));
    assert_eq!(fixture.store.blob(&index.blob).expect("stored"), "<h1>!");
    assert_eq!(assets.manifest["/x.bin"].content_type, None);
    assert_eq!(assets.config.headers.as_deref(), Some("/*\n  X-A: b"));

    let again = session(&fixture, manifest).await;
    assert_eq!(again["buckets"], json!([]), "all are known");
    let keep = json!({ "keep_assets": true, "main_module": "index.js",
        "bindings": [{ "name": "ASSETS", "type": "assets" }] });
    fixture.version("site", keep).await.ok();
    let version = fixture.store.latest_version(&key).expect("read").expect("there");
    assert_eq!(version.content.assets.expect("kept").manifest.len(), 3);
    let metadata = json!({ "main_module": "index.js", "assets": { "jwt": again["jwt"] } });
    fixture.version("site", metadata).await.ok();
}

#[tokio::test]
async fn what_another_account_has_is_not_known() {
    let fixture = Fixture::start().await;
    let a = hash('a');
    let manifest = json!({ "/index.html": { "hash": a, "size": 5 } });
    let begun = session(&fixture, manifest.clone()).await;
    let token = text(&begun["jwt"]).to_owned();
    upload(&fixture, &token, &[(&a, "text/html", "<h1>!")]).await.ok();
    let (other, foreign) = fixture.other();
    let path = format!("/client/v4/accounts/{other}/workers/scripts/site/assets-upload-session");
    let body = json!({ "manifest": manifest }).to_string();
    let got = fixture.send(Method::POST, &path, Some(&foreign), &[], body).await.ok();
    assert_eq!(got["buckets"], json!([[a]]));
    // Nor is a session good for another account's path.
    let path = format!("/client/v4/accounts/{other}/workers/assets/upload/{a}");
    let got = fixture.send(Method::POST, &path, Some(&token), &[], "<h1>!").await;
    assert_eq!(got.code(), 10000);
}

#[tokio::test]
async fn files_that_do_not_fit_are_refused() {
    let fixture = Fixture::start().await;
    let (a, b) = (hash('a'), hash('b'));
    let begun = session(&fixture, json!({ "/a": { "hash": a, "size": 5 } })).await;
    let token = text(&begun["jwt"]).to_owned();
    assert_eq!(upload(&fixture, &token, &[(&a, "text/html", "12345678")]).await.code(), 100_107);
    assert_eq!(upload(&fixture, &token, &[(&b, "text/html", "12345")]).await.code(), 100_106);
    assert_eq!(upload(&fixture, "nonsense", &[]).await.code(), 100_115);
    let account_token = fixture.token(&[Scope::Deploy]);
    assert_eq!(upload(&fixture, &account_token, &[]).await.code(), 100_115);
    let path = fixture.path(&format!("/workers/assets/upload/{a}"));
    let got = fixture.send(Method::POST, &path, Some(&token), &[], "12345").await.ok();
    assert!(got["jwt"].is_string(), "one file as it is");
    for manifest in [
        json!({ "no-slash": { "hash": a, "size": 1 } }),
        json!({ "/a": { "hash": "short", "size": 1 } }),
        json!({ "/a": { "hash": a, "size": 26 * 1024 * 1024 } }),
        json!({ "/a": { "hash": a, "size": -1 } }),
        json!(7),
    ] {
        let path = "/workers/scripts/site/assets-upload-session";
        let got = fixture.post(path, json!({ "manifest": manifest })).await;
        assert!(got.status.is_client_error(), "{manifest}");
        got.code();
    }
    let empty = session(&fixture, json!({})).await;
    assert!(empty["jwt"].is_string() && empty["buckets"] == json!([]));
}
