//! The objects of a bucket.

use futures::StreamExt as _;
use http::header::{
    CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_LENGTH,
    CONTENT_TYPE, ETAG, EXPIRES, HeaderName, LAST_MODIFIED,
};
use http::{HeaderMap, HeaderValue, Response};
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::Frame;
use selvedge_r2::conditions::Conditions;
use selvedge_r2::object::{Attributes, HttpMetadata, Object};
use selvedge_r2::rules::{Range, Refusal};
use selvedge_r2::store::{Body as ObjectBody, Bucket, Expected, Got, ListQuery, Put};
use serde_json::{Value, json};

use super::{bucket, class_of, failed, refused};
use crate::call::Cx;
use crate::error::ApiError;
use crate::reply::{Answer, Body, Reply, whole};
use crate::time::iso;

/// Objects of a page, where nothing is said.
const PER_PAGE: u64 = 20;

fn shown(object: &Object) -> Value {
    json!({
        "key": object.key,
        "etag": object.etag,
        "last_modified": iso(object.uploaded),
        "size": object.size,
        "version": object.version,
        "storage_class": object.storage_class.as_str(),
        "http_metadata": object.http_metadata,
        "custom_metadata": object.custom_metadata.iter().cloned()
            .collect::<std::collections::BTreeMap<_, _>>(),
    })
}

pub(crate) async fn objects(cx: Cx) -> Answer {
    let (_, bucket) = bucket(&cx).await?;
    let text = |name: &str| cx.query(name).filter(|text| !text.is_empty()).map(str::to_owned);
    let limit = cx.number("per_page")?.unwrap_or(PER_PAGE);
    let query = ListQuery {
        prefix: text("prefix").unwrap_or_default(),
        delimiter: text("delimiter"),
        start_after: text("start_after"),
        cursor: text("cursor"),
        limit: usize::try_from(limit).unwrap_or(usize::MAX),
    };
    let page = bucket.list(query).await.map_err(failed)?;
    let info = json!({
        "cursor": page.cursor.as_deref().unwrap_or_default(),
        "is_truncated": page.cursor.is_some(),
        "delimited": page.prefixes,
        "per_page": limit,
    });
    Ok(Reply::ok(page.objects.iter().map(shown).collect()).with_info(info))
}

/// Headers of an object's metadata; what cannot be one is left out.
pub(crate) fn write_metadata(object: &Object, headers: &mut HeaderMap) {
    let http = &object.http_metadata;
    let texts = [
        (CONTENT_TYPE, &http.content_type),
        (CONTENT_LANGUAGE, &http.content_language),
        (CONTENT_DISPOSITION, &http.content_disposition),
        (CONTENT_ENCODING, &http.content_encoding),
        (CACHE_CONTROL, &http.cache_control),
    ];
    for (name, text) in texts {
        if let Some(value) = text.as_deref().and_then(|text| HeaderValue::from_str(text).ok()) {
            headers.insert(name, value);
        }
    }
    if let Some(value) = http.cache_expiry.and_then(http_date) {
        headers.insert(EXPIRES, value);
    }
    if let Some(value) = http_date(object.uploaded) {
        headers.insert(LAST_MODIFIED, value);
    }
    if let Ok(value) = HeaderValue::from_str(&format!("\"{}\"", object.etag)) {
        headers.insert(ETAG, value);
    }
}

fn http_date(millis: i64) -> Option<HeaderValue> {
    let time = chrono::DateTime::from_timestamp_millis(millis)?;
    HeaderValue::from_str(&time.format("%a, %d %b %Y %H:%M:%S GMT").to_string()).ok()
}

/// What headers say of an object.
pub(crate) fn read_metadata(headers: &HeaderMap) -> HttpMetadata {
    let text = |name: HeaderName| {
        let value = headers.get(name)?.to_str().ok()?;
        (!value.is_empty()).then(|| value.to_owned())
    };
    let expires = text(EXPIRES).and_then(|text| {
        let time = chrono::DateTime::parse_from_rfc2822(&text).ok();
        time.map(|time| time.timestamp_millis()).or_else(|| crate::time::parse(&text))
    });
    HttpMetadata {
        content_type: text(CONTENT_TYPE),
        content_language: text(CONTENT_LANGUAGE),
        content_disposition: text(CONTENT_DISPOSITION),
        content_encoding: text(CONTENT_ENCODING),
        cache_control: text(CACHE_CONTROL),
        cache_expiry: expires,
    }
}

