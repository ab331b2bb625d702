//! `fetch()` through the cache, for requests that say something of it.
//!
//! A request looks for a response that is fresh. Where there is none, one of
//! those who ask fetches it, the others wait for that; what is stale is asked
//! for with its validators, or given while another is fetched, as it says itself
//! (RFC 5861). Bodies go to the client and into the cache at the same time.

mod revalidate;
mod store;

use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use selvedge_cache::rules::{self, Answer};
use selvedge_cache::store::{Claim, Fetching};
use selvedge_cache::{Cache, Entry, Key};
use selvedge_runtime::headers::HeaderBlobBuf;
use selvedge_runtime::io_context::IsolateState;
use selvedge_runtime::outbound::{
    CacheMode, Caching, OutboundBody, OutboundError, OutboundRequest, OutboundResponse,
};

use super::client::Client;

/// Nobody waits longer than this for a response that another one fetches.
const PATIENCE: Duration = Duration::from_secs(10);
/// The cache that `fetch()` and `caches.default` share.
const DEFAULT_CACHE: &str = "";

/// One request on its way through the cache.
pub(super) struct Lookup {
    client: Rc<Client>,
    cache: Arc<Cache>,
    state: Rc<IsolateState>,
    request: OutboundRequest,
    caching: Caching,
    /// Of the URL, or what the Worker put in its place.
    base: Key,
}

/// Whether a request passes the cache at all.
pub(super) fn concerns(request: &OutboundRequest) -> bool {
    request.caching.as_ref().is_some_and(|caching| caching.mode != CacheMode::NoStore)
        && request.method == "GET"
        && request.websocket.is_none()
        && request.service.is_none()
        && !request.keep_encoding
}

impl Lookup {
    pub(super) fn new(
        client: Rc<Client>,
        cache: Arc<Cache>,
        state: Rc<IsolateState>,
        mut request: OutboundRequest,
    ) -> Self {
        let caching = request.caching.take().map(|caching| *caching).unwrap_or_default();
        let key = caching.key.as_deref().unwrap_or(&request.url);
        let base = Key::new(&state.worker().account, DEFAULT_CACHE, key);
        Self { client, cache, state, request, caching, base }
    }

    /// The response, from the cache or through it.
    pub(super) async fn run(self) -> Result<OutboundResponse, OutboundError> {
        let mut waited = false;
        loop {
            let (key, kept) = self.find().await;
            if self.caching.mode == CacheMode::Default
                && let Some(entry) = &kept
            {
                let now = self.cache.now();
                if entry.meta.fresh_until > now {
                    if let Some(response) = self.respond(key, entry, "HIT").await {
                        self.state.count_subrequest(self.request.context)?;
                        self.cache.figures.hits.fetch_add(1, Ordering::Relaxed);
                        return Ok(response);
                    }
                } else if entry.meta.stale_until > now
                    && let Some(response) = self.respond(key, entry, "UPDATING").await
                {
                    self.state.count_subrequest(self.request.context)?;
                    self.cache.figures.stale.fetch_add(1, Ordering::Relaxed);
                    if let Claim::Mine(claim) = self.cache.claim(key) {
                        revalidate::later(&self, key, entry.clone(), claim);
                    }
                    return Ok(response);
                }
            }
            let claim = match self.cache.claim(key) {
                Claim::Mine(claim) => Some(claim),
                // What the other one brought may not be kept: then each asks for itself.
                Claim::Others(_) if waited || self.caching.mode != CacheMode::Default => None,
                Claim::Others(mut others) => {
                    waited = true;
                    let ended = async { while others.changed().await.is_ok() {} };
                    let _ = tokio::time::timeout(PATIENCE, ended).await;
                    self.state.mark_resumed(self.request.context);
                    continue;
                }
            };
            self.cache.figures.misses.fetch_add(1, Ordering::Relaxed);
            return self.ask(key, kept, claim).await;
        }
    }

    /// What is kept for the request, and by which key: one of the variants where
    /// the response varies.
    async fn find(&self) -> (Key, Option<Arc<Entry>>) {
        let entry = self.cache.get(self.base).await;
        match entry {
            Some(entry) if !entry.meta.varies_by.is_empty() => {
                let key = self.variant(&entry.meta.varies_by);
                (key, self.cache.get(key).await)
            }
            entry => (self.base, entry),
        }
    }

    fn variant(&self, names: &[String]) -> Key {
        let headers = self.request.headers.as_blob();
        self.base.variant(names.iter().map(|name| headers.get(name).unwrap_or_default()))
    }

