//! Bookmarks of a database, and going back to one.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use rusqlite::Connection;

use super::bookmark::{Bookmark, Position};
use super::disk::Disk;
use super::folder::{END, Folder, RESTORE};
use super::wal::Wal;
use super::{History, Refusal, State, UnixMs, base, has_frame, known_log};
use crate::error::Error;
use crate::failure::{failure, io_failure};
use crate::file::{self, log_of};

/// The database that is made of a base and logs.
const RESTORED: &str = "restored.sqlite";

impl<D: Disk> History<D> {
    /// The bookmark of the state as it is, after all commits that were made. `None`
    /// if there is no history, or it cannot be written.
    pub fn current(&self) -> Option<String> {
        self.keep_all().map(|bookmark| bookmark.text(&self.key))
    }

    /// The bookmark of the state at a time: that of the last commit up to then, of
    /// those that the history has.
    ///
    /// # Errors
    /// [`Refusal::Future`], [`Refusal::TooOld`], [`Refusal::Nothing`],
    /// [`Refusal::Before`].
    pub fn at(&self, time: UnixMs) -> Result<String, Refusal> {
        let now = self.now();
        if time > now {
            return Err(Refusal::Future);
        }
        if time < self.limits.earliest(now) {
            return Err(Refusal::TooOld(self.limits.kept_days));
        }
        let _state = self.lock();
        let found = self.last_before(time).map_err(|error| self.error(&error))?;
        found.map(|bookmark| bookmark.text(&self.key))
    }

    fn last_before(&self, time: UnixMs) -> io::Result<Result<Bookmark, Refusal>> {
        let folder = self.folder()?;
        let Some(first) = folder.bases.first().copied() else {
            return Ok(Err(Refusal::Nothing));
        };
        let mut logs = folder.logs_from(0);
        logs.extend(folder.bases.iter().map(|base| base.log));
        for log in logs.into_iter().rev() {
            let known = known_log(&folder, log)?.unwrap_or_default();
            let times = folder.times(log)?;
            let is_there = |frame: u32| {
                let at = Position { log, frame };
                let is_in_log = frame > 0 && has_frame(&folder, at, known.0);
                at >= first && (is_in_log || folder.bases.contains(&at))
            };
            let last = times.iter().rev().find(|(frame, at)| *at <= time && is_there(*frame));
            if let Some((frame, _)) = last {
                let salt = if *frame > 0 { known.1 } else { 0 };
                let position = Position { log, frame: *frame };
                return Ok(Ok(Bookmark { position, salt }));
            }
        }
        Ok(Err(Refusal::Before))
    }

    /// The next session begins with the state of this bookmark. The last call counts.
    ///
    /// # Errors
    /// [`Refusal::NotABookmark`], [`Refusal::Gone`].
    pub fn ask(&self, bookmark: &str) -> Result<(), Refusal> {
        let _state = self.lock();
        self.find(bookmark)?;
        let written = self.folder().and_then(|folder| {
            let request = folder.path.join(RESTORE);
            folder.write_whole(&request, |new| std::fs::write(new, bookmark))
        });
        written.map_err(|error| self.error(&error).into())
    }

    fn error(&self, error: &io::Error) -> Error {
        io_failure(&self.path(), error)
    }

    fn sqlite_error(&self, error: &rusqlite::Error) -> Error {
        failure(&self.path(), error)
    }

    /// The base and the logs of a bookmark.
    fn find(&self, text: &str) -> Result<(Position, Position), Refusal> {
        let Bookmark { position, salt } =
            Bookmark::parse(text, &self.key).ok_or(Refusal::NotABookmark)?;
        let folder = self.folder().map_err(|error| self.error(&error))?;
        let base = *folder.bases.range(..=position).next_back().ok_or(Refusal::Gone)?;
        if position.frame == 0 {
            return if base == position { Ok((base, position)) } else { Err(Refusal::Gone) };
        }
        let known = known_log(&folder, position.log).map_err(|error| self.error(&error))?;
        let is_same = salt == 0 || known.is_none_or(|(_, known)| known == salt);
        let is_there = base == position
            || known.is_some_and(|(frames, _)| has_frame(&folder, position, frames));
        if is_same && is_there { Ok((base, position)) } else { Err(Refusal::Gone) }
    }

