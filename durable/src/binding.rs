//! A namespace of Durable Objects as a Worker's binding.

use std::sync::Arc;
use std::time::Duration;

use deno_core::{OpState, ResourceId};
use selvedge_runtime::Binding;

use crate::id::IdKey;
use crate::ops::namespace::Handle;
use crate::store::Namespace;

/// A namespace that a Worker has in its `env`. Clones are the same namespace.
#[derive(Debug, Clone)]
pub struct DurableNamespace {
    /// The namespace's own id: 32 hexadecimal digits. Objects belong to it.
    pub id: Arc<str>,
    /// The exported class whose instances the objects are.
    pub class: Arc<str>,
    /// How long an object stays in memory without events; Cloudflare's have 10 s.
    pub idle: Duration,
    pub(crate) key: IdKey,
    pub(crate) storage: Option<NamespaceData>,
}

/// What a namespace's objects keep.
#[derive(Debug, Clone)]
pub struct NamespaceData {
    /// The files of the objects.
    pub namespace: Arc<Namespace>,
    /// Whether the class has `storage.sql` and `storage.kv`.
    pub has_sql: bool,
}

impl DurableNamespace {
    /// The namespace of this id, whose objects are instances of `class`.
    pub fn new(id: &str, class: &str, idle: Duration) -> Self {
        Self { id: id.into(), class: class.into(), idle, key: IdKey::of_namespace(id), storage: None }
    }

    /// Gives the objects storage; without it they have none.
    #[must_use]
    pub fn with_storage(mut self, data: NamespaceData) -> Self {
        self.storage = Some(data);
        self
    }
}

impl Binding for DurableNamespace {
    fn script(&self) -> &'static str {
        "ext:selvedge_durable/namespace.js"
    }

    fn open(&self, state: &mut OpState) -> ResourceId {
        state.resource_table.add(Handle(self.clone()))
    }
}
