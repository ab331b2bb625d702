//! What a peer must not do, and what it hears of it.

use selvedge_runtime::limits::WEBSOCKET_MESSAGE_BYTES;

use super::*;

/// A head that announces a payload, of which nothing follows.
fn announce(from: Role, first: u8, length: u64) -> Vec<u8> {
    let masked = if from == Role::Client { MASKED } else { 0 };
    let mut bytes = vec![first, masked | 127];
    bytes.extend(length.to_be_bytes());
    if masked != 0 {
        bytes.extend([1, 2, 3, 4]);
    }
    bytes
}

fn violations(from: Role) -> Vec<(Vec<u8>, u16, &'static str)> {
    let one = |first, payload: &[u8]| frame(from, first, payload);
    let two = |a: Vec<u8>, b: Vec<u8>| [a, b].concat();
    let limit = WEBSOCKET_MESSAGE_BYTES as u64;
    let rsv = "Received frame had RSV bits 2 or 3 set";
    let unfinished = "Received fragmented control frame";
    let long = "Received control frame with more than 125 bytes";
    let utf8 = "Received text that is not valid UTF-8";
    let wrongly_masked = match from {
        Role::Client => "Received unmasked frame from a client",
        Role::Server => "Received masked frame from a server",
    };
    let mut all = vec![
        (frame(other(from), TEXT, b"x"), 1002, wrongly_masked),
        (frame(other(from), PING, b""), 1002, wrongly_masked),
        (one(TEXT | 0x20, b"x"), 1002, rsv),
        (one(CLOSE | 0x10, b""), 1002, rsv),
        (
            one(TEXT | 0x40, b"x"),
            1002,
            "Received a WebSocket frame whose compression bit was set, but the compression \
             extension was not negotiated for this connection.",
        ),
        (one(FIN | 3, b"x"), 1002, "Unknown opcode 3"),
        (one(FIN | 7, b""), 1002, "Unknown opcode 7"),
        (one(FIN | 11, b"x"), 1002, "Unknown opcode 11"),
        (one(FIN | 15, b""), 1002, "Unknown opcode 15"),
        (one(9, b"x"), 1002, unfinished),
        (one(8, b""), 1002, unfinished),
        (one(10, b""), 1002, unfinished),
        (one(PING, &[0; 126]), 1002, long),
        (one(PONG, &[0; 126]), 1002, long),
        (one(CLOSE, &[b'a'; 126]), 1002, long),
        (one(FIN, b"x"), 1002, "Unexpected continuation frame"),
        (one(0, b"x"), 1002, "Unexpected continuation frame"),
        (two(one(1, b"x"), one(TEXT, b"x")), 1002, "Missing continuation frame"),
        (two(one(2, b""), one(2, b"x")), 1002, "Missing continuation frame"),
        (one(CLOSE, &[3]), 1002, "Received close frame with half a status code"),
        (one(TEXT, b"\xff"), 1007, utf8),
        // A surrogate, and a character that is not whole.
        (one(TEXT, b"\xed\xa0\x80"), 1007, utf8),
        (two(one(1, b"a\xe2\x82"), one(FIN, b"")), 1007, utf8),
        (one(CLOSE, b"\x03\xe8\xff"), 1007, utf8),
        (announce(from, BINARY, limit + 1), 1009, "Message is too large: 33554433 > 33554432"),
        (
            announce(from, 2, i64::MAX as u64),
            1009,
            "Message is too large: 9223372036854775807 > 33554432",
        ),
        (
            two(one(2, b"xx"), announce(from, FIN, limit - 1)),
            1009,
            "Message is too large: 33554433 > 33554432",
        ),
        (announce(from, TEXT, 1 << 63), 1002, "Received frame whose length has its top bit set"),
    ];
    for code in [0, 999, 1004, 1005, 1006, 1015, 1016, 2000, 2999, 5000, 65535] {
        let text: &'static str = format!("Received invalid close code {code}").leak();
        all.push((one(CLOSE, &closing(code, "")), 1002, text));
    }
    all
}

