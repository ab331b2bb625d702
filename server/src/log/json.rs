//! Records as JSON: one object a line.

use std::time::Duration;

use selvedge_runtime::ConsoleLevel;
use serde_json::{Map, Value, json};

use super::record::{Record, Timed};
use super::time::push_rfc3339;

/// Appends a record as one line.
pub(super) fn push(out: &mut String, timed: &Timed) {
    let mut ts = String::with_capacity(24);
    push_rfc3339(&mut ts, timed.millis);
    let (level, kind, rest) = parts(&timed.record);
    let mut object = Map::new();
    object.insert("ts".into(), ts.into());
    object.insert("level".into(), level.into());
    object.insert("kind".into(), kind.into());
    if let Value::Object(rest) = rest {
        object.extend(rest);
    }
    out.push_str(&Value::Object(object).to_string());
    out.push('\n');
}

/// Level, kind and the other fields.
fn parts(record: &Record) -> (&'static str, &'static str, Value) {
    match record {
        Record::Request(request) => {
            let ended = &request.ended;
            let fields = json!({
                "method": request.method(),
                "path": request.path(),
                "status": ended.status,
                "outcome": ended.outcome.as_str(),
                "wall_ms": millis(ended.wall),
                "cpu_ms": millis(ended.cpu),
            });
            ("info", "request", fields)
        }
        Record::Console { worker, level, text } => {
            let level = match level {
                ConsoleLevel::Log => "info",
                other => other.as_str(),
            };
            (level, "console", json!({ "worker": worker, "message": text }))
        }
        Record::Failure(record) => {
            let failure = &record.failure;
            let position = failure.position.as_ref().map(|position| {
                json!({
                    "module": position.module,
                    "line": position.line,
                    "column": position.column,
                })
            });
            let mut fields = json!({
                "method": record.method,
                "path": record.path,
                "outcome": failure.outcome.as_str(),
                "message": failure.message,
                "stack": failure.stack,
            });
            for (name, value) in [
                ("reference", record.reference.as_ref().map(|reference| json!(reference))),
                ("position", position),
                ("hint", failure.hint.as_ref().map(|hint| json!(hint))),
            ] {
                if let Some(value) = value {
                    fields[name] = value;
                }
            }
            ("error", "exception", fields)
        }
        Record::Listening { worker, url } => {
            ("info", "listening", json!({ "worker": worker, "url": url }))
        }
        Record::Event(event) => {
            let mut fields = Map::new();
            fields.insert("message".into(), event.message.clone().into());
            for field in &event.fields {
                // What a line is must not depend on what it is about.
                let name = match field.name {
                    "ts" | "level" | "kind" | "message" => format!("{}_", field.name),
                    name => name.to_owned(),
                };
                fields.insert(name, field.value.clone());
            }
            (event.level.as_str(), "event", fields.into())
        }
        Record::Flush(_) => ("debug", "flush", Value::Null),
    }
}

/// Milliseconds to the microsecond.
fn millis(duration: Duration) -> f64 {
    duration.as_micros() as f64 / 1000.0
}
