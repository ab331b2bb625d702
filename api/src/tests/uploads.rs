//! Uploads of scripts.

use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::fixture::Fixture;

const MODULE: &str = "application/javascript+module";

#[tokio::test]
async fn the_first_deploy_is_answered_as_wrangler_reads_it() {
    let fixture = Fixture::start().await;
    assert_eq!(fixture.get("/workers/services/api").await.code(), 10007);
    assert_eq!(fixture.get("/workers/scripts/api/deployments").await.code(), 10007);
    assert_eq!(fixture.get("/workers/scripts/api/secrets").await.code(), 10007);
    let metadata = json!({
        "main_module": "index.js", "compatibility_date": "2026-08-01",
        "compatibility_flags": ["nodejs_compat"], "limits": { "cpu_ms": 100 },
        "bindings": [
            { "name": "GREETING", "type": "plain_text", "text": "hi" },
            { "name": "CFG", "type": "json", "json": { "a": 1 } },
            { "name": "ROOM", "type": "durable_object_namespace", "class_name": "Room" },
            { "name": "TOKEN", "type": "secret_text", "text": "hunter2" },
            { "name": "META", "type": "version_metadata" },
        ],
        "migrations": { "new_tag": "v1", "steps": [{ "new_sqlite_classes": ["Room"] }] },
        "keep_bindings": ["secret_text", "secret_key"],
        "observability": { "enabled": true }, "tags": ["a"],
        "annotations": { "workers/message": "first", "workers/tag": null },
        "something_new": { "is": "ignored" },
    });
    let made = fixture.script("api", metadata).await.ok();
    assert_eq!((&made["id"], &made["startup_time_ms"]), (&json!("api"), &json!(7)));
    assert_eq!(made["deployment_id"].as_str().map(str::len), Some(36));
    assert!(fixture.host.applied.lock().expect("not poisoned").contains(&"api".to_owned()));

    let service = fixture.get("/workers/services/api").await.ok();
    let script = &service["default_environment"]["script"];
    assert_eq!(script["last_deployed_from"], "wrangler");
    assert_eq!((&script["migration_tag"], &script["tags"]), (&json!("v1"), &json!(["a"])));
    assert_eq!(script["tag"].as_str().map(str::len), Some(32));

    let version = fixture.get("/workers/scripts/api/versions").await.ok()["items"][0].clone();
    assert_eq!((&version["id"], &version["number"]), (&made["deployment_id"], &json!(1)));
    assert_eq!(version["annotations"]["workers/message"], "first");
    let id = version["id"].as_str().expect("an id");
    let text = fixture.get(&format!("/workers/scripts/api/versions/{id}")).await;
    assert!(!String::from_utf8_lossy(&text.body).contains("hunter2"), "secrets stay inside");
    let whole = text.ok();
    assert_eq!(whole["resources"]["script"]["handlers"], json!(["fetch"]));
    assert_eq!(whole["resources"]["script_runtime"]["limits"], json!({ "cpu_ms": 100 }));
    assert_eq!(whole["resources"]["bindings"].as_array().map(Vec::len), Some(5));

    let deployments = fixture.get("/workers/scripts/api/deployments").await.ok();
    let newest = &deployments["deployments"][0];
    assert_eq!(newest["versions"], json!([{ "version_id": id, "percentage": 100 }]));
    assert_eq!((&newest["source"], &newest["author_email"]), (&json!("wrangler"), &json!("test")));

    let settings = fixture.get("/workers/scripts/api/settings").await;
    assert!(!String::from_utf8_lossy(&settings.body).contains("hunter2"));
    assert_eq!(settings.ok()["observability"]["enabled"], true);
    let list = fixture.get("/workers/scripts").await.ok();
    assert_eq!((&list[0]["id"], &list[0]["handlers"]), (&json!("api"), &json!(["fetch"])));
    let content = fixture.get("/workers/services/api/environments/production/content/v2").await;
    assert_eq!(content.headers["cf-entrypoint"], "index.js");
    assert!(String::from_utf8_lossy(&content.body).contains("export default {}"));
}

