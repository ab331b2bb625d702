//! A namespace in memory: for tests, and the model that other backends are
//! compared with. It ends with the process.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::{Bytes, BytesMut};
use futures::future::ready;

use super::{
    Answer, Attributes, Entry, KvStore, Later, ListPage, ListQuery, ListedKey, UnixSeconds, Value,
    ValueReader, ValueWriter,
};

/// Larger values come in pieces, as they do from a disk: 256 KiB.
const WHOLE_BYTES: usize = 256 * 1024;
/// The size of a piece: 64 KiB.
const PIECE_BYTES: usize = 64 * 1024;
/// Entries are forgotten this many seconds after they expired: a clock may be
/// set back by less and finds what it should.
const KEPT_SECONDS: UnixSeconds = 3600;

/// A namespace that lives in memory. Clones share the data.
#[derive(Debug, Clone, Default)]
pub struct MemoryStore {
    keys: Arc<Mutex<Keys>>,
}

#[derive(Debug, Default)]
struct Keys {
    entries: BTreeMap<String, Stored>,
    /// The earliest expiration among the entries, or earlier.
    next_expiration: Option<UnixSeconds>,
}

#[derive(Debug)]
struct Stored {
    value: Bytes,
    attributes: Attributes,
}

impl Stored {
    fn is_there(&self, now: UnixSeconds) -> bool {
        self.attributes.expiration.is_none_or(|expiration| expiration > now)
    }
}

impl MemoryStore {
    /// An empty namespace.
    pub fn new() -> Self {
        Self::default()
    }

    fn lock(&self) -> MutexGuard<'_, Keys> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Keys {
    fn insert(&mut self, key: String, stored: Stored) {
        if let Some(expiration) = stored.attributes.expiration {
            let earliest = self.next_expiration.map_or(expiration, |next| next.min(expiration));
            self.next_expiration = Some(earliest);
        }
        self.entries.insert(key, stored);
    }

    /// Forgets what expired long ago.
    fn sweep(&mut self, now: UnixSeconds) {
        let Some(limit) = now.checked_sub(KEPT_SECONDS) else { return };
        if self.next_expiration.is_none_or(|next| next > limit) {
            return;
        }
        self.entries.retain(|_, stored| stored.is_there(limit));
        self.next_expiration =
            self.entries.values().filter_map(|stored| stored.attributes.expiration).min();
    }
}

impl KvStore for MemoryStore {
    fn get(&self, key: &str, now: UnixSeconds) -> Answer<Option<Entry>> {
        let mut keys = self.lock();
        keys.sweep(now);
        let found = keys.entries.get(key).filter(|stored| stored.is_there(now));
        Answer::Ready(Ok(found.map(|stored| Entry {
            value: if stored.value.len() > WHOLE_BYTES {
                Value::Pieces(Box::new(Reader {
                    value: stored.value.clone(),
                    rest: stored.value.clone(),
                }))
            } else {
                Value::Whole(stored.value.clone())
            },
            metadata: stored.attributes.metadata.clone(),
        })))
    }

    fn put(&self, key: String, value: Bytes, attributes: Attributes) -> Later<()> {
        self.lock().insert(key, Stored { value, attributes });
        Box::pin(ready(Ok(())))
    }

    fn put_pieces(&self, key: String, attributes: Attributes) -> Box<dyn ValueWriter> {
        Box::new(Writer { store: self.clone(), key, value: BytesMut::new(), attributes })
    }

    fn delete(&self, names: Vec<String>) -> Later<()> {
        let mut keys = self.lock();
        for name in names {
            keys.entries.remove(&name);
        }
        Box::pin(ready(Ok(())))
    }

    fn list(&self, query: ListQuery, now: UnixSeconds) -> Answer<ListPage> {
        let mut keys = self.lock();
        keys.sweep(now);
        let start = match &query.after {
            Some(after) if *after >= query.prefix => Bound::Excluded(after.as_str()),
            _ => Bound::Included(query.prefix.as_str()),
        };
        let mut found = keys
            .entries
            .range::<str, _>((start, Bound::Unbounded))
            .take_while(|(name, _)| name.starts_with(&query.prefix))
            .filter(|(_, stored)| stored.is_there(now))
            .map(|(name, stored)| ListedKey {
                name: name.clone(),
                expiration: stored.attributes.expiration,
                metadata: stored.attributes.metadata.clone(),
            });
        let page: Vec<_> = found.by_ref().take(query.limit).collect();
        let complete = found.next().is_none();
        Answer::Ready(Ok(ListPage { keys: page, complete }))
    }
}

/// Hands out a value piece by piece.
struct Reader {
    value: Bytes,
    rest: Bytes,
}

impl ValueReader for Reader {
    fn length(&self) -> u64 {
        self.value.len() as u64
    }

    fn next(&mut self) -> Later<Option<Bytes>> {
        let piece = self.rest.split_to(self.rest.len().min(PIECE_BYTES));
        Box::pin(ready(Ok((!piece.is_empty()).then_some(piece))))
    }

    fn rewind(&mut self) {
        self.rest = self.value.clone();
    }
}

/// Collects a value.
struct Writer {
    store: MemoryStore,
    key: String,
    value: BytesMut,
    attributes: Attributes,
}

impl ValueWriter for Writer {
    fn write(&mut self, piece: Bytes) -> Later<()> {
        self.value.extend_from_slice(&piece);
        Box::pin(ready(Ok(())))
    }

    fn commit(self: Box<Self>) -> Later<()> {
        let Self { store, key, value, attributes } = *self;
        store.put(key, value.freeze(), attributes)
    }
}
