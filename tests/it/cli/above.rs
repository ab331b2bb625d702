//! Commands in a folder below the configuration find it, as wrangler's do.

use std::path::Path;

use super::{folder, run};
use crate::harness::Program;

const CONFIG: &str =
    "name = \"project\"\nmain = \"src/index.js\"\n[[kv_namespaces]]\nbinding = \"KV\"\n";
const WORKER: &str = "export default {
  fetch: async (request, { KV }) => new Response(`project ${KV ? await KV.get('a') : 'bare'}`),
};
";

fn project() -> tempfile::TempDir {
    folder(&[("wrangler.toml", CONFIG), ("src/index.js", WORKER), ("src/deep/er/note", "")])
}

#[track_caller]
fn stdout(folder: &Path, args: &[&str]) -> String {
    let ended = run(folder, args);
    assert!(ended.status.success(), "{args:?}: {ended:?}");
    ended.stdout
}

#[test]
fn the_configuration_is_looked_for_upwards() {
    let project = project();
    let below = project.path().join("src/deep/er");
    assert!(stdout(&below, &["check"]).contains("project: index.js"), "check");
    stdout(&below, &["types"]);
    assert!(project.path().join("worker-configuration.d.ts").is_file(), "types");
    stdout(&below, &["kv", "key", "put", "--binding", "KV", "a", "1"]);
    assert!(project.path().join(".selvedge/kv.sqlite").is_file(), "kv");
    for command in ["run", "dev"] {
        let mut program = Program::selvedge(&below, &[command, "--port", "0"]);
        assert_eq!(program.connect().get("/").text(), "project 1", "{command}");
        drop(program);
    }
    assert!(!below.join(".selvedge").exists(), "the data is beside the configuration");
}

#[test]
fn dev_follows_a_configuration_above() {
    let project = project();
    let below = project.path().join("src/deep");
    let mut program = Program::selvedge(&below, &["dev", "--port", "0"]);
    assert_eq!(program.connect().get("/").text(), "project null");
    let bare = "name = \"project\"\nmain = \"src/index.js\"\n";
    std::fs::write(project.path().join("wrangler.toml"), bare).expect("written");
    crate::harness::eventually("the change is seen", || {
        (program.connect().get("/").text() == "project bare").then_some(())
    });
}

#[test]
fn a_folder_that_is_named_is_not_left() {
    let project = project();
    let ended = run(&project.path().join("src"), &["check", "deep"]);
    assert_eq!(ended.status.code(), Some(1));
    assert!(ended.stderr.contains("there is no Worker in"), "{ended:?}");
}

#[test]
fn json_far_above_comes_before_toml_nearby() {
    let project = folder(&[
        ("wrangler.json", "{ \"name\": \"outer\", \"main\": \"outer.js\" }"),
        ("outer.js", WORKER),
        ("inner/wrangler.toml", "name = \"inner\"\nmain = \"inner.js\"\n"),
        ("inner/inner.js", WORKER),
    ]);
    let ended = run(&project.path().join("inner"), &["check"]);
    assert!(ended.stdout.contains("outer: outer.js"), "{ended:?}");
    assert!(ended.stderr.contains("/wrangler.json comes first"), "{ended:?}");
}

#[test]
fn a_build_of_another_folder_is_not_guessed_at() {
    let project = folder(&[
        ("wrangler.toml", CONFIG),
        ("src/index.js", WORKER),
        ("src/.wrangler/deploy/config.json", "{ \"configPath\": \"../../built/wrangler.json\" }"),
        ("src/built/wrangler.json", "{ \"name\": \"built\", \"main\": \"../index.js\" }"),
    ]);
    let ended = run(&project.path().join("src"), &["check"]);
    assert_eq!(ended.status.code(), Some(1), "{ended:?}");
    assert!(ended.stderr.contains("lies in another folder"), "{ended:?}");
    // Without a configuration of the user's own, it is the one.
    std::fs::remove_file(project.path().join("wrangler.toml")).expect("removed");
    let below = project.path().join("src/built");
    std::fs::rename(below.join("wrangler.json"), below.join("made.json")).expect("moved");
    std::fs::write(
        project.path().join("src/.wrangler/deploy/config.json"),
        "{ \"configPath\": \"../../built/made.json\" }",
    )
    .expect("written");
    assert!(stdout(&below, &["check"]).contains("built: "), "the build's own");
}
