//! WebSockets of objects, which stay when their object leaves memory.

use std::time::Duration;

use super::CONFIG;
use crate::harness::{Program, Setup, TestServer, rss};
use crate::websocket::client::{Client, Message, text};
use crate::websocket::packed::PackedClient;
use crate::websocket::raise_limit;

/// A room says what it is told to all who are in it. It counts how often it
/// began.
const ROOM: &str = r#"
let begun = 0;
export class Room {
  constructor(ctx) {
    this.ctx = ctx;
    begun++;
  }
  async fetch(request) {
    const url = new URL(request.url);
    const { ctx } = this;
    if (request.headers.get("upgrade") !== "websocket") {
      return Response.json({ begun, sockets: ctx.getWebSockets().length });
    }
    const [client, server] = Object.values(new WebSocketPair());
    if (url.pathname === "/plain") {
      server.accept();
      server.addEventListener("message", ({ data }) => {
        if (data === "abort") ctx.abort("told to");
        server.send(`plain ${data}`);
      });
    } else {
      ctx.acceptWebSocket(server, (url.searchParams.get("tags") ?? "").split(",").filter((tag) => tag));
      server.serializeAttachment({ name: url.searchParams.get("name") });
    }
    return new Response(null, { status: 101, webSocket: client });
  }
  async webSocketMessage(ws, message) {
    const { ctx } = this;
    if (typeof message !== "string") {
      ws.send(message);
      return;
    }
    const [verb, rest] = message.split(" ");
    switch (verb) {
      case "say":
        for (const each of ctx.getWebSockets()) each.send(`${ws.deserializeAttachment().name}: ${rest}`);
        break;
      case "tag":
        for (const each of ctx.getWebSockets(rest)) each.send(`to ${rest}`);
        break;
      case "tags":
        ws.send(JSON.stringify(ctx.getTags(ws)));
        break;
      case "begun":
        ws.send(`${begun}`);
        break;
      case "rename":
        ws.serializeAttachment({ name: rest });
        break;
      case "auto":
        ctx.setWebSocketAutoResponse(new WebSocketRequestResponsePair("ping", "pong"));
        break;
      case "answered":
        ws.send(String(ctx.getWebSocketAutoResponseTimestamp(ws) instanceof Date));
        break;
      case "close":
        ws.close(4000, "as you wish");
        break;
      case "throw":
        throw new Error("thrown in a handler");
      case "abort":
        ctx.abort("told to");
        break;
      case "wait":
        await scheduler.wait(20);
        ws.send("waited");
        break;
    }
  }
  webSocketClose(ws, code, reason, wasClean) {
    for (const each of this.ctx.getWebSockets()) {
      if (each !== ws) each.send(`closed ${code} ${reason} ${wasClean}`);
    }
  }
}
export default {
  fetch(request, env) {
    return env.ROOMS.getByName("lobby").fetch(request);
  },
};
"#;

/// Objects leave memory after this long.
const IDLE: Duration = Duration::from_millis(100);

fn room() -> TestServer {
    Setup::empty().file("wrangler.toml", CONFIG).file("worker.js", ROOM).object_idle(IDLE).start()
}

fn run<T>(talk: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("an event loop can be made");
    runtime.block_on(talk)
}

/// Waits until the object has surely left memory.
async fn evicted() {
    tokio::time::sleep(IDLE * 4).await;
}

#[test]
fn a_message_reaches_all_of_a_room() {
    let server = room();
    run(async {
        let mut ann = Client::connect(server.address, "/?name=ann&tags=red").await;
        let mut bob = Client::connect(server.address, "/?name=bob&tags=red,blue").await;
        ann.text("say hello").await;
        assert_eq!(ann.next().await, text("ann: hello"));
        assert_eq!(bob.next().await, text("ann: hello"));
        bob.text("tag blue").await;
        assert_eq!(bob.next().await, text("to blue"));
        bob.binary(b"bytes").await;
        assert_eq!(bob.next().await, Message::Binary(b"bytes".to_vec()));
        ann.text("tag red").await;
        assert_eq!((ann.next().await, bob.next().await), (text("to red"), text("to red")));
        ann.text("wait").await;
        assert_eq!(ann.next().await, text("waited"));
    });
}

