//! A subrequest from its call to its response.

use std::cell::OnceCell;
use std::error::Error;
use std::rc::Rc;
use std::sync::Arc;

use bytes::Bytes;
use http::{Method, Response, StatusCode};
use hyper::body::Incoming;
use hyper::ext::ReasonPhrase;
use selvedge_runtime::body::{BodySource, BytesBody};
use selvedge_runtime::io_context::{ContextId, IsolateState};
use selvedge_runtime::outbound::{
    CallCaching, OutboundError, OutboundRequest, OutboundResponse, ServiceTarget,
};
use url::Url;

use super::connector::{Connector, Origin, Protocol};
use super::decode::{self, Decoded};
use super::outgoing::Outgoing;
use super::pool::{Connection, Pool, Request};
use super::redirect::{self, Hop, Verdict};
use super::request_body::RequestBody;
use super::response_body::ResponseBody;
use super::rules::Rules;
use super::slots::{ConnectionRule, Slot, SlotBook};
use super::stream::Stream;
use super::tls::Offer;
use super::websocket::{self, ConnectSocket, Extensions, Handshake, UpgradedSocket};
use super::{ConnectService, Options, headers, responder};
use crate::websocket::Deflate;

/// Sends the subrequests of one isolate.
pub(crate) struct Client {
    pub(super) connector: Connector,
    pool: Rc<Pool>,
    pub(super) slots: Rc<SlotBook>,
    connect_socket: Option<ConnectSocket>,
    connect_service: Option<ConnectService>,
    rules: OnceCell<Rules>,
}

/// The request whose limits a subrequest counts against.
pub(super) struct Caller {
    pub(super) state: Rc<IsolateState>,
    pub(super) id: ContextId,
    /// Whether it is nobody's: see [`OutboundRequest::is_uncounted`].
    pub(super) is_uncounted: bool,
    /// See [`OutboundRequest::depth`].
    pub(super) depth: u32,
    /// What it says of the cache before the Worker that it goes to.
    pub(super) caching: Option<Arc<CallCaching>>,
}

/// What an origin answered.
enum Answer {
    Http(Response<Incoming>),
    Socket { head: Response<()>, stream: Stream, leftover: Bytes, agreed: Option<Deflate> },
}

impl Client {
    pub(crate) fn new(options: Options) -> Self {
        Self {
            connector: Connector::new(options.policy, options.trust),
            pool: Pool::new(),
            slots: SlotBook::new(options.connections),
            connect_socket: options.connect_socket,
            connect_service: options.connect_service,
            rules: OnceCell::new(),
        }
    }

    /// Sends a request and follows its redirects. Each is a subrequest.
    pub(crate) async fn fetch(
        &self,
        state: Rc<IsolateState>,
        request: OutboundRequest,
    ) -> Result<OutboundResponse, OutboundError> {
        let is_uncounted = request.is_uncounted;
        let caching = request.service.as_deref().and_then(|_| of_call(&request));
        let (id, depth) = (request.context, request.depth);
        let caller = Caller { state, id, is_uncounted, depth, caching };
        if request.websocket.is_some() && self.connect_socket.is_none() {
            return Err(OutboundError::Invalid("WebSockets cannot be connected from here".into()));
        }
        let rules = *self.rules.get_or_init(|| Rules::of(&caller.state.worker().compatibility));
        let mut outgoing = Outgoing::new(&request, rules)?;
        let responder = request.service.as_ref().and_then(|service| service.responder.clone());
        if let Some(responder) = responder {
            if request.websocket.is_some() {
                let message = "WebSockets cannot be connected to here";
                return Err(OutboundError::Invalid(message.into()));
            }
            return responder::fetch(&*responder, outgoing, request.redirect, || caller.count())
                .await;
        }
        outgoing.body = RequestBody::from(request.body);
        let to_object = request.service.as_ref().is_some_and(|service| service.object.is_some());
        let mut slot = None;
        let mut followed = 0;
        loop {
            caller.count()?;
            // Objects are no connections.
            if slot.is_none() && !to_object && !is_uncounted {
                slot = Some(self.slots.take(&caller.state, caller.id).await);
            }

            // ----- Stage 1: to the origin and back. -----
            let replay = outgoing.body.replay();
            let body = std::mem::replace(&mut outgoing.body, RequestBody::Empty);
            let answer = match (&request.service, request.websocket) {
                (None, None) => self.exchange(&caller, &outgoing, body).await.map(Answer::Http)?,
                (Some(service), None) => {
                    self.call(&caller, &outgoing, service, body).await.map(Answer::Http)?
                }
                (service, Some(_)) => self.upgrade(&caller, &outgoing, service.as_ref()).await?,
            };

            // ----- Stage 2: deliver, or follow a redirect. -----
            let response = match answer {
                Answer::Http(response) => response,
                Answer::Socket { head, stream, leftover, agreed } => {
                    let socket = UpgradedSocket {
                        io: Box::new(stream),
                        leftover,
                        agreed,
                        epoch: caller.state.epoch,
                        id: request.websocket.unwrap_or_default(),
                    };
                    return Ok(self.deliver_socket(outgoing.url, followed, head, socket));
                }
            };
            let hop = Hop {
                url: &outgoing.url,
                method: &outgoing.method,
                replayable: replay.is_some(),
                followed,
            };
            match redirect::judge(request.redirect, &hop, response.status(), response.headers())? {
                Verdict::Deliver => {
                    let slot = slot.filter(|_| self.slots.rule == ConnectionRule::UntilBody);
                    let mut response = response;
                    if to_object {
                        response.headers_mut().remove(http::header::CONTENT_LENGTH);
                    }
                    return Ok(deliver(&outgoing, followed, response, request.keep_encoding, slot));
                }
                Verdict::Follow(next) => {
                    outgoing.strip(&next);
                    if next.becomes_get {
                        outgoing.method = Method::GET;
                    } else {
                        outgoing.body = replay.unwrap_or(RequestBody::Empty);
                    }
                    outgoing.url = next.url;
                    followed += 1;
                }
            }
        }
    }

