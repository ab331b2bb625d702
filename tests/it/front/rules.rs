//! What is kept, by what name, and what is said of it.

use super::{ask, get, got, is, post, runs, server, setup};

#[test]
fn a_hit_does_not_run_the_worker() {
    let server = server();
    assert_eq!(got(&get(&server, "/a", "{}")), is("MISS", "answer 1"));
    for _ in 0..3 {
        let hit = get(&server, "/a", "{}");
        assert_eq!(got(&hit), is("HIT", "answer 1"));
        assert!(hit.header("age").is_some() && hit.header("date").is_some());
        assert_eq!(hit.header("content-length"), Some("8"));
        assert_eq!(hit.header("cache-control"), Some("max-age=3600"));
    }
    assert_eq!(runs(&server), "1");
}

#[test]
fn without_the_configuration_nothing_is_kept() {
    for config in ["", "[cache]\nenabled = false\n"] {
        let server = setup(config).start();
        assert_eq!(got(&get(&server, "/a", "{}")), is("none", "answer 1"));
        assert_eq!(got(&get(&server, "/a", "{}")), is("none", "answer 2"));
    }
}

#[test]
fn a_name_is_path_and_query_and_not_the_host() {
    let server = server();
    let of = |target: &str, host: &str| {
        let mut client = server.connect();
        client.send(format!("GET {target} HTTP/1.1\r\nhost: {host}\r\n\r\n"));
        got(&client.response())
    };
    assert_eq!(of("/x?a=1&b=2", "one.example"), is("MISS", "answer 1"));
    assert_eq!(of("/x?a=1&b=2", "two.example:8080"), is("HIT", "answer 1"));
    assert_eq!(of("http://three.example:99/x?a=1&b=2", "one.example"), is("HIT", "answer 1"));
    assert_eq!(of("/x?b=2&a=1", "one.example"), is("MISS", "answer 2"));
    assert_eq!(of("/x/?a=1&b=2", "one.example"), is("MISS", "answer 3"));
    assert_eq!(of("/x?a=1&b=2#f", "one.example"), is("HIT", "answer 1"));
    assert_eq!(of("/x%3Fa=1&b=2", "one.example"), is("MISS", "answer 4"));
    assert_eq!(of("/%78?a=1&b=2", "one.example"), is("MISS", "answer 5"));
}

#[test]
fn headers_do_not_part_requests_but_for_those_that_mislead() {
    let server = server();
    let with = |headers: &[(&str, &str)]| got(&ask(&server, "GET", "/a", "{}", headers));
    assert_eq!(with(&[]), is("MISS", "answer 1"));
    assert_eq!(with(&[("cookie", "id=1"), ("user-agent", "x")]), is("HIT", "answer 1"));
    assert_eq!(
        with(&[("cache-control", "no-cache"), ("pragma", "no-cache")]),
        is("HIT", "answer 1")
    );
    assert_eq!(with(&[("x-forwarded-host", "evil")]), is("MISS", "answer 2"));
    assert_eq!(with(&[("x-forwarded-host", "evil")]), is("HIT", "answer 2"));
    assert_eq!(with(&[("x-http-method-override", "POST")]), is("MISS", "answer 3"));
    assert_eq!(with(&[("x-forwarded-scheme", "https")]), is("HIT", "answer 1"));
    assert_eq!(with(&[("cloudflare-workers-version-key", "1")]), is("MISS", "answer 4"));
    assert_eq!(with(&[]), is("HIT", "answer 1"));
}

#[test]
fn other_methods_go_past_it() {
    let server = server();
    get(&server, "/a", "{}");
    for _ in 0..2 {
        let posted = post(&server, "/a", "x");
        assert_eq!(got(&posted), is("BYPASS", "posted"));
    }
    let deleted = ask(&server, "DELETE", "/a", "{}", &[]);
    assert_eq!(got(&deleted), is("BYPASS", "answer 2"));
    // What a body says is in no name.
    let fat = server.connect().request("GET", "/a", &[], b"body");
    assert_eq!(got(&fat), is("BYPASS", "answer 3"));
    assert_eq!(got(&get(&server, "/a", "{}")), is("HIT", "answer 1"));
}

