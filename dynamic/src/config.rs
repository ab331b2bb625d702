//! The keys `worker_loaders` and `dispatch_namespaces` of wrangler's configuration.

use serde::Deserialize;

/// One table of `worker_loaders`
/// (<https://developers.cloudflare.com/dynamic-workers/getting-started/>).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct LoaderConfig {
    /// The name in `env`.
    pub binding: String,
}

/// One table of `dispatch_namespaces`
/// (<https://developers.cloudflare.com/cloudflare-for-platforms/workers-for-platforms/>).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct NamespaceConfig {
    /// The name in `env`.
    pub binding: String,
    /// The namespace's name.
    pub namespace: String,
    pub outbound: Option<OutboundConfig>,
    /// Whether Cloudflare's namespace was asked for.
    #[serde(default)]
    pub remote: bool,
}

/// The Worker that all requests of the namespace's Workers go through.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct OutboundConfig {
    /// Its name.
    pub service: String,
    /// What `get()` may put into its `env`.
    #[serde(default)]
    pub parameters: Vec<String>,
    /// wrangler's environments are Workers of their own.
    pub environment: Option<String>,
}
