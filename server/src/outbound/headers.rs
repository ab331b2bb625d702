//! Headers on their way out and in.

use http::header::{
    self, ACCEPT_ENCODING, CONNECTION, CONTENT_ENCODING, CONTENT_LENGTH, HeaderMap, HeaderName,
    HeaderValue, RANGE,
};
use selvedge_runtime::headers::{HeaderBlob, HeaderBlobBuf};
use selvedge_runtime::outbound::OutboundError;

use super::rules::Rules;

/// A request that passed through this many Workers, as far as `cdn-loop`
/// tells, is a loop. Cloudflare's limit for `cf-ew-via` is 16 too.
pub const MAX_LOOPS: usize = 16;
/// Our name in `cdn-loop` (RFC 8586).
const CDN_ID: &str = "selvedge";
const CDN_LOOP: HeaderName = HeaderName::from_static("cdn-loop");

/// What concerns one connection and not the message (RFC 9110, 7.6.1; RFC
/// 9113, 8.2.2): never forwarded in either direction.
const HOP_BY_HOP: [&str; 8] = [
    "connection",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "http2-settings",
];

/// What a Worker cannot set, because it follows from URL, body and connection
/// (<https://fetch.spec.whatwg.org/#forbidden-request-header>). A `host` that
/// the Worker sets is ignored, as on Cloudflare.
const DERIVED: [&str; 3] = ["host", "content-length", "expect"];

/// The headers of a request as the Worker gave them, without those that it
/// cannot set.
///
/// # Errors
/// [`OutboundError::Invalid`] for a name or value that is not one.
pub(crate) fn outgoing(blob: HeaderBlob<'_>) -> Result<HeaderMap, OutboundError> {
    let nominated = nominated(blob.iter().filter(|(name, _)| *name == b"connection").map(|h| h.1));
    let mut headers = HeaderMap::with_capacity(16);
    for (name, value) in blob.iter() {
        let name = HeaderName::from_bytes(name).map_err(|_| invalid("name", name))?;
        let text = name.as_str();
        if HOP_BY_HOP.contains(&text) || DERIVED.contains(&text) || nominated.contains(&name) {
            continue;
        }
        let value = HeaderValue::from_bytes(value).map_err(|_| invalid("value", value))?;
        headers.append(name, value);
    }
    Ok(headers)
}

/// What a request gets that leaves the Worker: our entry in `cdn-loop`, unless it goes
/// to another Worker of this process, and `accept-encoding`.
///
/// # Errors
/// [`OutboundError::Refused`] for a request that runs in circles.
pub(crate) fn complete(
    headers: &mut HeaderMap,
    to_worker: bool,
    rules: Rules,
) -> Result<(), OutboundError> {
    if !to_worker {
        join_loop(headers)?;
    }
    accept_encoding(headers, rules);
    Ok(())
}

fn invalid(what: &str, bytes: &[u8]) -> OutboundError {
    OutboundError::Invalid(format!("Invalid header {what}: {}", String::from_utf8_lossy(bytes)))
}

/// Appends this hop to `cdn-loop`. It finds the loops of Workers that forward
/// the headers of their request; one that drops them is stopped by its limits.
fn join_loop(headers: &mut HeaderMap) -> Result<(), OutboundError> {
    let mut entries: Vec<&str> = headers
        .get_all(&CDN_LOOP)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .filter(|entry| !entry.is_empty())
        .collect();
    let ours = entries.iter().filter(|entry| entry.split(';').next() == Some(CDN_ID)).count();
    if ours >= MAX_LOOPS {
        return Err(OutboundError::Refused("Too many Workers in a row: the request loops".into()));
    }
    entries.push(CDN_ID);
    if let Ok(value) = HeaderValue::from_str(&entries.join(", ")) {
        headers.insert(CDN_LOOP, value);
    }
    Ok(())
}

/// Asks for the encodings that are undone here, unless the Worker said which
/// it wants. A part of an encoded body cannot be decoded, so a range is asked
/// for plain (<https://fetch.spec.whatwg.org/#concept-http-network-or-cache-fetch>).
fn accept_encoding(headers: &mut HeaderMap, rules: Rules) {
    if !headers.contains_key(ACCEPT_ENCODING) {
        let codings = match (headers.contains_key(RANGE), rules.brotli) {
            (true, _) => "identity",
            (false, true) => "gzip, br",
            (false, false) => "gzip",
        };
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static(codings));
    }
}

