//! What a Worker may be written as: modules, classes, listeners, and what it
//! may import.

use crate::harness::Setup;

const TOML: &str = r#"
name = "formats"
main = "worker.js"
compatibility_date = "2026-11-01"

[vars]
GREETING = "hello"
ANSWER = 42
NESTED = { list = [1, 2] }
"#;

#[test]
fn a_module_exports_an_object_with_handlers() {
    let server = Setup::empty()
        .file("wrangler.toml", TOML)
        .file(
            "worker.js",
            r#"export default {
              prefix: "this: ",
              async fetch(request, env, ctx) {
                return Response.json([
                  this.prefix, env.GREETING, env.ANSWER, env.NESTED.list,
                  typeof ctx.waitUntil, typeof ctx.passThroughOnException,
                ]);
              },
            };
            export const somethingElse = { a: 1 };
            export function helper() {}
            export class Thing {}"#,
        )
        .start();
    assert_eq!(
        server.get("/").json(),
        serde_json::json!(["this: ", "hello", 42, [1, 2], "function", "function"])
    );
}

#[test]
fn a_class_may_extend_worker_entrypoint() {
    let server = Setup::empty()
        .file("wrangler.toml", TOML)
        .file(
            "worker.js",
            r#"import { WorkerEntrypoint } from "cloudflare:workers";
            let instances = 0;
            export class Other extends WorkerEntrypoint {}
            export default class extends WorkerEntrypoint {
              constructor(ctx, env) {
                super(ctx, env);
                instances++;
              }
              #secret = "private";
              async fetch(request) {
                this.ctx.waitUntil(Promise.resolve());
                return Response.json([this.env.GREETING, this.#secret, arguments.length, instances]);
              }
            }"#,
        )
        .start();
    assert_eq!(server.get("/").json()[0], "hello");
    let second = server.get("/").json();
    assert_eq!(second[1], "private");
    assert_eq!(second[3], 2, "one instance for each request");
}

#[test]
fn a_class_without_a_fetch_method_says_so() {
    let server = Setup::new(
        r#"import { WorkerEntrypoint } from "cloudflare:workers";
        export default class extends WorkerEntrypoint {}"#,
    )
    .start();
    let response = server.get("/");
    assert_eq!(response.status, 500);
    assert!(
        response.text().contains("Handler does not export a fetch() function"),
        "{}",
        response.text()
    );
}

#[test]
fn listeners_of_a_classic_script_take_requests() {
    let server = Setup::empty()
        .file("wrangler.toml", TOML)
        .file(
            "worker.js",
            r#"var seen = 0;
            addEventListener("fetch", (event) => {
              event.waitUntil(scheduler.wait(10).then(() => console.log("afterwards")));
              event.respondWith(handle(event.request));
            });
            async function handle(request) {
              return Response.json([
                GREETING, ANSWER, NESTED.list, ++seen, this === undefined,
                new URL(request.url).pathname, typeof globalThis.GREETING,
              ]);
            }"#,
        )
        .start();
    assert_eq!(
        server.get("/path").json(),
        serde_json::json!(["hello", 42, [1, 2], 1, false, "/path", "string"])
    );
    server.logs.wait_text("afterwards");
}

#[test]
fn respond_with_works_once() {
    let server = Setup::new(
        r#"addEventListener("fetch", (event) => {
          event.respondWith(new Response("first"));
          try {
            event.respondWith(new Response("second"));
          } catch (error) {
            console.log("second: " + error.message);
          }
        });
        addEventListener("fetch", () => console.log("never called"));"#,
    )
    .start();
    assert_eq!(server.text("/"), "first");
    server.logs.wait_text("second: FetchEvent.respondWith() has already been called");
    assert!(!server.logs.text().contains("never called"));
}

