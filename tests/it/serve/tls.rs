//! HTTPS with a certificate for each domain.

use std::sync::Arc;

use rustls::pki_types::ServerName;
use selvedge_server::host::settings::Certificate as Entry;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::server::{DOMAIN, Serve, Setup, says};
use crate::harness::block_on;

struct Certificate {
    folder: tempfile::TempDir,
    pem: String,
}

impl Certificate {
    fn new(hosts: &[&str]) -> Self {
        let this = Self { folder: tempfile::TempDir::new().expect("a folder"), pem: String::new() };
        this.renew(hosts)
    }

    /// Writes another certificate into the same files.
    fn renew(mut self, hosts: &[&str]) -> Self {
        let names: Vec<String> = hosts.iter().map(ToString::to_string).collect();
        let made = rcgen::generate_simple_self_signed(names).expect("a certificate");
        self.pem = made.cert.pem();
        std::fs::write(self.folder.path().join("cert.pem"), &self.pem).expect("written");
        let key = made.signing_key.serialize_pem();
        std::fs::write(self.folder.path().join("key.pem"), key).expect("written");
        self
    }

    fn entry(&self, hosts: &[&str]) -> Entry {
        Entry {
            hosts: hosts.iter().map(ToString::to_string).collect(),
            certificate: self.folder.path().join("cert.pem"),
            key: self.folder.path().join("key.pem"),
        }
    }

    /// A client that trusts only this one.
    fn connector(&self, protocols: &[&str]) -> tokio_rustls::TlsConnector {
        use rustls::pki_types::pem::PemObject as _;
        let mut roots = rustls::RootCertStore::empty();
        let der = rustls::pki_types::CertificateDer::from_pem_slice(self.pem.as_bytes());
        roots.add(der.expect("a certificate")).expect("it can be trusted");
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = protocols.iter().map(|it| it.as_bytes().to_vec()).collect();
        Arc::new(config).into()
    }

    /// Asks over one connection for each of these hosts.
    fn ask(&self, serve: &Serve, sni: &str, hosts: &[&str]) -> Result<Vec<String>, String> {
        let (address, connector) = (serve.address, self.connector(&["http/1.1"]));
        let name = ServerName::try_from(sni.to_owned()).expect("a name");
        block_on(async {
            let stream = tokio::net::TcpStream::connect(address).await.expect("it listens");
            let mut stream =
                connector.connect(name, stream).await.map_err(|error| error.to_string())?;
            let mut answers = Vec::new();
            for host in hosts {
                let request = format!("GET /x HTTP/1.1\r\nhost: {host}\r\n\r\n");
                stream.write_all(request.as_bytes()).await.expect("it is taken");
                let mut text = String::new();
                while !text.ends_with("<end>") {
                    let mut bytes = [0; 1024];
                    let count = stream.read(&mut bytes).await.expect("it answers");
                    assert!(count > 0, "closed after {text}");
                    text.push_str(&String::from_utf8_lossy(&bytes[..count]));
                }
                let body = text.split("\r\n\r\n").nth(1).expect("a body");
                answers.push(body.trim_end_matches("<end>").to_owned());
            }
            Ok(answers)
        })
    }
}

const SEES: &str = "export default { fetch(request) {
  return new Response([request.url, request.cf.tlsVersion, request.headers.get('cf-visitor')]
    .join(' ') + '<end>');
} };";

#[test]
fn each_host_has_its_certificate_and_sessions_move_between_workers() {
    let (own, shop) = (Certificate::new(&["*.edge.test"]), Certificate::new(&["shop.example"]));
    let serve = Setup::new()
        .edit(|settings| {
            settings.tls = vec![own.entry(&[]), shop.entry(&["shop.example"])];
        })
        .start();
    serve.deploy("a", SEES);
    serve.deploy("b", &says("b<end>"));
    serve.domain(&serve.key("a"), "shop.example");
    let (a, b) = (format!("a.{DOMAIN}"), format!("b.{DOMAIN}"));
    let answers = own.ask(&serve, &a, &[&a, &b, &a, &b, &a]).expect("it is trusted");
    let seen = "https://a.edge.test/x TLSv1.3 {\"scheme\":\"https\"}";
    assert_eq!(answers, [seen, "b", seen, "b", seen]);
    let answers = shop.ask(&serve, "shop.example", &["shop.example"]).expect("it is trusted");
    assert!(answers[0].starts_with("https://shop.example/x "), "{answers:?}");
    own.ask(&serve, "shop.example", &[]).expect_err("that host shows another one");
}

