//! HTTP/1 on the isolate's own thread: a connection parses a request, calls the
//! handler, and writes what the handler answers, without a hop in between.
//!
//! Parsing is deno_http_h1's; this module owns the connection's life: limits,
//! deadlines, bodies both ways with back-pressure, the client's going away.

mod exchange;
mod inbound;
mod outgoing;
mod reply;

use std::cell::RefCell;
use std::future::poll_fn;
use std::mem::MaybeUninit;
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::Bytes;
use deno_http_h1::{
    BodyKind, CoreRequest, Header, MAX_HEADERS, ParseError, Protocol, ProtocolError, RequestStatus,
    Version,
};
use http::StatusCode;
use selvedge_deployments::VersionId;
use selvedge_runtime::headers::HeaderBlobBuf;
use selvedge_runtime::limits::{REQUEST_HEADER_BYTES, URL_BYTES};
use selvedge_runtime::{BodySource, Failure, FetchEvent, Mode};

use crate::edge::{self, Client};
use crate::error_page::{self, Page, Reads, Reference};
use crate::gate::{Admission, Asked, Followed};
use crate::io::{Io, read_into};
use crate::site::{Site, WatchGuard};
use crate::{callee_failure, local_handlers};
use exchange::{Exchange, Next};
use inbound::Inbound;
use reply::ConnectionReply;

/// A request's head must be complete this long after its first byte.
pub(crate) const HEAD_SECONDS: u32 = 15;
/// The same for the first request of a connection while the server drains.
const FIRST_SECONDS: u32 = 1;
/// A connection may idle this long between requests.
pub(crate) const IDLE_SECONDS: u32 = 120;
/// Bytes that one read takes at most.
pub(crate) const READ_BYTES: usize = 64 * 1024;

/// What HTTP/2 connections begin with (RFC 9113, 3.4).
const HTTP2_PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

thread_local! {
    /// Where all connections of a thread read into: an idle connection holds
    /// no buffer.
    static SCRATCH: RefCell<Vec<u8>> = RefCell::new(vec![0; READ_BYTES]);
}

/// How a connection ended.
pub(crate) enum End<I> {
    Closed,
    /// The client speaks HTTP/2; these bytes were read already.
    Http2(I, Bytes),
    /// What comes next is not for this isolate; these bytes were read already.
    Elsewhere {
        io: I,
        early: Bytes,
        /// The version that was drawn for it.
        chosen: Option<VersionId>,
        /// Whether a request was served before.
        served: bool,
    },
}

/// A request's head, as far as the connection needs it.
struct Head {
    method: Method,
    version: Version,
    keep_alive: bool,
    expect_continue: bool,
    body: BodyKind,
}

/// The method; frequent ones need no memory.
enum Method {
    Known(&'static str),
    Other(String),
}

impl Method {
    fn of(bytes: &[u8]) -> Self {
        for known in ["GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH"] {
            if bytes == known.as_bytes() {
                return Self::Known(known);
            }
        }
        Self::Other(String::from_utf8_lossy(bytes).into_owned())
    }

    fn as_str(&self) -> &str {
        match self {
            Self::Known(name) => name,
            Self::Other(name) => name,
        }
    }
}

/// Why a request got no further than its head.
enum Refusal {
    /// An answer with this status, then the connection closes.
    Status(StatusCode),
    /// The same with a page of its own.
    Page(Box<Page>),
    /// The client is gone.
    Gone,
    Http2,
    Elsewhere(Option<VersionId>),
}

/// Whether a head is looked at for the first time.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Look {
    First,
    /// Its upgrade offer was taken out.
    Again,
}

struct Connection {
    site: Rc<Site>,
    client: Client,
    protocol: Protocol,
    /// Bytes that were read and not parsed yet.
    buffer: Vec<u8>,
    url: Vec<u8>,
    headers: HeaderBlobBuf,
    watch: WatchGuard,
    /// Whether a request came in.
    served: bool,
}

/// What a connection begins with.
pub(crate) enum Peeked<T> {
    /// There is not enough of it.
    Partial,
    Http2,
    /// The head of a request.
    Head(T),
    /// No request can begin like this.
    Refused(StatusCode),
}

