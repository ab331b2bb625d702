//! `selvedge do`, and the migrations that `run` and `dev` apply.

use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::{folder, run};
use crate::harness::{Program, eventually};

const CONFIG: &str = "\
name = \"app\"
main = \"worker.js\"
[[durable_objects.bindings]]
name = \"COUNTER\"
class_name = \"Counter\"
[[migrations]]
tag = \"v1\"
new_sqlite_classes = [\"Counter\"]
";
const WORKER: &str = "\
export class Counter {}
export class Tally {}
export default { fetch() { return new Response('x'); } };
";

/// A project whose namespaces were made by a server that ran once.
fn project() -> TempDir {
    let folder = folder(&[("wrangler.toml", CONFIG), ("worker.js", WORKER)]);
    start_once(folder.path());
    folder
}

/// Starts a server and ends it; gives what it printed.
fn start_once(folder: &Path) -> String {
    let mut program = Program::selvedge(folder, &["run", "--port", "0"]);
    program.address();
    program.stderr.text()
}

/// Runs `selvedge do` with these words; it must work. Gives stdout.
#[track_caller]
fn works(folder: &Path, args: &[&str]) -> String {
    let all: Vec<_> = std::iter::once(&"do").chain(args).copied().collect();
    let ended = run(folder, &all);
    assert!(ended.status.success(), "{args:?}: {ended:?}");
    ended.stdout
}

#[track_caller]
fn as_json(folder: &Path, args: &[&str]) -> Value {
    let text = works(folder, args);
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{args:?}: {error}: {text}"))
}

/// The same, when it must fail with a text.
#[track_caller]
fn fails(folder: &Path, args: &[&str], says: &str) {
    let all: Vec<_> = std::iter::once(&"do").chain(args).copied().collect();
    let ended = run(folder, &all);
    assert_eq!(ended.status.code(), Some(1), "{args:?}: {ended:?}");
    assert!(ended.stderr.contains(says), "{args:?} does not say {says:?}: {}", ended.stderr);
    assert!(ended.stderr.starts_with("error: ") && !ended.stderr.contains("panicked"), "{ended:?}");
}

#[test]
fn values_are_written_and_read_by_name_and_by_id() {
    let folder = project();
    let path = folder.path();
    assert_eq!(as_json(path, &["list", "COUNTER", "--json"]), json!([]));
    fails(path, &["get", "COUNTER", "tokyo"], "there is no object \"tokyo\" with data");
    fails(path, &["put", "COUNTER", "tokyo", "value", "42"], "--write says that you mean it");
    fails(path, &["put", "COUNTER", "tokyo", "value", "x y", "--write"], "is no JSON");
    works(path, &["put", "COUNTER", "tokyo", "value", "42", "--write"]);
    let list = "{\"list\":[1.5,null,\"\u{e4}\u{1f600}\"]}";
    works(path, &["put", "Counter", "tokyo", "more", list, "--write"]);
    works(path, &["put", "COUNTER", "oslo", "value", "-1", "--write"]);
    let all = as_json(path, &["get", "COUNTER", "tokyo"]);
    assert_eq!(all, json!({ "value": 42, "more": { "list": [1.5, null, "\u{e4}\u{1f600}"] } }));
    assert_eq!(works(path, &["get", "COUNTER", "tokyo", "value"]), "42\n");
    assert_eq!(
        as_json(path, &["get", "COUNTER", "tokyo", "--prefix", "v"]),
        json!({ "value": 42 })
    );

    let objects = as_json(path, &["list", "COUNTER", "--json"]);
    let named = |name: &str| {
        let objects = objects.as_array().expect("a list");
        objects.iter().find(|object| object["name"] == name).expect("it is listed").clone()
    };
    assert_eq!(objects.as_array().map(Vec::len), Some(2));
    let id = named("tokyo")["id"].as_str().expect("an id").to_owned();
    assert!(named("tokyo")["bytes"].as_u64().is_some_and(|bytes| bytes > 0), "{objects}");
    assert_eq!(works(path, &["get", "COUNTER", &id, "value"]), "42\n");
    let only = as_json(path, &["list", "COUNTER", "--json", "--prefix", "os"]);
    assert_eq!(only, json!([named("oslo")]));
    assert!(works(path, &["list", "COUNTER"]).contains("tokyo"));

    fails(path, &["get", "COUNTER", "tokyo", "nothing"], "there is no key \"nothing\"");
    fails(path, &["get", "COUNTER", &"0".repeat(64)], "is not of the namespace");
    fails(path, &["delete", "COUNTER", "tokyo", "value"], "--write says that you mean it");
    works(path, &["delete", "COUNTER", "tokyo", "value", "--write"]);
    fails(path, &["get", "COUNTER", "tokyo", "value"], "there is no key \"value\"");
    works(path, &["delete", "COUNTER", "oslo", "--write"]);
    assert_eq!(as_json(path, &["list", "COUNTER", "--json"]).as_array().map(Vec::len), Some(1));
}

#[test]
fn a_worker_and_the_command_see_the_same_values() {
    let worker = "\
export class Counter {
  constructor(state) { this.storage = state.storage; }
  async fetch(request) {
    if (request.method === 'GET') return Response.json([...await this.storage.list()]);
    const shared = { x: 1 };
    await this.storage.put({
      number: 42, text: 'caf\\u00e9 \\u{1f600}', big: -12n, date: new Date(1700000000123),
      map: new Map([['k', new Set([1])]]), bytes: new Uint8Array([1, 2, 3]).subarray(1),
      nothing: [undefined],
      list: [1.5, , null], twice: [shared, shared], pattern: /a.b/gi, error: Object.assign(new RangeError('bad'), { code: 5, inner: new DOMException('x') }),
    });
    return new Response('stored');
  }
}
export default {
  fetch(request, env) { return env.COUNTER.get(env.COUNTER.idFromName('all')).fetch(request); },
};
";
    let folder = folder(&[("wrangler.toml", CONFIG), ("worker.js", worker)]);
    let path = folder.path();
    let mut server = Program::selvedge(path, &["run", "--port", "0"]);
    assert_eq!(server.connect().request("POST", "/", &[], b"").text(), "stored");
    drop(server);
    let mut values = as_json(path, &["get", "COUNTER", "all"]);
    let stack = values["error"]["stack"].take();
    assert!(stack.as_str().is_some_and(|it| it.starts_with("RangeError: bad\n    at ")), "{stack}");
    assert_eq!(
        values,
        json!({
            "number": 42,
            "text": "caf\u{e9} \u{1f600}",
            "big": { "$bigint": "-12" },
            "date": { "$date": "2023-11-14T22:13:20.123Z" },
            "map": { "$map": [["k", { "$set": [1] }]] },
            "bytes": { "$bytes": "AgM=", "class": "Uint8Array" },
            "list": [1.5, "<empty>", null],
            "twice": [{ "x": 1 }, "<as before>"],
            "nothing": ["<undefined>"],
            "pattern": "</a.b/gi>",
            "error": {
                "$error": "RangeError",
                "message": "bad",
                "stack": null,
                "code": 5,
                "inner": "<an object of the platform>",
            },
        })
    );
    assert_eq!(as_json(path, &["list", "COUNTER", "--json"])[0]["name"], "all");
    works(path, &["delete", "COUNTER", "all", "--write"]);
    let value = json!({ "5": ["caf\u{e9}", "\u{3b1}\u{1f600}", -1, 4e9, 1.5, null, true, {}] });
    works(path, &["put", "COUNTER", "all", "one", &value.to_string(), "--write"]);
    let mut server = Program::selvedge(path, &["run", "--port", "0"]);
    let seen: Value = serde_json::from_str(&server.connect().get("/").text()).expect("JSON");
    let seen_whole = json!({ "5": ["caf\u{e9}", "\u{3b1}\u{1f600}", -1, 4_000_000_000_u64, 1.5, null, true, {}] });
    assert_eq!(seen, json!([["one", seen_whole]]));
}

