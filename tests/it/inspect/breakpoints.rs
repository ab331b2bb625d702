//! JavaScript that stands still, and goes on.

use std::time::Duration;

use selvedge_runtime::InspectorStart;
use serde_json::json;

use super::{SUM, debug, inspector_url, request};
use crate::harness::Setup;

#[test]
fn a_request_stops_at_a_breakpoint_and_is_answered_after_it() {
    let server = Setup::new(SUM).inspect(InspectorStart::AtOnce).start();
    let mut debugger = debug(&server);
    debugger.enable(&["Runtime", "Debugger"]);
    let script = debugger.event_that("Debugger.scriptParsed", |script| {
        script["url"].as_str().is_some_and(|url| url.ends_with("/worker.js"))
    });
    // The file on disk, so that an editor knows it.
    let url = script["url"].as_str().expect("a URL");
    assert!(url.starts_with("file:///") && url.ends_with("/worker/worker.js"), "{url}");
    debugger.break_at("worker.js", 9);
    let answer = request(&server, "/?a=3&b=4");
    let paused = debugger.event("Debugger.paused");
    let frames = paused["callFrames"].as_array().expect("frames");
    assert_eq!(frames[0]["functionName"], "add");
    assert_eq!(frames[0]["location"]["lineNumber"], 9);
    assert_eq!(frames[1]["functionName"], "fetch");
    assert_eq!(frames[0]["location"]["scriptId"], script["scriptId"]);
    assert_eq!(debugger.evaluate_in(&paused, "[a, b]"), json!([3, 4]));
    // Values can be changed.
    debugger.evaluate_in(&paused, "b = 10");
    debugger.call("Debugger.stepOver", json!({}));
    let stepped = debugger.event("Debugger.paused");
    assert_eq!(stepped["callFrames"][0]["location"]["lineNumber"], 10);
    assert_eq!(debugger.evaluate_in(&stepped, "sum"), 13);
    debugger.call("Debugger.stepOut", json!({}));
    let outside = debugger.event("Debugger.paused");
    assert_eq!(outside["callFrames"][0]["functionName"], "fetch");
    debugger.call("Debugger.resume", json!({}));
    debugger.event("Debugger.resumed");
    assert_eq!(answer.join().expect("an answer").text(), "13");
}

#[test]
fn a_breakpoint_that_is_removed_stops_nobody() {
    let server = Setup::new(SUM).inspect(InspectorStart::AtOnce).start();
    let mut debugger = debug(&server);
    debugger.enable(&["Debugger"]);
    let breakpoint = debugger.break_at("worker.js", 9);
    let answer = request(&server, "/?a=3&b=4");
    debugger.event("Debugger.paused");
    debugger.call("Debugger.removeBreakpoint", json!({ "breakpointId": breakpoint }));
    debugger.call("Debugger.resume", json!({}));
    assert_eq!(answer.join().expect("an answer").text(), "7");
    assert_eq!(server.text("/?a=1&b=1"), "2");
}

#[test]
fn stepping_does_not_lead_into_the_platform() {
    let server = Setup::new(
        "export default {
  async fetch(request) {
    debugger;
    const text = await new Response('x').text();
    return new Response(text);
  },
};
",
    )
    .inspect(InspectorStart::AtOnce)
    .start();
    let mut debugger = debug(&server);
    debugger.enable(&["Debugger"]);
    let script = debugger.event_that("Debugger.scriptParsed", |script| {
        script["url"].as_str().is_some_and(|url| url.ends_with("/worker.js"))
    });
    // What a debugger hides by itself must not uncover the platform.
    debugger.call("Debugger.setBlackboxPatterns", json!({ "patterns": ["/node_modules/"] }));
    let answer = request(&server, "/");
    debugger.event("Debugger.paused");
    let mut line = 2;
    while line < 4 {
        debugger.call("Debugger.stepInto", json!({}));
        let paused = debugger.event("Debugger.paused");
        let top = &paused["callFrames"][0];
        assert_eq!(top["location"]["scriptId"], script["scriptId"], "{top}");
        line = top["location"]["lineNumber"].as_u64().expect("a line");
    }
    assert_eq!(line, 4);
    debugger.call("Debugger.disable", json!({}));
    assert_eq!(answer.join().expect("an answer").text(), "x");
}

#[test]
fn a_debugger_that_vanishes_lets_the_request_go_on() {
    let server = Setup::new(SUM).inspect(InspectorStart::AtOnce).start();
    for _ in 0..3 {
        let mut debugger = debug(&server);
        debugger.enable(&["Debugger"]);
        debugger.break_at("worker.js", 9);
        let answer = request(&server, "/?a=3&b=4");
        debugger.event("Debugger.paused");
        // No close frame: the connection just ends.
        drop(debugger);
        assert_eq!(answer.join().expect("an answer").text(), "7");
    }
    assert_eq!(server.text("/?a=1&b=1"), "2");
}

