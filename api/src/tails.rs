//! Tails: the events of a Worker over a WebSocket, as `wrangler tail` reads them.

mod filter;
mod pump;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use selvedge_deployments::{UnixMillis, WorkerKey};
use tokio::sync::watch;

pub(crate) use filter::Filter;
pub use filter::redact;
pub(crate) use pump::pump;

/// Tails of a Worker at once: 10, as on Cloudflare.
pub(crate) const MAX_TAILS: usize = 10;
/// How long a tail waits for its client, and how long it lives at most: 6 h.
pub(crate) const TAIL_MS: UnixMillis = 6 * 3_600_000;
/// How long a tail that nobody reads counts: a minute.
const UNREAD_MS: UnixMillis = 60_000;

/// What a tail is closed with that ends as it should; its client stops then.
pub(crate) const NORMAL: u16 = 1000;
/// What it is closed with otherwise; its client comes again.
pub(crate) const GOING_AWAY: u16 = 1001;

/// A tail that was asked for.
#[derive(Debug)]
pub(crate) struct Tail {
    pub(crate) id: String,
    pub(crate) key: WorkerKey,
    pub(crate) filter: Filter,
    pub(crate) expires: UnixMillis,
    created: UnixMillis,
    taken: AtomicBool,
    /// The code to close with.
    stop: watch::Sender<u16>,
}

impl Tail {
    /// Ends with the tail.
    pub(crate) fn stopped(&self) -> watch::Receiver<u16> {
        self.stop.subscribe()
    }

    fn counts(&self, now: UnixMillis) -> bool {
        now < self.expires && (self.taken.load(Ordering::Relaxed) || now < self.created + UNREAD_MS)
    }
}

/// All tails, by the secret of their address.
#[derive(Debug, Default)]
pub(crate) struct Tails(Mutex<HashMap<String, Arc<Tail>>>);

impl Tails {
    fn lock(&self) -> MutexGuard<'_, HashMap<String, Arc<Tail>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds one. `None` when the Worker has too many.
    pub(crate) fn add(
        &self,
        secret: String,
        id: String,
        key: WorkerKey,
        filter: Filter,
        now: UnixMillis,
    ) -> Option<Arc<Tail>> {
        let mut all = self.lock();
        all.retain(|_, tail| tail.counts(now));
        if all.values().filter(|tail| tail.key == key).count() >= MAX_TAILS {
            return None;
        }
        let tail = Arc::new(Tail {
            id,
            key,
            filter,
            expires: now + TAIL_MS,
            created: now,
            taken: AtomicBool::new(false),
            stop: watch::Sender::new(NORMAL),
        });
        all.insert(secret, tail.clone());
        Some(tail)
    }

    /// The tail of an address, for the one client that reads it.
    pub(crate) fn take(&self, secret: &str, now: UnixMillis) -> Option<Arc<Tail>> {
        let all = self.lock();
        let tail = all.get(secret).filter(|tail| now < tail.expires)?;
        (!tail.taken.swap(true, Ordering::Relaxed)).then(|| tail.clone())
    }

    pub(crate) fn of(&self, key: &WorkerKey, now: UnixMillis) -> Vec<Arc<Tail>> {
        let all = self.lock();
        all.values().filter(|tail| tail.key == *key && tail.counts(now)).cloned().collect()
    }

    /// Ends one of a Worker's tails. Whether it was there.
    pub(crate) fn end(&self, key: &WorkerKey, id: &str) -> bool {
        self.end_where(NORMAL, |tail| tail.key == *key && tail.id == id) > 0
    }

    /// Ends all of a Worker's.
    pub(crate) fn close_of(&self, key: &WorkerKey) {
        self.end_where(NORMAL, |tail| tail.key == *key);
    }

    /// Ends all, for the server stops: clients come again.
    pub(crate) fn close(&self) {
        self.end_where(GOING_AWAY, |_| true);
    }

    fn end_where(&self, code: u16, ends: impl Fn(&Tail) -> bool) -> usize {
        let mut all = self.lock();
        let before = all.len();
        all.retain(|_, tail| {
            let ends = ends(tail);
            if ends {
                tail.stop.send_replace(code);
            }
            !ends
        });
        before - all.len()
    }
}
