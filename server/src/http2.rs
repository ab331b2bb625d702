//! HTTP/2 on the isolate's own thread: hyper speaks the protocol, requests and
//! answers cross the same border as those of HTTP/1.

mod body;

use std::cell::Cell;
use std::rc::Rc;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper_util::rt::{TokioIo, TokioTimer};
use selvedge_runtime::headers::HeaderBlobBuf;
use selvedge_runtime::limits::{REQUEST_HEADER_BYTES, URL_BYTES};
use selvedge_runtime::websocket::WebSocketId;
use selvedge_runtime::{
    BodySink, BodySource, ContextRef, Failure, FetchEvent, HeaderBlob, Mode, Outcome, Reply,
    ResponseHead, WebSocketSink,
};
use tokio::sync::oneshot;

use crate::edge::{self, Client};
use crate::error_page::{self, Page, Reads, Reference};
use crate::gate::Asked;
use crate::io::Io;
use crate::local_handlers;
use crate::site::Site;
use body::{PushBody, RequestBody, ResponseBody};

/// Requests that one connection may have open.
const MAX_STREAMS: u32 = 256;

/// Spawns hyper's tasks on the isolate's thread.
#[derive(Clone, Copy)]
struct LocalExecutor;

impl<F> hyper::rt::Executor<F> for LocalExecutor
where
    F: Future + 'static,
{
    fn execute(&self, future: F) {
        tokio::task::spawn_local(async move {
            future.await;
        });
    }
}

