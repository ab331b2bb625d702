//! An API that listens, a client, and a host that pretends.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use selvedge_deployments::{
    AccountId, Actor, DeploymentStore, Keyring, NewAccount, NewToken, NewVersion, Options, Scope,
    Scopes, SqliteStore, WorkerKey, ZonePolicy,
};
use selvedge_kv::store::{KvStore, MemoryStore};
use selvedge_storage::data_dir::DataDir;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use crate::host::*;
use crate::{Api, ApiOptions};

/// A host that remembers what it was asked for.
#[derive(Debug, Default)]
pub(super) struct FakeHost {
    /// Classes by Worker and name.
    classes: Mutex<BTreeMap<(String, String), ()>>,
    tags: Mutex<HashMap<String, String>>,
    kv: Mutex<HashMap<String, Arc<dyn KvStore>>>,
    d1: std::sync::OnceLock<(selvedge_d1::store::Catalog, tempfile::TempDir)>,
    queues: std::sync::OnceLock<(selvedge_queues::store::Catalog, tempfile::TempDir)>,
    buckets: std::sync::OnceLock<(tempfile::TempDir, Arc<selvedge_r2::store::Catalog>)>,
    analytics: std::sync::OnceLock<(tempfile::TempDir, Arc<selvedge_analytics::AnalyticsStore>)>,
    workflows: std::sync::OnceLock<(tempfile::TempDir, Arc<selvedge_workflows::store::Index>)>,
    /// What instances were asked.
    pub(super) asked: Mutex<Vec<(String, String, Value)>>,
    tails: Mutex<Vec<(WorkerKey, mpsc::Sender<Arc<Value>>)>>,
    pub(super) applied: Mutex<Vec<String>>,
    pub(super) purged: Mutex<Vec<(AccountId, CachePurge)>>,
}

impl FakeHost {
    pub(super) fn event(&self, worker: &str, event: Value) -> usize {
        let tails = self.tails.lock().expect("not poisoned");
        let of = tails.iter().filter(|(key, _)| key.name == worker);
        of.filter(|(_, sender)| sender.try_send(Arc::new(event.clone())).is_ok()).count()
    }

    fn class(&self, worker: &WorkerKey, script: Option<&str>, class: &str) -> bool {
        let script = script.unwrap_or(&worker.name);
        let key = (format!("{}/{script}", worker.account), class.to_owned());
        self.classes.lock().expect("not poisoned").contains_key(&key)
    }
}

