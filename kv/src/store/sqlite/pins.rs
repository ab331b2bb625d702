//! Values in pieces that somebody reads or writes, whatever their key does.
//!
//! A value that loses its key becomes an orphan in the database. The writer
//! deletes orphans that nobody holds a [`Pin`] on. Pins end with the process, so
//! after a crash all orphans are swept.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{Shared, ValueId};

#[derive(Debug, Default)]
pub(super) struct Pins(Mutex<Pinned>);

/// The values that are held.
#[derive(Debug, Default)]
pub(super) struct Pinned(HashMap<ValueId, Held>);

#[derive(Debug, Default)]
struct Held {
    holders: usize,
    /// Whether the last holder leaves an orphan.
    orphan: bool,
}

impl Pins {
    /// While it is locked, nobody else pins, and no orphan is chosen for
    /// deletion.
    pub(super) fn lock(&self) -> MutexGuard<'_, Pinned> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pinned {
    pub(super) fn holds(&self, id: ValueId) -> bool {
        self.0.contains_key(&id)
    }

    /// The value lost its key, or gained one. Says whether somebody holds it.
    pub(super) fn set_orphan(&mut self, id: ValueId, orphan: bool) -> bool {
        self.0.get_mut(&id).map(|held| held.orphan = orphan).is_some()
    }

    fn add(&mut self, id: ValueId) {
        self.0.entry(id).or_default().holders += 1;
    }

    /// Whether it was the last one, of an orphan.
    fn remove(&mut self, id: ValueId) -> bool {
        let Some(held) = self.0.get_mut(&id) else { return false };
        held.holders -= 1;
        if held.holders > 0 {
            return false;
        }
        self.0.remove(&id).is_some_and(|held| held.orphan)
    }
}

/// Keeps the pieces of a value.
pub(super) struct Pin {
    shared: Arc<Shared>,
    pub(super) id: ValueId,
}

impl Pin {
    /// Pins a value that has a key, which was seen under this lock.
    pub(super) fn found(shared: &Arc<Shared>, pinned: &mut Pinned, id: ValueId) -> Self {
        pinned.add(id);
        Self { shared: shared.clone(), id }
    }

    /// Pins a value that is about to be written: an orphan until it is finished.
    pub(super) fn new_value(shared: &Arc<Shared>, id: ValueId) -> Self {
        let mut pinned = shared.pins.lock();
        pinned.add(id);
        pinned.set_orphan(id, true);
        Self { shared: shared.clone(), id }
    }
}

impl Drop for Pin {
    fn drop(&mut self) {
        let orphan = self.shared.pins.lock().remove(self.id);
        if orphan {
            Shared::sweep_orphans(&self.shared);
        }
    }
}
