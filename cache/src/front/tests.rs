use super::*;

const DAY: u64 = 86400;

fn blob(headers: &[(&str, &str)]) -> HeaderBlobBuf {
    let mut blob = HeaderBlobBuf::default();
    headers.iter().for_each(|(name, value)| blob.push(name.as_bytes(), value.as_bytes()));
    blob
}

fn type_of(name: &str) -> Option<Arc<str>> {
    match name.rsplit_once('.')?.1 {
        "css" => Some("text/css".into()),
        "js" => Some("text/javascript".into()),
        "png" => Some("image/png".into()),
        _ => None,
    }
}

struct Case<'a> {
    url: &'a str,
    request: &'a [(&'a str, &'a str)],
    control: Option<&'a str>,
    status: u16,
}

const PLAIN: Case<'static> = Case { url: "https://x/", request: &[], control: None, status: 200 };

fn judged(case: &Case<'_>, response: &[(&str, &str)]) -> Option<Kept> {
    let request = blob(case.request);
    let asked = Asked { url: case.url, headers: request.as_blob(), control: case.control, type_of };
    judge(&asked, case.status, blob(response).as_blob())
}

/// Seconds that it is fresh, may be stale, and stands in for errors.
fn times(case: &Case<'_>, response: &[(&str, &str)]) -> Option<(u64, u64, u64)> {
    let lifetime = judged(case, response)?.lifetime;
    Some((
        lifetime.fresh.as_secs(),
        lifetime.while_revalidating.as_secs(),
        lifetime.if_error.as_secs(),
    ))
}

fn control(value: &str) -> Option<(u64, u64, u64)> {
    times(&PLAIN, &[("cache-control", value)])
}

const EVER: u64 = u32::MAX as u64;

#[test]
fn what_says_nothing_is_kept_by_its_status() {
    let of = |status| times(&Case { status, ..PLAIN }, &[]).map(|times| times.0);
    for (status, seconds) in
        [(200, 7200), (204, 7200), (301, 1200), (404, 180), (405, 60), (501, 60)]
    {
        assert_eq!(of(status), Some(seconds), "{status}");
    }
    for status in [201, 206, 302, 304, 401, 403, 500, 503, 520] {
        assert_eq!(of(status), None, "{status}");
    }
}

#[test]
fn directives_say_how_long() {
    assert_eq!(control("public, max-age=60"), Some((60, 0, EVER)));
    assert_eq!(control("max-age=60, stale-while-revalidate=9, stale-if-error=8"), Some((60, 9, 8)));
    assert_eq!(control("max-age=0, stale-while-revalidate=9"), Some((0, 9, EVER)));
    assert_eq!(control("max-age=1, s-maxage=60, stale-while-revalidate=9"), Some((60, 0, 0)));
    assert_eq!(control("max-age=60, must-revalidate, stale-if-error=9"), Some((60, 0, 0)));
    assert_eq!(control("max-age=60, proxy-revalidate"), Some((60, 0, 0)));
    assert_eq!(control("no-cache"), Some((0, 0, EVER)), "it is kept, and asked for each time");
    assert_eq!(control("no-cache, stale-while-revalidate=5"), Some((0, 5, EVER)));
    for no in [
        "no-store",
        "private",
        "private, max-age=60",
        "max-age=60, no-store",
        "public",
        "no-transform",
    ] {
        assert_eq!(control(no), None, "{no}");
    }
}

#[test]
fn what_says_so_is_kept_whatever_its_status_but_for_a_few() {
    let of = |status| times(&Case { status, ..PLAIN }, &[("cache-control", "max-age=60")]);
    for status in [200, 201, 302, 403, 418, 500, 503] {
        assert_eq!(of(status), Some((60, 0, EVER)), "{status}");
    }
    for status in [101, 206, 304, 520, 523, 526] {
        assert_eq!(of(status), None, "{status}");
    }
}

