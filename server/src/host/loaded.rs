//! Isolates for loaded Workers among those of all accounts: counted, bounded and ended
//! as all others are.

use std::sync::{Arc, Weak};

use futures::future::BoxFuture;
use selvedge_deployments::{VersionId, WorkerKey};
use selvedge_runtime::{Amount, Failure, Worker};

use super::answer::Trouble;
use super::core::Core;
use super::slot::Slot;
use crate::loaded::{Place, Runs};
use crate::serve::ThreadEvent;

/// What stands between the parts of a scope.
const SEPARATOR: char = '\0';

/// The scope of a loader: those of one version of a Worker share what they loaded.
pub(super) fn scope(key: &WorkerKey, version: VersionId, binding: &str) -> String {
    format!("{key}{SEPARATOR}{version}{SEPARATOR}{binding}")
}

/// The Worker and the version of a scope.
fn of_scope(scope: &str) -> Option<(WorkerKey, VersionId)> {
    let mut parts = scope.split(SEPARATOR);
    let key = super::core::key_of(parts.next()?)?;
    Some((key, parts.next()?.parse().ok()?))
}

/// Gives loaded Workers isolates.
#[derive(Debug)]
pub(super) struct HostRuns(pub(super) Weak<Core>);

impl Runs for HostRuns {
    fn place(&self, scope: &str, worker: Arc<Worker>) -> Arc<dyn Place> {
        let name: Arc<str> = worker.name.as_str().into();
        // Its events, and what it uses, are those of its loader.
        let of = of_scope(scope);
        let slot = of.map(|(key, version)| Slot::of_worker(key, name, version, worker));
        Arc::new(HostPlace { core: self.0.clone(), slot })
    }
}

/// Where one loaded Worker runs.
#[derive(Debug)]
struct HostPlace {
    core: Weak<Core>,
    /// `None`: its scope is none of this server's, which does not happen.
    slot: Option<Arc<Slot>>,
}

impl HostPlace {
    fn parts(&self) -> Option<(Arc<Core>, &Arc<Slot>)> {
        self.core.upgrade().zip(self.slot.as_ref())
    }
}

impl Place for HostPlace {
    fn start(self: Arc<Self>) -> BoxFuture<'static, Result<(), Arc<Failure>>> {
        if let Some((core, slot)) = self.parts() {
            slot.touch(core.now());
            slot.begin_start();
        }
        Box::pin(async move {
            let Some((core, slot)) = self.parts() else {
                let outcome = selvedge_runtime::Outcome::InternalError;
                return Err(Arc::new(Failure::new(outcome, "the server ends")));
            };
            match Box::pin(super::start::launch(&core, slot)).await {
                Ok(waiting) => {
                    core.traces.meter(slot).amount(Amount::LoadedIsolates, 1);
                    waiting.into_iter().for_each(|event| core.deliver(slot, event));
                    Ok(())
                }
                Err(failure) => {
                    let failure = Arc::new(failure);
                    let trouble = Trouble::NotStarted(failure.clone());
                    for event in slot.failed(&failure) {
                        core.refuse(slot, event, &trouble);
                    }
                    Err(failure)
                }
            }
        })
    }

    fn take(self: Arc<Self>, event: ThreadEvent) {
        if let Some((core, slot)) = self.parts() {
            core.deliver(slot, event);
        }
    }

    fn is_warm(&self) -> bool {
        self.slot.as_ref().is_some_and(|slot| slot.is_warm())
    }

    fn leave(&self) {
        if let Some(slot) = &self.slot {
            slot.end(|_| true);
        }
    }
}
