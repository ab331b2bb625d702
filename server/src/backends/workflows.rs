//! Workflows: their index, and what their instances keep.

use std::sync::{Arc, PoisonError};

use selvedge_durable::NamespaceData;
use selvedge_workflows::Workflow;
use selvedge_workflows::store::{Index, WorkflowInfo};

use super::objects::store_error;
use super::{BackendError, Backends, unix_millis};

impl Backends {
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
}