    /// Asks the origin, and keeps what it answers if that may be.
    async fn ask(
        &self,
        key: Key,
        kept: Option<Arc<Entry>>,
        claim: Option<Fetching>,
    ) -> Result<OutboundResponse, OutboundError> {
        let kept = kept.filter(|_| self.caching.mode != CacheMode::Reload);
        let request = self.request_for(kept.as_deref(), false);
        let answer = self.client.fetch(self.state.clone(), request).await;
        let failed = match &answer {
            Ok(response) => response.status >= 500,
            Err(OutboundError::Network(_)) => true,
            Err(_) => false,
        };
        if failed
            && let Some(entry) = &kept
            && entry.meta.error_until > self.cache.now()
            && let Some(response) = self.respond(key, entry, "STALE").await
        {
            self.cache.figures.stale.fetch_add(1, Ordering::Relaxed);
            return Ok(response);
        }
        let response = answer?;
        if response.status == 304
            && let Some(entry) = &kept
        {
            self.cache.figures.revalidated.fetch_add(1, Ordering::Relaxed);
            let fresh = store::refresh(self, key, entry, &response).await;
            let entry = fresh.as_ref().unwrap_or(entry);
            if let Some(response) = self.respond(key, entry, "REVALIDATED").await {
                return Ok(response);
            }
            // Its file went meanwhile: once more, without conditions.
            let request = self.request_for(None, false);
            let response = self.client.fetch(self.state.clone(), request).await?;
            return Ok(store::keep(self, response, claim).await);
        }
        Ok(store::keep(self, response, claim).await)
    }

    /// The request as it goes to the origin; with what is kept, whether that is
    /// still right.
    fn request_for(&self, kept: Option<&Entry>, is_uncounted: bool) -> OutboundRequest {
        let mut headers = HeaderBlobBuf::with_capacity(self.request.headers.as_blob().0.len() + 64);
        let validators = kept.and_then(|entry| {
            let headers = entry.headers();
            let own = (headers.get("etag"), headers.get("last-modified"));
            (own != (None, None)).then_some(own)
        });
        for (name, value) in self.request.headers.as_blob().iter() {
            // The client's conditions are for what it has, ours for what we have.
            let is_condition = matches!(name, b"if-none-match" | b"if-modified-since");
            if !(is_condition && validators.is_some()) {
                headers.push(name, value);
            }
        }
        if let Some((etag, modified)) = validators {
            if let Some(etag) = etag {
                headers.push(b"if-none-match", etag);
            }
            if let Some(modified) = modified {
                headers.push(b"if-modified-since", modified);
            }
        }
        OutboundRequest {
            method: self.request.method.clone(),
            url: self.request.url.clone(),
            headers,
            body: OutboundBody::Empty,
            redirect: self.request.redirect,
            keep_encoding: false,
            context: self.request.context,
            websocket: None,
            service: None,
            caching: None,
            is_uncounted,
            depth: self.request.depth,
        }
    }

    /// A response that is kept, as the request gets it; `None`: it is gone.
    async fn respond(&self, key: Key, entry: &Entry, status: &str) -> Option<OutboundResponse> {
        let request = self.request.headers.as_blob();
        let (code, text, range) = match rules::answer(entry, request) {
            Answer::Whole => (entry.meta.status, entry.meta.status_text.as_str(), Some(None)),
            Answer::NotModified => (304, "Not Modified", None),
            Answer::Part(range) => (206, "Partial Content", Some(Some(range))),
            Answer::Unsatisfiable => (416, "Range Not Satisfiable", None),
        };
        let body = match range {
            Some(range) => Some(self.cache.open(key, entry, range).await?),
            None => None,
        };
        let mut headers = HeaderBlobBuf::with_capacity(entry.headers().0.len() + 128);
        headers.push_blob(entry.headers());
        let length = body.as_ref().and_then(|body| body.length()).unwrap_or_default();
        headers.push(b"content-length", length.to_string().as_bytes());
        let all = entry.length();
        match range {
            Some(Some(range)) => headers.push(
                b"content-range",
                format!("bytes {}-{}/{all}", range.first, range.last).as_bytes(),
            ),
            None if code == 416 => {
                headers.push(b"content-range", format!("bytes */{all}").as_bytes());
            }
            _ => {}
        }
        headers.push_blob(rules::hit_headers(entry, self.cache.now(), status).as_blob());
        self.state.mark_resumed(self.request.context);
        Some(OutboundResponse {
            status: code,
            status_text: text.to_owned(),
            headers,
            url: self.request.url.clone(),
            redirected: false,
            body,
            websocket: None,
        })
    }
}
