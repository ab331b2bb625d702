//! `ctx.facets`, also of classes that a Worker Loader gave. What is expected is what
//! workerd answers to the same Worker.

use serde_json::Value;
use tempfile::TempDir;

use crate::dev::Dev;
use crate::harness::{Client, Program};

const WORKER: &str = include_str!("facets.js");

const CONFIG: &str = r#"
    name = "facets"
    main = "worker.js"
    compatibility_date = "2026-11-01"
    worker_loaders = [{ binding = "LOADER" }]
    durable_objects.bindings = [{ name = "D", class_name = "D" }]
    migrations = [{ tag = "v1", new_sqlite_classes = ["D"] }]
    "#;

fn start() -> Dev {
    Dev::start(&[("worker.js", WORKER), ("wrangler.toml", CONFIG)], &["-c", "wrangler.toml"])
}

fn check(path: &str, expected: &[(&str, &str)]) {
    let dev = start();
    let answer = dev.get(path);
    assert_eq!(answer.status, 200, "{}", answer.text());
    let all: Vec<(String, String)> = serde_json::from_str(&answer.text()).expect("pairs of texts");
    let all: Vec<_> = all.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    for (found, expected) in all.iter().zip(expected) {
        assert_eq!(found, expected);
    }
    assert_eq!(all.len(), expected.len(), "{all:?}");
}

#[test]
fn names_and_arguments_are_checked() {
    check(
        "/names",
        &[
            (
                "classes",
                "DurableObjectFacets Fetcher LoopbackDurableObjectClass DurableObjectClass",
            ),
            ("methods", "abort,clone,constructor,delete,get"),
            (
                "get()",
                "TypeError: Failed to execute 'get' on 'DurableObjectFacets': parameter 1 is not of type 'string'.",
            ),
            (
                "get(name)",
                "TypeError: Failed to execute 'get' on 'DurableObjectFacets': parameter 2 is not of type 'function'.",
            ),
            (
                "get(name, 5)",
                "TypeError: Failed to execute 'get' on 'DurableObjectFacets': parameter 2 is not of type 'function'.",
            ),
            (
                "abort()",
                "TypeError: Failed to execute 'abort' on 'DurableObjectFacets': parameter 1 is not of type 'string'.",
            ),
            (
                "abort(name)",
                "TypeError: Failed to execute 'abort' on 'DurableObjectFacets': parameter 2 is not of type 'Value'.",
            ),
            (
                "delete()",
                "TypeError: Failed to execute 'delete' on 'DurableObjectFacets': parameter 1 is not of type 'string'.",
            ),
            (
                "clone(name)",
                "TypeError: Failed to execute 'clone' on 'DurableObjectFacets': parameter 2 is not of type 'string'.",
            ),
            ("256 bytes", "1"),
            ("257 bytes", "TypeError: Facet name is too long (max 256 characters)."),
            ("258 bytes of letters", "TypeError: Facet name is too long (max 256 characters)."),
            ("slashes", "1,1"),
            ("abort of none", "undefined"),
            ("delete of none", "undefined"),
        ],
    );
}

#[test]
fn a_facet_begins_with_the_first_call() {
    check(
        "/starts",
        &[
            ("asked with the first call, and once", "0,1,1,2,1"),
            ("the id of the object", "64 /starts object {}"),
            ("an id that is text", "4  string {}"),
            ("an id of another object", "64 other object {}"),
            ("props", "64 /starts object {\"a\":[1]}"),
            (
                "Part()",
                "TypeError: Failed to execute '(called as function)' on 'LoopbackDurableObjectClass': parameter 1 is not of type 'Options'.",
            ),
            (
                "Part({ props: 5 })",
                "TypeError: Incorrect type for the 'props' field on 'Options': the provided value is not of type 'Object'.",
            ),
            (
                "no class",
                "TypeError: Incorrect type for the 'class' field on 'StartupOptions': the provided value is not of type 'DurableObjectClass or LoopbackDurableObjectNamespace or LoopbackColoLocalActorNamespace'.",
            ),
            (
                "text as class",
                "TypeError: Incorrect type for the 'class' field on 'StartupOptions': the provided value is not of type 'DurableObjectClass or LoopbackDurableObjectNamespace or LoopbackColoLocalActorNamespace'.",
            ),
            (
                "a function as class",
                "TypeError: Incorrect type for the 'class' field on 'StartupOptions': the provided value is not of type 'DurableObjectClass or LoopbackDurableObjectNamespace or LoopbackColoLocalActorNamespace'.",
            ),
            ("the callback throws", "TypeError: none"),
            ("and is not asked again", "TypeError: none"),
            ("until that is over", "1"),
            ("the constructor throws", "Error: no such part [reset]"),
            ("and is tried again", "1"),
            ("another class of the Worker", "D"),
            ("fetch", "part POST abc"),
            ("a socket", "echo m"),
        ],
    );
}

