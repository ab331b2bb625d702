//! The stores behind the bindings: from the data folder to what keeps their
//! data.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use selvedge_kv::store::{KvStore, MemoryStore, UnixSeconds};

/// Why the data of a binding cannot be used.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct BackendError(#[from] selvedge_kv::Error);

/// The stores of a data folder. What is asked for twice is the same data.
#[derive(Debug)]
pub struct Backends {
    data_dir: PathBuf,
    kv: Mutex<HashMap<String, Arc<dyn KvStore>>>,
}

impl Backends {
    /// The stores of this folder. It is touched when the first one is opened.
    pub fn new(data_dir: &Path) -> Self {
        Self { data_dir: data_dir.to_owned(), kv: Mutex::default() }
    }

    /// Where the data is.
    pub fn data_dir(&self) -> &Path {
        &self.data_dir
    }

    /// The data of a KV namespace.
    ///
    /// # Errors
    /// When it cannot be used.
    pub fn kv(&self, id: &str) -> Result<Arc<dyn KvStore>, BackendError> {
        let mut open = self.kv.lock().unwrap_or_else(PoisonError::into_inner);
        let store = open.entry(id.to_owned()).or_insert_with(|| Arc::new(MemoryStore::new()));
        Ok(store.clone())
    }
}

/// The present, for expiry.
pub(crate) fn unix_seconds() -> UnixSeconds {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
