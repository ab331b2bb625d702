//! The objects of a data folder.

use std::collections::HashMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use selvedge_storage::data_dir::DataDir;
use selvedge_storage::history::Disk as _;

use super::UnixMs;
use super::disk::Disk;
use super::namespace::Namespace;
use super::pool::Pools;
use crate::error::Error;

/// The folder of all objects, in the data folder.
pub const OBJECTS_FOLDER: &str = "do";
/// Namespaces have ids up to this length: 64 bytes.
const MAX_NAMESPACE_ID: usize = 64;

/// What time it is, in Unix ms.
pub type Clock = Arc<dyn Fn() -> UnixMs + Send + Sync>;

/// The objects of a data folder, for the process that owns it. Clones are the
/// same.
#[derive(Clone)]
pub struct Objects(Arc<Inner>);

struct Inner {
    dir: Arc<DataDir>,
    folder: PathBuf,
    clock: Clock,
    pools: Arc<Pools>,
    disk: Disk,
    namespaces: Mutex<HashMap<String, Arc<Namespace>>>,
}

impl fmt::Debug for Objects {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Objects").field("folder", &self.0.folder).finish_non_exhaustive()
    }
}

impl Objects {
    /// The objects in this folder.
    ///
    /// # Errors
    /// [`Error::Storage`] if the folder cannot be made.
    pub fn open(dir: Arc<DataDir>, clock: Clock) -> Result<Self, Error> {
        Self::open_on(dir, clock, Disk::default())
    }

    pub(super) fn open_on(dir: Arc<DataDir>, clock: Clock, disk: Disk) -> Result<Self, Error> {
        let folder = dir.path().join(OBJECTS_FOLDER);
        std::fs::create_dir_all(&folder)
            .and_then(|()| disk.sync_folder_of(&folder))
            .map_err(|error| selvedge_storage::failure::io_failure(&folder, &error))?;
        let (pools, namespaces) = Default::default();
        Ok(Self(Arc::new(Inner { dir, folder, clock, pools, disk, namespaces })))
    }

    /// A namespace by its id, which names its folder: up to 64 letters, digits,
    /// `-` and `_`. A new one is empty.
    ///
    /// # Errors
    /// [`Error::Storage`] if the id is none, or the files cannot be used.
    pub fn namespace(&self, id: &str) -> Result<Arc<Namespace>, Error> {
        let folder = self.folder_of(id)?;
        let mut namespaces = self.0.namespaces.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(namespace) = namespaces.get(id) {
            return Ok(namespace.clone());
        }
        let Inner { dir, clock, pools, disk, .. } = &*self.0;
        let namespace = Arc::new(Namespace::open(
            dir.clone(),
            folder,
            pools.clone(),
            disk.clone(),
            clock.clone(),
        )?);
        namespaces.insert(id.to_owned(), namespace.clone());
        Ok(namespace)
    }

    /// Deletes a namespace with all objects in it.
    ///
    /// # Errors
    /// [`Error::InUse`] while one of them is open, or somebody else has the
    /// namespace.
    pub fn delete_namespace(&self, id: &str) -> Result<(), Error> {
        let folder = self.folder_of(id)?;
        let mut namespaces = self.0.namespaces.lock().unwrap_or_else(PoisonError::into_inner);
        self.settle();
        let in_use = |namespace: &Arc<Namespace>| {
            Arc::strong_count(namespace) > 1
                || namespace.registry.is_in_use()
                || namespace.has_facets_in_use()
        };
        if namespaces.get(id).is_some_and(in_use) {
            return Err(Error::InUse);
        }
        namespaces.remove(id);
        // Under another name first: what is left by a crash is no namespace.
        let grave = folder.with_extension("deleted");
        let io = |error| selvedge_storage::failure::io_failure(&folder, &error);
        let gone = |result: std::io::Result<()>| match result {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
            result => result.map_err(io),
        };
        gone(std::fs::remove_dir_all(&grave))?;
        gone(std::fs::rename(&folder, &grave))?;
        self.0.disk.sync_folder_of(&folder).map_err(io)?;
        Ok(gone(std::fs::remove_dir_all(&grave))?)
    }

    /// Waits until all commits so far are on disk, or have failed.
    pub fn flush(&self) {
        self.0.pools.syncers.drain();
    }

    /// Waits for that, and until the files of objects that are not open are in
    /// order, which takes some milliseconds for each. What is not waited for at
    /// the end of a process is as good: the object's next opening does it.
    pub fn settle(&self) {
        self.flush();
        self.0.pools.upkeep.drain();
    }

    fn folder_of(&self, id: &str) -> Result<PathBuf, Error> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        if id.is_empty() || id.len() > MAX_NAMESPACE_ID || !id.bytes().all(plain) {
            let text = format!("`{id}` is no id of a namespace of Durable Objects");
            return Err(selvedge_storage::Error::Data(text).into());
        }
        Ok(self.0.folder.join(id))
    }
}
