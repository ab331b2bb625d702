//! Peers that do not read what a Worker sends them.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

use crate::harness::{Setup, TestServer};

/// Sends without end, or as many MiB as it is asked for; then tells what waits.
const TALKER: &str = r#"
let sockets = [];
let mayTalk = true;
export default {
  fetch(request) {
    const url = new URL(request.url);
    if (request.headers.get("upgrade") !== "websocket") {
      if (url.pathname === "/hold") mayTalk = false;
      if (url.pathname === "/talk") mayTalk = true;
      const waiting = sockets.reduce((sum, socket) => sum + socket.bufferedAmount, 0);
      return new Response(`${sockets.length} ${waiting}`);
    }
    const [client, server] = Object.values(new WebSocketPair());
    server.accept();
    sockets.push(server);
    const message = new Uint8Array(1 << 20);
    const count = Number(url.searchParams.get("mib"));
    const talk = () => {
      if (!mayTalk) return setTimeout(talk, 5);
      for (let i = 0; i < count; i++) server.send(message);
    };
    setTimeout(talk, 1);
    return new Response(null, { status: 101, webSocket: client });
  },
};
"#;

/// A client that shook hands and reads nothing more.
fn mute(address: SocketAddr, path: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).expect("it listens");
    let head = format!(
        "GET {path} HTTP/1.1\r\nhost: a\r\nupgrade: websocket\r\nconnection: Upgrade\r\n\
         sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-version: 13\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).expect("it takes the head");
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).expect("an answer");
    assert_eq!(&answer, b"HTTP/1.1 101");
    stream
}

/// 48 MiB for an isolate.
fn small(source: &str) -> TestServer {
    Setup::new(source).limits(|limits| limits.memory_bytes = 48 << 20).start()
}

#[test]
fn what_waits_for_a_peer_that_does_not_read_is_memory() {
    let server = small(TALKER);
    let _mute = mute(server.address, "/?mib=1000");
    server.logs.wait_text("Worker exceeded memory limit.");
    assert_eq!(server.text("/"), "0 0", "a fresh isolate serves");
}

#[test]
fn several_peers_count_together() {
    let server = small(TALKER);
    server.text("/hold");
    // Each of them stays far below the limit of one socket.
    let _mute: Vec<_> = (0..5).map(|_| mute(server.address, "/?mib=15")).collect();
    assert_eq!(server.text("/talk"), "5 0");
    server.logs.wait_text("Worker exceeded memory limit.");
    assert!(!server.text("/").starts_with('5'));
}

#[test]
fn what_was_read_or_cut_counts_no_more() {
    let server = small(TALKER);
    for _ in 0..6 {
        let mute = mute(server.address, "/?mib=20");
        crate::harness::eventually("it waits", || {
            let text = server.text("/");
            let waiting: f64 = text.split(' ').nth(1)?.parse().ok()?;
            (waiting > 8e6).then_some(())
        });
        drop(mute);
        crate::harness::eventually("it is gone", || server.text("/").ends_with(" 0").then_some(()));
    }
    let mut buffer = vec![0; 1 << 20];
    for _ in 0..4 {
        let mut reader = mute(server.address, "/?mib=20");
        let mut left = 20_usize << 20;
        while left > 0 {
            let count = reader.read(&mut buffer).expect("it goes on");
            assert_ne!(count, 0, "{left} bytes are missing");
            left = left.saturating_sub(count);
        }
    }
    assert!(!server.logs.text().contains("exceeded memory"), "{}", server.logs.text());
}
