//! Facets: objects within an object, each with storage of its own, of any class that
//! the Worker has or has loaded
//! (<https://developers.cloudflare.com/dynamic-workers/usage/durable-object-facets/>).
//!
//! A facet is an object like any other, in a namespace that it has for itself: so it
//! is reached wherever its class is, in the isolate of its object or in that of a
//! loaded Worker. It is over when the object says so, or the object itself ends; both
//! sides look at the same [`Lease`].

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::channel::oneshot;
use selvedge_runtime::outbound::{Callee, Terms};
use serde::{Deserialize, Serialize};

use crate::store::{FacetPath, Facets};

/// A facet from when it begins until it is over, on whichever thread it lives.
#[derive(Debug)]
pub(crate) struct Facet {
    pub(crate) path: FacetPath,
    /// Where its data is; `None` where objects keep nothing.
    pub(crate) facets: Option<Arc<Facets>>,
    /// What its `ctx.id` is.
    pub(crate) id: FacetId,
    /// JSON of its `ctx.props`.
    pub(crate) props: String,
    pub(crate) lease: Lease,
    /// The Worker of its class, if that was loaded, and what holds for calls.
    pub(crate) loaded: Option<Arc<dyn Callee>>,
    pub(crate) terms: Option<Arc<Terms>>,
}

/// What `ctx.id` of a facet is: an id of an object, or a text.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct FacetId {
    pub(crate) text: String,
    pub(crate) is_object: bool,
    pub(crate) name: Option<String>,
    pub(crate) jurisdiction: Option<String>,
}

/// Why a facet is over: the name and the message of an error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Over {
    pub(crate) name: String,
    pub(crate) message: String,
    /// It failed itself, and was not ended by its object.
    pub(crate) is_reset: bool,
}

/// Whether a facet is over. The first reason stays.
#[derive(Debug, Default)]
pub(crate) struct Lease(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    over: Option<Over>,
    waiting: Vec<oneshot::Sender<()>>,
}

impl Lease {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends the facet.
    pub(crate) fn end(&self, over: Over) {
        let mut state = self.lock();
        state.over.get_or_insert(over);
        // Each of them is told by that.
        state.waiting.clear();
    }

    /// Why it is over, if it is.
    pub(crate) fn over(&self) -> Option<Over> {
        self.lock().over.clone()
    }

    /// Settles when it is over.
    pub(crate) fn wait(&self) -> Option<oneshot::Receiver<()>> {
        let mut state = self.lock();
        if state.over.is_some() {
            return None;
        }
        let (sender, receiver) = oneshot::channel();
        state.waiting.push(sender);
        Some(receiver)
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::{Lease, Over};

    fn over(message: &str) -> Over {
        Over { name: "Error".to_owned(), message: message.to_owned(), is_reset: false }
    }

    #[test]
    fn the_first_reason_stays_and_all_who_wait_are_told() {
        let lease = Lease::default();
        let mut waits = lease.wait().expect("it is not over");
        assert!((&mut waits).now_or_never().is_none());
        lease.end(over("a"));
        assert!(waits.now_or_never().is_some());
        lease.end(over("b"));
        assert_eq!(lease.over(), Some(over("a")));
        assert!(lease.wait().is_none());
    }
}
