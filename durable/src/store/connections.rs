//! The open connections of a thread: a bounded number, of which those that were
//! not used for longest are closed.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::rc::{Rc, Weak};
use std::sync::Arc;

use super::object::Inner;

/// How many connections a thread has open, if it is not told otherwise.
const DEFAULT_OPEN: usize = 512;

/// Asked every few thousand steps of a query whether it is to stop.
pub type StopFlag = Arc<dyn Fn() -> bool + Send + Sync>;

/// What the connections of a thread are like.
#[derive(Clone, Default)]
pub struct ConnectionsOptions {
    /// How many may be open; 0 for the default of 512. Those with live cursors
    /// or open transactions may be more.
    pub open: usize,
    /// What stops a query that takes too long: the CPU limit.
    pub stop: Option<StopFlag>,
}

/// The connections of one thread. Clones are the same connections.
#[derive(Clone)]
pub struct Connections(Rc<Shared>);

struct Shared {
    options: ConnectionsOptions,
    open: RefCell<Vec<Weak<Inner>>>,
    /// Counts uses.
    tick: Cell<u64>,
}

impl fmt::Debug for Connections {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connections").field("open", &self.open_count()).finish_non_exhaustive()
    }
}

impl Connections {
    /// For the objects of this thread.
    pub fn new(options: ConnectionsOptions) -> Self {
        let open = if options.open == 0 { DEFAULT_OPEN } else { options.open };
        let options = ConnectionsOptions { open, ..options };
        Self(Rc::new(Shared { options, open: RefCell::default(), tick: Cell::new(0) }))
    }

    /// How many are open.
    pub fn open_count(&self) -> usize {
        let open = self.0.open.borrow();
        open.iter().filter_map(Weak::upgrade).filter(|object| object.is_open()).count()
    }

    pub(super) fn stop_flag(&self) -> Option<StopFlag> {
        self.0.options.stop.clone()
    }

    /// The number of a use: later ones are larger.
    pub(super) fn next_use(&self) -> u64 {
        let tick = self.0.tick.get() + 1;
        self.0.tick.set(tick);
        tick
    }

    /// Makes room for one more, and takes note of it.
    pub(super) fn opened(&self, object: &Rc<Inner>) {
        let surplus = {
            let mut open = self.0.open.borrow_mut();
            open.retain(|other| other.upgrade().is_some_and(|other| other.is_open()));
            let surplus = (open.len() + 1).saturating_sub(self.0.options.open);
            let mut oldest: Vec<Rc<Inner>> = match surplus {
                0 => Vec::new(),
                _ => open.iter().filter_map(Weak::upgrade).filter(|it| !it.is_pinned()).collect(),
            };
            oldest.sort_unstable_by_key(|object| object.last_use());
            oldest.truncate(surplus);
            open.push(Rc::downgrade(object));
            oldest
        };
        for object in surplus {
            object.release();
        }
    }
}
