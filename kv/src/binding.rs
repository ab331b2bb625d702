//! A KV namespace as a Worker's binding.

use std::fmt;
use std::sync::Arc;

use deno_core::{OpState, ResourceId};
use selvedge_runtime::Binding;

use crate::ops::{Handle, Writing};
use crate::store::{KvStore, UnixSeconds};

/// Tells the present. It is given, so that expiry can be tested.
pub type Clock = fn() -> UnixSeconds;

/// A namespace that a Worker has in its `env`. Clones are the same namespace.
#[derive(Clone)]
pub struct KvNamespace {
    id: Arc<str>,
    store: Arc<dyn KvStore>,
    clock: Clock,
}

impl KvNamespace {
    /// A namespace over a store; `id` names it in the log.
    pub fn new(id: &str, store: Arc<dyn KvStore>, clock: Clock) -> Self {
        Self { id: id.into(), store, clock }
    }

    /// Its name in the log.
    pub fn id(&self) -> &str {
        &self.id
    }

    pub(crate) fn store(&self) -> &dyn KvStore {
        &*self.store
    }

    pub(crate) fn now(&self) -> UnixSeconds {
        (self.clock)()
    }
}

impl fmt::Debug for KvNamespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KvNamespace").field("id", &self.id).finish_non_exhaustive()
    }
}

impl Binding for KvNamespace {
    fn script(&self) -> &'static str {
        "ext:selvedge_kv/kv_namespace.js"
    }

    fn open(&self, state: &mut OpState) -> ResourceId {
        let writing = match state.try_borrow::<Writing>() {
            Some(writing) => writing.clone(),
            None => {
                let writing = Writing::default();
                state.put(writing.clone());
                writing
            }
        };
        state.resource_table.add(Handle::new(self.clone(), writing))
    }
}
