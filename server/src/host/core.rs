//! What all threads of the server share, and how an event gets to an isolate.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwap;
use http::StatusCode;
use selvedge_deployments::{AccountId, DeploymentStore, VersionId, WorkerKey};
use selvedge_runtime::outbound::{OutboundError, ServiceTarget};
use selvedge_runtime::{Failure, IsolatePool, Services};
use tokio::sync::{mpsc, watch};

use super::answer::Trouble;
use super::deployed::Deployed;
use super::ingress::ToIngress;
use super::limits::Gauge;
use super::loaded::HostRuns;
use super::route::{self, Asking, Destination, Routes};
use super::settings::Settings;
use super::slot::{Delivery, Slot, Undelivered};
use super::trace::Traces;
use crate::access_log::{AccessLog, Entry};
use crate::alarms::Alarms;
use crate::backends::Backends;
use crate::edge::Facts;
use crate::http1::{Peeked, peek};
use crate::kept_events::KeptEvents;
use crate::loaded::Guests;
use crate::log::Log;
use crate::moving::Moved;
use crate::otlp::Otlp;
use crate::queues::Consumers;
use crate::serve::{Shared, ThreadEvent};
use crate::switchboard::{Absent, Switchboard};
use crate::tails::TailConsumers;

/// A connection that was sent on so often without an answer goes in circles.
const MOST_HOPS: u8 = 8;

/// What all threads share.
pub(crate) struct Core {
    pub(crate) store: Arc<dyn DeploymentStore>,
    pub(crate) settings: Settings,
    pub(crate) log: Arc<Log>,
    pub(crate) access_log: Option<Arc<AccessLog>>,
    pub(crate) otlp: Option<Arc<Otlp>>,
    pub(crate) traces: Arc<Traces>,
    pub(crate) kept: Arc<KeptEvents>,
    pub(crate) tails: Arc<TailConsumers>,
    pub(crate) routes: Arc<ArcSwap<Routes>>,
    /// Held while the table is changed.
    pub(crate) changing: tokio::sync::Mutex<()>,
    pub(crate) backends: Backends,
    pub(crate) switchboard: Arc<Switchboard>,
    pub(crate) alarms: Arc<Alarms>,
    pub(crate) consumers: Arc<Consumers>,
    /// Workers that were loaded at run time.
    pub(crate) guests: Arc<Guests>,
    /// What isolates are made with.
    pub(crate) services: Services,
    /// By the memory that an isolate may use.
    pools: Mutex<HashMap<usize, Arc<IsolatePool>>>,
    /// All Workers.
    workers: Mutex<HashMap<WorkerKey, Arc<Deployed>>>,
    /// Versions that are only reached by a host of their own.
    previews: Mutex<HashMap<(WorkerKey, VersionId), Arc<Slot>>>,
    /// Slots that have isolates, or had some a moment ago.
    pub(crate) warm: Mutex<Vec<Arc<Slot>>>,
    pub(crate) accounts: Mutex<HashMap<AccountId, Arc<Gauge>>>,
    /// The way to each ingress thread.
    pub(crate) ingress: Mutex<Vec<mpsc::UnboundedSender<ToIngress>>>,
    turn: AtomicUsize,
    /// Where what belongs to no isolate runs.
    pub(crate) control: tokio::runtime::Handle,
    /// Crons of a Worker may be others now.
    pub(crate) crons_changed: tokio::sync::Notify,
    /// Seconds since the server began.
    pub(crate) now: AtomicU64,
    /// Isolates that run or are on their way.
    pub(crate) isolates: AtomicUsize,
    pub(crate) stop: watch::Sender<bool>,
    pub(crate) is_ready: AtomicBool,
}

impl std::fmt::Debug for Core {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Core")
    }
}

