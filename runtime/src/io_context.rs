//! What a request in flight owns: its way to answer, its body, its spending.
//!
//! JavaScript names a context by a small number, which it gets with the event
//! and which is its own from then on: nothing else in the isolate can come by it.

mod answers;
mod calls;
mod cpu;
mod followed;
mod sockets;
mod spans;
mod turns;

use std::cell::{Cell, OnceCell, Ref, RefCell, RefMut};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

use deno_core::v8;
use quanta::Instant;

use crate::blocking::{BlockingThreads, Jobs};
use crate::body::BodySource;
use crate::failure::{Failure, Outcome};
use crate::inspector::ExceptionReporter;
use crate::limits::CALL_DEPTH;
use crate::log::{EventTrace, LogSink};
use crate::memory::ExternalMemory;
use crate::monitor::Monitor;
use crate::outbound::{Outbound, OutboundError, Terms};
use crate::reply::{BodySink, Reply};
use crate::websocket::{WebSocketEvent, WebSocketId, WebSocketSink};
use crate::worker::Worker;

/// Names a context within its isolate. Numbers are used again.
pub type ContextId = u32;

/// Names a context among those of all isolates that ever served on a thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ContextRef {
    pub epoch: u32,
    pub id: ContextId,
}

/// How a request's response went, for the log.
#[derive(Debug, Clone, Copy)]
pub struct Ended {
    pub outcome: Outcome,
    /// 0 when there was no response.
    pub status: u16,
    pub cpu: Duration,
    pub wall: Duration,
    pub subrequests: u32,
}

/// Called once, when the response is complete or failed.
pub type OnEnd = Box<dyn FnOnce(Ended)>;

/// How the alarm of a Durable Object went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AlarmResult {
    /// The object's storage knows: it is done, or due at another time.
    Settled,
    /// The object is not to be had here any more.
    Moved,
    /// The object could not begin, or its isolate ended.
    Failed,
}

/// Called once, when an alarm's event is over.
pub type OnAlarm = Box<dyn FnOnce(AlarmResult)>;

pub use spans::Span;

/// One request in flight.
pub struct IoContext {
    pub reply: Option<Box<dyn Reply>>,
    pub sink: Option<Box<dyn BodySink>>,
    pub body: Option<Box<dyn BodySource>>,
    /// JSON of `request.cf`.
    pub cf: Rc<str>,
    on_end: Option<OnEnd>,
    on_alarm: Option<OnAlarm>,
    /// Whoever wants to know what goes on in it.
    trace: Option<Box<dyn EventTrace>>,
    /// Events of the Durable Object whose context it is.
    inner: Vec<followed::Inner>,
    started: Instant,
    cpu_nanos: u64,
    cpu_limit_nanos: u64,
    pub subrequests: u32,
    /// The Workers and objects that the request came through before.
    pub depth: u32,
    /// What holds for it beside what holds for its Worker.
    terms: Option<Arc<Terms>>,
    /// The export that is called; `None`: the default one.
    entrypoint: Option<Box<str>>,
    pub open_connections: usize,
    status: u16,
    outcome: Outcome,
    /// Whether the world outside saw anything of it, so that it cannot be run again.
    pub touched: bool,
    /// Whether open sockets keep it beyond its response.
    pub held: bool,
    /// Whether who opened its connection left before its handler was over.
    left: bool,
    /// Whether it is that of a Durable Object.
    pub actor: bool,
    /// Whether it only hands a request on to a Durable Object.
    pub for_object: bool,
    /// When the response was complete; `waitUntil` is counted from here.
    pub responded: Option<Instant>,
}

/// Takes what arrives on WebSockets before JavaScript does; `true`: nothing is
/// left to be done.
pub type SocketFilter = Box<dyn Fn(&IsolateState, WebSocketId, &WebSocketEvent) -> bool>;

