//! The objects of a data folder.

use std::sync::Arc;

use selvedge_storage::data_dir::DataDir;

use super::UnixMs;
use super::namespace::Namespace;
use crate::error::Error;

/// What time it is, in Unix ms.
pub type Clock = Arc<dyn Fn() -> UnixMs + Send + Sync>;

/// The objects of a data folder, for the process that owns it. Clones are the
/// same.
#[derive(Debug, Clone)]
pub struct Objects(());

impl Objects {
    /// The objects in this folder.
    ///
    /// # Errors
    /// [`Error::Storage`] if the folder cannot be made.
    pub fn open(dir: Arc<DataDir>, clock: Clock) -> Result<Self, Error> {
        let _ = (dir, clock);
        unimplemented!()
    }

    /// A namespace by its id, which names its folder: up to 64 letters, digits
    /// and `-`. A new one is empty.
    pub fn namespace(&self, id: &str) -> Result<Arc<Namespace>, Error> {
        let _ = id;
        unimplemented!()
    }

    /// Deletes a namespace with all objects in it.
    ///
    /// # Errors
    /// [`Error::InUse`] while one of them is open.
    pub fn delete_namespace(&self, id: &str) -> Result<(), Error> {
        let _ = id;
        unimplemented!()
    }
}
