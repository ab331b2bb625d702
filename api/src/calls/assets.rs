//! Uploads of static files: a session says which there are to be, and gets those
//! that the account does not have yet.

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::StatusCode;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use selvedge_deployments::{AssetEntry, AssetsSession};
use serde::Deserialize;
use serde_json::json;

use super::scripts::new_worker;
use crate::Inner;
use crate::body::{multipart_error, part, too_large};
use crate::call::Cx;
use crate::error::ApiError;
use crate::jwt::{self, Claims, Purpose};
use crate::options::{ASSET_BYTES, MAX_ASSETS};
use crate::reply::{Answer, Reply};
use crate::upload::{self, SESSION_MS};

/// Files that a client may send in one request, together: 40 MiB, but always one.
const BUCKET_BYTES: u64 = 40 * 1024 * 1024;
/// Files of one request.
const BUCKET_FILES: usize = 500;
/// The body of a request with a bucket in base64, and what stands around it.
const BODY_BYTES: u64 = 64 * 1024 * 1024;
/// The manifest of 20,000 files.
const MANIFEST_BYTES: usize = 16 * 1024 * 1024;
/// A path of a file.
const MAX_PATH_BYTES: usize = 1024;

#[derive(Deserialize)]
struct Manifest {
    manifest: BTreeMap<String, File>,
}

#[derive(Deserialize)]
struct File {
    hash: String,
    size: u64,
}

fn check(manifest: &BTreeMap<String, File>) -> Result<(), ApiError> {
    if manifest.len() > MAX_ASSETS {
        let text = format!("a Worker has at most {MAX_ASSETS} assets");
        return Err(ApiError::bad(100_101, text));
    }
    for (path, File { hash, size }) in manifest {
        if !path.starts_with('/') || path.len() > MAX_PATH_BYTES {
            let text = format!("\"{path}\" is not the path of an asset: it begins with /");
            return Err(ApiError::bad(100_102, text));
        }
        if hash.len() != 32 || !hash.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
            let text = format!("the hash of {path} is not 32 hexadecimal digits");
            return Err(ApiError::bad(100_103, text));
        }
        if *size > ASSET_BYTES {
            let text = format!("{path} has {size} bytes, and an asset at most {ASSET_BYTES}");
            return Err(ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, 100_104, text));
        }
    }
    Ok(())
}

/// Begins an upload.
pub(crate) async fn begin(mut cx: Cx) -> Answer {
    let key = new_worker(&cx)?;
    let Manifest { manifest } = cx.json_within(MANIFEST_BYTES).await?;
    check(&manifest)?;
    let manifest = manifest.into_iter().map(|(path, file)| (path, (file.hash, file.size)));
    let session = AssetsSession {
        id: selvedge_deployments::DeploymentId::random().to_string(),
        account: key.account,
        worker: key.name,
        manifest: manifest.collect(),
        expires_on: cx.now() + SESSION_MS,
    };
    cx.blocking(move |inner| {
        let missing = missing(inner, &session)?;
        let new = missing.iter().map(|(_, size)| size).sum();
        upload::room(inner, &session.account, new)?;
        inner.store.create_assets_session(session.clone())?;
        let purpose = if missing.is_empty() { Purpose::Complete } else { Purpose::Upload };
        let token = token(inner, &session, purpose);
        Ok(Reply::ok(json!({ "jwt": token, "buckets": buckets(&missing) })))
    })
    .await
}

fn token(inner: &Inner, session: &AssetsSession, purpose: Purpose) -> String {
    let exp = session.expires_on.div_euclid(1000);
    jwt::sign(&inner.upload_key, &Claims { session: session.id.clone(), purpose, exp })
}

/// The files that the account does not have, each content once.
fn missing(inner: &Inner, session: &AssetsSession) -> Result<Vec<(String, u64)>, ApiError> {
    let known = upload::entries(inner, session)?;
    let wanted: BTreeSet<(String, u64)> =
        session.manifest.values().filter(|(hash, _)| !known.contains_key(hash)).cloned().collect();
    Ok(wanted.into_iter().collect())
}

/// What is to come in one request each.
fn buckets(missing: &[(String, u64)]) -> Vec<Vec<&str>> {
    let mut buckets: Vec<Vec<&str>> = Vec::new();
    let mut bytes = 0;
    for (hash, size) in missing {
        match buckets.last_mut() {
            Some(bucket) if bytes + size <= BUCKET_BYTES && bucket.len() < BUCKET_FILES => {
                bytes += size;
                bucket.push(hash);
            }
            _ => {
                bytes = *size;
                buckets.push(vec![hash]);
            }
        }
    }
    buckets
}

