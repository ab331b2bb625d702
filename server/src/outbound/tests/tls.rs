//! Certificates and HTTP/2.

use std::cell::Cell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use selvedge_runtime::body::BodyError;
use selvedge_runtime::outbound::{OutboundError, OutboundRequest};
use selvedge_runtime::{Limits, Mode};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::harness::*;
use crate::outbound::{Options, Policy, Trust};

/// A certificate authority of our own, and a server's certificate by it.
pub(super) struct Authority {
    pem: String,
    root: CertificateDer<'static>,
    pub(super) chain: Vec<CertificateDer<'static>>,
    pub(super) key: PrivateKeyDer<'static>,
}

impl Authority {
    pub(super) fn new(host: &str) -> Self {
        let key = rcgen::KeyPair::generate().unwrap();
        let mut params = rcgen::CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let root = params.self_signed(&key).unwrap();
        let issuer = rcgen::Issuer::new(params, key);
        let leaf_key = rcgen::KeyPair::generate().unwrap();
        let leaf = rcgen::CertificateParams::new(vec![host.to_owned()]).unwrap();
        let leaf = leaf.signed_by(&leaf_key, &issuer).unwrap();
        Self {
            pem: root.pem(),
            root: root.der().clone(),
            chain: vec![leaf.der().clone()],
            key: PrivateKeyDer::try_from(leaf_key.serialize_der()).unwrap(),
        }
    }
}

/// An HTTPS server that offers these protocols.
async fn serve<F>(
    authority: &Authority,
    protocols: &[&str],
    handler: impl Fn(Request<Incoming>) -> F + 'static,
) -> Origin
where
    F: Future<Output = Response<ServerBody>> + 'static,
{
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(authority.chain.clone(), authority.key.clone_key())
        .unwrap();
    config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = Origin::at(listener.local_addr().unwrap());
    let handler = Rc::new(move |request| {
        let answer: std::pin::Pin<Box<dyn Future<Output = _>>> = Box::pin(handler(request));
        answer
    });
    let accepting = origin.clone();
    tokio::task::spawn_local(async move {
        loop {
            let (tcp, _) = listener.accept().await.unwrap();
            let (acceptor, origin, handler) =
                (acceptor.clone(), accepting.clone(), handler.clone());
            tokio::task::spawn_local(async move {
                let Ok(tls) = acceptor.accept(tcp).await else { return };
                origin.accepted.set(origin.accepted.get() + 1);
                if tls.get_ref().1.alpn_protocol() != Some(b"h2") {
                    return origin.http1(tls, handler).await;
                }
                let seen = origin.clone();
                let service =
                    service_fn(move |request| seen.clone().handle(request, handler.clone()));
                let _ = hyper::server::conn::http2::Builder::new(LocalExecutor)
                    .serve_connection(TokioIo::new(tls), service)
                    .await;
                origin.closed.set(origin.closed.get() + 1);
            });
        }
    });
    origin
}

#[derive(Clone)]
struct LocalExecutor;

impl<F: Future<Output: 'static> + 'static> hyper::rt::Executor<F> for LocalExecutor {
    fn execute(&self, future: F) {
        tokio::task::spawn_local(future);
    }
}

fn isolate(trust: Arc<Trust>) -> Isolate {
    let options = Options { trust, ..Options::new(Policy::new(Mode::Local)) };
    Isolate::with(options, Limits::default())
}

pub(super) fn trusting(authority: &Authority) -> Isolate {
    isolate(Trust::with_certificates(vec![authority.root.clone()]))
}

fn localhost(address: SocketAddr, path: &str) -> String {
    format!("https://localhost:{}{path}", address.port())
}

async fn version(request: Request<Incoming>) -> Response<ServerBody> {
    let host = request.headers().contains_key("host");
    Response::new(full(format!("{:?} {} {host}", request.version(), request.uri().path())))
}

#[test]
fn an_unknown_authority_is_refused_and_an_extra_one_believed() {
    run(async {
        let authority = Authority::new("localhost");
        let origin = serve(&authority, &[], version).await;
        let url = localhost(origin.address, "/");
        let strict = isolate(Trust::shared());
        assert!(matches!(strict.fetch(get(&url)).await, Err(OutboundError::Network(_))));
        assert_eq!(trusting(&authority).text(get(&url)).await, "HTTP/1.1 / true");

        let file = std::env::temp_dir().join(format!("selvedge-roots-{}.pem", std::process::id()));
        let trust = Trust::with_pem_file(file.clone());
        let lost = isolate(trust.clone()).fetch(get(&url)).await;
        assert!(matches!(lost, Err(OutboundError::Network(_))));
        std::fs::write(&file, &authority.pem).unwrap();
        assert_eq!(isolate(trust).text(get(&url)).await, "HTTP/1.1 / true");
        std::fs::remove_file(file).unwrap();
    });
}

