//! What the edge adds to a request before a Worker sees it: the client's
//! address, `CF-Ray`, `request.cf`
//! (<https://developers.cloudflare.com/fundamentals/reference/http-headers/>).

use std::cell::Cell;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::sync::Arc;

use deno_http_h1::Header;
use selvedge_runtime::SharedHeaders;
use selvedge_runtime::headers::{COLO, HeaderBlobBuf};
use selvedge_runtime::outbound::ServiceTarget;

use crate::proxies::{Forwarded, Proxies};

/// Headers that say where a request comes from. A client's own are dropped.
const OWN: &[&[u8]] = &[
    b"cf-connecting-ip",
    b"cf-connecting-ipv6",
    b"cf-ipcountry",
    b"cf-ray",
    b"cf-visitor",
    b"cf-worker",
    b"x-forwarded-proto",
    b"x-real-ip",
];

/// What is the same for all requests of a connection.
pub(crate) struct Client {
    scheme: &'static str,
    /// Another Worker's binding, when that is the client.
    pub(crate) service: Option<Arc<ServiceTarget>>,
    /// The edge's headers but for the ray.
    pub(crate) headers: SharedHeaders,
    /// JSON of `request.cf`.
    pub(crate) cf: Rc<str>,
    /// Whose address the headers tell; none of another Worker.
    pub(crate) address: Option<IpAddr>,
    /// What the proxy before this server said last, where it is believed.
    behind: Option<Behind>,
    /// Whether the version for the next request was chosen already.
    is_chosen: Cell<bool>,
}

/// A connection of a proxy that is believed.
struct Behind {
    facts: Arc<Facts>,
    proxies: Arc<Proxies>,
    said: Option<Forwarded>,
}

/// What is known of a connection's client. It goes with the connection from
/// thread to thread.
#[derive(Debug)]
pub(crate) struct Facts {
    /// Who connected, or whom a PROXY header names.
    pub(crate) peer: SocketAddr,
    /// `HTTP/1.1` or `HTTP/2`.
    pub(crate) protocol: &'static str,
    pub(crate) tls: Option<TlsFacts>,
    /// Proxies that are believed, if the peer is one of them.
    pub(crate) proxies: Option<Arc<Proxies>>,
}

/// The TLS side of a connection, as `request.cf` shows it.
#[derive(Debug, Clone, Default)]
pub(crate) struct TlsFacts {
    pub(crate) version: String,
    pub(crate) cipher: String,
}

impl Client {
    /// `protocol` is `HTTP/1.1` or `HTTP/2`.
    pub(crate) fn new(peer: SocketAddr, protocol: &str, tls: Option<&TlsFacts>) -> Self {
        let scheme = if tls.is_some() { "https" } else { "http" };
        let address = peer.ip().to_canonical();
        Self {
            scheme,
            service: None,
            headers: own_headers(address, scheme, true),
            cf: cf(protocol, tls),
            address: Some(address),
            behind: None,
            is_chosen: Cell::new(false),
        }
    }

    /// The client of a connection that came from another thread.
    pub(crate) fn of(facts: &Arc<Facts>) -> Self {
        let mut client = Self::new(facts.peer, facts.protocol, facts.tls.as_ref());
        client.is_chosen.set(true);
        client.behind = facts.proxies.clone().map(|proxies| {
            let facts = facts.clone();
            Behind { facts, proxies, said: None }
        });
        client
    }

    /// Whether the version for the next request was chosen by who sent the
    /// connection here: it is not drawn again. Told once.
    pub(crate) fn take_chosen(&self) -> bool {
        self.is_chosen.replace(false)
    }

