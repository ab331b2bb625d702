//! `env.LOADER`. The texts of errors are those of workerd.

use crate::dev::Dev;

const WORKER: &str = include_str!("loader.js");

fn start() -> Dev {
    let config = r#"
        name = "loader"
        main = "worker.js"
        compatibility_date = "2026-11-01"
        worker_loaders = [{ binding = "LOADER" }]
        kv_namespaces = [{ binding = "SECRETS", id = "0f" }]
        durable_objects.bindings = [{ name = "OBJECTS", class_name = "Counter" }]
        migrations = [{ tag = "v1", new_sqlite_classes = ["Counter"] }]
        [vars]
        PASSWORD = "hunter2"
        "#;
    Dev::start(&[("worker.js", WORKER), ("wrangler.toml", config)], &["-c", "wrangler.toml"])
}

/// What the Worker's tests of this path told: each a name and a value, or an error.
fn told(dev: &Dev, path: &str) -> Vec<(String, String)> {
    let answer = dev.get(path);
    assert_eq!(answer.status, 200, "{}", answer.text());
    serde_json::from_str(&answer.text()).expect("pairs of texts")
}

fn check(path: &str, expected: &[(&str, &str)]) {
    let dev = start();
    let all = told(&dev, path);
    for (name, value) in expected {
        let found = all.iter().find(|(known, _)| known == name);
        let found = found.map_or("nothing", |(_, value)| value.as_str());
        assert_eq!(found, *value, "{name}");
    }
    assert_eq!(all.len(), expected.len(), "{all:?}");
}

#[test]
fn code_becomes_a_worker() {
    check(
        "/runs",
        &[
            ("get", "ok []{}"),
            ("load", "ok []{}"),
            ("without an id", "ok []{}"),
            ("classes", "WorkerLoader WorkerStub Fetcher"),
            ("kinds", "abc{\"a\":1}2ArrayBuffer7"),
            ("folders", "A"),
            ("entrypoint", "3{}"),
            ("props", "3{\"a\":1}"),
            ("default props", "ok []{\"b\":2}"),
            ("null entrypoint", "ok []{}"),
            ("a stream goes in and out", "3000000"),
            ("a method takes a function", "7"),
            ("flags", "true false"),
        ],
    );
}

#[test]
fn an_id_is_one_isolate() {
    check(
        "/ids",
        &[
            ("the callback is asked at once", "1"),
            ("and once", "[1,2,1]"),
            ("also by others at the same time", "[1,\"12345\"]"),
            ("another id is another isolate", "1"),
            ("load is one each time", "1 1"),
            ("a failure is not kept", "[\"first\",\"ok []{}\",2]"),
            ("other requests wait for the same code", "ok []{}"),
        ],
    );
}

#[test]
fn env_is_what_was_given() {
    check(
        "/env",
        &[
            ("values", "[{\"b\":[1]},\"1970-01-01T00:00:00.000Z\",true,\"3 {\\\"p\\\":1}\"]"),
            ("nothing of the loader's", "[\"x\"] undefined undefined"),
            ("objects", "1 2"),
            ("function", "DataCloneError: f() {} could not be cloned."),
            (
                "no object",
                "TypeError: Incorrect type for the 'env' field on 'WorkerCode': the provided value is not of type 'Object'.",
            ),
            (
                "large",
                "Error: Dynamic Worker env size (2097165 bytes) exceeds the maximum allowed size of 1048576 bytes.",
            ),
            (
                "a loaded Worker",
                "DataCloneError: Entrypoints to dynamically-loaded workers cannot be transferred to other Workers, because the system does not know how to reload this Worker from scratch. Instead, have the parent Worker expose an entrypoint which constructs the dynamic worker and forwards to it.",
            ),
            (
                "a WorkerStub",
                "DataCloneError: Could not serialize object of type \"WorkerStub\". This type does not support serialization.",
            ),
            (
                "an RPC stub",
                "DataCloneError: A stub belongs to a request: it cannot be in the env of a dynamically-loaded Worker.",
            ),
        ],
    );
}

#[test]
fn the_way_out_is_the_loaders() {
    check(
        "/outbound",
        &[
            (
                "null",
                "Error: This worker is not permitted to access the internet via global functions like fetch(). It must use capabilities (such as bindings in 'env') to talk to the outside world.",
            ),
            (
                "null connect",
                "Error: This worker is not permitted to access the internet via global functions like fetch(). It must use capabilities (such as bindings in 'env') to talk to the outside world.",
            ),
            ("fetcher", "gate saw http://example.invalid/zz {\"q\":1}"),
            (
                "fetcher connect",
                "Error: proxy request failed, cannot connect to the specified address. It looks like you might be trying to connect to a HTTP-based service \u{2014} consider using fetch instead",
            ),
            ("another loaded Worker", "inner saw http://example.invalid/zz"),
            ("inherited", "TypeError: Network connection lost."),
            (
                "junk",
                "TypeError: Incorrect type for the 'globalOutbound' field on 'WorkerCode': the provided value is not of type 'Fetcher'.",
            ),
        ],
    );
}

