//! TCP connections of a Worker: `connect()` of `cloudflare:sockets`. They pass
//! the same policy as `fetch()`, each is a subrequest, and one of the request's
//! open connections for as long as it lives.

use std::rc::Rc;

use selvedge_runtime::io_context::IsolateState;
use selvedge_runtime::outbound::{ConnectRequest, OutboundError, OutboundSocket};
use url::Host;

use super::client::{Caller, Client};
use super::connector::Origin;
use super::tls::Offer;

/// What a Worker is told of an address that it may not reach.
const REFUSED: &str = "connect() to a private or reserved network address is not allowed";

impl Client {
    /// Opens a connection, with a TLS handshake if that is asked for.
    pub(super) async fn connect(
        &self,
        state: Rc<IsolateState>,
        request: ConnectRequest,
    ) -> Result<OutboundSocket, OutboundError> {
        let (id, caching) = (request.context, None);
        let caller = Caller { state, id, is_uncounted: false, depth: 0, caching };
        let port = request.port;
        caller.count()?;
        let origin = Origin { https: request.tls, host: parse(&request.host)?, port };
        let slot = self.slots.take(&caller.state, caller.id).await;
        caller.touch();
        let connected = self.connector.connect(&origin, Offer::Nothing).await;
        let (stream, _) = connected.map_err(|error| reworded(error, port))?;
        Ok(OutboundSocket::new(stream, slot))
    }

    /// Encrypts a connection from here on.
    pub(super) async fn start_tls(
        &self,
        socket: OutboundSocket,
        host: &str,
    ) -> Result<OutboundSocket, OutboundError> {
        let OutboundSocket { io, slot, .. } = socket;
        let host = parse(host)?;
        let encrypted = self.connector.encrypt(&host, io, Offer::Nothing).await;
        let stream = encrypted.map_err(|error| reworded(error, 0))?;
        Ok(OutboundSocket { io: Box::new(stream), slot, ending: None })
    }
}

fn parse(host: &str) -> Result<Host<String>, OutboundError> {
    Host::parse(host).map_err(|_| {
        OutboundError::Invalid(
            "Specified address is empty string, contains unsupported characters or is too long."
                .to_owned(),
        )
    })
}

/// What `connect()` with TLS says where all goes through a Worker. The text is workerd's.
pub(super) const NO_TLS_TO_WORKERS: &str = "Incoming CONNECT with TLS not supported";

/// Errors of connections in the words that `connect()` has for them.
fn reworded(error: OutboundError, port: u16) -> OutboundError {
    match error {
        OutboundError::Network(reason) => OutboundError::NotConnected { port, reason },
        OutboundError::Refused(_) => OutboundError::Refused(REFUSED.to_owned()),
        error => error,
    }
}

/// Puts the reason into the log.
pub(super) fn told(
    result: Result<OutboundSocket, OutboundError>,
) -> Result<OutboundSocket, OutboundError> {
    if let Err(OutboundError::NotConnected { reason, .. }) = &result {
        tracing::debug!(reason, "socket not connected");
    }
    result
}