impl Host for FakeHost {
    fn validate<'a>(
        &'a self,
        _: &'a WorkerKey,
        candidate: &'a NewVersion,
    ) -> Later<'a, Result<Started, StartFailure>> {
        Box::pin(async {
            // What stands for code that does not start.
            if candidate.content.modules.iter().any(|module| module.name == "throws.js") {
                let text = "Uncaught Error: no\n  at throws.ts:1:7";
                return Err(StartFailure::Script(text.to_owned()));
            }
            // What stands for code that exports nothing.
            if candidate.content.modules.iter().any(|module| module.name == "empty.js") {
                return Err(StartFailure::NoHandlers("nothing".to_owned()));
            }
            Ok(Started {
                startup_time_ms: 7,
                handlers: vec!["fetch".to_owned()],
                named_handlers: vec![("Room".to_owned(), vec!["class".to_owned()])],
            })
        })
    }

    fn apply<'a>(&'a self, worker: &'a WorkerKey) -> Later<'a, Result<(), HostError>> {
        self.applied.lock().expect("not poisoned").push(worker.name.clone());
        Box::pin(async { Ok(()) })
    }

    fn apply_account<'a>(&'a self, _: &'a AccountId) -> Later<'a, Result<(), HostError>> {
        Box::pin(async { Ok(()) })
    }

    fn migration_tag(&self, worker: &WorkerKey) -> Result<Option<String>, HostError> {
        Ok(self.tags.lock().expect("not poisoned").get(&worker.to_string()).cloned())
    }

    fn change_objects(
        &self,
        worker: &WorkerKey,
        change: &ObjectsChange,
        commit: Commit,
    ) -> Result<ObjectsChanged, ObjectsRefusal> {
        let mut new = Vec::new();
        for step in change.migrations.iter().flat_map(|migrations| &migrations.steps) {
            new.extend(step.new_classes.iter().chain(&step.new_sqlite_classes).cloned());
        }
        for binding in &change.bindings {
            let known = self.class(worker, binding.script.as_deref(), &binding.class);
            if !(known || binding.script.is_none() && new.contains(&binding.class)) {
                let text = format!("Cannot create binding for class '{}'", binding.class);
                return Err(ObjectsRefusal::NoClass(text));
            }
        }
        if commit == Commit::Yes {
            let mut classes = self.classes.lock().expect("not poisoned");
            classes.extend(new.into_iter().map(|class| ((worker.to_string(), class), ())));
            if let Some(tag) = change.migrations.as_ref().and_then(|it| it.new_tag.clone()) {
                self.tags.lock().expect("not poisoned").insert(worker.to_string(), tag);
            }
        }
        Ok(ObjectsChanged::default())
    }

    fn object_namespaces(&self, account: &AccountId) -> Result<Vec<ObjectNamespace>, HostError> {
        let classes = self.classes.lock().expect("not poisoned");
        let own = classes.keys().filter_map(|(worker, class)| {
            let script = worker.strip_prefix(&format!("{account}/"))?.to_owned();
            let name = format!("{script}_{class}");
            let (id, class) = ("0".repeat(32), class.clone());
            Some(ObjectNamespace { id, name, script, class, use_sqlite: true })
        });
        Ok(own.collect())
    }

    fn objects(
        &self,
        account: &AccountId,
        namespace: &str,
        _: Option<&str>,
        _: usize,
    ) -> Result<Option<ObjectsPage>, HostError> {
        let known = self.object_namespaces(account)?.iter().any(|found| found.id == namespace);
        let object = ObjectEntry { id: "a".repeat(64), has_stored_data: true, facets: Vec::new() };
        Ok(known.then(|| ObjectsPage { objects: vec![object], complete: true }))
    }

    fn forget_objects(&self, worker: &WorkerKey) -> Result<(), HostError> {
        let name = worker.to_string();
        self.classes.lock().expect("not poisoned").retain(|(worker, _), ()| *worker != name);
        self.tags.lock().expect("not poisoned").remove(&name);
        Ok(())
    }

    fn kv(&self, namespace: &str) -> Result<Arc<dyn KvStore>, HostError> {
        let mut all = self.kv.lock().expect("not poisoned");
        let new = || Arc::new(MemoryStore::default()) as Arc<dyn KvStore>;
        Ok(all.entry(namespace.to_owned()).or_insert_with(new).clone())
    }

    fn delete_kv(&self, namespace: &str) -> Result<(), HostError> {
        self.kv.lock().expect("not poisoned").remove(namespace);
        Ok(())
    }

    fn queue(&self, queue: &str) -> Result<Arc<selvedge_queues::store::SqliteStore>, HostError> {
        let open = || {
            let folder = tempfile::tempdir().expect("a folder");
            let dir = Arc::new(DataDir::open(folder.path(), "a test", 0).expect("free"));
            let catalog = selvedge_queues::store::Catalog::open(dir, Arc::new(|| 0)).expect("made");
            (catalog, folder)
        };
        let (catalog, _) = self.queues.get_or_init(open);
        Ok(catalog.store(queue).expect("opened"))
    }

    fn apply_queues(&self) -> Result<(), HostError> {
        Ok(())
    }

    fn delete_queue(&self, queue: &str) -> Result<(), HostError> {
        if let Some((catalog, _)) = self.queues.get() {
            let _ = catalog.delete(queue);
        }
        Ok(())
    }

    fn d1(&self, database: &str) -> Result<Arc<selvedge_d1::store::SqliteStore>, HostError> {
        let open = || {
            let folder = tempfile::tempdir().expect("a folder");
            let dir = Arc::new(DataDir::open(folder.path(), "a test", 0).expect("free"));
            let catalog = selvedge_d1::store::Catalog::open(dir, Arc::new(|| 0)).expect("made");
            (catalog, folder)
        };
        let (catalog, _) = self.d1.get_or_init(open);
        Ok(catalog.store(database).expect("opened"))
    }

    fn delete_d1(&self, database: &str) -> Result<(), HostError> {
        if let Some((catalog, _)) = self.d1.get() {
            let _ = catalog.delete(database);
        }
        Ok(())
    }

    fn buckets(&self) -> Result<Arc<selvedge_r2::store::Catalog>, HostError> {
        let (_, catalog) = self.buckets.get_or_init(|| {
            let folder = tempfile::tempdir().expect("a folder");
            let dir = DataDir::open(folder.path(), "test", 0).expect("it is free");
            let catalog = selvedge_r2::store::Catalog::open(Arc::new(dir), unix_ms);
            (folder, Arc::new(catalog.expect("it opens")))
        });
        Ok(catalog.clone())
    }

    fn analytics(&self) -> Result<Arc<selvedge_analytics::AnalyticsStore>, HostError> {
        let (_, store) = self.analytics.get_or_init(|| {
            let folder = tempfile::tempdir().expect("a folder");
            let dir = DataDir::open(folder.path(), "test", 0).expect("it is free");
            let store = selvedge_analytics::AnalyticsStore::open(Arc::new(dir), unix_ms);
            (folder, Arc::new(store.expect("it opens")))
        });
        Ok(store.clone())
    }

    fn workflows(&self) -> Result<Arc<selvedge_workflows::store::Index>, HostError> {
        let (_, index) = self.workflows.get_or_init(|| {
            let folder = tempfile::tempdir().expect("a folder");
            let dir = DataDir::open(folder.path(), "test", 0).expect("it is free");
            let index = selvedge_workflows::store::Index::open(Arc::new(dir), unix_ms);
            (folder, Arc::new(index.expect("it opens")))
        });
        Ok(index.clone())
    }

    fn put_workflow(
        &self,
        wanted: &selvedge_workflows::store::Wanted,
    ) -> Result<selvedge_workflows::store::WorkflowInfo, HostError> {
        Ok(self.workflows()?.put(wanted).expect("written"))
    }

    fn delete_workflow(
        &self,
        workflow: &selvedge_workflows::store::WorkflowInfo,
    ) -> Result<(), HostError> {
        self.workflows()?.remove(&workflow.id).expect("written");
        Ok(())
    }

    fn ask_instance<'a>(
        &'a self,
        _: &'a selvedge_workflows::store::WorkflowInfo,
        instance: &'a str,
        command: &'a str,
        argument: &'a Value,
    ) -> Later<'a, Result<Value, HostError>> {
        let mut asked = self.asked.lock().expect("not poisoned");
        asked.push((instance.to_owned(), command.to_owned(), argument.clone()));
        let refused = json!({ "refused": { "code": "instance.not_found", "message": "no" } });
        let answer = if instance == "nobody" { refused } else { json!({ "status": "queued" }) };
        Box::pin(async { Ok(answer) })
    }

    fn tail(&self, worker: &WorkerKey) -> mpsc::Receiver<Arc<Value>> {
        let (sender, receiver) = mpsc::channel(100);
        self.tails.lock().expect("not poisoned").push((worker.clone(), sender));
        receiver
    }

    fn purge_cache(&self, account: &AccountId, purges: &[CachePurge]) -> Result<(), HostError> {
        let mut all = self.purged.lock().expect("nobody panicked");
        all.extend(purges.iter().map(|purge| (account.clone(), purge.clone())));
        Ok(())
    }

    fn figures(&self, account: Option<&AccountId>) -> Value {
        json!({ "of": account })
    }

    fn logs<'a>(&'a self, query: &'a LogQuery) -> Later<'a, Result<LogPage, HostError>> {
        let item = json!({ "account": query.account, "limit": query.limit });
        Box::pin(async { Ok(LogPage { items: vec![item], cursor: None }) })
    }

    fn metrics(&self) -> String {
        "selvedge_up 1\n".to_owned()
    }

    fn is_ready(&self) -> bool {
        true
    }
}

