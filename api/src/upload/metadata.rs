//! `metadata` of an upload. Keys that are not known are ignored, as Cloudflare
//! does.

use std::collections::BTreeMap;

use selvedge_deployments::{AssetsConfig, Observability, TailConsumer, WorkerSettings};
use serde::Deserialize;
use serde_json::Value;

use crate::error::{ApiError, INVALID_SCRIPT};
use crate::host::Migrations;

const NO_CACHE: &str = "\"cache.enabled\" is not supported: there is no cache before a Worker here. \
    Turn it off, and keep responses with caches.default or the cf options of fetch().";

/// The keys that act.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Metadata {
    pub(crate) main_module: Option<String>,
    pub(crate) body_part: Option<String>,
    pub(crate) bindings: Option<Vec<Value>>,
    pub(crate) compatibility_date: Option<String>,
    pub(crate) compatibility_flags: Option<Vec<String>>,
    pub(crate) migrations: Option<Migrations>,
    pub(crate) exports: Option<Value>,
    pub(crate) keep_bindings: Option<Vec<String>>,
    pub(crate) logpush: Option<bool>,
    pub(crate) placement: Option<Value>,
    pub(crate) tail_consumers: Option<Vec<TailConsumer>>,
    pub(crate) streaming_tail_consumers: Option<Vec<Value>>,
    pub(crate) limits: Option<Limits>,
    pub(crate) annotations: Option<BTreeMap<String, Option<String>>>,
    pub(crate) keep_assets: Option<bool>,
    pub(crate) assets: Option<Assets>,
    pub(crate) observability: Option<Observability>,
    pub(crate) tags: Option<Vec<String>>,
    pub(crate) containers: Option<Vec<Value>>,
    pub(crate) cache_options: Option<Value>,
}

/// `limits`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Limits {
    pub(crate) cpu_ms: Option<u32>,
    pub(crate) subrequests: Option<u32>,
}

/// `assets`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Assets {
    pub(crate) jwt: Option<String>,
    pub(crate) config: Option<AssetsConfig>,
}

impl Metadata {
    /// # Errors
    /// When it is not JSON, a key has another shape, or asks for what there is not.
    pub(crate) fn parse(text: &[u8]) -> Result<Self, ApiError> {
        let metadata: Self = serde_json::from_slice(text).map_err(|error| {
            ApiError::bad(
                INVALID_SCRIPT,
                format!("the metadata of the upload is not valid: {error}"),
            )
        })?;
        let is_there =
            |list: &Option<Vec<Value>>| list.as_ref().is_some_and(|list| !list.is_empty());
        for (key, there) in [
            ("containers", is_there(&metadata.containers)),
            ("streaming_tail_consumers", is_there(&metadata.streaming_tail_consumers)),
        ] {
            if there {
                return Err(ApiError::bad(INVALID_SCRIPT, format!("\"{key}\" is not supported")));
            }
        }
        if metadata.asks_for_cache() {
            return Err(ApiError::bad(INVALID_SCRIPT, NO_CACHE));
        }
        Ok(metadata)
    }

    /// Whether responses of the Worker, or of one of its entrypoints, shall be kept before
    /// it is asked.
    fn asks_for_cache(&self) -> bool {
        let is_on = |options: &Value| options.get("enabled") == Some(&Value::Bool(true));
        let exports = self.exports.as_ref().and_then(Value::as_object);
        let of_exports = exports.into_iter().flat_map(|exports| exports.values());
        self.cache_options.as_ref().is_some_and(is_on)
            || of_exports.filter_map(|export| export.get("cache")).any(is_on)
    }

    /// Notes of a version: those that are set.
    pub(crate) fn annotations(&self) -> BTreeMap<String, String> {
        let all = self.annotations.iter().flatten();
        all.filter_map(|(key, value)| {
            let value = value.as_ref().filter(|value| !value.is_empty())?;
            Some((key.clone(), value.chars().take(1000).collect()))
        })
        .collect()
    }

    /// What is said of the Worker beside its code, over what was said before.
    pub(crate) fn settings(&self, before: WorkerSettings) -> WorkerSettings {
        WorkerSettings {
            // An upload without the key turns it off, as on Cloudflare.
            observability: self.observability.clone().unwrap_or_default(),
            tail_consumers: self.tail_consumers.clone().unwrap_or_default(),
            logpush: self.logpush.unwrap_or(before.logpush),
            tags: self.tags.clone().unwrap_or(before.tags),
        }
    }
}
