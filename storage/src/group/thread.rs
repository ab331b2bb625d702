//! What the writer's thread does.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rusqlite::hooks::Wal;
use rusqlite::wal::CheckpointMode;
use rusqlite::{Connection, ErrorCode, MAIN_DB};

use super::{Failed, Job, Next, Ran, Shared, Writes};
use crate::connect::LOCK_WAIT;
use crate::error::Error;
use crate::failure::{failure, is_io};
use crate::file::log_of;
use crate::history::{History, Notes};
use crate::ours;

/// Above this many pages the log is copied into the database: 16 MiB.
const LOG_PAGES: u64 = 4096;
/// So many transactions are made with savepoints after one that needed them.
const CAREFUL: u32 = 64;
/// How long that waits for reads that began before it.
const CHECKPOINT_WAIT: Duration = Duration::from_millis(100);

type Jobs<W> = Vec<Box<dyn Job<W>>>;

/// What the thread runs.
pub(super) fn run<W: Writes>(shared: &Arc<Shared<W>>) {
    let guard = Abandon(shared);
    let mut thread = Thread {
        shared,
        connection: None,
        log_pages: Arc::default(),
        log: None,
        checkpoint_at: LOG_PAGES,
        distrust: false,
        careful: 0,
    };
    loop {
        match shared.next() {
            Next::Work(jobs) => thread.commit(jobs),
            Next::Rest => {
                thread.close();
                if shared.end_if_empty() {
                    break;
                }
            }
        }
    }
    std::mem::forget(guard);
}

/// If the thread panics, nobody waits for it forever.
struct Abandon<'a, W: Writes>(&'a Shared<W>);

impl<W: Writes> Drop for Abandon<'_, W> {
    fn drop(&mut self) {
        drop(self.0.abandon());
    }
}

struct Thread<'a, W> {
    shared: &'a Shared<W>,
    connection: Option<W>,
    /// How long the log is, in pages.
    log_pages: Arc<AtomicU64>,
    /// The log, if there is a history, as long as there is a connection.
    log: Option<File>,
    /// At which length it is copied.
    checkpoint_at: u64,
    /// Whether the log may have lost what it took, so that nothing must be added
    /// to it before it is copied.
    distrust: bool,
    /// How many transactions from here on have a savepoint for each job: one of their
    /// jobs may have to be undone. A savepoint costs more than a small write itself, so
    /// that there is none otherwise.
    careful: u32,
}

/// Why a transaction failed.
struct Broken {
    failed: Failed,
    /// Whether its jobs may do better one by one.
    alone: bool,
}

