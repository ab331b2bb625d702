//! What may stand in the value of a key: the sub-keys that wrangler knows, and
//! the kinds of their values.

use super::diagnostic::nearest;
use super::tree::{Node, Table, Value};

/// The kind of a value.
#[derive(Debug, Clone, Copy)]
pub(super) enum Shape {
    /// Anything that JSON can hold.
    Any,
    Text,
    Flag,
    Number,
    /// One of these strings.
    OneOf(&'static [&'static str]),
    List(&'static Shape),
    /// A table whose keys the user chooses.
    Map(&'static Shape),
    /// A table with these keys.
    Table(&'static [Field]),
    /// The first of these that fits.
    Either(&'static [Shape]),
}

/// A key of a table.
#[derive(Debug, Clone, Copy)]
pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) shape: Shape,
    pub(super) required: bool,
}

/// A key that may be there.
pub(super) const fn may(name: &'static str, shape: Shape) -> Field {
    Field { name, shape, required: false }
}

/// A key that must be there.
pub(super) const fn must(name: &'static str, shape: Shape) -> Field {
    Field { name, shape, required: true }
}

/// What does not fit.
pub(super) struct Misfit {
    /// The byte where the unknown key or the wrong value stands.
    pub(super) offset: usize,
    pub(super) message: String,
    /// What to do about it.
    pub(super) hint: Option<String>,
    pub(super) is_unknown_key: bool,
}

impl Shape {
    /// All that does not fit in a value, in the order of the file.
    pub(super) fn misfits(&self, name: &str, node: &Node) -> Vec<Misfit> {
        let mut misfits = Vec::new();
        self.check(name, node, &mut misfits);
        misfits.sort_by_key(|misfit| misfit.offset);
        misfits
    }

    fn check(&self, name: &str, node: &Node, misfits: &mut Vec<Misfit>) {
        match (self, &node.value) {
            (Self::Any, _)
            | (Self::Text, Value::String(_))
            | (Self::Flag, Value::Bool(_))
            | (Self::Number, Value::Number(_)) => {}
            (Self::OneOf(allowed), Value::String(given)) => {
                if !allowed.contains(&given.as_str()) {
                    let hint = match nearest(given, allowed.iter().copied()) {
                        Some(near) => format!("did you mean \"{near}\"?"),
                        None => format!("it is one of {}", allowed.join(", ")),
                    };
                    let message = format!("\"{name}\" cannot be \"{given}\"");
                    misfits.push(Misfit { hint: Some(hint), ..wrong(node, message) });
                }
            }
            (Self::List(item), Value::Array(nodes)) => {
                for (index, node) in nodes.iter().enumerate() {
                    item.check(&format!("{name}[{index}]"), node, misfits);
                }
            }
            (Self::Map(value), Value::Table(table)) => {
                for entry in &table.0 {
                    value.check(&format!("{name}.{}", entry.key), &entry.node, misfits);
                }
            }
            (Self::Table(fields), Value::Table(table)) => {
                check_table(fields, name, node, table, misfits);
            }
            (Self::Either(shapes), _) => check_either(shapes, name, node, misfits),
            _ => misfits.push(wrong(
                node,
                format!("\"{name}\" must be {}, not {}", self.kind(), node.kind()),
            )),
        }
    }

    /// What messages call this kind.
    fn kind(&self) -> String {
        match self {
            Self::Any => "a value".into(),
            Self::Text | Self::OneOf(_) => "a string".into(),
            Self::Flag => "true or false".into(),
            Self::Number => "a number".into(),
            Self::List(_) => "a list".into(),
            Self::Map(_) | Self::Table(_) => "a table".into(),
            Self::Either(shapes) => kinds(shapes),
        }
    }

    /// Whether a value is of this kind on its outside.
    fn takes(&self, node: &Node) -> bool {
        match self {
            Self::Any => true,
            Self::Text | Self::OneOf(_) => matches!(node.value, Value::String(_)),
            Self::Flag => matches!(node.value, Value::Bool(_)),
            Self::Number => matches!(node.value, Value::Number(_)),
            Self::List(_) => matches!(node.value, Value::Array(_)),
            Self::Map(_) | Self::Table(_) => matches!(node.value, Value::Table(_)),
            Self::Either(shapes) => shapes.iter().any(|shape| shape.takes(node)),
        }
    }
}

fn check_table(
    fields: &[Field],
    name: &str,
    node: &Node,
    table: &Table,
    misfits: &mut Vec<Misfit>,
) {
    for entry in &table.0 {
        let full = format!("{name}.{}", entry.key);
        if let Some(field) = fields.iter().find(|field| field.name == entry.key) {
            field.shape.check(&full, &entry.node, misfits);
            continue;
        }
        let near = nearest(&entry.key, fields.iter().map(|field| field.name));
        misfits.push(Misfit {
            offset: entry.key_span.start,
            message: format!("unknown key \"{full}\""),
            hint: near.map(|near| format!("did you mean \"{near}\"?")),
            is_unknown_key: true,
        });
    }
    for field in fields.iter().filter(|field| field.required) {
        if table.get(field.name).is_none() {
            misfits.push(wrong(node, format!("\"{name}\" needs \"{}\"", field.name)));
        }
    }
}

/// Of those that take this kind of value, the one with the fewest misfits is
/// what was meant.
fn check_either(shapes: &[Shape], name: &str, node: &Node, misfits: &mut Vec<Misfit>) {
    let best = shapes
        .iter()
        .filter(|shape| shape.takes(node))
        .map(|shape| shape.misfits(name, node))
        .min_by_key(Vec::len);
    match best {
        Some(best) => misfits.extend(best),
        None => {
            let message = format!("\"{name}\" must be {}, not {}", kinds(shapes), node.kind());
            misfits.push(wrong(node, message));
        }
    }
}

/// What messages call any of these kinds.
fn kinds(shapes: &[Shape]) -> String {
    let mut kinds: Vec<_> = shapes.iter().map(Shape::kind).collect();
    kinds.dedup();
    kinds.join(" or ")
}

fn wrong(node: &Node, message: String) -> Misfit {
    Misfit { offset: node.span.start, message, hint: None, is_unknown_key: false }
}
