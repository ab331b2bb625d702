//! One thread that writes a file for all callers together: group commit.
//!
//! It takes all jobs that wait, does them in one transaction, waits once for the
//! disk, and then tells each. While the disk works, the next ones gather. A job
//! that fails takes back its own writes and no others. The thread starts with the
//! first job and ends when nothing came for a while.

mod thread;

#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use rusqlite::Connection;

use crate::error::Error;
use crate::history::History;
use crate::readers::{Connected, Readers};

/// Jobs that wait take at most this much: 16 MiB. More are refused.
const QUEUE_BYTES: usize = 16 * 1024 * 1024;
/// One transaction takes about this much at most: 4 MiB.
const BATCH_BYTES: usize = 4 * 1024 * 1024;
/// What one job counts beside what it says.
const JOB_BYTES: usize = 256;
/// How long the thread waits for more before it ends.
const IDLE: Duration = Duration::from_secs(10);

/// A connection that writes, or what goes with one.
pub trait Writes: 'static {
    /// The connection.
    fn connection(&self) -> &Connection;
    /// The same, to set hooks.
    fn connection_mut(&mut self) -> &mut Connection;
}

impl Writes for Connection {
    fn connection(&self) -> &Connection {
        self
    }

    fn connection_mut(&mut self) -> &mut Connection {
        self
    }
}

/// What became of a job's writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ran {
    /// They are to stay.
    Keep,
    /// They are to be taken back: the job has an answer that is an error.
    Undo,
}

/// Why the writes of a job were not made.
#[derive(Debug)]
pub enum Failed {
    /// The store.
    Store(Error),
    /// What it wrote was refused when it was committed: SQLite's error.
    Refused(rusqlite::Error),
}

impl From<Failed> for Error {
    fn from(failed: Failed) -> Self {
        match failed {
            Failed::Store(error) => error,
            Failed::Refused(error) => Self::Internal(error.to_string()),
        }
    }
}

/// A piece of work within a transaction.
pub trait Job<W>: Send {
    /// How much memory it holds, in bytes.
    fn bytes(&self) -> usize;

    /// Whether it needs a transaction for itself.
    fn is_alone(&self) -> bool {
        false
    }

    /// Whether it makes transactions of its own: it is done for itself, outside of any,
    /// by [`Job::run_outside`] in the place of [`Job::run`].
    fn is_outside(&self) -> bool {
        false
    }

    /// Does what it does outside of a transaction. It has run a statement after all that
    /// it wrote.
    ///
    /// # Errors
    /// What SQLite says.
    fn run_outside(&mut self, _connection: &mut W) -> rusqlite::Result<()> {
        Ok(())
    }

    /// Does the writes. It may be called again, after all that it did was taken
    /// back.
    ///
    /// # Errors
    /// What SQLite says, where nothing of the transaction may stay.
    fn run(&mut self, connection: &W) -> rusqlite::Result<Ran>;

    /// All jobs of the transaction have run, and those that are to stay are about to be
    /// committed. Nothing may be written any more.
    ///
    /// # Errors
    /// What SQLite says, where nothing of the transaction may stay.
    fn before_commit(&mut self, _connection: &W) -> rusqlite::Result<()> {
        Ok(())
    }

    /// Tells how it ended: with `Ok`, what it wrote is on disk and can be read, or
    /// was taken back as it said.
    fn done(self: Box<Self>, result: Result<(), Failed>);
}

/// What the connections that read are to be told.
trait Told: Send + Sync {
    fn committed(&self);
    fn pause(&self);
    fn resume(&self);
}

impl<C: Connected> Told for Readers<C> {
    fn committed(&self) {
        Self::committed(self);
    }

    fn pause(&self) {
        Self::pause(self);
    }

    fn resume(&self) {
        Self::resume(self);
    }
}

/// The writer of a file. Clones are the same one.
pub struct Writer<W> {
    shared: Arc<Shared<W>>,
}

impl<W> Clone for Writer<W> {
    fn clone(&self) -> Self {
        Self { shared: self.shared.clone() }
    }
}

impl<W> fmt::Debug for Writer<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Writer").field("path", &self.shared.path).finish_non_exhaustive()
    }
}

struct Shared<W> {
    /// The thread's name.
    name: &'static str,
    path: PathBuf,
    open: fn(&Path) -> rusqlite::Result<W>,
    readers: Arc<dyn Told>,
    /// What is to be told of commits, and before the log is copied.
    history: Option<Arc<History>>,
    state: Mutex<State<W>>,
    changed: Condvar,
    /// Set once a write found damage: there are no writes from then on.
    damaged: OnceLock<Error>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

struct State<W> {
    jobs: VecDeque<Box<dyn Job<W>>>,
    bytes: usize,
    /// Whether there is a thread, which looks at the queue before it ends.
    running: bool,
    /// Whether it waits for a job.
    idle: bool,
    closed: bool,
}

/// What the thread does next.
enum Next<W> {
    Work(Vec<Box<dyn Job<W>>>),
    /// Nothing came for a while, or nothing more comes.
    Rest,
}

impl<W: Writes> Writer<W> {
    /// That of a file, which `open` opens on the writer's thread; `readers` are all
    /// the connections that read it.
    pub fn new<C: Connected + 'static>(
        name: &'static str,
        path: &Path,
        open: fn(&Path) -> rusqlite::Result<W>,
        readers: Arc<Readers<C>>,
    ) -> Self {
        Self::with_history(name, path, open, readers, None)
    }

