//! Bookmarks of an object, and going back to one.

use super::*;

/// The database that is made of a base and logs.
const RESTORED: &str = "restored.sqlite";

impl ObjectStorage {
    /// The bookmark of the state as it is, after a commit of what was written. In
    /// a transaction it is that of the state before. Waits for the disk.
    ///
    /// # Errors
    /// [`Error::Broken`], or [`Error::Sql`] if the history cannot be written.
    pub fn current_bookmark(&self) -> Result<String, Error> {
        self.0.now_kept().map(|bookmark| bookmark.text(self.0.file.id))
    }

    /// The bookmark of the state at a time, in Unix ms: that of the last commit
    /// up to then.
    ///
    /// # Errors
    /// [`Error::Sql`] for a time in the future, or before the history.
    pub fn bookmark_for_time(&self, time: UnixMs) -> Result<String, Error> {
        self.0.now_kept()?;
        let history = &self.0.file.history;
        let bookmark = history.at(time).map_err(|error| history.error(&error))??;
        Ok(bookmark.text(self.0.file.id))
    }

    /// The object's next session begins with the state of this bookmark. Tells
    /// the bookmark of the state as it is, to go back to: the state before it is
    /// restored, unless more is written until then. The last call counts.
    ///
    /// # Errors
    /// [`Error::Sql`] if it is no bookmark of this object, or one that its
    /// history does not have any more.
    pub fn restore_on_next_open(&self, bookmark: &str) -> Result<String, Error> {
        let now = self.0.now_kept()?;
        let (id, history) = (self.0.file.id, &self.0.file.history);
        history.find(bookmark, id)?;
        let state = history.lock();
        let folder = history.folder().map_err(|error| history.error(&error))?;
        let written = folder
            .write_whole(&folder.path.join(RESTORE), |new| std::fs::write(new, bookmark))
            .map_err(|error| history.error(&error));
        drop(state);
        written.map(|()| now.text(id))
    }
}

impl super::super::object::Inner {
    /// Commits, and sees to it that the history has all.
    fn now_kept(self: &std::rc::Rc<Self>) -> Result<Bookmark, Error> {
        // The session begins, and what was asked of the last one is done.
        self.to_read()?;
        if self.dirty.get() && self.levels.borrow().is_empty() {
            self.commit()?;
        }
        self.file.history.keep(&self.file).ok_or_else(|| {
            Error::Sql("The history of this Durable Object cannot be written now.".to_owned())
        })
    }
}

impl History {
    pub(super) fn error(&self, error: &io::Error) -> Error {
        selvedge_storage::failure::io_failure(&self.path, error).into()
    }

    fn at(&self, time: UnixMs) -> io::Result<Result<Bookmark, Error>> {
        let refused = |text: &str| Ok(Err(Error::Sql(text.to_owned())));
        let now = self.now();
        if time > now {
            return refused("Cannot get a bookmark for a time in the future.");
        }
        if time < now - KEPT_MS {
            return refused("Cannot get a bookmark for a time more than 30 days ago.");
        }
        let _state = self.lock();
        let folder = self.folder()?;
        let Some(first) = folder.bases.first().copied() else {
            return refused("There is no history of this Durable Object.");
        };
        let mut logs: Vec<u32> = folder.bases.iter().map(|base| base.log).collect();
        logs.extend(folder.logs.keys());
        logs.sort_unstable();
        logs.dedup();
        for log in logs.into_iter().rev() {
            let known = known_log(&folder, log)?.unwrap_or_default();
            let times = folder.times(log)?;
            let is_there = |frame: u32| {
                let at = Position { log, frame };
                at >= first && (frame > 0 && frame <= known.0 || folder.bases.contains(&at))
            };
            let last = times.iter().rev().find(|(frame, at)| *at <= time && is_there(*frame));
            if let Some((frame, _)) = last {
                let salt = if *frame > 0 { known.1 } else { 0 };
                let position = Position { log, frame: *frame };
                return Ok(Ok(Bookmark { position, salt }));
            }
        }
        refused("The history of this Durable Object does not go back to that time.")
    }

    /// The base and the logs of a bookmark.
    fn find(&self, text: &str, id: ObjectId) -> Result<(Position, Position), Error> {
        let refused = |text: &str| Error::Sql(text.to_owned());
        let Bookmark { position, salt } = Bookmark::parse(text, id)
            .ok_or_else(|| refused("Not a bookmark of this Durable Object."))?;
        let gone = || refused("The history of this Durable Object does not have that bookmark.");
        let folder = self.folder().map_err(|error| self.error(&error))?;
        let base = *folder.bases.range(..=position).next_back().ok_or_else(gone)?;
        if position.frame == 0 {
            return if base == position { Ok((base, position)) } else { Err(gone()) };
        }
        match known_log(&folder, position.log).map_err(|error| self.error(&error))? {
            Some((frames, known)) if known == salt && position.frame <= frames => {
                Ok((base, position))
            }
            _ => Err(gone()),
        }
    }

