//! The alarm of an object: in its own file, in the transaction of its writes.
//!
//! The namespace's index knows it too, so that the scheduler finds it
//! without opening the object. The index is never later than the file: a time
//! that moves earlier is in the index before the commit, one that moves later
//! after the commit is on disk.

use std::rc::Rc;
use std::sync::{MutexGuard, PoisonError};

use rusqlite::OptionalExtension as _;

use super::UnixMs;
use super::database::Database;
use super::durability::ObjectFile;
use super::index::AlarmEntry;
use super::object::{Inner, ObjectStorage};
use crate::error::Error;
use selvedge_storage::ours;

/// `next` is when it goes off: at `time` first, later when it is tried again.
const MAKE_TABLE: &str = "CREATE TABLE _cf_ALARM (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    time INTEGER NOT NULL,
    next INTEGER NOT NULL,
    retries INTEGER NOT NULL
)";

/// Whether an alarm that the scheduler found is to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AlarmStart {
    /// It is to run now. [`ObjectStorage::alarm_ended`] must follow.
    Run {
        /// When it was set for.
        scheduled: UnixMs,
        /// How often it was tried before: 0 at first.
        retries: u32,
    },
    /// There is none any more, or it was moved to this later time. The index is
    /// put right.
    NotNow(Option<UnixMs>),
}

/// How the run of an alarm ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AlarmEnd {
    /// It is done, or given up: it is deleted, unless its handler set another.
    Finished,
    /// It is to be tried again at this time, with one more retry to its name,
    /// unless its handler set another.
    Retry {
        /// When.
        at: UnixMs,
    },
}

#[derive(Debug, Clone, Copy)]
struct Alarm {
    time: UnixMs,
    next: UnixMs,
    retries: u32,
}

impl ObjectStorage {
    /// When the alarm goes off, in Unix ms. `None` while it runs, unless its
    /// handler set another.
    pub fn get_alarm(&self) -> Result<Option<UnixMs>, Error> {
        if self.0.alarm_runs.get() && !self.0.alarm_changed.get() {
            return Ok(None);
        }
        Ok(self.0.alarm()?.map(|alarm| alarm.time))
    }

    /// Sets the alarm, whatever it was before.
    pub fn set_alarm(&self, time: UnixMs) -> Result<(), Error> {
        self.0.write_alarm(Some(Alarm { time, next: time, retries: 0 }))?;
        self.0.alarm_changed.set(true);
        Ok(())
    }

    /// Deletes the alarm.
    pub fn delete_alarm(&self) -> Result<(), Error> {
        self.0.write_alarm(None)?;
        self.0.alarm_changed.set(true);
        Ok(())
    }

    /// The scheduler found the alarm in the index: is it to run? The file decides.
    pub fn alarm_started(&self, now: UnixMs) -> Result<AlarmStart, Error> {
        match self.0.alarm()? {
            Some(Alarm { time, next, retries }) if next <= now && !self.0.alarm_runs.get() => {
                self.0.alarm_runs.set(true);
                self.0.alarm_changed.set(false);
                Ok(AlarmStart::Run { scheduled: time, retries })
            }
            other => {
                if !self.0.alarm_runs.get() {
                    self.0.give_back_alarm()?;
                }
                Ok(AlarmStart::NotNow(other.map(|alarm| alarm.next)))
            }
        }
    }

    /// The handler of the alarm has ended. What is changed here is in the
    /// implicit transaction: [`ObjectStorage::commit`] follows.
    pub fn alarm_ended(&self, end: AlarmEnd) -> Result<(), Error> {
        self.0.alarm_runs.set(false);
        if !self.0.alarm_changed.get()
            && let Some(alarm) = self.0.alarm()?
        {
            self.0.write_alarm(match end {
                AlarmEnd::Finished => None,
                AlarmEnd::Retry { at } => {
                    Some(Alarm { next: at, retries: alarm.retries.saturating_add(1), ..alarm })
                }
            })?;
        }
        self.0.give_back_alarm()
    }
}

impl Inner {
    fn alarm(self: &Rc<Self>) -> Result<Option<Alarm>, Error> {
        match self.to_read()? {
            Some(database) => self.read_alarm(&database),
            None => Ok(None),
        }
    }

    fn read_alarm(self: &Rc<Self>, database: &Database) -> Result<Option<Alarm>, Error> {
        if !database.tables()?.alarm {
            return Ok(None);
        }
        self.run(database, |connection| {
            connection
                .prepare_cached(ours!("SELECT time, next, retries FROM _cf_ALARM"))?
                .query_row([], |row| {
                    Ok(Alarm { time: row.get(0)?, next: row.get(1)?, retries: row.get(2)? })
                })
                .optional()
        })
    }

