//! The contexts of objects, and of those who call them.

use std::rc::Rc;

use deno_core::{OpState, op2};
use deno_error::JsErrorBox;
use selvedge_runtime::IsolateState;

/// A context for an object: it lives until the object leaves memory.
#[op2(fast)]
#[smi]
pub(crate) fn op_do_open(state: &mut OpState) -> u32 {
    state.borrow::<Rc<IsolateState>>().open_actor()
}

/// An event enters the object: its CPU time and subrequests are counted anew.
#[op2(fast)]
pub(crate) fn op_do_event(state: &mut OpState, #[smi] slot: u32) {
    let isolate = state.borrow::<Rc<IsolateState>>();
    isolate.begin_event(slot);
    isolate.mark_resumed(slot);
}

/// A context calls an object: that is a subrequest of its own. The object sees
/// nothing of it before the call enters.
#[op2(fast)]
pub(crate) fn op_do_call(state: &mut OpState, #[smi] slot: u32) -> Result<(), JsErrorBox> {
    let isolate = state.borrow::<Rc<IsolateState>>();
    isolate.count_subrequest(slot).map_err(JsErrorBox::from_err)
}
