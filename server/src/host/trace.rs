//! What happens in Workers, for those who want to know: tails, logs, traces. An
//! event is followed only while somebody does; counters are kept of all.

mod follow;
mod made;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use selvedge_deployments::{AccountId, VersionId, WorkerKey};
use selvedge_runtime::{EventTrace, InnerPlace, Outcome};
use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::answer::Trouble;
use super::slot::Slot;
use crate::metrics::{EventKind, Meter, Registry};
use crate::serve::ThreadEvent;
use follow::Follow;

/// Events that wait for a slow reader of a tail; more are dropped.
const TAIL_EVENTS: usize = 256;

/// One event of a Worker, when it is over.
#[derive(Debug, Clone)]
pub struct TraceItem {
    pub account: AccountId,
    pub script: Arc<str>,
    pub version: Option<VersionId>,
    /// The export that took it; `None`: the default one.
    pub entrypoint: Option<Arc<str>>,
    /// The id of the Durable Object that took it.
    pub object: Option<Arc<str>>,
    pub outcome: Outcome,
    pub event: TraceEvent,
    pub exceptions: Vec<TraceException>,
    pub logs: Vec<TraceLog>,
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
}

/// A part of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceSpan {
    pub name: &'static str,
    /// From the event's begin.
    pub after: Duration,
    pub took: Duration,
    pub attributes: Vec<(&'static str, String)>,
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
    /// Unix time in milliseconds.
    pub timestamp: u64,
}

/// Whose events they are.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    pub(crate) key: WorkerKey,
    pub(crate) version: Option<VersionId>,
}

/// Takes items. It must not block.
pub trait TraceSink: Send + Sync {
    /// Whether events of this Worker are wanted. Asked for each event.
    fn wants(&self, worker: &WorkerKey) -> bool;

    /// Whether the parts of events are wanted, too.
    fn wants_spans(&self) -> bool;

    /// An event is over.
    fn item(&self, item: &Arc<TraceItem>);
}

impl TraceItem {
    /// The JSON that tails send.
    pub fn to_json(&self) -> Value {
        let exceptions: Vec<_> = self.exceptions.iter().map(TraceException::to_json).collect();
        let logs: Vec<_> = self.logs.iter().map(TraceLog::to_json).collect();
        json!({
            "outcome": self.outcome.as_str(),
            "scriptName": &*self.script,
            "entrypoint": self.entrypoint.as_deref(),
            "scriptVersion": self.version.map(|id| json!({ "id": id.to_string() })),
            "exceptions": exceptions,
            "logs": logs,
            "eventTimestamp": self.event_timestamp,
            "cpuTime": self.cpu_time.as_millis() as u64,
            "wallTime": self.wall_time.as_millis() as u64,
            "truncated": self.truncated,
            "executionModel": if self.object.is_some() { "durableObject" } else { "stateless" },
            "durableObjectId": self.object.as_deref(),
            "requestId": self.request_id,
            "diagnosticsChannelEvents": [],
            "event": self.event.to_json(),
        })
    }
}

impl TraceEvent {
    fn to_json(&self) -> Value {
        match self {
            Self::Fetch { method, url, headers, cf, status, .. } => {
                let mut map = serde_json::Map::new();
                for (name, value) in headers {
                    match map.get_mut(name) {
                        Some(Value::String(before)) => {
                            before.push_str(", ");
                            before.push_str(value);
                        }
                        _ => {
                            map.insert(name.clone(), Value::String(value.clone()));
                        }
                    }
                }
                json!({
                    "request": { "url": url, "method": method, "headers": map, "cf": cf },
                    "response": status.map(|status| json!({ "status": status })),
                })
            }
            Self::Scheduled { cron, scheduled_time } => {
                json!({ "cron": cron, "scheduledTime": scheduled_time })
            }
            Self::Alarm { scheduled_time } => {
                json!({ "scheduledTime": crate::log::rfc3339(*scheduled_time) })
            }
            Self::Rpc { method } => json!({ "rpcMethod": method }),
            Self::WebSocket { kind, close } => {
                let mut event = json!({ "webSocketEventType": kind });
                if let Some((code, was_clean)) = close {
                    event["code"] = json!(code);
                    event["wasClean"] = json!(was_clean);
                }
                json!({ "getWebSocketEvent": event })
            }
            Self::Connect => json!({}),
            Self::Queue { queue, batch_size } => {
                json!({ "queue": queue, "batchSize": batch_size })
            }
            Self::Tail { consumed } => {
                let events: Vec<_> =
                    consumed.iter().map(|name| json!({ "scriptName": name })).collect();
                json!({ "consumedEvents": events })
            }
        }
    }

    /// How it counts.
    pub fn kind(&self) -> EventKind {
        match self {
            Self::Fetch { .. } => EventKind::Fetch,
            Self::Scheduled { .. } => EventKind::Scheduled,
            Self::Alarm { .. } => EventKind::Alarm,
            Self::Rpc { .. } => EventKind::Rpc,
            Self::WebSocket { .. } => EventKind::WebSocket,
            Self::Connect => EventKind::Connect,
            Self::Queue { .. } => EventKind::Fetch,
            Self::Tail { .. } => EventKind::Tail,
        }
    }
}

impl TraceException {
    fn to_json(&self) -> Value {
        let Self { name, message, stack, timestamp } = self;
        json!({ "name": name, "message": message, "stack": stack, "timestamp": timestamp })
    }
}

impl TraceLog {
    fn to_json(&self) -> Value {
        json!({ "message": self.message, "level": self.level, "timestamp": self.timestamp })
    }
}

/// Who wants to know, and the counters.
pub struct Traces {
    registry: Arc<Registry>,
    sinks: ArcSwap<Vec<Arc<dyn TraceSink>>>,
    tails: Mutex<Tails>,
    has_tails: AtomicBool,
    has_spans: AtomicBool,
}

type Tails = HashMap<WorkerKey, Vec<mpsc::Sender<Arc<Value>>>>;

impl Traces {
    /// Nobody does yet.
    pub fn new(registry: Arc<Registry>) -> Arc<Self> {
        let (sinks, tails) = (ArcSwap::default(), Mutex::default());
        let (has_tails, has_spans) = (AtomicBool::new(false), AtomicBool::new(false));
        Arc::new(Self { registry, sinks, tails, has_tails, has_spans })
    }

    /// The counters of all Workers.
    pub fn registry(&self) -> &Arc<Registry> {
        &self.registry
    }

    /// One more who wants to know.
    pub fn add_sink(&self, sink: Arc<dyn TraceSink>) {
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
    pub fn emit(&self, key: &WorkerKey, item: TraceItem) {
        let item = Arc::new(item);
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
        if !self.wants(&source.key) {
            return None;
        }
        Some(Box::new(Follow::new(self.clone(), source, place, event())))
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
