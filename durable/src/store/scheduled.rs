//! How far the scheduler has gone through the alarms of an index.
//!
//! It goes through them in the order of their times, and does not look back: each
//! question costs the same, however many alarms are pending or on their way. What
//! moves to a place that was passed by is noted here.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::UnixMs;
use super::id::ObjectId;

/// What the scheduler has of the alarms. Each that is indexed up to `upto` is
/// taken, or was passed by.
#[derive(Debug, Default)]
pub(super) struct Scheduled {
    /// On their way to their objects.
    pub(super) taken: HashSet<ObjectId>,
    /// The last one that was taken.
    pub(super) upto: Option<(UnixMs, ObjectId)>,
    /// Those before that are not taken.
    passed: BTreeSet<(UnixMs, ObjectId)>,
    times: HashMap<ObjectId, UnixMs>,
    /// Entries of the index that were read.
    pub(super) scanned: u64,
}

impl Scheduled {
    /// The earliest of those that were passed by and are due.
    pub(super) fn passed_by(&self, until: UnixMs, limit: usize) -> Vec<(UnixMs, ObjectId)> {
        self.passed.iter().take_while(|(time, _)| *time <= until).take(limit).copied().collect()
    }

    /// One is on its way.
    pub(super) fn take(&mut self, (time, id): (UnixMs, ObjectId)) {
        self.drop_passed(id);
        self.taken.insert(id);
        self.upto = self.upto.max(Some((time, id)));
    }

    /// The index has this time for an object now.
    pub(super) fn is_at(&mut self, id: ObjectId, alarm: Option<UnixMs>) {
        self.drop_passed(id);
        if let Some(time) = alarm
            && Some((time, id)) <= self.upto
            && !self.taken.contains(&id)
        {
            self.passed.insert((time, id));
            self.times.insert(id, time);
        }
    }

    /// The index is gone through from its beginning.
    pub(super) fn forget(&mut self) {
        self.upto = None;
        self.passed.clear();
        self.times.clear();
    }

    fn drop_passed(&mut self, id: ObjectId) {
        if let Some(time) = self.times.remove(&id) {
            self.passed.remove(&(time, id));
        }
    }
}
