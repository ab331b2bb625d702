//! Deployments, settings, deletion, tails.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use fastwebsockets::{FragmentCollector, Frame, OpCode, Payload};
use http::{Method, Request, StatusCode};
use http_body_util::Empty;
use hyper::upgrade::Upgraded;
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::fixture::Fixture;

async fn two_versions(fixture: &Fixture) -> (String, String) {
    let metadata = json!({ "main_module": "index.js" });
    let first = fixture.script("api", metadata.clone()).await.ok()["deployment_id"].clone();
    let second = fixture.version("api", metadata).await.ok()["id"].clone();
    let text = |id: Value| id.as_str().expect("an id").to_owned();
    (text(first), text(second))
}

const DEPLOYMENTS: &str = "/workers/scripts/api/deployments";

#[tokio::test]
async fn versions_get_their_shares() {
    let fixture = Fixture::start().await;
    let (first, second) = two_versions(&fixture).await;
    let split = |a: f64, b: f64| {
        json!({ "strategy": "percentage", "annotations": { "workers/message": "slowly" },
            "versions": [{ "version_id": first, "percentage": a },
                { "version_id": second, "percentage": b }] })
    };
    fixture.post(&format!("{DEPLOYMENTS}?force=true"), split(90.5, 9.5)).await.ok();
    let newest = fixture.get(DEPLOYMENTS).await.ok()["deployments"][0].clone();
    assert_eq!(newest["versions"][0]["percentage"], json!(90.5));
    assert_eq!(newest["annotations"]["workers/message"], "slowly");
    let one = format!("{DEPLOYMENTS}/{}", newest["id"].as_str().expect("an id"));
    assert_eq!(fixture.get(&one).await.ok(), newest);

    let none = "00000000-0000-4000-8000-000000000000";
    for (body, status) in [
        (split(50.0, 49.99), 400),
        (split(50.0, 50.001), 400),
        (split(-1.0, 101.0), 400),
        (json!({ "versions": [] }), 400),
        (json!({ "versions": [{ "version_id": none, "percentage": 100 }] }), 404),
        (json!({ "versions": [{ "version_id": "x", "percentage": 100 }] }), 404),
        (json!({ "strategy": "random", "versions": [] }), 400),
        (json!({}), 400),
    ] {
        let got = fixture.post(DEPLOYMENTS, body.clone()).await;
        assert_eq!(got.status, status, "{body}");
        assert_ne!(got.code(), 10007, "the Worker is there");
    }
    assert_eq!(fixture.get(DEPLOYMENTS).await.ok()["deployments"][0], newest);

    // Back to the first one.
    let back = json!({ "strategy": "percentage",
        "versions": [{ "version_id": first, "percentage": 100 }] });
    fixture.post(DEPLOYMENTS, back).await.ok();
    let list = fixture.get(DEPLOYMENTS).await.ok()["deployments"].clone();
    assert_eq!(list[0]["versions"], json!([{ "version_id": first, "percentage": 100 }]));
    assert_eq!(list[0]["annotations"]["workers/triggered_by"], "deployment");
    let versions = fixture.get("/workers/scripts/api/versions?deployable=true").await.ok();
    assert_eq!(versions["items"][0]["id"], json!(second), "newest first");
}

#[tokio::test]
async fn settings_beside_the_code_are_changed_at_once() {
    let fixture = Fixture::start().await;
    fixture.hello("api").await;
    fixture.hello("logger").await;
    let path = "/workers/scripts/api/script-settings";
    let absent = json!({ "tail_consumers": [{ "service": "absent" }] });
    assert_eq!(fixture.patch(path, absent).await.code(), 10143);
    let twice = json!({ "tail_consumers": [{ "service": "logger" }, { "service": "logger" }] });
    assert_eq!(fixture.patch(path, twice).await.code(), 10143);
    let body = json!({ "observability": { "enabled": true, "head_sampling_rate": 0.5 },
        "tags": ["cf:service=api"], "tail_consumers": [{ "service": "logger" }] });
    fixture.patch(path, body).await.ok();
    let producers = fixture.get("/workers/tails/by-consumer/logger").await.ok();
    assert_eq!(producers[0]["producer"]["service"], "api");
    let body = json!({ "logpush": true, "tail_consumers": null });
    let now = fixture.patch(path, body).await.ok();
    assert_eq!(now["observability"], json!({ "enabled": true, "head_sampling_rate": 0.5 }));
    assert_eq!((&now["tags"], &now["logpush"]), (&json!(["cf:service=api"]), &json!(true)));
    assert_eq!(now["tail_consumers"], json!([]));
    let body = json!({ "streaming_tail_consumers": [{ "service": "absent" }] });
    assert_eq!(fixture.patch(path, body).await.code(), 10143);
    let logger = json!([{ "service": "logger" }]);
    let body = json!({ "streaming_tail_consumers": logger });
    let now = fixture.patch(path, body).await.ok();
    assert_eq!(now["streaming_tail_consumers"], logger);
    let producers = fixture.get("/workers/tails/by-consumer/logger").await.ok();
    assert_eq!(producers[0]["producer"]["service"], "api");
    assert_eq!(fixture.get(path).await.ok(), now);
    let got = fixture.patch("/workers/scripts/api/settings", json!({ "bindings": [] })).await;
    assert_eq!(got.code(), 10021);
    assert_eq!(
        fixture.patch("/workers/scripts/none/script-settings", json!({})).await.code(),
        10007
    );
}

