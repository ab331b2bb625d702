//! The key `secrets_store_secrets` of wrangler's configuration
//! (<https://developers.cloudflare.com/secrets-store/integrations/workers/>).

use serde::Deserialize;

/// One table of `secrets_store_secrets`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct SecretConfig {
    /// The name in `env`.
    pub binding: String,
    /// The store.
    pub store_id: String,
    /// The secret's name in it.
    pub secret_name: String,
}
