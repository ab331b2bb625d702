//! Bases: the database as it was, from which logs lead on, and what is dropped.

use std::io;
use std::path::Path;

use rusqlite::Connection;
use rusqlite::backup::{Backup, StepResult};

use super::bookmark::Position;
use super::disk::Disk;
use super::folder::{END, Folder};
use super::{History, KEPT_MS, newest};

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
            let is_new = folder.bases.is_empty() && folder.logs.is_empty();
            folder.add_times(at.log, &[(0, if is_new { 0 } else { self.now() })])?;
        }
        folder.write_whole(&folder.base(at), write)
    }

    /// Whether a new base is due.
    fn is_base_due(&self) -> io::Result<bool> {
        let folder = self.folder()?;
        let Some(base) = folder.bases.last() else { return Ok(true) };
        let logs: u64 = folder.logs.range(base.log..).map(|(_, bytes)| bytes).sum();
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
        let notes = self.lock_notes();
        begin()?;
        Ok(notes.last().map(|(frame, _)| *frame))
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
                    self.add_base(&folder, at, |to| back_up(reader, to))?;
                }
                state.is_whole = true;
                self.drop_old()?;
            }
            Ok(())
        })();
        self.kept(&mut state, rested);
    }

    /// A new base, of the state with which the history ends.
    fn rebase(&self, write: impl FnOnce(&Path) -> io::Result<()>) -> io::Result<()> {
        let folder = self.folder()?;
        let at = match newest(&folder)? {
            Some(bookmark) => bookmark.position,
            None => Position { log: folder.next_log(self.now()), frame: 0 },
        };
        if folder.bases.contains(&at) { Ok(()) } else { self.add_base(&folder, at, write) }
    }

    /// Drops what is older than 30 days, and what is too much.
    fn drop_old(&self) -> io::Result<()> {
        let mut folder = self.folder()?;
        if self.is_asked() {
            return Ok(());
        }
        let database = self.database.metadata().map_or(0, |it| it.len());
        let most = self.sort.max_bytes + self.sort.max_databases * database;
        while let Some(second) = folder.bases.iter().nth(1).copied() {
            let times = folder.times(second.log)?;
            let begun = times.iter().rev().find(|(frame, _)| *frame <= second.frame);
            let is_old = begun.is_some_and(|(_, time)| *time < self.now() - KEPT_MS);
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

fn back_up(from: &Connection, to: &Path) -> io::Result<()> {
    match std::fs::remove_file(to) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let copied = Connection::open(to).and_then(|mut target| {
        target.execute_batch("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF")?;
        match Backup::new(from, &mut target)?.step(-1)? {
            StepResult::Done => {}
            _ => {
                return Err(rusqlite::Error::SqliteFailure(
                    rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_BUSY),
                    Some("the database was not copied".to_owned()),
                ));
            }
        }
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