#[tokio::test]
async fn what_cannot_be_is_refused_with_its_code_and_changes_nothing() {
    let fixture = Fixture::start().await;
    fixture.hello("api").await;
    let with = |bindings: Value| json!({ "main_module": "index.js", "bindings": bindings });
    let kv = json!([{ "name": "KV", "type": "kv_namespace", "namespace_id": "f".repeat(32) }]);
    let class = json!([{ "name": "R", "type": "durable_object_namespace", "class_name": "No" }]);
    let twice = json!([{ "name": "A", "type": "plain_text", "text": "" },
        { "name": "A", "type": "json", "json": 1 }]);
    for (metadata, code, text) in [
        (json!({}), 10021, "neither \"main_module\" nor \"body_part\""),
        (json!({ "main_module": "other.js" }), 10021, "No such module \"other.js\"."),
        (json!({ "main_module": 7 }), 10021, "is not valid"),
        (
            with(json!([{ "name": "DB", "type": "d1", "id": "x" }])),
            10181,
            "D1 database 'x' not found.",
        ),
        (
            with(json!([{ "name": "Q", "type": "queue", "queue_name": "q" }])),
            10160,
            "Queue 'q' not found.",
        ),
        (
            with(json!([{ "name": "OLD", "type": "inherit" }])),
            10057,
            "inherit binding 'OLD' is invalid",
        ),
        (with(kv), 10041, "not found"),
        (with(class), 10061, "Cannot create binding for class 'No'"),
        (
            with(json!([{ "name": "S", "type": "service", "service": "none" }])),
            10143,
            "Target script 'none' not found",
        ),
        (with(json!([{ "name": "A", "type": "assets" }])), 10021, "needs assets"),
        (with(json!([{ "name": "W", "type": "wasm_module", "part": "w" }])), 10021, "is missing"),
        (with(twice), 10021, "two bindings have the name A"),
        (with(json!([{ "type": "json", "json": 1 }])), 10021, "has no name"),
        (json!({ "main_module": "index.js", "keep_assets": true }), 10021, "no assets"),
        (
            json!({ "main_module": "index.js", "containers": [{ "class_name": "C" }] }),
            10021,
            "\"containers\" is not supported",
        ),
        (json!({ "main_module": "index.js", "assets": { "jwt": "a.b.c" } }), 100_115, "not valid"),
        (
            json!({ "main_module": "index.js", "migrations": { "old_tag": "v9", "new_tag": "v10",
            "steps": [] } }),
            10079,
            "precondition failed",
        ),
    ] {
        let got = fixture.script("api", metadata.clone()).await;
        assert_eq!(got.code(), code, "{metadata}: {}", got.message());
        assert!(got.message().contains(text), "{metadata}: {}", got.message());
    }
    let versions = fixture.get("/workers/scripts/api/versions").await.ok();
    assert_eq!(versions["items"].as_array().map(Vec::len), Some(1));
    let got = fixture.script("Not_A_Name", json!({ "main_module": "index.js" })).await;
    assert_eq!(got.code(), 10016);
}

#[tokio::test]
async fn code_that_does_not_start_is_refused_with_its_stack() {
    let fixture = Fixture::start().await;
    let parts =
        [("metadata", "", &b"{\"main_module\":\"throws.js\"}"[..]), ("throws.js", MODULE, b"x")];
    let got = fixture.form(Method::PUT, "/workers/scripts/api", &parts).await;
    assert_eq!(got.code(), 10021);
    assert!(got.message().contains("throws.ts:1:7"), "{}", got.message());
    assert_eq!(fixture.get("/workers/services/api").await.code(), 10007, "nothing was changed");
}

