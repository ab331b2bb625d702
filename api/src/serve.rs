//! From a connection to a call and back.

use std::convert::Infallible;
use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use http::{Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use percent_encoding::percent_decode_str;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};

use crate::Api;
use crate::auth::Caller;
use crate::call::Cx;
use crate::error::ApiError;
use crate::reply::{Answer, Body, Reply};
use crate::table::{Found, Need, find};

/// Connections that are open at once: 512.
const MAX_CONNECTIONS: usize = 512;
/// How long a client may take for the head of a request: 30 s.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);
/// How long open calls may take after the end was asked for: 10 s.
const PATIENCE: Duration = Duration::from_secs(10);

/// Answers calls until `shutdown` comes; those under way are finished.
pub async fn serve(listener: TcpListener, api: Api, shutdown: impl Future<Output = ()>) {
    let room = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let (stop, stopped) = watch::channel(());
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        let accepted = tokio::select! {
            () = &mut shutdown => break,
            accepted = accept(&listener, &room) => accepted,
        };
        let Some((stream, peer, permit)) = accepted else { continue };
        let (api, mut stopped) = (api.clone(), stopped.clone());
        tokio::spawn(async move {
            let service = service_fn(move |request| answer(api.clone(), request, peer.ip()));
            let mut http = hyper::server::conn::http1::Builder::new();
            http.timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT);
            let connection = http.serve_connection(TokioIo::new(stream), service).with_upgrades();
            let mut connection = std::pin::pin!(connection);
            tokio::select! {
                // A client that goes away is no error of ours.
                _ = &mut connection => {}
                _ = stopped.changed() => {
                    connection.as_mut().graceful_shutdown();
                    let _ = connection.await;
                }
            }
            drop((permit, stopped));
        });
    }
    drop(stopped);
    stop.send_replace(());
    api.0.tails.close();
    let _ = tokio::time::timeout(PATIENCE, stop.closed()).await;
}

async fn accept(
    listener: &TcpListener,
    room: &Arc<Semaphore>,
) -> Option<(tokio::net::TcpStream, SocketAddr, tokio::sync::OwnedSemaphorePermit)> {
    let permit = room.clone().acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, peer)) => {
            // Answers are small; what fails here fails later too.
            let _ = stream.set_nodelay(true);
            Some((stream, peer, permit))
        }
        Err(error) => {
            tracing::warn!("the API cannot take a connection: {error}");
            tokio::time::sleep(Duration::from_millis(50)).await;
            None
        }
    }
}

async fn answer(
    api: Api,
    request: Request<Incoming>,
    peer: IpAddr,
) -> Result<Response<Body>, Infallible> {
    Ok(Box::pin(api.handle(request, peer)).await)
}

impl Api {
    /// Answers calls for as long as the process lives.
    pub async fn serve(self, listener: TcpListener) {
        serve(listener, self, std::future::pending()).await;
    }

    /// Answers one request; `peer` is who sent it.
    pub async fn handle(&self, request: Request<Incoming>, peer: IpAddr) -> Response<Body> {
        if crate::s3::is_path(request.uri().path()) {
            return Box::pin(crate::s3::handle(self, request)).await;
        }
        let is_head = request.method() == Method::HEAD;
        let agent = request.headers().get(http::header::USER_AGENT).cloned();
        let line = format!("{} {}", request.method(), request.uri().path());
        let answered = match self.call(request, peer).await {
            Ok(reply) => reply.into_response(),
            Err(error) => {
                tracing::debug!(
                    "{line}: {} code=`{}` agent=`{agent:?}`",
                    error.message,
                    error.code
                );
                error.into_response()
            }
        };
        tracing::debug!("{line} status=`{}`", answered.status().as_u16());
        if is_head { answered.map(|_| crate::reply::whole(bytes::Bytes::new())) } else { answered }
    }

