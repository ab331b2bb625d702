//! Copying logs into the history.

use std::fs::{File, OpenOptions};
use std::io::{self, Seek as _};

use super::bookmark::{Bookmark, Position};
use super::disk::Disk;
use super::folder::Folder;
use super::wal::Wal;
use super::{History, State, newest};
use crate::file::{first_page, log_of};

impl<D: Disk> History<D> {
    /// Copies what the log has, so that SQLite may begin it anew. If that fails,
    /// the history ends here. Tells whether there is a history, with all of it.
    pub fn keep(&self) -> bool {
        self.keep_all().is_some()
    }

    /// The same. Tells the state that the database is in.
    pub(super) fn keep_all(&self) -> Option<Bookmark> {
        let mut state = self.lock();
        let copied = self.copy_log(&mut state);
        self.kept(&mut state, copied).flatten()
    }

    pub(super) fn copy_log(&self, state: &mut State) -> io::Result<Option<Bookmark>> {
        let mut folder = self.folder()?;
        let wal = Wal::open(&log_of(&self.database))?;
        if folder.bases.is_empty() {
            // Nothing but the first page was ever copied into a new database.
            if !self.is_new() {
                return Ok(None);
            }
            let base = Position { log: self.number_of(wal.as_ref()), frame: 0 };
            self.add_base(&folder, base, |to| std::fs::write(to, first_page(&self.sort.kind)))?;
            folder = self.folder()?;
            state.is_whole = true;
        } else if !state.is_whole {
            // Something is missing between what it has and the log.
            return Ok(None);
        }
        if let Some(wal) = wal {
            self.copy_frames(&wal, &folder, state)?;
            folder = self.folder()?;
        }
        newest(&folder)
    }

    fn copy_frames(&self, wal: &Wal, folder: &Folder<'_, D>, state: &mut State) -> io::Result<()> {
        let (log, from) = match state.copied {
            Some((log, salts, place)) if salts == wal.salts => (log, place),
            // A crash may have left anything of what an earlier process copied.
            _ => (self.number_of(Some(wal)), wal.start()),
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

    fn copy_times(
        &self,
        wal: &Wal,
        folder: &Folder<'_, D>,
        log: u32,
        until: u32,
    ) -> io::Result<()> {
        let mut times = {
            let times = &mut self.lock_known().times;
            let newer = times.iter().position(|(frame, _)| *frame > until);
            let newer = newer.unwrap_or(times.len());
            let newer = times.split_off(newer);
            std::mem::replace(times, newer)
        };
        // A process that was killed has noted nothing.
        if times.last().is_none_or(|(frame, _)| *frame < until) {
            times.push((until, wal.written()?));
        }
        folder.add_times(log, &times)
    }
}
