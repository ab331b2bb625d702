//! Workers that wait for a debugger, and the flags of the real command.

use serde_json::json;
use tempfile::TempDir;

use super::Debugger;
use crate::harness::{Program, eventually};

const GREETER: &str = "const greeting = 'hello';
globalThis.started = true;
export default { fetch: () => new Response(greeting) };
";

fn worker() -> TempDir {
    let folder = TempDir::new().expect("a temporary folder");
    std::fs::write(folder.path().join("worker.js"), GREETER).expect("it can be written");
    folder
}

/// Where debuggers connect, as the program says.
pub(super) fn inspector_url(program: &mut Program) -> String {
    eventually("debuggers may connect", || {
        assert!(program.ended().is_none(), "{}", program.stderr.text());
        let said = program.stdout.text();
        let at = said.find("ws://")?;
        said[at..].split_once('\n').map(|(url, _)| url.trim().to_owned())
    })
}

#[test]
fn a_worker_that_breaks_on_start_waits_and_stops_at_its_first_statement() {
    let folder = worker();
    let args = ["run", "worker.js", "--port", "0", "--inspect-brk=0"];
    let mut program = Program::selvedge(folder.path(), &args);
    let mut debugger = Debugger::connect(&inspector_url(&mut program));
    assert!(program.stdout.text().contains("waiting for a debugger"));
    debugger.enable(&["Runtime", "Debugger"]);
    assert_eq!(debugger.evaluate("typeof started"), "undefined");
    assert!(!program.stdout.text().contains("ready"), "{}", program.stdout.text());
    debugger.call("Runtime.runIfWaitingForDebugger", json!({}));
    let paused = debugger.event("Debugger.paused");
    let script = debugger.event_that("Debugger.scriptParsed", |script| {
        script["url"].as_str().is_some_and(|url| url.ends_with("/worker.js"))
    });
    let top = &paused["callFrames"][0];
    assert_eq!(top["location"]["scriptId"], script["scriptId"], "{top}");
    assert_eq!(top["location"]["lineNumber"], 0);
    debugger.call("Debugger.stepOver", json!({}));
    let stepped = debugger.event("Debugger.paused");
    assert_eq!(stepped["callFrames"][0]["location"]["lineNumber"], 1);
    assert_eq!(debugger.evaluate_in(&stepped, "greeting"), "hello");
    debugger.call("Debugger.resume", json!({}));
    assert_eq!(program.connect().get("/").text(), "hello");
}

#[test]
fn a_worker_that_waits_sees_breakpoints_that_were_set_before_it_started() {
    let folder = worker();
    let args = ["run", "worker.js", "--port", "0", "--inspect-wait=127.0.0.1:0"];
    let mut program = Program::selvedge(folder.path(), &args);
    let mut debugger = Debugger::connect(&inspector_url(&mut program));
    debugger.enable(&["Runtime", "Debugger"]);
    debugger.break_at("worker.js", 1);
    debugger.call("Runtime.runIfWaitingForDebugger", json!({}));
    let paused = debugger.event("Debugger.paused");
    assert_eq!(paused["callFrames"][0]["location"]["lineNumber"], 1);
    debugger.call("Debugger.resume", json!({}));
    assert_eq!(program.connect().get("/").text(), "hello");
}

#[cfg(unix)]
#[test]
fn ctrl_c_ends_a_worker_that_waits_for_a_debugger() {
    let folder = worker();
    let args = ["run", "worker.js", "--port", "0", "--inspect-brk=0"];
    let mut program = Program::selvedge(folder.path(), &args);
    inspector_url(&mut program);
    program.signal(libc::SIGINT);
    assert_eq!(program.wait().status.code(), Some(0));
}

#[cfg(unix)]
#[test]
fn ctrl_c_ends_a_worker_that_is_paused() {
    let folder = worker();
    let args = ["run", "worker.js", "--port", "0", "--inspect=0"];
    let mut program = Program::selvedge(folder.path(), &args);
    let mut debugger = Debugger::connect(&inspector_url(&mut program));
    debugger.enable(&["Debugger"]);
    debugger.break_at("worker.js", 2);
    let mut client = program.connect();
    client.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
    debugger.event("Debugger.paused");
    program.signal(libc::SIGINT);
    assert_eq!(client.response().text(), "hello");
    assert_eq!(program.wait().status.code(), Some(0));
}

#[test]
fn a_port_that_is_taken_is_named() {
    let folder = worker();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = taken.local_addr().expect("it is bound").port();
    let flag = format!("--inspect={port}");
    let args = ["run", "worker.js", "--port", "0", &flag];
    let ended = Program::selvedge(folder.path(), &args).wait();
    assert_eq!(ended.status.code(), Some(1));
    let said = &ended.stderr;
    for text in [&format!("127.0.0.1:{port}"), "the port is in use", "--inspect="] {
        assert!(said.contains(text), "{said}");
    }
}
