//! A request to a Worker with a cache before it, by itself.

use std::rc::Rc;

use selvedge_cache::rules::{self, Answer};
use selvedge_cache::{Entry, Key};
use selvedge_runtime::headers::{HeaderBlob, HeaderBlobBuf};
use selvedge_runtime::outbound::ServiceTarget;
use selvedge_runtime::{FetchEvent, SharedHeaders};

/// Headers by which some frameworks take a request for another one: each value has
/// entries of its own, so that nobody gets what somebody made up
/// (<https://developers.cloudflare.com/workers/cache/cache-keys/>).
const MISLEADING: [&[u8]; 10] = [
    b"x-http-method-override",
    b"x-http-method",
    b"x-method-override",
    b"x-forwarded-host",
    b"x-host",
    b"x-forwarded-scheme",
    b"x-original-url",
    b"x-rewrite-url",
    b"forwarded",
    b"cloudflare-workers-version-key",
];

/// A copy of what of a request the cache and the Worker want to know.
pub(super) struct Asked {
    pub(super) is_head: bool,
    pub(super) url: Vec<u8>,
    pub(super) headers: HeaderBlobBuf,
    pub(super) shared: SharedHeaders,
    pub(super) cf: Rc<str>,
    pub(super) service: Option<ServiceTarget>,
}

impl Asked {
    pub(super) fn of(event: &FetchEvent<'_>) -> Self {
        let copy = |blob: HeaderBlob<'_>| HeaderBlobBuf::from_bytes(blob.0.to_vec());
        Self {
            is_head: event.method == "HEAD",
            url: event.url.to_vec(),
            headers: copy(HeaderBlob(event.headers)),
            shared: SharedHeaders::new(copy(event.shared_headers.as_blob())),
            cf: event.cf.clone(),
            service: event.service.cloned(),
        }
    }

    /// The same request for the cache's sake, of no client.
    pub(super) fn again(&self) -> Self {
        let copy = |blob: HeaderBlob<'_>| HeaderBlobBuf::from_bytes(blob.0.to_vec());
        Self {
            is_head: false,
            url: self.url.clone(),
            headers: self.for_worker(None, Conditions::Ours),
            shared: SharedHeaders::new(copy(self.shared.as_blob())),
            cf: self.cf.clone(),
            service: self.service.clone(),
        }
    }

    /// `cf.cacheControl` of who calls.
    pub(super) fn control(&self) -> Option<&str> {
        super::own_account(self.service.as_ref()?)?.control.as_deref()
    }

    pub(super) fn variant(&self, base: &Key, names: &[String]) -> Key {
        variant(base, names, self.headers.as_blob(), self.shared.as_blob())
    }

    /// The path by which a response is purged: as the Worker sees it.
    pub(super) fn path(&self) -> String {
        let url = std::str::from_utf8(&self.url).ok().and_then(|url| url::Url::parse(url).ok());
        url.map_or_else(|| "/".to_owned(), |url| url.path().to_owned())
    }

    /// The headers for the Worker: it is asked for all of the response, or whether what
    /// is kept is still right.
    pub(super) fn for_worker(&self, kept: Option<&Entry>, conditions: Conditions) -> HeaderBlobBuf {
        let own = kept.map(Entry::headers);
        let validator = |name| own.and_then(|headers| headers.get(name));
        let (etag, modified) = (validator("etag"), validator("last-modified"));
        let asks = etag.is_some() || modified.is_some();
        let mut headers = HeaderBlobBuf::with_capacity(self.headers.as_blob().0.len() + 64);
        for (name, value) in self.headers.as_blob().iter() {
            let is_left_out = match name {
                b"range" | b"if-range" => true,
                b"if-none-match" | b"if-modified-since" => asks || conditions == Conditions::Ours,
                _ => false,
            };
            if !is_left_out {
                headers.push(name, value);
            }
        }
        for (name, value) in [("if-none-match", etag), ("if-modified-since", modified)] {
            if let Some(value) = value {
                headers.push(name.as_bytes(), value);
            }
        }
        headers
    }
}

/// Whose conditions the Worker sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Conditions {
    Ours,
    /// Nothing is kept: the client's are answered by the Worker.
    Clients,
}

/// What a request gets of a response that is kept.
pub(super) fn answer(entry: &Entry, headers: HeaderBlob<'_>, is_head: bool) -> Answer {
    for_method(rules::answer(entry, headers), is_head)
}

/// Ranges are of GET alone (RFC 9110, 14.2).
pub(super) fn for_method(answer: Answer, is_head: bool) -> Answer {
    match answer {
        Answer::Part(_) | Answer::Unsatisfiable if is_head => Answer::Whole,
        answer => answer,
    }
}

/// The key of the variant that a request gets.
pub(super) fn variant(
    base: &Key,
    names: &[String],
    headers: HeaderBlob<'_>,
    shared: HeaderBlob<'_>,
) -> Key {
    let values: Vec<Vec<u8>> = names.iter().map(|name| values(headers, shared, name)).collect();
    base.variant(values.iter().map(Vec::as_slice))
}

/// All values of a header. One that is not there is no empty one.
fn values(headers: HeaderBlob<'_>, shared: HeaderBlob<'_>, name: &str) -> Vec<u8> {
    let mut all = Vec::new();
    for (_, value) in headers.iter().chain(shared.iter()).filter(|it| it.0 == name.as_bytes()) {
        all.push(b',');
        all.extend_from_slice(value);
    }
    all
}

/// Whether a header may have a request taken for another one.
pub(super) fn misleads(header: &(&[u8], &[u8])) -> bool {
    let (name, value) = *header;
    // Few headers begin with these letters.
    matches!(name.first(), Some(b'x' | b'f' | b'c'))
        && MISLEADING.contains(&name)
        && !(name == b"x-forwarded-scheme"
            && (value.eq_ignore_ascii_case(b"http") || value.eq_ignore_ascii_case(b"https")))
}

/// Path and query of an absolute URL.
pub(super) fn path_and_query(url: &[u8]) -> &[u8] {
    let host = memchr::memmem::find(url, b"://").map_or(0, |at| at + 3);
    let rest = url.get(host..).unwrap_or_default();
    match memchr::memchr2(b'/', b'?', rest) {
        Some(at) => &rest[at..],
        None => b"/",
    }
}
