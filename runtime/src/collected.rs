//! Values of Rust that an object of JavaScript owns: they go with it when V8 collects it.

use std::cell::RefCell;
use std::ffi::CStr;

use deno_core::GarbageCollected;
use deno_core::v8;

use crate::memory::HeldBytes;

/// A value that lives as long as its object, and the account of what it holds beside
/// V8's heap. An op gets it as `#[cppgc]`.
///
/// `T` is `Send`, so that it can hold nothing of V8's heap: a reference there would have
/// to be shown to the collector.
pub struct Collected<T: Send + 'static> {
    value: RefCell<T>,
    held: Option<HeldBytes>,
}

// SAFETY: there is nothing to trace. What points into V8's heaps is bound to the thread
// of its isolate, hence not `Send`, hence not in `value`; `HeldBytes` is a number.
unsafe impl<T: Send + 'static> GarbageCollected for Collected<T> {
    fn trace(&self, _visitor: &mut v8::cppgc::Visitor) {}

    fn get_name(&self) -> &'static CStr {
        c"Collected"
    }
}

impl<T: Send + 'static> Collected<T> {
    /// `held` counts what the value holds; see [`crate::IsolateState::held_bytes`].
    pub fn new(value: T, held: Option<HeldBytes>) -> Self {
        Self { value: RefCell::new(value), held }
    }

    /// Uses the value. `None` while it is in use already.
    pub fn with<R>(&self, use_it: impl FnOnce(&mut T) -> R) -> Option<R> {
        self.value.try_borrow_mut().ok().map(|mut value| use_it(&mut value))
    }

    /// The value holds so many bytes now. Over the isolate's limit, the running
    /// JavaScript is stopped unless garbage makes room.
    pub fn holds(&self, bytes: usize) {
        if let Some(held) = &self.held {
            held.set(bytes);
        }
    }
}
