//! Alarms that go off.

use std::rc::Rc;

use deno_core::{OpState, op2};
use deno_error::JsErrorBox;
use selvedge_runtime::IsolateState;

use super::storage::slot;
use crate::store::{AlarmEnd, AlarmStart};

/// The alarm of an object that is to run now: its time in Unix ms, and how often
/// it was tried before. None: there is none, or it is to run later.
#[op2]
#[serde]
pub(crate) fn op_do_alarm_start(
    state: &mut OpState,
    #[smi] storage: u32,
    now: f64,
) -> Result<Option<(f64, u32)>, JsErrorBox> {
    let (storages, slot) = slot(state, storage)?;
    storages.writes(&slot, false);
    Ok(match slot.check(slot.storage().alarm_started(now as i64))? {
        AlarmStart::Run { scheduled, retries } => Some((scheduled as f64, retries)),
        AlarmStart::NotNow(_) => None,
    })
}

/// Its handler ended: it is done, or tried again at this time; NaN: not.
#[op2(fast)]
pub(crate) fn op_do_alarm_end(
    state: &mut OpState,
    #[smi] storage: u32,
    again: f64,
) -> Result<(), JsErrorBox> {
    let (storages, slot) = slot(state, storage)?;
    storages.writes(&slot, false);
    let end = match again.is_nan() {
        true => AlarmEnd::Finished,
        false => AlarmEnd::Retry { at: again as i64 },
    };
    slot.check(slot.storage().alarm_ended(end))
}

/// The event of an alarm is over.
#[op2(fast)]
pub(crate) fn op_do_alarm_done(state: &mut OpState, #[smi] slot: u32, #[smi] end: u32) {
    let end = match end {
        0 => selvedge_runtime::AlarmResult::Settled,
        1 => selvedge_runtime::AlarmResult::Moved,
        _ => selvedge_runtime::AlarmResult::Failed,
    };
    state.borrow::<Rc<IsolateState>>().alarm_done(slot, end);
}
