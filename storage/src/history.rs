//! The history of an object, for point-in-time recovery: copies of its logs, and
//! of its database now and then, in a folder beside it.
//!
//! SQLite begins a log anew, or deletes it, only after all of it was copied into
//! the database. Whoever asks SQLite for that copies the log into the history
//! first, and syncs it. So a database (a base) and the logs since then give every
//! state since then: SQLite itself replays them, see [`restore`]. A log is told
//! from the one before by its salts. Where it is not certain that nothing is
//! missing, a new base begins.

mod bookmark;
mod folder;
mod restore;
mod wal;

use std::fs::{File, OpenOptions};
use std::io::{self, Seek as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::UnixMs;
use super::database::{check, first_page};
use super::disk::Disk;
use super::durability::{ObjectFile, log_of};
use super::id::ObjectId;
use super::object::ObjectStorage;
use super::objects::Clock;
use super::tidy;
use crate::error::Error;
use bookmark::{Bookmark, Position};
use folder::{END, Folder, RESTORE};
use selvedge_storage::file::PAGE_BYTES;
use wal::{Place, Salts, Wal};

/// How far back an object can go: 30 days, as Cloudflare has it.
const KEPT_MS: UnixMs = 30 * 24 * 60 * 60 * 1000;
/// Logs since a base may be as long as the base, and at least 4 MiB.
const LOGS_BYTES: u64 = if cfg!(test) { 128 << 10 } else { 4 << 20 };
/// A history may be this long, and four times the database: 16 MiB.
const MAX_BYTES: u64 = if cfg!(test) { 2 << 20 } else { 16 << 20 };
const MAX_DATABASES: u64 = 4;

/// The history of an object.
pub(super) struct History {
    path: PathBuf,
    clock: Clock,
    disk: Disk,
    state: Mutex<State>,
    /// When commits were made that are in no history: frames of the log, which
    /// grow until it begins anew, and times.
    notes: Mutex<Vec<(u32, UnixMs)>>,
}

#[derive(Debug, Default)]
struct State {
    /// This process knows that nothing is missing.
    is_whole: bool,
    /// The log that this process copies, and how far it has.
    copied: Option<(u32, Salts, Place)>,
}

/// Notes of commits; while it is held, none is copied.
pub(super) struct Notes<'a> {
    notes: MutexGuard<'a, Vec<(u32, UnixMs)>>,
    clock: &'a Clock,
}

impl Notes<'_> {
    /// A commit was made, after which the log has so many frames.
    pub(super) fn add(mut self, frames: u64) {
        let frame = u32::try_from(frames).unwrap_or(u32::MAX);
        let now = (self.clock)();
        match self.notes.last_mut() {
            Some(last) if last.1 == now && last.0 < frame => last.0 = frame,
            Some(last) if last.0 == frame => {}
            _ => self.notes.push((frame, now)),
        }
    }
}

impl History {
    pub(super) fn new(database: &Path, clock: Clock, disk: Disk) -> Self {
        let path = database.with_extension("history");
        let (state, notes) = Default::default();
        Self { path, clock, disk, state, notes }
    }

    fn folder(&self) -> io::Result<Folder> {
        Folder::read(&self.path, &self.disk)
    }

    /// To be held while a commit is made, and until it is noted.
    pub(super) fn notes(&self) -> Notes<'_> {
        let notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
        Notes { notes, clock: &self.clock }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> UnixMs {
        (self.clock)()
    }

    /// A session of the object begins: there is no connection, and nobody may open
    /// one. Restores what is to be restored, and sees to it that nothing is
    /// missing.
    pub(super) fn begin(&self, file: &ObjectFile) -> Result<(), Error> {
        let mut state = self.lock();
        if !state.is_whole {
            let begun = self.begin_whole(file, &mut state);
            self.kept(&mut state, begun);
        }
        self.restore(file, &mut state)
    }

    fn begin_whole(&self, file: &ObjectFile, state: &mut State) -> io::Result<()> {
        let folder = self.folder()?;
        let is_new = file.path.metadata().map_or(0, |it| it.len()) <= u64::from(PAGE_BYTES);
        // What is no database of ours is refused by who opens it.
        let is_other = || check(&file.path).is_err();
        let base = Position { log: folder.next_log(self.now()), frame: 0 };
        state.is_whole = (folder.bases.is_empty() && is_new) || self.is_continued(file, &folder)?;
        if state.is_whole {
            return Ok(());
        }
        if is_new {
            self.add_base(&folder, base, |to| std::fs::write(to, first_page()))?;
        } else if is_other() {
            return Ok(());
        } else {
            tidy::close(file).map_err(io::Error::other)?;
            self.add_base(&folder, base, |to| copy(&file.path, to))?;
        }
        state.is_whole = true;
        Ok(())
    }

