//! Bad input: exit code 1 and a text that helps, never a panic.

use std::path::Path;

use super::{folder, run};
use crate::harness::Ended;

const FINE: &str = "export default { fetch() { return new Response('x'); } };";

/// Asserts that `selvedge run` fails with all of these texts.
#[track_caller]
fn fails(folder: &Path, args: &[&str], says: &[&str]) -> Ended {
    let mut all = vec!["run", "--port", "0"];
    all.extend(args);
    let ended = run(folder, &all);
    assert_eq!(ended.status.code(), Some(1), "{args:?}: {ended:?}");
    for text in says {
        assert!(ended.stderr.contains(text), "{args:?} does not say {text:?}: {}", ended.stderr);
    }
    for text in ["panicked", "RUST_BACKTRACE", "\u{1b}["] {
        assert!(!ended.stderr.contains(text), "{args:?} says {text:?}: {}", ended.stderr);
    }
    assert!(ended.stderr.starts_with("error: "), "{}", ended.stderr);
    ended
}

#[test]
fn files_that_are_not_there() {
    let folder = folder(&[("worker.js", FINE)]);
    fails(folder.path(), &["missing.js"], &["missing.js"]);
    fails(folder.path(), &["wroker.js"], &["wroker.js", "worker.js"]);
    fails(folder.path(), &["worker.js", "--config", "missing.toml"], &["missing.toml"]);
    fails(folder.path(), &["worker.js", "--env", "staging"], &["staging"]);
}

#[test]
fn a_failed_start_is_explained_at_every_log_level() {
    let broken = folder(&[("worker.js", "throw new Error('it cannot start');")]);
    for level in ["off", "error"] {
        let args = ["run", "worker.js", "--port", "0", "--log-level", level];
        let ended = run(broken.path(), &args);
        assert_eq!(ended.status.code(), Some(1), "{ended:?}");
        assert!(ended.stderr.contains("it cannot start"), "{ended:?}");
        let json: Vec<_> = args.into_iter().chain(["--log-format", "json"]).collect();
        let ended = run(broken.path(), &json);
        assert_eq!(ended.status.code(), Some(1), "{ended:?}");
        let lines: Vec<serde_json::Value> = ended
            .stdout
            .lines()
            .map(|line| serde_json::from_str(line).expect("each line is JSON"))
            .collect();
        assert_eq!(lines.len(), 1, "{ended:?}");
        assert_eq!(lines[0]["level"], "error");
        let message = lines[0]["message"].as_str().expect("a message");
        assert!(message.contains("it cannot start"), "{message}");
    }
}

#[test]
fn folders_without_a_worker() {
    let empty = folder(&[]);
    fails(empty.path(), &[], &["Worker"]);
    fails(empty.path(), &["."], &["Worker"]);
    let other = folder(&[("notes.txt", "x")]);
    fails(other.path(), &["."], &["Worker"]);
}

#[test]
fn syntax_errors_show_the_place() {
    let folder = folder(&[
        ("worker.js", "export default {\n  fetch() {\n    const x = ;\n  },\n};\n"),
        ("helper.js", "import './broken.js';\nexport default { fetch() {} };"),
        ("broken.js", "let a = 1;\nlet a = 2;\n"),
        ("config.toml", "name = \"x\"\nmain = \n"),
        ("wrangler.json", "{ \"name\": \"x\", "),
    ]);
    fails(folder.path(), &["worker.js", "--config", "config.toml"], &["config.toml:2"]);
    std::fs::remove_file(folder.path().join("config.toml")).expect("it can be removed");
    fails(folder.path(), &["--config", "wrangler.json"], &["wrangler.json"]);
    std::fs::remove_file(folder.path().join("wrangler.json")).expect("it can be removed");
    fails(
        folder.path(),
        &["worker.js"],
        &["SyntaxError", "worker.js:3:15", "> 3 |     const x = ;"],
    );
    fails(folder.path(), &["helper.js"], &["broken.js:2:5", "> 2 | let a = 2;"]);
}

#[test]
fn workers_without_a_handler() {
    let folder = folder(&[
        ("nothing.js", "export const x = 1;"),
        ("empty.js", ""),
        ("script.js", "const x = 1;"),
        ("number.js", "export default 42;"),
        ("function.js", "export default function () {}"),
        ("string.js", "export default { fetch: 'not a function' };"),
        ("null.js", "export default null;"),
    ]);
    for name in ["nothing.js", "empty.js", "script.js"] {
        let place = format!("--> {name}:1:1");
        let expected = ["neither a default export nor a fetch listener", &place, "hint:"];
        fails(folder.path(), &[name], &expected);
    }
    fails(folder.path(), &["number.js"], &["default export", "number", "number.js:1:1", "> 1 |"]);
    fails(folder.path(), &["function.js"], &["default export", "function", "function.js:1:1"]);
    fails(folder.path(), &["null.js"], &["default export", "null", "null.js:1:1"]);
    fails(
        folder.path(),
        &["string.js"],
        &["\"fetch\"", "not a function", "string.js:1:18", "> 1 |"],
    );
}