#[test]
fn certificates_are_read_again_when_the_operator_says_so() {
    let first = Certificate::new(&["*.edge.test"]);
    let serve = Setup::new().edit(|settings| settings.tls = vec![first.entry(&[])]).start();
    serve.deploy("a", SEES);
    let a = format!("a.{DOMAIN}");
    first.ask(&serve, &a, &[&a]).expect("it is trusted");
    let before = first.pem.clone();
    let second = first.renew(&["*.edge.test"]);
    assert_ne!(before, second.pem);
    second.ask(&serve, &a, &[]).expect_err("the old one is shown still");
    serve.reload().expect("it can be read");
    second.ask(&serve, &a, &[&a]).expect("the new one is shown");
    std::fs::write(second.folder.path().join("cert.pem"), "nonsense").expect("written");
    let error = serve.reload().expect_err("it is no certificate");
    assert!(error.contains("cert.pem"), "{error}");
    second.ask(&serve, &a, &[&a]).expect("the last good one is shown");
}

#[test]
fn http2_is_spoken_over_tls() {
    let own = Certificate::new(&["*.edge.test"]);
    let serve = Setup::new().edit(|settings| settings.tls = vec![own.entry(&[])]).start();
    serve.deploy("a", SEES);
    let (address, connector) = (serve.address, own.connector(&["h2"]));
    let name = ServerName::try_from(format!("a.{DOMAIN}")).expect("a name");
    block_on(async move {
        let stream = tokio::net::TcpStream::connect(address).await.expect("it listens");
        let stream = connector.connect(name, stream).await.expect("it is trusted");
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
        let io = hyper_util::rt::TokioIo::new(stream);
        let executor = hyper_util::rt::TokioExecutor::new();
        let (mut sender, connection) =
            hyper::client::conn::http2::handshake(executor, io).await.expect("HTTP/2");
        tokio::spawn(connection);
        let request = http::Request::get(format!("https://a.{DOMAIN}/x"))
            .body(http_body_util::Empty::<bytes::Bytes>::new())
            .expect("a request");
        let response = sender.send_request(request).await.expect("an answer");
        let body = http_body_util::BodyExt::collect(response.into_body()).await.expect("a body");
        let text = String::from_utf8(body.to_bytes().to_vec()).expect("text");
        assert_eq!(text, "https://a.edge.test/x TLSv1.3 {\"scheme\":\"https\"}<end>");
    });
}

/// The certificate that a server shows to who asks for this name.
pub(super) fn shown_certificate(address: std::net::SocketAddr, name: &str) -> Vec<u8> {
    use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
    use rustls::pki_types::{CertificateDer, UnixTime};
    use rustls::{DigitallySignedStruct, Error, SignatureScheme};

    /// Takes any.
    #[derive(Debug)]
    struct Any(Arc<rustls::crypto::CryptoProvider>);
    impl ServerCertVerifier for Any {
        fn verify_server_cert(
            &self,
            _: &CertificateDer<'_>,
            _: &[CertificateDer<'_>],
            _: &ServerName<'_>,
            _: &[u8],
            _: UnixTime,
        ) -> Result<ServerCertVerified, Error> {
            Ok(ServerCertVerified::assertion())
        }

        fn verify_tls12_signature(
            &self,
            _: &[u8],
            _: &CertificateDer<'_>,
            _: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            Ok(HandshakeSignatureValid::assertion())
        }

        fn verify_tls13_signature(
            &self,
            _: &[u8],
            _: &CertificateDer<'_>,
            _: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            Ok(HandshakeSignatureValid::assertion())
        }

        fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
            self.0.signature_verification_algorithms.supported_schemes()
        }
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .expect("versions")
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Any(provider)))
        .with_no_client_auth();
    let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
    let name = ServerName::try_from(name.to_owned()).expect("a name");
    block_on(async {
        let stream = tokio::net::TcpStream::connect(address).await.expect("it listens");
        let stream = connector.connect(name, stream).await.expect("a handshake");
        let shown = stream.get_ref().1.peer_certificates().expect("certificates");
        shown[0].as_ref().to_vec()
    })
}
