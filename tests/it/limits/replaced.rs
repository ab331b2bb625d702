//! Requests that share an isolate with one that is stopped.

use super::limited;

const WORKER: &str = r#"
export default {
  async fetch(request) {
    const { pathname } = new URL(request.url);
    switch (pathname) {
      case "/spin": for (;;);
      case "/bomb": { const all = []; for (;;) all.push(new Uint8Array(1 << 20)); }
      case "/ping": return new Response("pong");
    }
    console.log(`begun ${pathname}`);
    if (request.method === "POST") await request.text();
    await scheduler.wait(pathname === "/long" ? 60000 : 500);
    return new Response(`answered ${pathname}`);
  },
};
"#;

#[test]
fn gets_that_wait_are_answered_by_the_fresh_isolate() {
    for attack in ["/spin", "/bomb"] {
        let server = limited(WORKER).start();
        let mut waiting: Vec<_> = (0..10).map(|_| server.connect()).collect();
        for (number, client) in waiting.iter_mut().enumerate() {
            client.send(format!("GET /{number} HTTP/1.1\r\nhost: a\r\n\r\n"));
        }
        server.logs.wait_text("begun /9");
        assert_eq!(server.get(attack).status, 503);
        assert_eq!(server.text("/ping"), "pong");
        for (number, client) in waiting.iter_mut().enumerate() {
            let answer = client.response();
            assert_eq!(answer.text(), format!("answered /{number}"), "{attack}");
        }
    }
}

#[test]
fn a_post_is_not_run_twice() {
    let server = limited(WORKER).start();
    let mut waiting = server.connect();
    waiting.send("POST /long HTTP/1.1\r\nhost: a\r\ncontent-length: 4\r\n\r\nbody");
    server.logs.wait_text("begun /long");
    assert_eq!(server.get("/spin").status, 503);
    let answer = waiting.response();
    assert!(answer.status >= 500, "{} {}", answer.status, answer.text());
    assert_eq!(server.logs.text().matches("begun /long").count(), 1);
}

#[test]
fn a_response_that_was_begun_breaks_off() {
    let server = limited(
        r#"export default {
          fetch(request) {
            const { pathname } = new URL(request.url);
            if (pathname === "/spin") for (;;);
            if (pathname === "/ping") return new Response("pong");
            return new Response(new ReadableStream({
              async pull(controller) {
                await scheduler.wait(5);
                controller.enqueue(new TextEncoder().encode("piece"));
              },
            }));
          },
        };"#,
    )
    .start();
    let mut streaming = server.connect();
    streaming.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
    assert!(streaming.head().is_chunked());
    streaming.chunk();
    assert_eq!(server.get("/spin").status, 503);
    assert!(!streaming.rest().ends_with(b"0\r\n\r\n"), "the client must notice");
    assert_eq!(server.text("/ping"), "pong");
}