/// Serves a connection to its end. `early` was read from it already.
pub(crate) async fn serve<I: Io>(io: I, early: Bytes, site: Rc<Site>, client: Client) {
    let client = Rc::new(client);
    let of_site = site.clone();
    let service = hyper::service::service_fn(move |request| {
        let site = of_site.clone();
        let client = client.clone();
        async move { Ok::<_, std::convert::Infallible>(answer(request, site, client).await) }
    });
    let connection = hyper::server::conn::http2::Builder::new(LocalExecutor)
        .timer(TokioTimer::new())
        .max_concurrent_streams(MAX_STREAMS)
        .max_header_list_size(REQUEST_HEADER_BYTES as u32)
        .adaptive_window(true)
        .keep_alive_interval(std::time::Duration::from_secs(60))
        .serve_connection(TokioIo::new(crate::io::Rewind::new(early, io)), service);
    let mut connection = std::pin::pin!(connection);
    let watch = site.clock.watch();
    let draining = std::future::poll_fn(|cx| {
        watch.register(cx.waker());
        if site.is_ending() { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    });
    let result = tokio::select! {
        result = &mut connection => result,
        () = draining => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = result {
        tracing::debug!(%error, "an HTTP/2 connection broke");
    }
}

/// What the isolate answered.
enum Answer {
    Response(Response<ResponseBody>),
    Failed(Box<Failure>),
    Lost(bool),
}

async fn answer(
    request: Request<Incoming>,
    site: Rc<Site>,
    client: Rc<Client>,
) -> Response<ResponseBody> {
    let limit = site.isolate.worker().limits.request_body_bytes;
    let (parts, incoming) = request.into_parts();
    let target = parts.uri.path_and_query().map_or("/", |target| target.as_str());
    let authority = parts
        .uri
        .authority()
        .map(|authority| authority.as_str().as_bytes())
        .or_else(|| parts.headers.get("host").map(HeaderValue::as_bytes))
        .unwrap_or(b"localhost");
    let mut url = Vec::new();
    if target.len() > URL_BYTES {
        return page(&error_page::refusal(StatusCode::URI_TOO_LONG, Reads::Text));
    }
    if parts.method == http::Method::CONNECT
        || !edge::write_url(&mut url, client.scheme(), authority, target.as_bytes())
    {
        return page(&error_page::refusal(StatusCode::BAD_REQUEST, Reads::Text));
    }
    let mut headers = HeaderBlobBuf::default();
    if !parts.headers.contains_key("host") {
        headers.push(b"host", authority);
    }
    for (name, value) in &parts.headers {
        if !client.sets(name.as_str().as_bytes()) {
            headers.push(name.as_str().as_bytes(), value.as_bytes());
        }
    }
    let empty = http_body::Body::is_end_stream(&incoming);
    let too_large = Rc::new(Cell::new(false));
    let body = (!empty).then(|| RequestBody::new(incoming, limit, too_large.clone()));
    if body.as_ref().and_then(BodySource::length).is_some_and(|length| length > limit) {
        return page(&error_page::refusal(StatusCode::PAYLOAD_TOO_LARGE, Reads::Text));
    }
    let may_repeat = empty && matches!(parts.method.as_str(), "GET" | "HEAD" | "OPTIONS");
    let exchange = Exchange {
        site: &site,
        client: &client,
        method: parts.method.as_str(),
        url: &url,
        headers: &headers,
        too_large: &too_large,
    };
    let mut result = exchange.run(body.map(|body| Box::new(body) as Box<dyn BodySource>)).await;
    if matches!(result, Answer::Lost(true)) && may_repeat {
        result = exchange.run(None).await;
    }
    match result {
        Answer::Response(response) => response,
        Answer::Failed(_) if too_large.get() => {
            page(&error_page::refusal(StatusCode::PAYLOAD_TOO_LARGE, Reads::Text))
        }
        Answer::Failed(failure) => exchange.failed(&failure),
        Answer::Lost(_) => exchange.failed(&Failure::new(
            Outcome::InternalError,
            "The isolate that ran this request was stopped.",
        )),
    }
}

/// One request of a connection.
struct Exchange<'a> {
    site: &'a Rc<Site>,
    client: &'a Client,
    method: &'a str,
    url: &'a [u8],
    headers: &'a HeaderBlobBuf,
    too_large: &'a Rc<Cell<bool>>,
}

impl Exchange<'_> {
    async fn run(&self, body: Option<Box<dyn BodySource>>) -> Answer {
        let (sender, answer) = oneshot::channel();
        let presence = Presence::new(self.site.clone());
        let on_end = self.site.log.enabled_requests().then(|| {
            let log = self.site.log.clone();
            let method = self.method.to_owned();
            let path = self.path();
            Box::new(move |ended: selvedge_runtime::Ended| log.request(&method, &path, &ended))
                as selvedge_runtime::OnEnd
        });
        let asked = Asked {
            method: self.method,
            url: self.url,
            headers: self.headers.as_blob(),
            client: self.client,
        };
        let trace = self.site.watch.as_ref().and_then(|watch| watch.begin(&asked));
        local_handlers::fetch(
            self.site,
            FetchEvent {
                method: self.method,
                url: self.url,
                headers: self.headers.as_blob().0,
                shared_headers: &self.client.headers,
                body,
                cf: self.client.cf.clone(),
                service: None,
                for_handler: false,
                reply: Box::new(StreamReply {
                    sender,
                    presence: presence.clone(),
                    is_head: self.method == "HEAD",
                    too_large: self.too_large.clone(),
                }),
                on_end,
                trace,
            },
        );
        let guard = presence.guard();
        let result = answer.await.unwrap_or(Answer::Lost(false));
        guard.answered();
        result
    }

    fn path(&self) -> String {
        let text = String::from_utf8_lossy(self.url);
        let rest = text.split_once("://").map_or(&*text, |(_, rest)| rest);
        rest.find('/').map_or_else(|| "/".to_owned(), |at| rest[at..].to_owned())
    }

    fn failed(&self, failure: &Failure) -> Response<ResponseBody> {
        let reads = Reads::of(self.headers.as_blob().get("accept"));
        let (shown, reference) = match self.site.mode() {
            Mode::Local => (error_page::local(failure, reads), None),
            Mode::Production => {
                let reference = Reference::new();
                let shown = error_page::production(failure.outcome, &reference, reads);
                (shown, Some(reference))
            }
        };
        let reference = reference.as_ref().map(Reference::as_str);
        self.site.log.failure(self.method, &self.path(), failure, reference);
        page(&shown)
    }
}

