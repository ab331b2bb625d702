//! The one thread that writes to a bucket's file of SQLite. What waits goes into
//! one transaction, so that many callers share an `fsync`; each job has a
//! savepoint of its own, so that one that fails takes nothing along.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::thread::JoinHandle;

use rusqlite::Connection;
use selvedge_storage::failure::failure;
use tokio::sync::{mpsc, oneshot};

use super::connection::{Role, connect};
use crate::Error;
use crate::rules::Refusal;

/// Jobs that wait; callers wait for room.
const QUEUE: usize = 1024;
/// Jobs of one transaction.
const BATCH: usize = 256;

/// Why a job failed, inside of its transaction.
#[derive(Debug)]
pub(super) enum Failed {
    Sql(rusqlite::Error),
    Refused(Refusal),
}

impl From<rusqlite::Error> for Failed {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sql(error)
    }
}

impl From<Refusal> for Failed {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// Whether the transaction that a job was in is on disk, as far as it is known.
#[derive(Debug, Clone)]
pub(super) enum Committed {
    Yes,
    /// The job had no effect.
    No(Error),
    /// The disk failed in the middle: after the next start it may be there.
    Unknown(Error),
}

type Finish = Box<dyn FnOnce(Committed) + Send>;
/// Does the work; gives what is to be done after the transaction, and the failure
/// that undoes the job. With an error it only tells that.
type Job = Box<dyn FnOnce(Result<&Connection, Error>) -> (Finish, Option<Failed>) + Send>;

#[derive(Debug)]
pub(super) struct Writer {
    path: PathBuf,
    sender: Mutex<Option<mpsc::Sender<Job>>>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Writer {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, sender: Mutex::default(), thread: Mutex::default() }
    }

    /// Starts the thread.
    pub(super) fn start(&self) -> Result<(), Error> {
        let (sender, jobs) = mpsc::channel(QUEUE);
        let path = self.path.clone();
        let thread = std::thread::Builder::new()
            .name("r2-write".to_owned())
            .spawn(move || Thread { path, connection: None }.run(jobs))
            .map_err(|error| {
                let text = format!("no thread can be started: {error}");
                Error::Storage(selvedge_storage::Error::Unavailable(text))
            })?;
        *self.sender.lock().unwrap_or_else(PoisonError::into_inner) = Some(sender);
        *self.thread.lock().unwrap_or_else(PoisonError::into_inner) = Some(thread);
        Ok(())
    }

    /// Runs `work` in a transaction. `after` is called on the writer's thread
    /// once that is on disk, or is known not to be, also when nobody waits for
    /// the answer any more.
    pub(super) fn submit<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, Failed> + Send + 'static,
        after: impl FnOnce(&Committed) + Send + 'static,
    ) -> impl Future<Output = Result<T, Error>> + Send + 'static {
        let (told, answer) = oneshot::channel();
        let path = self.path.clone();
        let job: Job = Box::new(move |connection| {
            let done = match connection {
                Ok(connection) => work(connection).map_err(|failed| {
                    let error = match &failed {
                        Failed::Sql(error) => Error::Storage(failure(&path, error)),
                        Failed::Refused(refusal) => Error::Refused(refusal.clone()),
                    };
                    (error, Some(failed))
                }),
                Err(error) => Err((error, None)),
            };
            let (done, failed) = match done {
                Ok(value) => (Ok(value), None),
                Err((error, failed)) => (Err(error), failed),
            };
            let finish: Finish = Box::new(move |committed| {
                let committed = match &done {
                    Ok(_) => committed,
                    Err(error) => Committed::No(error.clone()),
                };
                after(&committed);
                let result = match committed {
                    Committed::Yes => done,
                    Committed::No(error) | Committed::Unknown(error) => Err(error),
                };
                // Nobody may wait any more.
                let _ = told.send(result);
            });
            (finish, failed)
        });
        let sender = self.sender.lock().unwrap_or_else(PoisonError::into_inner).clone();
        async move {
            let Some(sender) = sender else { return Err(closed()) };
            sender.send(job).await.map_err(|_| closed())?;
            answer.await.map_err(|_| closed())?
        }
    }

    /// Finishes what waits and takes no more. Blocks until that is done.
    pub(super) fn close(&self) {
        drop(self.sender.lock().unwrap_or_else(PoisonError::into_inner).take());
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            // If it panicked, its callers were told.
            let _ = thread.join();
        }
    }
}

fn closed() -> Error {
    Error::Storage(selvedge_storage::Error::Unavailable("the bucket is closed".to_owned()))
}

struct Thread {
    path: PathBuf,
    /// None after a failure: the file is opened anew.
    connection: Option<Connection>,
}

impl Thread {
    fn run(mut self, mut jobs: mpsc::Receiver<Job>) {
        while let Some(first) = jobs.blocking_recv() {
            let mut batch = vec![first];
            while batch.len() < BATCH
                && let Ok(job) = jobs.try_recv()
            {
                batch.push(job);
            }
            self.transaction(batch);
        }
    }

    fn transaction(&mut self, batch: Vec<Job>) {
        let mut finish = Vec::with_capacity(batch.len());
        let committed = self.work(batch, &mut finish);
        for finish in finish {
            finish(committed.clone());
        }
    }

    fn work(&mut self, batch: Vec<Job>, finish: &mut Vec<Finish>) -> Committed {
        let mut jobs = batch.into_iter();
        let mut failed = None;
        match self.begin() {
            Ok(connection) => {
                for job in jobs.by_ref() {
                    if let Err(error) = savepoint(connection, job, finish) {
                        failed = Some(error);
                        break;
                    }
                }
                if failed.is_none() {
                    let commit = connection.prepare_cached("COMMIT");
                    return match commit.and_then(|mut commit| commit.execute([])) {
                        Ok(_) => Committed::Yes,
                        Err(error) => Committed::Unknown(self.broken(&error)),
                    };
                }
            }
            Err(error) => failed = Some(error),
        }
        let error = match failed {
            Some(error) => self.broken(&error),
            None => closed(),
        };
        // SQLite may have undone the transaction: nothing else is tried in it.
        finish.extend(jobs.map(|job| job(Err(error.clone())).0));
        Committed::No(error)
    }

    fn begin(&mut self) -> rusqlite::Result<&Connection> {
        let connection = match self.connection.take() {
            Some(connection) => connection,
            None => connect(&self.path, Role::Write)?,
        };
        connection.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
        Ok(self.connection.insert(connection))
    }

    /// The file is opened anew: what SQLite makes of it then is what the disk has.
    fn broken(&mut self, error: &rusqlite::Error) -> Error {
        self.connection = None;
        Error::Storage(failure(&self.path, error))
    }
}

fn savepoint(connection: &Connection, job: Job, finish: &mut Vec<Finish>) -> rusqlite::Result<()> {
    let savepoint = connection.prepare_cached("SAVEPOINT job");
    if let Err(error) = savepoint.and_then(|mut savepoint| savepoint.execute([])) {
        finish.push(job(Err(closed())).0);
        return Err(error);
    }
    let (done, failed) = job(Ok(connection));
    finish.push(done);
    if failed.is_some() {
        connection.prepare_cached("ROLLBACK TO job")?.execute([])?;
    }
    connection.prepare_cached("RELEASE job")?.execute([]).map(drop)
}
