//! What happens in the Workers of `selvedge dev`, for those of them that are tail
//! Workers of others.

use std::rc::Rc;
use std::sync::Arc;

use selvedge_deployments::{AccountId, WorkerKey};
use selvedge_runtime::worker::TailKind;
use selvedge_runtime::{
    Amount, Ended, EventTrace, InnerEvent, InnerKind, InnerPlace, Monitor, Operation,
    ScheduledEvent, Worker,
};

use crate::backends::unix_seconds;
use crate::gate::{Asked, Connected};
use crate::host::trace::{Source, TraceEvent, Traces};
use crate::log::Log;
use crate::metrics::Registry;
use crate::switchboard::Switchboard;
use crate::tails::{Consumer, TailConsumers};

/// Follows the events of Workers that have tail consumers.
pub(crate) struct LocalTraces {
    traces: Arc<Traces>,
    consumers: Arc<TailConsumers>,
    /// There are no accounts here; keys want one.
    account: AccountId,
}

impl LocalTraces {
    /// Nothing is followed yet. To be called on a tokio runtime.
    pub(crate) fn new(switchboard: Arc<Switchboard>, log: Arc<Log>) -> Arc<Self> {
        let registry = Arc::new(Registry::new(unix_seconds()));
        let traces = Traces::new(registry.clone());
        let consumers = TailConsumers::new(switchboard, log, registry);
        traces.add_sink(consumers.clone());
        Arc::new(Self { traces, consumers, account: AccountId::random() })
    }

    fn key(&self, worker: &str) -> Option<WorkerKey> {
        WorkerKey::new(self.account.clone(), worker).ok()
    }

    /// Who gets the events of a Worker from now on.
    pub(crate) fn set(&self, worker: &str, consumers: &[(String, TailKind)]) {
        let Some(key) = self.key(worker) else { return };
        let consumers = consumers.iter().filter_map(|(name, kind)| {
            Some(Consumer { key: self.key(name)?, worker: name.clone(), kind: *kind })
        });
        self.consumers.set(&key, consumers.collect());
    }

    /// Follows what an isolate of a Worker does.
    pub(crate) fn watch(&self, worker: &Worker) -> Rc<LocalWatch> {
        // Names of Workers that were loaded are of another kind.
        let key = WorkerKey { account: self.account.clone(), name: worker.name.clone() };
        let own = self.consumers.own(&key, &worker.tails);
        let source = Source { key, version: None, own };
        Rc::new(LocalWatch { traces: self.traces.clone(), source })
    }
}

/// Follows what one isolate does.
pub(crate) struct LocalWatch {
    traces: Arc<Traces>,
    source: Source,
}

impl LocalWatch {
    /// A request begins.
    pub(crate) fn begin(&self, asked: &Asked<'_>) -> Option<Box<dyn EventTrace>> {
        // The object's own event tells of it.
        if asked.client.is_for_object() {
            return None;
        }
        let service = asked.client.service.as_ref();
        let entrypoint = service.and_then(|service| service.entrypoint.as_deref());
        let place = InnerPlace { entrypoint, object: None };
        self.traces.follow(&self.source, &place, || TraceEvent::of_local(asked))
    }

    /// A connection begins.
    pub(crate) fn connect(&self, connected: &Connected<'_>) -> Option<Box<dyn EventTrace>> {
        // The object's own event tells of it.
        if connected.target.object.is_some() {
            return None;
        }
        let place = InnerPlace { entrypoint: connected.target.entrypoint.as_deref(), object: None };
        self.traces.follow(&self.source, &place, || TraceEvent::Connect)
    }

    /// A cron trigger fires.
    pub(crate) fn scheduled(&self, event: &ScheduledEvent) -> Option<Box<dyn EventTrace>> {
        let event = || TraceEvent::of_trigger(event);
        self.traces.follow(&self.source, &InnerPlace::default(), event)
    }
}

impl Monitor for LocalWatch {
    fn operation(&self, _operation: Operation) {}

    fn amount(&self, _amount: Amount, _count: u64) {}

    fn wants(&self) -> bool {
        self.source.own.is_some() || self.traces.wants(&self.source.key)
    }

    fn follow(
        &self,
        place: &InnerPlace<'_>,
        event: &InnerEvent<'_>,
    ) -> Option<Box<dyn EventTrace>> {
        self.traces.follow(&self.source, place, || TraceEvent::of_inner(event))
    }

    fn ended(&self, _kind: InnerKind, _ended: &Ended) {}
}
