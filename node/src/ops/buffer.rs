//! Bytes to text and back, in Node's encodings; comparing and searching.

use deno_core::{op2, v8};
use deno_error::JsErrorBox;
use memchr::memmem;

/// Encodings by the numbers that `internal/util` gives them.
const ASCII: u32 = 0;
const UTF8: u32 = 1;
const BASE64: u32 = 2;
const UTF16: u32 = 3;
const LATIN1: u32 = 4;
const HEX: u32 = 5;
const BASE64URL: u32 = 7;

/// The longest string that V8 makes, in UTF-16 units.
const MAX_STRING: usize = (1 << 29) - 24;

const STANDARD: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const URL_SAFE: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

fn too_long() -> JsErrorBox {
    JsErrorBox::generic(format!("Cannot create a string longer than 0x{MAX_STRING:x} characters"))
}

/// The bytes from `start` to `end` as text.
#[op2]
pub(crate) fn op_node_buffer_decode<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    encoding: u32,
    #[buffer] bytes: &[u8],
    start: u32,
    end: u32,
) -> Result<v8::Local<'s, v8::String>, JsErrorBox> {
    let end = (end as usize).min(bytes.len());
    let bytes = bytes.get(start as usize..end).unwrap_or_default();
    let one_byte = |scope: &mut v8::PinScope<'s, '_>, bytes: &[u8]| {
        v8::String::new_from_one_byte(scope, bytes, v8::NewStringType::Normal).ok_or_else(too_long)
    };
    match encoding {
        ASCII => {
            let masked: Vec<u8> = bytes.iter().map(|byte| byte & 0x7f).collect();
            one_byte(scope, &masked)
        }
        LATIN1 => one_byte(scope, bytes),
        UTF16 => {
            let units: Vec<u16> =
                bytes.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect();
            v8::String::new_from_two_byte(scope, &units, v8::NewStringType::Normal)
                .ok_or_else(too_long)
        }
        HEX => one_byte(scope, &hex(bytes)),
        BASE64 => one_byte(scope, &base64(bytes, STANDARD, true)),
        BASE64URL => one_byte(scope, &base64(bytes, URL_SAFE, false)),
        UTF8 => {
            if bytes.is_ascii() {
                return one_byte(scope, bytes);
            }
            let text = String::from_utf8_lossy(bytes);
            v8::String::new(scope, &text).ok_or_else(too_long)
        }
        _ => Err(JsErrorBox::type_error("Unknown encoding")),
    }
}

fn hex(bytes: &[u8]) -> Vec<u8> {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digits = |byte: &u8| [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]];
    bytes.iter().flat_map(digits).collect()
}

fn base64(bytes: &[u8], alphabet: &[u8; 64], padded: bool) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let mut word = [0; 3];
        word[..chunk.len()].copy_from_slice(chunk);
        let bits = u32::from_be_bytes([0, word[0], word[1], word[2]]);
        for place in 0..4 {
            if place <= chunk.len() {
                out.push(alphabet[(bits >> (18 - 6 * place) & 63) as usize]);
            } else if padded {
                out.push(b'=');
            }
        }
    }
    out
}

/// The part of a buffer that may be written, from `offset` on.
fn room(bytes: &mut [u8], offset: u32, length: u32) -> &mut [u8] {
    let start = (offset as usize).min(bytes.len());
    let end = start.saturating_add(length as usize).min(bytes.len());
    &mut bytes[start..end]
}

/// Writes whole characters; gives how many bytes they took.
#[op2(fast)]
pub(crate) fn op_node_buffer_write_utf8(
    #[string] text: &str,
    #[buffer] bytes: &mut [u8],
    offset: u32,
    length: u32,
) -> u32 {
    let room = room(bytes, offset, length);
    let mut end = room.len().min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    room[..end].copy_from_slice(&text.as_bytes()[..end]);
    count(end)
}

/// Writes what hexadecimal digits say, up to what is none.
#[op2(fast)]
pub(crate) fn op_node_buffer_write_hex(
    #[string] text: &str,
    #[buffer] bytes: &mut [u8],
    offset: u32,
    length: u32,
) -> u32 {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|value| u8::try_from(value).ok());
    let mut written = 0;
    for (pair, place) in text.as_bytes().chunks_exact(2).zip(room(bytes, offset, length)) {
        let (Some(high), Some(low)) = (digit(pair[0]), digit(pair[1])) else { break };
        *place = high << 4 | low;
        written += 1;
    }
    written
}

/// Writes what base64 says, of either alphabet; passes over what belongs to none,
/// and ends at `=`.
#[op2(fast)]
pub(crate) fn op_node_buffer_write_base64(
    #[string] text: &str,
    #[buffer] bytes: &mut [u8],
    offset: u32,
    length: u32,
) -> u32 {
    let room = room(bytes, offset, length);
    let (mut bits, mut have, mut written) = (0u32, 0, 0);
    for byte in text.bytes() {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' | b'-' => 62,
            b'/' | b'_' => 63,
            b'=' => break,
            _ => continue,
        };
        bits = bits << 6 | u32::from(value);
        have += 6;
        if have >= 8 {
            have -= 8;
            let Some(place) = room.get_mut(written) else { break };
            *place = (bits >> have & 0xff) as u8;
            written += 1;
        }
    }
    count(written)
}

fn count(bytes: usize) -> u32 {
    u32::try_from(bytes).expect("array buffers are shorter than 4 GiB")
}

/// -1, 0 or 1, as the bytes of the left ones stand to those of the right.
#[op2(fast)]
pub(crate) fn op_node_buffer_compare(#[buffer] left: &[u8], #[buffer] right: &[u8]) -> i32 {
    left.cmp(right) as i32
}

#[op2(fast)]
pub(crate) fn op_node_buffer_is_ascii(#[buffer] bytes: &[u8]) -> bool {
    bytes.is_ascii()
}

#[op2(fast)]
pub(crate) fn op_node_buffer_is_utf8(#[buffer] bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_ok()
}

/// Where `needle` lies in `bytes`, or -1. Of places that are no multiple of `step`
/// from the start none counts.
#[op2(fast)]
#[number]
pub(crate) fn op_node_buffer_index_of(
    #[buffer] bytes: &[u8],
    #[buffer] needle: &[u8],
    from: u32,
    step: u32,
    forward: bool,
) -> i64 {
    let from = from as usize;
    let step = (step as usize).max(1);
    let found = if forward {
        let part = bytes.get(from..).unwrap_or_default();
        memmem::find_iter(part, needle).map(|at| at + from).find(|at| at % step == 0)
    } else {
        let end = from.saturating_add(needle.len()).min(bytes.len());
        memmem::rfind_iter(&bytes[..end], needle).find(|at| at % step == 0)
    };
    found.map_or(-1, |at| i64::try_from(at).expect("buffers are shorter than that"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_padded_or_not() {
        let text = |bytes: &[u8], padded| {
            let alphabet = if padded { STANDARD } else { URL_SAFE };
            String::from_utf8(base64(bytes, alphabet, padded)).unwrap()
        };
        assert_eq!(text(b"", true), "");
        assert_eq!(text(b"f", true), "Zg==");
        assert_eq!(text(b"fo", true), "Zm8=");
        assert_eq!(text(b"foo", true), "Zm9v");
        assert_eq!(text(b"f", false), "Zg");
        assert_eq!(text(&[0xfb, 0xff], true), "+/8=");
        assert_eq!(text(&[0xfb, 0xff], false), "-_8");
    }
}