#[test]
fn limits_hold() {
    check(
        "/limits",
        &[
            ("subrequests", "2"),
            ("subrequests of a call", "1"),
            ("cpu", "Error: Worker exceeded CPU time limit."),
            ("cpu of a call", "Error: Worker exceeded CPU time limit."),
            ("the loader lives", "ok []{}"),
            ("memory", "Error"),
            (
                "negative",
                "TypeError: The value cannot be converted because it is negative and this API expects a positive number.",
            ),
            (
                "no object",
                "TypeError: Incorrect type for the 'limits' field on 'WorkerCode': the provided value is not of type 'ResourceLimits'.",
            ),
            (
                "code size",
                "Error: Dynamic Worker code size (68157553 bytes) exceeds the maximum allowed size of 67108864 bytes.",
            ),
        ],
    );
}

#[test]
fn what_is_wrong_is_said() {
    check(
        "/wrong",
        &[
            (
                "get()",
                "TypeError: Failed to execute 'get' on 'WorkerLoader': parameter 1 is not of type 'string'.",
            ),
            (
                "get(id)",
                "TypeError: Failed to execute 'get' on 'WorkerLoader': parameter 2 is not of type 'function'.",
            ),
            (
                "load()",
                "TypeError: Failed to execute 'load' on 'WorkerLoader': parameter 1 is not of type 'WorkerCode'.",
            ),
            (
                "load({})",
                "TypeError: Incorrect type for the 'modules' field on 'WorkerCode': the provided value is not of type 'object'.",
            ),
            ("no module", "TypeError: Dynamic Worker code must contain at least one module."),
            ("no main", "Error: Failed to start Worker:\nUncaught Error: No such module: a"),
            ("no date", "Error: Invalid compatibility date: undefined"),
            (
                "future",
                "Error: This Worker requires compatibility date \"2999-01-01\", but the newest date supported by this server binary is \"2026-11-24\".",
            ),
            ("flag", "Error: No such compatibility flag: nope"),
            (
                "text as module",
                "TypeError: Module name must end with '.js' or '.py' (or the content must be an object indicating the type explicitly). Got: x.txt",
            ),
            (
                "two kinds",
                "TypeError: Each module must contain exactly one of 'js', 'cjs', 'text', 'data', 'json', 'py', or 'wasm'. Module 'm.js' contained 2 properties.",
            ),
            (
                "no kind",
                "TypeError: Each module must contain exactly one of 'js', 'cjs', 'text', 'data', 'json', 'py', or 'wasm'. Module 'm.js' contained 0 properties.",
            ),
            (
                "main is text",
                "Error: Failed to start Worker:\nUncaught TypeError: Main module must be an ES module.",
            ),
            ("python", "Error: Selvedge does not run Python: the module 'm.py' cannot be loaded."),
            (
                "syntax",
                "Error: Failed to start Worker:\nUncaught SyntaxError: Unexpected end of input\n  at main.js:1:17",
            ),
            (
                "throws",
                "Error: Failed to start Worker:\nUncaught TypeError: boom\n  at main.js:1:7",
            ),
            (
                "throws in a method call",
                "Error: Failed to start Worker:\nUncaught TypeError: boom\n  at main.js:1:7",
            ),
            ("callback throws", "RangeError: cb"),
            ("callback rejects", "RangeError: cb2"),
            (
                "callback gives a number",
                "TypeError: Incorrect type for Promise: the Promise did not resolve to 'WorkerCode'.",
            ),
            ("no fetch", "TypeError: Handler does not export a fetch() function."),
            ("no entrypoint", "Error: Worker has no such entrypoint: Nope"),
            ("no entrypoint to fetch", "Error: Worker has no such entrypoint: Nope"),
            ("method throws", "TypeError: x [remote]"),
            (
                "tails",
                "TypeError: Incorrect type for array element 0: the provided value is not of type 'Fetcher'.",
            ),
            (
                "no list of tails",
                "TypeError: Incorrect type for the 'tails' field on 'WorkerCode': the provided value is not of type 'Array'.",
            ),
            (
                "streaming tails",
                "Error: Streaming tail workers are experimental. You must pass the option 'allowExperimental: true' to the worker loader to use them",
            ),
            (
                "a stub of another request",
                "Error: Cannot perform I/O on behalf of a different request.",
            ),
        ],
    );
}

/// In an object, whose context lasts, loaded Workers are not held for ever.
#[test]
fn an_object_loads_workers() {
    let dev = start();
    assert_eq!(dev.get("/object").text(), "40{} ok []{}");
}

#[test]
fn new_code_of_the_loader_loads_anew() {
    let dev = start();
    assert_eq!(dev.get("/version").text(), "one 1");
    assert_eq!(dev.get("/version").text(), "one 2");
    dev.write("worker.js", &WORKER.replace("const VERSION = \"one\"", "const VERSION = \"two\""));
    crate::harness::eventually("the new code was loaded", || {
        (dev.get("/version").text().starts_with("two")).then_some(())
    });
}