#[tokio::test]
async fn code_that_nothing_can_wake_is_refused() {
    let fixture = Fixture::start().await;
    let parts =
        [("metadata", "", &b"{\"main_module\":\"empty.js\"}"[..]), ("empty.js", MODULE, b"x")];
    let got = fixture.form(Method::PUT, "/workers/scripts/api", &parts).await;
    assert_eq!(got.code(), 10068);
    assert_eq!(fixture.get("/workers/services/api").await.code(), 10007, "nothing was changed");
}

#[tokio::test]
async fn broken_bodies_change_nothing() {
    let fixture = Fixture::start().await;
    let path = fixture.path("/workers/scripts/api");
    let token = Some(fixture.token.as_str());
    let whole = super::fixture::form(&[
        ("metadata", "", b"{\"main_module\":\"index.js\"}"),
        ("index.js", MODULE, b"export default {}"),
    ]);
    let kind = [("content-type", "multipart/form-data; boundary=X")];
    for length in [0, 10, 60, whole.len() - 30, whole.len() - 8] {
        let half = whole[..length].to_vec();
        let got = fixture.send(Method::PUT, &path, token, &kind, half).await;
        assert_eq!(got.status, StatusCode::BAD_REQUEST, "{length}: {got:?}");
    }
    let got = fixture.send(Method::PUT, &path, token, &[], whole).await;
    assert_eq!(got.code(), 10026);
    for parts in [
        &[("index.js", MODULE, &b"x"[..])][..],
        &[("metadata", "", b"{")],
        &[("metadata", "", b"{\"main_module\":\"a\"}"), ("a", "image/png", b"x")],
        &[("metadata", "", b"{\"main_module\":\"a\"}"), ("a", "text/x-python", b"x")],
        &[("metadata", "", b"{\"main_module\":\"a\"}"), ("a", MODULE, b""), ("a", MODULE, b"")],
    ] {
        let got = fixture.form(Method::PUT, "/workers/scripts/api", parts).await;
        assert_eq!(got.code(), 10021, "{}", got.message());
    }
    assert_eq!(fixture.get("/workers/services/api").await.code(), 10007);
}

#[tokio::test]
async fn a_script_that_is_too_large_is_refused() {
    let fixture = Fixture::with(|options| options.script_bytes = 1000).await;
    let parts = |size| {
        [
            ("metadata", "", b"{\"main_module\":\"a.js\"}".to_vec()),
            ("a.js", MODULE, vec![b' '; size]),
        ]
    };
    for (size, status) in [
        (1000, StatusCode::OK),
        (1001, StatusCode::PAYLOAD_TOO_LARGE),
        (3_000_000, StatusCode::PAYLOAD_TOO_LARGE),
    ] {
        let parts = parts(size);
        let parts: Vec<_> =
            parts.iter().map(|(name, kind, body)| (*name, *kind, body.as_slice())).collect();
        let got = fixture.form(Method::PUT, "/workers/scripts/api", &parts).await;
        assert_eq!(got.status, status, "{size}");
        if status != StatusCode::OK {
            assert_eq!(got.code(), 10027);
        }
    }
}

#[tokio::test]
async fn an_account_stores_no_more_than_it_may() {
    let fixture = Fixture::with(|options| options.storage_bytes = Some(40)).await;
    fixture.hello("one").await;
    let got = fixture.script("two", json!({ "main_module": "index.js" })).await;
    got.ok();
    let parts =
        [("metadata", "", &b"{\"main_module\":\"a.js\"}"[..]), ("a.js", MODULE, &[b'x'; 40])];
    let got = fixture.form(Method::PUT, "/workers/scripts/three", &parts).await;
    assert_eq!((got.status, got.code()), (StatusCode::PAYLOAD_TOO_LARGE, 10027));
}

