//! Code that was not deployed does not run.

use crate::harness::Setup;

const WORKER: &str = r#"
const AsyncFunction = (async () => {}).constructor;
const bytes = new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0]);
const attempts = {
  eval: () => eval("1 + 1"),
  indirect: () => (0, eval)("1 + 1"),
  Function: () => new Function("return 1")(),
  constructor: () => (() => {}).constructor("return 1")(),
  async: () => AsyncFunction("return 1")(),
  generator: () => (function* () {}).constructor("yield 1")().next().value,
  timeout: () => setTimeout("globalThis.x = 1", 0),
  "WebAssembly.compile": () => WebAssembly.compile(bytes),
  "WebAssembly.instantiate": () => WebAssembly.instantiate(bytes),
  "WebAssembly.Module": () => new WebAssembly.Module(bytes),
  compileStreaming: () => WebAssembly.compileStreaming(new Response(bytes, { headers: { "content-type": "application/wasm" } })),
};
export default {
  async fetch(request) {
    const seen = {};
    for (const name of Object.keys(attempts)) {
      try { seen[name] = "ran: " + await attempts[name](); }
      catch (error) { seen[name] = `${error.name}: ${error.message}`; }
    }
    return Response.json(seen);
  },
};
"#;

#[test]
fn text_and_bytes_do_not_become_code() {
    let server = Setup::new(WORKER).start();
    let seen = server.get("/").json();
    let seen = seen.as_object().expect("an object");
    for (name, text) in seen {
        let text = text.as_str().expect("a string");
        assert!(!text.starts_with("ran"), "{name}: {text}");
        match name.as_str() {
            "eval" | "indirect" | "Function" | "constructor" | "async" | "generator" => {
                assert_eq!(
                    text, "EvalError: Code generation from strings disallowed for this context",
                    "{name}"
                );
            }
            "WebAssembly.compile" | "WebAssembly.instantiate" | "WebAssembly.Module" => {
                assert!(
                    text.contains("Wasm code generation disallowed by embedder"),
                    "{name}: {text}"
                );
            }
            _ => {}
        }
    }
}

#[test]
fn the_global_scope_may_make_code_from_text_where_its_flag_allows() {
    let source = r#"let value;
        try { value = new Function("return 42")(); } catch (error) { value = error.name; }
        export default { fetch: () => new Response(`${value}`) };"#;
    assert_eq!(Setup::new(source).flag("allow_eval_during_startup").start().text("/"), "42");
    let server = Setup::new(source).flag("disallow_eval_during_startup").start();
    assert_eq!(server.text("/"), "EvalError");
}

#[test]
fn memory_is_not_shared() {
    let server = Setup::new(
        r#"export default {
          fetch() {
            const seen = [typeof SharedArrayBuffer];
            for (const make of [
              () => new WebAssembly.Memory({ initial: 1, maximum: 2, shared: true }),
              () => new WebAssembly.Memory({ initial: 1, maximum: 2, get shared() { return this.n = !this.n; } }),
              () => Reflect.construct(WebAssembly.Memory, [{ initial: 1, maximum: 2, shared: 1 }]),
              () => new (new WebAssembly.Memory({ initial: 1 }).constructor)({ initial: 1, maximum: 2, shared: true }),
              () => new (class extends WebAssembly.Memory {})({ initial: 1, maximum: 2, shared: true }),
              () => new WebAssembly.Memory(new Proxy({ initial: 1, maximum: 2 }, (() => {
                let n = 0;
                return { get: (target, key) => key === "shared" ? n++ > 0 : target[key], has: () => true };
              })())),
            ]) {
              try { seen.push(Object.prototype.toString.call(make().buffer)); }
              catch (error) { seen.push(error.name); }
            }
            seen.push(Object.prototype.toString.call(new WebAssembly.Memory({ initial: 1 }).buffer));
            return Response.json(seen);
          },
        };"#,
    )
    .start();
    let seen = server.get("/").json();
    assert_eq!(seen[0], "undefined");
    for value in seen.as_array().expect("a list") {
        assert_ne!(value, "[object SharedArrayBuffer]", "{seen}");
    }
    assert_eq!(seen.as_array().and_then(|it| it.last()), Some(&"[object ArrayBuffer]".into()));
}

#[test]
fn shared_memory_of_a_module_is_refused() {
    // (module (memory (export "memory") 1 1 shared))
    let wasm = [
        0, 97, 115, 109, 1, 0, 0, 0, 5, 4, 1, 3, 1, 1, 7, 10, 1, 6, 109, 101, 109, 111, 114, 121,
        2, 0,
    ];
    let started = Setup::new(
        r#"import module from "./shared.wasm";
        export default {
          fetch() {
            try {
              const { memory } = new WebAssembly.Instance(module).exports;
              return new Response(Object.prototype.toString.call(memory.buffer));
            } catch (error) {
              return new Response(error.name);
            }
          },
        };"#,
    )
    .file("shared.wasm", wasm)
    .try_start();
    if let Ok(server) = started {
        assert_ne!(server.text("/"), "[object SharedArrayBuffer]");
    }
}