#[test]
fn a_listener_that_does_not_respond_fails_the_request() {
    let server = Setup::new(r#"addEventListener("fetch", (event) => {});"#).start();
    let response = server.get("/");
    assert_eq!(response.status, 500);
    assert!(
        response.text().contains("No event handler called respondWith()"),
        "{}",
        response.text()
    );
}

#[test]
fn a_listener_that_throws_fails_the_request() {
    let server = Setup::new(
        r#"addEventListener("fetch", (event) => { throw new Error("listener broke"); });"#,
    )
    .start();
    let response = server.get("/");
    assert_eq!(response.status, 500);
    assert!(response.text().contains("listener broke"), "{}", response.text());
}

#[test]
fn the_next_listener_takes_what_the_first_leaves() {
    let server = Setup::new(
        r#"addEventListener("fetch", (event) => {
          if (event.request.url.endsWith("/a")) event.respondWith(new Response("a"));
        });
        addEventListener("fetch", (event) => event.respondWith(new Response("b")));"#,
    )
    .start();
    assert_eq!(server.text("/a"), "a");
    assert_eq!(server.text("/b"), "b");
}

#[test]
fn a_module_with_listeners_and_no_default_export_serves() {
    let server = Setup::new(
        r#"export const x = 1;
        addEventListener("fetch", (event) => event.respondWith(new Response("listener")));"#,
    )
    .try_start();
    // workerd takes listeners of scripts only; either is fine, silence is not.
    match server {
        Ok(server) => assert_eq!(server.text("/"), "listener"),
        Err(error) => assert!(error.contains("default export"), "{error}"),
    }
}

#[test]
fn a_default_export_that_takes_no_events_leaves_the_others_alone() {
    for extends in ["extends DurableObject", "extends WorkflowEntrypoint", ""] {
        let source = format!(
            "import {{ DurableObject, WorkflowEntrypoint, WorkerEntrypoint }} from 'cloudflare:workers';
             export class Named extends WorkerEntrypoint {{ fetch() {{ return new Response('named'); }} }}
             export default class {extends} {{ fetch() {{ return new Response('not reached'); }} }}"
        );
        let server = Setup::new(&source).start();
        let answer = server.get("/");
        assert_eq!(answer.status, 500, "{}", answer.text());
        server.logs.wait_text("Handler does not export a fetch() function.");
        server
            .logs
            .wait_text("The default export is a class that does not extend WorkerEntrypoint");
    }
}

const WASM_ADD: &[u8] = &[
    0, 97, 115, 109, 1, 0, 0, 0, 1, 7, 1, 96, 2, 127, 127, 1, 127, 3, 2, 1, 0, 7, 7, 1, 3, 97, 100,
    100, 0, 0, 10, 9, 1, 7, 0, 32, 0, 32, 1, 106, 11,
];

