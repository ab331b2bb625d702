//! Turns of the event loop: what their end is waited for, and rest.

use std::task::Waker;
use std::time::Duration;

use quanta::Instant;

use super::IsolateState;

/// A turn that lasts this long ends with the slice that runs.
const LONGEST_TURN: Duration = Duration::from_millis(1);

impl IsolateState {
    /// Sets what happens at the end of each turn in which
    /// [`IsolateState::ask_for_turn_end`] was called. A turn is what the isolate's
    /// thread has to do before its event loop runs: the slices of all the requests
    /// that have arrived, as long as they take less than a millisecond. The first
    /// call counts.
    pub fn at_turn_end(&self, act: Box<dyn Fn()>) {
        let _ = self.turn_end.set(act);
    }

    /// Asks for that at the end of the present turn, and never before the running
    /// slice and its microtasks are over.
    pub fn ask_for_turn_end(&self) {
        if self.turn_end_asked.get().is_none() {
            self.turn_end_asked.set(Some(Instant::now()));
        }
    }

    /// Sets what is done when the isolate had no event for a second. The first call
    /// counts.
    pub fn at_rest(&self, act: Box<dyn Fn()>) {
        let _ = self.rest.set(act);
    }

    pub(crate) fn rest(&self) {
        if let Some(act) = self.rest.get() {
            act();
        }
    }

    /// A slice is over, and perhaps the turn with it.
    pub(crate) fn end_slice(&self) {
        let Some(since) = self.turn_end_asked.get() else { return };
        if since.elapsed() >= LONGEST_TURN {
            self.end_turn();
        } else {
            self.wake();
        }
    }

    /// A turn is over.
    pub(crate) fn end_turn(&self) {
        if self.turn_end_asked.take().is_some()
            && let Some(act) = self.turn_end.get()
        {
            act();
        }
    }

    /// Wakes the event loop of the isolate.
    pub fn wake(&self) {
        if let Some(waker) = &*self.waker.borrow() {
            waker.wake_by_ref();
        }
    }

    pub(crate) fn set_waker(&self, waker: &Waker) {
        let mut current = self.waker.borrow_mut();
        if !current.as_ref().is_some_and(|current| current.will_wake(waker)) {
            *current = Some(waker.clone());
        }
    }
}
