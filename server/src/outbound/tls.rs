//! Whose certificates are believed, and the TLS settings that follow.

use std::path::PathBuf;
use std::sync::{Arc, LazyLock};

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use tokio::sync::OnceCell;

/// The certificate authorities that origins are checked against: Mozilla's
/// (webpki-roots), the system's, and extra ones. Made once and shared by all
/// isolates; the files are read at the first `https:` subrequest.
#[derive(Debug)]
pub struct Trust {
    extra: Extra,
    configs: OnceCell<Configs>,
}

#[derive(Debug, Clone)]
enum Extra {
    None,
    Certificates(Vec<CertificateDer<'static>>),
    PemFile(PathBuf),
}

#[derive(Debug)]
struct Configs {
    any: Arc<ClientConfig>,
    http1: Arc<ClientConfig>,
    nothing: Arc<ClientConfig>,
    roots: Arc<RootCertStore>,
}

/// Which protocols are offered to the origin (ALPN, RFC 7301).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Offer {
    /// HTTP/2, else HTTP/1.1.
    Any,
    /// What a WebSocket handshake needs (RFC 6455).
    Http1,
    /// What is spoken is the Worker's business.
    Nothing,
}

impl Trust {
    /// The roots of this process, without extra ones.
    pub fn shared() -> Arc<Self> {
        static SHARED: LazyLock<Arc<Trust>> = LazyLock::new(|| Trust::with(Extra::None));
        SHARED.clone()
    }

    /// The shared roots and those of a PEM file. The file is read at the first
    /// `https:` subrequest; each subrequest fails for as long as it is unreadable.
    pub fn with_pem_file(path: PathBuf) -> Arc<Self> {
        Self::with(Extra::PemFile(path))
    }

    /// The shared roots and these.
    pub fn with_certificates(certificates: Vec<CertificateDer<'static>>) -> Arc<Self> {
        Self::with(Extra::Certificates(certificates))
    }

    fn with(extra: Extra) -> Arc<Self> {
        Arc::new(Self { extra, configs: OnceCell::new() })
    }

    /// The settings for a connection.
    pub(crate) async fn config(&self, offer: Offer) -> Result<Arc<ClientConfig>, String> {
        let configs = self.configs().await?;
        Ok(match offer {
            Offer::Any => configs.any.clone(),
            Offer::Http1 => configs.http1.clone(),
            Offer::Nothing => configs.nothing.clone(),
        })
    }

    /// The authorities that are believed.
    pub(crate) async fn roots(&self) -> Result<Arc<RootCertStore>, String> {
        Ok(self.configs().await?.roots.clone())
    }

    /// Reading the system's store takes milliseconds to tens of them, so it happens
    /// on a blocking thread.
    async fn configs(&self) -> Result<&Configs, String> {
        let load = || async {
            let extra = self.extra.clone();
            let loaded = tokio::task::spawn_blocking(move || load(extra)).await;
            loaded.unwrap_or_else(|error| Err(format!("roots not loaded: {error}")))
        };
        self.configs.get_or_try_init(load).await
    }
}

fn load(extra: Extra) -> Result<Configs, String> {
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    let native = rustls_native_certs::load_native_certs();
    for error in &native.errors {
        tracing::debug!(%error, "system root certificates not read");
    }
    roots.add_parsable_certificates(native.certs);
    let extra = match extra {
        Extra::None => Vec::new(),
        Extra::Certificates(certificates) => certificates,
        Extra::PemFile(path) => read_pem(&path)
            .map_err(|error| format!("extra roots not read from {}: {error}", path.display()))?,
    };
    for certificate in extra {
        roots.add(certificate).map_err(|error| format!("extra root not usable: {error}"))?;
    }

    let roots = Arc::new(roots);
    // Named rather than taken from the process, so that nobody has to install it.
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| format!("TLS not set up: {error}"))?
        .with_root_certificates(roots.clone())
        .with_no_client_auth();
    let nothing = Arc::new(config.clone());
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    let http1 = Arc::new(config.clone());
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Configs { any: Arc::new(config), http1, nothing, roots })
}

fn read_pem(path: &std::path::Path) -> Result<Vec<CertificateDer<'static>>, String> {
    CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect)
        .map_err(|error| error.to_string())
}
