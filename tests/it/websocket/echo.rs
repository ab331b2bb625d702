//! Messages, pings and the end of a socket.

use fastwebsockets::OpCode;

use super::ECHO;
use super::client::{Client, Message, text};
use crate::harness::{Certificate, Setup, block_on, eventually};

#[test]
fn text_and_bytes_come_back() {
    let server = Setup::new(ECHO).start();
    block_on(async {
        let mut client = Client::connect(server.address, "/").await;
        client.echo("hello").await;
        client.echo("").await;
        client.echo("h\u{e9}llo \u{1f600}").await;
        client.text("type").await;
        assert_eq!(client.next().await, text("string"));
    });
}

#[test]
fn bytes_come_back_as_bytes() {
    let server = Setup::new(ECHO).start();
    block_on(async {
        let mut client = Client::connect(server.address, "/").await;
        for bytes in [vec![], vec![0, 255, 1], vec![7; 70_000]] {
            client.binary(&bytes).await;
            assert_eq!(client.next().await, Message::Binary(bytes));
        }
    });
}

#[test]
fn a_message_of_a_megabyte_comes_back() {
    let server = Setup::new(ECHO).start();
    block_on(async {
        let mut client = Client::connect(server.address, "/").await;
        client.echo(&"x".repeat(1 << 20)).await;
        let bytes: Vec<u8> = (0..3 << 20).map(|number| number as u8).collect();
        client.binary(&bytes).await;
        assert_eq!(client.next().await, Message::Binary(bytes));
    });
}

#[test]
fn many_messages_stay_in_order() {
    let server = Setup::new(ECHO).start();
    block_on(async {
        let mut client = Client::connect(server.address, "/").await;
        for number in 0..2000 {
            client.text(&number.to_string()).await;
        }
        for number in 0..2000 {
            assert_eq!(client.next().await, text(&number.to_string()));
        }
    });
}

#[test]
fn fragments_are_put_together() {
    let server = Setup::new(ECHO).start();
    block_on(async {
        let mut client = Client::connect(server.address, "/").await;
        client.frame(false, OpCode::Text, b"one ").await;
        client.frame(false, OpCode::Continuation, b"two ").await;
        client.frame(true, OpCode::Ping, b"between").await;
        assert_eq!(client.next().await, Message::Pong(b"between".to_vec()));
        client.frame(true, OpCode::Continuation, b"three").await;
        assert_eq!(client.next().await, text("one two three"));
    });
}

#[test]
fn pings_are_answered_without_the_worker() {
    let server = Setup::new(ECHO).start();
    block_on(async {
        let mut client = Client::connect(server.address, "/").await;
        client.frame(true, OpCode::Ping, b"").await;
        assert_eq!(client.next().await, Message::Pong(Vec::new()));
        client.frame(true, OpCode::Pong, b"unasked").await;
        client.echo("still open").await;
    });
}

#[test]
fn the_client_closes_and_the_worker_learns_why() {
    let server = Setup::new(ECHO).start();
    block_on(async {
        let mut client = Client::connect(server.address, "/").await;
        client.echo("x").await;
        client.close(4000, "enough").await;
        assert_eq!(client.next().await, Message::Close(4000, "enough".into()));
    });
    server.logs.wait_text("closed 4000 \"enough\" true");
}

#[test]
fn the_worker_closes_and_the_client_learns_why() {
    let server = Setup::new(ECHO).start();
    block_on(async {
        let mut client = Client::connect(server.address, "/").await;
        client.text("close").await;
        assert_eq!(client.next().await, Message::Close(4001, "as you wish".into()));
        client.close(4001, "as you wish").await;
        assert_eq!(client.next().await, Message::End);
    });
}

#[test]
fn a_close_without_a_code_is_1005() {
    let server = Setup::new(ECHO).start();
    block_on(async {
        let mut client = Client::connect(server.address, "/").await;
        client.frame(true, OpCode::Close, b"").await;
        assert!(matches!(client.next().await, Message::Close(..)));
    });
    server.logs.wait_text("closed 1005");
}

/// Answers a close frame a moment later, or never; a plain request tells the last socket's state.
const LATE: &str = r#"
let last;
export default {
  fetch(request) {
    if (!request.headers.has("upgrade")) return new Response(`${last.readyState}`);
    const [client, server] = Object.values(new WebSocketPair());
    last = server;
    const { searchParams } = new URL(request.url);
    server.accept(searchParams.has("half") ? { allowHalfOpen: searchParams.get("half") === "yes" } : undefined);
    server.addEventListener("close", (event) => {
      console.log(`closed ${event.code} at ${server.readyState}`);
      if (server.readyState === 2 && !searchParams.has("never")) setTimeout(() => server.close(4001, "at last"), 5);
    });
    return new Response(null, { status: 101, webSocket: client });
  },
};
"#;

#[test]
fn a_worker_may_answer_a_close_frame_itself() {
    for (flag, query, is_late) in [
        ("web_socket_manual_reply_to_close", "/", true),
        ("web_socket_manual_reply_to_close", "/?half=no", false),
        ("web_socket_auto_reply_to_close", "/", false),
        ("web_socket_auto_reply_to_close", "/?half=yes", true),
    ] {
        let server = Setup::new(LATE).flag(flag).start();
        block_on(async {
            let mut client = Client::connect(server.address, query).await;
            client.close(4000, "enough").await;
            let (code, reason) = if is_late { (4001, "at last") } else { (4000, "enough") };
            assert_eq!(client.next().await, Message::Close(code, reason.into()), "{flag} {query}");
            assert_eq!(client.next().await, Message::End);
        });
        server.logs.wait_text(if is_late { "closed 4000 at 2" } else { "closed 4000 at 3" });
    }
}

