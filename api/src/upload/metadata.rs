//! `metadata` of an upload. Keys that are not known are ignored, as Cloudflare
//! does.

use std::collections::BTreeMap;

use selvedge_deployments::{
    AssetsConfig, CacheOptions, Observability, TailConsumer, WorkerSettings,
};
use serde::Deserialize;
use serde_json::Value;

use crate::error::{ApiError, INVALID_SCRIPT};
use crate::host::Migrations;

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
    pub(crate) streaming_tail_consumers: Option<Vec<TailConsumer>>,
    pub(crate) limits: Option<Limits>,
    pub(crate) annotations: Option<BTreeMap<String, Option<String>>>,
    pub(crate) keep_assets: Option<bool>,
    pub(crate) assets: Option<Assets>,
    pub(crate) observability: Option<Observability>,
    pub(crate) tags: Option<Vec<String>>,
    pub(crate) containers: Option<Vec<Value>>,
    pub(crate) cache_options: Option<CacheOptions>,
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
        if is_there(&metadata.containers) {
            return Err(ApiError::bad(INVALID_SCRIPT, "\"containers\" is not supported"));
        }
        metadata.check_exports()?;
        Ok(metadata)
    }

    /// What `exports` say of the cache before them.
    fn check_exports(&self) -> Result<(), ApiError> {
        let exports = self.exports.as_ref().and_then(Value::as_object).into_iter().flatten();
        for (name, export) in exports {
            let Some(cache) = export.get("cache") else { continue };
            if !cache.get("enabled").is_some_and(Value::is_boolean) {
                let text = format!("\"exports.{name}.cache.enabled\" should be a boolean");
                return Err(ApiError::bad(INVALID_SCRIPT, text));
            }
        }
        Ok(())
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
            streaming_tail_consumers: self.streaming_tail_consumers.clone().unwrap_or_default(),
            logpush: self.logpush.unwrap_or(before.logpush),
            tags: self.tags.clone().unwrap_or(before.tags),
        }
    }
}
