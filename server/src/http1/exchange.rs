//! One request and its response on a connection: the state that the
//! connection's task and the isolate's reply share.

mod answer;
mod drain;
mod task;

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use deno_http_h1::{BodyKind, Protocol, Version};
use http::StatusCode;
use selvedge_runtime::headers::{HeaderBlob, HeaderBlobBuf};
use selvedge_runtime::{BodyError, BodySource, ContextRef, Failure, Outcome};

use super::inbound::Inbound;
use super::outgoing::Framing;
use super::{Head, Method, SCRATCH};
use crate::edge::Client;
use crate::error_page::{self, Page, Reads};
use crate::io::{Io, read_into};
use crate::site::{Site, WatchGuard};
use crate::websocket;
use answer::{append, end_body};
use drain::{feed, linger};
pub(super) use task::TaskWaker;

/// The Worker is told to wait when this much has not left yet.
const HIGH_BYTES: usize = 256 * 1024;
/// A Worker that pushes a body gives way to everything else on its thread after
/// as many bytes: a client that reads fast would keep it for as long as it reads.
const TURN_BYTES: usize = 256 * 1024;
/// It may go on below this.
const LOW_BYTES: usize = 64 * 1024;
/// A client that takes or sends nothing for this long is cut off.
const STALL_SECONDS: u32 = 120;
/// The rest of a request's body that nobody wants is read up to here, so that
/// the connection can be used again.
const DRAIN_BYTES: usize = 256 * 1024;
/// Requests that a client sends ahead are kept up to here.
const PIPELINE_BYTES: usize = 64 * 1024;

/// How far the response is.
pub(super) enum Stage {
    /// The handler has not answered.
    Waiting,
    /// All of it is in `out` or gone.
    Whole,
    /// The Worker pushes its body.
    Streaming,
    /// Its body comes from a source that no JavaScript touches.
    Piping(Box<dyn BodySource>),
    /// There is none: the Worker failed.
    Failed(Box<Failure>),
    /// The isolate went away; `true`: nothing outside knows of the request.
    Lost(bool),
    /// The connection becomes a WebSocket when `out` has left.
    Upgrading(Box<websocket::Pending>),
    /// It breaks off: the connection must close so that the client knows.
    Broken,
}

pub(super) struct State<I> {
    io: Option<I>,
    out: Vec<u8>,
    sent: usize,
    /// The connection took bytes that it has not passed on: TLS does so.
    flushing: bool,
    /// How many bytes were written since the connection began.
    written: u64,
    stage: Stage,
    framing: Framing,
    /// Bytes that `Framing::Length` still wants.
    left: u64,
    version: Version,
    keep_alive: bool,
    is_head: bool,
    inbound: Option<Rc<Inbound>>,
    pub(super) context: Option<ContextRef>,
    sink: Option<Waker>,
    /// How many bytes were pushed since others had their turn.
    turn: usize,
    /// What the client wants, when it is a WebSocket.
    pub(super) handshake: Option<Box<Handshake>>,
    method: Method,
    may_repeat: bool,
    repeated: bool,
    /// Nothing is added to the headers of responses.
    bare: bool,
}

/// What a client asks for that wants to open a WebSocket (RFC 6455, 4.1).
pub(super) struct Handshake {
    /// The value of `Sec-WebSocket-Key`.
    pub(super) key: Vec<u8>,
    /// All that `Sec-WebSocket-Extensions` offers.
    pub(super) offers: String,
}

impl Handshake {
    fn of(headers: HeaderBlob<'_>) -> Option<Self> {
        if headers.get("sec-websocket-version") != Some(b"13") {
            return None;
        }
        let key = headers.get("sec-websocket-key")?.to_vec();
        Some(Self { key, offers: listed(headers, b"sec-websocket-extensions") })
    }
}

/// The values of a header that may come in parts (RFC 9110, 5.3). What is not text is
/// left out.
pub(super) fn listed(headers: HeaderBlob<'_>, name: &[u8]) -> String {
    let values = headers.iter().filter(|header| header.0 == name);
    let values: Vec<_> = values.filter_map(|header| str::from_utf8(header.1).ok()).collect();
    values.join(", ")
}

/// What the connection does next.
pub(super) enum Next {
    Request,
    /// Run the same request on a fresh isolate.
    Again,
    Close,
    /// The Worker failed: the client gets a page.
    Failed(Box<Failure>),
    WebSocket(Box<websocket::Pending>),
}

pub(super) struct Exchange<I>(Rc<Shared<I>>);

pub(super) struct Shared<I> {
    pub(super) state: RefCell<State<I>>,
    pub(super) site: Rc<Site>,
    /// Another Worker asks, over a pipe in memory.
    is_pipe: bool,
    task: TaskWaker,
    closed: Cell<bool>,
}