#[test]
fn a_certificate_for_another_name_is_refused() {
    run(async {
        let authority = Authority::new("other.example");
        let origin = serve(&authority, &[], version).await;
        let result = trusting(&authority).fetch(get(localhost(origin.address, "/"))).await;
        assert!(matches!(result, Err(OutboundError::Network(_))));
    });
}

#[test]
fn one_http2_connection_carries_many_requests() {
    run(async {
        let authority = Authority::new("localhost");
        let origin = serve(&authority, &["h2", "http/1.1"], version).await;
        let isolate = trusting(&authority);
        let first = isolate.text(get(localhost(origin.address, "/first"))).await;
        assert_eq!(first, "HTTP/2.0 /first false");
        let calls: Vec<_> = (0..6)
            .map(|n| isolate.fetch(get(localhost(origin.address, &format!("/{n}")))))
            .collect();
        for (n, response) in futures::future::join_all(calls).await.into_iter().enumerate() {
            let seen = text(response.unwrap()).await.unwrap();
            assert_eq!(seen, format!("HTTP/2.0 /{n} false"));
        }
        assert_eq!(origin.accepted.get(), 1);
    });
}

#[test]
fn a_websocket_handshake_asks_for_http1() {
    run(async {
        let authority = Authority::new("localhost");
        let origin = serve(&authority, &["h2", "http/1.1"], version).await;
        let options = Options {
            trust: Trust::with_certificates(vec![authority.root.clone()]),
            connect_socket: Some(Rc::new(|_| unreachable!("the origin declines"))),
            ..Options::new(Policy::new(Mode::Local))
        };
        let isolate = Isolate::with(options, Limits::default());
        let handshake =
            OutboundRequest { websocket: Some(1), ..get(localhost(origin.address, "/")) };
        assert_eq!(isolate.text(handshake).await, "HTTP/1.1 / true");
    });
}

#[test]
fn http1_over_tls_is_kept_too() {
    run(async {
        let authority = Authority::new("localhost");
        let origin = serve(&authority, &["http/1.1"], version).await;
        let isolate = trusting(&authority);
        for _ in 0..2 {
            isolate.text(get(localhost(origin.address, "/"))).await;
            pause(5).await;
        }
        assert_eq!(origin.accepted.get(), 1);
    });
}

#[test]
fn dropping_an_http2_exchange_spares_the_others() {
    run(async {
        let authority = Authority::new("localhost");
        let made = Rc::new(Cell::new(0));
        let counter = made.clone();
        let origin = serve(&authority, &["h2"], move |request| {
            let counter = counter.clone();
            async move {
                match request.uri().path() {
                    "/silent" => std::future::pending().await,
                    "/endless" => Response::new(endless(counter)),
                    _ => version(request).await,
                }
            }
        })
        .await;
        let isolate = trusting(&authority);
        isolate.text(get(localhost(origin.address, "/"))).await;
        let silent = isolate.start(get(localhost(origin.address, "/silent")));
        let unread = isolate.fetch(get(localhost(origin.address, "/endless"))).await.unwrap();
        pause(100).await;
        let ahead = made.get();
        assert!(ahead < 4 << 20, "{ahead} bytes ahead");
        assert_eq!(origin.active.get(), 1);
        silent.abort();
        drop(unread);
        pause(50).await;
        assert_eq!(origin.active.get(), 0);
        let after = isolate.text(get(localhost(origin.address, "/after"))).await;
        assert_eq!(after, "HTTP/2.0 /after false");
        assert_eq!((origin.accepted.get(), origin.closed.get()), (1, 0));
    });
}

#[test]
fn an_http2_upload_streams_and_breaks_off_with_its_reason() {
    run(async {
        let authority = Authority::new("localhost");
        let origin = serve(&authority, &["h2"], |request| async move {
            if request.uri().path() == "/unread" {
                std::future::pending::<()>().await;
            }
            let body = request.into_body().collect().await;
            let bytes = body.map(|body| body.to_bytes()).unwrap_or_default();
            Response::new(full(bytes))
        })
        .await;
        let isolate = trusting(&authority);
        let upload = Upload::of(&["streamed ", "body"]).stream(None);
        let call = request("POST", localhost(origin.address, "/"), &[], upload);
        assert_eq!(isolate.text(call).await, "streamed body");

        let mut endless = Upload::of(&[]);
        endless.endless = Some(Bytes::from(vec![7; 64 * 1024]));
        let pulled = endless.pulled.clone();
        let url = localhost(origin.address, "/unread");
        let unread = isolate.start(request("POST", url, &[], endless.stream(None)));
        pause(100).await;
        assert!(pulled.get() < 4 << 20, "{} bytes ahead", pulled.get());
        unread.abort();

        let mut broken = Upload::of(&["start"]);
        broken.pieces.push_back(Err(BodyError::Aborted));
        let call = request("POST", localhost(origin.address, "/"), &[], broken.stream(None));
        let result = isolate.fetch(call).await.map(|response| response.status);
        assert!(matches!(result, Err(OutboundError::Body(BodyError::Aborted))), "{result:?}");
    });
}
