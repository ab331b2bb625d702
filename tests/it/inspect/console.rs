//! What a Worker says, and what it throws, in the debugger's console.

use selvedge_runtime::InspectorStart;
use serde_json::json;

use super::{debug, request};
use crate::harness::Setup;

const TALKER: &str = "export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url);
    if (pathname === '/throw') throw new TypeError('thrown in fetch');
    if (pathname === '/later') ctx.waitUntil(later());
    if (pathname === '/reject') ctx.waitUntil(Promise.reject(new Error('rejected')));
    console.log('hello', { a: [1, 2] });
    console.warn('careful');
    return new Response('said');
  },
};
function later() {
  setTimeout(() => { throw new Error('thrown later'); }, 1);
  return scheduler.wait(50);
}
";

#[test]
fn console_calls_reach_debugger_and_log() {
    let server = Setup::new(TALKER).inspect(InspectorStart::AtOnce).start();
    let mut debugger = debug(&server);
    debugger.enable(&["Runtime"]);
    assert_eq!(server.text("/"), "said");
    let call = debugger.event("Runtime.consoleAPICalled");
    assert_eq!(call["type"], "log");
    assert_eq!(call["args"][0]["value"], "hello");
    // The frame on top is the Worker's, not the platform's.
    let top = &call["stackTrace"]["callFrames"][0];
    assert_eq!((&top["functionName"], &top["lineNumber"]), (&json!("fetch"), &json!(6)));
    let object = call["args"][1]["objectId"].as_str().expect("an object");
    let properties = debugger
        .call("Runtime.getProperties", json!({ "objectId": object, "ownProperties": true }));
    assert_eq!(properties["result"][0]["name"], "a");
    assert_eq!(debugger.event("Runtime.consoleAPICalled")["type"], "warning");
    server.logs.wait_text("hello { a: [ 1, 2 ] }");
    server.logs.wait_text("careful");

    // Who comes later sees what was said before.
    let mut late = debug(&server);
    late.enable(&["Runtime"]);
    assert_eq!(late.event("Runtime.consoleAPICalled")["args"][0]["value"], "hello");
}

#[test]
fn the_console_keeps_its_shape() {
    let server = Setup::new(
        "export default { fetch: () => Response.json([
          console.log.name, typeof console.profile, console.log.call(null) === undefined,
          Object.keys(console).includes('log'),
        ]) };",
    )
    .inspect(InspectorStart::AtOnce)
    .start();
    assert_eq!(server.get("/").json(), json!(["log", "function", true, true]));
}

#[test]
fn exceptions_that_nobody_caught_are_shown() {
    let server = Setup::new(TALKER).inspect(InspectorStart::AtOnce).start();
    let mut debugger = debug(&server);
    debugger.enable(&["Runtime"]);
    for (path, text, status) in [
        ("/throw", "TypeError: thrown in fetch", 500),
        ("/later", "Error: thrown later", 200),
        ("/reject", "Error: rejected", 200),
    ] {
        let answer = request(&server, path);
        let thrown = debugger.event("Runtime.exceptionThrown");
        let details = &thrown["exceptionDetails"];
        let said = details["text"].as_str().unwrap_or_else(|| panic!("{thrown}"));
        assert!(said.starts_with("Uncaught") && said.ends_with(text), "{said}");
        let url = details["url"].as_str().expect("a URL");
        assert!(url.starts_with("file:///") && url.ends_with("/worker/worker.js"), "{url}");
        assert_eq!(answer.join().expect("an answer").status, status, "{path}");
    }
}

#[test]
fn pausing_on_exceptions_works_for_those_of_handlers() {
    let server = Setup::new(TALKER).inspect(InspectorStart::AtOnce).start();
    let mut debugger = debug(&server);
    debugger.enable(&["Debugger"]);
    debugger.call("Debugger.setPauseOnExceptions", json!({ "state": "all" }));
    let answer = request(&server, "/throw");
    let paused = debugger.event("Debugger.paused");
    assert_eq!(paused["reason"], "promiseRejection");
    assert_eq!(paused["callFrames"][0]["functionName"], "fetch");
    debugger.call("Debugger.resume", json!({}));
    assert_eq!(answer.join().expect("an answer").status, 500);
}

#[test]
fn expressions_are_evaluated_with_await_and_without_a_request() {
    let server = Setup::new(TALKER).inspect(InspectorStart::AtOnce).start();
    let mut debugger = debug(&server);
    assert_eq!(debugger.evaluate("Promise.resolve(6).then((x) => x * 7)"), 42);
    let result = debugger.call("Runtime.evaluate", json!({ "expression": "setTimeout(() => {})" }));
    let said = result["exceptionDetails"]["exception"]["description"].as_str().expect("an error");
    assert!(said.contains("Disallowed operation called within global scope"), "{said}");
    // Code from text is the debugger's alone.
    assert_eq!(
        debugger
            .evaluate("(() => { try { return eval('1 + 1'); } catch (e) { return e.name; } })()"),
        2
    );
    let server_side = Setup::new(
        "export default { fetch() { try { return new Response(eval('1')); } catch (e) { return new Response(e.name); } } };",
    )
    .inspect(InspectorStart::AtOnce)
    .start();
    let mut other = debug(&server_side);
    assert_eq!(other.evaluate("1 + 1"), 2);
    assert_eq!(server_side.text("/"), "EvalError");
}

#[test]
fn source_maps_are_announced() {
    let map = "data:application/json;base64,eyJ2ZXJzaW9uIjozfQ==";
    let source = format!(
        "export default {{ fetch: () => new Response('x') }};\n//# sourceMappingURL={map}\n"
    );
    let server = Setup::new(&source).inspect(InspectorStart::AtOnce).start();
    let mut debugger = debug(&server);
    debugger.enable(&["Debugger"]);
    let script = debugger.event_that("Debugger.scriptParsed", |script| {
        script["url"].as_str().is_some_and(|url| url.ends_with("/worker.js"))
    });
    assert_eq!(script["sourceMapURL"], map);
}
