//! What a request in flight owns: its way to answer, its body, its spending.
//!
//! JavaScript names a context by a small number, which it gets with the event
//! and which is its own from then on: nothing else in the isolate can come by it.

mod followed;

use std::cell::{Cell, OnceCell, Ref, RefCell, RefMut};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

use deno_core::v8;
use quanta::Instant;

use crate::blocking::{BlockingThreads, JobId, Jobs};
use crate::body::BodySource;
use crate::failure::{Failure, Outcome};
use crate::inspector::ExceptionReporter;
use crate::log::{ConsoleLevel, EventTrace, LogSink};
use crate::memory::{ExternalMemory, HeldBytes};
use crate::monitor::{InnerPlace, Monitor};
use crate::outbound::{Outbound, OutboundError};
use crate::reply::{BodySink, Reply, ResponseHead};
use crate::websocket::{WebSocketEvent, WebSocketId, WebSocketSink};
use crate::worker::Worker;

/// A turn that lasts this long ends with the slice that runs.
const LONGEST_TURN: Duration = Duration::from_millis(1);

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

pub use followed::Span;

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
    pub open_connections: usize,
    status: u16,
    outcome: Outcome,
    /// Whether the world outside saw anything of it, so that it cannot be run again.
    pub touched: bool,
    /// Whether open sockets keep it beyond its response.
    pub held: bool,
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
            open_connections: 0,
            status: 0,
            outcome: Outcome::Ok,
            touched: false,
            held: false,
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

    /// Nobody caught an exception of a context's code.
    pub fn uncaught(&self, id: Option<ContextId>, failure: &Failure) {
        if let Some(mut context) = id.and_then(|id| self.context(id)) {
            if context.outcome == Outcome::Ok {
                context.outcome = failure.outcome;
            }
            context.note_failure(failure);
        }
    }

    /// Opens the context of a Durable Object, which lives as long as the object
    /// is in memory and owes nobody an answer.
    pub fn open_actor(&self) -> ContextId {
        let id = self.open_context(None, None, None, Instant::now());
        if let Some(mut context) = self.context(id) {
            context.held = true;
            context.touched = true;
            context.actor = true;
        }
        id
    }

    /// Opens the context of a session of remote calls, which lives as long as
    /// its caller needs it and owes nobody an HTTP answer.
    pub fn open_callee(&self, place: &InnerPlace<'_>, method: &str) -> ContextId {
        let id = self.open_context(None, None, None, Instant::now());
        self.touch(id);
        self.follow_callee(id, place, method);
        id
    }

    /// Nobody calls there any more: only `waitUntil` keeps the context, for as
    /// long as after a response.
    pub fn callee_done(&self, id: ContextId) {
        if let Some(mut context) = self.context(id) {
            context.responded.get_or_insert_with(Instant::now);
        }
    }

    /// Opens the context that waits for the end of an alarm.
    pub(crate) fn open_alarm(&self, on_end: OnAlarm) -> ContextId {
        let id = self.open_context(None, None, None, Instant::now());
        if let Some(mut context) = self.context(id) {
            context.touched = true;
            context.on_alarm = Some(on_end);
        }
        id
    }

    /// The event of an alarm is over. One whose context ends without that failed.
    pub fn alarm_done(&self, id: ContextId, result: AlarmResult) {
        let on_alarm = self.context(id).and_then(|mut context| context.on_alarm.take());
        if let Some(on_alarm) = on_alarm {
            on_alarm(result);
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
            self.inner_cut(&mut context);
            context.report(cpu);
            if let Some(trace) = context.trace.take() {
                self.traced.set(self.traced.get() - 1);
                trace.end(context.ended(cpu));
            }
        }
    }

    /// Adds CPU time to a context; tells whether it is over its limit.
    pub(crate) fn charge(&self, id: ContextId, nanos: u64) -> bool {
        let Ok(mut contexts) = self.contexts.try_borrow_mut() else { return false };
        match contexts.slots.get_mut(id as usize) {
            Some(Some(context)) => {
                context.cpu_nanos += nanos;
                context.cpu_nanos > context.cpu_limit_nanos
            }
            _ => false,
        }
    }

    /// Work of a context begins on another thread; `weight` says how much of it
    /// there may be at once. `None`: there is too much of it already.
    pub fn begin_job(&self, id: ContextId, weight: u32) -> Option<JobId> {
        self.charge_jobs();
        if self.jobs.weight(id).saturating_add(weight) > crate::limits::JOB_WEIGHT {
            return None;
        }
        let (spent, limit) = self
            .peek(id)
            .map_or((0, u64::MAX), |context| (context.cpu_nanos, context.cpu_limit_nanos));
        if spent > limit
            && let Some(stop) = self.cpu_stopper.get()
        {
            stop(id);
        }
        Some(self.jobs.begin(id, weight))
    }

    /// It ended: the context's code runs next.
    pub fn end_job(&self, job: JobId) {
        self.charge_jobs();
        if let Some(id) = self.jobs.end(job) {
            self.mark_resumed(id);
        }
    }

    fn charge_jobs(&self) {
        for (id, nanos) in self.jobs.take_spent() {
            self.charge(id, nanos);
        }
    }

    pub(crate) fn set_cpu_stopper(&self, stop: Box<dyn Fn(ContextId)>) {
        let _ = self.cpu_stopper.set(stop);
    }

    /// Starts a context's CPU time anew, as each message of a WebSocket does.
    pub fn reset_cpu(&self, id: ContextId) {
        if let Some(mut context) = self.context(id) {
            context.cpu_nanos = 0;
        }
    }

    /// Counts a subrequest of a context.
    ///
    /// # Errors
    /// When the context has none left, or is over.
    pub fn count_subrequest(&self, id: ContextId) -> Result<(), OutboundError> {
        let limit = self.worker().limits.subrequests;
        let mut context =
            self.context(id).ok_or_else(|| OutboundError::Network("its request is over".into()))?;
        if context.subrequests >= limit {
            return Err(OutboundError::TooManySubrequests);
        }
        context.subrequests += 1;
        Ok(())
    }

    /// Something outside saw the context's request: it cannot be run again.
    pub fn touch(&self, id: ContextId) {
        if let Some(mut context) = self.context(id) {
            context.touched = true;
        }
    }

    /// Notes that I/O of a context completed: the code that runs next is its own.
    pub fn mark_resumed(&self, id: ContextId) {
        let mut resumed = self.resumed.borrow_mut();
        if !resumed.contains(&id) {
            resumed.push(id);
        }
    }

    /// Charges a slice of the event loop to those whose I/O it served.
    /// Tells who is over its limit.
    pub(crate) fn charge_resumed(&self, nanos: u64) -> Option<ContextId> {
        let mut resumed = std::mem::take(&mut *self.resumed.borrow_mut());
        if resumed.is_empty() && self.live_contexts() == 1 {
            resumed = self.context_ids();
        }
        let share = nanos / resumed.len().max(1) as u64;
        let mut over = None;
        for id in resumed {
            if self.charge(id, share) {
                over = Some(id);
            }
        }
        over
    }

    /// CPU time of a context until now, the running slice included.
    pub fn cpu(&self, id: ContextId) -> Duration {
        let settled = self.peek(id).map_or(0, |context| context.cpu_nanos);
        let running = self.running_cpu.borrow().as_ref().map_or(0, |read| read());
        Duration::from_nanos(settled + running)
    }

    pub(crate) fn set_running_cpu(&self, read: Box<dyn Fn() -> u64>) {
        *self.running_cpu.borrow_mut() = Some(read);
    }

    pub(crate) fn set_stopping(&self, stopping: Option<Option<ContextId>>) {
        self.stopping.set(stopping);
    }

    /// Whether the running slice was told to stop.
    pub(crate) fn is_stopping(&self) -> bool {
        self.stopping.get().is_some()
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

    /// Stops the running JavaScript if a context has used more CPU time than it
    /// may, the running slice included, and tells whether it did. What runs for
    /// long within an op asks this.
    pub fn stop_if_over_cpu_limit(&self, id: ContextId) -> bool {
        let limit = self.peek(id).map_or(u64::MAX, |context| context.cpu_limit_nanos);
        if self.cpu(id).as_nanos() <= u128::from(limit) {
            return false;
        }
        if let Some(stop) = self.cpu_stopper.get() {
            stop(id);
        }
        true
    }

    /// Sets what happens at the end of each turn in which
    /// [`IsolateState::ask_for_turn_end`] was called. A turn is what the isolate's
    /// thread has to do before its event loop runs: the slices of all the requests
    /// that have arrived, as long as they take less than a millisecond. The first
    /// call counts.
    pub fn at_turn_end(&self, act: Box<dyn Fn()>) {
        let _ = self.turn_end.set(act);
    }

    /// Asks for that at the end of the present turn, and never before the running
    /// slice and its microtasks are over.
    pub fn ask_for_turn_end(&self) {
        if self.turn_end_asked.get().is_none() {
            self.turn_end_asked.set(Some(Instant::now()));
        }
    }

    /// Sets what is done when the isolate had no event for a second. The first call
    /// counts.
    pub fn at_rest(&self, act: Box<dyn Fn()>) {
        let _ = self.rest.set(act);
    }

    pub(crate) fn rest(&self) {
        if let Some(act) = self.rest.get() {
            act();
        }
    }

    /// A slice is over, and perhaps the turn with it.
    pub(crate) fn end_slice(&self) {
        let Some(since) = self.turn_end_asked.get() else { return };
        if since.elapsed() >= LONGEST_TURN {
            self.end_turn();
        } else {
            self.wake();
        }
    }

    /// A turn is over.
    pub(crate) fn end_turn(&self) {
        if self.turn_end_asked.take().is_some()
            && let Some(act) = self.turn_end.get()
        {
            act();
        }
    }

    /// Wakes the event loop of the isolate.
    pub fn wake(&self) {
        if let Some(waker) = &*self.waker.borrow() {
            waker.wake_by_ref();
        }
    }

    pub(crate) fn set_waker(&self, waker: &Waker) {
        let mut current = self.waker.borrow_mut();
        if !current.as_ref().is_some_and(|current| current.will_wake(waker)) {
            *current = Some(waker.clone());
        }
    }

    // ----- Answers. -----

    fn take_reply(&self, id: ContextId, status: u16) -> Option<Box<dyn Reply>> {
        let mut context = self.context(id)?;
        context.status = status;
        context.touched = true;
        context.reply.take()
    }

    /// Answers with a whole body. A second answer to the same request is ignored.
    pub fn respond(&self, id: ContextId, mut head: ResponseHead<'_>, body: &[u8]) {
        if let Some(reply) = self.take_reply(id, head.status) {
            head.cpu = self.cpu(id);
            reply.respond(head, body);
            self.response_complete(id, head.cpu);
        }
    }

    /// Begins an answer whose body follows in pieces; `false` when there is
    /// nobody to answer.
    pub fn respond_stream(
        &self,
        id: ContextId,
        mut head: ResponseHead<'_>,
        length: Option<u64>,
    ) -> bool {
        let Some(reply) = self.take_reply(id, head.status) else { return false };
        head.cpu = self.cpu(id);
        let sink = reply.stream(head, length);
        if let Some(mut context) = self.context(id) {
            context.sink = Some(sink);
        }
        true
    }

    /// Answers with a body that JavaScript does not see.
    pub fn respond_pipe(
        &self,
        id: ContextId,
        mut head: ResponseHead<'_>,
        body: Box<dyn BodySource>,
    ) {
        if let Some(reply) = self.take_reply(id, head.status) {
            head.cpu = self.cpu(id);
            reply.pipe(head, body);
            self.response_complete(id, head.cpu);
        }
    }

    /// Ends a body that was pushed.
    pub fn end_stream(&self, id: ContextId) {
        let sink = self.context(id).and_then(|mut context| context.sink.take());
        if let Some(sink) = sink {
            sink.end();
        }
        self.response_complete(id, self.cpu(id));
    }

    /// Breaks a body off.
    pub fn abort_stream(&self, id: ContextId) {
        let sink = self.context(id).and_then(|mut context| context.sink.take());
        drop(sink);
        self.response_complete(id, self.cpu(id));
    }

    /// Answers with status 101 and makes the connection a WebSocket.
    ///
    /// # Errors
    /// When the request was not a WebSocket handshake.
    pub fn respond_upgrade(
        &self,
        id: ContextId,
        mut head: ResponseHead<'_>,
        socket: WebSocketId,
    ) -> Result<(), String> {
        let Some(reply) = self.take_reply(id, head.status) else { return Ok(()) };
        head.cpu = self.cpu(id);
        let sink = match reply.upgrade(head, socket) {
            Ok(mut sink) => {
                self.count_sink(&mut *sink);
                sink
            }
            Err(reason) => {
                if let Some(mut context) = self.context(id) {
                    context.status = 0;
                    context.outcome = Outcome::Exception;
                }
                return Err(reason);
            }
        };
        self.sockets.borrow_mut().insert(socket, sink);
        self.response_complete(id, head.cpu);
        Ok(())
    }

    /// Tells the client that the Worker failed, if it can still be told; what
    /// comes too late for that goes to the log.
    pub fn fail(&self, id: ContextId, failure: Failure) {
        if self.is_stopping() && failure.outcome == Outcome::Exception {
            // A stop that falls into an op comes out of it as an exception. Why
            // the request ended is told at the end of the slice.
            return;
        }
        let (reply, sink) = {
            let Some(mut context) = self.context(id) else { return };
            context.outcome = failure.outcome;
            if failure.outcome != Outcome::Canceled
                && let Some(trace) = &mut context.trace
            {
                trace.exception(&failure);
            }
            (context.reply.take(), context.sink.take())
        };
        drop(sink);
        match reply {
            Some(reply) => {
                let gone = failure.outcome == Outcome::Canceled;
                let status = reply.fail(failure);
                if let Some(mut context) = self.context(id).filter(|_| !gone) {
                    context.status = status;
                }
            }
            None if failure.outcome == Outcome::Canceled => {}
            None => {
                let text = format!("Uncaught {failure}");
                self.log.console(&self.worker().name, ConsoleLevel::Error, &text);
            }
        }
        self.response_complete(id, self.cpu(id));
    }

    fn response_complete(&self, id: ContextId, cpu: Duration) {
        let Some(mut context) = self.context(id) else { return };
        context.responded.get_or_insert_with(Instant::now);
        context.report(cpu.as_nanos() as u64);
    }

    // ----- WebSockets. -----

    /// A number for a new WebSocket.
    pub fn new_socket_id(&self) -> WebSocketId {
        let id = self.next_socket.get();
        self.next_socket.set(id.wrapping_add(1).max(1));
        id
    }

    /// Keeps the way out of a WebSocket.
    pub fn insert_socket(&self, id: WebSocketId, mut sink: Box<dyn WebSocketSink>) {
        self.count_sink(&mut *sink);
        self.sockets.borrow_mut().insert(id, sink);
    }

    /// Counts what waits in a socket with the isolate's memory.
    fn count_sink(&self, sink: &mut dyn WebSocketSink) {
        if let Some(account) = self.held_bytes() {
            sink.count(account);
        }
    }

    /// An account for bytes that somebody holds for the isolate's JavaScript;
    /// none before the isolate is there.
    pub fn held_bytes(&self) -> Option<HeldBytes> {
        self.memory.get().map(|memory| HeldBytes::new(memory.clone()))
    }

    /// Sets what sees messages first. Only one can.
    pub fn set_socket_filter(&self, filter: SocketFilter) {
        let _ = self.socket_filter.set(filter);
    }

    /// Whether somebody took what arrived, so that JavaScript need not run.
    pub(crate) fn filter_socket(&self, id: WebSocketId, event: &WebSocketEvent) -> bool {
        self.socket_filter.get().is_some_and(|filter| filter(self, id, event))
    }

    /// Does something with a WebSocket, if it is still open.
    pub fn with_socket<T>(
        &self,
        id: WebSocketId,
        act: impl FnOnce(&mut dyn WebSocketSink) -> T,
    ) -> Option<T> {
        self.sockets.borrow_mut().get_mut(&id).map(|sink| act(&mut **sink))
    }

    /// Forgets a WebSocket; its connection closes when it has not yet.
    pub fn remove_socket(&self, id: WebSocketId) {
        let sink = self.sockets.borrow_mut().remove(&id);
        drop(sink);
    }

    /// Contexts that only live on for their open sockets.
    pub(crate) fn held_contexts(&self) -> usize {
        let contexts = self.contexts.borrow();
        contexts.slots.iter().flatten().filter(|context| context.held).count()
    }

    /// Closes all WebSockets.
    pub(crate) fn close_sockets(&self) {
        let sockets = std::mem::take(&mut *self.sockets.borrow_mut());
        drop(sockets);
    }

    /// How many WebSockets are open.
    pub fn open_sockets(&self) -> usize {
        self.sockets.borrow().len()
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
