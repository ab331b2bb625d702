//! The real wrangler, unchanged, over TCP. Skipped with a notice without it:
//! `SELVEDGE_WRANGLER` names the program. What a visitor sees then is tested
//! where Workers really run.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::fixture::Fixture;

/// How long the client may take on a machine with other work.
const PATIENCE: Duration = Duration::from_secs(180);

const SOURCE: &str = r#"
import { DurableObject } from "cloudflare:workers";
export class Counter extends DurableObject {}
export default { fetch(): Response { return new Response("VERSION"); }, scheduled() {} };
"#;

/// A project, a client, and the API that it is pointed at.
struct Project {
    fixture: Fixture,
    program: PathBuf,
    folder: TempDir,
    config: Value,
}

impl Project {
    /// `None` without wrangler.
    async fn new(name: &str) -> Option<Self> {
        #[expect(clippy::disallowed_methods, reason = "tests read the environment of .ci/run")]
        let Some(program) = std::env::var_os("SELVEDGE_WRANGLER") else {
            println!("skipped: SELVEDGE_WRANGLER does not name a wrangler");
            return None;
        };
        let config = json!({ "name": name, "main": "src/index.ts", "workers_dev": true,
            "compatibility_date": "2026-07-01", "send_metrics": false });
        let folder = TempDir::new().expect("a temporary folder");
        let fixture = Fixture::start().await;
        let project = Self { fixture, program: program.into(), folder, config };
        project.write("src/index.ts", SOURCE);
        project.write("wrangler.json", &project.config.to_string());
        Some(project)
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.folder.path().join(name);
        std::fs::create_dir_all(path.parent().expect("it is in the folder")).expect("made");
        std::fs::write(path, text).expect("written");
    }

    fn set(&mut self, keys: Value) {
        for (key, value) in keys.as_object().expect("an object") {
            self.config[key] = value.clone();
        }
        self.write("wrangler.json", &self.config.to_string());
    }

    fn command(&self, args: &[&str]) -> Command {
        let home = self.folder.path().join("home");
        let mut command = Command::new(&self.program);
        command.args(args).current_dir(self.folder.path()).env_clear();
        #[expect(clippy::disallowed_methods, reason = "programs are found by it")]
        let path = std::env::var_os("PATH").unwrap_or_default();
        // A Node beside it is the one that it is to run on.
        let beside = self.program.parent().map(PathBuf::from);
        let folders = beside.into_iter().chain(std::env::split_paths(&path));
        command
            .env("PATH", std::env::join_paths(folders).expect("folders"))
            .env("HOME", &home)
            .env("XDG_CONFIG_HOME", home.join("config"))
            .env("CI", "1")
            .env("NO_COLOR", "1")
            .env("WRANGLER_SEND_METRICS", "false")
            .env("CLOUDFLARE_CF_FETCH_ENABLED", "false")
            .env("CLOUDFLARE_API_BASE_URL", format!("{}/client/v4", self.fixture.url))
            .env("CLOUDFLARE_API_TOKEN", &self.fixture.token)
            .env("CLOUDFLARE_ACCOUNT_ID", self.fixture.account.as_str());
        command
    }

    /// Runs the client with this on its input. Gives whether it worked, and all
    /// that it said.
    async fn run(&self, args: &[&str], input: &str) -> (bool, String) {
        let (mut command, input) = (self.command(args), input.to_owned());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let done = tokio::task::spawn_blocking(move || {
            let mut child = command.spawn().expect("wrangler starts");
            let mut stdin = child.stdin.take().expect("piped");
            // One that ended reads nothing, which its status tells.
            let _ = stdin.write_all(input.as_bytes());
            drop(stdin);
            child.wait_with_output().expect("it ends")
        });
        let output = tokio::time::timeout(PATIENCE, done).await.expect("in time").expect("run");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let said = format!("{}{}", text(&output.stdout), text(&output.stderr));
        (output.status.success(), said)
    }

    async fn ok(&self, args: &[&str]) -> String {
        let (worked, said) = self.run(args, "").await;
        assert!(worked, "wrangler {args:?}: {said}");
        said
    }

