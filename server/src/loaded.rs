//! Workers that a Worker Loader loaded: who knows them by which id, and what waits
//! for their code. Isolates for them come from [`Runs`], which differs between a
//! server of one's own Workers and one of many accounts.

mod local;

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use futures::future::BoxFuture;
use selvedge_cache::Cache;
use selvedge_dynamic::{LoadError, Loaded, Loads, Running};
use selvedge_runtime::outbound::{Callee, OutboundError};
use selvedge_runtime::{Failure, Outcome, Worker};
use tokio::sync::{oneshot, watch};

use crate::bindings::caches;
use crate::serve::ThreadEvent;
use crate::switchboard::Switchboard;
pub(crate) use local::LocalRuns;

/// Workers that may be known by an id in one process. The one that nobody asked for
/// longest is forgotten first.
const MOST_KNOWN: usize = 1000;
/// Events that may wait for the code of a Worker.
const WAITING: usize = 1024;

/// Gives loaded Workers isolates.
pub(crate) trait Runs: std::fmt::Debug + Send + Sync {
    /// A place for a Worker, loaded by one of this scope.
    fn place(&self, scope: &str, worker: Arc<Worker>) -> Arc<dyn Place>;
}

/// Where one loaded Worker runs.
pub(crate) trait Place: std::fmt::Debug + Send + Sync {
    /// Starts its isolate. Events may be sent from the moment on in which this returns.
    fn start(self: Arc<Self>) -> BoxFuture<'static, Result<(), Arc<Failure>>>;

    /// Takes what is for the Worker; its isolate starts again if it has none.
    fn take(self: Arc<Self>, event: ThreadEvent);

    /// Whether it has an isolate, or gets one.
    fn is_warm(&self) -> bool;

    /// Ends its isolate when that has nothing to do any more.
    fn leave(&self);
}

/// All loaded Workers of the process.
pub(crate) struct Guests {
    me: Weak<Self>,
    known: Mutex<HashMap<(String, String), Known>>,
    next: AtomicU64,
    runs: Arc<dyn Runs>,
    cache: Arc<Cache>,
    switchboard: Arc<Switchboard>,
}

/// A Worker that is known by an id.
struct Known {
    guest: Arc<Guest>,
    /// Of all that were asked for, the how manieth this was when it last was.
    asked: u64,
}

// What compares Workers by their bindings must not see more of it.
impl std::fmt::Debug for Guests {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Guests")
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Guests {
    /// Nothing is loaded yet.
    pub(crate) fn new(
        runs: Arc<dyn Runs>,
        cache: Arc<Cache>,
        switchboard: Arc<Switchboard>,
    ) -> Arc<Self> {
        Arc::new_cyclic(|me| Self {
            me: me.clone(),
            known: Mutex::default(),
            next: AtomicU64::new(1),
            runs,
            cache,
            switchboard,
        })
    }

    /// Forgets what loaders of these scopes loaded: their own code is another now.
    pub(crate) fn forget(&self, is_gone: impl Fn(&str) -> bool) {
        let mut gone = Vec::new();
        locked(&self.known).retain(|(scope, _), known| {
            let stays = !is_gone(scope);
            if !stays {
                gone.push(known.guest.clone());
            }
            stays
        });
        gone.iter().for_each(|guest| guest.leave());
    }

    fn guest(&self, scope: &str, loader: &Worker, number: u64) -> Arc<Guest> {
        let guest = Arc::new(Guest {
            name: format!("{} (loaded {number})", loader.name),
            scope: scope.to_owned(),
            guests: self.me.clone(),
            state: Mutex::new(State::NoCode(Vec::new())),
            ready: watch::channel(None).0,
        });
        self.switchboard.add_guest(&guest.name, Arc::downgrade(&guest));
        guest
    }

    /// Forgets those that rest, and one more if there are still too many.
    fn make_room(known: &mut HashMap<(String, String), Known>) {
        if known.len() < MOST_KNOWN {
            return;
        }
        known.retain(|_, known| !known.guest.has_ended());
        if known.len() < MOST_KNOWN {
            return;
        }
        let oldest = known.iter().min_by_key(|(_, known)| known.asked);
        if let Some(key) = oldest.map(|(key, _)| key.clone())
            && let Some(gone) = known.remove(&key)
        {
            gone.guest.leave();
        }
    }
}

impl Loads for Guests {
    fn find(&self, scope: &str, loader: &Arc<Worker>, id: Option<&str>) -> (Arc<dyn Loaded>, bool) {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let Some(id) = id else { return (self.guest(scope, loader, number), true) };
        let key = (scope.to_owned(), id.to_owned());
        let mut known = locked(&self.known);
        if let Some(found) = known.get_mut(&key).filter(|found| !found.guest.has_ended()) {
            found.asked = number;
            return (found.guest.clone(), false);
        }
        Self::make_room(&mut known);
        let guest = self.guest(scope, loader, number);
        known.insert(key, Known { guest: guest.clone(), asked: number });
        (guest, true)
    }
}

/// A loaded Worker.
pub(crate) struct Guest {
    /// Unique in the process.
    name: String,
    scope: String,
    guests: Weak<Guests>,
    state: Mutex<State>,
    ready: watch::Sender<Option<Result<Arc<Running>, LoadError>>>,
}

enum State {
    /// Somebody is asked for it; this waits.
    NoCode(Vec<ThreadEvent>),
    Placed(Arc<dyn Place>),
    Failed(LoadError),
}

impl std::fmt::Debug for Guest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Guest({})", self.name)
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        if let Some(guests) = self.guests.upgrade() {
            guests.switchboard.remove_guest(&self.name);
        }
    }
}

