//! How an answer leaves the isolate: one abstraction over a connection on the
//! isolate's own thread and a channel to an ingress thread.

use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use crate::body::{BodyError, BodySource};
use crate::failure::Failure;
use crate::headers::HeaderBlob;
use crate::io_context::ContextRef;
use crate::websocket::{WebSocketId, WebSocketSink};

/// Status and headers of a response. Everything is borrowed from the call that
/// brings it, so that a small response allocates nothing here.
#[derive(Debug, Clone, Copy)]
pub struct ResponseHead<'a> {
    pub status: u16,
    /// Empty: the standard phrase of the status.
    pub status_text: &'a str,
    pub headers: HeaderBlob<'a>,
    /// CPU time of the request until now.
    pub cpu: Duration,
}

/// The place where the answer to one request goes. Each request gets exactly
/// one call; dropping a reply without one means that the isolate died.
pub trait Reply {
    /// A response with its whole body.
    fn respond(self: Box<Self>, head: ResponseHead<'_>, body: &[u8]);

    /// A response whose body is pushed piece by piece. With `length` the body
    /// has exactly that many bytes.
    fn stream(self: Box<Self>, head: ResponseHead<'_>, length: Option<u64>) -> Box<dyn BodySink>;

    /// A response whose body comes from a source that no JavaScript touched.
    fn pipe(self: Box<Self>, head: ResponseHead<'_>, body: Box<dyn BodySource>);

    /// Status 101: the connection becomes a WebSocket, whose messages come as
    /// events to `socket`.
    fn upgrade(
        self: Box<Self>,
        head: ResponseHead<'_>,
        socket: WebSocketId,
    ) -> Result<Box<dyn WebSocketSink>, String>;

    /// No response: the Worker failed. Gives the status that the client gets
    /// instead.
    fn fail(self: Box<Self>, failure: Failure) -> u16;

    /// The isolate went away before an answer. `untouched`: nothing outside saw
    /// anything of the request, so that another isolate may run it again.
    fn lost(self: Box<Self>, untouched: bool);

    /// Told once, when the request got its id, so that the client's going away
    /// can be reported by it.
    fn started(&mut self, _context: ContextRef) {}

    /// Does later what [`Reply::started`] does, also when the answer has begun by then: for
    /// who goes on for a while without the client.
    fn presence(&self) -> Option<Presence> {
        None
    }
}

/// See [`Reply::presence`]. It may be called while JavaScript runs, and not after the
/// answer is whole.
pub type Presence = Rc<dyn Fn(ContextRef)>;

/// The body of a response, as it is pushed. Dropping it without `end` breaks
/// the response off, so that the client sees it is not whole.
pub trait BodySink {
    /// Takes a piece. `false`: wait for [`BodySink::poll_ready`] before the next.
    fn write(&mut self, chunk: &[u8]) -> bool;

    /// Ready when there is room again; an error when the client went away.
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BodyError>>;

    /// The body is whole.
    fn end(self: Box<Self>);
}
