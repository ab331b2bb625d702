//! Keys and values, one at a time.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use futures::StreamExt as _;
use http::header::{CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Response};
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::Frame;
use selvedge_kv::namespace::{
    self, MAX_VALUE_BYTES, Operation, PutOptions, check_key, check_value, cursor_after,
};
use selvedge_kv::store::{
    Attributes, KvStore, ListQuery, ListedKey, Value as KvValue, ValueReader,
};
use serde_json::{Map, Value, json};

use super::{answer, data, now, parsed, refused};
use crate::body::{multipart_error, part};
use crate::call::Cx;
use crate::error::ApiError;
use crate::reply::{Answer, Body, Reply, whole};

/// A value up to this size is stored at once, larger ones as they come: 1 MiB.
const AT_ONCE_BYTES: usize = 1024 * 1024;
/// A multipart body around a value.
const FORM_BYTES: u64 = MAX_VALUE_BYTES + 64 * 1024;

fn missing() -> ApiError {
    ApiError::not_found(10009, "get: 'key not found'")
}

pub(crate) async fn keys(cx: Cx) -> Answer {
    let data = data(&cx).await?;
    let limit = cx.number("limit")?.map(|limit| i64::try_from(limit).unwrap_or(i64::MAX));
    let prefix = cx.query("prefix").map(str::to_owned);
    let query = namespace::list_query(prefix, limit, cx.query("cursor")).map_err(refused)?;
    let page = answer(data.list(query, now(&cx))).await?;
    let cursor = match page.keys.last() {
        Some(last) if !page.complete => cursor_after(&last.name),
        _ => String::new(),
    };
    let items: Vec<Value> = page.keys.iter().map(listed).collect();
    let info = json!({ "count": items.len(), "cursor": cursor });
    Ok(Reply::ok(Value::Array(items)).with_info(info))
}

fn listed(key: &ListedKey) -> Value {
    let mut item = Map::from_iter([("name".to_owned(), json!(key.name))]);
    if let Some(expiration) = key.expiration {
        item.insert("expiration".to_owned(), json!(expiration));
    }
    if key.metadata.is_some() {
        item.insert("metadata".to_owned(), parsed(key.metadata.as_deref()));
    }
    Value::Object(item)
}

/// What stands beside a value, as lists tell it.
async fn attributes(
    data: &Arc<dyn KvStore>,
    key: &str,
    now: u64,
) -> Result<Option<ListedKey>, ApiError> {
    // A key comes before all that begin with it.
    let query = ListQuery { prefix: key.to_owned(), after: None, limit: 1 };
    let page = answer(data.list(query, now)).await?;
    Ok(page.keys.into_iter().next().filter(|found| found.name == key))
}

pub(crate) async fn metadata(cx: Cx) -> Answer {
    let data = data(&cx).await?;
    let found = attributes(&data, cx.param("key")?, now(&cx)).await?.ok_or_else(missing)?;
    Ok(Reply::ok(parsed(found.metadata.as_deref())))
}

pub(crate) async fn value(cx: Cx) -> Answer {
    let data = data(&cx).await?;
    let key = cx.param("key")?;
    check_key(Operation::Get, key).map_err(refused)?;
    let now = now(&cx);
    let entry = answer(data.get(key, now)).await?.ok_or_else(missing)?;
    let expiration = attributes(&data, key, now).await?.and_then(|found| found.expiration);
    let length = entry.value.length();
    let mut response = Response::new(body(entry.value));
    let headers: &mut HeaderMap = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert("x-content-type-options", HeaderValue::from_static("nosniff"));
    if let Some(expiration) = expiration {
        headers.insert("expiration", HeaderValue::from(expiration));
    }
    Ok(Reply::Raw(response))
}

fn body(value: KvValue) -> Body {
    match value {
        KvValue::Whole(bytes) => whole(bytes),
        KvValue::Pieces(reader) => {
            let pieces = futures::stream::try_unfold(reader, next);
            StreamBody::new(Box::pin(pieces)).boxed_unsync()
        }
    }
}

