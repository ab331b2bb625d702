//! What a version is made of.

use std::collections::BTreeSet;

use selvedge_deployments::{
    BindingKind, DeploymentStore, ModuleKind, ModuleRef, NewVersion, ResourceKind, Script,
    VersionContent, WorkerKey,
};

use super::bindings::Sources;
use super::{Part, Upload, assets};
use crate::Inner;
use crate::error::{ApiError, INVALID_SCRIPT};

/// What a version keeps of the one before if the upload does not say: secrets,
/// as clients count on. Wrangler says nothing in a plain deploy.
const KEPT: [&str; 2] = ["secret_text", "secret_key"];

/// Makes a version of an upload; its blobs are stored, it itself is not yet.
pub(super) fn version(
    inner: &Inner,
    key: &WorkerKey,
    upload: Upload,
    source: &str,
) -> Result<NewVersion, ApiError> {
    let store = &*inner.store;
    let previous = store.latest_version(key)?;
    let Upload { metadata, parts } = upload;
    let sources = Sources { store, key, previous: previous.as_ref() };
    let bindings = sources.read(
        metadata.bindings.clone().unwrap_or_default(),
        &metadata.keep_bindings.clone().unwrap_or_else(|| KEPT.map(str::to_owned).to_vec()),
    )?;
    let assets = assets::of(inner, key, &metadata, previous.as_ref())?;
    let script = main(&metadata, &parts, assets.is_some())?;
    check_names(&parts)?;
    check_room(inner, key, &parts)?;
    let modules = stored(store, &parts)?;
    let annotations = metadata.annotations();
    let limits = metadata.limits.unwrap_or_default();
    let content = VersionContent {
        script,
        modules,
        bindings,
        compatibility_date: metadata.compatibility_date,
        compatibility_flags: metadata.compatibility_flags.unwrap_or_default(),
        cpu_ms: limits.cpu_ms,
        subrequests: limits.subrequests,
        assets,
        exports: metadata.exports,
        placement: metadata.placement,
        cache_options: metadata.cache_options,
    };
    check_bindings(inner, key, &content)?;
    Ok(NewVersion {
        source: source.to_owned(),
        annotations,
        content,
        handlers: Vec::new(),
        named_handlers: Vec::new(),
        startup_time_ms: None,
    })
}

/// Stores the modules' content.
fn stored(store: &dyn DeploymentStore, parts: &[Part]) -> Result<Vec<ModuleRef>, ApiError> {
    let stored = parts.iter().map(|part| {
        Ok(ModuleRef {
            name: part.name.clone(),
            kind: part.kind,
            blob: store.put_blob(&part.bytes)?,
            size: part.bytes.len() as u64,
        })
    });
    stored.collect()
}

fn main(metadata: &super::Metadata, parts: &[Part], has_assets: bool) -> Result<Script, ApiError> {
    let is_there = |name: &str| {
        if parts.iter().any(|part| part.name == name && part.kind != ModuleKind::SourceMap) {
            return Ok(());
        }
        Err(ApiError::bad(INVALID_SCRIPT, format!("No such module \"{name}\".")))
    };
    match (&metadata.main_module, &metadata.body_part) {
        (Some(name), _) => is_there(name).map(|()| Script::Modules(name.clone())),
        (None, Some(name)) => is_there(name).map(|()| Script::ServiceWorker(name.clone())),
        (None, None) if has_assets && parts.is_empty() => Ok(Script::AssetsOnly),
        (None, None) => {
            let text = "the metadata has neither \"main_module\" nor \"body_part\"";
            Err(ApiError::bad(INVALID_SCRIPT, text))
        }
    }
}

fn check_names(parts: &[Part]) -> Result<(), ApiError> {
    let mut names = BTreeSet::new();
    for part in parts {
        if part.name.is_empty() || part.name.len() > 1024 {
            return Err(ApiError::bad(INVALID_SCRIPT, "a module has no name, or one too long"));
        }
        if !names.insert(&part.name) {
            let text = format!("two modules have the name \"{}\"", part.name);
            return Err(ApiError::bad(INVALID_SCRIPT, text));
        }
    }
    Ok(())
}

/// What an account may store.
fn check_room(inner: &Inner, key: &WorkerKey, parts: &[Part]) -> Result<(), ApiError> {
    let new = parts.iter().map(|part| part.bytes.len() as u64).sum();
    room(inner, &key.account, new)
}

/// Whether an account may store so many bytes more.
pub(crate) fn room(
    inner: &Inner,
    account: &selvedge_deployments::AccountId,
    new: u64,
) -> Result<(), ApiError> {
    let limits = inner.store.account(account)?.and_then(|account| account.limits);
    let own = limits.and_then(|limits| limits.storage_bytes);
    let Some(limit) = own.or(inner.options.storage_bytes) else { return Ok(()) };
    if inner.store.storage_bytes(account)?.saturating_add(new) <= limit {
        return Ok(());
    }
    let text = format!("the account may store {limit} bytes of scripts and assets");
    Err(ApiError::new(http::StatusCode::PAYLOAD_TOO_LARGE, 10027, text))
}

