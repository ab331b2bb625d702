//! One version of a Worker and the isolates that run it: none while nobody asks,
//! more while those that there are have much to do.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use selvedge_deployments::{VersionId, WorkerKey};
use selvedge_runtime::{Failure, Outcome, Worker};
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{mpsc, oneshot};

use crate::metrics::IsolateGauge;
use crate::moving::Ticket;
use crate::scaling::Scale;
use crate::serve::{Shared, ThreadEvent};

/// What may wait for the first isolate of a version.
const WAITING: usize = 1024;
/// A version that did not start is tried again after this, and after twice as
/// long each further time, up to [`RETRY_DOUBLINGS`] times.
const RETRY: Duration = Duration::from_secs(1);
const RETRY_DOUBLINGS: u32 = 5;

/// A version of a Worker.
pub(crate) struct Slot {
    pub(crate) key: WorkerKey,
    pub(crate) version: VersionId,
    /// `ACCOUNT/NAME`.
    pub(crate) name: Arc<str>,
    /// In the order in which they were started. Changed under the lock of `state`.
    isolates: ArcSwap<Vec<Arc<Resident>>>,
    state: Mutex<State>,
    /// When it last got something to do, in seconds of the server's clock.
    used: AtomicU64,
    pub(crate) assets: super::assets::Shared,
    /// Whether its isolates may have the Worker's Durable Objects.
    pub(crate) has_objects: AtomicBool,
    /// Whether no deployment has it.
    pub(crate) is_preview: AtomicBool,
    /// Whether it is of a deployment that was replaced.
    retired: AtomicBool,
    /// The Worker, where it is not a stored one but was loaded at run time.
    given: Option<Arc<Worker>>,
}

/// An isolate that serves.
pub(crate) struct Resident {
    pub(crate) id: u32,
    pub(crate) events: mpsc::Sender<ThreadEvent>,
    /// Connections that are with it.
    connections: Arc<AtomicUsize>,
    leave: Mutex<Option<oneshot::Sender<()>>>,
    /// Whether Durable Objects may begin in it.
    pub(crate) has_objects: AtomicBool,
    /// Counts it, and its memory.
    pub(crate) gauge: Arc<OnceLock<IsolateGauge>>,
}

struct State {
    phase: Phase,
    waiting: VecDeque<ThreadEvent>,
    pub(crate) scale: Scale,
    next: u32,
    /// How often it did not start since it last did.
    failures: u32,
    shared: Option<Arc<Shared>>,
}

enum Phase {
    /// No isolate; the next event starts one.
    Cold,
    Starting,
    Running,
    /// It did not start, and is not tried again before this.
    Failed(Instant, Arc<Failure>),
}

/// Why an event was not taken.
pub(crate) enum Undelivered {
    /// There is too much to do.
    Busy(ThreadEvent),
    /// The version does not start.
    Failed(ThreadEvent, Arc<Failure>),
}

/// What became of an event.
pub(crate) enum Delivery {
    Done,
    /// It waits: whoever called must start an isolate.
    Start,
}

impl std::fmt::Debug for Slot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Slot({} {})", self.name, self.version)
    }
}

impl Slot {
    /// A version that no isolate runs yet.
    pub(crate) fn new(key: WorkerKey, name: Arc<str>, version: VersionId) -> Arc<Self> {
        Self::with(key, name, version, None)
    }

    /// A Worker that was loaded at run time. It has one isolate at a time.
    pub(crate) fn of_worker(
        key: WorkerKey,
        name: Arc<str>,
        version: VersionId,
        worker: Arc<Worker>,
    ) -> Arc<Self> {
        Self::with(key, name, version, Some(worker))
    }

