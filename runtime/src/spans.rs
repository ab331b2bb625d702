//! Parts of an event: what it waits for, and what its code marks with `tracing` of
//! `cloudflare:workers`.

use std::borrow::Cow;
use std::time::{Duration, Instant};

/// Names a part among those of an isolate. 0: the event as a whole.
pub type SpanNumber = u32;

/// A part begins.
#[derive(Debug, Clone, Copy)]
pub struct SpanBegin<'a> {
    pub number: SpanNumber,
    /// The part that it belongs to.
    pub parent: SpanNumber,
    /// `fetch`, what [`crate::Operation::as_str`] says, or what code calls it.
    pub name: &'a str,
}

/// What code changes of a part.
#[derive(Debug, Clone, Copy)]
pub enum SpanChange<'a> {
    /// Of the event as a whole; parts have theirs when they end.
    Attributes(&'a [(String, SpanValue)]),
    Name(&'a str),
    Status {
        /// `unset`, `ok` or `error`.
        code: &'a str,
        message: Option<&'a str>,
    },
    Exception {
        name: &'a str,
        message: &'a str,
        stack: Option<&'a str>,
    },
}

/// The value of an attribute.
#[derive(Debug, Clone, PartialEq)]
pub enum SpanValue {
    Text(String),
    Number(f64),
    Bool(bool),
    /// A whole number.
    Count(u64),
}

/// Part of an event, when it is over.
#[derive(Debug, Clone)]
pub struct SpanRecord {
    pub number: SpanNumber,
    pub parent: SpanNumber,
    /// As in [`SpanBegin`].
    pub name: Cow<'static, str>,
    pub began: Instant,
    pub took: Duration,
    /// Names of OpenTelemetry, and values.
    pub attributes: Vec<(Cow<'static, str>, SpanValue)>,
    pub failed: bool,
}

impl From<String> for SpanValue {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&str> for SpanValue {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<u64> for SpanValue {
    fn from(count: u64) -> Self {
        Self::Count(count)
    }
}

impl From<f64> for SpanValue {
    fn from(number: f64) -> Self {
        Self::Number(number)
    }
}

impl From<bool> for SpanValue {
    fn from(is: bool) -> Self {
        Self::Bool(is)
    }
}
