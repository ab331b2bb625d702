//! Time Travel: bookmarks of earlier states, and going back to one.
//!
//! A restored state is written over the database as one transaction of SQLite: a
//! process that is killed meanwhile leaves the state before it, readers see one or
//! the other, and the log has it as any commit, so that it can be undone.

use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

use rusqlite::Connection;
use rusqlite::backup::{Backup, StepResult};
use selvedge_storage::Error;
use selvedge_storage::connect::{Role, connect};
use selvedge_storage::group::{Failed, Job, Ran, Writer};
use selvedge_storage::history::{
    History, KEPT_DAYS, Limits, Mark, Refusal as Denied, Sort, UnixMs,
};
use tokio::sync::oneshot;

use super::db::Db;
use super::{DATABASE, Later, Shared, SqliteStore, blocking, closed};

/// What databases keep of what they were if nothing else is said: 256 MiB, and four times
/// the database, for 30 days.
pub(super) const HISTORY_LIMITS: Limits = Limits {
    kept_days: KEPT_DAYS,
    max_bytes: if cfg!(test) { 40 << 20 } else { 256 << 20 },
    max_databases: 4,
};

/// How histories are kept.
pub(super) const HISTORY: Sort = Sort {
    kind: DATABASE,
    logs_bytes: if cfg!(test) { 128 << 10 } else { 16 << 20 },
    limits: HISTORY_LIMITS,
    whole_bytes: if cfg!(test) { 1 << 20 } else { 64 << 20 },
    // What is larger is copied beside the writes.
    copied_at_once: if cfg!(test) { 64 << 10 } else { 32 << 20 },
};

/// A database went back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restored {
    /// The state that it went back to.
    pub bookmark: String,
    /// The state before that, to undo it.
    pub previous_bookmark: String,
}

/// Why a database did not go back, or has no bookmark.
#[derive(Debug, Clone, thiserror::Error)]
pub enum TravelError {
    /// What was asked for is wrong, or not there any more.
    #[error("{0}")]
    Refused(String),
    /// The store.
    #[error(transparent)]
    Store(#[from] Error),
}

impl From<Denied> for TravelError {
    fn from(denied: Denied) -> Self {
        let text = match denied {
            Denied::Store(error) => return Self::Store(error),
            Denied::NotABookmark => "Not a bookmark of this database.",
            Denied::Gone => "The history of this database does not have that bookmark.",
            Denied::Future => "Cannot get a bookmark for a time in the future.",
            Denied::TooOld(days) => {
                let days = if days == 1 { "1 day".to_owned() } else { format!("{days} days") };
                return Self::Refused(format!(
                    "Cannot get a bookmark for a time more than {days} ago."
                ));
            }
            Denied::Nothing | Denied::Before => {
                "The history of this database does not go back to that time."
            }
        };
        Self::Refused(text.to_owned())
    }
}

impl SqliteStore {
    /// The bookmark of the present state, or that of the state at a time, in Unix ms:
    /// the one of the last commit up to then.
    pub fn time_travel_bookmark(&self, at: Option<UnixMs>) -> Later<Result<String, TravelError>> {
        let travel = self.travel();
        Box::pin(async move { blocking(move || travel.bookmark(at)).await? })
    }

    /// Goes back to the state of a bookmark. Calls that came before are answered
    /// first, and those that come later see that state.
    pub fn time_travel_restore(&self, bookmark: String) -> Later<Result<Restored, TravelError>> {
        let travel = self.travel();
        Box::pin(async move { blocking(move || travel.restore(bookmark)).await? })
    }

    /// Takes a base of the history, where one is due, and thins it. Blocks.
    pub(super) fn rest_history(&self) {
        let history = &self.shared.history;
        if !history.was_written() || self.shared.ending.load(Ordering::Relaxed) {
            return;
        }
        let travel = self.travel();
        let rested = match history.is_due() {
            true => travel.take_base(),
            false => Ok(()),
        };
        if let Err(error) = rested.and_then(|()| travel.thin()) {
            tracing::warn!(
                "{}: its history was left as it is: {error}",
                self.shared.path.display()
            );
        }
    }

    fn travel(&self) -> Travel {
        Travel { shared: self.shared.clone(), writer: self.writer.clone() }
    }
}

/// What travels take. All of it blocks.
struct Travel {
    shared: Arc<Shared>,
    writer: Writer<Db>,
}

impl Travel {
    fn bookmark(&self, at: Option<UnixMs>) -> Result<String, TravelError> {
        let now = self.kept()?;
        Ok(match at {
            Some(at) => self.shared.history.at(at)?,
            None => now,
        })
    }

