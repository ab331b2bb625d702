//! Workers as WebSocket clients, and between two others.

use super::ECHO;
use super::client::{Client, Message, text};
use crate::harness::{Setup, block_on};

#[test]
fn a_worker_passes_a_socket_on() {
    let origin = Setup::new(ECHO).start();
    let server = Setup::new(&format!(
        r#"export default {{ fetch: (request) => fetch("{}", request) }}"#,
        origin.url("/")
    ))
    .start();
    block_on(async {
        let mut client = Client::connect(server.address, "/").await;
        client.echo("through two").await;
        client.binary(&[1, 2, 3]).await;
        assert_eq!(client.next().await, Message::Binary(vec![1, 2, 3]));
        client.text("close").await;
        assert_eq!(client.next().await, Message::Close(4001, "as you wish".into()));
    });
}

#[test]
fn a_worker_stands_between_two_sockets() {
    let origin = Setup::new(ECHO).start();
    let server = Setup::new(&format!(
        r#"export default {{
          async fetch(request) {{
            const upstream = await fetch("{}", {{ headers: {{ Upgrade: "websocket" }} }});
            const theirs = upstream.webSocket;
            theirs.accept();
            const pair = new WebSocketPair();
            pair[1].accept();
            pair[1].addEventListener("message", (event) => theirs.send("<" + event.data));
            theirs.addEventListener("message", (event) => pair[1].send(event.data + ">"));
            pair[1].addEventListener("close", () => theirs.close(1000, "done"));
            return new Response(null, {{ status: 101, webSocket: pair[0] }});
          }},
        }}"#,
        origin.url("/")
    ))
    .start();
    block_on(async {
        let mut client = Client::connect(server.address, "/").await;
        client.text("a").await;
        assert_eq!(client.next().await, text("<a>"));
        client.close(1000, "").await;
    });
    origin.logs.wait_text("closed 1000 \"done\"");
}

#[test]
fn new_websocket_talks_to_another_worker() {
    let origin = Setup::new(ECHO).start();
    let server = Setup::new(&format!(
        r#"export default {{
          async fetch(request) {{
            const socket = new WebSocket("ws://{}/");
            const seen = [socket.readyState];
            await new Promise((resolve, reject) => {{
              socket.addEventListener("open", resolve);
              socket.addEventListener("error", () => reject(new Error("no connection")));
            }});
            seen.push(socket.readyState);
            const next = () => new Promise((resolve) => {{
              socket.addEventListener("message", (event) => resolve(event.data), {{ once: true }});
            }});
            socket.send("text");
            seen.push(await next());
            socket.send(new Uint8Array([1, 2]));
            const bytes = await next();
            seen.push(bytes instanceof Blob ? bytes.size : bytes.byteLength);
            const closed = new Promise((resolve) => socket.addEventListener("close", resolve));
            socket.send("close");
            const event = await closed;
            seen.push(event.code, event.reason, event.wasClean);
            return Response.json(seen);
          }},
        }}"#,
        origin.address
    ))
    .start();
    assert_eq!(
        server.get("/").json(),
        serde_json::json!([0, 1, "text", 2, 4001, "as you wish", true])
    );
}

#[test]
fn a_connection_that_fails_is_an_error_event() {
    let server = Setup::new(
        r#"export default {
          async fetch(request) {
            const port = new URL(request.url).searchParams.get("port");
            const socket = new WebSocket(`ws://127.0.0.1:${port}/`);
            const events = [];
            await new Promise((resolve) => {
              socket.addEventListener("error", () => { events.push("error"); });
              socket.addEventListener("close", (event) => { events.push(event.code); resolve(); });
              setTimeout(resolve, 5000);
            });
            return Response.json(events);
          },
        };"#,
    )
    .start();
    let closed = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = closed.local_addr().expect("it is bound").port();
    drop(closed);
    let events = server.get(&format!("/?port={port}")).json();
    assert_eq!(events[0], "error", "{events}");
}

#[test]
fn an_answer_that_is_no_socket_has_none() {
    let origin = Setup::new(r#"export default { fetch: () => new Response("plain") }"#).start();
    let server = Setup::new(&format!(
        r#"export default {{
          async fetch() {{
            const answer = await fetch("{}", {{ headers: {{ upgrade: "websocket" }} }});
            return Response.json([answer.status, answer.webSocket, await answer.text()]);
          }},
        }}"#,
        origin.url("/")
    ))
    .start();
    assert_eq!(server.get("/").json(), serde_json::json!([200, null, "plain"]));
}
