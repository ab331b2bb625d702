//! The storage of the objects in an isolate: opening and closing it, committing
//! at the end of each turn, and telling when a commit is on disk.
//!
//! JavaScript names a storage by a number that it got when the object began. All
//! reads and writes happen within their op. The implicit transaction of an object
//! is committed when the turn is over in which JavaScript wrote: all requests that
//! had arrived share one commit. The promise of [`op_do_storage_wait`] settles when
//! the disk has it.

pub(crate) mod alarm;
pub(crate) mod bookmark;
pub(crate) mod kv;
pub(crate) mod sql;
pub(crate) mod transaction;
mod value;

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use deno_core::{OpState, ResourceId, op2};
use deno_error::JsErrorBox;
use selvedge_runtime::{ContextId, IsolateState, Operation, Span};

use super::namespace::handle;
use crate::error::Error;
use crate::store::{Commit, Connections, ConnectionsOptions, Durability, ObjectId, ObjectStorage};
use sql::OpenCursor;

/// What callers are told when the storage fails for a reason that is none of
/// theirs.
const RESET: &str = "Internal error in Durable Object storage caused object to be reset.";

thread_local! {
    /// Whose SQL runs: the isolate of this thread, and the object's context.
    static RUNNING: RefCell<Option<(Rc<IsolateState>, ContextId)>> = const { RefCell::new(None) };
}

/// The storages of an isolate.
pub(crate) struct Storages {
    isolate: Rc<IsolateState>,
    connections: Connections,
    slots: RefCell<Vec<Option<Rc<Slot>>>>,
    free: RefCell<Vec<u32>>,
    /// Those that wrote in this turn.
    dirty: RefCell<Vec<Rc<Slot>>>,
    next_cursor: Cell<u32>,
}

/// The storage of one object.
pub(crate) struct Slot {
    /// Whose it is: the namespace's id, and the object's.
    owner: (Arc<str>, ObjectId),
    storage: ObjectStorage,
    durability: Durability,
    /// The context of the object, which pays for its queries.
    context: ContextId,
    /// Whether the class has `storage.sql`.
    has_sql: bool,
    /// It waits for the end of the turn.
    queued: Cell<bool>,
    /// What the next commit has must be on disk before anything leaves.
    is_confirming: Cell<bool>,
    /// The commit that must be on disk before anything leaves.
    required: Cell<u64>,
    /// The last commit that is known here.
    seen: Cell<u64>,
    /// Explicit transactions that are open.
    transactions: Cell<u32>,
    /// It failed for a reason that is not the Worker's.
    failed: Cell<bool>,
    cursors: RefCell<HashMap<u32, OpenCursor>>,
}

/// Marks whose SQL runs, for the CPU limit.
struct Running;

impl Running {
    fn enter(storages: &Storages, slot: &Slot) -> Self {
        RUNNING.with_borrow_mut(|it| *it = Some((storages.isolate.clone(), slot.context)));
        Self
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        RUNNING.with_borrow_mut(|it| *it = None);
    }
}

/// Whether the query that runs has used up its object's CPU time: the code that
/// asked for it is stopped then.
fn is_over() -> bool {
    let is_over = RUNNING.with_borrow(|it| {
        it.as_ref().is_some_and(|(isolate, context)| isolate.stop_if_over_cpu_limit(*context))
    });
    is_over || crate::visit::is_late()
}

impl Storages {
    /// Those of the isolate, made when they are first asked for.
    pub(crate) fn of(state: &mut OpState) -> Rc<Self> {
        if let Some(storages) = state.try_borrow::<Rc<Self>>() {
            return storages.clone();
        }
        let isolate = state.borrow::<Rc<IsolateState>>().clone();
        let options = ConnectionsOptions { stop: Some(Arc::new(is_over)), ..Default::default() };
        let storages = Rc::new(Self {
            isolate: isolate.clone(),
            connections: Connections::new(options),
            slots: RefCell::default(),
            free: RefCell::default(),
            dirty: RefCell::default(),
            next_cursor: Cell::new(1),
        });
        let mine = Rc::downgrade(&storages);
        isolate.at_turn_end(Box::new(move || {
            if let Some(storages) = mine.upgrade() {
                storages.commit();
            }
        }));
        let mine = Rc::downgrade(&storages);
        isolate.at_rest(Box::new(move || {
            if let Some(storages) = mine.upgrade() {
                storages.connections.close_resting();
            }
        }));
        state.put(storages.clone());
        storages
    }

