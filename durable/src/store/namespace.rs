//! The objects of a class.

use std::sync::Arc;

use super::UnixMs;
use super::connections::Connections;
use super::id::ObjectId;
use super::object::ObjectStorage;
use crate::error::Error;

/// A namespace of objects: a folder.
#[derive(Debug)]
pub struct Namespace(());

/// An object that has, or had, data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectInfo {
    /// Its id.
    pub id: ObjectId,
    /// Its name, if it was ever told.
    pub name: Option<String>,
    /// When it wrote first, in Unix ms.
    pub created: UnixMs,
    /// When its alarm goes off, or is tried again.
    pub alarm: Option<UnixMs>,
}

/// Which objects to list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ObjectQuery {
    /// Only those after this one, in the order of ids.
    pub after: Option<ObjectId>,
    /// Only those with a name that begins with this.
    pub name_prefix: Option<String>,
    /// At most so many.
    pub limit: usize,
}

/// A page of objects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectPage {
    /// In the order of their ids.
    pub objects: Vec<ObjectInfo>,
    /// Whether there are no more.
    pub complete: bool,
}

impl Namespace {
    /// Opens the storage of an object, for the thread of these connections.
    /// Nothing is read or made yet. `name` is what the object was named by, if
    /// that is known; it is remembered with the object's first write.
    ///
    /// # Errors
    /// [`Error::InUse`] if it is open.
    pub fn object(
        self: &Arc<Self>,
        id: ObjectId,
        name: Option<&str>,
        connections: &Connections,
    ) -> Result<ObjectStorage, Error> {
        let _ = (id, name, connections);
        unimplemented!()
    }

    /// Objects that have data.
    pub fn list_objects(&self, query: &ObjectQuery) -> Result<ObjectPage, Error> {
        let _ = query;
        unimplemented!()
    }

    /// Deletes an object with its name and its alarm.
    ///
    /// # Errors
    /// [`Error::InUse`] while it is open.
    pub fn delete_object(&self, id: ObjectId) -> Result<(), Error> {
        let _ = id;
        unimplemented!()
    }

    /// When the next alarm goes off that was not taken by
    /// [`Namespace::take_due`].
    pub fn next_alarm(&self) -> Result<Option<(UnixMs, ObjectId)>, Error> {
        unimplemented!()
    }

    /// Alarms whose time has come, earliest first. They are not told again
    /// before [`ObjectStorage::alarm_started`] said that there is none to run,
    /// [`ObjectStorage::alarm_ended`], or [`Namespace::give_back_alarm`].
    pub fn take_due(&self, now: UnixMs, limit: usize) -> Result<Vec<(UnixMs, ObjectId)>, Error> {
        let _ = (now, limit);
        unimplemented!()
    }

    /// The object did not get to the end of its alarm, and the scheduler is to
    /// find it again.
    pub fn give_back_alarm(&self, id: ObjectId) {
        let _ = id;
        unimplemented!()
    }

    /// Calls back whenever [`Namespace::next_alarm`] may have become earlier, on
    /// the thread of the object that set it. There is one callback.
    pub fn on_earlier_alarm(&self, call: impl Fn() + Send + Sync + 'static) {
        let _ = call;
        unimplemented!()
    }
}
