//! The cache before a Worker: on the isolate's thread, behind the static assets, and
//! without waking JavaScript where it has an answer
//! (<https://developers.cloudflare.com/workers/cache/>).
//!
//! It stands before each export that has it, whoever asks: a client, a service binding or
//! `ctx.exports`. Requests that it has an answer in memory for are answered on the spot
//! ([`fetch`]); those that wait for a file or for another request go their way in a task
//! (`pass`). The Worker's answer passes `fill`, which keeps what may be kept.

mod ask;
mod asked;
mod fill;
mod hold;
mod options;
mod pass;
mod refresh;
mod send;
mod sink;
mod stamped;
#[cfg(test)]
mod tests;

use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use selvedge_cache::front::Asked as Judged;
use selvedge_cache::store::{Claim, Found, FrontFigures};
use selvedge_cache::{Cache, Entry, Key, rules};
use selvedge_runtime::outbound::ServiceTarget;
use selvedge_runtime::{
    ContextRef, Ended, EventTrace, FetchEvent, HeaderBlob, OnEnd, Outcome, Reply,
};

use crate::site::Site;
use asked::Asked;
pub(crate) use options::FrontOptions;
use stamped::Stamped;

/// The name of the default export.
const DEFAULT: &str = "default";

/// What stands before the exports of a Worker.
#[derive(Debug)]
pub(crate) struct Front {
    cache: Arc<Cache>,
    options: FrontOptions,
    /// The Worker's name in the process.
    worker: String,
    /// Names the version among those of the Worker.
    version: String,
}

/// What became of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Status {
    Hit,
    Miss,
    Expired,
    Revalidated,
    Updating,
    Stale,
    Bypass,
}

impl Status {
    fn as_str(self) -> &'static str {
        match self {
            Self::Hit => "HIT",
            Self::Miss => "MISS",
            Self::Expired => "EXPIRED",
            Self::Revalidated => "REVALIDATED",
            Self::Updating => "UPDATING",
            Self::Stale => "STALE",
            Self::Bypass => "BYPASS",
        }
    }

    fn counter(self, figures: &FrontFigures) -> &AtomicU64 {
        match self {
            Self::Hit => &figures.hits,
            Self::Miss => &figures.misses,
            Self::Expired => &figures.expired,
            Self::Revalidated => &figures.revalidated,
            Self::Updating => &figures.updating,
            Self::Stale => &figures.stale,
            Self::Bypass => &figures.bypassed,
        }
    }
}

/// What the cache has to do with a request.
enum Concern {
    /// Nothing.
    None,
    /// The Worker answers, and that is not kept.
    Bypass,
    Look,
}

/// Who is told of a request's answer and of its end.
struct Out {
    reply: Box<dyn Reply>,
    on_end: Option<OnEnd>,
    trace: Option<Box<dyn EventTrace>>,
}

impl Front {
    /// `None`: no export has a cache before it.
    pub(crate) fn new(
        cache: &Arc<Cache>,
        options: FrontOptions,
        worker: &str,
        version: String,
    ) -> Option<Arc<Self>> {
        let worker = worker.to_owned();
        options
            .is_on_anywhere()
            .then(|| Arc::new(Self { cache: cache.clone(), options, worker, version }))
    }

    fn concern(&self, event: &FetchEvent<'_>) -> Concern {
        let is_object = event.service.is_some_and(|service| service.object.is_some());
        if is_object || event.for_handler || !self.options.is_on(entrypoint(event.service)) {
            return Concern::None;
        }
        let headers = HeaderBlob(event.headers);
        // A socket is nothing that could be kept.
        let is_upgrade =
            headers.get("upgrade").is_some_and(|value| value.eq_ignore_ascii_case(b"websocket"));
        match event.method {
            _ if is_upgrade => Concern::None,
            "GET" | "HEAD" if event.body.is_none() => Concern::Look,
            _ => Concern::Bypass,
        }
    }

    fn count(&self, status: Status) {
        status.counter(&self.cache.figures.front).fetch_add(1, Ordering::Relaxed);
    }

    /// The name of a response, but for what it varies by.
    fn key(&self, site: &Site, event: &FetchEvent<'_>) -> Key {
        let service = event.service;
        // Versions that no deployment has stay apart from those that one has.
        let is_preview = || site.gate.as_ref().is_some_and(|gate| gate.is_preview());
        let version = match self.options.crosses_versions() && !is_preview() {
            true => "",
            false => &self.version,
        };
        let caching = service.and_then(own_account);
        let custom = caching.and_then(|caching| caching.key.as_deref());
        let place = custom.map_or_else(|| asked::path_and_query(event.url), str::as_bytes);
        let props = service.and_then(|service| service.props.as_deref()).unwrap_or_default();
        let parts = [
            self.worker.as_bytes(),
            entrypoint(service).as_bytes(),
            version.as_bytes(),
            props.as_bytes(),
            place,
        ];
        let misleading = HeaderBlob(event.headers).iter().filter(asked::misleads);
        Key::of_worker(parts.into_iter().chain(misleading.flat_map(|(name, value)| [name, value])))
    }
}