#[test]
fn modules_of_every_kind_can_be_imported() {
    let server = Setup::empty()
        .file("worker.js", r#"
            import { name, count } from "./lib/util.mjs";
            import text from "./page.html";
            import plain from "./note.txt";
            import data from "./data.bin";
            import wasm from "./add.wasm";
            import cjs from "./old.cjs";
            import config from "./config.json";
            import withAttribute from "./config.json" with { type: "json" };
            import * as whole from "./lib/util.mjs";
            export default {
              async fetch() {
                const instance = await WebAssembly.instantiate(wasm);
                const again = new WebAssembly.Instance(wasm);
                return Response.json({
                  name, count, text, plain,
                  data: [data.constructor.name, [...new Uint8Array(data)]],
                  sum: instance.exports.add(2, 3) + again.exports.add(10, 20),
                  wasm: Object.prototype.toString.call(wasm),
                  cjs, config, same: config === withAttribute,
                  whole: Object.keys(whole),
                });
              },
            };"#)
        .file("lib/util.mjs", r#"import { deep } from "../deep.js"; export const name = "util"; export const count = deep + 1;"#)
        .file("deep.js", "export const deep = 1;")
        .file("page.html", "<h1>\u{e9}</h1>")
        .file("note.txt", "plain")
        .file("data.bin", [0, 255, 7])
        .file("add.wasm", WASM_ADD)
        .file("old.cjs", r#"const other = require("./other.cjs"); exports.sum = other.one + 1; exports.id = typeof module;"#)
        .file("other.cjs", "module.exports = { one: 1 };")
        .file("config.json", r#"{"a": [1, null]}"#)
        .start();
    let shown = server.get("/").json();
    assert_eq!(shown["name"], "util");
    assert_eq!(shown["count"], 2);
    assert_eq!(shown["text"], "<h1>\u{e9}</h1>");
    assert_eq!(shown["plain"], "plain");
    assert_eq!(shown["data"], serde_json::json!(["ArrayBuffer", [0, 255, 7]]));
    assert_eq!(shown["sum"], 35);
    assert_eq!(shown["wasm"], "[object WebAssembly.Module]");
    assert_eq!(shown["cjs"], serde_json::json!({ "sum": 2, "id": "object" }));
    assert_eq!(shown["config"], serde_json::json!({ "a": [1, null] }));
    assert_eq!(shown["whole"], serde_json::json!(["count", "name"]));
}

#[test]
fn modules_may_be_imported_by_the_running_code() {
    let server = Setup::empty()
        .file("wrangler.toml", format!("{TOML}\n[[rules]]\ntype = \"ESModule\"\nglobs = [\"pages/*.js\"]\n").replace("[vars]", "find_additional_modules = true\n[vars]"))
        .file(
            "worker.js",
            r#"export default {
              async fetch(request) {
                const url = new URL(request.url);
                if (url.pathname === "/static") return new Response((await import("./pages/a.js")).default);
                try {
                  const page = await import(`./pages/${url.pathname.slice(1)}.js`);
                  return new Response(page.default);
                } catch (error) {
                  return new Response(error.message, { status: 404 });
                }
              },
            };"#,
        )
        .file("pages/a.js", r#"export default "page a";"#)
        .file("pages/b.js", r#"export default "page b";"#)
        .start();
    assert_eq!(server.text("/static"), "page a");
    assert_eq!(server.text("/a"), "page a");
    assert_eq!(server.text("/b"), "page b");
    let missing = server.get("/c");
    assert_eq!(missing.status, 404);
    assert!(missing.text().contains("No such module"), "{}", missing.text());
}

#[test]
fn top_level_await_is_awaited() {
    let server = Setup::empty()
        .file(
            "worker.js",
            r#"import { value } from "./slow.js";
            const mine = await Promise.resolve(1);
            export default { fetch: () => new Response(`${mine + value}`) };"#,
        )
        .file("slow.js", "export const value = await (async () => { await null; return 41; })();")
        .start();
    assert_eq!(server.text("/"), "42");
}

#[test]
fn a_top_level_await_that_never_ends_is_an_error() {
    let error = Setup::new("await new Promise(() => {}); export default { fetch() {} };").fails();
    assert!(error.contains("Top-level await"), "{error}");
}

#[test]
fn cloudflare_workers_gives_env_and_wait_until() {
    let server = Setup::empty()
        .file("wrangler.toml", TOML)
        .file(
            "worker.js",
            r#"import { env, waitUntil } from "cloudflare:workers";
            const early = env.GREETING;
            export default {
              async fetch(request, given) {
                waitUntil(scheduler.wait(10).then(() => console.log("waited until")));
                return Response.json([early, env.ANSWER, env.GREETING === given.GREETING]);
              },
            };"#,
        )
        .start();
    assert_eq!(server.get("/").json(), serde_json::json!(["hello", 42, true]));
    server.logs.wait_text("waited until");
}

#[test]
fn cyclic_imports_work() {
    let server = Setup::empty()
        .file(
            "worker.js",
            r#"import { b } from "./b.js";
            export function a() { return "a"; }
            export default { fetch: () => new Response(b()) };"#,
        )
        .file(
            "b.js",
            r#"import { a } from "./worker.js"; export function b() { return a() + "b"; }"#,
        )
        .start();
    assert_eq!(server.text("/"), "ab");
}

#[test]
fn import_meta_says_nothing_of_the_machine() {
    let server = Setup::new(
        r#"const url = import.meta.url;
        export default { fetch: () => new Response(`${url}`) };"#,
    )
    .start();
    let url = server.text("/");
    assert!(!url.contains("tmp") && !url.contains("home"), "{url}");
}

#[test]
fn global_state_lives_between_requests() {
    let server =
        Setup::new(r#"let count = 0; export default { fetch: () => new Response(`${++count}`) };"#)
            .start();
    for count in 1..=5 {
        assert_eq!(server.text("/"), count.to_string());
    }
}

#[test]
fn a_handler_may_answer_with_a_plain_value_of_a_promise() {
    let server = Setup::new(
        r#"export default {
          fetch(request) {
            switch (new URL(request.url).pathname) {
              case "/sync": return new Response("sync");
              case "/thenable": return { then(resolve) { resolve(new Response("thenable")); } };
              case "/undefined": return undefined;
              case "/string": return "text";
              case "/object": return Promise.resolve({ status: 200 });
            }
          },
        };"#,
    )
    .start();
    assert_eq!(server.text("/sync"), "sync");
    assert_eq!(server.text("/thenable"), "thenable");
    for path in ["/undefined", "/string", "/object"] {
        let response = server.get(path);
        assert_eq!(response.status, 500, "{path}");
        assert!(
            response.text().contains("the Promise did not resolve to 'Response'"),
            "{path}: {}",
            response.text()
        );
    }
}

/// Uploaded code may import what is not there.
fn with_main(source: &'static str, flag: &'static str) -> Setup {
    let main = Setup::new("export default { fetch() {} };").flag(flag);
    main.edit(move |worker| worker.modules[0].body = source.into())
}

#[test]
fn a_worker_does_not_start_without_what_it_imports() {
    for (source, by_path, by_url) in [
        (
            r#"import "./lib/nowhere.js"; export default { fetch() {} };"#,
            "No such module \"lib/nowhere.js\".\n  imported from \"worker.js\"",
            "Module not found: file:///bundle/lib/nowhere.js",
        ),
        (
            r#"import "node:fs" with { type: "json" }; export default { fetch() {} };"#,
            "Unrecognized import attributes specified",
            "Module \"node:fs\" is not of type \"json\"",
        ),
        (
            r#"import { nothing } from "node:path"; export default { fetch() {} };"#,
            "The requested module 'node:path' does not provide an export named 'nothing'",
            "The requested module 'node:path' does not provide an export named 'nothing'",
        ),
        (
            r#"import source file from "node:path"; export default { fetch() {} };"#,
            "Source phase import not available for module: node:path",
            "Source phase import not available for module: node:path",
        ),
    ] {
        let error = with_main(source, "legacy_module_registry").fails();
        assert!(error.contains(by_path), "{error}");
        let error = with_main(source, "new_module_registry").fails();
        assert!(error.contains(by_url), "{error}");
    }
}

#[test]
fn errors_name_modules_as_imports_do() {
    const SOURCE: &str = r"export default {
        fetch: () => new Response([import.meta.main, import.meta.url, new Error('x').stack].join()),
    };";
    let by_path = with_main(SOURCE, "legacy_module_registry").start().text("/");
    assert!(by_path.starts_with(",,Error: x\n") && by_path.contains("(worker.js:2:"), "{by_path}");
    let by_url = with_main(SOURCE, "new_module_registry").start().text("/");
    assert!(by_url.starts_with("true,file:///bundle/worker.js,Error: x\n"), "{by_url}");
    assert!(by_url.contains("(file:///bundle/worker.js:2:"), "{by_url}");
}

#[test]
fn what_a_module_throws_at_start_is_told_as_it_is() {
    let setup = |source: &str| {
        Setup::new("import './inner.cjs'; export default { fetch() {} };").file("inner.cjs", source)
    };
    let error =
        setup("class Odd extends RangeError { name = 'Odd' }\nthrow new Odd('boom');").fails();
    assert!(error.contains("Odd: boom") && error.contains("inner.cjs:2"), "{error}");
    let error = setup("module.exports = {{").fails();
    assert!(error.contains("SyntaxError") && error.contains("inner.cjs:1"), "{error}");
    let error = setup("require('./worker.js').default.fetch();").fails();
    assert!(
        error.contains("Cannot read properties of undefined")
            || error.contains("before initialization"),
        "{error}"
    );
}