    /// Restores what the last session asked for. Each step can be done again: the
    /// database is replaced by renaming, and the request goes last.
    pub(super) fn restore(&self, file: &ObjectFile, state: &mut State) -> Result<(), Error> {
        let request = self.path.join(RESTORE);
        let text = match std::fs::read_to_string(&request) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(self.error(&error)),
        };
        file.wait_for_syncer();
        let restored = self.swap(file, &text, state);
        if let Err(error) = &restored {
            tracing::error!("{}: not restored: {error}", self.path.display());
        }
        // What fails for want of space or the like is tried again.
        let is_final = match &restored {
            Ok(()) | Err(Error::Sql(_) | Error::Storage(selvedge_storage::Error::Data(_))) => true,
            Err(_) => false,
        };
        if is_final {
            std::fs::remove_file(&request)
                .and_then(|()| self.disk.sync_folder_of(&request))
                .map_err(|error| self.error(&error))?;
        }
        restored
    }

    fn swap(&self, file: &ObjectFile, text: &str, state: &mut State) -> Result<(), Error> {
        let io = |error: io::Error| self.error(&error);
        let (base, position) = self.find(text, file.id)?;
        let folder = self.folder().map_err(io)?;
        let restored = folder.path.join(RESTORED);
        self.build(&folder, base, position, &restored)?;
        check(&restored)?;
        // The state before it is kept, and its log gone.
        if file.path.symlink_metadata().is_ok() {
            self.copy_log(file, state).map_err(io)?;
            tidy::close(file).map_err(|error| self.sqlite_error(&error))?;
            if log_of(&file.path).symlink_metadata().is_ok() {
                let text = format!("{} is in use by another program", file.path.display());
                return Err(selvedge_storage::Error::Unavailable(text).into());
            }
        }
        let folder = self.folder().map_err(io)?;
        let next = Position { log: folder.next_log(self.now()), frame: 0 };
        let new = folder.path.join("next.sqlite");
        folder
            .write_whole(&new, |to| copy(&restored, to))
            .and_then(|()| self.disk.rename(&new, &file.path))
            .and_then(|()| self.disk.sync_folder_of(&file.path))
            .and_then(|()| self.add_base(&folder, next, |to| self.disk.rename(&restored, to)))
            .and_then(|()| std::fs::write(folder.path.join(END), stamp(&file.path)?))
            .map_err(io)?;
        state.is_whole = true;
        state.copied = None;
        // The index is compared with the alarm of the state that is back.
        file.lock_alarm().known = None;
        self.notes.lock().unwrap_or_else(PoisonError::into_inner).clear();
        Ok(())
    }

    /// Replays the logs from a base to a position.
    fn build(
        &self,
        folder: &Folder,
        base: Position,
        until: Position,
        path: &Path,
    ) -> Result<(), Error> {
        let io = |error: io::Error| self.error(&error);
        selvedge_storage::file::remove(path).map_err(io)?;
        copy(&folder.base(base), path).map_err(io)?;
        if until.frame == 0 {
            return Ok(());
        }
        for log in folder.logs.range(base.log..=until.log).map(|(log, _)| *log) {
            let known = known_log(folder, log).map_err(io)?.unwrap_or_default().0;
            let frames = if log == until.log { until.frame } else { known };
            let damaged = || {
                let text = format!("{} is damaged", folder.log(log).display());
                Error::from(selvedge_storage::Error::Data(text))
            };
            let wal = Wal::open(&folder.log(log)).map_err(io)?.ok_or_else(damaged)?;
            let mut beside = File::create(log_of(path)).map_err(io)?;
            wal.copy(0, wal.bytes_of(frames), &mut beside).map_err(io)?;
            // SQLite takes a log as far as it is whole.
            if replay(path).map_err(|error| self.sqlite_error(&error))? != i64::from(frames) {
                return Err(damaged());
            }
        }
        Ok(())
    }

    fn sqlite_error(&self, error: &rusqlite::Error) -> Error {
        selvedge_storage::failure::failure(&self.path, error).into()
    }
}

/// Copies the log beside a database into it, and tells how many frames it has.
fn replay(path: &Path) -> rusqlite::Result<i64> {
    let connection = rusqlite::Connection::open(path)?;
    connection.execute_batch("PRAGMA synchronous = OFF; PRAGMA trusted_schema = OFF")?;
    let frames =
        connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |row| row.get::<_, i64>(2))?;
    connection.close().map_err(|(_, error)| error)?;
    Ok(frames)
}
