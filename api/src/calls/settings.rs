//! Settings: of the version that serves, and of the Worker beside its code.

use std::collections::BTreeSet;

use selvedge_deployments::{Observability, TailConsumer, WorkerInfo, WorkerKey, WorkerSettings};
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};

use super::services::current;
use crate::Inner;
use crate::body::{multipart_error, part};
use crate::call::Cx;
use crate::error::ApiError;
use crate::reply::{Answer, Reply};
use crate::upload::shown;

/// Each event goes to all of them.
const MOST_TAIL_CONSUMERS: usize = 10;

/// What of a Worker can be changed without a version.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Patch {
    observability: Option<Observability>,
    #[serde(deserialize_with = "given")]
    tail_consumers: Option<Vec<TailConsumer>>,
    #[serde(deserialize_with = "given")]
    streaming_tail_consumers: Option<Vec<TailConsumer>>,
    logpush: Option<bool>,
    #[serde(deserialize_with = "given")]
    tags: Option<Vec<String>>,
}

/// `null` is an empty list; what is missing stays as it is.
fn given<'de, T: Deserialize<'de> + Default, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    Ok(Some(Option::deserialize(deserializer)?.unwrap_or_default()))
}

fn patched(mut settings: WorkerSettings, patch: Patch) -> WorkerSettings {
    if let Some(observability) = patch.observability {
        settings.observability = observability;
    }
    if let Some(tail_consumers) = patch.tail_consumers {
        settings.tail_consumers = tail_consumers;
    }
    if let Some(consumers) = patch.streaming_tail_consumers {
        settings.streaming_tail_consumers = consumers;
    }
    settings.logpush = patch.logpush.unwrap_or(settings.logpush);
    settings.tags = patch.tags.unwrap_or(settings.tags);
    settings
}

fn script_settings(settings: &WorkerSettings) -> Value {
    json!({
        "logpush": settings.logpush, "observability": settings.observability,
        "tail_consumers": settings.tail_consumers,
        "streaming_tail_consumers": settings.streaming_tail_consumers, "tags": settings.tags,
    })
}

/// Bindings and all else that a client may want to take over.
pub(crate) async fn get(cx: Cx) -> Answer {
    let (key, worker) = cx.existing_worker().await?;
    cx.blocking(move |inner| {
        let version = current(inner, &key)?;
        let content = &version.content;
        let mut settings = script_settings(&worker.settings);
        settings["bindings"] = Value::Array(shown(&content.bindings));
        settings["compatibility_date"] = json!(content.compatibility_date);
        settings["compatibility_flags"] = json!(content.compatibility_flags);
        settings["usage_model"] = json!("standard");
        settings["placement"] = content.placement.clone().unwrap_or_else(|| json!({}));
        settings["limits"] =
            json!({ "cpu_ms": content.cpu_ms, "subrequests": content.subrequests });
        if let Some(options) = &content.cache_options {
            settings["cache_options"] = json!(options);
        }
        settings["migration_tag"] = json!(inner.host.migration_tag(&key)?);
        Ok(Reply::ok(settings))
    })
    .await
}

pub(crate) async fn get_script(cx: Cx) -> Answer {
    let (_, worker) = cx.existing_worker().await?;
    Ok(Reply::ok(script_settings(&worker.settings)))
}

pub(crate) async fn patch_script(mut cx: Cx) -> Answer {
    let (key, worker) = cx.existing_worker().await?;
    let patch: Patch = cx.json().await?;
    apply(&cx, key, worker, patch).await
}

/// The same in a part named `settings`. What belongs to a version is refused:
/// upload one.
pub(crate) async fn patch(mut cx: Cx) -> Answer {
    let (key, worker) = cx.existing_worker().await?;
    let text = match cx.is_multipart() {
        false => cx.bytes(crate::options::JSON_BYTES, 10027).await?,
        true => settings_part(&mut cx).await?,
    };
    let malformed = |error| ApiError::bad(6007, format!("Malformed JSON in request body: {error}"));
    let value: Value = serde_json::from_slice(&text).map_err(malformed)?;
    for key in [
        "bindings",
        "cache_options",
        "compatibility_date",
        "compatibility_flags",
        "limits",
        "migrations",
    ] {
        if value.get(key).is_some_and(|value| !value.is_null()) {
            let text = format!("\"{key}\" belongs to a version: upload one to change it");
            return Err(ApiError::bad(10021, text));
        }
    }
    let patch: Patch = serde_json::from_value(value).map_err(malformed)?;
    apply(&cx, key, worker, patch).await
}

async fn settings_part(cx: &mut Cx) -> Result<bytes::Bytes, ApiError> {
    let mut multipart = cx.multipart(crate::options::JSON_BYTES as u64)?;
    let failed = |error: multer::Error| multipart_error(&error, 10027);
    while let Some(field) = multipart.next_field().await.map_err(failed)? {
        if field.name() == Some("settings") {
            return part(field).await.map_err(failed);
        }
    }
    Err(ApiError::bad(10021, "the body has no part named \"settings\""))
}

/// Tail consumers are Workers of the account.
pub(crate) fn check_tail_consumers<'a>(
    inner: &Inner,
    key: &WorkerKey,
    consumers: impl Iterator<Item = &'a TailConsumer>,
) -> Result<(), ApiError> {
    let mut names = BTreeSet::new();
    for TailConsumer { service, .. } in consumers {
        let bad = |text: String| Err(ApiError::bad(10143, text));
        let other = WorkerKey::new(key.account.clone(), service);
        // It may be the one that is just being uploaded.
        let is_there = match other {
            Ok(other) => other == *key || inner.store.worker(&other)?.is_some(),
            Err(_) => false,
        };
        if !is_there {
            return bad(format!(
                "Could not resolve tail consumer. Target script '{service}' not found."
            ));
        }
        if !names.insert(service) {
            return bad(format!("the Worker has the tail consumer '{service}' twice"));
        }
        if names.len() > MOST_TAIL_CONSUMERS {
            return bad(format!("a Worker has up to {MOST_TAIL_CONSUMERS} tail consumers"));
        }
    }
    Ok(())
}

async fn apply(cx: &Cx, key: WorkerKey, worker: WorkerInfo, patch: Patch) -> Answer {
    let by = cx.actor()?;
    let names_consumers =
        patch.tail_consumers.is_some() || patch.streaming_tail_consumers.is_some();
    let settings = patched(worker.settings, patch);
    let (wanted, new) = (key.clone(), settings.clone());
    if names_consumers {
        let (wanted, new) = (wanted.clone(), new.clone());
        cx.blocking(move |inner| {
            check_tail_consumers(inner, &wanted, new.tail_consumers.iter())?;
            check_tail_consumers(inner, &wanted, new.streaming_tail_consumers.iter())
        })
        .await?;
    }
    cx.store(move |store| store.set_settings(&wanted, new, &by)).await?;
    cx.apply(&key).await?;
    Ok(Reply::ok(script_settings(&settings)))
}
