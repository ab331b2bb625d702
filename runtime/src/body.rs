//! Bodies that come in: of a request, or of a subrequest's response.

use std::borrow::Cow;
use std::cell::Cell;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::Bytes;
use deno_core::{AsyncRefCell, CancelHandle, CancelTryFuture as _, RcRef, Resource};
use deno_error::JsErrorBox;

use crate::headers::HeaderBlobBuf;

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

/// A body in an isolate's resource table, where JavaScript reads it, or hands
/// it on by its number.
pub struct BodyResource {
    source: AsyncRefCell<Option<Box<dyn BodySource>>>,
    /// The headers that it came with, where JavaScript has not got them.
    head: Cell<Option<HeaderBlobBuf>>,
    cancel: CancelHandle,
}

impl BodyResource {
    /// A body that nobody has read from yet.
    pub fn new(source: Box<dyn BodySource>) -> Self {
        Self {
            source: AsyncRefCell::new(Some(source)),
            head: Cell::new(None),
            cancel: CancelHandle::new(),
        }
    }

    /// The body of a response that is here with its headers.
    pub fn with_head(source: Box<dyn BodySource>, head: HeaderBlobBuf) -> Self {
        Self { head: Cell::new(Some(head)), ..Self::new(source) }
    }

    /// The headers that are here with it.
    pub fn take_head(&self) -> Option<HeaderBlobBuf> {
        self.head.take()
    }

    /// The source, if nobody is reading from it.
    pub fn take(self: Rc<Self>) -> Option<Box<dyn BodySource>> {
        let cell = RcRef::map(self, |this| &this.source);
        cell.try_borrow_mut().and_then(|mut source| source.take())
    }

    /// The announced length in bytes.
    pub fn length(self: Rc<Self>) -> Option<u64> {
        let cell = RcRef::map(self, |this| &this.source);
        let source = cell.try_borrow_mut()?;
        (*source).as_ref().and_then(|source| source.length())
    }

    /// The whole body, if it lies in memory already. Nothing changes if not.
    pub fn take_ready(self: Rc<Self>) -> Option<Bytes> {
        let cell = RcRef::map(self, |this| &this.source);
        let mut source = cell.try_borrow_mut()?;
        (*source).as_mut().and_then(|source| source.take_ready())
    }

    /// The next piece, never an empty one; `None` at the end.
    ///
    /// # Errors
    /// When the body breaks off, or the resource is closed meanwhile.
    pub async fn next_piece(self: Rc<Self>) -> Result<Option<Bytes>, JsErrorBox> {
        let cancel = RcRef::map(self.clone(), |this| &this.cancel);
        let cell = RcRef::map(self, |this| &this.source);
        let read = async {
            let mut source = cell.borrow_mut().await;
            loop {
                let Some(open) = source.as_mut() else { return Ok(None) };
                match poll_fn(|cx| open.poll_chunk(cx)).await {
                    None => {
                        *source = None;
                        return Ok(None);
                    }
                    // An empty piece would read as the end.
                    Some(Ok(bytes)) if bytes.is_empty() => {}
                    Some(Ok(bytes)) => return Ok(Some(bytes)),
                    Some(Err(error)) => {
                        *source = None;
                        return Err(JsErrorBox::from_err(error));
                    }
                }
            }
        };
        read.try_or_cancel(cancel).await
    }
}

impl Resource for BodyResource {
    fn name(&self) -> Cow<'_, str> {
        "body".into()
    }

    fn close(self: Rc<Self>) {
        self.cancel.cancel();
        drop(self.take());
    }
}
