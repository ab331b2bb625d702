//! Keys and values.

use super::*;

fn keys(object: &ObjectStorage, options: &ListOptions) -> String {
    let entries = object.list(options).expect("listed");
    entries.into_iter().map(|(key, _)| key).collect::<Vec<_>>().join(" ")
}

#[test]
fn values_are_got_as_they_were_put() {
    let fixture = Fixture::new();
    let object = fixture.object(1);
    for value in [&b""[..], b"1", &[0, 255, 0], &[7; 100_000]] {
        object.put("k", value).expect("put");
        assert_eq!(object.get("k").expect("read").as_deref(), Some(value));
    }
    object.put("", b"empty key").expect("put");
    object.put("a\0b", b"nul").expect("put");
    assert_eq!(object.get("").expect("read"), Some(b"empty key".to_vec()));
    assert_eq!(object.get("a\0b").expect("read"), Some(b"nul".to_vec()));
    assert_eq!(object.get("a").expect("read"), None);
    let many = object.get_many(&["", "x", "a\0b"]).expect("read");
    assert_eq!(many, [Some(b"empty key".to_vec()), None, Some(b"nul".to_vec())]);
}

#[test]
fn delete_tells_what_was_there() {
    let fixture = Fixture::new();
    let object = fixture.object(1);
    object.put_many(&[("a", b"1"), ("b", b"2"), ("c", b"3")]).expect("put");
    commit(&object);
    assert!(!object.delete("x").expect("deleted"));
    // That wrote nothing.
    assert!(!object.has_uncommitted());
    assert!(object.delete("a").expect("deleted"));
    assert!(!object.delete("a").expect("deleted"));
    assert_eq!(object.delete_many(&["a", "b", "c", "c"]).expect("deleted"), 2);
    assert_eq!(keys(&object, &ListOptions::default()), "");
}

#[test]
fn a_value_over_the_limit_is_refused_and_nothing_else() {
    let fixture = Fixture::new();
    let object = fixture.object(1);
    object.put("a", b"1").expect("put");
    let huge = vec![0; 8 * 1024 * 1024 + 34];
    let error = text_of(object.put_many(&[("b", &b"2"[..]), ("c", &huge)]));
    assert_eq!(error, "string or blob too big: SQLITE_TOOBIG");
    assert_eq!(keys(&object, &ListOptions::default()), "a");
    commit(&object);
}

#[test]
fn lists_have_bounds_in_the_order_of_bytes() {
    let fixture = Fixture::new();
    let object = fixture.object(1);
    let all = ["a", "aa", "ab", "b", "é", "\u{ffff}", "\u{10ffff}", "\u{10ffff}a"];
    for key in all.iter().rev() {
        object.put(key, key.as_bytes()).expect("put");
    }
    let some = |text: &str| Some(text.to_owned());
    let default = ListOptions::default;
    assert_eq!(keys(&object, &default()), all.join(" "));
    let reverse: Vec<_> = all.iter().rev().copied().collect();
    assert_eq!(keys(&object, &ListOptions { reverse: true, ..default() }), reverse.join(" "));
    for (options, expected) in [
        (ListOptions { start: some("ab"), end: some("é"), ..default() }, "ab b"),
        (ListOptions { start_after: some("ab"), end: some("é"), ..default() }, "b"),
        (ListOptions { prefix: some("a"), ..default() }, "a aa ab"),
        (ListOptions { prefix: some("a"), reverse: true, limit: Some(2), ..default() }, "ab aa"),
        (ListOptions { prefix: some("a"), start: some("aa"), ..default() }, "aa ab"),
        (ListOptions { prefix: some("a"), start: some("b"), ..default() }, ""),
        (ListOptions { prefix: some("\u{ffff}"), ..default() }, "\u{ffff}"),
        (ListOptions { prefix: some("\u{10ffff}"), ..default() }, "\u{10ffff} \u{10ffff}a"),
        (ListOptions { prefix: some(""), limit: Some(1), ..default() }, "a"),
        (ListOptions { limit: Some(0), ..default() }, ""),
        (ListOptions { start: some("b"), end: some("a"), ..default() }, ""),
    ] {
        assert_eq!(keys(&object, &options), expected, "{options:?}");
    }
}

/// A prefix whose last character comes before the surrogates, which are none.
#[test]
fn a_prefix_may_end_before_the_surrogates() {
    let fixture = Fixture::new();
    let object = fixture.object(1);
    for key in ["\u{d7ff}", "\u{d7ff}x", "\u{e000}"] {
        object.put(key, b"").expect("put");
    }
    let options = ListOptions { prefix: Some("\u{d7ff}".to_owned()), ..Default::default() };
    assert_eq!(keys(&object, &options), "\u{d7ff} \u{d7ff}x");
}
