//! An isolate: V8, the platform's code and, once loaded, a Worker.
//!
//! It is `!Send`: it lives and dies on the thread that made it. All that wakes
//! its JavaScript comes in through the methods here, each of which is one
//! *slice*: metered, limited, and followed by a microtask checkpoint.

mod entry_site;
mod events;
mod exception;
mod gc;
mod global_scope;
mod objects;
mod startup;
mod stops;

pub use events::{ConnectEvent, FetchEvent, ScheduledEvent};
pub use objects::{Evicted, Exports, ObjectsEnd};
pub use startup::NO_HANDLER;

use std::cell::Cell;
use std::ffi::c_void;
use std::future::poll_fn;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};

use deno_core::{JsRuntime, OpState, PollEventLoopOptions, RuntimeOptions, v8};
use quanta::Instant;

use self::gc::{GcWatch, after_gc};
use crate::blocking::BlockingThreads;
use crate::inspector::{Debugger, Inspector, InspectorStart};
use crate::io_context::{ContextId, IsolateState};
use crate::log::LogSink;
use crate::memory::{self, ExternalMemory, HeapGuard};
use crate::modules::{self, Modules};
use crate::platform::Platform;
use crate::watchdog::Meter;
use crate::worker::Worker;

pub use exception::failure_of_exception;

/// The script for requests that name a handler.
const HANDLERS_SCRIPT: &str = "ext:selvedge/handlers.js";

thread_local! {
    /// Whether bytes may be compiled to Wasm right now.
    static WASM_ALLOWED: Cell<bool> = const { Cell::new(false) };
}

/// Compiles Wasm on behalf of the platform.
pub(crate) fn with_wasm_allowed<T>(act: impl FnOnce() -> T) -> T {
    let before = WASM_ALLOWED.replace(true);
    let result = act();
    WASM_ALLOWED.set(before);
    result
}

extern "C" fn allow_wasm(_: v8::Local<v8::Context>, _: v8::Local<v8::String>) -> bool {
    WASM_ALLOWED.get()
}

/// The functions of the platform's JavaScript that Rust calls.
struct Hooks {
    fetch: v8::Global<v8::Function>,
    scheduled: v8::Global<v8::Function>,
    abort: v8::Global<v8::Function>,
    websocket: v8::Global<v8::Function>,
    configure: v8::Global<v8::Function>,
    register: v8::Global<v8::Function>,
    describe: v8::Global<v8::Function>,
    expired: v8::Global<v8::Function>,
    hung: v8::Global<v8::Function>,
    discard: v8::Global<v8::Function>,
    over_memory: v8::Global<v8::Function>,
    rpc: v8::Global<v8::Function>,
    end_objects: v8::Global<v8::Function>,
    evict: v8::Global<v8::Function>,
    alarm: v8::Global<v8::Function>,
    connect: v8::Global<v8::Function>,
}

/// Frequent methods, whose strings are made once.
const METHODS: [&str; 7] = ["GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH"];

/// One V8 isolate with the platform in it.
pub struct Isolate {
    // The order matters: V8 goes first, then what its callbacks point to. Its
    // inspector must go before V8.
    debugger: Option<Debugger>,
    hooks: Option<Hooks>,
    methods: Vec<v8::Global<v8::String>>,
    context: Option<v8::Global<v8::Context>>,
    js: JsRuntime,
    meter: Meter,
    _heap_guard: Box<HeapGuard>,
    _gc_watch: Rc<GcWatch>,
    state: Rc<IsolateState>,
    modules: Rc<Modules>,
    external: Arc<ExternalMemory>,
    condemned: bool,
    lingers: Option<Linger>,
    /// Whether the last slice was stopped.
    was_stopped: bool,
    frozen_clock: bool,
    /// Requests ended since the event loop ran.
    unpolled: bool,
}

/// The rest of the life of an isolate that ran out of memory, and has room again
/// since its Durable Objects are gone: their callers go on in it.
#[derive(Debug, Clone, Copy)]
struct Linger {
    /// What was there then may wait for what was lost.
    since: Instant,
}

/// So long an isolate lingers for those who may wait in vain.
const LINGER: std::time::Duration = std::time::Duration::from_secs(2);
/// So long it lingers for those who came later.
const LINGER_AT_MOST: std::time::Duration = std::time::Duration::from_secs(10);

