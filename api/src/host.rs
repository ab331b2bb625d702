//! [`Host`]: all that the API asks of the running server.

use std::fmt::Debug;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use selvedge_analytics::AnalyticsStore;
use selvedge_deployments::{AccountId, NewVersion, UnixMillis, VersionId, WorkerKey};
use selvedge_kv::store::KvStore;
use selvedge_r2::store::Catalog as Buckets;
use selvedge_workflows::store::{Index, Wanted, WorkflowInfo};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::mpsc;

/// An answer that may take a while.
pub type Later<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What the API asks of the server that runs the Workers.
pub trait Host: Debug + Send + Sync {
    /// Starts a version once, in an isolate of its own and with the limit on
    /// start-up time. It is not stored yet, but its blobs are.
    fn validate<'a>(
        &'a self,
        worker: &'a WorkerKey,
        candidate: &'a NewVersion,
    ) -> Later<'a, Result<Started, StartFailure>>;

    /// What was stored of a Worker has changed: it was deployed or deleted, or
    /// has other routes, domains, crons or settings. Comes back when new requests
    /// see it.
    fn apply<'a>(&'a self, worker: &'a WorkerKey) -> Later<'a, Result<(), HostError>>;

    /// The account was deleted, changed or made: its limits, its subdomain.
    fn apply_account<'a>(&'a self, account: &'a AccountId) -> Later<'a, Result<(), HostError>>;

    /// The last migration of Durable Objects that a Worker took.
    fn migration_tag(&self, worker: &WorkerKey) -> Result<Option<String>, HostError>;

    /// Changes a Worker's classes of Durable Objects as an upload says, in one
    /// transaction: the steps, or what `exports` ask for; then all of `bindings`
    /// must lead to a class that there is. With [`Commit::No`] it only tells
    /// whether that would work.
    fn change_objects(
        &self,
        worker: &WorkerKey,
        change: &ObjectsChange,
        commit: Commit,
    ) -> Result<ObjectsChanged, ObjectsRefusal>;

    /// The namespaces of Durable Objects of an account.
    fn object_namespaces(&self, account: &AccountId) -> Result<Vec<ObjectNamespace>, HostError>;

    /// Objects of a namespace of an account, by id. `None`: no such namespace.
    fn objects(
        &self,
        account: &AccountId,
        namespace: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Option<ObjectsPage>, HostError>;

    /// The Worker was deleted, with its versions: its objects go too.
    fn forget_objects(&self, worker: &WorkerKey) -> Result<(), HostError>;

    /// The data of a KV namespace; whose it is was checked.
    fn kv(&self, namespace: &str) -> Result<Arc<dyn KvStore>, HostError>;

    /// Deletes the data of a KV namespace.
    fn delete_kv(&self, namespace: &str) -> Result<(), HostError>;

    /// A D1 database; whose it is was checked.
    fn d1(&self, database: &str) -> Result<Arc<selvedge_d1::store::SqliteStore>, HostError>;

    /// The messages of a queue; whose it is was checked.
    fn queue(&self, queue: &str) -> Result<Arc<selvedge_queues::store::SqliteStore>, HostError>;

    /// Queues of some account have changed: who takes their messages, and how.
    fn apply_queues(&self) -> Result<(), HostError>;

    /// Deletes a queue with its messages.
    fn delete_queue(&self, queue: &str) -> Result<(), HostError>;

    /// Deletes a D1 database with all that is in it.
    fn delete_d1(&self, database: &str) -> Result<(), HostError>;

    /// The index of Workflows, of all accounts.
    fn workflows(&self) -> Result<Arc<Index>, HostError>;

    /// Makes a Workflow, or changes it into what it is to be.
    fn put_workflow(&self, wanted: &Wanted) -> Result<WorkflowInfo, HostError>;

    /// Deletes a Workflow with all instances.
    fn delete_workflow(&self, workflow: &WorkflowInfo) -> Result<(), HostError>;

    /// Asks an instance of a Workflow, whose it is was checked: `command` is one of
    /// `create`, `describe`, `status`, `pause`, `resume`, `restart`, `terminate`,
    /// `sendEvent`, `remove`. What the instance refuses has the key `refused`, with
    /// `code` and `message`.
    fn ask_instance<'a>(
        &'a self,
        workflow: &'a WorkflowInfo,
        instance: &'a str,
        command: &'a str,
        argument: &'a Value,
    ) -> Later<'a, Result<Value, HostError>>;

    /// The buckets of R2, of all accounts.
    fn buckets(&self) -> Result<Arc<Buckets>, HostError>;

    /// The data points of all accounts.
    fn analytics(&self) -> Result<Arc<AnalyticsStore>, HostError>;

    /// Forgets responses in an account's cache. It may block.
    fn purge_cache(&self, account: &AccountId, purges: &[CachePurge]) -> Result<(), HostError>;

    /// The events of a Worker, from now on, each as the JSON of a `TraceItem`
    /// (`outcome`, `scriptName`, `event`, `logs`, ..). Dropping the receiver ends
    /// it. When the receiver is slow, events are dropped and not waited for.
    fn tail(&self, worker: &WorkerKey) -> mpsc::Receiver<Arc<Value>>;

    /// What happens on the server, of one account or of all, as JSON.
    fn figures(&self, account: Option<&AccountId>) -> Value;

    /// Events and logs that were kept, newest first.
    fn logs<'a>(&'a self, query: &'a LogQuery) -> Later<'a, Result<LogPage, HostError>>;

    /// The text of `/metrics`. It reads files.
    fn metrics(&self) -> String;

    /// Whether requests are taken: `/readyz`.
    fn is_ready(&self) -> bool;
}

