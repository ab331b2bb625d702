//! Services, which is what Workers were called: the first call of a deploy, and
//! what a deletion looks at.

use bytes::{BufMut as _, BytesMut};
use http::HeaderValue;
use selvedge_deployments::{
    BindingKind, DeploymentStore, ModuleKind, Version, WorkerInfo, WorkerKey,
};
use serde_json::{Value, json};

use crate::Inner;
use crate::call::Cx;
use crate::error::ApiError;
use crate::reply::{Answer, Reply, whole};
use crate::time::iso;
use crate::upload::shown;

/// The Worker as a service, with its one environment.
fn environment_of(worker: &WorkerInfo, migration_tag: Option<&str>) -> Value {
    let name = &worker.key.name;
    let settings = &worker.settings;
    // Wrangler goes on without a question when it reads its own name.
    let from = match worker.last_deployed_from.as_str() {
        "" => "wrangler",
        from => from,
    };
    json!({
        "environment": "production",
        "created_on": iso(worker.created_on),
        "modified_on": iso(worker.modified_on),
        "script": {
            "id": name, "tag": worker.tag,
            "tags": if settings.tags.is_empty() { Value::Null } else { json!(settings.tags) },
            "last_deployed_from": from,
            "migration_tag": migration_tag,
            "created_on": iso(worker.created_on),
            "modified_on": iso(worker.modified_on),
            "usage_model": "standard",
            "observability": settings.observability,
            "tail_consumers": settings.tail_consumers,
            "streaming_tail_consumers": settings.streaming_tail_consumers,
            "logpush": settings.logpush,
        },
    })
}

async fn with_tag(cx: &Cx) -> Result<(WorkerInfo, Option<String>), ApiError> {
    let key = cx.worker()?;
    cx.blocking(move |inner| {
        let worker = inner.store.worker(&key)?.ok_or_else(ApiError::no_script)?;
        Ok((worker, inner.host.migration_tag(&key)?))
    })
    .await
}

pub(crate) async fn get(cx: Cx) -> Answer {
    let (worker, tag) = with_tag(&cx).await?;
    Ok(Reply::ok(json!({
        "id": worker.key.name,
        "created_on": iso(worker.created_on),
        "modified_on": iso(worker.modified_on),
        "usage_model": "standard",
        "default_environment": environment_of(&worker, tag.as_deref()),
        "environments": [environment_of(&worker, tag.as_deref())],
    })))
}

fn check_environment(cx: &Cx) -> Result<(), ApiError> {
    match cx.param("environment")? {
        "production" => Ok(()),
        _ => Err(ApiError::not_found(10092, "This environment does not exist.")),
    }
}

pub(crate) async fn environment(cx: Cx) -> Answer {
    check_environment(&cx)?;
    let (worker, tag) = with_tag(&cx).await?;
    Ok(Reply::ok(environment_of(&worker, tag.as_deref())))
}

/// The version that serves most, or the newest one.
pub(crate) fn current(inner: &Inner, key: &WorkerKey) -> Result<Version, ApiError> {
    let live = inner.store.live_worker(key)?.ok_or_else(ApiError::no_script)?;
    let most = live.shares.iter().max_by_key(|share| share.percentage);
    let found = match most {
        Some(share) => inner.store.version(key, share.version)?,
        None => inner.store.latest_version(key)?,
    };
    found.ok_or_else(|| ApiError::not_found(10222, "The Worker has no versions."))
}

pub(crate) async fn bindings(cx: Cx) -> Answer {
    if cx.param("environment").is_ok() {
        check_environment(&cx)?;
    }
    let key = cx.worker()?;
    let version = cx.blocking(move |inner| current(inner, &key)).await?;
    Ok(Reply::ok(Value::Array(shown(&version.content.bindings))))
}

/// The modules of the version that serves, as they were uploaded.
pub(crate) async fn content(cx: Cx) -> Answer {
    if cx.param("environment").is_ok() {
        check_environment(&cx)?;
    }
    modules(&cx).await
}

pub(crate) async fn modules(cx: &Cx) -> Answer {
    let key = cx.worker()?;
    let (version, body, boundary) = cx
        .blocking(move |inner| {
            let version = current(inner, &key)?;
            let boundary = format!("selvedge-{}", version.id);
            let body = multipart(&*inner.store, &version, &boundary)?;
            Ok((version, body, boundary))
        })
        .await?;
    let mut response = http::Response::new(whole(body));
    let headers = response.headers_mut();
    let kind = format!("multipart/form-data; boundary={boundary}");
    let entry = version.content.script.main().unwrap_or_default();
    for (name, value) in [
        ("content-type", kind.as_str()),
        ("cf-entrypoint", entry),
        ("etag", &format!("\"{}\"", version.etag)),
        ("cache-control", "no-store"),
    ] {
        let value = HeaderValue::from_str(value)
            .map_err(|_| ApiError::internal("a module's name is no header"))?;
        headers.insert(name, value);
    }
    Ok(Reply::Raw(response))
}

