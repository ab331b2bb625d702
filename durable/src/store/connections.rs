//! The open connections of a thread. Each takes some 70 KiB and three files, and
//! opening one costs as much as ten writes: there may be many while they are in use,
//! but only some of those at rest stay open. Those that were not used for longest are
//! closed first.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::rc::{Rc, Weak};
use std::sync::Arc;

use super::object::Inner;

/// How many connections a thread has open, if it is not told otherwise.
const DEFAULT_OPEN: usize = 2048;
/// How many of those stay open that nobody uses.
const RESTING: usize = 512;
/// A thread opens so many files for its objects at most, as a part of what its
/// process may have open.
const SHARE_OF_FILES: u64 = 4;
/// The database, its log, and the log's index.
const FILES: u64 = 3;
/// Where there is no more room, one connection of so many is closed at once:
/// finding the oldest means to look at all.
const PART: usize = 16;

/// Asked every few thousand steps of a query whether it is to stop.
pub type StopFlag = Arc<dyn Fn() -> bool + Send + Sync>;

/// What the connections of a thread are like.
#[derive(Clone, Default)]
pub struct ConnectionsOptions {
    /// How many may be open; 0 for the default of 2,048, or less where the process
    /// may have few files open. Those with live cursors or open transactions may be
    /// more.
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
    /// The last use before [`Connections::close_resting`] looked last.
    looked: Cell<u64>,
}

impl fmt::Debug for Connections {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connections").field("open", &self.open_count()).finish_non_exhaustive()
    }
}

impl Connections {
    /// For the objects of this thread.
    pub fn new(options: ConnectionsOptions) -> Self {
        let open = if options.open == 0 { default_open() } else { options.open };
        let options = ConnectionsOptions { open, ..options };
        Self(Rc::new(Shared {
            options,
            open: RefCell::default(),
            tick: Cell::new(0),
            looked: Cell::new(0),
        }))
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
        let limit = self.0.options.open;
        if self.0.open.borrow().len() >= limit {
            self.close_oldest(limit - limit.div_ceil(PART), u64::MAX);
        }
        self.0.open.borrow_mut().push(Rc::downgrade(object));
    }

    /// Closes connections that were not used since the last call but one, as far as
    /// there are more than 512.
    pub fn close_resting(&self) {
        let since = self.0.looked.replace(self.0.tick.get());
        if self.0.open.borrow().len() > RESTING {
            self.close_oldest(RESTING, since);
        }
    }

    /// Closes those that were used last at `until` or before, the oldest first, until
    /// only `rest` are open.
    fn close_oldest(&self, rest: usize, until: u64) {
        let surplus = {
            let mut open = self.0.open.borrow_mut();
            open.retain(|other| other.upgrade().is_some_and(|other| other.is_open()));
            let surplus = open.len().saturating_sub(rest);
            let old = |object: &Rc<Inner>| object.last_use() <= until && !object.is_pinned();
            let mut oldest: Vec<Rc<Inner>> = match surplus {
                0 => Vec::new(),
                _ => open.iter().filter_map(Weak::upgrade).filter(old).collect(),
            };
            oldest.sort_unstable_by_key(|object| object.last_use());
            oldest.truncate(surplus);
            oldest
        };
        for object in surplus {
            object.release();
        }
    }
}

/// What the files that this process may open have room for.
fn default_open() -> usize {
    let files = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    let room = files.map_or(u64::MAX, |files| files / SHARE_OF_FILES / FILES);
    usize::try_from(room).map_or(DEFAULT_OPEN, |room| room.clamp(RESTING / 2, DEFAULT_OPEN))
}
