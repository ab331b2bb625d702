//! Sockets on a connection in memory, with a peer that speaks in raw bytes.

mod close;
mod flow;
mod messages;
mod packed;
mod violations;

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use selvedge_runtime::websocket::{WebSocketEvent, WebSocketSink};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, DuplexStream, ReadBuf};
use tokio::sync::Notify;
use tokio::task::{JoinHandle, LocalSet};

use super::connection::Connection;
use super::frame::{FIN, MASKED};
use super::outbox::{Outbox, Sink};
use super::{Deflate, Deliver, Role, deflate, mask};

pub(super) const TEXT: u8 = FIN | 1;
pub(super) const BINARY: u8 = FIN | 2;
pub(super) const CLOSE: u8 = FIN | 8;
pub(super) const PING: u8 = FIN | 9;
pub(super) const PONG: u8 = FIN | 10;

/// Runs a test, which must not hang.
pub(super) fn run(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let local = LocalSet::new();
    let test = local.run_until(async { tokio::time::timeout(Duration::from_secs(60), test).await });
    runtime.block_on(test).expect("the test hangs");
}

/// Lets the other tasks do all that they can.
pub(super) async fn settle() {
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
}

pub(super) fn other(role: Role) -> Role {
    match role {
        Role::Server => Role::Client,
        Role::Client => Role::Server,
    }
}

/// A frame as an end with this role sends it; `first` is its first byte.
pub(super) fn frame(from: Role, first: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first];
    let masked = if from == Role::Client { MASKED } else { 0 };
    match payload.len() {
        0..=125 => bytes.push(masked | payload.len() as u8),
        126..=0xffff => {
            bytes.push(masked | 126);
            bytes.extend((payload.len() as u16).to_be_bytes());
        }
        _ => {
            bytes.push(masked | 127);
            bytes.extend((payload.len() as u64).to_be_bytes());
        }
    }
    let key = [0x37, 0xfa, 0x21, 0x3d];
    if masked != 0 {
        bytes.extend(key);
    }
    let start = bytes.len();
    bytes.extend(payload);
    if masked != 0 {
        mask::apply(&mut bytes[start..], key);
    }
    bytes
}

/// The payload of a close frame.
pub(super) fn closing(code: u16, reason: &str) -> Vec<u8> {
    [&code.to_be_bytes(), reason.as_bytes()].concat()
}

pub(super) fn show(event: &WebSocketEvent) -> String {
    match event {
        WebSocketEvent::Text(text) => format!("text {text}"),
        WebSocketEvent::Binary(bytes) => format!("binary {bytes:?}"),
        WebSocketEvent::Close { code, reason } => format!("close {code} {reason}"),
        WebSocketEvent::Error(message) => format!("error {message}"),
    }
}

/// What a Worker does with what arrives.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Handler {
    Record,
    /// Sends messages back and answers a close frame, as JavaScript does.
    Echo,
}

pub(super) type SharedSink = Rc<RefCell<Option<Box<dyn WebSocketSink>>>>;

/// Calls on a connection.
#[derive(Clone, Default)]
pub(super) struct Calls {
    pub(super) reads: Rc<Cell<usize>>,
    pub(super) writes: Rc<Cell<usize>>,
}

/// A socket under test, and its peer.
pub(super) struct Socket {
    pub(super) sink: SharedSink,
    pub(super) outbox: Rc<Outbox>,
    pub(super) events: Rc<RefCell<Vec<WebSocketEvent>>>,
    delivered: Rc<Notify>,
    pub(super) task: JoinHandle<()>,
    pub(super) peer: Peer,
    pub(super) calls: Calls,
}

impl Socket {
    pub(super) fn open(role: Role, handler: Handler) -> Self {
        Self::build(role, handler, &[], 1024 * 1024, Duration::from_secs(30))
    }

    pub(super) fn build(
        role: Role,
        handler: Handler,
        leftover: &[u8],
        pipe_bytes: usize,
        close_timeout: Duration,
    ) -> Self {
        Self::build_with(role, None, handler, leftover, pipe_bytes, close_timeout)
    }

    /// A socket that speaks permessage-deflate.
    pub(super) fn packed(role: Role, agreed: Deflate, handler: Handler) -> Self {
        let patience = Duration::from_secs(30);
        Self::build_with(role, Some(agreed), handler, &[], 1024 * 1024, patience)
    }

