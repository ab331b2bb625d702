//! Objects.

use std::sync::Arc;

use http::header::{ACCEPT_RANGES, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, RANGE};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode};
use percent_encoding::percent_decode_str;
use selvedge_r2::conditions::Conditions;
use selvedge_r2::object::{Attributes, HttpMetadata, Object};
use selvedge_r2::rules::{MAX_DELETE, MAX_LIST, Range, Refusal};
use selvedge_r2::store::{Bucket, Expected, Found, Got, ListQuery, Page, Put};

use super::error::S3Error;
use super::payload::content_md5;
use super::request::{Asked, encode};
use super::xml::{Elements, document, leaves};
use super::{Answer, Call, MAX_DOCUMENT};
use crate::calls::r2::{body_of, read_metadata, write_metadata};
use crate::reply::whole;
use crate::time::iso;

/// What custom metadata's headers begin with.
const META: &str = "x-amz-meta-";

/// A number of the query, no more than a page may have.
pub(super) fn limit(asked: &Asked, name: &str) -> Result<usize, S3Error> {
    let Some(text) = asked.query(name).filter(|text| !text.is_empty()) else { return Ok(MAX_LIST) };
    let wrong = |_| S3Error::argument(format!("{name} must be a number from 0 to 2147483647."));
    Ok(text.parse::<u32>().map_err(wrong)?.min(MAX_LIST as u32) as usize)
}

/// How keys are written: as they are, or encoded, which XML cannot spoil.
pub(super) fn encoder(asked: &Asked) -> Result<fn(&str) -> String, S3Error> {
    match asked.query("encoding-type") {
        None => Ok(str::to_owned),
        Some("url") => Ok(|text| encode(text).replace("%2F", "/")),
        Some(_) => Err(S3Error::argument("Invalid Encoding Method specified in Request")),
    }
}

pub(super) async fn list(call: &Call) -> Answer {
    let asked = &call.asked;
    let (_, bucket) = call.bucket().await?;
    let is_second = asked.query("list-type") == Some("2");
    let text = |name: &str| asked.query(name).filter(|text| !text.is_empty()).map(str::to_owned);
    let limit = limit(asked, "max-keys")?;
    let delimiter = text("delimiter");
    // A marker that is an entry of its own stands for all keys in it.
    let past = |marker: String| match &delimiter {
        Some(delimiter) if marker.ends_with(delimiter) => format!("{marker}{}", char::MAX),
        _ => marker,
    };
    let query = ListQuery {
        prefix: text("prefix").unwrap_or_default(),
        delimiter: delimiter.clone(),
        start_after: if is_second { text("start-after") } else { text("marker").map(past) },
        cursor: if is_second { text("continuation-token") } else { None },
        limit,
    };
    let page = if limit == 0 { Page::default() } else { bucket.list(query).await? };
    let encoded = encoder(asked)?;
    let document = document("ListBucketResult", |result| {
        result.text("Name", &asked.bucket);
        for (element, name) in [("Prefix", "prefix"), ("Delimiter", "delimiter")] {
            if element == "Prefix" || asked.query(name).is_some() {
                result.text(element, encoded(asked.query(name).unwrap_or_default()));
            }
        }
        if let Some(kind) = asked.query("encoding-type") {
            result.text("EncodingType", kind);
        }
        result.text("MaxKeys", limit).text("IsTruncated", page.cursor.is_some());
        if is_second {
            second(result, asked, &page, encoded);
        } else {
            first(result, asked, &page, encoded);
        }
        contents(result, &page, encoded);
    });
    Ok(super::document(StatusCode::OK, document))
}

fn second(result: &mut Elements, asked: &Asked, page: &Page, encoded: fn(&str) -> String) {
    result.text("KeyCount", page.objects.len() + page.prefixes.len());
    if let Some(token) = asked.query("continuation-token") {
        result.text("ContinuationToken", token);
    }
    if let Some(after) = asked.query("start-after") {
        result.text("StartAfter", encoded(after));
    }
    if let Some(cursor) = &page.cursor {
        result.text("NextContinuationToken", cursor);
    }
}

fn first(result: &mut Elements, asked: &Asked, page: &Page, encoded: fn(&str) -> String) {
    result.text("Marker", encoded(asked.query("marker").unwrap_or_default()));
    let key = page.objects.last().map(|object| object.key.as_str());
    let prefix = page.prefixes.last().map(String::as_str);
    if let Some(last) = key.max(prefix).filter(|_| page.cursor.is_some()) {
        result.text("NextMarker", encoded(last));
    }
}

fn contents(result: &mut Elements, page: &Page, encoded: fn(&str) -> String) {
    for object in &page.objects {
        result.with("Contents", |contents| {
            contents
                .text("Key", encoded(&object.key))
                .text("LastModified", iso(object.uploaded))
                .text("ETag", format!("\"{}\"", object.etag))
                .text("Size", object.size)
                .text("StorageClass", class(object));
        });
    }
    for prefix in &page.prefixes {
        result.with("CommonPrefixes", |common| {
            common.text("Prefix", encoded(prefix));
        });
    }
}

