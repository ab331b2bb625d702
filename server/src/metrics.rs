//! Counters of what Workers do, for `/metrics`, `selvedge top` and the dashboard.
//!
//! Isolates count into atomics that they hold already: no lock and no look-up
//! stands on the path of a request. Numbers only grow (what is *now*, such as
//! isolates, goes up and down); who wants a rate looks twice.

mod figures;
mod histogram;
mod prometheus;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use selvedge_runtime::Outcome;
pub use selvedge_runtime::{Amount, Operation};

pub use figures::{Figures, HistogramFigures, VersionFigures, WorkerFigures};
pub use histogram::Histogram;

/// All outcomes, in the order in which they are counted.
const OUTCOMES: [Outcome; 9] = [
    Outcome::Ok,
    Outcome::Exception,
    Outcome::ExceededCpu,
    Outcome::ExceededMemory,
    Outcome::ExceededWallTime,
    Outcome::Canceled,
    Outcome::ScriptNotFound,
    Outcome::InternalError,
    Outcome::LoadShed,
];

fn outcome_index(outcome: Outcome) -> usize {
    OUTCOMES.iter().position(|known| *known == outcome).unwrap_or(0)
}

/// Whether an outcome is the Worker's or the server's failure. A client that
/// left is neither.
fn is_error(outcome: Outcome) -> bool {
    !matches!(outcome, Outcome::Ok | Outcome::Canceled)
}

/// What wakes a Worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventKind {
    Fetch,
    Scheduled,
    Alarm,
    Rpc,
    WebSocket,
    Tail,
    Connect,
}

impl EventKind {
    const ALL: [Self; 7] = [
        Self::Fetch,
        Self::Scheduled,
        Self::Alarm,
        Self::Rpc,
        Self::WebSocket,
        Self::Tail,
        Self::Connect,
    ];

    /// Its name in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Fetch => "fetch",
            Self::Scheduled => "scheduled",
            Self::Alarm => "alarm",
            Self::Rpc => "rpc",
            Self::WebSocket => "websocket",
            Self::Tail => "tail",
            Self::Connect => "connect",
        }
    }
}

/// What one Worker did, over all of its versions and isolates.
#[derive(Debug, Default)]
pub struct WorkerCounters {
    account: String,
    script: String,
    events: [AtomicU64; EventKind::ALL.len()],
    outcomes: [AtomicU64; OUTCOMES.len()],
    /// By hundreds: 1xx to 5xx.
    statuses: [AtomicU64; 5],
    operations: [AtomicU64; Operation::ALL.len()],
    amounts: [AtomicU64; Amount::ALL.len()],
    subrequests: AtomicU64,
    wall: Histogram,
    cpu: Histogram,
    cold_starts: Histogram,
    isolates: AtomicI64,
    websockets: AtomicI64,
    memory_bytes: AtomicI64,
    versions: Mutex<Vec<Arc<VersionCounters>>>,
}

/// What one version of a Worker did.
#[derive(Debug, Default)]
pub struct VersionCounters {
    version: String,
    events: AtomicU64,
    errors: AtomicU64,
    isolates: AtomicI64,
}

/// Versions that are remembered besides those that have isolates.
const KEPT_VERSIONS: usize = 8;

impl WorkerCounters {
    fn version(&self, id: &str) -> Arc<VersionCounters> {
        let mut versions = self.versions.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = versions.iter().find(|known| known.version == id) {
            return known.clone();
        }
        let made =
            Arc::new(VersionCounters { version: id.to_owned(), ..VersionCounters::default() });
        versions.push(made.clone());
        if versions.len() > KEPT_VERSIONS {
            let idle = versions.iter().position(|version| Arc::strong_count(version) == 1);
            if let Some(idle) = idle {
                versions.remove(idle);
            }
        }
        made
    }
}

fn add(counter: &AtomicU64, value: u64) {
    counter.fetch_add(value, Ordering::Relaxed);
}

/// How an isolate, or who answers in its place, counts. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Meter {
    worker: Arc<WorkerCounters>,
    version: Arc<VersionCounters>,
}

