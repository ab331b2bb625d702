//! HTMLRewriter on the way to a client. (What it makes of pages is in
//! tests/workers/html_rewriter.)

use std::io::{Read as _, Write as _};
use std::sync::mpsc;
use std::time::Duration;

use http::Response;

use crate::harness::{Origin, PATIENCE, Setup, full};

fn worker(body: &str) -> Setup {
    Setup::new(&format!(
        "let state = \"none\";\nexport default {{ async fetch(request, env, ctx) {{\n{body}\n}} }};"
    ))
}

#[test]
fn a_response_of_fetch_grows() {
    let page = "<p>x</p>".repeat(20_000);
    let length = page.len();
    let origin = Origin::start(move |_| {
        let page = page.clone();
        async move {
            let response = Response::builder()
                .header("content-type", "text/html; charset=utf-8")
                .header("content-length", page.len())
                .header("etag", "\"one\"");
            response.body(full(page)).expect("valid")
        }
    });
    let server = worker(&format!(
        "return new HTMLRewriter().on('p', {{ element: (p) => void p.after('!') }})
           .transform(await fetch('{}'));",
        origin.url("/")
    ))
    .start();
    for _ in 0..3 {
        let response = server.get("/");
        assert_eq!(response.status, 200);
        assert_eq!(response.header("etag"), Some("\"one\""));
        assert_eq!(response.text().len(), length + 20_000);
    }
}

#[test]
fn what_handlers_compute_is_the_requests_time() {
    let server = worker(
        "if (request.url.endsWith('/ok')) return new Response('ok');
         return new HTMLRewriter().on('p', { element: () => { for (;;); } })
           .transform(new Response('<p>'));",
    )
    .limits(|limits| limits.cpu = Duration::from_millis(200))
    .start();
    let mut client = server.connect();
    client.send("GET / HTTP/1.1\r\nhost: localhost\r\n\r\n");
    server.logs.wait_text("Worker exceeded CPU time limit");
    assert_eq!(server.text("/ok"), "ok");
}

#[test]
fn a_page_without_an_end_is_no_way_to_fill_the_memory() {
    let server = worker(
        "if (request.url.endsWith('/state')) return new Response(state);
         const endless = new ReadableStream({
           pull(controller) { controller.enqueue(new TextEncoder().encode(' x'.repeat(100000))); },
           start(controller) { controller.enqueue(new TextEncoder().encode('<p a=\"')); },
         });
         const response = new HTMLRewriter().on('p', { element() {} }).transform(new Response(endless));
         try { await response.text(); } catch (error) { state = `${error}`; }
         return new Response(state);",
    )
    .start();
    assert_eq!(server.text("/"), "TypeError: Parser error: The memory limit has been exceeded.");
    assert_eq!(
        server.text("/state"),
        "TypeError: Parser error: The memory limit has been exceeded."
    );
}

#[test]
fn a_client_that_goes_away_ends_the_source() {
    let server = worker(
        "if (request.url.endsWith('/state')) return new Response(state);
         const endless = new ReadableStream({
           async pull(controller) {
             await scheduler.wait(1);
             controller.enqueue(new TextEncoder().encode('<p>x</p>'));
           },
           cancel() { state = 'cancelled'; },
         });
         return new HTMLRewriter().on('p', { async element(p) { await null; p.after('!'); } })
           .transform(new Response(endless));",
    )
    .start();
    let mut client = server.connect();
    client.send("GET / HTTP/1.1\r\nhost: localhost\r\n\r\n");
    assert_eq!(client.head().status, 200);
    drop(client);
    crate::harness::eventually("the source is cancelled", || {
        (server.text("/state") == "cancelled").then_some(())
    });
}

#[test]
fn what_is_parsed_arrives_before_the_rest_is_there() {
    let (go_on, wait) = mpsc::channel::<()>();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    let origin = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a connection");
        let mut request = [0; 16];
        stream.read_exact(&mut request).expect("a request");
        let head =
            "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\nconnection: close\r\n\r\n<p>1</p>";
        stream.write_all(head.as_bytes()).expect("it is taken");
        wait.recv_timeout(PATIENCE).expect("the first part arrived");
        stream.write_all(b"<p>2</p>").expect("it is taken");
    });
    let server = worker(&format!(
        "return new HTMLRewriter().on('p', {{ element: (p) => void p.after('!') }})
           .transform(await fetch('http://{address}/'));"
    ))
    .start();
    let mut client = server.connect();
    client.send("GET / HTTP/1.1\r\nhost: localhost\r\n\r\n");
    let head = client.head();
    assert_eq!(head.status, 200);
    assert_eq!(client.chunk().as_deref(), Some(&b"<p>1</p>!"[..]));
    go_on.send(()).expect("the origin waits");
    assert_eq!(client.chunk().as_deref(), Some(&b"<p>2</p>!"[..]));
    origin.join().expect("the origin does not panic");
}
