//! WebSockets as they travel: frames of RFC 6455 on one side, messages on the
//! other.
//!
//! The same code speaks as a server, after our own HTTP/1 handshake, and as a
//! client, for the sockets that a Worker connects. Everything lives on the
//! isolate's thread. One socket is a task that owns the connection, and an
//! outbox that it shares with the [`WebSocketSink`]: sending encodes a frame
//! into the outbox and wakes the task; the task writes once for all that a read
//! brought. An idle socket owns no buffer: reads go to one of the thread's, and
//! an outbox that ran empty gives its memory back.
//!
//! The frames are parsed here and not by fastwebsockets, whose unit is a frame:
//! it keeps 8 KiB per connection, has a payload allocated for each frame, and
//! writes each with a call of its own; it also does not check masks.
//!
//! The one extension is permessage-deflate (RFC 7692). The owner of the
//! handshake agrees on it, and a socket speaks what was agreed.
//!
//! Absent on purpose: other extensions. Keepalive pings: Workers has
//! none either, and TCP's belong to the owner of the connection.

use std::future::Future;
use std::rc::Rc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use selvedge_runtime::websocket::{WebSocketEvent, WebSocketSink};
use sha1::{Digest, Sha1};
use tokio::io::{AsyncRead, AsyncWrite};

use connection::Connection;
use deflate::Unpacker;
pub(crate) use extension::Deflate;
use outbox::{Outbox, Sink};

mod buffers;
mod connection;
mod decoder;
mod deflate;
mod extension;
mod frame;
mod mask;
mod outbox;
#[cfg(test)]
mod tests;

/// What a key is hashed with (RFC 6455, 1.3).
const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// Which end of the connection this is: a client masks what it sends, a server
/// does not (RFC 6455, 5.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    Server,
    Client,
}

/// Takes what arrives, in order. The last event is a `Close` or an `Error`. It
/// may call the sink of its own socket. After the sink was dropped it is not
/// called any more.
pub(crate) type Deliver = Rc<dyn Fn(WebSocketEvent)>;

/// Runs a socket as a task of the thread's `LocalSet`. `leftover` is what was
/// read behind the handshake, `agreed` what it came to.
pub(crate) fn spawn<I>(
    io: I,
    leftover: Bytes,
    role: Role,
    agreed: Option<Deflate>,
    deliver: Deliver,
) -> Box<dyn WebSocketSink>
where
    I: AsyncRead + AsyncWrite + Unpin + 'static,
{
    let (sink, socket) = attach(io, leftover, role, agreed, deliver);
    tokio::task::spawn_local(socket);
    sink
}

/// As [`spawn`], but the caller polls the socket, as a task of its own.
pub(crate) fn attach<I>(
    io: I,
    leftover: Bytes,
    role: Role,
    agreed: Option<Deflate>,
    deliver: Deliver,
) -> (Box<dyn WebSocketSink>, impl Future<Output = ()>)
where
    I: AsyncRead + AsyncWrite + Unpin + 'static,
{
    let pending = Pending::new(role, agreed, deliver);
    (pending.sink(), pending.run(io, leftover))
}

/// A socket whose connection comes later: what is sent before waits and goes
/// out first. The owner should [`Pending::run`] it even on a connection that
/// broke meanwhile, so that the Worker hears of it; dropping it makes the sink
/// a dead end, and delivers nothing.
pub(crate) struct Pending {
    outbox: Rc<Outbox>,
    unpacker: Option<Box<Unpacker>>,
    deliver: Deliver,
}

impl Pending {
    pub(crate) fn new(role: Role, agreed: Option<Deflate>, deliver: Deliver) -> Self {
        let (packer, unpacker) = agreed.map(|agreed| deflate::codec(agreed, role)).unzip();
        Self { outbox: Rc::new(Outbox::new(role, packer)), unpacker, deliver }
    }

    /// The way out. Call it once: dropping a sink closes the socket.
    pub(crate) fn sink(&self) -> Box<dyn WebSocketSink> {
        Box::new(Sink::new(self.outbox.clone()))
    }

    /// The socket's life on its connection. It ends when the connection may be
    /// dropped; dropping it earlier cuts the connection.
    pub(crate) fn run<I>(mut self, io: I, leftover: Bytes) -> impl Future<Output = ()>
    where
        I: AsyncRead + AsyncWrite + Unpin + 'static,
    {
        let unpacker = self.unpacker.take();
        Connection::new(io, leftover, self.outbox.clone(), unpacker, self.deliver.clone())
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        // Only the connection that `run` made holds the outbox beside the sink.
        self.outbox.pending_dropped();
    }
}

/// What a server answers to the extensions that a client offers. `own`: what the Worker
/// says of them in its response.
pub(crate) fn accept_deflate(offers: &str, own: Option<&str>) -> Option<Deflate> {
    Deflate::accept(offers, own, deflate::context())
}

/// A second passed on this thread: gives back what sockets have not used for a while.
pub(crate) fn age() {
    deflate::age();
}

/// The `Sec-WebSocket-Accept` that answers a key (RFC 6455, 4.2.2).
pub(crate) fn accept_key(key: &[u8]) -> String {
    STANDARD.encode(Sha1::new().chain_update(key).chain_update(GUID).finalize())
}

/// A `Sec-WebSocket-Key`: 16 random bytes, new for each handshake (RFC 6455,
/// 4.1, item 7).
pub(crate) fn client_key() -> String {
    STANDARD.encode(mask::random::<16>())
}
