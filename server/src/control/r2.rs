//! The verbs of R2.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use selvedge_r2::Error;
use selvedge_r2::conditions::Conditions;
use selvedge_r2::rules::Range;
use selvedge_r2::store::{Bucket, BucketInfo, CatalogError, Expected, Got, ListQuery, Page, Put};

use super::protocol::{Failure, FailureKind, R2BucketEntry, R2Page, Reply, Request};
use crate::backends::Backends;
use crate::bindings::NO_ACCOUNT;

pub(super) async fn execute(
    backends: &Backends,
    request: Request,
    bytes: Bytes,
) -> Result<Reply, Failure> {
    let catalog = backends.buckets()?;
    match request {
        Request::R2Buckets => {
            let all = catalog.list(NO_ACCOUNT).map_err(failed)?;
            Reply::json(&all.into_iter().map(entry).collect::<Vec<_>>())
        }
        Request::R2Create { name, storage_class, location } => {
            let made = catalog.create(NO_ACCOUNT, &name, location.as_deref(), storage_class);
            made.map_err(refused)?;
            Reply::json(&true)
        }
        Request::R2Info { name } => {
            let (info, bucket) = catalog.existing(NO_ACCOUNT, &name).map_err(refused)?;
            let figures = bucket.figures().await.map_err(failed)?;
            let figures = Some((figures.objects, figures.bytes));
            Reply::json(&R2BucketEntry { figures, ..entry(info) })
        }
        Request::R2DeleteBucket { name } => {
            catalog.delete(NO_ACCOUNT, &name).map_err(refused)?;
            Reply::json(&true)
        }
        Request::R2List { bucket, prefix, delimiter, cursor, limit } => {
            let query = ListQuery { prefix, delimiter, cursor, limit, start_after: None };
            let page = existing(backends, &bucket)?.list(query).await.map_err(failed)?;
            let Page { objects, prefixes, cursor } = page;
            Reply::json(&R2Page { objects, prefixes, cursor })
        }
        Request::R2Head { bucket, key } => {
            Reply::json(&existing(backends, &bucket)?.head(&key).map_err(failed)?)
        }
        Request::R2Get { bucket, key, version, offset, length } => {
            let bucket = existing(backends, &bucket)?;
            let range = Range { offset: Some(offset), length: Some(length), suffix: None };
            get(&bucket, &key, &version, range).await
        }
        Request::R2Delete { bucket, key } => {
            existing(backends, &bucket)?.delete(vec![key]).await.map_err(failed)?;
            Reply::json(&true)
        }
        request => write(backends, request, bytes).await,
    }
}

async fn write(backends: &Backends, request: Request, bytes: Bytes) -> Result<Reply, Failure> {
    match request {
        Request::R2Put { bucket, key, attributes, make } => {
            let bucket = found(backends, &bucket, make)?;
            let mut writer = bucket.writer(Expected::default());
            writer.write(bytes).await.map_err(failed)?;
            let put = Put { key, attributes, ..Put::default() };
            Reply::json(&bucket.put(put, writer).await.map_err(failed)?.is_some())
        }
        Request::R2CreateUpload { bucket, key, attributes, make } => {
            let bucket = found(backends, &bucket, make)?;
            Reply::json(&bucket.create_upload(key, attributes).await.map_err(failed)?)
        }
        Request::R2PutPart { bucket, key, upload, number } => {
            let bucket = existing(backends, &bucket)?;
            let mut writer = bucket.writer(Expected::default());
            writer.write(bytes).await.map_err(failed)?;
            Reply::json(&bucket.put_part(key, upload, number, writer).await.map_err(failed)?)
        }
        Request::R2CompleteUpload { bucket, key, upload, parts } => {
            let bucket = existing(backends, &bucket)?;
            bucket.complete_upload(key, upload, parts).await.map_err(failed)?;
            Reply::json(&true)
        }
        Request::R2AbortUpload { bucket, key, upload } => {
            existing(backends, &bucket)?.abort_upload(key, upload).await.map_err(failed)?;
            Reply::json(&true)
        }
        _ => Err(Failure::new(FailureKind::Internal, "no verb of R2")),
    }
}

async fn get(bucket: &Bucket, key: &str, version: &str, range: Range) -> Result<Reply, Failure> {
    let mut all = BytesMut::new();
    if let Got::Found(mut found) = bucket.get(key, range, &Conditions::default()).map_err(failed)?
        && found.object.version == version
    {
        while let Some(piece) = found.body.next().await.map_err(failed)? {
            all.extend_from_slice(&piece);
        }
    }
    let mut reply = Reply::json(&true)?;
    reply.bytes = all.freeze();
    Ok(reply)
}

fn existing(backends: &Backends, name: &str) -> Result<Arc<Bucket>, Failure> {
    found(backends, name, false)
}

/// The bucket of a name; `make` it where a configuration has it.
fn found(backends: &Backends, name: &str, make: bool) -> Result<Arc<Bucket>, Failure> {
    if make {
        return Ok(backends.r2(NO_ACCOUNT, name)?);
    }
    let found = backends.buckets()?.existing(NO_ACCOUNT, name);
    found.map(|(_, bucket)| bucket).map_err(refused)
}

fn entry(info: BucketInfo) -> R2BucketEntry {
    let BucketInfo { name, created, storage_class, location, .. } = info;
    R2BucketEntry { name, created, storage_class, location, figures: None }
}

fn refused(error: CatalogError) -> Failure {
    match error {
        CatalogError::Store(error) => failed(error),
        error => Failure::new(FailureKind::Invalid, error.to_string()),
    }
}

fn failed(error: Error) -> Failure {
    match error {
        Error::Refused(refusal) => Failure::new(FailureKind::Invalid, refusal.to_string()),
        error => Failure::new(FailureKind::Internal, error.to_string()),
    }
}
