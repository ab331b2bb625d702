//! The body of a request on its way in: the connection's task reads when the
//! Worker asks, and no further ahead than a window.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use selvedge_runtime::{BodyError, BodySource};

use super::exchange::TaskWaker;

/// Bytes that are read ahead of the Worker.
const WINDOW_BYTES: usize = 128 * 1024;

/// Shared by the connection, which fills it, and the Worker's side.
pub(crate) struct Inbound {
    chunks: RefCell<VecDeque<Bytes>>,
    buffered: Cell<usize>,
    /// How it ended, once it did.
    end: RefCell<Option<Result<(), BodyError>>>,
    length: Option<u64>,
    received: Cell<u64>,
    limit: u64,
    /// The Worker asked for it at least once.
    wanted: Cell<bool>,
    /// Nobody will read the rest.
    dropped: Cell<bool>,
    expect_continue: Cell<bool>,
    reader: RefCell<Option<Waker>>,
    task: TaskWaker,
}

impl Inbound {
    pub(super) fn new(
        length: Option<u64>,
        limit: u64,
        expect_continue: bool,
        task: TaskWaker,
    ) -> Rc<Self> {
        Rc::new(Self {
            chunks: RefCell::default(),
            buffered: Cell::new(0),
            end: RefCell::new(None),
            length,
            received: Cell::new(0),
            limit,
            wanted: Cell::new(false),
            dropped: Cell::new(false),
            expect_continue: Cell::new(expect_continue),
            reader: RefCell::new(None),
            task,
        })
    }

    /// The Worker's side.
    pub(super) fn source(self: &Rc<Self>) -> InboundSource {
        InboundSource(self.clone())
    }

    /// Whether the connection should read more of it now.
    pub(super) fn wants_more(&self) -> bool {
        self.end.borrow().is_none()
            && !self.dropped.get()
            && self.wanted.get()
            && self.buffered.get() < WINDOW_BYTES
    }

    /// Whether `100 Continue` is due (RFC 9110, 10.1.1). Asked once.
    pub(super) fn take_continue(&self) -> bool {
        self.wanted.get() && self.end.borrow().is_none() && self.expect_continue.replace(false)
    }

    /// Whether the client still waits for `100 Continue` and sent nothing.
    pub(super) fn awaits_continue(&self) -> bool {
        self.expect_continue.get()
    }

    pub(super) fn is_complete(&self) -> bool {
        self.end.borrow().is_some()
    }

    /// Whether it ended early: what follows on the connection is not a request.
    pub(super) fn is_broken(&self) -> bool {
        matches!(&*self.end.borrow(), Some(Err(_)))
    }

    /// Whether it is larger than the limit.
    pub(super) fn is_too_large(&self) -> bool {
        matches!(&*self.end.borrow(), Some(Err(BodyError::TooLarge(_))))
    }

    /// Takes a piece; `false` when the body is over its limit.
    pub(super) fn push(&self, chunk: &[u8]) -> bool {
        self.received.set(self.received.get() + chunk.len() as u64);
        if self.received.get() > self.limit {
            self.finish(Err(BodyError::TooLarge(self.limit)));
            return false;
        }
        if !self.dropped.get() {
            self.buffered.set(self.buffered.get() + chunk.len());
            self.chunks.borrow_mut().push_back(Bytes::copy_from_slice(chunk));
            self.wake_reader();
        }
        true
    }

    pub(super) fn finish(&self, end: Result<(), BodyError>) {
        self.end.borrow_mut().get_or_insert(end);
        self.wake_reader();
    }

    fn wake_reader(&self) {
        if let Some(reader) = self.reader.borrow_mut().take() {
            reader.wake();
        }
    }
}

pub(crate) struct InboundSource(Rc<Inbound>);

impl BodySource for InboundSource {
    fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, BodyError>>> {
        let body = &*self.0;
        if let Some(chunk) = body.chunks.borrow_mut().pop_front() {
            let before = body.buffered.get();
            body.buffered.set(before - chunk.len());
            if before >= WINDOW_BYTES {
                body.task.wake();
            }
            return Poll::Ready(Some(Ok(chunk)));
        }
        match &*body.end.borrow() {
            Some(Ok(())) => return Poll::Ready(None),
            Some(Err(error)) => return Poll::Ready(Some(Err(error.clone()))),
            None => {}
        }
        *body.reader.borrow_mut() = Some(cx.waker().clone());
        if !body.wanted.replace(true) {
            body.task.wake();
        }
        Poll::Pending
    }

    fn length(&self) -> Option<u64> {
        self.0.length
    }
}

impl Drop for InboundSource {
    fn drop(&mut self) {
        self.0.dropped.set(true);
        self.0.chunks.borrow_mut().clear();
        self.0.buffered.set(0);
        self.0.task.wake();
    }
}
