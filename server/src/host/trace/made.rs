//! Events as they are traced, from what wakes a Worker.

use selvedge_runtime::{InnerEvent, ScheduledEvent};
use url::Url;

use super::TraceEvent;
use crate::gate::Asked;

/// What the server's own calls of handlers begin with (`js/handlers.js`).
const HANDLERS: &str = "/cdn-cgi/handler/";

/// How long the body of a request says that it is.
fn length(asked: &Asked<'_>) -> u64 {
    let length = asked.headers.get("content-length");
    length.and_then(|length| std::str::from_utf8(length).ok()?.parse().ok()).unwrap_or(0)
}

impl TraceEvent {
    /// A request, of a client or of another Worker; or a call of a handler.
    pub(crate) fn of_request(asked: &Asked<'_>) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        if asked.client.is_for_handler()
            && let Some(event) = Self::of_handler(&text(asked.url), length(asked))
        {
            return event;
        }
        let own = asked.client.headers.as_blob();
        let headers = asked.headers.iter().chain(own.iter());
        Self::Fetch {
            method: asked.method.to_owned(),
            url: text(asked.url),
            headers: headers
                .map(|(name, value)| (text(name).to_ascii_lowercase(), text(value)))
                .collect(),
            cf: serde_json::from_str(&asked.client.cf).unwrap_or_default(),
            client_ip: asked.client.address.map(|address| address.to_string()),
            status: None,
        }
    }

    /// The same where clients may call handlers by paths of a local server.
    pub(crate) fn of_local(asked: &Asked<'_>) -> Self {
        let url = String::from_utf8_lossy(asked.url);
        let is_direct = asked.client.service.is_none();
        match Self::of_handler(&url, length(asked)).filter(|_| is_direct) {
            Some(event @ Self::Email { .. }) => event,
            // What it brings stands in the body.
            _ => Self::of_request(asked),
        }
    }

    /// The server calls a handler under this URL.
    fn of_handler(url: &str, length: u64) -> Option<Self> {
        let url = Url::parse(url).ok()?;
        let of_query = |name: &str| {
            let found = url.query_pairs().find(|(key, _)| key == name);
            found.map(|(_, value)| value.into_owned())
        };
        Some(match url.path().strip_prefix(HANDLERS)? {
            "queue" => Self::Queue {
                queue: of_query("queue")?,
                batch_size: of_query("size").and_then(|size| size.parse().ok()).unwrap_or(0),
            },
            "email" => Self::Email {
                from: of_query("from")?,
                to: of_query("to")?,
                raw_size: of_query("size").and_then(|size| size.parse().ok()).unwrap_or(length),
            },
            "tail" | "tail-stream" => {
                let scripts = of_query("scripts")?;
                Self::Tail { consumed: scripts.split(',').map(str::to_owned).collect() }
            }
            _ => return None,
        })
    }

    /// About how much memory its texts have.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::Fetch { url, headers, .. } => {
                let of_headers = headers.iter().map(|(name, value)| name.len() + value.len() + 48);
                url.len() + of_headers.sum::<usize>()
            }
            _ => 0,
        }
    }

    /// A cron trigger.
    pub(crate) fn of_trigger(event: &ScheduledEvent) -> Self {
        Self::Scheduled { cron: event.cron.clone(), scheduled_time: event.time as u64 }
    }

    /// What begins inside of an isolate.
    pub(crate) fn of_inner(event: &InnerEvent<'_>) -> Self {
        match *event {
            InnerEvent::Fetch { method, url } => Self::Fetch {
                method: method.to_owned(),
                url: url.to_owned(),
                headers: Vec::new(),
                cf: serde_json::Value::Null,
                client_ip: None,
                status: None,
            },
            InnerEvent::Connect => Self::Connect,
            InnerEvent::Rpc { method } => Self::Rpc { method: method.to_owned() },
            InnerEvent::Alarm { scheduled_time } => Self::Alarm { scheduled_time },
            InnerEvent::WebSocket { kind, close } => {
                Self::WebSocket { kind: kind.to_owned(), close }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_of_handlers_are_no_requests() {
        let event = |url: &str| TraceEvent::of_handler(url, 7).map(|event| event.to_json());
        assert_eq!(
            event("http://queue/cdn-cgi/handler/queue?queue=a%20b&size=3"),
            Some(serde_json::json!({ "queue": "a b", "batchSize": 3 }))
        );
        let of_tail = event("http://tail/cdn-cgi/handler/tail?scripts=a%2Cb").expect("an event");
        assert_eq!(of_tail["consumedEvents"][1]["scriptName"], "b");
        assert_eq!(
            event("http://email/cdn-cgi/handler/email?from=a%40b&to=c%40d"),
            Some(serde_json::json!({ "mailFrom": "a@b", "rcptTo": "c@d", "rawSize": 7 }))
        );
        assert_eq!(event("http://a/x"), None);
        assert_eq!(event("http://a/cdn-cgi/handler/test"), None);
    }
}
