//! Answers: the envelope, and bodies that are none.

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full};
use serde_json::{Value, json};

use crate::error::ApiError;

/// The body of an answer.
pub type Body = UnsyncBoxBody<Bytes, std::io::Error>;

/// What a call gives.
#[derive(Debug)]
pub(crate) enum Reply {
    /// In the envelope.
    Result { status: StatusCode, result: Value, info: Option<Value>, messages: Vec<String> },
    /// As it is.
    Raw(Response<Body>),
}

pub(crate) type Answer = Result<Reply, ApiError>;

impl Reply {
    pub(crate) fn ok(result: Value) -> Self {
        Self::Result { status: StatusCode::OK, result, info: None, messages: Vec::new() }
    }

    /// Nothing but that it was done.
    pub(crate) fn done() -> Self {
        Self::ok(Value::Null)
    }

    /// A list that is whole.
    pub(crate) fn list(items: Vec<Value>) -> Self {
        let count = items.len();
        Self::page(items, 1, count.max(1), count)
    }

    /// One page of a list.
    pub(crate) fn page(items: Vec<Value>, page: usize, per_page: usize, total: usize) -> Self {
        let info = json!({
            "page": page, "per_page": per_page, "count": items.len(), "total_count": total,
            "total_pages": total.div_ceil(per_page.max(1)),
        });
        Self::ok(Value::Array(items)).with_info(info)
    }

    pub(crate) fn with_info(mut self, new: Value) -> Self {
        if let Self::Result { info, .. } = &mut self {
            *info = Some(new);
        }
        self
    }

    pub(crate) fn with_messages(mut self, new: Vec<String>) -> Self {
        if let Self::Result { messages, .. } = &mut self {
            *messages = new;
        }
        self
    }

    pub(crate) fn into_response(self) -> Response<Body> {
        match self {
            Self::Raw(response) => response,
            Self::Result { status, result, info, messages } => {
                let messages: Vec<Value> = messages
                    .into_iter()
                    .map(|message| json!({ "code": 1, "message": message }))
                    .collect();
                let mut envelope = json!({
                    "success": true, "result": result, "errors": [], "messages": messages,
                });
                if let Some(info) = info {
                    envelope["result_info"] = info;
                }
                json_response(status, &envelope)
            }
        }
    }
}

impl ApiError {
    pub(crate) fn into_response(self) -> Response<Body> {
        let mut response = json_response(self.status, &self.to_json());
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

fn json_response(status: StatusCode, value: &Value) -> Response<Body> {
    response(status, "application/json; charset=UTF-8", value.to_string().into())
}

/// An answer with a whole body.
pub(crate) fn response(
    status: StatusCode,
    content_type: &'static str,
    body: Bytes,
) -> Response<Body> {
    let length = body.len();
    let mut response = Response::new(whole(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
    // What is told here is for those who hold the token.
    headers.insert(http::header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert("x-content-type-options", HeaderValue::from_static("nosniff"));
    response
}

/// A body that is at hand.
pub(crate) fn whole(bytes: Bytes) -> Body {
    Full::new(bytes).map_err(|never| match never {}).boxed_unsync()
}
