//! The binding of a Worker Loader, and what it asks of the server.

use std::borrow::Cow;
use std::sync::Arc;

use deno_core::{OpState, Resource, ResourceId};
use futures::future::BoxFuture;
use selvedge_runtime::outbound::Callee;
use selvedge_runtime::{Binding, Worker};

/// Keeps loaded Workers. The server implements it.
pub trait Loads: std::fmt::Debug + Send + Sync {
    /// The Worker of an id in a scope, or a new one where there is none, or no id.
    /// `true`: it has no code yet, and who asked is to give it.
    fn find(&self, scope: &str, loader: &Arc<Worker>, id: Option<&str>) -> (Arc<dyn Loaded>, bool);
}

/// A loaded Worker, from the moment in which somebody asks for it.
pub trait Loaded: Callee {
    /// Its name in the process.
    fn name(&self) -> &str;

    /// Its code is there: an isolate starts.
    fn give(self: Arc<Self>, worker: Worker);

    /// Its code will not come.
    fn fail(&self, error: LoadError);

    /// Comes back when an isolate ran the global scope.
    fn ready(&self) -> BoxFuture<'static, Result<Arc<Running>, LoadError>>;

    /// The same as what a way holds.
    fn callee(self: Arc<Self>) -> Arc<dyn Callee>;
}

/// What is known of a Worker that started.
#[derive(Debug, Default)]
pub struct Running {
    /// Its exports beside the default one.
    pub entrypoints: Vec<String>,
}

/// Why a Worker was not loaded. Many may wait for it, and all are told.
#[derive(Debug, Clone, thiserror::Error, deno_error::JsError)]
#[class(generic)]
#[error("{0}")]
pub struct LoadError(pub String);

/// A Worker Loader in the `env` of a Worker.
#[derive(Debug, Clone)]
pub struct WorkerLoader {
    loads: Arc<dyn Loads>,
    scope: Arc<str>,
}

impl WorkerLoader {
    /// A loader whose ids are its own, and those of all others of the same scope.
    pub fn new(loads: Arc<dyn Loads>, scope: impl Into<Arc<str>>) -> Self {
        Self { loads, scope: scope.into() }
    }
}

impl Binding for WorkerLoader {
    fn script(&self) -> &'static str {
        "ext:selvedge_dynamic/worker_loader.js"
    }

    fn open(&self, state: &mut OpState) -> ResourceId {
        state.resource_table.add(Handle(self.clone()))
    }
}

/// A loader in an isolate.
pub(crate) struct Handle(WorkerLoader);

impl Handle {
    pub(crate) fn find(&self, loader: &Arc<Worker>, id: Option<&str>) -> (Arc<dyn Loaded>, bool) {
        self.0.loads.find(&self.0.scope, loader, id)
    }
}

impl Resource for Handle {
    fn name(&self) -> Cow<'_, str> {
        "workerLoader".into()
    }
}