fn multipart(
    store: &dyn DeploymentStore,
    version: &Version,
    boundary: &str,
) -> Result<bytes::Bytes, ApiError> {
    let mut body = BytesMut::new();
    for module in &version.content.modules {
        let name = module.name.replace(['"', '\r', '\n'], "_");
        let head = format!(
            "--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"; \
             filename=\"{name}\"\r\nContent-Type: {}\r\n\r\n",
            content_type(module.kind)
        );
        body.put_slice(head.as_bytes());
        body.put_slice(&store.blob(&module.blob)?);
        body.put_slice(b"\r\n");
    }
    body.put_slice(format!("--{boundary}--\r\n").as_bytes());
    Ok(body.freeze())
}

fn content_type(kind: ModuleKind) -> &'static str {
    match kind {
        ModuleKind::EsModule => "application/javascript+module",
        ModuleKind::CommonJs => "application/javascript",
        ModuleKind::Json => "application/json",
        ModuleKind::Text => "text/plain",
        ModuleKind::Data => "application/octet-stream",
        ModuleKind::Wasm => "application/wasm",
        ModuleKind::SourceMap => "application/source-map",
    }
}

// ----- What a deletion looks at. -----

/// What of the account leads to a Worker.
struct Incoming {
    services: Vec<Value>,
    objects: Vec<Value>,
    tails: Vec<Value>,
}

fn incoming(inner: &Inner, key: &WorkerKey) -> Result<Incoming, ApiError> {
    let mut found = Incoming { services: Vec::new(), objects: Vec::new(), tails: Vec::new() };
    for other in inner.store.workers(&key.account)? {
        if other.key == *key {
            continue;
        }
        let name = &other.key.name;
        let tails = other.settings.tail_consumers.iter();
        let mut consumers = tails.chain(&other.settings.streaming_tail_consumers);
        if consumers.any(|consumer| consumer.service == key.name) {
            found.tails.push(json!({ "consumer": { "service": key.name },
                "producer": { "service": name } }));
        }
        let Some(version) = deployed(inner, &other.key)? else { continue };
        for binding in &version.content.bindings {
            match &binding.kind {
                BindingKind::Service { service, .. } if *service == key.name => {
                    found.services.push(json!({ "name": name, "service": name,
                        "environment": "production" }));
                }
                BindingKind::Objects { class, script: Some(script) } if *script == key.name => {
                    found.objects.push(json!({ "service": name, "environment": "production",
                        "durable_object_namespace_name": format!("{script}_{class}"),
                        "durable_object_namespace_id": "" }));
                }
                _ => {}
            }
        }
    }
    Ok(found)
}

fn deployed(inner: &Inner, key: &WorkerKey) -> Result<Option<Version>, ApiError> {
    current(inner, key).map(Some).or_else(|error| match error.code {
        10222 => Ok(None),
        _ => Err(error),
    })
}

pub(crate) async fn references(cx: Cx) -> Answer {
    let (key, _) = cx.existing_worker().await?;
    let found = cx.blocking(move |inner| incoming(inner, &key)).await?;
    Ok(Reply::ok(json!({
        "services": { "incoming": found.services, "outgoing": [], "pages_function": false },
        "durable_objects": found.objects,
        "dispatch_outbounds": [],
    })))
}

pub(crate) async fn tail_producers(cx: Cx) -> Answer {
    let key = cx.worker()?;
    let found = cx.blocking(move |inner| incoming(inner, &key)).await?;
    Ok(Reply::ok(Value::Array(found.tails)))
}

/// Deletes a Worker. One that others lead to only if `force` says so.
pub(crate) async fn delete(cx: Cx) -> Answer {
    let (key, _) = cx.existing_worker().await?;
    let force = cx.query("force") == Some("true");
    let by = cx.actor()?;
    let held = cx.api.0.locks.hold(&key).await;
    let api = cx.api.clone();
    let work = async move {
        let _held = held;
        let wanted = key.clone();
        api.blocking(move |inner| {
            let found = incoming(inner, &wanted)?;
            if !(force || found.services.is_empty() && found.objects.is_empty()) {
                let text = "Other Workers of the account lead to this one; delete it with force.";
                return Err(ApiError::conflict(10064, text));
            }
            Ok(inner.store.delete_worker(&wanted, &by)?)
        })
        .await?;
        api.0.tails.close_of(&key);
        api.0.host.apply(&key).await?;
        let wanted = key.clone();
        api.blocking(move |inner| Ok(inner.host.forget_objects(&wanted)?)).await
    };
    let done = tokio::spawn(work).await;
    done.unwrap_or_else(|error| Err(ApiError::internal(&format!("a deletion ended: {error}"))))?;
    Ok(Reply::done())
}
