//! Bodies of HTTP/2 requests and responses.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use selvedge_runtime::{BodyError, BodySink, BodySource};

use super::Presence;

/// The Worker is told to wait when this much was not taken yet.
const HIGH_BYTES: usize = 256 * 1024;

/// What a client sends.
pub(super) struct RequestBody {
    incoming: Incoming,
    received: u64,
    limit: u64,
    /// Set when the body broke the limit.
    too_large: Rc<Cell<bool>>,
}

impl RequestBody {
    pub(super) fn new(incoming: Incoming, limit: u64, too_large: Rc<Cell<bool>>) -> Self {
        Self { incoming, received: 0, limit, too_large }
    }
}

impl BodySource for RequestBody {
    fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, BodyError>>> {
        loop {
            match Pin::new(&mut self.incoming).poll_frame(cx) {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(None) => return Poll::Ready(None),
                Poll::Ready(Some(Err(_))) => {
                    return Poll::Ready(Some(Err(BodyError::ConnectionLost)));
                }
                Poll::Ready(Some(Ok(frame))) => {
                    // Trailers have no place in the fetch API.
                    let Ok(data) = frame.into_data() else { continue };
                    self.received += data.len() as u64;
                    if self.received > self.limit {
                        self.too_large.set(true);
                        return Poll::Ready(Some(Err(BodyError::TooLarge(self.limit))));
                    }
                    return Poll::Ready(Some(Ok(data)));
                }
            }
        }
    }

    fn length(&self) -> Option<u64> {
        self.incoming.size_hint().exact()
    }
}

/// What a Worker answers.
pub(super) enum ResponseBody {
    Whole(Option<Bytes>),
    Pushed(PushBody),
    Piped(Box<dyn BodySource>),
}

impl ResponseBody {
    pub(super) fn whole(bytes: Bytes) -> Self {
        Self::Whole((!bytes.is_empty()).then_some(bytes))
    }

    pub(super) fn pushed(body: PushBody) -> Self {
        Self::Pushed(body)
    }

    pub(super) fn piped(source: Box<dyn BodySource>) -> Self {
        Self::Piped(source)
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match &mut *self {
            Self::Whole(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Self::Pushed(body) => body.poll(cx),
            Self::Piped(source) => {
                source.poll_chunk(cx).map(|chunk| chunk.map(|chunk| chunk.map(Frame::data)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Whole(None))
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) => {
                SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64))
            }
            Self::Pushed(_) => SizeHint::default(),
            Self::Piped(source) => {
                source.length().map_or_else(SizeHint::default, SizeHint::with_exact)
            }
        }
    }
}

#[derive(Default)]
struct Push {
    chunks: VecDeque<Bytes>,
    buffered: usize,
    ended: bool,
    broken: bool,
    closed: bool,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

/// The connection's end of a body that the Worker pushes.
pub(super) struct PushBody {
    push: Rc<RefCell<Push>>,
    presence: Presence,
}

/// The Worker's end.
pub(super) struct PushSink {
    push: Rc<RefCell<Push>>,
    presence: Presence,
}

impl PushBody {
    pub(super) fn new(presence: Presence) -> (PushSink, Self) {
        let push = Rc::new(RefCell::new(Push::default()));
        (PushSink { push: push.clone(), presence: presence.clone() }, Self { push, presence })
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let mut push = self.push.borrow_mut();
        if let Some(chunk) = push.chunks.pop_front() {
            push.buffered -= chunk.len();
            if push.buffered < HIGH_BYTES
                && let Some(writer) = push.writer.take()
            {
                writer.wake();
            }
            return Poll::Ready(Some(Ok(Frame::data(chunk))));
        }
        if push.broken {
            return Poll::Ready(Some(Err(BodyError::Aborted)));
        }
        if push.ended {
            return Poll::Ready(None);
        }
        push.reader = Some(cx.waker().clone());
        Poll::Pending
    }
}

impl Drop for PushBody {
    fn drop(&mut self) {
        let mut push = self.push.borrow_mut();
        push.closed = true;
        push.chunks.clear();
        if let Some(writer) = push.writer.take() {
            writer.wake();
        }
        if !push.ended && !push.broken {
            self.presence.gone();
        }
    }
}

impl PushSink {
    fn finish(&mut self, end: impl FnOnce(&mut Push)) {
        let mut push = self.push.borrow_mut();
        end(&mut push);
        if let Some(reader) = push.reader.take() {
            reader.wake();
        }
        self.presence.done();
    }
}

impl BodySink for PushSink {
    fn write(&mut self, chunk: &[u8]) -> bool {
        let mut push = self.push.borrow_mut();
        if push.closed {
            return false;
        }
        push.buffered += chunk.len();
        push.chunks.push_back(Bytes::copy_from_slice(chunk));
        if let Some(reader) = push.reader.take() {
            reader.wake();
        }
        push.buffered < HIGH_BYTES
    }

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BodyError>> {
        let mut push = self.push.borrow_mut();
        if push.closed {
            return Poll::Ready(Err(BodyError::ConnectionLost));
        }
        if push.buffered < HIGH_BYTES {
            return Poll::Ready(Ok(()));
        }
        push.writer = Some(cx.waker().clone());
        Poll::Pending
    }

    fn end(mut self: Box<Self>) {
        self.finish(|push| push.ended = true);
    }
}

impl Drop for PushSink {
    fn drop(&mut self) {
        if !self.push.borrow().ended {
            self.finish(|push| push.broken = true);
        }
    }
}