#[test]
fn sql_prints_tables_and_writes_only_when_asked() {
    let folder = project();
    let path = folder.path();
    let create = "CREATE TABLE items (id INTEGER PRIMARY KEY, title TEXT, done INTEGER)";
    works(path, &["sql", "COUNTER", "ada", create, "--write"]);
    let insert = "INSERT INTO items (title, done) VALUES ('buy milk', 0), (NULL, 1)";
    fails(path, &["sql", "COUNTER", "ada", insert], "this query writes");
    assert_eq!(
        as_json(path, &["sql", "COUNTER", "ada", "SELECT * FROM items", "--json"]),
        json!([])
    );
    works(path, &["sql", "COUNTER", "ada", insert, "--write"]);
    assert_eq!(
        works(path, &["sql", "COUNTER", "ada", "SELECT * FROM items ORDER BY id"]),
        "id  title     done\n--  --------  ----\n1   buy milk  0\n2   NULL      1\n"
    );
    let rows = as_json(path, &["sql", "COUNTER", "ada", "SELECT title FROM items", "--json"]);
    assert_eq!(rows, json!([{ "title": "buy milk" }, { "title": null }]));
    fails(path, &["sql", "COUNTER", "ada", "SELEC 1"], "syntax error");
    works(path, &["put", "COUNTER", "ada", "key", "1", "--write"]);
    fails(path, &["sql", "COUNTER", "ada", "SELECT * FROM _cf_KV"], "SQLITE_AUTH");
    let info = as_json(path, &["info", "COUNTER", "ada"]);
    assert_eq!(info["tables"], json!(["items"]), "{info}");
    assert_eq!((&info["name"], &info["storage"]), (&json!("ada"), &json!("sqlite")), "{info}");
}

