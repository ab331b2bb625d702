//! Events and logs of Workers with `observability`, kept for a while.
//!
//! Each account has a file of its own, so that no query of one can find anything
//! of another, and one that logs without measure fills its own share only. Who
//! serves never waits: a record is queued or, when the disk cannot keep up,
//! dropped and counted. One thread writes.

mod file;
mod query;
mod record;
mod sample;
mod store;

use std::path::PathBuf;
use std::time::Duration;

pub use query::{Page, Query};
pub use record::{Level, Record};
pub use sample::Sampler;
pub use store::LogStore;

/// Milliseconds since the UNIX epoch.
pub type UnixMillis = i64;

/// Where and how much.
#[derive(Debug, Clone)]
pub struct Options {
    /// The folder; it is made.
    pub folder: PathBuf,
    /// What is older goes.
    pub retention: Duration,
    /// What an account's file may hold; the oldest goes first.
    pub max_bytes_per_account: u64,
    /// The present.
    pub now: fn() -> UnixMillis,
}

impl Options {
    /// A week, and 256 MiB an account.
    pub fn new(folder: PathBuf, now: fn() -> UnixMillis) -> Self {
        Self {
            folder,
            retention: Duration::from_secs(7 * 24 * 60 * 60),
            max_bytes_per_account: 256 * 1024 * 1024,
            now,
        }
    }
}

/// Why a call failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The question makes no sense.
    #[error("{0}")]
    Invalid(String),
    /// The answer took too long to find.
    #[error("the query took too long: ask for less time or another text")]
    TooLong,
    /// The disk, or what is on it.
    #[error(transparent)]
    Storage(#[from] selvedge_storage::Error),
}
