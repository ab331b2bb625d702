//! The key `analytics_engine_datasets` of wrangler's configuration
//! (<https://developers.cloudflare.com/analytics/analytics-engine/get-started/>).

use serde::Deserialize;

/// One table of `analytics_engine_datasets`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct DatasetConfig {
    /// The name in `env`.
    pub binding: String,
    dataset: Option<String>,
}

impl DatasetConfig {
    /// The dataset's name: that of the binding where it has none.
    pub fn dataset(&self) -> &str {
        match self.dataset.as_deref() {
            None | Some("") => &self.binding,
            Some(name) => name,
        }
    }
}
