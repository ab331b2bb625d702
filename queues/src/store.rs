//! What a backend of Queues must do. The doc comments of [`QueueStore`] are the
//! contract.

mod sqlite;

use std::fmt::Debug;
use std::future::Future;
use std::pin::Pin;

use bytes::Bytes;

pub use sqlite::{Catalog, CatalogError, Clock, QueueInfo, SqliteStore};

use crate::Error;

/// Milliseconds since 1970, UTC.
pub type UnixMs = i64;

/// An answer that another thread works on.
pub type Later<T> = Pin<Box<dyn Future<Output = Result<T, Error>> + Send>>;

/// What a message's body is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContentType {
    Json,
    Text,
    Bytes,
    /// In V8's format.
    V8,
}

impl ContentType {
    /// Its name on Cloudflare.
    pub fn name(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Text => "text",
            Self::Bytes => "bytes",
            Self::V8 => "v8",
        }
    }

    /// The type of a name.
    pub fn of(name: &str) -> Option<Self> {
        [Self::Json, Self::Text, Self::Bytes, Self::V8].into_iter().find(|it| it.name() == name)
    }

    fn number(self) -> i64 {
        match self {
            Self::Json => 0,
            Self::Text => 1,
            Self::Bytes => 2,
            Self::V8 => 3,
        }
    }

    fn of_number(number: i64) -> Self {
        match number {
            0 => Self::Json,
            1 => Self::Text,
            2 => Self::Bytes,
            _ => Self::V8,
        }
    }
}

/// A message to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewMessage {
    pub body: Bytes,
    pub content_type: ContentType,
    /// Milliseconds until it can be taken.
    pub delay: i64,
    /// Where it was before, its id and when it was sent there.
    pub former: Option<(String, UnixMs)>,
}

/// A message that was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    /// 32 hexadecimal digits.
    pub id: String,
    pub body: Bytes,
    pub content_type: ContentType,
    /// When it was sent.
    pub sent: UnixMs,
    /// How often it was taken, this time included.
    pub attempts: u32,
    /// What it can be settled by, as long as nobody else has taken it.
    pub lease: Lease,
}

/// A message in the hands of who took it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lease {
    /// The message's place in the order of sending.
    pub number: i64,
    /// Which taking of it.
    pub attempt: u32,
}

/// What is said of messages that were taken.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settled {
    /// They are done, and go.
    pub done: Vec<Lease>,
    /// They come again, each after so many milliseconds.
    pub again: Vec<(Lease, i64)>,
}

/// What waits in a queue.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Metrics {
    /// Messages, also those that were taken and not settled.
    pub count: u64,
    /// Their bodies.
    pub bytes: u64,
    /// When the oldest one was sent.
    pub oldest: Option<UnixMs>,
}

/// The messages of one queue.
///
/// - A message that was acknowledged outlives the process and the machine's power,
///   where the backend keeps anything at all, until it is settled as done.
/// - Messages can be taken in the order of becoming visible: when they were sent
///   plus their delay; those of the same moment in the order of sending.
/// - One that was taken is nobody else's until it is settled, or its time is over:
///   then it comes again. What is said with an old lease has no effect.
pub trait QueueStore: Debug + Send + Sync {
    /// Adds messages, all or none.
    fn send(&self, messages: Vec<NewMessage>) -> Later<()>;

    /// Takes up to `limit` messages that are visible now, for `time` milliseconds;
    /// no more after that one with which they have `bytes` together.
    fn take(&self, limit: usize, bytes: usize, time: i64) -> Later<Vec<Taken>>;

    /// What became of messages that were taken.
    fn settle(&self, settled: Settled) -> Later<()>;

    /// Deletes all messages.
    fn purge(&self) -> Later<()>;

    /// How many messages are visible now, up to `limit`; and when the next one
    /// is, or the first of those is since.
    fn due(&self, limit: usize) -> Result<(usize, Option<UnixMs>), Error>;

    /// What waits.
    fn metrics(&self) -> Result<Metrics, Error>;

    /// Comes back when there may be something new to take.
    fn changed(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>>;
}
