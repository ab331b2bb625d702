//! Which isolate has which object: at most one has it at any time.
//!
//! An isolate takes an object before it begins and gives it back when it is
//! gone, storage and all. Who finds it taken sends the request there.
//! [`Placement`] is the seam for more than one process; [`LocalPlacement`] is the
//! directory of this one.

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt::{self, Debug};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use selvedge_runtime::ThreadNumber;

use crate::id::ObjectId;

/// Parts of the directory, each with a lock of its own.
const SHARDS: usize = 16;

/// An object among those of all namespaces.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ObjectKey {
    /// The id of its namespace.
    pub namespace: Arc<str>,
    pub id: ObjectId,
}

/// Who has which object.
pub trait Placement: Debug + Send + Sync {
    /// Takes an object for a thread. Taking what one has already is no error.
    ///
    /// # Errors
    /// With the thread that has it.
    fn take(&self, object: &ObjectKey, thread: ThreadNumber) -> Result<(), ThreadNumber>;

    /// The thread that has the object.
    fn find(&self, object: &ObjectKey) -> Option<ThreadNumber>;

    /// The thread has it no more. Nothing happens if it is another's.
    fn give_back(&self, object: &ObjectKey, thread: ThreadNumber);

    /// How many objects a thread has.
    fn count(&self, thread: ThreadNumber) -> usize;
}

/// The directory of a process.
#[derive(Default)]
pub struct LocalPlacement {
    shards: [Mutex<Shard>; SHARDS],
}

#[derive(Default)]
struct Shard {
    owners: HashMap<ObjectKey, ThreadNumber>,
    counts: HashMap<ThreadNumber, usize>,
}

impl Debug for LocalPlacement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LocalPlacement")
    }
}

impl LocalPlacement {
    fn shard(&self, object: &ObjectKey) -> MutexGuard<'_, Shard> {
        // The second half of an id is a hash.
        let at = usize::from(object.id.as_bytes()[31]) % SHARDS;
        self.shards[at].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Placement for LocalPlacement {
    fn take(&self, object: &ObjectKey, thread: ThreadNumber) -> Result<(), ThreadNumber> {
        let mut shard = self.shard(object);
        match shard.owners.entry(object.clone()) {
            Entry::Occupied(owner) if *owner.get() == thread => Ok(()),
            Entry::Occupied(owner) => Err(*owner.get()),
            Entry::Vacant(entry) => {
                entry.insert(thread);
                *shard.counts.entry(thread).or_default() += 1;
                Ok(())
            }
        }
    }

    fn find(&self, object: &ObjectKey) -> Option<ThreadNumber> {
        self.shard(object).owners.get(object).copied()
    }

    fn give_back(&self, object: &ObjectKey, thread: ThreadNumber) {
        let mut shard = self.shard(object);
        if shard.owners.get(object) != Some(&thread) {
            return;
        }
        shard.owners.remove(object);
        if let Entry::Occupied(mut count) = shard.counts.entry(thread) {
            *count.get_mut() -= 1;
            if *count.get() == 0 {
                count.remove();
            }
        }
    }

    fn count(&self, thread: ThreadNumber) -> usize {
        let of = |shard: &Mutex<Shard>| {
            let shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
            shard.counts.get(&thread).copied().unwrap_or(0)
        };
        self.shards.iter().map(of).sum()
    }
}

/// The objects that an isolate has. They are given back with it, at the latest.
pub(crate) struct Residents {
    thread: ThreadNumber,
    taken: HashMap<ObjectKey, Arc<dyn Placement>>,
}

impl Residents {
    /// Those of an isolate of this thread: none yet.
    pub(crate) fn of_this_thread() -> Self {
        Self { thread: ThreadNumber::of_this_thread(), taken: HashMap::new() }
    }

    /// Takes an object; `false`: another isolate has it.
    pub(crate) fn take(&mut self, object: &ObjectKey, placement: &Arc<dyn Placement>) -> bool {
        let taken = placement.take(object, self.thread).is_ok();
        if taken {
            self.taken.insert(object.clone(), placement.clone());
        }
        taken
    }

    /// The object is gone.
    pub(crate) fn give_back(&mut self, object: &ObjectKey) {
        if let Some(placement) = self.taken.remove(object) {
            placement.give_back(object, self.thread);
        }
    }
}

impl Drop for Residents {
    fn drop(&mut self) {
        for (object, placement) in &self.taken {
            placement.give_back(object, self.thread);
        }
    }
}
