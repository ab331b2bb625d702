//! Values on their way between V8 and storage. They are stored in V8's
//! serialization format. Numbers, text and the like are written and read right
//! here; all else comes and goes as bytes that JavaScript serializes.

use deno_core::v8;
use deno_error::JsErrorBox;

/// The version of the format.
const VERSION: u8 = 15;

/// The bytes of a value: a primitive one, or a `Uint8Array` of what was
/// serialized.
pub(super) fn encode(
    scope: &mut v8::PinScope<'_, '_>,
    value: v8::Local<'_, v8::Value>,
) -> Result<Vec<u8>, JsErrorBox> {
    if let Ok(bytes) = v8::Local::<v8::ArrayBufferView>::try_from(value) {
        let mut copy = vec![0; bytes.byte_length()];
        bytes.copy_contents(&mut copy);
        return Ok(copy);
    }
    let mut bytes = Vec::with_capacity(16);
    bytes.extend([0xff, VERSION]);
    if let Ok(text) = v8::Local::<v8::String>::try_from(value) {
        write_text(scope, &mut bytes, text);
    } else if value.is_int32() {
        let number = value.int32_value(scope).unwrap_or_default();
        bytes.push(b'I');
        write_varint(&mut bytes, ((number << 1) ^ (number >> 31)) as u32);
    } else if value.is_number() {
        bytes.push(b'N');
        bytes.extend(value.number_value(scope).unwrap_or(f64::NAN).to_le_bytes());
    } else if value.is_true() {
        bytes.push(b'T');
    } else if value.is_false() {
        bytes.push(b'F');
    } else if value.is_null() {
        bytes.push(b'0');
    } else if value.is_undefined() {
        bytes.push(b'_');
    } else {
        return Err(JsErrorBox::type_error("this value was not serialized"));
    }
    Ok(bytes)
}

fn write_text(
    scope: &mut v8::PinScope<'_, '_>,
    bytes: &mut Vec<u8>,
    text: v8::Local<'_, v8::String>,
) {
    let length = text.length();
    if text.contains_only_onebyte() {
        bytes.push(b'"');
        write_varint(bytes, length as u32);
        let at = bytes.len();
        bytes.resize(at + length, 0);
        text.write_one_byte_v2(scope, 0, &mut bytes[at..], v8::WriteFlags::empty());
        return;
    }
    let mut units = vec![0u16; length];
    text.write_v2(scope, 0, &mut units, v8::WriteFlags::empty());
    let mut head = Vec::with_capacity(5);
    write_varint(&mut head, length as u32 * 2);
    // The characters begin at an even byte.
    if (bytes.len() + 1 + head.len()) % 2 == 1 {
        bytes.push(0);
    }
    bytes.push(b'c');
    bytes.extend(head);
    bytes.extend(units.iter().flat_map(|unit| unit.to_le_bytes()));
}

fn write_varint(bytes: &mut Vec<u8>, mut value: u32) {
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
}

/// The value of these bytes, or a `Uint8Array` of them for JavaScript to
/// deserialize.
pub(super) fn decode<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    bytes: &[u8],
) -> v8::Local<'s, v8::Value> {
    match primitive(scope, bytes) {
        Some(value) => value,
        None => byte_array(scope, bytes.to_vec()),
    }
}

fn primitive<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    bytes: &[u8],
) -> Option<v8::Local<'s, v8::Value>> {
    let [0xff, VERSION, tag, rest @ ..] = bytes else { return None };
    Some(match tag {
        b'I' => {
            let (number, _) = read_varint(rest)?;
            v8::Integer::new(scope, (number >> 1) as i32 ^ -((number & 1) as i32)).into()
        }
        b'N' => v8::Number::new(scope, f64::from_le_bytes(rest.try_into().ok()?)).into(),
        b'T' => v8::Boolean::new(scope, true).into(),
        b'F' => v8::Boolean::new(scope, false).into(),
        b'0' => v8::null(scope).into(),
        b'_' => v8::undefined(scope).into(),
        b'"' => {
            let (length, text) = read_varint(rest)?;
            let text = text.get(..length as usize)?;
            v8::String::new_from_one_byte(scope, text, v8::NewStringType::Normal)?.into()
        }
        _ => return None,
    })
}

fn read_varint(bytes: &[u8]) -> Option<(u32, &[u8])> {
    let mut value = 0u32;
    for (index, byte) in bytes.iter().take(5).enumerate() {
        value |= u32::from(byte & 0x7f).checked_shl(7 * index as u32)?;
        if byte & 0x80 == 0 {
            return Some((value, &bytes[index + 1..]));
        }
    }
    None
}

fn byte_array<'s>(scope: &mut v8::PinScope<'s, '_>, bytes: Vec<u8>) -> v8::Local<'s, v8::Value> {
    let length = bytes.len();
    let store = v8::ArrayBuffer::new_backing_store_from_vec(bytes).make_shared();
    let buffer = v8::ArrayBuffer::with_backing_store(scope, &store);
    match v8::Uint8Array::new(scope, buffer, 0, length) {
        Some(array) => array.into(),
        None => v8::undefined(scope).into(),
    }
}

/// Text of storage.
pub(super) fn text<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    text: &str,
) -> Result<v8::Local<'s, v8::Value>, JsErrorBox> {
    match v8::String::new(scope, text) {
        Some(text) => Ok(text.into()),
        None => Err(JsErrorBox::range_error("Invalid string length")),
    }
}

/// The texts of an array.
pub(super) fn texts(
    scope: &mut v8::PinScope<'_, '_>,
    array: v8::Local<'_, v8::Array>,
) -> Vec<String> {
    (0..array.length())
        .filter_map(|index| Some(array.get_index(scope, index)?.to_rust_string_lossy(scope)))
        .collect()
}
