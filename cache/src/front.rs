//! What is kept before a Worker, and for how long: Cloudflare's rules of Workers
//! Caching over those of RFC 9111
//! (<https://developers.cloudflare.com/workers/cache/configuration/>).
//!
//! They differ from those of `caches` and `fetch()` in that a response which says
//! nothing is kept by its status, that what is stale serves while the Worker fails,
//! and that headers for this cache alone go before `Cache-Control`.

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use selvedge_runtime::headers::{HeaderBlob, HeaderBlobBuf};

use crate::rules::{self, Lifetime};

/// Statuses by which a response that says nothing is kept, and for how many seconds.
const BY_STATUS: &[(u16, u64)] = &[
    (200, 7200),
    (203, 7200),
    (204, 7200),
    (300, 1200),
    (301, 1200),
    (404, 180),
    (405, 60),
    (410, 180),
    (414, 60),
    (501, 60),
];
/// Longer than a response is kept.
const FOR_EVER: Duration = Duration::from_secs(u32::MAX as u64);
/// Tags that count of a response, and characters of each
/// (<https://developers.cloudflare.com/cache/how-to/purge-cache/purge-by-tags/#a-few-things-to-remember>).
const MAX_TAGS: usize = 1000;
const MAX_TAG_CHARACTERS: usize = 1024;

/// Whose the responses of an export of a Worker are, where they are purged.
pub fn scope(worker: &str, export: &str) -> String {
    format!("{}{export}", scope_of_all(worker))
}

/// The same of all exports of a Worker.
pub fn scope_of_all(worker: &str) -> String {
    // No account has a name like this.
    format!("\0{worker}\0")
}

/// A request, as far as it says what may be kept.
#[derive(Clone, Copy)]
pub struct Asked<'a> {
    /// Absolute.
    pub url: &'a str,
    pub headers: HeaderBlob<'a>,
    /// `cf.cacheControl`: what another Worker says in place of the response.
    pub control: Option<&'a str>,
    /// The content type that belongs to a file of a name.
    pub type_of: fn(&str) -> Option<Arc<str>>,
}

/// A response that may be kept.
#[derive(Debug)]
pub struct Kept {
    /// Its headers as they are kept.
    pub headers: HeaderBlobBuf,
    pub lifetime: Lifetime,
    /// Names of the headers of requests that it varies by.
    pub varies_by: Vec<String>,
    pub tags: Vec<String>,
    /// Whether the Worker can be asked whether it is still right.
    pub has_validator: bool,
}

/// Whether a response may be kept, and for how long.
pub fn judge(asked: &Asked<'_>, status: u16, response: HeaderBlob<'_>) -> Option<Kept> {
    // Parts, answers to conditions, and what Cloudflare says of broken origins.
    if status < 200 || matches!(status, 206 | 304 | 520..=526) || is_event_stream(response) {
        return None;
    }
    let varies_by = rules::all_varies_by(response)?;
    let (lifetime, without_cookies) = match governing(asked.control, response) {
        Governs::Nothing => {
            (by_status(asked, status, response)?, response.get("set-cookie").is_some())
        }
        Governs::Text(control) => said(asked, status, response, &control, false)?,
        Governs::Headers(control) => said(asked, status, response, &control, true)?,
    };
    let mut headers = HeaderBlobBuf::with_capacity(response.0.len());
    for (name, value) in response.iter() {
        let is_left_out =
            name == b"cloudflare-cdn-cache-control" || (name == b"set-cookie" && without_cookies);
        if !is_left_out {
            headers.push(name, value);
        }
    }
    Some(Kept {
        headers: rules::stored_headers(headers.as_blob()),
        lifetime,
        varies_by,
        tags: tags(response),
        has_validator: response.get("etag").is_some() || response.get("last-modified").is_some(),
    })
}

/// What decides how long a response is kept.
enum Governs {
    /// The status does.
    Nothing,
    /// A directive for this cache, beside which `Expires` counts nothing (RFC 9213, 2.1).
    Text(String),
    /// `Cache-Control`, which may be empty, and `Expires`.
    Headers(String),
}

fn governing(of_caller: Option<&str>, response: HeaderBlob<'_>) -> Governs {
    if let Some(control) = of_caller.filter(|control| !control.trim().is_empty()) {
        return Governs::Text(control.to_ascii_lowercase());
    }
    for name in ["cloudflare-cdn-cache-control", "cdn-cache-control"] {
        let control = all(name, response);
        if !control.is_empty() {
            return Governs::Text(control);
        }
    }
    let control = all("cache-control", response);
    match control.is_empty() && response.get("expires").is_none() {
        true => Governs::Nothing,
        false => Governs::Headers(control),
    }
}

/// All values of a header, in lower case.
fn all(name: &str, headers: HeaderBlob<'_>) -> String {
    let values = headers.iter().filter(|header| header.0 == name.as_bytes());
    let values = values.map(|header| String::from_utf8_lossy(header.1).trim().to_ascii_lowercase());
    values.filter(|value| !value.is_empty()).collect::<Vec<_>>().join(", ")
}

