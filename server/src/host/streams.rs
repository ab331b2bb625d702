//! HTTP/2: the streams of one connection may be for several Workers. Each goes
//! through a pipe to an isolate of its Worker, in HTTP/1, as requests through
//! service bindings do.

use std::convert::Infallible;
use std::rc::Rc;
use std::sync::Arc;

use bytes::Bytes;
use futures::future::Either;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode, Uri, Version};
use http_body_util::{BodyExt as _, Full, combinators::BoxBody};
use hyper::body::Incoming;
use hyper_util::rt::{TokioIo, TokioTimer};
use selvedge_runtime::limits::{REQUEST_HEADER_BYTES, URL_BYTES};

use super::answer::Trouble;
use super::ingress::{Found, Ingress};
use super::route::Asking;
use super::slot::Slot;
use crate::access_log::Entry;
use crate::edge::Facts;
use crate::error_page::Reads;
use crate::io::{Io, Rewind};
use crate::moving::{Line, Moved};
use crate::serve::ThreadEvent;

/// Requests that one connection may have open.
const MAX_STREAMS: u32 = 256;
/// Bytes that are on their way in a pipe, each way.
const PIPE_BYTES: usize = 64 * 1024;
/// Headers of HTTP/1's connections have no place in HTTP/2 (RFC 9113, 8.2.2).
const OF_CONNECTIONS: [&str; 5] =
    ["connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"];

type Body = BoxBody<Bytes, hyper::Error>;

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
pub(super) async fn serve<I: Io>(io: I, early: Bytes, facts: Arc<Facts>, ingress: Rc<Ingress>) {
    let mut stop = ingress.core.stop.subscribe();
    let service = hyper::service::service_fn(move |request| {
        let (facts, ingress) = (facts.clone(), ingress.clone());
        async move { Ok::<_, Infallible>(answer(request, facts, ingress).await) }
    });
    let connection = hyper::server::conn::http2::Builder::new(LocalExecutor)
        .timer(TokioTimer::new())
        .max_concurrent_streams(MAX_STREAMS)
        .max_header_list_size(REQUEST_HEADER_BYTES as u32)
        .adaptive_window(true)
        .keep_alive_interval(std::time::Duration::from_secs(60))
        .serve_connection(TokioIo::new(Rewind::new(early, io)), service);
    let connection = std::pin::pin!(connection);
    let stopping = std::pin::pin!(async { drop(stop.wait_for(|stop| *stop).await) });
    let result = match futures::future::select(connection, stopping).await {
        Either::Left((result, _)) => result,
        Either::Right(((), mut connection)) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = result {
        tracing::debug!(%error, "an HTTP/2 connection broke");
    }
}

async fn answer(
    request: Request<Incoming>,
    facts: Arc<Facts>,
    ingress: Rc<Ingress>,
) -> Response<Body> {
    let accept = request.headers().get(http::header::ACCEPT).map(HeaderValue::as_bytes);
    let reads = Reads::of(accept);
    let unserved = ingress.core.access_log.clone().map(|log| (log, line_of(&request, &facts)));
    match find(&request, &facts, &ingress).await {
        Ok(slot) => match through_pipe(request, &slot, facts, &ingress).await {
            Ok(response) => response,
            Err(error) => {
                tracing::debug!(%error, "a stream got no answer");
                page(&Trouble::Busy, reads)
            }
        },
        Err(trouble) => {
            ingress.core.traces.nobody(&trouble);
            let page = page(&trouble, reads);
            if let Some((log, mut line)) = unserved {
                line.status = page.status().as_u16();
                log.write(Box::new(line));
            }
            page
        }
    }
}

/// What the access log tells of a stream that no Worker gets.
fn line_of(request: &Request<Incoming>, facts: &Facts) -> Entry {
    let target = request.uri().path_and_query().map_or("/", |target| target.as_str());
    let header = |name: &[u8]| {
        let name = HeaderName::from_bytes(name).ok()?;
        request.headers().get(name).map(HeaderValue::as_bytes)
    };
    let client = Some(facts.peer.ip().to_canonical());
    let method = request.method().as_str();
    Entry::of_head(method, authority(request), target.as_bytes(), client, header)
}

async fn find(
    request: &Request<Incoming>,
    facts: &Facts,
    ingress: &Rc<Ingress>,
) -> Result<Arc<Slot>, Trouble> {
    let target = request.uri().path_and_query().map_or("/", |target| target.as_str());
    if target.len() > URL_BYTES {
        return Err(Trouble::Invalid(StatusCode::URI_TOO_LONG));
    }
    if request.method() == http::Method::CONNECT {
        return Err(Trouble::Invalid(StatusCode::BAD_REQUEST));
    }
    let headers = request.headers();
    let said = facts.proxies.as_ref().and_then(|proxies| {
        let headers: Vec<_> = headers.iter().collect();
        let pairs =
            headers.iter().map(|(name, value)| (name.as_str().as_bytes(), value.as_bytes()));
        proxies.read(pairs).scheme
    });
    let asking = Asking {
        authority: authority(request),
        target: target.as_bytes(),
        is_secure: said.map_or(facts.tls.is_some(), |scheme| scheme == "https"),
    };
    let header = |name: &[u8]| {
        let name = HeaderName::from_bytes(name).ok()?;
        headers.get(name).map(HeaderValue::as_bytes)
    };
    match super::ingress::find(&ingress.core, &asking, header) {
        Found::Slot(slot) => Ok(slot),
        Found::Preview(worker, digits) => {
            super::previews::find(&ingress.core, &worker, &digits).await.ok_or(Trouble::Nobody)
        }
        Found::Trouble(trouble) => Err(trouble),
    }
}

fn authority(request: &Request<Incoming>) -> &[u8] {
    let of_uri = request.uri().authority().map(|authority| authority.as_str().as_bytes());
    let of_header = || request.headers().get(http::header::HOST).map(HeaderValue::as_bytes);
    of_uri.or_else(of_header).unwrap_or_default()
}

/// Sends a request to an isolate and waits for the head of its response.
async fn through_pipe(
    request: Request<Incoming>,
    slot: &Arc<Slot>,
    facts: Arc<Facts>,
    ingress: &Rc<Ingress>,
) -> hyper::Result<Response<Body>> {
    let (ours, theirs) = tokio::io::duplex(PIPE_BYTES);
    let line = Line::Pipe(theirs);
    let early = Bytes::new();
    let moved = Moved { line, early, facts, chosen: None, ticket: None, hops: 0 };
    ingress.core.deliver(slot, ThreadEvent::Moved(Box::new(moved)));
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(ours)).await?;
    tokio::task::spawn_local(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "a pipe broke");
        }
    });
    let response = sender.send_request(to_http1(request)).await?;
    let (mut parts, body) = response.into_parts();
    parts.version = Version::HTTP_2;
    drop_connection_headers(&mut parts.headers);
    Ok(Response::from_parts(parts, body.boxed()))
}

