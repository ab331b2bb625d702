//! The stores behind the bindings: from the data folder to what keeps their
//! data.

mod objects;
mod stores;
mod workflows;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use selvedge_analytics::AnalyticsStore;
use selvedge_cache::{Cache, CacheLimits};
use selvedge_d1::store as d1;
use selvedge_durable::{LocalPlacement, Placement};
use selvedge_email::Mailer;
use selvedge_email::mailer::{Folder, Nowhere, Relay};
use selvedge_hyperdrive::Pools;
use selvedge_kv::store::{Catalog, UnixSeconds};
use selvedge_queues::store as queues;
use selvedge_r2::store as r2;
use selvedge_ratelimit::Counter;
use selvedge_runtime::Mode;
use selvedge_secrets::LocalSecrets;
use selvedge_storage::data_dir::{DataDir, OpenError};
use selvedge_workflows::store::Index;
use tokio::sync::watch;

pub use self::objects::Objects;
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

    /// Which isolate of the process has which Durable Object.
    pub fn placement(&self) -> Arc<dyn Placement> {
        self.placement.clone()
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

    /// What counts for rate limits of this namespace of an account.
    pub fn counter(&self, account: &str, namespace: &str) -> Arc<Counter> {
        let mut counters = self.counters.lock().unwrap_or_else(PoisonError::into_inner);
        counters.entry((account.to_owned(), namespace.to_owned())).or_default().clone()
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
