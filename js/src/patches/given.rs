//! Classes of deno_web that a Worker sees as functions: see `js/core/interfaces.js`.

use super::{
    ABORT, COMPRESSION, ENCODING, EVENT, EXCEPTION, FILE, PERFORMANCE, PORT, STREAMS, URL,
    URLPATTERN,
};

/// Those that extend nothing, of which a Worker, or a class that extends them, makes objects.
pub(crate) const GIVEN: &[(&str, &[&str])] = &[
    (URL, &["URL", "URLSearchParams"]),
    (EXCEPTION, &["DOMException"]),
    (URLPATTERN, &["URLPattern"]),
    (EVENT, &["Event", "EventTarget"]),
    (ABORT, &["AbortController"]),
    (
        STREAMS,
        &[
            "ByteLengthQueuingStrategy",
            "CountQueuingStrategy",
            "ReadableStream",
            "ReadableStreamBYOBReader",
            "ReadableStreamDefaultReader",
            "TransformStream",
            "WritableStream",
            "WritableStreamDefaultWriter",
        ],
    ),
    (ENCODING, &["TextDecoder", "TextDecoderStream", "TextEncoder", "TextEncoderStream"]),
    (FILE, &["Blob"]),
    (PORT, &["MessageChannel"]),
    (COMPRESSION, &["CompressionStream", "DecompressionStream"]),
    (PERFORMANCE, &["PerformanceEntry", "PerformanceObserver"]),
];

/// Has a class of a script extend `Given`.
///
/// # Panics
/// When the class is not there, extends another or has no constructor.
pub(crate) fn extend_given(source: &str, class: &str) -> String {
    let head = format!("\nclass {class} {{\n");
    assert_eq!(source.matches(&head).count(), 1, "class {class}");
    let (before, rest) = source.split_once(&head).expect("it was found");
    let (members, rest) = rest.split_once("  constructor(").expect("it has a constructor");
    assert!(!members.contains("\n}\n"), "{class} has no constructor");
    let (parameters, rest) = rest.split_once(") {\n").expect("its constructor has a body");
    format!(
        "{before}\nclass {class} extends core.Given {{\n{members}  constructor({parameters}) {{\n    \
         super();\n{rest}"
    )
}
