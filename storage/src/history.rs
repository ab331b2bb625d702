//! The history of a database, to go back to an earlier state: copies of its logs,
//! and of the database now and then, in a folder beside it.
//!
//! SQLite begins a log anew, or deletes it, only after all of it was copied into
//! the database. Whoever asks SQLite for that copies the log into the history
//! first, and syncs it. So a database (a base) and the logs since then give every
//! state since then: SQLite itself replays them, see [`restore`]. A log is told
//! from the one before by its salts. Where it is not certain that nothing is
//! missing, a new base begins.

mod base;
mod bookmark;
mod disk;
mod folder;
mod known;
mod log;
mod restore;
mod thin;
mod wal;

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::connect::{Role, connect};
use crate::error::Error;
use crate::file::{self, Kind, PAGE_BYTES, first_page};
pub use base::Mark;
use bookmark::{Bookmark, Position};
pub use disk::{Disk, SystemDisk};
use folder::{END, Folder, RESTORE};
use known::Known;
pub use known::Notes;
use wal::{Place, Salts, Wal};

/// Milliseconds since 1970, UTC.
pub type UnixMs = i64;

/// What time it is.
pub type Clock = Arc<dyn Fn() -> UnixMs + Send + Sync>;

/// How far back a database can go if nothing else is said: 30 days, as Cloudflare has it.
pub const KEPT_DAYS: u32 = 30;
const DAY_MS: UnixMs = 24 * 60 * 60 * 1000;

/// How far back a history goes, and how much it may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// What is older goes, in days.
    pub kept_days: u32,
    /// A history may have this many bytes, and `max_databases` times those of the
    /// database.
    pub max_bytes: u64,
    /// See `max_bytes`.
    pub max_databases: u64,
}

impl Limits {
    /// The earliest time that a database can go back to.
    fn earliest(&self, now: UnixMs) -> UnixMs {
        now - UnixMs::from(self.kept_days) * DAY_MS
    }

    /// Bytes that the history of a database of this size may have.
    fn most_bytes(&self, database: u64) -> u64 {
        self.max_bytes.saturating_add(self.max_databases.saturating_mul(database))
    }
}

/// Of which databases a history is, and how it is kept.
#[derive(Debug)]
pub struct Sort {
    /// What the databases are.
    pub kind: Kind,
    /// Logs since a base may be as long as the base, and at least this, in bytes.
    pub logs_bytes: u64,
    /// How much of it there is, if nothing else is said.
    pub limits: Limits,
    /// The newest logs of so many bytes have all states, where others are thinned.
    pub whole_bytes: u64,
    /// A database up to this many bytes is copied when its history begins. One that is
    /// larger waits for [`History::take_base`].
    pub copied_at_once: u64,
}

/// Why a state is not there.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Refusal {
    /// The text is none that a history of this database gave.
    #[error("it is no bookmark of this database")]
    NotABookmark,
    /// It was dropped, or is of a state that was lost.
    #[error("the history does not have that bookmark")]
    Gone,
    /// The time is yet to come.
    #[error("that time is in the future")]
    Future,
    /// It is before what [`Limits::kept_days`] keeps, which is so many days.
    #[error("that time is more than {0} days ago")]
    TooOld(u32),
    /// There is no history.
    #[error("there is no history")]
    Nothing,
    /// It was dropped, or began later.
    #[error("the history does not go back to that time")]
    Before,
    /// The files.
    #[error(transparent)]
    Store(#[from] Error),
}

/// The history of a database.
pub struct History<D = SystemDisk> {
    database: PathBuf,
    sort: &'static Sort,
    limits: Limits,
    /// Bookmarks of another database have another one.
    key: [u8; 32],
    clock: Clock,
    disk: D,
    state: Mutex<State>,
    /// What those know of the log who commit.
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct State {
    /// This process knows that nothing is missing.
    is_whole: bool,
    /// The log that this process copies, and how far it has.
    copied: Option<(u32, Salts, Place)>,
}

impl<D> fmt::Debug for History<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("History").field("database", &self.database).finish_non_exhaustive()
    }
}

impl<D: Disk> History<D> {
    /// That of a database, which need not be there yet.
    pub fn new(database: &Path, sort: &'static Sort, key: [u8; 32], clock: Clock, disk: D) -> Self {
        let (state, known) = Default::default();
        let (database, limits) = (database.to_owned(), sort.limits);
        Self { database, sort, limits, key, clock, disk, state, known }
    }

    /// The same history, with other limits than those of its sort.
    #[must_use]
    pub fn with_limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    fn path(&self) -> PathBuf {
        self.database.with_extension("history")
    }

    fn folder(&self) -> io::Result<Folder<'_, D>> {
        Folder::read(&self.path(), &self.disk)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> UnixMs {
        (self.clock)()
    }

    /// Whether nothing but the first page was ever copied into the database.
    fn is_new(&self) -> bool {
        self.database.metadata().map_or(0, |it| it.len()) <= u64::from(PAGE_BYTES)
    }

    /// A session of the database begins: there is no connection, and nobody may open
    /// one. Restores what is to be restored, and sees to it that nothing is
    /// missing. Tells whether it has another state than before.
    ///
    /// # Errors
    /// [`Refusal::Store`], or why what is to be restored is not there.
    pub fn begin(&self) -> Result<bool, Refusal> {
        let mut state = self.lock();
        if !state.is_whole {
            let begun = self.begin_whole(&mut state);
            self.kept(&mut state, begun);
        }
        self.restore(&mut state)
    }