impl<W: Writes> Thread<'_, W> {
    /// Does all of the jobs in one transaction. If one breaks it, each is done by
    /// itself, so that the others do not fail with it.
    fn commit(&mut self, mut jobs: Jobs<W>) {
        match self.transaction(&mut jobs) {
            Ok(()) => jobs.into_iter().for_each(|job| job.done(Ok(()))),
            Err(Broken { alone: true, .. }) if jobs.len() > 1 => {
                for job in jobs {
                    let mut one = vec![job];
                    let result = self.transaction(&mut one).map_err(|broken| broken.failed);
                    if let Some(job) = one.pop() {
                        job.done(result);
                    }
                }
            }
            Err(Broken { failed, .. }) => {
                let mut failed = Some(failed);
                let error = match &failed {
                    Some(Failed::Store(error)) => error.clone(),
                    _ => Error::Internal("a transaction was refused".to_owned()),
                };
                for job in jobs {
                    let told = failed.take().unwrap_or_else(|| Failed::Store(error.clone()));
                    job.done(Err(told));
                }
            }
        }
        self.checkpoint_if_long();
    }

    /// One transaction. When it returns, all of it is on disk and can be read.
    fn transaction(&mut self, jobs: &mut Jobs<W>) -> Result<(), Broken> {
        if let Some(error) = self.shared.damaged.get() {
            return Err(Broken { failed: Failed::Store(error.clone()), alone: false });
        }
        let result = self.open().and_then(|()| self.transact(jobs));
        match result {
            Ok(()) => {
                self.shared.readers.committed();
                Ok(())
            }
            Err(error) => {
                self.roll_back();
                Err(self.failed(error))
            }
        }
    }

    fn roll_back(&self) {
        if let Some(connection) = &self.connection
            && !connection.connection().is_autocommit()
        {
            // Some errors have rolled it back already.
            let _ = connection.connection().execute_batch(ours!("ROLLBACK"));
        }
    }

    /// What is to be said and done about an error.
    fn failed(&mut self, error: rusqlite::Error) -> Broken {
        if is_io(&error) {
            // Closing it may copy the log.
            self.keep_log();
            (self.connection, self.log) = (None, None);
            self.distrust = true;
        }
        if error.sqlite_error_code() == Some(ErrorCode::ConstraintViolation) {
            return Broken { failed: Failed::Refused(error), alone: true };
        }
        let text = failure(&self.shared.path, &error);
        if matches!(text, Error::Data(_)) {
            // Writing on would do more damage.
            let _ = self.shared.damaged.set(text.clone());
        }
        Broken { failed: Failed::Store(text), alone: !self.distrust }
    }

    fn open(&mut self) -> rusqlite::Result<()> {
        if self.connection.is_none() {
            let mut connection = (self.shared.open)(&self.shared.path)?;
            let log_pages = self.log_pages.clone();
            // It takes the place of SQLite's own, which would copy the log.
            connection.connection_mut().wal_hook(Some(
                move |_: &mut Wal, pages: std::ffi::c_int| {
                    log_pages.store(u64::try_from(pages).unwrap_or(0), Ordering::Relaxed);
                    Ok(())
                },
            ))?;
            if self.distrust {
                self.keep_log();
                self.checkpoint(connection.connection(), CheckpointMode::RESTART)?;
                self.distrust = false;
            }
            self.connection = Some(connection);
        }
        Ok(())
    }

    fn checkpoint_if_long(&mut self) {
        let pages = self.log_pages.load(Ordering::Relaxed);
        if pages < self.checkpoint_at {
            return;
        }
        let Some(connection) = &self.connection else { return };
        self.keep_log();
        match self.checkpoint(connection.connection(), CheckpointMode::RESTART) {
            Ok(()) => {
                self.log_pages.store(0, Ordering::Relaxed);
                self.checkpoint_at = LOG_PAGES;
            }
            // A long read goes on, or the disk is full. It is tried again later.
            Err(_) => self.checkpoint_at = pages + LOG_PAGES,
        }
    }

    /// Copies the log into the database, so that the log starts over.
    fn checkpoint(&self, connection: &Connection, mode: CheckpointMode) -> rusqlite::Result<()> {
        connection.busy_timeout(CHECKPOINT_WAIT)?;
        self.shared.readers.pause();
        let result = connection.wal_checkpoint_v2(Some(MAIN_DB), mode);
        self.shared.readers.resume();
        connection.busy_timeout(LOCK_WAIT)?;
        result.map(|_| ())
    }

    /// Closes the connection, with the log copied and empty if nobody reads.
    fn close(&mut self) {
        if let Some(connection) = self.connection.take() {
            self.keep_log();
            self.log = None;
            // It is copied by who opens the file next, if not now.
            let copied = self.checkpoint(connection.connection(), CheckpointMode::TRUNCATE);
            self.log_pages.store(0, Ordering::Relaxed);
            if let (Ok(()), Some(history)) = (copied, &self.shared.history) {
                history.closed();
            }
        }
    }

    /// The history gets what the log has, before the log may begin anew.
    fn keep_log(&self) {
        if let Some(history) = &self.shared.history {
            history.keep();
        }
    }

    /// Runs jobs outside of a transaction or in one.
    fn transact(&mut self, jobs: &mut Jobs<W>) -> rusqlite::Result<()> {
        let writes = self.connection.as_mut().ok_or(rusqlite::Error::InvalidQuery)?;
        let history = self.shared.history.as_deref();
        let noted = match jobs.as_mut_slice() {
            [only] if only.is_outside() => {
                only.run_outside(writes)?;
                history.map(History::notes)
            }
            [only] => alone(&*writes, only, || history.map(History::notes))?,
            _ => {
                let notes = || history.map(History::notes);
                let done = match self.careful {
                    0 => hopefully(&*writes, jobs, notes)?,
                    _ => None,
                };
                self.careful = match (&done, self.careful) {
                    (Some(_), _) => 0,
                    (None, 0) => CAREFUL,
                    (None, left) => left - 1,
                };
                match done {
                    Some(noted) => noted,
                    None => carefully(&*writes, jobs, notes)?,
                }
            }
        };
        if let Some(notes) = noted {
            note(notes, self.log_pages.load(Ordering::Relaxed), &self.shared.path, &mut self.log);
        }
        Ok(())
    }
}

