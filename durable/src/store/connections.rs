//! The open connections of a thread. Each takes some memory and three files, and
//! opening one costs as much as ten writes: all objects of a thread keep theirs as long as
//! there are not too many, and fewer stay open when it rests. Those that were not used for longest are
//! closed first.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::rc::{Rc, Weak};
use std::sync::Arc;

use super::object::Inner;

/// How many connections a thread may have, if it is not told otherwise: all of its
/// objects, as long as there are no more of them.
const ALL: usize = 1100;
/// How many there are where not all objects can have one, and how many stay open at
/// rest. A connection takes some 54 KiB, of which 32 are the index of its log.
const RESTING: usize = 384;
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
    /// How many may be open; 0 for the default: 1,100 while there are no more objects
    /// than that, else 384, and fewer where the process may have few files open.
    /// Those with live cursors or open transactions may be more.
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
    /// How many objects there are.
    objects: Cell<usize>,
    /// How many connections the process has files for.
    files: usize,
    /// There were more objects than may all have a connection when one was closed last.
    is_crowded: Cell<bool>,
}

impl fmt::Debug for Connections {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connections").field("open", &self.open_count()).finish_non_exhaustive()
    }
}

impl Connections {
    /// For the objects of this thread.
    pub fn new(options: ConnectionsOptions) -> Self {
        Self(Rc::new(Shared {
            options,
            open: RefCell::default(),
            tick: Cell::new(0),
            objects: Cell::new(0),
            files: file_room(),
            is_crowded: Cell::new(false),
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
        let limit = self.limit();
        if self.0.open.borrow().len() >= limit {
            self.close_oldest(limit - limit.div_ceil(PART));
            let is_crowded = self.0.objects.get() > ALL;
            // Fewer may be open than before: what the others had is not needed again.
            if !self.0.is_crowded.replace(is_crowded) && is_crowded {
                selvedge_runtime::memory::trim();
            }
        }
        self.0.open.borrow_mut().push(Rc::downgrade(object));
    }

    /// Closes connections, as far as there are more than 384: nobody uses them.
    pub fn close_resting(&self) {
        if self.0.open.borrow().len() > RESTING {
            self.close_oldest(RESTING);
        }
    }

    /// An object more.
    pub(super) fn began(&self) {
        self.0.objects.set(self.0.objects.get() + 1);
    }

    /// An object less.
    pub(super) fn ended(&self) {
        self.0.objects.set(self.0.objects.get().saturating_sub(1));
    }

    /// How many may be open now.
    fn limit(&self) -> usize {
        if self.0.options.open > 0 {
            return self.0.options.open;
        }
        let limit = if self.0.objects.get() <= ALL { ALL } else { RESTING };
        limit.min(self.0.files)
    }

    /// Closes connections, those first that were not used for longest, until only
    /// `rest` are open.
    fn close_oldest(&self, rest: usize) {
        let surplus = {
            let mut open = self.0.open.borrow_mut();
            open.retain(|other| other.upgrade().is_some_and(|other| other.is_open()));
            let surplus = open.len().saturating_sub(rest);
            let mut oldest: Vec<Rc<Inner>> = match surplus {
                0 => Vec::new(),
                _ => open.iter().filter_map(Weak::upgrade).filter(|it| !it.is_pinned()).collect(),
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

/// For how many connections of one thread this process may open files.
fn file_room() -> usize {
    let files = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    let room = files.map_or(u64::MAX, |files| files / SHARE_OF_FILES / FILES);
    usize::try_from(room).unwrap_or(usize::MAX).max(RESTING / 4)
}
