//! `selvedge d1`: migrations, queries, dumps, and that a Worker sees what it wrote.

use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::{folder, run};
use crate::harness::Program;

const CONFIG: &str = "\
main = \"worker.js\"
[[d1_databases]]
binding = \"DB\"
database_name = \"shop\"
database_id = \"abc\"
";
const WORKER: &str = "\
export default {
  async fetch(request, env) {
    return Response.json((await env.DB.prepare('SELECT * FROM t ORDER BY a').all()).results);
  },
};
";

fn project() -> TempDir {
    folder(&[
        ("wrangler.toml", CONFIG),
        ("worker.js", WORKER),
        ("migrations/0001_t.sql", "CREATE TABLE t (a INTEGER PRIMARY KEY, b);\n"),
        (
            "migrations/0002_rows.sql",
            "INSERT INTO t VALUES (1, 'x');\nINSERT INTO t VALUES (2, NULL);",
        ),
    ])
}

/// Runs `selvedge d1`; it must work. Gives stdout.
#[track_caller]
fn d1(folder: &Path, args: &[&str]) -> String {
    let args: Vec<_> = std::iter::once(&"d1").chain(args).copied().collect();
    let ended = run(folder, &args);
    assert!(ended.status.success(), "{args:?}: {ended:?}");
    ended.stdout
}

/// The same, when it must fail with a text.
#[track_caller]
fn fails(folder: &Path, args: &[&str], says: &str) {
    let args: Vec<_> = std::iter::once(&"d1").chain(args).copied().collect();
    let ended = run(folder, &args);
    assert_eq!(ended.status.code(), Some(1), "{args:?}: {ended:?}");
    assert!(ended.stderr.contains(says), "{args:?} does not say {says:?}: {}", ended.stderr);
    assert!(ended.stderr.starts_with("error: ") && !ended.stderr.contains("panicked"), "{ended:?}");
}

#[test]
fn migrations_are_applied_once_and_in_order() {
    let project = project();
    let path = project.path();
    assert_eq!(d1(path, &["migrations", "list", "shop"]), "0001_t.sql\n0002_rows.sql\n");
    d1(path, &["migrations", "apply", "DB"]);
    assert_eq!(d1(path, &["migrations", "list", "shop"]), "");
    d1(path, &["migrations", "apply", "shop"]);
    let mut program = Program::selvedge(path, &["run", "--port", "0"]);
    let rows = program.connect().get("/").json();
    assert_eq!(rows, json!([{ "a": 1, "b": "x" }, { "a": 2, "b": null }]));
    // A server that runs does what is asked for.
    let made = d1(path, &["migrations", "create", "shop", "more rows"]);
    assert!(made.trim().ends_with("migrations/0003_more_rows.sql"), "{made}");
    let file = path.join("migrations/0003_more_rows.sql");
    std::fs::write(&file, "INSERT INTO t VALUES (3, 'y'); INSERT INTO t VALUES (1, 'twice');")
        .expect("written");
    fails(path, &["migrations", "apply", "shop"], "UNIQUE constraint failed: t.a");
    assert_eq!(program.connect().get("/").json(), rows, "it was undone");
    assert_eq!(d1(path, &["migrations", "list", "shop"]), "0003_more_rows.sql\n");
    std::fs::write(&file, "INSERT INTO t VALUES (3, 'y');").expect("written");
    d1(path, &["migrations", "apply", "shop"]);
    assert_eq!(program.connect().get("/").json().as_array().map(Vec::len), Some(3));
}

#[test]
fn rows_are_printed_as_a_table_or_as_json() {
    let project = project();
    let path = project.path();
    d1(path, &["migrations", "apply", "shop"]);
    let select = "SELECT a, b FROM t; SELECT count(*) AS n FROM t";
    let table = d1(path, &["execute", "shop", "--command", select]);
    assert_eq!(table, "a  b\n-  -\n1  x\n2  NULL\nn\n-\n2\n");
    let json = d1(path, &["execute", "shop", "--json", "--command", select]);
    let json: Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(json[0]["results"], json!([{ "a": 1, "b": "x" }, { "a": 2, "b": null }]));
    assert_eq!(json[1]["results"], json!([{ "n": 2 }]));
    fails(path, &["execute", "shop", "--command", "nonsense"], "near \"nonsense\": syntax error");
    fails(path, &["execute", "none", "--command", "SELECT 1"], "there is no database \"none\"");
}

#[test]
fn what_is_exported_can_be_imported() {
    let project = project();
    let path = project.path();
    d1(path, &["migrations", "apply", "shop"]);
    d1(path, &["export", "shop", "--output", "all.sql"]);
    let id = d1(path, &["create", "copy"]);
    assert!(id.contains("database_name = \"copy\""), "{id}");
    d1(path, &["import", "copy", "all.sql"]);
    assert_eq!(d1(path, &["export", "copy"]), d1(path, &["export", "shop"]));
    fails(path, &["import", "copy", "all.sql"], "already exists");
    fails(path, &["create", "copy"], "a database with the title \"copy\" already exists");
    let listed: Value = serde_json::from_str(&d1(path, &["list", "--json"])).expect("JSON");
    let names: Vec<_> = listed.as_array().expect("a list").iter().map(|one| &one["name"]).collect();
    assert_eq!(names, [&json!("abc"), &json!("copy")]);
    assert!(d1(path, &["info", "copy"]).contains("num_tables"), "tables are counted");
    fails(path, &["delete", "copy"], "nothing was done");
    d1(path, &["delete", "copy", "-y"]);
    fails(path, &["export", "copy"], "there is no database \"copy\"");
}

#[test]
fn a_database_goes_back_by_bookmark_and_by_time() {
    let project = project();
    let path = project.path();
    d1(path, &["migrations", "apply", "shop"]);
    let count = || {
        let select = "SELECT count(*) AS n FROM sqlite_schema WHERE name = 'kept'";
        let json = d1(path, &["execute", "shop", "--json", "--command", select]);
        let json: Value = serde_json::from_str(&json).expect("JSON");
        json[0]["results"][0]["n"].as_i64()
    };
    d1(path, &["execute", "shop", "--command", "CREATE TABLE kept (a)"]);
    let mark = d1(path, &["time-travel", "info", "shop"]).trim().to_owned();
    let time = chrono::Utc::now().to_rfc3339_opts(chrono::SecondsFormat::Millis, true);
    d1(path, &["execute", "shop", "--command", "DROP TABLE kept"]);
    assert_eq!(count(), Some(0));
    let undo = d1(path, &["time-travel", "restore", "shop", "--bookmark", &mark]);
    assert_eq!(count(), Some(1));
    let json = ["time-travel", "restore", "shop", "--json", "--bookmark", undo.trim()];
    let json: Value = serde_json::from_str(&d1(path, &json)).expect("JSON");
    assert_eq!((json["bookmark"].as_str(), count()), (Some(undo.trim()), Some(0)));
    d1(path, &["time-travel", "restore", "shop", "--timestamp", &time]);
    assert_eq!(count(), Some(1));
    let info = |at: &'static str| ["time-travel", "info", "shop", "--timestamp", at];
    fails(path, &info("yesterday"), "is no time");
    fails(path, &info("1000000000"), "more than 30 days ago");
    let wrong = ["time-travel", "restore", "shop", "--bookmark", "x"];
    fails(path, &wrong, "Not a bookmark of this database.");
}
