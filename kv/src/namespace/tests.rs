use super::*;

const NOW: UnixSeconds = 1_800_000_000;

fn text(result: Result<impl fmt::Debug, Refusal>) -> String {
    result.expect_err("it is refused").to_string()
}

#[test]
fn keys_are_refused_in_cloudflares_words() {
    let check = |key: &str| check_key(Operation::Get, key);
    assert_eq!(text(check("")), "Key name cannot be empty.");
    assert_eq!(text(check(".")), "\".\" is not allowed as a key name.");
    assert_eq!(text(check("..")), "\"..\" is not allowed as a key name.");
    assert_eq!(
        text(check(&"x".repeat(600))),
        "KV GET failed: 414 UTF-8 encoded length of 600 exceeds key length limit of 512."
    );
    assert!(check(&"\u{e9}".repeat(257)).is_err(), "bytes count, not characters");
    assert!(check(&"\u{e9}".repeat(256)).is_ok());
    assert!(check("...").is_ok());
}

#[test]
fn bulk_keys_are_counted_and_checked_one_by_one() {
    let check = |keys: &[&str]| check_keys(Operation::GetBulk, keys);
    assert_eq!(text(check(&[])), "KV GET_BULK failed: 400 You must request a minimum of 1 key");
    assert_eq!(
        text(check(&["k"; 101])),
        "KV GET_BULK failed: 400 You can request a maximum of 100 keys"
    );
    assert!(check(&["k"; 100]).is_ok());
    assert_eq!(text(check(&["k", ""])), "KV GET_BULK failed: 400 Key names must not be empty");
    assert_eq!(
        text(check(&["k", ".."])),
        "KV GET_BULK failed: 400 Illegal key name \"..\". Please use a different name."
    );
    assert_eq!(
        text(check(&[&"x".repeat(513)])),
        "KV GET_BULK failed: 414 UTF-8 encoded length of 513 exceeds key length limit of 512."
    );
    assert!(check_keys(Operation::DeleteBulk, &vec!["k"; 10_000]).is_ok());
    assert_eq!(
        text(check_keys(Operation::DeleteBulk, &vec!["k"; 10_001])),
        "KV DELETE_BULK failed: 400 You can delete a maximum of 10000 keys"
    );
}

#[test]
fn an_expiration_ttl_has_two_texts() {
    let with = |ttl| PutOptions { expiration_ttl: Some(ttl), ..PutOptions::default() };
    for (ttl, reason) in [
        (-1, "Please specify integer greater than 0."),
        (0, "Please specify integer greater than 0."),
        (1, "Expiration TTL must be at least 60."),
        (59, "Expiration TTL must be at least 60."),
    ] {
        assert_eq!(
            text(with(ttl).attributes(NOW)),
            format!("KV PUT failed: 400 Invalid expiration_ttl of {ttl}. {reason}")
        );
    }
    let attributes = with(60).attributes(NOW).expect("60 s is enough");
    assert_eq!(attributes.expiration, Some(NOW + 60));
}

#[test]
fn an_expiration_is_at_least_a_minute_away() {
    let with = |at: i64| PutOptions { expiration: Some(at), ..PutOptions::default() };
    let now = NOW.cast_signed();
    for at in [-5, 0, 10, now] {
        assert_eq!(
            text(with(at).attributes(NOW)),
            format!(
                "KV PUT failed: 400 Invalid expiration of {at}. Please specify integer greater \
                 than the current number of seconds since the UNIX epoch."
            )
        );
    }
    for at in [now + 1, now + 59] {
        assert_eq!(
            text(with(at).attributes(NOW)),
            format!(
                "KV PUT failed: 400 Invalid expiration of {at}. Expiration times must be at \
                 least 60 seconds in the future."
            )
        );
    }
    let attributes = with(now + 60).attributes(NOW).expect("a minute is enough");
    assert_eq!(attributes.expiration, Some(NOW + 60));
}

#[test]
fn a_ttl_goes_before_an_expiration() {
    let both = PutOptions { expiration: Some(1), expiration_ttl: Some(100), metadata: None };
    assert_eq!(both.attributes(NOW).expect("the ttl holds").expiration, Some(NOW + 100));
}

#[test]
fn metadata_is_measured_in_bytes() {
    let with =
        |metadata: String| PutOptions { metadata: Some(metadata.into()), ..Default::default() };
    assert!(with("x".repeat(1024)).attributes(NOW).is_ok());
    assert_eq!(
        text(with(format!("\"{}\"", "\u{e9}".repeat(600))).attributes(NOW)),
        "KV PUT failed: 413 Metadata length of 1202 exceeds limit of 1024."
    );
}

#[test]
fn values_end_at_25_mib() {
    assert!(check_value(26_214_400).is_ok());
    assert_eq!(
        text(check_value(26_214_401)),
        "KV PUT failed: 413 Value length of 26214401 exceeds limit of 26214400."
    );
    assert!(check_bulk_bytes(26_214_400).is_ok());
    assert_eq!(
        text(check_bulk_bytes(26_214_401)),
        "KV GET_BULK failed: 413 Total size of request exceeds the limit of 25MB"
    );
}

#[test]
fn a_cache_ttl_is_at_least_half_a_minute() {
    assert!(check_cache_ttl(Operation::Get, 30).is_ok());
    assert_eq!(
        text(check_cache_ttl(Operation::GetBulk, 29)),
        "KV GET_BULK failed: 400 Invalid cache_ttl of 29. Cache TTL must be at least 30."
    );
}

#[test]
fn a_list_has_a_limit_a_prefix_and_a_cursor() {
    let query = list_query(None, None, None).expect("all of it has defaults");
    assert_eq!(query, ListQuery { prefix: String::new(), after: None, limit: 1000 });
    for limit in [0, -1] {
        assert_eq!(list_query(None, Some(limit), None).expect("no limit").limit, 1000);
    }
    assert_eq!(
        text(list_query(None, Some(1001), None)),
        "KV GET failed: 400 Invalid key_count_limit of 1001. Please specify an integer less than \
         1000."
    );
    assert_eq!(
        text(list_query(Some("x".repeat(513)), None, None)),
        "KV GET failed: 414 UTF-8 encoded length of 513 exceeds key length limit of 512."
    );
}

#[test]
fn cursors_lead_back_to_their_key_and_others_are_refused() {
    for key in ["a", "\u{20ac}\u{0}", &"x".repeat(512)] {
        let cursor = cursor_after(key);
        let query = list_query(None, None, Some(&cursor)).expect("it is ours");
        assert_eq!(query.after.as_deref(), Some(key));
    }
    assert_eq!(list_query(None, None, Some("")).expect("none").after, None);
    for cursor in ["nope!", "/w==", "YQ", &STANDARD.encode("x".repeat(513))] {
        assert_eq!(
            text(list_query(None, None, Some(cursor))),
            "KV GET failed: 400 Invalid cursor."
        );
    }
}

#[test]
fn a_store_in_trouble_gives_a_status_and_no_inside_facts() {
    let told = |error| Refusal::of_store(Operation::Put, &error).to_string();
    assert_eq!(told(Error::Full("disk /x".into())), "KV PUT failed: 507 Insufficient Storage");
    assert_eq!(told(Error::Unavailable("busy".into())), "KV PUT failed: 503 Service Unavailable");
    assert_eq!(told(Error::Data("broken".into())), "KV PUT failed: 500 Internal Server Error");
    assert_eq!(told(Error::Internal("bug".into())), "KV PUT failed: 500 Internal Server Error");
}
