//! What the crates that keep data on disk share: who owns the data folder, how
//! files of SQLite are made and checked, and what a failure means to a caller.

pub mod backup;
pub mod catalog;
pub mod connect;
pub mod data_dir;
pub mod error;
pub mod failure;
pub mod file;
pub mod group;
pub mod history;
pub mod hold;
pub mod readers;
pub mod sql;

pub use error::Error;

/// Seconds since 1970, UTC.
pub type UnixSeconds = u64;
