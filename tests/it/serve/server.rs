//! A server of many Workers in this process. Workers are put into its store and
//! applied, as the API does.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;

use selvedge_api::host::{Commit, Host as _, ObjectsBinding, ObjectsChange};
use selvedge_deployments::audit::Actor;
use selvedge_deployments::store::Then;
use selvedge_deployments::{
    AccountId, AccountLimits, Binding, DeploymentStore, Keyring, ModuleKind, ModuleRef, NewAccount,
    NewDeployment, NewDomain, NewRoute, NewVersion, Options, Percentage, Script, SecretText, Share,
    SqliteStore, VersionContent, VersionId, WorkerKey, ZonePolicy,
};
use selvedge_server::backends::Backends;
use selvedge_server::host::settings::Settings;
use selvedge_server::host::{Handle, HostOptions, Server};
use selvedge_server::log::Format;
use tempfile::TempDir;

use crate::harness::{Client, Logs, Response};

/// The server's own domain.
pub(crate) const DOMAIN: &str = "edge.test";

/// How the server is to be.
pub(crate) struct Setup {
    settings: Settings,
    folder: TempDir,
}

/// A server and its store.
pub(crate) struct Serve {
    pub(crate) address: SocketAddr,
    pub(crate) logs: Logs,
    pub(crate) store: Arc<dyn DeploymentStore>,
    pub(crate) handle: Handle,
    /// The account that the tests are about.
    pub(crate) account: AccountId,
    stop: Option<tokio::sync::oneshot::Sender<()>>,
    reload: mpsc::Sender<mpsc::Sender<Result<(), String>>>,
    thread: Option<JoinHandle<()>>,
    runtime: tokio::runtime::Handle,
    folder: Option<TempDir>,
}

/// A version to upload.
#[derive(Clone)]
pub(crate) struct Upload {
    content: VersionContent,
    blobs: Vec<Vec<u8>>,
    secrets: Vec<(String, String)>,
    migrations: Option<serde_json::Value>,
}

impl Setup {
    pub(crate) fn new() -> Self {
        Self::with("")
    }

    /// With this `server.toml`.
    pub(crate) fn with(toml: &str) -> Self {
        let text = format!("domain = \"{DOMAIN}\"\n{toml}");
        let settings = Settings::parse(&text).expect("the settings are valid");
        Self { settings, folder: TempDir::new().expect("a temporary folder") }
    }

    /// Changes the settings.
    pub(crate) fn edit(mut self, edit: impl FnOnce(&mut Settings)) -> Self {
        edit(&mut self.settings);
        self
    }

    pub(crate) fn start(self) -> Serve {
        let Self { settings, folder } = self;
        let logs = Logs::default();
        let data_dir = folder.path().join("data");
        let options = HostOptions {
            data_dir: data_dir.clone(),
            listen: vec![SocketAddr::from(([127, 0, 0, 1], 0))],
            ingress_threads: 1,
            settings,
            log: logs.log(Format::Json),
        };
        let (started, start) = mpsc::channel();
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let (reload, reloads) = mpsc::channel::<mpsc::Sender<Result<(), String>>>();
        let thread = std::thread::Builder::new().name("serve".into()).spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("an event loop can be made");
            runtime.block_on(async {
                let idle = std::time::Duration::from_secs(10);
                let backends = Backends::new(&data_dir, "selvedge serve", idle);
                // Isolates of a server before this one may still be ending.
                let dir =
                    crate::harness::eventually("the folder is free", || backends.data_dir().ok());
                let store: Arc<dyn DeploymentStore> = Arc::new(
                    SqliteStore::open(
                        dir,
                        Options {
                            keys: Keyring::new(&[[7; 32]]).expect("a key"),
                            zones: ZonePolicy::FirstCome,
                            domain: Some(DOMAIN.to_owned()),
                            clock: Arc::new(|| 1_700_000_000_000),
                        },
                    )
                    .expect("the store opens"),
                );
                let server = Server::start(options, store.clone(), backends).await;
                let server = server.unwrap_or_else(|error| panic!("it does not start: {error}"));
                let handle = server.handle();
                let runtime = tokio::runtime::Handle::current();
                let _ = started.send((server.addresses[0], store, handle, runtime));
                let mut stopped = stopped;
                loop {
                    tokio::select! {
                        _ = &mut stopped => break,
                        () = tokio::time::sleep(std::time::Duration::from_millis(20)) => {
                            if let Ok(answer) = reloads.try_recv() {
                                let result = server.reload().map_err(|error| error.to_string());
                                let _ = answer.send(result);
                            }
                        }
                    }
                }
                server.stop().await;
            });
        });
        let thread = thread.expect("a thread can be started");
        let (address, store, handle, runtime) = start.recv().expect("it starts");
        let existing = store.accounts().expect("the store answers").first().cloned();
        let account = existing.map_or_else(|| new_account(&*store, "first", None), |it| it.id);
        let (stop, thread, folder) = (Some(stop), Some(thread), Some(folder));
        Serve { address, logs, store, handle, account, stop, reload, thread, runtime, folder }
    }
}

