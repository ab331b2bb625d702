//! How requests and isolates are stopped: limits, what hangs, what is discarded.

use deno_core::v8;

use quanta::Instant;

use super::{Isolate, Linger, call, exception};
use crate::failure::{Failure, Outcome};
use crate::io_context::ContextId;
use crate::log::ConsoleLevel;
use crate::watchdog::Stop;

impl Isolate {
    /// Ends what is left of contexts whose time after the response is over.
    pub fn expire(&mut self) {
        if std::mem::take(&mut self.unpolled) {
            self.state.wake();
        }
        let limit = match self.state.worker_if_loaded() {
            Some(worker) => worker.limits.wait_until,
            None => return,
        };
        for id in self.state.overdue(limit) {
            self.slice(Some(id), |this| {
                let hooks = this.hooks.as_ref().expect("hooks are there after `new`");
                let realm =
                    this.context.as_ref().expect("the context lives as long as the isolate");
                v8::scope_with_context!(scope, this.js.v8_isolate(), realm);
                let args = [v8::Integer::new_from_unsigned(scope, id).into()];
                call(scope, &hooks.expired, &args);
            });
            self.state.close_context(id);
        }
    }

    /// Nothing is under way that could ever wake this isolate's JavaScript:
    /// requests without an answer will not get one.
    pub(super) fn end_hung(&mut self) {
        if self.state.open_sockets() > 0 {
            return;
        }
        for id in self.state.unanswered() {
            self.slice(Some(id), |this| {
                let hooks = this.hooks.as_ref().expect("hooks are there after `new`");
                let realm =
                    this.context.as_ref().expect("the context lives as long as the isolate");
                v8::scope_with_context!(scope, this.js.v8_isolate(), realm);
                let args = [v8::Integer::new_from_unsigned(scope, id).into()];
                call(scope, &hooks.hung, &args);
            });
        }
    }

    /// JavaScript was stopped in the middle: fails the request at fault and
    /// decides whether the isolate can go on. V8 drops the microtasks of the
    /// interrupted checkpoint, so others that wait here could wait for ever.
    pub(super) fn settle_stop(&mut self, stop: Stop) {
        self.js.v8_isolate().cancel_terminate_execution();
        let message = match stop.outcome {
            Outcome::ExceededMemory => "Worker exceeded memory limit.",
            _ => "Worker exceeded CPU time limit.",
        };
        let sites = self.meter.take_stopped_at();
        if let Some(id) = stop.context {
            let mut failure = Failure::new(stop.outcome, message);
            if let Some(worker) = self.state.worker_if_loaded() {
                exception::locate(&mut failure, &sites, worker);
            }
            self.state.fail(id, failure);
            // An object that ran out of memory goes with all others.
            if stop.outcome != Outcome::ExceededMemory || !self.state.is_object(id) {
                self.discard(id);
                self.state.close_context(id);
            }
        } else if let Some(worker) = self.state.worker_if_loaded() {
            // No request will tell.
            self.state.log.console(&worker.name, ConsoleLevel::Error, message);
        }
        tracing::warn!(
            worker = self.state.worker_if_loaded().map_or("", |worker| &worker.name),
            outcome = stop.outcome.as_str(),
            "{message}"
        );
        if stop.outcome == Outcome::ExceededMemory {
            self.settle_memory(stop, message);
        } else if self.state.live_contexts() > 0 || self.state.open_sockets() > 0 {
            self.condemn(stop.outcome, message);
        }
    }

    /// Nobody may come in any more.
    pub(super) fn condemn(&mut self, outcome: Outcome, message: &str) {
        self.condemned = true;
        // Callers of objects elsewhere are told why these are gone.
        for id in self.state.calls_of_objects() {
            self.state.fail(id, Failure::new(outcome, message));
        }
    }

    /// Memory ran out: with their isolate the Durable Objects are reset. Where that
    /// makes room, their callers in here go on, and the isolate ends after them.
    pub(super) fn settle_memory(&mut self, stop: Stop, message: &str) {
        let since = Instant::now();
        let callers = self.end_objects_over_memory();
        if self.condemned || callers == 0 || self.lingers.is_some() {
            self.condemn(stop.outcome, message);
            return;
        }
        self.lingers = Some(Linger { since });
        self.state.wake();
    }

    /// Resets all objects; how many callers there are in here that go on.
    fn end_objects_over_memory(&mut self) -> u32 {
        let mut callers = 0;
        self.meter.set_own_limit(self.own_limit());
        self.meter.begin(None);
        {
            let hooks = self.hooks.as_ref().expect("hooks are there after `new`");
            let realm = self.context.as_ref().expect("the context lives as long as the isolate");
            v8::scope_with_context!(scope, self.js.v8_isolate(), realm);
            v8::tc_scope!(let scope, scope);
            let hook = v8::Local::new(scope, &hooks.over_memory);
            let receiver = v8::undefined(scope).into();
            if let Some(told) = hook.call(scope, receiver, &[]) {
                callers = told.uint32_value(scope).unwrap_or(0);
            }
            // Before anybody goes on, what the objects had is given up.
            scope.low_memory_notification();
            scope.perform_microtask_checkpoint();
        }
        if self.meter.end().is_some() {
            self.js.v8_isolate().cancel_terminate_execution();
            self.condemned = true;
        }
        callers
    }

    /// Tells JavaScript that a context is over: its number will be another's.
    /// Where it was a Durable Object's, its callers go on in here: what they use
    /// is limited, too.
    pub(super) fn discard(&mut self, id: ContextId) {
        // It has paid with its end.
        self.state.reset_cpu(id);
        self.meter.set_own_limit(self.own_limit());
        self.meter.begin(None);
        {
            let hooks = self.hooks.as_ref().expect("hooks are there after `new`");
            let realm = self.context.as_ref().expect("the context lives as long as the isolate");
            v8::scope_with_context!(scope, self.js.v8_isolate(), realm);
            let args = [v8::Integer::new_from_unsigned(scope, id).into()];
            call(scope, &hooks.discard, &args);
        }
        if self.meter.end().is_some() {
            self.js.v8_isolate().cancel_terminate_execution();
            self.condemned = true;
        }
    }

    pub(super) fn report_uncaught(&mut self, error: &deno_core::error::CoreError) {
        let text = match exception::js_error(error) {
            Some(error) => exception::text_of(error),
            None => error.to_string(),
        };
        let worker = self.state.worker_if_loaded().map_or_else(String::new, |w| w.name.clone());
        self.state.log.console(&worker, ConsoleLevel::Error, &text);
    }
}
