//! A D1 database as a Worker's binding.

use std::fmt;
use std::sync::Arc;

use deno_core::{OpState, ResourceId};
use selvedge_runtime::Binding;

use crate::ops::Handle;
use crate::store::D1Store;

/// A database that a Worker has in its `env`. Clones are the same database.
#[derive(Clone)]
pub struct D1Database {
    id: Arc<str>,
    store: Arc<dyn D1Store>,
}

impl D1Database {
    /// A database over a store; `id` names it in the log.
    pub fn new(id: &str, store: Arc<dyn D1Store>) -> Self {
        Self { id: id.into(), store }
    }

    /// Its name in the log.
    pub fn id(&self) -> &str {
        &self.id
    }

    pub(crate) fn store(&self) -> &dyn D1Store {
        &*self.store
    }
}

impl fmt::Debug for D1Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("D1Database").field("id", &self.id).finish_non_exhaustive()
    }
}

impl Binding for D1Database {
    fn script(&self) -> &'static str {
        "ext:selvedge_d1/d1_database.js"
    }

    fn open(&self, state: &mut OpState) -> ResourceId {
        state.resource_table.add(Handle::new(self.clone()))
    }
}
