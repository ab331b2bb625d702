//! Connections to databases behind Hyperdrive. They pass the policy that
//! subrequests pass, and believe the same authorities.

use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
};
use selvedge_hyperdrive::{Dialer, Io, Later, Verify};
use tokio_rustls::TlsConnector;
use url::Host;

use super::connector::{Connector, Origin, TLS_TIMEOUT};
use super::policy::Policy;
use super::tls::{Offer, Trust};

/// Opens them.
pub(crate) struct OriginDialer {
    connector: Connector,
    trust: Arc<Trust>,
}

impl std::fmt::Debug for OriginDialer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OriginDialer").finish_non_exhaustive()
    }
}

impl OriginDialer {
    /// To addresses that the policy permits.
    pub(crate) fn new(policy: Policy, trust: Arc<Trust>) -> Self {
        Self { connector: Connector::new(policy, trust.clone()), trust }
    }

    async fn connect(&self, host: &str, port: u16) -> Result<Io, String> {
        let origin = Origin { https: false, host: host_of(host)?, port };
        let connected = self.connector.connect(&origin, Offer::Nothing).await;
        let (stream, _) = connected.map_err(|error| match error {
            selvedge_runtime::outbound::OutboundError::Network(reason) => reason,
            error => error.to_string(),
        })?;
        Ok(Box::new(stream))
    }

    async fn handshake(&self, io: Io, host: &str, verify: Verify) -> Result<Io, String> {
        let host = host_of(host)?;
        if verify == Verify::Host {
            let encrypted = self.connector.encrypt(&host, io, Offer::Nothing).await;
            return Ok(Box::new(encrypted.map_err(|error| format!("{error:?}"))?));
        }
        let roots = self.trust.roots().await?;
        let config = lax(roots, verify).map_err(|error| error.to_string())?;
        let name = ServerName::try_from(host.to_string().trim_matches(['[', ']']).to_owned());
        let name = name.map_err(|error| error.to_string())?;
        let connecting = TlsConnector::from(Arc::new(config)).connect(name, io);
        let connected = tokio::time::timeout(TLS_TIMEOUT, connecting).await;
        let connected = connected.map_err(|_| "the TLS handshake took too long".to_owned())?;
        Ok(Box::new(connected.map_err(|error| format!("TLS handshake failed: {error}"))?))
    }
}

impl Dialer for OriginDialer {
    fn dial<'a>(&'a self, host: &'a str, port: u16) -> Later<'a, Result<Io, String>> {
        Box::pin(self.connect(host, port))
    }

    fn encrypt<'a>(
        &'a self,
        io: Io,
        host: &'a str,
        verify: Verify,
    ) -> Later<'a, Result<Io, String>> {
        Box::pin(self.handshake(io, host, verify))
    }
}

fn host_of(host: &str) -> Result<Host<String>, String> {
    let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
    Host::parse(&host).map_err(|error| format!("{host} is no host: {error}"))
}

/// TLS that looks at less than all of a certificate, as the configuration says.
fn lax(roots: Arc<RootCertStore>, verify: Verify) -> Result<ClientConfig, Error> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let authorities = match verify {
        Verify::Nothing => None,
        Verify::Authority | Verify::Host => {
            let new = WebPkiServerVerifier::builder_with_provider(roots, provider.clone()).build();
            Some(new.map_err(|error| Error::General(error.to_string()))?)
        }
    };
    let verifier = Arc::new(Lax { authorities, provider: provider.clone() });
    let builder = ClientConfig::builder_with_provider(provider);
    let config = builder.with_safe_default_protocol_versions()?.dangerous();
    Ok(config.with_custom_certificate_verifier(verifier).with_no_client_auth())
}

/// Does not care for whose certificate it is; without authorities, neither for who
/// signed it. That the other end has its key is always checked.
#[derive(Debug)]
struct Lax {
    authorities: Option<Arc<WebPkiServerVerifier>>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Lax {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let Some(authorities) = &self.authorities else {
            return Ok(ServerCertVerified::assertion());
        };
        match authorities.verify_server_cert(end_entity, intermediates, name, ocsp, now) {
            Err(Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) => Ok(ServerCertVerified::assertion()),
            verified => verified,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let all = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signed, all)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let all = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signed, all)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
