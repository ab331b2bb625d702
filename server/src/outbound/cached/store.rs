//! Keeping what an origin answered.

use std::sync::Arc;
use std::time::Duration;

use selvedge_cache::entry::Meta;
use selvedge_cache::rules::{self, Lifetime};
use selvedge_cache::store::Fetching;
use selvedge_cache::{Entry, Key};
use selvedge_runtime::headers::{HeaderBlob, HeaderBlobBuf};
use selvedge_runtime::outbound::OutboundResponse;

use super::Lookup;
use crate::tee;

/// Hands a response on, and keeps it at the same time if it may be kept. It says
/// in `CF-Cache-Status` what became of it.
pub(super) async fn keep(
    lookup: &Lookup,
    mut response: OutboundResponse,
    claim: Option<Fetching>,
) -> OutboundResponse {
    let judged = lifetime(lookup, response.status, response.headers.as_blob());
    let Some((kept, lifetime)) = judged else {
        response.headers.push(b"cf-cache-status", b"BYPASS");
        return response;
    };
    let Some(varies_by) = rules::varies_by(kept.as_blob()) else {
        response.headers.push(b"cf-cache-status", b"BYPASS");
        return response;
    };
    let meta = lookup.meta(&response, lifetime);
    let key = if varies_by.is_empty() { lookup.base } else { lookup.variant(&varies_by) };
    if !varies_by.is_empty() {
        let marker = Meta { varies_by, ..meta.clone() };
        let writer = lookup.cache.writer(lookup.base);
        if let Err(error) = writer.finish(marker, HeaderBlobBuf::default()).await {
            tracing::warn!(%error, "a response was not cached");
        }
    }
    let headers = rules::stored_headers(kept.as_blob());
    let writer = lookup.cache.writer(key);
    response.headers.push(b"cf-cache-status", b"MISS");
    match response.body.take() {
        Some(body) => response.body = Some(tee::both(body, writer, meta, headers, claim)),
        None => tee::finish(writer, meta, headers).await,
    }
    response
}

/// For how long a response is kept, by what the Worker says or by what it says
/// itself.
fn lifetime(
    lookup: &Lookup,
    status: u16,
    headers: HeaderBlob<'_>,
) -> Option<(HeaderBlobBuf, Lifetime)> {
    // A part is no whole, and not to be told from one later.
    if status == 206 || status == 304 || status < 200 {
        return None;
    }
    let caching = &lookup.caching;
    let by_status = caching
        .ttl_by_status
        .iter()
        .find(|(first, last, _)| (*first..=*last).contains(&status))
        .map(|(_, _, ttl)| *ttl);
    let wanted = by_status.or_else(|| caching.ttl.filter(|_| status < 500));
    if let Some(ttl) = wanted {
        let ttl = Duration::from_secs(u64::try_from(ttl).ok()?);
        return Some(rules::forced(headers, ttl));
    }
    let own =
        rules::storable(&lookup.request.url, lookup.request.headers.as_blob(), status, headers);
    own.or_else(|| caching.everything.then(|| rules::by_default(status, headers)).flatten())
}

impl Lookup {
    fn meta(&self, response: &OutboundResponse, lifetime: Lifetime) -> Meta {
        let headers = response.headers.as_blob();
        let key = self.caching.key.clone().unwrap_or_else(|| self.request.url.clone());
        let mut meta = Meta::new(
            &self.state.worker().account,
            key,
            response.status,
            &response.status_text,
            lifetime,
            self.cache.now(),
            headers,
        );
        meta.tags.extend(self.caching.tags.iter().cloned());
        meta
    }
}

/// Keeps a response for longer, after the origin said that it is still right.
/// Headers of its answer replace those that are kept (RFC 9111, 3.2).
pub(super) async fn refresh(
    lookup: &Lookup,
    key: Key,
    entry: &Entry,
    answer: &OutboundResponse,
) -> Option<Arc<Entry>> {
    let merged = rules::merged(entry, answer.headers.as_blob());
    let (kept, lifetime) = lifetime(lookup, entry.meta.status, merged.as_blob())?;
    let response = OutboundResponse {
        status: entry.meta.status,
        status_text: entry.meta.status_text.clone(),
        headers: merged,
        url: String::new(),
        redirected: false,
        body: None,
        websocket: None,
    };
    let mut meta = lookup.meta(&response, lifetime);
    meta.tags.clone_from(&entry.meta.tags);
    let headers = rules::stored_headers(kept.as_blob());
    lookup.cache.keep_again(key, entry, meta, headers).await
}