impl Isolate {
    /// A blank isolate: the platform is there, no Worker yet. Must be called in
    /// the context of a tokio runtime, on the thread that will run the isolate,
    /// and only one may live on a thread at a time.
    ///
    /// `memory_bytes` bounds the heap and external memory together; `threads`
    /// are the blocking ones of the event loop.
    pub(crate) fn new(
        platform: &Arc<Platform>,
        log: Arc<dyn LogSink>,
        memory_bytes: usize,
        epoch: u32,
        threads: Arc<BlockingThreads>,
    ) -> Self {
        let state = IsolateState::new(log, epoch, threads);
        let meter = Meter::new(state.clone());
        let external = ExternalMemory::new(memory_bytes, Box::new(meter.memory_stopper()));
        let own_modules = Modules::new(platform.clone(), external.clone());
        let params = v8::CreateParams::default()
            .heap_limits(0, memory_bytes)
            .array_buffer_allocator(memory::allocator(external.clone()));
        let mut js = JsRuntime::new(RuntimeOptions {
            module_loader: Some(own_modules.clone()),
            extensions: (platform.parts.extensions)(),
            startup_snapshot: Some(platform.parts.snapshot),
            residual_lazy_js_sources: platform.parts.lazy_scripts,
            create_params: Some(params),
            ..Default::default()
        });
        let root = deno_core::url::Url::parse(modules::ROOT).expect("the root is a URL");
        js.op_state().borrow_mut().put(state.clone());
        // Stacks name modules, not URLs.
        js.op_state().borrow_mut().put(deno_core::error::InitialCwd(Arc::new(root)));
        state.set_running_cpu(Box::new(meter.running_reader()));
        state.set_cpu_stopper(Box::new(meter.cpu_stopper()));

        let js_context = js.main_context();
        let context = js_context.clone();
        let isolate = js.v8_isolate();
        meter.watch(isolate.thread_safe_handle(), js_context);
        state.set_span_finder(Box::new(meter.span_finder(isolate)));
        let heap_guard = HeapGuard::install(isolate, memory_bytes, meter.memory_stopper());
        let gc_watch = Rc::new(GcWatch {
            external: external.clone(),
            limit: memory_bytes,
            isolate: isolate.thread_safe_handle(),
            on_limit: Box::new(meter.memory_stopper()),
            looking: Cell::new(false),
        });
        let data = Rc::as_ptr(&gc_watch) as *mut c_void;
        let watch = Rc::downgrade(&gc_watch);
        external.set_look(Box::new(move || {
            if let Some(watch) = watch.upgrade() {
                watch.look_soon();
            }
        }));
        state.set_memory(external.clone());
        isolate.add_gc_epilogue_callback(after_gc, data, v8::GCType::kGCTypeAll);
        isolate.set_allow_wasm_code_generation_callback(allow_wasm);
        isolate.set_prepare_stack_trace_callback(exception::prepare_stack_trace);

        let mut this = Self {
            debugger: None,
            hooks: None,
            methods: Vec::new(),
            context: Some(context),
            js,
            meter,
            _heap_guard: heap_guard,
            _gc_watch: gc_watch,
            state,
            modules: own_modules,
            external,
            condemned: false,
            lingers: None,
            was_stopped: false,
            frozen_clock: false,
            unpolled: false,
        };
        this.take_hooks();
        this
    }

    /// Lets debuggers in. For an isolate that has no Worker yet; `start` is what
    /// [`Isolate::load`] waits for before the global scope runs.
    pub fn inspect(&mut self, inspector: &Inspector, worker: &Worker, start: InspectorStart) {
        let context = self.context.as_ref().expect("the context lives as long as the isolate");
        let debugger = Debugger::attach(
            inspector,
            worker,
            self.js.v8_isolate(),
            context.clone(),
            self.meter.for_debugger(),
            start,
        );
        self.state.set_exception_reporter(debugger.reporter());
        self.debugger = Some(debugger);
    }

    /// What the ops of this isolate share.
    pub fn state(&self) -> &Rc<IsolateState> {
        &self.state
    }

    /// Whether this isolate must not take further events.
    pub fn is_condemned(&self) -> bool {
        self.condemned || self.lingers.is_some_and(|linger| self.has_lingered(linger))
    }

