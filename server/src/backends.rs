//! The stores behind the bindings: from the data folder to what keeps their
//! data.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use selvedge_analytics::AnalyticsStore;
use selvedge_cache::{Cache, CacheLimits};
use selvedge_d1::store as d1;
use selvedge_durable::catalog::{self, Deleted, NamespaceInfo};
use selvedge_durable::config::Storage;
use selvedge_durable::{DurableNamespace, LocalPlacement, NamespaceData, Placement, store};
use selvedge_email::Mailer;
use selvedge_email::mailer::{Folder, Nowhere, Relay};
use selvedge_hyperdrive::Pools;
use selvedge_kv::store::{Catalog, KvStore, UnixSeconds};
use selvedge_queues::store as queues;
use selvedge_r2::store as r2;
use selvedge_ratelimit::Counter;
use selvedge_runtime::Mode;
use selvedge_secrets::LocalSecrets;
use selvedge_storage::data_dir::{DataDir, OpenError};
use selvedge_workflows::Workflow;
use selvedge_workflows::store::{Index, WorkflowInfo};

use tokio::sync::watch;

use crate::config::Diagnostic;
use crate::outbound::{OriginDialer, Policy, Trust};

/// Why the data of a binding cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BackendError {
    /// Another process has the data folder.
    #[error("{0}\nhint: end that process, or choose another folder with --data-dir")]
    Held(OpenError),
    /// The data folder cannot be used.
    #[error("{0}")]
    DataDir(OpenError),
    /// The relay of mail. The text does not repeat its URL, which has a password.
    #[error("the relay of email: {0}")]
    Relay(String),
    /// A store cannot be opened.
    #[error("{0}")]
    Store(#[from] selvedge_storage::Error),
    /// The configuration does not fit the data.
    #[error("{}", .0.text())]
    Refused(Box<Diagnostic>),
}

impl From<OpenError> for BackendError {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::Held { .. } => Self::Held(error),
            OpenError::Io { .. } => Self::DataDir(error),
        }
    }
}

/// The stores of a data folder. The folder is taken when the first store is
/// opened, and free again when this is dropped. What is asked for twice is the
/// same data.
#[derive(Debug)]
pub struct Backends {
    data_dir: PathBuf,
    /// What other processes are told of the owner.
    command: String,
    kv: Mutex<Option<Catalog>>,
    d1: Mutex<Option<d1::Catalog>>,
    /// What D1 keeps of what databases were.
    d1_history: d1::HistoryLimits,
    queues: Mutex<Option<queues::Catalog>>,
    r2: Mutex<Option<Arc<r2::Catalog>>>,
    analytics: Mutex<Option<Arc<AnalyticsStore>>>,
    secrets: Mutex<Option<Arc<LocalSecrets>>>,
    hyperdrive: Mutex<Option<Arc<Pools>>>,
    mailer: Mutex<Arc<dyn Mailer>>,
    /// Which addresses the databases behind Hyperdrive may have.
    policy: Mutex<Policy>,
    workflows: Mutex<Option<Arc<Index>>>,
    counters: Mutex<HashMap<(String, String), Arc<Counter>>>,
    object_idle: Duration,
    objects: Mutex<Option<Arc<Objects>>>,
    dir: Mutex<Option<Arc<DataDir>>>,
    /// Whether the folder was taken.
    taken: watch::Sender<bool>,
    placement: Arc<LocalPlacement>,
    cache: Arc<Cache>,
}

impl Backends {
    /// The stores of this folder; `command` is told to those who want it, too.
    /// `object_idle` is how long a Durable Object stays in memory without events.
    pub fn new(data_dir: &Path, command: &str, object_idle: Duration) -> Self {
        Self {
            data_dir: data_dir.to_owned(),
            command: command.to_owned(),
            kv: Mutex::default(),
            d1: Mutex::default(),
            d1_history: d1::HistoryLimits::default(),
            queues: Mutex::default(),
            r2: Mutex::default(),
            analytics: Mutex::default(),
            secrets: Mutex::default(),
            hyperdrive: Mutex::default(),
            mailer: Mutex::new(Arc::new(Nowhere)),
            policy: Mutex::new(Policy::new(Mode::Production)),
            workflows: Mutex::default(),
            counters: Mutex::default(),
            objects: Mutex::default(),
            dir: Mutex::default(),
            taken: watch::Sender::default(),
            object_idle,
            placement: Arc::default(),
            cache: Cache::new(
                data_dir.join("cache").join("http"),
                CacheLimits::default(),
                unix_millis,
            ),
        }
    }

