//! CPU time: who spends it, and who spent too much.
//!
//! Each isolate marks when JavaScript runs on its thread (a *slice*). Short
//! slices are charged by the wall clock, which costs no system call; one thread
//! for the whole process looks at the slices every few milliseconds, and where
//! one goes on, interrupts it: the isolate's thread then reads its own CPU
//! clock, charges the request whose code is running right then, and stops that
//! code when the request's limit is used up. While no isolate runs JavaScript
//! the watchdog sleeps.

use std::cell::{Cell, RefCell};
use std::ffi::c_void;
use std::rc::{Rc, Weak};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::thread::Thread;
use std::time::Duration;

use deno_core::v8;
// Reads the processor's counter: each slice reads it twice.
use quanta::Instant;

use crate::failure::Outcome;
use crate::io_context::{ContextId, IsolateState};
use crate::spans::SpanNumber;

mod site;

pub(crate) use site::Site;

/// How often the watchdog looks: the precision of CPU limits.
const TICK: Duration = Duration::from_millis(5);
/// How long the watchdog insists on a stop at each look.
const INSIST: Duration = Duration::from_millis(2);
/// Looks without any JavaScript running before the watchdog goes to sleep.
const QUIET_TICKS: u32 = 20;
/// Slices longer than this are charged by the CPU clock.
const EXACT_ABOVE_NANOS: u64 = 200_000;

/// CPU time of the calling thread, in nanoseconds.
pub(crate) fn thread_cpu_nanos() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is a valid timespec for the call to fill.
    let result = unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut time) };
    if result != 0 {
        return 0;
    }
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

/// The CPU clock of a thread, which any thread may read.
#[derive(Debug, Clone, Copy)]
pub struct ThreadClock(libc::clockid_t);

impl ThreadClock {
    /// The clock of the calling thread.
    pub fn of_this_thread() -> Self {
        let mut clock = libc::CLOCK_THREAD_CPUTIME_ID;
        #[cfg(target_os = "linux")]
        // SAFETY: the calling thread exists, and `clock` is a place for the answer.
        unsafe {
            libc::pthread_getcpuclockid(libc::pthread_self(), &mut clock);
        }
        Self(clock)
    }

    /// CPU time that the thread used; zero once it ended.
    pub fn read(self) -> Duration {
        let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
        // SAFETY: `time` is a valid timespec for the call to fill.
        if unsafe { libc::clock_gettime(self.0, &mut time) } != 0 {
            return Duration::ZERO;
        }
        Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
    }
}

/// The part of an isolate that the watchdog sees.
struct Watched {
    /// Odd while JavaScript runs; each slice has its own number.
    slice: AtomicU64,
    /// Whether the running slice was told to stop. Some of V8's built-ins (JSON)
    /// swallow a stop that reaches them, so it is asked for until it is done.
    stopping: AtomicBool,
    isolate: v8::IsolateHandle,
    meter: MeterPointer,
}

/// The address of the isolate's meter, passed through to its own thread.
struct MeterPointer(*const MeterInner);
// SAFETY: the pointer is only dereferenced in `on_interrupt`, which V8 calls on
// the isolate's thread, where the meter lives.
unsafe impl Send for MeterPointer {}
// SAFETY: as above; other threads only copy the address.
unsafe impl Sync for MeterPointer {}

struct Watchdog {
    watched: Mutex<Vec<Arc<Watched>>>,
    asleep: AtomicBool,
    thread: OnceLock<Thread>,
}

static WATCHDOG: Watchdog = Watchdog {
    watched: Mutex::new(Vec::new()),
    asleep: AtomicBool::new(false),
    thread: OnceLock::new(),
};

impl Watchdog {
    fn register(&'static self, watched: Arc<Watched>) {
        self.watched.lock().unwrap_or_else(|poison| poison.into_inner()).push(watched);
        self.thread.get_or_init(|| {
            std::thread::Builder::new()
                .name("watchdog".into())
                .stack_size(128 * 1024)
                .spawn(move || self.run())
                .expect("a thread can be started at start-up")
                .thread()
                .clone()
        });
    }

    fn unregister(&self, watched: &Arc<Watched>) {
        let mut all = self.watched.lock().unwrap_or_else(|poison| poison.into_inner());
        all.retain(|other| !Arc::ptr_eq(other, watched));
    }