/// An API that listens.
pub(super) struct Fixture {
    pub(super) url: String,
    pub(super) store: Arc<SqliteStore>,
    pub(super) host: Arc<FakeHost>,
    pub(super) account: AccountId,
    /// Of the account, with scope admin.
    pub(super) token: String,
    client: Client<HttpConnector, Full<Bytes>>,
    _folder: tempfile::TempDir,
}

/// What came back.
#[derive(Debug)]
pub(super) struct Got {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Got {
    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The result of a call that worked.
    pub(super) fn ok(&self) -> Value {
        let json = self.json();
        assert!(self.status.is_success(), "{json}");
        assert_eq!(json["success"], true, "{json}");
        assert_eq!(json["errors"], json!([]), "{json}");
        json["result"].clone()
    }

    /// The code of one that did not.
    pub(super) fn code(&self) -> u64 {
        let json = self.json();
        assert!(!self.status.is_success(), "{json}");
        assert_eq!((&json["success"], &json["result"]), (&json!(false), &Value::Null), "{json}");
        assert!(json["errors"][0]["message"].is_string(), "{json}");
        json["errors"][0]["code"].as_u64().expect("a code")
    }

    pub(super) fn message(&self) -> String {
        self.json()["errors"][0]["message"].as_str().unwrap_or_default().to_owned()
    }
}

pub(super) fn unix_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    since.as_millis() as i64
}

