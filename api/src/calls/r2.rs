//! R2: buckets, and their objects.

mod objects;

pub(crate) use objects::{
    body_of, delete_object, object, objects, put_object, read_metadata, write_metadata,
};

use std::sync::Arc;

use http::StatusCode;
use selvedge_r2::object::StorageClass;
use selvedge_r2::rules::Refusal;
use selvedge_r2::store::{Bucket, BucketInfo, CatalogError};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::call::Cx;
use crate::error::ApiError;
use crate::reply::{Answer, Reply};
use crate::time::iso;

/// The header with a storage class.
const STORAGE_CLASS: &str = "cf-r2-storage-class";

fn shown(bucket: &BucketInfo) -> Value {
    let mut shown = json!({
        "name": bucket.name,
        "creation_date": iso(bucket.created),
        "storage_class": bucket.storage_class.as_str(),
        "jurisdiction": "default",
    });
    if let Some(location) = &bucket.location {
        shown["location"] = location.to_uppercase().into();
    }
    shown
}

/// An error of the files, as an answer.
pub(crate) fn failed(error: selvedge_r2::Error) -> ApiError {
    match error {
        selvedge_r2::Error::Refused(refusal) => refused(&refusal),
        selvedge_r2::Error::Storage(error) => error.into(),
    }
}

fn refused(refusal: &Refusal) -> ApiError {
    let status = StatusCode::from_u16(refusal.status).unwrap_or(StatusCode::BAD_REQUEST);
    ApiError::new(status, refusal.code, refusal.message.clone())
}

fn not_done(error: CatalogError) -> ApiError {
    match error {
        CatalogError::Taken(_) => ApiError::conflict(
            10004,
            "The bucket you tried to create already exists, and you own it.",
        ),
        CatalogError::NotFound(_) => refused(&Refusal::no_such_bucket()),
        CatalogError::BadName(_) => ApiError::bad(10005, "The specified bucket name is not valid."),
        CatalogError::NotEmpty(_) => {
            ApiError::conflict(10008, "The bucket you tried to delete is not empty.")
        }
        CatalogError::Store(error) => failed(error),
    }
}

fn class_of(cx: &Cx) -> Result<Option<StorageClass>, ApiError> {
    let Some(header) = cx.parts.headers.get(STORAGE_CLASS) else { return Ok(None) };
    class(header.to_str().unwrap_or_default()).map(Some)
}

fn class(name: &str) -> Result<StorageClass, ApiError> {
    name.parse().map_err(|refusal| refused(&refusal))
}

pub(crate) async fn buckets(cx: Cx) -> Answer {
    let account = cx.account()?;
    let part = cx.query("name_contains").unwrap_or_default().to_owned();
    let mut all = cx
        .blocking(move |inner| inner.host.buckets()?.list(account.as_str()).map_err(failed))
        .await?;
    all.retain(|bucket| bucket.name.contains(&part));
    if cx.query("direction") == Some("desc") {
        all.reverse();
    }
    let (page, per_page) = cx.page(1000, 1000)?;
    // Clients go from page to page by the name of the last bucket.
    let after = cx.query("cursor").map(str::to_owned);
    let rest = all.iter().filter(|bucket| after.as_ref().is_none_or(|name| bucket.name > *name));
    let page: Vec<&BucketInfo> = rest.skip((page - 1) * per_page).take(per_page + 1).collect();
    let cursor = (page.len() > per_page).then(|| page[per_page - 1].name.clone());
    let shown: Vec<Value> = page.iter().take(per_page).map(|bucket| shown(bucket)).collect();
    let info = json!({ "per_page": per_page, "cursor": cursor.unwrap_or_default() });
    Ok(Reply::ok(json!({ "buckets": shown })).with_info(info))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct NewBucket {
    name: String,
    location_hint: Option<String>,
    storage_class: Option<String>,
}

pub(crate) async fn create(mut cx: Cx) -> Answer {
    let account = cx.account()?;
    let NewBucket { name, location_hint, storage_class } = cx.json().await?;
    let class = storage_class.map(|name| class(&name)).transpose()?.unwrap_or_default();
    let made = cx
        .blocking(move |inner| {
            let buckets = inner.host.buckets()?;
            let hint = location_hint.as_deref();
            buckets.create(account.as_str(), &name, hint, class).map_err(not_done)
        })
        .await?;
    Ok(Reply::ok(shown(&made)))
}

/// The bucket of the path. That of another account is none.
async fn bucket(cx: &Cx) -> Result<(BucketInfo, Arc<Bucket>), ApiError> {
    let account = cx.account()?;
    let name = cx.param("bucket")?.to_owned();
    cx.blocking(move |inner| {
        inner.host.buckets()?.existing(account.as_str(), &name).map_err(not_done)
    })
    .await
}

pub(crate) async fn get(cx: Cx) -> Answer {
    let (info, bucket) = bucket(&cx).await?;
    let mut shown = shown(&info);
    // Not of Cloudflare: what its clients ask another API for.
    let figures = bucket.figures().await.map_err(failed)?;
    shown["object_count"] = figures.objects.into();
    shown["payload_size"] = figures.bytes.into();
    Ok(Reply::ok(shown))
}

pub(crate) async fn update(cx: Cx) -> Answer {
    let account = cx.account()?;
    let name = cx.param("bucket")?.to_owned();
    let missing = || ApiError::bad(10029, format!("the header {STORAGE_CLASS} is missing"));
    let class = class_of(&cx)?.ok_or_else(missing)?;
    let info = cx
        .blocking(move |inner| {
            let buckets = inner.host.buckets()?;
            buckets.set_storage_class(account.as_str(), &name, class).map_err(not_done)
        })
        .await?;
    Ok(Reply::ok(shown(&info)))
}

pub(crate) async fn delete(cx: Cx) -> Answer {
    let account = cx.account()?;
    let name = cx.param("bucket")?.to_owned();
    cx.blocking(move |inner| {
        inner.host.buckets()?.delete(account.as_str(), &name).map_err(not_done)
    })
    .await?;
    Ok(Reply::ok(json!({})))
}