    fn wake(&self) {
        if self.asleep.swap(false, Ordering::SeqCst)
            && let Some(thread) = self.thread.get()
        {
            thread.unpark();
        }
    }

    fn run(&self) {
        let mut seen: Vec<(*const Watched, u64)> = Vec::new();
        let mut quiet = 0;
        loop {
            std::thread::sleep(TICK);
            let running = self.look(&mut seen);
            quiet = if running { 0 } else { quiet + 1 };
            if quiet > QUIET_TICKS {
                self.asleep.store(true, Ordering::SeqCst);
                // A slice may have begun just before `asleep` was set.
                if !self.look(&mut seen) {
                    while self.asleep.load(Ordering::SeqCst) {
                        std::thread::park();
                    }
                }
                self.asleep.store(false, Ordering::SeqCst);
                quiet = 0;
            }
        }
    }

    /// Interrupts each slice that was seen before; tells whether any runs.
    fn look(&self, seen: &mut Vec<(*const Watched, u64)>) -> bool {
        let all = self.watched.lock().unwrap_or_else(|poison| poison.into_inner());
        let mut now = Vec::new();
        for watched in all.iter() {
            let slice = watched.slice.load(Ordering::SeqCst);
            if slice % 2 == 0 {
                continue;
            }
            let key = (Arc::as_ptr(watched), slice);
            if watched.stopping.load(Ordering::SeqCst) {
                insist(watched, slice);
            }
            if seen.contains(&key) {
                watched.isolate.request_interrupt(on_interrupt, watched.meter.0 as *mut c_void);
            }
            now.push(key);
        }
        *seen = now;
        !seen.is_empty()
    }
}

/// Asks a slice that was told to stop, and did not, again and again for a moment:
/// one of the requests comes while no built-in is there to swallow it.
fn insist(watched: &Watched, slice: u64) {
    let begin = std::time::Instant::now();
    while begin.elapsed() < INSIST && watched.slice.load(Ordering::SeqCst) == slice {
        watched.isolate.terminate_execution();
        for _ in 0..64 {
            std::hint::spin_loop();
        }
    }
}

/// Called by V8 on the isolate's thread, between two instructions of a Worker.
unsafe extern "C" fn on_interrupt(isolate: v8::UnsafeRawIsolatePtr, data: *mut c_void) {
    // SAFETY: `data` is the `MeterInner` of this isolate. The meter unregisters
    // itself, under the watchdog's lock, before it is freed, and an isolate
    // drops its pending interrupts with itself; the meter outlives the isolate.
    let meter = unsafe { &*(data as *const MeterInner) };
    if meter.watched_slice() % 2 == 0 {
        return;
    }
    // SAFETY: V8 hands the isolate that it is running on this thread.
    let mut isolate = unsafe { v8::Isolate::from_raw_isolate_ptr(isolate) };
    if meter.sample(meter.running(&mut isolate)) {
        meter.note_site(&mut isolate);
    }
}

/// Called by V8 on the isolate's thread, at the next instruction after memory ran
/// out: stops the code, and notes whose it is.
unsafe extern "C" fn on_out_of_memory(isolate: v8::UnsafeRawIsolatePtr, data: *mut c_void) {
    // SAFETY: as in `on_interrupt`.
    let meter = unsafe { &*(data as *const MeterInner) };
    // The slice may have ended before V8 came to it.
    if meter.watched_slice() % 2 == 0 || !meter.out_of_memory.get() {
        return;
    }
    // SAFETY: V8 hands the isolate that it is running on this thread.
    let mut isolate = unsafe { v8::Isolate::from_raw_isolate_ptr(isolate) };
    meter.stop(Outcome::ExceededMemory, meter.running(&mut isolate));
}

/// The request whose code runs now: V8 carries it along promise reactions.
fn running_context(
    isolate: &mut v8::Isolate,
    js_context: &v8::Global<v8::Context>,
) -> Option<ContextId> {
    v8::scope_with_context!(scope, isolate, js_context);
    context_in(scope)
}

