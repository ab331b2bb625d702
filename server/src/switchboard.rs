//! The Workers of this process by name, so that service bindings find them and
//! cron triggers reach them, whichever version of them serves right now.

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock, RwLock, Weak};

use selvedge_durable::Placement;
use selvedge_runtime::ThreadNumber;
use selvedge_runtime::outbound::{OutboundError, ServiceTarget};
use selvedge_runtime::pipe::{InboundConnection, PIPE_BYTES};
use selvedge_runtime::rpc::RpcEnd;
use tokio::io::DuplexStream;
use tokio::sync::mpsc;

use crate::connections::SocketConnection;
use crate::loaded::Guest;
use crate::serve::{AlarmEvent, ServiceConnection, ThreadEvent};

/// Events that wait for a thread.
pub(crate) const EVENTS: usize = 1024;

/// Who serves which Worker.
#[derive(Debug)]
pub(crate) struct Switchboard {
    workers: RwLock<HashMap<String, Entry>>,
    /// All threads that serve, also those that take no new requests.
    threads: RwLock<HashMap<ThreadNumber, mpsc::Sender<ThreadEvent>>>,
    /// Which of them has which Durable Object.
    placement: Arc<dyn Placement>,
    /// Who starts Workers that do not run.
    absent: OnceLock<Weak<dyn Absent>>,
    /// Workers that were loaded at run time, by their names.
    guests: RwLock<HashMap<String, Weak<Guest>>>,
    /// Where what belongs to no isolate runs.
    control: Option<tokio::runtime::Handle>,
}

/// Starts Workers when something is for them, where not all run all the time.
pub(crate) trait Absent: std::fmt::Debug + Send + Sync {
    /// Whether there is such a Worker.
    fn is_deployed(&self, worker: &str) -> bool;

    /// Takes what is for a Worker, or for an object that no thread has.
    ///
    /// # Errors
    /// [`OutboundError::Refused`] when there is no such Worker.
    fn take(
        self: Arc<Self>,
        target: &ServiceTarget,
        event: ThreadEvent,
    ) -> Result<(), OutboundError>;
}

/// The threads of a Worker.
#[derive(Debug, Default)]
struct Entry {
    threads: Vec<mpsc::Sender<ThreadEvent>>,
    next: AtomicUsize,
}

/// A thread's entry in the switchboard, which goes with it.
pub(crate) struct Seat {
    switchboard: Arc<Switchboard>,
    thread: ThreadNumber,
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.switchboard
            .threads
            .write()
            .unwrap_or_else(|poison| poison.into_inner())
            .remove(&self.thread);
    }
}

impl Switchboard {
    /// Nobody serves yet.
    pub(crate) fn new(placement: Arc<dyn Placement>) -> Arc<Self> {
        let (workers, threads) = (RwLock::default(), RwLock::default());
        Arc::new(Self {
            workers,
            threads,
            placement,
            absent: OnceLock::new(),
            guests: RwLock::default(),
            control: tokio::runtime::Handle::try_current().ok(),
        })
    }

    /// Names who starts Workers that do not run. Only the first call counts.
    pub(crate) fn set_absent(&self, absent: Weak<dyn Absent>) {
        let _ = self.absent.set(absent);
    }

    /// A Worker was loaded: it is reached by its name for as long as it lives.
    pub(crate) fn add_guest(&self, name: &str, guest: Weak<Guest>) {
        let mut guests = self.guests.write().unwrap_or_else(|poison| poison.into_inner());
        guests.insert(name.to_owned(), guest);
    }

    /// It is gone.
    pub(crate) fn remove_guest(&self, name: &str) {
        self.guests.write().unwrap_or_else(|poison| poison.into_inner()).remove(name);
    }

    fn guest(&self, name: &str) -> Option<Arc<Guest>> {
        let guests = self.guests.read().unwrap_or_else(|poison| poison.into_inner());
        guests.get(name).and_then(Weak::upgrade)
    }

