//! Isolates for loaded Workers beside those of `run` and `dev`.

use std::sync::{Arc, Mutex, OnceLock, Weak};
use std::time::Duration;

use futures::future::BoxFuture;
use selvedge_deployments::{AccountId, VersionId, WorkerKey};
use selvedge_runtime::outbound::LocalFuture;
use selvedge_runtime::{Failure, IsolatePool, LocalIsolate, Outcome, Services, Worker};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;

use super::{Place, Runs, locked};
use crate::host::answer::{Trouble, to_service};
use crate::host::slot::{Delivery, Resident, Slot, Undelivered};
use crate::local_traces::LocalTraces;
use crate::log::Log;
use crate::serve::{Orders, Shared, ThreadEvent, serve_thread};
use crate::site::Before;
use crate::switchboard::{EVENTS, Switchboard};

/// Isolates of loaded Workers at a time. Of those that rest, the one that was asked
/// longest ago ends for another one.
const MOST: usize = 64;
/// An isolate that nobody asked for so long ends.
const IDLE: Duration = Duration::from_secs(60);
/// How often that is looked at.
const TICK: Duration = Duration::from_secs(5);

/// Gives loaded Workers isolates.
pub(crate) struct LocalRuns {
    me: Weak<Self>,
    services: Services,
    log: Arc<Log>,
    switchboard: Arc<Switchboard>,
    control: tokio::runtime::Handle,
    /// Of Workers that were given tails.
    traces: Arc<LocalTraces>,
    began: Instant,
    /// Those that may have an isolate.
    warm: Mutex<Vec<Arc<Slot>>>,
    /// Isolates end when it is dropped.
    stop: watch::Sender<bool>,
}

impl std::fmt::Debug for LocalRuns {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("LocalRuns")
    }
}

impl LocalRuns {
    /// For the present event loop, on which idle isolates are looked for.
    pub(crate) fn new(
        services: Services,
        log: Arc<Log>,
        switchboard: Arc<Switchboard>,
    ) -> Arc<Self> {
        let control = tokio::runtime::Handle::current();
        let traces = LocalTraces::new(switchboard.clone(), log.clone());
        let this = Arc::new_cyclic(|me| Self {
            traces,
            me: me.clone(),
            services,
            log,
            switchboard,
            control: control.clone(),
            began: Instant::now(),
            warm: Mutex::default(),
            stop: watch::channel(false).0,
        });
        let of_task = Arc::downgrade(&this);
        control.spawn(async move {
            loop {
                tokio::time::sleep(TICK).await;
                let Some(this) = of_task.upgrade() else { return };
                this.end_idle();
            }
        });
        this
    }

    fn now(&self) -> u64 {
        self.began.elapsed().as_secs()
    }

    fn end_idle(&self) {
        let now = self.now();
        let mut warm = locked(&self.warm);
        for slot in warm.iter() {
            if now.saturating_sub(slot.used()) >= IDLE.as_secs() && slot.rests() {
                slot.end(|_| true);
            }
        }
        warm.retain(|slot| slot.is_warm());
    }

    /// Ends one that rests where there are too many.
    fn make_room(&self) {
        let mut warm = locked(&self.warm);
        warm.retain(|slot| slot.is_warm());
        if warm.len() < MOST {
            return;
        }
        let resting = warm.iter().filter(|slot| !slot.isolates().is_empty() && slot.rests());
        if let Some(oldest) = resting.min_by_key(|slot| slot.used()) {
            oldest.end(|_| true);
        }
    }

    fn shared(&self) -> Arc<Shared> {
        Arc::new(Shared {
            log: self.log.clone(),
            tls: None,
            server_timing: false,
            threads: Mutex::default(),
            switchboard: self.switchboard.clone(),
            traces: Some(self.traces.clone()),
        })
    }
}

impl Runs for LocalRuns {
    fn place(&self, _scope: &str, worker: Arc<Worker>) -> Arc<dyn Place> {
        let key = WorkerKey { account: AccountId::random(), name: worker.name.clone() };
        let slot = Slot::of_worker(key, worker.name.as_str().into(), VersionId::random(), worker);
        Arc::new(LocalPlace { runs: self.me.clone(), slot })
    }
}

/// Where one loaded Worker runs.
#[derive(Debug)]
struct LocalPlace {
    runs: Weak<LocalRuns>,
    slot: Arc<Slot>,
}

impl LocalPlace {
    /// Starts an isolate; the slot was marked as starting.
    async fn launch(self: Arc<Self>) -> Result<(), Arc<Failure>> {
        match self.start_isolate().await {
            Ok(waiting) => {
                waiting.into_iter().for_each(|event| self.clone().take(event));
                Ok(())
            }
            Err(failure) => {
                let failure = Arc::new(failure);
                for event in self.slot.failed(&failure) {
                    refuse(event, &Trouble::NotStarted(failure.clone()));
                }
                Err(failure)
            }
        }
    }

    async fn start_isolate(&self) -> Result<Vec<ThreadEvent>, Failure> {
        let ending = || Failure::new(Outcome::InternalError, "the server ends");
        let runs = self.runs.upgrade().ok_or_else(ending)?;
        let worker = self.slot.given().cloned().ok_or_else(ending)?;
        runs.make_room();
        let id = self.slot.next_id();
        let (sender, events) = mpsc::channel(EVENTS);
        let (leave, leaves) = oneshot::channel();
        let orders = Orders {
            id,
            listeners: Vec::new(),
            events,
            post: sender.clone(),
            before: Before::default(),
            open: watch::channel(true).1,
            stop: runs.stop.subscribe(),
            accepts: None,
            leave: Some(leaves),
            gate: None,
        };
        let shared = self.slot.set_shared(|| runs.shared());
        let serve = Box::new(move |isolate: LocalIsolate| -> LocalFuture<()> {
            Box::pin(serve_thread(isolate, shared, orders))
        });
        let pool = IsolatePool::new(runs.services.clone(), worker.limits.memory_bytes, 0);
        pool.start(worker, serve).await?;
        locked(&runs.warm).push(self.slot.clone());
        let resident = Resident::new(id, sender, leave, false, Arc::new(OnceLock::new()));
        Ok(self.slot.started(resident).into())
    }

    fn touch(&self) -> Option<Arc<LocalRuns>> {
        let runs = self.runs.upgrade()?;
        self.slot.touch(runs.now());
        Some(runs)
    }
}

impl Place for LocalPlace {
    fn start(self: Arc<Self>) -> BoxFuture<'static, Result<(), Arc<Failure>>> {
        self.touch();
        self.slot.begin_start();
        Box::pin(self.launch())
    }

    fn take(self: Arc<Self>, event: ThreadEvent) {
        let Some(runs) = self.touch() else { return };
        match self.slot.deliver(event) {
            Ok(Delivery::Done) => {}
            Ok(Delivery::Start) => {
                runs.control.spawn(async move {
                    let _ = self.launch().await;
                });
            }
            Err(Undelivered::Busy(event)) => refuse(event, &Trouble::Busy),
            Err(Undelivered::Failed(event, failure)) => {
                refuse(event, &Trouble::NotStarted(failure));
            }
        }
    }

    fn is_warm(&self) -> bool {
        self.slot.is_warm()
    }

    fn leave(&self) {
        self.slot.end(|_| true);
    }
}

/// Nobody takes an event: who waits for an answer gets one, and others see that it
/// was dropped.
fn refuse(event: ThreadEvent, trouble: &Trouble) {
    if let ThreadEvent::Connection(connection) = event {
        to_service(connection, trouble);
    }
}