fn new_account(
    store: &dyn DeploymentStore,
    name: &str,
    limits: Option<AccountLimits>,
) -> AccountId {
    let new = NewAccount { name: name.to_owned(), subdomain: None, limits };
    store.create_account(new, &Actor::operator()).expect("an account can be made").id
}

impl Upload {
    /// One module that is all of the Worker.
    pub(crate) fn new(source: &str) -> Self {
        let content = VersionContent {
            script: Script::Modules("index.js".to_owned()),
            modules: Vec::new(),
            bindings: Vec::new(),
            compatibility_date: Some("2026-01-01".to_owned()),
            compatibility_flags: Vec::new(),
            cpu_ms: None,
            subrequests: None,
            assets: None,
            exports: None,
            placement: None,
            cache_options: None,
        };
        let new = Self { content, blobs: Vec::new(), secrets: Vec::new(), migrations: None };
        new.module("index.js", ModuleKind::EsModule, source.as_bytes())
    }

    pub(crate) fn module(mut self, name: &str, kind: ModuleKind, body: &[u8]) -> Self {
        self.content.modules.push(ModuleRef {
            name: name.to_owned(),
            kind,
            blob: selvedge_deployments::BlobHash::of(body),
            size: body.len() as u64,
        });
        self.blobs.push(body.to_vec());
        self
    }

    /// A binding as the API takes it.
    pub(crate) fn binding(mut self, raw: serde_json::Value) -> Self {
        self.content.bindings.push(Binding::from_raw(raw).expect("a binding"));
        self
    }

    pub(crate) fn secret(mut self, name: &str, text: &str) -> Self {
        self.secrets.push((name.to_owned(), text.to_owned()));
        self
    }

    /// `migrations` as the API takes it.
    pub(crate) fn migrations(mut self, migrations: serde_json::Value) -> Self {
        self.migrations = Some(migrations);
        self
    }

    pub(crate) fn edit(mut self, edit: impl FnOnce(&mut VersionContent)) -> Self {
        edit(&mut self.content);
        self
    }
}

impl Serve {
    pub(crate) fn key(&self, name: &str) -> WorkerKey {
        self.key_of(&self.account, name)
    }

    pub(crate) fn key_of(&self, account: &AccountId, name: &str) -> WorkerKey {
        WorkerKey::new(account.clone(), name).expect("a name of a Worker")
    }

    pub(crate) fn new_account(&self, name: &str, limits: Option<AccountLimits>) -> AccountId {
        new_account(&*self.store, name, limits)
    }

    /// Uploads and deploys one module; it answers at `NAME.DOMAIN`.
    pub(crate) fn deploy(&self, name: &str, source: &str) -> VersionId {
        self.upload(&self.key(name), Upload::new(source), true)
    }

    /// Uploads a version, and deploys it if `deploys`.
    pub(crate) fn upload(&self, key: &WorkerKey, upload: Upload, deploys: bool) -> VersionId {
        let by = Actor::operator();
        for blob in &upload.blobs {
            self.store.put_blob(blob).expect("a blob is stored");
        }
        let mut content = upload.content;
        for (name, text) in &upload.secrets {
            let secret = self.store.seal(key, name, &SecretText::new(text.clone()));
            content.bindings.push(Binding::secret(name, secret.expect("it can be sealed")));
        }
        if let Some(migrations) = upload.migrations {
            let bindings = content.bindings.iter().filter_map(|binding| match &binding.kind {
                selvedge_deployments::BindingKind::Objects { class, script } => {
                    Some(ObjectsBinding {
                        name: binding.name.clone(),
                        class: class.clone(),
                        script: script.clone(),
                    })
                }
                _ => None,
            });
            let change = ObjectsChange {
                migrations: Some(serde_json::from_value(migrations).expect("migrations")),
                exports: None,
                bindings: bindings.collect(),
            };
            self.handle.change_objects(key, &change, Commit::Yes).expect("the classes fit");
        }
        let is_new = self.store.worker(key).expect("the store answers").is_none();
        let new = NewVersion {
            source: "test".to_owned(),
            annotations: BTreeMap::new(),
            content,
            handlers: vec!["fetch".to_owned()],
            named_handlers: Vec::new(),
            startup_time_ms: None,
        };
        let then = match deploys {
            true => Then::Deploy { annotations: BTreeMap::new(), settings: None },
            false => Then::Keep,
        };
        let version = self.store.put_version(key, new, then, &by).expect("it is stored");
        if is_new {
            self.store.set_workers_dev(key, true, true, &by).expect("it gets its name");
        }
        self.apply(key);
        version.id
    }

