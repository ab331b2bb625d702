//! What is collected of one event while it goes on, and told to those who want to know
//! right away.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use bytes::Bytes;
use selvedge_runtime::{
    Ended, EventTrace, Failure, InnerPlace, Outcome, Published, Said, SpanBegin, SpanChange,
    SpanNumber, SpanRecord,
};
use serde_json::Value;

use super::ids::Ids;
use super::stream::{self, Stream};
use super::{
    Source, TraceEvent, TraceException, TraceItem, TraceLog, TracePublished, TraceSpan, Traces,
    now_millis,
};
use crate::error_page::Reference;

/// Text of one event's logs and exceptions: 256 KB, as Cloudflare has it.
const TEXT_BYTES: usize = 256 * 1024;
/// Parts of one event that are followed.
const SPANS: usize = 256;

pub(super) struct Follow {
    traces: Arc<Traces>,
    source: Source,
    entrypoint: Option<Arc<str>>,
    object: Option<Arc<str>>,
    event: TraceEvent,
    started: Instant,
    /// Parts that began.
    begun: usize,
    keeps_spans: bool,
    spans: Vec<TraceSpan>,
    exceptions: Vec<TraceException>,
    logs: Vec<TraceLog>,
    published: Vec<TracePublished>,
    began: u64,
    left: usize,
    truncated: bool,
    ids: Ids,
    /// Where somebody wants to know at once.
    stream: Option<Stream>,
}

impl Follow {
    pub(super) fn new(
        traces: Arc<Traces>,
        source: &Source,
        place: &InnerPlace<'_>,
        event: TraceEvent,
    ) -> Self {
        let mut follow = Self {
            source: source.clone(),
            entrypoint: place.entrypoint.map(Into::into),
            object: place.object.map(Into::into),
            event,
            started: Instant::now(),
            begun: 0,
            keeps_spans: traces.has_spans.load(Ordering::Relaxed),
            spans: Vec::new(),
            exceptions: Vec::new(),
            logs: Vec::new(),
            published: Vec::new(),
            began: now_millis(),
            left: TEXT_BYTES,
            truncated: false,
            ids: Ids::new(),
            stream: None,
            traces,
        };
        follow.ids.join(&follow.event);
        // What a handler does that is told of others is told to nobody: it might be its own.
        if !matches!(follow.event, TraceEvent::Tail { .. }) {
            follow.stream = Stream::to(follow.traces.followers(source), follow.ids);
        }
        let onset = follow.stream.is_some().then(|| follow.onset());
        if let (Some(stream), Some(onset)) = (&mut follow.stream, onset) {
            stream.begin(onset);
            if let TraceEvent::Rpc { method } = &follow.event {
                stream.tell(0, stream::attributes([("jsrpc.method", Value::from(&**method))]));
            }
        }
        follow
    }

    fn onset(&self) -> Value {
        let tags = self.traces.tags(&self.source.key);
        let (entrypoint, object) = (self.entrypoint.as_deref(), self.object.as_deref());
        stream::onset(&self.source, &tags, entrypoint, object, &self.event)
    }

    /// Whether there is room for a text.
    fn fits(&mut self, bytes: usize) -> bool {
        match self.left.checked_sub(bytes) {
            Some(left) => self.left = left,
            None => self.truncated = true,
        }
        !self.truncated
    }

    fn tell(&mut self, span: SpanNumber, event: impl FnOnce() -> Value) {
        if let Some(stream) = &mut self.stream {
            stream.tell(span, event());
        }
    }

    /// The handler is done, where there is no response to tell of.
    fn returned(&mut self, outcome: Outcome) {
        let is_told = matches!(self.event, TraceEvent::Fetch { .. } | TraceEvent::Alarm { .. });
        if !is_told && outcome == Outcome::Ok {
            self.tell(0, || stream::returned(None));
        }
    }
}

