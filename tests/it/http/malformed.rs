//! Requests that are refused before any Worker sees them.

use crate::harness::Setup;

const WORKER: &str = r#"
export default { async fetch(request) { return new Response("worker " + await request.text()); } };
"#;

#[test]
fn requests_that_are_not_http_get_400_and_the_connection_closes() {
    let server = Setup::new(WORKER).start();
    let bad: &[&[u8]] = &[
        b"\0\0\0\0\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET /\r\n\r\n",
        b"GET / HTTP/1.1 extra\r\nhost: a\r\n\r\n",
        b"GET / HTTP/9.9\r\nhost: a\r\n\r\n",
        b"GET / HTTX/1.1\r\nhost: a\r\n\r\n",
        b"G@T / HTTP/1.1\r\nhost: a\r\n\r\n",
        b" GET / HTTP/1.1\r\nhost: a\r\n\r\n",
        b"GET relative HTTP/1.1\r\nhost: a\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: a b\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: a/b\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: user@a\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: a\r\nno colon\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: a\r\nspace : x\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: a\r\n: empty\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: a\r\nx: a\0b\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: a\r\nx: a\rb\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: a\r\n folded: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: a\r\nx: a\r\n folded\r\n\r\n",
        b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: +1\r\n\r\nx",
        b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1x\r\n\r\nx",
        b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 0x1\r\n\r\nx",
        b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 99999999999999999999999\r\n\r\n",
        b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nxy",
        b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1, 2\r\n\r\nxy",
        b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked, gzip\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: xchunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\ntransfer-encoding: identity\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.0\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    ];
    let mut wrong = Vec::new();
    for bytes in bad {
        let mut client = server.connect();
        client.try_send(bytes);
        client.shut();
        let text = String::from_utf8_lossy(bytes).into_owned();
        match client.try_head() {
            Some(response) if response.status == 400 => {
                assert_eq!(response.header("connection"), Some("close"), "{text:?}");
            }
            Some(response) => wrong.push(format!("{text:?} -> {}", response.status)),
            None => wrong.push(format!("{text:?} -> closed")),
        }
    }
    assert!(wrong.is_empty(), "not refused with 400:\n{}", wrong.join("\n"));
    assert_eq!(server.text("/"), "worker ");
}

#[test]
fn a_request_of_1_1_without_a_host_is_refused() {
    let server = Setup::new(WORKER).start();
    let mut client = server.connect();
    client.send("GET / HTTP/1.1\r\n\r\n");
    assert_eq!(client.response().status, 400);
}

#[test]
fn broken_chunks_break_the_body_and_close_the_connection() {
    let server = Setup::new(
        r#"export default {
          async fetch(request) {
            try {
              return new Response("read " + await request.text());
            } catch (error) {
              return new Response(`failed`, { status: 422 });
            }
          },
        };"#,
    )
    .start();
    for body in [
        "x\r\n",
        "-1\r\nx\r\n",
        "5\r\nabcdeX\r\n0\r\n\r\n",
        "fffffffffffffffff\r\n",
        "2\nab\n0\n\n",
    ] {
        println!("{body:?}");
        let mut client = server.connect();
        client.send(format!(
            "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n{body}\
             GET /smuggled HTTP/1.1\r\nhost: a\r\n\r\n"
        ));
        let response = client.response();
        assert!([400, 422].contains(&response.status), "{body:?}: {response:?}");
        assert!(client.is_closed(), "{body:?}: what follows is not a request");
    }
}

#[test]
fn too_large_a_head_gets_431() {
    let server = Setup::new(WORKER).start();
    // One header, many headers, and one that never ends.
    let one = format!("GET / HTTP/1.1\r\nhost: a\r\nx: {}\r\n\r\n", "y".repeat(140 * 1024));
    let line = format!("x-filler: {}\r\n", "y".repeat(2000));
    let many = format!("GET / HTTP/1.1\r\nhost: a\r\n{}\r\n", line.repeat(80));
    let endless = format!("GET / HTTP/1.1\r\nhost: a\r\nx: {}", "y".repeat(400 * 1024));
    let count = format!("GET / HTTP/1.1\r\nhost: a\r\n{}\r\n", "a: b\r\n".repeat(5000));
    for head in [one, many, endless, count] {
        let mut client = server.connect();
        client.try_send(&head);
        let response = client.response();
        assert_eq!(response.status, 431, "{}", response.text());
        assert_eq!(response.header("connection"), Some("close"));
    }
}

#[test]
fn a_head_just_below_the_limit_is_served() {
    let server = Setup::new(
        r#"export default { fetch: (request) => new Response(`${request.headers.get("x").length}`) }"#,
    )
    .start();
    let mut client = server.connect();
    let long = "y".repeat(120 * 1024);
    assert_eq!(client.request("GET", "/", &[("x", &long)], b"").text(), long.len().to_string());
}

#[test]
fn too_long_a_url_gets_414() {
    let server = Setup::new(WORKER).start();
    for length in [16 * 1024 + 1, 60 * 1024] {
        let mut client = server.connect();
        let path = format!("/{}", "a".repeat(length));
        client.try_send(format!("GET {path} HTTP/1.1\r\nhost: a\r\n\r\n"));
        assert_eq!(client.response().status, 414, "{length}");
    }
    let path = format!("/{}", "a".repeat(16 * 1024 - 1));
    assert_eq!(server.get(&path).status, 200);
}

#[test]
fn too_large_a_body_gets_413() {
    let server = Setup::new(WORKER).limits(|limits| limits.request_body_bytes = 1000).start();
    let mut client = server.connect();
    client.try_send("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1001\r\n\r\n");
    let response = client.response();
    assert_eq!(response.status, 413);
    assert!(client.is_closed());

    // A chunked body is too large only once it is there.
    let mut client = server.connect();
    let chunk = format!("1f4\r\n{}\r\n", "x".repeat(500));
    client.try_send(format!(
        "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n{}0\r\n\r\n",
        chunk.repeat(3)
    ));
    let response = client.response();
    assert_eq!(response.status, 413, "{}", response.text());
    let line = server.logs.wait("the request", |line| line["kind"] == "request");
    assert_eq!(line["status"], 413, "the log says what the client got: {line}");

    let mut client = server.connect();
    assert_eq!(client.post("/", "x".repeat(1000)).text(), format!("worker {}", "x".repeat(1000)));
}

#[test]
fn a_body_that_ends_too_early_fails() {
    let server = Setup::new(
        r#"export default {
          async fetch(request) {
            try {
              await request.text();
              console.log("whole");
            } catch (error) {
              console.log("lost: " + error.message);
            }
            return new Response("");
          },
        };"#,
    )
    .start();
    let mut client = server.connect();
    client.send("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\nhalf");
    std::thread::sleep(std::time::Duration::from_millis(50));
    drop(client);
    server.logs.wait_text("lost: ");
    assert!(!server.logs.text().contains("whole"));
}

#[test]
#[ignore = "takes the 15 s that a head may take"]
fn a_head_that_never_ends_gets_408() {
    let server = Setup::new(WORKER).start();
    let mut client = server.connect();
    client.send("GET / HTTP/1.1\r\nhost: a\r\nx-slow: ");
    let response = client.response();
    assert_eq!(response.status, 408);
    assert!(client.is_closed());
}
