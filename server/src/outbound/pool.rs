//! Connections to origins: opened when needed, kept for the next request.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::future::Future;
use std::rc::{Rc, Weak};
use std::time::{Duration, Instant};

use http::Response;
use hyper::body::Incoming;
use hyper::client::conn::{TrySendError, http1, http2};
use hyper_util::rt::{TokioIo, TokioTimer};

use super::connector::{Origin, Protocol};
use super::request_body::RequestBody;
use super::stream::{Received, Stream};

/// Idle connections are closed after this long: 90 s. Many origins close
/// theirs after 60 to 75 s, which is noticed when it happens.
pub const IDLE_TIMEOUT: Duration = Duration::from_secs(90);
/// Idle HTTP/1 connections of one isolate to one origin.
const MAX_IDLE_PER_ORIGIN: usize = 32;
/// Idle HTTP/1 connections of one isolate.
const MAX_IDLE: usize = 128;
/// How often idle connections are looked at.
const SWEEP: Duration = Duration::from_secs(15);

/// Buffer of an HTTP/1 connection in bytes, and so the most that the head of a
/// response may have: Cloudflare's 128 KB and room for its status line.
const HTTP1_BUFFER_BYTES: usize = 132 * 1024;
/// Header lines of an HTTP/1 response; hyper's own limit is 100.
const MAX_HEADERS: usize = 256;
/// What an HTTP/2 origin may send ahead on one stream, in bytes.
const STREAM_WINDOW_BYTES: u32 = 1024 * 1024;
/// The same on all streams of a connection, so that responses that nobody
/// reads do not stop the others at once.
const CONNECTION_WINDOW_BYTES: u32 = 16 * 1024 * 1024;
/// What hyper buffers of one HTTP/2 upload, in bytes.
const SEND_BUFFER_BYTES: usize = 128 * 1024;
/// All headers of an HTTP/2 response, in bytes.
const HEADER_LIST_BYTES: u32 = 128 * 1024;
/// An HTTP/2 connection in use that is silent for this long is asked for life.
const PING_INTERVAL: Duration = Duration::from_secs(30);

pub(crate) type Request = http::Request<RequestBody>;

/// A connection that is ready for a request.
pub(crate) struct Connection {
    sender: Sender,
    received: Received,
}

enum Sender {
    Http1(http1::SendRequest<RequestBody>),
    Http2(http2::SendRequest<RequestBody>),
}

impl Connection {
    /// Speaks HTTP on a fresh connection. Must run in a `LocalSet`: a task
    /// drives the connection until its end.
    pub(crate) async fn open(stream: Stream, protocol: Protocol) -> hyper::Result<Self> {
        let received = stream.received();
        let io = TokioIo::new(stream);
        let sender = match protocol {
            Protocol::Http1 => {
                let (sender, driver) = http1_builder().handshake(io).await?;
                drive(driver);
                Sender::Http1(sender)
            }
            Protocol::Http2 => {
                let (sender, driver) = http2_builder().handshake(io).await?;
                drive(driver);
                Sender::Http2(sender)
            }
        };
        Ok(Self { sender, received })
    }

    pub(crate) fn protocol(&self) -> Protocol {
        match self.sender {
            Sender::Http1(_) => Protocol::Http1,
            Sender::Http2(_) => Protocol::Http2,
        }
    }

    /// The same connection for another request at the same time, where the
    /// protocol lets it carry two.
    pub(crate) fn share(&self) -> Option<Self> {
        match &self.sender {
            Sender::Http1(_) => None,
            Sender::Http2(sender) => Some(Self {
                sender: Sender::Http2(sender.clone()),
                received: self.received.clone(),
            }),
        }
    }

    /// Bytes that arrived so far.
    pub(crate) fn received(&self) -> u64 {
        self.received.bytes()
    }

    /// Sends a request; dropping the future aborts it.
    pub(crate) async fn send(
        &mut self,
        request: Request,
    ) -> Result<Response<Incoming>, TrySendError<Request>> {
        match &mut self.sender {
            Sender::Http1(sender) => sender.try_send_request(request).await,
            Sender::Http2(sender) => sender.try_send_request(request).await,
        }
    }
}

pub(crate) fn http1_builder() -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder.max_buf_size(HTTP1_BUFFER_BYTES).max_headers(MAX_HEADERS);
    builder
}

fn http2_builder() -> http2::Builder<LocalExecutor> {
    let mut builder = http2::Builder::new(LocalExecutor);
    builder
        .timer(TokioTimer::new())
        .initial_stream_window_size(STREAM_WINDOW_BYTES)
        .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
        .max_send_buf_size(SEND_BUFFER_BYTES)
        .max_header_list_size(HEADER_LIST_BYTES)
        .keep_alive_interval(PING_INTERVAL);
    builder
}