    /// The same, for a file whose history is kept. That was begun already.
    pub fn with_history<C: Connected + 'static>(
        name: &'static str,
        path: &Path,
        open: fn(&Path) -> rusqlite::Result<W>,
        readers: Arc<Readers<C>>,
        history: Option<Arc<History>>,
    ) -> Self {
        let state =
            State { jobs: VecDeque::new(), bytes: 0, running: false, idle: false, closed: false };
        Self {
            shared: Arc::new(Shared {
                name,
                path: path.to_owned(),
                open,
                readers,
                history,
                state: Mutex::new(state),
                changed: Condvar::new(),
                damaged: OnceLock::new(),
                thread: Mutex::default(),
            }),
        }
    }

    /// Hands a job over. It is told, also when it is refused: because too many
    /// wait, or nothing can be written.
    pub fn submit(&self, job: Box<dyn Job<W>>) {
        let shared = &self.shared;
        if let Some(error) = shared.damaged.get() {
            return job.done(Err(Failed::Store(error.clone())));
        }
        let bytes = job.bytes() + JOB_BYTES;
        let mut state = shared.lock();
        if state.closed {
            drop(state);
            return job.done(Err(Failed::Store(closed())));
        }
        if state.bytes > 0 && state.bytes + bytes > QUEUE_BYTES {
            drop(state);
            let text = "too many writes wait for the disk".to_owned();
            return job.done(Err(Failed::Store(Error::Unavailable(text))));
        }
        state.bytes += bytes;
        state.jobs.push_back(job);
        let needs_thread = !std::mem::replace(&mut state.running, true);
        // It costs a system call, also when nobody waits.
        let wakes = std::mem::take(&mut state.idle);
        drop(state);
        if needs_thread {
            Shared::start(shared);
        } else if wakes {
            shared.changed.notify_all();
        }
    }

    /// Finishes the jobs that wait, takes no more, and closes the file. Blocks
    /// until that is done.
    pub fn close(&self) {
        let shared = &self.shared;
        let mut state = shared.lock();
        state.closed = true;
        shared.changed.notify_all();
        while state.running {
            state = shared.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        drop(state);
        let thread = shared.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            // If it panicked, its callers were told.
            let _ = thread.join();
        }
    }
}

impl<W: Writes> Shared<W> {
    fn lock(&self) -> MutexGuard<'_, State<W>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn start(self: &Arc<Self>) {
        let mine = self.clone();
        let started = std::thread::Builder::new()
            .name(self.name.to_owned())
            .spawn(move || thread::run(&mine));
        match started {
            Ok(thread) => {
                *self.thread.lock().unwrap_or_else(PoisonError::into_inner) = Some(thread);
            }
            Err(error) => {
                let text = format!("no thread can be started to write: {error}");
                for job in self.abandon() {
                    job.done(Err(Failed::Store(Error::Unavailable(text.clone()))));
                }
            }
        }
    }

    /// Waits for something to do.
    fn next(&self) -> Next<W> {
        let waits = |state: &mut State<W>| {
            state.idle = state.jobs.is_empty() && !state.closed;
            state.idle
        };
        let waited = self.changed.wait_timeout_while(self.lock(), IDLE, waits);
        let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        state.idle = false;
        if state.jobs.is_empty() {
            return Next::Rest;
        }
        Next::Work(self.gathered(state).batch())
    }

    /// Lets callers that share the core with this thread hand over what they have: as
    /// long as there is more each time, it is cheaper to commit it together. Where
    /// nobody else runs, this returns at once.
    fn gathered<'a>(&'a self, mut state: MutexGuard<'a, State<W>>) -> MutexGuard<'a, State<W>> {
        let mut before = 0;
        while state.jobs.len() > before && state.bytes < BATCH_BYTES {
            before = state.jobs.len();
            drop(state);
            std::thread::yield_now();
            state = self.lock();
        }
        state
    }

    /// The thread ends, if nothing came meanwhile.
    fn end_if_empty(&self) -> bool {
        let mut state = self.lock();
        state.running = !state.jobs.is_empty();
        self.changed.notify_all();
        !state.running
    }

    /// There is no thread any more. Gives what waited for it.
    fn abandon(&self) -> VecDeque<Box<dyn Job<W>>> {
        let mut state = self.lock();
        state.running = false;
        state.bytes = 0;
        self.changed.notify_all();
        std::mem::take(&mut state.jobs)
    }
}

impl<W> State<W> {
    /// What goes into one transaction, in the order in which it came.
    fn batch(&mut self) -> Vec<Box<dyn Job<W>>> {
        let mut bytes = 0;
        let mut batch: Vec<Box<dyn Job<W>>> = Vec::new();
        while let Some(job) = self.jobs.front() {
            let own = job.bytes() + JOB_BYTES;
            let for_itself = |job: &dyn Job<W>| job.is_alone() || job.is_outside();
            let is_alone =
                for_itself(&**job) || batch.first().is_some_and(|first| for_itself(&**first));
            if !batch.is_empty() && (bytes + own > BATCH_BYTES || is_alone) {
                break;
            }
            bytes += own;
            batch.extend(self.jobs.pop_front());
        }
        self.bytes = self.bytes.saturating_sub(bytes);
        batch
    }
}

fn closed() -> Error {
    Error::Unavailable("the database is closed".to_owned())
}