#[test]
fn a_second_debugger_keeps_the_pause_of_the_first() {
    let server = Setup::new(SUM).inspect(InspectorStart::AtOnce).start();
    let (mut one, mut other) = (debug(&server), debug(&server));
    one.enable(&["Debugger"]);
    other.enable(&["Debugger"]);
    one.break_at("worker.js", 9);
    let answer = request(&server, "/?a=3&b=4");
    one.event("Debugger.paused");
    let paused = other.event("Debugger.paused");
    drop(one);
    assert_eq!(other.evaluate_in(&paused, "a"), 3);
    other.call("Debugger.resume", json!({}));
    assert_eq!(answer.join().expect("an answer").text(), "7");
}

#[test]
fn an_expression_stops_at_a_breakpoint_too() {
    let source = SUM.replace("function add", "globalThis.add = add;\nfunction add");
    let server = Setup::new(&source).inspect(InspectorStart::AtOnce).start();
    let mut debugger = debug(&server);
    debugger.enable(&["Runtime", "Debugger"]);
    debugger.break_at("worker.js", 10);
    let id = debugger.send("Runtime.evaluate", json!({ "expression": "add(20, 22)" }));
    let paused = debugger.event("Debugger.paused");
    assert_eq!(debugger.evaluate_in(&paused, "a"), 20);
    debugger.call("Debugger.resume", json!({}));
    assert_eq!(debugger.response(id)["result"]["result"]["value"], 42);

    // One whose debugger leaves in the middle of it.
    debugger.send("Runtime.evaluate", json!({ "expression": "add(1, 2); globalThis.went = 'on'" }));
    debugger.event("Debugger.paused");
    drop(debugger);
    assert_eq!(server.text("/?a=1&b=1"), "2");
    assert_eq!(debug(&server).evaluate("went"), "on");
}

#[test]
fn code_that_spins_can_be_paused_and_is_not_stopped_meanwhile() {
    let server = Setup::new(
        "export default {
  fetch(request) {
    globalThis.go = request.url.endsWith('/spin');
    while (globalThis.go);
    return new Response('done');
  },
};
",
    )
    .limits(|limits| limits.cpu = Duration::from_millis(50))
    .inspect(InspectorStart::AtOnce)
    .start();
    let mut debugger = debug(&server);
    debugger.enable(&["Debugger"]);
    let answer = request(&server, "/spin");
    // Far longer than its CPU limit.
    std::thread::sleep(Duration::from_millis(500));
    debugger.call("Debugger.pause", json!({}));
    let paused = debugger.event("Debugger.paused");
    debugger.evaluate_in(&paused, "globalThis.go = false");
    debugger.call("Debugger.resume", json!({}));
    assert_eq!(answer.join().expect("an answer").text(), "done");
    // Without a debugger the limit stands again.
    drop(debugger);
    assert_eq!(server.get("/spin").status, 503);
    assert_eq!(server.text("/"), "done");
}

#[test]
fn time_at_a_breakpoint_is_not_cpu_time() {
    let server = Setup::new(SUM)
        .limits(|limits| limits.cpu = Duration::from_millis(50))
        .inspect(InspectorStart::AtOnce)
        .start();
    let mut debugger = debug(&server);
    debugger.enable(&["Debugger"]);
    debugger.break_at("worker.js", 9);
    let answer = request(&server, "/?a=3&b=4");
    let paused = debugger.event("Debugger.paused");
    let spin = "for (const end = Date.now() + 300; Date.now() < end;); 'spun'";
    assert_eq!(debugger.evaluate_in(&paused, spin), "spun");
    // From here on the limit stands, and what the debugger did is not the request's.
    drop(debugger);
    assert_eq!(answer.join().expect("an answer").text(), "7");
    let line = server.logs.wait("the request", |line| line["kind"] == "request");
    assert!(line["cpu_ms"].as_f64().is_some_and(|cpu| cpu < 300.0), "{line}");
}

#[test]
fn a_server_that_stops_does_not_wait_for_a_debugger() {
    let server = Setup::new(SUM).inspect(InspectorStart::AtOnce).start();
    let url = inspector_url(&server);
    let mut debugger = debug(&server);
    debugger.enable(&["Debugger"]);
    debugger.break_at("worker.js", 9);
    let answer = request(&server, "/?a=3&b=4");
    debugger.event("Debugger.paused");
    server.join();
    assert_eq!(answer.join().expect("an answer").text(), "7");
    let (_, code) = debugger.end();
    assert_eq!(code, 1012);
    let (address, _) = super::cdp::parts(&url);
    assert!(std::net::TcpStream::connect(address).is_err());
}
