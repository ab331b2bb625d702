//! Bodies that come in: of a request, or of a subrequest's response.

use std::task::{Context, Poll};

use bytes::Bytes;

/// Why a body ended early.
#[derive(Debug, Clone, thiserror::Error, deno_error::JsError)]
pub enum BodyError {
    /// The client or the origin closed the connection in the middle of a body.
    #[class(type)]
    #[error("Network connection lost.")]
    ConnectionLost,
    /// The body is larger than the limit.
    #[class(type)]
    #[error("request body exceeds the limit of {0} bytes")]
    TooLarge(u64),
    /// What arrived is not a body: bad chunk framing, corrupt compression.
    #[class(type)]
    #[error("{0}")]
    Invalid(String),
    /// The one who reads was told to stop.
    #[class(type)]
    #[error("The operation was aborted")]
    Aborted,
}

/// A body that is pulled: nothing is read from the network before it is asked
/// for, beyond a small window. Dropping it cancels it.
pub trait BodySource {
    /// The next piece; `None` at the end.
    fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, BodyError>>>;

    /// The whole body, if it lies in memory already. Nothing changes if not.
    fn take_ready(&mut self) -> Option<Bytes> {
        None
    }

    /// Its length in bytes, where it was announced.
    fn length(&self) -> Option<u64> {
        None
    }
}

/// A body that lies in memory.
#[derive(Debug)]
pub struct BytesBody(Option<Bytes>);

impl BytesBody {
    /// A body of these bytes.
    pub fn new(bytes: Bytes) -> Self {
        Self(Some(bytes))
    }
}

impl BodySource for BytesBody {
    fn poll_chunk(&mut self, _: &mut Context<'_>) -> Poll<Option<Result<Bytes, BodyError>>> {
        Poll::Ready(self.0.take().filter(|bytes| !bytes.is_empty()).map(Ok))
    }

    fn take_ready(&mut self) -> Option<Bytes> {
        Some(self.0.take().unwrap_or_default())
    }

    fn length(&self) -> Option<u64> {
        self.0.as_ref().map(|bytes| bytes.len() as u64)
    }
}
