//! What is too old: asked for again, given meanwhile, or given in place of a failure.

use super::{ask, get, got, is, runs, server};
use crate::harness::eventually;

/// A response that is stale at once, with these directives.
fn stale(control: &str, more: &str) -> String {
    format!(r#"{{"headers":{{"cache-control":"{control}","etag":"\"v1\""}}{more}}}"#)
}

#[test]
fn what_is_kept_with_no_cache_is_asked_for_each_time() {
    let server = server();
    let does = stale("no-cache", "");
    assert_eq!(got(&get(&server, "/a", &does)), is("MISS", "answer 1"));
    assert_eq!(got(&get(&server, "/a", &does)), is("EXPIRED", "answer 2"));
    let validates = stale("no-cache", r#","validates":true"#);
    let confirmed = get(&server, "/a", &validates);
    assert_eq!((confirmed.status, got(&confirmed)), (200, is("REVALIDATED", "answer 2")));
    assert_eq!(runs(&server), "3");
    // Who has it already is told that it is still right.
    let has = ask(&server, "GET", "/a", &validates, &[("if-none-match", "\"v1\"")]);
    assert_eq!((has.status, got(&has)), (304, is("REVALIDATED", "")));
}

#[test]
fn what_was_confirmed_is_fresh_again() {
    let server = server();
    assert_eq!(got(&get(&server, "/a", &stale("max-age=0", ""))), is("MISS", "answer 1"));
    let validates = stale("max-age=60", r#","validates":true"#);
    assert_eq!(got(&get(&server, "/a", &validates)), is("REVALIDATED", "answer 1"));
    assert_eq!(got(&get(&server, "/a", "{}")), is("HIT", "answer 1"));
    assert_eq!(runs(&server), "2");
}

#[test]
fn what_is_stale_is_given_while_the_worker_is_asked() {
    let server = server();
    let does = stale("max-age=0, stale-while-revalidate=600", "");
    assert_eq!(got(&get(&server, "/a", &does)), is("MISS", "answer 1"));
    let slow = stale("max-age=60", r#","wait":"gate""#);
    assert_eq!(got(&get(&server, "/a", &slow)), is("UPDATING", "answer 1"));
    // The Worker waits in the background; nobody waits for it.
    for _ in 0..3 {
        assert_eq!(got(&get(&server, "/a", &slow)), is("UPDATING", "answer 1"));
    }
    eventually("it is asked once", || (runs(&server) == "2").then_some(()));
    super::post(&server, "/open", "");
    eventually("the new one is there", || {
        (got(&get(&server, "/a", &slow)) == is("HIT", "answer 2")).then_some(())
    });
    assert_eq!(runs(&server), "2");
}

#[test]
fn strict_responses_are_not_given_stale() {
    let server = server();
    let does = stale("s-maxage=0, stale-while-revalidate=600, stale-if-error=600", "");
    assert_eq!(got(&get(&server, "/a", &does)), is("MISS", "answer 1"));
    assert_eq!(got(&get(&server, "/a", &does)), is("EXPIRED", "answer 2"));
    let fails = stale("s-maxage=0", r#","fails":true"#);
    assert_eq!(get(&server, "/a", &fails).status, 500);
}

#[test]
fn what_is_stale_stands_in_for_failures() {
    let server = server();
    assert_eq!(got(&get(&server, "/a", &stale("max-age=0", ""))), is("MISS", "answer 1"));
    let fails = r#"{"fails":true}"#;
    let stood = get(&server, "/a", fails);
    assert_eq!((stood.status, got(&stood)), (200, is("STALE", "answer 1")));
    let broken = r#"{"status":503,"silent":true}"#;
    assert_eq!(got(&get(&server, "/a", broken)), is("STALE", "answer 1"));
    let streamed = r#"{"status":500,"silent":true,"pieces":"abc"}"#;
    assert_eq!(got(&get(&server, "/a", streamed)), is("STALE", "answer 1"));
    let part = ask(&server, "GET", "/a", fails, &[("range", "bytes=0-2")]);
    assert_eq!((part.status, got(&part)), (206, is("STALE", "ans")));
    // Without anything to give, a failure is one.
    let none = get(&server, "/none", fails);
    assert_eq!((none.status, none.header("cf-cache-status")), (500, None));
    let told = stale("max-age=0, stale-if-error=0", "");
    get(&server, "/told", &told);
    assert_eq!(get(&server, "/told", fails).status, 500);
    // The Worker is well again.
    assert_eq!(got(&get(&server, "/a", r#"{"body":"well"}"#)).0, "EXPIRED");
}

#[test]
fn large_files_stand_in_too_and_are_confirmed() {
    let server = server();
    let does = stale("max-age=0", r#","large":700000"#);
    assert_eq!(get(&server, "/a", &does).body.len(), 700_000);
    let stood = get(&server, "/a", r#"{"fails":true}"#);
    assert_eq!((stood.status, stood.body.len()), (200, 700_000));
    assert_eq!(stood.header("cf-cache-status"), Some("STALE"));
    let confirmed = get(&server, "/a", &stale("max-age=60", r#","validates":true"#));
    assert_eq!((confirmed.status, confirmed.body.len()), (200, 700_000));
    assert_eq!(confirmed.header("cf-cache-status"), Some("REVALIDATED"));
    assert_eq!(get(&server, "/a", "{}").header("cf-cache-status"), Some("HIT"));
}
