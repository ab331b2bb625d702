//! The thread of an isolate, and what it offers to the code that serves on it.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::rc::{Rc, Weak};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::task::{Poll, Waker};
use std::time::Duration;

use deno_core::OpState;

use crate::blocking::BlockingThreads;
use crate::failure::Failure;
use crate::inspector::{Inspector, InspectorStart};
use crate::io_context::{ContextRef, IsolateState, OnAlarm, OnEnd};
use crate::isolate::{
    ConnectEvent, Evicted, Exports, FetchEvent, Isolate, ObjectsEnd, ScheduledEvent,
};
use crate::log::{EventTrace, LogSink};
use crate::monitor::Monitor;
use crate::outbound::{LocalFuture, ObjectTarget, Outbound, ServiceTarget};
use crate::platform::Platform;
use crate::rpc::RpcEnd;
use crate::websocket::{WebSocketEvent, WebSocketId};
use crate::worker::Worker;

/// How often a busy isolate looks for overdue contexts.
const HOUSEKEEPING_TICK: Duration = Duration::from_millis(250);
/// An isolate without events for this long gives memory back.
const SHRINK_AFTER_TICKS: u32 = 4;
/// A blank isolate that replaces one that was taken is made this much later: the
/// Worker that starts right now needs the core.
const REFILL_DELAY: Duration = Duration::from_millis(20);
/// Stack of an isolate's thread: V8 uses up to 984 KiB of it. Only touched
/// pages cost memory.
const STACK_BYTES: usize = 4 * 1024 * 1024;

/// Names a thread among all that ever served in this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ThreadNumber(u64);

impl ThreadNumber {
    /// That of the thread which asks.
    pub fn of_this_thread() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        thread_local! {
            static OWN: ThreadNumber = ThreadNumber(NEXT.fetch_add(1, Ordering::Relaxed));
        }
        OWN.with(|own| *own)
    }
}

/// What isolates get from the server.
#[derive(Clone)]
pub struct Services {
    pub platform: Arc<Platform>,
    pub log: Arc<dyn LogSink>,
    /// Makes the way out, once per isolate, on its thread.
    pub outbound: Arc<dyn Fn(WeakIsolate) -> Rc<dyn Outbound> + Send + Sync>,
    /// Where debuggers connect to the Worker, if they may.
    pub inspector: Option<Inspector>,
}

/// The isolate of this thread, as the code that serves on the thread sees it:
/// an isolate that is spent is replaced by a fresh one behind it.
#[derive(Clone)]
pub struct LocalIsolate(Rc<Inner>);

struct Inner {
    isolate: RefCell<Option<Isolate>>,
    services: Services,
    worker: Arc<Worker>,
    /// Whether anything happened since housekeeping looked.
    busy: Cell<bool>,
    resting: Cell<bool>,
    /// Whether memory goes back to the system when the thread ends.
    trims: Cell<bool>,
    roused: tokio::sync::Notify,
    /// The blocking threads of this thread's event loop.
    threads: Arc<BlockingThreads>,
    /// Wakes `drive`: an isolate that took another's place was not polled yet.
    driver: RefCell<Option<Waker>>,
    monitor: RefCell<Option<Rc<dyn Monitor>>>,
}

impl LocalIsolate {
    /// Loads a Worker into a blank isolate of this thread.
    ///
    /// # Errors
    /// As [`Isolate::load`].
    async fn load(
        mut blank: Isolate,
        services: Services,
        worker: Arc<Worker>,
        threads: Arc<BlockingThreads>,
    ) -> Result<(Self, Duration), Failure> {
        let this = Self(Rc::new(Inner {
            isolate: RefCell::new(None),
            services,
            worker: worker.clone(),
            busy: Cell::new(true),
            resting: Cell::new(false),
            trims: Cell::new(false),
            roused: tokio::sync::Notify::new(),
            threads,
            driver: RefCell::new(None),
            monitor: RefCell::new(None),
        }));
        blank.state().set_outbound((this.0.services.outbound)(this.downgrade()));
        if let Some(inspector) = &this.0.services.inspector {
            blank.inspect(inspector, &worker, inspector.take_start());
        }
        let cpu = blank.load(worker).await?;
        *this.0.isolate.borrow_mut() = Some(blank);
        Ok((this, cpu))
    }

