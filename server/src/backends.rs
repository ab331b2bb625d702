//! The stores behind the bindings: from the data folder to what keeps their
//! data.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use selvedge_kv::store::{Catalog, KvStore, UnixSeconds};
use selvedge_storage::data_dir::{DataDir, OpenError};

/// Why the data of a binding cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BackendError {
    /// Another process has the data folder.
    #[error("{0}\nhint: end that process, or choose another folder with --data-dir")]
    Held(OpenError),
    /// The data folder cannot be used.
    #[error("{0}")]
    DataDir(OpenError),
    /// A store cannot be opened.
    #[error("{0}")]
    Store(#[from] selvedge_kv::Error),
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
    object_idle: Duration,
}

impl Backends {
    /// The stores of this folder; `command` is told to those who want it, too.
    /// `object_idle` is how long a Durable Object stays in memory without events.
    pub fn new(data_dir: &Path, command: &str, object_idle: Duration) -> Self {
        Self {
            data_dir: data_dir.to_owned(),
            command: command.to_owned(),
            kv: Mutex::default(),
            object_idle,
        }
    }

    /// How long a Durable Object stays in memory without events.
    pub fn object_idle(&self) -> Duration {
        self.object_idle
    }

    /// The data of a KV namespace; a new one is empty.
    ///
    /// # Errors
    /// When another process has the folder, or the namespace's file cannot be
    /// used.
    pub fn kv(&self, id: &str) -> Result<Arc<dyn KvStore>, BackendError> {
        let mut catalog = self.kv.lock().unwrap_or_else(PoisonError::into_inner);
        let catalog = match &mut *catalog {
            Some(catalog) => catalog,
            none => {
                let dir = DataDir::open(&self.data_dir, &self.command, unix_seconds())?;
                none.insert(Catalog::open(Arc::new(dir), Arc::new(unix_seconds))?)
            }
        };
        Ok(catalog.store(id)?)
    }
}

/// The present, for expiry.
pub(crate) fn unix_seconds() -> UnixSeconds {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
