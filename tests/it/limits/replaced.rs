//! Requests that share an isolate with one that is stopped.

use super::limited;

const WORKER: &str = r#"
let started = 0;
export default {
  async fetch(request) {
    const url = new URL(request.url);
    const mine = ++started;
    switch (url.pathname) {
      case "/spin": for (;;);
      case "/bomb": { const all = []; for (;;) all.push(new Uint8Array(1 << 20)); }
      case "/wait":
        console.log("waiting " + url.search);
        await scheduler.wait(300);
        return new Response("waited");
      case "/post":
        console.log("posted");
        await request.text();
        await scheduler.wait(60000);
        return new Response("not reached");
      case "/ping": return new Response(`${started}`);
    }
  },
};
"#;

#[test]
fn a_get_that_was_waiting_is_answered_by_the_fresh_isolate() {
    for attack in ["/spin", "/bomb"] {
        let server = limited(WORKER).start();
        let mut waiting = server.connect();
        waiting.send("GET /wait?1 HTTP/1.1\r\nhost: a\r\n\r\n");
        server.logs.wait_text("waiting ?1");
        assert_eq!(server.get(attack).status, 503);
        // The first request of the fresh isolate would wait long again: others
        // must have come before it.
        let answer = loop {
            let ping = server.get("/ping");
            assert_eq!(ping.status, 200);
            if ping.text() != "1" {
                break waiting.response();
            }
        };
        assert!(
            answer.status == 200 && answer.text() == "waited" || answer.status == 503,
            "{attack}: {} {}",
            answer.status,
            answer.text()
        );
    }
}

#[test]
fn a_get_that_nobody_saw_runs_again() {
    let server = limited(
        r#"export default {
          async fetch(request) {
            const path = new URL(request.url).pathname;
            if (path === "/spin") for (;;);
            await scheduler.wait(400);
            return new Response("answered");
          },
        };"#,
    )
    .start();
    let mut waiting: Vec<_> = (0..10).map(|_| server.connect()).collect();
    for client in &mut waiting {
        client.send("GET /wait HTTP/1.1\r\nhost: a\r\n\r\n");
    }
    std::thread::sleep(std::time::Duration::from_millis(50));
    assert_eq!(server.get("/spin").status, 503);
    for client in &mut waiting {
        assert_eq!(client.response().text(), "answered");
    }
}

#[test]
fn a_post_is_not_run_twice() {
    let server = limited(WORKER).start();
    let mut waiting = server.connect();
    waiting.send("POST /post HTTP/1.1\r\nhost: a\r\ncontent-length: 4\r\n\r\nbody");
    server.logs.wait_text("posted");
    assert_eq!(server.get("/spin").status, 503);
    let answer = waiting.response();
    assert!(answer.status >= 500, "{} {}", answer.status, answer.text());
    assert_eq!(server.logs.text().matches("posted").count(), 1);
}
