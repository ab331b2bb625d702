//! What files for bulk work may be.

use super::*;

fn read(text: &str) -> anyhow::Result<Vec<(String, Bytes, Attributes)>> {
    let mut all = Vec::new();
    for_each(text.as_bytes(), |entry: PutEntry| {
        all.push(entry.checked(1000)?);
        Ok(())
    })?;
    Ok(all)
}

fn error(text: &str) -> String {
    format!("{:#}", read(text).expect_err(text))
}

#[test]
fn arrays_and_lines_are_the_same() {
    let array = "\u{feff} [ {\"key\":\"a\",\"value\":\"1\"},\n{\"key\":\"b\",\"value\":\"aGk=\",\
                 \"base64\":true,\"expiration_ttl\":60,\"metadata\":{\"x\":[1]}} ]\n";
    let lines = "{\"key\":\"a\",\"value\":\"1\"}\n\n{\"key\":\"b\",\"value\":\"aGk=\",\
                 \"base64\":true,\"expiration\":1060,\"metadata\":{\"x\":[1]}}";
    let expected = vec![
        ("a".to_owned(), Bytes::from("1"), Attributes::default()),
        (
            "b".to_owned(),
            Bytes::from("hi"),
            Attributes { expiration: Some(1060), metadata: Some("{\"x\":[1]}".into()) },
        ),
    ];
    assert_eq!(read(array).expect("valid"), expected);
    assert_eq!(read(lines).expect("valid"), expected);
    assert_eq!(read("[]").expect("valid"), []);
    assert_eq!(read("").expect("valid"), []);
}

#[test]
fn errors_name_the_entry() {
    let entry = "{\"key\":\"a\",\"value\":\"1\"}";
    for (text, expected) in [
        (
            format!("[{entry},{{\"key\":\"\",\"value\":\"\"}}]"),
            "entry 2: key \"\": Key name cannot",
        ),
        (format!("[{entry} {entry}]"), "entry 2: expected `,` or `]`"),
        (format!("[{entry}"), "entry 2: EOF while parsing a list"),
        (format!("[{entry}] x"), "entry 2: trailing characters"),
        (
            format!("{entry}\n{{\"key\":1}}"),
            "entry 2: invalid type: integer `1`, expected a string",
        ),
        ("{\"key\":\"a\"}".into(), "entry 1: missing field `value`"),
        ("[{\"name\":\"a\",\"value\":\"\"}]".into(), "entry 1: unknown field `name`"),
        (
            "{\"key\":\"a\",\"value\":\"?\",\"base64\":true}".into(),
            "entry 1: key \"a\": not base64",
        ),
        (
            "{\"key\":\"a\",\"value\":\"\",\"expiration_ttl\":59}".into(),
            "entry 1: key \"a\": KV PUT failed: 400 Invalid expiration_ttl of 59",
        ),
        (
            format!("{{\"key\":\"a\",\"value\":\"\",\"metadata\":\"{}\"}}", "x".repeat(1024)),
            "entry 1: key \"a\": KV PUT failed: 413 Metadata length of 1026 exceeds",
        ),
        (format!("{{\"key\":\"{}\",\"value\":\"\"}}", "k".repeat(513)), "exceeds key length limit"),
        ("5".into(), "entry 1: invalid type: integer `5`"),
    ] {
        let error = error(&text);
        assert!(error.contains(expected), "{text}: {error}");
    }
}

#[test]
fn keys_are_strings_or_what_a_list_prints() {
    let mut names = Vec::new();
    for_each("[\"a\", {\"name\":\"b\",\"expiration\":5}]".as_bytes(), |entry: KeyEntry| {
        names.push(entry.checked(Operation::Get)?);
        Ok(())
    })
    .expect("valid");
    assert_eq!(names, ["a", "b"]);
    let error = for_each("[5]".as_bytes(), |_: KeyEntry| Ok(())).expect_err("a number");
    assert!(
        error.to_string().contains("expected a string, or an object with a \"name\""),
        "{error}"
    );
}
