//! Fibers: Rust code with a stack of its own, which can stop in the middle of a
//! call until somebody gives it what it waits for.
//!
//! For libraries that call back and cannot wait (an HTML parser, whose handlers
//! are JavaScript). JavaScript never runs on such a stack: the code suspends,
//! and the isolate's thread goes on where it resumed the fiber.

use std::any::TypeId;
use std::cell::Cell;
use std::ptr::NonNull;

use corosensei::stack::DefaultStack;
use corosensei::{Coroutine, CoroutineResult, Yielder};

/// The stack of one fiber. Its pages are taken from the system when they are touched.
const STACK_BYTES: usize = 256 * 1024;

thread_local! {
    /// The fiber whose code this thread runs.
    static CURRENT: Cell<Option<NonNull<Running>>> = const { Cell::new(None) };
}

/// How the code of a fiber finds the way out.
struct Running {
    /// A `Yielder<In, Out>`, valid while the code has not returned.
    yielder: Cell<*const ()>,
    /// Of `(In, Out)`.
    types: TypeId,
}

/// Code that stops at each [`suspend`] and goes on at [`Fiber::resume`]. To drop
/// it unwinds the stack of the code.
pub struct Fiber<In: 'static, Out: 'static> {
    coroutine: Coroutine<In, Out, Out>,
    running: Box<Running>,
}

impl<In: 'static, Out: 'static> Fiber<In, Out> {
    /// A fiber that runs `code` when it is resumed for the first time, with what
    /// it is resumed with. What the code returns is its last output.
    ///
    /// # Errors
    /// When the system has no memory for a stack.
    pub fn new(code: impl FnOnce(In) -> Out + 'static) -> std::io::Result<Self> {
        let types = TypeId::of::<(In, Out)>();
        let running = Box::new(Running { yielder: Cell::new(std::ptr::null()), types });
        let coroutine = Coroutine::with_stack(
            DefaultStack::new(STACK_BYTES)?,
            move |yielder: &Yielder<In, Out>, input| {
                CURRENT.with(|current| {
                    let current = current.get().expect("resume() says whose code runs");
                    // SAFETY: it is the `Running` of the fiber that this code is
                    // of, which outlives the code.
                    let running = unsafe { current.as_ref() };
                    running.yielder.set(std::ptr::from_ref(yielder).cast());
                });
                code(input)
            },
        );
        Ok(Self { coroutine, running })
    }

    /// Runs the code until it suspends, or returns if `true` comes with its
    /// output. `None` when it had returned before.
    pub fn resume(&mut self, input: In) -> Option<(Out, bool)> {
        if self.coroutine.done() {
            return None;
        }
        // (A fiber may resume another one.)
        let before = CURRENT.replace(Some(NonNull::from(&*self.running)));
        let _back = Restore(before);
        match self.coroutine.resume(input) {
            CoroutineResult::Yield(output) => Some((output, false)),
            CoroutineResult::Return(output) => Some((output, true)),
        }
    }
}

impl<In, Out> std::fmt::Debug for Fiber<In, Out> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Fiber").field("done", &self.coroutine.done()).finish()
    }
}

/// Names the fiber that ran before, even when the code panics.
struct Restore(Option<NonNull<Running>>);

impl Drop for Restore {
    fn drop(&mut self) {
        CURRENT.set(self.0);
    }
}

/// Leaves the fiber that this code runs in, and gives what it is resumed with.
///
/// # Panics
/// Outside of a fiber, and in one of other types: a mistake of the caller.
pub fn suspend<In: 'static, Out: 'static>(output: Out) -> In {
    let running = CURRENT.get().expect("only the code of a fiber suspends");
    // SAFETY: `resume` set it and waits on its own stack for this code, so that
    // the fiber is neither moved nor dropped.
    let running = unsafe { running.as_ref() };
    assert_eq!(running.types, TypeId::of::<(In, Out)>(), "a fiber of other types");
    let yielder = running.yielder.get().cast::<Yielder<In, Out>>();
    // SAFETY: the code of this fiber runs (it is the current one, and a fiber
    // that it resumes would be), on its own stack, so that its yielder is alive;
    // the types are those it was made with.
    unsafe { &*yielder }.suspend(output)
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use super::*;

    #[test]
    fn values_go_in_and_out() {
        let mut fiber = Fiber::<u32, u32>::new(|first| {
            let second: u32 = suspend(first + 1);
            let third: u32 = suspend(second + 1);
            third + 1
        })
        .unwrap();
        assert_eq!(fiber.resume(10), Some((11, false)));
        assert_eq!(fiber.resume(20), Some((21, false)));
        assert_eq!(fiber.resume(30), Some((31, true)));
        assert_eq!(fiber.resume(40), None);
    }

    #[test]
    fn one_runs_inside_of_another() {
        let mut outer = Fiber::<u32, u32>::new(|_| {
            let mut inner = Fiber::<u32, u32>::new(|first| suspend(first * 2)).unwrap();
            let (doubled, _) = inner.resume(21).unwrap();
            let more: u32 = suspend(doubled);
            inner.resume(more).unwrap().0
        })
        .unwrap();
        assert_eq!(outer.resume(0), Some((42, false)));
        assert_eq!(outer.resume(7), Some((7, true)));
    }

    #[test]
    fn fibers_take_turns_in_any_order() {
        let make = || {
            Fiber::<u32, u32>::new(|mut sum| {
                loop {
                    sum += suspend::<u32, u32>(sum);
                }
            })
            .unwrap()
        };
        let (mut a, mut b) = (make(), make());
        assert_eq!(a.resume(1), Some((1, false)));
        assert_eq!(b.resume(10), Some((10, false)));
        assert_eq!(a.resume(2), Some((3, false)));
        assert_eq!(b.resume(20), Some((30, false)));
    }

    #[test]
    fn dropping_one_drops_what_its_code_holds() {
        let held = Rc::new(());
        let inside = held.clone();
        let mut fiber = Fiber::<(), ()>::new(move |()| {
            let _held = inside;
            suspend::<(), ()>(());
        })
        .unwrap();
        fiber.resume(());
        assert_eq!(Rc::strong_count(&held), 2);
        drop(fiber);
        assert_eq!(Rc::strong_count(&held), 1);
    }

    #[test]
    fn one_that_never_ran_drops_its_code() {
        let held = Rc::new(());
        let inside = held.clone();
        drop(Fiber::<(), ()>::new(move |()| drop(inside)).unwrap());
        assert_eq!(Rc::strong_count(&held), 1);
    }

    #[test]
    fn a_panic_reaches_who_resumed() {
        let mut fiber = Fiber::<(), ()>::new(|()| panic!("inside")).unwrap();
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| fiber.resume(())));
        assert!(result.is_err());
        assert!(CURRENT.get().is_none());
    }
}
