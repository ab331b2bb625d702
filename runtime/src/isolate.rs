//! An isolate: V8, the platform's code and, once loaded, a Worker.
//!
//! It is `!Send`: it lives and dies on the thread that made it. All that wakes
//! its JavaScript comes in through the methods here, each of which is one
//! *slice*: metered, limited, and followed by a microtask checkpoint.

mod entry_site;
mod exception;
mod startup;

pub use startup::NO_HANDLER;

use std::cell::Cell;
use std::ffi::c_void;
use std::future::poll_fn;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};

use deno_core::{JsRuntime, OpState, PollEventLoopOptions, RuntimeOptions, v8};
use deno_error::JsErrorBox;
use quanta::Instant;

use crate::blocking::BlockingThreads;
use crate::body::BodySource;
use crate::failure::{Failure, Outcome};
use crate::headers::SharedHeaders;
use crate::inspector::{Debugger, Inspector, InspectorStart};
use crate::io_context::{ContextId, ContextRef, IsolateState, OnAlarm, OnEnd};
use crate::loader::{self, WorkerModules};
use crate::log::{ConsoleLevel, EventTrace, LogSink};
use crate::memory::{self, ExternalMemory, HeapGuard};
use crate::outbound::{ObjectTarget, ServiceTarget};
use crate::platform::Platform;
use crate::reply::Reply;
use crate::rpc::RpcEnd;
use crate::watchdog::{Meter, Stop};
use crate::websocket::{WebSocketEvent, WebSocketId};
use crate::worker::Worker;

pub use exception::failure_of_exception;

/// A request for the `fetch` handler. Everything borrowed is copied into V8.
pub struct FetchEvent<'a> {
    /// As on the request line.
    pub method: &'a str,
    /// The absolute URL, ASCII.
    pub url: &'a [u8],
    /// Bytes of a [`crate::HeaderBlob`]: what the client sent.
    pub headers: &'a [u8],
    /// What the edge adds to each request of the connection. `CF-Ray` comes on
    /// its own.
    pub shared_headers: &'a SharedHeaders,
    pub body: Option<Box<dyn BodySource>>,
    /// JSON of `request.cf`.
    pub cf: Rc<str>,
    /// What a service binding names of this Worker, where one sends it.
    pub service: Option<&'a ServiceTarget>,
    /// The path names one of the handlers that no client reaches: `handlers.js`
    /// makes of the request what that one gets.
    pub for_handler: bool,
    pub reply: Box<dyn Reply>,
    pub on_end: Option<OnEnd>,
    /// Follows the request to the end of its `waitUntil`.
    pub trace: Option<Box<dyn EventTrace>>,
}

/// The script for requests that name a handler.
const HANDLERS_SCRIPT: &str = "ext:selvedge/handlers.js";

/// A tick of a cron trigger.
#[derive(Debug, Clone)]
pub struct ScheduledEvent {
    pub cron: String,
    /// Unix time in milliseconds.
    pub time: f64,
}

/// What a Worker exports.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Exports {
    /// The handlers of the default export, such as `fetch`.
    pub handlers: Vec<String>,
    /// Other exports that are classes or have handlers, with these.
    pub named: Vec<(String, Vec<String>)>,
}

/// How the Durable Objects of an isolate end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ObjectsEnd {
    /// Each as soon as nothing goes on in it: others take the isolate's place.
    WhenIdle,
    /// At once: another version of the Worker takes over. Their callers are told.
    Updated,
}

/// What became of Durable Objects that were to leave memory.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Evicted {
    /// So many did.
    pub ended: u32,
    /// So many stay, for something goes on in them.
    pub busy: u32,
}

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
}

/// The hook that CommonJS modules are made with; V8 callbacks reach it by the
/// isolate.
struct RequireHook(v8::Global<v8::Function>);

