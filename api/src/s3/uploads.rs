//! Uploads in parts.

use http::header::ETAG;
use http::{HeaderValue, StatusCode};
use selvedge_r2::rules::{Range, Refusal};
use selvedge_r2::store::{Expected, Found, MadePart};

use super::error::S3Error;
use super::objects::{attributes, encoder, limit, source};
use super::payload::content_md5;
use super::request::Asked;
use super::xml::{document, leaves};
use super::{Answer, Call, MAX_DOCUMENT};
use crate::time::iso;

fn upload_id(asked: &Asked) -> String {
    asked.query("uploadId").unwrap_or_default().to_owned()
}

pub(super) async fn create(call: &Call) -> Answer {
    let asked = &call.asked;
    let (_, bucket) = call.bucket().await?;
    let id = bucket.create_upload(asked.key.clone(), attributes(asked)?).await?;
    let text = document("InitiateMultipartUploadResult", |result| {
        result.text("Bucket", &asked.bucket).text("Key", &asked.key).text("UploadId", id);
    });
    Ok(super::document(StatusCode::OK, text))
}

pub(super) async fn put_part(call: Call) -> Answer {
    let (_, bucket) = call.bucket().await?;
    let upload = upload_id(&call.asked);
    let number = call.asked.query("partNumber").and_then(|text| text.parse().ok());
    let number = number.filter(|number| (1..=10_000).contains(number)).ok_or_else(|| {
        S3Error::argument("Part number must be an integer between 1 and 10000, inclusive")
    })?;
    let key = call.asked.key.clone();
    bucket.check_part(&key, &upload, number)?;
    if call.asked.header("x-amz-copy-source").is_some() {
        return copy_part(&call, number).await;
    }
    let Call { asked, mut payload, .. } = call;
    let length = payload.length;
    let expected = Expected { length, md5: content_md5(&asked)?, ..Expected::default() };
    let mut writer = bucket.writer(expected);
    while let Some(piece) = payload.next().await? {
        writer.write(piece).await?;
    }
    let part = bucket.put_part(key, upload, number, writer).await?;
    let mut response = super::empty(StatusCode::OK);
    if let Ok(value) = HeaderValue::from_str(&format!("\"{}\"", part.etag)) {
        response.headers_mut().insert(ETAG, value);
    }
    Ok(response)
}

async fn copy_part(call: &Call, number: u32) -> Answer {
    let asked = &call.asked;
    let (_, bucket) = call.bucket().await?;
    let range = match asked.header("x-amz-copy-source-range") {
        None => Range::default(),
        Some(text) => {
            Range::of_header(text).filter(|range| range.length.is_some()).ok_or_else(|| {
                S3Error::argument(
                    "The x-amz-copy-source-range value must be of the form bytes=first-last",
                )
            })?
        }
    };
    let Found { mut body, slice, .. } = source(call, range).await?;
    let expected = Expected { length: Some(slice.length), ..Expected::default() };
    let mut writer = bucket.writer(expected);
    while let Some(piece) = body.next().await? {
        writer.write(piece).await?;
    }
    let part = bucket.put_part(asked.key.clone(), upload_id(asked), number, writer).await?;
    let now = (call.api.0.options.clock)();
    let text = document("CopyPartResult", |result| {
        result.text("LastModified", iso(now)).text("ETag", format!("\"{}\"", part.etag));
    });
    Ok(super::document(StatusCode::OK, text))
}

pub(super) async fn complete(call: Call) -> Answer {
    let (_, bucket) = call.bucket().await?;
    let Call { asked, payload, .. } = call;
    let body = payload.whole(MAX_DOCUMENT).await?;
    let (mut numbers, mut etags) = (Vec::new(), Vec::new());
    for (path, text) in leaves(&body)? {
        match path.as_str() {
            "CompleteMultipartUpload/Part/PartNumber" => {
                numbers.push(text.trim().parse::<u32>().map_err(|_| S3Error::malformed())?);
            }
            "CompleteMultipartUpload/Part/ETag" => {
                etags.push(text.trim().trim_matches('"').to_owned());
            }
            _ => {}
        }
    }
    if numbers.is_empty() || numbers.len() != etags.len() {
        return Err(S3Error::malformed());
    }
    if numbers.windows(2).any(|pair| pair[0] >= pair[1]) {
        let text =
            "The list of parts was not in ascending order. Parts must be ordered by part number.";
        return Err(S3Error::bad("InvalidPartOrder", text));
    }
    let parts = numbers.into_iter().zip(etags);
    let parts = parts.map(|(part_number, etag)| MadePart { part_number, etag }).collect();
    let upload = upload_id(&asked);
    let object = bucket.complete_upload(asked.key.clone(), upload, parts).await?;
    let text = document("CompleteMultipartUploadResult", |result| {
        result
            .text("Location", &asked.path)
            .text("Bucket", &asked.bucket)
            .text("Key", &asked.key)
            .text("ETag", format!("\"{}\"", object.etag));
    });
    Ok(super::document(StatusCode::OK, text))
}

