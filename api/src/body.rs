//! Bodies of requests, with limits.

use bytes::{Bytes, BytesMut};
use http::StatusCode;
use http::header::CONTENT_TYPE;
use http_body_util::{BodyExt as _, BodyStream, LengthLimitError, Limited};
use hyper::body::Incoming;
use multer::{Constraints, Multipart, SizeLimit};
use serde::de::DeserializeOwned;

use crate::call::Cx;
use crate::error::ApiError;
use crate::options::JSON_BYTES;

impl Cx {
    fn take_body(&mut self) -> Result<Incoming, ApiError> {
        self.body.take().ok_or_else(|| ApiError::internal("the body was read twice"))
    }

    /// The whole body. `code` is that of a body that is too large.
    pub(crate) async fn bytes(&mut self, limit: usize, code: u32) -> Result<Bytes, ApiError> {
        let body = Limited::new(self.take_body()?, limit);
        match body.collect().await {
            Ok(collected) => Ok(collected.to_bytes()),
            Err(error) if error.is::<LengthLimitError>() => Err(too_large(code, limit as u64)),
            Err(_) => Err(half_a_body()),
        }
    }

    /// The body as JSON.
    pub(crate) async fn json<T: DeserializeOwned>(&mut self) -> Result<T, ApiError> {
        self.json_within(JSON_BYTES).await
    }

    /// The body as JSON of at most so many bytes.
    pub(crate) async fn json_within<T: DeserializeOwned>(
        &mut self,
        limit: usize,
    ) -> Result<T, ApiError> {
        let bytes = self.bytes(limit, 10027).await?;
        serde_json::from_slice(&bytes).map_err(|error| {
            ApiError::bad(6007, format!("Malformed JSON in request body: {error}"))
        })
    }

    /// The body in pieces, as they come.
    pub(crate) fn pieces(&mut self) -> Result<BodyStream<Incoming>, ApiError> {
        Ok(BodyStream::new(self.take_body()?))
    }

    /// Whether the body is `multipart/form-data`.
    pub(crate) fn is_multipart(&self) -> bool {
        self.boundary().is_some()
    }

    fn boundary(&self) -> Option<String> {
        let value = self.parts.headers.get(CONTENT_TYPE)?.to_str().ok()?;
        multer::parse_boundary(value).ok()
    }

    /// The parts of a multipart body, of at most so many bytes together.
    pub(crate) fn multipart(&mut self, limit: u64) -> Result<Multipart<'static>, ApiError> {
        let boundary = self
            .boundary()
            .ok_or_else(|| ApiError::bad(10026, "the body of this call is multipart/form-data"))?;
        let data = futures::StreamExt::filter_map(self.pieces()?, |frame| async move {
            frame.map(|frame| frame.into_data().ok()).transpose()
        });
        let limits = SizeLimit::new().whole_stream(limit);
        Ok(Multipart::with_constraints(
            Box::pin(data),
            boundary,
            Constraints::new().size_limit(limits),
        ))
    }
}

/// All of one part.
pub(crate) async fn part(mut field: multer::Field<'static>) -> Result<Bytes, multer::Error> {
    let mut whole = BytesMut::new();
    while let Some(piece) = field.chunk().await? {
        whole.extend_from_slice(&piece);
    }
    Ok(whole.freeze())
}

/// What is wrong with a multipart body.
pub(crate) fn multipart_error(error: &multer::Error, code: u32) -> ApiError {
    match error {
        multer::Error::StreamSizeExceeded { limit }
        | multer::Error::FieldSizeExceeded { limit, .. } => too_large(code, *limit),
        multer::Error::StreamReadFailed(_) | multer::Error::IncompleteStream => half_a_body(),
        error => ApiError::bad(10026, format!("the multipart body is not valid: {error}")),
    }
}

pub(crate) fn too_large(code: u32, limit: u64) -> ApiError {
    let text = format!("the body is larger than {limit} bytes, which is the most that is taken");
    ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, code, text)
}

fn half_a_body() -> ApiError {
    ApiError::bad(10026, "the body ended before it was whole; nothing was changed")
}
