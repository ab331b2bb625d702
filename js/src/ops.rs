//! The ops of the platform, one file per API family.

pub(crate) mod blob;
pub(crate) mod body;
pub(crate) mod cipher;
pub(crate) mod clone;
pub(crate) mod connection;
pub(crate) mod console;
pub(crate) mod context;
pub(crate) mod digest;
pub(crate) mod fetch;
pub(crate) mod html_rewriter;
pub(crate) mod modules;
pub(crate) mod pipe;
pub(crate) mod reply;
pub(crate) mod rpc;
pub(crate) mod socket;
pub(crate) mod text;
pub(crate) mod tracing;
pub(crate) mod websocket;

use std::rc::Rc;

use deno_core::OpState;
use selvedge_runtime::IsolateState;

/// The isolate's state, which the runtime puts there at its birth.
pub(crate) fn isolate(state: &OpState) -> Rc<IsolateState> {
    state.borrow::<Rc<IsolateState>>().clone()
}
