//! Visits: what somebody beside the Workers, such as `selvedge do`, reads and
//! writes of an object.
//!
//! A visit runs on the thread of an isolate of the object's Worker, between two
//! slices of JavaScript. The storage of an object that lives there is its own
//! one, so that what is read is the present and what is written is seen by the
//! object's next read. An object that does not live is taken for as long as the
//! visit lasts, so that it begins nowhere meanwhile.

use std::cell::Cell;
use std::time::{Duration, Instant};

use deno_core::OpState;

use crate::binding::DurableNamespace;
use crate::error::Error;
use crate::id;
use crate::ops::storage::Storages;
use crate::placement::{ObjectKey, Residents};
use crate::store::{Commit, Connections, Durability, ObjectId, ObjectStorage};

thread_local! {
    /// Until when the visit that runs may take.
    static UNTIL: Cell<Option<Instant>> = const { Cell::new(None) };
}

/// Whether a visit runs that has taken too long: its query is interrupted.
pub(crate) fn is_late() -> bool {
    UNTIL.get().is_some_and(|until| Instant::now() >= until)
}

/// The object that is visited.
#[derive(Debug, Clone)]
pub struct Visited {
    pub namespace: DurableNamespace,
    pub id: ObjectId,
    /// What it was named by, if that is known.
    pub name: Option<String>,
}

/// Why there was no visit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// Another isolate has the object, or no storage belongs to it.
    Elsewhere,
    /// It is in the middle of a transaction.
    Busy,
    /// It is in memory, and must not be.
    Alive,
}

/// What a visit gave, and the commit that it waits for.
#[derive(Debug)]
pub struct Visit<T> {
    pub result: T,
    pub written: Option<(Durability, Commit)>,
}

impl<T> Visit<T> {
    /// The result, once what was written is on disk.
    ///
    /// # Errors
    /// [`Error::Broken`] if it never will be.
    pub async fn durable(self) -> Result<T, Error> {
        if let Some((durability, commit)) = self.written {
            durability.wait(commit.seq).await?;
        }
        Ok(self.result)
    }
}

/// What came of a visit, or why there was none.
pub type Outcome<T> = Result<Result<T, Refusal>, Error>;

/// Ends the time of a visit, whatever way it ends.
struct Timed;

impl Timed {
    fn begin(patience: Option<Duration>) -> Self {
        UNTIL.set(patience.map(|patience| Instant::now() + patience));
        Self
    }
}

impl Drop for Timed {
    fn drop(&mut self) {
        UNTIL.set(None);
    }
}

/// Visits an object from the thread of an isolate of its Worker. What `act` wrote
/// is committed when it gives `Ok`, and undone otherwise. Its queries are
/// interrupted after `patience`.
///
/// # Errors
/// [`Error`] when the storage cannot be opened or written.
pub fn visit<T, E>(
    state: &mut OpState,
    visited: &Visited,
    patience: Duration,
    act: impl FnOnce(&ObjectStorage) -> Result<T, E>,
) -> Outcome<Visit<Result<T, E>>> {
    let storages = Storages::of(state);
    let _timed = Timed::begin(Some(patience));
    if let Some(slot) = storages.of_object(&visited.namespace.id, visited.id) {
        if slot.is_writing() {
            return Ok(Err(Refusal::Busy));
        }
        let result = within_savepoint(slot.storage(), act)?;
        let commit = slot.commit_visit()?;
        let written = commit.map(|commit| (slot.storage().durability(), commit));
        return Ok(Ok(Visit { result, written }));
    }
    while_taken(state, visited, || visit_idle(visited, storages.connections(), act))
}

/// Deletes an object with all that it has, if it is not in memory.
///
/// # Errors
/// [`Error`] when its files cannot be deleted.
pub fn delete(state: &mut OpState, visited: &Visited) -> Outcome<()> {
    if Storages::of(state).of_object(&visited.namespace.id, visited.id).is_some() {
        return Ok(Err(Refusal::Alive));
    }
    let Some(data) = visited.namespace.storage() else { return Ok(Err(Refusal::Elsewhere)) };
    while_taken(state, visited, || data.namespace.delete_object(visited.id))
}

/// Visits an object that lives nowhere, for its Worker does not run.
///
/// # Errors
/// As [`visit`].
pub fn visit_idle<T, E>(
    visited: &Visited,
    connections: &Connections,
    act: impl FnOnce(&ObjectStorage) -> Result<T, E>,
) -> Result<Visit<Result<T, E>>, Error> {
    let Some(data) = visited.namespace.storage() else {
        return Err(Error::Broken("its namespace has no storage".to_owned()));
    };
    let storage = data.namespace.object(visited.id, visited.name.as_deref(), connections)?;
    let result = act(&storage);
    let commit = match &result {
        Ok(_) => storage.commit()?,
        Err(_) => None,
    };
    Ok(Visit { result, written: commit.map(|commit| (storage.durability(), commit)) })
}

/// Runs `act` while this isolate has the object.
fn while_taken<T>(
    state: &mut OpState,
    visited: &Visited,
    act: impl FnOnce() -> Result<T, Error>,
) -> Outcome<T> {
    let Visited { namespace, id, .. } = visited;
    let key = ObjectKey { namespace: namespace.id.clone(), id: id::ObjectId::from_bytes(id.0) };
    if !state.has::<Residents>() {
        state.put(Residents::of_this_thread());
    }
    // Sockets that hibernate keep their object here.
    let had = namespace.placement.find(&key).is_some();
    if !state.borrow_mut::<Residents>().take(&key, &namespace.placement) {
        return Ok(Err(Refusal::Elsewhere));
    }
    let result = act();
    if !had {
        state.borrow_mut::<Residents>().give_back(&key);
    }
    result.map(Ok)
}

/// Undoes what `act` wrote in a storage that goes on, if it failed.
fn within_savepoint<T, E>(
    storage: &ObjectStorage,
    act: impl FnOnce(&ObjectStorage) -> Result<T, E>,
) -> Result<Result<T, E>, Error> {
    storage.savepoint()?;
    let result = act(storage);
    if storage.failure().is_some() {
        return Ok(result);
    }
    match &result {
        Ok(_) => storage.release_savepoint()?,
        Err(_) => storage.rollback_savepoint()?,
    }
    Ok(result)
}
