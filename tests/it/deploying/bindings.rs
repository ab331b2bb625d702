//! All bindings, one after the other: each is in `selvedge types`, is checked when it
//! is uploaded, is shown by the dashboard and counted in the metrics. What is added
//! to the server's own lists and not here makes these tests fail.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use selvedge_deployments::Binding;
use selvedge_runtime::{Amount, Operation};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{Served, project};
use crate::browser::Browser;
use crate::harness::{Client, Smtp, eventually};

/// A type of bindings.
struct Row {
    /// As uploads call it; in capitals it is the name in `env`.
    kind: &'static str,
    /// In TypeScript; `None`: no configuration of modules has it.
    type_name: Option<&'static str>,
    /// What is counted when it is used.
    operations: &'static [&'static str],
    /// A key that it must have, if there is one.
    needs: Option<&'static str>,
}

const fn row(
    kind: &'static str,
    type_name: Option<&'static str>,
    operations: &'static [&'static str],
    needs: Option<&'static str>,
) -> Row {
    Row { kind, type_name, operations, needs }
}

const ROWS: &[Row] = &[
    row("plain_text", Some("\"text\""), &[], Some("text")),
    row("json", Some("{ n: 1 }"), &[], Some("json")),
    row("secret_text", Some("string"), &[], None),
    row(
        "kv_namespace",
        Some("KVNamespace"),
        &["kv_get", "kv_put", "kv_delete", "kv_list"],
        Some("namespace_id"),
    ),
    row("d1", Some("D1Database"), &["d1_query"], Some("id")),
    row(
        "r2_bucket",
        Some("R2Bucket"),
        &["r2_head", "r2_get", "r2_put", "r2_delete", "r2_list", "r2_multipart"],
        Some("bucket_name"),
    ),
    row("queue", Some("Queue"), &["queue_send"], Some("queue_name")),
    row(
        "durable_object_namespace",
        Some("DurableObjectNamespace"),
        &["object_call", "object_storage"],
        Some("class_name"),
    ),
    row("workflow", Some("Workflow"), &["workflow_call"], Some("workflow_name")),
    // Counted as subrequests.
    row("service", Some("Fetcher"), &[], Some("service")),
    row("dispatch_namespace", Some("DispatchNamespace"), &["dispatch_call"], Some("namespace")),
    row("worker_loader", Some("WorkerLoader"), &["loader_get"], None),
    row("hyperdrive", Some("Hyperdrive"), &["hyperdrive_connect"], Some("id")),
    row("secrets_store_secret", Some("SecretsStoreSecret"), &["secret_get"], Some("secret_name")),
    row("ratelimit", Some("RateLimit"), &["rate_limit"], Some("simple.limit")),
    row("analytics_engine", Some("AnalyticsEngineDataset"), &["analytics_write"], Some("dataset")),
    row("send_email", Some("SendEmail"), &["email_send"], None),
    // Values, and what is answered without the isolate.
    row("version_metadata", Some("WorkerVersionMetadata"), &[], None),
    row("assets", Some("Fetcher"), &[], None),
    row("wasm_module", None, &[], Some("part")),
    row("text_blob", None, &[], Some("part")),
    row("data_blob", None, &[], Some("part")),
];

fn name(kind: &str) -> String {
    kind.to_ascii_uppercase()
}

fn deployed() -> impl Iterator<Item = &'static Row> {
    ROWS.iter().filter(|row| row.type_name.is_some())
}

/// A configuration with a binding of each type.
fn configuration(hyperdrive: &str, store: &str) -> Value {
    json!({
        "name": "all", "main": "worker.js", "compatibility_date": "2026-11-01",
        "vars": { "PLAIN_TEXT": "text", "JSON": { "n": 1 } },
        "kv_namespaces": [{ "binding": "KV_NAMESPACE" }],
        "d1_databases": [{ "binding": "D1", "database_name": "data" }],
        "r2_buckets": [{ "binding": "R2_BUCKET", "bucket_name": "files" }],
        "queues": { "producers": [{ "binding": "QUEUE", "queue": "jobs" }] },
        "durable_objects": {
            "bindings": [{ "name": "DURABLE_OBJECT_NAMESPACE", "class_name": "Room" }],
        },
        "migrations": [{ "tag": "v1", "new_sqlite_classes": ["Room"] }],
        "workflows": [{ "binding": "WORKFLOW", "name": "flow", "class_name": "Flow" }],
        "services": [{ "binding": "SERVICE", "service": "other" }],
        "dispatch_namespaces": [{ "binding": "DISPATCH_NAMESPACE", "namespace": "customers" }],
        "worker_loaders": [{ "binding": "WORKER_LOADER" }],
        "hyperdrive": [{ "binding": "HYPERDRIVE", "id": hyperdrive }],
        "secrets_store_secrets": [
            { "binding": "SECRETS_STORE_SECRET", "store_id": store, "secret_name": "token" },
        ],
        "ratelimits": [{
            "name": "RATELIMIT", "namespace_id": "1", "simple": { "limit": 100, "period": 60 },
        }],
        "analytics_engine_datasets": [{ "binding": "ANALYTICS_ENGINE", "dataset": "points" }],
        "send_email": [{ "name": "SEND_EMAIL" }],
        "version_metadata": { "binding": "VERSION_METADATA" },
        "assets": { "directory": "public", "binding": "ASSETS" },
    })
}

