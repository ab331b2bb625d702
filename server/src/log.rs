//! All that the process says: console calls of Workers, one line a request,
//! failures, and what the server itself has to tell.
//!
//! Threads that serve only queue what they know; one thread of its own formats
//! and writes. When it cannot keep up, lines are dropped and counted: a slow
//! terminal must not slow a Worker down.

mod json;
mod pretty;
mod record;
mod time;
mod writer;

use std::fmt;
use std::io::Write;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{self, SyncSender, TrySendError};
use std::time::{Duration, Instant};

use selvedge_runtime::{ConsoleLevel, Ended, Failure, LogSink};

use record::{Event, FailureRecord, Record, Request, Timed};
pub use record::{Field, FieldValue};
pub(crate) use time::rfc3339;
use writer::{Outputs, Writer};

/// Records that wait for the writer.
const QUEUE_RECORDS: usize = 4096;
/// Text that waits for the writer: 16 MiB.
const QUEUE_BYTES: usize = 16 * 1024 * 1024;
/// How long `flush` waits for a reader that does not read.
const FLUSH_PATIENCE: Duration = Duration::from_secs(2);

/// How much is said. Each level includes those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    Off,
    Error,
    Warn,
    /// Also requests, and all that Workers say.
    Info,
    Debug,
}

impl Level {
    /// All levels, quietest first.
    pub const ALL: [Self; 5] = [Self::Off, Self::Error, Self::Warn, Self::Info, Self::Debug];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text is not a level.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no log level \"{0}\"")]
pub struct UnknownLevel(String);

impl FromStr for Level {
    type Err = UnknownLevel;

    fn from_str(text: &str) -> Result<Self, UnknownLevel> {
        let level = Self::ALL.into_iter().find(|level| level.as_str() == text);
        level.ok_or_else(|| UnknownLevel(text.to_owned()))
    }
}

/// What a line looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// For people.
    Pretty,
    /// One object a line, for programs.
    Json,
}

/// Which streams may carry colour.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Colors {
    pub stdout: bool,
    pub stderr: bool,
}

/// How to log.
#[derive(Debug, Clone, Copy)]
pub struct LogOptions {
    pub format: Format,
    pub level: Level,
    /// Ignored in JSON.
    pub colors: Colors,
}

/// The one way out for text.
pub struct Log {
    options: LogOptions,
    queue: SyncSender<Timed>,
    shared: Arc<Shared>,
}

/// What both ends of the queue count.
#[derive(Default)]
struct Shared {
    /// Lines that found the queue full, since the last report.
    dropped: AtomicU64,
    /// Bytes of text in the queue.
    queued_bytes: AtomicUsize,
}

impl Log {
    /// Starts to write to stdout and stderr.
    pub fn new(options: LogOptions) -> Arc<Self> {
        Self::with_outputs(options, Box::new(std::io::stdout()), Box::new(std::io::stderr()))
    }

    /// Starts to write to these; JSON goes to `stdout` alone.
    pub fn with_outputs(
        options: LogOptions,
        stdout: Box<dyn Write + Send>,
        stderr: Box<dyn Write + Send>,
    ) -> Arc<Self> {
        let (queue, records) = mpsc::sync_channel(QUEUE_RECORDS);
        let shared = Arc::new(Shared::default());
        let writer = Writer::new(options, Outputs { stdout, stderr }, shared.clone(), records);
        // Without a thread there is no log, which is no reason not to serve.
        let _ = std::thread::Builder::new().name("log".into()).spawn(move || writer.run());
        Arc::new(Self { options, queue, shared })
    }

    pub fn level(&self) -> Level {
        self.options.level
    }

    pub fn format(&self) -> Format {
        self.options.format
    }

    /// Whether records of this level come out.
    #[inline]
    pub fn enabled(&self, level: Level) -> bool {
        self.options.level >= level
    }

    /// Whether [`Log::request`] does anything.
    #[inline]
    pub fn enabled_requests(&self) -> bool {
        self.enabled(Level::Info)
    }

    /// A request that ended. `path` is the URL's path and query.
    pub fn request(&self, method: &str, path: &str, ended: &Ended) {
        if self.enabled_requests() {
            self.send(Record::Request(Request::new(method, path, ended)));
        }
    }

    /// Why a request failed; `reference` is what its client was told.
    pub fn failure(&self, method: &str, path: &str, failure: &Failure, reference: Option<&str>) {
        if self.enabled(Level::Error) {
            self.send(Record::Failure(Box::new(FailureRecord {
                method: method.into(),
                path: path.into(),
                failure: failure.clone(),
                reference: reference.map(Into::into),
            })));
        }
    }

    /// That a Worker takes requests at this URL.
    pub fn listening(&self, worker: &str, url: &str) {
        if self.enabled(Level::Info) {
            self.send(Record::Listening { worker: worker.into(), url: url.into() });
        }
    }

    /// Something that the server itself has to say, with facts by name.
    pub fn event(&self, level: Level, message: &str, fields: Vec<Field>) {
        if level != Level::Off && self.enabled(level) {
            let message = message.to_owned();
            self.send(Record::Event(Box::new(Event { level, message, fields })));
        }
    }

    /// Why the command ends: said at every level, `off` included.
    pub fn last_word(&self, message: &str) {
        let message = message.to_owned();
        let fields = Vec::new();
        self.send(Record::Event(Box::new(Event { level: Level::Error, message, fields })));
    }

    /// A warning without facts.
    pub fn warn(&self, message: &str) {
        self.event(Level::Warn, message, Vec::new());
    }

    /// Waits until all that was said so far is written, but not for a reader
    /// that stopped to read.
    pub fn flush(&self) {
        let end = Instant::now() + FLUSH_PATIENCE;
        let (done, written) = mpsc::sync_channel(1);
        let mut record = Timed::now(Record::Flush(done));
        loop {
            match self.queue.try_send(record) {
                Ok(()) => break,
                Err(TrySendError::Full(back)) if Instant::now() < end => record = back,
                Err(_) => return,
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        let _ = written.recv_timeout(end.saturating_duration_since(Instant::now()));
    }

    fn send(&self, record: Record) {
        let bytes = record.text_bytes();
        let queued = self.shared.queued_bytes.fetch_add(bytes, Ordering::Relaxed);
        let fits = queued + bytes <= QUEUE_BYTES;
        if !fits || self.queue.try_send(Timed::now(record)).is_err() {
            self.shared.queued_bytes.fetch_sub(bytes, Ordering::Relaxed);
            self.shared.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl LogSink for Log {
    fn console(&self, worker: &str, level: ConsoleLevel, text: &str) {
        let needed = match level {
            ConsoleLevel::Error => Level::Error,
            ConsoleLevel::Warn => Level::Warn,
            // Node shows console.debug() like console.log().
            ConsoleLevel::Debug | ConsoleLevel::Info | ConsoleLevel::Log => Level::Info,
        };
        if self.enabled(needed) {
            self.send(Record::Console { worker: worker.into(), level, text: text.into() });
        }
    }

    fn colors(&self) -> bool {
        self.options.format == Format::Pretty && self.options.colors.stdout
    }
}

impl fmt::Debug for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Log").field("options", &self.options).finish_non_exhaustive()
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        self.flush();
    }
}

#[cfg(test)]
mod tests;
