//! The way into the platform, the disk and the network is closed.

use crate::harness::{Setup, TestServer};

/// A Worker that gives what an expression is worth, or what it throws.
fn evaluate(expression: &str) -> TestServer {
    Setup::new(&format!(
        r#"export default {{
          async fetch(request, env, ctx) {{
            let value;
            try {{ value = await (async () => {{ {expression} }})(); }}
            catch (error) {{ value = `${{error.name}}: ${{error.message}}`; }}
            return Response.json(value === undefined ? null : value);
          }},
        }};"#
    ))
    .start()
}

#[test]
fn nothing_of_the_platform_hangs_on_the_global_object() {
    let server = evaluate(
        r#"
        const names = new Set();
        for (let object = globalThis; object !== null; object = Object.getPrototypeOf(object)) {
          for (const name of Reflect.ownKeys(object)) names.add(String(name));
        }
        return [...names];
        "#,
    );
    let names = server.get("/").json();
    let names: Vec<_> =
        names.as_array().expect("a list").iter().filter_map(|it| it.as_str()).collect();
    for name in [
        "Deno",
        "__bootstrap",
        "__selvedge",
        "__infra",
        "__timers",
        "SharedArrayBuffer",
        "require",
        "Bun",
        "importScripts",
        "XMLHttpRequest",
        "localStorage",
        "window",
        "document",
        "Worker",
        "BroadcastChannel",
        "gc",
        "d8",
        "internals",
        "ops",
    ] {
        assert!(!names.contains(&name), "{name} is there");
    }
    for name in names {
        assert!(
            !name.starts_with("__")
                || name.starts_with("__define")
                || name.starts_with("__lookup")
                || name == "__proto__",
            "{name}"
        );
    }
}

#[test]
fn no_object_leads_to_the_platform() {
    let server = evaluate(
        r#"
        // All that can be reached from the global object by properties and prototypes.
        const seen = new Set(), found = [], queue = [[globalThis, "globalThis"], [request, "request"], [ctx, "ctx"], [env, "env"]];
        while (queue.length > 0 && seen.size < 50000) {
          const [object, path] = queue.pop();
          if (object === null || (typeof object !== "object" && typeof object !== "function") || seen.has(object)) continue;
          seen.add(object);
          queue.push([Object.getPrototypeOf(object), path + ".__proto__"]);
          for (const key of Reflect.ownKeys(object)) {
            const name = String(key);
            if (/^(op_|ops$|primordials$|core$|opNames$|ext:)/.test(name)) found.push(`${path}.${name}`);
            const descriptor = Reflect.getOwnPropertyDescriptor(object, key);
            if (descriptor === undefined) continue;
            if (/Deno\.core|opCall/.test(name)) found.push(`${path}.${name}`);
            for (const value of [descriptor.value, descriptor.get, descriptor.set]) queue.push([value, `${path}.${name}`]);
          }
        }
        return found;
        "#,
    );
    assert_eq!(server.get("/").json(), serde_json::json!([]));
}

#[test]
fn stacks_do_not_give_away_the_platforms_functions() {
    let server = evaluate(
        r#"
        const found = [];
        Error.prepareStackTrace = (error, frames) => {
          for (const frame of frames) {
            const file = frame.getFileName();
            const self = frame.getThis?.(), fn = frame.getFunction?.();
            if (file?.startsWith("ext:") && (self !== undefined || fn !== undefined)) found.push(`${file} ${typeof self} ${typeof fn}`);
          }
          return "stack";
        };
        try { new Headers([["a", { toString() { void new Error().stack; return "b"; } }]]); } catch {}
        try { void new Error().stack; } catch {}
        return found;
        "#,
    );
    assert_eq!(server.get("/").json(), serde_json::json!([]));
}

#[test]
fn imports_of_the_running_code_find_only_the_workers_modules() {
    let server = Setup::new(
        r#"export default {
          async fetch(request) {
            const name = new URL(request.url).searchParams.get("name");
            try {
              const module = await import(name);
              return new Response("imported " + Object.keys(module));
            } catch (error) {
              return new Response(`${error.name}: ${error.message}`);
            }
          },
        };"#,
    )
    .start();
    for name in [
        "ext:core/ops",
        "ext:core/mod.js",
        "ext:selvedge/dispatch.js",
        "ext:deno_web/00_url.js",
        "node:nothing",
        "file:///etc/passwd",
        "/etc/passwd",
        "../../../../etc/passwd",
        "data:text/javascript,export default 1",
        "blob:x",
        "http://127.0.0.1/x.js",
        "https://example.com/x.js",
        "npm:left-pad",
        "jsr:@std/path",
        "cloudflare:internal",
        "checkin:x",
        "file:///worker.js%00",
        "internal:deno",
    ] {
        let text = server.text(&format!("/?name={}", name.replace('%', "%25").replace(' ', "%20")));
        assert!(!text.starts_with("imported"), "{name}: {text}");
        assert!(!text.contains("root:"), "{name}");
    }
    assert!(server.text("/?name=cloudflare:workers").contains("WorkerEntrypoint"));
    assert!(server.text("/?name=./worker.js").starts_with("imported default"));
}

#[test]
fn imports_in_the_source_are_refused_at_the_start() {
    for name in [
        "ext:core/ops",
        "ext:selvedge/dispatch.js",
        "node:nothing",
        "file:///etc/passwd",
        "/etc/passwd",
        "data:text/javascript,export default 1",
        "https://example.com/x.js",
        "some-package",
        "./missing.js",
    ] {
        let source = format!("import x from \"{name}\";\nexport default {{ fetch() {{}} }};");
        let error = Setup::new(&source).fails();
        assert!(error.contains(name), "{name}: {error}");
        assert!(error.contains(":1:"), "the place is named: {error}");
    }
}

#[test]
fn attributes_do_not_open_other_files() {
    let server = Setup::empty()
        .file(
            "worker.js",
            r#"export default {
              async fetch(request) {
                const [name, type] = new URL(request.url).searchParams.getAll("a");
                try {
                  const module = await import(name, { with: { type } });
                  return new Response("imported " + typeof module.default);
                } catch (error) {
                  return new Response(error.name);
                }
              },
            };"#,
        )
        .start();
    for kind in ["json", "text", "bytes", "selvedge-text", "selvedge-data", "selvedge-commonjs"] {
        for name in ["file:///etc/passwd", "/etc/passwd", "ext:core/mod.js"] {
            let text = server.text(&format!("/?a={name}&a={kind}"));
            assert!(!text.starts_with("imported"), "{name} as {kind}: {text}");
        }
    }
}
