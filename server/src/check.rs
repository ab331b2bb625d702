//! Starting a Worker only to see whether it starts.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use selvedge_cache::{Cache, CacheLimits};
use selvedge_durable::LocalPlacement;
use selvedge_runtime::outbound::LocalFuture;
use selvedge_runtime::{Failure, IsolatePool, LocalIsolate, Platform, Services};
use tokio::sync::watch;

use crate::backends::unix_millis;
use crate::bindings;
use crate::log::Log;
use crate::outbound::Policy;
use crate::project::Project;
use crate::run::way_out;
use crate::switchboard::Switchboard;

/// How long an isolate may take to end.
const PATIENCE: Duration = Duration::from_secs(5);

/// Runs a Worker's global scope once, without listening and without events.
/// Gives the CPU time that it took.
///
/// # Errors
/// With what the Worker threw, the limit that it exceeded, or the class of
/// Durable Objects that it does not export.
pub async fn start_once(project: &Project, log: Arc<Log>) -> Result<Duration, Box<Failure>> {
    let mut worker = project.worker.clone();
    worker.classes.iter_mut().for_each(|class| class.is_optional = false);
    // Nothing is kept: the global scope has no I/O.
    let cache = Cache::new(PathBuf::new(), CacheLimits::default(), unix_millis);
    worker.globals.push(bindings::caches(&cache, &worker.account));
    let switchboard = Switchboard::new(Arc::new(LocalPlacement::default()));
    let worker = Arc::new(worker);
    let out = way_out(Policy::new(worker.mode), switchboard, None);
    // The isolate's thread holds the receiver until its isolate is gone.
    let (alive, held) = watch::channel(());
    let services = Services {
        platform: Platform::new(selvedge_snapshot::platform_parts(None)),
        log,
        outbound: Arc::new(move |isolate| {
            let _ = &held;
            out(isolate)
        }),
        inspector: None,
    };
    let pool = IsolatePool::new(services, worker.limits.memory_bytes, 0);
    let serve = Box::new(|_: LocalIsolate| -> LocalFuture<()> { Box::pin(async {}) });
    let started = pool.start(worker, serve).await;
    drop(pool);
    let _ = tokio::time::timeout(PATIENCE, alive.closed()).await;
    started.map_err(Box::new)
}