#[test]
fn each_violation_is_told_with_its_code() {
    run(async {
        for role in [Role::Server, Role::Client] {
            for (bytes, code, text) in violations(other(role)) {
                let mut socket = Socket::open(role, Handler::Echo);
                socket.peer.send(TEXT, b"before").await;
                socket.peer.write(&bytes).await;
                // Nothing counts behind it.
                socket.peer.send(TEXT, b"behind").await;
                socket.peer.send(CLOSE, &[]).await;
                let events = socket.events(2).await;
                assert_eq!(events, ["text before", &format!("error {text}")], "{bytes:?}");
                socket.with_sink(|sink| sink.send_text("after the end"));
                assert_eq!(socket.peer.frame().await, Some((TEXT, b"before".to_vec())));
                let reason = &text[..text.len().min(123)];
                assert_eq!(socket.peer.frame().await, Some((CLOSE, closing(code, reason))));
                socket.peer.io.shutdown().await.unwrap();
                assert_eq!(socket.peer.frame().await, None);
                socket.task.await.unwrap();
                assert_eq!(socket.events.borrow().len(), 2);
            }
        }
    });
}

#[test]
fn violations_are_found_across_cuts() {
    run(async {
        for (bytes, _, text) in violations(Role::Client) {
            for cut in 0..bytes.len().min(20) {
                let mut socket = Socket::open(Role::Server, Handler::Record);
                socket.peer.write(&bytes[..cut]).await;
                settle().await;
                socket.peer.write(&bytes[cut..]).await;
                assert_eq!(socket.events(1).await, [format!("error {text}")], "{bytes:?} {cut}");
            }
        }
    });
}

#[test]
fn a_violation_after_our_close_sends_no_second_one() {
    run(async {
        let mut socket = Socket::open(Role::Server, Handler::Record);
        socket.with_sink(|sink| sink.close(Some(1000), ""));
        socket.peer.send(FIN | 3, b"").await;
        assert_eq!(socket.events(1).await, ["error Unknown opcode 3"]);
        assert_eq!(socket.peer.frame().await, Some((CLOSE, closing(1000, ""))));
        assert_eq!(socket.peer.frame().await, None);
    });
}

#[test]
fn a_peer_that_goes_on_after_a_violation_is_cut() {
    run(async {
        let mut socket =
            Socket::build(Role::Server, Handler::Record, &[], 65536, Duration::from_millis(20));
        socket.peer.send(FIN | 3, b"").await;
        let flood = [0; 65536];
        while socket.peer.io.write_all(&flood).await.is_ok() {}
        socket.task.await.unwrap();
        assert_eq!(socket.events.borrow().len(), 1);
    });
}

/// Numbers that differ, and are the same in each run (xorshift64).
struct Noise(u64);

impl Noise {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit as u64) as usize
    }
}

#[test]
fn noise_ends_a_socket_and_nothing_else() {
    run(async {
        let mut noise = Noise(0x9e37_79b9_7f4a_7c15);
        let opcodes = [0, FIN, 1, TEXT, 2, BINARY, PING, PONG];
        for round in 0..2000 {
            let role = if round % 2 == 0 { Role::Server } else { Role::Client };
            let mut stream = Vec::new();
            for _ in 0..noise.below(8) {
                let first = opcodes[noise.below(opcodes.len())];
                stream.extend(frame(other(role), first, &vec![b'a'; noise.below(200)]));
            }
            for _ in 0..noise.below(4).min(stream.len()) {
                let at = noise.below(stream.len());
                stream[at] = noise.below(256) as u8;
            }
            let mut socket = Socket::open(role, Handler::Echo);
            let mut rest = &stream[..];
            while !rest.is_empty() {
                let (piece, behind) = rest.split_at(1 + noise.below(rest.len()));
                socket.peer.write(piece).await;
                tokio::task::yield_now().await;
                rest = behind;
            }
            // The other half of the connection stays open, as a peer's may.
            socket.peer.io.shutdown().await.unwrap();
            while socket.peer.frame().await.is_some() {}
            socket.task.await.unwrap();
            let events = socket.events.borrow();
            let (last, before) = events.split_last().expect("it ended with an event");
            let is_last = |event: &WebSocketEvent| {
                matches!(event, WebSocketEvent::Close { .. } | WebSocketEvent::Error(_))
            };
            assert!(is_last(last) && !before.iter().any(is_last), "{stream:?}");
        }
    });
}
