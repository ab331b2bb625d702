use http::HeaderValue;

use super::*;

const BASE: &str = "https://a.example/dir/page?q";

fn headers(location: &[u8]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.append(LOCATION, HeaderValue::from_bytes(location).unwrap());
    headers
}

fn follow(
    method: &str,
    status: u16,
    location: &str,
    replayable: bool,
) -> Result<Verdict, OutboundError> {
    let url = BASE.parse().unwrap();
    let method: Method = method.parse().unwrap();
    let hop = Hop { url: &url, method: &method, replayable, followed: 0 };
    let status = StatusCode::from_u16(status).unwrap();
    judge(Redirect::Follow, &hop, status, &headers(location.as_bytes()))
}

fn next(method: &str, status: u16, location: &str) -> Next {
    match follow(method, status, location, true).unwrap() {
        Verdict::Follow(next) => next,
        Verdict::Deliver => panic!("{method} {status} {location} was not followed"),
    }
}

#[test]
fn the_method_changes_as_the_spec_says() {
    let table = [
        (301, "GET", false),
        (301, "HEAD", false),
        (301, "POST", true),
        (301, "PUT", false),
        (302, "POST", true),
        (302, "DELETE", false),
        (303, "GET", false),
        (303, "HEAD", false),
        (303, "POST", true),
        (303, "PUT", true),
        (303, "DELETE", true),
        (307, "POST", false),
        (308, "POST", false),
        (308, "PATCH", false),
    ];
    for (status, method, becomes_get) in table {
        assert_eq!(next(method, status, "/").becomes_get, becomes_get, "{status} {method}");
    }
}

#[test]
fn other_statuses_are_delivered() {
    for status in [200, 201, 300, 304, 305, 306, 400, 500] {
        assert_eq!(follow("GET", status, "/", true).unwrap(), Verdict::Deliver, "{status}");
    }
}

#[test]
fn a_location_is_relative_to_the_url_before_it() {
    let table = [
        ("other", "https://a.example/dir/other", false),
        ("/top", "https://a.example/top", false),
        ("?x", "https://a.example/dir/page?x", false),
        ("//b.example/", "https://b.example/", true),
        ("http://a.example/", "http://a.example/", true),
        ("https://a.example:443/", "https://a.example/", false),
        ("https://a.example:8443/", "https://a.example:8443/", true),
        ("https://sub.a.example/", "https://sub.a.example/", true),
        ("/top#fragment", "https://a.example/top", false),
        ("https://me:secret@a.example/", "https://a.example/", false),
        ("/caf\u{e9}", "https://a.example/caf%C3%A9", false),
    ];
    for (location, url, crosses_origin) in table {
        let next = next("GET", 302, location);
        assert_eq!((next.url.as_str(), next.crosses_origin), (url, crosses_origin), "{location}");
    }
}

#[test]
fn a_location_that_is_not_utf8_is_latin1() {
    let url = BASE.parse().unwrap();
    let found = location(&headers(b"/caf\xe9"), &url).unwrap().unwrap();
    assert_eq!(found.as_str(), "https://a.example/caf%C3%A9");
}

#[test]
fn a_redirect_that_leads_nowhere_is_an_error() {
    for location in ["ftp://a.example/", "data:text/plain,x", "file:///etc/passwd", "http://[::x]/"]
    {
        let result = follow("GET", 302, location, true);
        assert!(matches!(result, Err(OutboundError::Invalid(_))), "{location}");
    }
    let mut two = headers(b"/a");
    two.append(LOCATION, HeaderValue::from_static("/b"));
    let url: Url = BASE.parse().unwrap();
    assert!(location(&two, &url).is_err());
}

#[test]
fn without_a_location_the_response_is_delivered() {
    let url: Url = BASE.parse().unwrap();
    let hop = Hop { url: &url, method: &Method::GET, replayable: true, followed: 0 };
    let verdict = judge(Redirect::Follow, &hop, StatusCode::FOUND, &HeaderMap::new());
    assert_eq!(verdict.unwrap(), Verdict::Deliver);
}

#[test]
fn a_stream_survives_only_a_303() {
    for status in [301, 302, 307, 308] {
        assert!(matches!(follow("POST", status, "/", false), Err(OutboundError::Invalid(_))));
    }
    assert!(follow("POST", 303, "/", false).is_ok());
}

#[test]
fn manual_delivers_and_error_fails() {
    let url: Url = BASE.parse().unwrap();
    let hop = Hop { url: &url, method: &Method::GET, replayable: true, followed: 0 };
    let to = headers(b"/");
    let manual = judge(Redirect::Manual, &hop, StatusCode::FOUND, &to);
    assert_eq!(manual.unwrap(), Verdict::Deliver);
    assert!(judge(Redirect::Error, &hop, StatusCode::FOUND, &to).is_err());
    assert!(judge(Redirect::Error, &hop, StatusCode::OK, &to).is_ok());
}

#[test]
fn the_twenty_first_redirect_is_one_too_many() {
    let url: Url = BASE.parse().unwrap();
    let mut hop = Hop { url: &url, method: &Method::GET, replayable: true, followed: 19 };
    assert!(judge(Redirect::Follow, &hop, StatusCode::FOUND, &headers(b"/")).is_ok());
    hop.followed = 20;
    let result = judge(Redirect::Follow, &hop, StatusCode::FOUND, &headers(b"/"));
    assert!(matches!(result, Err(OutboundError::TooManyRedirects)));
}

#[test]
fn secrets_stay_with_their_origin_and_body_headers_with_the_body() {
    let all = || {
        let mut headers = HeaderMap::new();
        for name in ["authorization", "cookie", "proxy-authorization", "content-type", "x-other"] {
            headers.append(name, HeaderValue::from_static("v"));
        }
        headers
    };
    let with = |next: Next, strips_secrets| {
        let mut headers = all();
        next.strip(&mut headers, Rules { brotli: true, strips_secrets });
        let mut left: Vec<_> = headers.keys().map(|name| name.as_str().to_owned()).collect();
        left.sort();
        left
    };
    let left = |next| with(next, true);
    assert_eq!(with(next("GET", 302, "//b.example/"), false).len(), 5, "a flag says so");
    assert_eq!(left(next("GET", 302, "/")).len(), 5);
    assert_eq!(left(next("GET", 302, "//b.example/")), ["content-type", "x-other"]);
    assert!(!left(next("POST", 302, "/")).contains(&"content-type".to_owned()));
    assert!(left(next("POST", 307, "/")).contains(&"content-type".to_owned()));
}
