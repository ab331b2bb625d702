//! `selvedge kv`: what it prints, what it refuses, and that a Worker sees what
//! it wrote.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::{folder, run};
use crate::harness::{Program, selvedge};

const CONFIG: &str = "\
main = \"worker.js\"
[[kv_namespaces]]
binding = \"KV\"
id = \"abc\"
[[kv_namespaces]]
binding = \"BARE\"
[[env.live.kv_namespaces]]
binding = \"KV\"
id = \"live\"
";
const WORKER: &str = "\
export default {
  async fetch(request, env) {
    const { value, metadata } = await env.KV.getWithMetadata('greeting');
    return Response.json({ value, metadata });
  },
};
";

fn project() -> TempDir {
    folder(&[("wrangler.toml", CONFIG), ("worker.js", WORKER)])
}

/// Runs `selvedge kv` with the words of a line; it must work. Gives stdout.
#[track_caller]
fn kv(folder: &Path, line: &str) -> String {
    let args: Vec<_> = std::iter::once("kv").chain(line.split(' ')).collect();
    let ended = run(folder, &args);
    assert!(ended.status.success(), "{line}: {ended:?}");
    ended.stdout
}

/// The same, when it must fail with a text.
#[track_caller]
fn fails(folder: &Path, args: &[&str], says: &str) {
    let all: Vec<_> = std::iter::once(&"kv").chain(args).copied().collect();
    let ended = run(folder, &all);
    assert_eq!(ended.status.code(), Some(1), "{args:?}: {ended:?}");
    assert!(ended.stderr.contains(says), "{args:?} does not say {says:?}: {}", ended.stderr);
    assert!(ended.stderr.starts_with("error: ") && !ended.stderr.contains("panicked"), "{ended:?}");
}

/// The same with bytes on stdin and stdout.
fn piped(folder: &Path, line: &str, input: &[u8]) -> Vec<u8> {
    let mut child = Command::new(selvedge())
        .arg("kv")
        .args(line.split(' '))
        .current_dir(folder)
        .env_remove("SELVEDGE_DATA_DIR")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("started");
    let mut stdin = child.stdin.take().expect("piped");
    stdin.write_all(input).expect("it reads");
    drop(stdin);
    let output = child.wait_with_output().expect("it ends");
    assert!(output.status.success(), "{line}");
    output.stdout
}

#[test]
fn a_worker_sees_what_the_command_wrote() {
    let folder = project();
    kv(folder.path(), "key put --binding KV greeting hello --ttl 3600 --metadata {\"by\":\"ada\"}");
    let mut program = Program::selvedge(folder.path(), &["run", "--port", "0"]);
    let answer: Value =
        serde_json::from_str(&program.connect().get("/").text()).expect("it answers in JSON");
    assert_eq!(answer, json!({ "value": "hello", "metadata": { "by": "ada" } }));
    // And the command what the server has.
    assert_eq!(kv(folder.path(), "key get --binding KV greeting"), "hello");
}

#[test]
fn values_are_bytes_and_come_back_as_they_were() {
    let folder = project();
    let value: Vec<u8> = (0..3_000_000u32).map(|at| (at / 7 % 256) as u8).collect();
    std::fs::write(folder.path().join("value"), &value).expect("written");
    kv(folder.path(), "key put --binding KV large --path value");
    assert!(piped(folder.path(), "key get --binding KV large", b"") == value);
    piped(folder.path(), "key put --binding KV piped --path -", &value[..100]);
    assert!(piped(folder.path(), "key get --namespace-id abc piped", b"") == value[..100]);
    kv(folder.path(), "key put --binding KV empty --path /dev/null");
    assert_eq!(kv(folder.path(), "key get --binding KV empty"), "");
    kv(folder.path(), "key put --binding KV text \u{e4}");
    assert_eq!(kv(folder.path(), "key get --binding KV text"), "\u{e4}");
    assert_eq!(kv(folder.path(), "key get --binding KV text --text"), "\u{e4}\n");
}