    /// With other limits for what D1 keeps of what databases were.
    #[must_use]
    pub fn with_d1_history(self, limits: d1::HistoryLimits) -> Self {
        Self { d1_history: limits, ..self }
    }

    /// The path of the data folder.
    pub fn folder(&self) -> &Path {
        &self.data_dir
    }

    /// The HTTP cache. It may be deleted at any time, so nobody owns its folder.
    pub fn cache(&self) -> &Arc<Cache> {
        &self.cache
    }

    /// How long a Durable Object stays in memory without events.
    pub fn object_idle(&self) -> Duration {
        self.object_idle
    }

    /// The folder, taken by this process until this is dropped.
    ///
    /// # Errors
    /// When another process has it, or it cannot be made.
    pub fn data_dir(&self) -> Result<Arc<DataDir>, BackendError> {
        self.dir()
    }

    /// The folder, taken by this process.
    fn dir(&self) -> Result<Arc<DataDir>, BackendError> {
        let mut dir = self.dir.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(dir) = &*dir {
            return Ok(dir.clone());
        }
        let new = Arc::new(DataDir::open(&self.data_dir, &self.command, unix_seconds())?);
        let _ = self.taken.send_replace(true);
        Ok(dir.insert(new).clone())
    }

    /// Takes the folder, if this process does not have it.
    pub(crate) fn take(&self) -> Result<(), BackendError> {
        self.dir().map(drop)
    }

    /// Waits until this process has the folder; tells where it is.
    pub(crate) async fn taken(&self) -> PathBuf {
        // The sender is ours.
        let _ = self.taken.subscribe().wait_for(|taken| *taken).await;
        self.data_dir.clone()
    }

    /// How many bytes the files of an object have, but for its history.
    pub(crate) fn object_bytes(&self, namespace: &str, object: &str) -> u64 {
        let folder = self.data_dir.join(store::OBJECTS_FOLDER).join(namespace).join(&object[..2]);
        let bytes = |suffix: &str| {
            let file = folder.join(format!("{object}.sqlite{suffix}"));
            file.metadata().map_or(0, |metadata| metadata.len())
        };
        bytes("") + bytes("-wal")
    }

    /// Which isolate of the process has which Durable Object.
    pub fn placement(&self) -> Arc<dyn Placement> {
        self.placement.clone()
    }

    /// The data of a KV namespace; a new one is empty.
    ///
    /// # Errors
    /// When another process has the folder, or the namespace's file cannot be
    /// used.
    pub fn kv(&self, id: &str) -> Result<Arc<dyn KvStore>, BackendError> {
        Ok(self.with_kv(|catalog| catalog.store(id))??)
    }

    /// The data of a D1 database; a new one is empty.
    ///
    /// # Errors
    /// When another process has the folder, or the database's file cannot be used.
    pub fn d1(&self, id: &str) -> Result<Arc<d1::SqliteStore>, BackendError> {
        Ok(self.with_d1(|catalog| catalog.store(id))??)
    }

    /// Deletes a D1 database; one that was never used has no data.
    ///
    /// # Errors
    /// When its file cannot be deleted.
    pub fn delete_d1(&self, id: &str) -> Result<(), BackendError> {
        match self.with_d1(|catalog| catalog.delete(id))? {
            Ok(()) | Err(d1::CatalogError::NotFound { .. }) => Ok(()),
            Err(d1::CatalogError::Store(error)) => Err(error.into()),
            Err(error) => Err(selvedge_storage::Error::Internal(error.to_string()).into()),
        }
    }

    /// The messages of a queue; a new one is empty.
    ///
    /// # Errors
    /// When another process has the folder, or the queue's file cannot be used.
    pub fn queue(&self, id: &str) -> Result<Arc<queues::SqliteStore>, BackendError> {
        Ok(self.with_queues(|catalog| catalog.store(id))??)
    }