    async fn fails(&self, args: &[&str], input: &str) -> String {
        let (worked, said) = self.run(args, input).await;
        assert!(!worked, "wrangler {args:?}: {said}");
        said
    }

    async fn get(&self, path: &str) -> Value {
        self.fixture.get(path).await.ok()
    }

    async fn newest(&self, name: &str) -> String {
        let versions = self.get(&format!("/workers/scripts/{name}/versions")).await;
        versions["items"][0]["id"].as_str().expect("an id").to_owned()
    }
}

fn assert_has(said: &str, parts: &[&str]) {
    for part in parts {
        assert!(said.contains(part), "\"{part}\" is not in: {said}");
    }
}

#[tokio::test]
async fn wrangler_deploys_versions_and_rolls_back() {
    let Some(mut project) = Project::new("shop").await else { return };
    project.ok(&["kv", "namespace", "create", "cache"]).await;
    let namespaces = project.get("/storage/kv/namespaces").await;
    project.set(json!({
        "vars": { "GREETING": "hello" },
        "kv_namespaces": [{ "binding": "CACHE", "id": namespaces[0]["id"] }],
        "durable_objects": { "bindings": [{ "name": "COUNTER", "class_name": "Counter" }] },
        "migrations": [{ "tag": "v1", "new_sqlite_classes": ["Counter"] }],
        "triggers": { "crons": ["*/5 * * * *"] },
        "routes": [{ "pattern": "shop.example.com/*", "zone_name": "example.com" }],
        "assets": { "directory": "public", "binding": "ASSETS" },
        "observability": { "enabled": true },
    }));
    project.write("public/a.html", "<h1>");
    project.write("public/b.css", "a{}");
    let said = project.ok(&["deploy", "--message", "first"]).await;
    let first = project.newest("shop").await;
    let id = format!("Current Version ID: {first}");
    assert_has(
        &said,
        &[
            "Uploaded 2 of 2 assets",
            "Worker Startup Time: 7 ms",
            &id,
            "shop.example.com/*",
            "schedule: */5 * * * *",
            "https://shop.edge.test/#.workers.dev",
        ],
    );
    let service = project.get("/workers/services/shop").await;
    assert_eq!(service["default_environment"]["script"]["migration_tag"], "v1");
    assert_eq!(service["default_environment"]["script"]["observability"]["enabled"], true);
    let routes = project.get("/workers/scripts/shop/routes").await;
    assert_eq!(routes[0]["pattern"], "shop.example.com/*");

    // The second one takes another way: a version, then its deployment.
    project.write("src/index.ts", &SOURCE.replace("VERSION", "two"));
    project.ok(&["deploy"]).await;
    let second = project.newest("shop").await;
    assert_ne!(first, second);
    let deployments = project.get("/workers/scripts/shop/deployments").await;
    assert_eq!(deployments["deployments"][0]["versions"][0]["version_id"], json!(second));

    project.write("src/index.ts", &SOURCE.replace("VERSION", "three"));
    project.ok(&["versions", "upload", "--tag", "t3", "--message", "third"]).await;
    let third = project.newest("shop").await;
    assert_has(&project.ok(&["versions", "list"]).await, &[&first, &second, &third, "third"]);
    assert_has(&project.ok(&["versions", "view", &third]).await, &["t3", "GREETING", "Counter"]);
    let (a, b) = (format!("{first}@50"), format!("{third}@50"));
    project.ok(&["versions", "deploy", &a, &b, "-y"]).await;
    assert_has(&project.ok(&["deployments", "status"]).await, &["(50%)", &first, &third]);
    project.ok(&["rollback", &first, "--message", "back", "-y"]).await;
    assert_has(&project.ok(&["deployments", "list"]).await, &["back", &second]);
    let deployments = project.get("/workers/scripts/shop/deployments").await;
    let newest = &deployments["deployments"][0];
    assert_eq!(newest["versions"], json!([{ "version_id": first, "percentage": 100 }]));

    project.set(json!({ "d1_databases": [{ "binding": "DB", "database_id": "x",
        "database_name": "y" }] }));
    let said = project.fails(&["deploy"], "").await;
    assert_has(&said, &["D1 database 'x' not found.", "10181"]);
    project.ok(&["delete", "--force"]).await;
    assert_eq!(project.get("/workers/scripts").await, json!([]));
}

