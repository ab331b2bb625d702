//! What requests spend of the CPU, and what stops them when it is too much.

use std::time::Duration;

use super::{ContextId, IsolateState};
use crate::blocking::JobId;

impl IsolateState {
    /// Adds CPU time to a context; tells whether it is over its limit.
    pub(crate) fn charge(&self, id: ContextId, nanos: u64) -> bool {
        let Ok(mut contexts) = self.contexts.try_borrow_mut() else { return false };
        match contexts.slots.get_mut(id as usize) {
            Some(Some(context)) => {
                context.cpu_nanos += nanos;
                context.cpu_nanos > context.cpu_limit_nanos
            }
            _ => false,
        }
    }

    /// Work of a context begins on another thread; `weight` says how much of it
    /// there may be at once. `None`: there is too much of it already.
    pub fn begin_job(&self, id: ContextId, weight: u32) -> Option<JobId> {
        self.charge_jobs();
        if self.jobs.weight(id).saturating_add(weight) > crate::limits::JOB_WEIGHT {
            return None;
        }
        let (spent, limit) = self
            .peek(id)
            .map_or((0, u64::MAX), |context| (context.cpu_nanos, context.cpu_limit_nanos));
        if spent > limit
            && let Some(stop) = self.cpu_stopper.get()
        {
            stop(id);
        }
        Some(self.jobs.begin(id, weight))
    }

    /// It ended: the context's code runs next.
    pub fn end_job(&self, job: JobId) {
        self.charge_jobs();
        if let Some(id) = self.jobs.end(job) {
            self.mark_resumed(id);
        }
    }

    fn charge_jobs(&self) {
        for (id, nanos) in self.jobs.take_spent() {
            self.charge(id, nanos);
        }
    }

    pub(crate) fn set_cpu_stopper(&self, stop: Box<dyn Fn(ContextId)>) {
        let _ = self.cpu_stopper.set(stop);
    }

    /// Starts a context's CPU time anew, as each message of a WebSocket does.
    pub fn reset_cpu(&self, id: ContextId) {
        if let Some(mut context) = self.context(id) {
            context.cpu_nanos = 0;
        }
    }

    /// Something outside saw the context's request: it cannot be run again.
    pub fn touch(&self, id: ContextId) {
        if let Some(mut context) = self.context(id) {
            context.touched = true;
        }
    }

    /// Notes that I/O of a context completed: the code that runs next is its own.
    pub fn mark_resumed(&self, id: ContextId) {
        let mut resumed = self.resumed.borrow_mut();
        if !resumed.contains(&id) {
            resumed.push(id);
        }
    }

    /// Charges a slice of the event loop to those whose I/O it served.
    /// Tells who is over its limit.
    pub(crate) fn charge_resumed(&self, nanos: u64) -> Option<ContextId> {
        let mut resumed = std::mem::take(&mut *self.resumed.borrow_mut());
        if resumed.is_empty() && self.live_contexts() == 1 {
            resumed = self.context_ids();
        }
        let share = nanos / resumed.len().max(1) as u64;
        let mut over = None;
        for id in resumed {
            if self.charge(id, share) {
                over = Some(id);
            }
        }
        over
    }

    /// CPU time of a context until now, the running slice included.
    pub fn cpu(&self, id: ContextId) -> Duration {
        let settled = self.peek(id).map_or(0, |context| context.cpu_nanos);
        let running = self.running_cpu.borrow().as_ref().map_or(0, |read| read());
        Duration::from_nanos(settled + running)
    }

    pub(crate) fn set_running_cpu(&self, read: Box<dyn Fn() -> u64>) {
        *self.running_cpu.borrow_mut() = Some(read);
    }

    pub(crate) fn set_stopping(&self, stopping: Option<Option<ContextId>>) {
        self.stopping.set(stopping);
    }

    /// Whether the running slice was told to stop.
    pub(crate) fn is_stopping(&self) -> bool {
        self.stopping.get().is_some()
    }

    /// Stops the running JavaScript if a context has used more CPU time than it
    /// may, the running slice included, and tells whether it did. What runs for
    /// long within an op asks this.
    pub fn stop_if_over_cpu_limit(&self, id: ContextId) -> bool {
        let limit = self.peek(id).map_or(u64::MAX, |context| context.cpu_limit_nanos);
        if self.cpu(id).as_nanos() <= u128::from(limit) {
            return false;
        }
        if let Some(stop) = self.cpu_stopper.get() {
            stop(id);
        }
        true
    }
}
