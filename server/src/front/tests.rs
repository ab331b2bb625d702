use selvedge_cache::Key;
use selvedge_runtime::headers::{HeaderBlob, HeaderBlobBuf};

use super::asked::{misleads, path_and_query, variant};

fn blob(headers: &[(&str, &str)]) -> HeaderBlobBuf {
    let mut blob = HeaderBlobBuf::default();
    headers.iter().for_each(|(name, value)| blob.push(name.as_bytes(), value.as_bytes()));
    blob
}

#[test]
fn neither_host_nor_port_is_part_of_a_name() {
    let of = |url: &str| String::from_utf8_lossy(path_and_query(url.as_bytes())).into_owned();
    assert_eq!(of("http://a.example:8080/x?b=1&a=2"), "/x?b=1&a=2");
    assert_eq!(of("https://[::1]:1/"), "/");
    assert_eq!(of("http://a"), "/");
    assert_eq!(of("http://a?x=/y"), "?x=/y");
    assert_eq!(of("http://a/b://c"), "/b://c");
    assert_ne!(of("http://a/x?b=1&a=2"), of("http://a/x?a=2&b=1"));
    assert_ne!(of("http://a/x"), of("http://a/x/"));
}

#[test]
fn headers_that_mislead_are_part_of_a_name() {
    let is = |name: &str, value: &str| misleads(&(name.as_bytes(), value.as_bytes()));
    assert!(is("x-forwarded-host", "evil") && is("forwarded", "host=evil"));
    assert!(is("x-original-url", "/admin") && is("cloudflare-workers-version-key", "1"));
    assert!(is("x-forwarded-scheme", "nothttps") && !is("x-forwarded-scheme", "HTTPS"));
    assert!(!is("cookie", "a=1") && !is("x-other", "1") && !is("authorization", "x"));
}

#[test]
fn variants_tell_what_is_missing_from_what_is_empty() {
    let base = Key::of_worker(std::iter::empty());
    let names = ["accept".to_owned(), "x-real-ip".to_owned()];
    let of = |headers: &[(&str, &str)]| {
        variant(&base, &names, blob(headers).as_blob(), HeaderBlob::default())
    };
    assert_eq!(of(&[("accept", "a")]), of(&[("accept", "a"), ("other", "b")]));
    assert_ne!(of(&[("accept", "")]), of(&[]));
    assert_ne!(of(&[("accept", "a"), ("accept", "b")]), of(&[("accept", "a")]));
    let shared = blob(&[("x-real-ip", "1.2.3.4")]);
    let with = variant(&base, &names, HeaderBlob::default(), shared.as_blob());
    assert_ne!(with, of(&[]), "what the edge adds counts as well");
}
