//! Stores of which a data folder has many, by their ids: KV, D1, queues, buckets.

use std::sync::{Arc, PoisonError};

use selvedge_d1::store as d1;
use selvedge_kv::store::{Catalog, KvStore};
use selvedge_queues::store as queues;
use selvedge_r2::store as r2;

use super::{BackendError, Backends, unix_millis, unix_seconds};

impl Backends {
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
