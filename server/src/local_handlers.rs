//! What a local server answers itself: paths below `/cdn-cgi/handler/` call the
//! handlers that no HTTP request reaches
//! (<https://developers.cloudflare.com/workers/configuration/cron-triggers/#test-cron-triggers-locally>).

use std::rc::Rc;

use selvedge_runtime::headers::HeaderBlobBuf;
use selvedge_runtime::{
    ContextRef, Ended, FetchEvent, Mode, Outcome, ResponseHead, ScheduledEvent,
};
use url::Url;

use crate::assets;
use crate::site::Site;

/// Calls `scheduled`. Query: `cron`, `time` (Unix time in milliseconds), and
/// `format=json` for an answer that programs read.
const SCHEDULED: &str = "/cdn-cgi/handler/scheduled";

/// Handlers that get what the request has: `queue` a list of messages, `email` a
/// message, `tail` a list of traces, `test` nothing. The answer is JSON.
const OTHERS: [&str; 4] = ["email", "queue", "tail", "test"];
const PREFIX: &str = "/cdn-cgi/handler/";

/// Delivers a request to the Worker or its assets, unless it is for this server itself.
pub(crate) fn fetch(site: &Rc<Site>, mut event: FetchEvent<'_>) -> Option<ContextRef> {
    if site.mode() == Mode::Local
        && event.service.is_none()
        && path_and_query(event.url).starts_with(PREFIX.as_bytes())
    {
        if let Some(request) = ScheduledRequest::of(event.url) {
            scheduled(site, event, request);
            return None;
        }
        event.for_handler = names_handler(event.url);
    }
    assets::fetch(site, event)
}

/// What follows the host in an absolute URL.
fn path_and_query(url: &[u8]) -> &[u8] {
    // `http://` or `https://`, as the server wrote it.
    let host = memchr::memchr(b':', url).map_or(0, |colon| colon + "://".len());
    let rest = url.get(host..).unwrap_or_default();
    memchr::memchr(b'/', rest).map_or(b"", |path| &rest[path..])
}

fn names_handler(url: &[u8]) -> bool {
    let url = std::str::from_utf8(url).ok().and_then(|url| Url::parse(url).ok());
    let name = url.as_ref().and_then(|url| url.path().strip_prefix(PREFIX));
    name.is_some_and(|name| OTHERS.contains(&name))
}

struct ScheduledRequest {
    event: ScheduledEvent,
    wants_json: bool,
}

impl ScheduledRequest {
    fn of(url: &[u8]) -> Option<Self> {
        let url = Url::parse(std::str::from_utf8(url).ok()?).ok()?;
        if url.path() != SCHEDULED {
            return None;
        }
        let value = |name: &str| {
            url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
        };
        let time = value("time").and_then(|time| time.parse::<f64>().ok());
        let time = time.filter(|time| time.is_finite());
        Some(Self {
            event: ScheduledEvent {
                cron: value("cron").unwrap_or_default(),
                time: time.unwrap_or_else(selvedge_runtime::log::unix_millis),
            },
            wants_json: value("format").as_deref() == Some("json"),
        })
    }
}

fn scheduled(site: &Rc<Site>, request: FetchEvent<'_>, asked: ScheduledRequest) {
    let FetchEvent { reply, on_end, .. } = request;
    let answer = Box::new(move |ended: Ended| {
        let is_ok = ended.outcome == Outcome::Ok;
        let status = if is_ok { 200 } else { 500 };
        let (kind, body): (&[u8], _) = if asked.wants_json {
            let json = serde_json::json!({ "outcome": ended.outcome.as_str(), "noRetry": false });
            (b"application/json", json.to_string())
        } else {
            (b"text/plain;charset=UTF-8", ended.outcome.as_str().to_owned())
        };
        let mut headers = HeaderBlobBuf::default();
        headers.push(b"content-type", kind);
        let head =
            ResponseHead { status, status_text: "", headers: headers.as_blob(), cpu: ended.cpu };
        reply.respond(head, body.as_bytes());
        if let Some(on_end) = on_end {
            on_end(Ended { status, ..ended });
        }
    });
    site.isolate.scheduled(&asked.event, answer, None);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_query_names_cron_and_time() {
        let of = |url: &str| ScheduledRequest::of(url.as_bytes());
        let asked = of("http://localhost/cdn-cgi/handler/scheduled?cron=*+*+*+*+*&time=12");
        let asked = asked.expect("it is one");
        assert_eq!((asked.event.cron.as_str(), asked.event.time), ("* * * * *", 12.0));
        assert!(!asked.wants_json);
        assert!(of("http://localhost/cdn-cgi/handler/scheduled").is_some());
        assert!(of("http://localhost/cdn-cgi/handler/scheduledx").is_none());
        assert!(of("http://localhost/?/cdn-cgi/handler/scheduled").is_none());
    }

    #[test]
    fn a_path_begins_behind_the_host() {
        assert_eq!(path_and_query(b"http://localhost:8787/a/b?c=/d"), b"/a/b?c=/d");
        assert_eq!(path_and_query(b"https://[::1]:1/"), b"/");
        assert_eq!(path_and_query(b"http://localhost"), b"");
    }

    #[test]
    fn the_path_names_a_handler() {
        assert!(names_handler(b"http://localhost/cdn-cgi/handler/queue?queue=jobs"));
        assert!(names_handler(b"http://localhost/cdn-cgi/handler/email"));
        assert!(!names_handler(b"http://localhost/cdn-cgi/handler/fetch"));
        assert!(!names_handler(b"http://localhost/cdn-cgi/handler/queue/x"));
        assert!(!names_handler(b"http://localhost/?/cdn-cgi/handler/queue"));
    }
}
