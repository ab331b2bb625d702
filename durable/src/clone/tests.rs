use serde_json::json;

use super::*;

fn bytes(hex: &str) -> Vec<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16).expect("a digit") as u8;
    hex.as_bytes().chunks(2).map(|pair| digit(pair[0]) << 4 | digit(pair[1])).collect()
}

/// What V8 wrote, read.
fn read(hex: &str) -> Value {
    decode(&bytes(hex)).expect(hex)
}

fn string(text: &str) -> Value {
    Value::String(text.into())
}

fn number(number: i32) -> Value {
    Value::Number(f64::from(number))
}

fn object<const N: usize>(entries: [(&str, Value); N]) -> Value {
    Value::Object(entries.map(|(key, value)| (key.to_owned(), value)).into())
}

#[test]
fn primitives_are_read_as_v8_writes_them() {
    assert_eq!(read("ff0f5f"), Value::Undefined);
    assert_eq!(read("ff0f30"), Value::Null);
    assert_eq!(read("ff0f54"), Value::Boolean(true));
    assert_eq!(read("ff0f4909"), number(-5));
    assert_eq!(read("ff0f4e0000000065cded41"), Value::Number(4e9));
    assert_eq!(read("ff0f4e000000000000f83f"), Value::Number(1.5));
    assert_eq!(read("ff0f2204636166e9"), string("caf\u{e9}"));
    assert_eq!(read("ff0f63063dd800dee900"), string("\u{1F600}\u{e9}"));
    assert_eq!(read("ff0f2200"), string(""));
    assert_eq!(read("ff0f5a00"), Value::BigInt("0".into()));
    let big = read("ff0f5a21d20a3f4eeee073c3f60fe98e01000000");
    assert_eq!(big, Value::BigInt("-123456789012345678901234567890".into()));
    assert_eq!(read("ff0f73220173"), string("s"), "an object around a string");
    assert_eq!(read("ff0f6e0000000000001440"), number(5));
}

#[test]
fn objects_are_read_as_v8_writes_them() {
    assert_eq!(read("ff0f4400b08756febc7842"), Value::Date(1_700_000_000_123.0));
    assert_eq!(
        read("ff0f522203612e6213"),
        Value::RegExp { source: "a.b".into(), flags: "giu".into() }
    );
    assert_eq!(
        read("ff0f41034902220161410154240001240003"),
        Value::Array(vec![
            Some(number(1)),
            Some(string("a")),
            Some(Value::Array(vec![Some(Value::Boolean(true))]))
        ])
    );
    assert_eq!(
        read("ff0f61034900490249044906400203"),
        Value::Array(vec![Some(number(1)), None, Some(number(3))])
    );
    let Value::Array(items) = read("ff0f610a490a22017840010a") else { panic!("an array") };
    assert_eq!((items.len(), &items[5]), (10, &Some(string("x"))));
    assert_eq!(
        read("ff0f6f490a22046669766522016249022201616f220163307b017b03"),
        object([("5", string("five")), ("b", number(1)), ("a", object([("c", Value::Null)])),])
    );
    assert_eq!(
        read("ff0f3b22016b49026f22016f49027b0149043a04"),
        Value::Map(vec![(string("k"), number(1)), (object([("o", number(1))]), number(2))])
    );
    assert_eq!(read("ff0f2749022201782c02"), Value::Set(vec![number(1), string("x")]));
    let error = "ff0f72546d22036261642e";
    assert_eq!(
        read(error),
        Value::Error { name: "TypeError".into(), message: "bad".into(), properties: vec![] }
    );
}

#[test]
fn views_have_their_own_bytes() {
    let view = |class, bytes: &[u8]| Value::Bytes { class, bytes: bytes.to_vec() };
    assert_eq!(read("ff0f4203010203"), view("ArrayBuffer", &[1, 2, 3]));
    assert_eq!(read("ff0f4204010203045642010200"), view("Uint8Array", &[2, 3]));
    assert_eq!(
        read("ff0f4208000000000000f83f5646000800"),
        view("Float64Array", &1.5_f64.to_le_bytes())
    );
    assert_eq!(read("ff1042030102035642010200"), view("Uint8Array", &[2, 3]), "version 16");
    assert_eq!(
        read("ff0f4103420301020356420102005e015642000300490e240003"),
        Value::Array(vec![
            Some(view("Uint8Array", &[2, 3])),
            Some(Value::Again { is_circular: false }),
            Some(number(7)),
        ]),
        "two views of one buffer"
    );
}

#[test]
fn what_stands_twice_is_read_once() {
    assert_eq!(
        read("ff0f6f2201614902220473656c665e007b02"),
        object([("a", number(1)), ("self", Value::Again { is_circular: true })])
    );
    assert_eq!(
        read("ff0f41026f22017849027b015e01240002"),
        Value::Array(vec![
            Some(object([("x", number(1))])),
            Some(Value::Again { is_circular: false })
        ])
    );
}

#[test]
fn what_is_no_value_is_an_error() {
    for hex in ["", "00", "ff", "ff0f", "ff0f22ff", "ff0f41ffffffff0f", "ff0f5e00", "ff0f2a"] {
        assert!(matches!(decode(&bytes(hex)), Err(DecodeError::Damaged(_))), "{hex}");
    }
    assert_eq!(decode(&bytes("ff1130")), Err(DecodeError::Newer(17)));
    let deep = [&bytes("ff0f")[..], &b"A\x01".repeat(100_000)].concat();
    assert_eq!(decode(&deep), Err(DecodeError::Deep));
}

#[test]
fn no_broken_value_is_more_than_an_error() {
    let whole = [
        "ff0f3b22016b49026f22016f49027b0149043a04",
        "ff0f4204010203045642010200",
        "ff0f610a490a22017840010a",
        "ff0f5a21d20a3f4eeee073c3f60fe98e01000000",
    ];
    for hex in whole {
        let value = bytes(hex);
        for at in 0..value.len() {
            let _ = decode(&value[..at]);
            for byte in 0..=255 {
                let mut broken = value.clone();
                broken[at] = byte;
                let _ = decode(&broken);
            }
        }
    }
}

#[test]
fn json_is_written_as_v8_writes_it() {
    let cases = [
        (json!(null), "ff0f30"),
        (json!(-5), "ff0f4909"),
        (json!(4_000_000_000_u32), "ff0f4e0000000065cded41"),
        (json!("caf\u{e9}"), "ff0f2204636166e9"),
        (json!("\u{1F600}\u{e9}"), "ff0f63063dd800dee900"),
        (json!([1, "a", [true]]), "ff0f41034902220161410154240001240003"),
    ];
    for (value, hex) in cases {
        assert_eq!(encode_json(&value), bytes(hex), "{value}");
    }
    let value = json!({ "5": { "\u{3b1}": [1.5, null, { "-1": { "": false } }] } });
    let read = decode(&encode_json(&value)).expect("it is read");
    let inner = object([("-1", object([("", Value::Boolean(false))]))]);
    let list = [Value::Number(1.5), Value::Null, inner].map(Some);
    assert_eq!(read, object([("5", object([("\u{3b1}", Value::Array(list.into()))]))]));
}
