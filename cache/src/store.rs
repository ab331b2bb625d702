//! Where responses are kept: small ones in memory, all of them in files.
//!
//! An entry is one file, named by its key, written beside its place and moved
//! there. Nothing else is on disk but the list of purges: what a file says is
//! all that there is to know, and a file that is gone was never there. Which
//! files there are is learned once, when the cache is first used.

mod file;
mod index;
#[cfg(test)]
mod tests;
mod writer;

use std::collections::HashMap;
use std::future::poll_fn;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use lru::LruCache;
use selvedge_runtime::body::BodySource;
use selvedge_runtime::headers::HeaderBlobBuf;
use tokio::sync::watch;

use crate::entry::{Body, Entry, Key, Meta, UnixMillis};
use crate::purge::{Purge, Purges};
use crate::range::Range;
use index::Index;
pub use writer::Writer;

/// Why a response was not kept.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The body is larger than the cache takes.
    #[error("the response is larger than {0} bytes")]
    TooLarge(u64),
    /// A file could not be written.
    #[error("the cache could not be written: {0}")]
    Io(#[from] std::io::Error),
}

/// How much the cache keeps.
#[derive(Debug, Clone, Copy)]
pub struct CacheLimits {
    /// Bytes of entries in memory.
    pub memory_bytes: usize,
    /// Bytes of files.
    pub disk_bytes: u64,
    /// A body above this is not kept in memory.
    pub memory_body_bytes: usize,
    /// A body above this is not kept: Cloudflare's 512 MB
    /// (<https://developers.cloudflare.com/workers/platform/limits/#cache-api-limits>).
    pub body_bytes: u64,
}

impl Default for CacheLimits {
    fn default() -> Self {
        Self {
            memory_bytes: 64 * 1024 * 1024,
            disk_bytes: 2 * 1024 * 1024 * 1024,
            memory_body_bytes: 256 * 1024,
            body_bytes: 512 * 1000 * 1000,
        }
    }
}

/// How often what happened, since the process began.
#[derive(Debug, Default)]
pub struct Figures {
    pub hits: AtomicU64,
    pub misses: AtomicU64,
    /// Given though no longer fresh.
    pub stale: AtomicU64,
    /// Asked the origin whether it is still right, and it was.
    pub revalidated: AtomicU64,
    pub stored: AtomicU64,
    pub deleted: AtomicU64,
    /// Of requests before their Workers.
    pub front: FrontFigures,
}

/// What became of requests to Workers with a cache before them.
#[derive(Debug, Default)]
pub struct FrontFigures {
    pub hits: AtomicU64,
    pub misses: AtomicU64,
    /// What was kept was too old, and the Worker gave another one.
    pub expired: AtomicU64,
    /// The Worker said that what is kept is still right.
    pub revalidated: AtomicU64,
    /// What is kept was given though too old, while the Worker was asked.
    pub updating: AtomicU64,
    /// The same in place of a failure.
    pub stale: AtomicU64,
    /// The answer may not be kept.
    pub bypassed: AtomicU64,
}

/// The cache of a process.
#[derive(Debug)]
pub struct Cache {
    dir: PathBuf,
    limits: CacheLimits,
    clock: fn() -> UnixMillis,
    index: Mutex<Index>,
    purges: Mutex<Purges>,
    /// Whether somebody looks which files there are, or has.
    scanning: AtomicBool,
    /// Responses that are being fetched right now.
    under_way: Mutex<HashMap<Key, watch::Receiver<()>>>,
    /// What Workers answered that may not be kept: nobody waits for such a thing.
    unkept: Mutex<LruCache<Key, ()>>,
    pub figures: Figures,
}

/// What a look at the memory brings.
#[derive(Debug)]
pub enum Found {
    /// It is kept, and its body lies in memory.
    Ready(Arc<Entry>),
    /// Its file must be read.
    OnDisk,
    Nothing,
}

