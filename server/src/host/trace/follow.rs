//! What is collected of one event while it goes on.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use selvedge_runtime::{ConsoleLevel, Ended, EventTrace, Failure, InnerPlace, SpanRecord};
use serde_json::Value;

use super::{
    Source, TraceEvent, TraceException, TraceItem, TraceLog, TraceSpan, Traces, now_millis,
};
use crate::error_page::Reference;

/// Text of one event's logs and exceptions: 256 KB, as Cloudflare has it.
const TEXT_BYTES: usize = 256 * 1024;
/// Parts of one event that are kept.
const SPANS: usize = 256;

pub(super) struct Follow {
    traces: Arc<Traces>,
    source: Source,
    entrypoint: Option<Arc<str>>,
    object: Option<Arc<str>>,
    event: TraceEvent,
    started: Instant,
    spans: Vec<TraceSpan>,
    exceptions: Vec<TraceException>,
    logs: Vec<TraceLog>,
    began: u64,
    left: usize,
    truncated: bool,
}

impl Follow {
    pub(super) fn new(
        traces: Arc<Traces>,
        source: &Source,
        place: &InnerPlace<'_>,
        event: TraceEvent,
    ) -> Self {
        Self {
            traces,
            source: source.clone(),
            entrypoint: place.entrypoint.map(Into::into),
            object: place.object.map(Into::into),
            event,
            started: Instant::now(),
            spans: Vec::new(),
            exceptions: Vec::new(),
            logs: Vec::new(),
            began: now_millis(),
            left: TEXT_BYTES,
            truncated: false,
        }
    }

    /// Whether there is room for a text.
    fn fits(&mut self, bytes: usize) -> bool {
        match self.left.checked_sub(bytes) {
            Some(left) => self.left = left,
            None => self.truncated = true,
        }
        !self.truncated
    }
}

impl EventTrace for Follow {
    fn console(&mut self, level: ConsoleLevel, text: &str, values: &str) {
        if self.fits(text.len().max(values.len())) {
            let message = serde_json::from_str(values)
                .unwrap_or_else(|_| Value::Array(vec![Value::String(text.to_owned())]));
            let (level, timestamp) = (level.as_str(), now_millis());
            self.logs.push(TraceLog { level, message, timestamp });
        }
    }

    fn wants_spans(&self) -> bool {
        self.traces.has_spans.load(Ordering::Relaxed) && self.spans.len() < SPANS
    }

    fn span(&mut self, record: SpanRecord) {
        let SpanRecord { name, began, took, attributes, failed } = record;
        let after = began.saturating_duration_since(self.started);
        self.spans.push(TraceSpan { name, after, took, attributes, failed });
    }

    fn exception(&mut self, failure: &Failure) {
        if !self.fits(failure.message.len() + failure.stack.len()) {
            return;
        }
        let (name, message) = split(&failure.message);
        let stack = (!failure.stack.is_empty()).then(|| failure.stack.clone());
        let timestamp = now_millis();
        self.exceptions.push(TraceException { name, message, stack, timestamp });
    }

    fn end(self: Box<Self>, ended: Ended) {
        let bytes = TEXT_BYTES - self.left + self.event.bytes();
        let mut event = self.event;
        if let TraceEvent::Fetch { status, .. } = &mut event {
            *status = (ended.status != 0).then_some(ended.status);
        }
        let item = TraceItem {
            account: self.source.key.account.clone(),
            script: self.source.key.name.as_str().into(),
            version: self.source.version,
            entrypoint: self.entrypoint,
            object: self.object,
            outcome: ended.outcome,
            event,
            exceptions: self.exceptions,
            logs: self.logs,
            event_timestamp: self.began,
            cpu_time: ended.cpu,
            wall_time: ended.wall,
            request_id: Reference::new().as_str().to_owned(),
            subrequests: ended.subrequests,
            truncated: self.truncated,
            bytes,
            spans: self.spans,
        };
        self.traces.emit(&self.source.key, item);
    }
}

/// `TypeError: x` as its name and its message.
pub(super) fn split(text: &str) -> (String, String) {
    let is_name = |name: &str| {
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    match text.split_once(": ") {
        Some((name, message)) if is_name(name) => (name.to_owned(), message.to_owned()),
        _ => ("Error".to_owned(), text.to_owned()),
    }
}
