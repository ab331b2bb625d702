//! What a backend of KV must do. The doc comments of [`KvStore`] are the
//! contract; `store/contract.rs` holds every backend to it.

mod memory;
mod sqlite;

#[cfg(test)]
mod contract;

use std::fmt::Debug;
use std::future::Future;
use std::pin::Pin;

use bytes::Bytes;

use crate::Error;

pub use memory::MemoryStore;
pub use sqlite::{Catalog, CatalogError, Clock, NamespaceInfo, SqliteStore};

/// Unix time in whole seconds. It comes from the caller, so that expiry can be
/// tested without waiting.
pub type UnixSeconds = u64;

/// An answer that another thread works on.
pub type Later<T> = Pin<Box<dyn Future<Output = Result<T, Error>> + Send>>;

/// An answer that may be at hand already: a read that finds its value in the
/// page cache costs less than waking another thread would.
pub enum Answer<T> {
    Ready(Result<T, Error>),
    Later(Later<T>),
}

/// One entry as `get` finds it.
pub struct Entry {
    pub value: Value,
    /// JSON text, as it was put.
    pub metadata: Option<Box<str>>,
}

/// A value, whole or in pieces. Which one it is depends on its size.
pub enum Value {
    Whole(Bytes),
    /// Read piece by piece; it stays as it was when `get` found it, also when
    /// the key is overwritten or deleted meanwhile.
    Pieces(Box<dyn ValueReader>),
}

impl Value {
    /// Its size in bytes.
    pub fn length(&self) -> u64 {
        match self {
            Self::Whole(bytes) => bytes.len() as u64,
            Self::Pieces(reader) => reader.length(),
        }
    }
}

/// Reads a large value.
pub trait ValueReader: Send {
    /// The size of the whole value in bytes.
    fn length(&self) -> u64;

    /// The next piece; `None` after the last one.
    fn next(&mut self) -> Later<Option<Bytes>>;

    /// The next piece is the first one again, of the same value.
    fn rewind(&mut self);
}

/// Takes a large value piece by piece. Nothing of it can be seen before
/// [`ValueWriter::commit`]; dropping it forgets what was written.
pub trait ValueWriter: Send {
    /// Adds a piece, of any size. One call at a time.
    fn write(&mut self, piece: Bytes) -> Later<()>;

    /// Makes it the key's value, at once and durably.
    fn commit(self: Box<Self>) -> Later<()>;
}

/// What stands beside a value.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Attributes {
    /// From this second on the entry does not exist.
    pub expiration: Option<UnixSeconds>,
    /// JSON text.
    pub metadata: Option<Box<str>>,
}

/// Which keys to list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ListQuery {
    /// Only keys that begin with it.
    pub prefix: String,
    /// Only keys after this one; where the last page ended.
    pub after: Option<String>,
    /// At most this many, at least 1.
    pub limit: usize,
}

/// One key of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedKey {
    pub name: String,
    pub expiration: Option<UnixSeconds>,
    pub metadata: Option<Box<str>>,
}

/// A page of keys.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ListPage {
    /// In the order of their UTF-8 bytes.
    pub keys: Vec<ListedKey>,
    /// Whether no key comes after the last one.
    pub complete: bool,
}

/// The data of one namespace.
///
/// - An entry whose expiration is not after `now` is absent for every verb.
/// - A write that was acknowledged (its `Later` gave `Ok`) outlives the process
///   and the machine's power, where the backend keeps anything at all; one that
///   was not is there whole or not at all.
/// - After the acknowledgement every `get` and `list` sees the write.
/// - Keys and values are checked by [`crate::namespace`] before they come here.
///   A backend takes any key of 1 to 512 bytes of UTF-8.
/// - The data of a failed write is not seen, and earlier data stays.
pub trait KvStore: Debug + Send + Sync {
    /// The entry of a key.
    fn get(&self, key: &str, now: UnixSeconds) -> Answer<Option<Entry>>;

    /// Sets a key, replacing value and attributes.
    fn put(&self, key: String, value: Bytes, attributes: Attributes) -> Later<()>;

    /// Sets a key from a value that comes in pieces.
    fn put_pieces(&self, key: String, attributes: Attributes) -> Box<dyn ValueWriter>;

    /// Deletes keys, all of them at once. A key that is not there is no error.
    fn delete(&self, keys: Vec<String>) -> Later<()>;

    /// Keys in the order of their UTF-8 bytes. Going on from page to page meets
    /// every key that was there all the time exactly once.
    fn list(&self, query: ListQuery, now: UnixSeconds) -> Answer<ListPage>;
}