    /// Sends a request on a kept connection, or else on a new one. A kept one
    /// may have been closed by the origin in the meantime; when it breaks
    /// before anything of a response arrived, the request is sent once more on
    /// a new one, if its body still exists (as RFC 9112, 9.3.1, suggests).
    async fn exchange(
        &self,
        caller: &Caller,
        outgoing: &Outgoing,
        mut body: RequestBody,
    ) -> Result<Response<Incoming>, OutboundError> {
        let origin = outgoing.origin()?;
        let target = outgoing.target()?;
        let mut kept = self.pool.take(&origin);
        loop {
            let reused = kept.is_some();
            let mut connection = match kept.take() {
                Some(connection) => connection,
                None => self.open(&origin).await?,
            };
            let replay = body.replay();
            let upload = body.failure();
            let before = connection.received();
            let request = outgoing.build(&target, connection.protocol(), body)?;
            caller.touch();
            let mut error = match connection.send(request).await {
                Ok(response) if response.status() == StatusCode::SWITCHING_PROTOCOLS => {
                    return Err(network("101 without having asked for an upgrade"));
                }
                Ok(response) => {
                    self.pool.keep(origin, connection);
                    return Ok(response);
                }
                Err(error) => error,
            };
            // hyper hands the request back when nothing of it was sent.
            let unsent = error.take_message().map(Request::into_body);
            let stale = reused && connection.received() == before;
            match unsent.or_else(|| replay.filter(|_| stale)) {
                Some(again) if reused => body = again,
                _ => {
                    return Err(upload
                        .take()
                        .map_or_else(|| failure(error.into_error()), Into::into));
                }
            }
        }
    }

    async fn open(&self, origin: &Origin) -> Result<Connection, OutboundError> {
        let (stream, protocol) = self.connector.connect(origin, Offer::Any).await?;
        let connection = Connection::open(stream, protocol).await.map_err(failure)?;
        if let Some(shared) = connection.share() {
            self.pool.keep(origin.clone(), shared);
        }
        Ok(connection)
    }

    /// Sends a request to another Worker, on a pipe of its own.
    async fn call(
        &self,
        caller: &Caller,
        outgoing: &Outgoing,
        service: &Arc<ServiceTarget>,
        body: RequestBody,
    ) -> Result<Response<Incoming>, OutboundError> {
        let stream = self.pipe(caller, service)?;
        let mut connection = Connection::open(stream, Protocol::Http1).await.map_err(failure)?;
        let upload = body.failure();
        let mut request = outgoing.build(&outgoing.target()?, Protocol::Http1, body)?;
        // The other Worker sees the URL as it is, whatever its scheme and host.
        *request.uri_mut() = outgoing.target()?;
        caller.touch();
        let sent = connection.send(request).await;
        sent.map_err(|error| upload.take().map_or_else(|| failure(error.into_error()), Into::into))
    }

    fn pipe(&self, caller: &Caller, service: &Arc<ServiceTarget>) -> Result<Stream, OutboundError> {
        let Some(connect) = &self.connect_service else {
            return Err(OutboundError::Refused("There are no service bindings here.".into()));
        };
        let mut target = caller.state.calling(caller.id, service, caller.depth)?;
        target.caching.clone_from(&caller.caching);
        connect(&Arc::new(target)).map(Stream::pipe)
    }