#[test]
fn imports_that_lead_nowhere() {
    let folder = folder(&[
        ("missing.js", "import { x } from './util.js';\nexport default { fetch() {} };"),
        ("package.js", "\nimport x from 'hono';\nexport default { fetch() {} };"),
        ("node.js", "import fs from 'node:nothing';\nexport default { fetch() {} };"),
        ("name.js", "import { nope } from './has.js';\nexport default { fetch() {} };"),
        ("has.js", "export const yes = 1;"),
        ("types.ts", "export default { fetch(request: ) {} };"),
    ]);
    fails(folder.path(), &["missing.js"], &["./util.js", "missing.js:1:", "> 1 |"]);
    fails(folder.path(), &["package.js"], &["hono", "package.js:2:", "npm install hono"]);
    fails(folder.path(), &["node.js"], &["node:nothing", "node.js:1:"]);
    fails(folder.path(), &["name.js"], &["nope", "name.js:1:"]);
    fails(folder.path(), &["types.ts"], &["types.ts:1:", "> 1 |"]);
}

#[test]
fn global_scopes_that_throw_or_do_not_end() {
    let folder = folder(&[
        ("throw.js", "const a = 1;\nthrow new RangeError('at the top');\nexport default {};"),
        ("deep.js", "import './inner.js';\nexport default { fetch() {} };"),
        ("inner.js", "\n\nundefined.property;"),
        ("loop.js", "for (;;);\nexport default { fetch() {} };"),
        (
            "reject.js",
            "await Promise.reject(new Error('rejected'));\nexport default { fetch() {} };",
        ),
        ("recurse.js", "const f = () => f(); f();\nexport default { fetch() {} };"),
        ("timer.js", "setTimeout(() => {}, 1);\nexport default { fetch() {} };"),
    ]);
    fails(
        folder.path(),
        &["throw.js"],
        &["RangeError: at the top", "throw.js:2:7", "> 2 | throw new RangeError"],
    );
    fails(folder.path(), &["deep.js"], &["TypeError", "inner.js:3:11"]);
    fails(
        folder.path(),
        &["loop.js"],
        &["Script startup exceeded CPU time limit.", "--> loop.js:1:", "1000 ms"],
    );
    fails(folder.path(), &["reject.js"], &["Error: rejected"]);
    fails(folder.path(), &["recurse.js"], &["Maximum call stack size exceeded"]);
    fails(folder.path(), &["timer.js"], &["Disallowed operation called within global scope"]);
}

#[test]
fn a_port_that_is_taken_names_its_owner() {
    let folder = folder(&[("worker.js", FINE)]);
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = taken.local_addr().expect("it is bound").port().to_string();
    let ended = run(folder.path(), &["run", "worker.js", "--port", &port]);
    assert_eq!(ended.status.code(), Some(1));
    assert!(ended.stderr.contains("in use"), "{}", ended.stderr);
    assert!(ended.stderr.contains(&port), "{}", ended.stderr);
    if cfg!(target_os = "linux") {
        assert!(ended.stderr.contains(&std::process::id().to_string()), "{}", ended.stderr);
    }
    let ended = run(folder.path(), &["run", "worker.js", "--port", "0", "--host", "192.0.2.1"]);
    assert_eq!(ended.status.code(), Some(1));
    assert!(ended.stderr.contains("192.0.2.1"), "{}", ended.stderr);
}

#[test]
fn certificates_that_cannot_be_used() {
    let folder = folder(&[
        ("worker.js", FINE),
        ("garbage.pem", "not a certificate"),
        ("half.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"),
    ]);
    let certificate = crate::harness::Certificate::new().files();
    let other = crate::harness::Certificate::new().files();
    for file in [&certificate.certificate, &certificate.key] {
        let name = file.file_name().expect("a file");
        std::fs::copy(file, folder.path().join(name)).ok();
    }
    drop(other);
    for (cert, key) in [
        ("missing.pem", "missing.pem"),
        ("garbage.pem", "garbage.pem"),
        ("half.pem", "garbage.pem"),
        (".", "."),
    ] {
        fails(
            folder.path(),
            &["worker.js", "--tls-cert", cert, "--tls-key", key],
            [".pem"][..usize::from(cert != ".")].as_ref(),
        );
    }
    let ended = run(folder.path(), &["run", "worker.js", "--tls-cert", "garbage.pem"]);
    assert_eq!(ended.status.code(), Some(1));
    assert!(ended.stderr.contains("--tls-key"), "{}", ended.stderr);
}

#[test]
fn flags_that_do_not_exist() {
    let folder = folder(&[("worker.js", FINE)]);
    let ended = run(folder.path(), &["run", "worker.js", "--prot", "1"]);
    assert_eq!(ended.status.code(), Some(1));
    assert!(ended.stderr.contains("--port"), "{}", ended.stderr);
    for args in [
        &["--nonsense"][..],
        &["serve-me"],
        &["run", "worker.js", "--port", "70000"],
        &["run", "a.js", "b.js"],
        &[],
    ] {
        let ended = run(folder.path(), args);
        assert_eq!(ended.status.code(), Some(1), "{args:?}: {ended:?}");
        assert!(!ended.stderr.contains("panicked"), "{}", ended.stderr);
    }
}

#[test]
fn errors_in_json_are_json() {
    let folder = folder(&[]);
    let ended = run(folder.path(), &["run", "missing.js", "--log-format", "json"]);
    assert_eq!(ended.status.code(), Some(1));
    let line = ended.stdout.lines().last().expect("a line");
    let shown: serde_json::Value = serde_json::from_str(line).expect("JSON");
    assert_eq!(shown["level"], "error");
    assert!(shown["message"].as_str().is_some_and(|text| text.contains("missing.js")), "{shown}");
}
