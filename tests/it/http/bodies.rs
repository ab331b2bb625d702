//! Bodies both ways: framing, streaming, 100-continue.

use crate::harness::{Client, Setup};

fn chunked(path: &str) -> String {
    format!("POST {path} HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n")
}

#[test]
fn a_chunked_request_is_streamed_into_the_worker_and_back() {
    let server =
        Setup::new(r#"export default { fetch: (request) => new Response(request.body) }"#).start();
    let mut client = server.connect();
    client.send(chunked("/"));
    client.send("5\r\nfirst\r\n");
    let head = client.head();
    assert_eq!(head.status, 200);
    assert!(head.is_chunked());
    assert_eq!(client.chunk().as_deref(), Some(&b"first"[..]), "before the request ended");
    client.send("6\r\nsecond\r\n");
    assert_eq!(client.chunk().as_deref(), Some(&b"second"[..]));
    client.send("0\r\nx-trailer: ignored\r\n\r\n");
    assert_eq!(client.chunk(), None);
    client.send(chunked("/").replace("transfer-encoding: chunked", "content-length: 2") + "ok");
    assert_eq!(client.response().text(), "ok", "the connection goes on");
}

#[test]
fn javascript_can_stand_between_the_two_streams() {
    let server = Setup::new(
        r#"export default {
          fetch(request) {
            const upper = new TransformStream({
              transform(chunk, controller) {
                const text = new TextDecoder().decode(chunk).toUpperCase();
                controller.enqueue(new TextEncoder().encode(text));
              },
            });
            return new Response(request.body.pipeThrough(upper));
          },
        };"#,
    )
    .start();
    let mut client = server.connect();
    client.send(chunked("/"));
    for word in ["one", "two", "three"] {
        client.send(format!("{:x}\r\n{word}\r\n", word.len()));
        if word == "one" {
            assert!(client.head().is_chunked());
        }
        assert_eq!(client.chunk(), Some(word.to_uppercase().into_bytes()));
    }
    client.send("0\r\n\r\n");
    assert_eq!(client.chunk(), None);
}

#[test]
fn the_client_is_told_to_continue_only_when_the_body_is_wanted() {
    let server = Setup::new(
        r#"export default {
          async fetch(request) {
            if (new URL(request.url).pathname === "/refuse") {
              return new Response("no", { status: 403 });
            }
            return new Response("got " + await request.text());
          },
        };"#,
    )
    .start();
    let head = |path: &str| {
        format!(
            "POST {path} HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 4\r\n\r\n"
        )
    };
    let mut client = server.connect();
    client.send(head("/take"));
    assert_eq!(client.head().status, 100);
    client.send("body");
    assert_eq!(client.response().text(), "got body");

    client.send(head("/refuse"));
    assert_eq!(client.head().status, 403, "no 100 for a body that nobody wants");
}

#[test]
fn bodies_of_every_kind_have_the_right_type_and_length() {
    let server = Setup::new(
        r#"const bodies = {
          "/text": () => "text",
          "/empty": () => "",
          "/null": () => null,
          "/buffer": () => new Uint8Array([1, 2, 3]).buffer,
          "/view": () => new Uint8Array([0, 1, 2, 3]).subarray(1, 3),
          "/blob": () => new Blob(["blob"], { type: "text/x-blob" }),
          "/params": () => new URLSearchParams({ a: "1 2" }),
          "/form": () => { const form = new FormData(); form.set("a", "b"); return form; },
          "/unicode": () => "h\u00e9llo \u{1f600}",
          "/big": () => "\u00e9".repeat(500000),
        };
        export default {
          fetch: (request) => new Response(bodies[new URL(request.url).pathname]()),
        };"#,
    )
    .start();
    let mut client = server.connect();
    let mut check = |path: &str, kind: Option<&str>, body: &[u8]| {
        let response = client.get(path);
        let given = response.header("content-type");
        assert_eq!(given, kind, "{path}");
        assert_eq!(response.body, body, "{path}");
        assert_eq!(response.header("content-length"), Some(&*body.len().to_string()), "{path}");
    };
    let text = Some("text/plain;charset=UTF-8");
    check("/text", text, b"text");
    check("/empty", text, b"");
    check("/null", None, b"");
    check("/buffer", None, &[1, 2, 3]);
    check("/view", None, &[1, 2]);
    check("/blob", Some("text/x-blob"), b"blob");
    check("/params", Some("application/x-www-form-urlencoded;charset=UTF-8"), b"a=1+2");
    check("/unicode", text, "h\u{e9}llo \u{1f600}".as_bytes());
    check("/big", text, "\u{e9}".repeat(500_000).as_bytes());
    let form = client.get("/form");
    assert!(
        form.header("content-type").is_some_and(|it| it.starts_with("multipart/form-data;")),
        "{form:?}"
    );
    assert!(form.text().contains("name=\"a\"\r\n\r\nb\r\n"), "{}", form.text());
}

