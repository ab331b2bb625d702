//! Static assets before the Worker: on the isolate's thread, without waking
//! JavaScript.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use selvedge_assets::{Asks, Handle, Outcome, Request, Response, ResponseBody, Seen};
use selvedge_runtime::{
    ContextRef, Ended, FetchEvent, HeaderBlob, Outcome as Ending, Reply, ResponseHead,
};

use crate::front;
use crate::site::Site;

/// The assets of a site, as its thread sees them.
pub(crate) struct SiteAssets {
    handle: Arc<Handle>,
    seen: RefCell<Seen>,
}

impl SiteAssets {
    pub(crate) fn new(handle: Arc<Handle>) -> Self {
        let seen = RefCell::new(handle.seen());
        Self { handle, seen }
    }

    fn answer(&self, request: &Request<'_>) -> Outcome {
        self.seen.borrow_mut().of(&self.handle).answer(request, Asks::Client)
    }
}

/// Answers a request with an asset, or delivers it to the Worker and what stands before it.
pub(crate) fn fetch(site: &Rc<Site>, event: FetchEvent<'_>) -> Option<ContextRef> {
    // What names an entrypoint or an object wants the code, as on Cloudflare.
    let is_for_site = event
        .service
        .is_none_or(|service| service.object.is_none() && service.entrypoint.is_none());
    let Some(assets) = site.assets.as_ref().filter(|_| is_for_site && !event.for_handler) else {
        return front::fetch(site, event);
    };
    let Ok(url) = std::str::from_utf8(event.url) else { return front::fetch(site, event) };
    let headers = HeaderBlob(event.headers);
    match assets.answer(&Request { method: event.method, url, headers }) {
        Outcome::Worker => return front::fetch(site, event),
        Outcome::Ready(response) => {
            let FetchEvent { reply, on_end, .. } = event;
            let status = response.status;
            send(response, reply);
            if let Some(on_end) = on_end {
                on_end(ended(status, Duration::ZERO));
            }
        }
        Outcome::Later(response) => {
            let FetchEvent { reply, on_end, .. } = event;
            let begin = Instant::now();
            tokio::task::spawn_local(async move {
                let response = response.await;
                let status = response.status;
                send(response, reply);
                if let Some(on_end) = on_end {
                    on_end(ended(status, begin.elapsed()));
                }
            });
        }
    }
    None
}

fn send(response: Response, reply: Box<dyn Reply>) {
    let status = response.status;
    if let ResponseBody::Whole(bytes) = &response.body {
        return reply.respond(head(status, response.headers()), bytes);
    }
    let headers = response.headers().0.to_vec();
    reply.pipe(head(status, HeaderBlob(&headers)), response.body.into_source());
}

fn head(status: u16, headers: HeaderBlob<'_>) -> ResponseHead<'_> {
    ResponseHead { status, status_text: "", headers, cpu: Duration::ZERO }
}

fn ended(status: u16, wall: Duration) -> Ended {
    Ended { outcome: Ending::Ok, status, cpu: Duration::ZERO, wall, subrequests: 0 }
}