impl Meter {
    /// An event ended.
    pub fn event(&self, kind: EventKind, outcome: Outcome, wall: Duration, cpu: Duration) {
        let worker = &self.worker;
        add(&worker.events[kind as usize], 1);
        add(&worker.outcomes[outcome_index(outcome)], 1);
        worker.wall.record(wall);
        worker.cpu.record(cpu);
        add(&self.version.events, 1);
        if is_error(outcome) {
            add(&self.version.errors, 1);
        }
    }

    /// A response left with this status.
    pub fn status(&self, status: u16) {
        let class = usize::from(status / 100).clamp(1, 5) - 1;
        add(&self.worker.statuses[class], 1);
    }

    /// The Worker asked somebody.
    pub fn subrequest(&self) {
        add(&self.worker.subrequests, 1);
    }

    /// The Worker read or wrote.
    pub fn operation(&self, operation: Operation) {
        add(&self.worker.operations[operation as usize], 1);
    }

    /// What the Worker did came to this.
    pub fn amount(&self, amount: Amount, count: u64) {
        add(&self.worker.amounts[amount as usize], count);
    }

    /// An isolate of the version is ready, after `cold_start`.
    pub fn isolate(&self, cold_start: Duration) -> IsolateGauge {
        self.worker.cold_starts.record(cold_start);
        self.worker.isolates.fetch_add(1, Ordering::Relaxed);
        self.version.isolates.fetch_add(1, Ordering::Relaxed);
        IsolateGauge { meter: self.clone(), memory_bytes: AtomicI64::new(0) }
    }

    /// A WebSocket opened; it is open until this is dropped.
    pub fn websocket(&self) -> WebSocketGauge {
        self.worker.websockets.fetch_add(1, Ordering::Relaxed);
        WebSocketGauge(self.worker.clone())
    }
}

/// An isolate that is there until this is dropped.
#[derive(Debug)]
pub struct IsolateGauge {
    meter: Meter,
    memory_bytes: AtomicI64,
}

impl IsolateGauge {
    /// Says how much memory the isolate holds now.
    pub fn set_memory(&self, bytes: u64) {
        let now = i64::try_from(bytes).unwrap_or(i64::MAX);
        let before = self.memory_bytes.swap(now, Ordering::Relaxed);
        self.meter.worker.memory_bytes.fetch_add(now - before, Ordering::Relaxed);
    }
}

