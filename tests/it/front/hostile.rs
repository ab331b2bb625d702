//! What must never be given to somebody else, and what happens when things go wrong.

use super::{ask, get, got, is, post, runs, server};
use crate::harness::eventually;

#[test]
fn what_has_a_cookie_is_for_one_client() {
    let server = server();
    let cookie = |control: &str| {
        format!(r#"{{"headers":{{"set-cookie":"id=secret","cache-control":"{control}"}}}}"#)
    };
    let open = cookie("public, max-age=60");
    for number in 1..3 {
        let answer = get(&server, "/a", &open);
        assert_eq!(got(&answer), is("BYPASS", &format!("answer {number}")));
        assert_eq!(answer.header("set-cookie"), Some("id=secret"));
    }
    let silent = r#"{"silent":true,"headers":{"set-cookie":"id=secret"}}"#;
    assert_eq!(got(&get(&server, "/silent", silent)).0, "BYPASS");
    assert_eq!(got(&get(&server, "/silent", "{}")).0, "MISS");
    // One that says so is kept without it.
    let allowed = cookie("max-age=60, private=set-cookie");
    let first = get(&server, "/b", &allowed);
    assert_eq!((got(&first).0.as_str(), first.header("set-cookie")), ("MISS", Some("id=secret")));
    let second = get(&server, "/b", &allowed);
    assert_eq!((got(&second).0.as_str(), second.header("set-cookie")), ("HIT", None));
}

#[test]
fn what_a_known_client_gets_is_kept_only_if_it_says_so() {
    let server = server();
    let known = [("authorization", "Bearer secret")];
    let of = |path: &str, control: &str| {
        let does = format!(r#"{{"headers":{{"cache-control":"{control}"}}}}"#);
        got(&ask(&server, "GET", path, &does, &known)).0
    };
    assert_eq!(of("/a", "max-age=60"), "BYPASS");
    assert_eq!(got(&get(&server, "/a", "{}")).0, "MISS", "nothing was kept");
    assert_eq!(got(&ask(&server, "GET", "/s", r#"{"silent":true}"#, &known)).0, "BYPASS");
    assert_eq!(of("/b", "public, max-age=60"), "MISS");
    assert_eq!(of("/b", "public, max-age=60"), "HIT");
    assert_eq!(of("/c", "private, max-age=60"), "BYPASS");
    assert_eq!(of("/d", "no-store"), "BYPASS");
}

#[test]
fn many_who_ask_at_once_are_one_request() {
    let server = server();
    let does = r#"{"wait":"gate"}"#;
    let mut clients: Vec<_> = (0..8).map(|_| server.connect()).collect();
    for client in &mut clients {
        client.send(format!("GET /a HTTP/1.1\r\nhost: x\r\nx-do: {does}\r\n\r\n"));
    }
    eventually("the Worker runs", || (runs(&server) == "1").then_some(()));
    post(&server, "/open", "");
    let mut all: Vec<_> = clients.iter_mut().map(|client| got(&client.response())).collect();
    all.sort();
    let hits = all.iter().filter(|it| **it == is("HIT", "answer 1")).count();
    assert_eq!((hits, &all[7]), (7, &is("MISS", "answer 1")), "{all:?}");
    assert_eq!(runs(&server), "1");
}

#[test]
fn those_who_wait_go_on_when_the_first_one_fails() {
    for does in [
        r#"{"wait":"gate","fails":true}"#,
        r#"{"wait":"gate","headers":{"cache-control":"private"}}"#,
        r#"{"wait":"gate","headers":{"set-cookie":"id=secret"}}"#,
        r#"{"pieces":"abc","between":"gate","breaks":true}"#,
    ] {
        let server = server();
        let mut first = server.connect();
        first.send(format!("GET /a HTTP/1.1\r\nhost: x\r\nx-do: {does}\r\n\r\n"));
        eventually("the Worker runs", || (runs(&server) == "1").then_some(()));
        let mut others: Vec<_> = (0..4).map(|_| server.connect()).collect();
        for client in &mut others {
            client.send("GET /a HTTP/1.1\r\nhost: x\r\n\r\n");
        }
        // Nobody of them is with the Worker as long as the first one is.
        assert_eq!(runs(&server), "1", "{does}");
        post(&server, "/open", "");
        for client in &mut others {
            let answer = client.response();
            assert_eq!(answer.status, 200, "{does}");
            assert!(answer.text().starts_with("answer "), "{does}: {}", answer.text());
            assert_eq!(answer.header("set-cookie"), None, "{does}");
        }
        assert_eq!(got(&get(&server, "/a", "{}")).0, "HIT", "{does}");
    }
}

#[test]
fn a_client_that_leaves_takes_nothing_from_those_who_wait() {
    let server = server();
    let does = r#"{"wait":"gate","pieces":"abc","between":"gate"}"#;
    let mut leaves = server.connect();
    leaves.send(format!("GET /a HTTP/1.1\r\nhost: x\r\nx-do: {does}\r\n\r\n"));
    eventually("the Worker runs", || (runs(&server) == "1").then_some(()));
    let mut waits = server.connect();
    waits.send("GET /a HTTP/1.1\r\nhost: x\r\n\r\n");
    drop(leaves);
    // The server sees that it left before the Worker goes on.
    for _ in 0..20 {
        assert_eq!(runs(&server), "1");
    }
    post(&server, "/open", "");
    assert_eq!(got(&waits.response()), is("HIT", "abc"));
    assert_eq!(runs(&server), "1");
}

#[test]
fn a_client_that_leaves_in_the_middle_leaves_the_rest_to_the_cache() {
    let server = server();
    let does = r#"{"pieces":"abc","between":"gate"}"#;
    let mut leaves = server.connect();
    leaves.send(format!("GET /a HTTP/1.1\r\nhost: x\r\nx-do: {does}\r\n\r\n"));
    leaves.head();
    assert_eq!(leaves.chunk().as_deref(), Some(&b"a"[..]));
    drop(leaves);
    for _ in 0..20 {
        assert_eq!(runs(&server), "1");
    }
    post(&server, "/open", "");
    eventually("all of it is kept", || {
        (got(&get(&server, "/a", does)) == is("HIT", "abc")).then_some(())
    });
    assert_eq!(runs(&server), "1");
}

#[test]
fn the_folder_may_go_at_any_time() {
    let server = server();
    let large = r#"{"large":400000}"#;
    for round in 0..5 {
        let (small, big) = (format!("/small{round}"), format!("/big{round}"));
        get(&server, &small, "{}");
        get(&server, &big, large);
        let _ = std::fs::remove_dir_all(server.data_dir().join("cache"));
        assert_eq!(get(&server, &big, large).body.len(), 400_000);
        assert_eq!(get(&server, &small, "{}").status, 200);
        assert_eq!(get(&server, &big, large).header("cf-cache-status"), Some("HIT"));
    }
}

#[test]
fn a_page_under_a_files_name_is_not_kept() {
    let server = server();
    let page = r#"{"silent":true,"headers":{"content-type":"text/html"}}"#;
    assert_eq!(got(&get(&server, "/account/x.css", page)), is("BYPASS", "answer 1"));
    assert_eq!(got(&get(&server, "/account/x.css", page)), is("BYPASS", "answer 2"));
    assert_eq!(got(&get(&server, "/account/x", page)), is("MISS", "answer 3"));
}
