//! Durable Objects: their namespaces, and the files of the objects.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use selvedge_durable::catalog::{self, Deleted, NamespaceInfo};
use selvedge_durable::config::Storage;
use selvedge_durable::{DurableNamespace, NamespaceData, Placement, store};

use super::{BackendError, Backends, unix_millis};

/// The namespaces of Durable Objects in a data folder.
#[derive(Debug)]
pub struct Objects {
    catalog: catalog::Catalog,
    pub(super) data: store::Objects,
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

impl Backends {
    /// How many bytes the files of an object have, but for its history.
    pub(crate) fn object_bytes(&self, namespace: &str, object: &str) -> u64 {
        let folder = self.data_dir.join(store::OBJECTS_FOLDER).join(namespace).join(&object[..2]);
        let bytes = |suffix: &str| {
            let file = folder.join(format!("{object}.sqlite{suffix}"));
            file.metadata().map_or(0, |metadata| metadata.len())
        };
        bytes("") + bytes("-wal")
    }

    /// The same of a facet of an object.
    pub(crate) fn facet_bytes(&self, namespace: &str, facet: &str) -> u64 {
        self.object_bytes(&format!("{namespace}/{}", store::FACETS_FOLDER), facet)
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

/// An error of the objects' files.
pub(super) fn store_error(error: selvedge_durable::Error) -> BackendError {
    match error {
        selvedge_durable::Error::Storage(error) => error.into(),
        error => selvedge_storage::Error::Internal(error.to_string()).into(),
    }
}