impl EventTrace for Follow {
    fn console(&mut self, said: &Said<'_>) {
        let message = || {
            let plain = || Value::Array(vec![Value::String(said.text.to_owned())]);
            serde_json::from_str(said.values).unwrap_or_else(|_| plain())
        };
        let bytes = said.text.len().max(said.values.len()) + said.errors.len();
        let fits = self.fits(bytes);
        if !fits && self.stream.is_none() {
            return;
        }
        let errors: Option<Value> = serde_json::from_str(said.errors).ok();
        let level = said.level.as_str();
        self.tell(said.span, || match bytes <= TEXT_BYTES {
            true => stream::log(level, message(), errors.clone()),
            false => stream::long_log(level, said.text, TEXT_BYTES),
        });
        if fits {
            self.logs.push(TraceLog { level, message: message(), errors, timestamp: now_millis() });
        }
    }

    fn published(&mut self, message: &Published<'_>) {
        let Published { channel, json, bytes, span } = *message;
        let size = channel.len() + json.len() + bytes.len();
        if size <= TEXT_BYTES {
            self.tell(span, || stream::published(channel, bytes));
        }
        if self.fits(size) {
            self.published.push(TracePublished {
                channel: channel.to_owned(),
                message: serde_json::from_str(json).unwrap_or_default(),
                bytes: Bytes::copy_from_slice(bytes),
                timestamp: now_millis(),
            });
        }
    }

    fn wants_spans(&self) -> bool {
        self.traces_marks() && self.begun < SPANS
    }

    fn traces_marks(&self) -> bool {
        self.keeps_spans || self.stream.is_some()
    }

    fn span_begins(&mut self, begin: &SpanBegin<'_>) {
        self.begun += 1;
        let SpanBegin { number, parent, name } = *begin;
        if let Some(stream) = &mut self.stream {
            stream.opens(number, parent, name);
        }
    }

    fn span_changes(&mut self, number: SpanNumber, change: &SpanChange<'_>) {
        self.tell(number, || stream::changed(change));
    }

    fn span(&mut self, record: SpanRecord) {
        let SpanRecord { number, parent, name, began, took, attributes, failed } = record;
        if let Some(stream) = &mut self.stream {
            stream.closes(number, &attributes);
        }
        if self.keeps_spans {
            let after = began.saturating_duration_since(self.started);
            self.spans.push(TraceSpan { number, parent, name, after, took, attributes, failed });
        }
    }

    fn span_ids(&self, number: SpanNumber) -> (u128, u64) {
        (self.ids.trace, self.ids.span(number))
    }

    fn responded(&mut self, status: u16) {
        if matches!(self.event, TraceEvent::Fetch { .. }) {
            self.tell(0, || stream::returned(Some(status)));
        }
    }

    fn exception(&mut self, failure: &Failure) {
        let (name, message) = split(&failure.message);
        let stack = (!failure.stack.is_empty()).then(|| failure.stack.clone());
        let exception = TraceException { name, message, stack, timestamp: now_millis() };
        self.tell(0, || stream::exception(&exception));
        if self.fits(failure.message.len() + failure.stack.len()) {
            self.exceptions.push(exception);
        }
    }

    fn end(mut self: Box<Self>, ended: Ended) {
        self.returned(ended.outcome);
        if let Some(stream) = self.stream.take() {
            stream.end(&ended);
        }
        let bytes = TEXT_BYTES - self.left + self.event.bytes();
        let mut event = self.event;
        if let TraceEvent::Fetch { status, .. } = &mut event {
            *status = (ended.status != 0).then_some(ended.status);
        }
        let item = TraceItem {
            account: self.source.key.account.clone(),
            script: self.source.key.name.as_str().into(),
            version: self.source.version,
            tags: self.traces.tags(&self.source.key),
            namespace: self.source.key.namespace().map(|(namespace, _)| namespace.into()),
            entrypoint: self.entrypoint,
            object: self.object,
            outcome: ended.outcome,
            event,
            exceptions: self.exceptions,
            logs: self.logs,
            published: self.published,
            event_timestamp: self.began,
            cpu_time: ended.cpu,
            wall_time: ended.wall,
            request_id: Reference::new().as_str().to_owned(),
            subrequests: ended.subrequests,
            truncated: self.truncated,
            bytes,
            spans: self.spans,
            ids: self.ids,
        };
        self.traces.emit(&self.source, item);
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
