//! Connections in memory: what `connect()` of a binding opens to a Worker or to a
//! Durable Object, and what a server hands a TCP connection over with. The two ends
//! may be on different threads.

use std::borrow::Cow;
use std::cell::RefCell;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use deno_core::Resource;
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};
use tokio::sync::oneshot;

/// Bytes that one end sends ahead of the other's reading, each way.
pub const PIPE_BYTES: usize = 64 * 1024;

/// One end of a connection in memory.
///
/// An end that is dropped before it said that it is done ([`PipeEnd::shutdown`] of
/// [`AsyncWrite`], or [`Ending::well`]) breaks the connection: who reads from the other
/// one gets what was sent, and then an error in place of the end.
///
/// [`PipeEnd::shutdown`]: tokio::io::AsyncWriteExt::shutdown
#[derive(Debug)]
pub struct PipeEnd {
    stream: DuplexStream,
    own: Ending,
    other: Ending,
    /// Dropped with this end.
    _here: oneshot::Sender<()>,
    departure: Option<Departure>,
}

/// Says of an end that what it sends is whole.
#[derive(Debug, Clone, Default)]
pub struct Ending(Arc<AtomicBool>);

impl Ending {
    /// Nothing is missing of what was sent.
    pub fn well(&self) {
        self.0.store(true, Ordering::Release);
    }