    /// Restores what the last session asked for, and tells whether it did. Each step
    /// can be done again: the database is replaced by renaming, and the request goes
    /// last.
    pub(super) fn restore(&self, state: &mut State) -> Result<bool, Refusal> {
        let request = self.path().join(RESTORE);
        let text = match std::fs::read_to_string(&request) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(self.error(&error).into()),
        };
        let restored = self.swap(&text, state);
        if let Err(error) = &restored {
            tracing::error!("{}: not restored: {error}", self.path().display());
        }
        // What fails for want of space or the like is tried again.
        let is_final = match &restored {
            Err(Refusal::Store(error)) => matches!(error, Error::Data(_)),
            _ => true,
        };
        if is_final {
            std::fs::remove_file(&request)
                .and_then(|()| self.disk.sync_folder_of(&request))
                .map_err(|error| self.error(&error))?;
        }
        restored.map(|()| true)
    }

    fn swap(&self, text: &str, state: &mut State) -> Result<(), Refusal> {
        let io = |error: io::Error| self.error(&error);
        let (base, position) = self.find(text)?;
        let folder = self.folder().map_err(io)?;
        let restored = folder.path.join(RESTORED);
        self.build(&folder, base, position, &restored)?;
        file::check(&restored, &self.sort.kind)?;
        // The state before it is kept, and its log gone.
        if self.database.symlink_metadata().is_ok() {
            self.copy_log(state).map_err(io)?;
            self.close_log().map_err(|error| self.sqlite_error(&error))?;
            if log_of(&self.database).symlink_metadata().is_ok() {
                let text = format!("{} is in use by another program", self.database.display());
                return Err(Error::Unavailable(text).into());
            }
        }
        let folder = self.folder().map_err(io)?;
        let next = Position { log: folder.next_log(self.now()), frame: 0 };
        let new = folder.path.join("next.sqlite");
        folder
            .write_whole(&new, |to| base::copy(&restored, to))
            .and_then(|()| self.disk.rename(&new, &self.database))
            .and_then(|()| self.disk.sync_folder_of(&self.database))
            .and_then(|()| self.add_base(&folder, next, |to| self.disk.rename(&restored, to)))
            .and_then(|()| std::fs::write(folder.path.join(END), base::stamp(&self.database)?))
            .map_err(io)?;
        state.is_whole = true;
        state.copied = None;
        self.begin_at(next.log);
        Ok(())
    }

    /// Builds the database of a bookmark, in a file of the history that is to be
    /// discarded. Meanwhile no base may be taken. Blocks.
    ///
    /// # Errors
    /// [`Refusal::NotABookmark`], [`Refusal::Gone`].
    pub fn build_at(&self, bookmark: &str) -> Result<PathBuf, Refusal> {
        let (base, position) = self.find(bookmark)?;
        let folder = self.folder().map_err(|error| self.error(&error))?;
        let restored = folder.path.join(RESTORED);
        self.build(&folder, base, position, &restored)?;
        file::check(&restored, &self.sort.kind)?;
        Ok(restored)
    }

    /// Deletes what was built.
    pub fn discard_built(&self) {
        let restored = self.path().join(RESTORED);
        if restored.symlink_metadata().is_ok()
            && let Err(error) = file::remove(&restored)
        {
            tracing::warn!("{}: not deleted: {error}", restored.display());
        }
    }

    /// Replays the logs from a base to a position.
    fn build(
        &self,
        folder: &Folder<'_, D>,
        base: Position,
        until: Position,
        path: &Path,
    ) -> Result<(), Error> {
        let io = |error: io::Error| self.error(&error);
        file::remove(path).map_err(io)?;
        base::copy(&folder.base(base), path).map_err(io)?;
        if until.frame == 0 {
            return Ok(());
        }
        for at in folder.way(base, until) {
            let source = folder.source(at).unwrap_or_else(|| folder.log(at.log));
            let damaged = || Error::Data(format!("{} is damaged", source.display()));
            let wal = Wal::open(&source).map_err(io)?.ok_or_else(damaged)?;
            let all = wal.frames_in(source.metadata().map_err(io)?.len());
            let is_whole = folder.logs.contains_key(&at.log);
            let frames = if is_whole && at == until { until.frame } else { all };
            let mut beside = File::create(log_of(path)).map_err(io)?;
            wal.copy(0, wal.bytes_of(frames), &mut beside).map_err(io)?;
            // SQLite takes a log as far as it is whole.
            if replay(path).map_err(|error| self.sqlite_error(&error))? != i64::from(frames) {
                return Err(damaged());
            }
        }
        Ok(())
    }
}

/// Copies the log beside a database into it, and tells how many frames it has.
fn replay(path: &Path) -> rusqlite::Result<i64> {
    let connection = Connection::open(path)?;
    connection.execute_batch("PRAGMA synchronous = OFF; PRAGMA trusted_schema = OFF")?;
    let frames =
        connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |row| row.get::<_, i64>(2))?;
    connection.close().map_err(|(_, error)| error)?;
    Ok(frames)
}
