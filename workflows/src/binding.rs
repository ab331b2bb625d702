//! A Workflow as a Worker's binding, and the engine that its instances run on.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use deno_core::{OpState, ResourceId};
use selvedge_durable::DurableNamespace;
use selvedge_durable::binding::{Host, NamespaceData};
use selvedge_durable::placement::Placement;
use selvedge_runtime::Binding;

use crate::ops::Handle;
use crate::store::{Index, WorkflowInfo};

/// What the objects of a Workflow's namespace are: its instances.
#[derive(Clone)]
pub struct Engine {
    pub(crate) info: Arc<WorkflowInfo>,
    pub(crate) index: Arc<Index>,
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine").field("name", &self.info.name).finish_non_exhaustive()
    }
}

impl Host for Engine {
    fn script(&self) -> &'static str {
        "ext:selvedge_workflows/engine.js"
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// A Workflow that a Worker has in its `env`. Clones are the same one.
#[derive(Debug, Clone)]
pub struct Workflow(DurableNamespace);

impl Workflow {
    /// The Workflow that the index has under `info`, with its instances in `data`.
    /// They stay in memory for `idle` without work.
    pub fn new(
        info: WorkflowInfo,
        index: Arc<Index>,
        data: NamespaceData,
        idle: std::time::Duration,
        placement: Arc<dyn Placement>,
    ) -> Self {
        let namespace = DurableNamespace::new(&info.id, &info.script, &info.class, idle, placement);
        let engine = Engine { info: Arc::new(info), index };
        Self(namespace.with_storage(data).with_host(Arc::new(engine)))
    }

    /// The namespace whose objects are the instances.
    pub fn namespace(&self) -> &DurableNamespace {
        &self.0
    }
}

impl Binding for Workflow {
    fn script(&self) -> &'static str {
        "ext:selvedge_workflows/workflow.js"
    }

    fn open(&self, state: &mut OpState) -> ResourceId {
        let namespace = self.0.open(state);
        state.resource_table.add(Handle { namespace })
    }
}
