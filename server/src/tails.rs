//! Tail Workers: what happened in a Worker is told to the `tail` handlers of its
//! `tail_consumers`.
//!
//! The Worker whose events they are waits for nothing: an event is put into the line of
//! each consumer, and what does not fit there is lost, and counted. A line hands over
//! all that waits in it at once, so a consumer that is slow gets longer lists.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use bytes::Bytes;
use selvedge_deployments::WorkerKey;
use serde_json::{Value, json};
use tokio::sync::{Semaphore, mpsc};

use crate::handler_call;
use crate::host::trace::{TraceEvent, TraceItem, TraceSink};
use crate::log::Log;
use crate::metrics::Registry;
use crate::switchboard::Switchboard;

/// Events that wait for one consumer.
const WAITING_EVENTS: usize = 1000;
/// Text of them: 16 MiB.
const WAITING_BYTES: usize = 16 << 20;
/// Events in one call.
const BATCH: usize = 100;
/// Calls of one consumer at the same time.
const CALLS: usize = 4;
/// A handler that takes longer is given up.
const PATIENCE: Duration = Duration::from_secs(60);

/// A consumer of a Worker's events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Consumer {
    pub(crate) key: WorkerKey,
    /// The name that it has in the process.
    pub(crate) worker: String,
}

/// All consumers of the process.
pub(crate) struct TailConsumers {
    switchboard: Arc<Switchboard>,
    log: Arc<Log>,
    registry: Arc<Registry>,
    /// Where calls are made.
    runtime: tokio::runtime::Handle,
    /// Whether a Worker has any: few do, and each event asks.
    has_some: AtomicBool,
    consumers: RwLock<HashMap<WorkerKey, Arc<[Consumer]>>>,
    /// By the name in the process.
    lines: Mutex<HashMap<String, Arc<Line>>>,
}

impl fmt::Debug for TailConsumers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TailConsumers").finish_non_exhaustive()
    }
}

/// What waits for one consumer.
struct Line {
    events: mpsc::Sender<Arc<TraceItem>>,
    bytes: AtomicUsize,
}

impl TailConsumers {
    /// No Worker has any yet. To be called on a tokio runtime, which makes the calls.
    pub(crate) fn new(
        switchboard: Arc<Switchboard>,
        log: Arc<Log>,
        registry: Arc<Registry>,
    ) -> Arc<Self> {
        Arc::new(Self {
            switchboard,
            log,
            registry,
            runtime: tokio::runtime::Handle::current(),
            has_some: AtomicBool::new(false),
            consumers: RwLock::default(),
            lines: Mutex::default(),
        })
    }

    /// Who gets the events of a Worker from now on.
    pub(crate) fn set(&self, worker: &WorkerKey, consumers: Vec<Consumer>) {
        let mut all = self.consumers.write().unwrap_or_else(PoisonError::into_inner);
        match consumers.is_empty() {
            true => drop(all.remove(worker)),
            false => drop(all.insert(worker.clone(), consumers.into())),
        }
        self.has_some.store(!all.is_empty(), Ordering::Relaxed);
        // What waits still arrives; a line without a sender ends behind it.
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines.retain(|name, _| all.values().any(|of| of.iter().any(|it| it.worker == *name)));
    }

    fn of(&self, worker: &WorkerKey) -> Option<Arc<[Consumer]>> {
        if !self.has_some.load(Ordering::Relaxed) {
            return None;
        }
        self.consumers.read().unwrap_or_else(PoisonError::into_inner).get(worker).cloned()
    }

    fn line(&self, consumer: &Consumer) -> Arc<Line> {
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(line) = lines.get(&consumer.worker) {
            return line.clone();
        }
        let (events, waiting) = mpsc::channel(WAITING_EVENTS);
        let line = Arc::new(Line { events, bytes: AtomicUsize::new(0) });
        let caller = Caller {
            switchboard: self.switchboard.clone(),
            log: self.log.clone(),
            registry: self.registry.clone(),
            consumer: consumer.clone(),
        };
        self.runtime.spawn(hand_over(waiting, Arc::downgrade(&line), Arc::new(caller)));
        lines.insert(consumer.worker.clone(), line.clone());
        line
    }
}