    /// Whether a request with these headers counts as one over HTTPS.
    pub(crate) fn is_secure(&self, headers: &[Header<'_>]) -> bool {
        let Some(behind) = &self.behind else { return self.scheme == "https" };
        let said = behind.proxies.read(headers.iter().map(|header| (header.name, header.value)));
        said.scheme.map_or(behind.facts.tls.is_some(), |scheme| scheme == "https")
    }

    /// Takes note of whom a proxy that is believed names with this request.
    pub(crate) fn forwarded(&mut self, headers: &[Header<'_>]) {
        let Some(behind) = &mut self.behind else { return };
        let said = behind.proxies.read(headers.iter().map(|header| (header.name, header.value)));
        if behind.said.as_ref() == Some(&said) {
            return;
        }
        let own = if behind.facts.tls.is_some() { "https" } else { "http" };
        self.scheme = said.scheme.unwrap_or(own);
        let address = said.address.unwrap_or_else(|| behind.facts.peer.ip().to_canonical());
        // The proxy's list tells of the client already.
        self.headers = own_headers(address, self.scheme, said.address.is_none());
        self.address = Some(address);
        behind.said = Some(said);
    }

    /// Another Worker of this process. The edge adds nothing to its requests.
    pub(crate) fn of_service(target: Arc<ServiceTarget>) -> Self {
        let cf = target.object.as_ref().map_or(Some("{}"), |object| object.cf.as_deref());
        Self {
            scheme: "http",
            cf: cf.unwrap_or_default().into(),
            service: Some(target),
            headers: SharedHeaders::new(HeaderBlobBuf::default()),
            address: None,
            behind: None,
            is_chosen: Cell::new(false),
        }
    }

    /// Whether another Worker of this process asks.
    pub(crate) fn is_worker(&self) -> bool {
        self.service.is_some()
    }

    /// Whether the server itself calls a handler that no client reaches.
    pub(crate) fn is_for_handler(&self) -> bool {
        self.service.as_ref().is_some_and(|service| service.for_handler)
    }

    /// Whether a Durable Object is asked from another isolate.
    pub(crate) fn is_for_object(&self) -> bool {
        self.service.as_ref().is_some_and(|service| service.object.is_some())
    }

    /// `http` or `https`.
    pub(crate) fn scheme(&self) -> &'static str {
        self.scheme
    }

    /// Whether a client's header is dropped, because the edge sets it itself.
    pub(crate) fn sets(&self, name: &[u8]) -> bool {
        if self.service.is_some() {
            return false;
        }
        Self::is_own(name)
    }

    fn is_own(name: &[u8]) -> bool {
        // Few headers begin with these letters.
        matches!(name.first(), Some(b'c' | b'C' | b'x' | b'X'))
            && OWN.iter().any(|own| name.eq_ignore_ascii_case(own))
    }
}

/// What the edge adds to each request. `lists`: also to the list of addresses.
fn own_headers(address: IpAddr, scheme: &str, lists: bool) -> SharedHeaders {
    let address = address.to_string();
    let mut headers = HeaderBlobBuf::default();
    headers.push(b"cf-connecting-ip", address.as_bytes());
    headers.push(b"cf-visitor", format!("{{\"scheme\":\"{scheme}\"}}").as_bytes());
    if lists {
        headers.push(b"x-forwarded-for", address.as_bytes());
    }
    headers.push(b"x-forwarded-proto", scheme.as_bytes());
    headers.push(b"x-real-ip", address.as_bytes());
    SharedHeaders::new(headers)
}

/// JSON of `request.cf`.
fn cf(protocol: &str, tls: Option<&TlsFacts>) -> Rc<str> {
    let cf = serde_json::json!({
        "colo": COLO,
        "httpProtocol": protocol,
        "tlsVersion": tls.map_or("", |tls| &tls.version),
        "tlsCipher": tls.map_or("", |tls| &tls.cipher),
        "tlsClientAuth": {
            "certPresented": "0",
            "certVerified": "NONE",
            "certRevoked": "0",
        },
        "clientAcceptEncoding": "",
        "requestPriority": "",
        "edgeRequestKeepAliveStatus": 1,
    });
    cf.to_string().into()
}

/// Writes the absolute URL of a request. `false`: the authority or the target
/// cannot stand in a URL.
pub(crate) fn write_url(out: &mut Vec<u8>, scheme: &str, authority: &[u8], target: &[u8]) -> bool {
    out.clear();
    if target.starts_with(b"http://") || target.starts_with(b"https://") {
        push_escaped(out, target);
        return true;
    }
    let valid = |byte: &u8| byte.is_ascii_alphanumeric() || b".-_:[]%~".contains(byte);
    if authority.is_empty() || !authority.iter().all(valid) {
        return false;
    }
    out.extend_from_slice(scheme.as_bytes());
    out.extend_from_slice(b"://");
    out.extend_from_slice(authority);
    match target.first() {
        Some(b'/') => push_escaped(out, target),
        // `OPTIONS *` asks about the server as a whole.
        Some(b'*') if target.len() == 1 => out.push(b'/'),
        _ => return false,
    }
    true
}

/// Bytes outside of ASCII are percent-encoded, as a browser would have done.
fn push_escaped(out: &mut Vec<u8>, target: &[u8]) {
    // A fragment never belongs to a request.
    let target = target.split(|byte| *byte == b'#').next().unwrap_or_default();
    if target.iter().all(|byte| (0x21..0x7f).contains(byte)) {
        out.extend_from_slice(target);
        return;
    }
    for byte in target {
        if (0x21..0x7f).contains(byte) {
            out.push(*byte);
        } else {
            out.extend_from_slice(format!("%{byte:02X}").as_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(authority: &str, target: &[u8]) -> Option<String> {
        let mut out = Vec::new();
        write_url(&mut out, "http", authority.as_bytes(), target)
            .then(|| String::from_utf8(out).expect("a URL is ASCII"))
    }

    #[test]
    fn urls_are_made_of_host_and_target() {
        assert_eq!(url("a.example:80", b"/x?y#z").as_deref(), Some("http://a.example:80/x?y"));
        assert_eq!(url("a", b"http://b/c").as_deref(), Some("http://b/c"));
        assert_eq!(url("[::1]:8787", b"*").as_deref(), Some("http://[::1]:8787/"));
        assert_eq!(url("a", "/\u{e9}".as_bytes()).as_deref(), Some("http://a/%C3%A9"));
    }

    #[test]
    fn an_authority_with_other_characters_is_refused() {
        for authority in ["", "a b", "a/b", "a@b", "a\"b", "a?b"] {
            assert_eq!(url(authority, b"/"), None, "{authority}");
        }
        assert_eq!(url("a", b"relative"), None);
    }

    #[test]
    fn a_clients_own_edge_headers_are_dropped() {
        assert!(Client::is_own(b"CF-Connecting-IP"));
        assert!(!Client::is_own(b"content-type"));
    }
}
