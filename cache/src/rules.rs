//! What may be kept and for how long, and what a request gets of it: RFC 9111 as
//! a shared cache, RFC 5861, and RFC 9110 for conditions and ranges. Nothing of
//! V8, files or clocks is here.

#[cfg(test)]
mod tests;

use std::time::{Duration, SystemTime};

use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, Uri};
use http_cache_semantics::{CacheOptions, CachePolicy};
use selvedge_runtime::headers::{HeaderBlob, HeaderBlobBuf};

use crate::entry::{Entry, UnixMillis};
use crate::range::{self, Range};

/// For how long a response is of use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lifetime {
    /// How old it is already.
    pub age: Duration,
    pub fresh: Duration,
    /// After that, while another one is fetched.
    pub while_revalidating: Duration,
    /// After that, if the origin fails.
    pub if_error: Duration,
}

/// The response's headers as they may be kept, and for how long; `None`: it must
/// not be kept.
///
/// Without anything said about it, a response is not kept: unlike in browsers
/// there is no guess from `Last-Modified`, as on Cloudflare.
pub fn storable(
    url: &str,
    request: HeaderBlob<'_>,
    status: u16,
    response: HeaderBlob<'_>,
) -> Option<(HeaderBlobBuf, Lifetime)> {
    let kept = without_private_cookies(response)?;
    let now = SystemTime::now();
    let policy = policy(url, request, status, kept.as_blob(), now)?;
    if !policy.is_storable() {
        return None;
    }
    let age = policy.age(now);
    let fresh = policy.time_to_live(now);
    let control = control(kept.as_blob());
    let seconds = |name| Duration::from_secs(directive(&control, name).unwrap_or_default());
    let lifetime = Lifetime {
        age,
        fresh,
        while_revalidating: seconds("stale-while-revalidate"),
        if_error: seconds("stale-if-error"),
    };
    (!fresh.is_zero()).then_some((kept, lifetime))
}

/// A lifetime that a Worker sets (`cf.cacheTtl`): what the origin says of it does
/// not count, but cookies are never kept.
pub fn forced(response: HeaderBlob<'_>, ttl: Duration) -> (HeaderBlobBuf, Lifetime) {
    let mut kept = HeaderBlobBuf::with_capacity(response.0.len());
    for (name, value) in response.iter().filter(|(name, _)| *name != b"set-cookie") {
        kept.push(name, value);
    }
    let control = control(response);
    let seconds = |name| Duration::from_secs(directive(&control, name).unwrap_or_default());
    let lifetime = Lifetime {
        age: Duration::ZERO,
        fresh: ttl,
        while_revalidating: seconds("stale-while-revalidate"),
        if_error: seconds("stale-if-error"),
    };
    (kept, lifetime)
}

/// A response with `Set-Cookie` is not kept, unless `Cache-Control:
/// private=Set-Cookie`, or the same of `no-cache`, says that it may be without
/// (<https://developers.cloudflare.com/workers/runtime-apis/cache/#headers>).
pub(crate) fn without_private_cookies(response: HeaderBlob<'_>) -> Option<HeaderBlobBuf> {
    let mut kept = HeaderBlobBuf::with_capacity(response.0.len());
    if response.get("set-cookie").is_none() {
        kept.push_blob(response);
        return Some(kept);
    }
    let mut allowed = false;
    for (name, value) in response.iter() {
        match name {
            b"set-cookie" => {}
            b"cache-control" => {
                let text = String::from_utf8_lossy(value);
                allowed |= text.split(',').any(is_about_cookies);
                let rest: Vec<_> =
                    text.split(',').filter(|part| !is_about_cookies(part)).map(str::trim).collect();
                if !rest.is_empty() {
                    kept.push(name, rest.join(", ").as_bytes());
                }
            }
            _ => kept.push(name, value),
        }
    }
    allowed.then_some(kept)
}

/// `private=Set-Cookie`, or the same of `no-cache`.
pub(crate) fn is_about_cookies(part: &str) -> bool {
    part.trim().split_once('=').is_some_and(|(name, value)| {
        ["private", "no-cache"].iter().any(|it| name.trim().eq_ignore_ascii_case(it))
            && value.trim().trim_matches('"').eq_ignore_ascii_case("set-cookie")
    })
}

