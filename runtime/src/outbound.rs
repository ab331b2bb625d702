//! The one way out: every subrequest of every Worker passes here.

use std::any::Any;
use std::borrow::Cow;
use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use deno_core::{OpState, Resource, ResourceId};
use tokio::io::{AsyncRead, AsyncWrite};

use crate::binding::Binding;
use crate::body::{BodyError, BodySource};
use crate::headers::{HeaderBlob, HeaderBlobBuf};
use crate::io_context::{ContextId, IsolateState};
use crate::pipe::{Ending, InboundConnection, PipeEnd};
use crate::rpc::RpcEnd;
use crate::thread::ThreadNumber;
use crate::websocket::{WebSocketId, WebSocketSink};

/// A future of the isolate's thread.
pub type LocalFuture<T> = Pin<Box<dyn Future<Output = T>>>;

/// A request that leaves a Worker.
pub struct OutboundRequest {
    /// In upper case where it is a standard method.
    pub method: String,
    /// Absolute, `http:` or `https:`, without a fragment.
    pub url: String,
    pub headers: HeaderBlobBuf,
    pub body: OutboundBody,
    pub redirect: Redirect,
    /// `encodeResponseBody: "manual"`: the body is handed on as it is encoded.
    pub keep_encoding: bool,
    /// The request that this one is made for.
    pub context: ContextId,
    /// `Some` with the id that a `101` response's socket gets.
    pub websocket: Option<WebSocketId>,
    /// The Worker that it goes to, where a service binding sends it.
    pub service: Option<Arc<ServiceTarget>>,
    /// What the Worker says of the cache, if anything.
    pub caching: Option<Box<Caching>>,
    /// Not made for a request but for the cache's sake: it counts against nobody.
    pub is_uncounted: bool,
    /// The Workers and objects that the event came through which it is made in, where
    /// its context has several: see [`IsolateState::calling`].
    pub depth: u32,
}

/// What `fetch()` was told of the cache: the `cache` option, and what concerns it
/// in `cf`
/// (<https://developers.cloudflare.com/workers/runtime-apis/request/#the-cf-property-requestinitcfproperties>).
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Caching {
    pub mode: CacheMode,
    /// `cacheTtl`: keep the response for so many seconds, whatever it says of that.
    /// Negative: do not keep it.
    pub ttl: Option<i64>,
    /// `cacheTtlByStatus`: the same by statuses, from the first to the last.
    pub ttl_by_status: Vec<(u16, u16, i64)>,
    /// `cacheEverything`: keep a response that says nothing of caches.
    pub everything: bool,
    /// `cacheKey`: what it is kept by, in place of the URL.
    pub key: Option<String>,
    /// `cacheTags`: what it is purged by, beside its `Cache-Tag`.
    pub tags: Vec<String>,
    /// `cacheControl`: what counts in place of the response's `Cache-Control`.
    pub control: Option<String>,
}

/// What the caller of another entrypoint says of the cache before that
/// (<https://developers.cloudflare.com/workers/cache/cache-keys/#custom-cache-keys>).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CallCaching {
    /// `cf.cacheKey`: what the response is kept by, in place of path and query.
    pub key: Option<String>,
    /// `cf.cacheControl`: what counts in place of the response's own.
    pub control: Option<String>,
}

/// The `cache` option of a request.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum CacheMode {
    #[default]
    Default,
    /// Neither looks into the cache nor keeps anything.
    NoStore,
    /// Asks the origin whether what is kept is still right.
    NoCache,
    /// Does not look into the cache, but keeps the response.
    Reload,
}

