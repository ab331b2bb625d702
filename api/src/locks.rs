//! One change of a Worker at a time: what a version takes over from the one
//! before must not change meanwhile.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use selvedge_deployments::WorkerKey;
use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};

/// The Workers that are being changed.
#[derive(Debug, Default)]
pub(crate) struct Locks(Mutex<HashMap<WorkerKey, Weak<AsyncMutex<()>>>>);

impl Locks {
    /// Waits until nobody else changes the Worker.
    pub(crate) async fn hold(&self, key: &WorkerKey) -> OwnedMutexGuard<()> {
        self.of(key).lock_owned().await
    }

    fn of(&self, key: &WorkerKey) -> Arc<AsyncMutex<()>> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(lock) = all.get(key).and_then(Weak::upgrade) {
            return lock;
        }
        all.retain(|_, lock| lock.strong_count() > 0);
        let lock = Arc::new(AsyncMutex::new(()));
        all.insert(key.clone(), Arc::downgrade(&lock));
        lock
    }
}