#[test]
fn get_and_head_share_what_is_kept() {
    let server = server();
    let head = ask(&server, "HEAD", "/a", r#"{"shows":["range"]}"#, &[]);
    assert_eq!(got(&head), is("MISS", ""));
    assert_eq!(head.header("content-length"), Some("8"));
    assert!(head.header("x-seen").expect("it is shown").contains("GET"), "all of it is asked for");
    assert_eq!(got(&get(&server, "/a", "{}")), is("HIT", "answer 1"));
    let head = ask(&server, "HEAD", "/a", "{}", &[("range", "bytes=0-1")]);
    assert_eq!((head.status, got(&head)), (200, is("HIT", "")));
    assert_eq!(head.header("content-length"), Some("8"));
}

#[test]
fn what_says_nothing_is_kept_by_its_status() {
    let server = server();
    let silent = |status: u16| format!(r#"{{"silent":true,"status":{status}}}"#);
    for (status, kept) in [(200, true), (301, true), (404, true), (302, false), (500, false)] {
        let path = format!("/{status}");
        let first = got(&get(&server, &path, &silent(status)));
        let second = got(&get(&server, &path, &silent(status)));
        assert_eq!(first.0, if kept { "MISS" } else { "BYPASS" }, "{status}");
        assert_eq!(second.0, if kept { "HIT" } else { "BYPASS" }, "{status}");
        assert_eq!(second.1 == first.1, kept, "{status}");
    }
}

#[test]
fn headers_for_this_cache_alone_do_not_leave() {
    let server = server();
    let does = r#"{"headers":{"cache-control":"no-store","cdn-cache-control":"max-age=1000",
        "cloudflare-cdn-cache-control":"max-age=2000","cache-tag":"a,b"}}"#
        .replace('\n', "");
    for status in ["MISS", "HIT"] {
        let answer = get(&server, "/a", &does);
        assert_eq!(got(&answer), is(status, "answer 1"));
        assert_eq!(answer.header("cloudflare-cdn-cache-control"), None);
        assert_eq!(answer.header("cache-tag"), None);
        assert_eq!(answer.header("cdn-cache-control"), Some("max-age=1000"));
        assert_eq!(answer.header("cache-control"), Some("no-store"));
    }
    let posted = post(&server, "/a", "");
    assert_eq!(posted.header("cf-cache-status"), Some("BYPASS"));
}

#[test]
fn variants_are_kept_apart() {
    let server = server();
    let of = |does: &str, language: &str| {
        got(&ask(&server, "GET", "/a", does, &[("accept-language", language)]))
    };
    let varies = r#"{"headers":{"vary":"Accept-Language"}}"#;
    assert_eq!(of(varies, "de"), is("MISS", "answer 1"));
    assert_eq!(of(varies, "en"), is("MISS", "answer 2"));
    assert_eq!(of(varies, "de"), is("HIT", "answer 1"));
    assert_eq!(of(varies, "en"), is("HIT", "answer 2"));
    assert_eq!(got(&get(&server, "/a", varies)), is("MISS", "answer 3"));
    let any = r#"{"headers":{"vary":"*"}}"#;
    assert_eq!(got(&get(&server, "/any", any)), is("BYPASS", "answer 4"));
    assert_eq!(got(&get(&server, "/any", any)), is("BYPASS", "answer 5"));
}

#[test]
fn encodings_are_the_workers_own() {
    let server = server();
    let varies = r#"{"headers":{"vary":"accept-encoding"}}"#;
    let of =
        |encoding: &str| got(&ask(&server, "GET", "/a", varies, &[("accept-encoding", encoding)]));
    assert_eq!(of("gzip, br"), is("MISS", "answer 1"));
    assert_eq!(of("br, gzip"), is("MISS", "answer 2"), "values are compared as they are");
    assert_eq!(of("gzip, br"), is("HIT", "answer 1"));
}

#[test]
fn conditions_are_answered_from_what_is_kept() {
    let server = server();
    let does = r#"{"headers":{"etag":"\"v1\"","last-modified":"Tue, 01 Sep 2026 00:00:00 GMT"},
        "shows":["if-none-match","range"]}"#
        .replace('\n', "");
    // Also of the one that is just being kept.
    let first = ask(&server, "GET", "/a", &does, &[("if-none-match", "\"v1\"")]);
    assert_eq!((first.status, got(&first)), (304, is("MISS", "")));
    let with = |name: &str, value: &str| {
        let answer = ask(&server, "GET", "/a", "{}", &[(name, value)]);
        (answer.status, answer.header("cf-cache-status").map(str::to_owned))
    };
    let hit = || Some("HIT".to_owned());
    assert_eq!(with("if-none-match", "\"v0\", W/\"v1\""), (304, hit()));
    assert_eq!(with("if-none-match", "\"v0\""), (200, hit()));
    assert_eq!(with("if-modified-since", "Tue, 01 Sep 2026 00:00:00 GMT"), (304, hit()));
    assert_eq!(with("if-modified-since", "Mon, 31 Aug 2026 00:00:00 GMT"), (200, hit()));
    let hit = get(&server, "/a", "{}");
    let seen: serde_json::Value =
        serde_json::from_str(hit.header("x-seen").expect("shown")).expect("JSON");
    assert!(seen["if-none-match"].is_null(), "the Worker was asked for all of it: {seen}");
    assert_eq!(runs(&server), "1");
}

#[test]
fn assets_stand_before_it() {
    let config = "[cache]\nenabled = true\n[assets]\ndirectory = \"public\"\n";
    let server = setup(config).file("public/a.txt", "an asset").start();
    for _ in 0..2 {
        assert_eq!(get(&server, "/a.txt", "{}").text(), "an asset");
        assert_eq!(runs(&server), "0");
    }
    assert_eq!(got(&get(&server, "/b", "{}")), is("MISS", "answer 1"));
    assert_eq!(got(&get(&server, "/b", "{}")), is("HIT", "answer 1"));
}
