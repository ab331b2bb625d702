//! Calls of other Workers, of Durable Objects and of alarms, and how deep they go.

use std::sync::Arc;

use quanta::Instant;

use super::{AlarmResult, ContextId, IsolateState, OnAlarm, deeper};
use crate::monitor::InnerPlace;
use crate::outbound::{OutboundError, ServiceTarget, Terms, Way};

impl IsolateState {
    /// The context is one of a call through this target: it is as deep as that says,
    /// and its terms hold.
    pub(crate) fn set_called(&self, id: ContextId, target: &ServiceTarget) {
        self.set_terms(id, target.depth, target.terms.clone());
        self.set_entrypoint(id, target.entrypoint.as_deref());
    }

    fn set_entrypoint(&self, id: ContextId, entrypoint: Option<&str>) {
        if let Some(mut context) = self.context(id) {
            context.entrypoint = entrypoint.map(Into::into);
        }
    }

    /// The name of the export that the context calls: `default`, if it is that one.
    pub fn entrypoint(&self, id: ContextId) -> String {
        let of_context = self.peek(id).and_then(|context| context.entrypoint.clone());
        of_context.map_or_else(|| "default".to_owned(), String::from)
    }

    fn set_terms(&self, id: ContextId, depth: u32, terms: Option<Arc<Terms>>) {
        let Some(mut context) = self.context(id) else { return };
        context.depth = depth;
        let cpu = terms.as_ref().and_then(|terms| terms.cpu);
        if let Some(nanos) = cpu.and_then(|cpu| u64::try_from(cpu.as_nanos()).ok()) {
            context.cpu_limit_nanos = context.cpu_limit_nanos.min(nanos);
        }
        context.terms = terms;
    }

    /// Where `fetch()` and `connect()` of a context lead.
    pub fn way_out(&self, id: ContextId) -> Way {
        let of_terms = || self.peek(id)?.terms.as_ref()?.outbound.clone();
        self.worker().outbound.clone().or_else(of_terms).unwrap_or(Way::Network)
    }

    /// The target of a call that a context makes, with what goes along: how deep it
    /// is, and the terms that bind the Worker also where it calls itself or Workers
    /// that it loaded. `depth` is that of the event, where the context is a Durable
    /// Object's, which has several.
    ///
    /// # Errors
    /// [`OutboundError::TooDeep`] when it went through too many Workers.
    pub fn calling(
        &self,
        id: ContextId,
        target: &ServiceTarget,
        depth: u32,
    ) -> Result<ServiceTarget, OutboundError> {
        let (own_depth, terms) = match self.peek(id) {
            Some(context) => (context.depth, context.terms.clone()),
            None => (0, None),
        };
        let depth = deeper(own_depth.max(depth))?;
        let mut target = ServiceTarget { depth, ..target.clone() };
        let is_own = target.service == self.worker().name && target.object.is_none();
        match (&terms, &target.terms) {
            (Some(_), None) if is_own => target.terms = terms,
            // A loaded Worker has no other way out than who loaded it.
            (Some(of_caller), of_call) if target.loaded.is_some() => {
                let own = of_call.as_deref().cloned().unwrap_or_default();
                let outbound = own.outbound.clone().or_else(|| of_caller.outbound.clone());
                target.terms = Some(Arc::new(Terms { outbound, ..own }));
            }
            _ => {}
        }
        Ok(target)
    }

    /// How deep a call of a Durable Object in this isolate is, which the event `depth`
    /// of the context makes.
    ///
    /// # Errors
    /// As [`IsolateState::calling`].
    pub fn calling_object(&self, id: ContextId, depth: u32) -> Result<u32, OutboundError> {
        deeper(self.peek(id).map_or(0, |context| context.depth).max(depth))
    }

    /// Opens the context of a Durable Object, which lives as long as the object
    /// is in memory and owes nobody an answer.
    pub fn open_actor(&self) -> ContextId {
        let id = self.open_context(None, None, None, Instant::now());
        if let Some(mut context) = self.context(id) {
            context.held = true;
            context.touched = true;
            context.actor = true;
        }
        id
    }

    /// Opens the context of a session of remote calls, which lives as long as
    /// its caller needs it and owes nobody an HTTP answer.
    pub fn open_callee(
        &self,
        place: &InnerPlace<'_>,
        method: &str,
        target: Option<&ServiceTarget>,
    ) -> ContextId {
        let id = self.open_context(None, None, None, Instant::now());
        if let Some(target) = target {
            self.set_called(id, target);
        }
        self.set_entrypoint(id, place.entrypoint);
        self.touch(id);
        self.follow_callee(id, place, method);
        id
    }

    /// Nobody calls there any more: only `waitUntil` keeps the context, for as
    /// long as after a response.
    pub fn callee_done(&self, id: ContextId) {
        if let Some(mut context) = self.context(id) {
            context.responded.get_or_insert_with(Instant::now);
        }
    }

    /// Who opened the connection that the context serves has left it: the handler gets as
    /// much time as what goes on after a response.
    pub(crate) fn peer_left(&self, id: ContextId) {
        if let Some(mut context) = self.context(id) {
            context.left = context.responded.is_none();
            context.responded.get_or_insert_with(Instant::now);
        }
    }

    /// The handler of a connection is over: only `waitUntil` keeps the context.
    pub fn connection_done(&self, id: ContextId) {
        if let Some(mut context) = self.context(id) {
            context.left = false;
            context.responded.get_or_insert_with(Instant::now);
        }
    }

    /// Opens the context that waits for the end of an alarm.
    pub(crate) fn open_alarm(&self, on_end: OnAlarm) -> ContextId {
        let id = self.open_context(None, None, None, Instant::now());
        if let Some(mut context) = self.context(id) {
            context.touched = true;
            context.on_alarm = Some(on_end);
        }
        id
    }

    /// The event of an alarm is over. One whose context ends without that failed.
    pub fn alarm_done(&self, id: ContextId, result: AlarmResult) {
        let on_alarm = self.context(id).and_then(|mut context| context.on_alarm.take());
        if let Some(on_alarm) = on_alarm {
            on_alarm(result);
        }
    }

    /// Counts a subrequest of a context.
    ///
    /// # Errors
    /// When the context has none left, or is over.
    pub fn count_subrequest(&self, id: ContextId) -> Result<(), OutboundError> {
        let limit = self.worker().limits.subrequests;
        let mut context =
            self.context(id).ok_or_else(|| OutboundError::Network("its request is over".into()))?;
        let of_terms = context.terms.as_ref().and_then(|terms| terms.subrequests);
        if context.subrequests >= of_terms.map_or(limit, |of_terms| of_terms.min(limit)) {
            return Err(OutboundError::TooManySubrequests);
        }
        context.subrequests += 1;
        Ok(())
    }
}
