//! What is done each second: how many isolates each Worker has, which of them
//! rest long enough to end, and which end because memory is short.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use selvedge_runtime::ThreadPriority;

use super::core::Core;
use super::fairness::{Change, Fairness, Use};
use super::slot::Slot;
use crate::memory_free;
use crate::run_options::Scaling;
use crate::scaling::Advice;
use crate::serve::ThreadUse;

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
    let mut shares = Shares::new();
    loop {
        ticks.tick().await;
        core.now.fetch_add(1, Ordering::Relaxed);
        let mut uses = Vec::new();
        for slot in warm(&core) {
            adapt(&core, &slot, &mut uses);
        }
        shares.look(&core, &uses);
        end_idle(&core);
        relieve(&core);
        forget_cold(&core);
        if core.now() % GARBAGE_SECONDS == GARBAGE_SECONDS / 2 {
            collect_garbage(&core);
        }
    }
}

/// A thread and what it used in the last second, in nanoseconds.
struct Used {
    slot: Arc<Slot>,
    thread: Arc<ThreadUse>,
    nanos: u64,
}

/// Has threads yield that use more than their share.
struct Shares {
    fairness: Fairness,
    cores: usize,
    /// Whether a thread that yields can be told not to. If not, its isolate ends,
    /// and the next request gets a fresh one.
    can_restore: bool,
}

impl Shares {
    fn new() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get);
        let can_restore = ThreadPriority::can_be_restored();
        Self { fairness: Fairness::default(), cores, can_restore }
    }

    fn look(&mut self, core: &Core, used: &[Used]) {
        let uses: Vec<_> = used
            .iter()
            .map(|it| Use {
                who: Arc::as_ptr(&it.thread) as usize,
                account: &it.slot.key.account,
                nanos: it.nanos,
            })
            .collect();
        for change in self.fairness.look(&uses, self.cores) {
            let (who, yields) = match change {
                Change::Yield(who) => (who, true),
                Change::Restore(who) => (who, false),
            };
            let Some(at) = uses.iter().position(|it| it.who == who) else { continue };
            let Used { slot, thread, .. } = &used[at];
            if !yields && !self.can_restore {
                end(core, slot, |isolate| isolate.id == thread.id);
                continue;
            }
            match thread.priority.set_yields(yields) {
                Ok(()) => tracing::debug!(worker = %slot.name, yields, "a busy Worker's thread"),
                Err(error) => tracing::debug!(worker = %slot.name, %error, "no other priority"),
            }
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
fn adapt(core: &Arc<Core>, slot: &Arc<Slot>, uses: &mut Vec<Used>) {
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
            let place = isolates.iter().position(|isolate| isolate.id == thread.id);
            let second = thread.second(place.is_some_and(|at| at > 0));
            let (slot, thread_of, nanos) = (slot.clone(), thread.clone(), second.used_nanos);
            uses.push(Used { slot, thread: thread_of, nanos });
            // One that leaves counts no more, but for what it uses.
            let Some(at) = place else { continue };
            seconds.push(second);
            if let Some(gauge) = isolates[at].gauge.get() {
                gauge.set_memory(thread.memory_bytes() as u64);
            }
        }
    }
    if seconds.is_empty() {
        return;
    }
    // What a loaded Worker has in memory is its caller's.
    let most = if slot.given().is_some() { 1 } else { core.settings.isolates.most_of_one() };
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

/// Ends the isolates of Workers that nobody asked for a long time.
fn end_idle(core: &Core) {
    let idle = core.settings.isolates.idle_seconds;
    let now = core.now();
    for slot in warm(core) {
        let is_idle =
            slot.is_retired() || (now.saturating_sub(slot.used()) >= idle && slot.rests());
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
    let mut candidates = rested.into_iter().chain(quiet).filter(|slot| slot.rests());
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