/// What the ops of one isolate share.
pub struct IsolateState {
    worker: OnceCell<Arc<Worker>>,
    contexts: RefCell<Contexts>,
    outbound: RefCell<Option<Rc<dyn Outbound>>>,
    pub log: Arc<dyn LogSink>,
    sockets: RefCell<HashMap<WebSocketId, Box<dyn WebSocketSink>>>,
    next_socket: Cell<WebSocketId>,
    socket_filter: OnceCell<SocketFilter>,
    /// Wakes the event loop.
    waker: RefCell<Option<Waker>>,
    /// CPU time of the slice that runs now, set by the isolate.
    running_cpu: RefCell<Option<Box<dyn Fn() -> u64>>>,
    /// Unix time in milliseconds at the last I/O, where time stands still.
    frozen_now: Cell<Option<f64>>,
    /// The contexts whose I/O completed in the running slice: it is theirs.
    resumed: RefCell<Vec<ContextId>>,
    /// The running slice was told to stop, on account of this context if it is
    /// one's.
    stopping: Cell<Option<Option<ContextId>>>,
    /// Who brings exceptions to debuggers.
    exceptions: OnceCell<ExceptionReporter>,
    /// What other threads do for it.
    jobs: Jobs,
    /// Stops the running JavaScript because a context is over its CPU limit.
    cpu_stopper: OnceCell<Box<dyn Fn(ContextId)>>,
    /// Where memory beside V8's heap is counted.
    memory: OnceCell<Arc<ExternalMemory>>,
    /// What the end of a turn is for, and since when somebody waits for it.
    turn_end: OnceCell<Box<dyn Fn()>>,
    turn_end_asked: Cell<Option<Instant>>,
    /// What is done when the isolate comes to rest.
    rest: OnceCell<Box<dyn Fn()>>,
    /// Contexts that somebody follows.
    traced: Cell<usize>,
    monitor: RefCell<Option<Rc<dyn Monitor>>>,
    next_inner: Cell<u32>,
    spans: spans::Spans,
    /// Numbers the isolates that served on this thread.
    pub epoch: u32,
}

#[derive(Default)]
struct Contexts {
    slots: Vec<Option<IoContext>>,
    free: Vec<ContextId>,
}

impl IsolateState {
    pub(crate) fn new(
        log: Arc<dyn LogSink>,
        epoch: u32,
        threads: Arc<BlockingThreads>,
    ) -> Rc<Self> {
        Rc::new(Self {
            jobs: Jobs::new(threads),
            cpu_stopper: OnceCell::new(),
            worker: OnceCell::new(),
            contexts: RefCell::default(),
            outbound: RefCell::new(None),
            log,
            sockets: RefCell::default(),
            next_socket: Cell::new(1),
            socket_filter: OnceCell::new(),
            waker: RefCell::new(None),
            running_cpu: RefCell::new(None),
            frozen_now: Cell::new(None),
            resumed: RefCell::default(),
            stopping: Cell::new(None),
            exceptions: OnceCell::new(),
            memory: OnceCell::new(),
            turn_end: OnceCell::new(),
            turn_end_asked: Cell::new(None),
            rest: OnceCell::new(),
            traced: Cell::new(0),
            monitor: RefCell::new(None),
            next_inner: Cell::new(1),
            spans: spans::Spans::default(),
            epoch,
        })
    }

    /// A state without an isolate, with this Worker and two open contexts, 0
    /// and 1: what a test of an [`Outbound`] needs.
    #[doc(hidden)]
    pub fn for_tests(worker: Arc<Worker>) -> Rc<Self> {
        let state = Self::new(Arc::new(crate::log::NoLog), 0, Arc::default());
        state.set_worker(worker);
        for _ in 0..2 {
            state.open_context(None, None, None, Instant::now());
        }
        state
    }

    /// The Worker that this isolate runs.
    ///
    /// # Panics
    /// Before one was loaded: user code, and so every op, runs after that.
    pub fn worker(&self) -> &Arc<Worker> {
        self.worker.get().expect("a worker is loaded before its code runs")
    }

    pub(crate) fn worker_if_loaded(&self) -> Option<&Arc<Worker>> {
        self.worker.get()
    }

    /// Contexts that still owe an answer.
    pub(crate) fn unanswered(&self) -> Vec<ContextId> {
        let contexts = self.contexts.borrow();
        (0..contexts.slots.len() as ContextId)
            .filter(|id| {
                contexts.slots[*id as usize]
                    .as_ref()
                    .is_some_and(|context| context.reply.is_some() || context.sink.is_some())
            })
            .collect()
    }

    /// Contexts that owe the answer of a Durable Object to a caller elsewhere.
    pub(crate) fn calls_of_objects(&self) -> Vec<ContextId> {
        let mut unanswered = self.unanswered();
        unanswered.retain(|id| self.peek(*id).is_some_and(|context| context.for_object));
        unanswered
    }

