//! An event of a tail for people, in a few lines.

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::Value;

/// Colours of ANSI.
const GREEN: &str = "32";
const RED: &str = "31";
const YELLOW: &str = "33";
const GREY: &str = "90";

/// The event as text. What a Worker logged cannot move the cursor or worse:
/// control characters are shown as such.
pub(super) fn event(event: &Value, colors: bool) -> String {
    let paint = |text: &str, color: &str| {
        if colors { format!("\x1b[{color}m{text}\x1b[0m") } else { text.to_owned() }
    };
    let outcome = text(event, "outcome");
    let color = match outcome {
        "ok" => GREEN,
        "canceled" => YELLOW,
        _ => RED,
    };
    let mut lines = vec![format!(
        "{} - {} @ {}{}",
        clean(&head(event)),
        paint(&outcome_name(outcome), color),
        time_of(event.get("eventTimestamp")),
        paint(&figures(event), GREY),
    )];
    for log in list(event, "logs") {
        let level = text(log, "level");
        let color = match level {
            "error" => RED,
            "warn" => YELLOW,
            _ => GREY,
        };
        let message = indented(&clean(&message(log.get("message"))));
        lines.push(format!("  {} {message}", paint(&format!("({})", clean(level)), color)));
    }
    for exception in list(event, "exceptions") {
        let name = format!("{}: {}", text(exception, "name"), text(exception, "message"));
        lines.push(format!("  {} {}", paint("\u{2718}", RED), indented(&clean(&name))));
        let stack = text(exception, "stack");
        // Its first line says the message again.
        let frames = stack.lines().filter(|line| line.trim_start().starts_with("at "));
        lines.extend(frames.map(|line| format!("      {}", clean(line.trim()))));
    }
    lines.join("\n")
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value.get(key).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// What happened: `GET https://host/path`, a cron expression, an alarm.
fn head(event: &Value) -> String {
    let what = event.get("event").unwrap_or(&Value::Null);
    if let Some(request) = what.get("request") {
        let status = what.get("response").and_then(|response| response.get("status"));
        let status = status.and_then(Value::as_u64).map_or(String::new(), |it| format!(" ({it})"));
        return format!("{} {}{status}", text(request, "method"), text(request, "url"));
    }
    if let Some(cron) = what.get("cron").and_then(Value::as_str) {
        return format!("\"{cron}\"");
    }
    if let Some(method) = what.get("rpcMethod").and_then(Value::as_str) {
        return format!("RPC {method}");
    }
    if let Some(socket) = what.get("getWebSocketEvent") {
        return format!("WebSocket {}", text(socket, "webSocketEventType"));
    }
    if let Some(queue) = what.get("queue").and_then(Value::as_str) {
        return format!("Queue {queue}");
    }
    match what.get("scheduledTime") {
        Some(time) => format!("Alarm of {}", time.as_str().unwrap_or_default()),
        // There is nothing to tell of a connection.
        None if what.as_object().is_some_and(serde_json::Map::is_empty) => "Connection".to_owned(),
        None => "Event".to_owned(),
    }
}

fn figures(event: &Value) -> String {
    let number = |key: &str| event.get(key).and_then(Value::as_f64);
    match (number("wallTime"), number("cpuTime")) {
        (Some(wall), Some(cpu)) => format!(" {wall} ms, {cpu} ms CPU"),
        _ => String::new(),
    }
}

fn outcome_name(outcome: &str) -> String {
    match outcome {
        "ok" => "Ok",
        "canceled" => "Canceled",
        "exception" => "Exception Thrown",
        "exceededCpu" => "Exceeded CPU Limit",
        "exceededMemory" => "Exceeded Memory Limit",
        "exceededWallTime" => "Exceeded Wall Time Limit",
        "loadShed" => "Overloaded",
        other => return clean(other),
    }
    .to_owned()
}

fn time_of(millis: Option<&Value>) -> String {
    let millis = millis.and_then(Value::as_i64).and_then(DateTime::<Utc>::from_timestamp_millis);
    millis.map_or_else(|| "-".to_owned(), |it| it.to_rfc3339_opts(SecondsFormat::Secs, true))
}

/// The arguments of a console call on one line.
fn message(message: Option<&Value>) -> String {
    let one = |value: &Value| match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    match message {
        Some(Value::Array(all)) => all.iter().map(one).collect::<Vec<_>>().join(" "),
        Some(other) => one(other),
        None => String::new(),
    }
}

/// Without characters that a terminal would obey.
fn clean(text: &str) -> String {
    let visible = |c: char| match c {
        '\n' | '\t' => c,
        c if c.is_control() => '\u{fffd}',
        c => c,
    };
    text.chars().map(visible).collect()
}

fn indented(text: &str) -> String {
    text.trim_end().replace('\n', "\n    ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_request_is_a_line_and_its_logs_follow() {
        let value = json!({
            "outcome": "exception", "eventTimestamp": 0, "wallTime": 10, "cpuTime": 2,
            "event": { "request": { "method": "GET", "url": "https://a/b" },
                       "response": { "status": 500 } },
            "logs": [{ "level": "log", "message": ["hi", 1, { "a": 2 }] }],
            "exceptions": [{ "name": "Error", "message": "x",
                             "stack": "Error: x\n    at f (src/a.ts:1:2)" }],
        });
        let expected = "GET https://a/b (500) - Exception Thrown @ 1970-01-01T00:00:00Z 10 ms, 2 ms \
            CPU\n  (log) hi 1 {\"a\":2}\n  \u{2718} Error: x\n      at f (src/a.ts:1:2)";
        assert_eq!(event(&value, false), expected);
    }

    #[test]
    fn what_is_no_request_has_a_name_too() {
        let named = |what: Value| head(&json!({ "event": what }));
        assert_eq!(named(json!({ "cron": "* * * * *", "scheduledTime": 1 })), "\"* * * * *\"");
        assert_eq!(named(json!({ "scheduledTime": "2026" })), "Alarm of 2026");
        assert_eq!(named(json!({ "rpcMethod": "add" })), "RPC add");
        assert_eq!(named(json!({})), "Connection");
        assert_eq!(named(Value::Null), "Event");
    }

    #[test]
    fn terminals_are_not_obeyed() {
        let value = json!({ "outcome": "\u{1b}[2J", "logs": [{ "message": ["\u{1b}]0;x\u{7}"] }] });
        assert!(!event(&value, false).contains('\u{1b}'));
    }
}
