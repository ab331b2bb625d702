//! TCP connections of a Worker.

use std::net::SocketAddr;
use std::sync::Arc;

use rustls::ServerConfig;
use selvedge_runtime::outbound::{ConnectRequest, Outbound, OutboundError, OutboundSocket};
use selvedge_runtime::{Limits, Mode};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use super::harness::*;
use super::tls::{Authority, trusting};
use crate::outbound::{Options, Policy};

/// Gives each connection to `serve`.
async fn listen<F>(serve: impl Fn(TcpStream) -> F + 'static) -> SocketAddr
where
    F: Future<Output = ()> + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::task::spawn_local(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::task::spawn_local(serve(stream));
        }
    });
    address
}

/// Sends back what comes.
async fn echo(mut stream: TcpStream) {
    let (mut reader, mut writer) = stream.split();
    let _ = tokio::io::copy(&mut reader, &mut writer).await;
}

fn acceptor(authority: &Authority) -> TlsAcceptor {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(authority.chain.clone(), authority.key.clone_key())
        .unwrap();
    TlsAcceptor::from(Arc::new(config))
}

async fn connect(
    isolate: &Isolate,
    host: &str,
    port: u16,
    tls: bool,
) -> Result<OutboundSocket, OutboundError> {
    let request = ConnectRequest { host: host.into(), port, tls, context: 0 };
    isolate.outbound.connect(isolate.state.clone(), request).await
}

async fn ask(socket: &mut OutboundSocket, question: &[u8]) -> Vec<u8> {
    socket.io.write_all(question).await.unwrap();
    let mut answer = vec![0; question.len()];
    socket.io.read_exact(&mut answer).await.unwrap();
    answer
}

fn error(result: Result<OutboundSocket, OutboundError>) -> String {
    result.err().expect("no connection").to_string()
}

#[test]
fn bytes_go_both_ways() {
    run(async {
        let address = listen(echo).await;
        let isolate = Isolate::new();
        let mut socket = connect(&isolate, "127.0.0.1", address.port(), false).await.unwrap();
        assert_eq!(ask(&mut socket, b"hello").await, b"hello");
    });
}

#[test]
fn a_connection_begins_with_tls_or_gets_it_later() {
    run(async {
        let authority = Authority::new("localhost");
        let acceptor = acceptor(&authority);
        let direct = acceptor.clone();
        let encrypted = listen(move |tcp| {
            let acceptor = direct.clone();
            async move {
                let mut tls = acceptor.accept(tcp).await.unwrap();
                assert_eq!(tls.get_ref().1.alpn_protocol(), None);
                tls.write_all(b"direct").await.unwrap();
                tls.shutdown().await.unwrap();
            }
        })
        .await;
        let later = listen(move |mut tcp| {
            let acceptor = acceptor.clone();
            async move {
                let mut command = [0; 8];
                tcp.read_exact(&mut command).await.unwrap();
                tcp.write_all(b"go ahead").await.unwrap();
                let mut tls = acceptor.accept(tcp).await.unwrap();
                tls.write_all(b"later").await.unwrap();
                tls.shutdown().await.unwrap();
            }
        })
        .await;
        let isolate = trusting(&authority);

        let mut socket = connect(&isolate, "localhost", encrypted.port(), true).await.unwrap();
        let mut text = String::new();
        socket.io.read_to_string(&mut text).await.unwrap();
        assert_eq!(text, "direct");

        let mut socket = connect(&isolate, "127.0.0.1", later.port(), false).await.unwrap();
        assert_eq!(ask(&mut socket, b"STARTTLS").await, b"go ahead");
        let socket = isolate.outbound.start_tls(socket, "localhost".into()).await;
        socket.unwrap().io.read_to_string(&mut text).await.unwrap();
        assert_eq!(text, "directlater");
    });
}

#[test]
fn a_certificate_for_another_name_is_refused() {
    run(async {
        let authority = Authority::new("localhost");
        let acceptor = acceptor(&authority);
        let address = listen(move |tcp| {
            let acceptor = acceptor.clone();
            async move {
                let _ = acceptor.accept(tcp).await;
            }
        })
        .await;
        let isolate = trusting(&authority);
        let plain = connect(&isolate, "127.0.0.1", address.port(), false).await.unwrap();
        let socket = isolate.outbound.start_tls(plain, "example.com".into()).await;
        assert_eq!(error(socket), "proxy request failed, cannot connect to the specified address");
    });
}

#[test]
fn what_cannot_be_reached_is_told_in_cloudflares_words() {
    run(async {
        let isolate = Isolate::new();
        let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        let refused = connect(&isolate, "127.0.0.1", free.port(), false).await;
        assert_eq!(error(refused), "proxy request failed, cannot connect to the specified address");
        let nowhere = connect(&isolate, "nowhere.invalid", 443, false).await;
        assert!(error(nowhere).ends_with("consider using fetch instead"));
    });
}

#[test]
fn private_addresses_are_out_of_bounds_in_production() {
    run(async {
        let options = Options::new(Policy::new(Mode::Production));
        let isolate = Isolate::with(options, Limits::default());
        for host in ["127.0.0.1", "[::1]", "localhost", "10.0.0.1", "0x7f000001"] {
            let refused = connect(&isolate, host, 5432, false).await;
            assert_eq!(
                error(refused),
                "connect() to a private or reserved network address is not allowed",
                "{host}"
            );
        }
    });
}

#[test]
fn a_connection_takes_a_slot_until_it_is_closed() {
    run(async {
        let address = listen(echo).await;
        let limits = Limits { open_connections: 2, ..Limits::default() };
        let isolate = Isolate::with(Options::new(Policy::new(Mode::Local)), limits);
        let open = || connect(&isolate, "127.0.0.1", address.port(), false);
        let first = open().await.unwrap();
        let _second = open().await.unwrap();
        let mut third = Box::pin(open());
        tokio::select! {
            _ = &mut third => panic!("a third connection at once"),
            () = pause(50) => {}
        }
        drop(first);
        third.await.unwrap();
    });
}
