//! The value of one key, handed to the code that it concerns: a binding's crate
//! reads its tables into structs of its own, and errors keep their place.

use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde_path_to_error::Segment;

use super::diagnostic::Diagnostic;
use super::settings::Source;
use super::tree::{Node, Value};

/// A value of the configuration, as the chosen environment has it.
#[derive(Debug, Clone)]
pub struct Section {
    source: Arc<Source>,
    key: &'static str,
    name: String,
    node: Node,
}

impl Section {
    pub(super) fn new(source: Arc<Source>, key: &'static str, name: String, node: Node) -> Self {
        Self { source, key, name, node }
    }

    /// The key at the top level that it belongs to, such as `kv_namespaces`.
    pub fn key(&self) -> &'static str {
        self.key
    }

    /// What messages call it, such as `env.live.kv_namespaces[0].id`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The value as JSON.
    pub fn to_json(&self) -> serde_json::Value {
        self.node.to_json()
    }

    /// The string, if it is one.
    pub fn as_str(&self) -> Option<&str> {
        match &self.node.value {
            Value::String(text) => Some(text),
            _ => None,
        }
    }

    /// The value of a key in this table, if this is a table that has it.
    pub fn get(&self, key: &str) -> Option<Self> {
        let Value::Table(table) = &self.node.value else { return None };
        let entry = table.get(key)?;
        Some(self.part(format!("{}.{key}", self.name), &entry.node))
    }

    /// The keys and values of this table, in the order of the file.
    ///
    /// # Errors
    /// When it is no table.
    pub fn entries(&self) -> Result<Vec<(String, Self)>, Diagnostic> {
        let Value::Table(table) = &self.node.value else { return Err(self.expected("a table")) };
        let entry = |entry: &super::tree::Entry| {
            let name = format!("{}.{}", self.name, entry.key);
            (entry.key.clone(), self.part(name, &entry.node))
        };
        Ok(table.0.iter().map(entry).collect())
    }

    /// The items of this list.
    ///
    /// # Errors
    /// When it is no list.
    pub fn items(&self) -> Result<Vec<Self>, Diagnostic> {
        let Value::Array(nodes) = &self.node.value else { return Err(self.expected("a list")) };
        let item = |(index, node)| self.part(format!("{}[{index}]", self.name), node);
        Ok(nodes.iter().enumerate().map(item).collect())
    }

    /// Reads the value into a type.
    ///
    /// # Errors
    /// At the place that does not fit.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, Diagnostic> {
        serde_path_to_error::deserialize(self.node.to_json()).map_err(|error| {
            let mut at = self.clone();
            for segment in error.path() {
                let below = match segment {
                    Segment::Map { key } => at.get(key),
                    Segment::Seq { index } => {
                        at.items().ok().and_then(|items| items.into_iter().nth(*index))
                    }
                    Segment::Enum { .. } | Segment::Unknown => None,
                };
                match below {
                    Some(below) => at = below,
                    None => break,
                }
            }
            at.error(format!("\"{}\": {}", at.name, error.inner()))
        })
    }

    /// An error at this value.
    pub fn error(&self, message: impl Into<String>) -> Diagnostic {
        self.source.error(self.node.span.start, message)
    }

    /// A warning at this value, on one line.
    pub fn warning(&self, message: &str) -> String {
        self.source.warning(self.node.span.start, message)
    }

    fn expected(&self, what: &str) -> Diagnostic {
        self.error(format!("\"{}\" must be {what}, not {}", self.name, self.node.kind()))
    }

    fn part(&self, name: String, node: &Node) -> Self {
        Self { source: self.source.clone(), key: self.key, name, node: node.clone() }
    }
}
