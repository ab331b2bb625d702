//! What happens in Workers, for those who want to know: tails, logs, traces. An
//! event is followed only while somebody does; counters are kept of all.

mod follow;
pub(crate) mod ids;
mod json;
mod made;
mod stream;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use arc_swap::ArcSwap;
use bytes::Bytes;
use selvedge_deployments::{AccountId, VersionId, WorkerKey};
use selvedge_runtime::{EventTrace, InnerPlace, Outcome, SpanNumber, SpanValue};
use serde_json::Value;
use tokio::sync::mpsc;

use super::answer::Trouble;
use super::slot::Slot;
use crate::metrics::{EventKind, Meter, Registry};
use crate::serve::ThreadEvent;
use crate::tails::{OwnTails, Producer};
use follow::Follow;
pub(crate) use stream::dropped;

/// Events that wait for a slow reader of a tail; more are dropped.
const TAIL_EVENTS: usize = 256;

/// One event of a Worker, when it is over.
#[derive(Debug, Clone)]
pub struct TraceItem {
    pub account: AccountId,
    pub script: Arc<str>,
    pub version: Option<VersionId>,
    /// What its deployer calls it.
    pub tags: Arc<[String]>,
    /// The dispatch namespace that it is in.
    pub namespace: Option<Arc<str>>,
    /// The export that took it; `None`: the default one.
    pub entrypoint: Option<Arc<str>>,
    /// The id of the Durable Object that took it.
    pub object: Option<Arc<str>>,
    pub outcome: Outcome,
    pub event: TraceEvent,
    pub exceptions: Vec<TraceException>,
    pub logs: Vec<TraceLog>,
    pub published: Vec<TracePublished>,
    /// When it began; Unix time in milliseconds.
    pub event_timestamp: u64,
    pub cpu_time: Duration,
    /// To the end of `waitUntil`.
    pub wall_time: Duration,
    /// Names the event in logs and traces.
    pub request_id: String,
    pub subrequests: u32,
    /// Whether logs were left out because there were too many.
    pub truncated: bool,
    /// About how much memory its texts have.
    pub bytes: usize,
    /// What it waited for, where somebody collects that.
    pub spans: Vec<TraceSpan>,
    pub(crate) ids: ids::Ids,
}

/// A part of an event.
#[derive(Debug, Clone, PartialEq)]
pub struct TraceSpan {
    pub number: SpanNumber,
    /// The part that it belongs to; 0: the event as a whole.
    pub parent: SpanNumber,
    pub name: Cow<'static, str>,
    /// From the event's begin.
    pub after: Duration,
    pub took: Duration,
    pub attributes: Vec<(Cow<'static, str>, SpanValue)>,
    pub failed: bool,
}

/// What happened.
#[derive(Debug, Clone)]
pub enum TraceEvent {
    Fetch {
        method: String,
        url: String,
        headers: Vec<(String, String)>,
        cf: Value,
        client_ip: Option<String>,
        /// `None`: there was no response.
        status: Option<u16>,
    },
    Scheduled {
        cron: String,
        /// Unix time in milliseconds.
        scheduled_time: u64,
    },
    Alarm {
        /// Unix time in milliseconds.
        scheduled_time: u64,
    },
    Rpc {
        method: String,
    },
    WebSocket {
        /// `message`, `close` or `error`.
        kind: String,
        /// Of a `close`: its code, and whether both sides closed.
        close: Option<(u16, bool)>,
    },
    /// A connection.
    Connect,
    /// Messages of a queue.
    Queue {
        queue: String,
        batch_size: u32,
    },
    /// A message that came in.
    Email {
        from: String,
        to: String,
        /// Bytes of it as it came.
        raw_size: u64,
    },
    /// Events of other Workers, by the names of those.
    Tail {
        consumed: Vec<String>,
    },
}

/// An exception that nobody caught.
#[derive(Debug, Clone)]
pub struct TraceException {
    pub name: String,
    pub message: String,
    pub stack: Option<String>,
    /// Unix time in milliseconds.
    pub timestamp: u64,
}

/// A call of the console.
#[derive(Debug, Clone)]
pub struct TraceLog {
    pub level: &'static str,
    /// An array.
    pub message: Value,
    /// What is known of the errors in it: an array as long, or nothing.
    pub errors: Option<Value>,
    /// Unix time in milliseconds.
    pub timestamp: u64,
}

/// A message of `node:diagnostics_channel`.
#[derive(Debug, Clone)]
pub struct TracePublished {
    pub channel: String,
    /// It as far as JSON can say it.
    pub message: Value,
    /// All of it, as V8 serializes values.
    pub bytes: Bytes,
    /// Unix time in milliseconds.
    pub timestamp: u64,
}

/// Whose events they are.
#[derive(Clone)]
pub(crate) struct Source {
    pub(crate) key: WorkerKey,
    pub(crate) version: Option<VersionId>,
    /// Who is told beside those that the server knows of.
    pub(crate) own: Option<OwnTails>,
}

/// Takes items. It must not block.
pub(crate) trait TraceSink: Send + Sync {
    /// Whether events of this Worker are wanted. Asked for each event.
    fn wants(&self, worker: &WorkerKey) -> bool;