    /// Whether a context is that of a Durable Object.
    pub(crate) fn is_object(&self, id: ContextId) -> bool {
        self.peek(id).is_some_and(|context| context.actor)
    }

    /// Whether there are contexts that were opened before this, but for those that
    /// only live on for their sockets.
    pub(crate) fn has_older(&self, than: Instant) -> bool {
        let contexts = self.contexts.borrow();
        contexts.slots.iter().flatten().any(|context| !context.held && context.started < than)
    }

    /// Contexts whose response is complete for longer than `limit`.
    pub(crate) fn overdue(&self, limit: Duration) -> Vec<ContextId> {
        let contexts = self.contexts.borrow();
        let late = |context: &IoContext| {
            !context.held && context.responded.is_some_and(|at| at.elapsed() > limit)
        };
        (0..contexts.slots.len() as ContextId)
            .filter(|id| contexts.slots[*id as usize].as_ref().is_some_and(late))
            .collect()
    }

    pub(crate) fn set_worker(&self, worker: Arc<Worker>) {
        let _ = self.worker.set(worker);
    }

    /// The way out, if this isolate has one.
    pub fn outbound(&self) -> Option<Rc<dyn Outbound>> {
        self.outbound.borrow().clone()
    }

    /// Sets the way out.
    pub fn set_outbound(&self, outbound: Rc<dyn Outbound>) {
        *self.outbound.borrow_mut() = Some(outbound);
    }

