//! Tail Workers: what happened in a Worker is told to the `tail` handlers of its
//! `tail_consumers`.
//!
//! The Worker whose events they are waits for nothing: an event is put into the line of
//! each consumer, and what does not fit there is lost, and counted. A line hands over
//! all that waits in it at once, so a consumer that is slow gets longer lists.

mod producer;

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use selvedge_deployments::WorkerKey;
use selvedge_runtime::ServiceTarget;
use selvedge_runtime::worker::{Tail, TailKind};
use serde_json::{Value, json};
use tokio::sync::{Semaphore, mpsc};

use crate::handler_call;
use crate::host::trace::{TraceEvent, TraceItem, TraceSink};
use crate::log::Log;
use crate::metrics::Registry;
use crate::switchboard::Switchboard;

pub(crate) use producer::Producer;
use producer::STREAMS;

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
    pub(crate) kind: TailKind,
}

/// Consumers that a Worker was given by who loaded it.
#[derive(Clone)]
pub(crate) struct OwnTails(Arc<[(TailKind, Arc<Line>)]>);

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
    caller: Arc<Caller>,
    /// Of calls of `tailStream()`.
    streams: Arc<Semaphore>,
}

impl Line {
    /// What takes its events goes on until nobody has the line any more.
    fn start(caller: Caller) -> Arc<Self> {
        let (events, waiting) = mpsc::channel(WAITING_EVENTS);
        let caller = Arc::new(caller);
        let line = Arc::new(Self {
            events,
            bytes: AtomicUsize::new(0),
            caller: caller.clone(),
            streams: Arc::new(Semaphore::new(STREAMS)),
        });
        let runtime = caller.runtime.clone();
        runtime.spawn(hand_over(waiting, Arc::downgrade(&line), caller));
        line
    }

    /// Takes an event, unless too much waits.
    fn take(&self, item: &Arc<TraceItem>) {
        let before = self.bytes.fetch_add(item.bytes, Ordering::Relaxed);
        if before > WAITING_BYTES || self.events.try_send(item.clone()).is_err() {
            self.bytes.fetch_sub(item.bytes, Ordering::Relaxed);
            self.caller.lost(1);
        }
    }

    /// Begins a call of `tailStream()`, unless too many go on.
    fn stream(&self, worker: &WorkerKey) -> Option<Producer> {
        let Ok(permit) = self.streams.clone().try_acquire_owned() else {
            self.caller.lost(1);
            return None;
        };
        Some(Producer::start(self.caller.clone(), permit, worker))
    }
}

impl OwnTails {
    /// An event is over.
    pub(crate) fn item(&self, item: &Arc<TraceItem>) {
        let of_tail = self.0.iter().filter(|(kind, _)| *kind == TailKind::Tail);
        of_tail.for_each(|(_, line)| line.take(item));
    }

    /// Begins to tell of an event of the Worker.
    pub(crate) fn followers(&self, worker: &WorkerKey) -> Vec<Producer> {
        let of_stream = self.0.iter().filter(|(kind, _)| *kind == TailKind::Stream);
        of_stream.filter_map(|(_, line)| line.stream(worker)).collect()
    }
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
        let target = handler_call::target(&consumer.worker);
        let line = Line::start(self.caller(consumer.key.clone(), target));
        lines.insert(consumer.worker.clone(), line.clone());
        line
    }

    fn caller(&self, counted: WorkerKey, target: Arc<ServiceTarget>) -> Caller {
        Caller {
            switchboard: self.switchboard.clone(),
            log: self.log.clone(),
            registry: self.registry.clone(),
            runtime: self.runtime.clone(),
            counted,
            target,
        }
    }

    /// Consumers of a Worker that was loaded at run time; what they lose is counted under
    /// the name of this one.
    pub(crate) fn own(&self, counted: &WorkerKey, tails: &[Tail]) -> Option<OwnTails> {
        let line = |tail: &Tail| {
            let target = ServiceTarget { for_handler: true, ..ServiceTarget::clone(&tail.target) };
            (tail.kind, Line::start(self.caller(counted.clone(), Arc::new(target))))
        };
        (!tails.is_empty()).then(|| OwnTails(tails.iter().map(line).collect()))
    }
}