    /// Runs something beside all isolates.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        match &self.control {
            Some(control) => drop(control.spawn(task)),
            None => tracing::error!("there is no event loop beside the isolates"),
        }
    }

    fn absent(&self) -> Option<Arc<dyn Absent>> {
        self.absent.get().and_then(Weak::upgrade)
    }

    /// Makes the calling thread known by its number, as the place of the objects
    /// that it will have.
    pub(crate) fn seat(self: &Arc<Self>, events: mpsc::Sender<ThreadEvent>) -> Seat {
        let thread = ThreadNumber::of_this_thread();
        let mut threads = self.threads.write().unwrap_or_else(|poison| poison.into_inner());
        threads.insert(thread, events);
        Seat { switchboard: self.clone(), thread }
    }

    /// The thread of this number, if it serves.
    pub(crate) fn seated(&self, thread: ThreadNumber) -> Option<mpsc::Sender<ThreadEvent>> {
        let threads = self.threads.read().unwrap_or_else(|poison| poison.into_inner());
        threads.get(&thread).cloned()
    }

    /// All threads that serve.
    pub(crate) fn seats(&self) -> Vec<mpsc::Sender<ThreadEvent>> {
        let threads = self.threads.read().unwrap_or_else(|poison| poison.into_inner());
        threads.values().cloned().collect()
    }

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

    /// The thread for what goes to a binding's target: that which has the object,
    /// or else one of its Worker.
    pub(crate) fn thread_of(&self, target: &ServiceTarget) -> Option<mpsc::Sender<ThreadEvent>> {
        let Some(object) = &target.object else { return self.thread(&target.service) };
        let threads = self.threads.read().unwrap_or_else(|poison| poison.into_inner());
        // Who asks has no place for the object.
        let asks = ThreadNumber::of_this_thread();
        let owner = object.lives_on.filter(|owner| *owner != asks);
        let owner = owner.and_then(|thread| threads.get(&thread));
        if let Some(owner) = owner.filter(|owner| !owner.is_closed()) {
            return Some(owner.clone());
        }
        let workers = self.workers.read().unwrap_or_else(|poison| poison.into_inner());
        let entry = workers.get(&target.service)?;
        // A thread that just begins has no seat yet, and so no objects.
        let own = threads.get(&asks);
        let others = entry.threads.iter().filter(|it| own.is_none_or(|own| !own.same_channel(it)));
        let objects = |events: &mpsc::Sender<ThreadEvent>| {
            let seat = threads.iter().find(|(_, other)| other.same_channel(events));
            seat.map_or(0, |(number, _)| self.placement.count(*number))
        };
        others.min_by_key(|events| objects(events)).cloned()
    }

    /// A connection to the Worker or the object that a binding names.
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

    /// Hands a connection to the `connect()` handler of what a binding names.
    ///
    /// # Errors
    /// As [`Switchboard::connect`].
    pub(crate) fn connect_socket(
        &self,
        target: &Arc<ServiceTarget>,
        connection: InboundConnection,
    ) -> Result<(), OutboundError> {
        let socket = SocketConnection { connection, target: target.clone() };
        self.tell(target, ThreadEvent::Socket(socket))
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

    /// Whether anybody serves the Worker, or would.
    pub(crate) fn serves(&self, worker: &str) -> bool {
        if let Some(absent) = self.absent() {
            return absent.is_deployed(worker);
        }
        self.workers.read().unwrap_or_else(|poison| poison.into_inner()).contains_key(worker)
    }

    /// Delivers the alarm of an object.
    ///
    /// # Errors
    /// As [`Switchboard::connect`].
    pub(crate) fn alarm(&self, event: AlarmEvent) -> Result<(), OutboundError> {
        let target = event.target.clone();
        self.tell(&target, ThreadEvent::Alarm(event))
    }

    /// Hands an event to the thread of a target.
    fn tell(&self, target: &ServiceTarget, event: ThreadEvent) -> Result<(), OutboundError> {
        // Who is dispatched to by a name that somebody gave is no Worker of another's.
        let guest = if target.is_dispatched { None } else { self.guest(&target.service) };
        if let Some(guest) = guest {
            return guest.take(event);
        }
        let missing = || {
            if target.is_dispatched {
                return OutboundError::WorkerNotFound;
            }
            let leads = match target.object {
                Some(_) => "The class of this Durable Object belongs",
                None => "The service binding leads",
            };
            OutboundError::Refused(format!(
                "{leads} to the Worker \"{0}\", which does not run here. Start it beside this \
                 one: selvedge dev -c a/wrangler.toml -c b/wrangler.toml",
                target.service
            ))
        };
        let absent = self.absent();
        // Versions of a Worker take turns by their shares, which is not known here.
        let thread = match (&absent, &target.object) {
            (Some(_), None) => None,
            _ => self.thread_of(target),
        };
        let Some(thread) = thread else {
            return absent.map_or_else(|| Err(missing()), |absent| absent.take(target, event));
        };
        let error = match (thread.try_send(event), absent) {
            (Ok(()), _) => return Ok(()),
            // Its isolate ends: another one takes the event.
            (Err(mpsc::error::TrySendError::Closed(event)), Some(absent)) => {
                return absent.take(target, event);
            }
            (Err(error), _) => error,
        };
        Err(match error {
            mpsc::error::TrySendError::Full(_) if target.object.is_some() => {
                OutboundError::ObjectOverloaded
            }
            mpsc::error::TrySendError::Full(_) => OutboundError::Network(format!(
                "too many connections wait for the Worker {}",
                target.service
            )),
            mpsc::error::TrySendError::Closed(_) => missing(),
        })
    }
}
