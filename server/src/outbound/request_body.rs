//! The body of a request on its way to hyper.

use std::cell::RefCell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use selvedge_runtime::body::{BodyError, BodySource};
use selvedge_runtime::outbound::OutboundBody;

/// A body that hyper pulls: a stream is asked for its next piece only when the
/// connection can take it. Once the head of the response is there, the upload
/// goes on by itself until the stream ends or fails, whether the response is
/// read or not: many Workers drop the response to a POST. A stream that fails
/// closes the connection (HTTP/1) or resets the exchange (HTTP/2).
pub(crate) enum RequestBody {
    Empty,
    Bytes(Option<Bytes>),
    Stream(Upload),
}

/// A body that can be read once.
pub(crate) struct Upload {
    source: Box<dyn BodySource>,
    /// Bytes that are left, where the length was announced.
    left: Option<u64>,
    failure: UploadFailure,
}

/// Why an upload broke off, for the one who waits for the response: hyper
/// tells it for HTTP/1 only.
#[derive(Debug, Clone, Default)]
pub(crate) struct UploadFailure(Rc<RefCell<Option<BodyError>>>);

impl UploadFailure {
    /// The reason, if the upload broke off.
    pub(crate) fn take(&self) -> Option<BodyError> {
        self.0.borrow_mut().take()
    }
}

impl RequestBody {
    /// A second body with the same content. A stream can be read only once.
    pub(crate) fn replay(&self) -> Option<Self> {
        match self {
            Self::Empty => Some(Self::Empty),
            Self::Bytes(bytes) => Some(Self::Bytes(bytes.clone())),
            Self::Stream(_) => None,
        }
    }

    /// The `content-length` to send: that of the body, where it is known, and 0
    /// without one where a body would be expected
    /// (<https://fetch.spec.whatwg.org/#concept-http-network-or-cache-fetch>).
    pub(crate) fn content_length(&self, method: &http::Method) -> Option<u64> {
        match self {
            Self::Empty => matches!(method.as_str(), "POST" | "PUT").then_some(0),
            Self::Bytes(bytes) => Some(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64)),
            Self::Stream(upload) => upload.left,
        }
    }

    /// Where it is told why the upload broke off.
    pub(crate) fn failure(&self) -> UploadFailure {
        match self {
            Self::Empty | Self::Bytes(_) => UploadFailure::default(),
            Self::Stream(upload) => upload.failure.clone(),
        }
    }
}

impl Upload {
    /// The next piece. An announced length is a promise to the origin: to break
    /// it would spoil the connection for the next request.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, BodyError>>> {
        let chunk = ready!(self.source.poll_chunk(cx)).transpose()?;
        let Some(left) = &mut self.left else { return Poll::Ready(chunk.map(Ok)) };
        let size = chunk.as_ref().map_or(0, |chunk| chunk.len() as u64);
        match left.checked_sub(size) {
            None => Poll::Ready(Some(Err(wrong_length("more")))),
            Some(rest) if rest > 0 && chunk.is_none() => {
                Poll::Ready(Some(Err(wrong_length("less"))))
            }
            Some(rest) => {
                *left = rest;
                Poll::Ready(chunk.map(Ok))
            }
        }
    }
}

impl From<OutboundBody> for RequestBody {
    fn from(body: OutboundBody) -> Self {
        match body {
            OutboundBody::Empty => Self::Empty,
            OutboundBody::Bytes(bytes) => Self::Bytes(Some(bytes)),
            OutboundBody::Stream(source, left) => {
                Self::Stream(Upload { source, left, failure: UploadFailure::default() })
            }
        }
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let chunk = match &mut *self {
            Self::Empty => None,
            Self::Bytes(bytes) => bytes.take().map(Ok),
            Self::Stream(upload) => {
                let chunk = ready!(upload.poll(cx));
                if let Some(Err(error)) = &chunk {
                    *upload.failure.0.borrow_mut() = Some(error.clone());
                }
                chunk
            }
        };
        Poll::Ready(chunk.map(|chunk| chunk.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Empty => true,
            Self::Bytes(bytes) => bytes.as_ref().is_none_or(Bytes::is_empty),
            Self::Stream(_) => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Empty => SizeHint::with_exact(0),
            Self::Bytes(bytes) => {
                SizeHint::with_exact(bytes.as_ref().map_or(0, |b| b.len() as u64))
            }
            Self::Stream(upload) => upload.left.map(SizeHint::with_exact).unwrap_or_default(),
        }
    }
}

fn wrong_length(direction: &str) -> BodyError {
    BodyError::Invalid(format!("The request body has {direction} bytes than its announced length"))
}
