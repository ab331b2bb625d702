//! The life of a request in flight.

use deno_core::{OpState, op2, v8};
use selvedge_runtime::isolate::failure_of_exception;
use selvedge_runtime::{ConsoleLevel, Failure, IsolateState, Outcome};
use std::cell::RefCell;
use std::rc::Rc;

use super::isolate;

/// The context is over: nothing of it waits any more.
#[op2(fast)]
pub(crate) fn op_context_done(state: &mut OpState, #[smi] slot: u32) {
    state.borrow::<Rc<IsolateState>>().context_done(slot);
}

/// I/O of the context completed, and its code runs next.
#[op2(fast)]
pub(crate) fn op_context_resumed(state: &mut OpState, #[smi] slot: u32) {
    state.borrow::<Rc<IsolateState>>().mark_resumed(slot);
}

/// Sockets of the context are open: it outlives its response.
#[op2(fast)]
pub(crate) fn op_context_hold(state: &mut OpState, #[smi] slot: u32, held: bool) {
    if let Some(mut context) = state.borrow::<Rc<IsolateState>>().context(slot) {
        context.held = held || context.actor;
        context.touched = true;
    }
}

/// A message of one of its sockets is the context's: its CPU time starts anew
/// (<https://developers.cloudflare.com/workers/platform/limits/#cpu-time>).
#[op2(fast)]
pub(crate) fn op_context_message(state: &mut OpState, #[smi] slot: u32) {
    let isolate = state.borrow::<Rc<IsolateState>>();
    isolate.reset_cpu(slot);
    isolate.mark_resumed(slot);
}

/// Work of the context begins on another thread. Gives the job's number, or -1
/// when the context has too much of it under way.
#[op2(fast)]
#[smi]
pub(crate) fn op_job_begin(state: &mut OpState, #[smi] slot: u32, #[smi] weight: u32) -> i32 {
    let job = state.borrow::<Rc<IsolateState>>().begin_job(slot, weight);
    job.and_then(|job| i32::try_from(job).ok()).unwrap_or(-1)
}

/// That work ended.
#[op2(fast)]
pub(crate) fn op_job_end(state: &mut OpState, #[smi] job: u32) {
    state.borrow::<Rc<IsolateState>>().end_job(job);
}

/// Something outside saw the request: it cannot be run again elsewhere.
#[op2(fast)]
pub(crate) fn op_context_touch(state: &mut OpState, #[smi] slot: u32) {
    state.borrow::<Rc<IsolateState>>().touch(slot);
}

/// The handler threw: tells the client and the log.
#[op2(nofast, reentrant)]
pub(crate) fn op_context_error<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    state: Rc<RefCell<OpState>>,
    #[smi] slot: u32,
    exception: v8::Local<'s, v8::Value>,
) {
    let isolate = isolate(&state.borrow());
    let failure = failure_of_exception(scope, exception, isolate.worker());
    isolate.exception_thrown(scope, "Uncaught", exception);
    isolate.fail(slot, failure);
}

/// The Worker can never answer; `message` says why.
#[op2(fast)]
pub(crate) fn op_context_fail(state: &mut OpState, #[smi] slot: u32, #[string] message: &str) {
    isolate(state).fail(slot, Failure::new(Outcome::Exception, message));
}

/// The client went away before its answer.
#[op2(fast)]
pub(crate) fn op_context_gone(state: &mut OpState, #[smi] slot: u32) {
    let failure = Failure::new(Outcome::Canceled, "The client has disconnected");
    isolate(state).fail(slot, failure);
}

/// An exception that nobody caught, as text for the log.
pub(crate) fn report<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    isolate: &IsolateState,
    prefix: &str,
    exception: v8::Local<'s, v8::Value>,
) {
    let worker = isolate.worker();
    let failure = failure_of_exception(scope, exception, worker);
    let mut text = format!("{prefix}{}", failure.message);
    if let Some(frame) = &failure.code_frame {
        text.push('\n');
        text.push_str(frame);
    }
    if !failure.stack.is_empty() {
        text.push('\n');
        text.push_str(&failure.stack);
    }
    isolate.exception_thrown(scope, prefix, exception);
    isolate.uncaught(isolate.running_context(scope), &failure);
    isolate.log.console(&worker.name, ConsoleLevel::Error, &text);
}

/// JSON of `request.cf`; nothing once the request is over.
#[op2]
#[string]
pub(crate) fn op_request_cf(state: &mut OpState, #[smi] slot: u32) -> Option<String> {
    let isolate = state.borrow::<Rc<IsolateState>>();
    let cf = isolate.context(slot)?.cf.clone();
    (!cf.is_empty()).then(|| cf.to_string())
}

/// Unix time in milliseconds at the last I/O; NaN where clocks run.
#[op2(fast)]
pub(crate) fn op_now_frozen(state: &mut OpState) -> f64 {
    state.borrow::<Rc<IsolateState>>().frozen_now().unwrap_or(f64::NAN)
}

/// A `CF-Ray` for a request whose headers are looked at.
#[op2]
#[string]
pub(crate) fn op_request_ray() -> String {
    selvedge_runtime::headers::next_ray()
}
