//! What answers while a Worker cannot be built or started: a page that says why.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Response};
use http_body_util::Full;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use selvedge_runtime::Failure;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::error_page::{self, Page, Reads};

/// A request must be complete after this.
const PATIENCE: Duration = Duration::from_secs(15);

/// Answers all requests with the failure until it is dropped.
pub(super) struct Failing(Vec<tokio::task::JoinHandle<()>>);

impl Failing {
    /// Takes the connections of these sockets.
    pub(super) fn start(
        listeners: Vec<std::net::TcpListener>,
        tls: Option<TlsAcceptor>,
        failure: Failure,
    ) -> Self {
        let failure = Arc::new(failure);
        let mut tasks = Vec::new();
        for listener in listeners {
            match TcpListener::from_std(listener) {
                Ok(listener) => {
                    tasks.push(tokio::spawn(accept(listener, tls.clone(), failure.clone())));
                }
                Err(error) => tracing::error!(%error, "an address is not served"),
            }
        }
        Self(tasks)
    }
}

impl Drop for Failing {
    fn drop(&mut self) {
        for task in &self.0 {
            task.abort();
        }
    }
}

async fn accept(listener: TcpListener, tls: Option<TlsAcceptor>, failure: Arc<Failure>) {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(Duration::from_millis(20)).await;
            continue;
        };
        let (tls, failure) = (tls.clone(), failure.clone());
        tokio::spawn(async move {
            let served = async {
                match tls {
                    None => serve(stream, failure).await,
                    Some(tls) => {
                        if let Ok(stream) = tls.accept(stream).await {
                            serve(stream, failure).await;
                        }
                    }
                }
            };
            let _ = tokio::time::timeout(PATIENCE, served).await;
        });
    }
}

async fn serve<I: AsyncRead + AsyncWrite + Unpin>(io: I, failure: Arc<Failure>) {
    let service = service_fn(|request: http::Request<hyper::body::Incoming>| {
        let answer = answer(request.headers(), &failure);
        async move { Ok::<_, Infallible>(answer) }
    });
    // Each connection carries one answer: the next one may have another server.
    let served = http1::Builder::new()
        .keep_alive(false)
        .timer(TokioTimer::new())
        .serve_connection(TokioIo::new(io), service);
    if let Err(error) = served.await {
        tracing::debug!(%error, "connection ended");
    }
}

fn answer(headers: &HeaderMap, failure: &Failure) -> Response<Full<Bytes>> {
    let accept = headers.get(http::header::ACCEPT).map(http::HeaderValue::as_bytes);
    let page: Page = error_page::local(failure, Reads::of(accept));
    let mut response = Response::builder().status(page.status);
    for (name, value) in page.headers() {
        response = response.header(name, value);
    }
    response.body(Full::new(Bytes::from(page.body))).unwrap_or_default()
}
