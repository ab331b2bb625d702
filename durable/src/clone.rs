//! Values of JavaScript as storage keeps them: the serialization format of V8
//! (<https://chromium.googlesource.com/v8/v8/+/main/src/objects/value-serializer.cc>),
//! read and written without an isolate, for tools.

mod read;
#[cfg(test)]
mod tests;
mod write;

pub use read::{DecodeError, decode};
pub use write::encode_json;

/// A value of JavaScript.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    Undefined,
    Null,
    Boolean(bool),
    Number(f64),
    /// Its decimal digits.
    BigInt(String),
    String(String),
    /// Milliseconds since 1970; NaN is an invalid date.
    Date(f64),
    RegExp {
        source: String,
        flags: String,
    },
    /// `None` is a hole.
    Array(Vec<Option<Value>>),
    /// Keys in the order of JavaScript.
    Object(Vec<(String, Value)>),
    Map(Vec<(Value, Value)>),
    Set(Vec<Value>),
    /// An `ArrayBuffer` or a view of one; the view's own bytes.
    Bytes {
        /// The class, such as `Uint8Array`.
        class: &'static str,
        bytes: Vec<u8>,
    },
    Error {
        name: String,
        message: String,
        /// Its other properties: `cause`, `stack`, and what it was given.
        properties: Vec<(String, Value)>,
    },
    /// An object that stands in the value already.
    Again {
        /// Whether it holds this place itself.
        is_circular: bool,
    },
    /// What only the host that wrote it can read.
    Opaque,
}
