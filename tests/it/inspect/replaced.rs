//! Isolates that come and go behind the same target.

use base64::Engine as _;
use selvedge_runtime::InspectorStart;
use serde_json::json;

use super::start::inspector_url as program_url;
use super::{Debugger, debug, inspector_url, request};
use crate::harness::{Client, Program, Setup, eventually};

const GLUTTON: &str = "const kept = [];
export default {
  fetch(request) {
    if (request.url.endsWith('/eat')) for (;;) kept.push(new Array(1e4).fill({}));
    return new Response('fine');
  },
};
";

#[test]
fn the_session_ends_and_the_target_stays() {
    let server = Setup::new(GLUTTON)
        .limits(|limits| limits.memory_bytes = 64 << 20)
        .inspect(InspectorStart::AtOnce)
        .start();
    let url = inspector_url(&server);
    let mut debugger = Debugger::connect(&url);
    debugger.enable(&["Runtime"]);
    assert_eq!(server.get("/eat").status, 503);
    let (messages, code) = debugger.end();
    assert_eq!(code, 1012);
    assert!(
        messages.iter().any(|it| it["method"] == "Runtime.executionContextDestroyed"),
        "{messages:?}"
    );
    // The same URL leads to the fresh isolate.
    let mut again = Debugger::connect(&url);
    again.enable(&["Debugger"]);
    again.break_at("worker.js", 4);
    let answer = request(&server, "/");
    again.event("Debugger.paused");
    again.call("Debugger.resume", json!({}));
    assert_eq!(answer.join().expect("an answer").text(), "fine");
}

#[test]
fn a_debugger_sees_memory_run_out_before_the_worker_is_stopped() {
    let server = Setup::new(GLUTTON)
        .limits(|limits| limits.memory_bytes = 64 << 20)
        .inspect(InspectorStart::AtOnce)
        .start();
    let mut debugger = debug(&server);
    debugger.enable(&["Debugger"]);
    let answer = request(&server, "/eat");
    // V8 pauses there by itself, or our own limit comes first: the request ends
    // either way.
    loop {
        match debugger.next() {
            Some(message) if message["method"] == "Debugger.paused" => {
                debugger.send("Debugger.resume", json!({}));
            }
            Some(_) => {}
            None => break,
        }
    }
    assert_eq!(answer.join().expect("an answer").status, 503);
    assert_eq!(server.text("/"), "fine");
}

#[test]
fn a_worker_that_is_reloaded_stays_the_same_target() {
    let folder = tempfile::TempDir::new().expect("a temporary folder");
    let write = |text: &str| {
        let source = format!("export default {{\n  fetch: () => new Response('{text}'),\n}};\n");
        std::fs::write(folder.path().join("worker.js"), source).expect("it can be written");
    };
    write("one");
    let args = ["dev", "worker.js", "--port", "0", "--inspect=0"];
    let mut program = Program::selvedge(folder.path(), &args);
    let url = program_url(&mut program);
    let address = program.address();
    let mut debugger = Debugger::connect(&url);
    debugger.enable(&["Runtime", "Debugger"]);
    debugger.break_at("worker.js", 1);
    // A request that stands at a breakpoint ends with the Worker that it is in.
    let mut client = Client::connect(address);
    client.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
    debugger.event("Debugger.paused");
    write("two");
    assert_eq!(debugger.end().1, 1012);
    assert_eq!(client.response().text(), "one");
    eventually("the change is served", || {
        (Client::connect(address).get("/").text() == "two").then_some(())
    });
    let mut again = Debugger::connect(&url);
    again.enable(&["Debugger"]);
    again.break_at("worker.js", 1);
    let mut client = Client::connect(address);
    client.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
    again.event("Debugger.paused");
    again.call("Debugger.resume", json!({}));
    assert_eq!(client.response().text(), "two");
}

#[test]
fn a_bundle_brings_the_map_to_its_sources() {
    let folder = tempfile::TempDir::new().expect("a temporary folder");
    let source = "export default { fetch: (): Response => new Response(\"typed\" as string) };\n";
    std::fs::write(folder.path().join("worker.ts"), source).expect("it can be written");
    let args = ["dev", "worker.ts", "--port", "0", "--inspect=0"];
    let mut program = Program::selvedge(folder.path(), &args);
    let mut debugger = Debugger::connect(&program_url(&mut program));
    debugger.enable(&["Debugger"]);
    let script = debugger.event_that("Debugger.scriptParsed", |script| {
        script["sourceMapURL"].as_str().is_some_and(|url| url.starts_with("data:"))
    });
    // Editors follow maps of scripts in the project's folder only.
    let url = script["url"].as_str().expect("a URL");
    let name = folder.path().file_name().expect("a name").to_str().expect("text");
    assert!(url.ends_with(&format!("/{name}/.selvedge/bundle/worker.js")), "{url}");
    let url = script["sourceMapURL"].as_str().expect("a URL");
    let (_, encoded) = url.split_once("base64,").expect("in base64");
    let map = base64::engine::general_purpose::STANDARD.decode(encoded).expect("base64");
    let map: serde_json::Value = serde_json::from_slice(&map).expect("JSON");
    let root = map["sourceRoot"].as_str().expect("a root");
    assert!(root.starts_with("file:///") && root.ends_with(&format!("/{name}/")), "{root}");
    assert_eq!(map["sources"], json!(["worker.ts"]));
    assert_eq!(map["sourcesContent"], json!([source]));
}
