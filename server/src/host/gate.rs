//! The gate of an isolate's thread: which of the requests on its connections are
//! for its version, and what is counted of them.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use arc_swap::{ArcSwap, Cache};
use deno_http_h1::CoreRequest;
use selvedge_deployments::VersionId;
use selvedge_runtime::{
    Amount, Ended, EventTrace, InnerEvent, InnerKind, InnerPlace, Monitor, Operation, Outcome,
    ScheduledEvent,
};

use super::answer;
use super::core::Core;
use super::limits::{UnderWay, WorkerLimits};
use super::route::{self, Asking, Destination, Routes};
use super::slot::Slot;
use super::trace::{Source, TraceEvent};
use crate::access_log::Entry;
use crate::backends::unix_seconds;
use crate::edge::Client;
use crate::gate::{Admission, Asked, Connected, Followed, Gate};
use crate::metrics::{EventKind, Meter, WebSocketGauge};
use crate::moving::Moved;

pub(super) struct ThreadGate {
    /// Requests keep it: threads that share a count would slow each other down.
    of: Rc<Of>,
    routes: RefCell<Cache<Arc<ArcSwap<Routes>>, Arc<Routes>>>,
    /// The last request's host, where all of that host is for this version.
    known: RefCell<Known>,
    /// What bounds the present request.
    limits: RefCell<Option<Arc<WorkerLimits>>>,
}

/// What a thread serves, and how it counts.
struct Of {
    core: Arc<Core>,
    slot: Arc<Slot>,
    source: Source,
    meter: Meter,
}

#[derive(Default)]
struct Known {
    generation: u64,
    host: Vec<u8>,
    is_secure: bool,
    limits: Option<Arc<WorkerLimits>>,
}

impl ThreadGate {
    /// For the calling thread.
    pub(super) fn new(core: Arc<Core>, slot: Arc<Slot>) -> Self {
        let meter = core.traces.meter(&slot);
        let routes = RefCell::new(Cache::new(core.routes.clone()));
        let own = slot.given().and_then(|worker| core.tails.own(&slot.key, &worker.tails));
        let source = Source { key: slot.key.clone(), version: Some(slot.version), own };
        let of = Rc::new(Of { core, slot, source, meter });
        Self { of, routes, known: RefCell::default(), limits: RefCell::default() }
    }

    /// Whether the request is for this version; notes what bounds it. If not, gives
    /// the version that was drawn for it.
    fn is_here(&self, request: &CoreRequest<'_>, client: &Client) -> Result<(), Option<VersionId>> {
        let mut routes = self.routes.borrow_mut();
        let routes = routes.load();
        let is_chosen = client.take_chosen();
        let is_secure = client.is_secure(request.headers);
        // With an absolute target the header says nothing.
        let host = match request.target.first() {
            Some(b'/') => route::header(request, b"host"),
            _ => None,
        };
        let mut known = self.known.borrow_mut();
        if known.generation == routes.generation
            && known.is_secure == is_secure
            && host.is_some_and(|host| host == known.host)
        {
            return Ok(());
        }
        let asking = Asking::of(request, is_secure);
        let header = |name: &[u8]| route::header(request, name);
        let chosen = is_chosen.then_some(self.of.slot.version);
        let found = route::destination(&self.of.core, routes, &asking, chosen, header);
        let Destination::Slot { slot, worker, is_all } = found else { return Err(None) };
        if !Arc::ptr_eq(&slot, &self.of.slot) {
            return Err(Some(slot.version));
        }
        known.generation = if is_all && host.is_some() { routes.generation } else { 0 };
        known.host.clear();
        known.host.extend_from_slice(host.unwrap_or_default());
        known.is_secure = is_secure;
        known.limits = Some(worker.limits.clone()).filter(|limits| limits.is_bound());
        Ok(())
    }
}

impl Gate for ThreadGate {
    fn admit(&self, request: &CoreRequest<'_>, client: &Client) -> Admission {
        if let Err(version) = self.is_here(request, client) {
            return Admission::Elsewhere(version);
        }
        self.of.slot.touch(self.of.core.now());
        let limits = self.known.borrow().limits.clone();
        if let Some(Err(over)) = limits.as_ref().map(|limits| limits.check(unix_seconds())) {
            self.of.meter.event(
                EventKind::Fetch,
                Outcome::LoadShed,
                Duration::ZERO,
                Duration::ZERO,
            );
            return Admission::Refused(answer::over(over, request));
        }
        *self.limits.borrow_mut() = limits;
        Admission::Here
    }

    fn begin(&self, asked: &Asked<'_>) -> Followed {
        self.of.slot.touch(self.of.core.now());
        let client = asked.client;
        let limits = self.limits.borrow_mut().take();
        let under_way = limits.as_ref().map(|limits| limits.begin());
        let entrypoint = client.service.as_ref().and_then(|service| service.entrypoint.as_deref());
        // The object's own event tells of it.
        let trace = if client.is_for_object() {
            None
        } else {
            let place = InnerPlace { entrypoint, object: None };
            let event = || TraceEvent::of_request(asked);
            self.of.core.traces.follow(&self.of.source, &place, event)
        };
        let counts = !client.is_for_object();
        let line = (self.of.core.log.enabled_requests() && client.service.is_none())
            .then(|| (asked.method.to_owned(), place_of(asked.url)));
        let access = (self.of.core.access_log.is_some() && client.service.is_none())
            .then(|| Box::new(access_line(&self.of, asked)));
        let kind = if asked.is_for_tail() { EventKind::Tail } else { EventKind::Fetch };
        let end = End { of: self.of.clone(), kind, line, access, under_way, counts };
        Followed { trace, on_end: Some(Box::new(move |ended| end.ended(&ended))) }
    }