/// What a service binding names
/// (<https://developers.cloudflare.com/workers/runtime-apis/bindings/service-bindings/>).
#[derive(Debug, Clone, Default)]
pub struct ServiceTarget {
    /// The Worker's name.
    pub service: String,
    /// An export of it; the default one if absent.
    pub entrypoint: Option<String>,
    /// JSON of `ctx.props` there.
    pub props: Option<String>,
    /// A Durable Object of the Worker, which gets the request in place of an
    /// export.
    pub object: Option<ObjectTarget>,
    /// What answers requests in place of a Worker.
    pub responder: Option<Arc<dyn Responder>>,
    /// The server itself asks: the path names a handler that no client reaches, see
    /// [`crate::FetchEvent::for_handler`].
    pub for_handler: bool,
    /// The Workers and objects that a request came through before, counted where it
    /// is sent: 0 in a binding.
    pub depth: u32,
    /// The Worker, where it was loaded at run time: it stays for as long as somebody
    /// may call it.
    pub loaded: Option<Arc<dyn Callee>>,
    /// Whether it was found by a name that may be nobody's.
    pub is_dispatched: bool,
    /// What holds for calls through it beside what holds for the callee anyway.
    pub terms: Option<Arc<Terms>>,
    /// What this one request says of the cache before the callee.
    pub caching: Option<Arc<CallCaching>>,
}

impl ServiceTarget {
    /// The default export of a Worker.
    pub fn new(service: impl Into<String>) -> Self {
        Self { service: service.into(), ..Self::default() }
    }

    /// The export that it names, and JSON of `ctx.props` there.
    pub(crate) fn export(&self) -> [Option<&str>; 2] {
        [self.entrypoint.as_deref(), self.props.as_deref()]
    }

    /// Opens the way in the isolate that it came to.
    pub fn open(self: &Arc<Self>, state: &mut OpState) -> OpenWay {
        let Some(object) = &self.object else {
            let number = state.resource_table.add(ServiceResource(self.clone()));
            return ("ext:selvedge/service.js", number, String::new(), None, None);
        };
        let namespace = object.namespace.open(state);
        let (name, jurisdiction) = (object.name.clone(), object.jurisdiction.clone());
        (object.namespace.script(), namespace, object.id.clone(), name, jurisdiction)
    }
}

/// A way that came to an isolate: the script of its binding, and its number; of an
/// object, the number of its namespace, its id, name and jurisdiction.
pub type OpenWay = (&'static str, ResourceId, String, Option<String>, Option<String>);

/// What holds for one call of a Worker, as who binds to it says: the limits and the
/// way out of somebody else's code, and what its way out is told.
#[derive(Debug, Clone, Default)]
pub struct Terms {
    /// CPU time of the call, if that is less than the callee's own.
    pub cpu: Option<Duration>,
    /// Subrequests of the call, if they are fewer than the callee's own.
    pub subrequests: Option<u32>,
    /// Where all goes that the callee sends of its own accord, unless it has a way
    /// of its own.
    pub outbound: Option<Way>,
    /// JSON of an object whose entries the callee has in its `env`.
    pub env: Option<String>,
}

/// Where a Worker's `fetch()` and `connect()` lead.
#[derive(Debug, Clone)]
pub enum Way {
    /// The network.
    Network,
    /// Nowhere.
    Closed,
    /// All requests go to a Worker, which sends them on or answers them.
    Worker(Arc<ServiceTarget>),
}

/// A Worker that was loaded at run time.
pub trait Callee: std::fmt::Debug + Send + Sync {}

/// What answers requests that go through a binding and is no Worker: static assets.
pub trait Responder: std::fmt::Debug + Send + Sync {
    /// The response to a request whose body, if it has one, says nothing. `url` is
    /// absolute. A redirect is a response like any other here.
    fn fetch(
        &self,
        method: &str,
        url: &str,
        headers: HeaderBlob<'_>,
    ) -> LocalFuture<OutboundResponse>;
}

/// A Durable Object that a request goes to, in another isolate than that of
/// who asks.
#[derive(Debug, Clone)]
pub struct ObjectTarget {
    /// Its namespace, which is opened where the object lives. The script of the
    /// binding has a function `receive` for requests from elsewhere.
    pub namespace: Arc<dyn Binding>,
    /// The id, in hexadecimal digits.
    pub id: String,
    /// What the id was made of, if the caller knows.
    pub name: Option<String>,
    /// As the caller gave it.
    pub jurisdiction: Option<String>,
    /// JSON of `request.cf`.
    pub cf: Option<String>,
    /// Whose isolate has the object, if it lives.
    pub lives_on: Option<ThreadNumber>,
}

/// What a subrequest through a binding names, as the isolate holds it.
#[derive(Debug)]
pub struct ServiceResource(pub Arc<ServiceTarget>);

impl Resource for ServiceResource {
    fn name(&self) -> Cow<'_, str> {
        "service".into()
    }
}

