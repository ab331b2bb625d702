//! One server and who asks it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::header::HeaderValue;
use http::{Method, Uri};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use url::Url;

use crate::body::Body;
use crate::connector::{Connector, Stream};
use crate::error::Error;
use crate::request::Call;

/// How often a call is made again, and after how long.
#[derive(Debug, Clone, Copy)]
pub struct Retry {
    /// Calls in all.
    pub attempts: u32,
    /// The wait before the second; each further one is twice as long.
    pub wait: Duration,
}

impl Default for Retry {
    /// As wrangler: three more after the first.
    fn default() -> Self {
        Self { attempts: 4, wait: Duration::from_millis(500) }
    }
}

/// What a client needs to know.
#[derive(Clone, Default)]
pub struct Options {
    /// Up to and including `/client/v4`.
    pub base: String,
    /// Who asks; never shown.
    pub token: Option<String>,
    /// The value of `User-Agent`.
    pub agent: String,
    /// Certificates (PEM) to trust beside the system's.
    pub trusted: Option<Vec<u8>>,
    pub retry: Retry,
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("base", &self.base)
            .field("agent", &self.agent)
            .finish_non_exhaustive()
    }
}

type Http = hyper_util::client::legacy::Client<Connector, Body>;

struct Inner {
    http: Http,
    connector: Connector,
    base: Url,
    authorization: Option<HeaderValue>,
    agent: HeaderValue,
    retry: Retry,
}

/// A server's API. Clones share their connections.
#[derive(Clone)]
pub struct Client(Arc<Inner>);

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("base", &self.0.base.as_str()).finish_non_exhaustive()
    }
}

impl Client {
    /// Makes a client; nothing is sent yet.
    ///
    /// # Errors
    /// [`Error::Invalid`] when the options make no sense.
    pub fn new(options: Options) -> Result<Self, Error> {
        let base = base_url(&options.base)?;
        let bearer = |token: String| {
            let mut value = HeaderValue::try_from(format!("Bearer {token}")).map_err(|_| {
                Error::Invalid("the API token has characters that no token has".into())
            })?;
            value.set_sensitive(true);
            Ok(value)
        };
        let agent = HeaderValue::try_from(options.agent)
            .map_err(|_| Error::Invalid("the user agent is no header value".into()))?;
        let connector = Connector::new(trusted(options.trusted.as_deref())?);
        let http = hyper_util::client::legacy::Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(Duration::from_secs(20))
            .build(connector.clone());
        Ok(Self(Arc::new(Inner {
            http,
            connector,
            base,
            authorization: options.token.map(bearer).transpose()?,
            agent,
            retry: options.retry,
        })))
    }

    /// A call of a path below the base, which begins with `/` and is encoded.
    pub fn call(&self, method: Method, path: impl Into<String>) -> Call {
        Call::new(self.clone(), method, path.into())
    }

    pub fn get(&self, path: impl Into<String>) -> Call {
        self.call(Method::GET, path)
    }

    pub fn post(&self, path: impl Into<String>) -> Call {
        self.call(Method::POST, path)
    }

    pub fn put(&self, path: impl Into<String>) -> Call {
        self.call(Method::PUT, path)
    }

    pub fn patch(&self, path: impl Into<String>) -> Call {
        self.call(Method::PATCH, path)
    }

    pub fn delete(&self, path: impl Into<String>) -> Call {
        self.call(Method::DELETE, path)
    }

    /// Scheme, host and port.
    pub fn origin(&self) -> String {
        self.0.base.origin().ascii_serialization()
    }

    /// The base, as it was given.
    pub fn base(&self) -> &Url {
        &self.0.base
    }

    pub(crate) fn authorization(&self) -> Option<&HeaderValue> {
        self.0.authorization.as_ref()
    }

    pub(crate) fn agent(&self) -> &HeaderValue {
        &self.0.agent
    }

    pub(crate) fn retry(&self) -> Retry {
        self.0.retry
    }

    /// The absolute URL of a path below the base; one that begins with `/api/`
    /// is below the server's root.
    pub(crate) fn uri(&self, path: &str) -> Result<Uri, Error> {
        let base = self.0.base.as_str().trim_end_matches('/');
        let text = if path.starts_with("/api/") {
            format!("{}{path}", self.origin())
        } else {
            format!("{base}{path}")
        };
        text.parse().map_err(|_| Error::Invalid(format!("\"{text}\" is no URL")))
    }

    pub(crate) fn http(&self) -> &Http {
        &self.0.http
    }

    pub(crate) async fn connect(&self, uri: &Uri) -> Result<Stream, Error> {
        let reason = |error: std::io::Error| Error::Network {
            origin: format!("{uri}"),
            reason: error.to_string(),
        };
        self.0.connector.connect(uri).await.map_err(reason)
    }
}

/// The base of an API. A server's address alone gets Cloudflare's path.
fn base_url(text: &str) -> Result<Url, Error> {
    let invalid = || {
        Error::Invalid(format!(
            "\"{text}\" is no address of a server, which looks like http://127.0.0.1:8081"
        ))
    };
    let mut url = Url::parse(text).map_err(|_| invalid())?;
    if !matches!(url.scheme(), "http" | "https") || url.host().is_none() {
        return Err(invalid());
    }
    url.set_query(None);
    url.set_fragment(None);
    if url.path() == "/" {
        url.set_path("/client/v4");
    }
    Ok(url)
}

fn trusted(pem: Option<&[u8]>) -> Result<Vec<CertificateDer<'static>>, Error> {
    let Some(pem) = pem else { return Ok(Vec::new()) };
    let invalid = |reason: String| Error::Invalid(format!("the CA certificates: {reason}"));
    let found = CertificateDer::pem_slice_iter(pem)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| invalid(error.to_string()))?;
    if found.is_empty() {
        return Err(invalid("there is none in the file".into()));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_alone_gets_the_path_of_the_api() {
        let url = |text| base_url(text).map(String::from).map_err(|error| error.to_string());
        assert_eq!(url("http://127.0.0.1:8081"), Ok("http://127.0.0.1:8081/client/v4".into()));
        assert_eq!(url("https://a.example/x/v4/"), Ok("https://a.example/x/v4/".into()));
        for wrong in ["127.0.0.1:8081", "ftp://a", "", "http:"] {
            assert!(url(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_token_is_not_shown() -> Result<(), Error> {
        let options = Options {
            base: "http://127.0.0.1:1".into(),
            token: Some("very-secret".into()),
            agent: "test".into(),
            ..Options::default()
        };
        assert!(!format!("{options:?}").contains("very-secret"));
        assert!(!format!("{:?}", Client::new(options)?).contains("very-secret"));
        Ok(())
    }
}
