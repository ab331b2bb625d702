//! Whole configurations, read from files.

use std::path::Path;
use std::time::Duration;

use selvedge_runtime::{EnvValue, ModuleKind};
use tempfile::TempDir;

use super::*;

fn folder(files: &[(&str, &str)]) -> TempDir {
    let dir = tempfile::tempdir().expect("a temporary folder");
    for (name, text) in files {
        let path = dir.path().join(name);
        std::fs::create_dir_all(folder_of(&path)).expect("a folder");
        std::fs::write(path, text).expect("a file");
    }
    dir
}

fn load(dir: &Path, file: &str, env: Option<&str>) -> Result<Config, Diagnostic> {
    Config::load(Selection { file: Some(&dir.join(file)), env, ..Selection::default() })
}

/// A configuration beside a Worker.
fn toml(text: &str, env: Option<&str>) -> Result<Config, Diagnostic> {
    let dir = folder(&[("wrangler.toml", text), ("worker.js", "")]);
    load(dir.path(), "", env)
}

fn text_var<'a>(config: &'a Config, name: &str) -> Option<&'a str> {
    config.vars.iter().find(|var| var.name == name).and_then(|var| match &var.value {
        EnvValue::Text(text) => Some(text.as_str()),
        _ => None,
    })
}

const FULL: &str = r#"
name = "shop"
main = "src/index.js"
compatibility_date = "2026-06-02"
compatibility_flags = ["global_navigator"]
[vars]
GREETING = "hi"
LIMITS = { max = 3, on = true }
[limits]
cpu_ms = 50
subrequests = 7
[[rules]]
type = "Text"
globs = ["**/*.graphql"]
fallthrough = true
[env.staging]
main = "src/staging.js"
[env.staging.vars]
GREETING = "hello"
[env.live]
name = "shop-for-real"
"#;

fn full() -> TempDir {
    folder(&[("wrangler.toml", FULL), ("src/index.js", ""), ("src/staging.js", "")])
}

#[test]
fn every_acting_key_is_read() {
    let dir = full();
    let config = load(dir.path(), "", None).expect("valid");
    assert_eq!(config.name, "shop");
    assert_eq!(config.main, dir.path().join("src/index.js"));
    assert_eq!(config.root, dir.path());
    assert_eq!(config.compatibility.date, "2026-06-02");
    assert_eq!(config.compatibility.flags, ["global_navigator"]);
    assert_eq!(config.limits.cpu, Duration::from_millis(50));
    assert_eq!(config.limits.subrequests, 7);
    assert_eq!(config.rules.of("a.graphql"), Match::Kind(ModuleKind::Text));
    assert_eq!(config.rules.of("a.txt"), Match::Kind(ModuleKind::Text));
    assert_eq!(text_var(&config, "GREETING"), Some("hi"));
    assert!(config.vars.iter().any(|var| matches!(
        &var.value,
        EnvValue::Json(value) if *value == serde_json::json!({"max": 3, "on": true})
    )));
    assert_eq!(config.warnings, Vec::<String>::new());
}

#[test]
fn json_says_the_same_as_toml() {
    let json = r#"{
        // A comment, and a trailing comma.
        "$schema": "node_modules/wrangler/config-schema.json",
        "name": "shop", "main": "worker.js",
        "limits": { "cpu_ms": 50 },
        "vars": { "A": "x", "B": [1, null] },
    }"#;
    for name in ["wrangler.json", "wrangler.jsonc"] {
        let dir = folder(&[(name, json), ("worker.js", "")]);
        let config = load(dir.path(), "worker.js", None).expect("valid");
        assert_eq!(config.name, "shop");
        assert_eq!(config.limits.cpu, Duration::from_millis(50));
        assert_eq!(text_var(&config, "A"), Some("x"));
        assert_eq!(config.warnings, Vec::<String>::new());
    }
}