struct All {
    served: Served,
    folder: TempDir,
    _relay: Smtp,
}

impl All {
    fn start() -> Self {
        let relay = Smtp::start();
        let served = Served::start_with(&format!("[email]\nrelay = \"{}\"\n", relay.url()));
        let folder = project(&[
            ("worker.js", include_str!("bindings.js")),
            ("public/a.txt", "an asset"),
            ("other/worker.js", "export default { fetch() { return new Response('other'); } };"),
            (
                "other/wrangler.json",
                r#"{ "name": "other", "main": "worker.js", "compatibility_date": "2026-11-01" }"#,
            ),
        ]);
        served.selvedge(&folder.path().join("other"), &["deploy"]).text();
        let origin = json!({
            "scheme": "postgresql", "host": "127.0.0.1", "port": 9, "database": "d", "user": "u",
            "password": "p",
        });
        let body = json!({ "name": "db", "origin": origin });
        let hyperdrive = post(&served, "hyperdrive/configs", &body);
        let store = post(&served, "secrets_store/stores", &json!({ "name": "main" }));
        let store = store["id"].as_str().expect("an id").to_owned();
        let secret = json!([{ "name": "token", "value": "geheim", "scopes": ["workers"] }]);
        post(&served, &format!("secrets_store/stores/{store}/secrets"), &secret);
        post(&served, "workers/dispatch/namespaces", &json!({ "name": "customers" }));
        let config = configuration(hyperdrive["id"].as_str().expect("an id"), &store);
        std::fs::write(folder.path().join("wrangler.json"), config.to_string()).expect("written");
        served.selvedge(folder.path(), &["deploy"]).text();
        let args = ["secret", "put", "SECRET_TEXT"];
        served.selvedge_with(folder.path(), &args, "hidden").text();
        Self { served, folder, _relay: relay }
    }

    /// The text of `/metrics`.
    fn metrics(&self) -> String {
        let host = self.served.admin.trim_start_matches("http://");
        let address: SocketAddr = host.parse().expect("an address");
        Client::connect(address).request("GET", "/metrics", &[("host", host)], b"").text()
    }

    /// What the dashboard asks for.
    fn shown(&self) -> Vec<Value> {
        let path = format!("/client/v4/accounts/{}/workers/scripts/all", self.served.account);
        let deployments = self.served.api(&format!("{path}/deployments")).json();
        let version = &deployments["result"]["deployments"][0]["versions"][0]["version_id"];
        let version = version.as_str().expect("a version");
        let version = self.served.api(&format!("{path}/versions/{version}")).json();
        version["result"]["resources"]["bindings"].as_array().expect("a list").clone()
    }
}

#[track_caller]
fn post(served: &Served, path: &str, body: &Value) -> Value {
    let host = served.admin.trim_start_matches("http://");
    let authorization = format!("Bearer {}", served.token);
    let headers = [
        ("host", host),
        ("authorization", authorization.as_str()),
        ("content-type", "application/json"),
    ];
    let path = format!("/client/v4/accounts/{}/{path}", served.account);
    let mut client = Client::connect(host.parse().expect("an address"));
    let answer = client.request("POST", &path, &headers, body.to_string().as_bytes());
    assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    answer.json()["result"].clone()
}

#[test]
fn the_list_has_all_that_the_server_knows() {
    let ours: BTreeSet<_> = ROWS.iter().map(|row| row.kind).collect();
    assert_eq!(ours, Binding::types().collect(), "a type of bindings is missing here, or gone");
    let counted: BTreeSet<_> = ROWS.iter().flat_map(|row| row.operations).copied().collect();
    let known = Operation::ALL.into_iter().map(Operation::as_str).collect();
    assert_eq!(counted, known, "an operation is missing here, or gone");
}

