//! Bodies of requests, with limits.

use bytes::{Bytes, BytesMut};
use futures::{Stream, StreamExt as _};
use http::StatusCode;
use http::header::CONTENT_TYPE;
use http_body_util::BodyStream;
use hyper::body::Incoming;
use multer::Multipart;
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
        let mut pieces = std::pin::pin!(self.limited(limit as u64)?);
        let mut whole = BytesMut::new();
        while let Some(piece) = pieces.next().await {
            match piece {
                Ok(piece) => whole.extend_from_slice(&piece),
                Err(Cut::TooLarge) => return Err(too_large(code, limit as u64)),
                Err(Cut::Ended) => return Err(half_a_body()),
            }
        }
        Ok(whole.freeze())
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
        Ok(Multipart::new(Box::pin(self.limited(limit)?), boundary))
    }

    /// The body in pieces, as far as the limit.
    fn limited(
        &mut self,
        limit: u64,
    ) -> Result<impl Stream<Item = Result<Bytes, Cut>> + Send + use<>, ApiError> {
        let body = BodyStream::new(self.take_body()?);
        Ok(futures::stream::try_unfold((body, 0), move |(body, seen)| next(body, seen, limit)))
    }
}

/// Why a body is not read on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
enum Cut {
    #[error("the body is too large")]
    TooLarge,
    #[error("the body ended early")]
    Ended,
}

/// What of a body that is too large is read all the same: 128 MiB. A client that
/// still sends would not see the answer otherwise.
const DRAINED_BYTES: u64 = 128 * 1024 * 1024;

type Pieces = (BodyStream<Incoming>, u64);

/// The next piece, and how much came with it.
async fn next(
    mut body: BodyStream<Incoming>,
    mut seen: u64,
    limit: u64,
) -> Result<Option<(Bytes, Pieces)>, Cut> {
    while let Some(frame) = body.next().await {
        let Ok(piece) = frame.map_err(|_| Cut::Ended)?.into_data() else { continue };
        seen += piece.len() as u64;
        if seen <= limit {
            return Ok(Some((piece, (body, seen))));
        }
        if seen > limit.saturating_add(DRAINED_BYTES) {
            break;
        }
    }
    if seen > limit { Err(Cut::TooLarge) } else { Ok(None) }
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
        multer::Error::StreamReadFailed(cut)
            if cut.downcast_ref::<Cut>() == Some(&Cut::TooLarge) =>
        {
            let text = "the body is larger than what is taken";
            ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, code, text)
        }
        multer::Error::StreamReadFailed(_)
        | multer::Error::IncompleteStream
        | multer::Error::IncompleteHeaders
        | multer::Error::IncompleteFieldData { .. } => half_a_body(),
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