#[test]
fn environments_and_bindings_name_namespaces() {
    let folder = project();
    kv(folder.path(), "key put --binding KV a 1");
    kv(folder.path(), "key put --binding KV a 2 --env live");
    kv(folder.path(), "key put --binding BARE a 3");
    assert_eq!(kv(folder.path(), "key get --namespace-id abc a"), "1");
    assert_eq!(kv(folder.path(), "key get --namespace-id live a"), "2");
    assert_eq!(kv(folder.path(), "key get --namespace-id BARE a"), "3");
    let get = |extra: &[&'static str]| [&["key", "get", "a"], extra].concat();
    fails(folder.path(), &get(&["--binding", "NONE"]), "there is \"KV\", \"BARE\"");
    fails(folder.path(), &get(&["--namespace-id", "none"]), "no namespace with the id \"none\"");
    fails(folder.path(), &get(&[]), "--binding NAME or --namespace-id ID");
    fails(folder.path(), &get(&["--binding", "KV", "--env", "none"]), "none");
    let empty = super::folder(&[]);
    fails(empty.path(), &get(&["--binding", "KV"]), "no configuration in this folder");
}

#[test]
fn a_binding_is_found_without_the_worker() {
    let config = format!("{CONFIG}[build]\ncommand = \"exit 1\"\n");
    let folder = folder(&[("wrangler.toml", &config)]);
    kv(folder.path(), "key put --binding KV a 1");
    assert_eq!(kv(folder.path(), "key get --binding KV a"), "1");
    // Mistakes are still told with their place.
    let broken = "[[kv_namespaces]]\nbinding = \"KV\"\nid = 7\n";
    std::fs::write(folder.path().join("wrangler.toml"), broken).expect("written");
    fails(folder.path(), &["key", "get", "--binding", "KV", "a"], "wrangler.toml:3:6");
}

#[test]
fn lists_are_json_in_order_and_whole() {
    let folder = project();
    assert_eq!(kv(folder.path(), "key list --binding KV"), "[]\n");
    let lines: String = (0..2500)
        .map(|number| format!("{{\"key\":\"user:{number:04}\",\"value\":\"{number}\"}}\n"))
        .collect();
    piped(folder.path(), "bulk put - --binding KV", lines.as_bytes());
    kv(
        folder.path(),
        "key put --binding KV other x --expiration 99999999999 --metadata {\"a\":[1]}",
    );
    let list: Value =
        serde_json::from_str(&kv(folder.path(), "key list --binding KV")).expect("JSON");
    let list = list.as_array().expect("an array");
    assert_eq!(list.len(), 2501);
    assert_eq!(
        list[0],
        json!({ "name": "other", "expiration": 99_999_999_999_u64, "metadata": { "a": [1] } })
    );
    assert_eq!(list[2500], json!({ "name": "user:2499" }));
    let list: Value =
        serde_json::from_str(&kv(folder.path(), "key list --binding KV --prefix user:10"))
            .expect("JSON");
    assert_eq!(list.as_array().map(Vec::len), Some(100));
}

#[test]
fn keys_are_deleted_and_missing_ones_are_said() {
    let folder = project();
    kv(folder.path(), "key put --binding KV a 1");
    kv(folder.path(), "key delete --binding KV a");
    fails(folder.path(), &["key", "get", "--binding", "KV", "a"], "there is no key \"a\"");
    fails(folder.path(), &["key", "delete", "--binding", "KV", "a"], "there is no key \"a\"");
}

#[test]
fn bad_keys_times_and_metadata_are_refused() {
    let folder = project();
    let put = |key: &'static str, extra: &[&'static str]| {
        [&["key", "put", "--binding", "KV", key, "x"], extra].concat()
    };
    let long: &'static str = "k".repeat(513).leak();
    let metadata: &'static str = format!("{{\"a\":\"{}\"}}", "x".repeat(1024)).leak();
    for (args, says) in [
        (put("", &[]), "Key name cannot be empty."),
        (put(".", &[]), "\".\" is not allowed as a key name."),
        (put("..", &[]), "\"..\" is not allowed as a key name."),
        (put(long, &[]), "UTF-8 encoded length of 513 exceeds key length limit of 512."),
        (put("a", &["--ttl", "59"]), "Invalid expiration_ttl of 59."),
        (put("a", &["--ttl", "-1"]), "Invalid expiration_ttl of -1."),
        (put("a", &["--ttl", "soon"]), "--ttl"),
        (put("a", &["--expiration", "5"]), "Invalid expiration of 5."),
        (put("a", &["--metadata", "{"]), "--metadata must be valid JSON"),
        (put("a", &["--metadata", "[]"]), "--metadata must be a JSON object"),
        (put("a", &["--metadata", metadata]), "exceeds limit of 1024"),
    ] {
        fails(folder.path(), &args, says);
    }
    fails(folder.path(), &["key", "put", "--binding", "KV", "a"], "VALUE");
    fails(
        folder.path(),
        &["key", "put", "--binding", "KV", "a", "--path", "none"],
        "cannot read none",
    );
    assert_eq!(kv(folder.path(), "key list --binding KV"), "[]\n");
    let large = std::fs::File::create(folder.path().join("large")).expect("made");
    large.set_len(25 * 1024 * 1024 + 1).expect("a hole");
    fails(
        folder.path(),
        &["key", "put", "--binding", "KV", "a", "--path", "large"],
        "exceeds limit",
    );
    assert_eq!(kv(folder.path(), "key list --binding KV"), "[]\n");
}

