//! From JSON to the bytes that V8 reads.

use serde_json::Value;

/// The version of the format.
const VERSION: u8 = 15;

/// The bytes of a value that JSON can hold.
pub fn encode_json(value: &Value) -> Vec<u8> {
    let mut bytes = vec![0xff, VERSION];
    write(&mut bytes, value);
    bytes
}

fn write(bytes: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Null => bytes.push(b'0'),
        Value::Bool(true) => bytes.push(b'T'),
        Value::Bool(false) => bytes.push(b'F'),
        Value::Number(number) => write_number(bytes, number),
        Value::String(text) => write_string(bytes, text),
        Value::Array(items) => {
            bytes.push(b'A');
            write_length(bytes, items.len());
            items.iter().for_each(|item| write(bytes, item));
            bytes.push(b'$');
            write_length(bytes, 0);
            write_length(bytes, items.len());
        }
        Value::Object(entries) => {
            bytes.push(b'o');
            for (key, value) in entries {
                write_key(bytes, key);
                write(bytes, value);
            }
            bytes.push(b'{');
            write_length(bytes, entries.len());
        }
    }
}

/// V8 takes a key that is an index for one only if it is a number.
fn write_key(bytes: &mut Vec<u8>, key: &str) {
    match key.parse::<u32>() {
        Ok(index) if index < u32::MAX && index.to_string() == key => {
            bytes.push(b'U');
            write_varint(bytes, u64::from(index));
        }
        _ => write_string(bytes, key),
    }
}

/// Beyond 53 bits a number loses digits, as in JavaScript.
fn write_number(bytes: &mut Vec<u8>, number: &serde_json::Number) {
    match number.as_i64().and_then(|number| i32::try_from(number).ok()) {
        Some(number) => {
            bytes.push(b'I');
            write_varint(bytes, u64::from((number << 1 ^ number >> 31) as u32));
        }
        None => {
            bytes.push(b'N');
            bytes.extend(number.as_f64().unwrap_or(f64::NAN).to_le_bytes());
        }
    }
}

fn write_string(bytes: &mut Vec<u8>, text: &str) {
    if text.chars().all(|character| u32::from(character) < 0x100) {
        bytes.push(b'"');
        let latin: Vec<u8> = text.chars().map(|character| u32::from(character) as u8).collect();
        write_length(bytes, latin.len());
        bytes.extend(latin);
        return;
    }
    let units: Vec<u16> = text.encode_utf16().collect();
    let mut head = Vec::new();
    write_length(&mut head, units.len() * 2);
    // The characters begin at an even byte.
    if (bytes.len() + 1 + head.len()) % 2 == 1 {
        bytes.push(0);
    }
    bytes.push(b'c');
    bytes.extend(head);
    bytes.extend(units.iter().flat_map(|unit| unit.to_le_bytes()));
}

fn write_length(bytes: &mut Vec<u8>, length: usize) {
    write_varint(bytes, length as u64);
}

fn write_varint(bytes: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
}