    /// Whether the parts of events are wanted, too.
    fn wants_spans(&self) -> bool;

    /// An event is over.
    fn item(&self, item: &Arc<TraceItem>);

    /// Who wants to know of a Worker's event while it goes on.
    fn followers(&self, worker: &WorkerKey) -> Vec<Producer>;
}

/// Who wants to know, and the counters.
pub struct Traces {
    registry: Arc<Registry>,
    sinks: ArcSwap<Vec<Arc<dyn TraceSink>>>,
    tails: Mutex<Tails>,
    has_tails: AtomicBool,
    has_spans: AtomicBool,
    tags: RwLock<HashMap<WorkerKey, Arc<[String]>>>,
}

type Tails = HashMap<WorkerKey, Vec<mpsc::Sender<Arc<Value>>>>;

impl Traces {
    /// Nobody does yet.
    pub fn new(registry: Arc<Registry>) -> Arc<Self> {
        let (sinks, tails) = (ArcSwap::default(), Mutex::default());
        let (has_tails, has_spans) = (AtomicBool::new(false), AtomicBool::new(false));
        let tags = RwLock::default();
        Arc::new(Self { registry, sinks, tails, has_tails, has_spans, tags })
    }

    /// What a Worker's deployer calls it from now on.
    pub(crate) fn set_tags(&self, worker: &WorkerKey, tags: &[String]) {
        let mut all = self.tags.write().unwrap_or_else(PoisonError::into_inner);
        match tags {
            [] => drop(all.remove(worker)),
            tags => drop(all.insert(worker.clone(), tags.into())),
        }
    }

    fn tags(&self, worker: &WorkerKey) -> Arc<[String]> {
        let all = self.tags.read().unwrap_or_else(PoisonError::into_inner);
        all.get(worker).cloned().unwrap_or_default()
    }

    /// The counters of all Workers.
    pub fn registry(&self) -> &Arc<Registry> {
        &self.registry
    }

    /// One more who wants to know.
    pub(crate) fn add_sink(&self, sink: Arc<dyn TraceSink>) {
        self.has_spans.fetch_or(sink.wants_spans(), Ordering::Relaxed);
        self.sinks.rcu(|sinks| {
            let mut sinks = Vec::clone(sinks);
            sinks.push(sink.clone());
            sinks
        });
    }

    fn tails(&self) -> std::sync::MutexGuard<'_, Tails> {
        self.tails.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The events of a Worker from now on, until the receiver is dropped. Those
    /// that do not fit are dropped.
    pub fn tail(&self, worker: &WorkerKey) -> mpsc::Receiver<Arc<Value>> {
        let (sender, receiver) = mpsc::channel(TAIL_EVENTS);
        let mut tails = self.tails();
        tails.entry(worker.clone()).or_default().push(sender);
        self.has_tails.store(true, Ordering::Relaxed);
        receiver
    }

