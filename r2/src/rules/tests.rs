use super::*;

fn range(offset: Option<u64>, length: Option<u64>, suffix: Option<u64>) -> Range {
    Range { offset, length, suffix }
}

#[test]
fn a_range_lies_in_the_object() {
    let of = |range: Range, size| range.of(size).map(|slice| (slice.offset, slice.length));
    assert_eq!(of(range(Some(1), Some(2), None), 5), Ok((1, 2)));
    assert_eq!(of(range(Some(1), Some(200), None), 5), Ok((1, 4)));
    assert_eq!(of(range(None, Some(2), None), 5), Ok((0, 2)));
    assert_eq!(of(range(None, None, Some(2)), 5), Ok((3, 2)));
    assert_eq!(of(range(None, None, Some(9)), 5), Ok((0, 5)));
    assert_eq!(of(Range::default(), 0), Ok((0, 0)));
    for (given, size) in [
        (range(Some(5), None, None), 5),
        (range(Some(u64::MAX), Some(u64::MAX), None), 5),
        (range(None, Some(0), None), 5),
        (range(None, None, Some(0)), 5),
        (range(None, None, Some(1)), 0),
        (range(Some(0), None, None), 0),
    ] {
        assert_eq!(of(given, size), Err(Refusal::bad_range()), "{given:?}");
    }
}

#[test]
fn a_header_names_one_range_or_none() {
    assert_eq!(Range::of_header("bytes=0-1"), Some(range(Some(0), Some(2), None)));
    assert_eq!(Range::of_header("Bytes=7-"), Some(range(Some(7), None, None)));
    assert_eq!(Range::of_header("bytes=-3"), Some(range(None, None, Some(3))));
    for none in
        ["", "bytes", "bytes=", "bytes=-", "bytes=a-b", "bytes=2-1", "bytes=0-1,3-4", "x=0-1"]
    {
        assert_eq!(Range::of_header(none), None, "{none}");
    }
    let huge = Range::of_header("bytes=0-99999999999999999999").expect("it is one");
    assert_eq!(huge.of(5), Ok(Slice { offset: 0, length: 5 }));
}

#[test]
fn metadata_counts_as_v8_has_it() {
    let custom = |value: &str| vec![("a".to_owned(), value.to_owned())];
    assert_eq!(check_metadata(&custom(&"x".repeat(2047))), Ok(()));
    assert_eq!(check_metadata(&custom(&"\u{e9}".repeat(2047))), Ok(()));
    assert!(check_metadata(&custom(&"x".repeat(2048))).is_err());
    assert!(check_metadata(&custom(&"\u{20ac}".repeat(1024))).is_err());
    assert_eq!(check_metadata(&custom(&"\u{20ac}".repeat(1023))), Ok(()));
}

#[test]
fn a_key_has_up_to_1024_bytes() {
    assert_eq!(check_key(""), Ok(()));
    assert_eq!(check_key(&"x".repeat(1024)), Ok(()));
    assert_eq!(check_key(&"\u{e9}".repeat(513)), Err(Refusal::bad_key()));
}
