//! Isolates that come and go behind the same target.

use selvedge_runtime::InspectorStart;
use serde_json::json;

use super::{Debugger, debug, inspector_url, request};
use crate::harness::Setup;

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