impl Drop for IsolateGauge {
    fn drop(&mut self) {
        self.set_memory(0);
        self.meter.worker.isolates.fetch_sub(1, Ordering::Relaxed);
        self.meter.version.isolates.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A WebSocket that is open until this is dropped.
#[derive(Debug)]
pub struct WebSocketGauge(Arc<WorkerCounters>);

impl Drop for WebSocketGauge {
    fn drop(&mut self) {
        self.0.websockets.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What there is in stores of all accounts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stocks {
    pub queues: Vec<QueueFigures>,
    pub instances: Vec<InstanceFigures>,
}

/// What waits in a queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueFigures {
    pub account: String,
    pub queue: String,
    /// Those that were taken and not settled are among them.
    pub messages: u64,
    /// Of their bodies.
    pub bytes: u64,
}

/// How many instances of a Workflow are at a status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstanceFigures {
    pub account: String,
    pub workflow: String,
    pub status: String,
    pub count: u64,
}

/// What the cache did since the start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CacheFigures {
    /// Times that what was asked for was there.
    pub hits: u64,
    /// Times that it was not.
    pub misses: u64,
    /// Times that it was given though no longer fresh.
    pub stale: u64,
    /// Times that the origin said that it is still right.
    pub revalidated: u64,
    /// Responses that were kept.
    pub stored: u64,
    /// Responses that a Worker deleted.
    pub deleted: u64,
    /// Requests to Workers with a cache before them, by what became of them.
    pub front: [(&'static str, u64); 7],
}

/// The counters of all Workers that did something since the start.
#[derive(Debug)]
pub struct Registry {
    started: u64,
    workers: Mutex<HashMap<(String, String), Arc<WorkerCounters>>>,
    unrouted: AtomicU64,
    dropped_logs: AtomicU64,
    dropped_access_lines: AtomicU64,
    dropped_spans: AtomicU64,
    cache: Mutex<CacheFigures>,
}

impl Registry {
    /// `started`: the present, in seconds since the UNIX epoch.
    pub fn new(started: u64) -> Self {
        Self {
            started,
            workers: Mutex::default(),
            unrouted: AtomicU64::new(0),
            dropped_logs: AtomicU64::new(0),
            dropped_access_lines: AtomicU64::new(0),
            dropped_spans: AtomicU64::new(0),
            cache: Mutex::default(),
        }
    }

    /// What counts for a version of a Worker.
    pub fn meter(&self, account: &str, script: &str, version: &str) -> Meter {
        let worker = self.worker(account, script);
        Meter { version: worker.version(version), worker }
    }

    fn worker(&self, account: &str, script: &str) -> Arc<WorkerCounters> {
        let key = (account.to_owned(), script.to_owned());
        let mut workers = self.workers.lock().unwrap_or_else(PoisonError::into_inner);
        let made = || {
            let (account, script) = (account.to_owned(), script.to_owned());
            Arc::new(WorkerCounters { account, script, ..WorkerCounters::default() })
        };
        workers.entry(key).or_insert_with(made).clone()
    }

    /// So many events of others did not reach the `tail` handler of a Worker.
    pub fn lost_tail_events(&self, account: &str, script: &str, count: u64) {
        let worker = self.worker(account, script);
        add(&worker.amounts[Amount::TailEventsLost as usize], count);
    }

    /// A request came for a host that no Worker has.
    pub fn unrouted(&self) {
        add(&self.unrouted, 1);
    }

    /// So many events were not kept until now, for they came too fast.
    pub fn set_dropped_logs(&self, count: u64) {
        self.dropped_logs.store(count, Ordering::Relaxed);
    }

    /// The same of lines of the access log.
    pub fn set_dropped_access_lines(&self, count: u64) {
        self.dropped_access_lines.store(count, Ordering::Relaxed);
    }

    /// The same of spans of traces.
    pub fn set_dropped_spans(&self, count: u64) {
        self.dropped_spans.store(count, Ordering::Relaxed);
    }

    /// What the cache did until now.
    pub fn set_cache(&self, figures: CacheFigures) {
        *self.cache.lock().unwrap_or_else(PoisonError::into_inner) = figures;
    }

    /// Forgets a Worker that was deleted.
    pub fn forget(&self, account: &str, script: &str) {
        let mut workers = self.workers.lock().unwrap_or_else(PoisonError::into_inner);
        workers.remove(&(account.to_owned(), script.to_owned()));
    }

    /// All Workers, by account and name; of one account if it is given.
    fn sorted(&self, account: Option<&str>) -> Vec<Arc<WorkerCounters>> {
        let workers = self.workers.lock().unwrap_or_else(PoisonError::into_inner);
        let wanted = |worker: &&Arc<WorkerCounters>| account.is_none_or(|it| it == worker.account);
        let mut all: Vec<_> = workers.values().filter(wanted).cloned().collect();
        drop(workers);
        all.sort_by(|a, b| (&a.account, &a.script).cmp(&(&b.account, &b.script)));
        all
    }

    /// What there is to see now; of one account if it is given.
    pub fn figures(&self, account: Option<&str>) -> Figures {
        Figures::of(self.started, &self.sorted(account))
    }

    /// The text that Prometheus reads, with what is in the stores. The `max_workers` Workers with the most
    /// events stand for themselves, all others are one: a label that grows with
    /// the tenants would end the database that collects it.
    pub fn prometheus(&self, max_workers: usize, stocks: &Stocks) -> String {
        let server = prometheus::OfServer {
            unrouted: self.unrouted.load(Ordering::Relaxed),
            dropped_logs: self.dropped_logs.load(Ordering::Relaxed),
            dropped_access_lines: self.dropped_access_lines.load(Ordering::Relaxed),
            dropped_spans: self.dropped_spans.load(Ordering::Relaxed),
            cache: *self.cache.lock().unwrap_or_else(PoisonError::into_inner),
        };
        prometheus::text(&self.figures(None), &server, stocks, max_workers)
    }
}
