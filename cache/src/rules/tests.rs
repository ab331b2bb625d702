use super::*;
use crate::entry::{Body, Meta};

fn blob(pairs: &[(&str, &str)]) -> HeaderBlobBuf {
    let mut blob = HeaderBlobBuf::default();
    for (name, value) in pairs {
        blob.push(name.as_bytes(), value.as_bytes());
    }
    blob
}

fn fresh(status: u16, headers: &[(&str, &str)]) -> Option<u64> {
    let (request, response) = (blob(&[]), blob(headers));
    storable("http://x/", request.as_blob(), status, response.as_blob())
        .map(|(_, lifetime)| lifetime.fresh.as_secs())
}

#[test]
fn what_says_nothing_or_no_is_not_kept() {
    assert_eq!(fresh(200, &[]), None);
    assert_eq!(fresh(200, &[("last-modified", "Tue, 01 Jan 2019 00:00:00 GMT")]), None);
    assert_eq!(fresh(200, &[("cache-control", "no-store")]), None);
    assert_eq!(fresh(200, &[("cache-control", "private, max-age=10")]), None);
    assert_eq!(fresh(200, &[("cache-control", "max-age=0")]), None);
    assert_eq!(fresh(500, &[("cache-control", "max-age=60")]), None);
}

#[test]
fn explicit_lifetimes_count_the_shared_one_first() {
    assert_eq!(fresh(200, &[("cache-control", "max-age=60")]), Some(60));
    assert_eq!(fresh(404, &[("cache-control", "max-age=60")]), Some(60));
    assert_eq!(fresh(302, &[("cache-control", "max-age=60")]), Some(60));
    assert_eq!(fresh(200, &[("cache-control", "s-maxage=30, max-age=0")]), Some(30));
    let soon = SystemTime::now() + Duration::from_secs(100);
    let expires = fresh(200, &[("expires", &httpdate::fmt_http_date(soon))]).expect("kept");
    assert!((98..=100).contains(&expires), "{expires}");
}

#[test]
fn cookies_are_kept_out() {
    let with_cookie = [("cache-control", "max-age=60"), ("set-cookie", "a=b")];
    assert_eq!(fresh(200, &with_cookie), None);
    let response =
        blob(&[("cache-control", "private=Set-Cookie, max-age=60"), ("set-cookie", "a=b")]);
    let (kept, lifetime) =
        storable("http://x/", HeaderBlob::default(), 200, response.as_blob()).expect("kept");
    assert_eq!(lifetime.fresh.as_secs(), 60);
    assert_eq!(kept.as_blob().get("set-cookie"), None);
    assert_eq!(kept.as_blob().get("cache-control"), Some(&b"max-age=60"[..]));
    let (kept, _) = forced(response.as_blob(), Duration::from_secs(1));
    assert_eq!(kept.as_blob().get("set-cookie"), None);
}

#[test]
fn requests_with_credentials_need_leave() {
    let request = blob(&[("authorization", "Bearer x")]);
    let kept = |control| {
        let response = blob(&[("cache-control", control)]);
        storable("http://x/", request.as_blob(), 200, response.as_blob()).is_some()
    };
    assert!(!kept("max-age=60"));
    assert!(kept("max-age=60, public"));
    assert!(kept("s-maxage=60"));
}

#[test]
fn stale_times_come_after_the_fresh_one() {
    let response =
        blob(&[("cache-control", "max-age=10, stale-while-revalidate=20, stale-if-error=\"30\"")]);
    let (_, lifetime) =
        storable("http://x/", HeaderBlob::default(), 200, response.as_blob()).expect("kept");
    assert_eq!(lifetime.while_revalidating.as_secs(), 20);
    assert_eq!(lifetime.if_error.as_secs(), 30);
    let meta = Meta::new("", String::new(), 200, "", lifetime, 1000, response.as_blob());
    assert_eq!((meta.fresh_until, meta.stale_until, meta.error_until), (11_000, 31_000, 41_000));
}

