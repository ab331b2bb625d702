//! `caches` of a Worker.

use std::sync::Arc;

use deno_core::{OpState, ResourceId};
use selvedge_runtime::Binding;

use crate::ops::Handle;
use crate::store::Cache;

/// The part of the cache that a Worker sees: that of its account.
#[derive(Debug, Clone)]
pub struct CacheBinding {
    cache: Arc<Cache>,
    account: Arc<str>,
}

impl CacheBinding {
    /// The cache of an account; the empty one is that of a process with one only.
    pub fn new(cache: Arc<Cache>, account: &str) -> Self {
        Self { cache, account: account.into() }
    }

    pub(crate) fn cache(&self) -> &Arc<Cache> {
        &self.cache
    }

    pub(crate) fn account(&self) -> &Arc<str> {
        &self.account
    }
}

impl Binding for CacheBinding {
    fn script(&self) -> &'static str {
        "ext:selvedge_cache/cache.js"
    }

    fn open(&self, state: &mut OpState) -> ResourceId {
        state.resource_table.add(Handle::new(self.clone()))
    }
}