/// The body of a request that leaves.
pub enum OutboundBody {
    Empty,
    Bytes(Bytes),
    Stream(Box<dyn BodySource>, Option<u64>),
}

/// What `redirect` asks for (<https://fetch.spec.whatwg.org/#concept-request-redirect-mode>).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Redirect {
    Follow,
    Manual,
    Error,
}

/// A TCP connection that a Worker asks for
/// (<https://developers.cloudflare.com/workers/runtime-apis/tcp-sockets/>).
pub struct ConnectRequest {
    /// A name, an IPv4 address, or an IPv6 address in brackets.
    pub host: String,
    pub port: u16,
    /// Whether it begins with a TLS handshake.
    pub tls: bool,
    /// The request that it is made for.
    pub context: ContextId,
}

/// The bytes of a connection, plain or encrypted.
pub trait SocketStream: AsyncRead + AsyncWrite + Unpin {}

impl<T: AsyncRead + AsyncWrite + Unpin> SocketStream for T {}

/// A connection that stands.
pub struct OutboundSocket {
    pub io: Box<dyn SocketStream>,
    /// Dropped with the connection: what it counts against.
    pub slot: Box<dyn Any>,
    /// Of one in memory: what tells the other end that nothing is missing.
    pub ending: Option<Ending>,
}

impl OutboundSocket {
    /// A connection that counts against `slot` for as long as it lives.
    pub fn new(io: impl SocketStream + 'static, slot: impl Any) -> Self {
        Self { io: Box::new(io), slot: Box::new(slot), ending: None }
    }

    /// One in memory.
    pub fn of_pipe(pipe: PipeEnd) -> Self {
        let ending = Some(pipe.ending());
        Self { ending, ..Self::new(pipe, ()) }
    }
}

/// What came back.
pub struct OutboundResponse {
    pub status: u16,
    pub status_text: String,
    pub headers: HeaderBlobBuf,
    /// The last URL, after redirects.
    pub url: String,
    pub redirected: bool,
    pub body: Option<Box<dyn BodySource>>,
    /// The socket of a `101` response.
    pub websocket: Option<Box<dyn WebSocketSink>>,
}

/// Why a subrequest failed.
#[derive(Debug, thiserror::Error, deno_error::JsError)]
pub enum OutboundError {
    /// The host could not be resolved or reached, or broke the connection.
    /// The text is Cloudflare's; the reason goes to the log.
    #[class(type)]
    #[error("Network connection lost.")]
    Network(String),
    /// The request itself is wrong.
    #[class(type)]
    #[error("{0}")]
    Invalid(String),
    /// The address may not be reached from here.
    #[class(type)]
    #[error("{0}")]
    Refused(String),
    /// The Worker used up its subrequests.
    #[class(generic)]
    #[error(
        "Too many subrequests by single Worker invocation. To configure this limit, refer to https://developers.cloudflare.com/workers/wrangler/configuration/#limits"
    )]
    TooManySubrequests,
    #[class(inherit)]
    #[error(transparent)]
    Body(#[from] BodyError),
    #[class(type)]
    #[error("Too many redirects.")]
    TooManyRedirects,
    /// A TCP connection did not come about. The text is Cloudflare's; the reason
    /// goes to the log.
    #[class(generic)]
    #[error("proxy request failed, cannot connect to the specified address{}", http_hint(*port))]
    NotConnected { port: u16, reason: String },
    /// A request went from Worker to Worker [`crate::limits::CALL_DEPTH`] times. The text
    /// is Cloudflare's.
    #[class(generic)]
    #[error(
        "Subrequest depth limit exceeded. This request recursed through Workers too many times. This can happen e.g. if you have a Worker or Durable Object that calls other Workers or objects recursively."
    )]
    TooDeep,
    /// The Worker has no way out. The text is Cloudflare's.
    #[class(generic)]
    #[error(
        "This worker is not permitted to access the internet via global functions like fetch(). It must use capabilities (such as bindings in 'env') to talk to the outside world."
    )]
    NoWayOut,
    /// A dispatch namespace has no Worker of this name. The text is Cloudflare's.
    #[class(generic)]
    #[error("Worker not found.")]
    WorkerNotFound,
    /// The isolate that has a Durable Object has too much to do.
    #[class(generic)]
    #[error("Durable Object is overloaded. Too many requests queued.")]
    ObjectOverloaded,
}

