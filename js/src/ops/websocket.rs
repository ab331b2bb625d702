//! WebSockets of the isolate, named by their number.

use std::rc::Rc;

use deno_core::{OpState, op2};
use selvedge_runtime::IsolateState;

/// A number for a new WebSocket.
#[op2(fast)]
#[smi]
pub(crate) fn op_ws_id(state: &mut OpState) -> u32 {
    state.borrow::<Rc<IsolateState>>().new_socket_id()
}

/// Sends text; `false` when the socket is gone.
#[op2(fast)]
pub(crate) fn op_ws_send_text(
    state: &mut OpState,
    #[smi] socket: u32,
    #[string] text: &str,
) -> bool {
    let isolate = state.borrow::<Rc<IsolateState>>();
    isolate.with_socket(socket, |sink| sink.send_text(text)).is_some()
}

/// Sends bytes; `false` when the socket is gone.
#[op2(fast)]
pub(crate) fn op_ws_send_binary(
    state: &mut OpState,
    #[smi] socket: u32,
    #[buffer] bytes: &[u8],
) -> bool {
    let isolate = state.borrow::<Rc<IsolateState>>();
    isolate.with_socket(socket, |sink| sink.send_binary(bytes)).is_some()
}

/// Sends a close frame; code 0 stands for none.
#[op2(fast)]
pub(crate) fn op_ws_close(
    state: &mut OpState,
    #[smi] socket: u32,
    #[smi] code: u32,
    #[string] reason: &str,
) {
    let isolate = state.borrow::<Rc<IsolateState>>();
    let code = u16::try_from(code).ok().filter(|code| *code != 0);
    isolate.with_socket(socket, |sink| sink.close(code, reason));
}

/// Forgets a socket; an open connection is closed.
#[op2(fast)]
pub(crate) fn op_ws_drop(state: &mut OpState, #[smi] socket: u32) {
    state.borrow::<Rc<IsolateState>>().remove_socket(socket);
}

/// Bytes that were accepted and have not left.
#[op2(fast)]
pub(crate) fn op_ws_buffered(state: &mut OpState, #[smi] socket: u32) -> f64 {
    let isolate = state.borrow::<Rc<IsolateState>>();
    isolate.with_socket(socket, |sink| sink.buffered()).map_or(0.0, |bytes| bytes as f64)
}
