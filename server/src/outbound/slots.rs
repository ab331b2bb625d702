//! How many connections a request of a Worker may have open at once.
//!
//! Each context has `limits.open_connections` slots. A subrequest takes one
//! before it connects, in the order of the calls, and gives it back according
//! to the [`ConnectionRule`].
//!
//! With [`ConnectionRule::UntilBody`] a Worker can lock itself out: it waits
//! for one more `fetch()` while all its slots are held by responses that it
//! does not read. So a waiting subrequest looks twice, [`STALL`] apart: when in
//! between nothing was read on any connection of the context, and each has
//! delivered its head and has nobody waiting for more, the least recently used
//! one is closed. Its reader gets [`CLOSED`].

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::time::Duration;

use selvedge_runtime::io_context::{ContextId, IsolateState};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::response_body::Held;

/// Between two looks at connections that do not move.
const STALL: Duration = Duration::from_millis(500);
/// What the reader of a response gets that was closed for another one.
/// Cloudflare's text.
pub(crate) const CLOSED: &str = "Response closed due to connection limit";

/// How long a subrequest counts as an open connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ConnectionRule {
    /// Until its body is read to the end or dropped: Cloudflare's rule until
    /// April 2026.
    UntilBody,
    /// Until the head of the response is there: Cloudflare's rule since
    /// (<https://developers.cloudflare.com/changelog/post/2026-04-09-relaxed-connection-limiting/>).
    #[default]
    UntilHead,
}

/// The slots of all contexts of an isolate.
pub(crate) struct SlotBook {
    pub(crate) rule: ConnectionRule,
    of_context: RefCell<HashMap<ContextId, Rc<Slots>>>,
}

/// The slots of one context.
pub(crate) struct Slots {
    free: Arc<Semaphore>,
    open: Cell<usize>,
    /// Responses that hold a slot, while they live.
    responses: RefCell<Vec<Weak<Held>>>,
    /// Counts heads, reads and closings: stands still when nothing moves.
    clock: Cell<u64>,
}

impl SlotBook {
    pub(crate) fn new(rule: ConnectionRule) -> Rc<Self> {
        Rc::new(Self { rule, of_context: RefCell::default() })
    }

    /// Waits for a slot of this context.
    pub(crate) async fn take(self: &Rc<Self>, state: &Rc<IsolateState>, id: ContextId) -> Slot {
        let slots = self.slots(state, id);
        let permit = match slots.free.clone().try_acquire_owned() {
            Ok(permit) => permit,
            Err(_) => slots.wait().await,
        };
        let slot = Slot { slots, book: self.clone(), state: state.clone(), id, _permit: permit };
        slot.count(slot.slots.open.get() + 1);
        slot
    }

    /// The slots of a context. Numbers of contexts are used again: one whose
    /// count of connections is not that of the slots is a new one.
    fn slots(&self, state: &IsolateState, id: ContextId) -> Rc<Slots> {
        let open = state.context(id).map_or(0, |context| context.open_connections);
        let mut all = self.of_context.borrow_mut();
        let slots = all.entry(id).or_insert_with(|| Slots::new(state));
        if slots.open.get() != open {
            *slots = Slots::new(state);
        }
        slots.clone()
    }
}

impl Slots {
    fn new(state: &IsolateState) -> Rc<Self> {
        // At least one, or every subrequest would wait forever.
        let limit = state.worker().limits.open_connections.clamp(1, Semaphore::MAX_PERMITS);
        Rc::new(Self {
            free: Arc::new(Semaphore::new(limit)),
            open: Cell::new(0),
            responses: RefCell::default(),
            clock: Cell::new(0),
        })
    }

    /// The next tick of the clock.
    pub(crate) fn tick(&self) -> u64 {
        self.clock.set(self.clock.get() + 1);
        self.clock.get()
    }

    async fn wait(&self) -> OwnedSemaphorePermit {
        let mut turn = std::pin::pin!(self.free.clone().acquire_owned());
        let mut seen = self.clock.get();
        loop {
            tokio::select! {
                biased;
                permit = &mut turn => return permit.expect("the semaphore is never closed"),
                () = tokio::time::sleep(STALL) => {
                    if self.clock.get() == seen {
                        self.close_stalled();
                    }
                    seen = self.clock.get();
                }
            }
        }
    }

    /// Closes the least recently used response if no connection of the context
    /// can get anywhere by itself.
    fn close_stalled(&self) {
        let responses: Vec<_> = {
            let mut responses = self.responses.borrow_mut();
            responses.retain(|response| response.strong_count() > 0);
            responses.iter().filter_map(Weak::upgrade).filter(|r| r.holds_slot()).collect()
        };
        let stalled = responses.iter().all(|response| !response.is_awaited());
        if stalled
            && responses.len() >= self.open.get()
            && let Some(oldest) = responses.iter().min_by_key(|response| response.last_used())
        {
            tracing::debug!("unread response closed: another subrequest waits for its slot");
            oldest.close();
            self.tick();
        }
    }
}

/// A slot that is taken. Dropping it lets the next one in; no context of the
/// isolate may be borrowed then.
pub(crate) struct Slot {
    slots: Rc<Slots>,
    book: Rc<SlotBook>,
    state: Rc<IsolateState>,
    id: ContextId,
    _permit: OwnedSemaphorePermit,
}

impl Slot {
    /// The slots that this one is among.
    pub(crate) fn slots(&self) -> &Rc<Slots> {
        &self.slots
    }

    /// Names the response that holds this slot from now on.
    pub(crate) fn register(&self, response: &Rc<Held>) {
        let mut responses = self.slots.responses.borrow_mut();
        responses.retain(|response| response.strong_count() > 0);
        responses.push(Rc::downgrade(response));
    }

    /// Notes that there are now `open` connections, and shows it in the context,
    /// unless its number is another's by now: that one shows another count.
    fn count(&self, open: usize) {
        let before = self.slots.open.replace(open);
        let current = self.book.of_context.borrow().get(&self.id).cloned();
        if current.is_some_and(|current| Rc::ptr_eq(&current, &self.slots))
            && let Some(mut context) = self.state.context(self.id)
            && context.open_connections == before
        {
            context.open_connections = open;
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.count(self.slots.open.get() - 1);
    }
}
