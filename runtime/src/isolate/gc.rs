//! What is looked at after each garbage collection: whether the memory limit is kept.

use std::cell::Cell;
use std::ffi::c_void;
use std::sync::Arc;

use deno_core::v8;

use crate::memory::ExternalMemory;

/// Memory accounting at the end of each garbage collection.
pub(super) struct GcWatch {
    pub(super) external: Arc<ExternalMemory>,
    pub(super) limit: usize,
    pub(super) isolate: v8::IsolateHandle,
    pub(super) on_limit: Box<dyn Fn()>,
    /// A full collection was asked for, or runs.
    pub(super) looking: Cell<bool>,
}

impl GcWatch {
    /// Whether heap and external memory together are over the limit.
    fn is_over(&self, isolate: &mut v8::Isolate) -> bool {
        let statistics = isolate.get_heap_statistics();
        let heap = statistics.used_heap_size();
        self.external.set_limit(self.limit.saturating_sub(heap));
        // V8 knows of buffers that came from outside, too.
        let external = statistics.external_memory().max(self.external.used());
        heap.saturating_add(external) > self.limit
    }

    /// Has V8 look closely at its next instruction.
    pub(super) fn look_soon(&self) {
        if !self.looking.replace(true) {
            let data = std::ptr::from_ref(self) as *mut c_void;
            self.isolate.request_interrupt(look_closely, data);
        }
    }
}

pub(super) unsafe extern "C" fn after_gc(
    isolate: v8::UnsafeRawIsolatePtr,
    _: v8::GCType,
    _: v8::GCCallbackFlags,
    data: *mut c_void,
) {
    // SAFETY: `data` is the isolate's watch, which outlives it.
    let watch = unsafe { &*(data as *const GcWatch) };
    // SAFETY: V8 hands the isolate that it is running on this thread.
    let mut isolate = unsafe { v8::Isolate::from_raw_isolate_ptr(isolate) };
    // Most collections find only a part of the garbage, and V8 frees buffers
    // after them, on another thread. Only a full one tells what is in use; it
    // cannot run in here, but at the next instruction.
    if watch.is_over(&mut isolate) {
        watch.look_soon();
    }
}

/// Called by V8 on the isolate's thread: collects all garbage, and stops the
/// Worker if it is over the limit in spite of that.
unsafe extern "C" fn look_closely(isolate: v8::UnsafeRawIsolatePtr, data: *mut c_void) {
    // SAFETY: `data` is the isolate's watch, which outlives it, and an
    // isolate drops its pending interrupts with itself.
    let watch = unsafe { &*(data as *const GcWatch) };
    // SAFETY: V8 hands the isolate that it is running on this thread.
    let mut isolate = unsafe { v8::Isolate::from_raw_isolate_ptr(isolate) };
    isolate.low_memory_notification();
    let over = watch.is_over(&mut isolate);
    watch.looking.set(false);
    if over {
        (watch.on_limit)();
    }
}
