//! An endpoint that speaks S3 (<https://docs.aws.amazon.com/AmazonS3/latest/API/>),
//! as Cloudflare's does for R2: `/s3/BUCKET/KEY` on the listener of the API. Its
//! access keys are the API's tokens of an account with the scope `storage`.

mod buckets;
mod checksum;
mod error;
mod objects;
mod payload;
mod request;
mod signature;
mod uploads;
mod xml;

use std::sync::Arc;

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use selvedge_deployments::{AccountId, Scope, TokenId};
use selvedge_r2::object::hex;
use selvedge_r2::store::{Bucket, BucketInfo, Catalog};

use self::error::S3Error;
use self::payload::Payload;
use self::request::Asked;
use self::signature::Signature;
use crate::Api;
use crate::reply::{Body, whole};

/// What all paths begin with.
pub(crate) const PREFIX: &str = "/s3";
/// Documents that clients send: 2 MiB; 10,000 parts are about one.
const MAX_DOCUMENT: usize = 2 * 1024 * 1024;

type Answer = Result<Response<Body>, S3Error>;

/// A request that is signed by who may make it.
struct Call {
    asked: Asked,
    payload: Payload,
    account: AccountId,
    catalog: Arc<Catalog>,
    api: Api,
}

/// Whether the path is one of S3.
pub(crate) fn is_path(path: &str) -> bool {
    path.strip_prefix(PREFIX).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Answers a request.
pub(crate) async fn handle(api: &Api, request: Request<Incoming>) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let asked = Asked::new(parts);
    let (is_head, path) = (asked.method == Method::HEAD, asked.path.clone());
    let answered = match admit(api, asked, body).await {
        Ok(call) => Box::pin(route(call)).await,
        Err(error) => Err(error),
    };
    let mut response = answered.unwrap_or_else(|error| {
        tracing::debug!("{path}: {} code=`{}`", error.message, error.code);
        refuse(&error, &path, is_head)
    });
    let headers = response.headers_mut();
    headers.insert("x-content-type-options", HeaderValue::from_static("nosniff"));
    // Objects share their origin with the dashboard.
    headers.insert("content-security-policy", HeaderValue::from_static("sandbox"));
    response
}

/// Checks who asks.
async fn admit(api: &Api, asked: Asked, body: Incoming) -> Result<Call, S3Error> {
    let signature = Signature::of(&asked)?;
    let unknown = || {
        S3Error::new(
            StatusCode::FORBIDDEN,
            "InvalidAccessKeyId",
            "The access key ID you provided does not exist in our records.",
        )
    };
    let id: TokenId = signature.key_id.parse().map_err(|_| unknown())?;
    let found = api.blocking(move |inner| Ok(inner.store.token_key(&id)?)).await?;
    let (token, secret) = found.ok_or_else(unknown)?;
    let now = (api.0.options.clock)();
    let signer = signature.check(&asked, &hex(&secret), now)?;
    let Some(account) = token.account.clone() else {
        return Err(S3Error::denied("Access Denied: the token is not one of an account."));
    };
    if !token.may(Scope::Storage, &account) {
        return Err(S3Error::denied("Access Denied: the token lacks the scope \"storage\"."));
    }
    let payload = Payload::new(&asked, body, &signature, signer)?;
    let catalog = api.blocking(|inner| Ok(inner.host.buckets()?)).await?;
    Ok(Call { asked, payload, account, catalog, api: api.clone() })
}

/// Which of the operations it is.
async fn route(call: Call) -> Answer {
    let asked = &call.asked;
    let has = |name: &str| asked.query(name).is_some();
    if let Some(name) = UNSUPPORTED.iter().find(|name| has(name)) {
        return Err(S3Error::not_implemented(&format!("the subresource \"{name}\"")));
    }
    let method = asked.method.clone();
    match (asked.bucket.is_empty(), asked.key.is_empty()) {
        (true, _) => match method {
            Method::GET => buckets::list(&call).await,
            _ => Err(wrong_method()),
        },
        (false, true) => match method {
            Method::GET if has("location") => buckets::location(&call).await,
            Method::GET if has("versioning") => buckets::versioning(&call).await,
            Method::GET if has("uploads") => uploads::list(&call).await,
            Method::GET => objects::list(&call).await,
            Method::HEAD => buckets::head(&call).await,
            Method::PUT => buckets::create(call).await,
            Method::DELETE => buckets::delete(&call).await,
            Method::POST if has("delete") => objects::delete_many(call).await,
            _ => Err(wrong_method()),
        },
        (false, false) => match method {
            Method::GET if has("uploadId") => uploads::parts(&call).await,
            Method::GET | Method::HEAD => objects::get(&call).await,
            Method::PUT if has("uploadId") => uploads::put_part(call).await,
            Method::PUT => objects::put(call).await,
            Method::DELETE if has("uploadId") => uploads::abort(&call).await,
            Method::DELETE => objects::delete(&call).await,
            Method::POST if has("uploads") => uploads::create(&call).await,
            Method::POST if has("uploadId") => uploads::complete(call).await,
            _ => Err(wrong_method()),
        },
    }
}

/// What of S3 is not there.
const UNSUPPORTED: &[&str] = &[
    "accelerate",
    "acl",
    "analytics",
    "attributes",
    "cors",
    "encryption",
    "intelligent-tiering",
    "inventory",
    "legal-hold",
    "lifecycle",
    "logging",
    "metrics",
    "notification",
    "object-lock",
    "ownershipControls",
    "policy",
    "policyStatus",
    "publicAccessBlock",
    "replication",
    "requestPayment",
    "restore",
    "retention",
    "select",
    "tagging",
    "torrent",
    "versionId",
    "versions",
    "website",
];

fn wrong_method() -> S3Error {
    S3Error::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "MethodNotAllowed",
        "The specified method is not allowed against this resource.",
    )
}

impl Call {
    /// The bucket of the path.
    async fn bucket(&self) -> Result<(BucketInfo, Arc<Bucket>), S3Error> {
        self.bucket_named(&self.asked.bucket).await
    }

    async fn bucket_named(&self, name: &str) -> Result<(BucketInfo, Arc<Bucket>), S3Error> {
        let name = name.to_owned();
        self.catalog(move |catalog, account| Ok(catalog.existing(account, &name)?)).await
    }

    /// Asks the catalog, where that may block.
    async fn catalog<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Catalog, &str) -> Result<T, S3Error> + Send + 'static,
    ) -> Result<T, S3Error> {
        let (catalog, account) = (self.catalog.clone(), self.account.clone());
        self.api.blocking(move |_| Ok(work(&catalog, account.as_str()))).await?
    }
}

fn refuse(error: &S3Error, path: &str, is_head: bool) -> Response<Body> {
    let text = xml::bare_document("Error", |document| {
        document.text("Code", error.code).text("Message", &error.message).text("Resource", path);
    });
    let mut response = if is_head { empty(error.status) } else { document(error.status, text) };
    if error.status == StatusCode::SERVICE_UNAVAILABLE {
        response.headers_mut().insert(http::header::RETRY_AFTER, HeaderValue::from_static("1"));
    }
    response
}

/// An answer that is XML.
fn document(status: StatusCode, text: String) -> Response<Body> {
    let length = text.len();
    let mut response = Response::new(whole(text.into()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/xml"));
    headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
    response
}

/// An answer without a body.
fn empty(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(whole(Bytes::new()));
    *response.status_mut() = status;
    response
}