pub(super) async fn abort(call: &Call) -> Answer {
    let (_, bucket) = call.bucket().await?;
    bucket.abort_upload(call.asked.key.clone(), upload_id(&call.asked)).await?;
    Ok(super::empty(StatusCode::NO_CONTENT))
}

pub(super) async fn list(call: &Call) -> Answer {
    let asked = &call.asked;
    let (_, bucket) = call.bucket().await?;
    if asked.query("delimiter").is_some_and(|it| !it.is_empty()) {
        return Err(S3Error::not_implemented("delimiters in lists of uploads"));
    }
    let text = |name: &str| asked.query(name).unwrap_or_default().to_owned();
    let limit = limit(asked, "max-uploads")?;
    let encoded = encoder(asked)?;
    let mut after = (text("key-marker"), text("upload-id-marker"));
    if after.1.is_empty() && !after.0.is_empty() {
        // All uploads of the key come before the marker.
        after.1 = "~".to_owned();
    }
    let page = bucket.uploads(text("prefix"), after, limit).await?;
    let document = document("ListMultipartUploadsResult", |result| {
        result
            .text("Bucket", &asked.bucket)
            .text("KeyMarker", encoded(&text("key-marker")))
            .text("UploadIdMarker", text("upload-id-marker"))
            .text("MaxUploads", limit)
            .text("IsTruncated", !page.complete);
        if let Some(kind) = asked.query("encoding-type") {
            result.text("EncodingType", kind);
        }
        if let Some(last) = page.uploads.last().filter(|_| !page.complete) {
            result.text("NextKeyMarker", encoded(&last.key)).text("NextUploadIdMarker", &last.id);
        }
        for upload in &page.uploads {
            result.with("Upload", |element| {
                element
                    .text("Key", encoded(&upload.key))
                    .text("UploadId", &upload.id)
                    .text("StorageClass", "STANDARD")
                    .text("Initiated", iso(upload.created));
            });
        }
    });
    Ok(super::document(StatusCode::OK, document))
}

pub(super) async fn parts(call: &Call) -> Answer {
    let asked = &call.asked;
    let (_, bucket) = call.bucket().await?;
    let upload = upload_id(asked);
    let limit = limit(asked, "max-parts")?;
    let marker: u32 = match asked.query("part-number-marker").filter(|text| !text.is_empty()) {
        None => 0,
        Some(text) => text
            .parse()
            .map_err(|_| S3Error::from(Refusal::argument("part-number-marker is not a number.")))?,
    };
    let mut parts = bucket.parts(asked.key.clone(), upload.clone()).await?;
    parts.retain(|part| part.number > marker);
    let is_more = parts.len() > limit;
    parts.truncate(limit);
    let document = document("ListPartsResult", |result| {
        result
            .text("Bucket", &asked.bucket)
            .text("Key", &asked.key)
            .text("UploadId", &upload)
            .text("StorageClass", "STANDARD")
            .text("PartNumberMarker", marker)
            .text("MaxParts", limit)
            .text("IsTruncated", is_more);
        if let Some(last) = parts.last().filter(|_| is_more) {
            result.text("NextPartNumberMarker", last.number);
        }
        for part in &parts {
            result.with("Part", |element| {
                element
                    .text("PartNumber", part.number)
                    .text("LastModified", iso(part.uploaded))
                    .text("ETag", format!("\"{}\"", part.etag))
                    .text("Size", part.size);
            });
        }
    });
    Ok(super::document(StatusCode::OK, document))
}