/// What to forget of an account's cache.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CachePurge {
    /// All of it.
    Everything,
    /// This URL.
    Url(String),
    /// All URLs of a host, or below a path of it.
    Prefix(String),
    /// Responses with this tag.
    Tag(String),
    /// All that is kept before the Worker of this name.
    Worker(String),
}

/// What was seen when a version was started.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Started {
    /// CPU time of the global scope, in milliseconds.
    pub startup_time_ms: u32,
    /// The events that the default export takes: `fetch`, `scheduled`, ..
    pub handlers: Vec<String>,
    /// Other exports that are classes or objects, and their handlers.
    pub named_handlers: Vec<(String, Vec<String>)>,
}

/// Why a version does not start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StartFailure {
    /// It is the version's fault: the exception with a source-mapped stack, the
    /// limit that was exceeded, or the class that is not exported.
    Script(String),
    /// Nothing could wake it: it exports no handler.
    NoHandlers(String),
    /// The server could not try.
    Host(HostError),
}

/// The server could not do what was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HostError {
    /// It may work in a moment.
    #[error("{0}")]
    Unavailable(String),
    /// Something is in use that was to go.
    #[error("{0}")]
    InUse(String),
    /// A bug or a failing disk. Clients are told a reference.
    #[error("{0}")]
    Internal(String),
}

/// Whether something is done or only tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Commit {
    /// Tried.
    No,
    /// Done.
    Yes,
}

/// What is to become of a Worker's classes of Durable Objects.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ObjectsChange {
    /// `migrations` of the upload.
    pub migrations: Option<Migrations>,
    /// `exports` of the upload.
    pub exports: Option<Value>,
    /// All `durable_object_namespace` bindings of the version.
    pub bindings: Vec<ObjectsBinding>,
}

/// `migrations` of an upload.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Migrations {
    /// Where the client thinks that the Worker stands; checked already.
    pub old_tag: Option<String>,
    /// Where it will stand.
    pub new_tag: Option<String>,
    /// What is to be done, in order. Those that were done already are no error.
    pub steps: Vec<MigrationStep>,
}

/// One step.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct MigrationStep {
    /// Classes that begin, without `storage.sql`.
    pub new_classes: Vec<String>,
    /// Classes that begin.
    pub new_sqlite_classes: Vec<String>,
    /// Classes that get another name.
    pub renamed_classes: Vec<Renamed>,
    /// Classes that end, with all of their objects.
    pub deleted_classes: Vec<String>,
    /// Classes that come from other Workers of the account.
    pub transferred_classes: Vec<Transferred>,
}

/// A class and its next name.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Renamed {
    /// Its name.
    pub from: String,
    /// Its next one.
    pub to: String,
}

/// A class of another Worker and its name in this one.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Transferred {
    /// Its name there.
    pub from: String,
    /// The Worker, of the same account.
    pub from_script: String,
    /// Its name here.
    pub to: String,
}

/// A binding to objects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectsBinding {
    /// The name in `env`.
    pub name: String,
    /// The class.
    pub class: String,
    /// The Worker of the same account that has it; `None`: this one.
    pub script: Option<String>,
}

/// What a change did, or would do.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ObjectsChanged {
    /// For `exports`: what became of each class, as the client shows it.
    pub reconciliation: Option<Value>,
    /// For people.
    pub notes: Vec<String>,
}

/// Why the classes cannot be changed so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ObjectsRefusal {
    /// The steps do not fit what is there: code 10074.
    Migrations(String),
    /// `exports` do not fit what is there: code 100402.
    Exports(String),
    /// A binding leads to a class that there is not: code 10061.
    NoClass(String),
    /// The server could not do it.
    Host(HostError),
}

/// A namespace of Durable Objects.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ObjectNamespace {
    /// 32 hexadecimal digits.
    pub id: String,
    /// `WORKER_CLASS`.
    pub name: String,
    /// The Worker's name.
    pub script: String,
    /// The class.
    pub class: String,
    /// Whether its objects have `storage.sql`.
    pub use_sqlite: bool,
}

/// Some objects of a namespace.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ObjectsPage {
    /// By id.
    pub objects: Vec<ObjectEntry>,
    /// Whether there are no more.
    pub complete: bool,
}

/// An object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ObjectEntry {
    /// 64 hexadecimal digits.
    pub id: String,
    /// Whether anything is stored.
    #[serde(rename = "hasStoredData")]
    pub has_stored_data: bool,
    /// Its facets and those below, each by the names that lead there.
    pub facets: Vec<Vec<String>>,
}

/// Which events and logs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogQuery {
    /// Whose.
    pub account: AccountId,
    /// Of which Worker; `None`: all.
    pub script: Option<String>,
    /// Not before, in Unix ms.
    pub since: Option<UnixMillis>,
    /// Before, in Unix ms.
    pub until: Option<UnixMillis>,
    /// With this outcome.
    pub outcome: Option<String>,
    /// Of this level or above: `debug`, `log`, `info`, `warn`, `error`.
    pub level: Option<String>,
    /// With this text in a message, an exception or the URL.
    pub text: Option<String>,
    /// Of this version.
    pub version: Option<VersionId>,
    /// Where the page before ended.
    pub cursor: Option<String>,
    /// At most so many.
    pub limit: usize,
}

/// Some of them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct LogPage {
    /// Newest first, each as the JSON of a `TraceItem`.
    pub items: Vec<Value>,
    /// Where the next page begins; `None`: there is none.
    pub cursor: Option<String>,
}
