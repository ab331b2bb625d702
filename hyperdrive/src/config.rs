//! The key `hyperdrive` of wrangler's configuration
//! (<https://developers.cloudflare.com/hyperdrive/get-started/>).

use serde::Deserialize;

/// One table of `hyperdrive`.
#[derive(Clone, PartialEq, Eq, Deserialize)]
pub struct HyperdriveConfig {
    /// The name in `env`.
    pub binding: String,
    /// The configuration on a server.
    #[serde(default)]
    pub id: String,
    /// The database of this machine. It has a password.
    #[serde(default, rename = "localConnectionString")]
    pub local: Option<String>,
}

impl std::fmt::Debug for HyperdriveConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HyperdriveConfig")
            .field("binding", &self.binding)
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}