/// The same for code that is in a scope already.
pub(crate) fn context_in(scope: &mut v8::PinScope) -> Option<ContextId> {
    let frame = scope.get_continuation_preserved_embedder_data();
    let frame = v8::Local::<v8::Object>::try_from(frame).ok()?;
    let key = v8::String::new_from_one_byte(scope, b"io", v8::NewStringType::Internalized)?;
    let io = v8::Local::<v8::Object>::try_from(frame.get(scope, key.into())?).ok()?;
    let key = v8::String::new_from_one_byte(scope, b"slot", v8::NewStringType::Internalized)?;
    let slot = io.get(scope, key.into())?;
    let slot = v8::Local::<v8::Int32>::try_from(slot).ok()?.value();
    u32::try_from(slot).ok()
}

/// The part of its event that the running code belongs to (`js/tracing.js`).
pub(crate) fn span_in(scope: &mut v8::PinScope) -> SpanNumber {
    let find = || {
        let frame = scope.get_continuation_preserved_embedder_data();
        let frame = v8::Local::<v8::Object>::try_from(frame).ok()?;
        let key = v8::String::new_from_one_byte(scope, b"span", v8::NewStringType::Internalized)?;
        let span = v8::Local::<v8::Object>::try_from(frame.get(scope, key.into())?).ok()?;
        let key = v8::String::new_from_one_byte(scope, b"number", v8::NewStringType::Internalized)?;
        let number = span.get(scope, key.into())?;
        v8::Local::<v8::Uint32>::try_from(number).ok().map(|number| number.value())
    };
    find().unwrap_or(0)
}

/// Why the running JavaScript was stopped, and whose it was.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stop {
    pub(crate) outcome: Outcome,
    pub(crate) context: Option<ContextId>,
}

struct MeterInner {
    state: Rc<IsolateState>,
    watched: OnceLock<Arc<Watched>>,
    js_context: RefCell<Option<v8::Global<v8::Context>>>,
    /// The request that the current slice was begun for.
    context: Cell<Option<ContextId>>,
    /// CPU limit of slices that belong to no request (start-up).
    own_limit: Cell<Duration>,
    own_nanos: Cell<u64>,
    slice_start: Cell<Option<Instant>>,
    /// The thread's CPU clock at the last look.
    last_cpu: Cell<u64>,
    /// Whether the watchdog looked into this slice.
    sampled: Cell<bool>,
    stop: Cell<Option<Stop>>,
    /// Where JavaScript was when it was stopped.
    stopped_at: RefCell<Vec<Site>>,
    /// A debugger is connected: CPU time is counted, and not limited.
    attached: Cell<bool>,
    /// The running slice stands at a breakpoint.
    paused: Cell<bool>,
    /// Memory ran out in the running slice, and V8 was not asked yet whose code
    /// that is.
    out_of_memory: Cell<bool>,
}

impl MeterInner {
    fn watched_slice(&self) -> u64 {
        self.watched.get().map_or(0, |watched| watched.slice.load(Ordering::Relaxed))
    }

    /// Charges the CPU time since the last look and stops what is over its limit.
    /// Tells whether that was now.
    fn sample(&self, context: Option<ContextId>) -> bool {
        let now = thread_cpu_nanos();
        let since_start =
            self.slice_start.get().map_or(0, |start| start.elapsed().as_nanos() as u64);
        let mut spent = now.saturating_sub(self.last_cpu.get());
        if !self.sampled.get() {
            // The clock was last read at some time before this slice.
            spent = spent.min(since_start);
        }
        self.last_cpu.set(now);
        self.sampled.set(true);
        let over = match context {
            Some(id) => self.state.charge(id, spent),
            None => {
                self.own_nanos.set(self.own_nanos.get() + spent);
                u128::from(self.own_nanos.get()) > self.own_limit.get().as_nanos()
            }
        };
        let stops = over && !self.attached.get();
        let is_first = stops && self.stop.get().is_none();
        if stops {
            self.stop(Outcome::ExceededCpu, context);
        }
        is_first
    }

    fn note_site(&self, isolate: &mut v8::Isolate) {
        if let Some(context) = &*self.js_context.borrow() {
            self.stopped_at.replace(site::of_running(isolate, context));
        }
    }

    /// The request whose code runs, or that the slice was begun for.
    fn running(&self, isolate: &mut v8::Isolate) -> Option<ContextId> {
        let js_context = self.js_context.borrow();
        let running = js_context.as_ref().and_then(|context| running_context(isolate, context));
        running.or(self.context.get())
    }