/// Notes the last commit for the history, if the log has any.
fn note(notes: Notes<'_>, frames: u64, database: &Path, log: &mut Option<File>) {
    if frames == 0 {
        return;
    }
    if log.is_none() {
        *log = File::open(log_of(database)).ok();
    }
    match log {
        Some(log) => notes.add_with_log(frames, log),
        None => notes.add(frames),
    }
}

fn execute(connection: &Connection, sql: &str) -> rusqlite::Result<()> {
    connection.prepare_cached(sql)?.execute([]).map(drop)
}

/// Commits what jobs did; gives what `before_commit` did.
fn commit<'j, W: Writes, T>(
    writes: &W,
    jobs: impl IntoIterator<Item = &'j mut Box<dyn Job<W>>>,
    before_commit: impl FnOnce() -> Option<T>,
) -> rusqlite::Result<Option<T>> {
    for job in jobs {
        job.before_commit(writes)?;
    }
    let before = before_commit();
    execute(writes.connection(), ours!("COMMIT")).map(|()| before)
}

/// Runs a job within a transaction of its own.
fn alone<W: Writes, T>(
    writes: &W,
    job: &mut Box<dyn Job<W>>,
    before_commit: impl FnOnce() -> Option<T>,
) -> rusqlite::Result<Option<T>> {
    let connection = writes.connection();
    execute(connection, ours!("BEGIN IMMEDIATE"))?;
    match job.run(writes)? {
        Ran::Keep => commit(writes, [job], before_commit),
        // It may have been rolled back already.
        Ran::Undo if connection.is_autocommit() => Ok(None),
        Ran::Undo => execute(connection, ours!("ROLLBACK")).map(|()| None),
    }
}

/// Runs jobs within a transaction. `None`: one of them is to be undone, and so all of
/// them were; they are to be run carefully.
fn hopefully<W: Writes, T>(
    writes: &W,
    jobs: &mut Jobs<W>,
    before_commit: impl FnOnce() -> Option<T>,
) -> rusqlite::Result<Option<Option<T>>> {
    let connection = writes.connection();
    execute(connection, ours!("BEGIN IMMEDIATE"))?;
    for job in jobs.iter_mut() {
        let ran = job.run(writes)?;
        if connection.is_autocommit() {
            return Ok(None);
        }
        if ran == Ran::Undo {
            return execute(connection, ours!("ROLLBACK")).map(|()| None);
        }
    }
    commit(writes, jobs, before_commit).map(Some)
}

/// Runs jobs within a transaction, each within a savepoint of its own.
fn carefully<W: Writes, T>(
    writes: &W,
    jobs: &mut Jobs<W>,
    before_commit: impl FnOnce() -> Option<T>,
) -> rusqlite::Result<Option<T>> {
    let connection = writes.connection();
    execute(connection, ours!("BEGIN IMMEDIATE"))?;
    let mut kept = Vec::with_capacity(jobs.len());
    for job in jobs {
        execute(connection, ours!("SAVEPOINT _cf_job"))?;
        let ran = job.run(writes)?;
        if connection.is_autocommit() {
            // It rolled back those before it too: each is to be done by itself.
            return Err(rusqlite::Error::SqliteFailure(
                rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_ABORT_ROLLBACK),
                None,
            ));
        }
        match ran {
            Ran::Keep => kept.push(job),
            Ran::Undo => execute(connection, ours!("ROLLBACK TO _cf_job"))?,
        }
        execute(connection, ours!("RELEASE _cf_job"))?;
    }
    commit(writes, kept, before_commit)
}
