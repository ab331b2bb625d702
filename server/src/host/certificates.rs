//! The server's certificates: by the name that a client asks for, and read anew
//! when the operator says so.

use std::collections::HashMap;
use std::sync::Arc;

use arc_swap::ArcSwap;
use rustls::ServerConfig;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use super::settings::Certificate;
use crate::run::RunError;
use crate::run_options::TlsFiles;
use crate::tls;

/// All certificates.
pub(crate) struct Certificates {
    config: Arc<ServerConfig>,
    resolver: Arc<Resolver>,
    files: Vec<Certificate>,
}

#[derive(Debug)]
struct Resolver(ArcSwap<Keys>);

#[derive(Debug, Default)]
struct Keys {
    by_host: HashMap<String, Arc<CertifiedKey>>,
    /// For hosts below a name.
    below: HashMap<String, Arc<CertifiedKey>>,
    other: Option<Arc<CertifiedKey>>,
}

impl Certificates {
    /// Reads the certificates; none without any.
    ///
    /// # Errors
    /// When one cannot be read or does not fit its key.
    pub(crate) fn load(files: Vec<Certificate>) -> Result<Option<Arc<Self>>, RunError> {
        if files.is_empty() {
            return Ok(None);
        }
        let resolver = Arc::new(Resolver(ArcSwap::from_pointee(read(&files)?)));
        let config = tls::config_with(resolver.clone())?;
        Ok(Some(Arc::new(Self { config, resolver, files })))
    }

    /// What handshakes are made with.
    pub(crate) fn config(&self) -> Arc<ServerConfig> {
        self.config.clone()
    }

    /// Reads the files again. Connections that are open go on as they are.
    ///
    /// # Errors
    /// As [`Certificates::load`]; the certificates stay as they were.
    pub(crate) fn reload(&self) -> Result<(), RunError> {
        self.resolver.0.store(Arc::new(read(&self.files)?));
        Ok(())
    }
}

fn read(files: &[Certificate]) -> Result<Keys, RunError> {
    let mut keys = Keys::default();
    for file in files {
        let (certificate, key) = (file.certificate.clone(), file.key.clone());
        let key = tls::certified_key(&TlsFiles { certificate, key })?;
        if file.hosts.is_empty() {
            keys.other = Some(key.clone());
        }
        for host in &file.hosts {
            let host = host.to_ascii_lowercase();
            match host.strip_prefix("*.") {
                Some(name) => keys.below.insert(name.to_owned(), key.clone()),
                None => keys.by_host.insert(host, key.clone()),
            };
        }
    }
    Ok(keys)
}

impl ResolvesServerCert for Resolver {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let keys = self.0.load();
        let named = hello.server_name().and_then(|name| {
            let name = name.to_ascii_lowercase();
            let parent = name.split_once('.').map(|(_, parent)| parent);
            let below = parent.and_then(|parent| keys.below.get(parent));
            keys.by_host.get(&name).or(below).cloned()
        });
        named.or_else(|| keys.other.clone())
    }
}