    fn connect(&self, connected: &Connected<'_>) -> Followed {
        self.of.slot.touch(self.of.core.now());
        let of = self.of.clone();
        // The object's own event tells of it, and counts.
        if connected.target.object.is_some() {
            return Followed::default();
        }
        let place = InnerPlace { entrypoint: connected.target.entrypoint.as_deref(), object: None };
        let trace = of.core.traces.follow(&of.source, &place, || TraceEvent::Connect);
        let on_end = Box::new(move |ended: Ended| {
            of.meter.event(EventKind::Connect, ended.outcome, ended.wall, ended.cpu);
            (0..ended.subrequests).for_each(|_| of.meter.subrequest());
            of.slot.touch(of.core.now());
        });
        Followed { trace, on_end: Some(on_end) }
    }

    fn scheduled(&self, event: &ScheduledEvent) -> Option<Box<dyn EventTrace>> {
        let place = InnerPlace::default();
        let event = || TraceEvent::of_trigger(event);
        self.of.core.traces.follow(&self.of.source, &place, event)
    }

    fn websocket(&self) -> WebSocketGauge {
        self.of.meter.websocket()
    }

    fn ended(&self, kind: EventKind, ended: &Ended) {
        self.of.meter.event(kind, ended.outcome, ended.wall, ended.cpu);
        self.of.slot.touch(self.of.core.now());
    }

    fn monitor(&self) -> Rc<dyn Monitor> {
        self.of.clone()
    }

    fn is_preview(&self) -> bool {
        self.of.slot.is_preview.load(Ordering::Relaxed)
    }

    fn hand_on(&self, moved: Moved) {
        self.of.core.place(Box::new(moved));
    }
}

impl Monitor for Of {
    fn operation(&self, operation: Operation) {
        self.meter.operation(operation);
    }

    fn amount(&self, amount: Amount, count: u64) {
        self.meter.amount(amount, count);
    }

    fn wants(&self) -> bool {
        self.source.own.is_some() || self.core.traces.wants(&self.slot.key)
    }

    fn follow(
        &self,
        place: &InnerPlace<'_>,
        event: &InnerEvent<'_>,
    ) -> Option<Box<dyn EventTrace>> {
        self.core.traces.follow(&self.source, place, || TraceEvent::of_inner(event))
    }

    fn ended(&self, kind: InnerKind, ended: &Ended) {
        let kind = match kind {
            InnerKind::Connect => EventKind::Connect,
            InnerKind::Rpc => EventKind::Rpc,
            InnerKind::WebSocket => EventKind::WebSocket,
            // The scheduler counts alarms, and who sends requests counts those.
            InnerKind::Alarm | InnerKind::Fetch => return,
        };
        self.meter.event(kind, ended.outcome, ended.wall, ended.cpu);
        self.slot.touch(self.core.now());
    }
}

/// What is done when a request ends.
struct End {
    of: Rc<Of>,
    kind: EventKind,
    line: Option<(String, String)>,
    access: Option<Box<Entry>>,
    under_way: Option<UnderWay>,
    /// Not of what came to an object from another isolate: its caller counts that.
    counts: bool,
}

impl End {
    fn ended(self, ended: &Ended) {
        drop(self.under_way);
        if let Some((log, mut line)) = self.of.core.access_log.as_ref().zip(self.access) {
            line.status = ended.status;
            line.outcome = Some(ended.outcome.as_str());
            line.took(ended.wall, ended.cpu);
            log.write(line);
        }
        if !self.counts {
            return;
        }
        self.of.meter.event(self.kind, ended.outcome, ended.wall, ended.cpu);
        if ended.status != 0 && self.kind == EventKind::Fetch {
            self.of.meter.status(ended.status);
        }
        for _ in 0..ended.subrequests {
            self.of.meter.subrequest();
        }
        if let Some((method, place)) = self.line {
            self.of.core.log.request(&method, &place, ended);
        }
    }
}

fn access_line(of: &Of, asked: &Asked<'_>) -> Entry {
    let url = String::from_utf8_lossy(asked.url);
    let rest = url.split_once("://").map_or(&*url, |(_, rest)| rest);
    let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let header =
        |name: &[u8]| std::str::from_utf8(name).ok().and_then(|name| asked.headers.get(name));
    let client = asked.client.address;
    let line = Entry::of_head(asked.method, host.as_bytes(), path.as_bytes(), client, header);
    Entry {
        account: Some(of.slot.key.account.to_string()),
        worker: Some(of.slot.key.name.clone()),
        version: Some(of.slot.version.to_string()),
        ..line
    }
}

/// Host, path and query of an absolute URL, for the log.
fn place_of(url: &[u8]) -> String {
    let text = String::from_utf8_lossy(url);
    text.split_once("://").map_or(&*text, |(_, rest)| rest).to_owned()
}