#[test]
fn facets_end_are_deleted_and_copied() {
    check(
        "/life",
        &[
            ("what it throws", "RangeError: boom"),
            ("does not end it", "1"),
            ("it aborts itself", "Error: enough [reset], Error: enough [reset], 2"),
            ("it is aborted", "Error: my reason, Error: my reason, 2"),
            ("a reason that is text", "Error: text"),
            ("it is deleted", "Error: Facet was deleted., 1"),
            ("with those below", "bottom"),
            ("it is copied", "3,3"),
            ("over another one", "Error: Facet was cloned-over., 4"),
            ("over itself", "4"),
            ("a copy of none", "1"),
            (
                "a stub as argument",
                "DataCloneError: Stubs pointing to Durable Object facets are not serializable.",
            ),
            (
                "a stub as result",
                "DataCloneError: Stubs pointing to Durable Object facets are not serializable.",
            ),
            (
                "a class as argument",
                "DataCloneError: Could not serialize object of type \"LoopbackDurableObjectClass\". This type does not support serialization.",
            ),
            ("alarms", "Error: Facets currently cannot set alarms."),
            ("no alarm", "null"),
            ("SQL", "1"),
            ("four deep", "bottom"),
            (
                "five deep",
                "Error: Facet nesting depth limit exceeded. The maximum depth including the root Durable Object is 4.",
            ),
            ("deleteAll() of the object", "1,1"),
            ("deleteAll() of a facet", "1,2"),
        ],
    );
}

#[test]
fn classes_of_loaded_workers() {
    check(
        "/loaded",
        &[
            ("told", "/loaded {\"p\":1} A"),
            ("keeps", "1,2,1"),
            ("one isolate", "1,2"),
            ("fetch", "app POST abc"),
            ("a facet of its own", "1,1,2"),
            ("the default class", "Error: Worker has no default actor class."),
            ("no such class", "Error: Worker has no such actor class: Nope"),
            ("no object", "plain"),
            (
                "code that does not start",
                "Error: Failed to start Worker:\nUncaught SyntaxError: Unexpected end of input\n  at main.js:1:17",
            ),
            (
                "props 5",
                "TypeError: Incorrect type for the 'props' field on 'EntrypointOptions': the provided value is not of type 'Object'.",
            ),
            (
                "options 5",
                "TypeError: Failed to execute 'getDurableObjectClass' on 'WorkerStub': parameter 2 is not of type 'EntrypointOptions'.",
            ),
            ("it aborts itself", "Error: enough [reset], Error: enough [reset], 2"),
            ("it is aborted", "Error: my reason, Error: my reason, 2"),
            ("it is deleted", "1"),
            ("it is copied", "3,3"),
            ("another class, the same data", "4"),
        ],
    );
}

/// Runs the Worker in a folder, asks it for these paths and kills it.
fn answers(folder: &TempDir, paths: &[&str]) -> Vec<String> {
    let args = ["dev", "--port", "0", "-c", "wrangler.toml", "--data-dir", "data"];
    let mut program = Program::selvedge(folder.path(), &args);
    let address = program.address();
    paths.iter().map(|path| Client::connect(address).get(path).text()).collect()
}

/// What facets keep is there after a kill, and after the object itself ended, which
/// ends them. With the object it is deleted.
#[test]
fn facets_keep_what_they_wrote() {
    let folder = TempDir::new().expect("a temporary folder");
    std::fs::write(folder.path().join("worker.js"), WORKER).expect("written");
    std::fs::write(folder.path().join("wrangler.toml"), CONFIG).expect("written");
    assert_eq!(answers(&folder, &["/count", "/count", "/count2"]), ["1 1 1", "2 2 2", "1 1 1"]);
    let after = answers(&folder, &["/count", "/count.abort", "/count"]);
    assert_eq!((after[0].as_str(), after[2].as_str()), ("3 3 1", "4 4 1"));
    let ask = |args: &[&str]| {
        let args = [args, &["-c", "wrangler.toml", "--data-dir", "data"]].concat();
        let ended = Program::selvedge(folder.path(), &args).wait();
        assert!(ended.status.success(), "{}", ended.stderr);
        ended.stdout
    };
    let json = |args: &[&str]| -> Value { serde_json::from_str(&ask(args)).expect("JSON") };
    let known = json(&["do", "info", "D", "/count"]);
    let paths: Vec<_> = known["facets"].as_array().expect("a list").iter().collect();
    let names: Vec<_> = paths.iter().map(|facet| &facet["path"][0]).collect();
    assert_eq!(names, ["loaded", "own"]);
    assert!(paths.iter().all(|facet| facet["file_bytes"].as_u64() > Some(0)), "{known}");
    assert!(ask(&["do", "list", "D"]).contains("2 facets"));
    ask(&["do", "delete", "D", "/count", "--write"]);
    assert!(!ask(&["do", "list", "D"]).contains("/count "));
    assert_eq!(answers(&folder, &["/count", "/count2"]), ["1 1 1", "2 2 1"]);
}
