//! Keys and values: `storage.get()` and its like, and `storage.kv`.

use deno_core::{OpState, op2, v8};
use deno_error::JsErrorBox;

use super::value::{decode, encode, text, texts};
use super::{Running, Slot, operate};
use crate::store::ListOptions;

/// Of classes without SQLite: 2 KiB
/// (<https://developers.cloudflare.com/durable-objects/platform/limits/>).
const MAX_KEY_BYTES: usize = 2048;
/// Of classes without SQLite: 128 KiB.
const MAX_VALUE_BYTES: usize = 128 * 1024;
/// What the format adds to 128 KiB of text or bytes at most.
const VALUE_SLACK: usize = 34;

fn check_key(slot: &Slot, key: &str) -> Result<(), JsErrorBox> {
    if slot.has_sql || key.len() <= MAX_KEY_BYTES {
        return Ok(());
    }
    Err(JsErrorBox::range_error(format!(
        "Keys cannot be larger than {MAX_KEY_BYTES} bytes. A key of size {} was provided.",
        key.len()
    )))
}

fn check_value(slot: &Slot, value: &[u8]) -> Result<(), JsErrorBox> {
    if slot.has_sql || value.len() <= MAX_VALUE_BYTES + VALUE_SLACK {
        return Ok(());
    }
    Err(JsErrorBox::range_error(format!(
        "Values cannot be larger than {MAX_VALUE_BYTES} bytes. A value of size {} was provided.",
        value.len()
    )))
}

/// The value of a key: a primitive one, a `Uint8Array` to deserialize, or
/// nothing.
#[op2]
pub(crate) fn op_do_kv_get<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    state: &mut OpState,
    #[smi] number: u32,
    #[string] key: &str,
) -> Result<v8::Local<'s, v8::Value>, JsErrorBox> {
    let (_, slot, _span) = operate(state, number)?;
    check_key(&slot, key)?;
    let found = slot.storage.get_with(key, |bytes| decode(scope, bytes));
    Ok(slot.check(found)?.unwrap_or_else(|| v8::undefined(scope).into()))
}

/// Keys and their values by turns, in the order of the keys.
#[op2]
pub(crate) fn op_do_kv_get_many<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    state: &mut OpState,
    #[smi] number: u32,
    keys: v8::Local<'s, v8::Array>,
) -> Result<v8::Local<'s, v8::Array>, JsErrorBox> {
    let (_, slot, _span) = operate(state, number)?;
    let mut keys = texts(scope, keys);
    keys.sort_unstable();
    keys.dedup();
    let mut found = Vec::with_capacity(keys.len() * 2);
    for key in keys {
        check_key(&slot, &key)?;
        let value = slot.storage.get_with(&key, |bytes| decode(scope, bytes));
        if let Some(value) = slot.check(value)? {
            found.extend([text(scope, &key)?, value]);
        }
    }
    Ok(v8::Array::new_with_elements(scope, &found))
}

/// Sets the value of a key.
#[op2(fast)]
pub(crate) fn op_do_kv_put(
    scope: &mut v8::PinScope<'_, '_>,
    state: &mut OpState,
    #[smi] number: u32,
    #[string] key: &str,
    value: v8::Local<'_, v8::Value>,
    unconfirmed: bool,
) -> Result<(), JsErrorBox> {
    let (storages, slot, _span) = operate(state, number)?;
    check_key(&slot, key)?;
    let value = encode(scope, value)?;
    check_value(&slot, &value)?;
    storages.writes(&slot, unconfirmed);
    slot.check(slot.storage.put(key, &value))
}

/// Sets several values, given as key and value by turns: all or none.
#[op2(fast)]
pub(crate) fn op_do_kv_put_many(
    scope: &mut v8::PinScope<'_, '_>,
    state: &mut OpState,
    #[smi] number: u32,
    entries: v8::Local<'_, v8::Array>,
    unconfirmed: bool,
) -> Result<(), JsErrorBox> {
    let (storages, slot, _span) = operate(state, number)?;
    let mut pairs = Vec::with_capacity(entries.length() as usize / 2);
    for index in (0..entries.length()).step_by(2) {
        let (Some(key), Some(value)) =
            (entries.get_index(scope, index), entries.get_index(scope, index + 1))
        else {
            continue;
        };
        let key = key.to_rust_string_lossy(scope);
        check_key(&slot, &key)?;
        let value = encode(scope, value)?;
        check_value(&slot, &value)?;
        pairs.push((key, value));
    }
    if pairs.is_empty() {
        return Ok(());
    }
    storages.writes(&slot, unconfirmed);
    slot.check(slot.storage.put_many(&pairs))
}

/// Deletes a key; whether it was there.
#[op2(fast)]
pub(crate) fn op_do_kv_delete(
    state: &mut OpState,
    #[smi] number: u32,
    #[string] key: &str,
    unconfirmed: bool,
) -> Result<bool, JsErrorBox> {
    let (storages, slot, _span) = operate(state, number)?;
    check_key(&slot, key)?;
    storages.writes(&slot, unconfirmed);
    slot.check(slot.storage.delete(key))
}

/// Deletes keys; how many were there.
#[op2(fast)]
#[smi]
pub(crate) fn op_do_kv_delete_many(
    scope: &mut v8::PinScope<'_, '_>,
    state: &mut OpState,
    #[smi] number: u32,
    keys: v8::Local<'_, v8::Array>,
    unconfirmed: bool,
) -> Result<u32, JsErrorBox> {
    let (storages, slot, _span) = operate(state, number)?;
    let keys = texts(scope, keys);
    keys.iter().try_for_each(|key| check_key(&slot, key))?;
    if keys.is_empty() {
        return Ok(0);
    }
    storages.writes(&slot, unconfirmed);
    Ok(slot.check(slot.storage.delete_many(&keys))? as u32)
}

/// The keys of a range and their values by turns. `bounds` are `start`,
/// `startAfter`, `end` and `prefix`; what is not text is none. A negative limit
/// is none, too.
#[op2]
pub(crate) fn op_do_kv_list<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    state: &mut OpState,
    #[smi] number: u32,
    bounds: v8::Local<'s, v8::Array>,
    reverse: bool,
    #[smi] limit: i32,
) -> Result<v8::Local<'s, v8::Array>, JsErrorBox> {
    let (storages, slot, _span) = operate(state, number)?;
    let _running = Running::enter(&storages, &slot);
    let bound = |index| {
        let value = bounds.get_index(scope, index)?;
        value.is_string().then(|| value.to_rust_string_lossy(scope))
    };
    let options = ListOptions {
        start: bound(0),
        start_after: bound(1),
        end: bound(2),
        prefix: bound(3),
        reverse,
        limit: usize::try_from(limit).ok(),
    };
    let mut found = Vec::new();
    let mut too_long = None;
    let listed = slot.storage.list_with(&options, |key, value| match text(scope, key) {
        Ok(key) => found.extend([key, decode(scope, value)]),
        Err(error) => too_long = Some(error),
    });
    slot.check(listed)?;
    match too_long {
        Some(error) => Err(error),
        None => Ok(v8::Array::new_with_elements(scope, &found)),
    }
}