/// A body that is sent as it is read.
pub(crate) fn body_of(body: ObjectBody) -> Body {
    match body {
        ObjectBody::Whole(bytes) => whole(bytes),
        body @ ObjectBody::Pieces(_) => {
            let pieces = futures::stream::try_unfold(body, async |mut body| {
                let piece = body.next().await.map_err(std::io::Error::other)?;
                Ok(piece.map(|piece| (Frame::data(piece), body)))
            });
            StreamBody::new(Box::pin(pieces)).boxed_unsync()
        }
    }
}

pub(crate) async fn object(cx: Cx) -> Answer {
    let (_, bucket) = bucket(&cx).await?;
    let key = cx.param("key")?.to_owned();
    let header = |name: &str| cx.parts.headers.get(name).and_then(|value| value.to_str().ok());
    let only_if = Conditions::of_headers(header)
        .map_err(|name| ApiError::bad(10029, format!("the header {name} is not valid")))?;
    let range = header("range").and_then(Range::of_header);
    let got = cx
        .blocking(move |_| bucket.get(&key, range.unwrap_or_default(), &only_if).map_err(failed))
        .await?;
    let found = match got {
        Got::Nothing => return Err(refused(&Refusal::no_such_key())),
        Got::Refused(_) => return Err(refused(&Refusal::precondition())),
        Got::Found(found) => found,
    };
    let mut response = Response::new(body_of(found.body));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    write_metadata(&found.object, headers);
    headers.insert(CONTENT_LENGTH, HeaderValue::from(found.slice.length));
    headers.insert("x-content-type-options", HeaderValue::from_static("nosniff"));
    // The page of the dashboard has the same origin.
    headers.insert("content-security-policy", HeaderValue::from_static("sandbox"));
    headers.insert(super::STORAGE_CLASS, class_header(&found.object));
    if range.is_some() {
        let last = found.slice.offset + found.slice.length.saturating_sub(1);
        let text = format!("bytes {}-{last}/{}", found.slice.offset, found.object.size);
        if let Ok(value) = HeaderValue::from_str(&text) {
            headers.insert(http::header::CONTENT_RANGE, value);
        }
        *response.status_mut() = http::StatusCode::PARTIAL_CONTENT;
    }
    Ok(Reply::Raw(response))
}

fn class_header(object: &Object) -> HeaderValue {
    HeaderValue::from_static(object.storage_class.as_str())
}

pub(crate) async fn put_object(mut cx: Cx) -> Answer {
    let (_, bucket) = bucket(&cx).await?;
    let key = cx.param("key")?.to_owned();
    let attributes = Attributes {
        http_metadata: read_metadata(&cx.parts.headers),
        custom_metadata: Vec::new(),
        storage_class: class_of(&cx)?,
    };
    let length = cx.parts.headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok());
    let length = length.and_then(|text| text.parse().ok());
    Bucket::check(&key, &attributes, length).map_err(|refusal| refused(&refusal))?;
    let mut writer = bucket.writer(Expected { length, ..Expected::default() });
    let mut pieces = cx.pieces()?;
    while let Some(frame) = pieces.next().await {
        let cut = |_| ApiError::bad(10013, "the body ended before it was whole");
        let Ok(piece) = frame.map_err(cut)?.into_data() else { continue };
        writer.write(piece).await.map_err(failed)?;
    }
    let put = Put { key, attributes, only_if: Conditions::default() };
    let object = bucket.put(put, writer).await.map_err(failed)?;
    let object =
        object.ok_or_else(|| ApiError::internal("a put without conditions was refused"))?;
    Ok(Reply::ok(json!({
        "key": object.key,
        "etag": object.etag,
        "size": object.size.to_string(),
        "uploaded": iso(object.uploaded),
        "version": object.version,
        "storage_class": object.storage_class.as_str(),
    })))
}

pub(crate) async fn delete_object(cx: Cx) -> Answer {
    let (_, bucket) = bucket(&cx).await?;
    let key = cx.param("key")?.to_owned();
    bucket.delete(vec![key.clone()]).await.map_err(failed)?;
    Ok(Reply::ok(json!({ "key": key })))
}
