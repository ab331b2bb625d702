//! Bases: the database as it was, from which logs lead on, and what is dropped.

use std::io;
use std::path::Path;

use rusqlite::Connection;
use rusqlite::backup::{Backup, StepResult};

use super::bookmark::{Bookmark, Position};
use super::disk::Disk;
use super::folder::{END, Folder};
use super::wal::Wal;
use super::{History, newest};
use crate::error::Error;
use crate::failure::io_failure;
use crate::file::{PAGE_BYTES, log_of};

/// So much of a database is copied before it is asked whether to go on: 16 MiB.
const STEP_PAGES: std::ffi::c_int = (16 << 20) / PAGE_BYTES as std::ffi::c_int;

/// A state of which a base can be taken.
#[derive(Debug, Clone, Copy)]
pub struct Mark(Bookmark);

impl<D: Disk> History<D> {
    pub(super) fn add_base(
        &self,
        folder: &Folder<'_, D>,
        at: Position,
        write: impl FnOnce(&Path) -> io::Result<()>,
    ) -> io::Result<()> {
        if folder.path.symlink_metadata().is_err() {
            std::fs::create_dir_all(&folder.path)?;
            self.disk.sync_folder_of(&folder.path)?;
        }
        if at.frame == 0 {
            // Before a new database there was nothing for ever.
            let is_new = folder.bases.is_empty() && folder.logs.is_empty() && self.is_new();
            folder.add_times(at.log, &[(0, if is_new { 0 } else { self.now() })])?;
        }
        folder.write_whole(&folder.base(at), write)
    }

    /// Whether a new base is due.
    fn is_base_due(&self) -> io::Result<bool> {
        let folder = self.folder()?;
        let Some(base) = folder.bases.last() else { return Ok(true) };
        let logs = folder.log_bytes_from(base.log);
        Ok(logs > self.sort.logs_bytes.max(folder.base(*base).metadata()?.len()))
    }

    /// The database was closed, and is one file: takes a base if one is due, and
    /// drops what is too old.
    pub fn rest(&self) {
        let mut state = self.lock();
        let rested = (|| {
            if self.is_base_due()? {
                self.rebase(|to| copy(&self.database, to))?;
            }
            self.drop_old()?;
            std::fs::write(self.path().join(END), stamp(&self.database)?)
        })();
        self.kept(&mut state, rested);
    }

    /// Begins to read while no commit is made. Tells after which frame of the log
    /// that is, if the history does not have it yet.
    ///
    /// # Errors
    /// What `begin` says.
    pub fn pin<E>(&self, begin: impl FnOnce() -> Result<(), E>) -> Result<Option<u32>, E> {
        let known = self.lock_known();
        begin()?;
        Ok(known.times.last().map(|(frame, _)| *frame))
    }

    /// Takes a base of the state after a frame of the log, which a connection sees,
    /// while others go on, if one is due. The history has that frame.
    pub fn rest_live(&self, reader: &Connection, frame: Option<u32>) {
        let mut state = self.lock();
        let rested = (|| {
            let at = match (frame, state.copied) {
                (Some(frame), Some((log, _, place))) if frame <= place.frames => {
                    Position { log, frame }
                }
                _ => return Ok(()),
            };
            if self.is_base_due()? {
                let folder = self.folder()?;
                if !folder.bases.contains(&at) {
                    self.add_base(&folder, at, |to| back_up(reader, to, &|| true))?;
                }
                state.is_whole = true;
                self.drop_old()?;
            }
            Ok(())
        })();
        self.kept(&mut state, rested);
    }

    /// A writer of the database has closed it, and its log is empty: who finds it so
    /// knows that nothing is missing.
    pub fn closed(&self) {
        let state = self.lock();
        let path = self.path().join(END);
        if state.is_whole
            && path.parent().is_some_and(Path::exists)
            && let Err(error) = stamp(&self.database).and_then(|stamp| std::fs::write(&path, stamp))
        {
            tracing::warn!("{}: not written: {error}", path.display());
        }
    }

    /// Whether a base is to be taken: of what there is no whole history of, or has
    /// long logs.
    pub fn is_due(&self) -> bool {
        !self.is_whole() || self.is_base_due().unwrap_or(false)
    }

    /// Where the present state is. It stays that while nobody commits.
    ///
    /// # Errors
    /// What the system says.
    pub fn mark(&self) -> Result<Mark, Error> {
        if let Some(bookmark) = self.keep_all() {
            return Ok(Mark(bookmark));
        }
        let io = |error: io::Error| io_failure(&self.path(), &error);
        let wal = Wal::open(&log_of(&self.database)).map_err(io)?;
        let frame = match &wal {
            Some(wal) => wal.last_commit(wal.start()).map_err(io)?.frames,
            None => 0,
        };
        let wal = wal.filter(|_| frame > 0);
        let position = Position { log: self.number_of(wal.as_ref()), frame };
        Ok(Mark(Bookmark { position, salt: wal.map_or(0, |wal| wal.salts[0]) }))
    }

