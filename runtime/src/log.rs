//! What a Worker says: console output, uncaught exceptions.

use crate::failure::Failure;
use crate::io_context::Ended;
use crate::spans::{SpanBegin, SpanChange, SpanNumber, SpanRecord};

/// The level of a console call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConsoleLevel {
    Debug,
    Info,
    Log,
    Warn,
    Error,
}

impl ConsoleLevel {
    /// The method's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Log => "log",
            Self::Warn => "warn",
            Self::Error => "error",
        }
    }
}

/// Takes what a Worker says. Calls come from the isolate's thread and must not
/// block it.
pub trait LogSink: Send + Sync {
    /// One console call, formatted.
    fn console(&self, worker: &str, level: ConsoleLevel, text: &str);

    /// Whether text for people may carry colour.
    fn colors(&self) -> bool {
        false
    }
}

/// A console call.
#[derive(Debug, Clone, Copy)]
pub struct Said<'a> {
    pub level: ConsoleLevel,
    /// All of it, formatted.
    pub text: &'a str,
    /// JSON of the list of what was said; empty where it is not known.
    pub values: &'a str,
    /// JSON of a list as long: what is known of the errors in it. Empty if there are none.
    pub errors: &'a str,
    /// The part of the event whose code says it; 0: that of no part.
    pub span: SpanNumber,
}

/// A message of `node:diagnostics_channel`.
#[derive(Debug, Clone, Copy)]
pub struct Published<'a> {
    pub channel: &'a str,
    /// JSON of it, as far as that can say it.
    pub json: &'a str,
    /// All of it, as V8 serializes values.
    pub bytes: &'a [u8],
    /// As in [`Said`].
    pub span: SpanNumber,
}

/// Follows one event of a Worker where somebody wants to know of it. Calls come
/// from the isolate's thread and must not block it.
pub trait EventTrace {
    /// One console call.
    fn console(&mut self, said: &Said<'_>);

    /// A message of `node:diagnostics_channel`.
    fn published(&mut self, message: &Published<'_>);

    /// Whether one more part of the event is of use: [`EventTrace::span`] does something.
    fn wants_spans(&self) -> bool;

    /// Whether parts are of use at all.
    fn traces_marks(&self) -> bool;

    /// A part of the event begins: something that it waits for, or that its code marks.
    fn span_begins(&mut self, begin: &SpanBegin<'_>);

    /// What code changes of a part while that lasts.
    fn span_changes(&mut self, number: SpanNumber, change: &SpanChange<'_>);

    /// A part is over.
    fn span(&mut self, record: SpanRecord);

    /// What names a part outside: its trace, and itself.
    fn span_ids(&self, number: SpanNumber) -> (u128, u64);

    /// The Worker's response begins.
    fn responded(&mut self, status: u16);

    /// An exception that nobody caught, or why the event was stopped.
    fn exception(&mut self, failure: &Failure);

    /// The event is over, with all that it left to `waitUntil`.
    fn end(self: Box<Self>, ended: Ended);
}

/// Drops everything.
#[derive(Debug, Default, Clone, Copy)]
pub struct NoLog;

impl LogSink for NoLog {
    fn console(&self, _: &str, _: ConsoleLevel, _: &str) {}
}

/// Unix time in milliseconds.
pub fn unix_millis() -> f64 {
    std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0.0, |since| since.as_millis() as f64)
}