    /// Whether the database is what the history ends with, and its log the next one.
    fn is_continued(&self, file: &ObjectFile, folder: &Folder) -> io::Result<bool> {
        if folder.bases.is_empty() {
            return Ok(false);
        }
        if let Some(wal) = Wal::open(&log_of(&file.path))?
            && let Some(newest) = folder.newest_log()
            && let Some(known) = Wal::open(&folder.log(newest))?
        {
            let begun_anew = known.salts[0].wrapping_add(1);
            if wal.salts == known.salts || wal.salts[0] == begun_anew {
                return Ok(true);
            }
        }
        Ok(match (std::fs::read_to_string(folder.path.join(END)), stamp(&file.path)) {
            (Ok(end), Ok(stamp)) => end == stamp,
            _ => false,
        })
    }

    /// Copies what the log has, so that SQLite may begin it anew. If that fails,
    /// the history ends here. Tells the state that the object is in.
    pub(super) fn keep(&self, file: &ObjectFile) -> Option<Bookmark> {
        let mut state = self.lock();
        let copied = self.copy_log(file, &mut state);
        self.kept(&mut state, copied).flatten()
    }

    /// What cannot be kept ends the history: one with a gap would be wrong.
    fn kept<T>(&self, state: &mut State, result: io::Result<T>) -> Option<T> {
        result
            .inspect_err(|error| {
                tracing::warn!("{}: the history ends: {error}", self.path.display());
                *state = State::default();
                if let Err(error) = self.end() {
                    tracing::error!("{}: not deleted: {error}", self.path.display());
                }
            })
            .ok()
    }

    /// Deletes all but the request to restore a state, which is then refused.
    fn end(&self) -> io::Result<()> {
        let request = self.path.join(RESTORE);
        let asked = std::fs::read(&request);
        self.delete()?;
        match asked {
            Ok(asked) => {
                std::fs::create_dir(&self.path)?;
                std::fs::write(&request, asked)
            }
            Err(_) => Ok(()),
        }
    }

    /// Deletes all of it.
    fn delete(&self) -> io::Result<()> {
        match std::fs::remove_dir_all(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            result => result,
        }
    }

    /// Whether the next session is to begin with another state.
    pub(super) fn is_asked(&self) -> bool {
        self.path.join(RESTORE).symlink_metadata().is_ok()
    }

    /// Deletes all of it, with an object to which there is no connection.
    pub(super) fn forget(&self) -> io::Result<()> {
        *self.lock() = State::default();
        self.delete()
    }

    fn copy_log(&self, file: &ObjectFile, state: &mut State) -> io::Result<Option<Bookmark>> {
        let mut folder = self.folder()?;
        if folder.bases.is_empty() {
            // Nothing but the first page was ever copied into a new database.
            let is_new = file.path.metadata().map_or(0, |it| it.len()) <= u64::from(PAGE_BYTES);
            if !is_new {
                return Ok(None);
            }
            let base = Position { log: folder.next_log(self.now()), frame: 0 };
            self.add_base(&folder, base, |to| std::fs::write(to, first_page()))?;
            folder = self.folder()?;
            state.is_whole = true;
        }
        if let Some(wal) = Wal::open(&log_of(&file.path))? {
            self.copy_frames(&wal, &folder, state)?;
            folder = self.folder()?;
        }
        newest(&folder)
    }

    fn copy_frames(&self, wal: &Wal, folder: &Folder, state: &mut State) -> io::Result<()> {
        let known = match folder.newest_log() {
            Some(log) => Wal::open(&folder.log(log))?.map(|it| (log, it.salts)),
            None => None,
        };
        let (log, from) = match (state.copied, known) {
            (Some((log, salts, place)), _) if salts == wal.salts => (log, place),
            // A crash may have left anything of what an earlier process copied.
            (_, Some((log, salts))) if salts == wal.salts => (log, wal.start()),
            _ => match folder.bases.last() {
                Some(base) if Some(base.log) > folder.newest_log() => (base.log, wal.start()),
                _ => (folder.next_log(self.now()), wal.start()),
            },
        };
        let until = wal.last_commit(from)?;
        if until.frames == from.frames {
            return Ok(());
        }
        self.copy_times(wal, folder, log, until.frames)?;
        let path = folder.log(log);
        if from.frames == 0 {
            folder.write_whole(&path, |new| {
                wal.copy(0, wal.bytes_of(until.frames), &mut File::create(new)?)
            })?;
        } else {
            // Not to append: the system copies into no file that was opened so.
            let mut to = OpenOptions::new().write(true).open(&path)?;
            // A copy that failed may have left something.
            to.set_len(wal.bytes_of(from.frames))?;
            to.seek(io::SeekFrom::End(0))?;
            wal.copy(wal.bytes_of(from.frames), wal.bytes_of(until.frames), &mut to)?;
            self.disk.sync_open_file(&path, &to)?;
        }
        state.copied = Some((log, wal.salts, until));
        Ok(())
    }

