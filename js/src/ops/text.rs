//! Long texts as UTF-8, in buffers that V8 has made: so it knows of their memory,
//! and collects them as soon as nobody has them any more.

use deno_core::{op2, v8};
use selvedge_runtime::text;

/// The number of bytes that a text has as UTF-8, or -1 if it is not in Latin-1.
#[op2(fast)]
#[smi]
pub(crate) fn op_utf8_length(
    scope: &mut v8::PinScope<'_, '_>,
    value: v8::Local<'_, v8::Value>,
) -> i32 {
    let length = value
        .try_cast::<v8::String>()
        .ok()
        .and_then(|text| text::latin1_utf8_length(scope, text))
        .and_then(|length| i32::try_from(length).ok());
    length.unwrap_or(-1)
}

/// Writes such a text into a buffer of that length.
#[op2(fast)]
pub(crate) fn op_utf8_write(
    scope: &mut v8::PinScope<'_, '_>,
    value: v8::Local<'_, v8::Value>,
    #[buffer] out: &mut [u8],
) -> bool {
    value.try_cast::<v8::String>().is_ok_and(|text| text::write_latin1_utf8(scope, text, out))
}