#[test]
fn headers_for_this_cache_alone_go_before_those_for_all() {
    let all = [
        ("cache-control", "no-store"),
        ("cdn-cache-control", "max-age=10"),
        ("cloudflare-cdn-cache-control", "max-age=20"),
    ];
    assert_eq!(times(&PLAIN, &all), Some((20, 0, EVER)));
    assert_eq!(times(&PLAIN, &all[..2]), Some((10, 0, EVER)));
    let kept = judged(&PLAIN, &all).expect("it is kept");
    assert!(kept.headers.as_blob().get("cloudflare-cdn-cache-control").is_none());
    assert_eq!(kept.headers.as_blob().get("cdn-cache-control"), Some(&b"max-age=10"[..]));
    assert_eq!(kept.headers.as_blob().get("cache-control"), Some(&b"no-store"[..]));
    let caller = Case { control: Some("max-age=30"), ..PLAIN };
    assert_eq!(times(&caller, &all), Some((30, 0, EVER)));
    let caller = Case { control: Some("no-store"), ..PLAIN };
    assert_eq!(times(&caller, &[]), None);
    let expires = httpdate::fmt_http_date(SystemTime::now() + Duration::from_secs(DAY));
    let with = [("expires", expires.as_str())];
    let fresh = times(&PLAIN, &with).expect("it is kept").0;
    assert!(fresh > DAY - 100 && fresh <= DAY, "{fresh}");
    let targeted = [("expires", expires.as_str()), ("cdn-cache-control", "max-age=5")];
    assert_eq!(times(&PLAIN, &targeted), Some((5, 0, EVER)));
    assert_eq!(times(&PLAIN, &[("expires", "0")]), Some((0, 0, EVER)), "stale at once");
}

#[test]
fn private_things_are_not_kept() {
    let cookie = ("set-cookie", "id=1");
    assert_eq!(times(&PLAIN, &[cookie]), None);
    assert_eq!(times(&PLAIN, &[cookie, ("cache-control", "public, max-age=60")]), None);
    for allowed in ["max-age=60, private=\"set-cookie\"", "max-age=60, no-cache=Set-Cookie"] {
        let kept = judged(&PLAIN, &[cookie, ("cache-control", allowed)]).expect(allowed);
        assert_eq!(kept.lifetime.fresh.as_secs(), 60, "{allowed}");
        assert!(kept.headers.as_blob().get("set-cookie").is_none(), "{allowed}");
    }
    let known = Case { request: &[("authorization", "Bearer x")], ..PLAIN };
    assert_eq!(times(&known, &[]), None);
    assert_eq!(times(&known, &[("cache-control", "max-age=60")]), None);
    for allowed in ["public, max-age=60", "max-age=60, must-revalidate", "s-maxage=60"] {
        assert!(times(&known, &[("cache-control", allowed)]).is_some(), "{allowed}");
    }
    assert_eq!(times(&PLAIN, &[("vary", "accept, *"), ("cache-control", "max-age=60")]), None);
}

#[test]
fn a_client_does_not_decide_what_is_kept() {
    let asks = Case { request: &[("cache-control", "no-store"), ("pragma", "no-cache")], ..PLAIN };
    assert_eq!(times(&asks, &[("cache-control", "max-age=60")]), Some((60, 0, EVER)));
}

#[test]
fn a_page_under_the_name_of_a_style_is_not_kept() {
    let of = |url, kind| times(&Case { url, ..PLAIN }, &[("content-type", kind)]).is_some();
    assert!(!of("https://x/me/style.css", "text/html; charset=utf-8"));
    assert!(!of("https://x/me/a.png?x=/b", "application/json"));
    assert!(of("https://x/style.css", "text/css"));
    assert!(of("https://x/a.js", "application/javascript"));
    assert!(of("https://x/a.css", "image/png"), "only text and applications are looked at");
    assert!(of("https://x/api/users/42", "text/html"));
    assert!(of("https://x/a.unknown", "text/html"));
    let said = [("content-type", "text/html"), ("cache-control", "max-age=60")];
    assert!(times(&Case { url: "https://x/style.css", ..PLAIN }, &said).is_some());
}

#[test]
fn streams_without_an_end_are_not_kept() {
    let headers = [("content-type", "text/event-stream"), ("cache-control", "max-age=60")];
    assert_eq!(times(&PLAIN, &headers), None);
}

#[test]
fn every_header_of_vary_counts() {
    let kept = judged(&PLAIN, &[("vary", "X-B, Accept-Encoding"), ("vary", "x-a")]).expect("kept");
    assert_eq!(kept.varies_by, ["accept-encoding", "x-a", "x-b"]);
}

#[test]
fn tags_that_are_none_are_left_out() {
    let long = "t".repeat(1025);
    let value = format!("a,B ,two words, {long},c");
    let kept = judged(&PLAIN, &[("cache-tag", &value)]).expect("it is kept");
    assert_eq!(kept.tags, ["a", "B", "c"]);
    let many = vec!["t"; 1001].join(",");
    assert_eq!(judged(&PLAIN, &[("cache-tag", &many)]).expect("kept").tags.len(), 1000);
    assert!(kept.headers.as_blob().get("cache-tag").is_none());
}
