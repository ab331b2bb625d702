//! Packages of the npm registry, each in a project of tests/projects. npm installs
//! them once, below target/; where npm is missing, these tests are skipped.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use selvedge_bundle::{Options, bundle};
use serde_json::Value;

use crate::harness::{node, skipped};

/// Asks the bundled Worker what `expect.json` asks, in Node.js, and prints what it
/// answers. `waitUntil` is all that these Workers use of `ctx`.
const ASK: &str = r#"
import { readFileSync } from "node:fs";
const main = await import("./MAIN");
const answers = [];
for (const { request } of JSON.parse(readFileSync("expect.json", "utf8"))) {
  const { method = "GET", path, headers, body } = request;
  const asked = new Request("https://worker.example" + path, { method, headers, body });
  const response = await main.default.fetch(asked, {}, { waitUntil() {}, passThroughOnException() {} });
  answers.push({
    status: response.status,
    headers: Object.fromEntries(response.headers),
    body: await response.text(),
  });
}
console.log(JSON.stringify(answers));
"#;

#[test]
fn hono() {
    check("hono", "src/index.tsx");
}

#[test]
fn itty_router() {
    check("itty-router", "src/index.ts");
}

#[test]
fn zod() {
    check("zod", "src/index.ts");
}

#[test]
fn jose() {
    check("jose", "src/index.ts");
}

#[test]
fn drizzle_orm() {
    check("drizzle-orm", "src/index.ts");
}

#[test]
fn graphql_yoga() {
    check("graphql-yoga", "src/index.ts");
}

/// Bundles a project, and asks the bundle what its `expect.json` asks.
fn check(name: &str, entry: &str) {
    let Some(root) = installed(name) else { return };
    for minify in [false, true] {
        let options = Options { minify, ..Options::new(entry, &root) };
        let bundle = bundle(&options).unwrap_or_else(|failure| panic!("{name}: {failure}"));
        assert_eq!(bundle.exports, ["default"], "{name}");
        assert_eq!(bundle.externals, [], "{name} asks the runtime for modules");
        assert_eq!(bundle.warnings, [], "{name}");

        let folder = tempfile::tempdir().expect("a temporary folder");
        let main = bundle.main();
        fs::write(folder.path().join(&main.name), &main.bytes).expect("the bundle");
        fs::write(folder.path().join("package.json"), r#"{"type":"module"}"#).expect("a manifest");
        fs::copy(root.join("expect.json"), folder.path().join("expect.json")).expect("what to ask");
        let ask = ASK.replace("MAIN", &main.name);
        fs::write(folder.path().join("ask.mjs"), ask).expect("a script");
        let Some(answers) = node(folder.path(), "ask.mjs") else { return };
        compare(name, &root, &answers);
    }
}

fn compare(name: &str, root: &Path, answers: &str) {
    let answers: Vec<Value> = serde_json::from_str(answers).expect("the script prints JSON");
    let expected = fs::read_to_string(root.join("expect.json")).expect("what to expect");
    let expected: Vec<Value> = serde_json::from_str(&expected).expect("expect.json is JSON");
    assert_eq!(answers.len(), expected.len());
    for (answer, expected) in answers.iter().zip(&expected) {
        let asked = format!("{name}: {}", expected["request"]);
        let expected = &expected["response"];
        assert_eq!(answer["status"], expected["status"], "{asked}: {answer}");
        let headers: BTreeMap<String, Value> =
            serde_json::from_value(expected["headers"].clone()).unwrap_or_default();
        for (header, value) in headers {
            assert_eq!(answer["headers"][&header], value, "{asked}: {header}");
        }
        let body = answer["body"].as_str().expect("a body");
        if let Some(text) = expected["body"].as_str() {
            assert_eq!(body, text, "{asked}");
        }
        if let Some(json) = expected.get("json") {
            let body: Value = serde_json::from_str(body).unwrap_or_else(|_| body.into());
            assert_eq!(&body, json, "{asked}");
        }
    }
}

/// A copy of the project with its packages installed. `None`, with a notice, where
/// there is no npm.
fn installed(name: &str) -> Option<PathBuf> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/projects").join(name);
    let manifest = fs::read_to_string(source.join("package.json")).expect("a manifest");
    let cache = Path::new(env!("CARGO_TARGET_TMPDIR")).join("npm");
    let root = cache.join(name);
    let is_current = fs::read_to_string(root.join("package.json")).is_ok_and(|it| it == manifest);
    if !is_current {
        // A folder of this name with a manifest is whole, or it would not be there.
        fs::create_dir_all(&cache).expect("a cache");
        let fresh = tempfile::tempdir_in(&cache).expect("a folder to install into");
        fs::write(fresh.path().join("package.json"), &manifest).expect("a manifest");
        if !npm_install(fresh.path()) {
            return None;
        }
        let _ = fs::remove_dir_all(&root);
        fs::rename(fresh.path(), &root).expect("the folder moves");
    }
    let _ = fs::remove_dir_all(root.join("src"));
    copy(&source, &root);
    Some(root)
}

fn npm_install(folder: &Path) -> bool {
    let npm = if cfg!(windows) { "npm.cmd" } else { "npm" };
    let arguments = ["install", "--no-audit", "--no-fund", "--ignore-scripts", "--no-package-lock"];
    match Command::new(npm).args(arguments).current_dir(folder).output() {
        Ok(output) => {
            let errors = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "npm install failed:\n{errors}");
            true
        }
        Err(error) => {
            skipped(&format!("there is no npm to install packages with: {error}"));
            false
        }
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder") {
        let path = entry.expect("an entry").path();
        let target = to.join(path.file_name().expect("a name"));
        if path.is_dir() {
            copy(&path, &target);
        } else {
            fs::copy(&path, &target).expect("a file");
        }
    }
}
