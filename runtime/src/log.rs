//! What a Worker says: console output, uncaught exceptions.

use crate::failure::Failure;
use crate::io_context::Ended;
use crate::monitor::SpanRecord;

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

/// Follows one event of a Worker where somebody wants to know of it. Calls come
/// from the isolate's thread and must not block it.
pub trait EventTrace {
    /// One console call, formatted, and the JSON of the list of what was said,
    /// which may be empty.
    fn console(&mut self, level: ConsoleLevel, text: &str, values: &str);

    /// Whether [`EventTrace::span`] does anything.
    fn wants_spans(&self) -> bool;

    /// Something that the event waited for.
    fn span(&mut self, record: SpanRecord);

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
