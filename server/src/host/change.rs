//! What is done when the store has changed: a new table, made of the old one,
//! takes its place. Requests that were routed by the old one finish.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use selvedge_cache::purge::Purge;
use selvedge_deployments::{AccountId, Error, LiveWorker, VersionId, WorkerKey};

use super::core::Core;
use super::deployed::Deployed;
use super::limits::{Bounds, Gauge, WorkerLimits};
use super::route::Routes;
use super::share::Shares;
use super::slot::Slot;
use crate::serve::ThreadEvent;
use crate::tails::Consumer;
use selvedge_runtime::worker::TailKind;

/// A new version of a Worker that serves gets this long to start before the old
/// one goes; after it, requests wait for it.
const START_PATIENCE: Duration = Duration::from_secs(5);
/// Isolates that compute get this long to end their Durable Objects.
const OBJECTS_PATIENCE: Duration = Duration::from_millis(100);

/// Reads all Workers.
///
/// # Errors
/// When the store cannot be read.
pub(super) async fn load_all(core: &Arc<Core>) -> Result<usize, Error> {
    let _changing = core.changing.lock().await;
    let of = core.clone();
    let read = move || -> Result<usize, Error> {
        let live = of.store.live()?;
        let mut routes = Routes::clone(&of.routes.load());
        let count = live.len();
        for worker in live {
            let newest = newest(&of, &worker)?;
            add(&of, &mut routes, deployed(&of, worker, newest, None));
        }
        routes.generation += 1;
        of.routes.store(Arc::new(routes));
        Ok(count)
    };
    blocking(read).await
}

async fn blocking<T: Send + 'static>(
    act: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    let failed = |_| Error::Invalid("the store broke off".to_owned());
    tokio::task::spawn_blocking(act).await.unwrap_or_else(|error| Err(failed(error)))
}

/// The version that has the Durable Objects: the newest one with a share.
fn newest(core: &Core, live: &LiveWorker) -> Result<Option<VersionId>, Error> {
    let serving = || live.shares.iter().filter(|share| share.percentage.hundredths() > 0);
    if serving().count() <= 1 {
        return Ok(serving().next().map(|share| share.version));
    }
    let versions = core.store.versions(&live.key)?;
    let newest = versions
        .iter()
        .filter(|version| serving().any(|share| share.version == version.id))
        .max_by_key(|version| version.number);
    Ok(newest.map(|version| version.id).or_else(|| serving().next().map(|it| it.version)))
}

fn deployed(
    core: &Core,
    live: LiveWorker,
    objects: Option<VersionId>,
    before: Option<&Deployed>,
) -> Arc<Deployed> {
    let name: Arc<str> =
        before.map_or_else(|| live.key.to_string().into(), |before| before.name.clone());
    let slot = |version: VersionId| {
        let kept = before.and_then(|before| before.slot(version)).cloned();
        kept.or_else(|| before.and_then(|it| core.preview(it, &version.short())))
            .unwrap_or_else(|| Slot::new(live.key.clone(), name.clone(), version))
    };
    let slots: Vec<_> = live.shares.iter().map(|share| slot(share.version)).collect();
    let limits = match before {
        Some(before) => before.limits.clone(),
        None => {
            WorkerLimits::new(core.settings.limits.bounds(), account_gauge(core, &live.key.account))
        }
    };
    let shares = Shares::new(&live.shares);
    Arc::new(Deployed { live, name, shares, slots, objects, limits })
}

/// What bounds all Workers of an account.
fn account_gauge(core: &Core, account: &AccountId) -> Arc<Gauge> {
    core.account_gauge(account, || {
        let own = core.store.account(account).ok().flatten().and_then(|account| account.limits);
        let own = own.unwrap_or_default();
        let all = &core.settings.account;
        Gauge::new(Bounds {
            requests_per_second: own.requests_per_second.unwrap_or(all.requests_per_second),
            concurrent_requests: own.concurrent_requests.unwrap_or(all.concurrent_requests),
            requests_per_day: own.requests_per_day.unwrap_or(all.requests_per_day),
        })
    })
}

/// Puts a Worker into the table and among all Workers.
fn add(core: &Core, routes: &mut Routes, worker: Arc<Deployed>) {
    for slot in &worker.slots {
        slot.set_retired(false);
        slot.is_preview.store(false, Ordering::Relaxed);
        slot.has_objects.store(worker.objects == Some(slot.version), Ordering::Relaxed);
    }
    for idle in routes.add(&worker.names(), &worker) {
        tracing::warn!(worker = %worker.name, "does not act: {idle}");
    }
    let key = worker.live.key.clone();
    core.kept.set(&key, &worker.live.settings.observability);
    core.tails.set(&key, tail_consumers(&worker.live));
    core.traces.set_tags(&key, &worker.live.settings.tags);
    core.set_worker(&key, Some(worker));
}

/// The Workers of the account that get the events of one.
fn tail_consumers(live: &LiveWorker) -> Vec<Consumer> {
    let of_tail = live.settings.tail_consumers.iter();
    let of_stream = live.settings.streaming_tail_consumers.iter();
    let consumers = of_tail
        .map(|consumer| (consumer, TailKind::Tail))
        .chain(of_stream.map(|consumer| (consumer, TailKind::Stream)));
    let of_account = consumers.filter_map(|(consumer, kind)| {
        let key = WorkerKey::new(live.key.account.clone(), &consumer.service).ok()?;
        Some(Consumer { worker: key.to_string(), key, kind })
    });
    of_account.collect()
}

