//! One version of a Worker while it serves, and while it finishes.

use std::sync::Arc;
use std::time::Duration;

use selvedge_runtime::outbound::LocalFuture;
use selvedge_runtime::{Failure, IsolatePool, LocalIsolate, Worker};
use tokio::sync::{mpsc, oneshot, watch};

use super::Host;
use crate::run::FIRST;
use crate::serve::{DRAIN, Orders, ThreadEvent, serve_thread};
use crate::site::Before;
use crate::switchboard::EVENTS;

/// A generation whose thread does not react within this time is left to finish
/// by itself: its Worker computes.
const STOP_PATIENCE: Duration = Duration::from_millis(100);

/// A version of a Worker that runs.
pub(super) struct Generation {
    open: watch::Sender<bool>,
    stop: watch::Sender<bool>,
    /// Ends when nothing is accepted any more.
    accepting: oneshot::Receiver<()>,
    events: mpsc::Sender<ThreadEvent>,
}

/// A version that takes no more requests.
pub(super) struct Retired(watch::Sender<bool>);

impl Generation {
    /// Starts the Worker. It accepts nothing before [`Generation::open`].
    ///
    /// # Errors
    /// When its global scope fails.
    pub(super) async fn start(
        host: &Host,
        worker: Arc<Worker>,
        before: Before,
        listeners: Vec<std::net::TcpListener>,
    ) -> Result<Self, Failure> {
        let (open, _) = watch::channel(false);
        let (stop, _) = watch::channel(false);
        let (accepts, accepting) = oneshot::channel();
        let (sender, events) = mpsc::channel(EVENTS);
        let orders = Orders {
            id: FIRST,
            listeners,
            events,
            post: sender.clone(),
            before,
            open: open.subscribe(),
            stop: stop.subscribe(),
            accepts: Some(accepts),
            leave: None,
            gate: None,
        };
        let shared = host.shared.clone();
        let serve = Box::new(move |isolate: LocalIsolate| -> LocalFuture<()> {
            Box::pin(serve_thread(isolate, shared, orders))
        });
        let mut services = host.services.clone();
        services.inspector = host.inspector.as_ref().map(|inspector| inspector.add(&worker));
        let pool = IsolatePool::new(services, worker.limits.memory_bytes, 0);
        pool.start(worker, serve).await?;
        Ok(Self { open, stop, accepting, events: sender })
    }

    /// Lets it accept connections.
    pub(super) fn open(&self) {
        let _ = self.open.send(true);
    }

    /// The way to its thread.
    pub(super) fn events(&self) -> mpsc::Sender<ThreadEvent> {
        self.events.clone()
    }

    /// Ends its Durable Objects. When this returns early, because its Worker
    /// computes, they end later; none begins elsewhere before.
    pub(super) async fn end_objects(&self) {
        let (done, ended) = oneshot::channel();
        if self.events.try_send(ThreadEvent::EndObjects(done)).is_ok() {
            let _ = tokio::time::timeout(STOP_PATIENCE, ended).await;
        }
    }

    /// Makes it accept nothing more. What is in flight goes on.
    pub(super) async fn retire(self) -> Retired {
        let _ = self.stop.send(true);
        let _ = tokio::time::timeout(STOP_PATIENCE, self.accepting).await;
        Retired(self.stop)
    }
}

impl Retired {
    /// Whether its isolate is gone.
    pub(super) fn is_done(&self) -> bool {
        self.0.receiver_count() == 0
    }

    /// Waits until its isolate is gone, as long as requests may take.
    pub(super) async fn done(self) {
        let _ = tokio::time::timeout(DRAIN + Duration::from_secs(5), self.0.closed()).await;
    }
}
