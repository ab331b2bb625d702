//! A Worker as it is deployed right now: which of its versions serve, and what
//! it may use. A value like the table that leads to it.

use std::sync::Arc;

use selvedge_deployments::{LiveWorker, VersionId};

use super::limits::WorkerLimits;
use super::share::Shares;
use super::slot::Slot;
use super::table::Names;

/// A deployed Worker.
#[derive(Debug)]
pub(crate) struct Deployed {
    pub(crate) live: LiveWorker,
    /// `ACCOUNT/NAME`: unique in the process.
    pub(crate) name: Arc<str>,
    pub(crate) shares: Shares,
    /// Those of the deployment.
    pub(crate) slots: Vec<Arc<Slot>>,
    /// The version whose isolates have the Durable Objects.
    pub(crate) objects: Option<VersionId>,
    pub(crate) limits: Arc<WorkerLimits>,
}

impl Deployed {
    /// What it is reached by.
    pub(crate) fn names(&self) -> Names {
        names_of(&self.live)
    }

    /// The slot of a version of the deployment.
    pub(crate) fn slot(&self, version: VersionId) -> Option<&Arc<Slot>> {
        self.slots.iter().find(|slot| slot.version == version)
    }

    /// The slot for a request of which nothing is known.
    pub(crate) fn any_slot(&self) -> Option<&Arc<Slot>> {
        self.shares.any().and_then(|version| self.slot(version))
    }

    /// The slot that has the Durable Objects.
    pub(crate) fn object_slot(&self) -> Option<&Arc<Slot>> {
        self.objects.and_then(|version| self.slot(version))
    }
}

/// What a Worker is reached by.
pub(crate) fn names_of(live: &LiveWorker) -> Names {
    // Without a deployment only its previews are there.
    // Those of dispatch namespaces are reached by who dispatches.
    let is_deployed = !live.shares.is_empty() && live.key.namespace().is_none();
    let domains = live.domains.iter().filter(|domain| domain.enabled && is_deployed);
    let routes = live.routes.iter().filter(|_| is_deployed);
    Names {
        name: live.key.name.clone(),
        subdomain: live.subdomain.clone(),
        workers_dev: live.workers_dev && is_deployed,
        previews: live.previews && live.key.namespace().is_none(),
        routes: routes.map(|route| route.pattern.clone()).collect(),
        domains: domains.map(|domain| domain.hostname.clone()).collect(),
    }
}
