//! The static files of a version: what was uploaded before, by its token.

use std::collections::BTreeMap;

use selvedge_deployments::{AssetEntry, AssetsRef, AssetsSession, UnixMillis, Version, WorkerKey};

use super::Metadata;
use crate::Inner;
use crate::error::{ApiError, INVALID_SCRIPT};
use crate::jwt::{self, Purpose};

/// How long an upload of assets may take, and its files wait for a version: 1 h.
pub(crate) const SESSION_MS: UnixMillis = 3_600_000;

/// The assets that the metadata of an upload names.
pub(super) fn of(
    inner: &Inner,
    key: &WorkerKey,
    metadata: &Metadata,
    previous: Option<&Version>,
) -> Result<Option<AssetsRef>, ApiError> {
    let config = metadata.assets.as_ref().and_then(|assets| assets.config.clone());
    if let Some(token) = metadata.assets.as_ref().and_then(|assets| assets.jwt.as_deref()) {
        let session = session(inner, token, Purpose::Complete)?;
        if session.account != key.account || session.worker != key.name {
            return Err(invalid());
        }
        let manifest = manifest(inner, &session)?;
        return Ok(Some(AssetsRef { manifest, config: config.unwrap_or_default() }));
    }
    if metadata.keep_assets != Some(true) {
        return Ok(None);
    }
    let kept = previous.and_then(|version| version.content.assets.clone());
    let mut kept = kept.ok_or_else(|| {
        ApiError::bad(INVALID_SCRIPT, "the Worker has no assets that could be kept")
    })?;
    if let Some(config) = config {
        kept.config = config;
    }
    Ok(Some(kept))
}

/// The session of a token.
pub(crate) fn session(
    inner: &Inner,
    token: &str,
    purpose: Purpose,
) -> Result<AssetsSession, ApiError> {
    let now = (inner.options.clock)();
    let claims = jwt::verify(&inner.upload_key, token, now.div_euclid(1000))
        .filter(|claims| claims.purpose == purpose)
        .ok_or_else(invalid)?;
    inner.store.assets_session(&claims.session)?.ok_or_else(invalid)
}

fn invalid() -> ApiError {
    let text = "the token of the assets upload is not valid, or has expired: upload them again";
    ApiError::new(http::StatusCode::UNAUTHORIZED, 100_115, text)
}

/// Which of a session's files are there.
pub(crate) fn entries(
    inner: &Inner,
    session: &AssetsSession,
) -> Result<BTreeMap<String, AssetEntry>, ApiError> {
    let hashes: Vec<&str> = session.manifest.values().map(|(hash, _)| hash.as_str()).collect();
    Ok(inner.store.known_assets(&session.account, &hashes)?)
}

fn manifest(
    inner: &Inner,
    session: &AssetsSession,
) -> Result<BTreeMap<String, AssetEntry>, ApiError> {
    let known = entries(inner, session)?;
    let entry = |(path, (hash, _)): (&String, &(String, u64))| {
        let entry = known.get(hash).ok_or_else(|| {
            ApiError::bad(INVALID_SCRIPT, format!("the asset {path} was not uploaded"))
        })?;
        Ok((path.clone(), entry.clone()))
    };
    session.manifest.iter().map(entry).collect()
}
