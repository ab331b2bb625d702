//! The body of a response on its way in.

use std::cell::{Cell, RefCell};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::Body;
use hyper::body::Incoming;
use selvedge_runtime::body::{BodyError, BodySource};

use super::slots::{CLOSED, Slot};

/// A body that is pulled from hyper. Dropping it before its end closes the
/// connection (HTTP/1) or resets the stream (HTTP/2).
pub(crate) struct ResponseBody(Rc<Held>);

/// What a response keeps open.
pub(crate) struct Held {
    /// `None` once the body ended.
    incoming: RefCell<Option<Incoming>>,
    slot: RefCell<Option<Slot>>,
    last_used: Cell<u64>,
    /// Whether its reader waits for more to arrive.
    awaited: Cell<bool>,
    closed: Cell<bool>,
    length: Option<u64>,
}

impl ResponseBody {
    /// The body `incoming`, which holds `slot` until its end.
    pub(crate) fn new(incoming: Incoming, slot: Option<Slot>) -> Self {
        let held = Rc::new(Held {
            length: incoming.size_hint().exact(),
            incoming: RefCell::new(Some(incoming)),
            slot: RefCell::new(None),
            last_used: Cell::new(0),
            awaited: Cell::new(false),
            closed: Cell::new(false),
        });
        if let Some(slot) = slot {
            slot.register(&held);
            *held.slot.borrow_mut() = Some(slot);
            held.used();
        }
        Self(held)
    }
}

impl Held {
    pub(crate) fn holds_slot(&self) -> bool {
        self.slot.borrow().is_some()
    }

    pub(crate) fn is_awaited(&self) -> bool {
        self.awaited.get()
    }

    /// When something was last done with it, on the clock of its slots.
    pub(crate) fn last_used(&self) -> u64 {
        self.last_used.get()
    }

    /// Closes the connection; the reader gets an error.
    pub(crate) fn close(&self) {
        self.closed.set(true);
        self.end();
    }

    fn used(&self) {
        if let Some(slot) = &*self.slot.borrow() {
            self.last_used.set(slot.slots().tick());
        }
    }

    fn end(&self) {
        let incoming = self.incoming.borrow_mut().take();
        drop(incoming);
        let slot = self.slot.borrow_mut().take();
        drop(slot);
    }

    fn poll(&self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, BodyError>>> {
        loop {
            let mut incoming = self.incoming.borrow_mut();
            let Some(body) = &mut *incoming else { return Poll::Ready(None) };
            match ready!(Pin::new(body).poll_frame(cx)) {
                Some(Ok(frame)) => {
                    // Trailers are not shown to a Worker, as on Cloudflare.
                    if let Ok(data) = frame.into_data() {
                        return Poll::Ready(Some(Ok(data)));
                    }
                }
                Some(Err(error)) => {
                    tracing::debug!(%error, "response body broken off");
                    return Poll::Ready(Some(Err(BodyError::ConnectionLost)));
                }
                None => return Poll::Ready(None),
            }
        }
    }
}

impl BodySource for ResponseBody {
    fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, BodyError>>> {
        let held = &self.0;
        if held.closed.replace(false) {
            return Poll::Ready(Some(Err(BodyError::Invalid(CLOSED.into()))));
        }
        held.used();
        let polled = held.poll(cx);
        held.awaited.set(polled.is_pending());
        if matches!(polled, Poll::Ready(None | Some(Err(_)))) {
            held.end();
        }
        polled
    }

    fn length(&self) -> Option<u64> {
        self.0.length
    }
}