#[tokio::test]
async fn what_there_is_not_is_refused() {
    let fixture = Fixture::start().await;
    let exports = json!({ "default": { "type": "worker", "cache": { "enabled": 1 } } });
    for (key, value) in [
        ("cache_options", json!({ "enabled": "yes" })),
        ("exports", exports),
        ("containers", json!([{ "name": "c", "class_name": "A" }])),
        ("streaming_tail_consumers", json!([{ "service": "absent" }])),
        ("tail_consumers", json!([{ "service": "absent" }])),
    ] {
        let got = fixture.script("api", json!({ "main_module": "index.js", key: value })).await;
        assert!([10021, 10143].contains(&got.code()), "{key}: {}", got.code());
    }
    let off = json!({ "main_module": "index.js", "cache_options": { "enabled": false } });
    fixture.script("api", off).await.ok();
}

#[tokio::test]
async fn the_cache_before_a_worker_belongs_to_its_version() {
    let fixture = Fixture::start().await;
    let on = json!({ "enabled": true, "cross_version_cache": true });
    let exports = json!({ "default": { "type": "worker", "cache": { "enabled": false } } });
    let metadata = json!({ "main_module": "index.js", "cache_options": on, "exports": exports });
    fixture.script("api", metadata).await.ok();
    let settings = "/workers/scripts/api/settings";
    assert_eq!(fixture.get(settings).await.ok()["cache_options"], on);
    let versions = fixture.get("/workers/scripts/api/versions").await.ok();
    let id = versions["items"][0]["id"].as_str().expect("an id").to_owned();
    let version = fixture.get(&format!("/workers/scripts/api/versions/{id}")).await.ok();
    let runtime = &version["resources"]["script_runtime"];
    assert_eq!((&runtime["cache_options"], &runtime["exports"]), (&on, &exports));
    let refused = fixture.patch(settings, json!({ "cache_options": on })).await;
    assert_eq!(refused.code(), 10021);
    fixture.script("api", json!({ "main_module": "index.js" })).await.ok();
    assert!(fixture.get(settings).await.ok().get("cache_options").is_none());
}

#[tokio::test]
async fn a_worker_that_others_lead_to_is_deleted_by_force_only() {
    let fixture = Fixture::start().await;
    fixture.hello("auth").await;
    let bindings = json!([{ "name": "AUTH", "type": "service", "service": "auth" }]);
    fixture.script("api", json!({ "main_module": "index.js", "bindings": bindings })).await.ok();
    let references = fixture.get("/workers/scripts/auth/references").await.ok();
    assert_eq!(references["services"]["incoming"][0]["name"], "api");
    assert_eq!(fixture.get("/workers/tails/by-consumer/auth").await.ok(), json!([]));
    assert_eq!(fixture.delete("/workers/services/auth?force=false").await.code(), 10064);
    fixture.delete("/workers/services/auth?force=true").await.ok();
    assert_eq!(fixture.get("/workers/services/auth").await.code(), 10007);
    assert_eq!(fixture.delete("/workers/services/auth?force=true").await.code(), 10007);
    fixture.delete("/workers/scripts/api").await.ok();
    assert_eq!(fixture.get("/workers/scripts").await.ok(), json!([]));
}

// ----- Tails. -----

type Socket = FragmentCollector<TokioIo<Upgraded>>;