/// What a core is made of.
pub(crate) struct Parts {
    pub(crate) store: Arc<dyn DeploymentStore>,
    pub(crate) settings: Settings,
    pub(crate) log: Arc<Log>,
    pub(crate) access_log: Option<Arc<AccessLog>>,
    pub(crate) otlp: Option<Arc<Otlp>>,
    pub(crate) traces: Arc<Traces>,
    pub(crate) kept: Arc<KeptEvents>,
    pub(crate) tails: Arc<TailConsumers>,
    pub(crate) backends: Backends,
    pub(crate) switchboard: Arc<Switchboard>,
    pub(crate) alarms: Arc<Alarms>,
    pub(crate) consumers: Arc<Consumers>,
    pub(crate) services: Services,
    pub(crate) control: tokio::runtime::Handle,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Core {
    /// No Worker yet.
    pub(crate) fn new(parts: Parts) -> Arc<Self> {
        let domain = parts.settings.domain.clone();
        let (cache, switchboard) = (parts.backends.cache().clone(), parts.switchboard.clone());
        let this = Arc::new_cyclic(|core| Self {
            guests: Guests::new(Arc::new(HostRuns(core.clone())), cache, switchboard),
            store: parts.store,
            settings: parts.settings,
            log: parts.log,
            access_log: parts.access_log,
            otlp: parts.otlp,
            traces: parts.traces,
            kept: parts.kept,
            tails: parts.tails,
            routes: Arc::new(ArcSwap::from_pointee(Routes::new(1, domain.as_deref()))),
            changing: tokio::sync::Mutex::new(()),
            backends: parts.backends,
            switchboard: parts.switchboard,
            alarms: parts.alarms,
            consumers: parts.consumers,
            services: parts.services,
            pools: Mutex::default(),
            workers: Mutex::default(),
            previews: Mutex::default(),
            warm: Mutex::default(),
            accounts: Mutex::default(),
            ingress: Mutex::default(),
            turn: AtomicUsize::new(0),
            control: parts.control,
            crons_changed: tokio::sync::Notify::new(),
            now: AtomicU64::new(0),
            isolates: AtomicUsize::new(0),
            stop: watch::channel(false).0,
            is_ready: AtomicBool::new(false),
        });
        let absent: std::sync::Weak<dyn Absent> = Arc::downgrade(&this) as _;
        this.switchboard.set_absent(absent);
        this
    }

    /// Where isolates with this much memory come from.
    pub(crate) fn pool(&self, memory_bytes: usize) -> Arc<IsolatePool> {
        let usual = self.settings.limits.memory_bytes;
        let target = if memory_bytes == usual { self.settings.isolates.ready } else { 0 };
        let mut pools = locked(&self.pools);
        let make = || IsolatePool::new(self.services.clone(), memory_bytes, target);
        pools.entry(memory_bytes).or_insert_with(make).clone()
    }

    /// Seconds since the server began.
    pub(crate) fn now(&self) -> u64 {
        self.now.load(Ordering::Relaxed)
    }

    // ----- Workers. -----

    /// A Worker by its key.
    pub(crate) fn worker(&self, key: &WorkerKey) -> Option<Arc<Deployed>> {
        locked(&self.workers).get(key).cloned()
    }

    /// A Worker by its name in the process: `ACCOUNT/NAME`.
    pub(crate) fn worker_named(&self, name: &str) -> Option<Arc<Deployed>> {
        self.worker(&key_of(name)?)
    }

    /// All Workers.
    pub(crate) fn workers(&self) -> Vec<Arc<Deployed>> {
        locked(&self.workers).values().cloned().collect()
    }

    /// Replaces a Worker among all; gives what was there.
    pub(crate) fn set_worker(
        &self,
        key: &WorkerKey,
        worker: Option<Arc<Deployed>>,
    ) -> Option<Arc<Deployed>> {
        let mut workers = locked(&self.workers);
        match worker {
            Some(worker) => workers.insert(key.clone(), worker),
            None => workers.remove(key),
        }
    }

    /// The slot of a version that is known by the first digits of its id.
    pub(crate) fn preview(&self, worker: &Deployed, digits: &str) -> Option<Arc<Slot>> {
        let deployed = worker.slots.iter().find(|slot| route::begins_with(slot.version, digits));
        deployed.cloned().or_else(|| {
            let previews = locked(&self.previews);
            let mut all = previews.iter();
            let is_it = |key: &WorkerKey, version: VersionId| {
                *key == worker.live.key && route::begins_with(version, digits)
            };
            all.find(|((key, version), _)| is_it(key, *version)).map(|(_, slot)| slot.clone())
        })
    }

    /// Makes a version known that only previews lead to.
    pub(crate) fn add_preview(&self, worker: &Deployed, version: VersionId) -> Arc<Slot> {
        let key = worker.live.key.clone();
        let make = || {
            let slot = Slot::new(key.clone(), worker.name.clone(), version);
            slot.is_preview.store(true, Ordering::Relaxed);
            slot
        };
        locked(&self.previews).entry((key.clone(), version)).or_insert_with(make).clone()
    }

    /// Forgets previews of versions for which `keep` is false, and gives them.
    pub(crate) fn retain_previews(
        &self,
        keep: impl Fn(&WorkerKey, &Slot) -> bool,
    ) -> Vec<Arc<Slot>> {
        let mut gone = Vec::new();
        locked(&self.previews).retain(|(key, _), slot| {
            let stays = keep(key, slot);
            if !stays {
                gone.push(slot.clone());
            }
            stays
        });
        gone
    }

    // ----- Events. -----

    /// Hands an event to an isolate of a version; one starts where there is none.
    pub(crate) fn deliver(self: &Arc<Self>, slot: &Arc<Slot>, event: ThreadEvent) {
        slot.touch(self.now());
        match slot.deliver(event) {
            Ok(Delivery::Done) => {}
            Ok(Delivery::Start) => super::start::spawn(self, slot),
            Err(Undelivered::Busy(event)) => self.refuse(slot, event, &Trouble::Busy),
            Err(Undelivered::Failed(event, failure)) => {
                self.refuse(slot, event, &Trouble::NotStarted(failure));
            }
        }
    }

    /// Nobody takes an event: whoever waits for an answer gets one.
    pub(crate) fn refuse(self: &Arc<Self>, slot: &Slot, event: ThreadEvent, trouble: &Trouble) {
        self.traces.refused(slot, &event, trouble);
        match event {
            ThreadEvent::Moved(moved) => self.to_ingress(ToIngress::Answer(moved, trouble.clone())),
            ThreadEvent::Connection(connection) => super::answer::to_service(connection, trouble),
            // Those who wait for the others see that they were dropped.
            other => drop(other),
        }
    }

    /// Tells the access log of a request that reached no Worker. `early` begins with
    /// its head.
    pub(crate) fn log_unserved(&self, early: &[u8], facts: &Facts, status: StatusCode) {
        let Some(access_log) = &self.access_log else { return };
        let peeked = peek(early, |request| {
            let asking = Asking::of(request, false);
            let client = Some(facts.peer.ip().to_canonical());
            let method = String::from_utf8_lossy(request.method);
            let header = |name: &[u8]| route::header(request, name);
            Entry::of_head(&method, asking.authority, asking.target, client, header)
        });
        if let Peeked::Head(mut line) = peeked {
            line.status = status.as_u16();
            access_log.write(Box::new(line));
        }
    }

    /// Starts an isolate of a Worker that is about to be asked for.
    pub(crate) fn warm_up(self: &Arc<Self>, slot: &Arc<Slot>) {
        slot.touch(self.now());
        if slot.begin_start() {
            super::start::spawn(self, slot);
        }
    }

    /// Sends a connection to where its next request goes, or to the ingress.
    pub(crate) fn place(self: &Arc<Self>, mut moved: Box<Moved>) {
        moved.ticket = None;
        if moved.hops > MOST_HOPS {
            tracing::warn!(peer = %moved.facts.peer, "a connection went in circles");
            self.to_ingress(ToIngress::Answer(moved, Trouble::Busy));
            return;
        }
        let routes = self.routes.load();
        let is_secure = super::ingress::is_secure(&moved.facts);
        let peeked = peek(&moved.early, |request| {
            let secure = is_secure(request);
            let asking = Asking::of(request, secure);
            let header = |name: &[u8]| route::header(request, name);
            route::destination(self, &routes, &asking, moved.chosen, header)
        });
        match peeked {
            Peeked::Head(Destination::Slot { slot, .. }) => {
                self.deliver(&slot, ThreadEvent::Moved(moved));
            }
            _ => self.to_ingress(ToIngress::Connection(moved)),
        }
    }

    /// One more thread takes what [`Core::to_ingress`] gives.
    pub(crate) fn add_ingress(&self, sender: mpsc::UnboundedSender<ToIngress>) {
        locked(&self.ingress).push(sender);
    }

    /// Hands something to an ingress thread.
    pub(crate) fn to_ingress(&self, mut what: ToIngress) {
        let ingress = locked(&self.ingress);
        for _ in 0..ingress.len() {
            let turn = self.turn.fetch_add(1, Ordering::Relaxed) % ingress.len();
            match ingress[turn].send(what) {
                Ok(()) => return,
                Err(back) => what = back.0,
            }
        }
    }

    /// The bounds of an account, shared by its Workers.
    pub(crate) fn account_gauge(
        &self,
        account: &AccountId,
        make: impl FnOnce() -> Gauge,
    ) -> Arc<Gauge> {
        locked(&self.accounts).entry(account.clone()).or_insert_with(|| Arc::new(make())).clone()
    }

    /// A slot has an isolate: it is looked after from here on.
    pub(crate) fn note_warm(&self, slot: &Arc<Slot>) {
        let mut warm = locked(&self.warm);
        if !warm.iter().any(|other| Arc::ptr_eq(other, slot)) {
            warm.push(slot.clone());
        }
    }

    /// What the threads of a slot share.
    pub(crate) fn shared_of(&self, slot: &Slot) -> Arc<Shared> {
        slot.set_shared(|| {
            Arc::new(Shared {
                log: self.log.clone(),
                tls: None,
                server_timing: false,
                threads: Mutex::default(),
                switchboard: self.switchboard.clone(),
                traces: None,
            })
        })
    }

    /// A version does not start.
    pub(crate) fn log_start(&self, slot: &Slot, failure: &Failure) {
        let fields = vec![
            crate::log::Field::new("worker", slot.name.to_string()),
            crate::log::Field::new("version", slot.version.to_string()),
        ];
        let text = format!("a Worker did not start: {failure}");
        self.log.event(crate::log::Level::Error, &text, fields);
    }
}

/// The key of a name in the process.
pub(crate) fn key_of(name: &str) -> Option<WorkerKey> {
    let (account, name) = name.split_once('/')?;
    WorkerKey::parse(account.parse().ok()?, name).ok()
}

impl Absent for Core {
    fn is_deployed(&self, worker: &str) -> bool {
        self.worker_named(worker).is_some_and(|worker| !worker.slots.is_empty())
    }

    fn take(
        self: Arc<Self>,
        target: &ServiceTarget,
        event: ThreadEvent,
    ) -> Result<(), OutboundError> {
        let worker = self.worker_named(&target.service);
        let slot = worker.as_ref().and_then(|worker| match target.object {
            Some(_) => worker.object_slot(),
            None => worker.any_slot(),
        });
        let Some(slot) = slot else {
            if target.is_dispatched {
                return Err(OutboundError::WorkerNotFound);
            }
            let name = target.service.split_once('/').map_or("", |(_, name)| name);
            return Err(OutboundError::Refused(format!(
                "The Worker \"{name}\" that this binding leads to is not deployed."
            )));
        };
        self.deliver(slot, event);
        Ok(())
    }
}
