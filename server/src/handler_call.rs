//! Calls of handlers that no client reaches: a request over the switchboard, to a
//! path of the server's own (`js/handlers.js`).

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use http::StatusCode;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1::handshake;
use hyper_util::rt::TokioIo;
use selvedge_runtime::outbound::ServiceTarget;
use tokio::io::DuplexStream;

/// What a handler says of a hundred messages is shorter: 1 MiB.
const MAX_ANSWER_BYTES: usize = 1 << 20;

/// Where the handlers of a Worker are; the name is the one that it has in the process.
pub(crate) fn target(worker: &str) -> Arc<ServiceTarget> {
    Arc::new(ServiceTarget {
        for_handler: true,
        service: worker.to_owned(),
        ..ServiceTarget::default()
    })
}

/// Calls `/cdn-cgi/handler/{handler}{query}` with a body of JSON; gives the answer.
///
/// # Errors
/// When the connection breaks, or the handler failed.
pub(crate) async fn call(
    stream: DuplexStream,
    handler: &str,
    query: &str,
    body: Bytes,
) -> Result<Bytes, String> {
    call_with(stream, handler, query, Full::new(body)).await
}

/// The same with a body of any kind.
///
/// # Errors
/// As [`call`].
pub(crate) async fn call_with<B>(
    stream: DuplexStream,
    handler: &str,
    query: &str,
    body: B,
) -> Result<Bytes, String>
where
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let failed = |error: &dyn fmt::Display| error.to_string();
    let (mut send, connection) =
        handshake(TokioIo::new(stream)).await.map_err(|error| failed(&error))?;
    let connection = tokio::spawn(connection);
    let request = http::Request::post(format!("/cdn-cgi/handler/{handler}{query}"))
        .header(http::header::HOST, handler)
        .header(http::header::CONTENT_TYPE, "application/json")
        .body(body)
        .map_err(|error| failed(&error))?;
    let response = send.send_request(request).await.map_err(|error| failed(&error))?;
    let status = response.status();
    let answer = Limited::new(response.into_body(), MAX_ANSWER_BYTES).collect().await;
    let answer = answer.map_err(|error| error.to_string())?.to_bytes();
    drop(send);
    connection.abort();
    if status != StatusCode::OK {
        return Err(format!("it answered with {status}"));
    }
    Ok(answer)
}

/// A value in a query.
pub(crate) fn encoded(value: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    let encode = |byte: u8| match plain(byte) {
        true => char::from(byte).to_string(),
        false => format!("%{byte:02X}"),
    };
    value.bytes().map(encode).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_a_query_are_encoded() {
        assert_eq!(encoded("a/b c-1_2."), "a%2Fb%20c-1_2.");
    }
}