/// What was stored of a Worker has changed. Comes back when new requests see it.
///
/// # Errors
/// When the store cannot be read; all stays as it was.
pub(super) async fn apply(core: &Arc<Core>, key: &WorkerKey) -> Result<(), Error> {
    let _changing = core.changing.lock().await;
    let before = core.worker(key);
    let (of, wanted, known) = (core.clone(), key.clone(), before.clone());
    let read = move || -> Result<Option<Arc<Deployed>>, Error> {
        let Some(live) = of.store.live_worker(&wanted)? else { return Ok(None) };
        let newest = newest(&of, &live)?;
        Ok(Some(deployed(&of, live, newest, known.as_deref())))
    };
    let after = blocking(read).await?;
    replace(core, before, after).await;
    Ok(())
}

/// An account has changed: its limits, its subdomain.
///
/// # Errors
/// As [`apply`].
pub(super) async fn apply_account(core: &Arc<Core>, account: &AccountId) -> Result<(), Error> {
    {
        let mut accounts = core.accounts.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        accounts.remove(account);
    }
    let own = core.workers().into_iter().filter(|worker| worker.live.key.account == *account);
    for worker in own.collect::<Vec<_>>() {
        let _changing = core.changing.lock().await;
        let (of, key) = (core.clone(), worker.live.key.clone());
        let read = move || -> Result<Option<Arc<Deployed>>, Error> {
            let Some(live) = of.store.live_worker(&key)? else { return Ok(None) };
            let newest = newest(&of, &live)?;
            let known = of.worker(&key);
            let mut after = deployed(&of, live, newest, known.as_deref());
            if let Some(after) = Arc::get_mut(&mut after) {
                let gauge = account_gauge(&of, &key.account);
                after.limits = WorkerLimits::new(of.settings.limits.bounds(), gauge);
            }
            Ok(Some(after))
        };
        let after = blocking(read).await?;
        // Isolates have the limits that they were started with.
        for slot in &worker.slots {
            super::upkeep::end(core, slot, |_| true);
        }
        replace(core, Some(worker), after).await;
    }
    Ok(())
}

/// One Worker takes the place of another, its next state.
async fn replace(core: &Arc<Core>, before: Option<Arc<Deployed>>, after: Option<Arc<Deployed>>) {
    let is_awake = before.as_ref().is_some_and(|it| it.slots.iter().any(|slot| slot.is_warm()));
    if let (true, Some(after)) = (is_awake, &after) {
        // Who asks right after the change does not wait for a start.
        for slot in &after.slots {
            let is_new = before.as_ref().is_none_or(|before| before.slot(slot.version).is_none());
            if is_new {
                let has_objects = after.objects == Some(slot.version);
                slot.has_objects.store(has_objects, Ordering::Relaxed);
                super::start::ahead(core, slot, START_PATIENCE).await;
            }
        }
    }
    let moves = before.as_ref().and_then(|before| before.objects)
        != after.as_ref().and_then(|after| after.objects);
    if moves && let Some(slot) = before.as_ref().and_then(|before| before.object_slot()) {
        end_objects(core, slot).await;
    }
    let mut routes = Routes::clone(&core.routes.load());
    if let Some(before) = &before {
        routes.remove(&before.names(), before);
    }
    match &after {
        Some(after) => add(core, &mut routes, after.clone()),
        None => {
            if let Some(before) = &before {
                core.set_worker(&before.live.key, None);
            }
        }
    }
    routes.generation += 1;
    core.routes.store(Arc::new(routes));
    if let Some(slot) = after.as_ref().and_then(|after| after.object_slot()) {
        // Those that began when another version had the objects can have none.
        super::upkeep::end(core, slot, |isolate| !isolate.has_objects.load(Ordering::Relaxed));
    }
    core.crons_changed.notify_one();
    retire(core, before.as_deref(), after.as_deref());
}

/// Ends the Durable Objects of a version, so that the next one can have them.
/// Where this comes back early, because its Worker computes, they end later;
/// none begins elsewhere before.
async fn end_objects(core: &Core, slot: &Slot) {
    slot.has_objects.store(false, Ordering::Relaxed);
    let mut waits = Vec::new();
    for isolate in slot.isolates().iter() {
        // It lets no object begin from here on.
        isolate.has_objects.store(false, Ordering::Relaxed);
        core.switchboard.remove(&slot.name, &isolate.events);
        let (done, ended) = tokio::sync::oneshot::channel();
        if isolate.events.try_send(ThreadEvent::EndObjects(done)).is_ok() {
            waits.push(ended);
        }
    }
    let all = async {
        for ended in waits {
            let _ = ended.await;
        }
    };
    let _ = tokio::time::timeout(OBJECTS_PATIENCE, all).await;
}

/// Lets versions go that serve no more.
fn retire(core: &Core, before: Option<&Deployed>, after: Option<&Deployed>) {
    let Some(before) = before else { return };
    for slot in &before.slots {
        if after.is_none_or(|after| after.slot(slot.version).is_none()) {
            slot.set_retired(true);
            super::upkeep::end(core, slot, |_| true);
        }
    }
    if after.is_none() {
        let key = &before.live.key;
        core.traces.registry().forget(key.account.as_str(), &key.name);
        core.kept.forget(key);
        core.tails.set(key, Vec::new());
        core.traces.set_tags(key, &[]);
        // Another Worker may get its name.
        let scope = selvedge_cache::front::scope_of_all(&before.name);
        if let Err(error) = core.backends.cache().purge(&scope, Purge::Everything) {
            tracing::warn!(%error, "what is kept before a Worker is purged in this process only");
        }
        let gone = core.retain_previews(|key, _| *key != before.live.key);
        for slot in gone {
            super::upkeep::end(core, &slot, |_| true);
        }
    }
}