impl TraceSink for TailConsumers {
    fn wants(&self, worker: &WorkerKey) -> bool {
        self.of(worker).is_some()
    }

    fn wants_spans(&self) -> bool {
        false
    }

    fn followers(&self, worker: &WorkerKey) -> Vec<Producer> {
        self.streams_of(worker)
    }

    fn item(&self, item: &Arc<TraceItem>) {
        // What a tail handler does is told to nobody's tail handler: it might be its own.
        if matches!(item.event, TraceEvent::Tail { .. }) {
            return;
        }
        let Ok(key) = WorkerKey::parse(item.account.clone(), &item.script) else { return };
        let consumers = self.of(&key);
        let of_tail = |consumer: &&Consumer| consumer.kind == TailKind::Tail;
        for consumer in consumers.iter().flat_map(|all| all.iter()).filter(of_tail) {
            self.line(consumer).take(item);
        }
    }
}

impl TailConsumers {
    /// Begins a call of each consumer that is told of events while they go on.
    fn streams_of(&self, worker: &WorkerKey) -> Vec<Producer> {
        let Some(consumers) = self.of(worker) else { return Vec::new() };
        let of_stream = consumers.iter().filter(|consumer| consumer.kind == TailKind::Stream);
        of_stream.filter_map(|consumer| self.line(consumer).stream(worker)).collect()
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
    runtime: tokio::runtime::Handle,
    /// Under whose name it is counted what is lost.
    counted: WorkerKey,
    /// Whose handler it is.
    target: Arc<ServiceTarget>,
}

impl Caller {
    /// Counts events that the consumer did not get.
    fn lost(&self, count: u64) {
        let WorkerKey { account, name } = &self.counted;
        self.registry.lost_tail_events(account.as_str(), name, count);
    }

    async fn call(&self, batch: &[Arc<TraceItem>]) {
        let scripts: Vec<_> = batch.iter().map(|item| script_name(&item.script)).collect();
        let query = format!("?scripts={}", handler_call::encoded(&scripts.join(",")));
        let call = async {
            let stream =
                self.switchboard.connect(&self.target).map_err(|error| error.to_string())?;
            handler_call::call(stream, "tail", &query, body(batch)).await
        };
        let answer = tokio::time::timeout(PATIENCE, call).await;
        let answer = answer.unwrap_or_else(|_| Err("it took too long".to_owned()));
        if let Err(error) = answer {
            self.lost(batch.len() as u64);
            let (count, worker) = (batch.len(), &self.target.service);
            self.log
                .warn(&format!("{count} events did not reach the tail Worker {worker}: {error}"));
        }
    }
}

/// The events as `js/trace_items.js` takes them.
fn body(batch: &[Arc<TraceItem>]) -> Bytes {
    let traces: Vec<Value> = batch.iter().map(|item| told(item)).collect();
    json!({ "isOwn": true, "traces": traces }).to_string().into()
}

/// The name of a Worker without that of its dispatch namespace, or of the one that loaded
/// it.
pub(crate) fn script_name(script: &str) -> &str {
    let name = script.split_once('/').map_or(script, |(_, name)| name);
    name.split_once(" (loaded ").map_or(name, |(name, _)| name)
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
        TraceEvent::Email { .. } => "email",
        TraceEvent::Tail { .. } => "tail",
    };
    let mut told = item.to_json();
    // All that JSON cannot say of it, and errors beside their texts.
    let logs = item.logs.iter().map(|log| {
        json!({
            "message": log.message,
            "level": log.level,
            "timestamp": log.timestamp,
            "errorInfo": log.errors,
        })
    });
    told["logs"] = logs.collect();
    let published = item.published.iter().map(|message| {
        let bytes = BASE64_STANDARD.encode(&message.bytes);
        json!({ "channel": message.channel, "message": bytes, "timestamp": message.timestamp })
    });
    told["diagnosticsChannelEvents"] = published.collect();
    told["scriptName"] = script_name(&item.script).into();
    json!({ "kind": kind, "item": told })
}
