//! Asking the Worker anew, while what is too old is given (RFC 5861, 3), and keeping for
//! longer what the Worker says is still right.

use std::rc::Rc;
use std::sync::Arc;

use selvedge_cache::front::judge;
use selvedge_cache::store::{Claim, Fetching};
use selvedge_cache::{Entry, Key, rules};
use selvedge_runtime::Reply;
use selvedge_runtime::headers::HeaderBlobBuf;

use super::ask::{self, meta};
use super::asked::Conditions;
use super::pass::Pass;
use super::{Status, judged, send};
use crate::edge::Client;
use crate::gate::{self, Followed};

/// Begins to ask, and does not wait for it, unless somebody asks already.
pub(super) fn in_background(pass: &Rc<Pass>, key: Key, kept: Arc<Entry>) {
    let Claim::Mine(claim) = pass.front.cache.claim(key) else { return };
    let own = Rc::new(Pass {
        site: pass.site.clone(),
        front: pass.front.clone(),
        asked: pass.asked.again(),
        base: pass.base,
    });
    // The client has its answer first.
    tokio::task::spawn_local(async move {
        let Followed { trace, on_end } = followed(&own);
        ask::deliver(
            &own,
            key,
            Some(kept),
            Some(claim),
            Conditions::Ours,
            ask::Outside { reply: None, on_end, trace },
        );
    });
}

/// Who is told of it: it is an event like any other, and no client's.
fn followed(pass: &Pass) -> Followed {
    let target = pass.asked.service.clone().unwrap_or_default();
    let client = Client::of_service(Arc::new(target));
    let asked = gate::Asked {
        method: "GET",
        url: &pass.asked.url,
        headers: pass.asked.headers.as_blob(),
        client: &client,
    };
    match (&pass.site.gate, &pass.site.watch) {
        (Some(gate), _) => gate.begin(&asked),
        (None, watch) => {
            Followed { trace: watch.as_ref().and_then(|watch| watch.begin(&asked)), on_end: None }
        }
    }
}

/// What is kept is still right: keeps it for longer with the headers of the answer, and
/// gives it to who asked.
pub(super) async fn confirmed(
    pass: Rc<Pass>,
    key: Key,
    kept: Arc<Entry>,
    answer: HeaderBlobBuf,
    claim: Option<Fetching>,
    reply: Option<Box<dyn Reply>>,
) {
    let cache = &pass.front.cache;
    let merged = rules::merged(&kept, answer.as_blob());
    let status = kept.meta.status;
    let url = String::from_utf8_lossy(&pass.asked.url);
    let verdict = judge(&judged(&pass.asked, &url), status, merged.as_blob());
    let mut entry = kept.clone();
    if let Some(mut verdict) = verdict {
        if verdict.tags.is_empty() {
            verdict.tags.clone_from(&kept.meta.tags);
        }
        let meta = meta(&pass, &verdict, status, &kept.meta.status_text);
        if let Some(fresh) = cache.keep_again(key, &kept, meta, verdict.headers).await {
            entry = fresh;
        }
    }
    // Whoever waits looks into the cache now.
    drop(claim);
    let Some(reply) = reply else { return };
    let sent = send::from_anywhere(reply, cache, key, &entry, &pass.asked, Status::Revalidated);
    if let Err(reply) = sent.await {
        // Its file went meanwhile: the request runs once more.
        reply.lost(true);
    }
}
