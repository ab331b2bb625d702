//! Connections that move between threads: to the isolate that their next request
//! is for, and back when it leaves. What was read and not parsed goes with them,
//! so no client notices.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use selvedge_deployments::VersionId;
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

use crate::edge::Facts;
use crate::io::Io;

/// A connection on its way.
pub(crate) struct Moved {
    pub(crate) line: Line,
    /// What was read of it and is not parsed.
    pub(crate) early: Bytes,
    pub(crate) facts: Arc<Facts>,
    /// The version that was drawn for its next request.
    pub(crate) chosen: Option<VersionId>,
    /// Counts it with the isolate that it was sent to.
    pub(crate) ticket: Option<Ticket>,
    /// How often it was sent on since a thread served a request of it.
    pub(crate) hops: u8,
}

/// The connection itself; it belongs to no thread.
pub(crate) enum Line {
    Plain(std::net::TcpStream),
    Tls(Box<TlsStream<Movable>>),
    /// One stream of an HTTP/2 connection, or what stands in for it.
    Pipe(DuplexStream),
}

impl std::fmt::Debug for Moved {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Moved({}, {} early bytes)", self.facts.peer, self.early.len())
    }
}

/// A connection that can leave its thread.
pub(crate) trait Move: Io + Sized {
    /// Takes it from the thread that served it.
    ///
    /// # Errors
    /// When the system refuses; the connection is lost.
    fn leave(self) -> io::Result<Line>;
}

impl Move for TcpStream {
    fn leave(self) -> io::Result<Line> {
        self.into_std().map(Line::Plain)
    }
}

impl Move for Box<TlsStream<Movable>> {
    fn leave(mut self) -> io::Result<Line> {
        self.get_mut().0.detach()?;
        Ok(Line::Tls(self))
    }
}

impl Move for DuplexStream {
    fn leave(self) -> io::Result<Line> {
        Ok(Line::Pipe(self))
    }
}

/// What lies below TLS: it goes to another thread inside of its session.
#[derive(Debug)]
pub(crate) struct Movable {
    place: Place,
    /// What was read before TLS began.
    early: Bytes,
}

#[derive(Debug)]
enum Place {
    /// Served by this thread's event loop.
    Here(TcpStream),
    Away(std::net::TcpStream),
    Lost,
}

impl Movable {
    /// A connection of this thread.
    pub(crate) fn new(stream: TcpStream, early: Vec<u8>) -> Self {
        Self { place: Place::Here(stream), early: early.into() }
    }

    fn detach(&mut self) -> io::Result<()> {
        if let Place::Here(stream) = std::mem::replace(&mut self.place, Place::Lost) {
            self.place = Place::Away(stream.into_std()?);
        }
        Ok(())
    }

    /// Makes it one of this thread.
    ///
    /// # Errors
    /// When the event loop cannot take it.
    pub(crate) fn attach(&mut self) -> io::Result<()> {
        if let Place::Away(stream) = std::mem::replace(&mut self.place, Place::Lost) {
            self.place = Place::Here(TcpStream::from_std(stream)?);
        }
        Ok(())
    }

    fn here(&mut self) -> io::Result<Pin<&mut TcpStream>> {
        match &mut self.place {
            Place::Here(stream) => Ok(Pin::new(stream)),
            _ => Err(io::ErrorKind::NotConnected.into()),
        }
    }
}

impl AsyncRead for Movable {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.early.is_empty() {
            let count = self.early.len().min(buffer.remaining());
            buffer.put_slice(&self.early.split_to(count));
            return Poll::Ready(Ok(()));
        }
        self.here()?.poll_read(cx, buffer)
    }
}

impl AsyncWrite for Movable {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.here()?.poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.here()?.poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.here()?.poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.here()?.poll_write_vectored(cx, parts)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }
}

impl Io for Movable {}
impl Io for Box<TlsStream<Movable>> {}

/// Counts a connection for as long as it is with an isolate.
#[derive(Debug)]
pub(crate) struct Ticket(Arc<AtomicUsize>);

impl Ticket {
    /// One more.
    pub(crate) fn new(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count.clone())
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