    /// Sees to it that the history has all. Tells the bookmark of the present state.
    fn kept(&self) -> Result<String, TravelError> {
        if self.shared.closed.load(Ordering::Relaxed) {
            return Err(closed().into());
        }
        let history = &self.shared.history;
        let now = match history.current() {
            None => {
                self.take_base()?;
                history.current()
            }
            now => now,
        };
        let unwritten = || Error::Unavailable("the history cannot be written now".to_owned());
        Ok(now.ok_or_else(unwritten)?)
    }

    fn take_base(&self) -> Result<(), Error> {
        let _turn = self.shared.travels.lock().unwrap_or_else(PoisonError::into_inner);
        let (history, path) = (self.shared.history.clone(), self.shared.path.clone());
        let (reader, mark) = self.ask(|told| {
            let marked = move |_: &mut Db| marked(&path, &history);
            Box::new(Outside { work: marked, done: None, told })
        })?;
        let goes_on = || !self.shared.ending.load(Ordering::Relaxed);
        self.shared.history.take_base(mark, &reader, &goes_on)
    }

    fn thin(&self) -> Result<(), Error> {
        let _turn = self.shared.travels.lock().unwrap_or_else(PoisonError::into_inner);
        self.shared.history.thin(&|| !self.shared.ending.load(Ordering::Relaxed))
    }

    fn restore(&self, bookmark: String) -> Result<Restored, TravelError> {
        self.kept()?;
        let _turn = self.shared.travels.lock().unwrap_or_else(PoisonError::into_inner);
        let history = self.shared.history.clone();
        let built = history.build_at(&bookmark)?;
        let restored = self.ask(|told| {
            let write = move |db: &mut Db| overwrite(db, &built, &history);
            Box::new(Outside { work: write, done: None, told })
        });
        self.shared.history.discard_built();
        let (previous_bookmark, size) = restored?;
        self.shared.size.store(size, Ordering::Relaxed);
        Ok(Restored { bookmark, previous_bookmark })
    }

    /// Has the writer do something outside of a transaction.
    fn ask<T>(
        &self,
        job: impl FnOnce(oneshot::Sender<Result<T, Error>>) -> Box<dyn Job<Db>>,
    ) -> Result<T, Error> {
        let (told, answer) = oneshot::channel();
        self.writer.submit(job(told));
        let ended = |_| Error::Internal("the writer has ended".to_owned());
        answer.blocking_recv().map_err(ended)?
    }
}

/// Work of the writer outside of a transaction.
struct Outside<F, T> {
    work: F,
    done: Option<Result<T, Error>>,
    told: oneshot::Sender<Result<T, Error>>,
}

impl<F, T> Job<Db> for Outside<F, T>
where
    F: Fn(&mut Db) -> rusqlite::Result<Result<T, Error>> + Send,
    T: Send,
{
    fn bytes(&self) -> usize {
        0
    }

    fn is_outside(&self) -> bool {
        true
    }

    fn run(&mut self, _: &Db) -> rusqlite::Result<Ran> {
        Ok(Ran::Undo)
    }

    fn run_outside(&mut self, db: &mut Db) -> rusqlite::Result<()> {
        self.done = Some((self.work)(db)?);
        Ok(())
    }

    fn done(self: Box<Self>, result: Result<(), Failed>) {
        let nothing = || Error::Internal("it was not done".to_owned());
        let done = match result {
            Ok(()) => self.done.unwrap_or_else(|| Err(nothing())),
            Err(failed) => Err(failed.into()),
        };
        // Who asked may be gone.
        let _ = self.told.send(done);
    }
}

/// A connection that sees the present state, and goes on seeing it.
fn marked(path: &Path, history: &History) -> rusqlite::Result<Result<(Connection, Mark), Error>> {
    let reader = connect(path, Role::Read)?;
    reader.execute_batch("BEGIN")?;
    reader.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
    Ok(history.mark().map(|mark| (reader, mark)))
}

/// Writes another database over this one. Gives the bookmark of the state before, and
/// the size of the new one.
fn overwrite(
    db: &mut Db,
    with: &Path,
    history: &History,
) -> rusqlite::Result<Result<(String, u64), Error>> {
    let Some(previous) = history.current() else {
        let text = "the history cannot be written now".to_owned();
        return Ok(Err(Error::Unavailable(text)));
    };
    let from = Connection::open(with)?;
    let copy = Backup::new(&from, &mut db.connection)?;
    if copy.step(-1)? != StepResult::Done {
        let busy = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_BUSY);
        return Err(rusqlite::Error::SqliteFailure(busy, None));
    }
    drop(copy);
    db.written.forget_tables();
    db.forget_size();
    Ok(Ok((previous, db.size()?)))
}
