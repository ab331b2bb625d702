//! Answers that no Worker gives, written to a connection that then closes.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use deno_http_h1::CoreRequest;
use http::StatusCode;
use selvedge_runtime::Failure;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::limits::Over;
use crate::callee_failure;
use crate::error_page::{self, Page, Reads, Reference};
use crate::io::Io;
use crate::serve::ServiceConnection;

/// A client gets this long to take the answer and to end what it sends.
const PATIENCE: Duration = Duration::from_secs(5);
/// What is read of the rest of a request, so that its client sees the answer.
const REST_BYTES: usize = 256 * 1024;

/// Why a request reaches no isolate.
#[derive(Debug, Clone)]
pub(crate) enum Trouble {
    /// No Worker has this host.
    Nobody,
    /// The server has too much to do.
    Busy,
    /// The Worker does not start.
    NotStarted(Arc<Failure>),
    /// The request is not HTTP.
    Invalid(StatusCode),
    /// Answered by the server itself.
    Text(StatusCode, &'static str),
}

impl Trouble {
    /// The page, and the reference on it.
    pub(crate) fn page(&self, reads: Reads) -> (Page, Option<Reference>) {
        match self {
            Self::Nobody => (error_page::nobody(reads), None),
            Self::Busy => (error_page::refusal(StatusCode::SERVICE_UNAVAILABLE, reads), None),
            Self::NotStarted(failure) => {
                let reference = Reference::new();
                let page = error_page::production(failure.outcome, &reference, reads);
                (page, Some(reference))
            }
            Self::Invalid(status) => (error_page::refusal(*status, Reads::Text), None),
            Self::Text(status, text) => {
                let content_type = "text/plain; charset=UTF-8";
                (Page { status: *status, content_type, body: (*text).to_owned() }, None)
            }
        }
    }
}

/// The page for a request that is over a bound.
pub(crate) fn over(over: Over, request: &CoreRequest<'_>) -> Box<Page> {
    let reads = Reads::of(super::route::header(request, b"accept"));
    Box::new(match over {
        Over::Rate => error_page::rate_limited(reads),
        Over::Day => error_page::over_daily_limit(reads),
        Over::Concurrency => error_page::refusal(StatusCode::SERVICE_UNAVAILABLE, reads),
    })
}

/// Writes a page to a connection and closes it.
pub(crate) async fn write<I: Io>(io: &mut I, page: &Page, is_head: bool) {
    let mut text = format!(
        "HTTP/1.1 {} {}\r\n",
        page.status.as_str(),
        page.status.canonical_reason().unwrap_or_default()
    );
    for (name, value) in page.headers() {
        let _ = write!(text, "{name}: {value}\r\n");
    }
    let now = httpdate::fmt_http_date(std::time::SystemTime::now());
    let length = page.body.len();
    let _ = write!(text, "content-length: {length}\r\ndate: {now}\r\nconnection: close\r\n\r\n");
    if !is_head {
        text.push_str(&page.body);
    }
    let written = async {
        io.write_all(text.as_bytes()).await?;
        io.shutdown().await
    };
    if !matches!(tokio::time::timeout(PATIENCE, written).await, Ok(Ok(()))) {
        return;
    }
    // A client that still sends would get a reset in place of the answer.
    let rest = async {
        let mut buffer = [0; 4096];
        let mut total = 0;
        while total < REST_BYTES {
            match io.read(&mut buffer).await {
                Ok(0) | Err(_) => break,
                Ok(count) => total += count,
            }
        }
    };
    let _ = tokio::time::timeout(Duration::from_millis(500), rest).await;
}

/// Tells another Worker that its call cannot be taken.
pub(crate) fn to_service(connection: ServiceConnection, trouble: &Trouble) {
    let ServiceConnection { mut stream, target } = connection;
    let failure = match trouble {
        Trouble::NotStarted(failure) => Failure::clone(failure),
        _ => Failure::new(selvedge_runtime::Outcome::LoadShed, "Worker is overloaded."),
    };
    let is_object = target.object.is_some();
    let respond = async move {
        let headers = callee_failure::headers(&failure, is_object);
        let mut text = format!("HTTP/1.1 {} x\r\n", callee_failure::STATUS);
        for (name, value) in headers.as_blob().iter() {
            let (name, value) = (String::from_utf8_lossy(name), String::from_utf8_lossy(value));
            let _ = write!(text, "{name}: {value}\r\n");
        }
        text.push_str("content-length: 0\r\nconnection: close\r\n\r\n");
        let _ = stream.write_all(text.as_bytes()).await;
        let _ = stream.shutdown().await;
    };
    // Whoever gave up waiting for an isolate runs on some event loop.
    if let Ok(runtime) = tokio::runtime::Handle::try_current() {
        runtime.spawn(respond);
    }
}
