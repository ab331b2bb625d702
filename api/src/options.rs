//! What the API is told of the server.

use std::fmt;
use std::sync::Arc;

use selvedge_deployments::UnixMillis;

/// A script with all of its modules: 64 MiB, as on Cloudflare before
/// compression.
pub const SCRIPT_BYTES: u64 = 64 * 1024 * 1024;
/// One static file: 25 MiB, as on Cloudflare.
pub const ASSET_BYTES: u64 = 25 * 1024 * 1024;
/// Static files of a version: 20,000, as on Cloudflare.
pub const MAX_ASSETS: usize = 20_000;
/// A body that is JSON: 4 MiB.
pub const JSON_BYTES: usize = 4 * 1024 * 1024;
/// A body of many keys of KV: 100 MB, as on Cloudflare.
pub const BULK_BYTES: usize = 100 * 1024 * 1024;

/// What the API is told of the server.
#[derive(Clone)]
pub struct ApiOptions {
    /// The domain below which Workers answer by their names.
    pub domain: Option<String>,
    /// How the public listener is reached, such as `https` or `http`.
    pub public_scheme: String,
    /// Its port, if that is not the scheme's own.
    pub public_port: Option<u16>,
    /// A secret that is the operator's token, for commands on the same machine.
    pub control_token: Option<String>,
    /// A script with all of its modules, in bytes; an account may have its own.
    pub script_bytes: u64,
    /// All blobs of an account, in bytes; an account may have its own.
    pub storage_bytes: Option<u64>,
    /// The present.
    pub clock: Arc<dyn Fn() -> UnixMillis + Send + Sync>,
}

impl ApiOptions {
    /// The defaults, with this clock.
    pub fn new(clock: Arc<dyn Fn() -> UnixMillis + Send + Sync>) -> Self {
        Self {
            domain: None,
            public_scheme: "http".to_owned(),
            public_port: None,
            control_token: None,
            script_bytes: SCRIPT_BYTES,
            storage_bytes: None,
            clock,
        }
    }

    /// The address of a host of the public listener.
    pub(crate) fn url(&self, host: &str) -> String {
        let port = self.public_port.map(|port| format!(":{port}")).unwrap_or_default();
        format!("{}://{host}{port}", self.public_scheme)
    }

    /// The name of the server below which an account's Workers are.
    pub(crate) fn account_domain(&self, subdomain: Option<&str>) -> Option<String> {
        let domain = self.domain.as_ref()?;
        Some(match subdomain {
            None => domain.clone(),
            Some(label) => format!("{label}.{domain}"),
        })
    }
}

impl fmt::Debug for ApiOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiOptions")
            .field("domain", &self.domain)
            .field("public_scheme", &self.public_scheme)
            .field("public_port", &self.public_port)
            .field("script_bytes", &self.script_bytes)
            .field("storage_bytes", &self.storage_bytes)
            .finish_non_exhaustive()
    }
}