/// How long a response is kept that says so, and whether its cookies are left out.
fn said(
    asked: &Asked<'_>,
    status: u16,
    response: HeaderBlob<'_>,
    control: &str,
    has_expires: bool,
) -> Option<(Lifetime, bool)> {
    let seconds = |name| rules::directive(control, name).map(Duration::from_secs);
    let is_strict = ["s-maxage", "must-revalidate", "proxy-revalidate"]
        .iter()
        .any(|name| rules::has_directive(control, name));
    let says_when = ["max-age", "s-maxage"].iter().any(|name| rules::has_directive(control, name))
        || (has_expires && response.get("expires").is_some());
    let mut judged = HeaderBlobBuf::with_capacity(response.0.len());
    for (name, value) in response.iter() {
        let counts = match name {
            b"cache-control" | b"pragma" | b"vary" => false,
            b"expires" => has_expires,
            _ => true,
        };
        if counts {
            judged.push(name, value);
        }
    }
    let has_cookies = response.get("set-cookie").is_some();
    // The one forbids to serve what is stale, and not what is fresh. The others are about
    // cookies alone.
    let counts = |part: &&str| {
        *part != "proxy-revalidate" && (has_cookies || !rules::is_about_cookies(part))
    };
    let rest: Vec<_> = control.split(',').map(str::trim).filter(counts).collect();
    judged.push(b"cache-control", rest.join(", ").as_bytes());
    let judged = rules::without_private_cookies(judged.as_blob())?;
    let keeps = rules::has_directive(&rules::control(judged.as_blob()), "no-cache");
    if !says_when && !keeps {
        return None;
    }
    let now = SystemTime::now();
    // Every status may be kept that says so.
    let policy =
        rules::policy(asked.url, own_headers(asked.headers).as_blob(), 200, judged.as_blob(), now)?;
    if !policy.is_storable() || status >= 600 {
        return None;
    }
    let (while_revalidating, if_error) = match is_strict {
        true => (Duration::ZERO, Duration::ZERO),
        false => (
            seconds("stale-while-revalidate").unwrap_or_default(),
            // Without a word of it, what is stale is better than an error.
            seconds("stale-if-error").unwrap_or(FOR_EVER),
        ),
    };
    let fresh = policy.time_to_live(now).min(FOR_EVER);
    Some((Lifetime { age: policy.age(now), fresh, while_revalidating, if_error }, has_cookies))
}

/// The headers of a request but for what a client says of caches: it does not decide.
fn own_headers(request: HeaderBlob<'_>) -> HeaderBlobBuf {
    let mut own = HeaderBlobBuf::with_capacity(request.0.len());
    for (name, value) in request.iter() {
        if !matches!(name, b"cache-control" | b"pragma") {
            own.push(name, value);
        }
    }
    own
}

/// How long a response is kept that says nothing.
fn by_status(asked: &Asked<'_>, status: u16, response: HeaderBlob<'_>) -> Option<Lifetime> {
    let (_, seconds) = BY_STATUS.iter().find(|(of, _)| *of == status)?;
    let is_private =
        response.get("set-cookie").is_some() || asked.headers.get("authorization").is_some();
    if is_private || is_deceptive(asked, response) {
        return None;
    }
    Some(Lifetime {
        age: Duration::ZERO,
        fresh: Duration::from_secs(*seconds),
        while_revalidating: Duration::ZERO,
        if_error: FOR_EVER,
    })
}

/// Whether a response has another type than its name promises: such a name may have
/// been made up to have somebody's own page kept
/// (<https://developers.cloudflare.com/cache/cache-security/cache-deception-armor/>).
fn is_deceptive(asked: &Asked<'_>, response: HeaderBlob<'_>) -> bool {
    let Some(actual) = response.get("content-type").map(essence) else { return false };
    if !actual.starts_with("text/") && !actual.starts_with("application/") {
        return false;
    }
    let path = path_of(asked.url);
    let name = path.rsplit('/').next().unwrap_or_default();
    let Some(expected) = (asked.type_of)(name) else { return false };
    name.contains('.') && essence(expected.as_bytes()) != actual
}

/// A content type without its parameters. Types with two names have one here.
fn essence(value: &[u8]) -> String {
    let text = String::from_utf8_lossy(value);
    let text = text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match text.as_str() {
        "application/javascript" | "application/x-javascript" => "text/javascript".to_owned(),
        "application/xml" => "text/xml".to_owned(),
        _ => text,
    }
}

/// The path of an absolute URL.
fn path_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let rest = rest.split(['?', '#']).next().unwrap_or_default();
    rest.find('/').map_or("/", |at| &rest[at..])
}

/// It has no end: nobody else could be given it.
fn is_event_stream(response: HeaderBlob<'_>) -> bool {
    response.get("content-type").is_some_and(|value| essence(value) == "text/event-stream")
}

/// The tags that count.
fn tags(response: HeaderBlob<'_>) -> Vec<String> {
    let mut tags = rules::tags(response);
    tags.retain(|tag| {
        tag.len() <= MAX_TAG_CHARACTERS && tag.bytes().all(|byte| byte.is_ascii_graphic())
    });
    tags.truncate(MAX_TAGS);
    tags
}