    /// Asks the origin, or another Worker, for a WebSocket, on a connection of
    /// its own.
    async fn upgrade(
        &self,
        caller: &Caller,
        outgoing: &Outgoing,
        service: Option<&Arc<ServiceTarget>>,
    ) -> Result<Answer, OutboundError> {
        let target = outgoing.target()?;
        let mut request = outgoing.build(&target, Protocol::Http1, RequestBody::Empty)?;
        let stream = match service {
            Some(service) => {
                *request.uri_mut() = target;
                self.pipe(caller, service)?
            }
            None => self.connector.connect(&outgoing.origin()?, Offer::Http1).await?.0,
        };
        let compatibility = &caller.state.worker().compatibility;
        let extensions = match service {
            Some(_) => Extensions::Unspoken,
            None if compatibility.is_on("web_socket_compression") => Extensions::Deflate,
            None => Extensions::None,
        };
        let key = websocket::prepare(request.headers_mut(), extensions);
        caller.touch();
        Ok(match websocket::handshake(stream, request, &key, extensions).await? {
            Handshake::Open { head, stream, leftover, agreed } => {
                Answer::Socket { head, stream, leftover, agreed }
            }
            Handshake::Declined(response) => Answer::Http(response),
        })
    }

    fn deliver_socket(
        &self,
        url: Url,
        followed: usize,
        head: Response<()>,
        socket: UpgradedSocket,
    ) -> OutboundResponse {
        OutboundResponse {
            status: head.status().as_u16(),
            status_text: status_text(&head),
            headers: headers::incoming(head.headers(), false),
            url: url.into(),
            redirected: followed > 0,
            body: None,
            websocket: self.connect_socket.as_ref().map(|connect| connect(socket)),
        }
    }
}

/// What a request to another Worker says of the cache before that.
fn of_call(request: &OutboundRequest) -> Option<Arc<CallCaching>> {
    let caching = request.caching.as_deref()?;
    let key = caching.key.clone().filter(|key| !key.is_empty());
    let control = caching.control.clone();
    (key.is_some() || control.is_some()).then(|| Arc::new(CallCaching { key, control }))
}

impl Caller {
    /// Counts a subrequest.
    pub(super) fn count(&self) -> Result<(), OutboundError> {
        if self.is_uncounted { Ok(()) } else { self.state.count_subrequest(self.id) }
    }

    /// From here on, the world outside has seen something of the request.
    pub(super) fn touch(&self) {
        if !self.is_uncounted {
            self.state.touch(self.id);
        }
    }
}

fn deliver(
    outgoing: &Outgoing,
    followed: usize,
    response: Response<Incoming>,
    keep_encoding: bool,
    slot: Option<Slot>,
) -> OutboundResponse {
    let status = response.status();
    let status_text = status_text(&response);
    let bodiless = outgoing.method == Method::HEAD || is_null_body(status);
    let codings = match keep_encoding || bodiless {
        true => Vec::new(),
        false => decode::codings(response.headers(), outgoing.rules),
    };
    let headers = headers::incoming(response.headers(), !codings.is_empty());
    let incoming = response.into_body();
    OutboundResponse {
        status: status.as_u16(),
        status_text,
        headers,
        url: outgoing.url.as_str().to_owned(),
        redirected: followed > 0,
        body: (!bodiless).then(|| body(incoming, slot, codings)),
        websocket: None,
    }
}

fn body(
    incoming: Incoming,
    slot: Option<Slot>,
    codings: Vec<decode::Coding>,
) -> Box<dyn BodySource> {
    if http_body::Body::is_end_stream(&incoming) {
        return Box::new(BytesBody::new(Bytes::new()));
    }
    let body = Box::new(ResponseBody::new(incoming, slot));
    if codings.is_empty() { body } else { Box::new(Decoded::new(body, codings)) }
}

/// Statuses whose responses have no body
/// (<https://fetch.spec.whatwg.org/#null-body-status>).
fn is_null_body(status: StatusCode) -> bool {
    matches!(status.as_u16(), 101 | 103 | 204 | 205 | 304)
}

/// The reason phrase; HTTP/2 has none, so the usual one for the status.
fn status_text<T>(response: &Response<T>) -> String {
    match response.extensions().get::<ReasonPhrase>() {
        Some(phrase) => phrase.as_bytes().iter().copied().map(char::from).collect(),
        None => response.status().canonical_reason().unwrap_or_default().to_owned(),
    }
}

fn network(reason: &str) -> OutboundError {
    OutboundError::Network(reason.into())
}

/// What the Worker is told when the exchange fails, with all causes for the log.
fn failure(error: hyper::Error) -> OutboundError {
    let mut reason = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        reason = format!("{reason}: {inner}");
        cause = inner.source();
    }
    OutboundError::Network(reason)
}
