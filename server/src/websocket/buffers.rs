//! Memory that the sockets of a thread share, so that an idle one owns none.

use std::cell::{Cell, RefCell};

/// What one read brings at most.
pub(super) const SCRATCH_BYTES: usize = 64 * 1024;
/// Outboxes that ran empty leave their memory for the next, up to this size..
const KEPT_BYTES: usize = 64 * 1024;
/// .. and this many of them. The usual case needs one: a socket's outbox is
/// empty again before the next socket has its turn.
const KEPT: usize = 4;

thread_local! {
    static SCRATCH: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
    static OUTPUT: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
}

/// The thread's read buffer, [`SCRATCH_BYTES`] long.
pub(super) fn take_scratch() -> Vec<u8> {
    let scratch = SCRATCH.take();
    if scratch.is_empty() { vec![0; SCRATCH_BYTES] } else { scratch }
}

pub(super) fn return_scratch(scratch: Vec<u8>) {
    SCRATCH.set(scratch);
}

/// An empty buffer for frames that leave.
pub(super) fn take_output() -> Vec<u8> {
    OUTPUT.with_borrow_mut(Vec::pop).unwrap_or_default()
}

pub(super) fn return_output(mut output: Vec<u8>) {
    if output.capacity() == 0 || output.capacity() > KEPT_BYTES {
        return;
    }
    output.clear();
    OUTPUT.with_borrow_mut(|kept| {
        if kept.len() < KEPT {
            kept.push(output);
        }
    });
}