#[test]
fn an_environment_inherits_all_but_bindings_and_vars() {
    let dir = full();
    let staging = load(dir.path(), "", Some("staging")).expect("valid");
    assert_eq!(staging.name, "shop-staging");
    assert_eq!(staging.main, dir.path().join("src/staging.js"));
    assert_eq!(staging.limits.cpu, Duration::from_millis(50));
    assert_eq!(staging.compatibility.date, "2026-06-02");
    assert_eq!(text_var(&staging, "GREETING"), Some("hello"));
    assert!(text_var(&staging, "LIMITS").is_none());
    assert_eq!(staging.vars.len(), 1);

    let top = load(dir.path(), "", Some("")).expect("valid");
    assert_eq!((top.name.as_str(), top.environment), ("shop", None));
    assert_eq!(top.environments, ["staging", "live"]);

    let live = load(dir.path(), "", Some("live")).expect("valid");
    assert_eq!(live.name, "shop-for-real");
    assert_eq!(live.main, dir.path().join("src/index.js"));
    assert!(live.vars.is_empty());
    let [warning] = &live.warnings[..] else { panic!("{:?}", live.warnings) };
    assert!(
        warning.contains("wrangler.toml:6:2") && warning.contains("env.live.vars"),
        "{warning}"
    );
}

#[test]
fn an_unknown_environment_names_those_there_are() {
    let dir = full();
    let error = load(dir.path(), "", Some("stagign")).expect_err("unknown");
    assert_eq!(error.hint.as_deref(), Some("did you mean \"staging\"?"));
    let error = load(dir.path(), "", Some("zzz")).expect_err("unknown");
    assert_eq!(error.hint.as_deref(), Some("it has: staging, live"));
    let bare = folder(&[("worker.js", "")]);
    assert!(load(bare.path(), "worker.js", Some("live")).is_err());
}

#[test]
fn errors_carry_line_column_and_frame() {
    let cases = [
        ("name = \"a\"\n  main = 5\n", (2, 10), "\"main\" must be a string, not a number"),
        ("main = \"worker.js\"\n[limits]\ncpu_ms = 0\n", (3, 10), "from 1 to 300000, not 0"),
        ("main = \"worker.js\"\n[limits]\ncpu_ms = 300001\n", (3, 10), "not 300001"),
        ("main = \"worker.js\"\n[limits]\ncpu_ms = \"50\"\n", (3, 10), "not a string"),
        ("main = \"worker.js\"\n[limits]\ncpu_ms = 1.5\n", (3, 10), "not 1.5"),
        ("main = \"worker.js\"\ncompatibility_date = \"soon\"\n", (2, 22), "is not a date"),
        ("main = \"worker.js\"\ncompatibility_date = \"2026-13-01\"\n", (2, 22), "is not a date"),
        ("main = \"worker.js\"\nvars = 1\n", (2, 8), "\"vars\" must be a table"),
        ("main = \"gone.js\"\n", (1, 8), "\"gone.js\" does not exist"),
        ("main = \"worker.js\"\n[[rules]]\ntype = \"Txt\"\nglobs = []\n", (3, 8), "\"Txt\""),
        ("main = \"worker.js\"\n[[rules]]\ntype = \"Text\"\n", (2, 1), "needs \"globs\""),
        ("main = \"worker.js\n", (1, 18), "not valid TOML"),
    ];
    for (text, position, message) in cases {
        let error = toml(text, None).expect_err(text);
        assert!(error.message.contains(message), "{text}: {error}");
        assert_eq!(error.position, Some(position), "{text}: {error}");
        assert!(error.code_frame.is_some(), "{text}");
        assert!(error.file.as_deref().is_some_and(|file| file.ends_with("wrangler.toml")));
    }
}

#[test]
fn json_errors_have_a_place_too() {
    let dir = folder(&[("wrangler.jsonc", "{\n  \"main\": nope\n}"), ("worker.js", "")]);
    let error = load(dir.path(), "", None).expect_err("not JSON");
    assert_eq!(error.position, Some((2, 11)), "{error}");
}

#[test]
fn unknown_keys_are_warned_of_with_the_nearest_known_one() {
    let config = toml("main = \"worker.js\"\ncompat_date = \"x\"\n[limits]\ncpu = 5\n", None)
        .expect("unknown keys are no errors");
    assert_eq!(config.warnings.len(), 2, "{:?}", config.warnings);
    assert!(config.warnings[0].ends_with(
        "wrangler.toml:2:1: unknown key \"compat_date\"; did you mean \"compatibility_date\"?"
    ));
    assert!(config.warnings[1].contains("unknown key \"limits.cpu\"; did you mean \"cpu_ms\"?"));
}

mod compatibility;
mod nested;
mod parts;
mod redirect;
mod secrets;

