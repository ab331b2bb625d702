//! The storage of one object: its connection, opened when it is needed.

use super::connections::Connections;
use super::durability::Durability;
use crate::error::Error;

/// Whether `deleteAll` takes the alarm along: as of the compatibility date
/// 2026-02-24 it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeleteAlarm {
    /// It is deleted.
    Yes,
    /// It stays.
    No,
}

/// The storage of one object, on the thread where the object lives. There is
/// one at a time: [`super::Namespace::object`] refuses a second one. Dropping it
/// undoes what was not committed, and ends an object's time as one that is open.
#[derive(Debug)]
pub struct ObjectStorage(Connections);

impl ObjectStorage {
    /// Which of the object's commits are on disk.
    pub fn durability(&self) -> Durability {
        unimplemented!()
    }

    /// Deletes all keys, all tables and the like, in the implicit transaction.
    ///
    /// # Errors
    /// [`Error::Sql`] while a transaction or savepoint is open.
    pub fn delete_all(&self, alarm: DeleteAlarm) -> Result<(), Error> {
        let _ = alarm;
        unimplemented!()
    }

    /// Closes the connection until the object is used again, unless it is
    /// needed: a cursor lives, or writes are not committed.
    pub fn release(&self) {
        unimplemented!()
    }

    /// The bookmark of now, after the last commit.
    pub fn current_bookmark(&self) -> Result<String, Error> {
        unimplemented!()
    }
}
