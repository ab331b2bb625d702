//! Scripts: what the first deploy sends, and lists.

use http::StatusCode;
use selvedge_deployments::{Version, WorkerInfo, WorkerKey};
use serde_json::{Value, json};

use super::services;
use crate::call::Cx;
use crate::error::ApiError;
use crate::reply::{Answer, Reply};
use crate::time::iso;
use crate::upload::{self, Mode};

pub(crate) async fn list(cx: Cx) -> Answer {
    let account = cx.account()?;
    let items = cx
        .blocking(move |inner| {
            let mut items = Vec::new();
            let all = inner.store.workers(&account)?;
            for worker in all.into_iter().filter(|worker| worker.key.namespace().is_none()) {
                let version = services::current(inner, &worker.key).ok();
                items.push(shown(&worker, version.as_ref()));
            }
            Ok(items)
        })
        .await?;
    Ok(Reply::list(items))
}

/// A Worker in lists.
pub(crate) fn shown(worker: &WorkerInfo, version: Option<&Version>) -> Value {
    let name = worker.key.namespace().map_or(&*worker.key.name, |(_, name)| name);
    json!({
        "id": name, "tag": worker.tag, "tags": worker.settings.tags,
        "created_on": iso(worker.created_on), "modified_on": iso(worker.modified_on),
        "usage_model": "standard", "deployed": worker.is_deployed,
        "etag": version.map(|version| &version.etag),
        "handlers": version.map(|version| &version.handlers),
        "named_handlers": version.map(named_handlers),
        "compatibility_date": version.and_then(|it| it.content.compatibility_date.as_ref()),
        "compatibility_flags": version.map(|it| &it.content.compatibility_flags),
        "has_assets": version.is_some_and(|it| it.content.assets.is_some()),
        "has_modules": version.is_some_and(|it| it.content.script.main().is_some()),
        "last_deployed_from": worker.last_deployed_from,
        "logpush": worker.settings.logpush,
        "observability": worker.settings.observability,
        "workers_dev": worker.workers_dev, "previews": worker.previews,
    })
}

/// Exports beside the default one, as versions show them.
pub(crate) fn named_handlers(version: &Version) -> Vec<Value> {
    let named = version.named_handlers.iter();
    named.map(|(name, handlers)| json!({ "name": name, "handlers": handlers })).collect()
}

pub(crate) async fn content(cx: Cx) -> Answer {
    services::modules(&cx).await
}

/// The Worker of an upload, which may be new.
pub(crate) fn new_worker(cx: &Cx) -> Result<WorkerKey, ApiError> {
    cx.key()
}

/// A version that gets all requests at once.
pub(crate) async fn put(mut cx: Cx) -> Answer {
    if cx.query("rollback_to").is_some() {
        let text = "roll back with a deployment of the older version";
        return Err(ApiError::bad(10004, text));
    }
    let key = new_worker(&cx)?;
    let upload = upload::read(&mut cx, &key).await?;
    let (by, source) = (cx.actor()?, cx.source());
    let made = upload::publish(&cx.api, &key, upload, Mode::Deploy, source, by).await?;
    let version = &made.version;
    let mut result = json!({
        "id": key.name, "etag": version.etag,
        "handlers": version.handlers, "named_handlers": named_handlers(version),
        "pipeline_hash": null, "mutable_pipeline_id": null,
        // What wrangler prints as the version.
        "deployment_id": version.id,
        "startup_time_ms": version.startup_time_ms.unwrap_or_default(),
        "created_on": iso(version.created_on), "modified_on": iso(version.created_on),
        "has_assets": version.content.assets.is_some(),
        "has_modules": version.content.script.main().is_some(),
        "compatibility_date": version.content.compatibility_date,
        "compatibility_flags": version.content.compatibility_flags,
        "usage_model": "standard", "last_deployed_from": version.source,
    });
    if let Some(reconciliation) = made.reconciliation {
        result["exports_reconciliation"] = reconciliation;
    }
    let reply = Reply::Result { status: StatusCode::OK, result, info: None, messages: made.notes };
    Ok(reply)
}
