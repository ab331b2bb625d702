//! One event as a span, with the names that OpenTelemetry has for its parts.

use selvedge_runtime::{Outcome, SpanValue};
use serde_json::{Value, json};

use crate::host::trace::ids::Parent;
use crate::host::trace::{TraceEvent, TraceItem};

/// `SPAN_KIND_SERVER`, `SPAN_KIND_INTERNAL`, `SPAN_KIND_CLIENT`, `SPAN_KIND_CONSUMER`.
const SERVER: u8 = 2;
const INTERNAL: u8 = 1;
const CLIENT: u8 = 3;
const CONSUMER: u8 = 5;
/// `STATUS_CODE_ERROR`.
const ERROR: u8 = 2;

/// The span of an event, and those of its parts.
pub(super) fn spans(item: &TraceItem) -> Vec<Value> {
    let event = span(item);
    let begin = u128::from(item.event_timestamp) * 1_000_000;
    let parts = item.spans.iter().map(|part| {
        let from = begin + part.after.as_nanos();
        let is_request = part.name == "fetch";
        let attributes = part.attributes.iter().map(|(key, value)| match value {
            SpanValue::Text(value) => text(key, value),
            SpanValue::Count(value) => number(key, *value),
            SpanValue::Number(value) => json!({ "key": key, "value": { "doubleValue": value } }),
            SpanValue::Bool(value) => json!({ "key": key, "value": { "boolValue": value } }),
        });
        let mut span = json!({
            "traceId": event["traceId"],
            "spanId": format!("{:016x}", item.ids.span(part.number)),
            "parentSpanId": format!("{:016x}", item.ids.span(part.parent)),
            "name": part.name,
            "kind": if is_request { CLIENT } else { INTERNAL },
            "startTimeUnixNano": from.to_string(),
            "endTimeUnixNano": (from + part.took.as_nanos()).to_string(),
            "attributes": attributes.collect::<Vec<_>>(),
        });
        if part.failed {
            span["status"] = json!({ "code": ERROR });
        }
        span
    });
    let parts: Vec<_> = parts.collect();
    std::iter::once(event).chain(parts).collect()
}

fn span(item: &TraceItem) -> Value {
    let parent = Parent::of(&item.event);
    let trace = parent.map_or(item.ids.trace, |parent| parent.trace);
    let begin = u128::from(item.event_timestamp) * 1_000_000;
    let end = begin + item.wall_time.as_nanos();
    let (name, kind) = name(item);
    let mut span = json!({
        "traceId": format!("{trace:032x}"),
        "spanId": format!("{:016x}", item.ids.span(0)),
        "name": name,
        "kind": kind,
        "startTimeUnixNano": begin.to_string(),
        "endTimeUnixNano": end.to_string(),
        "attributes": attributes(item),
        "events": events(item),
    });
    if let Some(parent) = parent {
        span["parentSpanId"] = format!("{:016x}", parent.span).into();
    }
    if !matches!(item.outcome, Outcome::Ok | Outcome::Canceled) {
        let message = item.exceptions.first().map(|exception| exception.message.clone());
        let message = message.unwrap_or_else(|| item.outcome.as_str().to_owned());
        span["status"] = json!({ "code": ERROR, "message": message });
    }
    span
}

fn name(item: &TraceItem) -> (String, u8) {
    match &item.event {
        TraceEvent::Fetch { method, .. } => (format!("{method} {}", item.script), SERVER),
        TraceEvent::Scheduled { cron, .. } => (format!("scheduled {cron}"), INTERNAL),
        TraceEvent::Alarm { .. } => ("alarm".to_owned(), INTERNAL),
        TraceEvent::Rpc { method } => (format!("rpc {method}"), SERVER),
        TraceEvent::WebSocket { kind, .. } => (format!("websocket {kind}"), SERVER),
        TraceEvent::Connect => (format!("connect {}", item.script), SERVER),
        TraceEvent::Queue { queue, .. } => (format!("queue {queue}"), CONSUMER),
        TraceEvent::Email { .. } => ("email".to_owned(), CONSUMER),
        TraceEvent::Tail { .. } => ("tail".to_owned(), CONSUMER),
    }
}

fn text(key: &str, value: &str) -> Value {
    json!({ "key": key, "value": { "stringValue": value } })
}

fn number(key: &str, value: u64) -> Value {
    // Whole numbers of 64 bits are strings in this JSON.
    json!({ "key": key, "value": { "intValue": value.to_string() } })
}

fn attributes(item: &TraceItem) -> Vec<Value> {
    let mut all = vec![
        text("selvedge.account", item.account.as_str()),
        text("faas.name", &item.script),
        text("selvedge.outcome", item.outcome.as_str()),
        text("selvedge.request_id", &item.request_id),
        number("selvedge.cpu_time_us", item.cpu_time.as_micros() as u64),
        number("selvedge.subrequests", item.subrequests.into()),
    ];
    all.extend(item.version.map(|version| text("faas.version", &version.to_string())));
    all.extend(item.entrypoint.as_deref().map(|name| text("selvedge.entrypoint", name)));
    all.extend(item.object.as_deref().map(|id| text("selvedge.object.id", id)));
    match &item.event {
        TraceEvent::Fetch { method, url, client_ip, status, headers, .. } => {
            all.push(text("faas.trigger", "http"));
            all.push(text("http.request.method", method));
            // A query may hold what is secret.
            all.push(text("url.full", url.split(['?', '#']).next().unwrap_or_default()));
            all.extend(client_ip.as_deref().map(|ip| text("client.address", ip)));
            all.extend(status.map(|status| number("http.response.status_code", status.into())));
            let agent = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("user-agent"));
            all.extend(agent.map(|(_, value)| text("user_agent.original", value)));
        }
        TraceEvent::Scheduled { cron, .. } => {
            all.push(text("faas.trigger", "timer"));
            all.push(text("faas.cron", cron));
        }
        TraceEvent::Alarm { .. } => all.push(text("faas.trigger", "timer")),
        TraceEvent::Connect => all.push(text("faas.trigger", "other")),
        TraceEvent::Rpc { method } => all.push(text("rpc.method", method)),
        TraceEvent::WebSocket { kind, .. } => all.push(text("selvedge.websocket", kind)),
        TraceEvent::Queue { queue, batch_size } => {
            all.push(text("faas.trigger", "pubsub"));
            all.push(text("messaging.destination.name", queue));
            all.push(number("messaging.batch.message_count", u64::from(*batch_size)));
        }
        TraceEvent::Email { raw_size, .. } => {
            all.push(text("faas.trigger", "other"));
            all.push(number("selvedge.email.size", *raw_size));
        }
        TraceEvent::Tail { consumed } => {
            all.push(text("faas.trigger", "other"));
            all.push(number("selvedge.tail.events", consumed.len() as u64));
        }
    }
    all
}

