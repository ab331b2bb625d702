//! `delete`, and `deleteBulk`, which the flag `experimental` brings.

use std::cell::RefCell;
use std::rc::Rc;

use deno_core::{OpState, ResourceId, op2};
use deno_error::JsErrorBox;

use super::{count, handle, isolate, refused};
use crate::namespace::{self, Operation};

/// Deletes a key.
#[op2]
pub(crate) async fn op_kv_delete(
    state: Rc<RefCell<OpState>>,
    #[smi] rid: ResourceId,
    #[smi] slot: u32,
    #[string] key: String,
) -> Result<(), JsErrorBox> {
    namespace::check_key(Operation::Delete, &key).map_err(refused)?;
    delete(state, rid, slot, Operation::Delete, vec![key]).await
}

/// Deletes many keys, all of them at once.
#[op2]
pub(crate) async fn op_kv_delete_bulk(
    state: Rc<RefCell<OpState>>,
    #[smi] rid: ResourceId,
    #[smi] slot: u32,
    #[serde] keys: Vec<String>,
) -> Result<(), JsErrorBox> {
    namespace::check_keys(Operation::DeleteBulk, &keys).map_err(refused)?;
    delete(state, rid, slot, Operation::DeleteBulk, keys).await
}

async fn delete(
    state: Rc<RefCell<OpState>>,
    rid: ResourceId,
    slot: u32,
    operation: Operation,
    keys: Vec<String>,
) -> Result<(), JsErrorBox> {
    let (handle, isolate, _span) = {
        let state = state.borrow();
        let handle = handle(&state, rid)?;
        let span = count(&state, slot, selvedge_runtime::Operation::KvDelete)?;
        (handle, isolate(&state).clone(), span)
    };
    isolate.touch(slot);
    let result = handle.namespace.store().delete(keys).await;
    isolate.mark_resumed(slot);
    handle.check(operation, result)
}

/// Whether the Worker has `deleteBulk`.
#[op2(fast)]
pub(crate) fn op_kv_delete_bulk_on(state: &mut OpState) -> bool {
    isolate(state).worker().compatibility.is_on("experimental")
}
