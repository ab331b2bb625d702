//! Where time and memory go.

use selvedge_runtime::InspectorStart;
use serde_json::{Value, json};

use super::debug;
use crate::harness::Setup;

#[test]
fn a_cpu_profile_names_the_function_that_works() {
    let server = Setup::new(
        "function toil(end) { let n = 0; while (Date.now() < end) n++; return n; }
export default { fetch: () => new Response(`${toil(Date.now() + 200) > 0}`) };
",
    )
    .inspect(InspectorStart::AtOnce)
    .start();
    let mut debugger = debug(&server);
    debugger.enable(&["Profiler"]);
    debugger.call("Profiler.start", json!({}));
    assert_eq!(server.text("/"), "true");
    let profile = debugger.call("Profiler.stop", json!({}))["profile"].take();
    let nodes = profile["nodes"].as_array().expect("nodes");
    let toil = nodes
        .iter()
        .find(|node| node["callFrame"]["functionName"] == "toil")
        .unwrap_or_else(|| panic!("not in the profile: {nodes:?}"));
    let url = toil["callFrame"]["url"].as_str().expect("a URL");
    assert!(url.ends_with("/worker/worker.js"), "{url}");
    assert!(toil["hitCount"].as_u64().is_some_and(|hits| hits > 10), "{toil}");
    assert!(profile["samples"].as_array().is_some_and(|samples| samples.len() > 10));
}

#[test]
fn a_heap_snapshot_comes_in_chunks() {
    let server = Setup::new(
        "class Needle { x = 1; }
globalThis.kept = Array.from({ length: 3 }, () => new Needle());
export default { fetch: () => new Response('x') };
",
    )
    .inspect(InspectorStart::AtOnce)
    .start();
    let mut debugger = debug(&server);
    debugger.enable(&["HeapProfiler"]);
    let snapshot = take_snapshot(&mut debugger);
    let strings = snapshot["strings"].as_array().expect("strings");
    assert!(strings.iter().any(|text| text == "Needle"));
    assert_eq!(server.text("/"), "x");
}

#[test]
fn a_heap_snapshot_can_be_taken_at_a_breakpoint() {
    let server = Setup::new(super::SUM).inspect(InspectorStart::AtOnce).start();
    let mut debugger = debug(&server);
    debugger.enable(&["Debugger", "HeapProfiler"]);
    debugger.break_at("worker.js", 9);
    let answer = super::request(&server, "/?a=3&b=4");
    debugger.event("Debugger.paused");
    assert!(take_snapshot(&mut debugger)["nodes"].is_array());
    debugger.call("Debugger.resume", json!({}));
    assert_eq!(answer.join().expect("an answer").text(), "7");
}

fn take_snapshot(debugger: &mut super::Debugger) -> Value {
    let id = debugger.send("HeapProfiler.takeHeapSnapshot", json!({ "reportProgress": true }));
    let mut text = String::new();
    let mut chunks = 0;
    let mut progress = 0;
    loop {
        let message = debugger.next().expect("the session goes on");
        if message["id"] == id {
            assert!(message["error"].is_null(), "{message}");
            break;
        }
        match message["method"].as_str() {
            Some("HeapProfiler.addHeapSnapshotChunk") => {
                text.push_str(message["params"]["chunk"].as_str().expect("a text"));
                chunks += 1;
            }
            Some("HeapProfiler.reportHeapSnapshotProgress") => progress += 1,
            _ => {}
        }
    }
    assert!(chunks > 1 && progress > 0, "{chunks} chunks, {progress} times progress");
    serde_json::from_str(&text).expect("the chunks are one JSON text")
}
