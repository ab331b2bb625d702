//! Asking the Worker: for a client, or for the cache's own sake.

use std::cell::Cell;
use std::rc::Rc;
use std::sync::Arc;

use selvedge_cache::entry::{Meta, UnixMillis};
use selvedge_cache::front::{Kept, scope};
use selvedge_cache::store::Fetching;
use selvedge_cache::{Entry, Key};
use selvedge_runtime::headers::HeaderBlob;
use selvedge_runtime::{Ended, EventTrace, FetchEvent, OnEnd, Reply};

use super::asked::Conditions;
use super::fill::Fill;
use super::pass::Pass;
use super::{Out, entrypoint};

/// Kept for the sake of being asked for again.
const FOR_EVER: UnixMillis = i64::MAX / 4;

/// Who is told of an answer, if anybody is.
pub(super) struct Outside {
    pub(super) reply: Option<Box<dyn Reply>>,
    pub(super) on_end: Option<OnEnd>,
    pub(super) trace: Option<Box<dyn EventTrace>>,
}

/// Asks the Worker for somebody. Without a claim nobody else waits for it.
pub(super) fn ask(
    pass: &Rc<Pass>,
    key: Key,
    kept: Option<Arc<Entry>>,
    claim: Option<Fetching>,
    out: Out,
) {
    let conditions = match claim.is_none() && kept.is_none() {
        true => Conditions::Clients,
        false => Conditions::Ours,
    };
    let Out { reply, on_end, trace } = out;
    deliver(pass, key, kept, claim, conditions, Outside { reply: Some(reply), on_end, trace });
}

/// Asks the Worker.
pub(super) fn deliver(
    pass: &Rc<Pass>,
    key: Key,
    kept: Option<Arc<Entry>>,
    claim: Option<Fetching>,
    conditions: Conditions,
    outside: Outside,
) {
    let asked = &pass.asked;
    let headers = asked.for_worker(kept.as_deref(), conditions);
    let sent = Rc::new(Cell::new(0));
    let told = sent.clone();
    // What counts is what the client got.
    let on_end = outside.on_end.map(|on_end| -> OnEnd {
        Box::new(move |ended: Ended| {
            let status = Some(told.get()).filter(|status| *status != 0).unwrap_or(ended.status);
            on_end(Ended { status, ..ended });
        })
    });
    let fill = Fill::new(pass.clone(), key, kept, claim, outside.reply, sent);
    pass.site.isolate.fetch(FetchEvent {
        method: "GET",
        url: &asked.url,
        headers: headers.as_blob().0,
        shared_headers: &asked.shared,
        body: None,
        cf: asked.cf.clone(),
        service: asked.service.as_ref(),
        for_handler: false,
        reply: Box::new(fill),
        on_end,
        trace: outside.trace,
    });
}

/// The facts of a response that comes now.
pub(super) fn meta(pass: &Pass, kept: &Kept, status: u16, text: &str) -> Meta {
    let (cache, worker) = (&pass.front.cache, &pass.front.worker);
    let scope = scope(worker, entrypoint(pass.asked.service.as_ref()));
    let now = cache.now();
    let path = pass.asked.path();
    let headers = HeaderBlob::default();
    let mut meta = Meta::new(&scope, path, status, text, kept.lifetime, now, headers);
    meta.tags.clone_from(&kept.tags);
    meta.keep_until = if kept.has_validator { FOR_EVER } else { 0 };
    meta
}
