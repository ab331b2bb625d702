//! Keeping what an origin answered.

use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use selvedge_cache::entry::Meta;
use selvedge_cache::rules::{self, Lifetime};
use selvedge_cache::store::{Fetching, Writer};
use selvedge_cache::{Entry, Key};
use selvedge_runtime::body::{BodyError, BodySource};
use selvedge_runtime::headers::{HeaderBlob, HeaderBlobBuf};
use selvedge_runtime::outbound::OutboundResponse;
use tokio::sync::mpsc;

use super::Lookup;

/// Pieces that the cache may be ahead of its client.
const AHEAD: usize = 16;

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
        Some(body) => response.body = Some(both(body, writer, meta, headers, claim)),
        None => finish(writer, meta, headers).await,
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

async fn finish(writer: Writer, meta: Meta, headers: HeaderBlobBuf) {
    if let Err(error) = writer.finish(meta, headers).await {
        tracing::warn!(%error, "a response was not cached");
    }
}

/// A body for the client that goes into the cache, too. The cache goes on when
/// the client leaves.
fn both(
    body: Box<dyn BodySource>,
    writer: Writer,
    meta: Meta,
    headers: HeaderBlobBuf,
    claim: Option<Fetching>,
) -> Box<dyn BodySource> {
    let length = body.length();
    let (sender, receiver) = mpsc::channel(AHEAD);
    tokio::task::spawn_local(async move {
        copy(body, sender, Some(writer), meta, headers).await;
        // Whoever waits looks into the cache now.
        drop(claim);
    });
    Box::new(Copied { receiver, length })
}

async fn copy(
    mut body: Box<dyn BodySource>,
    client: mpsc::Sender<Result<Bytes, BodyError>>,
    mut writer: Option<Writer>,
    meta: Meta,
    headers: HeaderBlobBuf,
) {
    loop {
        match std::future::poll_fn(|cx| body.poll_chunk(cx)).await {
            None => break,
            Some(Ok(piece)) => {
                if let Some(open) = &mut writer
                    && let Err(error) = open.write(&meta, &headers, &piece).await
                {
                    tracing::debug!(%error, "a response was not cached");
                    writer = None;
                }
                if client.send(Ok(piece)).await.is_err() && writer.is_none() {
                    return;
                }
            }
            Some(Err(error)) => {
                let _ = client.send(Err(error)).await;
                return;
            }
        }
    }
    if let Some(writer) = writer {
        finish(writer, meta, headers).await;
    }
}

struct Copied {
    receiver: mpsc::Receiver<Result<Bytes, BodyError>>,
    length: Option<u64>,
}

impl BodySource for Copied {
    fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, BodyError>>> {
        self.receiver.poll_recv(cx)
    }

    fn length(&self) -> Option<u64> {
        self.length
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
    let mut merged = HeaderBlobBuf::with_capacity(entry.headers().0.len());
    let new = rules::stored_headers(answer.headers.as_blob());
    for (name, value) in entry.headers().iter() {
        if std::str::from_utf8(name).is_ok_and(|name| new.as_blob().get(name).is_none()) {
            merged.push(name, value);
        }
    }
    merged.push_blob(new.as_blob());
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
    let mut body = lookup.cache.open(key, entry, None).await?;
    let mut writer = lookup.cache.writer(key);
    while let Some(piece) = std::future::poll_fn(|cx| body.poll_chunk(cx)).await {
        writer.write(&meta, &headers, &piece.ok()?).await.ok()?;
    }
    finish(writer, meta, headers).await;
    lookup.cache.get(key).await
}