/// Looks at the head of the next request without taking it.
pub(crate) fn peek<T>(input: &[u8], read: impl FnOnce(&CoreRequest<'_>) -> T) -> Peeked<T> {
    let compared = input.len().min(HTTP2_PREFACE.len());
    if compared >= 3 && input[..compared] == HTTP2_PREFACE[..compared] {
        return if compared == HTTP2_PREFACE.len() { Peeked::Http2 } else { Peeked::Partial };
    }
    let mut headers = [const { MaybeUninit::<Header>::uninit() }; MAX_HEADERS];
    let mut scratch = [const { MaybeUninit::uninit() }; MAX_HEADERS];
    match Protocol::new().next_request_uninit_all(input, &mut headers, &mut scratch) {
        Ok(RequestStatus::Complete { request, .. }) => Peeked::Head(read(&request)),
        Ok(RequestStatus::Partial) if input.len() <= REQUEST_HEADER_BYTES => Peeked::Partial,
        Ok(RequestStatus::Partial)
        | Err(ProtocolError::HeadTooLarge | ProtocolError::Parse(ParseError::TooManyHeaders)) => {
            Peeked::Refused(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE)
        }
        Err(ProtocolError::Parse(_)) => Peeked::Refused(StatusCode::BAD_REQUEST),
    }
}

/// Reads what there is behind what was read before.
pub(crate) fn poll_more<I: Io>(
    io: &mut I,
    cx: &mut Context<'_>,
    buffer: &mut Vec<u8>,
) -> Poll<std::io::Result<usize>> {
    SCRATCH.with_borrow_mut(|scratch| match read_into(io, cx, scratch) {
        Poll::Ready(Ok(count)) => {
            buffer.extend_from_slice(&scratch[..count]);
            Poll::Ready(Ok(count))
        }
        other => other,
    })
}

/// Serves a connection to its end.
pub(crate) async fn serve<I: Io>(io: I, site: Rc<Site>, client: Client, early: Bytes) -> End<I> {
    let exchange = Exchange::new(io, site.clone(), &client);
    let watch = site.clock.watch();
    let mut connection = Connection {
        site,
        client,
        protocol: Protocol::new(),
        buffer: early.to_vec(),
        url: Vec::new(),
        headers: HeaderBlobBuf::default(),
        watch,
        served: false,
    };
    loop {
        let head = match poll_fn(|cx| connection.poll_head(&exchange, cx)).await {
            Ok(head) => head,
            Err(Refusal::Gone) => return End::Closed,
            Err(Refusal::Http2) => {
                let Some(io) = Exchange::into_io(exchange) else { return End::Closed };
                return End::Http2(io, connection.buffer.into());
            }
            Err(Refusal::Elsewhere(chosen)) => {
                let Some(io) = Exchange::into_io(exchange) else { return End::Closed };
                let (early, served) = (connection.buffer.into(), connection.served);
                return End::Elsewhere { io, early, chosen, served };
            }
            Err(Refusal::Page(page)) => {
                exchange.refuse_with(&page);
                exchange.close().await;
                return End::Closed;
            }
            Err(Refusal::Status(status)) => {
                exchange.refuse(status);
                exchange.close().await;
                return End::Closed;
            }
        };
        connection.served = true;
        connection.run(&exchange, head);
        loop {
            let next = poll_fn(|cx| {
                connection.watch.register(cx.waker());
                exchange.poll(
                    cx,
                    &connection.watch,
                    &mut connection.protocol,
                    &mut connection.buffer,
                )
            })
            .await;
            match next {
                Next::Request if connection.site.is_ending() => return End::Closed,
                Next::Request => break,
                // The isolate went away and nobody outside knows of this request.
                Next::Again => connection.run_again(&exchange),
                Next::Failed(_) if exchange.is_body_too_large() => {
                    exchange.refuse(StatusCode::PAYLOAD_TOO_LARGE);
                }
                Next::Failed(failure) => connection.show_failure(&exchange, &failure),
                Next::Close => {
                    exchange.close().await;
                    return End::Closed;
                }
                Next::WebSocket(pending) => {
                    connection.watch.clear();
                    let Some(io) = Exchange::into_io(exchange) else { return End::Closed };
                    let leftover = Bytes::from(std::mem::take(&mut connection.buffer));
                    let counted = connection.site.gate.as_ref().map(|gate| gate.websocket());
                    // A task of its own: an open socket keeps nothing of HTTP.
                    tokio::task::spawn_local(async move {
                        pending.run(io, leftover).await;
                        drop(counted);
                    });
                    return End::Closed;
                }
            }
        }
    }
}

impl Connection {
    fn poll_head<I: Io>(
        &mut self,
        exchange: &Exchange<I>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Head, Refusal>> {
        if !self.buffer.is_empty() {
            let buffer = std::mem::take(&mut self.buffer);
            let parsed = self.parse(&buffer, Look::First);
            self.buffer = buffer;
            if let Some((head, consumed)) = parsed? {
                self.buffer.drain(..consumed);
                return Poll::Ready(Ok(head));
            }
        }
        loop {
            let read = SCRATCH.with_borrow_mut(|scratch| {
                let read = exchange.with_io(|io| read_into(io, cx, scratch));
                match read {
                    Poll::Ready(Ok(0)) | Poll::Ready(Err(_)) => Poll::Ready(Err(Refusal::Gone)),
                    Poll::Ready(Ok(count)) => {
                        if self.buffer.is_empty() {
                            // The usual case: one read holds one request.
                            if let Some((head, consumed)) =
                                self.parse(&scratch[..count], Look::First)?
                            {
                                self.buffer.extend_from_slice(&scratch[consumed..count]);
                                return Poll::Ready(Ok(Some(head)));
                            }
                            self.watch.set(&self.site.clock, HEAD_SECONDS);
                        }
                        self.buffer.extend_from_slice(&scratch[..count]);
                        Poll::Ready(Ok(None))
                    }
                    Poll::Pending => Poll::Pending,
                }
            });
            match read {
                Poll::Ready(Ok(Some(head))) => return Poll::Ready(Ok(head)),
                Poll::Ready(Err(refusal)) => return Poll::Ready(Err(refusal)),
                Poll::Ready(Ok(None)) => {
                    let buffer = std::mem::take(&mut self.buffer);
                    let parsed = self.parse(&buffer, Look::First);
                    self.buffer = buffer;
                    if let Some((head, consumed)) = parsed? {
                        self.buffer.drain(..consumed);
                        return Poll::Ready(Ok(head));
                    }
                }
                Poll::Pending => {
                    self.watch.register(cx.waker());
                    if self.site.hands_on() {
                        return Poll::Ready(Err(Refusal::Elsewhere(None)));
                    }
                    if self.buffer.is_empty() {
                        // Who has just connected is about to ask something.
                        let draining = self.site.draining.get();
                        if draining && self.served {
                            return Poll::Ready(Err(Refusal::Gone));
                        }
                        if self.watch.is_over(&self.site.clock) {
                            return Poll::Ready(Err(Refusal::Gone));
                        }
                        let patience = if draining { FIRST_SECONDS } else { IDLE_SECONDS };
                        self.watch.set(&self.site.clock, patience);
                    } else if self.watch.is_over(&self.site.clock) {
                        return Poll::Ready(Err(Refusal::Status(StatusCode::REQUEST_TIMEOUT)));
                    }
                    return Poll::Pending;
                }
            }
        }
    }

    /// Parses a head; `None`: it is not complete yet.
    fn parse(&mut self, input: &[u8], look: Look) -> Result<Option<(Head, usize)>, Refusal> {
        let compared = input.len().min(HTTP2_PREFACE.len());
        if compared >= 3 && input[..compared] == HTTP2_PREFACE[..compared] {
            if compared == HTTP2_PREFACE.len() {
                self.buffer = input.to_vec();
                return Err(Refusal::Http2);
            }
            return Ok(None);
        }
        let mut headers = [const { MaybeUninit::<Header>::uninit() }; MAX_HEADERS];
        let mut scratch = [const { MaybeUninit::uninit() }; MAX_HEADERS];
        let before = self.protocol;
        match self.protocol.next_request_uninit_all(input, &mut headers, &mut scratch) {
            Ok(RequestStatus::Complete { consumed, .. }) if consumed > REQUEST_HEADER_BYTES => {
                Err(Refusal::Status(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE))
            }
            Ok(RequestStatus::Complete { request, consumed }) => {
                if request.method == b"CONNECT" {
                    return Err(Refusal::Status(StatusCode::BAD_REQUEST));
                }
                if look == Look::First
                    && self.client.service.is_none()
                    && let Some(gate) = &self.site.gate
                {
                    let admission = match self.site.hands_on() {
                        true => Admission::Elsewhere(None),
                        false => gate.admit(&request, &self.client),
                    };
                    match admission {
                        Admission::Here => {}
                        Admission::Elsewhere(chosen) => {
                            self.buffer = input.to_vec();
                            return Err(Refusal::Elsewhere(chosen));
                        }
                        Admission::Refused(page) => return Err(Refusal::Page(page)),
                    }
                }
                if request.body == BodyKind::Upgrade && !is_websocket(&request) {
                    // An upgrade that is not taken is an ordinary request; its
                    // body is found by parsing the head without the offer.
                    let Some(plain) = without_upgrade(input, consumed) else {
                        return Err(Refusal::Status(StatusCode::BAD_REQUEST));
                    };
                    self.protocol = before;
                    return self
                        .parse(&plain, Look::Again)
                        .map(|parsed| parsed.map(|(head, _)| (head, consumed)));
                }
                self.take_head(&request).map(|head| Some((head, consumed)))
            }
            Ok(RequestStatus::Partial) if input.len() > REQUEST_HEADER_BYTES => {
                Err(Refusal::Status(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE))
            }
            Ok(RequestStatus::Partial) => Ok(None),
            Err(ProtocolError::HeadTooLarge | ProtocolError::Parse(ParseError::TooManyHeaders)) => {
                Err(Refusal::Status(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE))
            }
            Err(ProtocolError::Parse(_)) => Err(Refusal::Status(StatusCode::BAD_REQUEST)),
        }
    }

    /// Copies what the Worker may ask for out of the read buffer.
    fn take_head(&mut self, request: &CoreRequest<'_>) -> Result<Head, Refusal> {
        self.headers.clear();
        self.client.forwarded(request.headers);
        let mut host: &[u8] = b"";
        for header in request.headers {
            if header.name.eq_ignore_ascii_case(b"host") {
                host = header.value;
            }
            if !self.client.sets(header.name) {
                self.headers.push(header.name, header.value);
            }
        }
        if host.is_empty() {
            // HTTP/1.0 knows no Host (RFC 9112, 3.2).
            if request.version == Version::Http11 {
                return Err(Refusal::Status(StatusCode::BAD_REQUEST));
            }
            host = b"localhost";
        }
        if request.target.len() > URL_BYTES {
            return Err(Refusal::Status(StatusCode::URI_TOO_LONG));
        }
        if !edge::write_url(&mut self.url, self.client.scheme(), host, request.target) {
            return Err(Refusal::Status(StatusCode::BAD_REQUEST));
        }
        if let BodyKind::ContentLength(length) = request.body
            && length > self.body_limit()
        {
            return Err(Refusal::Status(StatusCode::PAYLOAD_TOO_LARGE));
        }
        self.watch.clear();
        Ok(Head {
            method: Method::of(request.method),
            version: request.version,
            keep_alive: request.keep_alive,
            expect_continue: request.expect_continue,
            body: request.body,
        })
    }

    /// Bytes that a request's body may have. What comes to an object was let in
    /// before, or made here.
    fn body_limit(&self) -> u64 {
        match self.client.is_for_object() {
            true => u64::MAX,
            false => self.site.isolate.worker().limits.request_body_bytes,
        }
    }

    /// Calls the handler. Its answer may be there when this returns.
    fn run<I: Io>(&mut self, exchange: &Exchange<I>, head: Head) {
        let limit = self.body_limit();
        let (body, inbound) = self.body(&head, limit, exchange);
        exchange.begin(&head, inbound, &self.headers);
        self.fetch(exchange, head.method.as_str(), body);
        exchange.keep_method(head.method);
    }

    /// The same request once more, after its isolate was replaced.
    fn run_again<I: Io>(&mut self, exchange: &Exchange<I>) {
        let method = exchange.begin_again();
        self.fetch(exchange, method.as_str(), None);
        exchange.keep_method(method);
    }

    fn fetch<I: Io>(
        &self,
        exchange: &Exchange<I>,
        method: &str,
        body: Option<Box<dyn BodySource>>,
    ) {
        let asked =
            Asked { method, url: &self.url, headers: self.headers.as_blob(), client: &self.client };
        let Followed { trace, on_end } = match (&self.site.gate, &self.site.watch) {
            (Some(gate), _) => gate.begin(&asked),
            (None, watch) => Followed {
                trace: watch.as_ref().and_then(|watch| watch.begin(&asked)),
                on_end: self.tell(method),
            },
        };
        let service = self.client.service.as_deref();
        // The server itself calls a handler, and not what a binding names.
        let for_handler = service.is_some_and(|service| service.for_handler);
        let event = FetchEvent {
            method,
            url: &self.url,
            headers: self.headers.as_blob().0,
            shared_headers: &self.client.headers,
            body,
            cf: self.client.cf.clone(),
            service,
            for_handler,
            reply: Box::new(ConnectionReply::new(exchange)),
            on_end,
            trace,
        };
        exchange.waker().running(|| local_handlers::fetch(&self.site, event));
    }

    /// Has the log tell of a request when it ends.
    fn tell(&self, method: &str) -> Option<selvedge_runtime::OnEnd> {
        // The caller's own line tells of what an object does.
        if !self.site.log.enabled_requests() || self.client.is_for_object() {
            return None;
        }
        let log = self.site.log.clone();
        let method = method.to_owned();
        let path = path_of(&self.url);
        Some(Box::new(move |ended| log.request(&method, &path, &ended)))
    }

    /// Tells the client and the log that the Worker failed.
    fn show_failure<I: Io>(&self, exchange: &Exchange<I>, failure: &Failure) {
        if let Some(service) = &self.client.service {
            let is_object = service.object.is_some();
            if !is_object {
                let (method, path) = (exchange.method(), path_of(&self.url));
                self.site.log.failure(&method, &path, failure, None);
            }
            let headers = callee_failure::headers(failure, is_object);
            exchange.write_whole(callee_failure::STATUS, "", headers.as_blob(), b"", None);
            return;
        }
        let reads = Reads::of(self.headers.as_blob().get("accept"));
        let (page, reference) = match self.site.mode() {
            Mode::Local => (error_page::local(failure, reads), None),
            Mode::Production => {
                let reference = Reference::new();
                let page = error_page::production(failure.outcome, &reference, reads);
                (page, Some(reference))
            }
        };
        let reference = reference.as_ref().map(|reference| reference.as_str());
        self.site.log.failure(&exchange.method(), &path_of(&self.url), failure, reference);
        exchange.write_page(&page);
    }

    /// The body of a request: in memory already, or to be read when asked for.
    fn body<I: Io>(
        &mut self,
        head: &Head,
        limit: u64,
        exchange: &Exchange<I>,
    ) -> (Option<Box<dyn BodySource>>, Option<Rc<Inbound>>) {
        match head.body {
            BodyKind::Empty | BodyKind::Upgrade | BodyKind::ContentLength(0) => {
                self.protocol.finish_body();
                (None, None)
            }
            BodyKind::ContentLength(length) if length <= self.buffer.len() as u64 => {
                let body = Bytes::copy_from_slice(&self.buffer[..length as usize]);
                self.buffer.drain(..length as usize);
                self.protocol.finish_body();
                (Some(Box::new(selvedge_runtime::body::BytesBody::new(body))), None)
            }
            BodyKind::ContentLength(_) | BodyKind::Chunked => {
                let length = match head.body {
                    BodyKind::ContentLength(length) => Some(length),
                    _ => None,
                };
                let inbound = Inbound::new(length, limit, head.expect_continue, exchange.waker());
                (Some(Box::new(inbound.source())), Some(inbound))
            }
        }
    }
}

fn is_websocket(request: &CoreRequest<'_>) -> bool {
    request.headers.iter().any(|header| {
        header.name.eq_ignore_ascii_case(b"upgrade")
            && header.value.eq_ignore_ascii_case(b"websocket")
    })
}

/// The head with its upgrade offer under a name that means nothing; `None` when
/// there is no such offer in it.
fn without_upgrade(input: &[u8], head: usize) -> Option<Vec<u8>> {
    let mut copy = input[..head].to_vec();
    let mut line = 0;
    let mut found = false;
    while let Some(end) = memchr::memchr(b'\n', &copy[line..]) {
        let name = b"upgrade:";
        if copy.len() - line > name.len()
            && copy[line..line + name.len()].eq_ignore_ascii_case(name)
        {
            copy[line..line + 2].copy_from_slice(b"x-");
            found = true;
        }
        line += end + 1;
    }
    found.then_some(copy)
}

/// The path and query of an absolute URL, for the log.
fn path_of(url: &[u8]) -> String {
    let text = String::from_utf8_lossy(url);
    let rest = text.split_once("://").map_or(&*text, |(_, rest)| rest);
    rest.find('/').map_or_else(|| "/".to_owned(), |at| rest[at..].to_owned())
}
