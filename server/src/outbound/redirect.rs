//! Redirects, after <https://fetch.spec.whatwg.org/#http-redirect-fetch>.

use http::header::{self, HeaderMap, LOCATION};
use http::{Method, StatusCode};
use selvedge_runtime::outbound::{OutboundError, Redirect};
use url::Url;

use super::rules::Rules;

/// Redirects that are followed; the next one is an error (the spec's number).
pub const MAX_REDIRECTS: usize = 20;

/// What describes a body, and goes with it (the spec's "request-body-header name").
const OF_THE_BODY: [header::HeaderName; 4] = [
    header::CONTENT_ENCODING,
    header::CONTENT_LANGUAGE,
    header::CONTENT_LOCATION,
    header::CONTENT_TYPE,
];
/// What another origin must not see, unless a Worker's flags say otherwise. The spec names `authorization` only, as
/// browsers have no others to forward; a Worker has, so they go as in curl.
const OF_THE_ORIGIN: [header::HeaderName; 3] =
    [header::AUTHORIZATION, header::COOKIE, header::PROXY_AUTHORIZATION];

/// A request, as far as redirects are concerned.
pub(crate) struct Hop<'a> {
    pub(crate) url: &'a Url,
    pub(crate) method: &'a Method,
    /// Whether there is no body, or it can be sent again.
    pub(crate) replayable: bool,
    /// Redirects that were followed so far.
    pub(crate) followed: usize,
}

/// What becomes of a response.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Deliver,
    Follow(Next),
}

/// Where a redirect leads.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Next {
    pub(crate) url: Url,
    /// The method becomes GET, and the body goes.
    pub(crate) becomes_get: bool,
    pub(crate) crosses_origin: bool,
}

impl Next {
    /// Drops the headers that do not go along.
    pub(crate) fn strip(&self, headers: &mut HeaderMap, rules: Rules) {
        if self.becomes_get {
            OF_THE_BODY.iter().for_each(|name| drop(headers.remove(name)));
        }
        if self.crosses_origin && rules.strips_secrets {
            OF_THE_ORIGIN.iter().for_each(|name| drop(headers.remove(name)));
        }
    }
}

/// Whether a response is delivered or followed.
///
/// # Errors
/// [`OutboundError::TooManyRedirects`]; [`OutboundError::Invalid`] where the
/// spec says network error.
pub(crate) fn judge(
    mode: Redirect,
    hop: &Hop<'_>,
    status: StatusCode,
    headers: &HeaderMap,
) -> Result<Verdict, OutboundError> {
    if !matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308) {
        return Ok(Verdict::Deliver);
    }
    match mode {
        Redirect::Manual => return Ok(Verdict::Deliver),
        Redirect::Error => {
            return Err(invalid("The response is a redirect, and redirect mode is \"error\"."));
        }
        Redirect::Follow => {}
    }
    let Some(url) = location(headers, hop.url)? else { return Ok(Verdict::Deliver) };
    if !matches!(url.scheme(), "http" | "https") {
        return Err(invalid("The redirect leads to a URL that is neither http nor https."));
    }
    if hop.followed >= MAX_REDIRECTS {
        return Err(OutboundError::TooManyRedirects);
    }
    // The spec is this strict for 301 and 302 too, and so is Cloudflare.
    if status != StatusCode::SEE_OTHER && !hop.replayable {
        return Err(invalid(
            "A request with a one-time-use body (it was initialized from a stream, not a buffer) \
             encountered a redirect requiring the body to be retransmitted. To avoid this error \
             in the future, construct this request from a buffer-like body initializer.",
        ));
    }
    let becomes_get = match status.as_u16() {
        301 | 302 => *hop.method == Method::POST,
        303 => *hop.method != Method::GET && *hop.method != Method::HEAD,
        _ => false,
    };
    let crosses_origin = url.origin() != hop.url.origin();
    Ok(Verdict::Follow(Next { url, becomes_get, crosses_origin }))
}

/// Where the `location` header leads, without fragment and credentials.
fn location(headers: &HeaderMap, base: &Url) -> Result<Option<Url>, OutboundError> {
    let mut values = headers.get_all(LOCATION).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.any(|other| other != value) {
        return Err(not_a_location());
    }
    let text = match std::str::from_utf8(value.as_bytes()) {
        Ok(text) => text.to_owned(),
        Err(_) => value.as_bytes().iter().copied().map(char::from).collect(),
    };
    let mut url = base.join(&text).map_err(|_| not_a_location())?;
    clean(&mut url);
    Ok(Some(url))
}

/// Drops what is not sent: the fragment and, as on Cloudflare, name and
/// password (a Worker says them in `authorization`).
pub(crate) fn clean(url: &mut Url) {
    url.set_fragment(None);
    // These fail only for URLs that cannot have credentials.
    let _ = url.set_username("");
    let _ = url.set_password(None);
}

fn not_a_location() -> OutboundError {
    invalid("Invalid Location header; unable to follow redirect.")
}

fn invalid(text: &str) -> OutboundError {
    OutboundError::Invalid(text.into())
}

#[cfg(test)]
mod tests;