impl<I> Clone for Exchange<I> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<I> std::ops::Deref for Exchange<I> {
    type Target = Shared<I>;

    fn deref(&self) -> &Shared<I> {
        &self.0
    }
}

impl<I: Io> Exchange<I> {
    pub(super) fn new(io: I, site: Rc<Site>, client: &Client) -> Self {
        Self(Rc::new(Shared {
            state: RefCell::new(State {
                io: Some(io),
                out: Vec::new(),
                sent: 0,
                flushing: false,
                written: 0,
                stage: Stage::Whole,
                framing: Framing::None,
                left: 0,
                version: Version::Http11,
                keep_alive: true,
                is_head: false,
                inbound: None,
                context: None,
                sink: None,
                turn: 0,
                handshake: None,
                method: Method::Known("GET"),
                may_repeat: false,
                repeated: false,
                bare: client.is_for_object(),
            }),
            site,
            is_pipe: client.is_worker(),
            task: TaskWaker::default(),
            closed: Cell::new(false),
        }))
    }

    /// Whether another Worker asks, over a pipe in memory.
    pub(super) fn is_pipe(&self) -> bool {
        self.is_pipe
    }

    /// The connection itself, when no more of the exchange is to come.
    pub(super) fn into_io(self) -> Option<I> {
        self.closed.set(true);
        self.state.borrow_mut().io.take()
    }

    pub(super) fn with_io<T>(
        &self,
        act: impl FnOnce(&mut I) -> Poll<std::io::Result<T>>,
    ) -> Poll<std::io::Result<T>> {
        match &mut self.state.borrow_mut().io {
            Some(io) => act(io),
            None => Poll::Ready(Err(std::io::ErrorKind::NotConnected.into())),
        }
    }

    pub(super) fn waker(&self) -> TaskWaker {
        self.task.clone()
    }

    /// A request's head was read; its handler runs next.
    pub(super) fn begin(&self, head: &Head, inbound: Option<Rc<Inbound>>, headers: &HeaderBlobBuf) {
        let mut state = self.state.borrow_mut();
        state.stage = Stage::Waiting;
        state.version = head.version;
        state.keep_alive = head.keep_alive;
        state.is_head = matches!(head.method, Method::Known("HEAD"));
        state.may_repeat = head.body == BodyKind::Empty
            && matches!(head.method, Method::Known("GET" | "HEAD" | "OPTIONS"));
        state.repeated = false;
        state.inbound = inbound;
        state.context = None;
        state.handshake = None;
        if head.body == BodyKind::Upgrade {
            state.handshake = Handshake::of(headers.as_blob()).map(Box::new);
        }
    }

    pub(super) fn begin_again(&self) -> Method {
        let mut state = self.state.borrow_mut();
        state.stage = Stage::Waiting;
        state.repeated = true;
        state.context = None;
        std::mem::replace(&mut state.method, Method::Known("GET"))
    }

    pub(super) fn keep_method(&self, method: Method) {
        self.state.borrow_mut().method = method;
    }

    /// Drives the exchange: writes, reads what is wanted, notices the end.
    pub(super) fn poll(
        &self,
        cx: &mut Context<'_>,
        watch: &WatchGuard,
        protocol: &mut Protocol,
        buffer: &mut Vec<u8>,
    ) -> Poll<Next> {
        self.task.set(cx.waker());
        loop {
            let before = self.progress();
            if self.poll_flush(cx).is_err() {
                return Poll::Ready(self.gone());
            }
            if let Some(failure) = self.take_failure() {
                return Poll::Ready(Next::Failed(failure));
            }
            let next = self.advance(cx);
            if let Poll::Ready(next) = next {
                watch.clear();
                return Poll::Ready(match next {
                    Next::Request => self.finish_request(cx, protocol, buffer),
                    other => other,
                });
            }
            match self.poll_read(cx, protocol, buffer) {
                Ok(false) => {}
                Ok(true) => continue,
                Err(()) => return Poll::Ready(self.gone()),
            }
            if self.progress() == before {
                break;
            }
        }
        let stalled = {
            let state = self.state.borrow();
            state.sent < state.out.len()
                || state.flushing
                || state.inbound.as_ref().is_some_and(|inbound| inbound.wants_more())
        };
        if !stalled {
            watch.clear();
        } else if watch.is_over(&self.site.clock) {
            return Poll::Ready(self.gone());
        } else {
            watch.set(&self.site.clock, STALL_SECONDS);
        }
        Poll::Pending
    }

    /// Changes whenever something moved.
    fn progress(&self) -> (u64, usize) {
        let state = self.state.borrow();
        // Not `sent`: a buffer that was written and filled again may look the same.
        (state.written, state.out.len())
    }