impl Fixture {
    pub(super) async fn start() -> Self {
        Self::with(|_| ()).await
    }

    pub(super) async fn with(change: impl FnOnce(&mut ApiOptions)) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let dir = Arc::new(DataDir::open(folder.path(), "test", 0).expect("free"));
        let store = SqliteStore::open(
            dir,
            Options {
                keys: Keyring::new(&[[1; 32]]).expect("a key"),
                zones: ZonePolicy::FirstCome,
                domain: Some("edge.test".to_owned()),
                clock: Arc::new(unix_ms),
            },
        );
        let store = Arc::new(store.expect("opened"));
        let host = Arc::new(FakeHost::default());
        let mut options = ApiOptions::new(Arc::new(unix_ms));
        options.domain = Some("edge.test".to_owned());
        options.control_token = Some("control".to_owned());
        change(&mut options);
        let api = Api::new(store.clone(), host.clone(), options);
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        tokio::spawn(crate::serve(listener, api, std::future::pending()));
        let new = NewAccount { name: "One".to_owned(), subdomain: None, limits: None };
        let account = store.create_account(new, &Actor::operator()).expect("made").id;
        let token = token(&store, Some(&account), &[Scope::Admin]);
        let client = Client::builder(TokioExecutor::new()).build_http();
        Self { url, store, host, account, token, client, _folder: folder }
    }

    /// Another account, and an admin's token for it.
    pub(super) fn other(&self) -> (AccountId, String) {
        let new = NewAccount { name: "Two".to_owned(), subdomain: None, limits: None };
        let account = self.store.create_account(new, &Actor::operator()).expect("made").id;
        let token = token(&self.store, Some(&account), &[Scope::Admin]);
        (account, token)
    }

    pub(super) fn token(&self, scopes: &[Scope]) -> String {
        token(&self.store, Some(&self.account), scopes)
    }

    pub(super) fn path(&self, path: &str) -> String {
        format!("/client/v4/accounts/{}{path}", self.account)
    }

    /// A call with all there is to it.
    pub(super) async fn send(
        &self,
        method: Method,
        path: &str,
        token: Option<&str>,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> Got {
        let mut request = Request::builder().method(method).uri(format!("{}{path}", self.url));
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::new(body.into())).expect("a request");
        let response = self.client.request(request).await.expect("an answer");
        let (parts, body) = response.into_parts();
        let body = body.collect().await.expect("a body").to_bytes();
        Got { status: parts.status, headers: parts.headers, body }
    }

    pub(super) async fn get(&self, path: &str) -> Got {
        self.send(Method::GET, &self.path(path), Some(&self.token), &[], "").await
    }

    pub(super) async fn delete(&self, path: &str) -> Got {
        self.send(Method::DELETE, &self.path(path), Some(&self.token), &[], "").await
    }

    pub(super) async fn call(&self, method: Method, path: &str, body: Value) -> Got {
        let headers = [("content-type", "application/json")];
        self.send(method, &self.path(path), Some(&self.token), &headers, body.to_string()).await
    }

    pub(super) async fn put(&self, path: &str, body: Value) -> Got {
        self.call(Method::PUT, path, body).await
    }

    pub(super) async fn post(&self, path: &str, body: Value) -> Got {
        self.call(Method::POST, path, body).await
    }

    pub(super) async fn patch(&self, path: &str, body: Value) -> Got {
        self.call(Method::PATCH, path, body).await
    }

    /// A multipart body.
    pub(super) async fn form(&self, method: Method, path: &str, parts: &[FormPart<'_>]) -> Got {
        let headers = [("content-type", "multipart/form-data; boundary=X"), WRANGLER];
        self.send(method, &self.path(path), Some(&self.token), &headers, form(parts)).await
    }

    /// A script of one module with this metadata.
    pub(super) async fn script(&self, name: &str, metadata: Value) -> Got {
        let parts = module(&metadata);
        self.form(Method::PUT, &format!("/workers/scripts/{name}"), &borrowed(&parts)).await
    }

    /// A version of one module that is not deployed.
    pub(super) async fn version(&self, name: &str, metadata: Value) -> Got {
        let parts = module(&metadata);
        let path = format!("/workers/scripts/{name}/versions?bindings_inherit=strict");
        self.form(Method::POST, &path, &borrowed(&parts)).await
    }

    /// A Worker with nothing to it.
    pub(super) async fn hello(&self, name: &str) {
        self.script(name, json!({ "main_module": "index.js" })).await.ok();
    }
}