#[test]
fn a_socket_outlives_its_object() {
    let server = room();
    run(async {
        let mut ann = Client::connect(server.address, "/?name=ann&tags=red,blue").await;
        let mut bob = Client::connect(server.address, "/?name=bob").await;
        ann.text("rename anna").await;
        ann.text("begun").await;
        assert_eq!(ann.next().await, text("1"));
        for begun in 2..5 {
            evicted().await;
            bob.text("say again").await;
            assert_eq!(bob.next().await, text("bob: again"));
            assert_eq!(ann.next().await, text("bob: again"));
            ann.text("begun").await;
            assert_eq!(ann.next().await, text(&begun.to_string()));
            ann.text("tags").await;
            assert_eq!(ann.next().await, text(r#"["red","blue"]"#));
            ann.text("say hi").await;
            assert_eq!(ann.next().await, text("anna: hi"));
            assert_eq!(bob.next().await, text("anna: hi"));
        }
    });
}

#[test]
fn a_packed_socket_outlives_its_object() {
    let server = room();
    let mut ann = PackedClient::connect(server.address, "/?name=ann");
    let mut lengths = Vec::new();
    for begun in 1..5 {
        ann.send("begun");
        assert_eq!(ann.next().0, begun.to_string());
        lengths.push(ann.send("say something-that-is-said-again-and-again"));
        assert_eq!(ann.next().0, "ann: something-that-is-said-again-and-again");
        run(evicted());
    }
    // What came before the object left is referred to.
    assert!(lengths[1..].iter().all(|length| *length < lengths[0] / 2), "{lengths:?}");
}

#[test]
fn an_automatic_response_wakes_nobody() {
    let server = room();
    run(async {
        let mut ann = Client::connect(server.address, "/?name=ann").await;
        ann.text("answered").await;
        assert_eq!(ann.next().await, text("false"));
        ann.text("auto").await;
        evicted().await;
        for _ in 0..3 {
            ann.text("ping").await;
            assert_eq!(ann.next().await, text("pong"));
        }
        ann.text("begun").await;
        assert_eq!(ann.next().await, text("2"), "only this message woke it");
        ann.text("answered").await;
        assert_eq!(ann.next().await, text("true"));
    });
}

#[test]
fn both_sides_may_close() {
    let server = room();
    run(async {
        let mut ann = Client::connect(server.address, "/?name=ann").await;
        let mut bob = Client::connect(server.address, "/?name=bob").await;
        evicted().await;
        bob.close(3001, "bye").await;
        assert_eq!(bob.next().await, Message::Close(3001, "bye".into()));
        assert_eq!(ann.next().await, text("closed 3001 bye true"));
        let gone = Client::connect(server.address, "/?name=gone").await;
        drop(gone);
        let lost = "closed 1006 WebSocket disconnected without sending Close frame. false";
        assert_eq!(ann.next().await, text(lost));
        ann.text("close").await;
        assert_eq!(ann.next().await, Message::Close(4000, "as you wish".into()));
        ann.close(4000, "").await;
        assert_eq!(ann.next().await, Message::End);
        evicted().await;
    });
    assert_eq!(server.get("/").json()["sockets"], 0);
}

#[test]
fn a_handler_that_throws_leaves_the_object_as_it_is() {
    let server = room();
    run(async {
        let mut ann = Client::connect(server.address, "/?name=ann").await;
        ann.text("throw").await;
        ann.text("begun").await;
        assert_eq!(ann.next().await, text("1"));
    });
    assert!(server.logs.text().contains("thrown in a handler"));
}

#[test]
fn a_reset_cuts_the_sockets() {
    let server = room();
    run(async {
        let mut ann = Client::connect(server.address, "/?name=ann").await;
        let mut bob = Client::connect(server.address, "/?name=bob").await;
        let mut plain = Client::connect(server.address, "/plain").await;
        plain.text("hi").await;
        assert_eq!(plain.next().await, text("plain hi"));
        ann.text("abort").await;
        for client in [&mut ann, &mut bob, &mut plain] {
            let last = client.next().await;
            assert!(matches!(last, Message::End | Message::Close(..)), "{last:?}");
        }
    });
    let state = server.get("/").json();
    assert_eq!((&state["sockets"], &state["begun"]), (&0.into(), &2.into()));
}

#[test]
fn a_plain_socket_keeps_its_object() {
    let server = room();
    run(async {
        let mut plain = Client::connect(server.address, "/plain").await;
        evicted().await;
        plain.text("hi").await;
        assert_eq!(plain.next().await, text("plain hi"));
    });
    assert_eq!(server.get("/").json()["begun"], 1);
}

#[test]
fn a_thousand_sockets_hibernate() {
    raise_limit(4_000);
    let server = room();
    run(hibernate(server.address, 1_000));
}

/// In a process of its own, as each end of a socket is a file.
#[test]
fn ten_thousand_sockets_hibernate() {
    if !raise_limit(11_000) {
        println!("skipped: this process may not open 11,000 files");
        return;
    }
    let folder = tempfile::TempDir::new().expect("a temporary folder");
    for (name, body) in [("wrangler.toml", CONFIG), ("worker.js", ROOM)] {
        std::fs::write(folder.path().join(name), body).expect("it can be written");
    }
    let options = ["run", ".", "--port", "0", "--object-idle", "1"];
    let mut program = Program::selvedge(folder.path(), &options);
    let address = program.address();
    let before = rss(program.id());
    let id = program.id();
    run(async move {
        let clients = hibernate(address, 10_000).await;
        tokio::time::sleep(Duration::from_secs(3)).await;
        let grown = rss(id).saturating_sub(before);
        println!("{} bytes a socket", grown / 10_000);
        drop(clients);
    });
}

/// Opens sockets and has one of them speak to all after the object left memory.
async fn hibernate(address: std::net::SocketAddr, count: usize) -> Vec<Client> {
    let mut clients = Vec::new();
    for _ in 0..count {
        clients.push(Client::connect(address, "/?name=x").await);
    }
    evicted().await;
    clients[0].text("say hi").await;
    for client in &mut clients {
        assert_eq!(client.next().await, text("x: hi"));
    }
    clients
}
