//! `selvedge secrets-store`: secrets of this machine, and that Workers read them.

use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::{folder, run};
use crate::harness::Program;

const CONFIG: &str = "\
main = \"worker.js\"
[[secrets_store_secrets]]
binding = \"TOKEN\"
store_id = \"shared\"
secret_name = \"TOKEN\"
";
const WORKER: &str = "\
export default {
  async fetch(request, env) {
    try {
      return Response.json([env.TOKEN.constructor.name, Object.keys(env.TOKEN), await env.TOKEN.get()]);
    } catch (error) {
      return Response.json(`${error.name}: ${error.message}`);
    }
  },
};
";

fn project() -> TempDir {
    folder(&[("wrangler.toml", CONFIG), ("worker.js", WORKER)])
}

/// Runs `selvedge secrets-store secret`; it must work. Gives stdout.
#[track_caller]
fn secret(folder: &Path, args: &[&str]) -> String {
    let args: Vec<_> = ["secrets-store", "secret"].iter().chain(args).copied().collect();
    let ended = run(folder, &args);
    assert!(ended.status.success(), "{args:?}: {ended:?}");
    ended.stdout.trim().to_owned()
}

#[test]
fn a_worker_reads_what_the_command_line_wrote() {
    let project = project();
    let path = project.path();
    let made = ["create", "shared", "--name", "TOKEN", "--value", "one-of-them"];
    let id = secret(path, &made);
    let mut program = Program::selvedge(path, &["run", "--port", "0"]);
    let mut client = program.connect();
    let said = |text: &str| json!(["SecretsStoreSecret", [], text]);
    assert_eq!(client.get("/").json(), said("one-of-them"));

    // The server that runs does what is asked for, and the Worker sees it at once.
    secret(path, &["update", "shared", "--secret-id", &id, "--value", "another", "--comment", "c"]);
    assert_eq!(client.get("/").json(), said("another"));
    let listed = secret(path, &["list", "shared", "--json"]);
    assert!(!listed.contains("another"), "{listed}");
    let listed: Value = serde_json::from_str(&listed).expect("JSON");
    assert_eq!(listed[0]["name"], "TOKEN");
    assert_eq!((&listed[0]["comment"], &listed[0]["scopes"]), (&json!("c"), &json!(["workers"])));
    let copy = secret(path, &["duplicate", "shared", "--secret-id", &id, "--name", "COPY"]);
    assert_ne!(copy, id);
    secret(path, &["delete", "shared", "--secret-id", &id, "--yes"]);
    let missing = json!("Error: Secret \"TOKEN\" not found");
    assert_eq!(client.get("/").json(), missing);
    let said = format!("{}{}", program.stdout.text(), program.stderr.text());
    assert!(said.contains("GET /") && !said.contains("one-of-them"), "{said}");
}

#[test]
fn mistakes_are_told() {
    let project = project();
    let path = project.path();
    let fails = |args: &[&str], says: &str| {
        let args: Vec<_> = std::iter::once(&"secrets-store").chain(args).copied().collect();
        let ended = run(path, &args);
        assert_eq!(ended.status.code(), Some(1), "{args:?}: {ended:?}");
        assert!(ended.stderr.contains(says), "{args:?}: {}", ended.stderr);
    };
    fails(&["store", "create", "x"], "a store is there as soon as it has a secret");
    fails(
        &["secret", "create", "s", "--name", "a b", "--value", "x"],
        "Secret name may only contain alphanumeric characters, underscores, or dashes.",
    );
    fails(&["secret", "get", "s", "--secret-id", "none"], "Secret not found");
    fails(&["secret", "update", "s", "--secret-id", "none"], "nothing to change");
    let long = "x".repeat(65 * 1024);
    let long = ["secret", "create", "s", "--name", "A", "--value", &long];
    fails(&long, "Secret value cannot exceed 65536 bytes (got 66560).");
}
