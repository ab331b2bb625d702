//! How subrequests leave: `fetch()` and `connect()` of a Worker, over the network.
//!
//! One [`HttpOutbound`] belongs to one isolate and lives on its thread; its
//! connections are driven by tasks of the thread's `LocalSet` and end with it.
//! A subrequest passes, in this order: the count of subrequests, a free slot
//! (`slots`), a kept or a new connection (`pool`, `connector`; the
//! address `policy` stands there, so redirects pass it too), redirects
//! (`redirect`), and the decoding of its body (`decode`).
//!
//! Requests that say something of the cache pass it before all that (`cached`).
//!
//! Absent on purpose: proxies and their environment variables, a cookie jar, a
//! time limit for the response (a Worker waits
//! for as long as its own limits let it), HTTP/3.

use std::rc::Rc;
use std::sync::Arc;

use cached::Lookup;
use selvedge_cache::Cache;
use selvedge_runtime::io_context::IsolateState;
use selvedge_runtime::outbound::{
    ConnectRequest, LocalFuture, Outbound, OutboundError, OutboundRequest, OutboundResponse,
    OutboundSocket, ServiceTarget, Way,
};
use selvedge_runtime::pipe::InboundConnection;
use selvedge_runtime::rpc::RpcEnd;

mod cached;
mod client;
mod connector;
mod decode;
mod dialer;
mod headers;
mod outgoing;
mod policy;
mod pool;
mod redirect;
mod request_body;
mod responder;
mod response_body;
mod rules;
mod slots;
mod socket;
mod stream;
mod tls;
mod websocket;

pub use connector::{CONNECT_TIMEOUT, TLS_TIMEOUT};
pub(crate) use dialer::OriginDialer;
pub use headers::MAX_LOOPS;
pub use policy::{Policy, is_public};
pub use pool::IDLE_TIMEOUT;
pub use redirect::MAX_REDIRECTS;
pub use slots::ConnectionRule;
pub use stream::Io;
pub use tls::Trust;
pub use websocket::{ConnectSocket, UpgradedSocket};

/// What the subrequests of an isolate are made with.
#[derive(Clone)]
pub struct Options {
    /// Which addresses may be reached.
    pub policy: Policy,
    /// Whose certificates are believed.
    pub trust: Arc<Trust>,
    /// How long a subrequest counts against `limits.open_connections`.
    pub connections: ConnectionRule,
    /// Takes over WebSockets that a Worker connected; without it, connecting
    /// one fails.
    pub connect_socket: Option<ConnectSocket>,
    /// Connects service bindings; without it, there are none.
    pub connect_service: Option<ConnectService>,
    /// Hands connections to `connect()` handlers.
    pub connect_worker: Option<ConnectWorker>,
    /// Connects their remote calls.
    pub connect_rpc: Option<ConnectRpc>,
    /// Keeps responses; without it, none are.
    pub cache: Option<Arc<Cache>>,
}

/// Opens a pipe to the Worker that a service binding names.
pub type ConnectService =
    Rc<dyn Fn(&Arc<ServiceTarget>) -> Result<tokio::io::DuplexStream, OutboundError>>;

/// Hands a connection to the `connect()` handler of what a binding names.
pub type ConnectWorker =
    Rc<dyn Fn(&Arc<ServiceTarget>, InboundConnection) -> Result<(), OutboundError>>;

/// Opens a channel to the Worker that a service binding names.
pub type ConnectRpc = Rc<dyn Fn(&Arc<ServiceTarget>) -> Result<RpcEnd, OutboundError>>;

impl Options {
    /// These addresses, the shared [`Trust`], no WebSockets.
    pub fn new(policy: Policy) -> Self {
        Self {
            policy,
            trust: Trust::shared(),
            connections: ConnectionRule::default(),
            connect_socket: None,
            connect_service: None,
            connect_worker: None,
            connect_rpc: None,
            cache: None,
        }
    }
}

/// Sends subrequests over the network.
pub struct HttpOutbound {
    client: Rc<client::Client>,
    connect_worker: Option<ConnectWorker>,
    connect_rpc: Option<ConnectRpc>,
    cache: Option<Arc<Cache>>,
}