    async fn call(&self, request: Request<Incoming>, peer: IpAddr) -> Answer {
        let (parts, body) = request.into_parts();
        let path = parts.uri.path().to_owned();
        let segments: Vec<String> = path
            .split('/')
            .skip(1)
            .map(|segment| percent_decode_str(segment).decode_utf8_lossy().into_owned())
            .collect();
        let method = if parts.method == Method::HEAD { &Method::GET } else { &parts.method };
        let (call, params) = match find(method.as_str(), &segments) {
            Found::Call(call, params) => (call, params),
            Found::OtherMethod => return Err(wrong_method(method, &path)),
            Found::Nothing => return self.outside(method, &path, &segments),
        };
        let query = query(parts.uri.query().unwrap_or_default());
        let mut cx =
            Cx { api: self.clone(), caller: None, peer, parts, body: Some(body), params, query };
        if call.need != Need::Nothing {
            let unknown = if call.pattern.ends_with("/tokens/verify") { 1000 } else { 9109 };
            let caller = self.caller(&cx.parts.headers, peer, unknown).await?;
            check(&cx, &caller, call.need)?;
            cx.caller = Some(caller);
        }
        // Of a foreign account nothing is told, not even whether it is there.
        if let Need::Account(_) | Need::Either(..) = call.need {
            let account = cx.account()?;
            let found = cx.store(move |store| store.account(&account)).await?;
            found.ok_or_else(|| ApiError::forbidden(""))?;
        }
        (call.handler)(cx).await
    }

    /// Paths that are no calls: the dashboard, and what there is not.
    fn outside(&self, method: &Method, path: &str, segments: &[String]) -> Answer {
        let is_call = matches!(segments.first().map(String::as_str), Some("client" | "api"));
        if !is_call && let Some(page) = crate::calls::pages::file(method, path) {
            return Ok(Reply::Raw(page));
        }
        if let ["client", "v4", "accounts", _, product, ..] =
            segments.iter().map(String::as_str).collect::<Vec<_>>()[..]
            && let Some(name) = product_name(product)
        {
            return Err(ApiError::not_found(7003, format!("this server has no {name}")));
        }
        let text = format!("Could not route to {path}, perhaps your object identifier is invalid?");
        Err(ApiError::not_found(7003, text))
    }
}

/// What wrangler asks for and is not here, in words.
fn product_name(segment: &str) -> Option<&'static str> {
    Some(match segment {
        "r2-catalog" => "R2 Data Catalog",
        "hyperdrive" => "Hyperdrive",
        "vectorize" => "Vectorize",
        "pages" => "Pages",
        "pipelines" => "Pipelines",
        "ai" | "ai-search" | "agent-memory" => "Workers AI",
        "secrets_store" => "Secrets Store",
        "mtls_certificates" => "client certificates",
        "browser-rendering" => "Browser Rendering",
        "containers" | "cloudchamber" => "Containers",
        "event_subscriptions" | "event_notifications" => "event notifications",
        "triggers" => "event triggers",
        "email" => "email routing",
        _ => return None,
    })
}

fn check(cx: &Cx, caller: &Caller, need: Need) -> Result<(), ApiError> {
    match need {
        Need::Nothing | Need::Token => Ok(()),
        Need::Operator => caller.check_operator(),
        Need::Account(scope) => caller.check(scope, &cx.account()?),
        Need::Either(one, other) => {
            let account = cx.account()?;
            caller.check(one, &account).or_else(|_| caller.check(other, &account))
        }
    }
}

fn wrong_method(method: &Method, path: &str) -> ApiError {
    let text = format!("Method {method} not available for {path}.");
    ApiError::new(StatusCode::METHOD_NOT_ALLOWED, 7001, text)
}

/// Pairs of a query. `+` is a space in what browsers send, and stays itself in
/// keys, which clients encode.
fn query(text: &str) -> Vec<(String, String)> {
    let decode = |text: &str| {
        let text = text.replace('+', " ");
        percent_decode_str(&text).decode_utf8_lossy().into_owned()
    };
    text.split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(key, value)| (decode(key), decode(value)))
        .collect()
}
