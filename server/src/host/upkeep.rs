//! What is done each second: how many isolates each Worker has, which of them
//! rest long enough to end, and which end because memory is short.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::core::Core;
use super::slot::Slot;
use crate::memory_free;
use crate::run_options::Scaling;
use crate::scaling::Advice;

/// How often the store is tidied.
const GARBAGE_SECONDS: u64 = 3600;
/// Who was asked for anything in these seconds does not end to make room.
const FRESH_SECONDS: u64 = 5;
/// A part of the isolates that ends at once when memory is short: 1 of so many.
const PRESSURE_PART: usize = 8;

/// Goes on for ever.
pub(super) async fn run(core: Arc<Core>) {
    let mut ticks = tokio::time::interval(Duration::from_secs(1));
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        core.now.fetch_add(1, Ordering::Relaxed);
        for slot in warm(&core) {
            adapt(&core, &slot);
        }
        end_idle(&core);
        relieve(&core);
        forget_cold(&core);
        if core.now() % GARBAGE_SECONDS == GARBAGE_SECONDS / 2 {
            collect_garbage(&core);
        }
    }
}

/// Deletes what no version needs any more.
fn collect_garbage(core: &Core) {
    let store = core.store.clone();
    tokio::task::spawn_blocking(move || match store.collect_garbage() {
        Ok(0) => {}
        Ok(blobs) => tracing::info!(blobs, "blobs that nobody needs are gone"),
        Err(error) => tracing::error!(%error, "garbage was not collected"),
    });
}

fn warm(core: &Core) -> Vec<Arc<Slot>> {
    core.warm.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
}

/// Looks at what a Worker's isolates did in the last second.
fn adapt(core: &Arc<Core>, slot: &Arc<Slot>) {
    // One whose thread broke takes nothing any more; one that began when another
    // version had the objects can have none.
    let owns = slot.has_objects.load(Ordering::Relaxed);
    end(core, slot, |isolate| {
        isolate.events.is_closed() || (owns && !isolate.has_objects.load(Ordering::Relaxed))
    });
    let Some(shared) = slot.shared() else { return };
    let isolates = slot.isolates();
    let mut seconds = Vec::with_capacity(isolates.len());
    {
        let threads = shared.threads.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        for thread in threads.iter() {
            let Some(at) = isolates.iter().position(|isolate| isolate.id == thread.id) else {
                continue;
            };
            seconds.push(thread.second(at > 0));
            if let Some(gauge) = isolates[at].gauge.get() {
                gauge.set_memory(thread.memory_bytes() as u64);
            }
        }
    }
    if seconds.is_empty() {
        return;
    }
    let most = core.settings.isolates.most_of_one();
    match slot.with_scale(|scale| scale.look(&seconds, most, Scaling::default())) {
        Advice::Keep => {}
        Advice::End(id) => {
            end(core, slot, |isolate| isolate.id == id);
            slot.with_scale(crate::scaling::Scale::ended);
        }
        // A version that was replaced gets no more.
        Advice::Grow if slot.is_retired() => {}
        Advice::Grow => grow(core, slot),
    }
}

fn grow(core: &Arc<Core>, slot: &Arc<Slot>) {
    let (core, slot) = (core.clone(), slot.clone());
    tokio::spawn(async move {
        match super::start::launch(&core, &slot).await {
            Ok(waiting) => {
                for event in waiting {
                    core.deliver(&slot, event);
                }
                let isolates = slot.isolates().len();
                tracing::info!(worker = %slot.name, isolates, "another isolate for a busy Worker");
            }
            Err(failure) => tracing::warn!(worker = %slot.name, %failure, "no further isolate"),
        }
    });
}

/// Ends isolates of a version.
pub(super) fn end(
    core: &Core,
    slot: &Slot,
    which: impl Fn(&super::slot::Resident) -> bool,
) -> usize {
    let before = slot.isolates();
    let ended = slot.end(&which);
    if ended > 0 {
        for isolate in before.iter().filter(|isolate| which(isolate)) {
            core.switchboard.remove(&slot.name, &isolate.events);
        }
    }
    ended
}

/// Whether nothing goes on in any isolate of a version, as of a moment ago.
fn rests(slot: &Slot) -> bool {
    let Some(shared) = slot.shared() else { return true };
    let threads = shared.threads.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    threads.iter().all(|thread| thread.in_flight() == 0)
}

/// Ends the isolates of Workers that nobody asked for a long time.
fn end_idle(core: &Core) {
    let idle = core.settings.isolates.idle_seconds;
    let now = core.now();
    for slot in warm(core) {
        let is_idle =
            slot.is_retired() || (now.saturating_sub(slot.used()) >= idle && rests(&slot));
        if is_idle && end(core, &slot, |_| true) > 0 {
            tracing::debug!(worker = %slot.name, version = %slot.version, "an idle Worker ends");
        }
    }
}

/// Ends the isolates of the version that rests longest. `false`: none rests.
pub(super) fn make_room(core: &Core) -> bool {
    let now = core.now();
    let mut slots = warm(core);
    slots.retain(|slot| !slot.isolates().is_empty());
    slots.sort_by_key(|slot| slot.used());
    let fresh = |slot: &Slot| now.saturating_sub(slot.used()) < FRESH_SECONDS;
    // One that was just asked goes only when nobody rests for longer.
    let (rested, others): (Vec<_>, Vec<_>) = slots.iter().partition(|slot| !fresh(slot));
    let quiet = others.into_iter().filter(|slot| slot.used() < now);
    let mut candidates = rested.into_iter().chain(quiet).filter(|slot| rests(slot));
    candidates.any(|slot| end(core, slot, |_| true) > 0)
}

/// Ends some of those that rest longest while memory is short.
fn relieve(core: &Core) {
    let wanted = core.settings.isolates.memory_free_percent;
    if wanted == 0 || memory_free::percent().is_none_or(|free| free >= wanted) {
        return;
    }
    let count = core.isolates.load(Ordering::Relaxed).div_ceil(PRESSURE_PART);
    let ended = (0..count).take_while(|_| make_room(core)).count();
    if ended > 0 {
        tracing::warn!(ended, "memory is short: Workers that rest end");
    }
}

/// Forgets versions without isolates: the table has those that can be asked for.
fn forget_cold(core: &Core) {
    core.warm
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
        .retain(|slot| slot.is_warm() || !slot.isolates().is_empty());
    let now = core.now();
    let idle = core.settings.isolates.idle_seconds;
    core.retain_previews(|_, slot| slot.is_warm() || now.saturating_sub(slot.used()) < idle);
}