async fn next(
    mut reader: Box<dyn ValueReader>,
) -> Result<Option<(Frame<Bytes>, Box<dyn ValueReader>)>, std::io::Error> {
    let piece = reader.next().await.map_err(std::io::Error::other)?;
    Ok(piece.map(|piece| (Frame::data(piece), reader)))
}

pub(crate) async fn put_value(mut cx: Cx) -> Answer {
    let data = data(&cx).await?;
    let key = cx.param("key")?.to_owned();
    check_key(Operation::Put, &key).map_err(refused)?;
    let number = |number: Option<u64>| number.map(|n| i64::try_from(n).unwrap_or(i64::MAX));
    let mut options = PutOptions {
        expiration: number(cx.number("expiration")?),
        expiration_ttl: number(cx.number("expiration_ttl")?),
        metadata: None,
    };
    let now = now(&cx);
    if cx.is_multipart() {
        let (value, metadata) = form(&mut cx).await?;
        options.metadata = metadata;
        let attributes = options.attributes(now).map_err(refused)?;
        check_value(value.len() as u64).map_err(refused)?;
        data.put(key, value, attributes).await?;
        return Ok(Reply::done());
    }
    let attributes = options.attributes(now).map_err(refused)?;
    store(&mut cx, &data, key, attributes).await?;
    Ok(Reply::done())
}

/// The parts `value` and `metadata`.
async fn form(cx: &mut Cx) -> Result<(Bytes, Option<Box<str>>), ApiError> {
    let mut multipart = cx.multipart(FORM_BYTES)?;
    let failed = |error: multer::Error| multipart_error(&error, 10029);
    let (mut value, mut metadata) = (None, None);
    while let Some(field) = multipart.next_field().await.map_err(failed)? {
        let name = field.name().unwrap_or_default().to_owned();
        let content = part(field).await.map_err(failed)?;
        match name.as_str() {
            "value" => value = Some(content),
            "metadata" => metadata = Some(json_text(&content)?),
            _ => {}
        }
    }
    let missing = || ApiError::bad(10029, "the body has no part named \"value\"");
    Ok((value.ok_or_else(missing)?, metadata))
}

fn json_text(text: &[u8]) -> Result<Box<str>, ApiError> {
    let invalid = |_| ApiError::bad(10029, "the metadata is not JSON");
    let value: Value = serde_json::from_slice(text).map_err(invalid)?;
    Ok(value.to_string().into())
}

/// Stores the body, which is not kept in memory as a whole.
async fn store(
    cx: &mut Cx,
    data: &Arc<dyn KvStore>,
    key: String,
    attributes: Attributes,
) -> Result<(), ApiError> {
    let mut pieces = cx.pieces()?;
    let mut first = BytesMut::new();
    let mut written = 0;
    let mut writer = None;
    while let Some(frame) = pieces.next().await {
        let cut = |_| ApiError::bad(10029, "the body ended before it was whole");
        let Ok(piece) = frame.map_err(cut)?.into_data() else { continue };
        written += piece.len() as u64;
        check_value(written).map_err(refused)?;
        if writer.is_none() {
            first.extend_from_slice(&piece);
            if first.len() > AT_ONCE_BYTES {
                let mut new = data.put_pieces(key.clone(), attributes.clone());
                new.write(std::mem::take(&mut first).freeze()).await?;
                writer = Some(new);
            }
        } else if let Some(writer) = &mut writer {
            writer.write(piece).await?;
        }
    }
    match writer {
        Some(writer) => writer.commit().await?,
        None => data.put(key, first.freeze(), attributes).await?,
    }
    Ok(())
}

pub(crate) async fn delete_value(cx: Cx) -> Answer {
    let data = data(&cx).await?;
    let key = cx.param("key")?.to_owned();
    check_key(Operation::Delete, &key).map_err(refused)?;
    data.delete(vec![key]).await?;
    Ok(Reply::done())
}