    fn add(&self, slot: Slot) -> u32 {
        let mut slots = self.slots.borrow_mut();
        let slot = Some(Rc::new(slot));
        match self.free.borrow_mut().pop() {
            Some(number) => {
                slots[number as usize] = slot;
                number
            }
            None => {
                slots.push(slot);
                slots.len() as u32 - 1
            }
        }
    }

    fn get(&self, number: u32) -> Result<Rc<Slot>, JsErrorBox> {
        let slot = self.slots.borrow().get(number as usize).cloned().flatten();
        slot.ok_or_else(|| JsErrorBox::generic("The Durable Object is not in memory any more."))
    }

    /// An object is about to write: it is committed at the end of the turn.
    pub(crate) fn writes(&self, slot: &Rc<Slot>, unconfirmed: bool) {
        if !unconfirmed {
            slot.is_confirming.set(true);
        }
        if !slot.queued.replace(true) {
            self.dirty.borrow_mut().push(slot.clone());
            self.isolate.ask_for_turn_end();
        }
    }

    /// The storage of an object that lives here.
    pub(crate) fn of_object(&self, namespace: &str, id: ObjectId) -> Option<Rc<Slot>> {
        let slots = self.slots.borrow();
        let mut live = slots.iter().flatten();
        live.find(|slot| slot.owner.1 == id && slot.owner.0.as_ref() == namespace).cloned()
    }

    /// What storages of this isolate's thread share.
    pub(crate) fn connections(&self) -> &Connections {
        &self.connections
    }

    /// Commits what was written in this turn.
    fn commit(&self) {
        let dirty = std::mem::take(&mut *self.dirty.borrow_mut());
        for slot in dirty {
            slot.queued.set(false);
            match slot.storage.commit() {
                Ok(Some(commit)) => slot.committed(commit),
                // It is within an explicit transaction, or nothing was changed.
                Ok(None) => {
                    if slot.transactions.get() == 0 {
                        slot.is_confirming.set(false);
                    }
                }
                Err(error) => {
                    slot.refusal(error);
                    slot.required.set(u64::MAX);
                }
            }
        }
    }
}

impl Drop for Storages {
    fn drop(&mut self) {
        // The isolate ends within a turn.
        self.commit();
    }
}

impl Slot {
    fn committed(&self, commit: Commit) {
        self.notice(commit.seq - 1);
        self.seen.set(commit.seq);
        if self.is_confirming.replace(false) {
            self.required.set(commit.seq);
        }
    }

    /// Commits that are not of this object's time here: what a process that was
    /// killed left in the log.
    fn notice(&self, last: u64) {
        if last > self.seen.get() {
            self.seen.set(last);
            self.required.set(self.required.get().max(last));
        }
    }

    /// The commit that what leaves now depends on; 0 if all is on disk.
    fn unconfirmed(&self) -> u64 {
        self.notice(self.durability.committed());
        let has_writes = self.is_confirming.get()
            && self.transactions.get() == 0
            && self.storage.has_uncommitted();
        let target = match has_writes {
            true => self.durability.committed() + 1,
            false => self.required.get(),
        };
        match self.durability.check(target) {
            Some(Ok(())) => 0,
            _ => target,
        }
    }

    /// What a Worker is told of an error; the log gets all of it.
    fn refusal(&self, error: Error) -> JsErrorBox {
        match error {
            Error::Sql(text) if self.storage.failure().is_none() => JsErrorBox::generic(text),
            error => {
                tracing::error!(%error, "the storage of a Durable Object failed");
                self.failed.set(true);
                JsErrorBox::generic(RESET)
            }
        }
    }

    /// Whether what it wrote waits for the end of a turn or of a transaction.
    pub(crate) fn is_writing(&self) -> bool {
        self.queued.get() || self.transactions.get() > 0 || self.storage.has_uncommitted()
    }

    /// Commits what somebody beside the object wrote.
    pub(crate) fn commit_visit(&self) -> Result<Option<Commit>, Error> {
        let commit = self.storage.commit()?;
        if let Some(commit) = commit {
            self.is_confirming.set(true);
            self.committed(commit);
        }
        Ok(commit)
    }

    /// The storage itself.
    pub(crate) fn storage(&self) -> &ObjectStorage {
        &self.storage
    }

    pub(crate) fn check<T>(&self, result: Result<T, Error>) -> Result<T, JsErrorBox> {
        result.map_err(|error| self.refusal(error))
    }
}

