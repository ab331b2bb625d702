//! What waits in the queue: facts, not yet text.

use std::sync::mpsc::SyncSender;
use std::time::{SystemTime, UNIX_EPOCH};

use selvedge_runtime::{ConsoleLevel, Ended, Failure, Outcome};

use super::Level;
use crate::error_page::status_of;

/// A record and when it came about.
pub(super) struct Timed {
    /// Unix time in milliseconds.
    pub(super) millis: u64,
    pub(super) record: Record,
}

impl Timed {
    pub(super) fn now(record: Record) -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { millis: u64::try_from(since.as_millis()).unwrap_or(u64::MAX), record }
    }
}

/// One thing that was said.
pub(super) enum Record {
    Request(Request),
    Console {
        worker: Box<str>,
        level: ConsoleLevel,
        text: Box<str>,
    },
    Failure(Box<FailureRecord>),
    Listening {
        worker: Box<str>,
        url: Box<str>,
    },
    Event(Box<Event>),
    /// Not said: asks for an answer when all before it is written.
    Flush(SyncSender<()>),
}

impl Record {
    /// About how much memory the record's text takes.
    pub(super) fn text_bytes(&self) -> usize {
        match self {
            Self::Request(request) => request.text.len(),
            Self::Console { worker, text, .. } => worker.len() + text.len(),
            Self::Failure(record) => {
                let failure = &record.failure;
                let frame = failure.code_frame.as_ref().map_or(0, String::len);
                record.path.len() + failure.message.len() + failure.stack.len() + frame
            }
            Self::Listening { worker, url } => worker.len() + url.len(),
            Self::Event(event) => event.message.len(),
            Self::Flush(_) => 0,
        }
    }
}

/// A request that ended: one allocation, as there are many.
pub(super) struct Request {
    /// Method and path, one after the other.
    text: Box<str>,
    method_bytes: usize,
    pub(super) ended: Ended,
}

impl Request {
    pub(super) fn new(method: &str, path: &str, ended: &Ended) -> Self {
        let mut text = String::with_capacity(method.len() + path.len());
        text.push_str(method);
        text.push_str(path);
        let mut ended = *ended;
        if ended.status == 0 && !matches!(ended.outcome, Outcome::Ok | Outcome::Canceled) {
            // The Worker did not answer, so an error page did.
            ended.status = status_of(ended.outcome).as_u16();
        }
        Self { text: text.into(), method_bytes: method.len(), ended }
    }

    pub(super) fn method(&self) -> &str {
        &self.text[..self.method_bytes]
    }

    pub(super) fn path(&self) -> &str {
        &self.text[self.method_bytes..]
    }
}

pub(super) struct FailureRecord {
    pub(super) method: Box<str>,
    pub(super) path: Box<str>,
    pub(super) failure: Failure,
    pub(super) reference: Option<Box<str>>,
}

pub(super) struct Event {
    pub(super) level: Level,
    pub(super) message: String,
    pub(super) fields: Vec<Field>,
}

/// A fact of an event.
#[derive(Debug, Clone, PartialEq)]
pub struct Field {
    pub name: &'static str,
    pub value: FieldValue,
}

impl Field {
    /// A fact by its name.
    pub fn new(name: &'static str, value: impl Into<FieldValue>) -> Self {
        Self { name, value: value.into() }
    }
}

/// The value of a fact: what JSON can say of it.
pub type FieldValue = serde_json::Value;
