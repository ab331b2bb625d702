//! What the connections of one isolate's thread share.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

use selvedge_assets::Handle;
use selvedge_runtime::{LocalIsolate, Mode};

use crate::assets::SiteAssets;
use crate::front::Front;
use crate::gate::Gate;
use crate::local_traces::LocalWatch;
use crate::log::Log;

/// What answers requests before a Worker.
#[derive(Clone, Default)]
pub(crate) struct Before {
    /// Its static assets.
    pub(crate) assets: Option<Arc<Handle>>,
    /// The cache behind those.
    pub(crate) front: Option<Arc<Front>>,
}

/// One Worker's isolate and how it is served.
pub(crate) struct Site {
    pub(crate) isolate: LocalIsolate,
    /// The static assets beside it.
    pub(crate) assets: Option<SiteAssets>,
    /// The cache before the Worker.
    pub(crate) front: Option<Arc<Front>>,
    pub(crate) log: Arc<Log>,
    /// Whether each response tells its CPU time.
    pub(crate) server_timing: bool,
    pub(crate) clock: Clock,
    /// Set when the server stops: connections end after their present request.
    pub(crate) draining: Cell<bool>,
    /// Set when the isolate leaves while others serve: as above, but a
    /// connection that waits is not closed, as its client may be asking.
    leaving: Cell<bool>,
    /// Where many Workers share the sockets: decides what is for this one.
    pub(crate) gate: Option<Box<dyn Gate>>,
    /// Follows events, where nobody decides and somebody wants to know.
    pub(crate) watch: Option<Rc<LocalWatch>>,
    pub(crate) connections: Cell<usize>,
}

impl Site {
    pub(crate) fn new(
        isolate: LocalIsolate,
        before: Before,
        log: Arc<Log>,
        server_timing: bool,
        gate: Option<Box<dyn Gate>>,
        watch: Option<Rc<LocalWatch>>,
    ) -> Rc<Self> {
        Rc::new(Self {
            isolate,
            assets: before.assets.map(SiteAssets::new),
            front: before.front,
            log,
            server_timing,
            clock: Clock::default(),
            draining: Cell::new(false),
            leaving: Cell::new(false),
            gate,
            watch,
            connections: Cell::new(0),
        })
    }

    pub(crate) fn mode(&self) -> Mode {
        self.isolate.worker().mode
    }

    /// Whether connections end after their present request.
    pub(crate) fn is_ending(&self) -> bool {
        self.draining.get() || (self.leaving.get() && self.gate.is_none())
    }

    /// Whether connections go on elsewhere before their next request.
    pub(crate) fn hands_on(&self) -> bool {
        self.leaving.get() && self.gate.is_some() && !self.draining.get()
    }

    /// Ends connections with their next response, HTTP/2 ones at once.
    pub(crate) fn leave(&self) {
        self.leaving.set(true);
        self.clock.wake_all();
    }

    /// Ends idle connections, and the others when their request is done.
    pub(crate) fn drain(&self) {
        self.draining.set(true);
        self.clock.wake_all();
    }
}

/// A coarse clock for the deadlines of connections, and the `Date` header. One
/// timer serves all connections of a thread: setting a deadline costs a store.
#[derive(Default)]
pub(crate) struct Clock {
    second: Cell<u32>,
    date: RefCell<String>,
    watches: RefCell<Vec<Rc<Watch>>>,
}

/// The deadline of one connection.
#[derive(Default)]
pub(crate) struct Watch {
    /// In seconds of the thread's clock; 0: none.
    deadline: Cell<u32>,
    waker: RefCell<Option<Waker>>,
    gone: Cell<bool>,
}

impl Clock {
    /// A watch that the clock looks after until it is dropped by its user.
    pub(crate) fn watch(&self) -> WatchGuard {
        let watch = Rc::new(Watch::default());
        self.watches.borrow_mut().push(watch.clone());
        WatchGuard(watch)
    }

    /// The `Date` header's value.
    pub(crate) fn date<T>(&self, read: impl FnOnce(&str) -> T) -> T {
        if self.date.borrow().is_empty() {
            self.set_date();
        }
        read(&self.date.borrow())
    }

    fn set_date(&self) {
        let now = http_date();
        *self.date.borrow_mut() = now;
    }

    /// Goes on for ever: wakes the connections whose time is over.
    pub(crate) async fn run(&self) {
        let mut ticks = tokio::time::interval(Duration::from_secs(1));
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            self.second.set(self.second.get() + 1);
            self.set_date();
            crate::websocket::age();
            self.watches.borrow_mut().retain(|watch| !watch.gone.get());
            for watch in self.watches.borrow().iter() {
                if watch.deadline.get() != 0 && watch.deadline.get() <= self.second.get() {
                    watch.wake();
                }
            }
        }
    }

    fn wake_all(&self) {
        for watch in self.watches.borrow().iter() {
            watch.wake();
        }
    }
}

impl Watch {
    fn wake(&self) {
        if let Some(waker) = &*self.waker.borrow() {
            waker.wake_by_ref();
        }
    }
}

/// A connection's hold on its watch.
pub(crate) struct WatchGuard(Rc<Watch>);

impl WatchGuard {
    /// The connection is woken after so many seconds.
    pub(crate) fn set(&self, clock: &Clock, seconds: u32) {
        // One more: the present second has begun already.
        self.0.deadline.set(clock.second.get() + seconds + 1);
    }

    /// No deadline.
    pub(crate) fn clear(&self) {
        self.0.deadline.set(0);
    }

    /// Whether the time is over.
    pub(crate) fn is_over(&self, clock: &Clock) -> bool {
        let deadline = self.0.deadline.get();
        deadline != 0 && deadline <= clock.second.get()
    }

    /// Who is woken.
    pub(crate) fn register(&self, waker: &Waker) {
        let mut current = self.0.waker.borrow_mut();
        if !current.as_ref().is_some_and(|current| current.will_wake(waker)) {
            *current = Some(waker.clone());
        }
    }
}

impl Drop for WatchGuard {
    fn drop(&mut self) {
        self.0.gone.set(true);
        self.0.waker.borrow_mut().take();
    }
}

/// Now, as in RFC 9110, 5.6.7.
fn http_date() -> String {
    httpdate::fmt_http_date(std::time::SystemTime::now())
}