    /// Writes what is there; an error means that the client is gone.
    fn poll_flush(&self, cx: &mut Context<'_>) -> Result<(), ()> {
        let mut guard = self.state.borrow_mut();
        let state = &mut *guard;
        let Some(io) = &mut state.io else { return Err(()) };
        while state.sent < state.out.len() {
            match Pin::new(&mut *io).poll_write(cx, &state.out[state.sent..]) {
                Poll::Ready(Ok(0)) | Poll::Ready(Err(_)) => return Err(()),
                Poll::Ready(Ok(count)) => {
                    state.sent += count;
                    state.written += count as u64;
                }
                Poll::Pending => break,
            }
        }
        if state.sent == state.out.len() {
            state.out.clear();
            state.sent = 0;
            if state.out.capacity() > HIGH_BYTES {
                state.out = Vec::new();
            }
            match Pin::new(io).poll_flush(cx) {
                Poll::Ready(Err(_)) => return Err(()),
                flushed => state.flushing = flushed.is_pending(),
            }
        }
        if state.out.len() - state.sent < LOW_BYTES
            && let Some(sink) = state.sink.take()
        {
            sink.wake();
        }
        Ok(())
    }

    /// The failure that a page must be made of, if there is one.
    fn take_failure(&self) -> Option<Box<Failure>> {
        let mut state = self.state.borrow_mut();
        match std::mem::replace(&mut state.stage, Stage::Waiting) {
            Stage::Failed(failure) => Some(failure),
            Stage::Lost(untouched) if !(untouched && state.may_repeat && !state.repeated) => {
                Some(Box::new(Failure::new(
                    Outcome::InternalError,
                    "The isolate that ran this request was stopped.",
                )))
            }
            other => {
                state.stage = other;
                None
            }
        }
    }

    /// Whether the present request's body broke the limit.
    pub(super) fn is_body_too_large(&self) -> bool {
        self.state.borrow().inbound.as_ref().is_some_and(|inbound| inbound.is_too_large())
    }

    /// The method of the present request.
    pub(super) fn method(&self) -> String {
        self.state.borrow().method.as_str().to_owned()
    }

    /// Answers with a page.
    pub(super) fn write_page(&self, page: &Page) {
        let mut headers = HeaderBlobBuf::default();
        for (name, value) in page.headers() {
            headers.push(name.as_bytes(), value.as_bytes());
        }
        let status = page.status.as_u16();
        self.write_whole(status, "", headers.as_blob(), page.body.as_bytes(), None);
    }

    fn advance(&self, cx: &mut Context<'_>) -> Poll<Next> {
        let mut guard = self.state.borrow_mut();
        let state = &mut *guard;
        match &mut state.stage {
            Stage::Waiting | Stage::Streaming | Stage::Failed(_) => Poll::Pending,
            Stage::Lost(_) => Poll::Ready(Next::Again),
            Stage::Broken => Poll::Ready(Next::Close),
            Stage::Whole if state.out.is_empty() && !state.flushing => {
                if state.keep_alive {
                    Poll::Ready(Next::Request)
                } else {
                    Poll::Ready(Next::Close)
                }
            }
            Stage::Whole => Poll::Pending,
            Stage::Upgrading(_) if !state.out.is_empty() || state.flushing => Poll::Pending,
            Stage::Upgrading(_) => match std::mem::replace(&mut state.stage, Stage::Whole) {
                Stage::Upgrading(pending) => Poll::Ready(Next::WebSocket(pending)),
                _ => Poll::Ready(Next::Close),
            },
            Stage::Piping(source) => {
                while state.out.len() - state.sent < HIGH_BYTES {
                    match source.poll_chunk(cx) {
                        Poll::Pending => return Poll::Pending,
                        Poll::Ready(Some(Ok(chunk))) => {
                            if !append(&mut state.out, state.framing, &mut state.left, &chunk) {
                                state.stage = Stage::Broken;
                                return Poll::Ready(Next::Close);
                            }
                        }
                        Poll::Ready(Some(Err(error))) => {
                            tracing::debug!(%error, "a piped body broke off");
                            state.stage = Stage::Broken;
                            return Poll::Ready(Next::Close);
                        }
                        Poll::Ready(None) => {
                            end_body(state);
                            break;
                        }
                    }
                }
                // The loop in `poll` writes what was appended.
                Poll::Pending
            }
        }
    }

