//! The alarm of an object: in its own file, in the transaction of its writes.
//!
//! The namespace's index knows it too, so that the scheduler finds it
//! without opening the object. The index is never later than the file: a time
//! that moves earlier is in the index before the commit, one that moves later
//! after the commit is on disk.

use super::UnixMs;
use super::object::ObjectStorage;
use crate::error::Error;

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

impl ObjectStorage {
    /// When the alarm goes off, in Unix ms. `None` while it runs, unless its
    /// handler set another.
    pub fn get_alarm(&self) -> Result<Option<UnixMs>, Error> {
        unimplemented!()
    }

    /// Sets the alarm, whatever it was before.
    pub fn set_alarm(&self, time: UnixMs) -> Result<(), Error> {
        let _ = time;
        unimplemented!()
    }

    /// Deletes the alarm.
    pub fn delete_alarm(&self) -> Result<(), Error> {
        unimplemented!()
    }

    /// The scheduler found the alarm in the index: is it to run? The file decides.
    pub fn alarm_started(&self, now: UnixMs) -> Result<AlarmStart, Error> {
        let _ = now;
        unimplemented!()
    }

    /// The handler of the alarm has ended. What is changed here is in the
    /// implicit transaction: [`ObjectStorage::commit`] follows.
    pub fn alarm_ended(&self, end: AlarmEnd) -> Result<(), Error> {
        let _ = end;
        unimplemented!()
    }
}
