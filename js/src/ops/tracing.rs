//! Parts of events that code marks (`js/tracing.js`).

use deno_core::{OpState, op2, v8};
use selvedge_runtime::{SpanChange, SpanValue};

use super::isolate;

/// Marks a part of the event whose code runs, of another part (0: of none). Gives its
/// number; 0: nobody wants to know of it.
#[op2(nofast)]
#[smi]
pub(crate) fn op_span_begin(
    scope: &mut v8::PinScope,
    state: &mut OpState,
    #[string] name: String,
    #[smi] parent: u32,
) -> u32 {
    let isolate = isolate(state);
    match isolate.running_context(scope) {
        Some(context) => isolate.mark(context, name, parent),
        None => 0,
    }
}

/// The trace and the name of a part; 0: of the event whose code runs. Empty: nobody
/// wants to know of it.
#[op2]
#[string]
pub(crate) fn op_span_ids(
    scope: &mut v8::PinScope,
    state: &mut OpState,
    #[smi] number: u32,
) -> String {
    let isolate = isolate(state);
    let context = isolate.running_context(scope);
    match isolate.span_ids(context, number) {
        Some((trace, span)) => format!("{trace:032x}{span:016x}"),
        None => String::new(),
    }
}

/// Changes a part, or the event whose code runs (0). `kind`: 0 its name is `first`; 1 its
/// status is `first`, with the message `second`; 2 an exception of the name `first`, the
/// message `second` and the stack `third`; 3 `first` is JSON of attributes. Texts that
/// are not there are empty.
#[op2(nofast)]
pub(crate) fn op_span_change(
    scope: &mut v8::PinScope,
    state: &mut OpState,
    #[smi] number: u32,
    #[smi] kind: u32,
    #[string] first: &str,
    #[string] second: &str,
    #[string] third: &str,
) {
    let isolate = isolate(state);
    let attributes = if kind == 3 { attributes(first) } else { Vec::new() };
    let some = |text| Some(text).filter(|text: &&str| !text.is_empty());
    let change = match kind {
        0 => SpanChange::Name(first),
        1 => SpanChange::Status { code: first, message: some(second) },
        2 => SpanChange::Exception { name: first, message: second, stack: some(third) },
        _ => SpanChange::Attributes(&attributes),
    };
    if number != 0 {
        isolate.mark_changes(number, &change);
    } else if let Some(context) = isolate.running_context(scope) {
        isolate.event_changes(context, &change);
    }
}

/// A part is over; `json` is its attributes.
#[op2(fast)]
pub(crate) fn op_span_end(state: &mut OpState, #[smi] number: u32, #[string] json: &str) {
    isolate(state).mark_ends(number, attributes(json));
}

/// `[[name, value], ..]`. The platform writes it: what is not that is nothing.
fn attributes(json: &str) -> Vec<(String, SpanValue)> {
    let pairs: Vec<(String, serde_json::Value)> = serde_json::from_str(json).unwrap_or_default();
    let value = |value| match value {
        serde_json::Value::Bool(is) => Some(SpanValue::Bool(is)),
        serde_json::Value::Number(number) => number.as_f64().map(SpanValue::Number),
        serde_json::Value::String(text) => Some(SpanValue::Text(text)),
        _ => None,
    };
    pairs.into_iter().filter_map(|(name, it)| Some((name, value(it)?))).collect()
}