    fn running_nanos(&self) -> u64 {
        let Some(start) = self.slice_start.get() else { return 0 };
        if self.sampled.get() {
            return thread_cpu_nanos().saturating_sub(self.last_cpu.get());
        }
        start.elapsed().as_nanos() as u64
    }

    fn stop(&self, outcome: Outcome, context: Option<ContextId>) {
        if self.stop.get().is_none() {
            self.stop.set(Some(Stop { outcome, context }));
            self.state.set_stopping(Some(context));
        }
        if let Some(watched) = self.watched.get() {
            watched.stopping.store(true, Ordering::SeqCst);
            watched.isolate.terminate_execution();
        }
    }
}

/// Meters the CPU time of one isolate. Lives on the isolate's thread, and
/// longer than the isolate.
pub(crate) struct Meter(Rc<MeterInner>);

impl Meter {
    pub(crate) fn new(state: Rc<IsolateState>) -> Self {
        Self(Rc::new(MeterInner {
            state,
            watched: OnceLock::new(),
            js_context: RefCell::new(None),
            context: Cell::new(None),
            own_limit: Cell::new(crate::limits::STARTUP_CPU),
            own_nanos: Cell::new(0),
            slice_start: Cell::new(None),
            last_cpu: Cell::new(thread_cpu_nanos()),
            sampled: Cell::new(false),
            stop: Cell::new(None),
            stopped_at: RefCell::default(),
            attached: Cell::new(false),
            paused: Cell::new(false),
            out_of_memory: Cell::new(false),
        }))
    }

    /// Puts an isolate under the watchdog's eyes.
    pub(crate) fn watch(&self, isolate: v8::IsolateHandle, js_context: v8::Global<v8::Context>) {
        *self.0.js_context.borrow_mut() = Some(js_context);
        let watched = Arc::new(Watched {
            slice: AtomicU64::new(0),
            stopping: AtomicBool::new(false),
            isolate,
            meter: MeterPointer(Rc::as_ptr(&self.0)),
        });
        if self.0.watched.set(watched.clone()).is_ok() {
            WATCHDOG.register(watched);
        }
    }

    /// The CPU limit of what runs for no request.
    pub(crate) fn set_own_limit(&self, limit: Duration) {
        self.0.own_limit.set(limit);
        self.0.own_nanos.set(0);
    }

    /// Marks the begin of a slice.
    pub(crate) fn begin(&self, context: Option<ContextId>) {
        self.begin_at(context, Instant::now());
    }

    /// The same with a time that was just read.
    pub(crate) fn begin_at(&self, context: Option<ContextId>, now: Instant) {
        let inner = &*self.0;
        inner.context.set(context);
        inner.sampled.set(false);
        inner.slice_start.set(Some(now));
        if let Some(watched) = inner.watched.get() {
            watched.slice.fetch_add(1, Ordering::SeqCst);
            if WATCHDOG.asleep.load(Ordering::SeqCst) {
                WATCHDOG.wake();
            }
        }
    }

    /// Marks its end, charges it, and tells whether it was stopped.
    pub(crate) fn end(&self) -> Option<Stop> {
        let inner = &*self.0;
        if let Some(watched) = inner.watched.get() {
            watched.slice.fetch_add(1, Ordering::SeqCst);
            watched.stopping.store(false, Ordering::SeqCst);
        }
        let wall = inner.slice_start.take().map_or(0, |start| start.elapsed().as_nanos() as u64);
        let context = inner.context.take();
        let spent = if inner.sampled.get() || wall > EXACT_ABOVE_NANOS {
            let now = thread_cpu_nanos();
            let spent = now.saturating_sub(inner.last_cpu.replace(now));
            if inner.sampled.get() { spent } else { spent.min(wall) }
        } else {
            wall
        };
        let over = match context {
            Some(id) => inner.state.charge(id, spent).then_some(id),
            None => {
                inner.own_nanos.set(inner.own_nanos.get() + spent);
                inner.state.charge_resumed(spent)
            }
        };
        // Many short slices use a limit up as well as a long one.
        let used_up = over
            .filter(|_| !inner.attached.get())
            .map(|id| Stop { outcome: Outcome::ExceededCpu, context: Some(id) });
        let stop = inner.stop.take();
        if stop.is_some() {
            inner.state.set_stopping(None);
        }
        let out_of_memory = inner.out_of_memory.take();
        let unnoticed =
            || out_of_memory.then_some(Stop { outcome: Outcome::ExceededMemory, context });
        stop.or_else(unnoticed).or(used_up)
    }

