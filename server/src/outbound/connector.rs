//! From an origin to a connection: resolve, check, connect, TLS.

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use rustls::pki_types::ServerName;
use selvedge_runtime::outbound::OutboundError;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use url::{Host, Url};

use super::policy::Policy;
use super::stream::Stream;
use super::tls::{Offer, Trust};

/// From the look-up of the name to a TCP connection, over all of its
/// addresses: 10 s. Cloudflare gives an origin 19 s
/// (<https://developers.cloudflare.com/fundamentals/reference/connection-limits/>);
/// a Worker that waits keeps its memory, so less is given here.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// From the TCP connection to the end of the TLS handshake: 10 s.
pub const TLS_TIMEOUT: Duration = Duration::from_secs(10);
/// An address that does not answer for this long gets company from the next
/// one (RFC 8305, section 8: 250 ms).
const ATTEMPT_DELAY: Duration = Duration::from_millis(250);
/// Silence after which the kernel asks whether the origin is still there.
const TCP_KEEPALIVE: Duration = Duration::from_secs(30);
/// Names of one isolate that are looked up at once. Each takes a thread of the
/// blocking pool, which all of the isolate's file I/O shares.
const LOOKUPS: usize = 16;
/// What a Worker is told of an address that it may not reach. The address
/// itself goes to the log only.
const REFUSED: &str = "fetch() to a private or reserved network address is not allowed";

/// Scheme, host and port: what a connection belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Origin {
    pub(crate) https: bool,
    pub(crate) host: Host<String>,
    pub(crate) port: u16,
}

impl Origin {
    /// The origin of an `http:` or `https:` URL.
    pub(crate) fn of(url: &Url) -> Option<Self> {
        let https = match url.scheme() {
            "http" => false,
            "https" => true,
            _ => return None,
        };
        Some(Self { https, host: url.host()?.to_owned(), port: url.port_or_known_default()? })
    }
}

/// What to speak on a new connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    Http1,
    Http2,
}

/// Opens connections that the policy permits.
pub(crate) struct Connector {
    policy: Policy,
    trust: Arc<Trust>,
    lookups: Semaphore,
}

impl Connector {
    pub(crate) fn new(policy: Policy, trust: Arc<Trust>) -> Self {
        Self { policy, trust, lookups: Semaphore::new(LOOKUPS) }
    }

    /// A connection to the origin.
    ///
    /// # Errors
    /// [`OutboundError::Refused`] when all of its addresses are forbidden,
    /// [`OutboundError::Network`] when none can be reached in time.
    pub(crate) async fn connect(
        &self,
        origin: &Origin,
        offer: Offer,
    ) -> Result<(Stream, Protocol), OutboundError> {
        let tcp = timeout(CONNECT_TIMEOUT, self.tcp(origin))
            .await
            .map_err(|_| network("connecting took too long"))??;
        if origin.https { self.tls(origin, tcp, offer).await } else { plain(tcp) }
    }

    async fn tcp(&self, origin: &Origin) -> Result<TcpStream, OutboundError> {
        let addresses = self.resolve(origin).await?;
        let permitted = self.permitted(origin, addresses)?;
        let stream = connect_first(interleave(permitted))
            .await
            .map_err(|error| network(format!("not connected: {error}")))?;
        stream.set_nodelay(true).map_err(|error| network(error.to_string()))?;
        let keepalive = socket2::TcpKeepalive::new().with_time(TCP_KEEPALIVE);
        if let Err(error) = socket2::SockRef::from(&stream).set_tcp_keepalive(&keepalive) {
            tracing::debug!(%error, "tcp keepalive not set");
        }
        Ok(stream)
    }

    async fn resolve(&self, origin: &Origin) -> Result<Vec<SocketAddr>, OutboundError> {
        let name = match &origin.host {
            Host::Ipv4(v4) => return Ok(vec![SocketAddr::new(IpAddr::V4(*v4), origin.port)]),
            Host::Ipv6(v6) => return Ok(vec![SocketAddr::new(IpAddr::V6(*v6), origin.port)]),
            Host::Domain(name) => name,
        };
        let _turn = self.lookups.acquire().await;
        let found = tokio::net::lookup_host((name.as_str(), origin.port))
            .await
            .map_err(|error| network(format!("{name} not resolved: {error}")))?;
        Ok(found.collect())
    }

    fn permitted(
        &self,
        origin: &Origin,
        mut addresses: Vec<SocketAddr>,
    ) -> Result<Vec<SocketAddr>, OutboundError> {
        let found = addresses.len();
        addresses.retain(|address| {
            let permitted = self.policy.permits(*address);
            if !permitted {
                tracing::warn!(host = %origin.host, %address, "address of a subrequest refused");
            }
            permitted
        });
        match (found, addresses.len()) {
            (0, _) => Err(network("the name has no addresses")),
            (_, 0) => Err(OutboundError::Refused(REFUSED.into())),
            _ => Ok(addresses),
        }
    }

