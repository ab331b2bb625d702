//! From an upload to a version that is stored, and serves if it is to.
//!
//! What can fail comes first and changes nothing. What changes something then
//! runs to its end, whether or not the client still waits.

use selvedge_deployments::{Actor, NewVersion, Script, Then, Version, WorkerKey};
use serde_json::Value;

use super::{Upload, change_of, objects, script};
use crate::Api;
use crate::calls::settings::check_tail_consumers;
use crate::error::ApiError;
use crate::host::{Commit, ObjectsChange};

/// What becomes of the version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// It is stored, and waits for a deployment.
    Store,
    /// It gets all requests.
    Deploy,
}

/// What was made.
pub(crate) struct Published {
    pub(crate) version: Version,
    /// What became of the classes that `exports` names.
    pub(crate) reconciliation: Option<Value>,
    pub(crate) notes: Vec<String>,
}

/// All of it. The Worker is held meanwhile.
pub(crate) async fn publish(
    api: &Api,
    key: &WorkerKey,
    upload: Upload,
    mode: Mode,
    source: &'static str,
    by: Actor,
) -> Result<Published, ApiError> {
    let held = api.0.locks.hold(key).await;
    if mode == Mode::Store && upload.metadata.migrations.is_some() {
        let text = "Version upload failed. You attempted to upload a version of a Worker that \
                    includes a Durable Object migration, but migrations must be fully applied by \
                    running `wrangler deploy`.";
        return Err(ApiError::bad(10211, text));
    }
    let metadata = upload.metadata.clone();
    let of_upload = metadata.clone();
    let wanted = key.clone();
    let (mut version, change) = api
        .blocking(move |inner| {
            check_tail_consumers(inner, &wanted, of_upload.tail_consumers.iter().flatten())?;
            let streaming = of_upload.streaming_tail_consumers.iter().flatten();
            check_tail_consumers(inner, &wanted, streaming)?;
            let migrations = objects::pending(inner, &wanted, upload.metadata.migrations.clone())?;
            let version = script::version(inner, &wanted, upload, source)?;
            let change = change_of(&version, migrations);
            try_objects(inner, &wanted, &change)?;
            Ok((version, change))
        })
        .await?;
    start(api, key, &mut version).await?;
    let (api, key) = (api.clone(), key.clone());
    let commit = async move {
        let _held = held;
        commit(&api, &key, version, change, mode, metadata, by).await
    };
    let done = tokio::spawn(commit).await;
    done.unwrap_or_else(|error| Err(ApiError::internal(&format!("a deploy ended: {error}"))))
}

fn try_objects(
    inner: &crate::Inner,
    key: &WorkerKey,
    change: &ObjectsChange,
) -> Result<(), ApiError> {
    if objects::is_empty(change) {
        return Ok(());
    }
    inner.host.change_objects(key, change, Commit::No)?;
    Ok(())
}

/// Starts it once: what does not start is not stored.
async fn start(api: &Api, key: &WorkerKey, version: &mut NewVersion) -> Result<(), ApiError> {
    if version.content.script == Script::AssetsOnly {
        return Ok(());
    }
    let started = api.0.host.validate(key, version).await?;
    version.handlers = started.handlers;
    version.named_handlers = started.named_handlers;
    version.startup_time_ms = Some(started.startup_time_ms);
    Ok(())
}

async fn commit(
    api: &Api,
    key: &WorkerKey,
    version: NewVersion,
    change: ObjectsChange,
    mode: Mode,
    metadata: super::Metadata,
    by: Actor,
) -> Result<Published, ApiError> {
    let wanted = key.clone();
    let published = api
        .blocking(move |inner| {
            let mut published_notes = (None, Vec::new());
            if mode == Mode::Deploy && !objects::is_empty(&change) {
                let changed = inner.host.change_objects(&wanted, &change, Commit::Yes)?;
                published_notes = (changed.reconciliation, changed.notes);
            }
            let then = match mode {
                Mode::Store => Then::Keep,
                Mode::Deploy => {
                    let before = inner.store.worker(&wanted)?.map(|worker| worker.settings);
                    let mut annotations = version.annotations.clone();
                    annotations.insert("workers/triggered_by".to_owned(), "upload".to_owned());
                    let settings = Some(metadata.settings(before.unwrap_or_default()));
                    Then::Deploy { annotations, settings }
                }
            };
            let mut version = version;
            let annotations = &mut version.annotations;
            annotations.insert("workers/triggered_by".to_owned(), "upload".to_owned());
            let version = inner.store.put_version(&wanted, version, then, &by)?;
            let (reconciliation, notes) = published_notes;
            Ok(Published { version, reconciliation, notes })
        })
        .await?;
    api.0.host.apply(key).await?;
    Ok(published)
}
