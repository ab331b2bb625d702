//! Starting an isolate of a version: from what is stored to a thread that serves.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use selvedge_runtime::outbound::LocalFuture;
use selvedge_runtime::{Failure, LocalIsolate, Outcome, Worker};
use tokio::sync::{mpsc, oneshot, watch};

use super::answer::Trouble;
use super::core::Core;
use super::env::{Given, Purpose, Stores, compatibility};
use super::gate::ThreadGate;
use super::slot::{Resident, Slot};
use crate::front::{Front, FrontOptions};
use crate::gate::Gate;
use crate::serve::{Orders, ThreadEvent, serve_thread};
use crate::site::Before;
use crate::switchboard::EVENTS;

/// Starts the first isolate of a version; the caller has marked it as starting.
pub(super) fn spawn(core: &Arc<Core>, slot: &Arc<Slot>) {
    let (core, slot) = (core.clone(), slot.clone());
    let control = core.control.clone();
    control.spawn(async move {
        match launch(&core, &slot).await {
            Ok(waiting) => {
                for event in waiting {
                    core.deliver(&slot, event);
                }
            }
            Err(failure) => {
                core.log_start(&slot, &failure);
                let failure = Arc::new(failure);
                let trouble = Trouble::NotStarted(failure.clone());
                for event in slot.failed(&failure) {
                    core.refuse(&slot, event, &trouble);
                }
            }
        }
    });
}

/// Starts one more isolate of a version. Gives what waited for it.
///
/// # Errors
/// When the Worker does not start, or there are too many isolates.
pub(super) async fn launch(
    core: &Arc<Core>,
    slot: &Arc<Slot>,
) -> Result<std::collections::VecDeque<ThreadEvent>, Failure> {
    let began = Instant::now();
    let place = Place::take(core)?;
    let (worker, before) = match slot.given() {
        Some(worker) => (worker.clone(), Before::default()),
        None => {
            let (worker, before) = load(core, slot).await?;
            (Arc::new(worker), before)
        }
    };
    let id = slot.next_id();
    let (sender, events) = mpsc::channel(EVENTS);
    let (leave, leaves) = oneshot::channel();
    let (of_gate, of_slot) = (core.clone(), slot.clone());
    let gauge = Arc::new(std::sync::OnceLock::new());
    let of_thread = gauge.clone();
    let orders = Orders {
        id,
        listeners: Vec::new(),
        events,
        post: sender.clone(),
        before,
        open: watch::channel(true).1,
        stop: core.stop.subscribe(),
        accepts: None,
        leave: Some(leaves),
        gate: Some(Box::new(move || -> Box<dyn Gate> {
            Box::new(ThreadGate::new(of_gate, of_slot))
        })),
    };
    let shared = core.shared_of(slot);
    let may_have_objects = slot.has_objects.load(Ordering::Relaxed);
    let serve = Box::new(move |isolate: LocalIsolate| -> LocalFuture<()> {
        Box::pin(async move {
            if !may_have_objects {
                // Another version has the Worker's objects.
                isolate.end_objects(selvedge_runtime::ObjectsEnd::WhenIdle);
            }
            serve_thread(isolate, shared, orders).await;
            drop((of_thread, place));
        })
    });
    let pool = core.pool(worker.limits.memory_bytes);
    pool.start(worker, serve).await?;
    let _ = gauge.set(core.traces.meter(slot).isolate(began.elapsed()));
    core.note_warm(slot);
    let resident = Resident::new(id, sender.clone(), leave, may_have_objects, gauge);
    let waiting = slot.started(resident.clone());
    if may_have_objects && !slot.has_objects.load(Ordering::Relaxed) {
        // Another version got them meanwhile.
        resident.has_objects.store(false, Ordering::Relaxed);
        let _ = sender.try_send(ThreadEvent::EndObjects(oneshot::channel().0));
    } else if may_have_objects {
        core.switchboard.add(&slot.name, sender);
    }
    Ok(waiting)
}

/// Reads a version and makes a Worker of it; gives what answers before it, too.
async fn load(core: &Arc<Core>, slot: &Arc<Slot>) -> Result<(Worker, Before), Failure> {
    let (reads, of) = (core.clone(), slot.clone());
    let loaded = tokio::task::spawn_blocking(move || {
        let missing = || Failure::new(Outcome::ScriptNotFound, "the version was deleted");
        let internal =
            |error: &dyn std::fmt::Display| Failure::new(Outcome::InternalError, error.to_string());
        let version = reads.store.version(&of.key, of.version).map_err(|error| internal(&error))?;
        let version = version.ok_or_else(missing)?;
        let account = reads.store.account(&of.key.account).map_err(|error| internal(&error))?;
        let limits = account.and_then(|account| account.limits);
        let stores = Stores {
            store: &reads.store,
            backends: &reads.backends,
            defaults: &reads.settings.limits,
            guests: &reads.guests,
            purpose: Purpose::Serving,
        };
        let assets = of.assets.get(
            &version.content,
            &compatibility(&version.content),
            reads.backends.folder(),
        );
        let assets = assets.map_err(|error| internal(&error))?;
        let given = Given {
            assets: assets.clone(),
            key: &of.key,
            content: &version.content,
            id: version.id,
            created_on: version.created_on,
            annotations: &version.annotations,
            limits: limits.as_ref(),
        };
        let worker = stores.worker(&given).map_err(|error| internal(&error))?;
        let content = &version.content;
        let options = FrontOptions::of(content.cache_options, content.exports.as_ref());
        let cache = reads.backends.cache();
        let front = Front::new(cache, options, &worker.name, version.id.to_string());
        Ok((worker, Before { assets, front }))
    });
    loaded.await.unwrap_or_else(|_| {
        Err(Failure::new(Outcome::InternalError, "the version could not be read"))
    })
}

/// One of the isolates that there may be.
struct Place(Arc<Core>);

impl Place {
    /// Takes one; where there is none, the isolate that rests longest ends.
    fn take(core: &Arc<Core>) -> Result<Self, Failure> {
        let most = core.settings.isolates.most;
        let taken = core.isolates.fetch_add(1, Ordering::Relaxed);
        let place = Self(core.clone());
        if taken >= most && !super::upkeep::make_room(core) {
            return Err(Failure::new(Outcome::LoadShed, "there are too many isolates"));
        }
        Ok(place)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.isolates.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Starts an isolate of a version before it is needed, if it has none. Comes
/// back when it serves, or does not start.
pub(super) async fn ahead(core: &Arc<Core>, slot: &Arc<Slot>, patience: Duration) {
    core.warm_up(slot);
    let ready = async {
        while slot.is_warm() && slot.isolates().is_empty() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    let _ = tokio::time::timeout(patience, ready).await;
}
