//! A command that works: help, serving, stopping.

use std::process::Command;

use super::{folder, run};
use crate::harness::{Client, Program, selvedge};

const WORKER: &str = r#"
export default {
  async fetch(request) {
    console.log("begun");
    await scheduler.wait(Number(new URL(request.url).searchParams.get("wait")));
    return new Response("served");
  },
};
"#;

#[test]
fn help_and_version_go_to_stdout() {
    let folder = folder(&[]);
    let version = run(folder.path(), &["--version"]);
    assert_eq!(version.status.code(), Some(0));
    assert!(version.stdout.starts_with("selvedge "), "{}", version.stdout);
    for args in [&["--help"][..], &["run", "--help"], &["help", "run"]] {
        let help = run(folder.path(), args);
        assert_eq!(help.status.code(), Some(0), "{args:?}");
        assert!(help.stdout.contains("Usage:") && help.stderr.is_empty(), "{help:?}");
    }
    assert!(run(folder.path(), &["run", "--help"]).stdout.contains("--port"));
}

#[test]
fn completions_are_printed_for_every_shell() {
    let folder = folder(&[]);
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let ended = run(folder.path(), &["completions", shell]);
        assert_eq!(ended.status.code(), Some(0), "{shell}");
        assert!(ended.stdout.contains("selvedge"), "{shell}");
    }
}

#[cfg(unix)]
#[test]
fn ctrl_c_ends_what_is_in_flight_and_exits_with_0() {
    let folder = folder(&[("worker.js", WORKER)]);
    for signal in [libc::SIGINT, libc::SIGTERM] {
        let mut program = Program::selvedge(folder.path(), &["run", "worker.js", "--port", "0"]);
        let mut client = program.connect();
        client.send("GET /?wait=500 HTTP/1.1\r\nhost: a\r\n\r\n");
        crate::harness::eventually("it has begun", || {
            program.stdout.text().contains("begun").then_some(())
        });
        program.signal(signal);
        assert_eq!(client.response().text(), "served");
        assert!(client.is_closed());
        let ended = program.wait();
        assert_eq!(ended.status.code(), Some(0), "{ended:?}");
    }
}

#[cfg(unix)]
#[test]
fn a_second_ctrl_c_ends_at_once() {
    let folder = folder(&[("worker.js", WORKER)]);
    let mut program = Program::selvedge(folder.path(), &["run", "worker.js", "--port", "0"]);
    let mut client = program.connect();
    client.send("GET /?wait=60000 HTTP/1.1\r\nhost: a\r\n\r\n");
    crate::harness::eventually("it has begun", || {
        program.stdout.text().contains("begun").then_some(())
    });
    program.signal(libc::SIGINT);
    std::thread::sleep(std::time::Duration::from_millis(200));
    program.signal(libc::SIGINT);
    let ended = program.wait();
    assert_ne!(ended.status.code(), Some(0), "{ended:?}");
    assert!(client.is_closed());
}

#[cfg(unix)]
#[test]
fn a_worker_that_spins_does_not_hold_up_the_end() {
    let folder =
        folder(&[("worker.js", "export default { fetch() { console.log('begun'); for (;;); } };")]);
    let mut program = Program::selvedge(folder.path(), &["run", "worker.js", "--port", "0"]);
    let mut client = program.connect();
    client.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
    std::thread::sleep(std::time::Duration::from_millis(300));
    program.signal(libc::SIGINT);
    std::thread::sleep(std::time::Duration::from_millis(200));
    program.signal(libc::SIGINT);
    program.wait();
}

#[test]
fn configuration_of_a_folder_is_read() {
    let folder = folder(&[
        ("src/index.js", "export default { fetch: (request, env) => Response.json(env) };"),
        (
            "wrangler.jsonc",
            r#"{ // a comment
              "name": "configured", "main": "src/index.js", "compatibility_date": "2026-11-01",
              "vars": { "A": "top" },
              "env": { "staging": { "vars": { "A": "staging" } } },
            }"#,
        ),
    ]);
    for (args, value) in [
        (&["run", "--port", "0"][..], "top"),
        (&["run", "--port", "0", "--env", "staging"], "staging"),
    ] {
        let mut program = Program::selvedge(folder.path(), args);
        assert_eq!(program.connect().get("/").json()["A"], value);
    }
}

#[test]
fn a_copied_binary_works_alone() {
    let alone = tempfile::TempDir::new().expect("a temporary folder");
    let worker = folder(&[("worker.js", WORKER)]);
    let copy = alone.path().join("selvedge");
    std::fs::copy(selvedge(), &copy).expect("it can be copied");
    let mut command = Command::new(&copy);
    command.args(["run", "--port", "0"]).arg(worker.path().join("worker.js")).env_clear();
    let mut program = Program::start(command, alone.path());
    assert_eq!(program.connect().get("/?wait=1").text(), "served");
    let names: Vec<_> = std::fs::read_dir(alone.path())
        .expect("a folder")
        .filter_map(|entry| Some(entry.ok()?.file_name()))
        .collect();
    assert_eq!(names, ["selvedge"], "nothing is left in the current folder");
}

#[test]
fn a_folder_that_cannot_be_written_does_not_matter() {
    let folder = folder(&[("worker.js", WORKER), ("data", "a file where a folder should be")]);
    let args = ["run", "worker.js", "--port", "0", "--data-dir", "data"];
    let mut program = Program::selvedge(folder.path(), &args);
    assert_eq!(Client::connect(program.address()).get("/").text(), "served");
}

#[test]
fn warnings_name_keys_that_do_nothing() {
    let folder = folder(&[
        ("worker.js", WORKER),
        (
            "wrangler.toml",
            "name = \"x\"\nmain = \"worker.js\"\ncompatibility_date = \"2026-11-01\"\nmian = 1\n\
             [[vectorize]]\nbinding = \"KV\"\nindex_name = \"1\"\n",
        ),
    ]);
    let mut program = Program::selvedge(folder.path(), &["run", "--port", "0"]);
    program.address();
    let said = format!("{}{}", program.stdout.text(), program.stderr.text());
    assert!(said.contains("mian"), "{said}");
    assert!(said.contains("vectorize"), "{said}");
}
