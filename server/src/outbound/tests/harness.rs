//! Origins, and a Worker's side without a Worker.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Body, Frame, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use selvedge_runtime::body::{BodyError, BodySource};
use selvedge_runtime::headers::HeaderBlobBuf;
use selvedge_runtime::io_context::IsolateState;
use selvedge_runtime::outbound::{
    Outbound, OutboundBody, OutboundError, OutboundRequest, OutboundResponse, Redirect,
};
use selvedge_runtime::{Limits, Mode, Worker};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::task::LocalSet;

use crate::outbound::{HttpOutbound, Options, Policy};

/// Runs a test as an isolate's thread runs, and ends it if it hangs.
pub(super) fn run(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let test = async { tokio::time::timeout(Duration::from_secs(30), test).await };
    LocalSet::new().block_on(&runtime, test).expect("the test hangs");
}

pub(super) async fn pause(millis: u64) {
    tokio::time::sleep(Duration::from_millis(millis)).await;
}

// ----- The Worker's side. -----

pub(super) struct Isolate {
    pub(super) outbound: Rc<HttpOutbound>,
    pub(super) state: Rc<IsolateState>,
}

impl Isolate {
    /// One that may reach everything.
    pub(super) fn new() -> Self {
        Self::with(Options::new(Policy::new(Mode::Local)), Limits::default())
    }

    pub(super) fn with(options: Options, limits: Limits) -> Self {
        let worker = Worker {
            name: "test".into(),
            account: String::new(),
            globals: Vec::new(),
            entrypoint: None,
            main: "test.js".into(),
            modules: Vec::new(),
            env: Vec::new(),
            hidden: Vec::new(),
            tails: Vec::new(),
            mail: None,
            classes: Vec::new(),
            compatibility: Default::default(),
            limits,
            outbound: None,
            mode: Mode::Local,
        };
        let state = IsolateState::for_tests(Arc::new(worker));
        Self { outbound: HttpOutbound::new(options), state }
    }

    pub(super) fn fetch(
        &self,
        request: OutboundRequest,
    ) -> impl Future<Output = Result<OutboundResponse, OutboundError>> + 'static {
        self.outbound.fetch(self.state.clone(), request)
    }

    /// Fetches in a task.
    pub(super) fn start(
        &self,
        request: OutboundRequest,
    ) -> tokio::task::JoinHandle<Result<OutboundResponse, OutboundError>> {
        tokio::task::spawn_local(self.fetch(request))
    }

    /// Fetches and reads all of it.
    pub(super) async fn text(&self, request: OutboundRequest) -> String {
        text(self.fetch(request).await.unwrap()).await.unwrap()
    }
}

pub(super) fn get(url: impl Into<String>) -> OutboundRequest {
    request("GET", url, &[], OutboundBody::Empty)
}

pub(super) fn post(url: impl Into<String>, body: &'static str) -> OutboundRequest {
    request("POST", url, &[], OutboundBody::Bytes(Bytes::from_static(body.as_bytes())))
}

pub(super) fn request(
    method: &str,
    url: impl Into<String>,
    headers: &[(&str, &str)],
    body: OutboundBody,
) -> OutboundRequest {
    let mut blob = HeaderBlobBuf::default();
    for (name, value) in headers {
        blob.push(name.as_bytes(), value.as_bytes());
    }
    OutboundRequest {
        caching: None,
        is_uncounted: false,
        depth: 0,
        method: method.into(),
        url: url.into(),
        headers: blob,
        body,
        redirect: Redirect::Follow,
        keep_encoding: false,
        context: 0,
        websocket: None,
        service: None,
    }
}

pub(super) async fn chunk(body: &mut Box<dyn BodySource>) -> Option<Result<Bytes, BodyError>> {
    std::future::poll_fn(|cx| body.poll_chunk(cx)).await
}

pub(super) async fn text(response: OutboundResponse) -> Result<String, BodyError> {
    let mut all = Vec::new();
    if let Some(mut body) = response.body {
        while let Some(piece) = chunk(&mut body).await {
            all.extend_from_slice(&piece?);
        }
    }
    Ok(String::from_utf8(all).unwrap())
}

pub(super) fn header(response: &OutboundResponse, name: &str) -> Option<String> {
    let value = response.headers.as_blob().get(name)?;
    Some(String::from_utf8(value.to_vec()).unwrap())
}

/// A body to upload: pieces, then perhaps an error, else its end or silence.
pub(super) struct Upload {
    pub(super) pieces: VecDeque<Result<Bytes, BodyError>>,
    pub(super) endless: Option<Bytes>,
    pub(super) pulled: Rc<Cell<usize>>,
    pub(super) cancelled: Rc<Cell<bool>>,
}

