//! Uploads of scripts: from a multipart body to a version that may be stored.

mod assets;
mod bindings;
mod metadata;
mod objects;
mod publish;
mod script;

pub(crate) use assets::{SESSION_MS, entries, session};
pub(crate) use bindings::shown;
pub(crate) use metadata::Metadata;
use objects::change_of;
pub(crate) use publish::{Mode, publish};
pub(crate) use script::room;

use bytes::Bytes;
use selvedge_deployments::{Account, ModuleKind, WorkerKey};

use crate::body::{multipart_error, part, too_large};
use crate::call::Cx;
use crate::error::{ApiError, INVALID_SCRIPT, SCRIPT_TOO_LARGE};

/// What the metadata may take beside the modules: 1 MiB.
const METADATA_BYTES: u64 = 1024 * 1024;

/// A script as it came.
#[derive(Debug)]
pub(crate) struct Upload {
    pub(crate) metadata: Metadata,
    pub(crate) parts: Vec<Part>,
}

/// A module as it came.
#[derive(Debug)]
pub(crate) struct Part {
    pub(crate) name: String,
    pub(crate) kind: ModuleKind,
    pub(crate) bytes: Bytes,
}

/// Reads the multipart body of an upload.
pub(crate) async fn read(cx: &mut Cx, key: &WorkerKey) -> Result<Upload, ApiError> {
    let limit = script_limit(cx, key).await?;
    let mut multipart = cx.multipart(limit.saturating_add(METADATA_BYTES))?;
    let failed = |error: multer::Error| multipart_error(&error, SCRIPT_TOO_LARGE);
    let mut metadata = None;
    let mut parts = Vec::new();
    let mut sum = 0;
    while let Some(field) = multipart.next_field().await.map_err(failed)? {
        let name = field.file_name().or(field.name()).unwrap_or_default().to_owned();
        if field.name() == Some("metadata") {
            let text = part(field).await.map_err(failed)?;
            metadata = Some(Metadata::parse(&text)?);
            continue;
        }
        let kind = kind(&name, field.content_type().map(|kind| kind.essence_str()))?;
        let bytes = part(field).await.map_err(failed)?;
        sum += bytes.len() as u64;
        // The rest is read all the same, so that the client sees the answer.
        if sum <= limit {
            parts.push(Part { name, kind, bytes });
        }
    }
    if sum > limit {
        return Err(too_large(SCRIPT_TOO_LARGE, limit));
    }
    let missing = || ApiError::bad(INVALID_SCRIPT, "the upload has no part named \"metadata\"");
    Ok(Upload { metadata: metadata.ok_or_else(missing)?, parts })
}

async fn script_limit(cx: &Cx, key: &WorkerKey) -> Result<u64, ApiError> {
    let id = key.account.clone();
    let account: Option<Account> = cx.store(move |store| store.account(&id)).await?;
    let own = account.and_then(|account| account.limits).and_then(|limits| limits.script_bytes);
    Ok(own.unwrap_or(cx.options().script_bytes))
}

/// What a part is, by its type.
fn kind(name: &str, content_type: Option<&str>) -> Result<ModuleKind, ApiError> {
    Ok(match content_type.unwrap_or_default() {
        "application/javascript+module" | "text/javascript+module" => ModuleKind::EsModule,
        "application/javascript" | "text/javascript" => ModuleKind::CommonJs,
        "application/json" => ModuleKind::Json,
        "application/wasm" => ModuleKind::Wasm,
        "application/octet-stream" => ModuleKind::Data,
        "application/source-map" => ModuleKind::SourceMap,
        "text/plain" | "text/html" => ModuleKind::Text,
        "text/x-python" | "text/x-python-requirement" => {
            return Err(ApiError::bad(INVALID_SCRIPT, "Python Workers are not supported"));
        }
        other => {
            let text = format!("the module \"{name}\" has the unknown type \"{other}\"");
            return Err(ApiError::bad(INVALID_SCRIPT, text));
        }
    })
}
