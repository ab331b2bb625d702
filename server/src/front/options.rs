//! Which exports of a Worker have a cache before them: `cache` of the configuration, or
//! `cache_options` of an upload, and the same of each entry of `exports`.

use std::collections::BTreeMap;

use selvedge_deployments::CacheOptions;
use serde_json::Value;

/// See the top of this file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct FrontOptions {
    all: CacheOptions,
    /// Exports that say something of their own.
    exports: BTreeMap<String, bool>,
}

impl FrontOptions {
    /// What was checked before: whatever else stands there says nothing.
    pub(crate) fn of(options: Option<CacheOptions>, exports: Option<&Value>) -> Self {
        let entries = exports.and_then(Value::as_object).into_iter().flatten();
        let of_entry = |(name, export): (&String, &Value)| {
            if export.get("type")? != "worker" {
                return None;
            }
            Some((name.clone(), export.get("cache")?.get("enabled")?.as_bool()?))
        };
        Self { all: options.unwrap_or_default(), exports: entries.filter_map(of_entry).collect() }
    }

    pub(super) fn is_on(&self, export: &str) -> bool {
        let own = match self.exports.is_empty() {
            true => None,
            false => self.exports.get(export).copied(),
        };
        own.unwrap_or(self.all.enabled)
    }

    pub(super) fn is_on_anywhere(&self) -> bool {
        // There may be exports that nothing is said of.
        self.all.enabled || self.exports.values().any(|is_on| *is_on)
    }

    /// Whether versions share what is kept.
    pub(super) fn crosses_versions(&self) -> bool {
        self.all.cross_version_cache
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_export_says_for_itself_what_the_worker_says_for_the_others() {
        let on = CacheOptions { enabled: true, cross_version_cache: false };
        let exports = json!({
            "default": { "type": "worker", "cache": { "enabled": false } },
            "Backend": { "type": "worker", "cache": { "enabled": true } },
            "Other": { "type": "worker" },
            "Counter": { "type": "durable-object", "storage": "sqlite" },
        });
        let options = FrontOptions::of(Some(on), Some(&exports));
        let is_on = |export| options.is_on(export);
        assert!(!is_on("default") && is_on("Backend") && is_on("Other") && is_on("Unnamed"));
        let options = FrontOptions::of(None, Some(&exports));
        assert!(options.is_on("Backend") && !options.is_on("Other"));
        assert!(options.is_on_anywhere() && !options.crosses_versions());
        assert!(!FrontOptions::of(None, None).is_on_anywhere());
    }
}