    fn is_tailed(&self, worker: &WorkerKey) -> bool {
        if !self.has_tails.load(Ordering::Relaxed) {
            return false;
        }
        let mut tails = self.tails();
        let Some(of_worker) = tails.get_mut(worker) else { return false };
        of_worker.retain(|tail| !tail.is_closed());
        if !of_worker.is_empty() {
            return true;
        }
        tails.remove(worker);
        self.has_tails.store(!tails.is_empty(), Ordering::Relaxed);
        false
    }

    /// Whether somebody wants to know of a Worker's events.
    pub fn wants(&self, worker: &WorkerKey) -> bool {
        self.sinks.load().iter().any(|sink| sink.wants(worker)) || self.is_tailed(worker)
    }

    /// An event is over.
    pub(crate) fn emit(&self, source: &Source, item: TraceItem) {
        let (key, item) = (&source.key, Arc::new(item));
        // What a tail handler does is told to nobody's tail handler: it might be its own.
        if let Some(own) = &source.own
            && !matches!(item.event, TraceEvent::Tail { .. })
        {
            own.item(&item);
        }
        for sink in self.sinks.load().iter().filter(|sink| sink.wants(key)) {
            sink.item(&item);
        }
        if !self.is_tailed(key) {
            return;
        }
        let json = Arc::new(item.to_json());
        if let Some(tails) = self.tails().get(key) {
            for tail in tails {
                let _ = tail.try_send(json.clone());
            }
        }
    }

    /// What counts for a version.
    pub(crate) fn meter(&self, slot: &Slot) -> Meter {
        let version = slot.version.to_string();
        self.registry.meter(slot.key.account.as_str(), &slot.key.name, &version)
    }

    /// Follows an event if somebody wants to know of it.
    pub(crate) fn follow(
        self: &Arc<Self>,
        source: &Source,
        place: &InnerPlace<'_>,
        event: impl FnOnce() -> TraceEvent,
    ) -> Option<Box<dyn EventTrace>> {
        if source.own.is_none() && !self.wants(&source.key) {
            return None;
        }
        Some(Box::new(Follow::new(self.clone(), source, place, event())))
    }

    /// Who wants to know of a Worker's event while it goes on.
    fn followers(&self, source: &Source) -> Vec<Producer> {
        let sinks = self.sinks.load();
        let of_sinks = sinks.iter().flat_map(|sink| sink.followers(&source.key));
        of_sinks.chain(source.own.iter().flat_map(|own| own.followers(&source.key))).collect()
    }

    /// An event that no isolate took.
    pub(crate) fn refused(&self, slot: &Slot, event: &ThreadEvent, trouble: &Trouble) {
        let outcome = match trouble {
            Trouble::NotStarted(failure) => failure.outcome,
            _ => Outcome::LoadShed,
        };
        let kind = match event {
            ThreadEvent::Scheduled(..) => EventKind::Scheduled,
            ThreadEvent::Alarm(_) => EventKind::Alarm,
            ThreadEvent::Rpc(..) => EventKind::Rpc,
            ThreadEvent::Socket(_) => EventKind::Connect,
            _ => EventKind::Fetch,
        };
        let meter = self.meter(slot);
        meter.event(kind, outcome, Duration::ZERO, Duration::ZERO);
    }

    /// A request that is for no Worker.
    pub(crate) fn nobody(&self, trouble: &Trouble) {
        if matches!(trouble, Trouble::Nobody) {
            self.registry.unrouted();
        }
    }
}

/// Unix time in milliseconds.
pub(crate) fn now_millis() -> u64 {
    selvedge_runtime::log::unix_millis() as u64
}
