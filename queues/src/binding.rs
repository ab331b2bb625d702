//! A queue as a Worker's binding: its producing side.

use std::fmt;
use std::sync::Arc;

use deno_core::{OpState, ResourceId};
use selvedge_runtime::Binding;

use crate::ops::Handle;
use crate::store::QueueStore;

/// A queue that a Worker has in its `env`. Clones are the same queue.
#[derive(Clone)]
pub struct Producer {
    name: Arc<str>,
    store: Arc<dyn QueueStore>,
    /// In seconds, for messages that say nothing.
    delay: u32,
}

impl Producer {
    /// A queue over a store; `name` names it in the log.
    pub fn new(name: &str, store: Arc<dyn QueueStore>, delay: u32) -> Self {
        Self { name: name.into(), store, delay }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn store(&self) -> &dyn QueueStore {
        &*self.store
    }

    pub(crate) fn delay(&self) -> u32 {
        self.delay
    }
}

impl fmt::Debug for Producer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Producer").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Binding for Producer {
    fn script(&self) -> &'static str {
        "ext:selvedge_queues/queue.js"
    }

    fn open(&self, state: &mut OpState) -> ResourceId {
        state.resource_table.add(Handle::new(self.clone()))
    }
}