/// What Cloudflare says to those who open a socket where HTTP is spoken.
fn http_hint(port: u16) -> &'static str {
    match port {
        80 | 443 => {
            ". It looks like you might be trying to connect to a HTTP-based service \u{2014} \
             consider using fetch instead"
        }
        _ => "",
    }
}

/// What answers under a host name that only one isolate knows: the other end of a
/// pipe takes the place of a connection.
pub trait VirtualHost: std::fmt::Debug + Send + Sync {
    /// A connection to it.
    fn connect(&self) -> tokio::io::DuplexStream;
}

/// The host names that an isolate knows alone. It is a state of its ops.
#[derive(Debug, Default)]
pub struct VirtualHosts(HashMap<(String, u16), Arc<dyn VirtualHost>>);

impl VirtualHosts {
    /// Adds one. The name is in lower case.
    pub fn add(&mut self, host: &str, port: u16, door: Arc<dyn VirtualHost>) {
        self.0.insert((host.to_owned(), port), door);
    }

    /// The one of this name, if there is one.
    pub fn find(&self, host: &str, port: u16) -> Option<Arc<dyn VirtualHost>> {
        self.0.get(&(host.to_ascii_lowercase(), port)).cloned()
    }
}

/// Sends subrequests. The server implements it; egress policy, cache and
/// service bindings stand behind it. Dropping the future aborts the request.
pub trait Outbound {
    fn fetch(
        &self,
        state: Rc<IsolateState>,
        request: OutboundRequest,
    ) -> LocalFuture<Result<OutboundResponse, OutboundError>>;

    /// Opens a TCP connection.
    fn connect(
        &self,
        _state: Rc<IsolateState>,
        _request: ConnectRequest,
    ) -> LocalFuture<Result<OutboundSocket, OutboundError>> {
        let refused = OutboundError::Refused("connect() leads nowhere here".to_owned());
        Box::pin(std::future::ready(Err(refused)))
    }

    /// Hands a connection to the `connect()` handler of a Worker or a Durable Object.
    ///
    /// # Errors
    /// As [`Outbound::connect_rpc`].
    fn connect_worker(
        &self,
        target: &Arc<ServiceTarget>,
        _connection: InboundConnection,
    ) -> Result<(), OutboundError> {
        Err(OutboundError::Refused(format!(
            "the service binding to \"{}\" leads nowhere here",
            target.service
        )))
    }

    /// Encrypts a connection from here on; the other end has a certificate for `host`.
    fn start_tls(
        &self,
        _socket: OutboundSocket,
        _host: String,
    ) -> LocalFuture<Result<OutboundSocket, OutboundError>> {
        let refused = OutboundError::Refused("there is no TLS here".to_owned());
        Box::pin(std::future::ready(Err(refused)))
    }

    /// Opens a channel for remote calls to the Worker that a service binding
    /// names.
    ///
    /// # Errors
    /// [`OutboundError::Refused`] when it does not run here.
    fn connect_rpc(&self, target: &Arc<ServiceTarget>) -> Result<RpcEnd, OutboundError> {
        Err(OutboundError::Refused(format!(
            "the service binding to \"{}\" leads nowhere here",
            target.service
        )))
    }
}
