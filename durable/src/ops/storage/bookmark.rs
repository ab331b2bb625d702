//! Bookmarks of an object: what `getCurrentBookmark`, `getBookmarkForTime` and
//! `onNextSessionRestoreBookmark` come to.

use deno_core::{OpState, op2};
use deno_error::JsErrorBox;

use super::slot;

/// The bookmark of the state as it is.
#[op2]
#[string]
pub(crate) fn op_do_bookmark_current(
    state: &mut OpState,
    #[smi] number: u32,
) -> Result<String, JsErrorBox> {
    let (_, slot) = slot(state, number)?;
    slot.check(slot.storage.current_bookmark())
}

/// The bookmark of the state at a time, in Unix ms.
#[op2]
#[string]
pub(crate) fn op_do_bookmark_for_time(
    state: &mut OpState,
    #[smi] number: u32,
    time: f64,
) -> Result<String, JsErrorBox> {
    let (_, slot) = slot(state, number)?;
    slot.check(slot.storage.bookmark_for_time(time as i64))
}

/// The next session begins with the state of a bookmark. Tells that of the state
/// as it is.
#[op2]
#[string]
pub(crate) fn op_do_bookmark_restore(
    state: &mut OpState,
    #[smi] number: u32,
    #[string] bookmark: &str,
) -> Result<String, JsErrorBox> {
    let (_, slot) = slot(state, number)?;
    slot.check(slot.storage.restore_on_next_open(bookmark))
}
