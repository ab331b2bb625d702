//! What leaves: frames, encoded when they are sent and written by the socket's
//! task.

use std::cell::{Cell, OnceCell, RefCell};
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use selvedge_runtime::HeldBytes;
use selvedge_runtime::websocket::WebSocketSink;
use tokio::io::AsyncWrite;

use super::deflate::Packer;
use super::frame::{self, Opcode, RSV1, code};
use super::{Role, buffers, mask};

/// A Worker's `send()` never waits, so a peer that reads too slowly would fill
/// the memory: a socket on which more than this waits is cut when the next
/// message is sent. It gets no close frame, which could only stand behind what
/// it does not read. One message of any size is always taken.
pub(super) const MAX_UNSENT_BYTES: usize = 64 * 1024 * 1024;

/// Bytes that left are removed from the front when they are this many at least.
const COMPACT_BYTES: usize = 64 * 1024;

/// The frames of one socket that have not left yet. The sink fills it, the
/// task empties it.
pub(super) struct Outbox {
    role: Role,
    /// Where messages leave packed.
    packer: Option<Packer>,
    unsent: RefCell<Unsent>,
    /// What the other side of the socket keeps, in bytes.
    held: Cell<usize>,
    /// A close frame is queued or left: nothing may follow it.
    closing: Cell<bool>,
    fate: Cell<Fate>,
    /// The sink was dropped: nobody listens to the socket any more.
    released: Cell<bool>,
    /// The task runs or will run: it need not be woken.
    awake: Cell<bool>,
    waker: RefCell<Option<Waker>>,
    /// Where the isolate's memory is counted.
    account: OnceCell<HeldBytes>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// No connection yet.
    Waiting,
    Connected,
    /// More than [`MAX_UNSENT_BYTES`] waited.
    Overflowed,
    /// Nothing leaves any more.
    Dead,
}

#[derive(Default)]
struct Unsent {
    bytes: Vec<u8>,
    /// How many of them left.
    sent: usize,
}

impl Unsent {
    fn len(&self) -> usize {
        self.bytes.len() - self.sent
    }

    /// The buffer to add to.
    fn tail(&mut self) -> &mut Vec<u8> {
        if self.bytes.capacity() == 0 {
            self.bytes = buffers::take_output();
        } else if self.sent >= COMPACT_BYTES && self.sent * 2 >= self.bytes.len() {
            self.bytes.drain(..self.sent);
            self.sent = 0;
        }
        &mut self.bytes
    }

    /// Adds a frame; `first` as for [`frame::write_head`].
    #[inline]
    fn add(&mut self, role: Role, first: u8, payload: &[u8]) {
        let key = match role {
            Role::Server => None,
            Role::Client => Some(mask::fresh_key()),
        };
        let bytes = self.tail();
        bytes.reserve(frame::MAX_HEAD_BYTES + payload.len());
        frame::write_head(bytes, first, payload.len(), key);
        let start = bytes.len();
        bytes.extend_from_slice(payload);
        if let Some(key) = key {
            mask::apply(&mut bytes[start..], key);
        }
    }

    fn release(&mut self) {
        buffers::return_output(std::mem::take(&mut self.bytes));
        self.sent = 0;
    }
}

impl Outbox {
    pub(super) fn new(role: Role, packer: Option<Packer>) -> Self {
        Self {
            role,
            packer,
            unsent: RefCell::default(),
            held: Cell::new(0),
            closing: Cell::new(false),
            fate: Cell::new(Fate::Waiting),
            released: Cell::new(false),
            awake: Cell::new(true),
            waker: RefCell::default(),
            account: OnceCell::new(),
        }
    }

    pub(super) fn role(&self) -> Role {
        self.role
    }

    /// Bytes that have not left.
    pub(super) fn len(&self) -> usize {
        self.unsent.borrow().len()
    }

    #[cfg(test)]
    pub(super) fn capacity(&self) -> usize {
        self.unsent.borrow().bytes.capacity()
    }

    #[cfg(test)]
    pub(super) fn held(&self) -> usize {
        self.held.get()
    }

    /// A close frame is queued or left.
    pub(super) fn is_closing(&self) -> bool {
        self.closing.get()
    }

    pub(super) fn is_released(&self) -> bool {
        self.released.get()
    }

    pub(super) fn overflowed(&self) -> bool {
        self.fate.get() == Fate::Overflowed
    }

    /// Queues an unfragmented frame, unless a close frame was queued.
    pub(super) fn push(&self, opcode: Opcode, payload: &[u8]) {
        if self.closing.get() || matches!(self.fate.get(), Fate::Overflowed | Fate::Dead) {
            return;
        }
        let mut unsent = self.unsent.borrow_mut();
        if unsent.len() > MAX_UNSENT_BYTES {
            unsent.release();
            self.fate.set(Fate::Overflowed);
        } else {
            self.add(&mut unsent, opcode, payload);
        }
        self.account(&unsent);
        drop(unsent);
        self.wake();
    }

