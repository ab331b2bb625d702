//! The isolates of the Worker that `selvedge run` serves: one from the start,
//! further ones while all that there are were busy, and fewer again when they
//! have rested.
//!
//! An isolate that ends hands its sockets to the first one, which accepts from
//! them beside its own: a socket that was closed would lose the connections
//! that the kernel had put into its queue. The next further isolate gets them
//! back.

use std::net::TcpListener;
use std::sync::Arc;

use selvedge_runtime::outbound::LocalFuture;
use selvedge_runtime::{IsolatePool, LocalIsolate, Worker};
use tokio::sync::{mpsc, oneshot, watch};

use super::RunError;
use crate::listener::Addresses;
use crate::run_options::Scaling;
use crate::scaling::{Advice, Scale, Second};
use crate::serve::{Orders, Shared, ThreadEvent, serve_thread};
use crate::site::Before;
use crate::switchboard::{EVENTS, Switchboard};

/// The first isolate, which stays.
pub(crate) const FIRST: u32 = 0;

pub(super) struct Isolates {
    pub(super) shared: Arc<Shared>,
    pool: Arc<IsolatePool>,
    pub(super) worker: Arc<Worker>,
    addresses: Addresses,
    switchboard: Arc<Switchboard>,
    before: Before,
    options: Options,
    /// The way to the first isolate's thread, once it runs.
    first: Option<mpsc::Sender<ThreadEvent>>,
    further: Vec<Further>,
    /// Sockets that the first isolate accepts from beside its own.
    handed: Vec<Handed>,
    next: u32,
    scale: Scale,
    open: watch::Sender<bool>,
    pub(super) stop: watch::Sender<bool>,
}

/// How many there may be, and for how long.
pub(super) struct Options {
    pub(super) most: usize,
    pub(super) scaling: Scaling,
}

/// An isolate beside the first.
struct Further {
    id: u32,
    events: mpsc::Sender<ThreadEvent>,
    listeners: Vec<TcpListener>,
    leave: oneshot::Sender<()>,
}

struct Handed {
    listeners: Vec<TcpListener>,
    /// The first isolate accepts from them until this is dropped.
    _accepting: watch::Sender<()>,
}

impl Isolates {
    pub(super) fn new(
        shared: Arc<Shared>,
        pool: Arc<IsolatePool>,
        worker: Arc<Worker>,
        addresses: Addresses,
        switchboard: Arc<Switchboard>,
        before: Before,
        options: Options,
    ) -> Self {
        Self {
            shared,
            pool,
            worker,
            addresses,
            switchboard,
            before,
            options,
            first: None,
            further: Vec::new(),
            handed: Vec::new(),
            next: FIRST,
            scale: Scale::default(),
            open: watch::channel(true).0,
            stop: watch::channel(false).0,
        }
    }

    /// One more.
    ///
    /// # Errors
    /// When there are no sockets for it, or its global scope fails.
    pub(super) async fn add(&mut self) -> Result<(), RunError> {
        let id = self.next;
        self.next += 1;
        let kept = match self.handed.last() {
            Some(handed) => self.addresses.again(&handed.listeners)?,
            None => self.addresses.another()?,
        };
        let (sender, events) = mpsc::channel(EVENTS);
        let (leave, leaves) = oneshot::channel();
        let orders = Orders {
            id,
            listeners: self.addresses.again(&kept)?,
            events,
            post: sender.clone(),
            before: self.before.clone(),
            open: self.open.subscribe(),
            stop: self.stop.subscribe(),
            accepts: None,
            leave: (id != FIRST).then_some(leaves),
            gate: None,
        };
        let shared = self.shared.clone();
        let serve = Box::new(move |isolate: LocalIsolate| -> LocalFuture<()> {
            Box::pin(serve_thread(isolate, shared, orders))
        });
        let started = self.pool.start(self.worker.clone(), serve).await;
        started.map_err(|failure| RunError::Start(Box::new(failure)))?;
        self.switchboard.add(&self.worker.name, sender.clone());
        if id == FIRST {
            self.first = Some(sender);
        } else {
            // It accepts from them: the first one need not any more.
            self.handed.pop();
            let listeners = kept;
            self.further.push(Further { id, events: sender, listeners, leave });
        }
        Ok(())
    }

    /// Looks at what the last second brought: one more, one less, or neither.
    pub(super) async fn adapt(&mut self) {
        let seconds: Vec<Second> = {
            let threads = self.shared.threads.lock().unwrap_or_else(|it| it.into_inner());
            threads.iter().map(|thread| thread.second(thread.id != FIRST)).collect()
        };
        match self.scale.look(&seconds, self.options.most, self.options.scaling) {
            Advice::Keep => {}
            Advice::End(id) => self.end(id),
            Advice::Grow => match self.add().await {
                Ok(()) => {
                    let isolates = seconds.len() + 1;
                    tracing::info!(isolates, "another isolate for a busy Worker");
                }
                Err(error) => tracing::warn!(%error, "no further isolate"),
            },
        }
    }

    /// Ends one that has rested.
    fn end(&mut self, id: u32) {
        let Some(at) = self.further.iter().position(|it| it.id == id) else { return };
        let Some(first) = &self.first else { return };
        let (accepting, until) = watch::channel(());
        let listeners = match self.addresses.again(&self.further[at].listeners) {
            Ok(listeners) => listeners,
            Err(error) => {
                tracing::warn!(%error, "an isolate that rests goes on");
                return;
            }
        };
        if first.try_send(ThreadEvent::Listen { listeners, until }).is_err() {
            // It has more to do than to take them; the next second asks again.
            return;
        }
        let leaves = self.further.remove(at);
        self.handed.push(Handed { listeners: leaves.listeners, _accepting: accepting });
        self.switchboard.remove(&self.worker.name, &leaves.events);
        self.shared
            .threads
            .lock()
            .unwrap_or_else(|poison| poison.into_inner())
            .retain(|thread| thread.id != leaves.id);
        let _ = leaves.leave.send(());
        self.scale.ended();
        let isolates = self.further.len() + 1;
        tracing::info!(isolates, "an isolate that rested ends");
    }
}
