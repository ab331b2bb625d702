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
    /// Connects their remote calls.
    pub connect_rpc: Option<ConnectRpc>,
    /// Keeps responses; without it, none are.
    pub cache: Option<Arc<Cache>>,
}

/// Opens a pipe to the Worker that a service binding names.
pub type ConnectService =
    Rc<dyn Fn(&Arc<ServiceTarget>) -> Result<tokio::io::DuplexStream, OutboundError>>;

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
            connect_rpc: None,
            cache: None,
        }
    }
}

/// Sends subrequests over the network.
pub struct HttpOutbound {
    client: Rc<client::Client>,
    connect_rpc: Option<ConnectRpc>,
    cache: Option<Arc<Cache>>,
}

impl HttpOutbound {
    /// The way out of one isolate. Cheap: nothing is opened or read before the
    /// first subrequest.
    pub fn new(options: Options) -> Rc<Self> {
        let (connect_rpc, cache) = (options.connect_rpc.clone(), options.cache.clone());
        Rc::new(Self { client: Rc::new(client::Client::new(options)), connect_rpc, cache })
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
            Way::Worker(_) => {
                let error = socket::not_through_workers(request.port);
                return Box::pin(std::future::ready(Err(error)));
            }
        }
        Box::pin(async move { socket::told(client.connect(state, request).await) })
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

#[cfg(test)]
mod tests;
