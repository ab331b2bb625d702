//! The alarm of an object, as its code sees it.

use deno_core::{OpState, op2};
use deno_error::JsErrorBox;

use super::operate;

/// When the alarm goes off, in Unix ms; NaN if it does not.
#[op2(fast)]
pub(crate) fn op_do_alarm_get(state: &mut OpState, #[smi] number: u32) -> Result<f64, JsErrorBox> {
    let (_, slot, _span) = operate(state, number)?;
    Ok(slot.check(slot.storage.get_alarm())?.map_or(f64::NAN, |time| time as f64))
}

/// Sets the alarm; NaN deletes it.
#[op2(fast)]
pub(crate) fn op_do_alarm_set(
    state: &mut OpState,
    #[smi] number: u32,
    time: f64,
    unconfirmed: bool,
) -> Result<(), JsErrorBox> {
    let (storages, slot, _span) = operate(state, number)?;
    storages.writes(&slot, unconfirmed);
    slot.check(match time.is_nan() {
        true => slot.storage.delete_alarm(),
        false => slot.storage.set_alarm(time as i64),
    })
}