/// Logs and exceptions, with their times.
fn events(item: &TraceItem) -> Vec<Value> {
    let time = |millis: u64| (u128::from(millis) * 1_000_000).to_string();
    let logs = item.logs.iter().map(|log| {
        let message = match log.message.as_array().map(Vec::as_slice) {
            Some([Value::String(message)]) => message.clone(),
            _ => log.message.to_string(),
        };
        json!({
            "name": "log",
            "timeUnixNano": time(log.timestamp),
            "attributes": [text("log.severity", log.level), text("log.message", &message)],
        })
    });
    let exceptions = item.exceptions.iter().map(|exception| {
        let mut attributes = vec![
            text("exception.type", &exception.name),
            text("exception.message", &exception.message),
        ];
        attributes.extend(exception.stack.as_deref().map(|it| text("exception.stacktrace", it)));
        json!({
            "name": "exception",
            "timeUnixNano": time(exception.timestamp),
            "attributes": attributes,
        })
    });
    logs.chain(exceptions).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;
    use crate::host::trace::ids::Ids;
    use crate::host::trace::{TraceException, TraceLog, TraceSpan};

    fn item(headers: Vec<(String, String)>) -> TraceItem {
        TraceItem {
            account: "0123456789abcdef0123456789abcdef".parse().expect("an id"),
            script: "api".into(),
            version: None,
            tags: Arc::default(),
            namespace: None,
            entrypoint: None,
            outcome: Outcome::Exception,
            event: TraceEvent::Fetch {
                method: "GET".into(),
                url: "https://a.test/x?token=secret".into(),
                headers,
                cf: Value::Null,
                client_ip: Some("203.0.113.7".into()),
                status: Some(500),
            },
            exceptions: vec![TraceException {
                name: "TypeError".into(),
                message: "no".into(),
                stack: None,
                timestamp: 5,
            }],
            logs: vec![TraceLog {
                level: "warn",
                message: json!(["hi"]),
                errors: None,
                timestamp: 4,
            }],
            published: Vec::new(),
            event_timestamp: 3,
            cpu_time: Duration::from_micros(2_500),
            wall_time: Duration::from_millis(10),
            request_id: "r".into(),
            subrequests: 2,
            truncated: false,
            bytes: 0,
            object: None,
            spans: vec![TraceSpan {
                number: 1,
                parent: 0,
                name: "kv_get".into(),
                after: Duration::from_millis(2),
                took: Duration::from_millis(1),
                attributes: vec![("k".into(), "v".into())],
                failed: true,
            }],
            ids: Ids::new(),
        }
    }

    #[test]
    fn a_request_is_a_span_of_a_server_and_its_query_stays_here() {
        let span = span(&item(Vec::new()));
        assert_eq!((&span["name"], &span["kind"]), (&json!("GET api"), &json!(SERVER)));
        assert_eq!(span["startTimeUnixNano"], "3000000");
        assert_eq!(span["endTimeUnixNano"], "13000000");
        assert_eq!(span["status"], json!({ "code": ERROR, "message": "no" }));
        assert_eq!(span["events"][1]["name"], "exception");
        let text = span.to_string();
        assert!(text.contains("https://a.test/x") && !text.contains("secret"), "{text}");
        assert_eq!(span["traceId"].as_str().map(str::len), Some(32));
        assert!(span.get("parentSpanId").is_none());
    }

    #[test]
    fn what_an_event_waited_for_is_below_it() {
        let all = spans(&item(Vec::new()));
        let [event, part] = &all[..] else { panic!("{all:?}") };
        assert_eq!(part["traceId"], event["traceId"]);
        assert_eq!(part["parentSpanId"], event["spanId"]);
        assert_eq!((&part["name"], &part["kind"]), (&json!("kv_get"), &json!(INTERNAL)));
        assert_eq!(part["startTimeUnixNano"], "5000000");
        assert_eq!(part["endTimeUnixNano"], "6000000");
        assert_eq!(part["status"], json!({ "code": ERROR }));
    }

    #[test]
    fn a_caller_who_traces_is_joined() {
        let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
        let header = format!("00-{trace}-00f067aa0ba902b7-01");
        let item = item(vec![("TraceParent".into(), header)]);
        let span = span(&item);
        assert_eq!(
            (&span["traceId"], &span["parentSpanId"]),
            (&json!(trace), &json!("00f067aa0ba902b7"))
        );
        assert!(Parent::of(&item.event).is_some_and(|parent| parent.is_sampled));
    }
}
