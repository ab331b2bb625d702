//! A bucket as a Worker's binding.

use std::fmt;
use std::sync::Arc;

use deno_core::{OpState, ResourceId};
use selvedge_runtime::Binding;

use crate::ops::Handle;
use crate::store::Bucket;

/// A bucket that a Worker has in its `env`. Clones are the same bucket.
#[derive(Clone)]
pub struct R2Bucket {
    name: Arc<str>,
    bucket: Arc<Bucket>,
}

impl R2Bucket {
    /// A bucket; `name` stands for it in the log.
    pub fn new(name: &str, bucket: Arc<Bucket>) -> Self {
        Self { name: name.into(), bucket }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn bucket(&self) -> &Arc<Bucket> {
        &self.bucket
    }
}

impl fmt::Debug for R2Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("R2Bucket").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Binding for R2Bucket {
    fn script(&self) -> &'static str {
        "ext:selvedge_r2/r2_bucket.js"
    }

    fn open(&self, state: &mut OpState) -> ResourceId {
        state.resource_table.add(Handle(self.clone()))
    }
}