#[test]
fn each_binding_is_checked_when_it_is_uploaded() {
    for row in ROWS {
        let bare = Binding::from_raw(json!({ "name": "B", "type": row.kind }));
        match (row.needs, bare) {
            (None, bare) => assert!(bare.is_ok(), "{}: {bare:?}", row.kind),
            (Some(key), bare) => {
                let error = bare.expect_err(row.kind).to_string();
                let begin = format!("binding B of type {} is not valid: ", row.kind);
                assert!(error.starts_with(&begin), "{error}");
                // Where several are missing, one of them is named.
                assert!(error.contains(key) || row.kind == "secrets_store_secret", "{error}");
            }
        }
    }
}

#[test]
fn each_binding_is_described_by_the_dashboard() {
    let script = include_str!("../../../api/dashboard/lib/bindings.js");
    for row in ROWS {
        let begin = format!("\n  {}: {{", row.kind);
        assert!(script.contains(&begin), "{} has no line in lib/bindings.js", row.kind);
    }
}

#[test]
fn each_binding_has_a_type_and_is_shown_and_counted() {
    let all = All::start();
    let types = all.served.selvedge(all.folder.path(), &["types"]);
    assert!(types.ok, "{}{}", types.stdout, types.stderr);
    let types = std::fs::read_to_string(all.folder.path().join("worker-configuration.d.ts"));
    let types = types.expect("it was written");
    let (shown, host) = (all.shown(), all.served.host("all"));
    for row in deployed() {
        let name = name(row.kind);
        let is_it = |one: &&Value| one["name"] == *name && one["type"] == row.kind;
        assert!(shown.iter().any(|one| is_it(&one)), "{name} is not among {shown:?}");
        let type_name = row.type_name.expect("it is deployed");
        // Secrets of a server are not in the configuration.
        let is_typed = types.contains(&format!("{name}: {type_name}"));
        assert!(is_typed || row.kind == "secret_text", "{name}: {type_name}\n{types}");
        let used = all.served.get(&host, &format!("/use/{}", row.kind));
        assert_eq!(used.status, 200, "{}", used.text());
    }
    let account = &all.served.account;
    let of_worker = format!("{{account=\"{account}\",script=\"all\"");
    let mut wanted = vec![format!("selvedge_subrequests_total{of_worker}}}")];
    for operation in ROWS.iter().flat_map(|row| row.operations) {
        let labels = format!("{of_worker},operation=\"{operation}\"}}");
        wanted.push(format!("selvedge_operations_total{labels}"));
    }
    // (What a tail Worker does not get is no binding's.)
    for amount in Amount::ALL.into_iter().filter(|it| *it != Amount::TailEventsLost) {
        let name = amount.name();
        let label = name.label.map(|(label, value)| format!(",{label}=\"{value}\""));
        let labels = format!("{of_worker}{}}}", label.unwrap_or_default());
        wanted.push(format!("selvedge_{}_total{labels}", name.metric));
    }
    let in_queue = format!("{{account=\"{account}\",queue=\"jobs\"}} ");
    wanted.push(format!("selvedge_queue_backlog_messages{in_queue}1"));
    wanted.push(format!("selvedge_queue_backlog_bytes{in_queue}"));
    wanted.push(format!(
        "selvedge_workflow_instances{{account=\"{account}\",workflow=\"flow\",status=\"complete\"}} 1"
    ));
    for begin in &wanted {
        eventually(begin, || {
            all.metrics().lines().any(|line| line.starts_with(begin.as_str())).then_some(())
        });
    }
    dashboard(&all);
}

/// The same in a browser: each binding, and what the account has of each kind.
fn dashboard(all: &All) {
    let Some(mut browser) = Browser::start() else { return };
    let mut page = browser.open(&format!("{}/", all.served.admin));
    super::dashboard::sign_in(&mut page, &all.served.token);
    page.wait("document.querySelector('main')?.innerText.includes('Ada Ltd')");
    let mut at = |hash: &str, texts: &[&str]| {
        page.debugger.evaluate(&format!("location.hash = {}", Value::from(hash)));
        for text in texts {
            page.wait(&format!(
                "document.querySelector('main')?.innerText.includes({})",
                Value::from(*text)
            ));
        }
    };
    let names: Vec<String> = deployed().map(|row| format!("env.{}", name(row.kind))).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    at("#/workers/all", &names);
    at("#/workers/all", &["R2 bucket", "files", "flow (Flow)", "100 in 60 s, counter 1"]);
    at("#/workers/all", &["kv_get", "d1_rows.written", "emails.refused"]);
    at("#/stores/r2", &["files"]);
    at("#/stores/d1", &["data"]);
    at("#/stores/queues", &["jobs", "none"]);
    at("#/stores/workflows", &["flow", "1 complete"]);
    at("#/stores/secrets", &["main", "token"]);
    at("#/stores/hyperdrive", &["db", "127.0.0.1:9/d"]);
    at("#/stores/dispatch", &["customers"]);
    browser.close(page);
}