pub(crate) fn policy(
    url: &str,
    request: HeaderBlob<'_>,
    status: u16,
    response: HeaderBlob<'_>,
    now: SystemTime,
) -> Option<CachePolicy> {
    let mut asked = Request::new(());
    *asked.method_mut() = Method::GET;
    // What is put under the name of any URL is a response to it all the same.
    *asked.uri_mut() = url.parse().unwrap_or(Uri::from_static("/"));
    *asked.headers_mut() = header_map(request);
    let mut answer = Response::new(());
    *answer.status_mut() = StatusCode::from_u16(status).ok()?;
    *answer.headers_mut() = header_map(response);
    let options = CacheOptions { shared: true, cache_heuristic: 0.0, ..CacheOptions::default() };
    Some(CachePolicy::new_options(&asked, &answer, now, options))
}

/// What is no header is left out.
pub(crate) fn header_map(blob: HeaderBlob<'_>) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, value) in blob.iter() {
        if let (Ok(name), Ok(value)) =
            (HeaderName::from_bytes(name), HeaderValue::from_bytes(value))
        {
            map.append(name, value);
        }
    }
    map
}

/// All of `Cache-Control`, in lower case.
pub fn control(headers: HeaderBlob<'_>) -> String {
    let mut all = String::new();
    for (name, value) in headers.iter() {
        if name == b"cache-control" {
            all.push_str(&String::from_utf8_lossy(value));
            all.push(',');
        }
    }
    all.make_ascii_lowercase();
    all
}

/// The number that a directive of [`control`] has.
pub fn directive(control: &str, name: &str) -> Option<u64> {
    control.split(',').find_map(|part| {
        let (key, value) = part.trim().split_once('=')?;
        (key.trim() == name).then(|| value.trim().trim_matches('"').parse().ok())?
    })
}

/// Whether a directive is there.
pub fn has_directive(control: &str, name: &str) -> bool {
    control.split(',').any(|part| part.trim().split('=').next() == Some(name))
}

/// The names in `Vary`, in lower case and in order; `None`: it varies by things
/// that nobody knows (`*`).
pub fn varies_by(headers: HeaderBlob<'_>) -> Option<Vec<String>> {
    let mut names = all_varies_by(headers)?;
    // What `fetch()` brings is kept decoded.
    names.retain(|name| name != "accept-encoding");
    Some(names)
}

/// The same where bodies are kept as they are encoded.
pub(crate) fn all_varies_by(headers: HeaderBlob<'_>) -> Option<Vec<String>> {
    let mut names = Vec::new();
    for (_, value) in headers.iter().filter(|(name, _)| *name == b"vary") {
        for name in String::from_utf8_lossy(value).split(',') {
            let name = name.trim().to_ascii_lowercase();
            if name == "*" {
                return None;
            }
            if !name.is_empty() && !names.contains(&name) {
                names.push(name);
            }
        }
    }
    names.sort();
    Some(names)
}

/// The tags in `Cache-Tag`, by which a response is purged
/// (<https://developers.cloudflare.com/cache/how-to/purge-cache/purge-by-tags/>).
pub fn tags(headers: HeaderBlob<'_>) -> Vec<String> {
    let mut tags = Vec::new();
    for (_, value) in headers.iter().filter(|(name, _)| *name == b"cache-tag") {
        let value = String::from_utf8_lossy(value);
        tags.extend(
            value.split(',').map(|tag| tag.trim().to_owned()).filter(|tag| !tag.is_empty()),
        );
    }
    tags
}

/// What a request gets of a response that is kept.
#[derive(Debug, PartialEq, Eq)]
pub enum Answer {
    Whole,
    /// 304: the client has it.
    NotModified,
    /// 206: these bytes, from the first to the last.
    Part(Range),
    /// 416
    Unsatisfiable,
}

/// Looks at the conditions of a request, and at its range (RFC 9110, 13.2.2 and
/// 14.2). A request for several ranges gets all.
pub fn answer(entry: &Entry, request: HeaderBlob<'_>) -> Answer {
    answer_of(entry.meta.status, entry.headers(), Some(entry.length()), request)
}

