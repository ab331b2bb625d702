//! The alarms of all Durable Objects of the process: one task sleeps until the
//! earliest of them, and sends each to its object.
//!
//! What is pending stands in the index of each namespace. Here are only those on
//! their way: an alarm that was sent is not told again by the index before its
//! object has settled it, or it is given back here.

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use selvedge_durable::DurableNamespace;
use selvedge_durable::store::{ObjectId, UnixMs};
use selvedge_runtime::AlarmResult;
use selvedge_runtime::outbound::{ObjectTarget, ServiceTarget};
use tokio::sync::{Notify, oneshot};

use crate::backends::unix_millis;
use crate::serve::AlarmEvent;
use crate::switchboard::Switchboard;

/// Alarms that are on their way at once.
const UNDER_WAY: usize = 256;
/// The same of instances of Workflows, whose alarms are under way as long as they work.
const INSTANCES_UNDER_WAY: usize = 1024;
/// The clock may be set: nothing is slept for longer.
const LONGEST_SLEEP: Duration = Duration::from_secs(60);
/// A Worker that does not run is looked for so often while alarms of it are due.
const ABSENT: Duration = Duration::from_millis(500);
/// An object that moved is asked for again after this.
const MOVED: Duration = Duration::from_millis(20);
/// One that failed is asked for again after this, and after twice as long each
/// further time, up to [`RETRY_DOUBLINGS`] times.
const RETRY: Duration = Duration::from_secs(2);
const RETRY_DOUBLINGS: u32 = 6;

/// The scheduler.
#[derive(Debug)]
pub(crate) struct Alarms {
    switchboard: Arc<Switchboard>,
    wake: Notify,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// By their ids.
    namespaces: HashMap<Arc<str>, DurableNamespace>,
    under_way: usize,
    instances_under_way: usize,
    /// How often objects did not get to the end of an alarm.
    lost: HashMap<(Arc<str>, ObjectId), u32>,
}

impl State {
    /// How many alarms of such a namespace are under way.
    fn under_way(&mut self, namespace: &DurableNamespace) -> &mut usize {
        match namespace.host() {
            Some(_) => &mut self.instances_under_way,
            None => &mut self.under_way,
        }
    }

    /// How many more may be.
    fn room(&mut self, namespace: &DurableNamespace) -> usize {
        let most = if namespace.host().is_some() { INSTANCES_UNDER_WAY } else { UNDER_WAY };
        most.saturating_sub(*self.under_way(namespace))
    }
}

/// What there is to do.
struct Look {
    due: Vec<(DurableNamespace, ObjectId)>,
    /// Until then there is nothing.
    sleep: Duration,
}