    async fn tls(
        &self,
        origin: &Origin,
        tcp: TcpStream,
        offer: Offer,
    ) -> Result<(Stream, Protocol), OutboundError> {
        let tls = self.encrypt(&origin.host, tcp, offer).await?;
        let protocol = match tls.get_ref().1.alpn_protocol() {
            Some(b"h2") => Protocol::Http2,
            _ => Protocol::Http1,
        };
        Ok((Stream::tls(tls), protocol))
    }

    /// A handshake on a connection that stands, with somebody who has a
    /// certificate for `host`.
    pub(crate) async fn encrypt<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        host: &Host<String>,
        stream: S,
        offer: Offer,
    ) -> Result<TlsStream<S>, OutboundError> {
        let config = self.trust.config(offer).await.map_err(|reason| {
            tracing::error!(reason, "no tls for subrequests");
            network(reason)
        })?;
        let name = match host {
            Host::Domain(name) => ServerName::try_from(name.clone())
                .map_err(|_| OutboundError::Invalid(format!("Invalid host name: {name}")))?,
            Host::Ipv4(v4) => ServerName::from(IpAddr::V4(*v4)),
            Host::Ipv6(v6) => ServerName::from(IpAddr::V6(*v6)),
        };
        timeout(TLS_TIMEOUT, TlsConnector::from(config).connect(name, stream))
            .await
            .map_err(|_| network("the TLS handshake took too long"))?
            .map_err(|error| network(format!("TLS handshake failed: {error}")))
    }
}

fn plain(tcp: TcpStream) -> Result<(Stream, Protocol), OutboundError> {
    Ok((Stream::plain(tcp), Protocol::Http1))
}

fn network(reason: impl Into<String>) -> OutboundError {
    OutboundError::Network(reason.into())
}

/// Families take turns, the first address's family first (RFC 8305, section 4).
fn interleave(addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let Some(first) = addresses.first().map(SocketAddr::is_ipv6) else { return addresses };
    let (mut preferred, mut other): (VecDeque<_>, VecDeque<_>) =
        addresses.into_iter().partition(|address| address.is_ipv6() == first);
    let mut ordered = Vec::with_capacity(preferred.len() + other.len());
    while !(preferred.is_empty() && other.is_empty()) {
        ordered.extend(preferred.pop_front());
        ordered.extend(other.pop_front());
    }
    ordered
}

/// The first connection that comes about. The next address is tried when one
/// fails, or is slow.
async fn connect_first(addresses: Vec<SocketAddr>) -> std::io::Result<TcpStream> {
    let mut addresses = addresses.into_iter();
    let mut attempts = FuturesUnordered::new();
    let mut failure = std::io::Error::from(std::io::ErrorKind::AddrNotAvailable);
    loop {
        attempts.extend(addresses.next().map(TcpStream::connect));
        if attempts.is_empty() {
            return Err(failure);
        }
        tokio::select! {
            Some(result) = attempts.next() => match result {
                Ok(stream) => return Ok(stream),
                Err(error) => failure = error,
            },
            () = sleep(ATTEMPT_DELAY), if addresses.len() > 0 => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use selvedge_runtime::Mode;

    use super::*;

    fn addresses(list: &[&str]) -> Vec<SocketAddr> {
        list.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn families_take_turns() {
        let given = addresses(&["[2::1]:1", "[2::2]:1", "[2::3]:1", "1.0.0.1:1"]);
        let expected = addresses(&["[2::1]:1", "1.0.0.1:1", "[2::2]:1", "[2::3]:1"]);
        assert_eq!(interleave(given), expected);
    }

    #[test]
    fn of_mixed_addresses_only_the_public_ones_are_connected_to() {
        let connector = Connector::new(Policy::new(Mode::Production), Trust::shared());
        let origin = Origin::of(&"http://rebind.example".parse().unwrap()).unwrap();
        let mixed = addresses(&["127.0.0.1:80", "1.1.1.1:80", "[::1]:80", "169.254.169.254:80"]);
        assert_eq!(connector.permitted(&origin, mixed).unwrap(), addresses(&["1.1.1.1:80"]));
        let refused = connector.permitted(&origin, addresses(&["10.0.0.1:80"])).unwrap_err();
        assert!(matches!(&refused, OutboundError::Refused(text) if !text.contains("10.0.0.1")));
    }

    #[tokio::test]
    async fn a_dead_address_does_not_hide_a_live_one() {
        let dead = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let live = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let live_address = live.local_addr().unwrap();
        let stream = connect_first(vec![dead, live_address]).await.unwrap();
        assert_eq!(stream.peer_addr().unwrap(), live_address);
    }
}
