//! A request that waits: for a file, or for another one that asks the Worker the same.

use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use selvedge_cache::store::Claim;
use selvedge_cache::{Entry, Key};

use super::{Asked, Front, Out, Status, ask, ended, refresh, send};
use crate::site::Site;

/// Nobody waits longer than this for a response that another one asks for.
const PATIENCE: Duration = Duration::from_secs(10);

/// One request on its way through the cache.
pub(super) struct Pass {
    pub(super) site: Rc<Site>,
    pub(super) front: Arc<Front>,
    pub(super) asked: Asked,
    /// The name of the response, but for what it varies by.
    pub(super) base: Key,
}

impl Pass {
    /// What is kept for the request, and by which key.
    async fn find(&self) -> (Key, Option<Arc<Entry>>) {
        let cache = &self.front.cache;
        let entry = cache.get(self.base).await;
        match entry {
            Some(marker) if !marker.meta.varies_by.is_empty() => {
                let key = self.asked.variant(&self.base, &marker.meta.varies_by);
                let entry = cache.get(key).await;
                (key, entry.filter(|entry| entry.meta.varies_by.is_empty()))
            }
            entry => (self.base, entry),
        }
    }

    /// What an entry is good for without the Worker.
    fn word(&self, entry: &Entry) -> Option<Status> {
        let now = self.front.cache.now();
        match entry.meta.fresh_until > now {
            true => Some(Status::Hit),
            false => (entry.meta.stale_until > now).then_some(Status::Updating),
        }
    }
}

/// Sends a request on its way.
pub(super) fn later(pass: Rc<Pass>, out: Out) {
    let began = Instant::now();
    tokio::task::spawn_local(run(pass, out, began));
}

async fn run(pass: Rc<Pass>, mut out: Out, began: Instant) {
    let cache = &pass.front.cache;
    let mut waited = false;
    loop {
        let (key, mut kept) = pass.find().await;
        if let Some(entry) = kept.clone()
            && let Some(word) = pass.word(&entry)
        {
            let sent = send::from_anywhere(out.reply, cache, key, &entry, &pass.asked, word).await;
            match sent {
                Ok(status) => {
                    pass.front.count(word);
                    if let Some(on_end) = out.on_end {
                        on_end(ended(status, began.elapsed()));
                    }
                    if word == Status::Updating {
                        refresh::in_background(&pass, key, entry);
                    }
                    return;
                }
                // Its file is gone: it was never there.
                Err(reply) => (out.reply, kept) = (reply, None),
            }
        }
        if kept.is_none() && cache.is_unkept(&key) {
            return ask::ask(&pass, key, None, None, out);
        }
        let claim = match cache.claim(key) {
            Claim::Mine(claim) => Some(claim),
            // What the other one brought may not be kept: then each asks for itself.
            Claim::Others(_) if waited => None,
            Claim::Others(mut others) => {
                waited = true;
                let ended = async { while others.changed().await.is_ok() {} };
                let _ = tokio::time::timeout(PATIENCE, ended).await;
                continue;
            }
        };
        return ask::ask(&pass, key, kept, claim, out);
    }
}