async fn connect(url: &str, protocol: &str) -> Result<Socket, StatusCode> {
    let rest = url.strip_prefix("ws://").expect("a WebSocket");
    let (host, path) = rest.split_once('/').expect("a path");
    let stream = TcpStream::connect(host).await.expect("connected");
    let request = Request::builder()
        .uri(format!("/{path}"))
        .header("host", host)
        .header("upgrade", "websocket")
        .header("connection", "upgrade")
        .header("sec-websocket-key", fastwebsockets::handshake::generate_key())
        .header("sec-websocket-version", "13")
        .header("sec-websocket-protocol", protocol)
        .body(Empty::<Bytes>::new())
        .expect("a request");
    let done = fastwebsockets::handshake::client(&TokioExecutor::new(), request, stream).await;
    match done {
        Ok((socket, response)) => {
            assert_eq!(response.headers()["sec-websocket-protocol"], "trace-v1");
            Ok(FragmentCollector::new(socket))
        }
        Err(fastwebsockets::WebSocketError::InvalidStatusCode(status)) => {
            Err(StatusCode::from_u16(status).expect("a status"))
        }
        Err(error) => panic!("{error}"),
    }
}

const PATIENCE: Duration = Duration::from_secs(30);

#[tokio::test]
async fn a_tail_shows_events_and_echoes_pings() {
    let fixture = Fixture::start().await;
    fixture.hello("api").await;
    let path = "/workers/scripts/api/tails";
    let body = json!({ "filters": [{ "outcome": ["ok"] }, { "sampling_rate": 1 }] });
    let tail = fixture.post(path, body).await.ok();
    let url = tail["url"].as_str().expect("a URL").to_owned();
    assert!(tail["expires_at"].is_string());
    assert_eq!(connect(&url, "other").await.err(), Some(StatusCode::UPGRADE_REQUIRED));
    let mut socket = connect(&url, "trace-v1").await.expect("connected");
    socket.write_frame(Frame::text(Payload::Borrowed(b"{\"debug\":false}"))).await.expect("sent");
    let ping = Frame::new(true, OpCode::Ping, None, Payload::Borrowed(b"wrangler tail ping"));
    socket.write_frame(ping).await.expect("sent");
    let pong = timeout(PATIENCE, socket.read_frame()).await.expect("in time").expect("a frame");
    assert_eq!((pong.opcode, &*pong.payload), (OpCode::Pong, &b"wrangler tail ping"[..]));

    let event = |outcome: &str| {
        json!({ "outcome": outcome, "scriptName": "api", "logs": [], "exceptions": [],
            "event": { "request": { "url": "http://a/", "method": "GET",
                "headers": { "cookie": "a=b", "accept": "*/*" } } } })
    };
    assert_eq!(fixture.host.event("api", event("exception")), 1);
    assert_eq!(fixture.host.event("api", event("ok")), 1);
    let frame = timeout(PATIENCE, socket.read_frame()).await.expect("in time").expect("a frame");
    let got: Value = serde_json::from_slice(&frame.payload).expect("JSON");
    assert_eq!(got["outcome"], "ok", "the other one was filtered out");
    assert_eq!(
        got["event"]["request"]["headers"],
        json!({ "cookie": "REDACTED", "accept": "*/*" })
    );
    assert_eq!(connect(&url, "trace-v1").await.err(), Some(StatusCode::NOT_FOUND), "one client");

    let id = tail["id"].as_str().expect("an id");
    let (_, foreign) = fixture.other();
    let own = fixture.path(&format!("{path}/{id}"));
    let refused = fixture.send(Method::DELETE, &own, Some(&foreign), &[], "").await;
    assert_eq!(refused.code(), 10000);
    fixture.delete(&format!("{path}/{id}")).await.ok();
    let end = timeout(PATIENCE, socket.read_frame()).await.expect("in time").expect("a frame");
    assert_eq!(end.opcode, OpCode::Close);
    assert_eq!(fixture.delete(&format!("{path}/{id}")).await.code(), 10005);
}

#[tokio::test]
async fn a_worker_has_at_most_ten_tails() {
    let fixture = Fixture::start().await;
    fixture.hello("api").await;
    let fixture = Arc::new(fixture);
    for _ in 0..10 {
        fixture.post("/workers/scripts/api/tails", json!({})).await.ok();
    }
    let got = fixture.post("/workers/scripts/api/tails", json!({})).await;
    assert_eq!(got.status, StatusCode::TOO_MANY_REQUESTS);
    let list = fixture.get("/workers/scripts/api/tails").await.ok();
    let id = list[0]["id"].as_str().expect("an id");
    assert!(list[0].get("url").is_none(), "an address is told once");
    fixture.delete(&format!("/workers/scripts/api/tails/{id}")).await.ok();
    fixture.post("/workers/scripts/api/tails", json!({})).await.ok();
    let body = json!({ "filters": [{ "sampling_rate": 3 }] });
    assert_eq!(fixture.post("/workers/scripts/api/tails", body).await.code(), 10004);
    assert_eq!(fixture.post("/workers/scripts/none/tails", json!({})).await.code(), 10007);
}