    fn add(&self, unsent: &mut Unsent, opcode: Opcode, payload: &[u8]) {
        // Nothing is shorter than the shortest that comes of packing.
        if let Some(packer) = &self.packer
            && opcode.begins_message()
            && !payload.is_empty()
        {
            let first = opcode as u8 | RSV1;
            if packer.pack(payload, |packed| unsent.add(self.role, first, packed)).is_some() {
                return;
            }
        }
        unsent.add(self.role, opcode as u8, payload);
    }

    fn account(&self, unsent: &Unsent) {
        if let Some(account) = self.account.get() {
            account.set(unsent.bytes.len() + self.held.get());
        }
    }

    /// Counts what the other side of the socket keeps.
    pub(super) fn hold(&self, bytes: usize) {
        if self.held.replace(bytes) != bytes {
            self.account(&self.unsent.borrow());
        }
    }

    /// Queues a close frame, unless one was queued.
    pub(super) fn close(&self, code: Option<u16>, reason: &str) {
        let mut payload = Vec::new();
        if let Some(code) = code {
            payload.extend_from_slice(&code.to_be_bytes());
            payload.extend_from_slice(frame::fitting_reason(reason).as_bytes());
        }
        self.push(Opcode::Close, &payload);
        self.closing.set(true);
    }

    /// Writes what the connection takes now; gives how many bytes left.
    pub(super) fn write_to<I: AsyncWrite + Unpin>(
        &self,
        io: &mut I,
        cx: &mut Context<'_>,
    ) -> io::Result<usize> {
        let mut unsent = self.unsent.borrow_mut();
        let mut left = 0;
        while unsent.len() > 0 {
            match Pin::new(&mut *io).poll_write(cx, &unsent.bytes[unsent.sent..]) {
                Poll::Ready(Ok(0)) => return Err(io::ErrorKind::WriteZero.into()),
                Poll::Ready(Ok(count)) => {
                    unsent.sent += count;
                    left += count;
                }
                Poll::Ready(Err(error)) => return Err(error),
                Poll::Pending => return Ok(left),
            }
        }
        if left > 0 {
            unsent.release();
            self.account(&unsent);
        }
        Ok(left)
    }

    // ----- The task's side of waking. -----

    /// The connection is there.
    pub(super) fn connect(&self) {
        self.fate.set(Fate::Connected);
    }

    /// The task is being polled.
    pub(super) fn task_runs(&self, waker: &Waker) {
        self.awake.set(true);
        let mut known = self.waker.borrow_mut();
        if !known.as_ref().is_some_and(|known| known.will_wake(waker)) {
            *known = Some(waker.clone());
        }
    }

    /// The task waits, and has written all that it could.
    pub(super) fn task_waits(&self) {
        self.awake.set(false);
    }

    fn wake(&self) {
        if !self.awake.replace(true)
            && let Some(waker) = &*self.waker.borrow()
        {
            waker.wake_by_ref();
        }
    }

    /// The connection cannot be written to.
    pub(super) fn kill(&self) {
        self.fate.set(Fate::Dead);
        let mut unsent = self.unsent.borrow_mut();
        unsent.release();
        self.account(&unsent);
    }

    /// The connection is gone, and its task with it.
    pub(super) fn disconnect(&self) {
        self.kill();
        // A waker would keep the task's memory for as long as the sink lives.
        self.waker.borrow_mut().take();
    }

    /// There will be no connection, if there is none.
    pub(super) fn pending_dropped(&self) {
        if self.fate.get() == Fate::Waiting {
            self.kill();
        }
    }
}

/// What the isolate holds of a socket.
pub(super) struct Sink(Rc<Outbox>);

impl Sink {
    pub(super) fn new(outbox: Rc<Outbox>) -> Self {
        Self(outbox)
    }
}

impl WebSocketSink for Sink {
    fn send_text(&mut self, text: &str) {
        self.0.push(Opcode::Text, text.as_bytes());
    }

    fn send_binary(&mut self, bytes: &[u8]) {
        self.0.push(Opcode::Binary, bytes);
    }

    fn close(&mut self, code: Option<u16>, reason: &str) {
        self.0.close(code, reason);
    }

    fn buffered(&self) -> usize {
        self.0.len()
    }

    fn count(&mut self, account: HeldBytes) {
        let _ = self.0.account.set(account);
        self.0.account(&self.0.unsent.borrow());
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        self.0.released.set(true);
        self.0.close(Some(code::GOING_AWAY), "");
    }
}
