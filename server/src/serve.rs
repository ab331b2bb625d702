//! What runs on an isolate's thread: its connections, and what else reaches it
//! from other threads.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use selvedge_runtime::outbound::ServiceTarget;
use selvedge_runtime::rpc::RpcEnd;
use selvedge_runtime::{
    AlarmResult, Ended, LocalIsolate, ObjectsEnd, Outcome, ScheduledEvent, ThreadClock,
    ThreadPriority,
};
use tokio::sync::{Notify, mpsc, oneshot, watch};
use tokio::task::JoinSet;

use crate::connections::{self, SocketConnection};
use crate::edge::{Client, Facts, TlsFacts};
use crate::gate::MakeGate;
use crate::http1::{self, End};
use crate::http2;
use crate::local_traces::LocalTraces;
use crate::log::Log;
use crate::metrics::EventKind;
use crate::moving::{Line, Move, Moved, Ticket};
use crate::scaling::Second;
use crate::site::{Before, Site};
use crate::switchboard::Switchboard;
use crate::tls;

/// Requests in flight get this long to end when the server stops.
pub(crate) const DRAIN: Duration = Duration::from_secs(30);
/// A connection that waits for its next request gets this long when its isolate
/// leaves: longer than idle ones are kept.
const LEAVE: Duration = Duration::from_secs(130);
/// How often a thread that may leave tells what it holds.
const NOTED: Duration = Duration::from_millis(500);
/// The same for one that had nothing to tell.
const NOTED_RESTING: Duration = Duration::from_secs(4);
/// A TLS handshake must be done after this.
const TLS_HANDSHAKE: Duration = Duration::from_secs(10);

/// What the threads that serve share.
pub(crate) struct Shared {
    pub(crate) log: Arc<Log>,
    pub(crate) tls: Option<tokio_rustls::TlsAcceptor>,
    pub(crate) server_timing: bool,
    /// One entry for each isolate that serves: its last second's CPU time.
    pub(crate) threads: Mutex<Vec<Arc<ThreadUse>>>,
    pub(crate) switchboard: Arc<Switchboard>,
    /// Who follows events where there is no gate.
    pub(crate) traces: Option<Arc<LocalTraces>>,
}

/// What an isolate's thread does: its CPU time as it was a second ago, and what
/// it holds.
pub(crate) struct ThreadUse {
    /// Names the isolate among those of its Worker.
    pub(crate) id: u32,
    clock: ThreadClock,
    before: AtomicU64,
    in_flight: AtomicUsize,
    memory_bytes: AtomicUsize,
    pub(crate) priority: ThreadPriority,
}

impl ThreadUse {
    fn of_this_thread(id: u32) -> Arc<Self> {
        let clock = ThreadClock::of_this_thread();
        let before = AtomicU64::new(clock.read().as_nanos() as u64);
        let (in_flight, memory_bytes) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let priority = ThreadPriority::of_this_thread();
        Arc::new(Self { id, clock, before, in_flight, memory_bytes, priority })
    }

    /// What the last second brought. Each is to be asked each second: a clock
    /// that is not read falls behind.
    pub(crate) fn second(&self, may_end: bool) -> Second {
        let (used_nanos, in_flight) = (self.since_last(), self.in_flight());
        Second { id: self.id, used_nanos, in_flight, may_end }
    }

    /// Bytes that the isolate uses, as of a moment ago.
    pub(crate) fn memory_bytes(&self) -> usize {
        self.memory_bytes.load(Ordering::Relaxed)
    }

    /// Requests and WebSockets under way, as of a moment ago.
    pub(crate) fn in_flight(&self) -> usize {
        self.in_flight.load(Ordering::Relaxed)
    }

    /// Keeps these numbers up to date.
    async fn note(&self, site: &Site) {
        loop {
            let in_flight = site.isolate.in_flight();
            let before = self.in_flight.swap(in_flight, Ordering::Relaxed);
            self.memory_bytes.store(site.isolate.memory_bytes(), Ordering::Relaxed);
            // Many isolates rest: they shall not wake the processor all the time.
            let rests = in_flight == 0 && before == 0 && site.connections.get() == 0;
            tokio::time::sleep(if rests { NOTED_RESTING } else { NOTED }).await;
        }
    }

    /// What it used since the last call, in nanoseconds.
    pub(crate) fn since_last(&self) -> u64 {
        let now = self.clock.read().as_nanos() as u64;
        now.saturating_sub(self.before.swap(now, Ordering::Relaxed))
    }
}