    fn begin_whole(&self, state: &mut State) -> io::Result<()> {
        let folder = self.folder()?;
        let is_new = self.is_new();
        // What is no database of ours is refused by who opens it.
        let is_other = || file::check(&self.database, &self.sort.kind).is_err();
        let base = Position { log: self.number(&folder)?, frame: 0 };
        state.is_whole = (folder.bases.is_empty() && is_new) || self.is_continued(&folder)?;
        if state.is_whole {
            return Ok(());
        }
        if is_new {
            self.add_base(&folder, base, |to| std::fs::write(to, first_page(&self.sort.kind)))?;
        } else if self.database.metadata()?.len() > self.sort.copied_at_once || is_other() {
            return Ok(());
        } else {
            self.close_log().map_err(io::Error::other)?;
            self.add_base(&folder, base, |to| base::copy(&self.database, to))?;
        }
        state.is_whole = true;
        Ok(())
    }

    /// The last connection that closes copies the log and deletes it.
    fn close_log(&self) -> rusqlite::Result<()> {
        let connection = connect(&self.database, Role::Write)?;
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
        connection.close().map_err(|(_, error)| error)
    }

    /// Whether the database is what the history ends with, and its log the next one.
    fn is_continued(&self, folder: &Folder<'_, D>) -> io::Result<bool> {
        if folder.bases.is_empty() {
            return Ok(false);
        }
        if let Some(wal) = Wal::open(&file::log_of(&self.database))?
            && let Some(newest) = folder.newest_log()
            && let Some(known) = Wal::open(&folder.log(newest))?
        {
            let begun_anew = known.salts[0].wrapping_add(1);
            if wal.salts == known.salts || wal.salts[0] == begun_anew {
                return Ok(true);
            }
        }
        Ok(match (std::fs::read_to_string(folder.path.join(END)), base::stamp(&self.database)) {
            (Ok(end), Ok(stamp)) => end == stamp,
            _ => false,
        })
    }

    /// What cannot be kept ends the history: one with a gap would be wrong.
    fn kept<T>(&self, state: &mut State, result: io::Result<T>) -> Option<T> {
        result
            .inspect_err(|error| {
                tracing::warn!("{}: the history ends: {error}", self.path().display());
                *state = State::default();
                if let Err(error) = self.end() {
                    tracing::error!("{}: not deleted: {error}", self.path().display());
                }
            })
            .ok()
    }

    /// Deletes all but the request to restore a state, which is then refused.
    fn end(&self) -> io::Result<()> {
        let path = self.path();
        let request = path.join(RESTORE);
        let asked = std::fs::read(&request);
        self.delete()?;
        match asked {
            Ok(asked) => {
                std::fs::create_dir(&path)?;
                std::fs::write(&request, asked)
            }
            Err(_) => Ok(()),
        }
    }

    /// Deletes all of it.
    fn delete(&self) -> io::Result<()> {
        delete(&self.database)
    }

    /// Whether the next session is to begin with another state.
    pub fn is_asked(&self) -> bool {
        self.path().join(RESTORE).symlink_metadata().is_ok()
    }

    /// Whether nothing is missing from the history, so that states since its begin can
    /// come back.
    pub fn is_whole(&self) -> bool {
        self.lock().is_whole
    }

    /// Deletes all of it, with a database to which there is no connection.
    ///
    /// # Errors
    /// What the system says.
    pub fn forget(&self) -> io::Result<()> {
        *self.lock() = State::default();
        self.delete()
    }
}

/// Deletes the history of a database to which there is no connection, and whose
/// [`History`] is gone.
///
/// # Errors
/// What the system says.
pub fn delete(database: &Path) -> io::Result<()> {
    match std::fs::remove_dir_all(database.with_extension("history")) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result,
    }
}

/// The state with which a history ends.
fn newest<D: Disk>(folder: &Folder<'_, D>) -> io::Result<Option<Bookmark>> {
    let base = folder.bases.last().map(|it| Bookmark { position: *it, salt: 0 });
    let Some(log) = folder.newest_log() else { return Ok(base) };
    if base.is_some_and(|base| base.position.log > log) {
        return Ok(base);
    }
    Ok(known_log(folder, log)?
        .map(|(frame, salt)| Bookmark { position: Position { log, frame }, salt }))
}

/// Frames and first salt of a log that was copied, or of which there are pieces.
fn known_log<D: Disk>(folder: &Folder<'_, D>, log: u32) -> io::Result<Option<(u32, u32)>> {
    let end = match folder.logs.contains_key(&log) {
        true => Some(Position { log, frame: u32::MAX }),
        false => {
            let all = Position { log, frame: 0 }..=Position { log, frame: u32::MAX };
            folder.thins.range(all).next_back().map(|(at, _)| *at)
        }
    };
    let Some((end, path)) = end.and_then(|end| Some((end, folder.source(end)?))) else {
        return Ok(None);
    };
    let Some(wal) = Wal::open(&path)? else { return Ok(None) };
    let frames = folder.logs.get(&log).map_or(end.frame, |bytes| wal.frames_in(*bytes));
    Ok(Some((frames, wal.salts[0])))
}

/// Whether the state after a frame of a log can be made, which has so many.
fn has_frame<D: Disk>(folder: &Folder<'_, D>, at: Position, frames: u32) -> bool {
    match folder.logs.contains_key(&at.log) {
        true => at.frame <= frames,
        false => folder.thins.contains_key(&at),
    }
}
