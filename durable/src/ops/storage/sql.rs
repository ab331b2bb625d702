//! `storage.sql`: statements and cursors.

use deno_core::{OpState, op2, v8};
use deno_error::JsErrorBox;

use super::value::text;
use super::{Running, Slot, Storages, operate, slot};
use crate::error::Error;
use crate::store::{Cursor, SqlValue};

/// The rows of a query that JavaScript has not seen. One row is read ahead, as
/// in workerd: what is deleted after a row was asked for can be the next one.
pub(super) struct OpenCursor {
    cursor: Cursor,
    ahead: Option<Vec<SqlValue>>,
}

impl OpenCursor {
    fn new(mut cursor: Cursor) -> Result<Self, Error> {
        let ahead = cursor.next_row()?;
        Ok(Self { cursor, ahead })
    }

    fn take(&mut self) -> Result<Option<Vec<SqlValue>>, Error> {
        let Some(row) = self.ahead.take() else { return Ok(None) };
        self.ahead = self.cursor.next_row()?;
        Ok(Some(row))
    }
}

/// What a Worker binds to a parameter. JavaScript made it one of these.
fn binding(
    scope: &mut v8::PinScope<'_, '_>,
    value: v8::Local<'_, v8::Value>,
) -> Result<SqlValue, JsErrorBox> {
    if value.is_null_or_undefined() {
        return Ok(SqlValue::Null);
    }
    if value.is_string() {
        return Ok(SqlValue::Text(value.to_rust_string_lossy(scope)));
    }
    if let Ok(bytes) = v8::Local::<v8::ArrayBufferView>::try_from(value) {
        let mut copy = vec![0; bytes.byte_length()];
        bytes.copy_contents(&mut copy);
        return Ok(SqlValue::Blob(copy));
    }
    match value.number_value(scope) {
        Some(number) if value.is_number() => Ok(SqlValue::Real(number)),
        _ => Err(JsErrorBox::type_error("this is no value of SQL")),
    }
}

fn value<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    value: SqlValue,
) -> Result<v8::Local<'s, v8::Value>, JsErrorBox> {
    Ok(match value {
        SqlValue::Null => v8::null(scope).into(),
        // As in Cloudflare's, what has more than 53 bits loses some.
        SqlValue::Integer(number) => v8::Number::new(scope, number as f64).into(),
        SqlValue::Real(number) => v8::Number::new(scope, number).into(),
        SqlValue::Text(value) => text(scope, &value)?,
        SqlValue::Blob(bytes) => {
            let store = v8::ArrayBuffer::new_backing_store_from_vec(bytes).make_shared();
            v8::ArrayBuffer::with_backing_store(scope, &store).into()
        }
    })
}

fn names<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    cursor: &Cursor,
) -> Result<Vec<v8::Local<'s, v8::Value>>, JsErrorBox> {
    cursor.columns().iter().map(|name| text(scope, name)).collect()
}

fn row<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    names: Option<&[v8::Local<'s, v8::Value>]>,
    values: Vec<SqlValue>,
) -> Result<v8::Local<'s, v8::Value>, JsErrorBox> {
    let Some(names) = names else {
        let values: Result<Vec<_>, _> = values.into_iter().map(|it| value(scope, it)).collect();
        return Ok(v8::Array::new_with_elements(scope, &values?).into());
    };
    let object = v8::Object::new(scope);
    for (name, it) in names.iter().zip(values) {
        let it = value(scope, it)?;
        // An assignment to `__proto__` would not make a property either.
        if let Ok(name) = v8::Local::<v8::Name>::try_from(*name)
            && !is_proto(scope, name)
        {
            object.create_data_property(scope, name, it);
        }
    }
    Ok(object.into())
}

fn is_proto(scope: &mut v8::PinScope<'_, '_>, name: v8::Local<'_, v8::Name>) -> bool {
    v8::Local::<v8::String>::try_from(name)
        .is_ok_and(|name| name.length() == 9 && name.to_rust_string_lossy(scope) == "__proto__")
}

