//! A request as it leaves.

use http::header::{CONTENT_LENGTH, HOST, HeaderMap, HeaderValue};
use http::{Method, Uri};
use selvedge_runtime::outbound::{OutboundError, OutboundRequest};
use url::Url;

use super::connector::{Origin, Protocol};
use super::pool::Request;
use super::redirect::Next;
use super::request_body::RequestBody;
use super::rules::Rules;
use super::{headers, redirect};

/// One request to one origin; a redirect makes the next.
pub(crate) struct Outgoing {
    pub(crate) url: Url,
    pub(crate) method: Method,
    pub(crate) headers: HeaderMap,
    pub(crate) body: RequestBody,
    pub(crate) rules: Rules,
}

impl Outgoing {
    /// The request of a Worker, still without its body.
    ///
    /// # Errors
    /// [`OutboundError::Invalid`] when it cannot be sent.
    pub(crate) fn new(request: &OutboundRequest, rules: Rules) -> Result<Self, OutboundError> {
        let invalid = |what: &str| OutboundError::Invalid(format!("Fetch API cannot load: {what}"));
        let mut url = Url::parse(&request.url).map_err(|_| invalid(&request.url))?;
        redirect::clean(&mut url);
        let method = Method::from_bytes(request.method.as_bytes())
            .ok()
            .filter(|method| *method != Method::CONNECT)
            .ok_or_else(|| invalid(&request.method))?;
        if request.websocket.is_some() && method != Method::GET {
            return Err(OutboundError::Invalid("A WebSocket is connected to with GET".into()));
        }
        let mut headers = headers::outgoing(request.headers.as_blob())?;
        // An object of the Worker sees the request as it was made.
        let service = request.service.as_ref();
        if service.is_none_or(|service| service.object.is_none()) {
            headers::complete(&mut headers, service.is_some(), rules)?;
        }
        Ok(Self { url, method, headers, body: RequestBody::Empty, rules })
    }

    /// Drops the headers that do not go along with a redirect.
    pub(crate) fn strip(&mut self, next: &Next) {
        next.strip(&mut self.headers, self.rules);
    }

    /// Whom to connect to.
    pub(crate) fn origin(&self) -> Result<Origin, OutboundError> {
        Origin::of(&self.url)
            .ok_or_else(|| OutboundError::Invalid(format!("Fetch API cannot load: {}", self.url)))
    }

    /// Its URL, as hyper wants it.
    pub(crate) fn target(&self) -> Result<Uri, OutboundError> {
        Uri::try_from(self.url.as_str())
            .map_err(|_| OutboundError::Invalid(format!("Fetch API cannot load: {}", self.url)))
    }

    /// The request as it goes out on a connection of this protocol.
    pub(crate) fn build(
        &self,
        target: &Uri,
        protocol: Protocol,
        body: RequestBody,
    ) -> Result<Request, OutboundError> {
        let mut headers = self.headers.clone();
        let uri = match protocol {
            // `:authority` says the host.
            Protocol::Http2 => target.clone(),
            Protocol::Http1 => {
                let host = target.authority().map_or("", |authority| authority.as_str());
                let host = HeaderValue::from_str(host)
                    .map_err(|_| OutboundError::Invalid(format!("Invalid host name: {host}")))?;
                headers.insert(HOST, host);
                target.path_and_query().cloned().map(Uri::from).unwrap_or_default()
            }
        };
        if let Some(length) = body.content_length(&self.method) {
            headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
        }
        let mut request = Request::new(body);
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = uri;
        *request.headers_mut() = headers;
        Ok(request)
    }
}