#[test]
fn bindings_that_do_nothing_yet_are_listed_once() {
    let config = toml(
        "main = \"worker.js\"\naccount_id = \"x\"\nplacement = { mode = \"smart\" }\n\
         [[vectorize]]\nbinding = \"A\"\nindex_name = \"a\"\n\
         [[vectorize]]\nbinding = \"B\"\nindex_name = \"b\"\n\
         [env.e.d1_databases]\n",
        None,
    )
    .expect("known keys are no errors");
    let [warning] = &config.warnings[..] else { panic!("{:?}", config.warnings) };
    assert!(warning.ends_with("does not act on these keys yet: placement, vectorize"), "{warning}");
}

#[test]
fn a_folder_is_searched_for_its_worker() {
    for name in ["worker.js", "index.js", "src/index.js", "src/worker.mjs"] {
        let dir = folder(&[(name, "")]);
        let config = load(dir.path(), "", None).expect(name);
        assert_eq!(config.main, dir.path().join(name));
    }
    let empty = folder(&[("readme.md", "")]);
    let error = load(empty.path(), "", None).expect_err("no Worker");
    assert!(error.message.starts_with("there is no Worker in "), "{error}");
    assert!(error.hint.is_some());
    let idle = folder(&[("wrangler.toml", "name = \"a\"\n")]);
    let error = load(idle.path(), "", None).expect_err("no Worker");
    assert!(error.message.ends_with("wrangler.toml names no Worker"), "{error}");
}

#[test]
fn a_missing_file_suggests_a_similar_one() {
    let dir = folder(&[("worker.js", "")]);
    for given in ["woker.js", "worker.ts", "Worker.js", "worker"] {
        let error = load(dir.path(), given, None).expect_err("missing");
        assert!(error.message.starts_with("there is no file "), "{error}");
        let hint = error.hint.expect("a hint");
        assert!(hint.ends_with("worker.js?"), "{given}: {hint}");
    }
    let error = load(dir.path(), "no/such/worker.js", None).expect_err("missing");
    assert!(error.hint.expect("a hint").contains("there is no folder"));
}

#[test]
fn the_command_line_beats_main() {
    let dir = folder(&[("wrangler.toml", "main = \"a.js\""), ("a.js", ""), ("b.js", "")]);
    let config = load(dir.path(), "b.js", None).expect("valid");
    assert_eq!(config.main, dir.path().join("b.js"));
    assert_eq!(config.name, "b");
}

#[test]
fn a_projects_configuration_is_found_from_its_main_file_only() {
    let dir = folder(&[
        ("wrangler.toml", "name = \"p\"\nmain = \"./src/index.js\""),
        ("src/index.js", ""),
        ("src/other.js", ""),
    ]);
    let config = load(dir.path(), "src/index.js", None).expect("valid");
    assert_eq!((config.name.as_str(), config.root.as_path()), ("p", dir.path()));
    let config = load(dir.path(), "src/other.js", None).expect("valid");
    assert_eq!((config.name.as_str(), config.file), ("other", None));
}

#[test]
fn a_configuration_can_be_named() {
    let dir = folder(&[("conf/prod.toml", "main = \"../a.js\""), ("a.js", "")]);
    let path = dir.path().join("conf/prod.toml");
    let config =
        Config::load(Selection { config: Some(&path), ..Selection::default() }).expect("valid");
    assert_eq!(config.main, dir.path().join("a.js"));
    assert_eq!(config.root, dir.path().join("conf"));

    let dir = folder(&[("wrangler.toml", "main = \"a.js\""), ("a.js", "")]);
    let config = load(dir.path(), "wrangler.toml", None).expect("valid");
    assert_eq!(config.main, dir.path().join("a.js"));

    let missing = dir.path().join("wrangle.toml");
    let error = Config::load(Selection { config: Some(&missing), ..Selection::default() })
        .expect_err("missing");
    assert!(error.hint.expect("a hint").ends_with("wrangler.toml?"));
}

#[test]
fn two_configurations_are_one_too_many() {
    let dir = folder(&[
        ("wrangler.toml", "name = \"t\""),
        ("wrangler.jsonc", "{\"name\": \"j\"}"),
        ("worker.js", ""),
    ]);
    let config = load(dir.path(), "worker.js", None).expect("valid");
    assert_eq!(config.name, "j");
    assert_eq!(config.warnings.len(), 1);
}
