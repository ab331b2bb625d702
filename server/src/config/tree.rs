//! A configuration file as a tree that remembers where each value stands, the
//! same for TOML and JSON.

use std::ops::Range;

use jsonc_parser::ast::{self, ObjectPropName};
use jsonc_parser::{CollectOptions, ParseOptions};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// More brackets inside of each other than any configuration has: the JSON
/// parser recurses.
const MAX_DEPTH: usize = 128;

/// A value and the bytes that it was read from.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) span: Range<usize>,
    pub(super) value: Value,
}

#[derive(Debug, Clone)]
pub(super) enum Value {
    Null,
    Bool(bool),
    Number(serde_json::Number),
    String(String),
    Array(Vec<Node>),
    Table(Table),
}

/// A table's entries in the order of the file.
#[derive(Debug, Clone, Default)]
pub(super) struct Table(pub(super) Vec<Entry>);

#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) key_span: Range<usize>,
    pub(super) node: Node,
}

/// Why a file is not a tree, and at which byte.
#[derive(Debug)]
pub(super) struct SyntaxError {
    pub(super) message: String,
    pub(super) offset: usize,
}

impl Table {
    /// The entry of this key; the last one, as in JavaScript.
    pub(super) fn get(&self, key: &str) -> Option<&Entry> {
        self.0.iter().rev().find(|entry| entry.key == key)
    }
}

impl Node {
    /// Whether it is a list or a table of nothing, however deep.
    pub(super) fn is_empty(&self) -> bool {
        match &self.value {
            Value::Array(items) => items.is_empty(),
            Value::Table(table) => table.0.iter().all(|entry| entry.node.is_empty()),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
        }
    }

    /// What JSON calls this kind of value.
    pub(super) fn kind(&self) -> &'static str {
        match &self.value {
            Value::Null => "null",
            Value::Bool(_) => "a boolean",
            Value::Number(_) => "a number",
            Value::String(_) => "a string",
            Value::Array(_) => "a list",
            Value::Table(_) => "a table",
        }
    }

    pub(super) fn to_json(&self) -> serde_json::Value {
        match &self.value {
            Value::Null => serde_json::Value::Null,
            Value::Bool(value) => (*value).into(),
            Value::Number(value) => value.clone().into(),
            Value::String(value) => value.clone().into(),
            Value::Array(values) => values.iter().map(Self::to_json).collect(),
            Value::Table(Table(entries)) => entries
                .iter()
                .map(|entry| (entry.key.clone(), entry.node.to_json()))
                .collect::<serde_json::Map<_, _>>()
                .into(),
        }
    }
}

// ----- TOML -----

/// Reads TOML.
pub(super) fn parse_toml(text: &str) -> Result<Table, SyntaxError> {
    let table = DeTable::parse(text).map_err(|error| SyntaxError {
        message: error.message().to_owned(),
        offset: error.span().map_or(0, |span| span.start),
    })?;
    toml_table(table.into_inner())
}

fn toml_table(table: DeTable<'_>) -> Result<Table, SyntaxError> {
    let mut entries = table
        .into_iter()
        .map(|(key, value)| {
            Ok(Entry {
                key_span: key.span(),
                key: key.into_inner().into_owned(),
                node: toml_node(value)?,
            })
        })
        .collect::<Result<Vec<_>, SyntaxError>>()?;
    entries.sort_by_key(|entry| entry.key_span.start);
    Ok(Table(entries))
}

fn toml_node(node: Spanned<DeValue<'_>>) -> Result<Node, SyntaxError> {
    let span = node.span();
    let value = match node.into_inner() {
        DeValue::String(text) => Value::String(text.into_owned()),
        DeValue::Boolean(value) => Value::Bool(value),
        // JSON has no dates: wrangler makes strings of them.
        DeValue::Datetime(date) => Value::String(date.to_string()),
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
            .map(|number| Value::Number(number.into()))
            .map_err(|_| at(&span, format!("{number} is not a 64-bit number")))?,
        DeValue::Float(number) => number
            .as_str()
            .parse()
            .ok()
            .and_then(serde_json::Number::from_f64)
            .map(Value::Number)
            .ok_or_else(|| at(&span, format!("{number} is a number that JSON cannot hold")))?,
        DeValue::Array(values) => {
            Value::Array(values.into_iter().map(toml_node).collect::<Result<_, _>>()?)
        }
        DeValue::Table(table) => Value::Table(toml_table(table)?),
    };
    Ok(Node { span, value })
}

// ----- JSON with comments -----