    /// Whether nobody is left in the isolate, or somebody seems to wait in vain.
    fn has_lingered(&self, linger: Linger) -> bool {
        let state = &self.state;
        let lasts = linger.since.elapsed();
        state.live_contexts() == 0 && state.open_sockets() == 0
            || lasts > LINGER && state.has_older(linger.since)
            || lasts > LINGER_AT_MOST
    }

    /// Bytes in V8's heap and beside it.
    pub fn memory_bytes(&mut self) -> usize {
        let heap = self.js.v8_isolate().get_heap_statistics().used_heap_size();
        heap + self.external.used()
    }

    /// Gives unused memory back to the system. Takes a few milliseconds.
    pub fn shrink(&mut self) {
        self.state.rest();
        self.js.v8_isolate().low_memory_notification();
        memory::trim();
        memory::release_start_code();
    }

    /// Shows a binding what its ops keep, between two slices of JavaScript.
    pub fn with_ops<T>(&mut self, act: impl FnOnce(&mut OpState) -> T) -> T {
        act(&mut self.js.op_state().borrow_mut())
    }

    /// Ends the isolate; the requests that it still holds are reported lost.
    pub(crate) fn retire(self) {
        self.state.end_turn();
        for id in self.state.context_ids() {
            self.state.close_context(id);
        }
    }

    /// Delivers what I/O and timers brought. Never ready: the future of an
    /// isolate goes on until the isolate is dropped.
    pub fn poll(&mut self, cx: &mut Context<'_>) {
        self.state.set_waker(cx.waker());
        self.unpolled = false;
        self.hear_debugger(cx);
        let mut idle = false;
        self.slice(None, |this| {
            let result = this.js.poll_event_loop(cx, PollEventLoopOptions::default());
            idle = matches!(result, Poll::Ready(Ok(())));
            if let Poll::Ready(Err(error)) = result {
                if !this.state.is_stopping() {
                    this.report_uncaught(&error);
                }
                // The turn broke off: what it left goes on in another.
                cx.waker().wake_by_ref();
            }
        });
        self.state.end_turn();
        // What a stop left may have asked for something since.
        if idle && !self.was_stopped {
            self.end_hung();
        }
        if self.debugger.is_some() {
            // A CPU profile tells waiting from work by this.
            self.js.v8_isolate().set_idle(true);
        }
    }

    /// Takes what debuggers said.
    fn hear_debugger(&mut self, cx: &Context<'_>) {
        let Some(debugger) = &self.debugger else { return };
        debugger.register(cx.waker());
        if let Some(mail) = debugger.mail() {
            self.slice(None, |_| mail.handle());
        }
    }

    /// Drives the event loop once, from async code.
    pub async fn turn(&mut self) {
        poll_fn(|cx| {
            self.poll(cx);
            Poll::Ready(())
        })
        .await;
    }

    /// Runs JavaScript: metered, then the microtasks, then the accounts.
    fn slice(&mut self, context: Option<ContextId>, act: impl FnOnce(&mut Self)) {
        self.slice_at(context, Instant::now(), act);
    }

    fn slice_at(&mut self, context: Option<ContextId>, now: Instant, act: impl FnOnce(&mut Self)) {
        if self.frozen_clock {
            self.state.advance_time(crate::log::unix_millis());
        }
        if context.is_none() {
            self.meter.set_own_limit(self.own_limit());
        }
        self.meter.begin_at(context, now);
        act(self);
        let stop = self.meter.end();
        self.was_stopped = stop.is_some();
        if let Some(stop) = stop {
            self.settle_stop(stop);
        }
        self.state.end_slice();
    }

    fn own_limit(&self) -> std::time::Duration {
        self.state.worker_if_loaded().map_or(crate::limits::STARTUP_CPU, |worker| worker.limits.cpu)
    }
}

/// Calls a hook, then runs the microtasks. Hooks catch what user code throws; what comes out of them is
/// a stop, which the meter knows of.
fn call(scope: &mut v8::PinScope, hook: &v8::Global<v8::Function>, args: &[v8::Local<v8::Value>]) {
    v8::tc_scope!(let scope, scope);
    let hook = v8::Local::new(scope, hook);
    let receiver = v8::undefined(scope).into();
    if hook.call(scope, receiver, args).is_none()
        && !scope.has_terminated()
        && let Some(exception) = scope.exception()
    {
        let message = exception.to_rust_string_lossy(scope);
        tracing::error!(message, "a platform hook threw");
    }
    scope.perform_microtask_checkpoint();
}