#[test]
fn a_fixed_length_stream_has_a_content_length() {
    let server = Setup::new(
        r#"export default {
          fetch(request, env, ctx) {
            const { readable, writable } = new FixedLengthStream(11);
            const writer = writable.getWriter();
            ctx.waitUntil((async () => {
              await writer.write(new TextEncoder().encode("hello "));
              await writer.write(new TextEncoder().encode("world"));
              await writer.close();
            })());
            return new Response(readable);
          },
        };"#,
    )
    .start();
    let response = server.get("/");
    assert_eq!(response.header("content-length"), Some("11"));
    assert_eq!(response.text(), "hello world");
}

#[test]
fn a_stream_that_fails_breaks_the_response_off() {
    let server = Setup::new(
        r#"export default {
          fetch() {
            let count = 0;
            return new Response(new ReadableStream({
              pull(controller) {
                if (count++ < 3) controller.enqueue(new TextEncoder().encode("chunk"));
                else controller.error(new Error("out of data"));
              },
            }));
          },
        };"#,
    )
    .start();
    let mut client = server.connect();
    client.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
    assert_eq!(client.head().status, 200);
    let rest = String::from_utf8_lossy(&client.rest()).into_owned();
    assert!(rest.contains("chunk"), "{rest}");
    assert!(!rest.ends_with("0\r\n\r\n"), "the client must notice: {rest}");
    server.logs.wait_text("out of data");
}

#[test]
fn chunks_of_a_stream_leave_at_once() {
    let server = Setup::new(
        r#"export default {
          async fetch(request, env, ctx) {
            const { readable, writable } = new TransformStream();
            const writer = writable.getWriter();
            ctx.waitUntil((async () => {
              for (let i = 0; i < 3; i++) {
                await writer.write(new TextEncoder().encode(`data: ${i}\n\n`));
                await scheduler.wait(100);
              }
              await writer.close();
            })());
            return new Response(readable, { headers: { "content-type": "text/event-stream" } });
          },
        };"#,
    )
    .start();
    let mut client: Client = server.connect();
    client.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
    assert!(client.head().is_chunked());
    for number in 0..3 {
        assert_eq!(client.chunk(), Some(format!("data: {number}\n\n").into_bytes()));
    }
    assert_eq!(client.chunk(), None);
}

#[test]
fn what_is_not_bytes_cannot_be_streamed() {
    let server = Setup::new(
        r#"export default {
          fetch() {
            return new Response(new ReadableStream({
              start(controller) { controller.enqueue("a string"); controller.close(); },
            }));
          },
        };"#,
    )
    .start();
    let mut client = server.connect();
    client.send("GET / HTTP/1.1\r\nhost: a\r\n\r\n");
    let head = client.head();
    let rest = client.rest();
    assert!(!rest.ends_with(b"0\r\n\r\n") || head.status == 500);
    server.logs.wait_text("did not return bytes");
}

#[test]
fn a_stream_that_is_read_fast_leaves_others_their_turn() {
    // The stream's last chunk tells how much of it went out at most between two
    // turns of somebody else on the same thread.
    let server = Setup::new(
        r#"
        const CHUNKS = 1024;
        const chunk = new Uint8Array(64 * 1024);
        export default { fetch() {
          let pulled = 0, since = 0, most = 0, over = false;
          const { port1, port2 } = new MessageChannel();
          port2.onmessage = () => {
            most = Math.max(most, since);
            since = 0;
            if (!over) port1.postMessage("turn");
          };
          port1.postMessage("turn");
          return new Response(new ReadableStream({
            pull(controller) {
              since++;
              if (++pulled < CHUNKS) return controller.enqueue(chunk);
              over = true;
              controller.enqueue(new TextEncoder().encode(`${Math.max(most, since)}`));
              controller.close();
            },
          }));
        } };"#,
    )
    .start();
    let mut client = server.connect();
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(client.head().status, 200);
    let mut last = Vec::new();
    while let Some(chunk) = client.chunk() {
        last = chunk;
    }
    let most: u32 = String::from_utf8_lossy(&last).parse().expect("a number");
    assert!(most < 64, "{most} chunks of 64 KiB in one turn");
}