    /// Shows the catalog of queues.
    ///
    /// # Errors
    /// When another process has the folder, or the catalog's file cannot be used.
    pub(crate) fn with_queues<T>(
        &self,
        act: impl FnOnce(&queues::Catalog) -> T,
    ) -> Result<T, BackendError> {
        let mut catalog = self.queues.lock().unwrap_or_else(PoisonError::into_inner);
        let catalog = match &mut *catalog {
            Some(catalog) => catalog,
            none => none.insert(queues::Catalog::open(self.dir()?, Arc::new(unix_seconds))?),
        };
        Ok(act(catalog))
    }

    /// Deletes a queue; one that was never used has no messages.
    ///
    /// # Errors
    /// When its file cannot be deleted.
    pub fn delete_queue(&self, id: &str) -> Result<(), BackendError> {
        match self.with_queues(|catalog| catalog.delete(id))? {
            Ok(()) | Err(queues::CatalogError::NotFound { .. }) => Ok(()),
            Err(queues::CatalogError::Store(error)) => Err(error.into()),
            Err(error) => Err(selvedge_storage::Error::Internal(error.to_string()).into()),
        }
    }

    /// Shows the catalog of D1 databases.
    ///
    /// # Errors
    /// When another process has the folder, or the catalog's file cannot be used.
    pub(crate) fn with_d1<T>(
        &self,
        act: impl FnOnce(&d1::Catalog) -> T,
    ) -> Result<T, BackendError> {
        let mut catalog = self.d1.lock().unwrap_or_else(PoisonError::into_inner);
        let catalog = match &mut *catalog {
            Some(catalog) => catalog,
            none => {
                let clock = Arc::new(unix_seconds);
                none.insert(d1::Catalog::open_with(self.dir()?, clock, self.d1_history)?)
            }
        };
        Ok(act(catalog))
    }

    /// Shows the catalog of KV namespaces.
    ///
    /// # Errors
    /// When another process has the folder, or the catalog's file cannot be used.
    pub(crate) fn with_kv<T>(&self, act: impl FnOnce(&Catalog) -> T) -> Result<T, BackendError> {
        let mut catalog = self.kv.lock().unwrap_or_else(PoisonError::into_inner);
        let catalog = match &mut *catalog {
            Some(catalog) => catalog,
            none => none.insert(Catalog::open(self.dir()?, Arc::new(unix_seconds))?),
        };
        Ok(act(catalog))
    }

    /// Deletes a KV namespace with its data; one that was never written to has
    /// none.
    ///
    /// # Errors
    /// When it is in use, or its file cannot be deleted.
    pub fn delete_kv(&self, id: &str) -> Result<(), BackendError> {
        // It is made where it is not there: the catalog deletes what it knows.
        self.kv(id)?;
        let catalog = self.kv.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(catalog) = &*catalog else { return Ok(()) };
        catalog.delete(id).map_err(|error| match error {
            selvedge_kv::store::CatalogError::Store(error) => error.into(),
            error => selvedge_storage::Error::Internal(error.to_string()).into(),
        })
    }

    /// The buckets of R2.
    ///
    /// # Errors
    /// When another process has the folder, or the catalog's file cannot be used.
    pub fn buckets(&self) -> Result<Arc<r2::Catalog>, BackendError> {
        let mut catalog = self.r2.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(catalog) = &*catalog {
            return Ok(catalog.clone());
        }
        let new = r2::Catalog::open(self.dir()?, unix_millis).map_err(r2_error)?;
        Ok(catalog.insert(Arc::new(new)).clone())
    }

    /// A bucket of an account; a new one is empty.
    ///
    /// # Errors
    /// As [`Backends::buckets`], and when the bucket's file cannot be used.
    pub fn r2(&self, account: &str, name: &str) -> Result<Arc<r2::Bucket>, BackendError> {
        self.buckets()?.bucket(account, name).map_err(r2_error)
    }

    /// The data points of all accounts.
    ///
    /// # Errors
    /// When another process has the folder, or no thread can be started.
    pub fn analytics(&self) -> Result<Arc<AnalyticsStore>, BackendError> {
        let mut store = self.analytics.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(store) = &*store {
            return Ok(store.clone());
        }
        let new = AnalyticsStore::open(self.dir()?, unix_millis).map_err(|error| match error {
            selvedge_analytics::Error::Storage(error) => error,
            error => selvedge_storage::Error::Internal(error.to_string()),
        })?;
        Ok(store.insert(Arc::new(new)).clone())
    }