    /// Reads a body that is wanted, or watches for the client's going away.
    /// `Ok(true)`: something came.
    fn poll_read(
        &self,
        cx: &mut Context<'_>,
        protocol: &mut Protocol,
        buffer: &mut Vec<u8>,
    ) -> Result<bool, ()> {
        let inbound = self.state.borrow().inbound.clone();
        if let Some(inbound) = inbound.filter(|inbound| !inbound.is_complete()) {
            if inbound.take_continue() {
                let mut state = self.state.borrow_mut();
                if matches!(state.stage, Stage::Waiting) {
                    state.out.extend_from_slice(b"HTTP/1.1 100 Continue\r\n\r\n");
                    return Ok(true);
                }
            }
            if !inbound.wants_more() {
                return Ok(false);
            }
            if !buffer.is_empty() && feed(&inbound, protocol, buffer) {
                return Ok(true);
            }
            return SCRATCH.with_borrow_mut(|scratch| {
                match self.with_io(|io| read_into(io, cx, scratch)) {
                    Poll::Pending => Ok(false),
                    Poll::Ready(Ok(0)) | Poll::Ready(Err(_)) => {
                        inbound.finish(Err(BodyError::ConnectionLost));
                        Err(())
                    }
                    Poll::Ready(Ok(count)) => {
                        buffer.extend_from_slice(&scratch[..count]);
                        feed(&inbound, protocol, buffer);
                        Ok(true)
                    }
                }
            });
        }
        if buffer.len() >= PIPELINE_BYTES {
            return Ok(false);
        }
        SCRATCH.with_borrow_mut(|scratch| match self.with_io(|io| read_into(io, cx, scratch)) {
            Poll::Pending => Ok(false),
            Poll::Ready(Ok(0)) | Poll::Ready(Err(_)) => Err(()),
            Poll::Ready(Ok(count)) => {
                buffer.extend_from_slice(&scratch[..count]);
                Ok(true)
            }
        })
    }

    /// The response left: what is still unread of the request decides whether
    /// the connection goes on.
    fn finish_request(
        &self,
        cx: &mut Context<'_>,
        protocol: &mut Protocol,
        buffer: &mut Vec<u8>,
    ) -> Next {
        let Some(inbound) = self.state.borrow_mut().inbound.take() else {
            return Next::Request;
        };
        if inbound.is_broken() {
            // Where the next request begins cannot be known.
            return Next::Close;
        }
        if inbound.is_complete() {
            return Next::Request;
        }
        if inbound.awaits_continue() {
            return Next::Close;
        }
        // What is here already, and what can be read without waiting.
        let discard = Inbound::new(None, DRAIN_BYTES as u64, false, self.waker());
        drop(discard.source());
        for _ in 0..8 {
            feed(&discard, protocol, buffer);
            if discard.is_broken() {
                return Next::Close;
            }
            if discard.is_complete() {
                return Next::Request;
            }
            let read = SCRATCH.with_borrow_mut(|scratch| {
                match self.with_io(|io| read_into(io, cx, scratch)) {
                    Poll::Ready(Ok(count)) if count > 0 => {
                        buffer.extend_from_slice(&scratch[..count]);
                        true
                    }
                    _ => false,
                }
            });
            if !read {
                break;
            }
        }
        Next::Close
    }

    /// The client went away: the Worker learns it.
    fn gone(&self) -> Next {
        self.closed.set(true);
        let (context, sink) = {
            let mut state = self.state.borrow_mut();
            let answered = matches!(state.stage, Stage::Whole);
            state.stage = Stage::Broken;
            if let Some(inbound) = &state.inbound {
                inbound.finish(Err(BodyError::ConnectionLost));
            }
            (state.context.take().filter(|_| !answered), state.sink.take())
        };
        if let Some(sink) = sink {
            sink.wake();
        }
        if let Some(context) = context {
            self.site.isolate.client_gone(context);
        }
        Next::Close
    }

    /// Answers with a status of the server's own; the connection ends after it.
    pub(super) fn refuse(&self, status: StatusCode) {
        self.refuse_with(&error_page::refusal(status, Reads::Text));
    }

    /// The same with another page.
    pub(super) fn refuse_with(&self, page: &Page) {
        {
            let mut state = self.state.borrow_mut();
            state.keep_alive = false;
            state.version = Version::Http11;
            state.is_head = false;
        }
        self.write_page(page);
    }

    /// Writes what is left and closes, so that the client sees the end.
    pub(super) async fn close(&self) {
        self.closed.set(true);
        let broken = matches!(self.state.borrow().stage, Stage::Broken);
        if !broken {
            let flushed = poll_fn(|cx| {
                if self.poll_flush(cx).is_err() {
                    return Poll::Ready(());
                }
                let state = self.state.borrow();
                let is_gone = state.out.is_empty() && !state.flushing;
                if is_gone { Poll::Ready(()) } else { Poll::Pending }
            });
            let _ = tokio::time::timeout(std::time::Duration::from_secs(10), flushed).await;
        }
        let io = self.state.borrow_mut().io.take();
        if let Some(mut io) = io {
            linger(&mut io, broken).await;
        }
    }

    // ----- The isolate's side. -----
}