/// Bindings to what the account does not have are refused.
fn check_bindings(
    inner: &Inner,
    key: &WorkerKey,
    content: &VersionContent,
) -> Result<(), ApiError> {
    for binding in &content.bindings {
        let name = &binding.name;
        match &binding.kind {
            BindingKind::Kv { namespace }
                if inner.store.kv_namespace(&key.account, namespace)?.is_none() =>
            {
                let text = format!("KV namespace '{namespace}' not found.");
                return Err(ApiError::bad(10041, text));
            }
            BindingKind::D1 { database }
                if !has(inner, key, ResourceKind::D1Database, database)? =>
            {
                let text = format!("D1 database '{database}' not found.");
                return Err(ApiError::bad(10181, text));
            }
            BindingKind::Queue { queue, .. }
                if inner.store.resource(&key.account, ResourceKind::Queue, queue)?.is_none() =>
            {
                let text = format!("Queue '{queue}' not found.");
                return Err(ApiError::bad(10160, text));
            }
            BindingKind::Dispatch { namespace, outbound } => {
                let kind = ResourceKind::DispatchNamespace;
                if inner.store.resource(&key.account, kind, namespace)?.is_none() {
                    return Err(crate::calls::dispatch::not_found(namespace));
                }
                let outbound = outbound.as_ref().map(|outbound| &outbound.service);
                if let Some(service) = outbound.filter(|service| **service != key.name)
                    && other(inner, key, service)?.is_none()
                {
                    let text = format!(
                        "Could not resolve the outbound Worker of the binding '{name}'. Target \
                         script '{service}' not found."
                    );
                    return Err(ApiError::bad(10143, text));
                }
            }
            BindingKind::Hyperdrive { config }
                if !has(inner, key, ResourceKind::Hyperdrive, config)? =>
            {
                let text = format!("Hyperdrive config '{config}' not found.");
                return Err(ApiError::bad(10157, text));
            }
            BindingKind::StoreSecret { store, secret } => {
                let wanted = format!("{store}/{secret}");
                let found =
                    inner.store.resource(&key.account, ResourceKind::StoreSecret, &wanted)?;
                if found.is_none_or(|found| found.name != wanted) {
                    let text = format!(
                        "failed to fetch secrets store binding due to authorization error - check \
                         deploy permissions and secret scopes: secret '{secret}' of the store \
                         '{store}' not found"
                    );
                    return Err(ApiError::bad(10021, text));
                }
            }
            BindingKind::R2 { bucket } => {
                let buckets = inner.host.buckets()?;
                let found = buckets.get(key.account.as_str(), bucket);
                if found.map_err(crate::calls::r2::failed)?.is_none() {
                    let text = format!(
                        "R2 bucket '{bucket}' not found. Please use a different name and try again."
                    );
                    return Err(ApiError::bad(10085, text));
                }
            }
            BindingKind::Service { service, .. }
                if *service != key.name && other(inner, key, service)?.is_none() =>
            {
                let text = format!(
                    "Could not resolve service binding '{name}'. Target script '{service}' not \
                     found."
                );
                return Err(ApiError::bad(10143, text));
            }
            BindingKind::Objects { script: Some(script), .. }
                if *script != key.name && other(inner, key, script)?.is_none() =>
            {
                let text =
                    format!("Cannot create binding {name}: the Worker '{script}' does not exist.");
                return Err(ApiError::bad(10061, text));
            }
            BindingKind::Workflow { workflow, script, .. } => {
                let bad = |text: String| ApiError::bad(INVALID_SCRIPT, text);
                selvedge_workflows::rules::check_name(workflow).map_err(bad)?;
                let is_others = script.as_ref().is_some_and(|script| *script != key.name);
                let known = inner.host.workflows()?.find(key.account.as_str(), workflow)?;
                if is_others && known.is_none() {
                    let text = format!(
                        "Cannot create binding {name}: workflow not found: there is no Workflow \
                         \"{workflow}\"."
                    );
                    return Err(ApiError::bad(10200, text));
                }
            }
            BindingKind::Assets if content.assets.is_none() => {
                let text = format!("binding {name} of type assets needs assets");
                return Err(ApiError::bad(INVALID_SCRIPT, text));
            }
            BindingKind::Wasm { part } => need_part(content, name, part, ModuleKind::Wasm)?,
            BindingKind::TextBlob { part } => need_part(content, name, part, ModuleKind::Text)?,
            BindingKind::DataBlob { part } => need_part(content, name, part, ModuleKind::Data)?,
            _ => {}
        }
    }
    Ok(())
}

/// Whether the account has what is bound by its id.
fn has(inner: &Inner, key: &WorkerKey, kind: ResourceKind, id: &str) -> Result<bool, ApiError> {
    let found = inner.store.resource(&key.account, kind, id)?;
    Ok(found.is_some_and(|found| found.id == id))
}

fn other(inner: &Inner, key: &WorkerKey, name: &str) -> Result<Option<()>, ApiError> {
    let Ok(other) = WorkerKey::new(key.account.clone(), name) else { return Ok(None) };
    Ok(inner.store.worker(&other)?.map(|_| ()))
}

fn need_part(
    content: &VersionContent,
    name: &str,
    part: &str,
    kind: ModuleKind,
) -> Result<(), ApiError> {
    if content.modules.iter().any(|module| module.name == part && module.kind == kind) {
        return Ok(());
    }
    let text = format!("the part \"{part}\" of the binding {name} is missing or of another type");
    Err(ApiError::bad(INVALID_SCRIPT, text))
}