/// Runs SQL to the first row of its last statement. Gives the cursor's number (0
/// if there is no row), the names of the columns, and how many rows were read and
/// written.
#[op2]
pub(crate) fn op_do_sql_exec<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    state: &mut OpState,
    #[smi] number: u32,
    #[string] query: String,
    bindings: v8::Local<'s, v8::Array>,
) -> Result<v8::Local<'s, v8::Array>, JsErrorBox> {
    let (storages, slot, _span) = operate(state, number)?;
    let mut values = Vec::with_capacity(bindings.length() as usize);
    for index in 0..bindings.length() {
        if let Some(value) = bindings.get_index(scope, index) {
            values.push(binding(scope, value)?);
        }
    }
    let _running = Running::enter(&storages, &slot);
    let had_writes = slot.storage.has_uncommitted();
    let opened = slot.storage.exec(&query, &values).and_then(OpenCursor::new);
    if had_writes || slot.storage.has_uncommitted() {
        storages.writes(&slot, false);
    }
    let open = slot.check(opened)?;
    let names = names(scope, &open.cursor)?;
    let head = [
        v8::Integer::new_from_unsigned(scope, 0).into(),
        v8::Array::new_with_elements(scope, &names).into(),
        v8::Number::new(scope, open.cursor.rows_read() as f64).into(),
        v8::Number::new(scope, open.cursor.rows_written() as f64).into(),
    ];
    let head = v8::Array::new_with_elements(scope, &head);
    if open.ahead.is_some() {
        let id = storages.next_cursor.get();
        storages.next_cursor.set(id.checked_add(1).unwrap_or(1));
        slot.cursors.borrow_mut().insert(id, open);
        let id = v8::Integer::new_from_unsigned(scope, id).into();
        head.set_index(scope, 0, id);
    }
    Ok(head)
}

/// Up to `count` further rows, as objects or as arrays. Before them stand
/// whether there are no more, and how many rows were read and written by now.
#[op2]
pub(crate) fn op_do_sql_next<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    state: &mut OpState,
    #[smi] number: u32,
    #[smi] id: u32,
    #[smi] count: u32,
    is_raw: bool,
) -> Result<v8::Local<'s, v8::Array>, JsErrorBox> {
    let (storages, slot) = slot(state, number)?;
    let taken = slot.cursors.borrow_mut().remove(&id);
    let Some(mut open) = taken else {
        return Err(JsErrorBox::generic(
            "SQLite query was canceled because the database was deleted.",
        ));
    };
    let names = if is_raw { None } else { Some(names(scope, &open.cursor)?) };
    let mut rows = vec![v8::undefined(scope).into(); 3];
    let _running = Running::enter(&storages, &slot);
    for _ in 0..count {
        let taken = step(&storages, &slot, &mut open)?;
        let Some(values) = taken else { break };
        rows.push(row(scope, names.as_deref(), values)?);
        if open.ahead.is_none() {
            break;
        }
    }
    rows[0] = v8::Boolean::new(scope, open.ahead.is_none()).into();
    rows[1] = v8::Number::new(scope, open.cursor.rows_read() as f64).into();
    rows[2] = v8::Number::new(scope, open.cursor.rows_written() as f64).into();
    if open.ahead.is_some() {
        slot.cursors.borrow_mut().insert(id, open);
    }
    Ok(v8::Array::new_with_elements(scope, &rows))
}

fn step(
    storages: &Storages,
    slot: &std::rc::Rc<Slot>,
    open: &mut OpenCursor,
) -> Result<Option<Vec<SqlValue>>, JsErrorBox> {
    let taken = open.take();
    if slot.storage.has_uncommitted() {
        storages.writes(slot, false);
    }
    slot.check(taken)
}

/// Nobody asks for the rest of the rows.
#[op2(fast)]
pub(crate) fn op_do_sql_close(state: &mut OpState, #[smi] number: u32, #[smi] id: u32) {
    if let Ok((_, slot)) = slot(state, number) {
        slot.cursors.borrow_mut().remove(&id);
    }
}

/// The size of the database in bytes.
#[op2(fast)]
pub(crate) fn op_do_sql_size(state: &mut OpState, #[smi] number: u32) -> Result<f64, JsErrorBox> {
    let (_, slot) = slot(state, number)?;
    Ok(slot.check(slot.storage.database_size())? as f64)
}
