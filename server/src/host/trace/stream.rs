//! What goes on in an event, for those who are told of it meanwhile: lines of JSON, which
//! `js/tail_stream.js` makes the events of `tailStream()` of.
//!
//! A line has the event's number (`n`), its time (`at`, Unix time in milliseconds), the
//! part that it belongs to (`span`; not the first line) and what happened (`event`); the
//! first one also has what names the whole (`trace`, `invocation`). What JSON has no
//! word for stands in an object: `{ "$date": MILLISECONDS }`, `{ "$int": "TEXT" }`,
//! `{ "$v8": "BASE64" }`.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use selvedge_runtime::{Ended, SpanChange, SpanNumber, SpanValue};
use serde_json::{Map, Value, json};

use super::ids::{Ids, random};
use super::{Source, TraceEvent, TraceException, now_millis};
use crate::tails::{Producer, script_name};

/// Lines on their way.
pub(super) struct Stream {
    ids: Ids,
    told: u64,
    to: Vec<Producer>,
}

impl Stream {
    /// `None`: there is nobody.
    pub(super) fn to(to: Vec<Producer>, ids: Ids) -> Option<Self> {
        (!to.is_empty()).then_some(Self { ids, told: 0, to })
    }

    /// The first line.
    pub(super) fn begin(&mut self, mut onset: Value) {
        onset["spanId"] = self.span(0).into();
        let invocation = format!("{:016x}{:016x}", random(), random());
        let trace = format!("{:032x}", self.ids.trace);
        self.send(json!({ "trace": trace, "invocation": invocation, "event": onset }));
    }

    /// Something happens in a part.
    pub(super) fn tell(&mut self, span: SpanNumber, event: Value) {
        let span = self.span(span);
        self.send(json!({ "span": span, "event": event }));
    }

    /// A part begins.
    pub(super) fn opens(&mut self, number: SpanNumber, parent: SpanNumber, name: &str) {
        let event = json!({ "type": "spanOpen", "name": name, "spanId": self.span(number) });
        self.tell(parent, event);
    }

    /// A part is over. `outcome` is that of the code that marks it, which did not fail.
    pub(super) fn closes<N: AsRef<str>>(&mut self, number: SpanNumber, said: &[(N, SpanValue)]) {
        if !said.is_empty() {
            self.tell(number, attributes(said.iter().map(|(name, it)| (name.as_ref(), value(it)))));
        }
        self.tell(number, json!({ "type": "spanClose", "outcome": "ok" }));
    }

    /// The last line.
    pub(super) fn end(mut self, ended: &Ended) {
        let event = json!({
            "type": "outcome",
            "outcome": ended.outcome.as_str(),
            "cpuTime": ended.cpu.as_millis() as u64,
            "wallTime": ended.wall.as_millis() as u64,
        });
        let line = json!({ "span": self.span(0), "event": event });
        let line = self.line(line);
        for producer in self.to {
            producer.end(line.clone());
        }
    }

    fn span(&self, number: SpanNumber) -> String {
        format!("{:016x}", self.ids.span(number))
    }

    fn send(&mut self, line: Value) {
        let (number, line) = (self.told, self.line(line));
        for producer in &mut self.to {
            producer.tell(number, &line);
        }
    }

    fn line(&mut self, mut line: Value) -> Bytes {
        line["n"] = self.told.into();
        line["at"] = now_millis().into();
        self.told += 1;
        format!("{line}\n").into()
    }
}

/// What stands in place of lines that a consumer was too slow for: so many from a number.
pub(crate) fn dropped(first: u64, count: u64) -> Bytes {
    let diagnostic = json!({ "diagnosticsType": "droppedEvents", "count": count });
    let event = json!({ "type": "streamDiagnostic", "diagnostic": diagnostic });
    format!("{}\n", json!({ "n": first, "at": now_millis(), "event": event })).into()
}

/// An event begins.
pub(super) fn onset(
    source: &Source,
    tags: &[String],
    entrypoint: Option<&str>,
    object: Option<&str>,
    event: &TraceEvent,
) -> Value {
    let mut onset = Map::new();
    let mut set = |name: &str, value: Value| drop(onset.insert(name.to_owned(), value));
    let namespace = source.key.namespace();
    set("type", "onset".into());
    set("executionModel", if object.is_some() { "durableObject" } else { "stateless" }.into());
    set("scriptName", script_name(&source.key.name).into());
    set("scriptTags", tags.into());
    if let Some(version) = source.version {
        set("scriptVersion", json!({ "id": version.to_string() }));
    }
    if let Some((namespace, _)) = namespace {
        set("dispatchNamespace", namespace.into());
    }
    if let Some(entrypoint) = entrypoint {
        set("entrypoint", entrypoint.into());
    }
    if let Some(object) = object {
        set("durableObjectId", object.into());
    }
    set("info", info(event));
    Value::Object(onset)
}

