//! Events as JSON: what tails send, and what is kept.

use serde_json::{Value, json};

use super::{TraceEvent, TraceException, TraceItem, TraceLog, TracePublished};
use crate::metrics::EventKind;

impl TraceItem {
    /// The JSON that tails send.
    pub fn to_json(&self) -> Value {
        let exceptions: Vec<_> = self.exceptions.iter().map(TraceException::to_json).collect();
        let logs: Vec<_> = self.logs.iter().map(TraceLog::to_json).collect();
        let published: Vec<_> = self.published.iter().map(TracePublished::to_json).collect();
        json!({
            "outcome": self.outcome.as_str(),
            "scriptName": &*self.script,
            "entrypoint": self.entrypoint.as_deref(),
            "scriptVersion": self.version.map(|id| json!({ "id": id.to_string() })),
            "scriptTags": &*self.tags,
            "dispatchNamespace": self.namespace.as_deref(),
            "exceptions": exceptions,
            "logs": logs,
            "eventTimestamp": self.event_timestamp,
            "cpuTime": self.cpu_time.as_millis() as u64,
            "wallTime": self.wall_time.as_millis() as u64,
            "truncated": self.truncated,
            "executionModel": if self.object.is_some() { "durableObject" } else { "stateless" },
            "durableObjectId": self.object.as_deref(),
            "requestId": self.request_id,
            "diagnosticsChannelEvents": published,
            "event": self.event.to_json(),
        })
    }
}

impl TraceEvent {
    pub(super) fn to_json(&self) -> Value {
        match self {
            Self::Fetch { method, url, headers, cf, status, .. } => {
                let mut map = serde_json::Map::new();
                for (name, value) in headers {
                    match map.get_mut(name) {
                        Some(Value::String(before)) => {
                            before.push_str(", ");
                            before.push_str(value);
                        }
                        _ => {
                            map.insert(name.clone(), Value::String(value.clone()));
                        }
                    }
                }
                json!({
                    "request": { "url": url, "method": method, "headers": map, "cf": cf },
                    "response": status.map(|status| json!({ "status": status })),
                })
            }
            Self::Scheduled { cron, scheduled_time } => {
                json!({ "cron": cron, "scheduledTime": scheduled_time })
            }
            Self::Alarm { scheduled_time } => {
                json!({ "scheduledTime": crate::log::rfc3339(*scheduled_time) })
            }
            Self::Rpc { method } => json!({ "rpcMethod": method }),
            Self::WebSocket { kind, close } => {
                let mut event = json!({ "webSocketEventType": kind });
                if let Some((code, was_clean)) = close {
                    event["code"] = json!(code);
                    event["wasClean"] = json!(was_clean);
                }
                json!({ "getWebSocketEvent": event })
            }
            Self::Connect => json!({}),
            Self::Queue { queue, batch_size } => {
                json!({ "queue": queue, "batchSize": batch_size })
            }
            Self::Email { from, to, raw_size } => {
                json!({ "mailFrom": from, "rcptTo": to, "rawSize": raw_size })
            }
            Self::Tail { consumed } => {
                let events: Vec<_> =
                    consumed.iter().map(|name| json!({ "scriptName": name })).collect();
                json!({ "consumedEvents": events })
            }
        }
    }

    /// How it counts.
    pub fn kind(&self) -> EventKind {
        match self {
            Self::Fetch { .. } => EventKind::Fetch,
            Self::Scheduled { .. } => EventKind::Scheduled,
            Self::Alarm { .. } => EventKind::Alarm,
            Self::Rpc { .. } => EventKind::Rpc,
            Self::WebSocket { .. } => EventKind::WebSocket,
            Self::Connect => EventKind::Connect,
            Self::Queue { .. } | Self::Email { .. } => EventKind::Fetch,
            Self::Tail { .. } => EventKind::Tail,
        }
    }
}

impl TraceException {
    fn to_json(&self) -> Value {
        let Self { name, message, stack, timestamp } = self;
        json!({ "name": name, "message": message, "stack": stack, "timestamp": timestamp })
    }
}

impl TraceLog {
    /// Errors with their stacks: people read this.
    fn to_json(&self) -> Value {
        let mut message = self.message.clone();
        if let (Some(said), Some(errors)) = (message.as_array_mut(), self.errors.as_ref()) {
            let errors = errors.as_array().map_or(&[][..], Vec::as_slice);
            for (text, error) in said.iter_mut().zip(errors) {
                let stack = error.get("stack").and_then(Value::as_str);
                if let (Value::String(text), Some(stack)) = (text, stack) {
                    text.push('\n');
                    text.push_str(stack);
                }
            }
        }
        json!({ "message": message, "level": self.level, "timestamp": self.timestamp })
    }
}

impl TracePublished {
    fn to_json(&self) -> Value {
        json!({ "channel": self.channel, "message": self.message, "timestamp": self.timestamp })
    }
}