    fn is_well(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// Ready when the other end is dropped.
#[derive(Debug)]
pub struct Departure(oneshot::Receiver<()>);

impl Departure {
    /// Waits for it.
    pub async fn wait(self) {
        // Nothing is ever sent.
        let _ = self.0.await;
    }
}

impl PipeEnd {
    /// Both ends of a new connection.
    pub fn pair() -> (Self, Self) {
        let (left, right) = tokio::io::duplex(PIPE_BYTES);
        let (of_left, of_right) = (Ending::default(), Ending::default());
        let (left_here, left_gone) = oneshot::channel();
        let (right_here, right_gone) = oneshot::channel();
        let end = |stream, own: &Ending, other: &Ending, here, gone| Self {
            stream,
            own: own.clone(),
            other: other.clone(),
            _here: here,
            departure: Some(Departure(gone)),
        };
        (
            end(left, &of_left, &of_right, left_here, right_gone),
            end(right, &of_right, &of_left, right_here, left_gone),
        )
    }

    /// What says that this end is done, also after it was handed on.
    pub fn ending(&self) -> Ending {
        self.own.clone()
    }

    /// Tells when the other end leaves, to the first who asks.
    pub fn take_departure(&mut self) -> Option<Departure> {
        self.departure.take()
    }
}

impl AsyncRead for PipeEnd {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let room = buffer.remaining();
        let result = Pin::new(&mut self.stream).poll_read(cx, buffer);
        let is_end = matches!(result, Poll::Ready(Ok(()))) && buffer.filled().len() == before;
        if is_end && room > 0 && !self.other.is_well() {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        result
    }
}

impl AsyncWrite for PipeEnd {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.own.well();
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// A connection that came in for a `connect()` handler.
#[derive(Debug)]
pub struct InboundConnection {
    pub pipe: PipeEnd,
    /// The client's address; `None`: a Worker or a Durable Object connects.
    pub remote: Option<String>,
    /// The address that was connected to.
    pub local: String,
    /// Gets its value when a handler takes the connection, and is dropped where none will.
    pub accepted: oneshot::Sender<()>,
}

impl InboundConnection {
    /// A connection of a Worker or an object that says that it goes to `address`, and
    /// who waits for it.
    pub fn from_worker(address: impl Into<String>) -> (Self, Connecting) {
        let (ours, theirs) = PipeEnd::pair();
        let (accepted, told) = oneshot::channel();
        let inbound = Self { pipe: theirs, remote: None, local: address.into(), accepted };
        (inbound, Connecting { pipe: ours, told })
    }

    /// One of a client.
    pub fn from_client(remote: String, local: String) -> (Self, Connecting) {
        let (inbound, connecting) = Self::from_worker(local);
        (Self { remote: Some(remote), ..inbound }, connecting)
    }
}

/// The caller's end, until a handler takes the other one.
#[derive(Debug)]
pub struct Connecting {
    pipe: PipeEnd,
    told: oneshot::Receiver<()>,
}

impl Connecting {
    /// The connection, when a handler takes it; `None` where none will.
    pub async fn wait(self) -> Option<PipeEnd> {
        let Self { pipe, told } = self;
        told.await.ok().map(|()| pipe)
    }
}

/// A connection that came in, as the isolate holds it until its handler is found.
#[derive(Debug)]
pub struct ArrivedConnection(RefCell<Option<InboundConnection>>);

impl ArrivedConnection {
    pub fn new(connection: InboundConnection) -> Self {
        Self(RefCell::new(Some(connection)))
    }

    /// The connection, for the first who asks.
    pub fn take(&self) -> Option<InboundConnection> {
        self.0.take()
    }
}

impl Resource for ArrivedConnection {
    fn name(&self) -> Cow<'_, str> {
        "arrivedConnection".into()
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    fn block_on<T>(future: impl Future<Output = T>) -> T {
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        runtime.block_on(future)
    }

    #[test]
    fn what_was_sent_arrives_also_after_the_end_is_gone() {
        block_on(async {
            let (mut left, mut right) = PipeEnd::pair();
            left.write_all(b"all of it").await.expect("there is room");
            left.ending().well();
            drop(left);
            let mut text = String::new();
            right.read_to_string(&mut text).await.expect("it ended well");
            assert_eq!(text, "all of it");
            assert!(right.write_all(b"x").await.is_err());
        });
    }

    #[test]
    fn an_end_that_is_lost_is_an_error_after_what_it_sent() {
        block_on(async {
            let (mut left, mut right) = PipeEnd::pair();
            left.write_all(b"half").await.expect("there is room");
            drop(left);
            let mut bytes = Vec::new();
            let error = right.read_to_end(&mut bytes).await.expect_err("it is broken");
            assert_eq!((error.kind(), &*bytes), (io::ErrorKind::ConnectionReset, &b"half"[..]));
        });
    }

    #[test]
    fn one_direction_ends_before_the_other() {
        block_on(async {
            let (mut left, mut right) = PipeEnd::pair();
            left.shutdown().await.expect("it is open");
            let mut bytes = Vec::new();
            right.read_to_end(&mut bytes).await.expect("it ended well");
            right.write_all(b"answer").await.expect("the other direction is open");
            drop(right);
            let mut answer = [0; 6];
            left.read_exact(&mut answer).await.expect("it was sent");
            assert_eq!(&answer, b"answer");
        });
    }

    #[test]
    fn no_more_is_taken_than_fits() {
        block_on(async {
            let (mut left, mut right) = PipeEnd::pair();
            left.write_all(&vec![0; PIPE_BYTES]).await.expect("there is room");
            let mut waits = std::pin::pin!(left.write_all(b"more"));
            let mut cx = Context::from_waker(std::task::Waker::noop());
            assert!(waits.as_mut().poll(&mut cx).is_pending());
            right.read_exact(&mut [0; 4]).await.expect("it was sent");
            waits.await.expect("there is room again");
        });
    }

    #[test]
    fn the_departure_of_an_end_is_told() {
        block_on(async {
            let (left, mut right) = PipeEnd::pair();
            let departure = right.take_departure().expect("nobody asked before");
            assert!(right.take_departure().is_none());
            let mut waits = std::pin::pin!(departure.wait());
            let mut cx = Context::from_waker(std::task::Waker::noop());
            assert!(waits.as_mut().poll(&mut cx).is_pending());
            drop(left);
            waits.await;
        });
    }
}