fn info(event: &TraceEvent) -> Value {
    match event {
        TraceEvent::Fetch { method, url, headers, cf, .. } => {
            let header = |(name, value): &(String, String)| json!({ "name": name, "value": value });
            let headers: Vec<_> = headers.iter().map(header).collect();
            let mut info =
                json!({ "type": "fetch", "method": method, "url": url, "headers": headers });
            if !cf.is_null() {
                info["cfJson"] = cf.clone();
            }
            info
        }
        TraceEvent::Scheduled { cron, scheduled_time } => {
            json!({ "type": "scheduled", "scheduledTime": { "$date": scheduled_time }, "cron": cron })
        }
        TraceEvent::Alarm { scheduled_time } => {
            json!({ "type": "alarm", "scheduledTime": { "$date": scheduled_time } })
        }
        TraceEvent::Rpc { .. } => json!({ "type": "jsrpc" }),
        TraceEvent::Connect => json!({ "type": "connect" }),
        TraceEvent::WebSocket { kind, close } => {
            let mut info = json!({ "type": kind });
            if let Some((code, was_clean)) = close {
                info["code"] = (*code).into();
                info["wasClean"] = (*was_clean).into();
            }
            json!({ "type": "hibernatableWebSocket", "info": info })
        }
        TraceEvent::Queue { queue, batch_size } => {
            json!({ "type": "queue", "queueName": queue, "batchSize": batch_size })
        }
        TraceEvent::Email { from, to, raw_size } => {
            json!({ "type": "email", "mailFrom": from, "rcptTo": to, "rawSize": raw_size })
        }
        TraceEvent::Tail { consumed } => json!({ "type": "trace", "traces": consumed }),
    }
}

/// Facts of a part.
pub(super) fn attributes<'a>(facts: impl IntoIterator<Item = (&'a str, Value)>) -> Value {
    let facts = facts.into_iter().map(|(name, value)| json!({ "name": name, "value": value }));
    json!({ "type": "attributes", "info": facts.collect::<Vec<_>>() })
}

fn value(value: &SpanValue) -> Value {
    match value {
        SpanValue::Text(text) => text.as_str().into(),
        SpanValue::Number(number) => (*number).into(),
        SpanValue::Bool(is) => (*is).into(),
        SpanValue::Count(count) => json!({ "$int": count.to_string() }),
    }
}

/// Code changes a part that it marked.
pub(super) fn changed(change: &SpanChange<'_>) -> Value {
    match change {
        SpanChange::Name(name) => {
            json!({ "type": "spanUpdate", "info": { "type": "name", "name": name } })
        }
        SpanChange::Status { code, message } => {
            let mut status = json!({ "code": code });
            if let Some(message) = message {
                status["message"] = (*message).into();
            }
            json!({ "type": "spanUpdate", "info": { "type": "status", "status": status } })
        }
        SpanChange::Exception { name, message, stack } => thrown(name, message, *stack),
        SpanChange::Attributes(facts) => {
            attributes(facts.iter().map(|(name, it)| (name.as_str(), value(it))))
        }
    }
}

fn thrown(name: &str, message: &str, stack: Option<&str>) -> Value {
    let mut event = json!({ "type": "exception", "name": name, "message": message });
    if let Some(stack) = stack {
        event["stack"] = stack.into();
    }
    event
}

/// Nobody caught an exception.
pub(super) fn exception(exception: &TraceException) -> Value {
    let frames = exception.stack.as_deref().and_then(|stack| {
        let is_bare = stack.starts_with("    at ");
        let at = if is_bare { Some(0) } else { stack.find("\n    at ").map(|at| at + 1) };
        at.map(|at| &stack[at..])
    });
    thrown(&exception.name, &exception.message, frames)
}

/// The handler is done; of a request with the status of its response.
pub(super) fn returned(status: Option<u16>) -> Value {
    match status {
        Some(status) => {
            json!({ "type": "return", "info": { "type": "fetch", "statusCode": status } })
        }
        None => json!({ "type": "return" }),
    }
}

/// A call of the console.
pub(super) fn log(level: &str, message: Value, errors: Option<Value>) -> Value {
    let mut event = json!({ "type": "log", "level": level, "message": message });
    if let Some(errors) = errors {
        event["errorInfo"] = errors;
    }
    event
}

/// One that is too long: the begin of its text.
pub(super) fn long_log(level: &str, text: &str, limit: usize) -> Value {
    let end = (0..=limit.min(text.len())).rev().find(|at| text.is_char_boundary(*at));
    let text = &text[..end.unwrap_or(0)];
    json!({ "type": "log", "level": level, "message": text, "truncated": true })
}

/// A message of `node:diagnostics_channel`.
pub(super) fn published(channel: &str, bytes: &[u8]) -> Value {
    let message = json!({ "$v8": BASE64_STANDARD.encode(bytes) });
    json!({ "type": "diagnosticChannel", "channel": channel, "message": message })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_cut_between_characters() {
        let event = long_log("log", "a\u{e4}b", 2);
        assert_eq!((&event["message"], &event["truncated"]), (&json!("a"), &json!(true)));
    }

    #[test]
    fn what_was_dropped_is_counted() {
        let line: Value = serde_json::from_slice(&dropped(7, 3)).expect("it is JSON");
        assert_eq!(line["n"], 7);
        assert_eq!(line["event"]["diagnostic"]["count"], 3);
    }
}
