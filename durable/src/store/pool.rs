//! The threads beside those of the isolates: syncers, and one for checkpoints and
//! for files of objects that are gone. They start when there is work, and end when
//! there was none for a while.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::durability::ObjectFile;
use super::namespace::Registry;
use super::tidy;

/// Syncs that run at a time. File systems share the work of several; more of
/// them hardly make any faster.
const SYNCERS: usize = 8;
/// How long a thread waits for work: 10 s.
const IDLE: Duration = Duration::from_secs(10);

/// The pools of a process.
#[derive(Debug)]
pub(super) struct Pools {
    pub(super) syncers: Arc<Pool>,
    pub(super) upkeep: Arc<Pool>,
}

impl Default for Pools {
    fn default() -> Self {
        Self { syncers: Pool::new("do-sync", SYNCERS), upkeep: Pool::new("do-upkeep", 1) }
    }
}

/// Work for a thread.
#[derive(Debug)]
pub(super) enum Job {
    /// Commits are to get on disk.
    Sync(Arc<ObjectFile>),
    /// The log is to be copied into the database, as far as it goes.
    Checkpoint(Arc<ObjectFile>),
    /// Nobody has the object open: its files are to be put in order.
    Tidy(Arc<ObjectFile>, Arc<Registry>),
    /// Something else.
    Other(Work),
}

/// Something to do.
pub(super) struct Work(Box<dyn FnOnce() + Send>);

impl<F: FnOnce() + Send + 'static> From<Box<F>> for Work {
    fn from(work: Box<F>) -> Self {
        Self(work)
    }
}

impl std::fmt::Debug for Work {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Work")
    }
}

impl Job {
    fn run(self) {
        match self {
            Self::Sync(file) => file.sync(),
            Self::Checkpoint(file) => tidy::checkpoint(&file),
            Self::Tidy(file, registry) => tidy::tidy(&file, &registry),
            Self::Other(Work(work)) => work(),
        }
    }
}

#[derive(Debug)]
pub(super) struct Pool {
    name: &'static str,
    most: usize,
    state: Mutex<State>,
    work: Condvar,
    rest: Condvar,
}

#[derive(Debug, Default)]
struct State {
    jobs: VecDeque<Job>,
    threads: usize,
    idle: usize,
}

impl Pool {
    fn new(name: &'static str, most: usize) -> Arc<Self> {
        let (state, work, rest) = Default::default();
        Arc::new(Self { name, most, state, work, rest })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hands work to a thread. If none can be started, this one does it.
    pub(super) fn submit(self: &Arc<Self>, job: Job) {
        let mut state = self.lock();
        state.jobs.push_back(job);
        if state.idle >= state.jobs.len() || state.threads == self.most {
            drop(state);
            self.work.notify_one();
            return;
        }
        let mine = self.clone();
        let started =
            std::thread::Builder::new().name(self.name.to_owned()).spawn(move || mine.run());
        match started {
            Ok(_) => state.threads += 1,
            Err(error) if state.threads == 0 => {
                tracing::warn!("no thread can be started for {}: {error}", self.name);
                let jobs = std::mem::take(&mut state.jobs);
                drop(state);
                jobs.into_iter().for_each(Job::run);
            }
            Err(_) => {}
        }
    }

    fn run(&self) {
        let leave = Leave(self);
        let mut state = self.lock();
        loop {
            if let Some(job) = state.jobs.pop_front() {
                drop(state);
                job.run();
                state = self.lock();
                if state.jobs.is_empty() {
                    self.rest.notify_all();
                }
                continue;
            }
            state.idle += 1;
            let (woken, waited) =
                self.work.wait_timeout(state, IDLE).unwrap_or_else(PoisonError::into_inner);
            state = woken;
            state.idle -= 1;
            if waited.timed_out() && state.jobs.is_empty() {
                // With the lock held: work that comes now finds it gone.
                state.threads -= 1;
                std::mem::forget(leave);
                return;
            }
        }
    }

    /// Waits until all work is done that was handed over before.
    pub(super) fn drain(&self) {
        let mut state = self.lock();
        while !state.jobs.is_empty() || state.idle < state.threads {
            state = self
                .rest
                .wait_timeout(state, Duration::from_millis(10))
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }
}

/// Counts a thread out that panicked.
struct Leave<'a>(&'a Pool);

impl Drop for Leave<'_> {
    fn drop(&mut self) {
        self.0.lock().threads -= 1;
    }
}