    fn write_alarm(self: &Rc<Self>, alarm: Option<Alarm>) -> Result<(), Error> {
        if alarm.is_none() && self.alarm()?.is_none() {
            return Ok(());
        }
        let database = self.to_write()?;
        if !database.tables()?.alarm {
            self.run(&database, |connection| connection.execute_batch(MAKE_TABLE))?;
            database.forget_tables();
        }
        self.alarm_dirty.set(true);
        self.run(&database, |connection| match alarm {
            None => connection.prepare_cached(ours!("DELETE FROM _cf_ALARM"))?.execute([]),
            Some(Alarm { time, next, retries }) => connection
                .prepare_cached(ours!("REPLACE INTO _cf_ALARM VALUES (1, ?1, ?2, ?3)"))?
                .execute((time, next, retries)),
        })?;
        Ok(())
    }

    /// The scheduler may find the alarm again, once the index is right.
    fn give_back_alarm(self: &Rc<Self>) -> Result<(), Error> {
        let mut entry = self.file.lock_alarm();
        entry.give_back = true;
        if self.alarm_dirty.get() || entry.pending.is_some() {
            // With the commit.
            return Ok(());
        }
        drop(entry);
        let next = self.alarm()?.map(|alarm| alarm.next);
        self.file.set_indexed_alarm(next)
    }

    /// Before a commit: an alarm that moves earlier goes into the index, one that
    /// moves later waits for the commit.
    pub(super) fn index_alarm_before(self: &Rc<Self>, database: &Database) -> Result<(), Error> {
        if !self.alarm_dirty.get() {
            return Ok(());
        }
        let next = self.read_alarm(database)?.map(|alarm| alarm.next);
        let mut entry = self.file.lock_alarm();
        let known = self.file.known_alarm(&mut entry)?;
        let earlier = next.is_some_and(|next| known.is_none_or(|known| next < known));
        if earlier {
            let index = &self.registry.index;
            let seq = index.set_alarm(self.file.id, next)?;
            entry.written = seq;
            entry.known = Some(next);
            entry.pending = None;
            self.index.set(self.index.get().max(entry.written));
            let give_back = std::mem::take(&mut entry.give_back);
            drop(entry);
            if give_back {
                index.give_back(self.file.id);
            }
            index.tell_earlier();
        } else {
            // What the index has may not be on disk yet: an instance that was reset
            // wrote it and did not wait.
            self.index.set(self.index.get().max(entry.written));
            entry.pending = Some((self.file.next_seq(), next));
        }
        Ok(())
    }

    /// After opening: the file is right, if the index has something else.
    pub(super) fn compare_alarm(self: &Rc<Self>, database: &Database) -> Result<(), Error> {
        let mut entry = self.file.lock_alarm();
        if entry.known.is_some() {
            return Ok(());
        }
        let known = self.file.known_alarm(&mut entry)?;
        drop(entry);
        let next = self.read_alarm(database)?.map(|alarm| alarm.next);
        if next == known { Ok(()) } else { self.file.set_indexed_alarm(next) }
    }
}

impl ObjectFile {
    pub(super) fn lock_alarm(&self) -> MutexGuard<'_, AlarmEntry> {
        self.alarm.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn known_alarm(&self, entry: &mut AlarmEntry) -> Result<Option<UnixMs>, Error> {
        if let Some(known) = entry.known {
            return Ok(known);
        }
        // What is read may not be on disk yet.
        entry.written = entry.written.max(self.index.written());
        let known = self.index.get(self.id)?.and_then(|info| info.alarm);
        entry.known = Some(known);
        Ok(known)
    }

    /// Sets what the index has to what is in the file, on disk.
    fn set_indexed_alarm(&self, next: Option<UnixMs>) -> Result<(), Error> {
        let mut entry = self.lock_alarm();
        self.index_alarm(&mut entry, next)?;
        drop(entry);
        self.index.tell_earlier();
        Ok(())
    }

    fn index_alarm(&self, entry: &mut AlarmEntry, next: Option<UnixMs>) -> Result<(), Error> {
        if self.known_alarm(entry)? != next {
            entry.written = self.index.set_alarm(self.id, next)?;
            entry.known = Some(next);
        }
        if std::mem::take(&mut entry.give_back) {
            self.index.give_back(self.id);
        }
        Ok(())
    }

    /// Commits up to `durable` are on disk: what waited for them goes into the
    /// index.
    pub(super) fn move_alarm_later(&self, durable: u64) {
        let mut entry = self.lock_alarm();
        let Some((_, next)) = entry.pending.take_if(|(seq, _)| *seq <= durable) else { return };
        let moved = self.index_alarm(&mut entry, next);
        drop(entry);
        match moved {
            Ok(()) => self.index.tell_earlier(),
            // Too early is put right when it goes off.
            Err(error) => {
                tracing::warn!("{}: its alarm is still indexed: {error}", self.path.display());
            }
        }
    }
}