/// The headers of a response as the Worker sees them. `decoded`: those that
/// describe the encoded body go.
pub(crate) fn incoming(headers: &HeaderMap, decoded: bool) -> HeaderBlobBuf {
    let nominated = nominated(headers.get_all(CONNECTION).iter().map(HeaderValue::as_bytes));
    let mut blob = HeaderBlobBuf::with_capacity(headers.len() * 40);
    for (name, value) in headers {
        let encoded = decoded && (name == CONTENT_ENCODING || name == CONTENT_LENGTH);
        if !encoded && !HOP_BY_HOP.contains(&name.as_str()) && !nominated.contains(name) {
            blob.push(name.as_str().as_bytes(), value.as_bytes());
        }
    }
    blob
}

/// The headers that `connection` declares to be about the connection. Those
/// that frame the body are not, whatever it says.
fn nominated<'a>(values: impl Iterator<Item = &'a [u8]>) -> Vec<HeaderName> {
    values
        .flat_map(|value| value.split(|byte| *byte == b','))
        .filter_map(|name| HeaderName::from_bytes(name.trim_ascii()).ok())
        .filter(|name| ![header::CONTENT_LENGTH, header::CONTENT_ENCODING].contains(name))
        .collect()
}

#[cfg(test)]
mod tests {
    use selvedge_runtime::compatibility::Compatibility;

    use super::*;

    fn blob(list: &[(&str, &str)]) -> HeaderBlobBuf {
        let mut blob = HeaderBlobBuf::default();
        for (name, value) in list {
            blob.push(name.as_bytes(), value.as_bytes());
        }
        blob
    }

    /// What leaves for a Worker's headers.
    fn sent(blob: &HeaderBlobBuf) -> Result<HeaderMap, OutboundError> {
        let mut headers = outgoing(blob.as_blob())?;
        complete(&mut headers, false, Rules::of(&Compatibility::default()))?;
        Ok(headers)
    }

    #[test]
    fn headers_of_the_connection_do_not_leave() {
        let given = blob(&[
            ("host", "evil.example"),
            ("content-length", "99"),
            ("connection", "keep-alive, x-private"),
            ("x-private", "1"),
            ("transfer-encoding", "chunked"),
            ("upgrade", "h2c"),
            ("x-kept", "caf\u{e9}"),
            ("accept-encoding", "zstd"),
        ]);
        let sent = sent(&given).unwrap();
        let mut names: Vec<_> = sent.keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        assert_eq!(names, ["accept-encoding", "cdn-loop", "x-kept"]);
        assert_eq!(sent["accept-encoding"], "zstd");
    }

    #[test]
    fn encodings_are_asked_for_but_not_with_a_range() {
        let plain = sent(&blob(&[])).unwrap();
        assert_eq!(plain["accept-encoding"], "gzip, br");
        let range = sent(&blob(&[("range", "bytes=0-1")])).unwrap();
        assert_eq!(range["accept-encoding"], "identity");
    }

    #[test]
    fn a_loop_of_workers_ends() {
        let mut given = blob(&[("cdn-loop", "other; v=1"), ("cdn-loop", "")]);
        for hop in 0..MAX_LOOPS {
            let sent = sent(&given).unwrap_or_else(|_| panic!("hop {hop}"));
            given = blob(&[("cdn-loop", sent["cdn-loop"].to_str().unwrap())]);
        }
        assert!(matches!(sent(&given), Err(OutboundError::Refused(_))));
    }

    #[test]
    fn a_header_that_is_none_is_invalid() {
        for bad in [("na me", "v"), ("", "v"), ("name", "a\nb")] {
            let result = outgoing(blob(&[bad]).as_blob());
            assert!(matches!(result, Err(OutboundError::Invalid(_))), "{bad:?}");
        }
    }

    #[test]
    fn every_cookie_comes_in_on_its_own() {
        let mut headers = HeaderMap::new();
        headers.append("set-cookie", HeaderValue::from_static("a=1"));
        headers.append("set-cookie", HeaderValue::from_static("b=2"));
        headers.append("content-encoding", HeaderValue::from_static("gzip"));
        headers.append("transfer-encoding", HeaderValue::from_static("chunked"));
        let seen = incoming(&headers, true);
        let cookies: Vec<_> = seen.as_blob().iter().collect();
        assert_eq!(cookies, [(&b"set-cookie"[..], &b"a=1"[..]), (&b"set-cookie"[..], &b"b=2"[..])]);
        assert_eq!(incoming(&headers, false).as_blob().get("content-encoding"), Some(&b"gzip"[..]));
    }
}
