//! The bodies of responses that no Worker made.
//!
//! Pure functions: what happened and who asks go in, a page comes out. A
//! developer gets the whole error; a stranger gets a code and a reference, and
//! nothing of the error itself.

mod html;
mod reference;

use http::StatusCode;
use selvedge_runtime::{Failure, Outcome};

pub use reference::Reference;

/// A response without its head.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    pub status: StatusCode,
    pub content_type: &'static str,
    pub body: String,
}

const HTML: &str = "text/html; charset=UTF-8";
const TEXT: &str = "text/plain; charset=UTF-8";

impl Page {
    /// All headers of the page but its length. Scripts and other content are
    /// off, should text ever get past the escaping.
    pub fn headers(&self) -> [(&'static str, &'static str); 4] {
        [
            ("content-type", self.content_type),
            ("cache-control", "no-store"),
            ("x-content-type-options", "nosniff"),
            ("content-security-policy", "default-src 'none'; style-src 'unsafe-inline'"),
        ]
    }
}

/// What the client reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reads {
    Html,
    Text,
}

impl Reads {
    /// From the `Accept` header: browsers name HTML, curl does not.
    pub fn of(accept: Option<&[u8]>) -> Self {
        let accepts_html = accept.unwrap_or_default().split(|byte| *byte == b',').any(|range| {
            let mut parts = range.split(|byte| *byte == b';').map(<[u8]>::trim_ascii);
            let is_html = parts.next().is_some_and(|it| it.eq_ignore_ascii_case(b"text/html"));
            is_html && !parts.any(is_zero_quality)
        });
        if accepts_html { Self::Html } else { Self::Text }
    }
}

fn is_zero_quality(parameter: &[u8]) -> bool {
    let Some((name, value)) = parameter.split_at_checked(2) else { return false };
    name.eq_ignore_ascii_case(b"q=") && value.iter().all(|byte| matches!(byte, b'0' | b'.'))
}

/// The status for an outcome without a response. Cloudflare serves error 1101
/// with 500 and error 1102 with 503: its own description of 1102 in
/// `application/problem+json` has `"status":503`
/// (<https://developers.cloudflare.com/support/troubleshooting/http-status-codes/cloudflare-1xxx-errors/error-1102/>).
pub fn status_of(outcome: Outcome) -> StatusCode {
    match outcome {
        Outcome::ExceededCpu
        | Outcome::ExceededMemory
        | Outcome::ExceededWallTime
        | Outcome::LoadShed => StatusCode::SERVICE_UNAVAILABLE,
        Outcome::ScriptNotFound => StatusCode::NOT_FOUND,
        Outcome::Ok | Outcome::Exception | Outcome::Canceled | Outcome::InternalError => {
            StatusCode::INTERNAL_SERVER_ERROR
        }
    }
}

/// The same for a request of whose body is known whether it broke the limit:
/// what the Worker made of that is not its fault.
pub(crate) fn status_of_request(outcome: Outcome, body_too_large: bool) -> StatusCode {
    if body_too_large { StatusCode::PAYLOAD_TOO_LARGE } else { status_of(outcome) }
}

/// For the developer: all there is to know.
pub fn local(failure: &Failure, reads: Reads) -> Page {
    let status = status_of(failure.outcome);
    match reads {
        Reads::Html => Page { status, content_type: HTML, body: html::local(status, failure) },
        Reads::Text => Page { status, content_type: TEXT, body: format!("{failure}\n") },
    }
}

/// For a stranger: the kind of problem, and a reference to the log.
pub fn production(outcome: Outcome, reference: &Reference, reads: Reads) -> Page {
    let status = status_of(outcome);
    let code = outcome.error_code();
    let body = match reads {
        Reads::Html => html::production(code, meaning(code), reference),
        Reads::Text => format!("error code: {code}\nreference: {reference}\n"),
    };
    Page { status, content_type: content_type(reads), body }
}

/// For a request that no Worker saw.
pub fn refusal(status: StatusCode, reads: Reads) -> Page {
    let why = why(status);
    let title = match status.canonical_reason() {
        Some(reason) => format!("{} {reason}", status.as_str()),
        None => status.as_str().to_owned(),
    };
    let body = match reads {
        Reads::Html => html::short(&title, why),
        Reads::Text if why.is_empty() => format!("{title}\n"),
        Reads::Text => format!("{title}: {why}\n"),
    };
    Page { status, content_type: content_type(reads), body }
}

/// For a host that no Worker answers at.
pub(crate) fn nobody(reads: Reads) -> Page {
    let (title, why) = ("404 Not Found", "no Worker answers at this address.");
    let body = match reads {
        Reads::Html => html::short(title, why),
        Reads::Text => format!("{title}: {why}\n"),
    };
    Page { status: StatusCode::NOT_FOUND, content_type: content_type(reads), body }
}

/// For requests that come too fast.
pub(crate) fn rate_limited(reads: Reads) -> Page {
    let body = match reads {
        Reads::Html => {
            html::short("Error 1015: You are being rate limited", "try again in a moment.")
        }
        Reads::Text => "error code: 1015\n".to_owned(),
    };
    Page { status: StatusCode::TOO_MANY_REQUESTS, content_type: content_type(reads), body }
}

/// For an account that has had its requests of the day.
pub(crate) fn over_daily_limit(reads: Reads) -> Page {
    let body = match reads {
        Reads::Html => html::short(
            "Error 1027: This website has been temporarily rate limited",
            "the Workers of this site have had their requests of the day (UTC).",
        ),
        Reads::Text => "error code: 1027\n".to_owned(),
    };
    Page { status: StatusCode::TOO_MANY_REQUESTS, content_type: content_type(reads), body }
}

fn content_type(reads: Reads) -> &'static str {
    match reads {
        Reads::Html => HTML,
        Reads::Text => TEXT,
    }
}

/// Cloudflare's words for its codes.
fn meaning(code: u16) -> &'static str {
    match code {
        1102 => "Worker exceeded resource limits",
        _ => "Worker threw exception",
    }
}

fn why(status: StatusCode) -> &'static str {
    match status {
        StatusCode::BAD_REQUEST => "the request is not valid HTTP.",
        StatusCode::REQUEST_TIMEOUT => "the request took too long to arrive.",
        StatusCode::PAYLOAD_TOO_LARGE => "the body of the request is too large.",
        StatusCode::URI_TOO_LONG => "the URL of the request is too long.",
        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => "the headers of the request are too large.",
        StatusCode::SERVICE_UNAVAILABLE => "the server is busy or about to stop; try again.",
        _ => "",
    }
}

#[cfg(test)]
mod tests;
