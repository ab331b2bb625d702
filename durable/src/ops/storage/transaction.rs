//! Transactions, and deleting all.

use deno_core::{OpState, op2};
use deno_error::JsErrorBox;

use super::slot;
use crate::store::DeleteAlarm;

/// Begins an explicit transaction.
#[op2(fast)]
pub(crate) fn op_do_transaction_begin(
    state: &mut OpState,
    #[smi] number: u32,
) -> Result<(), JsErrorBox> {
    let (_, slot) = slot(state, number)?;
    if let Some(commit) = slot.check(slot.storage.begin_transaction())? {
        slot.committed(commit);
    }
    slot.transactions.set(slot.transactions.get() + 1);
    Ok(())
}

/// Ends the innermost explicit transaction: commits it, or undoes it.
#[op2(fast)]
pub(crate) fn op_do_transaction_end(
    state: &mut OpState,
    #[smi] number: u32,
    is_kept: bool,
) -> Result<(), JsErrorBox> {
    let (storages, slot) = slot(state, number)?;
    slot.transactions.set(slot.transactions.get().saturating_sub(1));
    if is_kept {
        if let Some(commit) = slot.check(slot.storage.commit_transaction())? {
            slot.committed(commit);
        }
        return Ok(());
    }
    slot.check(slot.storage.rollback_transaction())?;
    if slot.storage.has_uncommitted() {
        storages.writes(&slot, true);
    }
    Ok(())
}

/// Begins a savepoint.
#[op2(fast)]
pub(crate) fn op_do_savepoint_begin(
    state: &mut OpState,
    #[smi] number: u32,
) -> Result<(), JsErrorBox> {
    let (_, slot) = slot(state, number)?;
    slot.check(slot.storage.savepoint())
}

/// Ends the innermost savepoint: keeps its writes, or undoes them.
#[op2(fast)]
pub(crate) fn op_do_savepoint_end(
    state: &mut OpState,
    #[smi] number: u32,
    is_kept: bool,
) -> Result<(), JsErrorBox> {
    let (_, slot) = slot(state, number)?;
    slot.check(match is_kept {
        true => slot.storage.release_savepoint(),
        false => slot.storage.rollback_savepoint(),
    })
}

/// Deletes all that the object has. Cursors end.
#[op2(fast)]
pub(crate) fn op_do_delete_all(
    state: &mut OpState,
    #[smi] number: u32,
    unconfirmed: bool,
) -> Result<(), JsErrorBox> {
    let (storages, slot) = slot(state, number)?;
    let alarm = match storages.isolate.worker().compatibility.is_on("delete_all_deletes_alarm") {
        true => DeleteAlarm::Yes,
        false => DeleteAlarm::No,
    };
    if slot.storage.depth() == 0 {
        slot.cursors.borrow_mut().clear();
    }
    storages.writes(&slot, unconfirmed);
    slot.check(slot.storage.delete_all(alarm))
}