impl Cache {
    /// A cache in a folder, which may not exist yet. Nothing is read before it is
    /// used.
    pub fn new(dir: PathBuf, limits: CacheLimits, clock: fn() -> UnixMillis) -> Arc<Self> {
        Arc::new(Self {
            index: Mutex::new(Index::new(limits.memory_bytes, limits.disk_bytes)),
            purges: Mutex::new(Purges::load(&dir.join(PURGES))),
            dir,
            limits,
            clock,
            scanning: AtomicBool::new(false),
            under_way: Mutex::default(),
            unkept: Mutex::new(LruCache::new(MOST_UNKEPT)),
            figures: Figures::default(),
        })
    }

    /// The present.
    pub fn now(&self) -> UnixMillis {
        (self.clock)()
    }

    /// Looks for a response without waiting.
    pub fn look(&self, key: &Key) -> Found {
        let mut index = self.index();
        if let Some(entry) = index.entry(key) {
            if !self.counts(&entry) {
                index.remove(key);
                drop(index);
                self.unlink(key);
                return Found::Nothing;
            }
            return match entry.body {
                Body::Memory(_) => Found::Ready(entry),
                Body::File { .. } => Found::OnDisk,
            };
        }
        if index.knows_all_files && !index.has_file(key) { Found::Nothing } else { Found::OnDisk }
    }

    /// Reads a response from its file, with all of its body if that is small.
    pub async fn load(self: &Arc<Self>, key: Key) -> Option<Arc<Entry>> {
        self.scan();
        let path = self.path(&key);
        let most = self.limits.memory_body_bytes as u64;
        let read = tokio::task::spawn_blocking(move || file::read(&path, most)).await;
        let entry = match read {
            Ok(Ok(entry)) => Arc::new(entry),
            Ok(Err(error)) => {
                if error.kind() != std::io::ErrorKind::NotFound {
                    tracing::warn!(key = key.to_hex(), %error, "a cached response is unreadable");
                    self.unlink(&key);
                }
                self.index().remove(&key);
                return None;
            }
            Err(_) => return None,
        };
        if !self.counts(&entry) {
            self.index().remove(&key);
            self.unlink(&key);
            return None;
        }
        let evicted = self.index().put(key, entry.clone(), file::length(&entry));
        self.unlink_all(evicted);
        Some(entry)
    }

    /// A response, wherever it lies.
    pub async fn get(self: &Arc<Self>, key: Key) -> Option<Arc<Entry>> {
        match self.look(&key) {
            Found::Ready(entry) => Some(entry),
            Found::OnDisk => self.load(key).await,
            Found::Nothing => None,
        }
    }

    /// Opens the body of a response, or a part of it; `None`: its file is gone.
    pub async fn open(
        self: &Arc<Self>,
        key: Key,
        entry: &Entry,
        range: Option<Range>,
    ) -> Option<Box<dyn BodySource>> {
        let body = file::open(entry, range).await;
        if body.is_none() {
            self.index().remove(&key);
        }
        body
    }

    /// Begins to keep a response.
    pub fn writer(self: &Arc<Self>, key: Key) -> Writer {
        self.scan();
        Writer::new(self.clone(), key)
    }

    /// Keeps a response whose body is here and small; `None`: it is not small.
    pub fn keep(
        self: &Arc<Self>,
        key: Key,
        meta: Meta,
        headers: HeaderBlobBuf,
        body: Bytes,
    ) -> Option<Arc<Entry>> {
        if body.len() > self.limits.memory_body_bytes {
            return None;
        }
        self.scan();
        Some(writer::keep(self, key, meta, headers, body))
    }

    /// Keeps a response that is here already with other facts and headers. `None`: its
    /// file is gone.
    pub async fn keep_again(
        self: &Arc<Self>,
        key: Key,
        entry: &Entry,
        meta: Meta,
        headers: HeaderBlobBuf,
    ) -> Option<Arc<Entry>> {
        if let Body::Memory(body) = &entry.body {
            return self.keep(key, meta, headers, body.clone());
        }
        let mut body = self.open(key, entry, None).await?;
        let mut writer = self.writer(key);
        while let Some(piece) = poll_fn(|cx| body.poll_chunk(cx)).await {
            writer.write(&meta, &headers, &piece.ok()?).await.ok()?;
        }
        if let Err(error) = writer.finish(meta, headers).await {
            tracing::warn!(%error, "a response was not cached");
        }
        self.get(key).await
    }

