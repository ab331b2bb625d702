//! One call: from its parts to the envelope's `result`.

use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER, USER_AGENT};
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use url::form_urlencoded;

use crate::body::{Body, Multipart, Progress};
use crate::client::Client;
use crate::error::{ApiError, Error};

/// The longest answer that is read whole: 256 MiB.
const MAX_ANSWER_BYTES: usize = 256 * 1024 * 1024;
/// The longest that a server may ask to wait.
const MAX_WAIT: Duration = Duration::from_secs(60);

/// A call to be made.
#[derive(Debug)]
pub struct Call {
    client: Client,
    method: Method,
    path: String,
    query: Vec<(String, String)>,
    headers: HeaderMap,
    body: Body,
    problem: Option<Error>,
}

/// A page of a list.
#[derive(Debug)]
pub struct Page<T> {
    pub result: T,
    /// What asks for the next page; `None` at the end.
    pub cursor: Option<String>,
    /// All items there are, if the server counts them.
    pub total: Option<u64>,
    /// What stands for several items of a list of objects.
    pub delimited: Vec<String>,
}

#[derive(Deserialize)]
struct Envelope {
    #[serde(default)]
    success: bool,
    #[serde(default)]
    result: serde_json::Value,
    #[serde(default)]
    errors: Vec<ApiError>,
    #[serde(default)]
    result_info: Option<ResultInfo>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ResultInfo {
    cursor: Option<String>,
    total_count: Option<u64>,
    delimited: Vec<String>,
}

impl Call {
    pub(crate) fn new(client: Client, method: Method, path: String) -> Self {
        Self {
            client,
            method,
            path,
            query: Vec::new(),
            headers: HeaderMap::new(),
            body: Body::default(),
            problem: None,
        }
    }

    /// One parameter of the query.
    #[must_use]
    pub fn query(mut self, name: &str, value: impl ToString) -> Self {
        self.query.push((name.to_owned(), value.to_string()));
        self
    }

    /// A parameter that may be missing.
    #[must_use]
    pub fn query_if(self, name: &str, value: Option<impl ToString>) -> Self {
        match value {
            Some(value) => self.query(name, value),
            None => self,
        }
    }

    /// A JSON body.
    #[must_use]
    pub fn json(self, value: &serde_json::Value) -> Self {
        self.bytes("application/json", value.to_string())
    }

    /// A body of bytes.
    #[must_use]
    pub fn bytes(mut self, content_type: &str, bytes: impl Into<Bytes>) -> Self {
        self.body = Body::new(bytes);
        self.content_type(content_type);
        self
    }

    /// A form.
    #[must_use]
    pub fn form(mut self, form: &Multipart, progress: Option<Progress>) -> Self {
        self.body = match progress {
            Some(progress) => form.body().with_progress(progress),
            None => form.body(),
        };
        self.content_type(&form.content_type());
        self
    }

    /// Asks as somebody else than the client.
    #[must_use]
    pub fn token(mut self, token: &str) -> Self {
        match HeaderValue::try_from(format!("Bearer {token}")) {
            Ok(mut value) => {
                value.set_sensitive(true);
                self.headers.insert(AUTHORIZATION, value);
            }
            Err(_) => self.problem = Some(Error::Invalid("this is no token".into())),
        }
        self
    }

    /// A header.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: &str) -> Self {
        match HeaderValue::try_from(value) {
            Ok(value) => drop(self.headers.insert(name, value)),
            Err(_) => self.problem = Some(Error::Invalid(format!("\"{value}\" is no {name}"))),
        }
        self
    }

    fn content_type(&mut self, text: &str) {
        match HeaderValue::try_from(text) {
            Ok(value) => drop(self.headers.insert(CONTENT_TYPE, value)),
            Err(_) => self.problem = Some(Error::Invalid(format!("\"{text}\" is no type"))),
        }
    }

    /// Makes the call and reads `result`.
    ///
    /// # Errors
    /// When the server refuses, cannot be reached, or answers something else.
    pub async fn send<T: DeserializeOwned>(self) -> Result<T, Error> {
        Ok(self.page().await?.result)
    }

    /// Makes the call; `result` does not matter.
    ///
    /// # Errors
    /// As [`Call::send`].
    pub async fn done(self) -> Result<(), Error> {
        self.send::<serde_json::Value>().await.map(drop)
    }

    /// Makes the call and reads `result` and where the list goes on.
    ///
    /// # Errors
    /// As [`Call::send`].
    pub async fn page<T: DeserializeOwned>(self) -> Result<Page<T>, Error> {
        let name = self.name();
        let (status, body) = self.answer().await?;
        let envelope = envelope(&name, status, &body)?;
        let result = serde_json::from_value(envelope.result)
            .map_err(|error| Error::Unexpected { call: name, status, reason: error.to_string() })?;
        let info = envelope.result_info.unwrap_or_default();
        let cursor = info.cursor.filter(|cursor| !cursor.is_empty());
        Ok(Page { result, cursor, total: info.total_count, delimited: info.delimited })
    }