    /// A handle that does not keep the isolate.
    pub fn downgrade(&self) -> WeakIsolate {
        WeakIsolate(Rc::downgrade(&self.0))
    }

    /// Lets what still runs after its response end, then closes all WebSockets
    /// with 1001. Waits no longer than `patience`.
    pub async fn finish(&self, patience: Duration) {
        let ended = async {
            while self.state().is_some_and(|state| state.live_contexts() > state.held_contexts()) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let _ = tokio::time::timeout(patience, ended).await;
        if let Some(state) = self.state()
            && state.open_sockets() > 0
        {
            state.close_sockets();
            // Their tasks write the close frames.
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Gives the thread's memory back to the system when it ends, which takes
    /// some milliseconds: for a process that goes on with less to do.
    pub fn trim_at_end(&self) {
        self.0.trims.set(true);
    }

    /// Sets who counts and follows what goes on here.
    pub fn set_monitor(&self, monitor: Rc<dyn Monitor>) {
        if let Some(state) = self.state() {
            state.set_monitor(monitor.clone());
        }
        *self.0.monitor.borrow_mut() = Some(monitor);
    }

    /// The Worker that runs here.
    pub fn worker(&self) -> &Arc<Worker> {
        &self.0.worker
    }

    fn with<T>(&self, act: impl FnOnce(&mut Isolate) -> T) -> Option<T> {
        let mut isolate = self.0.isolate.borrow_mut();
        let result = isolate.as_mut().map(act);
        if isolate.as_ref().is_some_and(Isolate::is_condemned) {
            // Dropping it reports the requests that it still held as lost.
            let old = isolate.take();
            let epoch = old.as_ref().map_or(0, |old| old.state().epoch + 1);
            *isolate = None;
            drop(isolate);
            if let Some(old) = old {
                old.retire();
                crate::memory::trim();
            }
            self.replace(epoch);
        }
        result
    }

    /// Puts a fresh isolate in the place of a spent one.
    fn replace(&self, epoch: u32) {
        let services = &self.0.services;
        let mut fresh = Isolate::new(
            &services.platform,
            services.log.clone(),
            self.0.worker.limits.memory_bytes,
            epoch,
            self.0.threads.clone(),
        );
        fresh.state().set_outbound((services.outbound)(self.downgrade()));
        if let Some(inspector) = &services.inspector {
            // The Worker has started before: nobody shall wait again.
            fresh.inspect(inspector, &self.0.worker, InspectorStart::AtOnce);
        }
        if let Some(monitor) = &*self.0.monitor.borrow() {
            fresh.state().set_monitor(monitor.clone());
        }
        let mut load = Box::pin(async {
            let result = fresh.load(self.0.worker.clone()).await;
            (fresh, result)
        });
        // The same code started before; its global scope awaits nothing outside.
        let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
        let mut loaded = None;
        for _ in 0..1000 {
            if let Poll::Ready(done) = load.as_mut().poll(&mut cx) {
                loaded = Some(done);
                break;
            }
        }
        match loaded {
            Some((fresh, Ok(_))) => {
                tracing::info!(worker = self.0.worker.name, "isolate replaced");
                *self.0.isolate.borrow_mut() = Some(fresh);
                if let Some(driver) = &*self.0.driver.borrow() {
                    driver.wake_by_ref();
                }
            }
            Some((_, Err(failure))) => {
                tracing::error!(worker = self.0.worker.name, %failure, "isolate not replaced");
            }
            None => tracing::error!(
                worker = self.0.worker.name,
                "isolate not replaced: it never started"
            ),
        }
    }

    /// Runs the `fetch` handler. `None`: the isolate is gone and could not be
    /// replaced; the reply was dropped unanswered.
    pub fn fetch(&self, event: FetchEvent<'_>) -> Option<ContextRef> {
        self.rouse();
        self.with(|isolate| isolate.fetch(event))
    }

    /// Runs the `scheduled` handler.
    pub fn scheduled(
        &self,
        event: &ScheduledEvent,
        on_end: OnEnd,
        trace: Option<Box<dyn EventTrace>>,
    ) {
        self.rouse();
        self.with(|isolate| isolate.scheduled(event, on_end, trace));
    }

    /// Runs the `connect` handler. `None`: the isolate is gone and could not be replaced.
    pub fn connect(&self, event: ConnectEvent<'_>) -> Option<ContextRef> {
        self.rouse();
        self.with(|isolate| isolate.connect(event))
    }

    /// Who opened a connection has left it.
    pub fn peer_left(&self, context: ContextRef) {
        if let Some(state) = self.state().filter(|state| state.epoch == context.epoch) {
            state.peer_left(context.id);
        }
    }

    /// Another isolate begins a session of remote calls.
    pub fn rpc(&self, end: RpcEnd, target: &Arc<ServiceTarget>) {
        self.rouse();
        self.with(|isolate| isolate.rpc(end, target));
    }

    /// Runs the alarm of a Durable Object.
    pub fn alarm(&self, object: &ObjectTarget, lost: u32, on_end: OnAlarm) {
        self.rouse();
        self.with(|isolate| isolate.alarm(object, lost, on_end));
    }

    /// Ends the Durable Objects that live here, and lets no other one begin.
    pub fn end_objects(&self, end: ObjectsEnd) {
        self.rouse();
        self.with(|isolate| isolate.end_objects(end));
    }

    /// What the Worker exports.
    pub fn exports(&self) -> Exports {
        self.with(Isolate::exports).unwrap_or_default()
    }

    /// Takes a Durable Object out of memory if nothing goes on in it, or all of a
    /// namespace where `object` is empty. With `force` those in which something
    /// goes on are reset.
    pub fn evict(&self, namespace: &str, object: &str, force: bool) -> Evicted {
        self.rouse();
        self.with(|isolate| isolate.evict(namespace, object, force)).unwrap_or_default()
    }

    /// Shows a binding what its ops keep in the present isolate, between two
    /// slices of JavaScript. `None`: there is no isolate.
    pub fn with_ops<T>(&self, act: impl FnOnce(&mut OpState) -> T) -> Option<T> {
        self.rouse();
        self.with(|isolate| isolate.with_ops(act))
    }

    /// The client of a request went away.
    pub fn client_gone(&self, context: ContextRef) {
        self.with(|isolate| isolate.client_gone(context));
    }

    /// Something arrived on a WebSocket.
    pub fn websocket(&self, epoch: u32, socket: WebSocketId, event: &WebSocketEvent) {
        self.rouse();
        self.with(|isolate| isolate.websocket(epoch, socket, event));
    }

    /// The state that the ops of the present isolate share.
    pub fn state(&self) -> Option<Rc<IsolateState>> {
        self.0.isolate.borrow().as_ref().map(|isolate| isolate.state().clone())
    }

    /// Requests and sockets that are under way.
    pub fn in_flight(&self) -> usize {
        self.state().map_or(0, |state| state.live_contexts() + state.open_sockets())
    }

    /// Bytes that the isolate uses.
    pub fn memory_bytes(&self) -> usize {
        let mut isolate = self.0.isolate.borrow_mut();
        isolate.as_mut().map_or(0, Isolate::memory_bytes)
    }

    /// Delivers I/O and timers for as long as it is polled.
    pub async fn drive(&self) {
        // A task of its own: its timer must not poll the isolate each time.
        let this = self.clone();
        let housekeeping = tokio::task::spawn_local(async move { this.keep_house().await });
        let _guard = AbortOnDrop(housekeeping);
        std::future::poll_fn(|cx| {
            *self.0.driver.borrow_mut() = Some(cx.waker().clone());
            self.with(|isolate| isolate.poll(cx));
            Poll::<()>::Pending
        })
        .await;
    }

    /// Ends overdue contexts, and gives memory back when nothing happens. An
    /// isolate at rest needs no timer.
    async fn keep_house(&self) {
        let mut quiet_ticks = 0;
        loop {
            tokio::time::sleep(HOUSEKEEPING_TICK).await;
            let busy = self.0.busy.replace(false) || self.in_flight() > 0;
            if busy {
                self.with(Isolate::expire);
                quiet_ticks = 0;
                continue;
            }
            quiet_ticks += 1;
            if quiet_ticks == SHRINK_AFTER_TICKS {
                if let Some(isolate) = self.0.isolate.borrow_mut().as_mut() {
                    isolate.shrink();
                }
                self.0.resting.set(true);
                self.0.roused.notified().await;
                quiet_ticks = 0;
            }
        }
    }

    /// Notes that something happens.
    fn rouse(&self) {
        self.0.busy.set(true);
        if self.0.resting.replace(false) {
            self.0.roused.notify_one();
        }
    }
}

/// Ends a task with its owner.
struct AbortOnDrop(tokio::task::JoinHandle<()>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// A handle on the isolate of this thread that does not keep it.
#[derive(Clone)]
pub struct WeakIsolate(Weak<Inner>);

impl WeakIsolate {
    /// The Worker that runs there, while it does.
    pub fn worker(&self) -> Option<Arc<Worker>> {
        self.0.upgrade().map(|inner| inner.worker.clone())
    }

    /// Something arrived on a WebSocket.
    pub fn websocket(&self, epoch: u32, socket: WebSocketId, event: &WebSocketEvent) {
        if let Some(inner) = self.0.upgrade() {
            LocalIsolate(inner).websocket(epoch, socket, event);
        }
    }
}

/// What an isolate's thread does once it has its Worker.
pub type Serve = Box<dyn FnOnce(LocalIsolate) -> LocalFuture<()> + Send>;

/// What a thread is told when it leaves the pool.
struct Assignment {
    worker: Arc<Worker>,
    serve: Serve,
    started: tokio::sync::oneshot::Sender<Result<Duration, Failure>>,
}

/// Threads with blank isolates that wait for a Worker, so that a cold Worker
/// costs only its own evaluation. An isolate that had a Worker never returns.
pub struct IsolatePool {
    services: Services,
    memory_bytes: usize,
    target: usize,
    ready: Mutex<Vec<mpsc::Sender<Assignment>>>,
    /// Blank isolates that are being made.
    coming: Arc<AtomicUsize>,
}

/// A blank isolate that is being made, until it is ready or its thread failed.
struct Coming(Arc<AtomicUsize>);

impl Coming {
    fn new(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count.clone())
    }
}

impl Drop for Coming {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl IsolatePool {
    /// A pool that keeps `target` blank isolates; 0 makes each when it is needed.
    pub fn new(services: Services, memory_bytes: usize, target: usize) -> Arc<Self> {
        let (ready, coming) = (Mutex::default(), Arc::default());
        let pool = Arc::new(Self { services, memory_bytes, target, ready, coming });
        pool.refill();
        pool
    }

    /// How many blank isolates wait.
    pub fn waiting(&self) -> usize {
        self.ready.lock().unwrap_or_else(|poison| poison.into_inner()).len()
    }

    /// Makes blank isolates until the target is reached, each on its thread.
    pub fn refill(self: &Arc<Self>) {
        self.refill_after(Duration::ZERO);
    }

    fn refill_after(self: &Arc<Self>, delay: Duration) {
        for _ in self.waiting() + self.coming.load(Ordering::Relaxed)..self.target {
            let (sender, receiver) = mpsc::channel();
            let pool = Arc::downgrade(self);
            let sender_of_thread = sender.clone();
            let coming = Coming::new(&self.coming);
            let spawned = self.spawn(receiver, delay, move || {
                let _coming = coming;
                if let Some(pool) = pool.upgrade() {
                    let mut ready = pool.ready.lock().unwrap_or_else(|poison| poison.into_inner());
                    ready.push(sender_of_thread);
                }
            });
            drop(sender);
            if let Err(error) = spawned {
                tracing::error!(%error, "thread not started");
                return;
            }
        }
    }

    /// Starts a Worker: `serve` runs on the thread of its isolate, and when it
    /// returns, the isolate and the thread end. Gives the CPU time of the
    /// global scope.
    ///
    /// # Errors
    /// As [`Isolate::load`].
    pub async fn start(
        self: &Arc<Self>,
        worker: Arc<Worker>,
        serve: Serve,
    ) -> Result<Duration, Failure> {
        let (started, result) = tokio::sync::oneshot::channel();
        let assignment = Assignment { worker, serve, started };
        let waiting = self.ready.lock().unwrap_or_else(|poison| poison.into_inner()).pop();
        match waiting {
            Some(thread) => {
                let _ = thread.send(assignment);
            }
            None => {
                let (sender, receiver) = mpsc::channel();
                let _ = sender.send(assignment);
                self.spawn(receiver, Duration::ZERO, || {}).map_err(|error| {
                    Failure::new(
                        crate::Outcome::InternalError,
                        format!("thread not started: {error}"),
                    )
                })?;
            }
        }
        let started = result.await.unwrap_or_else(|_| {
            Err(Failure::new(crate::Outcome::InternalError, "the isolate's thread ended"))
        });
        self.refill_after(REFILL_DELAY);
        started
    }

    fn spawn(
        &self,
        assignments: mpsc::Receiver<Assignment>,
        delay: Duration,
        on_blank: impl FnOnce() + Send + 'static,
    ) -> std::io::Result<()> {
        let services = self.services.clone();
        let memory_bytes = self.memory_bytes;
        std::thread::Builder::new()
            .name("isolate".into())
            .stack_size(STACK_BYTES)
            .spawn(move || {
                crate::stack::mark_base();
                std::thread::sleep(delay);
                let run = || run_thread(services, memory_bytes, &assignments, on_blank);
                // A panic ends this isolate and no other.
                if std::panic::catch_unwind(std::panic::AssertUnwindSafe(run)).is_err() {
                    tracing::error!("an isolate's thread panicked");
                }
            })
            .map(drop)
    }
}

fn run_thread(
    services: Services,
    memory_bytes: usize,
    assignments: &mpsc::Receiver<Assignment>,
    on_blank: impl FnOnce(),
) {
    let threads = Arc::new(BlockingThreads::default());
    let (entered, left) = (threads.clone(), threads.clone());
    // Ops run as tasks of the runtime: a `LocalSet` would not reach them.
    let built = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        // Few connections are ready at once; the list is part of each isolate.
        .max_io_events_per_tick(256)
        .max_blocking_threads(crate::limits::BLOCKING_THREADS)
        // No thread but the blocking ones is started by it.
        .on_thread_start(move || entered.enter())
        .on_thread_stop(move || left.leave())
        .build_local(tokio::runtime::LocalOptions::default());
    let runtime = match built {
        Ok(runtime) => runtime,
        Err(error) => {
            tracing::error!(%error, "no event loop for an isolate");
            return;
        }
    };
    let blank = {
        let _entered = runtime.enter();
        Isolate::new(&services.platform, services.log.clone(), memory_bytes, 0, threads.clone())
    };
    on_blank();
    let Ok(Assignment { worker, serve, started }) = assignments.recv() else {
        let _entered = runtime.enter();
        drop(blank);
        return;
    };
    let trims = runtime.block_on(async {
        match LocalIsolate::load(blank, services, worker, threads).await {
            Ok((isolate, cpu)) => {
                let _ = started.send(Ok(cpu));
                let serving = serve(isolate.clone());
                tokio::select! {
                    () = serving => {}
                    () = isolate.drive() => {}
                }
                isolate.0.trims.get()
            }
            Err(failure) => {
                let _ = started.send(Err(failure));
                false
            }
        }
    });
    drop(runtime);
    if trims {
        crate::memory::trim();
    }
}