#[test]
fn alarms_are_shown_set_and_deleted() {
    let folder = project();
    let path = folder.path();
    let time = "2030-01-02T03:04:05.006Z";
    fails(path, &["alarm", "COUNTER", "a", "--set", time], "--write says that you mean it");
    fails(path, &["alarm", "COUNTER", "a", "--set", "soon", "--write"], "is no time");
    works(path, &["alarm", "COUNTER", "a", "--set", time, "--write"]);
    assert_eq!(works(path, &["alarm", "COUNTER", "a"]), format!("{time}\n"));
    assert_eq!(as_json(path, &["list", "COUNTER", "--json"])[0]["alarm"], time);
    works(path, &["alarm", "COUNTER", "a", "--delete", "--write"]);
    assert_eq!(works(path, &["alarm", "COUNTER", "a"]), "none\n");
}

#[test]
fn what_is_not_there_and_what_is_in_use_is_said() {
    let empty = folder(&[("wrangler.toml", CONFIG), ("worker.js", WORKER)]);
    fails(empty.path(), &["list"], "there are no Durable Objects in ");
    assert!(!empty.path().join(".selvedge").exists(), "looking makes no folder");

    let folder = project();
    fails(folder.path(), &["list", "NOTHING"], "hint: there is COUNTER, Counter");
    fails(folder.path(), &["evict", "COUNTER"], "no process has the data folder");
    let namespaces = as_json(folder.path(), &["list", "--json"]);
    assert_eq!(namespaces[0]["class"], "Counter");
    let id = namespaces[0]["id"].as_str().expect("an id");
    assert_eq!(as_json(folder.path(), &["list", id, "--json"]), json!([]));
}

#[test]
fn a_renamed_class_keeps_its_objects_and_a_deleted_one_loses_them() {
    let folder = project();
    let path = folder.path();
    works(path, &["put", "COUNTER", "tokyo", "value", "42", "--write"]);
    let renamed = CONFIG.replace("class_name = \"Counter\"", "class_name = \"Tally\"")
        + "[[migrations]]\ntag = \"v2\"\nrenamed_classes = [{ from = \"Counter\", to = \"Tally\" }]\n";
    std::fs::write(path.join("wrangler.toml"), &renamed).expect("written");
    start_once(path);
    assert_eq!(works(path, &["get", "COUNTER", "tokyo", "value"]), "42\n");
    assert_eq!(as_json(path, &["list", "--json"])[0]["class"], "Tally");

    let unbound = renamed
        .replace("[[durable_objects.bindings]]\nname = \"COUNTER\"\nclass_name = \"Tally\"\n", "");
    let deleted = unbound + "[[migrations]]\ntag = \"v3\"\ndeleted_classes = [\"Tally\"]\n";
    std::fs::write(path.join("wrangler.toml"), deleted).expect("written");
    start_once(path);
    assert_eq!(as_json(path, &["list", "--json"]), json!([]));
    let left: Vec<_> = std::fs::read_dir(path.join(".selvedge/do"))
        .expect("the folder")
        .flatten()
        .filter(|entry| entry.path().is_dir())
        .collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn a_migration_that_does_not_fit_stops_run_and_waits_in_dev() {
    let folder = project();
    let path = folder.path();
    let wrong = CONFIG.replace("[\"Counter\"]", "[\"Tally\"]")
        + "[[migrations]]\ntag = \"v2\"\nnew_classes = [\"Counter\"]\n";
    std::fs::write(path.join("wrangler.toml"), &wrong).expect("written");
    let message = "Cannot apply new-class migration to class 'Counter' that is already depended on";
    let ended = run(path, &["run", "--port", "0"]);
    assert_eq!(ended.status.code(), Some(1), "{ended:?}");
    assert!(ended.stderr.contains(message), "{ended:?}");
    assert!(ended.stderr.contains("wrangler.toml:11:16"), "{ended:?}");

    let mut dev = Program::selvedge(path, &["dev", "--port", "0"]);
    let page = dev.connect().get("/").text();
    assert!(page.contains(message), "{page}");
    std::fs::write(path.join("wrangler.toml"), CONFIG).expect("written");
    let address = dev.address();
    eventually("it serves again", || {
        (crate::harness::Client::connect(address).get("/").text() == "x").then_some(())
    });
}

#[test]
fn a_class_that_is_not_exported_is_warned_of() {
    let folder = folder(&[
        ("wrangler.toml", CONFIG),
        ("worker.js", "export default { fetch() { return new Response('x'); } };"),
    ]);
    let mut program = Program::selvedge(folder.path(), &["run", "--port", "0"]);
    program.address();
    let said = "Cannot create binding for class Counter that is not exported by the script";
    eventually("it is said", || {
        let text = program.stdout.text() + &program.stderr.text();
        text.contains(said).then_some(())
    });
    assert_eq!(program.connect().get("/").text(), "x");
}
