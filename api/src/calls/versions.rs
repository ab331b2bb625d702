//! Versions.

use selvedge_deployments::{Version, VersionId, VersionSummary, WorkerInfo, WorkerKey};
use serde_json::{Value, json};

use super::scripts::{named_handlers, new_worker};
use crate::Inner;
use crate::call::Cx;
use crate::error::ApiError;
use crate::reply::{Answer, Reply};
use crate::time::iso;
use crate::upload::{self, Mode, shown};

/// Versions of a list that is not asked to be of all that can be deployed: 10.
const SHORT_LIST: usize = 10;

fn metadata(created_on: i64, source: &str, author: &str, has_preview: bool) -> Value {
    json!({
        "created_on": iso(created_on), "modified_on": iso(created_on), "source": source,
        "author_id": "", "author_email": author, "has_preview": has_preview,
    })
}

fn summary(version: &VersionSummary, has_preview: bool) -> Value {
    json!({
        "id": version.id, "number": version.number,
        "metadata": metadata(version.created_on, &version.source, &version.author, has_preview),
        "annotations": version.annotations,
    })
}

pub(crate) fn whole(version: &Version, preview: Option<&str>) -> Value {
    let content = &version.content;
    let limits = json!({ "cpu_ms": content.cpu_ms, "subrequests": content.subrequests });
    let limits: serde_json::Map<String, Value> = limits
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(_, value)| !value.is_null())
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    let mut runtime = json!({
        "compatibility_date": content.compatibility_date,
        "compatibility_flags": content.compatibility_flags,
        "usage_model": "standard", "limits": limits,
    });
    if let Some(options) = &content.cache_options {
        runtime["cache_options"] = json!(options);
    }
    if let Some(exports) = &content.exports {
        runtime["exports"] = exports.clone();
    }
    json!({
        "id": version.id, "number": version.number,
        "metadata": metadata(
            version.created_on, &version.source, &version.author, preview.is_some()),
        "annotations": version.annotations,
        "startup_time_ms": version.startup_time_ms,
        "preview_url": preview,
        "resources": {
            "bindings": shown(&content.bindings),
            "script": {
                "etag": version.etag, "handlers": version.handlers,
                "named_handlers": named_handlers(version),
                "last_deployed_from": version.source, "size": version.size_bytes,
                "modules": content.modules.iter().map(|module| json!({
                    "name": module.name, "size": module.size,
                })).collect::<Vec<_>>(),
            },
            "script_runtime": runtime,
            "assets": content.assets.as_ref().map(|assets| json!({
                "files": assets.manifest.len(), "config": assets.config,
            })),
        },
    })
}

/// Where a version answers, if its Worker has previews.
pub(crate) fn preview_url(
    inner: &Inner,
    worker: &WorkerInfo,
    version: VersionId,
) -> Result<Option<String>, ApiError> {
    if !worker.previews {
        return Ok(None);
    }
    let account = inner.store.account(&worker.key.account)?;
    let label = account.and_then(|account| account.subdomain);
    let domain = inner.options.account_domain(label.as_deref());
    Ok(domain.map(|domain| {
        inner.options.url(&format!("{}-{}.{domain}", version.short(), worker.key.name))
    }))
}

pub(crate) async fn list(cx: Cx) -> Answer {
    let (key, worker) = cx.existing_worker().await?;
    let versions = cx.store(move |store| store.versions(&key)).await?;
    let all = cx.query("deployable") == Some("true");
    let (page, per_page) = cx.page(if all { 100 } else { SHORT_LIST }, 100)?;
    let chosen = versions.iter().skip((page - 1) * per_page).take(per_page);
    let items: Vec<Value> = chosen.map(|version| summary(version, worker.previews)).collect();
    let info = json!({ "page": page, "per_page": per_page, "count": items.len(),
        "total_count": versions.len() });
    Ok(Reply::ok(json!({ "items": items })).with_info(info))
}

pub(crate) async fn get(cx: Cx) -> Answer {
    let (key, worker) = cx.existing_worker().await?;
    let text = cx.param("version")?.to_owned();
    cx.blocking(move |inner| {
        let version = one(inner, &key, &text)?;
        let preview = preview_url(inner, &worker, version.id)?;
        Ok(Reply::ok(whole(&version, preview.as_deref())))
    })
    .await
}

/// The version of this id, or the newest one.
fn one(inner: &Inner, key: &WorkerKey, text: &str) -> Result<Version, ApiError> {
    let missing = || ApiError::not_found(100_146, format!("there is no version {text}"));
    let found = match text {
        "latest" => inner.store.latest_version(key)?,
        text => inner.store.version(key, text.parse().map_err(|_| missing())?)?,
    };
    found.ok_or_else(missing)
}

/// A version that waits for a deployment.
pub(crate) async fn upload(mut cx: Cx) -> Answer {
    let key = new_worker(&cx)?;
    let upload = upload::read(&mut cx, &key).await?;
    let (by, source) = (cx.actor()?, cx.source());
    let made = upload::publish(&cx.api, &key, upload, Mode::Store, source, by).await?;
    cx.blocking(move |inner| {
        let worker = inner.store.worker(&key)?.ok_or_else(ApiError::no_script)?;
        let preview = preview_url(inner, &worker, made.version.id)?;
        let mut result = whole(&made.version, preview.as_deref());
        result["startup_time_ms"] = json!(made.version.startup_time_ms.unwrap_or_default());
        Ok(Reply::ok(result))
    })
    .await
}