/// S3's name of a storage class.
fn class(object: &Object) -> &'static str {
    match object.storage_class {
        selvedge_r2::object::StorageClass::Standard => "STANDARD",
        selvedge_r2::object::StorageClass::InfrequentAccess => "STANDARD_IA",
    }
}

/// Conditions of a request's headers.
fn conditions(asked: &Asked, prefix: &str) -> Result<Conditions, S3Error> {
    let found = Conditions::of_headers(|name| asked.header(&format!("{prefix}{name}")));
    found.map_err(|name| S3Error::argument(format!("The header {prefix}{name} is not valid.")))
}

/// Also of `HEAD`.
pub(super) async fn get(call: &Call) -> Answer {
    let asked = &call.asked;
    let (_, bucket) = call.bucket().await?;
    if asked.query("partNumber").is_some() {
        return Err(S3Error::not_implemented("getting a part of an object by its number"));
    }
    let only_if = conditions(asked, "")?;
    let range = asked.header(RANGE.as_str()).and_then(Range::of_header);
    let key = asked.key.clone();
    let wanted = only_if.clone();
    let got = call
        .api
        .blocking(move |_| Ok(bucket.get(&key, range.unwrap_or_default(), &wanted)))
        .await??;
    let found = match got {
        Got::Nothing => return Err(Refusal::no_such_key().into()),
        Got::Refused(object) => return unchanged(&object, &only_if),
        Got::Found(found) => *found,
    };
    let Found { object, slice, body } = found;
    let is_head = asked.method == Method::HEAD;
    let mut response =
        Response::new(if is_head { whole(bytes::Bytes::new()) } else { body_of(body) });
    let headers = response.headers_mut();
    describe(&object, headers);
    headers.insert(CONTENT_LENGTH, HeaderValue::from(slice.length));
    headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    overrides(asked, headers)?;
    if range.is_some() {
        let last = slice.offset + slice.length.saturating_sub(1);
        let text = format!("bytes {}-{last}/{}", slice.offset, object.size);
        if let Ok(value) = HeaderValue::from_str(&text) {
            headers.insert(CONTENT_RANGE, value);
        }
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
    }
    Ok(response)
}

/// All headers that an object has.
fn describe(object: &Object, headers: &mut HeaderMap) {
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    write_metadata(object, headers);
    headers.insert("x-amz-storage-class", HeaderValue::from_static(class(object)));
    for (name, value) in &object.custom_metadata {
        let name = HeaderName::from_bytes(format!("{META}{name}").as_bytes());
        let value =
            HeaderValue::from_str(value).or_else(|_| HeaderValue::from_bytes(value.as_bytes()));
        if let (Ok(name), Ok(value)) = (name, value) {
            headers.insert(name, value);
        }
    }
}

/// The conditions do not hold.
fn unchanged(object: &Object, only_if: &Conditions) -> Answer {
    let strict = Conditions { etag_does_not_match: None, uploaded_after: None, ..only_if.clone() };
    let seen =
        selvedge_r2::conditions::Seen { etag: object.etag.clone(), uploaded: object.uploaded };
    if !strict.hold(Some(&seen)) {
        return Err(Refusal::precondition().into());
    }
    let mut response = super::empty(StatusCode::NOT_MODIFIED);
    write_metadata(object, response.headers_mut());
    Ok(response)
}

/// `response-content-type` and the like.
fn overrides(asked: &Asked, headers: &mut HeaderMap) -> Result<(), S3Error> {
    for name in [
        "content-type",
        "content-language",
        "expires",
        "cache-control",
        "content-disposition",
        "content-encoding",
    ] {
        let Some(value) = asked.query(&format!("response-{name}")) else { continue };
        let value = HeaderValue::from_str(value)
            .map_err(|_| S3Error::argument(format!("response-{name} is not valid.")))?;
        headers.insert(name, value);
    }
    Ok(())
}