#[test]
fn nobody_waits_for_a_worker_that_never_answers() {
    let server = Setup::new(LATE).start();
    block_on(async {
        let mut client = Client::connect(server.address, "/?half=yes&never").await;
        client.close(4000, "enough").await;
        server.logs.wait_text("closed 4000 at 2");
        assert_eq!(server.get("/").text(), "2");
    });
    eventually("the socket is closed", || (server.get("/").text() == "3").then_some(()));
}

#[test]
fn a_client_that_vanishes_closes_with_1006() {
    let server = Setup::new(ECHO).start();
    block_on(async {
        let mut client = Client::connect(server.address, "/").await;
        client.echo("x").await;
    });
    server.logs.wait_text("closed 1006");
}

#[test]
fn a_listener_that_throws_is_reported_and_the_socket_lives() {
    let server = Setup::new(ECHO).start();
    block_on(async {
        let mut client = Client::connect(server.address, "/").await;
        client.text("throw").await;
        client.echo("still there").await;
    });
    server.logs.wait_text("thrown in a listener");
}

#[test]
fn timers_of_a_socket_run() {
    let server = Setup::new(ECHO).start();
    block_on(async {
        let mut client = Client::connect(server.address, "/").await;
        client.text("ping me later").await;
        assert_eq!(client.next().await, text("later"));
    });
}

#[test]
fn the_worker_may_speak_first_and_before_its_answer() {
    let server = Setup::new(
        r#"export default {
          async fetch(request) {
            const pair = new WebSocketPair();
            pair[1].accept();
            pair[1].send("before");
            await scheduler.wait(5);
            pair[1].send(new Uint8Array([1, 2, 3]));
            setTimeout(() => { pair[1].send("after"); pair[1].close(); }, 20);
            return new Response(null, { status: 101, webSocket: pair[0] });
          },
        };"#,
    )
    .start();
    block_on(async {
        let mut client = Client::connect(server.address, "/").await;
        assert_eq!(client.next().await, text("before"));
        assert_eq!(client.next().await, Message::Binary(vec![1, 2, 3]));
        assert_eq!(client.next().await, text("after"));
        assert!(matches!(client.next().await, Message::Close(..)));
    });
}

#[test]
fn a_protocol_is_chosen_by_the_worker() {
    let server = Setup::new(
        r#"export default {
          fetch(request) {
            const pair = new WebSocketPair();
            pair[1].accept();
            const protocol = request.headers.get("sec-websocket-protocol").split(", ")[1];
            return new Response(null, {
              status: 101,
              webSocket: pair[0],
              headers: { "sec-websocket-protocol": protocol, "set-cookie": "a=b" },
            });
          },
        };"#,
    )
    .start();
    block_on(async {
        let offered = [("sec-websocket-protocol", "one, two")];
        let (_client, headers) = Client::connect_with(server.address, "/", &offered).await;
        assert_eq!(headers["sec-websocket-protocol"], "two");
        assert_eq!(headers["set-cookie"], "a=b");
    });
}

#[test]
fn a_worker_may_refuse_the_handshake() {
    let server =
        Setup::new(r#"export default { fetch: () => new Response("not here", { status: 403 }) }"#)
            .start();
    let response = server.connect().request(
        "GET",
        "/",
        &[
            ("upgrade", "websocket"),
            ("connection", "Upgrade"),
            ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
            ("sec-websocket-version", "13"),
        ],
        b"",
    );
    assert_eq!((response.status, response.text().as_str()), (403, "not here"));
}

#[test]
fn an_upgrade_without_a_handshake_fails() {
    let server =
        Setup::new(&ECHO.replace("request.headers.get(\"upgrade\") !== \"websocket\"", "false"))
            .start();
    let response = server.get("/");
    assert!(response.status >= 400, "{}", response.status);
}

#[test]
fn sockets_work_over_tls() {
    let certificate = Certificate::new();
    let server = Setup::new(ECHO).tls(&certificate).start();
    block_on(async {
        let stream = tokio::net::TcpStream::connect(server.address).await.expect("it listens");
        let name = rustls::pki_types::ServerName::try_from("localhost").expect("a name");
        let stream =
            certificate.client(&["http/1.1"]).connect(name, stream).await.expect("a handshake");
        let request = http::Request::get("/")
            .header("host", "localhost")
            .header("upgrade", "websocket")
            .header("connection", "Upgrade")
            .header("sec-websocket-key", fastwebsockets::handshake::generate_key())
            .header("sec-websocket-version", "13")
            .body(http_body_util::Empty::<bytes::Bytes>::new())
            .expect("valid");
        let executor = hyper_util::rt::TokioExecutor::new();
        let (mut socket, _) = fastwebsockets::handshake::client(&executor, request, stream)
            .await
            .expect("an upgrade");
        let frame = fastwebsockets::Frame::text(fastwebsockets::Payload::Borrowed(b"secret"));
        socket.write_frame(frame).await.expect("it is taken");
        let frame = socket.read_frame().await.expect("an echo");
        assert_eq!(frame.payload.to_vec(), b"secret");
    });
}

#[test]
fn a_server_that_stops_closes_its_sockets_with_1001() {
    let mut server = Setup::new(ECHO).start();
    block_on(async {
        let mut client = Client::connect(server.address, "/").await;
        client.echo("x").await;
        server.stop();
        match client.next().await {
            Message::Close(code, _) => assert_eq!(code, 1001),
            other => panic!("{other:?}"),
        }
        client.close(1001, "").await;
        assert_eq!(client.next().await, Message::End);
    });
    server.join();
}
