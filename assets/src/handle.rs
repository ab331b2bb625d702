//! The assets of a Worker while it runs: who follows a folder puts others in their
//! place.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use selvedge_runtime::HeaderBlob;
use selvedge_runtime::outbound::{LocalFuture, OutboundResponse, Responder};

use crate::plan::{Asks, Assets, Request};
use crate::respond::{Outcome, Response};

/// The assets that a Worker has right now.
pub struct Handle {
    current: RwLock<Arc<Assets>>,
    /// Grows with each change.
    version: AtomicU64,
}

/// What a thread knows of a [`Handle`]: asking it costs no lock while nothing changes.
#[derive(Debug)]
pub struct Seen {
    version: u64,
    assets: Arc<Assets>,
}

impl fmt::Debug for Handle {
    /// Says nothing of the assets: whatever they are, it is the same handle.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle").finish_non_exhaustive()
    }
}

impl Handle {
    /// A handle of these assets.
    pub fn new(assets: Assets) -> Arc<Self> {
        Arc::new(Self { current: RwLock::new(Arc::new(assets)), version: AtomicU64::new(0) })
    }

    /// Puts others in their place. Responses that began go on with those before.
    pub fn set(&self, assets: Assets) {
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(assets);
        self.version.fetch_add(1, Ordering::Release);
    }

    /// The assets.
    pub fn get(&self) -> Arc<Assets> {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// For a thread that asks often.
    pub fn seen(&self) -> Seen {
        let version = self.version.load(Ordering::Acquire);
        Seen { version, assets: self.get() }
    }
}

impl Seen {
    /// The assets that `handle` has now.
    pub fn of(&mut self, handle: &Handle) -> &Arc<Assets> {
        if self.version != handle.version.load(Ordering::Acquire) {
            *self = handle.seen();
        }
        &self.assets
    }
}

impl Responder for Handle {
    fn fetch(
        &self,
        method: &str,
        url: &str,
        headers: HeaderBlob<'_>,
    ) -> LocalFuture<OutboundResponse> {
        let request = Request { method, url, headers };
        let outcome = self.get().answer(&request, Asks::Binding);
        let url = url.to_owned();
        Box::pin(async move {
            let response = match outcome {
                Outcome::Ready(response) => Some(response),
                Outcome::Later(response) => Some(response.await),
                Outcome::Worker => None,
            };
            outbound(response, url)
        })
    }
}

fn outbound(response: Option<Response>, url: String) -> OutboundResponse {
    let mut headers = selvedge_runtime::headers::HeaderBlobBuf::default();
    let (status, body) = match response {
        None => (404, None),
        Some(response) => {
            headers.push_blob(response.headers());
            (response.status, Some(response.body.into_source()))
        }
    };
    OutboundResponse {
        status,
        status_text: http::StatusCode::from_u16(status)
            .ok()
            .and_then(|status| status.canonical_reason())
            .unwrap_or_default()
            .to_owned(),
        headers,
        url,
        redirected: false,
        body: body.filter(|_| !matches!(status, 204 | 304)),
        websocket: None,
    }
}