#[test]
fn namespaces_are_made_renamed_listed_and_deleted() {
    let folder = project();
    let snippet = kv(folder.path(), "namespace create my-sessions --env live");
    let id = snippet.lines().last().and_then(|line| line.split('"').nth(1)).expect("an id");
    assert_eq!(
        snippet,
        format!("[[env.live.kv_namespaces]]\nbinding = \"live_my_sessions\"\nid = \"{id}\"\n")
    );
    fails(
        folder.path(),
        &["namespace", "create", "live-my-sessions"],
        "a namespace with the title \"live-my-sessions\" already exists",
    );
    kv(folder.path(), &format!("key put --namespace-id {id} a 1"));
    kv(folder.path(), "namespace rename live-my-sessions --new-name sessions");
    let list: Value = serde_json::from_str(&kv(folder.path(), "namespace list")).expect("JSON");
    assert_eq!(list, json!([{ "id": id, "title": "sessions", "supports_url_encoding": true }]));
    fails(folder.path(), &["namespace", "delete", "sessions"], "--force");
    fails(folder.path(), &["namespace", "delete", "none", "-y"], "no namespace with the title");
    assert_eq!(kv(folder.path(), &format!("key get --namespace-id {id} a")), "1");
    kv(folder.path(), "namespace delete sessions -y");
    assert_eq!(kv(folder.path(), "namespace list"), "[]\n");
}

#[test]
fn bulk_work_is_json_both_ways() {
    let folder = project();
    let write = |name: &str, text: &str| {
        std::fs::write(folder.path().join(name), text).expect("written");
    };
    write(
        "put.json",
        r#"[{"key":"a","value":"old"},{"key":"a","value":"1"},
            {"key":"b","value":"aGk=","base64":true,"metadata":{"x":1},"expiration_ttl":60}]"#,
    );
    kv(folder.path(), "bulk put put.json --binding KV");
    write("keys.json", r#"["b", {"name": "a"}, "none"]"#);
    let values = kv(folder.path(), "bulk get keys.json --binding KV");
    assert_eq!(
        serde_json::from_str::<Value>(&values).expect("JSON"),
        json!({ "a": { "value": "1" }, "b": { "value": "hi" }, "none": { "value": null } })
    );
    fails(folder.path(), &["bulk", "delete", "keys.json", "--binding", "KV"], "--force");
    kv(folder.path(), "bulk delete keys.json --binding KV -f");
    assert_eq!(kv(folder.path(), "key list --binding KV"), "[]\n");
}

#[test]
fn a_bulk_file_with_an_error_writes_nothing() {
    let folder = project();
    let entry = r#"{"key":"a","value":"1"}"#;
    for (text, says) in [
        (format!("[{entry},{{\"key\":\"..\",\"value\":\"\"}}]"), "nothing was written: entry 2"),
        (format!("{entry}\n{{\"key\":\"b\"}}"), "entry 2: missing field `value`"),
        (format!("[{entry}"), "nothing was written: entry 2: EOF"),
        ("{\"a\": 1}".to_owned(), "entry 1: unknown field `a`"),
    ] {
        std::fs::write(folder.path().join("bad.json"), text).expect("written");
        fails(folder.path(), &["bulk", "put", "bad.json", "--binding", "KV"], says);
    }
    fails(folder.path(), &["bulk", "put", "none.json", "--binding", "KV"], "cannot read none.json");
    assert_eq!(kv(folder.path(), "key list --binding KV"), "[]\n");
}