/// The session of a request, by its own token. The path must name its account.
async fn session(cx: &Cx) -> Result<AssetsSession, ApiError> {
    let value = cx.parts.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok());
    let token = value.and_then(|value| value.split_once(' ')).map(|(_, token)| token.trim());
    let token = token.unwrap_or_default().to_owned();
    let account = cx.account()?;
    let now = cx.now();
    let peer = cx.peer;
    let found = cx.blocking(move |inner| {
        let session = upload::session(inner, &token, Purpose::Upload);
        if session.is_err()
            && let Some(seconds) = inner.failures.note(peer, now)
        {
            let text = "too many requests with tokens that are not valid";
            let mut error = ApiError::new(StatusCode::TOO_MANY_REQUESTS, 971, text);
            error.retry_after = Some(seconds);
            return Err(error);
        }
        session
    });
    let session = found.await?;
    if session.account == account { Ok(session) } else { Err(ApiError::forbidden("")) }
}

/// A file that came.
struct New {
    hash: String,
    content_type: Option<String>,
    content: Bytes,
}

/// Several files, in base64.
pub(crate) async fn upload(mut cx: Cx) -> Answer {
    let session = session(&cx).await?;
    let is_base64 = cx.query("base64") == Some("true");
    let mut multipart = cx.multipart(BODY_BYTES)?;
    let failed = |error: multer::Error| multipart_error(&error, 10027);
    let mut files = Vec::new();
    while let Some(field) = multipart.next_field().await.map_err(failed)? {
        let hash = field.name().unwrap_or_default().to_owned();
        let kind = field.content_type().map(ToString::to_string);
        let body = part(field).await.map_err(failed)?;
        let content = match is_base64 {
            true => decode(&hash, &body)?,
            false => body,
        };
        files.push(New { hash, content_type: real_type(kind), content });
    }
    take(&cx, session, files).await
}

/// One file, as it is.
pub(crate) async fn upload_one(mut cx: Cx) -> Answer {
    let session = session(&cx).await?;
    let hash = cx.param("hash")?.to_owned();
    let kind = cx.parts.headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let content_type = real_type(kind.map(str::to_owned));
    let limit = usize::try_from(ASSET_BYTES).unwrap_or(usize::MAX);
    let content = cx.bytes(limit, 100_104).await?;
    take(&cx, session, vec![New { hash, content_type, content }]).await
}

fn decode(hash: &str, body: &[u8]) -> Result<Bytes, ApiError> {
    let invalid = |_| ApiError::bad(100_105, format!("the content of {hash} is not base64"));
    let text: Vec<u8> = body.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect();
    STANDARD.decode(text).map(Bytes::from).map_err(invalid)
}

/// Wrangler's `application/null` stands for none.
fn real_type(kind: Option<String>) -> Option<String> {
    kind.filter(|kind| !kind.is_empty() && !kind.starts_with("application/null"))
}

/// Stores files. Gives the token for the version when all are there.
async fn take(cx: &Cx, session: AssetsSession, files: Vec<New>) -> Answer {
    cx.blocking(move |inner| {
        let sizes: BTreeMap<&str, u64> =
            session.manifest.values().map(|(hash, size)| (hash.as_str(), *size)).collect();
        for file in &files {
            check_file(&sizes, file)?;
        }
        let mut entries = Vec::new();
        for New { hash, content_type, content } in files {
            let blob = inner.store.put_blob(&content)?;
            let size = content.len() as u64;
            entries.push(AssetEntry { hash, blob, size, content_type });
        }
        inner.store.put_assets(&session.account, &entries)?;
        let complete = missing(inner, &session)?.is_empty();
        let token = complete.then(|| token(inner, &session, Purpose::Complete));
        Ok(Reply::Result {
            status: if complete { StatusCode::CREATED } else { StatusCode::ACCEPTED },
            result: json!({ "jwt": token }),
            info: None,
            messages: Vec::new(),
        })
    })
    .await
}

fn check_file(sizes: &BTreeMap<&str, u64>, file: &New) -> Result<(), ApiError> {
    let size = file.content.len() as u64;
    if size > ASSET_BYTES {
        return Err(too_large(100_104, ASSET_BYTES));
    }
    match sizes.get(file.hash.as_str()) {
        None => {
            let text = format!("the file {} is not in the manifest of the upload", file.hash);
            Err(ApiError::bad(100_106, text))
        }
        Some(said) if *said != size => {
            let text =
                format!("the file {} has {size} bytes, and the manifest says {said}", file.hash);
            Err(ApiError::bad(100_107, text))
        }
        Some(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_come_in_requests_of_a_size() {
        let file = |name: &str, size| (name.to_owned(), size);
        let missing =
            [file("a", BUCKET_BYTES), file("b", 1), file("c", 1), file("d", BUCKET_BYTES - 2)];
        assert_eq!(buckets(&missing), [vec!["a"], vec!["b", "c", "d"]]);
        let many: Vec<_> = (0..=BUCKET_FILES).map(|n| file(&n.to_string(), 0)).collect();
        assert_eq!(buckets(&many).len(), 2);
        assert!(buckets(&[]).is_empty());
    }
}
