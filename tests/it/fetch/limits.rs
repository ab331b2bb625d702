//! How many subrequests there may be, and how many at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use http::Response;

use super::{show, source};
use crate::harness::{Origin, Setup, full};

#[test]
fn a_request_has_so_many_subrequests() {
    let origin = Origin::start(show);
    let server = Setup::new(&source(
        &origin,
        r#"
        let done = 0;
        try { for (;;) { await (await fetch(origin)).text(); done++; } }
        catch (error) { return new Response(`${done} ${error.message}`); }
        "#,
    ))
    .limits(|limits| limits.subrequests = 10)
    .start();
    for _ in 0..2 {
        let text = server.text("/");
        assert!(text.starts_with("10 Too many subrequests"), "{text}");
    }
}

#[test]
fn six_connections_are_open_at_once() {
    let now = Arc::new(AtomicUsize::new(0));
    let most = Arc::new(AtomicUsize::new(0));
    let (present, highest) = (now.clone(), most.clone());
    let origin = Origin::start(move |_| {
        let (present, highest) = (present.clone(), highest.clone());
        async move {
            let open = present.fetch_add(1, Ordering::SeqCst) + 1;
            highest.fetch_max(open, Ordering::SeqCst);
            tokio::time::sleep(Duration::from_millis(20)).await;
            present.fetch_sub(1, Ordering::SeqCst);
            Response::new(full("x"))
        }
    });
    let server = Setup::new(&source(
        &origin,
        r#"
        const all = await Promise.all(Array.from({ length: 30 }, () => fetch(origin).then((it) => it.text())));
        return new Response(all.join(""));
        "#,
    ))
    .start();
    assert_eq!(server.text("/"), "x".repeat(30));
    assert_eq!(most.load(Ordering::SeqCst), 6);
}

#[test]
fn subrequests_of_different_requests_do_not_wait_for_each_other() {
    let origin = Origin::start(|request| async move {
        if request.uri().path() == "/slow" {
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        Response::new(full("x"))
    });
    let server = Setup::new(&source(
        &origin,
        r#"
        if (new URL(request.url).pathname === "/slow") {
          const all = Array.from({ length: 12 }, () => fetch(origin + "/slow"));
          await Promise.all(all);
          return new Response("slow");
        }
        return fetch(origin);
        "#,
    ))
    .start();
    let mut slow = server.connect();
    slow.send("GET /slow HTTP/1.1\r\nhost: a\r\n\r\n");
    for _ in 0..20 {
        assert_eq!(server.text("/fast"), "x");
    }
    assert_eq!(slow.response().text(), "slow");
}
