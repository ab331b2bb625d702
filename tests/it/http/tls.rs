//! HTTPS.

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt as _, Empty};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use crate::harness::{Certificate, Setup, TestServer, block_on};

const WORKER: &str = r#"
export default {
  fetch(request) {
    return Response.json({
      url: request.url,
      protocol: request.cf.httpProtocol,
      tls: request.cf.tlsVersion,
      cipher: request.cf.tlsCipher,
      proto: request.headers.get("x-forwarded-proto"),
    });
  },
};
"#;

async fn open(
    server: &TestServer,
    certificate: &Certificate,
    protocols: &[&str],
) -> TlsStream<TcpStream> {
    let stream = TcpStream::connect(server.address).await.expect("it listens");
    let name = ServerName::try_from("localhost").expect("a name");
    certificate.client(protocols).connect(name, stream).await.expect("a handshake")
}

fn request() -> Request<Empty<Bytes>> {
    Request::get("https://localhost/x")
        .header("host", "localhost")
        .body(Empty::new())
        .expect("valid")
}

#[test]
fn http_1_and_2_are_chosen_by_alpn() {
    let certificate = Certificate::new();
    let server = Setup::new(WORKER).tls(&certificate).start();
    block_on(async {
        for protocols in [&["h2", "http/1.1"][..], &["h2"], &["http/1.1"], &[]] {
            let stream = open(&server, &certificate, protocols).await;
            let chosen = stream.get_ref().1.alpn_protocol().map(<[u8]>::to_vec);
            let expected = protocols.first().map(|name| name.as_bytes().to_vec());
            assert_eq!(chosen, expected, "{protocols:?}");
            let is_h2 = chosen.as_deref() == Some(b"h2");
            let response = if is_h2 {
                let (mut sender, connection) = hyper::client::conn::http2::handshake(
                    TokioExecutor::new(),
                    TokioIo::new(stream),
                )
                .await
                .expect("HTTP/2");
                tokio::spawn(connection);
                sender.send_request(request()).await.expect("an answer")
            } else {
                let (mut sender, connection) =
                    hyper::client::conn::http1::handshake(TokioIo::new(stream))
                        .await
                        .expect("HTTP/1");
                tokio::spawn(connection);
                sender.send_request(request()).await.expect("an answer")
            };
            let body = response.into_body().collect().await.expect("a body").to_bytes();
            let shown: serde_json::Value = serde_json::from_slice(&body).expect("JSON");
            assert_eq!(shown["url"], "https://localhost/x");
            assert_eq!(shown["protocol"], if is_h2 { "HTTP/2" } else { "HTTP/1.1" });
            assert_eq!(shown["tls"], "TLSv1.3");
            assert!(shown["cipher"].as_str().is_some_and(|it| it.starts_with("AEAD-")), "{shown}");
            assert_eq!(shown["proto"], "https");
        }
    });
}

#[test]
fn plain_http_on_an_https_port_does_no_harm() {
    let certificate = Certificate::new();
    let server = Setup::new(WORKER).tls(&certificate).start();
    let mut client = server.connect();
    client.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
    let _ = client.rest();
    block_on(async {
        let stream = open(&server, &certificate, &["http/1.1"]).await;
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.expect("HTTP/1");
        tokio::spawn(connection);
        assert_eq!(sender.send_request(request()).await.expect("an answer").status(), 200);
    });
}
