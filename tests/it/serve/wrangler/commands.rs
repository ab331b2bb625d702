//! The other commands.

use serde_json::{Value, json};

use super::project::Project;
use super::{DOMAIN, Wrangler};
use crate::harness::eventually;

const SOURCE: &str = "export default { fetch(request: Request, env: any) {
  console.log('seen', new URL(request.url).pathname);
  return new Response(Object.keys(env).sort().join());
} };";

#[test]
fn secrets_whoami_triggers_and_delete() {
    let Some(wrangler) = Wrangler::start() else { return };
    let mut project = Project::new("api", SOURCE);
    let said = wrangler.ok(&project, &["whoami"]);
    assert!(said.contains(&wrangler.account) && said.contains("Tests"), "{said}");

    // A secret of a Worker that is not there makes one.
    let host = format!("api.{DOMAIN}");
    project.write("one.json", r#"{"A":"1","B":"2"}"#);
    wrangler.ok(&project, &["deploy"]);
    wrangler.ok(&project, &["secret", "bulk", "one.json"]);
    assert_eq!(wrangler.text(&host, "/"), "A,B");
    let listed = wrangler.ok(&project, &["secret", "list", "--format", "json"]);
    assert!(listed.contains("\"A\"") && listed.contains("secret_text"), "{listed}");
    wrangler.ok(&project, &["secret", "delete", "A"]);
    assert_eq!(wrangler.text(&host, "/"), "B");
    wrangler.put_secret(&project, &["secret", "put", "C"], "3");
    assert_eq!(wrangler.text(&host, "/"), "B,C");
    wrangler.put_secret(&project, &["versions", "secret", "put", "D"], "4");
    assert_eq!(wrangler.text(&host, "/"), "B,C", "that one is not deployed");
    let ended = wrangler.try_secret(&project, &["secret", "put", "E"], "5");
    let said = format!("{}{}", ended.stdout, ended.stderr);
    assert!(!ended.status.success() && said.contains("isn't currently deployed"), "{said}");

    project.set(json!({ "triggers": { "crons": ["1 2 3 * *"] },
        "routes": [{ "pattern": "api.example.org/*", "zone_name": "example.org" }] }));
    wrangler.ok(&project, &["triggers", "deploy"]);
    assert_eq!(wrangler.get("/workers/scripts/api/schedules")["schedules"][0]["cron"], "1 2 3 * *");
    assert_eq!(wrangler.text("api.example.org", "/"), "B,C");
    project.set(json!({ "triggers": { "crons": ["1 2 3"] } }));
    let said = wrangler.fails(&project, &["triggers", "deploy"]);
    assert!(said.contains("invalid cron string"), "{said}");

    wrangler.ok(&project, &["delete", "--force"]);
    assert_eq!(wrangler.get("/workers/scripts"), json!([]));
    assert_eq!(wrangler.visit("api.example.org", "/").status, 404);
    assert_eq!(wrangler.visit(&host, "/").status, 404);
}

#[test]
fn kv_keys_and_namespaces() {
    let Some(wrangler) = Wrangler::start() else { return };
    let project = Project::new("api", SOURCE);
    wrangler.ok(&project, &["kv", "namespace", "create", "cache"]);
    let listed = wrangler.ok(&project, &["kv", "namespace", "list"]);
    let listed: Value = serde_json::from_str(listed.trim()).unwrap_or_else(|_| panic!("{listed}"));
    let id = listed[0]["id"].as_str().expect("an id").to_owned();
    let with = |args: &[&str]| -> Vec<String> {
        let args = args.iter().copied().chain(["--namespace-id", &id, "--remote"]);
        args.map(str::to_owned).collect()
    };
    let ok = |args: &[&str]| {
        let args = with(args);
        wrangler.ok(&project, &args.iter().map(String::as_str).collect::<Vec<_>>())
    };
    ok(&["kv", "key", "put", "a/b ?", "value \u{fc}", "--metadata", "{\"m\":1}", "--ttl", "600"]);
    assert_eq!(ok(&["kv", "key", "get", "a/b ?", "--text"]).trim(), "value \u{fc}");
    let keys: Value = serde_json::from_str(ok(&["kv", "key", "list"]).trim()).expect("JSON");
    assert_eq!((&keys[0]["name"], &keys[0]["metadata"]), (&json!("a/b ?"), &json!({ "m": 1 })));
    assert!(keys[0]["expiration"].is_number());
    ok(&["kv", "key", "delete", "a/b ?"]);
    let pairs: Vec<Value> =
        (0..1200).map(|n| json!({ "key": format!("k{n:04}"), "value": n.to_string() })).collect();
    project.write("pairs.json", &json!(pairs).to_string());
    ok(&["kv", "bulk", "put", "pairs.json"]);
    let keys: Value = serde_json::from_str(ok(&["kv", "key", "list"]).trim()).expect("JSON");
    assert_eq!(keys.as_array().map(Vec::len), Some(1200), "over several pages");
    project.write("some.json", r#"["k0001","k0002","none"]"#);
    let got = ok(&["kv", "bulk", "get", "some.json"]);
    assert!(got.contains("k0001"), "{got}");
    project.write("keys.json", r#"["k0001","k0002"]"#);
    ok(&["kv", "bulk", "delete", "keys.json", "--force"]);
    let keys: Value = serde_json::from_str(ok(&["kv", "key", "list"]).trim()).expect("JSON");
    assert_eq!(keys.as_array().map(Vec::len), Some(1198));
    wrangler.ok(&project, &["kv", "namespace", "delete", "--namespace-id", &id, "-y"]);
    assert_eq!(wrangler.get("/storage/kv/namespaces"), json!([]));
}

#[test]
fn tail_shows_what_happens() {
    let Some(wrangler) = Wrangler::start() else { return };
    let project = Project::new("api", SOURCE);
    wrangler.ok(&project, &["deploy"]);
    let host = format!("api.{DOMAIN}");
    let mut tail = wrangler.start_command(&project, &["tail", "--format", "json"]);
    // It is not told when it listens, so it is asked until it has heard.
    let said = eventually("the event is shown", || {
        assert!(tail.ended().is_none(), "{}{}", tail.stdout.text(), tail.stderr.text());
        wrangler.text(&host, "/tailed");
        let said = tail.stdout.text();
        said.contains("/tailed").then_some(said)
    });
    assert!(said.contains("\"outcome\": \"ok\"") && said.contains("\"seen\""), "{said}");
    let tails = wrangler.get("/workers/scripts/api/tails");
    assert_eq!(tails.as_array().map(Vec::len), Some(1));
    #[cfg(unix)]
    tail.signal(libc::SIGINT);
    eventually("the tail is gone", || {
        let tails = wrangler.get("/workers/scripts/api/tails");
        tails.as_array().is_some_and(Vec::is_empty).then_some(())
    });
}