    /// Notes whether what was asked for last may not be kept.
    pub fn note_unkept(&self, key: Key, is_unkept: bool) {
        let mut unkept = self.unkept.lock().unwrap_or_else(PoisonError::into_inner);
        if is_unkept {
            unkept.put(key, ());
        } else {
            unkept.pop(&key);
        }
    }

    /// Whether that was noted.
    pub fn is_unkept(&self, key: &Key) -> bool {
        self.unkept.lock().unwrap_or_else(PoisonError::into_inner).get(key).is_some()
    }

    /// Forgets a response; whether there was one.
    pub async fn delete(self: &Arc<Self>, key: Key) -> bool {
        let there = self.get(key).await.is_some();
        self.index().remove(&key);
        self.unlink(&key);
        if there {
            self.figures.deleted.fetch_add(1, Ordering::Relaxed);
        }
        there
    }

    /// Forgets responses of an account.
    ///
    /// # Errors
    /// When that cannot be kept on disk: it holds until the process ends.
    pub fn purge(&self, account: &str, purge: Purge) -> std::io::Result<()> {
        let text = {
            let mut purges = self.purges.lock().unwrap_or_else(PoisonError::into_inner);
            purges.add(account, purge, self.now());
            purges.to_json()
        };
        file::replace(&self.dir, PURGES, &text)
    }

    /// Whether a response is of any use, and was not purged.
    fn counts(&self, entry: &Entry) -> bool {
        entry.meta.useful_until() > self.now()
            && !self.purges.lock().unwrap_or_else(PoisonError::into_inner).cover(&entry.meta)
    }

    /// Whoever asks first for what is not kept fetches it; the others wait for
    /// the receiver to end and look again.
    pub fn claim(self: &Arc<Self>, key: Key) -> Claim {
        let mut under_way = self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(receiver) = under_way.get(&key) {
            return Claim::Others(receiver.clone());
        }
        let (sender, receiver) = watch::channel(());
        under_way.insert(key, receiver);
        Claim::Mine(Fetching { cache: self.clone(), key, _done: sender })
    }

    fn index(&self) -> MutexGuard<'_, Index> {
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn path(&self, key: &Key) -> PathBuf {
        let name = key.to_hex();
        self.dir.join(&name[..2]).join(name)
    }

    /// Files are removed on the spot: that is a call without a wait.
    fn unlink(&self, key: &Key) {
        let _ = std::fs::remove_file(self.path(key));
    }

    fn unlink_all(&self, keys: Vec<Key>) {
        keys.iter().for_each(|key| self.unlink(key));
    }

    /// Looks which files there are, once, on a thread of its own.
    fn scan(self: &Arc<Self>) {
        if self.scanning.swap(true, Ordering::AcqRel) {
            return;
        }
        let this = self.clone();
        tokio::task::spawn_blocking(move || {
            let files = file::list(&this.dir);
            let evicted = this.index().found(files);
            this.unlink_all(evicted);
        });
    }
}

/// How much is remembered of what may not be kept.
const MOST_UNKEPT: NonZeroUsize = NonZeroUsize::new(8192).expect("it is not zero");
/// The file with the purges.
const PURGES: &str = "purges.json";

/// Who fetches a response that is not kept.
#[derive(Debug)]
pub enum Claim {
    Mine(Fetching),
    /// Somebody else does; it ends when that is over.
    Others(watch::Receiver<()>),
}

/// The right to fetch a response, until it is dropped.
#[derive(Debug)]
pub struct Fetching {
    cache: Arc<Cache>,
    key: Key,
    _done: watch::Sender<()>,
}

impl Drop for Fetching {
    fn drop(&mut self) {
        let mut under_way = self.cache.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        under_way.remove(&self.key);
    }
}