    fn build_with(
        role: Role,
        agreed: Option<Deflate>,
        handler: Handler,
        leftover: &[u8],
        pipe_bytes: usize,
        close_timeout: Duration,
    ) -> Self {
        let (packer, unpacker) = agreed.map(|agreed| deflate::codec(agreed, role)).unzip();
        let (io, peer) = tokio::io::duplex(pipe_bytes);
        let events = Rc::new(RefCell::new(Vec::new()));
        let delivered = Rc::new(Notify::new());
        let sink: SharedSink = Rc::default();
        let deliver = deliver(handler, events.clone(), delivered.clone(), sink.clone());
        let outbox = Rc::new(Outbox::new(role, packer));
        *sink.borrow_mut() = Some(Box::new(Sink::new(outbox.clone())));
        let calls = Calls::default();
        let io = Counted { io, calls: calls.clone() };
        let mut connection = Connection::new(
            io,
            Bytes::copy_from_slice(leftover),
            outbox.clone(),
            unpacker,
            deliver,
        );
        connection.set_close_timeout(close_timeout);
        let task = tokio::task::spawn_local(connection);
        Self { sink, outbox, events, delivered, task, peer: Peer::new(peer, other(role)), calls }
    }

    pub(super) fn with_sink<T>(&self, act: impl FnOnce(&mut dyn WebSocketSink) -> T) -> T {
        act(&mut **self.sink.borrow_mut().as_mut().expect("the sink was dropped"))
    }

    /// All events, once they are this many.
    pub(super) async fn events(&self, count: usize) -> Vec<String> {
        while self.events.borrow().len() < count {
            self.delivered.notified().await;
        }
        self.events.borrow().iter().map(show).collect()
    }
}

fn deliver(
    handler: Handler,
    events: Rc<RefCell<Vec<WebSocketEvent>>>,
    delivered: Rc<Notify>,
    sink: SharedSink,
) -> Deliver {
    Rc::new(move |event| {
        if handler == Handler::Echo
            && let Some(sink) = sink.borrow_mut().as_mut()
        {
            match &event {
                WebSocketEvent::Text(text) => sink.send_text(text),
                WebSocketEvent::Binary(bytes) => sink.send_binary(bytes),
                WebSocketEvent::Close { code, reason } => {
                    sink.close((*code != 1005).then_some(*code), reason);
                }
                WebSocketEvent::Error(_) => {}
            }
        }
        events.borrow_mut().push(event);
        delivered.notify_one();
    })
}

/// The other end, in raw bytes.
pub(super) struct Peer {
    pub(super) io: DuplexStream,
    pub(super) role: Role,
    read: Vec<u8>,
}

impl Peer {
    pub(super) fn new(io: DuplexStream, role: Role) -> Self {
        Self { io, role, read: Vec::new() }
    }

    pub(super) async fn write(&mut self, bytes: &[u8]) {
        self.io.write_all(bytes).await.expect("the socket takes bytes");
    }

    pub(super) async fn send(&mut self, first: u8, payload: &[u8]) {
        self.write(&frame(self.role, first, payload)).await;
    }

    /// The next frame's first byte and payload; `None` at the end.
    pub(super) async fn frame(&mut self) -> Option<(u8, Vec<u8>)> {
        loop {
            if let Some((frame, bytes)) = self.parse() {
                self.read.drain(..bytes);
                return Some(frame);
            }
            self.read.reserve(64 * 1024);
            if self.io.read_buf(&mut self.read).await.ok()? == 0 {
                assert!(self.read.is_empty(), "the connection ended within a frame");
                return None;
            }
        }
    }

    /// A frame, read by code that shares nothing with what it checks.
    fn parse(&self) -> Option<((u8, Vec<u8>), usize)> {
        let [first, second, rest @ ..] = &self.read[..] else { return None };
        assert_eq!(second & 0x80 != 0, self.role == Role::Server, "wrongly masked");
        let (length, rest) = match second & 0x7f {
            126 => {
                let (length, rest) = rest.split_first_chunk::<2>()?;
                (u16::from_be_bytes(*length) as usize, rest)
            }
            127 => {
                let (length, rest) = rest.split_first_chunk::<8>()?;
                (u64::from_be_bytes(*length) as usize, rest)
            }
            length => (length as usize, rest),
        };
        let (key, rest) = match self.role {
            Role::Server => rest.split_at_checked(4)?,
            Role::Client => (&[0; 4][..], rest),
        };
        let payload = rest.get(..length)?;
        let payload = payload.iter().enumerate().map(|(i, byte)| byte ^ key[i % 4]).collect();
        Some(((*first, payload), self.read.len() - rest.len() + length))
    }

    /// What is left until the end, without parsing it.
    pub(super) async fn drain(&mut self) -> usize {
        let mut rest = Vec::new();
        let _ = self.io.read_to_end(&mut rest).await;
        rest.len()
    }
}

/// A connection whose calls are counted.
struct Counted<I> {
    io: I,
    calls: Calls,
}

impl<I: AsyncRead + Unpin> AsyncRead for Counted<I> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let read = Pin::new(&mut self.io).poll_read(cx, buffer);
        if read.is_ready() {
            self.calls.reads.update(|reads| reads + 1);
        }
        read
    }
}

impl<I: AsyncWrite + Unpin> AsyncWrite for Counted<I> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.calls.writes.update(|writes| writes + 1);
        Pin::new(&mut self.io).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}