    /// Notes the present state as [`History::head`], while nobody commits.
    ///
    /// # Errors
    /// What the system says.
    pub fn note_head(&self) -> Result<(), Error> {
        let is_empty = || {
            let folder = self.folder()?;
            let wal = Wal::open(&log_of(&self.database))?;
            Ok(self.is_new() && folder.bases.is_empty() && wal.is_none())
        };
        let bookmark = match is_empty().map_err(|error| io_failure(&self.path(), &error))? {
            // Nothing is written for a database that nobody has written yet.
            true => {
                Bookmark { position: Position { log: self.number_of(None), frame: 0 }, salt: 0 }
            }
            false => self.mark()?.0,
        };
        self.set_head(bookmark);
        Ok(())
    }

    /// Takes a base of a state that a connection sees. It is given up as soon as
    /// `goes_on` is false. Blocks, but nobody else.
    ///
    /// # Errors
    /// What the system or SQLite says; the history goes on as it was.
    pub fn take_base(
        &self,
        Mark(at): Mark,
        reader: &Connection,
        goes_on: &dyn Fn() -> bool,
    ) -> Result<(), Error> {
        let path = self.path();
        let taken = path.join("base.sqlite");
        let made = (|| {
            if path.symlink_metadata().is_err() {
                std::fs::create_dir_all(&path)?;
                self.disk.sync_folder_of(&path)?;
            }
            back_up(reader, &taken, goes_on)?;
            let mut state = self.lock();
            let folder = self.folder()?;
            if !folder.bases.contains(&at.position) {
                if !state.is_whole && at.position.frame > 0 {
                    folder.add_times(at.position.log, &[(at.position.frame, self.now())])?;
                }
                self.add_base(&folder, at.position, |to| self.disk.rename(&taken, to))?;
            }
            state.is_whole = true;
            Ok(())
        })();
        if made.is_err() {
            // What is left of it is nobody's.
            let _ = std::fs::remove_file(&taken);
        }
        made.map_err(|error| io_failure(&path, &error))
    }

    /// A new base, of the state with which the history ends.
    fn rebase(&self, write: impl FnOnce(&Path) -> io::Result<()>) -> io::Result<()> {
        let folder = self.folder()?;
        let at = match newest(&folder)? {
            Some(bookmark) => bookmark.position,
            None => Position { log: self.number_of(None), frame: 0 },
        };
        if folder.bases.contains(&at) { Ok(()) } else { self.add_base(&folder, at, write) }
    }

    /// Drops what is too old, and what is too much.
    pub(super) fn drop_old(&self) -> io::Result<()> {
        let mut folder = self.folder()?;
        if self.is_asked() {
            return Ok(());
        }
        let database = self.database.metadata().map_or(0, |it| it.len());
        let most = self.limits.most_bytes(database);
        while let Some(second) = folder.bases.iter().nth(1).copied() {
            let times = folder.times(second.log)?;
            let begun = match times.iter().rev().find(|(frame, _)| *frame <= second.frame) {
                Some((_, time)) => Some(*time),
                // Its log was thinned: it is no newer than what was made of that.
                None => match folder.logs_from(second.log).first() {
                    Some(log) => folder.times(*log)?.last().map(|(_, time)| *time),
                    None => None,
                },
            };
            let is_old = begun.is_some_and(|time| time < self.limits.earliest(self.now()));
            if !is_old && folder.bytes()? <= most {
                break;
            }
            folder.drop_before(second)?;
        }
        Ok(())
    }
}

pub(super) fn copy(from: &Path, to: &Path) -> io::Result<()> {
    std::fs::copy(from, to).map(drop)
}

fn back_up(from: &Connection, to: &Path, goes_on: &dyn Fn() -> bool) -> io::Result<()> {
    match std::fs::remove_file(to) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let copied = Connection::open(to).and_then(|mut target| {
        target.execute_batch("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF")?;
        let backup = Backup::new(from, &mut target)?;
        while match backup.step(STEP_PAGES)? {
            StepResult::Done => false,
            StepResult::More if goes_on() => true,
            _ => {
                return Err(rusqlite::Error::SqliteFailure(
                    rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_BUSY),
                    Some("the database was not copied".to_owned()),
                ));
            }
        } {}
        drop(backup);
        target.close().map_err(|(_, error)| error)
    });
    copied.map_err(io::Error::other)
}

/// What changes whenever a database does.
pub(super) fn stamp(path: &Path) -> io::Result<String> {
    let metadata = path.metadata()?;
    let since = metadata.modified()?.duration_since(std::time::UNIX_EPOCH);
    Ok(format!("{} {}", metadata.len(), since.map_or(0, |since| since.as_nanos())))
}
