//! Who may run at the same time: everybody, unless a test measures.

use std::cell::RefCell;
use std::rc::{Rc, Weak};
use std::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};

static MACHINE: RwLock<()> = RwLock::new(());

/// Held by a test for as long as it has servers.
pub(crate) struct Turn(#[expect(dead_code, reason = "it is held, not read")] Guard);

#[expect(dead_code, reason = "they are held, not read")]
enum Guard {
    Shared(RwLockReadGuard<'static, ()>),
    Alone(RwLockWriteGuard<'static, ()>),
}

thread_local! {
    // A second lock of the same thread could wait for ever.
    static MINE: RefCell<Weak<Turn>> = const { RefCell::new(Weak::new()) };
}

/// A turn beside other tests, or the one that this test has already.
pub(crate) fn shared() -> Rc<Turn> {
    take(|| Guard::Shared(MACHINE.read().unwrap_or_else(|poison| poison.into_inner())))
}

/// The machine without any other test's server. Call it before any server is
/// started, and keep what it gives.
pub(crate) fn alone() -> Rc<Turn> {
    take(|| Guard::Alone(MACHINE.write().unwrap_or_else(|poison| poison.into_inner())))
}

fn take(lock: impl FnOnce() -> Guard) -> Rc<Turn> {
    if let Some(turn) = MINE.with_borrow(Weak::upgrade) {
        return turn;
    }
    let turn = Rc::new(Turn(lock()));
    MINE.set(Rc::downgrade(&turn));
    turn
}
