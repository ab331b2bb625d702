//! Values, rows and figures as JSON, as Cloudflare's API has them.

use serde_json::{Map, Number, Value, json};

use crate::rules;
use crate::store::{Meta, Query, ResultSet, SqlValue, split};

/// What JSON binds to a parameter.
///
/// # Errors
/// When it is no value of SQL: the reason.
pub fn bound(value: Value) -> Result<SqlValue, String> {
    Ok(match value {
        Value::Null => SqlValue::Null,
        Value::Bool(value) => SqlValue::Integer(i64::from(value)),
        Value::Number(number) => match number.as_i64() {
            Some(number) => SqlValue::Integer(number),
            None => SqlValue::Real(number.as_f64().unwrap_or_default()),
        },
        Value::String(text) => SqlValue::Text(text),
        Value::Array(list) => SqlValue::Blob(
            list.iter()
                .map(|byte| byte.as_u64().and_then(|byte| u8::try_from(byte).ok()))
                .collect::<Option<_>>()
                .ok_or("an array that is bound has numbers from 0 to 255")?,
        ),
        Value::Object(_) => return Err("an object cannot be bound".to_owned()),
    })
}

/// The queries of a call: texts, and what is bound to them. A text of many
/// statements without parameters has a result for each.
///
/// # Errors
/// The reason, for who asks.
pub fn queries(
    asked: impl IntoIterator<Item = (String, Vec<Value>)>,
) -> Result<Vec<Query>, String> {
    let mut queries = Vec::new();
    for (sql, params) in asked {
        if rules::is_nothing(&sql) {
            continue;
        }
        if params.is_empty() {
            queries.extend(split(&sql));
            continue;
        }
        let params = params.into_iter().map(bound).collect::<Result<_, _>>()?;
        queries.push(Query { sql, params });
    }
    if queries.is_empty() {
        return Err(rules::NO_STATEMENTS.to_owned());
    }
    Ok(queries)
}

/// What one query gave, with its rows in this shape.
pub fn result(set: ResultSet, rows: fn(ResultSet) -> Value) -> Value {
    let meta = meta(&set.meta);
    json!({ "results": rows(set), "success": true, "meta": meta })
}

/// A value of SQL.
pub fn value(value: SqlValue) -> Value {
    match value {
        SqlValue::Null => Value::Null,
        SqlValue::Integer(number) => number.into(),
        SqlValue::Real(number) => Number::from_f64(number).map_or(Value::Null, Value::Number),
        SqlValue::Text(text) => text.into(),
        SqlValue::Blob(bytes) => bytes.into(),
    }
}

/// The rows as objects.
pub fn objects(set: ResultSet) -> Value {
    let ResultSet { columns, values, rows, .. } = set;
    let mut values = values.into_iter();
    let row = |_| {
        let cells = columns.iter().cloned().zip(values.by_ref().map(value));
        Value::Object(cells.collect::<Map<_, _>>())
    };
    (0..rows).map(row).collect()
}

/// The columns, and the rows as arrays.
pub fn raw(set: ResultSet) -> Value {
    let ResultSet { columns, values, rows, .. } = set;
    let mut values = values.into_iter();
    let row = |_| values.by_ref().take(columns.len()).map(value).collect::<Value>();
    let rows: Vec<Value> = (0..rows).map(row).collect();
    json!({ "columns": columns, "rows": rows })
}

/// The figures of a query.
pub fn meta(meta: &Meta) -> Value {
    json!({
        "served_by": "selvedge",
        "served_by_primary": true,
        "duration": meta.duration,
        "timings": { "sql_duration_ms": meta.duration },
        "changes": meta.changes,
        "last_row_id": meta.last_row_id,
        "changed_db": meta.changed,
        "size_after": meta.size_after,
        "rows_read": meta.rows_read,
        "rows_written": meta.rows_written,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_go_there_and_back() {
        for json in [json!(null), json!(7), json!(1.5), json!("a"), json!([0, 255])] {
            assert_eq!(value(bound(json.clone()).expect("a value")), json);
        }
        assert_eq!(bound(json!(true)), Ok(SqlValue::Integer(1)));
        for wrong in [json!({}), json!([256]), json!(["a"])] {
            assert!(bound(wrong).is_err());
        }
    }

    #[test]
    fn rows_have_both_shapes() {
        let set = ResultSet {
            columns: vec!["a".to_owned(), "b".to_owned()],
            values: vec![
                SqlValue::Integer(1),
                SqlValue::Null,
                SqlValue::Integer(2),
                SqlValue::Null,
            ],
            rows: 2,
            ..ResultSet::default()
        };
        assert_eq!(objects(set.clone()), json!([{ "a": 1, "b": null }, { "a": 2, "b": null }]));
        assert_eq!(raw(set), json!({ "columns": ["a", "b"], "rows": [[1, null], [2, null]] }));
    }
}
