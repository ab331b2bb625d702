//! Writes that wait for the writer's thread, and what else it has to do.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use super::ValueId;
use crate::Error;
use crate::store::{Attributes, UnixSeconds};

/// What waits takes at most this much: 16 MiB. Who comes then, waits for room.
pub(super) const QUEUE_BYTES: usize = 16 * 1024 * 1024;
/// What one write counts beside its text and value.
const WRITE_BYTES: usize = 256;
/// One transaction takes about this much at most: 4 MiB.
const BATCH_BYTES: usize = 4 * 1024 * 1024;
/// How long the thread waits for more before it ends.
const IDLE: Duration = Duration::from_secs(10);

/// What a write does.
#[derive(Debug)]
pub(super) enum Work {
    /// A value that fits in one piece.
    Put {
        key: String,
        value: Bytes,
        attributes: Attributes,
    },
    Delete {
        keys: Vec<String>,
    },
    /// One piece of a value that has no key yet.
    Piece {
        id: ValueId,
        index: u32,
        data: Bytes,
    },
    /// Gives the key a value whose pieces are there.
    Finish {
        key: String,
        id: ValueId,
        pieces: u32,
        length: u64,
        attributes: Attributes,
    },
}

impl Work {
    /// How much of the queue it takes.
    pub(super) fn bytes(&self) -> usize {
        let own = match self {
            Self::Put { key, value, attributes } => key.len() + value.len() + metadata(attributes),
            Self::Delete { keys } => keys.iter().map(|key| key.len() + 64).sum(),
            Self::Piece { data, .. } => data.len(),
            Self::Finish { key, attributes, .. } => key.len() + metadata(attributes),
        };
        (WRITE_BYTES + own).min(QUEUE_BYTES)
    }

    /// Whether it must be on disk before it is acknowledged. A piece that is
    /// lost in a crash is one of a value that nobody was told of.
    pub(super) fn is_durable(&self) -> bool {
        !matches!(self, Self::Piece { .. })
    }
}

fn metadata(attributes: &Attributes) -> usize {
    attributes.metadata.as_ref().map_or(0, |text| text.len())
}

/// A write that waits.
#[derive(Debug)]
pub(super) struct Write {
    pub(super) work: Work,
    pub(super) done: oneshot::Sender<Result<(), Error>>,
    pub(super) room: OwnedSemaphorePermit,
}

#[derive(Debug, Default)]
pub(super) struct Queue {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
pub(super) struct State {
    writes: VecDeque<Write>,
    chores: Chores,
    /// Whether there is a thread, which looks at the queue before it ends.
    running: bool,
    closed: bool,
}

/// What is done beside the writes, bit by bit.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Chores {
    /// Delete the pieces of values that have no key.
    pub(super) orphans: bool,
    /// Delete entries that expired by then.
    pub(super) expired: Option<UnixSeconds>,
    /// Give free pages back, if they are many.
    pub(super) shrink: bool,
}

impl Chores {
    pub(super) fn is_empty(self) -> bool {
        self == Self::default()
    }

    fn add(&mut self, other: Self) {
        self.orphans |= other.orphans;
        self.expired = self.expired.max(other.expired);
        self.shrink |= other.shrink;
    }
}

/// What became of something new.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Added {
    Queued,
    /// It is queued, and the caller must start the thread.
    NeedsThread,
    /// The queue is closed.
    Refused,
}

/// What the thread does next.
#[derive(Debug)]
pub(super) enum Next {
    /// Writes for one transaction, then some of the chores.
    Work(Vec<Write>, Chores),
    /// Nothing came for a while.
    Idle,
    /// Nothing more comes.
    Closed,
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a write, unless the queue is closed.
    pub(super) fn push(&self, write: Write) -> Added {
        self.add(|state| state.writes.push_back(write))
    }

    /// Adds chores, unless the queue is closed.
    pub(super) fn add_chores(&self, chores: Chores) -> Added {
        self.add(|state| state.chores.add(chores))
    }

    fn add(&self, add: impl FnOnce(&mut State)) -> Added {
        let mut state = self.lock();
        if state.closed {
            return Added::Refused;
        }
        add(&mut state);
        if !std::mem::replace(&mut state.running, true) {
            return Added::NeedsThread;
        }
        drop(state);
        self.changed.notify_all();
        Added::Queued
    }

    /// Takes no more writes. Those that wait are done.
    pub(super) fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        state.chores = Chores::default();
        drop(state);
        self.changed.notify_all();
    }

    /// Waits for something to do.
    pub(super) fn next(&self) -> Next {
        let state = self.lock();
        let (mut state, _) = self
            .changed
            .wait_timeout_while(state, IDLE, |state| state.is_empty() && !state.closed)
            .unwrap_or_else(PoisonError::into_inner);
        if state.is_empty() {
            return if state.closed { Next::Closed } else { Next::Idle };
        }
        let chores = std::mem::take(&mut state.chores);
        Next::Work(state.batch(), chores)
    }

    /// The thread ends, if nothing came meanwhile.
    pub(super) fn end_if_empty(&self) -> bool {
        let mut state = self.lock();
        state.running = !state.is_empty();
        self.changed.notify_all();
        !state.running
    }

    /// Waits until there is no thread.
    pub(super) fn wait_for_end(&self) {
        let state = self.lock();
        drop(self.changed.wait_while(state, |state| state.running));
    }

    /// There is no thread any more. Gives what waited for it.
    pub(super) fn abandon(&self) -> VecDeque<Write> {
        let mut state = self.lock();
        state.running = false;
        self.changed.notify_all();
        std::mem::take(&mut state.writes)
    }
}

impl State {
    fn is_empty(&self) -> bool {
        self.writes.is_empty() && self.chores.is_empty()
    }

    /// What goes into one transaction, in the order in which it came.
    fn batch(&mut self) -> Vec<Write> {
        let mut bytes = 0;
        let mut batch = Vec::new();
        while let Some(write) = self.writes.front() {
            bytes += write.work.bytes();
            if bytes > BATCH_BYTES && !batch.is_empty() {
                break;
            }
            batch.extend(self.writes.pop_front());
        }
        batch
    }
}
