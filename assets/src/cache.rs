//! Contents in memory: small ones as they are, and compressed ones. All Workers and
//! threads of a process share one cache, which holds no more than it may.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use bytes::Bytes;
use tokio::sync::{OnceCell, Semaphore};

use crate::encoding::Encoding;
use crate::hash::AssetHash;

/// What the cache of a process may hold: 64 MiB.
pub const CACHE_BYTES: usize = 64 * 1024 * 1024;
/// What an entry costs beside its bytes, about.
const ENTRY_BYTES: usize = 512;
/// So many contents are compressed at the same time.
const ENCODERS: usize = 2;

/// Which content, in which encoding.
pub(crate) type Key = (AssetHash, Encoding);

/// A content in one encoding, and the usual headers with it.
#[derive(Debug)]
pub(crate) struct Variant {
    pub(crate) body: Bytes,
    /// Bytes of a header blob, as a client gets them who asks for nothing special.
    pub(crate) headers: Box<[u8]>,
    /// The type that these headers name.
    pub(crate) content_type: Option<Arc<str>>,
}

/// What is known of a content in an encoding.
#[derive(Debug, Clone)]
pub(crate) enum Known {
    Variant(Arc<Variant>),
    /// The encoding makes it no smaller.
    NoGain,
}

/// One compression, for all who wait for it.
type UnderWay = Arc<OnceCell<Known>>;

/// Contents in memory.
#[derive(Debug)]
pub struct Cache {
    capacity: usize,
    entries: RwLock<Entries>,
    under_way: Mutex<HashMap<Key, UnderWay>>,
    pub(crate) encoders: Semaphore,
}

#[derive(Debug, Default)]
struct Entries {
    known: HashMap<Key, Entry>,
    /// The oldest first; those that were used since they came to the front go back
    /// to the end once more.
    order: VecDeque<Key>,
    bytes: usize,
}

#[derive(Debug)]
struct Entry {
    known: Known,
    bytes: usize,
    used: AtomicBool,
}

impl Default for Cache {
    fn default() -> Self {
        Self::new(CACHE_BYTES)
    }
}

impl Cache {
    /// An empty cache that may hold so many bytes.
    pub fn new(capacity: usize) -> Self {
        Self {
            capacity,
            entries: RwLock::default(),
            under_way: Mutex::default(),
            encoders: Semaphore::new(ENCODERS),
        }
    }

    /// How many bytes it holds, about.
    pub fn bytes(&self) -> usize {
        self.entries.read().unwrap_or_else(PoisonError::into_inner).bytes
    }

    pub(crate) fn get(&self, key: &Key) -> Option<Known> {
        let entries = self.entries.read().unwrap_or_else(PoisonError::into_inner);
        let entry = entries.known.get(key)?;
        if !entry.used.load(Ordering::Relaxed) {
            entry.used.store(true, Ordering::Relaxed);
        }
        Some(entry.known.clone())
    }

    pub(crate) fn put(&self, key: Key, known: Known) {
        let bytes = ENTRY_BYTES
            + match &known {
                Known::Variant(variant) => variant.body.len() + variant.headers.len(),
                Known::NoGain => 0,
            };
        if bytes > self.capacity / 2 {
            return;
        }
        let mut entries = self.entries.write().unwrap_or_else(PoisonError::into_inner);
        let entries = &mut *entries;
        let entry = Entry { known, bytes, used: AtomicBool::new(false) };
        match entries.known.insert(key, entry) {
            Some(before) => entries.bytes -= before.bytes,
            None => entries.order.push_back(key),
        }
        entries.bytes += bytes;
        while entries.bytes > self.capacity {
            let Some(oldest) = entries.order.pop_front() else { break };
            let stays = entries
                .known
                .get_mut(&oldest)
                .is_some_and(|entry| std::mem::take(entry.used.get_mut()));
            if stays {
                entries.order.push_back(oldest);
            } else if let Some(gone) = entries.known.remove(&oldest) {
                entries.bytes -= gone.bytes;
            }
        }
    }

    /// What `make` gives for a key. Who asks meanwhile waits for the same.
    pub(crate) async fn once<F>(&self, key: Key, make: impl FnOnce() -> F) -> Known
    where
        F: Future<Output = Known>,
    {
        let cell = self
            .under_way
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .entry(key)
            .or_default()
            .clone();
        let known = cell.get_or_init(make).await.clone();
        self.put_if_new(key, &known);
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner).remove(&key);
        known
    }

    fn put_if_new(&self, key: Key, known: &Known) {
        if self.get(&key).is_none() {
            self.put(key, known.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(n: u32) -> Key {
        (AssetHash::of_facts(&[&n.to_le_bytes()]), Encoding::Identity)
    }

    fn variant(bytes: usize) -> Known {
        Known::Variant(Arc::new(Variant {
            body: vec![0; bytes].into(),
            headers: Box::default(),
            content_type: None,
        }))
    }

    #[test]
    fn it_never_holds_more_than_it_may() {
        let cache = Cache::new(100_000);
        for n in 0..1000 {
            cache.put(key(n), variant(1000));
            assert!(cache.bytes() <= 100_000);
        }
        assert!(cache.get(&key(999)).is_some() && cache.get(&key(0)).is_none());
        cache.put(key(1), variant(60_000));
        assert!(cache.get(&key(1)).is_none());
    }

    #[test]
    fn what_is_used_stays_longer() {
        let cache = Cache::new(10_000);
        cache.put(key(0), variant(1000));
        for n in 1..50 {
            assert!(cache.get(&key(0)).is_some(), "{n}");
            cache.put(key(n), variant(1000));
        }
    }

    #[test]
    fn the_same_key_counts_once() {
        let cache = Cache::new(10_000);
        for _ in 0..100 {
            cache.put(key(0), variant(1000));
        }
        assert_eq!(cache.bytes(), 1000 + ENTRY_BYTES);
    }

    #[tokio::test]
    async fn what_is_under_way_is_made_once() {
        let cache = Arc::new(Cache::new(100_000));
        let made = Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let ask = || {
            let made = made.clone();
            let cache = cache.clone();
            async move {
                cache
                    .once(key(0), || async {
                        made.fetch_add(1, Ordering::Relaxed);
                        tokio::task::yield_now().await;
                        Known::NoGain
                    })
                    .await
            }
        };
        futures::future::join3(ask(), ask(), ask()).await;
        assert_eq!(made.load(Ordering::Relaxed), 1);
        assert!(matches!(cache.get(&key(0)), Some(Known::NoGain)));
    }
}
