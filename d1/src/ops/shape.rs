//! From the store's rows to what JavaScript gets.

use bytes::Bytes;
use deno_core::{ToV8, v8};
use deno_error::JsErrorBox;

use crate::store::{Meta, ResultSet, SqlValue};

/// As what rows are wanted. The numbers stand in `d1_database.js`, too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// An array: the rows as objects, then the figures.
    Objects,
    /// An array: the names of the columns, then the rows as arrays.
    Raw,
    /// The first row as an object, or null.
    First,
}

impl From<u32> for Kind {
    fn from(number: u32) -> Self {
        match number {
            1 => Self::Raw,
            2 => Self::First,
            _ => Self::Objects,
        }
    }
}

/// What JavaScript gets.
pub(crate) enum Shaped {
    One(ResultSet, Kind),
    /// An array of what one query has as [`Kind::Objects`].
    Many(Vec<ResultSet>),
    /// A string: the number of the query that failed, a colon, and why.
    Refused(String),
    Buffer(Bytes),
}

impl Shaped {
    pub(super) fn of(mut sets: Vec<ResultSet>, kind: Kind, is_batch: bool) -> Self {
        if is_batch {
            return Self::Many(sets);
        }
        Self::One(sets.pop().unwrap_or_default(), kind)
    }
}

impl<'a> ToV8<'a> for Shaped {
    type Error = JsErrorBox;

    fn to_v8(
        self,
        scope: &mut v8::PinScope<'a, '_>,
    ) -> Result<v8::Local<'a, v8::Value>, Self::Error> {
        match self {
            Self::One(set, kind) => one(scope, set, kind),
            Self::Many(sets) => {
                let mut shaped = Vec::with_capacity(sets.len());
                for set in sets {
                    shaped.push(one(scope, set, Kind::Objects)?);
                }
                Ok(v8::Array::new_with_elements(scope, &shaped).into())
            }
            Self::Refused(why) => text(scope, &why),
            Self::Buffer(bytes) => {
                let store = v8::ArrayBuffer::new_backing_store_from_vec(Vec::from(bytes));
                Ok(v8::ArrayBuffer::with_backing_store(scope, &store.make_shared()).into())
            }
        }
    }
}

type Shape<'s> = Result<v8::Local<'s, v8::Value>, JsErrorBox>;

fn one<'s>(scope: &mut v8::PinScope<'s, '_>, set: ResultSet, kind: Kind) -> Shape<'s> {
    let ResultSet { columns, values, rows, meta } = set;
    let names = columns.iter().map(|name| name_of(scope, name)).collect::<Result<Vec<_>, _>>()?;
    let mut values = values.into_iter();
    match kind {
        Kind::First if rows == 0 => Ok(v8::null(scope).into()),
        Kind::First => object(scope, &names, &mut values),
        Kind::Raw => {
            let mut shaped = Vec::with_capacity(rows);
            for _ in 0..rows {
                let mut row = Vec::with_capacity(names.len());
                for it in values.by_ref().take(names.len()) {
                    row.push(value(scope, it)?);
                }
                shaped.push(v8::Array::new_with_elements(scope, &row).into());
            }
            let names: Vec<v8::Local<v8::Value>> = names.into_iter().map(Into::into).collect();
            let names = v8::Array::new_with_elements(scope, &names).into();
            let rows = v8::Array::new_with_elements(scope, &shaped).into();
            Ok(v8::Array::new_with_elements(scope, &[names, rows]).into())
        }
        Kind::Objects => {
            let mut shaped = Vec::with_capacity(rows);
            for _ in 0..rows {
                shaped.push(object(scope, &names, &mut values)?);
            }
            let rows = v8::Array::new_with_elements(scope, &shaped).into();
            Ok(with_figures(scope, rows, &meta))
        }
    }
}

fn with_figures<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    rows: v8::Local<'s, v8::Value>,
    meta: &Meta,
) -> v8::Local<'s, v8::Value> {
    let changed = v8::Boolean::new(scope, meta.changed).into();
    let figures = [
        meta.duration,
        meta.changes as f64,
        meta.last_row_id as f64,
        meta.size_after as f64,
        meta.rows_read as f64,
        meta.rows_written as f64,
    ];
    let mut all = vec![rows, changed];
    all.extend(figures.map(|figure| v8::Local::<v8::Value>::from(v8::Number::new(scope, figure))));
    v8::Array::new_with_elements(scope, &all).into()
}

fn object<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    names: &[v8::Local<'s, v8::Name>],
    values: &mut impl Iterator<Item = SqlValue>,
) -> Shape<'s> {
    let object = v8::Object::new(scope);
    for (name, it) in names.iter().zip(values) {
        let it = value(scope, it)?;
        object.create_data_property(scope, *name, it);
    }
    Ok(object.into())
}

/// A value as JSON has it, for so it comes from Cloudflare's D1.
fn value<'s>(scope: &mut v8::PinScope<'s, '_>, value: SqlValue) -> Shape<'s> {
    Ok(match value {
        SqlValue::Null => v8::null(scope).into(),
        // What has more than 53 bits loses some.
        SqlValue::Integer(number) => v8::Number::new(scope, number as f64).into(),
        SqlValue::Real(number) if !number.is_finite() => v8::null(scope).into(),
        // There is no -0 either.
        SqlValue::Real(number) => v8::Number::new(scope, number + 0.0).into(),
        SqlValue::Text(value) => text(scope, &value)?,
        SqlValue::Blob(bytes) => {
            let bytes: Vec<v8::Local<v8::Value>> =
                bytes.iter().map(|byte| v8::Integer::new(scope, i32::from(*byte)).into()).collect();
            v8::Array::new_with_elements(scope, &bytes).into()
        }
    })
}

fn text<'s>(scope: &mut v8::PinScope<'s, '_>, text: &str) -> Shape<'s> {
    string(scope, text, v8::NewStringType::Normal).map(Into::into)
}

fn name_of<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    name: &str,
) -> Result<v8::Local<'s, v8::Name>, JsErrorBox> {
    string(scope, name, v8::NewStringType::Internalized).map(Into::into)
}

fn string<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    text: &str,
    how: v8::NewStringType,
) -> Result<v8::Local<'s, v8::String>, JsErrorBox> {
    let bytes = text.as_bytes();
    let string = if bytes.is_ascii() {
        v8::String::new_from_one_byte(scope, bytes, how)
    } else {
        v8::String::new_from_utf8(scope, bytes, how)
    };
    string.ok_or_else(|| JsErrorBox::range_error("Invalid string length"))
}