impl Upload {
    pub(super) fn of(pieces: &[&'static str]) -> Self {
        let pieces = pieces.iter().map(|piece| Ok(Bytes::from_static(piece.as_bytes()))).collect();
        Self { pieces, endless: None, pulled: Rc::default(), cancelled: Rc::default() }
    }

    pub(super) fn stream(self, length: Option<u64>) -> OutboundBody {
        OutboundBody::Stream(Box::new(self), length)
    }
}

impl BodySource for Upload {
    fn poll_chunk(&mut self, _: &mut Context<'_>) -> Poll<Option<Result<Bytes, BodyError>>> {
        if self.cancelled.get() {
            return Poll::Ready(Some(Err(BodyError::Aborted)));
        }
        let next = self.pieces.pop_front().or_else(|| self.endless.clone().map(Ok));
        if let Some(Ok(bytes)) = &next {
            self.pulled.set(self.pulled.get() + bytes.len());
        }
        Poll::Ready(next)
    }
}

// ----- The origin's side. -----

pub(super) type ServerBody = Pin<Box<dyn Body<Data = Bytes, Error = std::io::Error>>>;
type Handled = Pin<Box<dyn Future<Output = Response<ServerBody>>>>;
type Handler = Rc<dyn Fn(Request<Incoming>) -> Handled>;

/// An HTTP server, and what it saw.
#[derive(Clone)]
pub(super) struct Origin {
    pub(super) address: SocketAddr,
    pub(super) accepted: Rc<Cell<usize>>,
    pub(super) closed: Rc<Cell<usize>>,
    /// Requests that are being handled, and the most there were at once.
    pub(super) active: Rc<Cell<usize>>,
    pub(super) peak: Rc<Cell<usize>>,
    pub(super) requests: Rc<RefCell<Vec<String>>>,
}

impl Origin {
    pub(super) async fn start<F>(handler: impl Fn(Request<Incoming>) -> F + 'static) -> Self
    where
        F: Future<Output = Response<ServerBody>> + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = Self::at(listener.local_addr().unwrap());
        let handler: Handler = Rc::new(move |request| Box::pin(handler(request)));
        let accepting = origin.clone();
        tokio::task::spawn_local(async move {
            loop {
                let (tcp, _) = listener.accept().await.unwrap();
                accepting.accepted.set(accepting.accepted.get() + 1);
                tokio::task::spawn_local(accepting.clone().http1(tcp, handler.clone()));
            }
        });
        origin
    }

    /// One that answers every request with this text.
    pub(super) async fn saying(text: &'static str) -> Self {
        Self::start(move |_| async move { Response::new(full(text)) }).await
    }

    pub(super) fn at(address: SocketAddr) -> Self {
        Self {
            address,
            accepted: Rc::default(),
            closed: Rc::default(),
            active: Rc::default(),
            peak: Rc::default(),
            requests: Rc::default(),
        }
    }

    pub(super) async fn http1(
        self,
        io: impl AsyncRead + AsyncWrite + Unpin + 'static,
        handler: Handler,
    ) {
        let origin = self.clone();
        let service = service_fn(move |request| origin.clone().handle(request, handler.clone()));
        let _ = hyper::server::conn::http1::Builder::new()
            .serve_connection(TokioIo::new(io), service)
            .await;
        self.closed.set(self.closed.get() + 1);
    }

    pub(super) async fn handle(
        self,
        request: Request<Incoming>,
        handler: Handler,
    ) -> Result<Response<ServerBody>, std::convert::Infallible> {
        let line = format!("{} {}", request.method(), request.uri().path());
        self.requests.borrow_mut().push(line);
        self.active.set(self.active.get() + 1);
        self.peak.set(self.peak.get().max(self.active.get()));
        let _leave = Leave(self.active.clone());
        Ok(handler(request).await)
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }
}

struct Leave(Rc<Cell<usize>>);

impl Drop for Leave {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}

pub(super) fn full(text: impl Into<Bytes>) -> ServerBody {
    Box::pin(Full::new(text.into()).map_err(|never| match never {}))
}

pub(super) fn empty() -> ServerBody {
    full(Bytes::new())
}

/// A body that never ends, and counts what was taken of it.
pub(super) fn endless(made: Rc<Cell<usize>>) -> ServerBody {
    let piece = Bytes::from(vec![7; 64 * 1024]);
    let pieces = futures::stream::repeat_with(move || {
        made.set(made.get() + piece.len());
        Ok(Frame::data(piece.clone()))
    });
    Box::pin(StreamBody::new(pieces))
}

/// A body of this start, which then keeps silent.
pub(super) fn unfinished(start: &'static str) -> ServerBody {
    use futures::StreamExt;
    let first = Ok(Frame::data(Bytes::from_static(start.as_bytes())));
    let pieces = futures::stream::iter([first]).chain(futures::stream::pending());
    Box::pin(StreamBody::new(pieces))
}

/// Echoes method, headers (sorted) and body.
pub(super) async fn echo(request: Request<Incoming>) -> Response<ServerBody> {
    let mut lines = vec![format!("{} {}", request.method(), request.uri())];
    let mut headers: Vec<_> = request
        .headers()
        .iter()
        .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
        .collect();
    headers.sort();
    lines.extend(headers);
    let body = request.into_body().collect().await.unwrap().to_bytes();
    lines.push(String::from_utf8(body.to_vec()).unwrap());
    Response::new(full(lines.join("\n")))
}

pub(super) fn redirect(status: u16, location: &str) -> Response<ServerBody> {
    Response::builder().status(status).header("location", location).body(empty()).unwrap()
}
