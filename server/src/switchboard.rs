//! The Workers of this process by name, so that service bindings find them and
//! cron triggers reach them, whichever version of them serves right now.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, RwLock};

use selvedge_runtime::outbound::{OutboundError, ServiceTarget};
use selvedge_runtime::rpc::RpcEnd;
use tokio::io::DuplexStream;
use tokio::sync::mpsc;

use crate::serve::{ServiceConnection, ThreadEvent};

/// Bytes that one Worker sends another ahead of its reading, each way.
const PIPE_BYTES: usize = 64 * 1024;
/// Events that wait for a thread.
pub(crate) const EVENTS: usize = 1024;

/// Who serves which Worker.
#[derive(Debug, Default)]
pub(crate) struct Switchboard {
    workers: RwLock<HashMap<String, Entry>>,
}

/// The threads of a Worker.
#[derive(Debug, Default)]
struct Entry {
    threads: Vec<mpsc::Sender<ThreadEvent>>,
    next: AtomicUsize,
}

impl Switchboard {
    /// One more thread serves the Worker.
    pub(crate) fn add(&self, worker: &str, thread: mpsc::Sender<ThreadEvent>) {
        let mut workers = self.workers.write().unwrap_or_else(|poison| poison.into_inner());
        workers.entry(worker.to_owned()).or_default().threads.push(thread);
    }

    /// One thread serves it no more.
    pub(crate) fn remove(&self, worker: &str, thread: &mpsc::Sender<ThreadEvent>) {
        let mut workers = self.workers.write().unwrap_or_else(|poison| poison.into_inner());
        if let Some(entry) = workers.get_mut(worker) {
            entry.threads.retain(|other| !other.same_channel(thread));
        }
    }

    /// Only these threads serve the Worker from now on; none of them: nobody does.
    pub(crate) fn set(&self, worker: &str, threads: Vec<mpsc::Sender<ThreadEvent>>) {
        let mut workers = self.workers.write().unwrap_or_else(|poison| poison.into_inner());
        if threads.is_empty() {
            workers.remove(worker);
        } else {
            workers.insert(worker.to_owned(), Entry { threads, next: AtomicUsize::new(0) });
        }
    }

    /// A thread that serves the Worker; they take turns.
    pub(crate) fn thread(&self, worker: &str) -> Option<mpsc::Sender<ThreadEvent>> {
        let workers = self.workers.read().unwrap_or_else(|poison| poison.into_inner());
        let entry = workers.get(worker)?;
        let turn = entry.next.fetch_add(1, Ordering::Relaxed) % entry.threads.len().max(1);
        entry.threads.get(turn).cloned()
    }

    /// A connection to the Worker that a service binding names.
    ///
    /// # Errors
    /// [`OutboundError::Refused`] when it does not run here.
    pub(crate) fn connect(
        &self,
        target: &Arc<ServiceTarget>,
    ) -> Result<DuplexStream, OutboundError> {
        let (ours, stream) = tokio::io::duplex(PIPE_BYTES);
        let connection = ServiceConnection { stream, target: target.clone() };
        self.tell(target, ThreadEvent::Connection(connection))?;
        Ok(ours)
    }

    /// A channel for remote calls to the Worker that a service binding names.
    ///
    /// # Errors
    /// As [`Switchboard::connect`].
    pub(crate) fn connect_rpc(&self, target: &Arc<ServiceTarget>) -> Result<RpcEnd, OutboundError> {
        let (ours, theirs) = RpcEnd::pair();
        self.tell(target, ThreadEvent::Rpc(theirs, target.clone()))?;
        Ok(ours)
    }

    /// Hands an event to a thread of the Worker.
    fn tell(&self, target: &ServiceTarget, event: ThreadEvent) -> Result<(), OutboundError> {
        let missing = || {
            OutboundError::Refused(format!(
                "The service binding leads to the Worker \"{0}\", which does not run here. Start \
                 it beside this one: selvedge dev -c a/wrangler.toml -c b/wrangler.toml",
                target.service
            ))
        };
        let thread = self.thread(&target.service).ok_or_else(missing)?;
        thread.try_send(event).map_err(|error| match error {
            mpsc::error::TrySendError::Full(_) => OutboundError::Network(format!(
                "too many connections wait for the Worker {}",
                target.service
            )),
            mpsc::error::TrySendError::Closed(_) => missing(),
        })
    }
}
