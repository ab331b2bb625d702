//! How far the running thread is down its stack.

use std::cell::Cell;

thread_local! {
    /// An address near the beginning of the thread's stack.
    static BASE: Cell<Option<usize>> = const { Cell::new(None) };
}

/// To be called where the thread begins.
pub(crate) fn mark_base() {
    BASE.set(Some(here()));
}

/// Bytes of stack in use; zero on threads without a mark.
pub(crate) fn depth() -> usize {
    BASE.get().map_or(0, |base| base.saturating_sub(here()))
}

#[inline(never)]
fn here() -> usize {
    let local = 0_u8;
    std::ptr::from_ref(&local).addr()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_goes_down() {
        #[inline(never)]
        fn within() -> usize {
            let room = [0_u8; 4096];
            std::hint::black_box(&room);
            depth()
        }
        mark_base();
        assert!((4096..1 << 20).contains(&within()));
    }
}
