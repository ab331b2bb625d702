//! The key `send_email` of wrangler's configuration
//! (<https://developers.cloudflare.com/email-routing/email-workers/send-email-workers/>).

use serde::Deserialize;

use crate::rules::Rules;

/// One table of `send_email`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct SendEmailConfig {
    /// The name in `env`.
    pub name: String,
    #[serde(flatten)]
    pub rules: Rules,
    /// Whether Cloudflare was to send it.
    #[serde(default)]
    pub remote: bool,
}