#[tokio::test]
async fn wrangler_keeps_secrets_and_asks_who_it_is() {
    let Some(mut project) = Project::new("api").await else { return };
    let account = project.fixture.account.to_string();
    assert_has(&project.ok(&["whoami"]).await, &["One", &account]);
    let (worked, said) = project.run(&["secret", "put", "FIRST"], "1").await;
    assert!(worked, "a draft is made for it: {said}");
    project.write("many.json", r#"{"A":"1","B":"2"}"#);
    project.ok(&["secret", "bulk", "many.json"]).await;
    project.ok(&["secret", "delete", "A"]).await;
    project.ok(&["deploy"]).await;
    let listed = project.ok(&["secret", "list", "--format", "json"]).await;
    assert_has(&listed, &["\"FIRST\"", "\"B\""]);
    assert!(!listed.contains("\"A\""), "{listed}");
    let (worked, said) = project.run(&["versions", "secret", "put", "LATER"], "4").await;
    assert!(worked, "{said}");
    let said = project.fails(&["secret", "put", "NOW"], "5").await;
    assert_has(&said, &["isn't currently deployed"]);
    project.set(json!({ "triggers": { "crons": ["1 2 3 * *"] } }));
    project.ok(&["triggers", "deploy"]).await;
    let schedules = project.get("/workers/scripts/api/schedules").await;
    assert_eq!(schedules["schedules"][0]["cron"], "1 2 3 * *");
}

#[tokio::test]
async fn wrangler_reads_and_writes_kv() {
    let Some(project) = Project::new("api").await else { return };
    project.ok(&["kv", "namespace", "create", "cache"]).await;
    let id =
        project.get("/storage/kv/namespaces").await[0]["id"].as_str().expect("an id").to_owned();
    let with = async |args: &[&str]| -> String {
        let args: Vec<&str> =
            args.iter().copied().chain(["--namespace-id", &id, "--remote"]).collect();
        project.ok(&args).await
    };
    with(&["kv", "key", "put", "a/b ?", "v\u{e4}lue", "--metadata", "{\"m\":1}", "--ttl", "600"])
        .await;
    assert_eq!(with(&["kv", "key", "get", "a/b ?", "--text"]).await.trim(), "v\u{e4}lue");
    let keys: Value =
        serde_json::from_str(with(&["kv", "key", "list"]).await.trim()).expect("JSON");
    assert_eq!((&keys[0]["name"], &keys[0]["metadata"]), (&json!("a/b ?"), &json!({ "m": 1 })));
    let pairs: Vec<Value> =
        (0..1200).map(|n| json!({ "key": format!("k{n}"), "value": n.to_string() })).collect();
    project.write("pairs.json", &json!(pairs).to_string());
    with(&["kv", "bulk", "put", "pairs.json"]).await;
    let keys: Value =
        serde_json::from_str(with(&["kv", "key", "list"]).await.trim()).expect("JSON");
    assert_eq!(keys.as_array().map(Vec::len), Some(1201), "over several pages");
    project.write("keys.json", r#"["k1","k2"]"#);
    assert_has(&with(&["kv", "bulk", "get", "keys.json"]).await, &["\"k1\": \"1\""]);
    with(&["kv", "bulk", "delete", "keys.json", "--force"]).await;
    project.ok(&["kv", "namespace", "delete", "--namespace-id", &id, "-y"]).await;
    assert_eq!(project.get("/storage/kv/namespaces").await, json!([]));
}

#[tokio::test]
async fn wrangler_works_with_d1() {
    let Some(mut project) = Project::new("api").await else { return };
    project.ok(&["d1", "create", "shop"]).await;
    let id = project.get("/d1/database").await[0]["uuid"].as_str().expect("an id").to_owned();
    assert_has(&project.ok(&["d1", "list"]).await, &["shop", &id]);
    project.set(json!({ "d1_databases": [{ "binding": "DB", "database_name": "shop",
        "database_id": id }] }));
    std::fs::create_dir(project.folder.path().join("migrations")).expect("made");
    project
        .write("migrations/0001_t.sql", "CREATE TABLE t (a, b);\nINSERT INTO t VALUES (1, 'x');");
    project.write("migrations/0002_u.sql", "CREATE TABLE u (a);");
    project.ok(&["d1", "migrations", "apply", "shop", "--remote"]).await;
    let said = project.ok(&["d1", "migrations", "list", "shop", "--remote"]).await;
    assert_has(&said, &["No migrations to apply"]);
    let select = ["d1", "execute", "shop", "--remote", "--json", "--command", "SELECT * FROM t"];
    let rows: Value = serde_json::from_str(project.ok(&select).await.trim()).expect("JSON");
    assert_eq!(rows[0]["results"], json!([{ "a": 1, "b": "x" }]));
    let wrong = ["d1", "execute", "shop", "--remote", "--command", "SELECT * FROM none"];
    assert_has(&project.fails(&wrong, "").await, &["no such table: none: SQLITE_ERROR", "7500"]);
    project.write("more.sql", "INSERT INTO t VALUES (2, 'y'); INSERT INTO t VALUES (3, 'z');");
    project.ok(&["d1", "execute", "shop", "--remote", "--yes", "--file", "more.sql"]).await;
    let rows: Value = serde_json::from_str(project.ok(&select).await.trim()).expect("JSON");
    assert_eq!(rows[0]["results"].as_array().map(Vec::len), Some(3));
    project.ok(&["d1", "export", "shop", "--remote", "--output", "all.sql"]).await;
    let all = std::fs::read_to_string(project.folder.path().join("all.sql")).expect("written");
    assert_has(&all, &["CREATE TABLE t (a, b);", "VALUES(3,'z');"]);
    assert_has(&project.ok(&["d1", "info", "shop"]).await, &["shop", &id]);
    go_back_with_wrangler(&project, &select).await;
    project.ok(&["d1", "delete", "shop", "-y"]).await;
    assert_eq!(project.get("/d1/database").await, json!([]));
}

/// To a bookmark and back, and to a time.
async fn go_back_with_wrangler(project: &Project, select: &[&str]) {
    let travel = async |args: &[&str]| -> Value {
        let args = [&["d1", "time-travel"], args, &["--json"]].concat();
        serde_json::from_str(project.ok(&args).await.trim()).expect("JSON")
    };
    let rows = async || -> usize {
        let said: Value = serde_json::from_str(project.ok(select).await.trim()).expect("JSON");
        said[0]["results"].as_array().expect("rows").len()
    };
    let info = travel(&["info", "shop"]).await;
    let full = info["bookmark"].as_str().expect("text");
    let time = chrono::Utc::now().to_rfc3339_opts(chrono::SecondsFormat::Millis, true);
    project.ok(&["d1", "execute", "shop", "--remote", "--command", "DELETE FROM t"]).await;
    assert_eq!(rows().await, 0);
    let restored = travel(&["restore", "shop", "--bookmark", full]).await;
    assert_eq!((restored["bookmark"].as_str(), rows().await), (Some(full), 3));
    let undo = restored["previous_bookmark"].as_str().expect("text");
    let said = project.ok(&["d1", "time-travel", "restore", "shop", "--bookmark", undo]).await;
    assert_has(&said, &["restored back to bookmark", undo, "To undo this operation"]);
    assert_eq!(rows().await, 0);
    travel(&["restore", "shop", "--timestamp", &time]).await;
    assert_eq!(rows().await, 3);
    let wrong = ["d1", "time-travel", "restore", "shop", "--json", "--bookmark", "x"];
    assert_has(&project.fails(&wrong, "").await, &["Not a bookmark of this database.", "7500"]);
}

#[tokio::test]
async fn wrangler_works_with_queues() {
    let Some(mut project) = Project::new("api").await else { return };
    project.ok(&["queues", "create", "jobs"]).await;
    project.ok(&["queues", "create", "dead"]).await;
    assert_has(&project.ok(&["queues", "list"]).await, &["jobs", "dead"]);
    assert_has(&project.fails(&["queues", "create", "jobs"], "").await, &["11009"]);
    project.set(json!({ "queues": {
        "producers": [{ "binding": "Q", "queue": "jobs", "delivery_delay": 3 }],
        "consumers": [{ "queue": "jobs", "max_batch_size": 5, "max_batch_timeout": 2,
            "dead_letter_queue": "dead" }],
    } }));
    project.ok(&["deploy"]).await;
    let jobs = project.get("/queues?name=jobs").await[0].clone();
    let consumer = &jobs["consumers"][0];
    assert_eq!((&consumer["type"], &consumer["script"]), (&json!("worker"), &json!("api")));
    assert_eq!(consumer["settings"], json!({ "batch_size": 5, "max_wait_time_ms": 2000 }));
    project.ok(&["deploy"]).await;
    project.ok(&["queues", "pause-delivery", "jobs"]).await;
    assert_eq!(project.get("/queues/jobs").await["settings"]["delivery_paused"], true);
    project.ok(&["queues", "resume-delivery", "jobs"]).await;
    project.ok(&["queues", "update", "jobs", "--delivery-delay-secs", "7"]).await;
    assert_eq!(project.get("/queues/jobs").await["settings"]["delivery_delay"], 7);
    project.ok(&["queues", "consumer", "worker", "remove", "jobs", "api"]).await;
    project.ok(&["queues", "consumer", "http", "add", "jobs", "--batch-size", "3"]).await;
    assert_has(&project.ok(&["queues", "info", "jobs"]).await, &["jobs"]);
    project.ok(&["queues", "consumer", "http", "remove", "jobs"]).await;
    project.ok(&["queues", "purge", "jobs", "--force"]).await;
    project.set(json!({ "queues": { "producers": [{ "binding": "Q", "queue": "none" }] } }));
    // It makes what is missing.
    assert_has(&project.ok(&["deploy"]).await, &["Creating new Queue \"none\""]);
    project.ok(&["queues", "delete", "jobs"]).await;
    assert_eq!(project.get("/queues").await.as_array().map(Vec::len), Some(2));
}

#[tokio::test]
async fn wrangler_tails() {
    let Some(project) = Project::new("api").await else { return };
    project.fixture.hello("api").await;
    let mut command = project.command(&["tail", "api", "--format", "json"]);
    command.stdin(Stdio::null()).stderr(Stdio::null());
    let output = project.folder.path().join("tailed");
    command.stdout(std::fs::File::create(&output).expect("made"));
    let mut child = command.spawn().expect("wrangler starts");
    let event = json!({ "outcome": "ok", "scriptName": "api", "exceptions": [], "eventTimestamp": 1,
        "logs": [{ "message": ["seen"], "level": "log", "timestamp": 1 }],
        "event": { "request": { "url": "http://a/tailed", "method": "GET", "headers": {} },
            "response": { "status": 200 } } });
    let began = Instant::now();
    let said = loop {
        assert!(began.elapsed() < PATIENCE && child.try_wait().expect("waited").is_none());
        project.fixture.host.event("api", event.clone());
        tokio::time::sleep(Duration::from_millis(100)).await;
        let said = std::fs::read_to_string(&output).expect("read");
        if said.contains("http://a/tailed") {
            break said;
        }
    };
    // As with Ctrl-C: it ends the process that it started for the work.
    let pid = child.id().to_string();
    let told = Command::new("kill").args(["-INT", &pid]).status().expect("there is a kill");
    assert!(told.success());
    // This thread also answers: the client deletes its tail before it ends.
    while child.try_wait().expect("waited").is_none() {
        assert!(began.elapsed() < PATIENCE);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_has(&said, &["seen", "\"outcome\": \"ok\""]);
    // The client is gone, and so is its tail.
    while project.get("/workers/scripts/api/tails").await != json!([]) {
        assert!(began.elapsed() < PATIENCE);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