    /// Makes the call and gives the body of a good answer as it is.
    ///
    /// # Errors
    /// As [`Call::send`].
    pub async fn raw(self) -> Result<Bytes, Error> {
        let name = self.name();
        let (status, body) = self.answer().await?;
        if status.is_success() {
            return Ok(body);
        }
        match envelope(&name, status, &body) {
            Err(error) => Err(error),
            Ok(_) => Err(Error::Refused { call: name, status, errors: Vec::new() }),
        }
    }

    fn name(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    async fn answer(self) -> Result<(StatusCode, Bytes), Error> {
        let origin = self.client.origin();
        let response = self.response().await?;
        let status = response.status();
        let body = Limited::new(response.into_body(), MAX_ANSWER_BYTES).collect().await;
        let body = body.map_err(|error| Error::Network { origin, reason: error.to_string() })?;
        Ok((status, body.to_bytes()))
    }

    /// The response, after as many attempts as it takes.
    async fn response(mut self) -> Result<Response<Incoming>, Error> {
        if let Some(problem) = self.problem.take() {
            return Err(problem);
        }
        let retry = self.client.retry();
        let mut wait = retry.wait;
        for _ in 1..retry.attempts {
            let pause = match self.once().await {
                Ok(response) => match pause_of(&self.method, &response) {
                    Some(pause) => pause.unwrap_or(wait),
                    None => return Ok(response),
                },
                Err(failure) if failure.again => wait,
                Err(failure) => return Err(failure.error),
            };
            tokio::time::sleep(pause.min(MAX_WAIT)).await;
            wait *= 2;
        }
        self.once().await.map_err(|failure| failure.error)
    }

    async fn once(&self) -> Result<Response<Incoming>, Failure> {
        let request = self.request().map_err(|error| Failure { error, again: false })?;
        self.client.http().request(request).await.map_err(|error| {
            // What never arrived can be sent again whatever it is.
            let again = error.is_connect() || is_idempotent(&self.method);
            let reason = innermost(&error);
            Failure { error: Error::Network { origin: self.client.origin(), reason }, again }
        })
    }

    fn request(&self) -> Result<Request<Body>, Error> {
        let mut path = self.path.clone();
        if !self.query.is_empty() {
            path.push(if path.contains('?') { '&' } else { '?' });
            let mut query = form_urlencoded::Serializer::new(String::new());
            query.extend_pairs(&self.query);
            path.push_str(&query.finish());
        }
        let mut request = Request::new(self.body.clone());
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = self.client.uri(&path)?;
        let headers = request.headers_mut();
        headers.insert(USER_AGENT, self.client.agent().clone());
        if let Some(authorization) = self.client.authorization() {
            headers.insert(AUTHORIZATION, authorization.clone());
        }
        headers.extend(self.headers.clone());
        Ok(request)
    }
}

struct Failure {
    error: Error,
    /// Whether the same call may be made again.
    again: bool,
}

/// Whether the answer asks for another attempt, and after how long if it says.
fn pause_of(method: &Method, response: &Response<Incoming>) -> Option<Option<Duration>> {
    let again = match response.status() {
        StatusCode::TOO_MANY_REQUESTS => true,
        StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT => {
            is_idempotent(method)
        }
        _ => false,
    };
    let asked = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok());
    again.then(|| asked.and_then(|text| text.trim().parse().ok()).map(Duration::from_secs))
}

fn is_idempotent(method: &Method) -> bool {
    method.is_idempotent()
}

fn innermost(error: &dyn std::error::Error) -> String {
    let mut at = error;
    while let Some(source) = at.source() {
        at = source;
    }
    at.to_string()
}

/// Reads the envelope of an answer.
fn envelope(call: &str, status: StatusCode, body: &[u8]) -> Result<Envelope, Error> {
    if body.is_empty() && status.is_success() {
        return Ok(Envelope {
            success: true,
            result: serde_json::Value::Null,
            errors: Vec::new(),
            result_info: None,
        });
    }
    let envelope: Envelope = serde_json::from_slice(body).map_err(|_| {
        let start: String = String::from_utf8_lossy(body).chars().take(200).collect();
        let reason = format!("it begins with \"{}\"", start.trim());
        Error::Unexpected { call: call.to_owned(), status, reason }
    })?;
    if envelope.success {
        return Ok(envelope);
    }
    Err(Error::Refused { call: call.to_owned(), status, errors: envelope.errors })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_envelope_without_success_is_a_refusal() {
        let body = br#"{"success":false,"errors":[{"code":10007,"message":"m"}],"result":null}"#;
        let error = envelope("GET /x", StatusCode::NOT_FOUND, body).err();
        assert!(error.is_some_and(|error| error.is(10_007)));
    }

    #[test]
    fn a_page_of_html_is_told_by_its_beginning() {
        let error = envelope("GET /x", StatusCode::OK, b"<html>hello").err();
        let text = error.map(|error| error.to_string()).unwrap_or_default();
        assert!(text.contains("status 200 OK") && text.contains("<html>hello"), "{text}");
    }

    #[test]
    fn nothing_is_a_good_answer_where_the_status_is() {
        assert!(envelope("DELETE /x", StatusCode::NO_CONTENT, b"").is_ok());
        assert!(envelope("DELETE /x", StatusCode::BAD_GATEWAY, b"").is_err());
    }
}
