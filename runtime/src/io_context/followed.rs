//! Counting and following what goes on in contexts, for the isolate's monitor.

use std::rc::Rc;
use std::time::{Duration, Instant};

use super::{ContextId, Ended, IoContext, IsolateState, Span};
use crate::failure::{Failure, Outcome};
use crate::log::{EventTrace, Published, Said};
use crate::monitor::{Amount, InnerEvent, InnerKind, InnerPlace, Monitor, Operation};

/// An event of a Durable Object: several share the object's context.
pub(super) struct Inner {
    /// Names it among all of the isolate.
    number: u32,
    kind: InnerKind,
    trace: Option<Box<dyn EventTrace>>,
    began: Instant,
    outcome: Outcome,
}

impl IoContext {
    /// Who follows what goes on right now: with several events in an object, that
    /// is the one which entered last.
    pub(super) fn follower(&mut self) -> Option<&mut Box<dyn EventTrace>> {
        let inner = self.inner.iter_mut().rev().find_map(|inner| inner.trace.as_mut());
        inner.or(self.trace.as_mut())
    }

    /// Something of the context failed, and nobody caught it.
    pub(super) fn note_failure(&mut self, failure: &Failure) {
        if let Some(inner) = self.inner.last_mut()
            && inner.outcome == Outcome::Ok
        {
            inner.outcome = failure.outcome;
        }
        if let Some(trace) = self.follower() {
            trace.exception(failure);
        }
    }
}

impl IsolateState {
    pub(crate) fn set_monitor(&self, monitor: Rc<dyn Monitor>) {
        *self.monitor.borrow_mut() = Some(monitor);
    }

    fn monitor(&self) -> Option<Rc<dyn Monitor>> {
        self.monitor.borrow().clone()
    }

    /// Whether somebody counts what goes on here (1), and wants to know of events
    /// (2).
    pub fn attention(&self) -> u32 {
        match &*self.monitor.borrow() {
            None => 0,
            Some(monitor) => 1 + u32::from(monitor.wants()),
        }
    }

    /// Whether the event that runs is followed, so that details are of use.
    pub fn is_followed(&self, id: ContextId) -> bool {
        self.traced.get() > 0
            && self.context(id).is_some_and(|mut context| context.follower().is_some())
    }

    /// Counts what a binding does.
    pub fn count_operation(&self, operation: Operation) {
        if let Some(monitor) = &*self.monitor.borrow() {
            monitor.operation(operation);
        }
    }

    /// Counts what a binding's calls come to.
    pub fn count_amount(&self, amount: Amount, count: u64) {
        if count > 0
            && let Some(monitor) = &*self.monitor.borrow()
        {
            monitor.amount(amount, count);
        }
    }

    /// Counts what a binding does for a context, and follows it to the drop of
    /// the span where somebody wants to know.
    pub fn operation(self: &Rc<Self>, id: ContextId, operation: Operation) -> Option<Span> {
        self.count_operation(operation);
        self.span(id, operation.as_str())
    }

    /// The Worker says something, on behalf of a context if it is one's.
    pub fn console(&self, id: Option<ContextId>, said: &Said<'_>) {
        if let Some(mut context) = id.and_then(|id| self.context(id))
            && let Some(trace) = context.follower()
        {
            trace.console(said);
        }
        self.log.console(&self.worker().name, said.level, said.text);
    }

    /// Code of a context publishes a message on a channel of `node:diagnostics_channel`.
    pub fn published(&self, id: ContextId, message: &Published<'_>) {
        if let Some(mut context) = self.context(id)
            && let Some(trace) = context.follower()
        {
            trace.published(message);
        }
    }

    /// An event enters a Durable Object, whose context this is. Gives the event's
    /// number; 0: nobody counts.
    pub fn enter(&self, id: ContextId, place: &InnerPlace<'_>, event: &InnerEvent<'_>) -> u32 {
        let Some(monitor) = self.monitor() else { return 0 };
        let trace = monitor.follow(place, event);
        let number = self.next_inner.get();
        self.next_inner.set(number.checked_add(1).unwrap_or(1));
        let Some(mut context) = self.context(id) else { return 0 };
        if trace.is_some() {
            self.traced.set(self.traced.get() + 1);
        }
        let (began, outcome) = (Instant::now(), Outcome::Ok);
        context.inner.push(Inner { number, kind: event.kind(), trace, began, outcome });
        number
    }

    /// That event is over; `ok`: it did not throw.
    pub fn leave(&self, id: ContextId, number: u32, ok: bool) {
        let Some(mut context) = self.context(id) else { return };
        let Some(at) = context.inner.iter().position(|inner| inner.number == number) else {
            return;
        };
        if context.inner.len() == 1 {
            drop(context);
            self.end_marks(id);
            let Some(again) = self.context(id) else { return };
            context = again;
        }
        let mut inner = context.inner.remove(at);
        if !ok && inner.outcome == Outcome::Ok {
            inner.outcome = Outcome::Exception;
        }
        let (cpu, subrequests) = (context.cpu_nanos, context.subrequests);
        drop(context);
        let running = self.running_cpu.borrow().as_ref().map_or(0, |cpu| cpu());
        self.inner_ended(inner, cpu + running, subrequests);
    }

    fn inner_ended(&self, inner: Inner, cpu_nanos: u64, subrequests: u32) {
        let Inner { kind, trace, began, outcome, .. } = inner;
        let (cpu, wall) = (Duration::from_nanos(cpu_nanos), began.elapsed());
        let ended = Ended { outcome, status: 0, cpu, wall, subrequests };
        if let Some(monitor) = self.monitor() {
            monitor.ended(kind, &ended);
        }
        if let Some(trace) = trace {
            self.traced.set(self.traced.get() - 1);
            trace.end(ended);
        }
    }

    /// The object's context ends with events in it.
    pub(super) fn inner_cut(&self, context: &mut IoContext) {
        for mut inner in std::mem::take(&mut context.inner) {
            if inner.outcome == Outcome::Ok {
                inner.outcome = match context.outcome {
                    Outcome::Ok => Outcome::Canceled,
                    outcome => outcome,
                };
            }
            self.inner_ended(inner, context.cpu_nanos, context.subrequests);
        }
    }

    /// A call of an entrypoint begins in a context of its own.
    pub(super) fn follow_callee(&self, id: ContextId, place: &InnerPlace<'_>, method: &str) {
        let Some(monitor) = self.monitor() else { return };
        let event = InnerEvent::Rpc { method };
        self.set_trace(id, monitor.follow(place, &event));
        if let Some(mut context) = self.context(id) {
            context.on_end = Some(Box::new(move |ended| monitor.ended(InnerKind::Rpc, &ended)));
        }
    }
}