/// Reads JSON with comments and trailing commas.
pub(super) fn parse_json(text: &str) -> Result<Table, SyntaxError> {
    if let Some(offset) = too_deep(text) {
        return Err(SyntaxError {
            message: "too many brackets inside of each other".into(),
            offset,
        });
    }
    let options = ParseOptions::default();
    let parsed = jsonc_parser::parse_to_ast(text, &CollectOptions::default(), &options).map_err(
        |error| SyntaxError {
            message: error.kind().to_string().to_lowercase(),
            offset: error.range().start,
        },
    )?;
    match parsed.value {
        Some(ast::Value::Object(object)) => json_table(object),
        _ => Err(SyntaxError { message: "expected an object in braces".into(), offset: 0 }),
    }
}

fn json_table(object: ast::Object<'_>) -> Result<Table, SyntaxError> {
    let entries = object.properties.into_iter().map(|property| {
        let (key, range) = match property.name {
            ObjectPropName::String(name) => (name.value.into_owned(), name.range),
            ObjectPropName::Word(name) => (name.value.to_owned(), name.range),
        };
        Ok(Entry { key, key_span: range.start..range.end, node: json_node(property.value)? })
    });
    Ok(Table(entries.collect::<Result<_, SyntaxError>>()?))
}

fn json_node(value: ast::Value<'_>) -> Result<Node, SyntaxError> {
    let range = jsonc_parser::common::Ranged::range(&value);
    let span = range.start..range.end;
    let value = match value {
        ast::Value::NullKeyword(_) => Value::Null,
        ast::Value::BooleanLit(literal) => Value::Bool(literal.value),
        ast::Value::StringLit(literal) => Value::String(literal.value.into_owned()),
        ast::Value::NumberLit(literal) => serde_json::from_str(literal.value)
            .map(Value::Number)
            .map_err(|_| at(&span, format!("{} is not a JSON number", literal.value)))?,
        ast::Value::Array(array) => Value::Array(
            array.elements.into_iter().map(json_node).collect::<Result<_, SyntaxError>>()?,
        ),
        ast::Value::Object(object) => Value::Table(json_table(object)?),
    };
    Ok(Node { span, value })
}

fn at(span: &Range<usize>, message: String) -> SyntaxError {
    SyntaxError { message, offset: span.start }
}

/// The first byte that stands too deep in brackets. Comments are read as text,
/// which can only blame a file that is odd anyway.
fn too_deep(text: &str) -> Option<usize> {
    let (mut depth, mut quoted, mut escaped) = (0usize, false, false);
    for (offset, byte) in text.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'[' | b'{' if !quoted => depth += 1,
            b']' | b'}' if !quoted => depth = depth.saturating_sub(1),
            // A string does not span lines: one in a comment ends here.
            b'\n' => quoted = false,
            _ => {}
        }
        if depth > MAX_DEPTH {
            return Some(offset);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_formats_give_the_same_tree_with_places() {
        let toml = parse_toml("a = \"x\"\n[b]\nc = [1, 2.5, true]\n").expect("valid");
        let json =
            parse_json("{ // note\n \"a\": \"x\", b: {\"c\": [1, 2.5, true,]}, }").expect("valid");
        for table in [&toml, &json] {
            assert_eq!(table.get("a").expect("a").node.to_json(), "x");
            assert_eq!(
                table.get("b").expect("b").node.to_json(),
                serde_json::json!({"c": [1, 2.5, true]})
            );
        }
        assert_eq!(toml.get("a").expect("a").key_span, 0..1);
        assert_eq!(toml.get("a").expect("a").node.span, 4..7);
        assert_eq!(json.get("a").expect("a").key_span, 11..14);
    }

    #[test]
    fn what_json_cannot_hold_is_refused() {
        assert!(parse_toml("a = inf").is_err());
        assert!(parse_toml("a = 99999999999999999999").is_err());
        assert_eq!(parse_toml("a = 0x1F").expect("valid").get("a").expect("a").node.to_json(), 31);
        assert_eq!(
            parse_toml("a = 2024-01-02").expect("valid").get("a").expect("a").node.to_json(),
            "2024-01-02"
        );
    }

    #[test]
    fn a_tower_of_brackets_is_an_error_not_an_overflow() {
        let error = parse_json(&format!("{{\"a\":{}", "[".repeat(1_000_000))).expect_err("deep");
        assert_eq!(error.offset, 5 + MAX_DEPTH - 1);
        assert!(parse_toml(&format!("a = {}", "[".repeat(1_000_000))).is_err());
    }
}
