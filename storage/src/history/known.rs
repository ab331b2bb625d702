//! What those who commit know of a log: when commits were made, and which log it is.

use std::fs::File;
use std::io;
use std::sync::{MutexGuard, PoisonError};

use super::bookmark::{Bookmark, Position};
use super::disk::Disk;
use super::folder::Folder;
use super::wal::{Salts, Wal, salts_of};
use super::{Clock, History, UnixMs};

/// It is locked for moments only, but for the time of a commit.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// When commits were made that are in no history: frames of the log, which
    /// grow until it begins anew, and times.
    pub(super) times: Vec<(u32, UnixMs)>,
    /// The number of the log with these salts, the newest that got one.
    current: Option<(u32, Salts)>,
    /// The number of the next log; 0 if nobody has looked.
    next: u32,
    /// The last commit, where it is noted with its log.
    head: Option<Bookmark>,
    /// There were commits since somebody asked.
    committed: bool,
}

impl Known {
    fn number_of(&mut self, salts: Salts) -> u32 {
        match self.current {
            Some((log, known)) if known == salts => log,
            _ => {
                let log = self.next;
                self.next = log.saturating_add(1);
                self.current = Some((log, salts));
                log
            }
        }
    }
}

/// Notes of commits; while it is held, none is copied.
pub struct Notes<'a> {
    known: MutexGuard<'a, Known>,
    clock: &'a Clock,
}

impl Notes<'_> {
    /// A commit was made, after which the log has so many frames.
    pub fn add(mut self, frames: u64) {
        self.add_time(frames);
    }

    fn add_time(&mut self, frames: u64) {
        let frame = u32::try_from(frames).unwrap_or(u32::MAX);
        let now = (self.clock)();
        self.known.committed = true;
        let times = &mut self.known.times;
        match times.last_mut() {
            Some(last) if last.1 == now && last.0 < frame => last.0 = frame,
            Some(last) if last.0 == frame => {}
            _ => times.push((frame, now)),
        }
    }

    /// The same, with the log, so that [`History::head`] names the commit.
    pub fn add_with_log(mut self, frames: u64, log: &File) {
        self.add_time(frames);
        let frame = u32::try_from(frames).unwrap_or(u32::MAX);
        if let Ok(salts) = salts_of(log) {
            let position = Position { log: self.known.number_of(salts), frame };
            self.known.head = Some(Bookmark { position, salt: salts[0] });
        }
    }
}

impl<D: Disk> History<D> {
    /// To be held while a commit is made, and until it is noted.
    pub fn notes(&self) -> Notes<'_> {
        Notes { known: self.lock_known(), clock: &self.clock }
    }

    pub(super) fn lock_known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Finds out which numbers logs have got. Tells that of the next one.
    pub(super) fn number(&self, folder: &Folder<'_, D>) -> io::Result<u32> {
        let newest = folder.newest_log();
        let current = match newest {
            Some(log) => Wal::open(&folder.log(log))?.map(|it| (log, it.salts)),
            None => None,
        };
        let next = match folder.bases.last() {
            Some(base) if Some(base.log) > newest => base.log,
            _ => folder.next_log(self.now()),
        };
        let mut known = self.lock_known();
        known.current = current;
        known.next = known.next.max(next);
        Ok(known.next)
    }

    /// The number of the log that is there, which gets one if it has none, and the one
    /// of the next log if there is none.
    pub(super) fn number_of(&self, wal: Option<&Wal>) -> u32 {
        let mut known = self.lock_known();
        match wal {
            Some(wal) => known.number_of(wal.salts),
            None => known.next,
        }
    }

    /// The next log has this number.
    pub(super) fn begin_at(&self, next: u32) {
        let mut known = self.lock_known();
        known.times.clear();
        known.current = None;
        known.next = next;
    }

    /// Whether there were commits since the last call.
    pub fn was_written(&self) -> bool {
        std::mem::take(&mut self.lock_known().committed)
    }

    /// The bookmark of the last commit, of those that were noted with their log. It is
    /// at hand: nothing is written for it.
    pub fn head(&self) -> Option<String> {
        let head = self.lock_known().head;
        head.map(|bookmark| bookmark.text(&self.key))
    }

    /// What [`History::head`] tells before the first commit.
    pub(super) fn set_head(&self, head: Bookmark) {
        self.lock_known().head = Some(head);
    }
}