/// Evaluates a CommonJS module and gives its `module.exports`.
pub(crate) fn require_commonjs(
    scope: &mut v8::PinScope,
    name: &str,
) -> Result<v8::Global<v8::Value>, JsErrorBox> {
    let hook = scope
        .get_slot::<RequireHook>()
        .map(|hook| hook.0.clone())
        .ok_or_else(|| JsErrorBox::generic("CommonJS is not ready"))?;
    v8::tc_scope!(let scope, scope);
    let hook = v8::Local::new(scope, hook);
    let name = v8::String::new(scope, name)
        .ok_or_else(|| JsErrorBox::type_error("module name too long"))?;
    let receiver = v8::undefined(scope).into();
    match hook.call(scope, receiver, &[name.into()]) {
        Some(value) => Ok(v8::Global::new(scope, value)),
        None => {
            let message = match scope.exception() {
                Some(exception) => deno_core::error::JsError::from_v8_exception(scope, exception)
                    .exception_message
                    .clone(),
                None => "stopped".to_owned(),
            };
            Err(JsErrorBox::generic(message.trim_start_matches("Uncaught ").to_owned()))
        }
    }
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
    modules: Rc<WorkerModules>,
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

/// Memory accounting at the end of each garbage collection.
struct GcWatch {
    external: Arc<ExternalMemory>,
    limit: usize,
    isolate: v8::IsolateHandle,
    on_limit: Box<dyn Fn()>,
    /// A full collection was asked for, or runs.
    looking: Cell<bool>,
}

impl GcWatch {
    /// Whether heap and external memory together are over the limit.
    fn is_over(&self, isolate: &mut v8::Isolate) -> bool {
        let statistics = isolate.get_heap_statistics();
        let heap = statistics.used_heap_size();
        self.external.set_limit(self.limit.saturating_sub(heap));
        // V8 knows of buffers that came from outside, too.
        let external = statistics.external_memory().max(self.external.used());
        heap.saturating_add(external) > self.limit
    }

    /// Has V8 look closely at its next instruction.
    fn look_soon(&self) {
        if !self.looking.replace(true) {
            let data = std::ptr::from_ref(self) as *mut c_void;
            self.isolate.request_interrupt(look_closely, data);
        }
    }
}

unsafe extern "C" fn after_gc(
    isolate: v8::UnsafeRawIsolatePtr,
    _: v8::GCType,
    _: v8::GCCallbackFlags,
    data: *mut c_void,
) {
    // SAFETY: `data` is the isolate's watch, which outlives it.
    let watch = unsafe { &*(data as *const GcWatch) };
    // SAFETY: V8 hands the isolate that it is running on this thread.
    let mut isolate = unsafe { v8::Isolate::from_raw_isolate_ptr(isolate) };
    // Most collections find only a part of the garbage, and V8 frees buffers
    // after them, on another thread. Only a full one tells what is in use; it
    // cannot run in here, but at the next instruction.
    if watch.is_over(&mut isolate) {
        watch.look_soon();
    }
}

/// Called by V8 on the isolate's thread: collects all garbage, and stops the
/// Worker if it is over the limit in spite of that.
unsafe extern "C" fn look_closely(isolate: v8::UnsafeRawIsolatePtr, data: *mut c_void) {
    // SAFETY: `data` is the isolate's watch, which outlives it, and an
    // isolate drops its pending interrupts with itself.
    let watch = unsafe { &*(data as *const GcWatch) };
    // SAFETY: V8 hands the isolate that it is running on this thread.
    let mut isolate = unsafe { v8::Isolate::from_raw_isolate_ptr(isolate) };
    isolate.low_memory_notification();
    let over = watch.is_over(&mut isolate);
    watch.looking.set(false);
    if over {
        (watch.on_limit)();
    }
}

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
        let modules = WorkerModules::new(platform.clone());
        let params = v8::CreateParams::default()
            .heap_limits(0, memory_bytes)
            .array_buffer_allocator(memory::allocator(external.clone()));
        let mut js = JsRuntime::new(RuntimeOptions {
            module_loader: Some(modules.clone()),
            extensions: (platform.parts.extensions)(),
            startup_snapshot: Some(platform.parts.snapshot),
            residual_lazy_js_sources: platform.parts.lazy_scripts,
            create_params: Some(params),
            custom_module_evaluation_cb: Some(Box::new(loader::evaluate_data_module)),
            ..Default::default()
        });
        let root = deno_core::url::Url::parse("file:///").expect("the root is a URL");
        js.op_state().borrow_mut().put(state.clone());
        // Stacks name modules, not URLs.
        js.op_state().borrow_mut().put(deno_core::error::InitialCwd(Arc::new(root)));
        state.set_running_cpu(Box::new(meter.running_reader()));
        state.set_cpu_stopper(Box::new(meter.cpu_stopper()));

        let js_context = js.main_context();
        let context = js_context.clone();
        let isolate = js.v8_isolate();
        meter.watch(isolate.thread_safe_handle(), js_context);
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
            modules,
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

    /// Runs the `fetch` handler up to its first wait. The answer goes to the
    /// event's reply, often before this returns.
    pub fn fetch(&mut self, event: FetchEvent<'_>) -> ContextRef {
        let has_body = event.body.is_some();
        let now = Instant::now();
        let id = self.state.open_context(Some(event.reply), event.body, event.on_end, now);
        let object = event.service.and_then(|service| service.object.as_ref());
        if let Some(mut context) = self.state.context(id) {
            context.cf = event.cf;
            context.for_object = object.is_some();
            context.depth = event.service.map_or(0, |service| service.depth);
        }
        self.state.set_trace(id, event.trace);
        let namespace =
            object.map(|object| object.namespace.open(&mut self.js.op_state().borrow_mut()));
        self.slice_at(Some(id), now, |this| {
            let hooks = this.hooks.as_ref().expect("hooks are there after `new`");
            let realm = this.context.as_ref().expect("the context lives as long as the isolate");
            v8::scope_with_context!(scope, this.js.v8_isolate(), realm);
            let method: v8::Local<v8::Value> =
                match METHODS.iter().position(|method| *method == event.method) {
                    Some(index) => v8::Local::new(scope, &this.methods[index]).into(),
                    None => one_byte(scope, event.method.as_bytes()),
                };
            let args = [
                v8::Integer::new_from_unsigned(scope, id).into(),
                method,
                one_byte(scope, event.url),
                one_byte(scope, event.headers),
                v8::Boolean::new(scope, has_body).into(),
                match event.shared_headers.local(scope, this.state.epoch) {
                    Some(shared) => shared.into(),
                    None => one_byte(scope, b""),
                },
            ];
            let Some(service) = event.service else {
                if event.for_handler {
                    let Some(script) = v8::String::new(scope, HANDLERS_SCRIPT) else { return };
                    let none: v8::Local<v8::Value> = v8::undefined(scope).into();
                    let mut args = Vec::from(args);
                    args.extend([none, none, script.into()]);
                    call(scope, &hooks.fetch, &args);
                } else {
                    call(scope, &hooks.fetch, &args);
                }
                return;
            };
            let mut args = Vec::from(args);
            push_target(scope, &mut args, service, namespace);
            call(scope, &hooks.fetch, &args);
        });
        if self.state.context(id).is_some() {
            // New ops wait for their first poll.
            self.state.wake();
        } else {
            // Done already: only the report of a rejection can be left.
            self.unpolled = true;
        }
        ContextRef { epoch: self.state.epoch, id }
    }

    /// Runs the `scheduled` handler; `on_end` learns the outcome.
    pub fn scheduled(
        &mut self,
        event: &ScheduledEvent,
        on_end: OnEnd,
        trace: Option<Box<dyn EventTrace>>,
    ) {
        let id = self.state.open_context(None, None, Some(on_end), Instant::now());
        self.state.set_trace(id, trace);
        self.slice(Some(id), |this| {
            let hooks = this.hooks.as_ref().expect("hooks are there after `new`");
            let realm = this.context.as_ref().expect("the context lives as long as the isolate");
            v8::scope_with_context!(scope, this.js.v8_isolate(), realm);
            let Some(cron) = v8::String::new(scope, &event.cron) else { return };
            let args = [
                v8::Integer::new_from_unsigned(scope, id).into(),
                cron.into(),
                v8::Number::new(scope, event.time).into(),
            ];
            call(scope, &hooks.scheduled, &args);
        });
        self.state.wake();
    }

    /// Another isolate begins a session of remote calls to the entrypoint that
    /// `target` names.
    pub fn rpc(&mut self, end: RpcEnd, target: &ServiceTarget) {
        let op_state = self.js.op_state();
        let channel = op_state.borrow_mut().resource_table.add(end.open());
        let object = target.object.as_ref();
        let namespace = object.map(|object| object.namespace.open(&mut op_state.borrow_mut()));
        self.slice(None, |this| {
            let hooks = this.hooks.as_ref().expect("hooks are there after `new`");
            let realm = this.context.as_ref().expect("the context lives as long as the isolate");
            v8::scope_with_context!(scope, this.js.v8_isolate(), realm);
            let mut args = vec![v8::Integer::new_from_unsigned(scope, channel).into()];
            push_target(scope, &mut args, target, namespace);
            call(scope, &hooks.rpc, &args);
        });
        self.state.wake();
    }

    /// Runs the alarm of a Durable Object. `lost` tells how often the object did
    /// not get to the end of it; `on_end` how it went now.
    pub fn alarm(&mut self, object: &ObjectTarget, lost: u32, on_end: OnAlarm) {
        let id = self.state.open_alarm(on_end);
        let namespace = object.namespace.open(&mut self.js.op_state().borrow_mut());
        self.slice(Some(id), |this| {
            let hooks = this.hooks.as_ref().expect("hooks are there after `new`");
            let realm = this.context.as_ref().expect("the context lives as long as the isolate");
            v8::scope_with_context!(scope, this.js.v8_isolate(), realm);
            let text = |text: &str| v8::String::new(scope, text);
            let (Some(script), Some(object_id)) =
                (text(object.namespace.script()), text(&object.id))
            else {
                return;
            };
            let name = object.name.as_deref().and_then(text);
            let args = [
                v8::Integer::new_from_unsigned(scope, id).into(),
                script.into(),
                v8::Integer::new_from_unsigned(scope, namespace).into(),
                object_id.into(),
                name.map_or_else(|| v8::undefined(scope).into(), Into::into),
                v8::Integer::new_from_unsigned(scope, lost).into(),
            ];
            call(scope, &hooks.alarm, &args);
        });
        self.state.wake();
    }

    /// What the Worker exports, once it was loaded. Getters of its exports run.
    pub fn exports(&mut self) -> Exports {
        let mut json = String::new();
        self.slice(None, |this| {
            let hooks = this.hooks.as_ref().expect("hooks are there after `new`");
            let realm = this.context.as_ref().expect("the context lives as long as the isolate");
            v8::scope_with_context!(scope, this.js.v8_isolate(), realm);
            v8::tc_scope!(let scope, scope);
            let hook = v8::Local::new(scope, &hooks.describe);
            let receiver = v8::undefined(scope).into();
            if let Some(text) = hook.call(scope, receiver, &[]) {
                json = text.to_rust_string_lossy(scope);
            }
        });
        let (handlers, named) = serde_json::from_str(&json).unwrap_or_default();
        Exports { handlers, named }
    }

    /// Ends the Durable Objects of this isolate, and lets no other one begin.
    pub fn end_objects(&mut self, end: ObjectsEnd) {
        self.slice(None, |this| {
            let hooks = this.hooks.as_ref().expect("hooks are there after `new`");
            let realm = this.context.as_ref().expect("the context lives as long as the isolate");
            v8::scope_with_context!(scope, this.js.v8_isolate(), realm);
            let at_once = v8::Boolean::new(scope, end == ObjectsEnd::Updated);
            call(scope, &hooks.end_objects, &[at_once.into()]);
        });
        self.state.wake();
    }

    /// Takes a Durable Object out of memory if nothing goes on in it, or all of a
    /// namespace where `object` is empty. With `force` those in which something
    /// goes on are reset.
    pub fn evict(&mut self, namespace: &str, object: &str, force: bool) -> Evicted {
        let mut evicted = Evicted::default();
        self.slice(None, |this| {
            let hooks = this.hooks.as_ref().expect("hooks are there after `new`");
            let realm = this.context.as_ref().expect("the context lives as long as the isolate");
            v8::scope_with_context!(scope, this.js.v8_isolate(), realm);
            let text = |text: &str| v8::String::new(scope, text);
            let (Some(namespace), Some(object)) = (text(namespace), text(object)) else { return };
            let counts = v8::Array::new(scope, 2);
            let force = v8::Boolean::new(scope, force);
            let args = [namespace.into(), object.into(), force.into(), counts.into()];
            call(scope, &hooks.evict, &args);
            let count =
                |at| counts.get_index(scope, at).and_then(|it| it.uint32_value(scope)).unwrap_or(0);
            evicted = Evicted { ended: count(0), busy: count(1) };
        });
        self.state.wake();
        evicted
    }

    /// Shows a binding what its ops keep, between two slices of JavaScript.
    pub fn with_ops<T>(&mut self, act: impl FnOnce(&mut OpState) -> T) -> T {
        act(&mut self.js.op_state().borrow_mut())
    }

    /// The client of a request went away.
    pub fn client_gone(&mut self, context: ContextRef) {
        if context.epoch != self.state.epoch || self.state.context(context.id).is_none() {
            return;
        }
        self.slice(Some(context.id), |this| {
            let hooks = this.hooks.as_ref().expect("hooks are there after `new`");
            let realm = this.context.as_ref().expect("the context lives as long as the isolate");
            v8::scope_with_context!(scope, this.js.v8_isolate(), realm);
            let args = [v8::Integer::new_from_unsigned(scope, context.id).into()];
            call(scope, &hooks.abort, &args);
        });
        self.state.wake();
    }

    /// Something arrived on a WebSocket of this isolate.
    pub fn websocket(&mut self, epoch: u32, socket: WebSocketId, event: &WebSocketEvent) {
        if epoch != self.state.epoch || self.state.filter_socket(socket, event) {
            return;
        }
        self.slice(None, |this| {
            let hooks = this.hooks.as_ref().expect("hooks are there after `new`");
            let realm = this.context.as_ref().expect("the context lives as long as the isolate");
            v8::scope_with_context!(scope, this.js.v8_isolate(), realm);
            let (kind, data, extra): (i32, v8::Local<v8::Value>, v8::Local<v8::Value>) = match event
            {
                WebSocketEvent::Text(text) => {
                    let Some(text) = v8::String::new(scope, text) else { return };
                    (0, text.into(), v8::undefined(scope).into())
                }
                WebSocketEvent::Binary(bytes) => {
                    let store =
                        v8::ArrayBuffer::new_backing_store_from_vec(bytes.to_vec()).make_shared();
                    let buffer = v8::ArrayBuffer::with_backing_store(scope, &store);
                    (1, buffer.into(), v8::undefined(scope).into())
                }
                WebSocketEvent::Close { code, reason } => {
                    let Some(reason) = v8::String::new(scope, reason) else { return };
                    (2, v8::Integer::new(scope, i32::from(*code)).into(), reason.into())
                }
                WebSocketEvent::Error(message) => {
                    let Some(message) = v8::String::new(scope, message) else { return };
                    (3, message.into(), v8::undefined(scope).into())
                }
            };
            let args = [
                v8::Integer::new_from_unsigned(scope, socket).into(),
                v8::Integer::new(scope, kind).into(),
                data,
                extra,
            ];
            call(scope, &hooks.websocket, &args);
        });
        self.state.wake();
    }

    /// Ends what is left of contexts whose time after the response is over.
    pub fn expire(&mut self) {
        if std::mem::take(&mut self.unpolled) {
            self.state.wake();
        }
        let limit = match self.state.worker_if_loaded() {
            Some(worker) => worker.limits.wait_until,
            None => return,
        };
        for id in self.state.overdue(limit) {
            self.slice(Some(id), |this| {
                let hooks = this.hooks.as_ref().expect("hooks are there after `new`");
                let realm =
                    this.context.as_ref().expect("the context lives as long as the isolate");
                v8::scope_with_context!(scope, this.js.v8_isolate(), realm);
                let args = [v8::Integer::new_from_unsigned(scope, id).into()];
                call(scope, &hooks.expired, &args);
            });
            self.state.close_context(id);
        }
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

    /// Nothing is under way that could ever wake this isolate's JavaScript:
    /// requests without an answer will not get one.
    fn end_hung(&mut self) {
        if self.state.open_sockets() > 0 {
            return;
        }
        for id in self.state.unanswered() {
            self.slice(Some(id), |this| {
                let hooks = this.hooks.as_ref().expect("hooks are there after `new`");
                let realm =
                    this.context.as_ref().expect("the context lives as long as the isolate");
                v8::scope_with_context!(scope, this.js.v8_isolate(), realm);
                let args = [v8::Integer::new_from_unsigned(scope, id).into()];
                call(scope, &hooks.hung, &args);
            });
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

    /// JavaScript was stopped in the middle: fails the request at fault and
    /// decides whether the isolate can go on. V8 drops the microtasks of the
    /// interrupted checkpoint, so others that wait here could wait for ever.
    fn settle_stop(&mut self, stop: Stop) {
        self.js.v8_isolate().cancel_terminate_execution();
        let message = match stop.outcome {
            Outcome::ExceededMemory => "Worker exceeded memory limit.",
            _ => "Worker exceeded CPU time limit.",
        };
        let sites = self.meter.take_stopped_at();
        if let Some(id) = stop.context {
            let mut failure = Failure::new(stop.outcome, message);
            if let Some(worker) = self.state.worker_if_loaded() {
                exception::locate(&mut failure, &sites, worker);
            }
            self.state.fail(id, failure);
            // An object that ran out of memory goes with all others.
            if stop.outcome != Outcome::ExceededMemory || !self.state.is_object(id) {
                self.discard(id);
                self.state.close_context(id);
            }
        } else if let Some(worker) = self.state.worker_if_loaded() {
            // No request will tell.
            self.state.log.console(&worker.name, ConsoleLevel::Error, message);
        }
        tracing::warn!(
            worker = self.state.worker_if_loaded().map_or("", |worker| &worker.name),
            outcome = stop.outcome.as_str(),
            "{message}"
        );
        if stop.outcome == Outcome::ExceededMemory {
            self.settle_memory(stop, message);
        } else if self.state.live_contexts() > 0 || self.state.open_sockets() > 0 {
            self.condemn(stop.outcome, message);
        }
    }

    /// Nobody may come in any more.
    fn condemn(&mut self, outcome: Outcome, message: &str) {
        self.condemned = true;
        // Callers of objects elsewhere are told why these are gone.
        for id in self.state.calls_of_objects() {
            self.state.fail(id, Failure::new(outcome, message));
        }
    }

    /// Memory ran out: with their isolate the Durable Objects are reset. Where that
    /// makes room, their callers in here go on, and the isolate ends after them.
    fn settle_memory(&mut self, stop: Stop, message: &str) {
        let since = Instant::now();
        let callers = self.end_objects_over_memory();
        if self.condemned || callers == 0 || self.lingers.is_some() {
            self.condemn(stop.outcome, message);
            return;
        }
        self.lingers = Some(Linger { since });
        self.state.wake();
    }

    /// Resets all objects; how many callers there are in here that go on.
    fn end_objects_over_memory(&mut self) -> u32 {
        let mut callers = 0;
        self.meter.set_own_limit(self.own_limit());
        self.meter.begin(None);
        {
            let hooks = self.hooks.as_ref().expect("hooks are there after `new`");
            let realm = self.context.as_ref().expect("the context lives as long as the isolate");
            v8::scope_with_context!(scope, self.js.v8_isolate(), realm);
            v8::tc_scope!(let scope, scope);
            let hook = v8::Local::new(scope, &hooks.over_memory);
            let receiver = v8::undefined(scope).into();
            if let Some(told) = hook.call(scope, receiver, &[]) {
                callers = told.uint32_value(scope).unwrap_or(0);
            }
            // Before anybody goes on, what the objects had is given up.
            scope.low_memory_notification();
            scope.perform_microtask_checkpoint();
        }
        if self.meter.end().is_some() {
            self.js.v8_isolate().cancel_terminate_execution();
            self.condemned = true;
        }
        callers
    }

    /// Tells JavaScript that a context is over: its number will be another's.
    /// Where it was a Durable Object's, its callers go on in here: what they use
    /// is limited, too.
    fn discard(&mut self, id: ContextId) {
        // It has paid with its end.
        self.state.reset_cpu(id);
        self.meter.set_own_limit(self.own_limit());
        self.meter.begin(None);
        {
            let hooks = self.hooks.as_ref().expect("hooks are there after `new`");
            let realm = self.context.as_ref().expect("the context lives as long as the isolate");
            v8::scope_with_context!(scope, self.js.v8_isolate(), realm);
            let args = [v8::Integer::new_from_unsigned(scope, id).into()];
            call(scope, &hooks.discard, &args);
        }
        if self.meter.end().is_some() {
            self.js.v8_isolate().cancel_terminate_execution();
            self.condemned = true;
        }
    }

    fn report_uncaught(&mut self, error: &deno_core::error::CoreError) {
        let text = match exception::js_error(error) {
            Some(error) => exception::text_of(error),
            None => error.to_string(),
        };
        let worker = self.state.worker_if_loaded().map_or_else(String::new, |w| w.name.clone());
        self.state.log.console(&worker, ConsoleLevel::Error, &text);
    }
}

/// Appends what hooks are told of a target; `namespace` is the number of its
/// object's.
fn push_target<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    args: &mut Vec<v8::Local<'s, v8::Value>>,
    target: &ServiceTarget,
    namespace: Option<deno_core::ResourceId>,
) {
    let text = |text: Option<&str>| -> v8::Local<'s, v8::Value> {
        match text.and_then(|it| v8::String::new(scope, it)) {
            Some(text) => text.into(),
            None => v8::undefined(scope).into(),
        }
    };
    args.extend([text(target.entrypoint.as_deref()), text(target.props.as_deref())]);
    if let (Some(object), Some(namespace)) = (&target.object, namespace) {
        args.extend([
            text(Some(object.namespace.script())),
            v8::Integer::new_from_unsigned(scope, namespace).into(),
            text(Some(&object.id)),
            text(object.name.as_deref()),
            text(object.jurisdiction.as_deref()),
        ]);
    }
}

fn one_byte<'s>(scope: &mut v8::PinScope<'s, '_>, bytes: &[u8]) -> v8::Local<'s, v8::Value> {
    v8::String::new_from_one_byte(scope, bytes, v8::NewStringType::Normal)
        .unwrap_or_else(|| v8::String::empty(scope))
        .into()
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