    /// The secrets of stores on this machine.
    ///
    /// # Errors
    /// When another process has the folder, or the file cannot be used.
    pub fn secrets(&self) -> Result<Arc<LocalSecrets>, BackendError> {
        let mut secrets = self.secrets.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(secrets) = &*secrets {
            return Ok(secrets.clone());
        }
        let new = Arc::new(LocalSecrets::open(self.dir()?)?);
        Ok(secrets.insert(new).clone())
    }

    /// Which addresses the servers behind bindings may have, such as databases;
    /// public ones until this is called.
    pub(crate) fn reach(&self, policy: Policy) {
        *self.policy.lock().unwrap_or_else(PoisonError::into_inner) = policy;
    }

    /// Who takes the mail of Workers; nobody until this is called.
    pub(crate) fn send_with(&self, mailer: Arc<dyn Mailer>) {
        *self.mailer.lock().unwrap_or_else(PoisonError::into_inner) = mailer;
    }

    /// The same, for a server that may have no relay: mail goes into a folder then.
    ///
    /// # Errors
    /// When the URL of the relay is none.
    pub(crate) fn send_locally(&self, relay: Option<&str>) -> Result<(), BackendError> {
        let mailer: Arc<dyn Mailer> = match relay {
            Some(url) => Arc::new(Relay::new(url).map_err(BackendError::Relay)?),
            None => Arc::new(Folder::of(&self.data_dir)),
        };
        self.send_with(mailer);
        Ok(())
    }