fn page(page: &Page) -> Response<ResponseBody> {
    let mut response = Response::new(ResponseBody::whole(Bytes::from(page.body.clone())));
    *response.status_mut() = page.status;
    for (name, value) in page.headers() {
        if let Ok(value) = HeaderValue::from_str(value) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

/// Whether the client of a request is still there; tells the Worker when not.
#[derive(Clone)]
pub(crate) struct Presence(Rc<PresenceInner>);

struct PresenceInner {
    site: Rc<Site>,
    context: Cell<Option<ContextRef>>,
    /// Whether the client went away.
    left: Cell<bool>,
}

impl Presence {
    fn new(site: Rc<Site>) -> Self {
        Self(Rc::new(PresenceInner { site, context: Cell::new(None), left: Cell::new(false) }))
    }

    fn guard(&self) -> PresenceGuard {
        PresenceGuard { presence: self.clone(), armed: true }
    }

    /// The client went away.
    pub(crate) fn gone(&self) {
        self.0.left.set(true);
        if let Some(context) = self.0.context.take() {
            // The reset may come while JavaScript runs: told right after.
            let isolate = self.0.site.isolate.clone();
            tokio::task::spawn_local(async move { isolate.client_gone(context) });
        }
    }

    /// Nothing more is to be told.
    pub(crate) fn done(&self) {
        self.0.context.set(None);
    }
}

/// Reports the client as gone when it is dropped before the answer.
struct PresenceGuard {
    presence: Presence,
    armed: bool,
}

impl PresenceGuard {
    fn answered(mut self) {
        self.armed = false;
    }
}

impl Drop for PresenceGuard {
    fn drop(&mut self) {
        if self.armed {
            self.presence.gone();
        }
    }
}

/// The isolate's way to answer a request of an HTTP/2 connection.
struct StreamReply {
    sender: oneshot::Sender<Answer>,
    presence: Presence,
    is_head: bool,
    /// Whether the request's body broke the limit.
    too_large: Rc<Cell<bool>>,
}

impl StreamReply {
    fn head(&self, head: &ResponseHead<'_>, body: ResponseBody) -> Response<ResponseBody> {
        let status = StatusCode::from_u16(head.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let no_body = self.is_head || matches!(head.status, 204 | 304);
        let mut response =
            Response::new(if no_body { ResponseBody::whole(Bytes::new()) } else { body });
        *response.status_mut() = status;
        fill(response.headers_mut(), head.headers, self.is_head);
        self.presence.0.site.clock.date(|date| {
            if let Ok(value) = HeaderValue::from_str(date) {
                response.headers_mut().entry("date").or_insert(value);
            }
        });
        if self.presence.0.site.server_timing {
            let text = format!("cpu;dur={:.3}", head.cpu.as_secs_f64() * 1000.0);
            if let Ok(value) = HeaderValue::from_str(&text) {
                response.headers_mut().append("server-timing", value);
            }
        }
        response
    }
}

/// Headers that belong to HTTP/1's connections have no place here (RFC 9113, 8.2.2).
fn fill(map: &mut HeaderMap, headers: HeaderBlob<'_>, keeps_length: bool) {
    for (name, value) in headers.iter() {
        let connection = matches!(
            name,
            b"connection" | b"keep-alive" | b"proxy-connection" | b"transfer-encoding" | b"upgrade"
        );
        if connection || (name == b"content-length" && !keeps_length) {
            continue;
        }
        if let (Ok(name), Ok(value)) =
            (HeaderName::from_bytes(name), HeaderValue::from_bytes(value))
        {
            map.append(name, value);
        }
    }
}

impl Reply for StreamReply {
    fn respond(self: Box<Self>, head: ResponseHead<'_>, body: &[u8]) {
        let response = self.head(&head, ResponseBody::whole(Bytes::copy_from_slice(body)));
        self.presence.done();
        let _ = self.sender.send(Answer::Response(response));
    }

    fn stream(self: Box<Self>, head: ResponseHead<'_>, _: Option<u64>) -> Box<dyn BodySink> {
        let (sink, push) = PushBody::new(self.presence.clone());
        let response = self.head(&head, ResponseBody::pushed(push));
        let _ = self.sender.send(Answer::Response(response));
        Box::new(sink)
    }

    fn pipe(self: Box<Self>, head: ResponseHead<'_>, body: Box<dyn BodySource>) {
        let response = self.head(&head, ResponseBody::piped(body));
        self.presence.done();
        let _ = self.sender.send(Answer::Response(response));
    }

    fn upgrade(
        self: Box<Self>,
        _: ResponseHead<'_>,
        _: WebSocketId,
    ) -> Result<Box<dyn WebSocketSink>, String> {
        let message = "Worker tried to return WebSocket in a response to a request which did not contain the header \"Upgrade: websocket\".";
        self.fail(Failure::new(Outcome::Exception, message));
        Err(message.to_owned())
    }

    fn fail(self: Box<Self>, failure: Failure) -> u16 {
        self.presence.done();
        let status = error_page::status_of_request(failure.outcome, self.too_large.get());
        let _ = self.sender.send(Answer::Failed(Box::new(failure)));
        status.as_u16()
    }

    fn lost(self: Box<Self>, untouched: bool) {
        let _ = self.sender.send(Answer::Lost(untouched));
    }

    fn started(&mut self, context: ContextRef) {
        self.presence.0.context.set(Some(context));
    }

    fn presence(&self) -> Option<selvedge_runtime::Presence> {
        let presence = self.presence.clone();
        Some(Rc::new(move |context| {
            presence.0.context.set(Some(context));
            if presence.0.left.get() {
                presence.gone();
            }
        }))
    }
}