impl TraceSink for TailConsumers {
    fn wants(&self, worker: &WorkerKey) -> bool {
        self.of(worker).is_some()
    }

    fn wants_spans(&self) -> bool {
        false
    }

    fn item(&self, item: &Arc<TraceItem>) {
        // What a tail handler does is told to nobody's tail handler: it might be its own.
        if matches!(item.event, TraceEvent::Tail { .. }) {
            return;
        }
        let Ok(key) = WorkerKey::parse(item.account.clone(), &item.script) else { return };
        for consumer in self.of(&key).iter().flat_map(|consumers| consumers.iter()) {
            let line = self.line(consumer);
            let before = line.bytes.fetch_add(item.bytes, Ordering::Relaxed);
            if before > WAITING_BYTES || line.events.try_send(item.clone()).is_err() {
                line.bytes.fetch_sub(item.bytes, Ordering::Relaxed);
                lost(&self.registry, consumer, 1);
            }
        }
    }
}

/// Hands over what comes in, until nobody can send any more.
async fn hand_over(
    mut waiting: mpsc::Receiver<Arc<TraceItem>>,
    line: std::sync::Weak<Line>,
    caller: Arc<Caller>,
) {
    let calls = Arc::new(Semaphore::new(CALLS));
    loop {
        let Ok(permit) = calls.clone().acquire_owned().await else { return };
        let mut batch = Vec::new();
        if waiting.recv_many(&mut batch, BATCH).await == 0 {
            return;
        }
        let bytes = batch.iter().map(|item| item.bytes).sum();
        if let Some(line) = line.upgrade() {
            line.bytes.fetch_sub(bytes, Ordering::Relaxed);
        }
        let caller = caller.clone();
        tokio::spawn(async move {
            caller.call(&batch).await;
            drop(permit);
        });
    }
}

/// Calls one consumer.
struct Caller {
    switchboard: Arc<Switchboard>,
    log: Arc<Log>,
    registry: Arc<Registry>,
    consumer: Consumer,
}

impl Caller {
    async fn call(&self, batch: &[Arc<TraceItem>]) {
        let scripts: Vec<_> = batch.iter().map(|item| &*item.script).collect();
        let query = format!("?scripts={}", handler_call::encoded(&scripts.join(",")));
        let call = async {
            let target = handler_call::target(&self.consumer.worker);
            let stream = self.switchboard.connect(&target).map_err(|error| error.to_string())?;
            handler_call::call(stream, "tail", &query, body(batch)).await
        };
        let answer = tokio::time::timeout(PATIENCE, call).await;
        let answer = answer.unwrap_or_else(|_| Err("it took too long".to_owned()));
        if let Err(error) = answer {
            lost(&self.registry, &self.consumer, batch.len() as u64);
            let (count, worker) = (batch.len(), &self.consumer.worker);
            self.log
                .warn(&format!("{count} events did not reach the tail Worker {worker}: {error}"));
        }
    }
}

/// Counts events that a consumer did not get.
fn lost(registry: &Registry, consumer: &Consumer, count: u64) {
    registry.lost_tail_events(consumer.key.account.as_str(), &consumer.key.name, count);
}

/// The events as `js/trace_items.js` takes them.
fn body(batch: &[Arc<TraceItem>]) -> Bytes {
    let traces: Vec<Value> = batch.iter().map(|item| told(item)).collect();
    json!({ "isOwn": true, "traces": traces }).to_string().into()
}

fn told(item: &TraceItem) -> Value {
    let kind = match &item.event {
        TraceEvent::Fetch { .. } => "fetch",
        TraceEvent::Scheduled { .. } => "scheduled",
        TraceEvent::Alarm { .. } => "alarm",
        TraceEvent::Rpc { .. } => "rpc",
        TraceEvent::Connect => "connect",
        TraceEvent::Queue { .. } => "queue",
        TraceEvent::WebSocket { .. } => "websocket",
        TraceEvent::Tail { .. } => "tail",
    };
    json!({ "kind": kind, "item": item.to_json() })
}