    /// Who takes the mail of Workers.
    pub fn mailer(&self) -> Arc<dyn Mailer> {
        self.mailer.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Connections to databases behind Hyperdrive.
    ///
    /// # Errors
    /// When there is no thread for them.
    pub fn hyperdrive(&self) -> Result<Arc<Pools>, BackendError> {
        let mut pools = self.hyperdrive.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(pools) = &*pools {
            return Ok(pools.clone());
        }
        let policy = self.policy.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let dialer = Arc::new(OriginDialer::new(policy, Trust::shared()));
        let internal = |error: std::io::Error| {
            selvedge_storage::Error::Internal(format!("no thread for Hyperdrive: {error}"))
        };
        Ok(pools.insert(Pools::new(dialer).map_err(internal)?).clone())
    }

    /// The index of Workflows, if somebody asked for it before.
    pub(crate) fn open_workflows(&self) -> Option<Arc<Index>> {
        self.workflows.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The index of Workflows.
    ///
    /// # Errors
    /// When another process has the folder, or the index's file cannot be used.
    pub fn workflows(&self) -> Result<Arc<Index>, BackendError> {
        let mut index = self.workflows.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(index) = &*index {
            return Ok(index.clone());
        }
        let new = Index::open(self.dir()?, unix_millis)?;
        Ok(index.insert(Arc::new(new)).clone())
    }

    /// A Workflow with the storage of its instances.
    ///
    /// # Errors
    /// When another process has the folder, or files cannot be used.
    pub fn workflow(&self, info: WorkflowInfo) -> Result<Workflow, BackendError> {
        let namespace = self.objects()?.data.namespace(&info.id).map_err(store_error)?;
        let data = NamespaceData { namespace, has_sql: true };
        let (index, placement) = (self.workflows()?, self.placement());
        Ok(Workflow::new(info, index, data, self.object_idle, placement))
    }

    /// Deletes the instances of Workflows that are gone, where nothing holds them.
    ///
    /// # Errors
    /// When files cannot be deleted.
    pub fn delete_removed_workflows(&self) -> Result<(), BackendError> {
        let index = self.workflows()?;
        let objects = self.objects()?;
        for id in index.removed()? {
            match objects.data.delete_namespace(&id) {
                Ok(()) => index.deleted(&id)?,
                // With the next start.
                Err(selvedge_durable::Error::InUse) => {}
                Err(error) => return Err(store_error(error)),
            }
        }
        Ok(())
    }

    /// What counts for rate limits of this namespace of an account.
    pub fn counter(&self, account: &str, namespace: &str) -> Arc<Counter> {
        let mut counters = self.counters.lock().unwrap_or_else(PoisonError::into_inner);
        counters.entry((account.to_owned(), namespace.to_owned())).or_default().clone()
    }

    /// The namespace of a Worker's class, as a binding.
    ///
    /// # Errors
    /// As [`Objects::binding`].
    pub fn durable(&self, script: &str, class: &str) -> Result<DurableNamespace, BackendError> {
        self.objects()?.binding(script, class, self.object_idle, self.placement())
    }

    /// The namespaces of a Worker's classes, also those that no binding leads to.
    ///
    /// # Errors
    /// As [`Objects::binding`].
    pub fn durable_of(&self, script: &str) -> Result<Vec<DurableNamespace>, BackendError> {
        let all = self.objects()?.catalog().list()?;
        let own = all.iter().filter(|namespace| namespace.script == script);
        own.map(|namespace| self.durable(script, &namespace.class)).collect()
    }

    /// The namespaces of Durable Objects.
    ///
    /// # Errors
    /// When another process has the folder, or the catalog's file cannot be
    /// used.
    pub fn objects(&self) -> Result<Arc<Objects>, BackendError> {
        let mut objects = self.objects.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(objects) = &*objects {
            return Ok(objects.clone());
        }
        let dir = self.dir()?;
        let catalog = catalog::Catalog::open(dir.clone(), Arc::new(unix_millis))?;
        let data = store::Objects::open(dir, Arc::new(unix_millis)).map_err(store_error)?;
        Ok(objects.insert(Arc::new(Objects { catalog, data })).clone())
    }
}

/// The namespaces of Durable Objects in a data folder.
#[derive(Debug)]
pub struct Objects {
    catalog: catalog::Catalog,
    data: store::Objects,
}

impl Objects {
    /// Which namespaces there are.
    pub fn catalog(&self) -> &catalog::Catalog {
        &self.catalog
    }

    /// Puts the files of objects that are not in memory in order.
    pub(crate) fn settle(&self) {
        self.data.settle();
    }

    /// The namespace of a Worker's class.
    ///
    /// # Errors
    /// When the catalog's file cannot be used, or does not have it: the
    /// configuration was not applied.
    pub fn namespace(&self, script: &str, class: &str) -> Result<NamespaceInfo, BackendError> {
        let missing = || {
            selvedge_storage::Error::Internal(format!(
                "no namespace was made for the class {class} of {script}"
            ))
        };
        Ok(self.catalog.find(script, class)?.ok_or_else(missing)?)
    }

    /// The same as a binding, with the objects' storage; they stay in memory for
    /// so long without events.
    ///
    /// # Errors
    /// As [`Objects::namespace`], and when the folder cannot be used.
    pub fn binding(
        &self,
        script: &str,
        class: &str,
        idle: Duration,
        placement: Arc<dyn Placement>,
    ) -> Result<DurableNamespace, BackendError> {
        let found = self.namespace(script, class)?;
        let namespace = self.data.namespace(&found.id).map_err(store_error)?;
        let data = NamespaceData { namespace, has_sql: found.storage == Storage::Sqlite };
        let new = DurableNamespace::new(&found.id, &found.script, &found.class, idle, placement);
        Ok(new.with_storage(data))
    }

    /// Deletes the objects of classes that are gone.
    ///
    /// # Errors
    /// When their files cannot be deleted.
    pub(crate) fn delete_removed(&self) -> Result<(), BackendError> {
        self.catalog.removed(|id| match self.data.delete_namespace(id) {
            Ok(()) => Ok(Deleted::Now),
            Err(selvedge_durable::Error::InUse) => Ok(Deleted::Later),
            Err(error) => Err(store_error(error)),
        })
    }
}

/// An error of the objects' files.
fn store_error(error: selvedge_durable::Error) -> BackendError {
    match error {
        selvedge_durable::Error::Storage(error) => error.into(),
        error => selvedge_storage::Error::Internal(error.to_string()).into(),
    }
}

/// An error of a bucket's files.
fn r2_error(error: selvedge_r2::Error) -> BackendError {
    match error {
        selvedge_r2::Error::Storage(error) => error.into(),
        selvedge_r2::Error::Refused(refusal) => {
            selvedge_storage::Error::Internal(refusal.to_string()).into()
        }
    }
}

/// The present, for what objects remember.
pub(crate) fn unix_millis() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// The present, for expiry.
pub(crate) fn unix_seconds() -> UnixSeconds {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
