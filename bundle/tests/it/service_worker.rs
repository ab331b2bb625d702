//! Workers in service-worker syntax.

use selvedge_bundle::Format;

use crate::harness::{Project, code, node};

/// Runs a bundle as a script, and gives what its listener answers.
fn answer(project: &Project) -> Option<String> {
    let bundle = project.bundle();
    assert_eq!(bundle.format, Format::ServiceWorker);
    assert_eq!(bundle.modules.len(), 1, "a script imports nothing");
    let folder = tempfile::tempdir().expect("a folder");
    let script = format!(
        "globalThis.addEventListener = (type, listener) => listener({{ \
         respondWith: async answer => console.log(JSON.stringify(await answer)) }});\n{}",
        code(&bundle)
    );
    std::fs::write(folder.path().join("worker.cjs"), script).expect("a script");
    node(folder.path(), "worker.cjs")
}

#[test]
fn a_listener_makes_a_script_of_all_that_it_imports() {
    let project = Project::new(&[
        (
            "src/index.ts",
            "import { greet } from './greet'; import data from './data.json';\n\
             addEventListener('fetch', (event: any) => event.respondWith(greet(data.name)));",
        ),
        ("src/greet.ts", "export const greet = (name: string) => `hello ${name}`"),
        ("src/data.json", r#"{ "name": "you" }"#),
    ]);
    if let Some(output) = answer(&project) {
        assert_eq!(output, "\"hello you\"");
    }
}

#[test]
fn texts_data_and_wasm_are_inlined_into_a_script() {
    let project = Project::new(&[
        (
            "index.js",
            "import text from './a.txt'; import data from './d.bin'; import wasm from './w.wasm';\n\
             addEventListener('fetch', event => event.respondWith([text, [...new Uint8Array(data)], wasm instanceof WebAssembly.Module]));",
        ),
        ("a.txt", "a \"quoted\"\nline \u{2028}"),
        ("d.bin", "\u{0}\u{7f}"),
    ]);
    project.write("w.wasm", b"\0asm\x01\0\0\0");
    if let Some(output) = answer(&project) {
        assert_eq!(output, "[\"a \\\"quoted\\\"\\nline \u{2028}\",[0,127],true]");
    }
    assert!(project.bundle().watch.files.contains(&project.path("w.wasm")));
}

#[test]
fn a_script_cannot_import_from_the_runtime() {
    let project = Project::new(&[(
        "index.js",
        "import { env } from 'cloudflare:workers'; import fs from 'node:fs';\n\
         addEventListener('fetch', event => event.respondWith([env, fs]));",
    )]);
    let problem = project.problem();
    assert!(
        problem
            .starts_with("Unexpected external import of \"cloudflare:workers\" and \"node:fs\".\n"),
        "{problem}"
    );
}

#[test]
fn top_level_await_in_a_script_is_refused() {
    let project =
        Project::new(&[("index.js", "const a = await 1; addEventListener('fetch', () => a)")]);
    let problem = project.problem();
    assert!(problem.contains("index.js:1:11"), "{problem}");
}

#[test]
fn exports_beside_a_listener_are_warned_of() {
    let project = Project::new(&[(
        "index.js",
        "export const helper = 1; addEventListener('fetch', event => event.respondWith(helper));",
    )]);
    let bundle = project.bundle();
    assert_eq!(bundle.warnings.len(), 1, "{:?}", bundle.warnings);
    assert!(bundle.warnings[0].message.contains("hasn't defined a default export"));
    if let Some(output) = answer(&project) {
        assert_eq!(output, "1");
    }
}