/// Runs a connection on this thread until its end.
pub(crate) fn drive(driver: impl Future<Output = hyper::Result<()>> + 'static) {
    tokio::task::spawn_local(async move {
        if let Err(error) = driver.await {
            tracing::debug!(%error, "connection to an origin ended");
        }
    });
}

/// Lets hyper start tasks on this thread.
#[derive(Debug, Clone, Copy)]
struct LocalExecutor;

impl<F: Future<Output: 'static> + 'static> hyper::rt::Executor<F> for LocalExecutor {
    fn execute(&self, future: F) {
        tokio::task::spawn_local(future);
    }
}

/// The idle connections of one isolate.
#[derive(Default)]
pub(crate) struct Pool {
    origins: RefCell<HashMap<Origin, Idle>>,
    idle: Cell<usize>,
    sweeping: Cell<bool>,
}

#[derive(Default)]
struct Idle {
    /// Each carries one request at a time; the latest is last.
    http1: Vec<Kept<http1::SendRequest<RequestBody>>>,
    /// Carries many at once, so it stays here while it is used.
    http2: Option<Kept<http2::SendRequest<RequestBody>>>,
}

struct Kept<T> {
    sender: T,
    received: Received,
    since: Instant,
}

impl Pool {
    pub(crate) fn new() -> Rc<Self> {
        Rc::default()
    }

    /// An idle connection to this origin that is not known to be broken.
    pub(crate) fn take(&self, origin: &Origin) -> Option<Connection> {
        let mut origins = self.origins.borrow_mut();
        let idle = origins.get_mut(origin)?;
        if let Some(kept) = &mut idle.http2 {
            if kept.sender.is_ready() {
                kept.since = Instant::now();
                let sender = Sender::Http2(kept.sender.clone());
                return Some(Connection { sender, received: kept.received.clone() });
            }
            idle.http2 = None;
        }
        while let Some(kept) = idle.http1.pop() {
            self.idle.set(self.idle.get() - 1);
            if kept.sender.is_ready() && kept.since.elapsed() < IDLE_TIMEOUT {
                return Some(Connection {
                    sender: Sender::Http1(kept.sender),
                    received: kept.received,
                });
            }
        }
        None
    }

    /// Keeps a connection for later. One that is still busy with its present
    /// exchange is kept from the end of that, if it survives it.
    pub(crate) fn keep(self: &Rc<Self>, origin: Origin, connection: Connection) {
        let received = connection.received;
        match connection.sender {
            Sender::Http2(sender) => {
                let mut origins = self.origins.borrow_mut();
                let idle = origins.entry(origin).or_default();
                if idle.http2.as_ref().is_none_or(|kept| kept.sender.is_closed()) {
                    idle.http2 = Some(Kept { sender, received, since: Instant::now() });
                }
                drop(origins);
                self.sweep_later();
            }
            Sender::Http1(sender) if sender.is_ready() => {
                self.keep_http1(origin, sender, received);
            }
            Sender::Http1(mut sender) => {
                let pool = Rc::downgrade(self);
                tokio::task::spawn_local(async move {
                    if sender.ready().await.is_ok()
                        && let Some(pool) = pool.upgrade()
                    {
                        pool.keep_http1(origin, sender, received);
                    }
                });
            }
        }
    }

    fn keep_http1(
        self: &Rc<Self>,
        origin: Origin,
        sender: http1::SendRequest<RequestBody>,
        received: Received,
    ) {
        if self.idle.get() >= MAX_IDLE {
            return;
        }
        let mut origins = self.origins.borrow_mut();
        let idle = origins.entry(origin).or_default();
        if idle.http1.len() < MAX_IDLE_PER_ORIGIN {
            idle.http1.push(Kept { sender, received, since: Instant::now() });
            self.idle.set(self.idle.get() + 1);
        }
        drop(origins);
        self.sweep_later();
    }

    /// Closes what was idle for too long, for as long as anything is kept.
    fn sweep_later(self: &Rc<Self>) {
        if self.sweeping.replace(true) {
            return;
        }
        let pool: Weak<Self> = Rc::downgrade(self);
        tokio::task::spawn_local(async move {
            loop {
                tokio::time::sleep(SWEEP).await;
                let Some(pool) = pool.upgrade() else { return };
                pool.sweep();
                if pool.origins.borrow().is_empty() {
                    pool.sweeping.set(false);
                    return;
                }
            }
        });
    }

    fn sweep(&self) {
        let mut left = 0;
        self.origins.borrow_mut().retain(|_, idle| {
            idle.http1.retain(|k| k.sender.is_ready() && k.since.elapsed() < IDLE_TIMEOUT);
            // Requests that are under way keep the connection itself alive.
            idle.http2.take_if(|k| !k.sender.is_ready() || k.since.elapsed() >= IDLE_TIMEOUT);
            left += idle.http1.len();
            idle.http2.is_some() || !idle.http1.is_empty()
        });
        self.idle.set(left);
    }
}