#[tokio::test]
async fn bindings_are_kept_and_inherited() {
    let fixture = Fixture::start().await;
    let metadata = json!({ "main_module": "index.js", "bindings": [
        { "name": "A", "type": "plain_text", "text": "1" },
        { "name": "S", "type": "secret_text", "text": "hunter2" },
        { "name": "T", "type": "secret_text", "text": "hunter3" },
    ] });
    fixture.script("api", metadata).await.ok();
    let names = |got: &Value| -> Vec<String> {
        let list = got["resources"]["bindings"].as_array().expect("a list").clone();
        list.iter().map(|binding| binding["name"].as_str().expect("a name").to_owned()).collect()
    };
    let metadata = json!({ "main_module": "index.js", "keep_bindings": ["secret_text"], "bindings": [
        { "name": "B", "type": "inherit", "old_name": "A" },
        { "name": "S2", "type": "inherit", "old_name": "S" },
        { "name": "T", "type": "plain_text", "text": "not a secret any more" },
    ] });
    let made = fixture.version("api", metadata).await.ok();
    assert_eq!(names(&made), ["B", "S2", "T", "S"]);
    assert_eq!(made["resources"]["bindings"][0]["text"], "1");
    assert!(made["resources"]["script"]["etag"].is_string(), "wrangler reads it");
    assert_eq!(made["number"], 2);
    let plain = fixture.version("api", json!({ "main_module": "index.js" })).await.ok();
    assert_eq!(names(&plain), ["S2", "S"], "secrets are kept unless it is said otherwise");
    let metadata = json!({ "main_module": "index.js", "keep_bindings": [] });
    let none = fixture.version("api", metadata).await.ok();
    assert!(names(&none).is_empty(), "nothing was to be kept");

    let key = selvedge_deployments::WorkerKey::new(fixture.account.clone(), "api").expect("a name");
    use selvedge_deployments::DeploymentStore as _;
    let id = made["id"].as_str().expect("an id").parse().expect("an id");
    let version = fixture.store.version(&key, id).expect("read").expect("there");
    let texts: Vec<String> = version
        .content
        .bindings
        .iter()
        .filter_map(|binding| {
            let selvedge_deployments::BindingKind::Secret(Some(secret)) = &binding.kind else {
                return None;
            };
            let text = fixture.store.reveal(&key, &binding.name, secret).expect("opened");
            Some(text.reveal().to_owned())
        })
        .collect();
    assert_eq!(texts, ["hunter2", "hunter2"]);
}

#[tokio::test]
async fn migrations_are_taken_once() {
    let fixture = Fixture::start().await;
    let room = json!([{ "name": "R", "type": "durable_object_namespace", "class_name": "Room" }]);
    let first = json!({ "main_module": "index.js", "bindings": room,
        "migrations": { "new_tag": "v1", "steps": [{ "new_sqlite_classes": ["Room"] }] } });
    fixture.script("api", first.clone()).await.ok();
    fixture.script("api", first.clone()).await.ok();
    let next = json!({ "main_module": "index.js", "bindings": room,
        "migrations": { "old_tag": "v1", "new_tag": "v2", "steps": [{ "new_classes": ["B"] }] } });
    fixture.script("api", next.clone()).await.ok();
    fixture.script("api", next).await.ok();
    let wrong = json!({ "main_module": "index.js",
        "migrations": { "old_tag": "v1", "new_tag": "v3", "steps": [] } });
    let got = fixture.script("api", wrong).await;
    assert_eq!((got.code(), got.status), (10079, StatusCode::PRECONDITION_FAILED));
    assert!(got.message().contains("current tag is 'v2'"), "{}", got.message());
    assert_eq!(fixture.version("api", first).await.code(), 10211);
    let namespaces = fixture.get("/workers/durable_objects/namespaces").await.ok();
    assert_eq!(namespaces.as_array().map(Vec::len), Some(2));
    let path = format!("/workers/durable_objects/namespaces/{}/objects", "0".repeat(32));
    let objects = fixture.get(&path).await;
    assert_eq!(objects.ok()[0]["hasStoredData"], true);
    assert_eq!(objects.json()["result_info"]["cursor"], "");
    let none = "/workers/durable_objects/namespaces/x/objects";
    assert_eq!(fixture.get(none).await.code(), 10066);
}