impl Alarms {
    /// No namespace yet. [`Alarms::run`] must be polled.
    pub(crate) fn new(switchboard: Arc<Switchboard>) -> Arc<Self> {
        Arc::new(Self { switchboard, wake: Notify::new(), state: Mutex::default() })
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks after the alarms of a namespace. One that is known takes the place
    /// of what was known of it.
    pub(crate) fn watch(self: &Arc<Self>, namespace: DurableNamespace) {
        let Some(store) = namespace.storage().map(|data| data.namespace.clone()) else { return };
        let this = Arc::downgrade(self);
        store.on_earlier_alarm(move || {
            if let Some(this) = this.upgrade() {
                this.wake.notify_one();
            }
        });
        self.state().namespaces.insert(namespace.id.clone(), namespace);
        self.wake.notify_one();
    }

    /// Whether the alarms of this namespace are looked after, under these names.
    pub(crate) fn watches(&self, id: &str, script: &str, class: &str) -> bool {
        let state = self.state();
        let known = state.namespaces.get(id);
        known.is_some_and(|known| &*known.script == script && &*known.class == class)
    }

    /// Lets namespaces of Durable Objects go for which `keep` is false.
    pub(crate) fn retain(&self, keep: impl Fn(&str) -> bool) {
        let mut state = self.state();
        state.namespaces.retain(|id, namespace| namespace.host().is_some() || keep(id));
        let State { namespaces, lost, .. } = &mut *state;
        lost.retain(|(id, _), _| namespaces.contains_key(id));
    }

    /// Lets one namespace go.
    pub(crate) fn forget(&self, id: &str) {
        let mut state = self.state();
        state.namespaces.remove(id);
        state.lost.retain(|(other, _), _| &**other != id);
    }

    /// Sends alarms when they are due. Goes on for ever; to be run on a tokio
    /// runtime.
    pub(crate) async fn run(self: Arc<Self>) {
        loop {
            let Look { due, sleep } = self.look(unix_millis());
            for (namespace, id) in due {
                tokio::spawn(self.clone().deliver(namespace, id));
            }
            tokio::select! {
                () = tokio::time::sleep(sleep) => {}
                () = self.wake.notified() => {}
            }
        }
    }

    /// Takes what is due, as much as may be under way.
    fn look(&self, now: UnixMs) -> Look {
        let mut look = Look { due: Vec::new(), sleep: LONGEST_SLEEP };
        let mut state = self.state();
        let namespaces: Vec<DurableNamespace> = state.namespaces.values().cloned().collect();
        for namespace in namespaces {
            let Some(store) = namespace.storage().map(|data| data.namespace.clone()) else {
                continue;
            };
            let next = match store.next_alarm() {
                Ok(Some((next, _))) if next > now => {
                    let millis = next.abs_diff(now);
                    look.sleep = look.sleep.min(Duration::from_millis(millis));
                    continue;
                }
                Ok(Some((next, _))) => next,
                Ok(None) => continue,
                Err(error) => {
                    tracing::error!(%error, class = %namespace.class, "alarms cannot be read");
                    look.sleep = look.sleep.min(RETRY);
                    continue;
                }
            };
            if !self.switchboard.serves(&namespace.script) {
                look.sleep = look.sleep.min(ABSENT);
                continue;
            }
            let room = state.room(&namespace);
            if room == 0 {
                // One that ends wakes this task.
                continue;
            }
            match store.take_due(now, room) {
                Ok(due) => {
                    *state.under_way(&namespace) += due.len();
                    look.due.extend(due.into_iter().map(|(_, id)| (namespace.clone(), id)));
                    // There may be more of it.
                    self.wake.notify_one();
                }
                Err(error) => {
                    tracing::error!(%error, class = %namespace.class, next, "alarms cannot be read");
                    look.sleep = look.sleep.min(RETRY);
                }
            }
        }
        look
    }

    /// Sends one, and sees to it that it comes again unless its object settled it.
    async fn deliver(self: Arc<Self>, namespace: DurableNamespace, id: ObjectId) {
        let key = (namespace.id.clone(), id);
        let lost = self.state().lost.get(&key).copied().unwrap_or(0);
        let result = self.send(&namespace, id, lost).await;
        let wait = self.came_back(&namespace, key, result);
        if let Some(wait) = wait {
            tokio::time::sleep(wait).await;
            if let Some(data) = namespace.storage() {
                data.namespace.give_back_alarm(id);
            }
            self.wake.notify_one();
        }
    }

    /// An alarm is not under way any more. Tells after how long its object is to be
    /// asked again.
    fn came_back(
        &self,
        namespace: &DurableNamespace,
        key: (Arc<str>, ObjectId),
        result: AlarmResult,
    ) -> Option<Duration> {
        let mut state = self.state();
        *state.under_way(namespace) -= 1;
        let wait = match result {
            AlarmResult::Settled => {
                state.lost.remove(&key);
                None
            }
            AlarmResult::Moved => Some(MOVED),
            AlarmResult::Failed => {
                let lost = state.lost.entry(key).or_default();
                *lost = lost.saturating_add(1);
                Some(RETRY * 2u32.pow((*lost - 1).min(RETRY_DOUBLINGS)))
            }
        };
        drop(state);
        self.wake.notify_one();
        wait
    }

    async fn send(&self, namespace: &DurableNamespace, id: ObjectId, lost: u32) -> AlarmResult {
        let (done, ended) = oneshot::channel();
        let sent = self.switchboard.alarm(AlarmEvent { target: target(namespace, id), lost, done });
        match sent {
            // An isolate that ends drops it.
            Ok(()) => ended.await.unwrap_or(AlarmResult::Failed),
            Err(_) => AlarmResult::Moved,
        }
    }
}

/// The way to an object.
pub(crate) fn target(namespace: &DurableNamespace, id: ObjectId) -> Arc<ServiceTarget> {
    let known = namespace.storage().and_then(|data| data.namespace.get_object(id).ok().flatten());
    let object = ObjectTarget {
        namespace: Arc::new(namespace.clone()),
        id: id.to_string(),
        name: known.and_then(|known| known.name),
        jurisdiction: None,
        cf: None,
        lives_on: namespace.lives_on(&id.0),
    };
    Arc::new(ServiceTarget {
        for_handler: false,
        responder: None,
        depth: 0,
        service: namespace.script.to_string(),
        entrypoint: None,
        props: None,
        object: Some(object),
    })
}
