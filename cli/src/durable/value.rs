//! Values of JavaScript as JSON.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use selvedge_durable::clone::{Value, decode};
use serde_json::{Map, Number, json};

use super::time::iso;

/// The JSON of a stored value; what cannot be read is told instead of it.
pub(super) fn json_of(bytes: &[u8]) -> serde_json::Value {
    match decode(bytes) {
        Ok(value) => to_json(&value),
        Err(error) => json!(format!("<{error}>")),
    }
}

fn to_json(value: &Value) -> serde_json::Value {
    match value {
        Value::Undefined => json!("<undefined>"),
        Value::Null => serde_json::Value::Null,
        Value::Boolean(value) => json!(value),
        Value::Number(value) => number(*value),
        Value::BigInt(digits) => json!({ "$bigint": digits }),
        Value::String(text) => json!(text),
        Value::Date(unix_ms) if unix_ms.is_nan() => json!("<invalid date>"),
        Value::Date(unix_ms) => json!({ "$date": iso(*unix_ms as i64) }),
        Value::RegExp { source, flags } => json!(format!("</{source}/{flags}>")),
        Value::Array(items) => {
            let item = |item: &Option<Value>| item.as_ref().map_or(json!("<empty>"), to_json);
            items.iter().map(item).collect()
        }
        Value::Object(entries) => {
            let entry = |(key, value): &(String, Value)| (key.clone(), to_json(value));
            serde_json::Value::Object(entries.iter().map(entry).collect::<Map<_, _>>())
        }
        Value::Map(entries) => {
            let entry = |(key, value): &(Value, Value)| json!([to_json(key), to_json(value)]);
            json!({ "$map": entries.iter().map(entry).collect::<Vec<_>>() })
        }
        Value::Set(items) => json!({ "$set": items.iter().map(to_json).collect::<Vec<_>>() }),
        Value::Bytes { class, bytes } => {
            json!({ "$bytes": BASE64_STANDARD.encode(bytes), "class": class })
        }
        Value::Error { name, message, properties } => {
            let entry = |(key, value): &(String, Value)| (key.clone(), to_json(value));
            let head = [("$error".to_owned(), json!(name)), ("message".to_owned(), json!(message))];
            head.into_iter().chain(properties.iter().map(entry)).collect()
        }
        Value::Again { is_circular: true } => json!("<circular>"),
        Value::Again { is_circular: false } => json!("<as before>"),
        Value::Opaque => json!("<an object of the platform>"),
    }
}

/// Whole numbers without a point, as JavaScript prints them.
fn number(value: f64) -> serde_json::Value {
    const MAX_SAFE: f64 = 9_007_199_254_740_991.0;
    if value.fract() == 0.0 && value.abs() <= MAX_SAFE {
        return json!(value as i64);
    }
    match Number::from_f64(value) {
        Some(number) => serde_json::Value::Number(number),
        None if value.is_nan() => json!("<NaN>"),
        None if value > 0.0 => json!("<Infinity>"),
        None => json!("<-Infinity>"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_json_has_no_word_for_is_told_apart() {
        let text = |text: &str| Value::String(text.into());
        let value = Value::Object(vec![
            ("n".into(), Value::Number(3.0)),
            ("nan".into(), Value::Number(f64::NAN)),
            ("big".into(), Value::BigInt("-12".into())),
            ("date".into(), Value::Date(1_700_000_000_123.0)),
            ("map".into(), Value::Map(vec![(text("k"), Value::Null)])),
            ("set".into(), Value::Set(vec![Value::Number(1.5)])),
            ("bytes".into(), Value::Bytes { class: "Uint8Array", bytes: vec![1, 2] }),
            ("list".into(), Value::Array(vec![None, Some(Value::Undefined)])),
            ("self".into(), Value::Again { is_circular: true }),
            (
                "error".into(),
                Value::Error {
                    name: "TypeError".into(),
                    message: "bad".into(),
                    properties: vec![("code".into(), Value::Number(5.0))],
                },
            ),
        ]);
        let expected = json!({
            "n": 3,
            "nan": "<NaN>",
            "big": { "$bigint": "-12" },
            "date": { "$date": "2023-11-14T22:13:20.123Z" },
            "map": { "$map": [["k", null]] },
            "set": { "$set": [1.5] },
            "bytes": { "$bytes": "AQI=", "class": "Uint8Array" },
            "list": ["<empty>", "<undefined>"],
            "self": "<circular>",
            "error": { "$error": "TypeError", "message": "bad", "code": 5 },
        });
        assert_eq!(to_json(&value), expected);
        assert_eq!(json_of(b"x"), json!("<the value is damaged at byte 0>"));
    }
}