/// The export that is asked.
fn entrypoint(service: Option<&ServiceTarget>) -> &str {
    service.and_then(|service| service.entrypoint.as_deref()).unwrap_or(DEFAULT)
}

/// What a caller says of the cache. Who dispatches to Workers of other people, or loads
/// them, has no say in theirs.
fn own_account(service: &ServiceTarget) -> Option<&selvedge_runtime::outbound::CallCaching> {
    let is_own = !service.is_dispatched && service.loaded.is_none();
    service.caching.as_deref().filter(|_| is_own)
}

/// Answers a request from the cache, or delivers it to the Worker.
pub(crate) fn fetch(site: &Rc<Site>, event: FetchEvent<'_>) -> Option<ContextRef> {
    let Some(front) = &site.front else { return site.isolate.fetch(event) };
    match front.concern(&event) {
        Concern::None => site.isolate.fetch(event),
        Concern::Bypass => {
            front.count(Status::Bypass);
            let reply = Box::new(Stamped::new(event.reply));
            site.isolate.fetch(FetchEvent { reply, ..event })
        }
        Concern::Look => {
            look(site, front, event);
            None
        }
    }
}

fn look(site: &Rc<Site>, front: &Arc<Front>, event: FetchEvent<'_>) {
    let base = front.key(site, &event);
    let headers = HeaderBlob(event.headers);
    let (mut key, mut found) = (base, front.cache.look(&base));
    if let Found::Ready(marker) = &found
        && !marker.meta.varies_by.is_empty()
    {
        let shared = event.shared_headers.as_blob();
        key = asked::variant(&base, &marker.meta.varies_by, headers, shared);
        found = front.cache.look(&key);
    }
    let now = front.cache.now();
    if let Found::Ready(entry) = &found
        && entry.meta.fresh_until > now
        && entry.meta.varies_by.is_empty()
    {
        let is_head = event.method == "HEAD";
        let answer = asked::answer(entry, headers, is_head);
        let status = send::status(entry, &answer);
        front.count(Status::Hit);
        send::at_once(event.reply, entry, &answer, Status::Hit, now, is_head);
        if let Some(on_end) = event.on_end {
            on_end(ended(status, Duration::ZERO));
        }
        return;
    }
    let asked = Asked::of(&event);
    let pass = pass::Pass { site: site.clone(), front: front.clone(), asked, base };
    let out = Out { reply: event.reply, on_end: event.on_end, trace: event.trace };
    match found {
        // Nobody waits for what may not be kept.
        Found::Nothing if front.cache.is_unkept(&key) => {
            ask::ask(&Rc::new(pass), key, None, None, out);
        }
        Found::Nothing => match front.cache.claim(key) {
            Claim::Mine(claim) => ask::ask(&Rc::new(pass), key, None, Some(claim), out),
            Claim::Others(_) => pass::later(Rc::new(pass), out),
        },
        Found::Ready(_) | Found::OnDisk => pass::later(Rc::new(pass), out),
    }
}

/// How a request counts that no Worker answered.
fn ended(status: u16, wall: Duration) -> Ended {
    Ended { outcome: Outcome::Ok, status, cpu: Duration::ZERO, wall, subrequests: 0 }
}

/// Whether an entry is there, and may stand in for a failure.
fn stands_in(cache: &Cache, entry: &Entry) -> bool {
    use selvedge_cache::entry::Body;
    let is_there = match &entry.body {
        Body::Memory(_) => true,
        Body::File { path, .. } => path.exists(),
    };
    entry.meta.error_until > cache.now() && is_there
}

/// What the rules want to know of a request.
fn judged<'a>(asked: &'a Asked, url: &'a str) -> Judged<'a> {
    Judged {
        url,
        headers: asked.headers.as_blob(),
        control: asked.control(),
        type_of: selvedge_assets::content_type,
    }
}

/// What a client gets of the headers of a response: not those for this cache alone.
fn shown(headers: HeaderBlob<'_>, status: Status) -> selvedge_runtime::headers::HeaderBlobBuf {
    let mut shown = selvedge_runtime::headers::HeaderBlobBuf::with_capacity(headers.0.len() + 32);
    for (name, value) in headers.iter() {
        if !matches!(name, b"cache-tag" | b"cloudflare-cdn-cache-control" | b"cf-cache-status") {
            shown.push(name, value);
        }
    }
    shown.push(b"cf-cache-status", status.as_str().as_bytes());
    shown
}

/// What a request gets of a response that comes from the Worker.
fn answer_of(
    asked: &Asked,
    status: u16,
    headers: HeaderBlob<'_>,
    length: Option<u64>,
) -> rules::Answer {
    asked::for_method(
        rules::answer_of(status, headers, length, asked.headers.as_blob()),
        asked.is_head,
    )
}
