//! Subrequests and answers of Workers with older compatibility dates.

use bytes::Bytes;
use http::Response;
use serde_json::json;

use super::{header, show, source};
use crate::harness::{Origin, Setup, TestServer, full};

fn worker_of(date: &'static str, origin: &Origin, body: &str) -> TestServer {
    Setup::new(&source(origin, body))
        .edit(move |worker| worker.compatibility.date = date.into())
        .start()
}

/// Answers with a body that claims to be `br`, or shows the request.
fn claiming() -> Origin {
    Origin::start(|request| async move {
        if request.uri().path() != "/br" {
            return show(request).await;
        }
        let body = full(Bytes::from_static(b"\x0b\x02\x80hello\x03"));
        Response::builder().header("content-encoding", "br").body(body).expect("valid")
    })
}

#[test]
fn brotli_is_nothing_to_a_worker_of_2023() {
    let origin = claiming();
    let body = r#"
        const path = new URL(request.url).pathname;
        if (path === "/answer") {
          return new Response("as it is", { headers: { "content-encoding": "br" } });
        }
        const shown = await (await fetch(`${origin}/shown`)).json();
        const answer = await fetch(`${origin}/br`);
        return Response.json([shown, (await answer.arrayBuffer()).byteLength, answer.headers.get("content-encoding")]);
    "#;
    let old = worker_of("2023-01-01", &origin, body);
    let seen = old.get("/").json();
    assert_eq!(header(&seen[0], "accept-encoding"), Some("gzip"));
    assert_eq!((&seen[1], &seen[2]), (&json!(9), &json!("br")));
    let answer = old.get("/answer");
    assert_eq!(answer.header("content-encoding"), Some("br"));
    assert_eq!(answer.text(), "as it is");
    let new = worker_of("2024-04-29", &origin, body);
    let seen = new.get("/").json();
    assert_eq!(header(&seen[0], "accept-encoding"), Some("gzip, br"));
    assert_eq!((&seen[1], &seen[2]), (&json!(5), &json!(null)));
    assert_ne!(new.get("/answer").body, b"as it is");
}

#[test]
fn secrets_follow_redirects_of_a_worker_of_2024() {
    let other = Origin::start(show);
    let there = other.url("/shown");
    let origin = Origin::start(move |_| {
        let there = there.clone();
        async move {
            Response::builder().status(302).header("location", there).body(full("")).expect("valid")
        }
    });
    let body = r#"
        const headers = { authorization: "Bearer x", cookie: "a=b", "x-own": "1" };
        return fetch(origin, { headers });
    "#;
    let shown = worker_of("2024-01-01", &origin, body).get("/").json();
    for (name, value) in [("authorization", "Bearer x"), ("cookie", "a=b"), ("x-own", "1")] {
        assert_eq!(header(&shown, name), Some(value));
    }
    let shown = worker_of("2025-09-01", &origin, body).get("/").json();
    assert_eq!(header(&shown, "authorization"), None);
    assert_eq!(header(&shown, "x-own"), Some("1"));
}

#[test]
fn unknown_schemes_were_http() {
    let origin = Origin::start(show);
    let body = r#"
        return fetch(origin.replace("http:", "ws:") + "/a").catch((error) => new Response(error.message));
    "#;
    let server = worker_of("2021-01-01", &origin, body);
    assert_eq!(server.get("/").json()["target"], "/a");
    server.logs.wait_text(
        "Worker passed an invalid URL to fetch(). URLs passed to fetch() must begin with",
    );
    let text = worker_of("2021-11-10", &origin, body).text("/");
    assert!(text.starts_with("Fetch API cannot load: ws://"), "{text}");
}

#[test]
fn the_urls_of_requests_were_not_looked_at() {
    let origin = Origin::start(show);
    let body = r#"
        const written = origin.replace("http", "HTTP") + "/a/../b c?d=%7e&e#f";
        const request_ = new Request(written);
        const answer = await (await fetch(request_)).json();
        return Response.json([request_.url === written, answer.target]);
    "#;
    let seen = worker_of("2024-01-01", &origin, body).get("/").json();
    assert_eq!(seen, json!([true, "/b%20c?d=%7e&e"]));
    let seen = worker_of("2024-06-03", &origin, body).get("/").json();
    assert_eq!(seen, json!([false, "/b%20c?d=%7e&e"]));
}

/// A Worker that waits for its origin, and tells what became of that.
const WAITING: &str = r#"
    console.log("waiting");
    const rest = scheduler.wait(60_000);
    const sent = fetch(new Request(`${origin}/`, request)).then(
      () => console.log("answered"),
      (error) => console.log(`ended by ${error.name}`),
    );
    ctx.waitUntil(sent);
    request.signal.addEventListener("abort", () => console.log("the client is gone"));
    await Promise.race([sent, rest]);
    return new Response("");
"#;

#[test]
fn the_client_ends_subrequests_only_where_a_flag_says_so() {
    let (answers, waits) = tokio::sync::watch::channel(false);
    let origin = Origin::start(move |_| {
        let mut waits = waits.clone();
        async move {
            let _ = waits.wait_for(|answers| *answers).await;
            Response::new(full(""))
        }
    });
    let start = |passes: bool| {
        let mut setup = Setup::new(&source(&origin, WAITING)).flag("enable_request_signal");
        if passes {
            setup = setup.flag("request_signal_passthrough");
        }
        let server = setup.start();
        let mut client = server.connect();
        client.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
        server.logs.wait_text("waiting");
        drop(client);
        server.logs.wait_text("the client is gone");
        server
    };
    start(true).logs.wait_text("ended by AbortError");
    let without = start(false);
    answers.send(true).expect("the origin waits");
    without.logs.wait_text("answered");
}

#[test]
fn the_signal_of_a_request_was_not_that_of_its_client() {
    let server = Setup::new(
        r#"export default {
          async fetch(request, env, ctx) {
            request.signal.addEventListener("abort", () => console.log("never"));
            console.log("waiting");
            ctx.waitUntil(scheduler.wait(300).then(() => console.log(`aborted: ${request.signal.aborted}`)));
            await scheduler.wait(60_000);
          },
        };"#,
    )
    .edit(|worker| worker.compatibility.date = "2026-11-16".into())
    .start();
    let mut client = server.connect();
    client.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
    server.logs.wait_text("waiting");
    drop(client);
    server.logs.wait_text("aborted: false");
}
