//! Fetching a response anew while the old one is given (RFC 5861, 3).

use std::sync::Arc;
use std::sync::atomic::Ordering;

use selvedge_cache::store::Fetching;
use selvedge_cache::{Entry, Key};

use super::{Lookup, store};
use selvedge_runtime::headers::HeaderBlobBuf;
use selvedge_runtime::outbound::{OutboundBody, OutboundRequest, Redirect};

/// Begins to, and does not wait for it. It is nobody's request: it goes on when
/// the one that found the stale response is over.
pub(super) fn later(lookup: &Lookup, key: Key, entry: Arc<Entry>, claim: Fetching) {
    let own = Lookup {
        client: lookup.client.clone(),
        cache: lookup.cache.clone(),
        state: lookup.state.clone(),
        request: copy(&lookup.request),
        caching: lookup.caching.clone(),
        base: lookup.base,
    };
    tokio::task::spawn_local(async move {
        let request = own.request_for(Some(&entry), true);
        let answer = own.client.fetch(own.state.clone(), request).await;
        match answer {
            Ok(response) if response.status == 304 => {
                own.cache.figures.revalidated.fetch_add(1, Ordering::Relaxed);
                store::refresh(&own, key, &entry, &response).await;
            }
            Ok(response) if response.status >= 500 => {}
            Ok(response) => {
                let mut response = store::keep(&own, response, Some(claim)).await;
                if let Some(body) = &mut response.body {
                    while std::future::poll_fn(|cx| body.poll_chunk(cx)).await.is_some() {}
                }
            }
            Err(error) => tracing::debug!(%error, "a stale response was not fetched anew"),
        }
    });
}

fn copy(request: &OutboundRequest) -> OutboundRequest {
    let mut headers = HeaderBlobBuf::default();
    for (name, value) in request.headers.as_blob().iter() {
        // It is for the cache, and not for the client that has a part of it.
        if !matches!(name, b"range" | b"if-range" | b"if-none-match" | b"if-modified-since") {
            headers.push(name, value);
        }
    }
    OutboundRequest {
        method: request.method.clone(),
        url: request.url.clone(),
        headers,
        body: OutboundBody::Empty,
        redirect: Redirect::Follow,
        keep_encoding: false,
        context: request.context,
        websocket: None,
        service: None,
        caching: None,
        is_uncounted: true,
        depth: 0,
    }
}
