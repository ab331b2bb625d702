//! Variables from files, from the environment and from the command line.

use std::path::Path;

use selvedge_runtime::EnvValue;

use super::{folder, load};
use crate::config::{Config, Diagnostic, Selection, VarOptions, VarSource};

fn with(dir: &Path, env: Option<&str>, options: &VarOptions) -> Result<Config, Diagnostic> {
    Config::load(Selection { file: Some(dir), config: None, env, vars: Some(options) })
}

/// Names and values, sorted.
fn pairs(config: &Config) -> Vec<(String, String)> {
    let mut pairs: Vec<_> = config
        .vars
        .iter()
        .map(|var| match &var.value {
            EnvValue::Text(text) => (var.name.clone(), text.clone()),
            other => panic!("{other:?}"),
        })
        .collect();
    pairs.sort();
    pairs
}

fn owned(list: &[(&str, &str)]) -> Vec<(String, String)> {
    list.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

const TOML: &str = "main = \"worker.js\"\n[vars]\nA = \"vars\"\nB = \"vars\"\n\
                    [env.live.vars]\nA = \"live\"\n";

#[test]
fn dev_vars_win_over_vars_and_keep_env_files_out() {
    let dir = folder(&[
        ("wrangler.toml", TOML),
        ("worker.js", ""),
        (".dev.vars", "A=dev\nC=\"dev $A\""),
        (".env", "D=env"),
    ]);
    let config = load(dir.path(), "", None).expect("valid");
    assert_eq!(pairs(&config), owned(&[("A", "dev"), ("B", "vars"), ("C", "dev $A")]));
    let var = config.vars.iter().find(|var| var.name == "C").expect("C");
    assert_eq!(var.source, VarSource::File(dir.path().join(".dev.vars")));
    assert_eq!((var.line().kind, var.line().value.as_str()), ("Secret", "(hidden)"));
    assert_eq!(config.secret_files, [dir.path().join(".dev.vars")]);
    assert!(config.watched.contains(&dir.path().join(".env.local")));
}

#[test]
fn an_environment_has_its_own_dev_vars() {
    let dir = folder(&[
        ("wrangler.toml", TOML),
        ("worker.js", ""),
        (".dev.vars", "C=all"),
        (".dev.vars.live", "D=live"),
    ]);
    let live = load(dir.path(), "", Some("live")).expect("valid");
    assert_eq!(pairs(&live), owned(&[("A", "live"), ("D", "live")]));
}

#[test]
fn env_files_follow_each_other() {
    let dir = folder(&[
        ("wrangler.toml", TOML),
        ("worker.js", ""),
        (".env", "A=1\nC=1\nD=1\nE=1"),
        (".env.local", "C=2\nD=2\nE=2"),
        (".env.live", "D=3\nE=3"),
        (".env.live.local", "E=4 ${D}"),
    ]);
    let live = load(dir.path(), "", Some("live")).expect("valid");
    assert_eq!(pairs(&live), owned(&[("A", "1"), ("C", "2"), ("D", "3"), ("E", "4 3")]));
    let plain = load(dir.path(), "", None).expect("valid");
    assert_eq!(
        pairs(&plain),
        owned(&[("A", "1"), ("B", "vars"), ("C", "2"), ("D", "2"), ("E", "2")])
    );
    let options = VarOptions { skip_dot_env: true, ..VarOptions::default() };
    let skipped = with(dir.path(), None, &options).expect("valid");
    assert_eq!(pairs(&skipped), owned(&[("A", "vars"), ("B", "vars")]));
}

#[test]
fn the_command_line_wins_over_all() {
    let dir = folder(&[("wrangler.toml", TOML), ("worker.js", ""), (".dev.vars", "A=dev")]);
    let options =
        VarOptions { vars: owned(&[("A", "flag"), ("N", "new")]), ..VarOptions::default() };
    let config = with(dir.path(), None, &options).expect("valid");
    assert_eq!(pairs(&config), owned(&[("A", "flag"), ("B", "vars"), ("N", "new")]));
    let var = config.vars.iter().find(|var| var.name == "A").expect("A");
    assert_eq!(var.source, VarSource::CommandLine);
    assert_eq!(var.line().value, "\"flag\"");
}

#[test]
fn named_files_take_the_place_of_the_usual_ones() {
    let dir = folder(&[
        ("wrangler.toml", TOML),
        ("worker.js", ""),
        (".dev.vars", "A=dev"),
        ("one.env", "A=1\nC=1"),
        ("two.env", "C=2"),
    ]);
    let files = vec![dir.path().join("one.env"), dir.path().join("two.env")];
    let options = VarOptions { files, ..VarOptions::default() };
    let config = with(dir.path(), None, &options).expect("valid");
    assert_eq!(pairs(&config), owned(&[("A", "1"), ("B", "vars"), ("C", "2")]));
    let options = VarOptions { files: vec![dir.path().join("gone.env")], ..VarOptions::default() };
    let error = with(dir.path(), None, &options).expect_err("missing");
    assert!(error.message.starts_with("there is no file "), "{error}");
    assert!(error.hint.is_some());
}

#[test]
fn required_secrets_choose_and_are_missed() {
    let text = "main = \"worker.js\"\n[secrets]\nrequired = [\"TOKEN\", \"KEY\", \"GONE\"]\n";
    let dir =
        folder(&[("wrangler.toml", text), ("worker.js", ""), (".env", "TOKEN=file\nOTHER=1")]);
    let environment = owned(&[("KEY", "outside"), ("PATH", "/bin")]);
    let options = VarOptions { environment, ..VarOptions::default() };
    let config = with(dir.path(), None, &options).expect("valid");
    assert_eq!(pairs(&config), owned(&[("KEY", "outside"), ("TOKEN", "file")]));
    assert_eq!(
        config.warnings,
        ["Missing required secrets: GONE. Add them to .dev.vars, .env, or set as environment \
          variables."]
    );
    assert_eq!(config.required_secrets.map(|names| names.len()), Some(3));
}

#[test]
fn the_environment_comes_in_only_when_it_is_asked() {
    let dir = folder(&[("wrangler.toml", "main = \"worker.js\""), ("worker.js", "")]);
    let environment = owned(&[("HOME", "/x")]);
    let options = VarOptions { environment, ..VarOptions::default() };
    assert_eq!(pairs(&with(dir.path(), None, &options).expect("valid")), owned(&[]));
    let options = VarOptions { include_environment: true, ..options };
    let config = with(dir.path(), None, &options).expect("valid");
    assert_eq!(pairs(&config), owned(&[("HOME", "/x")]));
    assert_eq!(config.vars[0].source, VarSource::Environment);
}

#[test]
fn a_bare_worker_has_secrets_too() {
    let dir = folder(&[("worker.js", ""), (".dev.vars", "A=1")]);
    assert_eq!(pairs(&load(dir.path(), "worker.js", None).expect("valid")), owned(&[("A", "1")]));
}

#[test]
fn files_that_cannot_be_read_are_errors() {
    let dir = folder(&[("worker.js", "")]);
    std::fs::write(dir.path().join(".dev.vars"), [0xff, 0xfe]).expect("a file");
    let error = load(dir.path(), "worker.js", None).expect_err("not UTF-8");
    assert!(error.message.ends_with("it is not UTF-8"), "{error}");
    std::fs::write(dir.path().join(".dev.vars"), "x".repeat(1024 * 1024 + 1)).expect("a file");
    let error = load(dir.path(), "worker.js", None).expect_err("too large");
    assert!(error.message.ends_with("it is larger than 1 MiB"), "{error}");
    std::fs::remove_file(dir.path().join(".dev.vars")).expect("it is there");
    std::fs::create_dir(dir.path().join(".env")).expect("a folder");
    assert!(load(dir.path(), "worker.js", None).is_ok(), "a folder is no file of variables");
}
