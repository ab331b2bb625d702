//! What `js/cloned_errors.js` asks of serialized values.

use deno_core::op2;

/// Whether a value that V8 serialized holds an error.
#[op2(fast)]
pub(crate) fn op_holds_error(#[buffer] bytes: &[u8]) -> bool {
    selvedge_runtime::serialized::holds_error(bytes)
}