pub(super) const WRANGLER: (&str, &str) = ("user-agent", "wrangler/4.125.0");

fn token(store: &SqliteStore, account: Option<&AccountId>, scopes: &[Scope]) -> String {
    let new = NewToken {
        account: account.cloned(),
        name: "test".to_owned(),
        scopes: Scopes::new(scopes.iter().copied()),
        expires_on: None,
    };
    let (_, secret) = store.create_token(new, &Actor::operator()).expect("made");
    secret.reveal().to_owned()
}

/// Name, type and content.
pub(super) type FormPart<'a> = (&'a str, &'a str, &'a [u8]);

fn module(metadata: &Value) -> [(&'static str, &'static str, Vec<u8>); 2] {
    [
        ("metadata", "", metadata.to_string().into_bytes()),
        ("index.js", "application/javascript+module", b"export default {}".to_vec()),
    ]
}

fn borrowed<'a>(parts: &'a [(&'static str, &'static str, Vec<u8>)]) -> Vec<FormPart<'a>> {
    parts.iter().map(|(name, kind, content)| (*name, *kind, content.as_slice())).collect()
}

pub(super) fn form(parts: &[FormPart<'_>]) -> Vec<u8> {
    let mut body = Vec::new();
    for (name, kind, content) in parts {
        body.extend_from_slice(b"--X\r\n");
        let file = if kind.is_empty() { String::new() } else { format!("; filename=\"{name}\"") };
        let head = format!("Content-Disposition: form-data; name=\"{name}\"{file}\r\n");
        body.extend_from_slice(head.as_bytes());
        if !kind.is_empty() {
            body.extend_from_slice(format!("Content-Type: {kind}\r\n").as_bytes());
        }
        body.extend_from_slice(b"\r\n");
        body.extend_from_slice(content);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(b"--X--\r\n");
    body
}

/// Listens until it is ended, to try a client by hand:
/// `cargo test -p selvedge-api by_hand -- --ignored --nocapture`.
#[tokio::test]
#[ignore = "listens for as long as it is let"]
async fn by_hand() {
    let fixture = Fixture::start().await;
    println!(
        "export CLOUDFLARE_API_BASE_URL={}/client/v4 CLOUDFLARE_API_TOKEN={} \
         CLOUDFLARE_ACCOUNT_ID={}",
        fixture.url, fixture.token, fixture.account
    );
    std::future::pending::<()>().await;
}
