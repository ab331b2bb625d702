//! The lists, and who may read them.

use selvedge_runtime::InspectorStart;
use serde_json::Value;

use super::cdp::{Debugger, handshake, parts};
use super::{SUM, inspector_url};
use crate::harness::{Client, Response, Setup};

fn get(url: &str, path: &str, headers: &str) -> Response {
    let (address, _) = parts(url);
    let mut client = Client::connect(address);
    client.send(format!("GET {path} HTTP/1.1\r\n{headers}\r\n"));
    client.response()
}

#[test]
fn the_worker_is_listed() {
    let server = Setup::new(SUM).inspect(InspectorStart::AtOnce).start();
    let url = inspector_url(&server);
    let (address, path) = parts(&url);
    for list in ["/json", "/json/list"] {
        let response = get(&url, list, &format!("host: {address}\r\n"));
        assert_eq!(response.status, 200);
        assert_eq!(response.header("content-type"), Some("application/json; charset=UTF-8"));
        let targets = response.json();
        assert_eq!(targets.as_array().map(Vec::len), Some(1), "{targets}");
        let target = &targets[0];
        assert_eq!(target["type"], "node");
        assert_eq!(target["title"], "worker");
        assert_eq!(target["webSocketDebuggerUrl"], url);
        assert!(target["url"].as_str().is_some_and(|it| it.ends_with("/worker/worker.js")));
        let frontend = target["devtoolsFrontendUrl"].as_str().expect("a URL");
        assert!(frontend.starts_with("devtools://") && frontend.ends_with(&path), "{frontend}");
    }
    // A debugger that comes through a tunnel is sent back through it.
    let forwarded = get(&url, "/json/list", "host: localhost:4444\r\n").json();
    assert_eq!(forwarded[0]["webSocketDebuggerUrl"], format!("ws://localhost:4444{path}"));
    let version = get(&url, "/json/version", "host: 127.0.0.1\r\n").json();
    assert!(version["Browser"].as_str().is_some_and(|it| it.starts_with("Selvedge/")));
    assert!(version["V8-Version"].as_str().is_some_and(|it| it.contains('.')), "{version}");
    for (path, status) in [("/", 404), ("/json/protocol", 404), ("/ws/other", 404), (&*path, 426)] {
        assert_eq!(get(&url, path, "host: localhost\r\n").status, status, "{path}");
    }
}

#[test]
fn pages_of_the_web_are_kept_out() {
    let server = Setup::new(SUM).inspect(InspectorStart::AtOnce).start();
    let url = inspector_url(&server);
    let (address, path) = parts(&url);
    for headers in [
        "host: evil.example\r\n",
        "host: evil.example:9229\r\n",
        "host: localhost\r\norigin: https://evil.example\r\n",
        "host: localhost\r\norigin: null\r\n",
    ] {
        let response = get(&url, "/json/list", headers);
        assert_eq!(response.status, 403, "{headers}");
        assert!(!response.text().contains(&path), "{}", response.text());
    }
    for headers in [
        &[("host", "evil.example")][..],
        &[("host", "localhost"), ("origin", "https://evil.example")],
    ] {
        assert_eq!(handshake(&mut Client::connect(address), &path, headers), 403, "{headers:?}");
    }
    let devtools = [("host", "localhost"), ("origin", "devtools://devtools")];
    assert_eq!(handshake(&mut Client::connect(address), &path, &devtools), 101);
}

#[test]
fn several_debuggers_see_the_same_worker() {
    let server = Setup::new(SUM).inspect(InspectorStart::AtOnce).start();
    let url = inspector_url(&server);
    let (mut one, mut other) = (Debugger::connect(&url), Debugger::connect(&url));
    one.evaluate("globalThis.left = 'by one'");
    assert_eq!(other.evaluate("left"), "by one");
    drop(one);
    assert_eq!(other.evaluate("left"), "by one");
    assert_eq!(server.text("/?a=1&b=2"), "3");
}

#[test]
fn what_is_no_command_is_answered_and_harms_nobody() {
    let server = Setup::new(SUM).inspect(InspectorStart::AtOnce).start();
    let mut debugger = Debugger::connect(&inspector_url(&server));
    for method in ["Network.enable", "Nothing.atAll", "", "Target.setAutoAttach"] {
        let id = debugger.send(method, Value::Null);
        let response = debugger.response(id);
        assert!(response["error"]["code"].is_number(), "{method}: {response}");
    }
    assert_eq!(debugger.evaluate("'\\u00fc\\u{1f600}' + 'ü😀'"), "ü😀ü😀");
    assert_eq!(server.text("/?a=1&b=2"), "3");
}

#[test]
fn nobody_listens_without_the_flag() {
    let server = Setup::new(SUM).start();
    assert_eq!(server.text("/?a=1&b=2"), "3");
    assert!(!server.logs.text().contains("debugger"), "{}", server.logs.text());
}