    /// Gives versions shares, in percent.
    pub(crate) fn shares(&self, name: &str, shares: &[(VersionId, f64)]) {
        let key = self.key(name);
        let share = |(version, percent): &(VersionId, f64)| Share {
            version: *version,
            percentage: Percentage::of(*percent).expect("a percentage"),
        };
        let new = NewDeployment {
            source: "test".to_owned(),
            annotations: BTreeMap::new(),
            shares: shares.iter().map(share).collect(),
        };
        self.store.deploy(&key, new, &Actor::operator()).expect("it is deployed");
        self.apply(&key);
    }

    pub(crate) fn routes(&self, key: &WorkerKey, patterns: &[&str]) {
        let route = |pattern: &&str| NewRoute {
            pattern: (*pattern).to_owned(),
            zone_name: None,
            zone_id: None,
        };
        let routes: Vec<_> = patterns.iter().map(route).collect();
        self.store.set_routes(key, &routes, &Actor::operator()).expect("the routes are free");
        self.apply(key);
    }

    pub(crate) fn domain(&self, key: &WorkerKey, hostname: &str) {
        let domain = NewDomain {
            hostname: hostname.to_owned(),
            zone_name: None,
            zone_id: None,
            enabled: true,
            previews_enabled: false,
        };
        let by = Actor::operator();
        self.store.set_domains(key, &[domain], false, &by).expect("the domain is free");
        self.apply(key);
    }

    pub(crate) fn delete(&self, key: &WorkerKey) {
        self.store.delete_worker(key, &Actor::operator()).expect("it is deleted");
        self.apply(key);
    }

    /// What was stored takes effect.
    pub(crate) fn apply(&self, key: &WorkerKey) {
        let (handle, key) = (self.handle.clone(), key.clone());
        let (done, applied) = mpsc::channel();
        self.runtime.spawn(async move {
            let _ = done.send(handle.apply(&key).await);
        });
        applied.recv().expect("the server lives").expect("it is applied");
    }

    pub(crate) fn connect(&self) -> Client {
        Client::connect(self.address)
    }

    /// GET on a connection of its own, at `host`.
    pub(crate) fn get(&self, host: &str, path: &str) -> Response {
        get(&mut self.connect(), host, path, &[])
    }

    /// The same by the Worker's name.
    pub(crate) fn ask(&self, name: &str, path: &str) -> Response {
        self.get(&format!("{name}.{DOMAIN}"), path)
    }

    pub(crate) fn reload(&self) -> Result<(), String> {
        let (answer, reloaded) = mpsc::channel();
        self.reload.send(answer).expect("the server lives");
        reloaded.recv().expect("the server answers")
    }

    /// Stops it; gives what starts it again with the same data.
    pub(crate) fn stop(mut self) -> Setup {
        self.end();
        let folder = self.folder.take().expect("it has a folder");
        let text = format!("domain = \"{DOMAIN}\"");
        let settings = Settings::parse(&text).expect("the settings are valid");
        Setup { settings, folder }
    }

    fn end(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }

    /// Tells it to stop, and does not wait.
    pub(crate) fn begin_stop(&mut self) {
        drop(self.stop.take());
    }
}

impl Drop for Serve {
    fn drop(&mut self) {
        self.end();
    }
}

/// A request on a connection.
pub(crate) fn get(
    client: &mut Client,
    host: &str,
    path: &str,
    headers: &[(&str, &str)],
) -> Response {
    let mut head = format!("GET {path} HTTP/1.1\r\nhost: {host}\r\n");
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str("\r\n");
    client.send(head);
    client.response()
}

/// A Worker that answers with this text.
pub(crate) fn says(text: &str) -> String {
    format!("export default {{ fetch: () => new Response({text:?}) }};")
}
