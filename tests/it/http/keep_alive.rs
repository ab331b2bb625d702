//! One connection, several requests.

use crate::harness::Setup;

const ECHO: &str = r#"
export default {
  async fetch(request) {
    const url = new URL(request.url);
    const body = request.body === null ? "" : await request.text();
    return new Response(`${request.method} ${url.pathname}${url.search} ${body}`);
  },
};
"#;

#[test]
fn a_connection_serves_many_requests() {
    let server = Setup::new(ECHO).start();
    let mut client = server.connect();
    for number in 0..20 {
        let response = client.get(&format!("/{number}"));
        assert_eq!((response.status, response.text()), (200, format!("GET /{number} ")));
        assert_eq!(response.header("connection"), None, "1.1 is persistent by itself");
        let response = client.post("/p", format!("body {number}"));
        assert_eq!(response.text(), format!("POST /p body {number}"));
    }
}

#[test]
fn requests_sent_ahead_are_answered_in_order() {
    let server = Setup::new(
        r#"export default {
          async fetch(request) {
            const url = new URL(request.url);
            const text = request.body === null ? "" : await request.text();
            await scheduler.wait(Number(url.searchParams.get("wait")));
            return new Response(url.pathname + text);
          },
        };"#,
    )
    .start();
    let mut client = server.connect();
    let mut all = String::new();
    for number in 0..10 {
        let wait = if number % 2 == 0 { 20 } else { 0 };
        all.push_str(&format!("GET /{number}?wait={wait} HTTP/1.1\r\nhost: a\r\n\r\n"));
        all.push_str(&format!(
            "POST /p{number}?wait=0 HTTP/1.1\r\nhost: a\r\ncontent-length: 4\r\n\r\nbody"
        ));
        all.push_str(&format!(
            "PUT /c{number}?wait=0 HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n\
             2\r\nab\r\n1;x=y\r\nc\r\n0\r\n\r\n"
        ));
    }
    client.send(all);
    for number in 0..10 {
        assert_eq!(client.response().text(), format!("/{number}"));
        assert_eq!(client.response().text(), format!("/p{number}body"));
        assert_eq!(client.response().text(), format!("/c{number}abc"));
    }
}

#[test]
fn a_request_in_single_bytes_is_understood() {
    let server = Setup::new(ECHO).start();
    let mut client = server.connect();
    for byte in b"POST /slow HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\n\r\nxyz" {
        client.send([*byte]);
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    assert_eq!(client.response().text(), "POST /slow xyz");
}

#[test]
fn connection_close_is_honoured() {
    let server = Setup::new(ECHO).start();
    let mut client = server.connect();
    let response = client.request("GET", "/", &[("connection", "close")], b"");
    assert_eq!(response.header("connection"), Some("close"));
    assert!(client.is_closed());
}

#[test]
fn a_worker_may_close_the_connection() {
    let server = Setup::new(
        r#"export default { fetch: () => new Response("x", { headers: { connection: "close" } }) }"#,
    )
    .start();
    let mut client = server.connect();
    let response = client.get("/");
    assert_eq!(response.all("connection"), ["close"]);
    assert!(client.is_closed());
}

#[test]
fn http_1_0_closes_unless_asked_to_stay() {
    let server = Setup::new(ECHO).start();
    let mut client = server.connect();
    client.send("GET /a HTTP/1.0\r\n\r\n");
    assert_eq!(client.response().text(), "GET /a ");
    assert!(client.is_closed());

    let mut client = server.connect();
    client.send("GET /a HTTP/1.0\r\nconnection: keep-alive\r\n\r\n");
    let response = client.response();
    assert_eq!(
        response.header("connection").map(str::to_ascii_lowercase).as_deref(),
        Some("keep-alive")
    );
    client.send("GET /b HTTP/1.0\r\n\r\n");
    assert_eq!(client.response().text(), "GET /b ");
    assert!(client.is_closed());
}

#[test]
fn http_1_0_gets_no_chunks() {
    let server = Setup::new(
        r#"export default {
          fetch() {
            const { readable, writable } = new TransformStream();
            const writer = writable.getWriter();
            writer.write(new TextEncoder().encode("one "));
            writer.write(new TextEncoder().encode("two"));
            writer.close();
            return new Response(readable);
          },
        };"#,
    )
    .start();
    let mut client = server.connect();
    client.send("GET / HTTP/1.0\r\nconnection: keep-alive\r\n\r\n");
    let response = client.response();
    assert_eq!(response.text(), "one two");
    assert!(!response.is_chunked());
    assert!(client.is_closed(), "the end of the body is the end of the connection");
}

#[test]
fn a_body_that_nobody_reads_does_not_spoil_the_next_request() {
    let server = Setup::new(
        r#"export default { fetch: (request) => new Response(new URL(request.url).pathname) }"#,
    )
    .start();
    let mut client = server.connect();
    for round in 0..3 {
        let response = client.post(&format!("/{round}"), vec![b'x'; 20_000]);
        assert_eq!(response.text(), format!("/{round}"));
        assert_eq!(client.get("/next").text(), "/next");
    }
    // Too much to read for nothing: the connection closes instead.
    let mut client = server.connect();
    client.send("POST /big HTTP/1.1\r\nhost: a\r\ncontent-length: 50000000\r\n\r\nstart");
    assert_eq!(client.response().text(), "/big");
    assert!(client.is_closed());
}