    fn with(
        key: WorkerKey,
        name: Arc<str>,
        version: VersionId,
        given: Option<Arc<Worker>>,
    ) -> Arc<Self> {
        Arc::new(Self {
            given,
            key,
            version,
            name,
            isolates: ArcSwap::default(),
            state: Mutex::new(State {
                phase: Phase::Cold,
                waiting: VecDeque::new(),
                scale: Scale::default(),
                next: 0,
                failures: 0,
                shared: None,
            }),
            used: AtomicU64::new(0),
            assets: super::assets::Shared::default(),
            has_objects: AtomicBool::new(false),
            is_preview: AtomicBool::new(false),
            retired: AtomicBool::new(false),
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The Worker, where it was loaded at run time.
    pub(crate) fn given(&self) -> Option<&Arc<Worker>> {
        self.given.as_ref()
    }

    /// Whether nothing goes on in any of its isolates, as of a moment ago.
    pub(crate) fn rests(&self) -> bool {
        let Some(shared) = self.shared() else { return true };
        let threads = shared.threads.lock().unwrap_or_else(PoisonError::into_inner);
        threads.iter().all(|thread| thread.in_flight() == 0)
    }

    /// Notes that it has something to do.
    pub(crate) fn touch(&self, now: u64) {
        self.used.store(now, Ordering::Relaxed);
    }

    /// When it last had.
    pub(crate) fn used(&self) -> u64 {
        self.used.load(Ordering::Relaxed)
    }

    /// Its isolates.
    pub(crate) fn isolates(&self) -> Arc<Vec<Arc<Resident>>> {
        self.isolates.load_full()
    }

    /// Whether an isolate runs or is on its way.
    pub(crate) fn is_warm(&self) -> bool {
        matches!(self.state().phase, Phase::Starting | Phase::Running)
    }

    /// What its threads share, once there was one.
    pub(crate) fn shared(&self) -> Option<Arc<Shared>> {
        self.state().shared.clone()
    }

    pub(crate) fn set_shared(&self, make: impl FnOnce() -> Arc<Shared>) -> Arc<Shared> {
        self.state().shared.get_or_insert_with(make).clone()
    }

    /// Hands an event to the isolate that has least to do. Without one it waits
    /// for the first.
    pub(crate) fn deliver(&self, event: ThreadEvent) -> Result<Delivery, Undelivered> {
        let event = match self.try_isolates(event) {
            Ok(()) => return Ok(Delivery::Done),
            Err(Refused::Full(event)) => return Err(Undelivered::Busy(event)),
            Err(Refused::Nobody(event)) => event,
        };
        let mut state = self.state();
        // One may have come meanwhile.
        let event = match self.try_isolates(event) {
            Ok(()) => return Ok(Delivery::Done),
            Err(Refused::Full(event)) => return Err(Undelivered::Busy(event)),
            Err(Refused::Nobody(event)) => event,
        };
        match &state.phase {
            Phase::Failed(until, failure) if Instant::now() < *until => {
                return Err(Undelivered::Failed(event, failure.clone()));
            }
            Phase::Starting if state.waiting.len() >= WAITING => {
                return Err(Undelivered::Busy(event));
            }
            Phase::Starting => {
                state.waiting.push_back(event);
                return Ok(Delivery::Done);
            }
            Phase::Cold | Phase::Running | Phase::Failed(..) => {}
        }
        state.phase = Phase::Starting;
        state.waiting.push_back(event);
        Ok(Delivery::Start)
    }

    /// Whether the caller is to start the first isolate, though nothing waits.
    pub(crate) fn begin_start(&self) -> bool {
        let mut state = self.state();
        match &state.phase {
            Phase::Cold => {}
            Phase::Failed(until, _) if Instant::now() >= *until => {}
            _ => return false,
        }
        state.phase = Phase::Starting;
        true
    }

    fn try_isolates(&self, mut event: ThreadEvent) -> Result<(), Refused> {
        let isolates = self.isolates.load();
        let mut is_full = false;
        // Few: looking through all again costs less than to sort them.
        let mut tried = 0u64;
        for _ in 0..isolates.len().min(64) {
            let rest =
                isolates.iter().enumerate().take(64).filter(|(at, _)| tried & (1 << at) == 0);
            let Some((at, isolate)) = rest.min_by_key(|(_, isolate)| isolate.connections()) else {
                break;
            };
            tried |= 1 << at;
            if let ThreadEvent::Moved(moved) = &mut event {
                moved.ticket = Some(Ticket::new(&isolate.connections));
            }
            match isolate.events.try_send(event) {
                Ok(()) => return Ok(()),
                Err(TrySendError::Full(back)) => {
                    is_full = true;
                    event = back;
                }
                Err(TrySendError::Closed(back)) => event = back,
            }
        }
        Err(if is_full { Refused::Full(event) } else { Refused::Nobody(event) })
    }

    /// The number of the next isolate.
    pub(crate) fn next_id(&self) -> u32 {
        let mut state = self.state();
        state.next += 1;
        state.next
    }

    /// An isolate serves from here on. Gives what waited for it.
    pub(crate) fn started(&self, resident: Arc<Resident>) -> VecDeque<ThreadEvent> {
        let mut state = self.state();
        state.phase = Phase::Running;
        state.failures = 0;
        let mut isolates = Vec::clone(&self.isolates.load());
        isolates.push(resident);
        self.isolates.store(Arc::new(isolates));
        std::mem::take(&mut state.waiting)
    }

    /// The first isolate did not start. Gives what waited for it.
    pub(crate) fn failed(&self, failure: &Arc<Failure>) -> VecDeque<ThreadEvent> {
        let mut state = self.state();
        // What the server lacked may be there soon.
        let is_its_own = failure.outcome != Outcome::LoadShed;
        let wait =
            if is_its_own { RETRY * 2u32.pow(state.failures.min(RETRY_DOUBLINGS)) } else { RETRY };
        if is_its_own {
            state.failures += 1;
        }
        state.phase = Phase::Failed(Instant::now() + wait, failure.clone());
        std::mem::take(&mut state.waiting)
    }

    /// Ends those isolates for which `which` is true; connections that idle go
    /// on elsewhere, requests finish.
    pub(crate) fn end(&self, which: impl Fn(&Resident) -> bool) -> usize {
        let mut state = self.state();
        let before = self.isolates.load_full();
        let (leaving, staying): (Vec<_>, Vec<_>) =
            before.iter().cloned().partition(|isolate| which(isolate));
        if leaving.is_empty() {
            return 0;
        }
        if staying.is_empty() && matches!(state.phase, Phase::Running) {
            state.phase = Phase::Cold;
        }
        self.isolates.store(Arc::new(staying));
        for isolate in &leaving {
            isolate.leave();
        }
        leaving.len()
    }

    /// Takes note that a version belongs to no deployment any more.
    pub(crate) fn set_retired(&self, retired: bool) {
        self.retired.store(retired, Ordering::Relaxed);
    }

    pub(crate) fn is_retired(&self) -> bool {
        self.retired.load(Ordering::Relaxed)
    }

    /// Does something with what decides how many isolates there are.
    pub(crate) fn with_scale<T>(&self, act: impl FnOnce(&mut Scale) -> T) -> T {
        act(&mut self.state().scale)
    }
}

enum Refused {
    Full(ThreadEvent),
    Nobody(ThreadEvent),
}

impl Resident {
    /// One that was told nothing yet.
    pub(crate) fn new(
        id: u32,
        events: mpsc::Sender<ThreadEvent>,
        leave: oneshot::Sender<()>,
        has_objects: bool,
        gauge: Arc<OnceLock<IsolateGauge>>,
    ) -> Arc<Self> {
        let (connections, leave) = (Arc::default(), Mutex::new(Some(leave)));
        let has_objects = AtomicBool::new(has_objects);
        Arc::new(Self { id, events, connections, leave, has_objects, gauge })
    }

    /// Connections that are with it.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }

    fn leave(&self) {
        let leave = self.leave.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(leave) = leave {
            let _ = leave.send(());
        }
    }
}