/// What a request says of the object that it makes.
pub(super) fn attributes(asked: &Asked) -> Result<Attributes, S3Error> {
    for name in asked.headers.keys() {
        if name.as_str().starts_with("x-amz-server-side-encryption") {
            return Err(S3Error::not_implemented("server-side encryption"));
        }
    }
    let class = asked.header("x-amz-storage-class").map(str::parse).transpose()?;
    let mut http = read_metadata(&asked.headers);
    http.content_encoding = http.content_encoding.and_then(|encoding| {
        // It is how the body came, not what it is.
        let rest = encoding.split(',').map(str::trim).filter(|part| *part != "aws-chunked");
        let rest = rest.collect::<Vec<_>>().join(", ");
        (!rest.is_empty()).then_some(rest)
    });
    let custom = asked.headers.iter().filter_map(|(name, value)| {
        let name = name.as_str().strip_prefix(META)?;
        Some((name.to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
    });
    Ok(Attributes { http_metadata: http, custom_metadata: custom.collect(), storage_class: class })
}

fn etag_of(object: &Object) -> Result<HeaderValue, S3Error> {
    HeaderValue::from_str(&format!("\"{}\"", object.etag))
        .map_err(|_| S3Error::from(Refusal::internal()))
}

pub(super) async fn put(call: Call) -> Answer {
    if call.asked.header("x-amz-copy-source").is_some() {
        return copy(&call).await;
    }
    let (_, bucket) = call.bucket().await?;
    let Call { asked, mut payload, .. } = call;
    let attributes = attributes(&asked)?;
    let only_if = conditions(&asked, "")?;
    let length = payload.length;
    if length.is_none() {
        let text = "You must provide the Content-Length HTTP header.";
        return Err(S3Error::new(StatusCode::LENGTH_REQUIRED, "MissingContentLength", text));
    }
    Bucket::check(&asked.key, &attributes, length)?;
    let expected = Expected { length, md5: content_md5(&asked)?, ..Expected::default() };
    let mut writer = bucket.writer(expected);
    while let Some(piece) = payload.next().await? {
        writer.write(piece).await?;
    }
    let put = Put { key: asked.key, attributes, only_if };
    let object = bucket.put(put, writer).await?.ok_or_else(Refusal::precondition)?;
    let mut response = super::empty(StatusCode::OK);
    response.headers_mut().insert(http::header::ETAG, etag_of(&object)?);
    Ok(response)
}

/// The object that `x-amz-copy-source` names, if its conditions hold.
pub(super) async fn source(call: &Call, range: Range) -> Result<Found, S3Error> {
    let asked = &call.asked;
    let named = asked.header("x-amz-copy-source").unwrap_or_default();
    let wrong = || {
        S3Error::argument(
            "Copy Source must mention the source bucket and key: sourcebucket/sourcekey",
        )
    };
    if named.contains("?versionId=") {
        return Err(S3Error::not_implemented("versions of objects"));
    }
    let named = percent_decode_str(named).decode_utf8_lossy();
    let (name, key) = named.trim_start_matches('/').split_once('/').ok_or_else(wrong)?;
    let (_, bucket) = call.bucket_named(name).await?;
    let only_if = conditions(asked, "x-amz-copy-source-")?;
    let key = key.to_owned();
    let got = call.api.blocking(move |_| Ok(bucket.get(&key, range, &only_if))).await??;
    match got {
        Got::Nothing => Err(Refusal::no_such_key().into()),
        Got::Refused(_) => Err(Refusal::precondition().into()),
        Got::Found(found) => Ok(*found),
    }
}

async fn copy(call: &Call) -> Answer {
    let asked = &call.asked;
    let (_, bucket) = call.bucket().await?;
    let Found { object, mut body, slice } = source(call, Range::default()).await?;
    let given = attributes(asked)?;
    let attributes = match asked.header("x-amz-metadata-directive") {
        None | Some("COPY") => Attributes {
            http_metadata: HttpMetadata { ..object.http_metadata.clone() },
            custom_metadata: object.custom_metadata.clone(),
            storage_class: given.storage_class,
        },
        Some("REPLACE") => given,
        Some(_) => return Err(S3Error::argument("Unknown metadata directive.")),
    };
    Bucket::check(&asked.key, &attributes, Some(slice.length))?;
    let expected = Expected { length: Some(slice.length), ..Expected::default() };
    let mut writer = bucket.writer(expected);
    while let Some(piece) = body.next().await? {
        writer.write(piece).await?;
    }
    let put = Put { key: asked.key.clone(), attributes, only_if: Conditions::default() };
    let object = bucket.put(put, writer).await?.ok_or_else(Refusal::internal)?;
    let text = document("CopyObjectResult", |result| {
        result
            .text("LastModified", iso(object.uploaded))
            .text("ETag", format!("\"{}\"", object.etag));
    });
    Ok(super::document(StatusCode::OK, text))
}

pub(super) async fn delete(call: &Call) -> Answer {
    let (_, bucket) = call.bucket().await?;
    bucket.delete(vec![call.asked.key.clone()]).await?;
    Ok(super::empty(StatusCode::NO_CONTENT))
}

pub(super) async fn delete_many(call: Call) -> Answer {
    let (_, bucket): (_, Arc<Bucket>) = call.bucket().await?;
    let body = call.payload.whole(MAX_DOCUMENT).await?;
    let (mut keys, mut is_quiet) = (Vec::new(), false);
    for (path, text) in leaves(&body)? {
        match path.as_str() {
            "Delete/Object/Key" => keys.push(text),
            "Delete/Quiet" => is_quiet = text == "true",
            _ => {}
        }
    }
    if keys.is_empty() || keys.len() > MAX_DELETE {
        return Err(S3Error::malformed());
    }
    bucket.delete(keys.clone()).await?;
    let text = document("DeleteResult", |result| {
        for key in keys.iter().filter(|_| !is_quiet) {
            result.with("Deleted", |deleted| {
                deleted.text("Key", key);
            });
        }
    });
    Ok(super::document(StatusCode::OK, text))
}
