//! The modules of the Worker, as files.

use std::rc::Rc;

use deno_core::convert::Uint8Array;
use deno_core::{OpState, op2};
use deno_error::JsErrorBox;
use selvedge_runtime::IsolateState;

/// The names of all modules, and how many bytes each has.
#[op2]
#[serde]
pub(crate) fn op_node_bundle_files(state: &mut OpState) -> Vec<(String, u32)> {
    let isolate = state.borrow::<Rc<IsolateState>>().clone();
    let size = |length: usize| u32::try_from(length).unwrap_or(u32::MAX);
    let worker = isolate.worker();
    worker.modules.iter().map(|module| (module.name.clone(), size(module.body.len()))).collect()
}

/// The bytes of one.
#[op2]
pub(crate) fn op_node_bundle_read(
    state: &mut OpState,
    #[string] name: &str,
) -> Result<Uint8Array, JsErrorBox> {
    let isolate = state.borrow::<Rc<IsolateState>>().clone();
    let worker = isolate.worker();
    let module = worker.module(name);
    let module = module.ok_or_else(|| JsErrorBox::generic("No such module"))?;
    Ok(module.body.to_vec().into())
}
