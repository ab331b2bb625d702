//! What S3's clients are told when something cannot be done
//! (<https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html>).

use std::borrow::Cow;

use http::StatusCode;
use selvedge_r2::rules::Refusal;
use selvedge_r2::store::CatalogError;

use crate::error::ApiError;

/// Why a request is not done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct S3Error {
    pub(super) status: StatusCode,
    pub(super) code: &'static str,
    pub(super) message: Cow<'static, str>,
}

impl S3Error {
    pub(super) fn new(
        status: StatusCode,
        code: &'static str,
        message: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self { status, code, message: message.into() }
    }

    pub(super) fn bad(code: &'static str, message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, message)
    }

    pub(super) fn argument(message: impl Into<Cow<'static, str>>) -> Self {
        Self::bad("InvalidArgument", message)
    }

    pub(super) fn denied(message: &'static str) -> Self {
        Self::new(StatusCode::FORBIDDEN, "AccessDenied", message)
    }

    pub(super) fn not_implemented(what: &str) -> Self {
        let text = format!("This server does not implement {what}.");
        Self::new(StatusCode::NOT_IMPLEMENTED, "NotImplemented", text)
    }

    pub(super) fn malformed() -> Self {
        Self::bad("MalformedXML", "The XML you provided was not well-formed.")
    }
}

impl From<Refusal> for S3Error {
    fn from(refusal: Refusal) -> Self {
        let status = StatusCode::from_u16(refusal.status).unwrap_or(StatusCode::BAD_REQUEST);
        Self { status, code: refusal.s3, message: refusal.message }
    }
}

impl From<selvedge_r2::Error> for S3Error {
    fn from(error: selvedge_r2::Error) -> Self {
        if let selvedge_r2::Error::Storage(error) = &error {
            tracing::error!(%error, "a bucket failed");
        }
        error.told().into()
    }
}

impl From<CatalogError> for S3Error {
    fn from(error: CatalogError) -> Self {
        match error {
            CatalogError::Taken(_) => Self::new(
                StatusCode::CONFLICT,
                "BucketAlreadyOwnedByYou",
                "The bucket you tried to create already exists, and you own it.",
            ),
            CatalogError::NotFound(_) => Refusal::no_such_bucket().into(),
            CatalogError::BadName(_) => {
                Self::bad("InvalidBucketName", "The specified bucket name is not valid.")
            }
            CatalogError::NotEmpty(_) => Self::new(
                StatusCode::CONFLICT,
                "BucketNotEmpty",
                "The bucket you tried to delete is not empty.",
            ),
            CatalogError::Store(error) => error.into(),
        }
    }
}

/// What the API itself could not do: nothing of it is told but that.
impl From<ApiError> for S3Error {
    fn from(error: ApiError) -> Self {
        if error.status == StatusCode::SERVICE_UNAVAILABLE {
            return Refusal::unavailable().into();
        }
        Refusal::internal().into()
    }
}