impl HttpOutbound {
    /// The way out of one isolate. Cheap: nothing is opened or read before the
    /// first subrequest.
    pub fn new(options: Options) -> Rc<Self> {
        let (connect_rpc, cache) = (options.connect_rpc.clone(), options.cache.clone());
        let connect_worker = options.connect_worker.clone();
        let client = Rc::new(client::Client::new(options));
        Rc::new(Self { client, connect_worker, connect_rpc, cache })
    }
}

impl Outbound for HttpOutbound {
    fn fetch(
        &self,
        state: Rc<IsolateState>,
        request: OutboundRequest,
    ) -> LocalFuture<Result<OutboundResponse, OutboundError>> {
        let client = self.client.clone();
        let mut request = request;
        if request.service.is_none() && !request.is_uncounted {
            match state.way_out(request.context) {
                Way::Network => {}
                Way::Closed => return Box::pin(std::future::ready(Err(OutboundError::NoWayOut))),
                Way::Worker(target) => request.service = Some(target),
            }
        }
        let cache = self.cache.clone().filter(|_| cached::concerns(&request));
        Box::pin(async move {
            let result = match cache {
                Some(cache) => Lookup::new(client, cache, state, request).run().await,
                None => client.fetch(state, request).await,
            };
            if let Err(OutboundError::Network(reason)) = &result {
                tracing::debug!(reason, "subrequest failed");
            }
            result
        })
    }

    fn connect(
        &self,
        state: Rc<IsolateState>,
        request: ConnectRequest,
    ) -> LocalFuture<Result<OutboundSocket, OutboundError>> {
        let client = self.client.clone();
        match state.way_out(request.context) {
            Way::Network => {}
            Way::Closed => return Box::pin(std::future::ready(Err(OutboundError::NoWayOut))),
            Way::Worker(target) => return self.connect_through(&state, &target, request),
        }
        Box::pin(async move { socket::told(client.connect(state, request).await) })
    }

    fn connect_worker(
        &self,
        target: &Arc<ServiceTarget>,
        connection: InboundConnection,
    ) -> Result<(), OutboundError> {
        match &self.connect_worker {
            // Static assets are no Worker.
            Some(connect) if target.responder.is_none() => connect(target, connection),
            _ => Err(OutboundError::NotConnected {
                port: 0,
                reason: "what the binding leads to takes no connections".to_owned(),
            }),
        }
    }

    fn start_tls(
        &self,
        socket: OutboundSocket,
        host: String,
    ) -> LocalFuture<Result<OutboundSocket, OutboundError>> {
        let client = self.client.clone();
        Box::pin(async move { socket::told(client.start_tls(socket, &host).await) })
    }

    fn connect_rpc(&self, target: &Arc<ServiceTarget>) -> Result<RpcEnd, OutboundError> {
        match &self.connect_rpc {
            Some(connect) => connect(target),
            None => Err(OutboundError::Refused("there are no service bindings here".into())),
        }
    }
}

impl HttpOutbound {
    /// Connects to the Worker that all goes through: its `connect()` handler gets the
    /// address that was asked for.
    fn connect_through(
        &self,
        state: &Rc<IsolateState>,
        target: &Arc<ServiceTarget>,
        request: ConnectRequest,
    ) -> LocalFuture<Result<OutboundSocket, OutboundError>> {
        let ConnectRequest { host, port, tls, context } = request;
        let begun = (|| {
            if tls {
                return Err(OutboundError::Invalid(socket::NO_TLS_TO_WORKERS.to_owned()));
            }
            let target = state.calling(context, target, 0)?;
            state.count_subrequest(context)?;
            state.touch(context);
            let (connection, connecting) = InboundConnection::from_worker(format!("{host}:{port}"));
            Outbound::connect_worker(self, &Arc::new(target), connection)?;
            Ok(connecting)
        })();
        Box::pin(async move {
            let connected = match begun {
                Ok(connecting) => connecting.wait().await,
                Err(error) => return Err(error),
            };
            let reason = "the Worker that is the way out took no connection".to_owned();
            let pipe = connected.ok_or(OutboundError::NotConnected { port, reason });
            socket::told(pipe.map(OutboundSocket::of_pipe))
        })
    }
}

#[cfg(test)]
mod tests;