#[test]
fn vary_is_a_list_or_everything() {
    let names = |value| varies_by(blob(&[("vary", value)]).as_blob());
    assert_eq!(
        names("Accept-Language, ORIGIN"),
        Some(vec!["accept-language".into(), "origin".into()])
    );
    assert_eq!(names("accept-encoding"), Some(Vec::new()));
    assert_eq!(names("origin, *"), None);
}

fn entry(headers: &[(&str, &str)]) -> Entry {
    let lifetime = Lifetime {
        age: Duration::from_secs(5),
        fresh: Duration::from_secs(60),
        while_revalidating: Duration::ZERO,
        if_error: Duration::ZERO,
    };
    let meta = Meta::new("", "http://x/".into(), 200, "OK", lifetime, 0, HeaderBlob::default());
    Entry::new(meta, blob(headers), Body::Memory("hello".into()))
}

#[test]
fn conditions_come_before_ranges() {
    let modified = "Tue, 01 Jan 2030 00:00:00 GMT";
    let entry = entry(&[("etag", "\"x\""), ("last-modified", modified)]);
    let ask = |headers: &[(&str, &str)]| answer(&entry, blob(headers).as_blob());
    assert_eq!(ask(&[]), Answer::Whole);
    assert_eq!(ask(&[("if-none-match", "\"x\"")]), Answer::NotModified);
    assert_eq!(ask(&[("if-none-match", "\"a\", W/\"x\"")]), Answer::NotModified);
    assert_eq!(ask(&[("if-none-match", "*")]), Answer::NotModified);
    assert_eq!(ask(&[("if-none-match", "\"y\"")]), Answer::Whole);
    assert_eq!(ask(&[("if-modified-since", modified)]), Answer::NotModified);
    assert_eq!(ask(&[("if-modified-since", "Tue, 01 Jan 2019 00:00:00 GMT")]), Answer::Whole);
    assert_eq!(ask(&[("if-none-match", "\"y\""), ("if-modified-since", modified)]), Answer::Whole);
    assert_eq!(ask(&[("if-none-match", "\"x\""), ("range", "bytes=0-1")]), Answer::NotModified);
    assert_eq!(ask(&[("range", "bytes=1-2")]), Answer::Part(Range { first: 1, last: 2 }));
    assert_eq!(ask(&[("range", "bytes=9-")]), Answer::Unsatisfiable);
    let part = Answer::Part(Range { first: 0, last: 1 });
    assert_eq!(ask(&[("range", "bytes=0-1"), ("if-range", "\"x\"")]), part);
    assert_eq!(ask(&[("range", "bytes=0-1"), ("if-range", "\"y\"")]), Answer::Whole);
    assert_eq!(ask(&[("range", "bytes=0-1"), ("if-range", modified)]), part);
}

#[test]
fn an_entry_grows_older() {
    let entry = entry(&[]);
    let headers = hit_headers(&entry, 3_999, "HIT");
    assert_eq!(headers.as_blob().get("age"), Some(&b"8"[..]));
    assert_eq!(headers.as_blob().get("cf-cache-status"), Some(&b"HIT"[..]));
}

#[test]
fn what_belongs_to_one_message_is_not_kept() {
    let response =
        blob(&[("content-length", "5"), ("age", "3"), ("x-a", "1"), ("cache-tag", "a, b")]);
    let stored = stored_headers(response.as_blob());
    assert_eq!(stored.as_blob().get("content-length"), None);
    assert_eq!(stored.as_blob().get("age"), None);
    assert_eq!(stored.as_blob().get("x-a"), Some(&b"1"[..]));
    assert!(stored.as_blob().get("date").is_some());
    assert_eq!(tags(response.as_blob()), ["a", "b"]);
}

#[test]
fn what_says_nothing_is_kept_as_cloudflare_does_if_all_shall_be() {
    let seconds = |status, headers: &[(&str, &str)]| {
        by_default(status, blob(headers).as_blob()).map(|(_, lifetime)| lifetime.fresh.as_secs())
    };
    assert_eq!(seconds(200, &[]), Some(7200));
    assert_eq!(seconds(404, &[]), Some(180));
    assert_eq!(seconds(500, &[]), None);
    assert_eq!(seconds(200, &[("cache-control", "no-cache")]), None);
    assert_eq!(seconds(200, &[("set-cookie", "a=b")]), None);
}
