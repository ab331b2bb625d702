use http::{HeaderMap, header};

use super::{access, random_id};

fn allowed(host: Option<&str>, origin: Option<&str>) -> bool {
    let mut headers = HeaderMap::new();
    if let Some(host) = host {
        headers.insert(header::HOST, host.parse().expect("a value"));
    }
    if let Some(origin) = origin {
        headers.insert(header::ORIGIN, origin.parse().expect("a value"));
    }
    access::check(&headers).is_ok()
}

#[test]
fn hosts_are_addresses_or_localhost() {
    for host in ["127.0.0.1", "127.0.0.1:9229", "[::1]:9229", "[::1]", "localhost:1", "10.0.0.7:1"]
    {
        assert!(allowed(Some(host), None), "{host}");
    }
    assert!(allowed(Some("LOCALHOST"), None));
    for host in [
        "evil.example",
        "evil.example:9229",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "127.0.0.1:9229@evil.example",
        "[::1]evil.example",
        "::1",
        "",
        ":9229",
    ] {
        assert!(!allowed(Some(host), None), "{host}");
    }
    // HTTP/1.0, which no browser speaks.
    assert!(allowed(None, None));
}

#[test]
fn two_hosts_are_refused() {
    let mut headers = HeaderMap::new();
    headers.append(header::HOST, "localhost".parse().expect("a value"));
    headers.append(header::HOST, "localhost".parse().expect("a value"));
    assert!(access::check(&headers).is_err());
}

#[test]
fn pages_of_the_web_are_refused() {
    let host = Some("127.0.0.1:9229");
    for origin in [
        "devtools://devtools",
        "chrome-devtools://devtools",
        "vscode-file://vscode-app",
        "http://localhost:8787",
        "http://127.0.0.1",
        "https://[::1]:8787",
        "http://[::1]",
    ] {
        assert!(allowed(host, Some(origin)), "{origin}");
    }
    for origin in [
        "https://evil.example",
        "http://localhost.evil.example",
        "http://127.0.0.1.evil.example:80",
        "http://10.0.0.7",
        "null",
        "file://",
        "https://devtools",
    ] {
        assert!(!allowed(host, Some(origin)), "{origin}");
    }
}

#[test]
fn ids_are_uuids_and_never_the_same() {
    let (one, other) = (random_id(), random_id());
    assert_ne!(one, other);
    let lengths: Vec<_> = one.split('-').map(str::len).collect();
    assert_eq!(lengths, [8, 4, 4, 4, 12]);
    assert_eq!(&one[14..15], "4");
    assert!(matches!(&one[19..20], "8" | "9" | "a" | "b"), "{one}");
}