/// What reaches an isolate's thread beside connections from outside.
pub(crate) enum ThreadEvent {
    /// A cron trigger fires.
    Scheduled(ScheduledEvent, oneshot::Sender<Ended>),
    /// Another Worker's service binding connects.
    Connection(ServiceConnection),
    /// The alarm of a Durable Object goes off.
    Alarm(AlarmEvent),
    /// Its Durable Objects end. The sender is dropped when that is done.
    EndObjects(oneshot::Sender<()>),
    /// Sockets of an isolate that leaves: to be accepted from beside one's own,
    /// until the sender is dropped.
    Listen { listeners: Vec<std::net::TcpListener>, until: watch::Receiver<()> },
    /// Somebody beside the Workers wants something of the isolate.
    Act(Box<dyn FnOnce(&LocalIsolate) + Send>),
    /// Another isolate begins a session of remote calls to what the target names.
    Rpc(RpcEnd, Arc<ServiceTarget>),
    /// A connection for a `connect()` handler.
    Socket(SocketConnection),
    /// A connection whose next request is for this isolate.
    Moved(Box<Moved>),
}

/// An alarm on its way to its object.
pub(crate) struct AlarmEvent {
    pub(crate) target: Arc<ServiceTarget>,
    /// How often the object did not get to the end of it.
    pub(crate) lost: u32,
    /// Dropped where it could not be delivered.
    pub(crate) done: oneshot::Sender<AlarmResult>,
}

/// One end of a pipe on which another Worker sends a request.
pub(crate) struct ServiceConnection {
    pub(crate) stream: tokio::io::DuplexStream,
    /// What of the Worker the binding names.
    pub(crate) target: Arc<ServiceTarget>,
}

/// How a thread is told what to do.
pub(crate) struct Orders {
    /// [`crate::run::FIRST`], or that of one that may leave.
    pub(crate) id: u32,
    pub(crate) listeners: Vec<std::net::TcpListener>,
    pub(crate) events: mpsc::Receiver<ThreadEvent>,
    /// Where those come from.
    pub(crate) post: mpsc::Sender<ThreadEvent>,
    /// What answers before the Worker.
    pub(crate) before: Before,
    /// Nothing is accepted before this is true.
    pub(crate) open: watch::Receiver<bool>,
    /// The thread ends after this is true.
    pub(crate) stop: watch::Receiver<bool>,
    /// Dropped when nothing is accepted any more.
    pub(crate) accepts: Option<oneshot::Sender<()>>,
    /// Says that others take over: what is here may end in its own time.
    pub(crate) leave: Option<oneshot::Receiver<()>>,
    /// Where many Workers share the sockets.
    pub(crate) gate: Option<MakeGate>,
}

