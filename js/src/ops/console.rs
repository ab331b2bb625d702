//! What a Worker says.

use std::cell::RefCell;
use std::rc::Rc;

use deno_core::{OpState, op2, v8};
use selvedge_runtime::{ConsoleLevel, Published, Said};

use super::isolate;

/// One console call; `values` is the JSON of what was said, and `errors` of what is known
/// of the errors in it, where somebody follows. `kind`: 0 debug, 1 log, 2 warn, 3 error, 4 info.
#[op2(nofast)]
pub(crate) fn op_console_emit(
    scope: &mut v8::PinScope,
    state: &mut OpState,
    #[smi] kind: u32,
    #[string] text: &str,
    #[string] values: &str,
    #[string] errors: &str,
) {
    let level = match kind {
        0 => ConsoleLevel::Debug,
        2 => ConsoleLevel::Warn,
        3 => ConsoleLevel::Error,
        4 => ConsoleLevel::Info,
        _ => ConsoleLevel::Log,
    };
    let isolate = isolate(state);
    let context = isolate.running_context(scope);
    let span = isolate.running_span(scope);
    isolate.console(context, &Said { level, text, values, errors, span });
}

/// A message of a channel of `node:diagnostics_channel`: JSON of it, and all of it.
#[op2(nofast)]
pub(crate) fn op_diagnostics_publish(
    scope: &mut v8::PinScope,
    state: &mut OpState,
    #[string] channel: &str,
    #[string] json: &str,
    #[buffer] bytes: &[u8],
) {
    let isolate = isolate(state);
    if let Some(context) = isolate.running_context(scope) {
        let span = isolate.running_span(scope);
        isolate.published(context, &Published { channel, json, bytes, span });
    }
}

/// Whether somebody follows the event whose code runs.
#[op2(nofast)]
pub(crate) fn op_console_is_followed(scope: &mut v8::PinScope, state: &mut OpState) -> bool {
    let isolate = isolate(state);
    isolate.running_context(scope).is_some_and(|context| isolate.is_followed(context))
}

/// An exception that nobody caught.
#[op2(nofast, reentrant)]
pub(crate) fn op_report_exception<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    state: Rc<RefCell<OpState>>,
    #[string] prefix: &str,
    exception: v8::Local<'s, v8::Value>,
) {
    let isolate = isolate(&state.borrow());
    super::context::report(scope, &isolate, prefix, exception);
}