    fn copy_times(&self, wal: &Wal, folder: &Folder, log: u32, until: u32) -> io::Result<()> {
        let mut times = {
            let mut notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
            let newer = notes.iter().position(|(frame, _)| *frame > until);
            let newer = newer.unwrap_or(notes.len());
            let newer = notes.split_off(newer);
            std::mem::replace(&mut *notes, newer)
        };
        // A process that was killed has noted nothing.
        if times.last().is_none_or(|(frame, _)| *frame < until) {
            times.push((until, wal.written()?));
        }
        folder.add_times(log, &times)
    }

    fn add_base(
        &self,
        folder: &Folder,
        at: Position,
        write: impl FnOnce(&Path) -> io::Result<()>,
    ) -> io::Result<()> {
        if folder.path.symlink_metadata().is_err() {
            std::fs::create_dir_all(&folder.path)?;
            self.disk.sync_folder_of(&folder.path)?;
        }
        if at.frame == 0 {
            // Before a new object there was nothing for ever.
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
        Ok(logs > LOGS_BYTES.max(folder.base(*base).metadata()?.len()))
    }

    /// The database was closed, and is one file: takes a base if one is due, and
    /// drops what is too old.
    pub(super) fn rest(&self, file: &ObjectFile) {
        let mut state = self.lock();
        let rested = (|| {
            if self.is_base_due()? {
                self.rebase(|to| copy(&file.path, to))?;
            }
            self.drop_old(file)?;
            std::fs::write(self.path.join(END), stamp(&file.path)?)
        })();
        self.kept(&mut state, rested);
    }

    /// Begins to read while no commit is made. Tells after which frame of the log
    /// that is, if the history does not have it yet.
    pub(super) fn pin<E>(&self, begin: impl FnOnce() -> Result<(), E>) -> Result<Option<u32>, E> {
        let notes = self.notes.lock().unwrap_or_else(PoisonError::into_inner);
        begin()?;
        Ok(notes.last().map(|(frame, _)| *frame))
    }

    /// Takes a base of the state after a frame of the log, which a connection sees,
    /// while its object goes on, if one is due. The history has that frame.
    pub(super) fn rest_live(
        &self,
        file: &ObjectFile,
        reader: &rusqlite::Connection,
        frame: Option<u32>,
    ) {
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
                self.drop_old(file)?;
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
    fn drop_old(&self, file: &ObjectFile) -> io::Result<()> {
        let mut folder = self.folder()?;
        if self.is_asked() {
            return Ok(());
        }
        let database = file.path.metadata().map_or(0, |it| it.len());
        let most = MAX_BYTES + MAX_DATABASES * database;
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

/// The state with which a history ends.
fn newest(folder: &Folder) -> io::Result<Option<Bookmark>> {
    let base = folder.bases.last().map(|it| Bookmark { position: *it, salt: 0 });
    let Some(log) = folder.newest_log() else { return Ok(base) };
    if base.is_some_and(|base| base.position.log > log) {
        return Ok(base);
    }
    Ok(known_log(folder, log)?
        .map(|(frame, salt)| Bookmark { position: Position { log, frame }, salt }))
}

/// Frames and first salt of a log that was copied.
fn known_log(folder: &Folder, log: u32) -> io::Result<Option<(u32, u32)>> {
    let Some(bytes) = folder.logs.get(&log) else { return Ok(None) };
    let Some(wal) = Wal::open(&folder.log(log))? else { return Ok(None) };
    let frames = (bytes - wal.bytes_of(0)) / (wal.bytes_of(1) - wal.bytes_of(0));
    Ok(Some((u32::try_from(frames).unwrap_or(u32::MAX), wal.salts[0])))
}

fn copy(from: &Path, to: &Path) -> io::Result<()> {
    std::fs::copy(from, to).map(drop)
}

fn back_up(from: &rusqlite::Connection, to: &Path) -> io::Result<()> {
    match std::fs::remove_file(to) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let copied = rusqlite::Connection::open(to).and_then(|mut target| {
        target.execute_batch("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF")?;
        match rusqlite::backup::Backup::new(from, &mut target)?.step(-1)? {
            rusqlite::backup::StepResult::Done => {}
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
fn stamp(path: &Path) -> io::Result<String> {
    let metadata = path.metadata()?;
    let since = metadata.modified()?.duration_since(std::time::UNIX_EPOCH);
    Ok(format!("{} {}", metadata.len(), since.map_or(0, |since| since.as_nanos())))
}
