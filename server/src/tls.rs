//! Certificates for HTTPS.

use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::ResolvesServerCert;
use rustls::sign::CertifiedKey;
use tokio_rustls::TlsAcceptor;

use crate::run::RunError;
use crate::run_options::TlsFiles;

/// Reads a certificate and its key, for all connections.
pub(crate) fn acceptor(files: &TlsFiles) -> Result<TlsAcceptor, RunError> {
    let key = certified_key(files)?;
    let resolver = Arc::new(rustls::sign::SingleCertAndKey::from(key));
    Ok(TlsAcceptor::from(config_with(resolver)?))
}

/// Reads a certificate and its key.
pub(crate) fn certified_key(files: &TlsFiles) -> Result<Arc<CertifiedKey>, RunError> {
    let bad = |path: &std::path::Path, reason: String| RunError::Tls { path: path.into(), reason };
    let chain: Vec<_> =
        CertificateDer::pem_file_iter(&files.certificate).and_then(Iterator::collect).map_err(
            |error| bad(&files.certificate, format!("cannot read the certificate: {error}")),
        )?;
    if chain.is_empty() {
        return Err(bad(&files.certificate, "there is no certificate in this file".into()));
    }
    let key = PrivateKeyDer::from_pem_file(&files.key)
        .map_err(|error| bad(&files.key, format!("cannot read the private key: {error}")))?;
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    let key = CertifiedKey::from_der(chain, key, &provider).map_err(|error| {
        bad(&files.certificate, format!("certificate and key do not fit: {error}"))
    })?;
    Ok(Arc::new(key))
}

/// What handshakes are made with.
pub(crate) fn config_with(
    resolver: Arc<dyn ResolvesServerCert>,
) -> Result<Arc<ServerConfig>, RunError> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| RunError::Tls { path: "TLS".into(), reason: error.to_string() })?
        .with_no_client_auth()
        .with_cert_resolver(resolver);
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

/// The version as `request.cf.tlsVersion` shows it.
pub(crate) fn version_name(version: rustls::ProtocolVersion) -> String {
    match version {
        rustls::ProtocolVersion::TLSv1_3 => "TLSv1.3".into(),
        rustls::ProtocolVersion::TLSv1_2 => "TLSv1.2".into(),
        other => format!("{other:?}"),
    }
}

/// The cipher suite as `request.cf.tlsCipher` shows it: OpenSSL's names.
pub(crate) fn cipher_name(suite: &rustls::SupportedCipherSuite) -> String {
    let name = format!("{:?}", suite.suite());
    match name.strip_prefix("TLS13_") {
        // In TLS 1.3 the key exchange is no part of the name.
        Some(rest) => format!("AEAD-{}", rest.replace('_', "-")),
        None => name.trim_start_matches("TLS_").replace("_WITH_", "-").replace('_', "-"),
    }
}