/// The same of a response that is not kept yet. Without a length there are no ranges.
pub fn answer_of(
    status: u16,
    headers: HeaderBlob<'_>,
    length: Option<u64>,
    request: HeaderBlob<'_>,
) -> Answer {
    if status != 200 {
        return Answer::Whole;
    }
    let matches_none = request.get("if-none-match");
    if let Some(wanted) = matches_none {
        if headers.get("etag").is_some_and(|etag| lists_tag(wanted, etag)) {
            return Answer::NotModified;
        }
    } else if let Some(since) = request.get("if-modified-since").and_then(date)
        && let Some(modified) = headers.get("last-modified").and_then(date)
        && modified <= since
    {
        return Answer::NotModified;
    }
    let (Some(wanted), Some(length)) = (request.get("range"), length) else {
        return Answer::Whole;
    };
    if let Some(condition) = request.get("if-range")
        && !is_same(headers, condition)
    {
        return Answer::Whole;
    }
    range::select(wanted, length)
}

/// Whether a list of entity tags has this one, weakly compared.
fn lists_tag(list: &[u8], etag: &[u8]) -> bool {
    let list = String::from_utf8_lossy(list);
    let etag = String::from_utf8_lossy(etag);
    let strong = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    list.trim() == "*" || list.split(',').any(|tag| strong(tag) == strong(&etag))
}

/// `If-Range`: a strong tag, or the date of the last change.
fn is_same(headers: HeaderBlob<'_>, condition: &[u8]) -> bool {
    if condition.starts_with(b"\"") {
        return headers.get("etag") == Some(condition);
    }
    match (date(condition), headers.get("last-modified").and_then(date)) {
        (Some(wanted), Some(modified)) => wanted == modified,
        _ => false,
    }
}

fn date(value: &[u8]) -> Option<SystemTime> {
    httpdate::parse_http_date(std::str::from_utf8(value).ok()?.trim()).ok()
}

/// The headers that are kept: not those that a hit has of its own, and a date.
pub fn stored_headers(headers: HeaderBlob<'_>) -> HeaderBlobBuf {
    let mut stored = HeaderBlobBuf::with_capacity(headers.0.len() + 48);
    for (name, value) in headers.iter() {
        let is_own = matches!(
            name,
            b"age"
                | b"cf-cache-status"
                | b"content-length"
                | b"content-range"
                | b"transfer-encoding"
                | b"connection"
                | b"keep-alive"
                | b"cache-tag"
        );
        if !is_own {
            stored.push(name, value);
        }
    }
    if headers.get("date").is_none() {
        stored.push(b"date", httpdate::fmt_http_date(SystemTime::now()).as_bytes());
    }
    stored
}

/// The headers of a response that is kept, after the origin said that it is still right:
/// those of its answer replace them (RFC 9111, 3.2).
pub fn merged(entry: &Entry, answer: HeaderBlob<'_>) -> HeaderBlobBuf {
    let mut merged = HeaderBlobBuf::with_capacity(entry.headers().0.len());
    let new = stored_headers(answer);
    for (name, value) in entry.headers().iter() {
        if std::str::from_utf8(name).is_ok_and(|name| new.as_blob().get(name).is_none()) {
            merged.push(name, value);
        }
    }
    merged.push_blob(new.as_blob());
    merged
}

/// What is kept of a response that says nothing of caches, if all shall be kept: so
/// long as Cloudflare keeps it
/// (<https://developers.cloudflare.com/cache/how-to/configure-cache-status-code/#edge-ttl>).
pub fn by_default(status: u16, headers: HeaderBlob<'_>) -> Option<(HeaderBlobBuf, Lifetime)> {
    let control = control(headers);
    let says_no = ["no-store", "no-cache", "private", "max-age", "s-maxage"]
        .iter()
        .any(|name| has_directive(&control, name));
    if says_no || headers.get("expires").is_some() || headers.get("set-cookie").is_some() {
        return None;
    }
    let minutes = match status {
        200 | 206 | 301 => 120,
        302 | 303 => 20,
        404 | 410 => 3,
        _ => return None,
    };
    Some(forced(headers, Duration::from_secs(minutes * 60)))
}

/// The headers that a hit adds: how old the response is, and that it was one.
pub fn hit_headers(entry: &Entry, now: UnixMillis, status: &str) -> HeaderBlobBuf {
    let mut added = HeaderBlobBuf::with_capacity(48);
    added.push(b"age", entry.meta.age_at(now).to_string().as_bytes());
    added.push(b"cf-cache-status", status.as_bytes());
    added
}
