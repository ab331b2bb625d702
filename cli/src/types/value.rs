//! Values as types of TypeScript.

use serde_json::Value;

/// The type that has this value only.
pub(super) fn literal(value: &Value) -> String {
    match value {
        Value::Array(items) => {
            let items: Vec<_> = items.iter().map(literal).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Object(entries) => object(entries, literal),
        // JSON is a part of TypeScript, but for the ends of comments: strings
        // have no such thing.
        other => other.to_string(),
    }
}

/// The type of values of this kind.
pub(super) fn kind(value: &Value) -> String {
    match value {
        Value::Null => "null".into(),
        Value::Bool(_) => "boolean".into(),
        Value::Number(_) => "number".into(),
        Value::String(_) => "string".into(),
        Value::Array(items) => {
            let mut kinds: Vec<_> = items.iter().map(kind).collect();
            kinds.sort();
            kinds.dedup();
            match &kinds[..] {
                [] => "unknown[]".into(),
                [one] if !one.contains(' ') => format!("{one}[]"),
                _ => format!("({})[]", kinds.join(" | ")),
            }
        }
        Value::Object(entries) => object(entries, kind),
    }
}

fn object(entries: &serde_json::Map<String, Value>, of: fn(&Value) -> String) -> String {
    if entries.is_empty() {
        return "{}".into();
    }
    let entries: Vec<_> =
        entries.iter().map(|(key, value)| format!("{}: {}", property(key), of(value))).collect();
    format!("{{ {} }}", entries.join("; "))
}

/// A name as the key of an interface.
pub(super) fn property(name: &str) -> String {
    if is_identifier(name) { name.to_owned() } else { Value::from(name).to_string() }
}

/// Whether a name needs no quotes.
pub(super) fn is_identifier(name: &str) -> bool {
    let mut characters = name.chars();
    let starts = |first: char| first.is_ascii_alphabetic() || matches!(first, '_' | '$');
    characters.next().is_some_and(starts)
        && characters.all(|next| starts(next) || next.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_types_of_themselves() {
        let value = json!({"a": [1, "x\"y"], "b-c": null, "d": {}, "e": true});
        assert_eq!(literal(&value), r#"{ a: [1, "x\"y"]; "b-c": null; d: {}; e: true }"#);
        assert_eq!(kind(&value), r#"{ a: (number | string)[]; "b-c": null; d: {}; e: boolean }"#);
        assert_eq!(kind(&json!([])), "unknown[]");
        assert_eq!(kind(&json!([1, 2])), "number[]");
        assert_eq!(kind(&json!([{"a": 1}])), "({ a: number })[]");
    }

    #[test]
    fn names_are_quoted_where_they_must_be() {
        for (name, quoted) in
            [("A", "A"), ("$a_1", "$a_1"), ("1a", "\"1a\""), ("a-b", "\"a-b\""), ("", "\"\"")]
        {
            assert_eq!(property(name), quoted);
        }
    }
}