impl Guest {
    /// Takes what is for it.
    ///
    /// # Errors
    /// When too much waits for its code, or that will not come.
    pub(crate) fn take(&self, event: ThreadEvent) -> Result<(), OutboundError> {
        let place = match &mut *locked(&self.state) {
            State::NoCode(waiting) if waiting.len() < WAITING => {
                waiting.push(event);
                return Ok(());
            }
            State::NoCode(_) => {
                let why = format!("too much waits for the code of {}", self.name);
                return Err(OutboundError::Network(why));
            }
            State::Failed(error) => return Err(OutboundError::Refused(error.0.clone())),
            State::Placed(place) => place.clone(),
        };
        place.take(event);
        Ok(())
    }

    /// Whether it is to be loaded anew: it failed, or rested until its isolate ended.
    fn has_ended(&self) -> bool {
        match &*locked(&self.state) {
            State::NoCode(_) => false,
            State::Failed(_) => true,
            State::Placed(place) => match &*self.ready.borrow() {
                None => false,
                Some(Ok(_)) => !place.is_warm(),
                Some(Err(_)) => true,
            },
        }
    }

    fn leave(&self) {
        if let State::Placed(place) = &*locked(&self.state) {
            place.leave();
        }
    }
}

impl Callee for Guest {}

impl Loaded for Guest {
    fn name(&self) -> &str {
        &self.name
    }

    fn give(self: Arc<Self>, mut worker: Worker) {
        let Some(guests) = self.guests.upgrade() else { return };
        // What it caches is its own, and neither its loader's nor its neighbours'.
        worker.account = format!("{}\0{}", worker.account, self.scope);
        worker.globals = vec![caches(&guests.cache, &worker.account)];
        let place = guests.runs.place(&self.scope, Arc::new(worker));
        let starting = place.clone().start();
        let before = std::mem::replace(&mut *locked(&self.state), State::Placed(place.clone()));
        if let State::NoCode(waiting) = before {
            waiting.into_iter().for_each(|event| place.clone().take(event));
        }
        let this = self.clone();
        guests.switchboard.spawn(async move {
            let result = match starting.await {
                Ok(()) => running(place).await,
                Err(failure) => Err(told(&failure)),
            };
            this.ready.send_replace(Some(result));
        });
    }

    fn fail(&self, error: LoadError) {
        let mut state = locked(&self.state);
        if matches!(*state, State::NoCode(_)) {
            *state = State::Failed(error.clone());
            drop(state);
            self.ready.send_replace(Some(Err(error)));
        }
    }

    fn ready(&self) -> BoxFuture<'static, Result<Arc<Running>, LoadError>> {
        let mut ready = self.ready.subscribe();
        Box::pin(async move {
            let result = ready.wait_for(Option::is_some).await.map(|result| result.clone());
            result
                .ok()
                .flatten()
                .unwrap_or_else(|| Err(LoadError("Worker was not loaded.".to_owned())))
        })
    }

    fn callee(self: Arc<Self>) -> Arc<dyn Callee> {
        self
    }
}

/// What a Worker that started exports.
async fn running(place: Arc<dyn Place>) -> Result<Arc<Running>, LoadError> {
    let (told, exports) = oneshot::channel();
    place.take(ThreadEvent::Act(Box::new(move |isolate| {
        let _ = told.send(isolate.exports());
    })));
    let exports = exports.await.map_err(|_| LoadError("Network connection lost.".to_owned()))?;
    let entrypoints = exports.named.into_iter().map(|(name, _)| name).collect();
    Ok(Arc::new(Running { entrypoints }))
}

/// Why a Worker did not start, in workerd's words.
fn told(failure: &Failure) -> LoadError {
    if failure.outcome == Outcome::LoadShed {
        return LoadError("Worker is overloaded.".to_owned());
    }
    let mut text = format!("Failed to start Worker:\nUncaught {}", failure.message);
    if let Some(at) = &failure.position {
        text.push_str(&format!("\n  at {}:{}:{}", at.module, at.line, at.column));
    }
    LoadError(text)
}
