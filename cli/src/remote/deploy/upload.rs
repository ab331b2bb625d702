//! The upload itself: a version and its deployment, or both in one where
//! something must be migrated.

use std::hash::{BuildHasher as _, RandomState};

use selvedge_client::models::Share;
use selvedge_client::{Multipart, Part};

use super::super::args::BuildArgs;
use super::super::output::warn;
use super::Prepared;
use super::assets::{bytes_bar, progress};
use super::metadata::{metadata, script_settings};
use super::migrations::Pending;

/// What the server made of it.
#[derive(Debug, Clone)]
pub(super) struct Uploaded {
    pub(super) version_id: String,
    pub(super) deployment_id: Option<String>,
    pub(super) startup_ms: Option<f64>,
    pub(super) has_preview: bool,
}

/// Uploads and deploys.
pub(super) async fn deploy(
    prepared: &Prepared,
    args: &BuildArgs,
    pending: &Pending,
    assets: Option<String>,
) -> anyhow::Result<Uploaded> {
    // A version cannot bring migrations, and a Worker that is not there has none.
    // Nor has one of a dispatch namespace versions to choose from.
    if *pending != Pending::Nothing
        || prepared.built.is_service_worker()
        || prepared.namespace.is_some()
    {
        return at_once(prepared, args, pending, assets).await;
    }
    let mut uploaded = version(prepared, args, pending, assets).await?;
    let share = Share { version_id: uploaded.version_id.clone(), percentage: 100.0 };
    let script = prepared.script();
    let deployment = script.deploy(&[share], args.message.as_deref(), false).await;
    let deployment = deployment.map_err(|error| prepared.remote.explain(error))?;
    uploaded.deployment_id = Some(deployment.id);
    let settings = script_settings(&prepared.built);
    if let Err(error) = script.patch("/script-settings").json(&settings).done().await {
        warn(&format!("it is deployed, but its settings were not changed: {error}"));
    }
    Ok(uploaded)
}

/// Uploads a version that takes no requests. What `exports` say goes with it.
pub(super) async fn version(
    prepared: &Prepared,
    args: &BuildArgs,
    pending: &Pending,
    assets: Option<String>,
) -> anyhow::Result<Uploaded> {
    let form = form(prepared, args, pending, assets.as_deref())?;
    let bar = bytes_bar(form.body().length(), "uploading");
    let version = prepared.script().upload_version(&form, Some(progress(&bar))).await;
    bar.finish_and_clear();
    let version = version.map_err(|error| prepared.remote.explain(error))?;
    Ok(Uploaded {
        version_id: version.id,
        deployment_id: None,
        startup_ms: version.startup_time_ms,
        has_preview: version.metadata.has_preview,
    })
}

async fn at_once(
    prepared: &Prepared,
    args: &BuildArgs,
    pending: &Pending,
    assets: Option<String>,
) -> anyhow::Result<Uploaded> {
    let form = form(prepared, args, pending, assets.as_deref())?;
    let bar = bytes_bar(form.body().length(), "uploading");
    let uploaded = prepared.script().upload(&form, Some(progress(&bar))).await;
    bar.finish_and_clear();
    let uploaded = uploaded.map_err(|error| prepared.remote.explain(error))?;
    Ok(Uploaded {
        version_id: with_hyphens(&uploaded.deployment_id.unwrap_or_default()),
        deployment_id: None,
        startup_ms: uploaded.startup_time_ms,
        has_preview: false,
    })
}

fn form(
    prepared: &Prepared,
    args: &BuildArgs,
    pending: &Pending,
    assets: Option<&str>,
) -> anyhow::Result<Multipart> {
    let metadata = metadata(&prepared.built, args, pending, assets);
    let mut form = Multipart::new(boundary(0));
    form = form.part(Part::field("metadata", metadata.to_string()));
    for part in prepared.built.parts()? {
        form = form.part(part);
    }
    Ok(form)
}

/// Text that no module holds by chance.
pub(super) fn boundary(number: usize) -> String {
    let random = || RandomState::new().hash_one(number);
    format!("----selvedge-{:016x}{:016x}", random(), random())
}

/// An id as a UUID is written, whichever way the server writes it.
fn with_hyphens(id: &str) -> String {
    let is_bare = id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
    if !is_bare {
        return id.to_owned();
    }
    [&id[..8], &id[8..12], &id[12..16], &id[16..20], &id[20..]].join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_uuids() {
        let bare = "0123456789abcdef0123456789abcdef";
        let uuid = "01234567-89ab-cdef-0123-456789abcdef";
        assert_eq!(with_hyphens(bare), uuid);
        assert_eq!(with_hyphens(uuid), uuid);
    }

    #[test]
    fn boundaries_differ() {
        assert_ne!(boundary(0), boundary(0));
    }
}