/// What runs on an isolate's thread.
pub(crate) async fn serve_thread(isolate: LocalIsolate, shared: Arc<Shared>, orders: Orders) {
    let Orders { id, listeners, events, post, before, mut open, mut stop, accepts, leave, gate } =
        orders;
    let seat = shared.switchboard.seat(post);
    if open.wait_for(|open| *open).await.is_err() {
        return;
    }
    let gate = gate.map(|make| make());
    let watch = match (&gate, &shared.traces) {
        (None, Some(traces)) => Some(traces.watch(isolate.worker())),
        _ => None,
    };
    let site = Site::new(isolate, before, shared.log.clone(), shared.server_timing, gate, watch);
    if let Some(gate) = &site.gate {
        site.isolate.set_monitor(gate.monitor());
    } else if let Some(watch) = &site.watch {
        site.isolate.set_monitor(watch.clone());
    }
    let usage = ThreadUse::of_this_thread(id);
    shared.threads.lock().unwrap_or_else(|poison| poison.into_inner()).push(usage.clone());

    let accepting = Rc::new(RefCell::new(JoinSet::new()));
    listen(&mut accepting.borrow_mut(), listeners, &site, &shared);
    let mut tasks = JoinSet::new();
    let last_events = Rc::new(LastEvents::default());
    // Until the end: its objects are called while connections finish.
    tasks.spawn_local(take_events(
        events,
        site.clone(),
        shared.clone(),
        accepting.clone(),
        last_events.clone(),
    ));
    if leave.is_some() {
        let (usage, site) = (usage.clone(), site.clone());
        tasks.spawn_local(async move { usage.note(&site).await });
    }
    // Deadlines hold to the end, also while connections finish.
    let clock = site.clone();
    tokio::task::spawn_local(async move { clock.clock.run().await });

    let told_to_stop = async { drop(stop.wait_for(|stop| *stop).await) };
    let told_to_leave = async {
        let told = match leave {
            Some(leave) => leave.await.is_ok(),
            None => false,
        };
        if !told {
            std::future::pending::<()>().await;
        }
    };
    let left = async {
        told_to_leave.await;
        // Another one accepts from the same sockets by now.
        site.isolate.trim_at_end();
        accepting.take().shutdown().await;
        site.leave();
        site.isolate.end_objects(ObjectsEnd::WhenIdle);
        let _ = tokio::time::timeout(LEAVE, nothing_left(&site)).await;
        // What was sent meanwhile is taken; who comes later is told to go elsewhere.
        last_events.ask.notify_one();
        last_events.taken.notified().await;
        let _ = tokio::time::timeout(LEAVE, nothing_left(&site)).await;
    };
    tokio::select! {
        () = told_to_stop => {}
        () = left => {}
    }
    accepting.take().shutdown().await;
    drop(accepts);
    site.drain();
    let idle = async {
        while site.connections.get() > 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    if tokio::time::timeout(DRAIN, idle).await.is_err() {
        tracing::warn!(connections = site.connections.get(), "connections cut off");
    }
    site.isolate.finish(DRAIN).await;
    site.isolate.end_objects(ObjectsEnd::WhenIdle);
    site.isolate.end_objects(ObjectsEnd::Updated);
    drop(seat);
    tasks.shutdown().await;
    shared
        .threads
        .lock()
        .unwrap_or_else(|poison| poison.into_inner())
        .retain(|other| !Arc::ptr_eq(other, &usage));
}

/// Waits until no client and no code of the Worker needs the isolate.
async fn nothing_left(site: &Site) {
    while site.connections.get() > 0 || site.isolate.in_flight() > 0 {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Accepts from these sockets for as long as the tasks live.
fn listen(
    tasks: &mut JoinSet<()>,
    listeners: Vec<std::net::TcpListener>,
    site: &Rc<Site>,
    shared: &Arc<Shared>,
) {
    for listener in listeners {
        match tokio::net::TcpListener::from_std(listener) {
            Ok(listener) => {
                tasks.spawn_local(accept(listener, site.clone(), shared.clone()));
            }
            Err(error) => tracing::error!(%error, "an address is not served"),
        }
    }
}

/// How a thread that leaves makes sure that it got all that was sent to it.
#[derive(Default)]
struct LastEvents {
    ask: Notify,
    taken: Notify,
}

/// Delivers what other threads send.
async fn take_events(
    mut events: mpsc::Receiver<ThreadEvent>,
    site: Rc<Site>,
    shared: Arc<Shared>,
    accepting: Rc<RefCell<JoinSet<()>>>,
    last: Rc<LastEvents>,
) {
    loop {
        let event = tokio::select! {
            biased;
            event = events.recv() => event,
            () = last.ask.notified() => {
                events.close();
                continue;
            }
        };
        let Some(event) = event else { break };
        match event {
            ThreadEvent::Scheduled(event, done) => {
                let trace = match (&site.gate, &site.watch) {
                    (Some(gate), _) => gate.scheduled(&event),
                    (None, watch) => watch.as_ref().and_then(|watch| watch.scheduled(&event)),
                };
                let of_end = site.clone();
                let on_end = Box::new(move |ended| {
                    if let Some(gate) = &of_end.gate {
                        gate.ended(EventKind::Scheduled, &ended);
                    }
                    let _ = done.send(ended);
                });
                site.isolate.scheduled(&event, on_end, trace);
            }
            ThreadEvent::Moved(moved) => {
                tokio::task::spawn_local(moved_connection(*moved, site.clone()));
            }
            ThreadEvent::Connection(connection) => {
                tokio::task::spawn_local(service_connection(connection, site.clone()));
            }
            ThreadEvent::Alarm(AlarmEvent { target, lost, done }) => {
                let (of_end, began) = (site.clone(), Instant::now());
                let on_end = Box::new(move |result| {
                    if let Some(gate) = &of_end.gate {
                        gate.ended(EventKind::Alarm, &ended_alarm(result, began));
                    }
                    let _ = done.send(result);
                });
                if let Some(object) = &target.object {
                    site.isolate.alarm(object, lost, on_end);
                }
            }
            ThreadEvent::EndObjects(done) => {
                site.isolate.end_objects(ObjectsEnd::Updated);
                drop(done);
            }
            // Who stops takes no more of them.
            ThreadEvent::Listen { .. } if site.is_ending() => {}
            ThreadEvent::Listen { listeners, mut until } => {
                let (site, shared) = (site.clone(), shared.clone());
                accepting.borrow_mut().spawn_local(async move {
                    let mut accepting = JoinSet::new();
                    listen(&mut accepting, listeners, &site, &shared);
                    // Nothing is ever sent: it ends when the sender is dropped.
                    while until.changed().await.is_ok() {}
                });
            }
            ThreadEvent::Act(act) => act(&site.isolate),
            ThreadEvent::Socket(socket) => connections::serve(&site, socket),
            ThreadEvent::Rpc(end, target) => site.isolate.rpc(end, &target),
        }
    }
    last.taken.notify_one();
    // No more come: the thread goes on for its connections.
    std::future::pending::<()>().await;
}

/// How an alarm counts: what its code used is counted with its object.
fn ended_alarm(result: AlarmResult, began: Instant) -> Ended {
    let outcome = match result {
        AlarmResult::Settled => Outcome::Ok,
        AlarmResult::Moved => Outcome::Canceled,
        AlarmResult::Failed => Outcome::InternalError,
    };
    let (cpu, wall) = (Duration::ZERO, began.elapsed());
    Ended { outcome, status: 0, cpu, wall, subrequests: 0 }
}

async fn service_connection(connection: ServiceConnection, site: Rc<Site>) {
    let _counted = Counted::new(site.clone());
    let client = Client::of_service(connection.target);
    Box::pin(http1::serve(connection.stream, site, client, Bytes::new())).await;
}

/// Serves a connection that came from another thread, until it goes on.
async fn moved_connection(moved: Moved, site: Rc<Site>) {
    let _counted = Counted::new(site.clone());
    let Moved { line, early, facts, ticket, hops, .. } = moved;
    let on = Onward { facts, ticket, hops };
    match line {
        Line::Plain(stream) => match tokio::net::TcpStream::from_std(stream) {
            Ok(stream) => Box::pin(serve_moved(stream, site, early, on)).await,
            Err(error) => tracing::warn!(%error, "a connection was lost on its way"),
        },
        Line::Tls(mut stream) => match stream.get_mut().0.attach() {
            Ok(()) => Box::pin(serve_moved(stream, site, early, on)).await,
            Err(error) => tracing::warn!(%error, "a connection was lost on its way"),
        },
        Line::Pipe(stream) => Box::pin(serve_moved(stream, site, early, on)).await,
    }
}

/// What goes with a connection that moves on.
struct Onward {
    facts: Arc<Facts>,
    ticket: Option<Ticket>,
    hops: u8,
}

async fn serve_moved<I: Move>(io: I, site: Rc<Site>, early: Bytes, on: Onward) {
    let client = Client::of(&on.facts);
    let end = http1::serve(io, site.clone(), client, early).await;
    let End::Elsewhere { io, early, chosen, served } = end else { return };
    drop(on.ticket);
    let Some(gate) = &site.gate else { return };
    // One that is sent on again and again, and never served, goes in circles.
    let hops = if served { 0 } else { on.hops.saturating_add(1) };
    match io.leave() {
        Ok(line) => {
            let facts = on.facts;
            gate.hand_on(Moved { line, early, facts, chosen, ticket: None, hops });
        }
        Err(error) => tracing::warn!(%error, "a connection was lost on its way"),
    }
}

async fn accept(listener: tokio::net::TcpListener, site: Rc<Site>, shared: Arc<Shared>) {
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                let _ = stream.set_nodelay(true);
                tokio::task::spawn_local(connection(stream, peer, site.clone(), shared.clone()));
            }
            Err(error) => {
                // Out of file descriptors, or the client left already.
                tracing::warn!(%error, "connection not accepted");
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    }
}

async fn connection(
    stream: tokio::net::TcpStream,
    peer: SocketAddr,
    site: Rc<Site>,
    shared: Arc<Shared>,
) {
    let _counted = Counted::new(site.clone());
    let Some(acceptor) = &shared.tls else {
        let client = Client::new(peer, "HTTP/1.1", None);
        if let End::Http2(stream, early) =
            Box::pin(http1::serve(stream, site.clone(), client, Bytes::new())).await
        {
            let client = Client::new(peer, "HTTP/2", None);
            Box::pin(http2::serve(stream, early, site, client)).await;
        }
        return;
    };
    let handshake = tokio::time::timeout(TLS_HANDSHAKE, acceptor.accept(stream)).await;
    let stream = match handshake {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => {
            tracing::debug!(%error, "TLS handshake failed");
            return;
        }
        Err(_) => return,
    };
    let (_, session) = stream.get_ref();
    let facts = TlsFacts {
        version: session.protocol_version().map_or_else(String::new, tls::version_name),
        cipher: session
            .negotiated_cipher_suite()
            .map_or_else(String::new, |suite| tls::cipher_name(&suite)),
    };
    if session.alpn_protocol() == Some(b"h2") {
        let client = Client::new(peer, "HTTP/2", Some(&facts));
        Box::pin(http2::serve(stream, Bytes::new(), site, client)).await;
    } else {
        let client = Client::new(peer, "HTTP/1.1", Some(&facts));
        Box::pin(http1::serve(stream, site, client, Bytes::new())).await;
    }
}

/// Counts a connection for as long as it lives.
pub(crate) struct Counted(Rc<Site>);

impl Counted {
    pub(crate) fn new(site: Rc<Site>) -> Self {
        site.connections.set(site.connections.get() + 1);
        Self(site)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.connections.set(self.0.connections.get() - 1);
    }
}
