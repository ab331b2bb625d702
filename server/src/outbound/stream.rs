//! The bytes of a connection to an origin, plain or encrypted.

use std::io::{IoSlice, Result};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

/// What WebSocket frames travel on.
pub trait Io: AsyncRead + AsyncWrite + Unpin {}

impl<T: AsyncRead + AsyncWrite + Unpin> Io for T {}

/// Counts what arrived on a connection: one that was kept and breaks before
/// its first byte was stale, so the request may be sent again.
// Atomic only because hyper wants a connection that can be upgraded to be
// Send; it never leaves its thread.
#[derive(Debug, Clone, Default)]
pub(crate) struct Received(Arc<AtomicU64>);

impl Received {
    /// Bytes so far.
    pub(crate) fn bytes(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A connection.
pub(crate) struct Stream {
    io: Layer,
    received: Received,
}

enum Layer {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
    /// To another Worker of this process.
    Pipe(tokio::io::DuplexStream),
}

impl Stream {
    pub(crate) fn plain(tcp: TcpStream) -> Self {
        Self { io: Layer::Plain(tcp), received: Received::default() }
    }

    pub(crate) fn tls(tls: TlsStream<TcpStream>) -> Self {
        Self { io: Layer::Tls(Box::new(tls)), received: Received::default() }
    }

    pub(crate) fn pipe(pipe: tokio::io::DuplexStream) -> Self {
        Self { io: Layer::Pipe(pipe), received: Received::default() }
    }

    /// The counter of this connection.
    pub(crate) fn received(&self) -> Received {
        self.received.clone()
    }

    fn write_half(&mut self) -> Pin<&mut (dyn AsyncWrite + Unpin)> {
        match &mut self.io {
            Layer::Plain(tcp) => Pin::new(tcp),
            Layer::Tls(tls) => Pin::new(tls),
            Layer::Pipe(pipe) => Pin::new(pipe),
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<Result<()>> {
        let before = buf.filled().len();
        ready!(match &mut self.io {
            Layer::Plain(tcp) => Pin::new(tcp).poll_read(cx, buf),
            Layer::Tls(tls) => Pin::new(tls).poll_read(cx, buf),
            Layer::Pipe(pipe) => Pin::new(pipe).poll_read(cx, buf),
        })?;
        let read = buf.filled().len() - before;
        self.received.0.fetch_add(read as u64, Ordering::Relaxed);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<Result<usize>> {
        self.write_half().poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<Result<usize>> {
        self.write_half().poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        match &self.io {
            Layer::Plain(tcp) => tcp.is_write_vectored(),
            Layer::Tls(tls) => tls.is_write_vectored(),
            Layer::Pipe(pipe) => pipe.is_write_vectored(),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        self.write_half().poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        self.write_half().poll_shutdown(cx)
    }
}