pub(crate) fn slot(
    state: &mut OpState,
    number: u32,
) -> Result<(Rc<Storages>, Rc<Slot>), JsErrorBox> {
    let storages = Storages::of(state);
    let slot = storages.get(number)?;
    Ok((storages, slot))
}

/// The storages, that of an object, and the span that its operation is seen as.
type Opened = (Rc<Storages>, Rc<Slot>, Option<Span>);

/// The same for an operation that counts. It lasts until the span is dropped.
pub(crate) fn operate(state: &mut OpState, number: u32) -> Result<Opened, JsErrorBox> {
    let (storages, slot) = slot(state, number)?;
    let span = storages.isolate.operation(slot.context, Operation::ObjectStorage);
    Ok((storages, slot, span))
}

/// Opens the storage of an object; -1 where its namespace has none.
#[op2]
#[smi]
pub(crate) fn op_do_storage_open(
    state: &mut OpState,
    #[smi] namespace: ResourceId,
    #[smi] context: u32,
    #[string] hex: &str,
    #[string] name: Option<String>,
) -> Result<i32, JsErrorBox> {
    let handle = handle(state, namespace)?;
    let Some(data) = &handle.0.storage else { return Ok(-1) };
    let storages = Storages::of(state);
    let id: ObjectId =
        hex.parse().map_err(|_| JsErrorBox::type_error("not the id of an object"))?;
    let path = handle.0.facet.as_ref().map(|facet| facet.path.as_str());
    let opened = data.namespace.object(id, path.or(name.as_deref()), &storages.connections);
    let storage = opened.map_err(|error| {
        tracing::error!(%error, object = hex, "the storage of a Durable Object cannot be opened");
        JsErrorBox::generic(RESET)
    })?;
    let durability = storage.durability();
    Ok(storages.add(Slot {
        owner: (handle.0.id.clone(), id),
        storage,
        durability,
        context,
        has_sql: data.has_sql,
        queued: Cell::new(false),
        is_confirming: Cell::new(false),
        required: Cell::new(0),
        seen: Cell::new(0),
        transactions: Cell::new(0),
        failed: Cell::new(false),
        cursors: RefCell::default(),
    }) as i32)
}

/// Whether the class has `storage.sql`.
#[op2(fast)]
pub(crate) fn op_do_storage_has_sql(state: &mut OpState, #[smi] number: u32) -> bool {
    slot(state, number).is_ok_and(|(_, slot)| slot.has_sql)
}

/// Ends an object's time in memory. What is not committed is undone, unless
/// `is_kept`.
#[op2(fast)]
pub(crate) fn op_do_storage_close(state: &mut OpState, #[smi] number: u32, is_kept: bool) {
    let Ok((storages, slot)) = slot(state, number) else { return };
    slot.cursors.borrow_mut().clear();
    if is_kept && let Err(error) = slot.storage.commit() {
        slot.refusal(error);
    }
    storages.dirty.borrow_mut().retain(|other| !Rc::ptr_eq(other, &slot));
    storages.slots.borrow_mut()[number as usize] = None;
    storages.free.borrow_mut().push(number);
}

/// Whether the storage failed, so that its object cannot go on.
#[op2(fast)]
pub(crate) fn op_do_storage_failed(state: &mut OpState, #[smi] number: u32) -> bool {
    slot(state, number).is_ok_and(|(_, slot)| slot.failed.get())
}

/// The commit that what leaves now must wait for; 0 if there is none. With
/// `of_all`, writes count that nothing waits for.
#[op2(fast)]
pub(crate) fn op_do_storage_unconfirmed(
    state: &mut OpState,
    #[smi] number: u32,
    of_all: bool,
) -> f64 {
    let Ok((_, slot)) = slot(state, number) else { return 0.0 };
    if of_all {
        slot.notice(slot.durability.committed());
        if slot.storage.has_uncommitted() || slot.seen.get() > slot.durability.durable() {
            slot.is_confirming.set(true);
            slot.required.set(slot.required.get().max(slot.seen.get()));
        }
    }
    slot.unconfirmed() as f64
}

/// Settles when a commit is on disk, or never will be.
#[op2]
pub(crate) async fn op_do_storage_wait(
    state: Rc<RefCell<OpState>>,
    #[smi] number: u32,
    commit: f64,
) -> Result<(), JsErrorBox> {
    // The storage itself must not be held: its object may end before.
    let written = slot(&mut state.borrow_mut(), number)?.1.durability.wait(commit as u64);
    written.await.map_err(|_| JsErrorBox::generic(RESET))
}