    /// A context by its number, if it still lives.
    pub fn context(&self, id: ContextId) -> Option<RefMut<'_, IoContext>> {
        RefMut::filter_map(self.contexts.borrow_mut(), |all| {
            all.slots.get_mut(id as usize).and_then(Option::as_mut)
        })
        .ok()
    }

    fn peek(&self, id: ContextId) -> Option<Ref<'_, IoContext>> {
        Ref::filter_map(self.contexts.borrow(), |all| {
            all.slots.get(id as usize).and_then(Option::as_ref)
        })
        .ok()
    }

    /// How many contexts live.
    pub fn live_contexts(&self) -> usize {
        let contexts = self.contexts.borrow();
        contexts.slots.len() - contexts.free.len()
    }

    /// The numbers of all live contexts.
    pub fn context_ids(&self) -> Vec<ContextId> {
        let contexts = self.contexts.borrow();
        (0..contexts.slots.len() as ContextId)
            .filter(|id| contexts.slots[*id as usize].is_some())
            .collect()
    }

    pub(crate) fn open_context(
        &self,
        mut reply: Option<Box<dyn Reply>>,
        body: Option<Box<dyn BodySource>>,
        on_end: Option<OnEnd>,
        started: Instant,
    ) -> ContextId {
        let cpu_limit = self.worker().limits.cpu;
        let mut contexts = self.contexts.borrow_mut();
        let id = contexts.free.pop().unwrap_or_else(|| {
            contexts.slots.push(None);
            (contexts.slots.len() - 1) as ContextId
        });
        if let Some(reply) = &mut reply {
            reply.started(ContextRef { epoch: self.epoch, id });
        }
        contexts.slots[id as usize] = Some(IoContext {
            reply,
            sink: None,
            body,
            cf: Rc::from(""),
            on_end,
            on_alarm: None,
            trace: None,
            inner: Vec::new(),
            started,
            cpu_nanos: 0,
            cpu_limit_nanos: cpu_limit.as_nanos() as u64,
            subrequests: 0,
            depth: 0,
            terms: None,
            entrypoint: None,
            open_connections: 0,
            status: 0,
            outcome: Outcome::Ok,
            touched: false,
            held: false,
            left: false,
            actor: false,
            for_object: false,
            responded: None,
        });
        id
    }

    /// Follows a context to its end.
    pub(crate) fn set_trace(&self, id: ContextId, trace: Option<Box<dyn EventTrace>>) {
        if trace.is_some()
            && let Some(mut context) = self.context(id)
        {
            self.traced.set(self.traced.get() + 1);
            context.trace = trace;
        }
    }

    /// The context whose code runs, if somebody follows any of them.
    pub fn running_context(&self, scope: &mut v8::PinScope) -> Option<ContextId> {
        if self.traced.get() == 0 { None } else { crate::watchdog::context_in(scope) }
    }

    /// The part of its event that the running code belongs to; 0: none that it marked.
    pub fn running_span(&self, scope: &mut v8::PinScope) -> crate::spans::SpanNumber {
        if self.has_marks() { crate::watchdog::span_in(scope) } else { 0 }
    }

    /// Nobody caught an exception of a context's code.
    pub fn uncaught(&self, id: Option<ContextId>, failure: &Failure) {
        if let Some(mut context) = id.and_then(|id| self.context(id)) {
            if context.outcome == Outcome::Ok {
                context.outcome = failure.outcome;
            }
            context.note_failure(failure);
        }
    }

    /// An event enters a Durable Object: what it may spend is counted anew
    /// (<https://developers.cloudflare.com/durable-objects/platform/limits/>).
    pub fn begin_event(&self, id: ContextId) {
        if let Some(mut context) = self.context(id) {
            context.cpu_nanos = 0;
            context.subrequests = 0;
        }
    }

    /// Ends a context: whatever it still holds is dropped.
    pub fn close_context(&self, id: ContextId) {
        self.end_marks(id);
        let closed = {
            let mut contexts = self.contexts.borrow_mut();
            let closed = contexts.slots.get_mut(id as usize).and_then(Option::take);
            if closed.is_some() {
                contexts.free.push(id);
                self.jobs.forget(id);
            }
            closed
        };
        if let Some(mut context) = closed {
            if let Some(on_alarm) = context.on_alarm.take() {
                on_alarm(AlarmResult::Failed);
            }
            let cpu = context.cpu_nanos;
            if let Some(reply) = context.reply.take() {
                reply.lost(!context.touched);
                context.outcome = Outcome::Canceled;
            }
            if context.left && context.outcome == Outcome::Ok {
                context.outcome = Outcome::Canceled;
            }
            self.inner_cut(&mut context);
            context.report(cpu);
            if let Some(trace) = context.trace.take() {
                self.traced.set(self.traced.get() - 1);
                trace.end(context.ended(cpu));
            }
        }
    }

    /// The code of a context says that nothing of it waits any more. What is
    /// being stopped does not end like that: the end of the slice tells why.
    pub fn context_done(&self, id: ContextId) {
        if self.stopping.get() != Some(Some(id)) {
            self.close_context(id);
        }
    }

    pub(crate) fn set_exception_reporter(&self, reporter: ExceptionReporter) {
        let _ = self.exceptions.set(reporter);
    }

    pub(crate) fn set_memory(&self, memory: Arc<ExternalMemory>) {
        let _ = self.memory.set(memory);
    }

    /// Shows debuggers an exception that nobody caught; `prefix` says how it was
    /// not caught.
    pub fn exception_thrown<'s>(
        &self,
        scope: &mut v8::PinScope<'s, '_>,
        prefix: &str,
        exception: v8::Local<'s, v8::Value>,
    ) {
        if let Some(reporter) = self.exceptions.get() {
            reporter.report(scope, prefix, exception);
        }
    }

    /// Contexts that only live on for their open sockets.
    pub(crate) fn held_contexts(&self) -> usize {
        let contexts = self.contexts.borrow();
        contexts.slots.iter().flatten().filter(|context| context.held).count()
    }

    // ----- Time. -----

    /// Unix time in milliseconds, where it stands still between I/O.
    pub fn frozen_now(&self) -> Option<f64> {
        self.frozen_now.get()
    }

    /// I/O happened: time goes on.
    pub(crate) fn advance_time(&self, now: f64) {
        self.frozen_now.set(Some(now));
    }
}

impl IoContext {
    fn report(&mut self, cpu_nanos: u64) {
        if let Some(on_end) = self.on_end.take() {
            on_end(self.ended(cpu_nanos));
        }
    }

    fn ended(&self, cpu_nanos: u64) -> Ended {
        Ended {
            outcome: self.outcome,
            status: self.status,
            cpu: Duration::from_nanos(cpu_nanos),
            wall: self.started.elapsed(),
            subrequests: self.subrequests,
        }
    }
}

/// One deeper than this.
fn deeper(depth: u32) -> Result<u32, OutboundError> {
    if depth + 1 >= CALL_DEPTH { Err(OutboundError::TooDeep) } else { Ok(depth + 1) }
}
