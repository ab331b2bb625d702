//! Waking the task of a connection.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::task::Waker;

/// Wakes a connection's task, unless it runs right now and looks anyway.
#[derive(Clone, Default)]
pub(in crate::http1) struct TaskWaker(Rc<TaskState>);

#[derive(Default)]
struct TaskState {
    waker: RefCell<Option<Waker>>,
    running: Cell<bool>,
}

impl TaskWaker {
    pub(in crate::http1) fn wake(&self) {
        if !self.0.running.get()
            && let Some(waker) = &*self.0.waker.borrow()
        {
            waker.wake_by_ref();
        }
    }

    /// Does something as the connection's task, which looks at the exchange
    /// afterwards.
    pub(in crate::http1) fn running<T>(&self, act: impl FnOnce() -> T) -> T {
        let before = self.0.running.replace(true);
        let result = act();
        self.0.running.set(before);
        result
    }

    pub(super) fn set(&self, waker: &Waker) {
        let mut current = self.0.waker.borrow_mut();
        if !current.as_ref().is_some_and(|current| current.will_wake(waker)) {
            *current = Some(waker.clone());
        }
    }
}
