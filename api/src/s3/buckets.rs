//! Buckets.

use http::{HeaderValue, Response, StatusCode};

use super::error::S3Error;
use super::xml::{document, leaves};
use super::{Answer, Call, MAX_DOCUMENT};
use crate::time::iso;

/// Where all buckets are: R2 has one region.
const REGION: &str = "auto";

pub(super) async fn list(call: &Call) -> Answer {
    let all = call.catalog(|catalog, account| Ok(catalog.list(account)?)).await?;
    let text = document("ListAllMyBucketsResult", |result| {
        result.with("Owner", |owner| {
            owner.text("ID", &call.account).text("DisplayName", &call.account);
        });
        result.with("Buckets", |buckets| {
            for info in &all {
                buckets.with("Bucket", |bucket| {
                    bucket.text("Name", &info.name).text("CreationDate", iso(info.created));
                });
            }
        });
    });
    Ok(super::document(StatusCode::OK, text))
}

pub(super) async fn location(call: &Call) -> Answer {
    call.bucket().await?;
    let text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<LocationConstraint \
         xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">{REGION}</LocationConstraint>"
    );
    Ok(super::document(StatusCode::OK, text))
}

/// No bucket keeps versions.
pub(super) async fn versioning(call: &Call) -> Answer {
    call.bucket().await?;
    Ok(super::document(StatusCode::OK, document("VersioningConfiguration", |_| {})))
}

pub(super) async fn head(call: &Call) -> Answer {
    call.bucket().await?;
    let mut response = super::empty(StatusCode::OK);
    response.headers_mut().insert("x-amz-bucket-region", HeaderValue::from_static(REGION));
    Ok(response)
}

pub(super) async fn create(call: Call) -> Answer {
    let Call { asked, payload, account, catalog, api } = call;
    let body = payload.whole(MAX_DOCUMENT).await?;
    let location = leaves(&body)?
        .into_iter()
        .find(|(path, _)| path == "CreateBucketConfiguration/LocationConstraint")
        .map(|(_, location)| location);
    let class = asked.header("x-amz-storage-class").unwrap_or("STANDARD").parse()?;
    let name = asked.bucket;
    let header = HeaderValue::from_str(&format!("/{name}"));
    let made = api
        .blocking(move |_| {
            let location = location.as_deref().filter(|location| *location != REGION);
            Ok(catalog.create(account.as_str(), &name, location, class).map_err(S3Error::from))
        })
        .await?;
    made?;
    let mut response: Response<_> = super::empty(StatusCode::OK);
    if let Ok(header) = header {
        response.headers_mut().insert(http::header::LOCATION, header);
    }
    Ok(response)
}

pub(super) async fn delete(call: &Call) -> Answer {
    let name = call.asked.bucket.clone();
    call.catalog(move |catalog, account| Ok(catalog.delete(account, &name)?)).await?;
    Ok(super::empty(StatusCode::NO_CONTENT))
}
