//! A request of S3: what it names, and what is beside it.

use http::request::Parts;
use http::{HeaderMap, Method};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

/// What is not encoded in signatures: letters, digits and four more.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
/// The same in paths.
const ENCODED_PATH: &AsciiSet = &ENCODED.remove(b'/');

/// A request, without its body.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) method: Method,
    pub(super) headers: HeaderMap,
    /// The path as it was sent, decoded.
    pub(super) path: String,
    /// Empty for all buckets.
    pub(super) bucket: String,
    /// Empty for the bucket.
    pub(super) key: String,
    /// Decoded, in the order of the request.
    pub(super) query: Vec<(String, String)>,
}

impl Asked {
    /// Of a request below `/s3`.
    pub(super) fn new(parts: Parts) -> Self {
        let decode = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
        let sent = parts.uri.path();
        let below = sent.strip_prefix(super::PREFIX).unwrap_or_default().trim_start_matches('/');
        let (bucket, key) = below.split_once('/').unwrap_or((below, ""));
        let pairs = parts.uri.query().unwrap_or_default().split('&');
        let query = pairs
            .filter(|pair| !pair.is_empty())
            .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
            .map(|(name, value)| (decode(name), decode(value)))
            .collect();
        Self {
            path: decode(sent),
            bucket: decode(bucket),
            key: decode(key),
            query,
            method: parts.method,
            headers: parts.headers,
        }
    }

    /// A value of the query.
    pub(super) fn query(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// A header, if it is text.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

/// Text as signatures and lists have it.
pub(super) fn encode(text: &str) -> String {
    utf8_percent_encode(text, ENCODED).to_string()
}

/// A path as signatures have it.
pub(super) fn encode_path(text: &str) -> String {
    utf8_percent_encode(text, ENCODED_PATH).to_string()
}
