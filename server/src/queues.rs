//! The consumers of all queues of the process: they take batches out of the
//! stores, and hand each to its Worker over the switchboard.

mod deliver;

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use selvedge_queues::config::Settings;
use selvedge_queues::consumer::Consumer;
use selvedge_queues::store::SqliteStore;
use tokio::sync::Notify;

use crate::backends::BackendError;
use crate::log::Log;
use crate::switchboard::Switchboard;

pub(crate) use self::deliver::DeadLetters;
use self::deliver::QueueWorker;

/// A consumer that is to be.
#[derive(Clone)]
pub(crate) struct Wanted {
    /// What the queue's store is known by.
    pub(crate) id: String,
    /// What its consumer calls it.
    pub(crate) name: String,
    pub(crate) store: Arc<SqliteStore>,
    /// The Worker's name in the process.
    pub(crate) worker: String,
    pub(crate) settings: Settings,
    pub(crate) is_paused: bool,
    pub(crate) dead_letters: DeadLetters,
}

impl Wanted {
    fn is_same(&self, other: &Self) -> bool {
        self.name == other.name
            && self.worker == other.worker
            && self.settings == other.settings
            && Arc::ptr_eq(&self.store, &other.store)
    }
}

/// All consumers. [`Consumers::run`] must be polled.
pub(crate) struct Consumers {
    switchboard: Arc<Switchboard>,
    log: Arc<Log>,
    changed: Notify,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// By who wants them, then by queue.
    wanted: BTreeMap<String, BTreeMap<String, Wanted>>,
    running: HashMap<String, (Wanted, Consumer)>,
}

impl fmt::Debug for Consumers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Consumers").finish_non_exhaustive()
    }
}

impl Consumers {
    /// None yet.
    pub(crate) fn new(switchboard: Arc<Switchboard>, log: Arc<Log>) -> Arc<Self> {
        let (changed, state) = (Notify::new(), Mutex::default());
        Arc::new(Self { switchboard, log, changed, state })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The consumers that `who` wants, in the place of those that it wanted before.
    pub(crate) fn set(&self, who: &str, wanted: Vec<Wanted>) {
        let wanted = wanted.into_iter().map(|one| (one.id.clone(), one)).collect();
        self.state().wanted.insert(who.to_owned(), wanted);
        self.changed.notify_one();
    }

    /// Starts and ends consumers as they are wanted. Goes on for ever; to be run on
    /// a tokio runtime.
    pub(crate) async fn run(self: Arc<Self>) {
        loop {
            self.follow();
            self.changed.notified().await;
        }
    }

    fn follow(&self) {
        let mut state = self.state();
        let mut wanted = BTreeMap::new();
        for (id, one) in state.wanted.values().flatten() {
            // One queue has one consumer.
            wanted.entry(id.clone()).or_insert_with(|| one.clone());
        }
        state.running.retain(|id, (running, _)| {
            wanted.get(id).is_some_and(|wanted| wanted.is_same(running))
        });
        for (id, one) in wanted {
            if let Some((_, consumer)) = state.running.get(&id) {
                consumer.pause(one.is_paused);
                continue;
            }
            let worker = QueueWorker {
                worker: one.worker.clone(),
                switchboard: self.switchboard.clone(),
                dead_letters: one.dead_letters.clone(),
                log: self.log.clone(),
            };
            let consumer = Consumer::start(
                &one.name,
                one.store.clone(),
                one.settings.clone(),
                Arc::new(worker),
            );
            consumer.pause(one.is_paused);
            state.running.insert(id, (one, consumer));
        }
    }
}

/// A store as dead letters need it.
pub(crate) fn stored<T>(result: Result<T, BackendError>) -> Result<T, selvedge_storage::Error> {
    result.map_err(|error| match error {
        BackendError::Store(error) => error,
        error => selvedge_storage::Error::Unavailable(error.to_string()),
    })
}
