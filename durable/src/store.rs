//! The storage of objects: one file of SQLite for each, and what holds for all
//! of them.
//!
//! [`Objects`] is the data of a process, [`Namespace`] that of a class, and
//! [`ObjectStorage`] that of one object, for the thread on which the object
//! lives. Reads and writes happen within the call, on that thread. Writes gather
//! in a transaction that [`ObjectStorage::commit`] ends, which does not wait for
//! the disk: [`Durability`] tells when a commit is on it, and nothing that
//! depends on the commit may leave the process before.

mod alarm;
mod connections;
mod database;
mod delete_all;
mod disk;
mod durability;
mod facets;
mod history;
mod id;
mod index;
mod kv;
mod namespace;
mod object;
mod objects;
mod pool;
mod scheduled;
mod sql;
mod tidy;
mod transaction;

#[cfg(test)]
mod tests;

pub use alarm::{AlarmEnd, AlarmStart};
pub use connections::{Connections, ConnectionsOptions, StopFlag};
pub use durability::{Commit, Durability};
pub use facets::{Busy, FACETS_FOLDER, FacetPath, Facets};
pub use id::{ID_BYTES, InvalidId, ObjectId};
pub use kv::{Entry, ListOptions};
pub use namespace::{Namespace, ObjectInfo, ObjectPage, ObjectQuery};
pub use object::{DeleteAlarm, ObjectStorage};
pub use objects::{Clock, OBJECTS_FOLDER, Objects};
pub use sql::{Cursor, SqlValue};

/// Milliseconds since 1970, UTC.
pub type UnixMs = i64;