/// The same request as one of HTTP/1: origin form, with a `Host`.
fn to_http1(request: Request<Incoming>) -> Request<Incoming> {
    let host = HeaderValue::from_bytes(authority(&request)).ok();
    let (mut parts, body) = request.into_parts();
    let target = parts.uri.path_and_query().map_or("/", |target| target.as_str());
    parts.uri = target.parse().unwrap_or_else(|_| Uri::from_static("/"));
    parts.version = Version::HTTP_11;
    drop_connection_headers(&mut parts.headers);
    if let Some(host) = host {
        parts.headers.insert(http::header::HOST, host);
    }
    // Several of them are one in HTTP/1 (RFC 9113, 8.2.3).
    let cookies: Vec<_> = parts.headers.get_all(http::header::COOKIE).iter().collect();
    if cookies.len() > 1 {
        let joined =
            cookies.iter().map(|value| value.as_bytes()).collect::<Vec<_>>().join(&b"; "[..]);
        if let Ok(joined) = HeaderValue::from_bytes(&joined) {
            parts.headers.insert(http::header::COOKIE, joined);
        }
    }
    Request::from_parts(parts, body)
}

fn drop_connection_headers(headers: &mut HeaderMap) {
    for name in OF_CONNECTIONS {
        headers.remove(name);
    }
}

fn page(trouble: &Trouble, reads: Reads) -> Response<Body> {
    let (page, _) = trouble.page(reads);
    let body = Full::new(Bytes::from(page.body.clone())).map_err(|never| match never {}).boxed();
    let mut response = Response::new(body);
    *response.status_mut() = page.status;
    for (name, value) in page.headers() {
        if let Ok(value) = HeaderValue::from_str(value) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}