    /// Where the last slice was when it was stopped, innermost frame first; empty
    /// if nobody saw it.
    pub(crate) fn take_stopped_at(&self) -> Vec<Site> {
        self.0.stopped_at.take()
    }

    /// The meter as a debugger sees it.
    pub(crate) fn for_debugger(&self) -> DebuggerMeter {
        DebuggerMeter(Rc::downgrade(&self.0))
    }

    /// Reads the CPU time that the running slice has used so far.
    pub(crate) fn running_reader(&self) -> impl Fn() -> u64 + 'static {
        let inner = Rc::downgrade(&self.0);
        move || inner.upgrade().map_or(0, |inner| inner.running_nanos())
    }

    /// CPU time spent for no request since the last `set_own_limit`.
    pub(crate) fn own_nanos(&self) -> u64 {
        self.0.own_nanos.get()
    }

    /// Stops the running JavaScript because a request's time is used up.
    pub(crate) fn cpu_stopper(&self) -> impl Fn(ContextId) + 'static {
        let inner = Rc::downgrade(&self.0);
        move |id| {
            if let Some(inner) = inner.upgrade().filter(|inner| !inner.attached.get()) {
                inner.stop(Outcome::ExceededCpu, Some(id));
            }
        }
    }

    /// Finds the part of its event that the running code belongs to, for ops.
    pub(crate) fn span_finder(
        &self,
        isolate: &mut v8::Isolate,
    ) -> impl Fn() -> SpanNumber + 'static {
        let inner = Rc::downgrade(&self.0);
        // SAFETY: the pointer is used below only.
        let raw = unsafe { isolate.as_raw_isolate_ptr() };
        move || {
            let Some(inner) = inner.upgrade() else { return 0 };
            let js_context = inner.js_context.borrow();
            let Some(js_context) = &*js_context else { return 0 };
            // SAFETY: only ops ask, and their isolate is the one on this thread, which
            // lives while they run.
            let mut isolate = unsafe { v8::Isolate::from_raw_isolate_ptr(raw) };
            v8::scope_with_context!(scope, &mut isolate, js_context);
            span_in(scope)
        }
    }

    /// Stops the running JavaScript because memory ran out.
    pub(crate) fn memory_stopper(&self) -> impl Fn() + 'static {
        let inner = Rc::downgrade(&self.0);
        move || {
            let Some(inner) = inner.upgrade() else { return };
            // Here V8 is in the middle of an allocation or a collection, and can
            // say nothing; it can at its next instruction.
            if !inner.out_of_memory.replace(true)
                && let Some(watched) = inner.watched.get()
            {
                let data = Rc::as_ptr(&inner) as *mut c_void;
                watched.isolate.request_interrupt(on_out_of_memory, data);
            }
        }
    }
}

/// What a debugger tells the meter.
pub(crate) struct DebuggerMeter(Weak<MeterInner>);

impl DebuggerMeter {
    /// Whether a debugger is connected, which lifts the CPU limits.
    pub(crate) fn set_attached(&self, attached: bool) {
        if let Some(meter) = self.0.upgrade() {
            meter.attached.set(attached);
        }
    }

    /// The running slice stands still; what runs meanwhile for the debugger is
    /// nobody's, and the watchdog looks away.
    pub(crate) fn pause(&self, isolate: &mut v8::Isolate) {
        let Some(meter) = self.0.upgrade() else { return };
        let Some(watched) = meter.watched.get() else { return };
        if meter.watched_slice() % 2 == 0 {
            return;
        }
        meter.sample(meter.running(isolate));
        meter.paused.set(true);
        watched.slice.fetch_add(1, Ordering::SeqCst);
    }

    /// The slice goes on.
    pub(crate) fn resume(&self) {
        let Some(meter) = self.0.upgrade() else { return };
        let Some(watched) = meter.watched.get() else { return };
        if meter.paused.take() {
            meter.last_cpu.set(thread_cpu_nanos());
            watched.slice.fetch_add(1, Ordering::SeqCst);
            WATCHDOG.wake();
        }
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        if let Some(watched) = self.0.watched.get() {
            WATCHDOG.unregister(watched);
        }
    }
}
