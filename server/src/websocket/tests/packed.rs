//! permessage-deflate on a connection.

use selvedge_runtime::limits::WEBSOCKET_MESSAGE_BYTES;

use super::super::deflate::{Packer, Unpacker, codec};
use super::super::frame::RSV1;
use super::*;

const ROLES: [Role; 2] = [Role::Server, Role::Client];

/// The other end's codec.
fn other_end(role: Role) -> (Packer, Box<Unpacker>) {
    codec(Deflate::default(), other(role))
}

fn pack(packer: &Packer, message: &[u8]) -> Vec<u8> {
    packer.pack(message, <[u8]>::to_vec).expect("it can be packed")
}

fn open(role: Role, handler: Handler) -> Socket {
    Socket::packed(role, Deflate::default(), handler)
}

#[test]
fn messages_of_all_lengths_come_back_packed() {
    run(async {
        for role in ROLES {
            let mut socket = open(role, Handler::Echo);
            let (packer, mut unpacker) = other_end(role);
            for length in [1, 2, 125, 126, 65_535, 65_536, 300_000] {
                let text: Vec<u8> = (b'a'..=b'z').cycle().take(length).collect();
                socket.peer.send(TEXT | RSV1, &pack(&packer, &text)).await;
                let (first, packed) = socket.peer.frame().await.unwrap();
                assert_eq!(first, TEXT | RSV1);
                assert!(packed.len() < 3000, "{length}: {}", packed.len());
                assert_eq!(unpacker.unpack(&packed, usize::MAX), Ok(text));
            }
        }
    });
}

#[test]
fn packed_and_plain_messages_mix() {
    run(async {
        for role in ROLES {
            let mut socket = open(role, Handler::Echo);
            let (packer, mut unpacker) = other_end(role);
            socket.peer.send(TEXT, b"plain").await;
            socket.peer.send(TEXT, b"").await;
            socket.peer.send(BINARY | RSV1, b"\x00").await;
            let packed = pack(&packer, b"in pieces");
            socket.peer.send(1 | RSV1, &packed[..2]).await;
            socket.peer.send(PING, b"between").await;
            socket.peer.send(0, &[]).await;
            socket.peer.send(FIN, &packed[2..]).await;
            let events = ["text plain", "text ", "binary b\"\"", "text in pieces"];
            assert_eq!(socket.events(4).await, events);
            let (first, packed) = socket.peer.frame().await.unwrap();
            assert_eq!(first, TEXT | RSV1);
            assert_eq!(unpacker.unpack(&packed, 100).as_deref(), Ok(&b"plain"[..]));
            assert_eq!(socket.peer.frame().await, Some((TEXT, vec![])), "nothing is not packed");
            assert_eq!(socket.peer.frame().await, Some((BINARY, vec![])));
            assert_eq!(socket.peer.frame().await, Some((PONG, b"between".to_vec())));
            let (_, packed) = socket.peer.frame().await.unwrap();
            assert_eq!(unpacker.unpack(&packed, 100).as_deref(), Ok(&b"in pieces"[..]));
        }
    });
}

#[test]
fn a_packed_stream_may_come_byte_by_byte() {
    run(async {
        for role in ROLES {
            let socket = &mut open(role, Handler::Record);
            let (packer, _) = other_end(role);
            let words = ["one", "two words", "two words"];
            for word in words {
                for byte in frame(other(role), TEXT | RSV1, &pack(&packer, word.as_bytes())) {
                    socket.peer.write(&[byte]).await;
                    tokio::task::yield_now().await;
                }
            }
            assert_eq!(socket.events(3).await, words.map(|word| format!("text {word}")));
        }
    });
}

#[test]
fn what_a_peer_must_not_pack_ends_the_socket() {
    let misplaced = "Received a WebSocket frame whose compression bit was set, but which does not \
                     begin a message.";
    run(async {
        for role in ROLES {
            let one = |first, payload: &[u8]| frame(other(role), first, payload);
            let (packer, _) = other_end(role);
            let two = pack(&packer, b"two parts");
            let too_much = pack(&other_end(role).0, &vec![0; WEBSOCKET_MESSAGE_BYTES + 1]);
            for (bytes, code, text) in [
                (one(PING | RSV1, b""), 1002, misplaced),
                (one(CLOSE | RSV1, b""), 1002, misplaced),
                ([one(1 | RSV1, &two[..3]), one(FIN | RSV1, &two[3..])].concat(), 1002, misplaced),
                (one(TEXT | RSV1, b"\xff\xff"), 1002, "Invalid compressed data"),
                (one(TEXT | RSV1, b"\xf2\x00\x11\x00\x00"), 1002, "Invalid compressed data"),
                (
                    one(TEXT | RSV1, &pack(&other_end(role).0, b"\xff")),
                    1007,
                    "Received text that is not valid UTF-8",
                ),
                (one(BINARY | RSV1, &too_much), 1009, "Message is too large"),
            ] {
                let mut socket = open(role, Handler::Record);
                socket.peer.write(&bytes).await;
                assert_eq!(socket.peer.frame().await, Some((CLOSE, closing(code, text))));
                assert_eq!(socket.events(1).await, [format!("error {text}")]);
            }
        }
    });
}

#[test]
fn a_socket_keeps_what_it_received_and_no_more() {
    run(async {
        let mut socket = open(Role::Server, Handler::Record);
        let (packer, _) = other_end(Role::Server);
        assert_eq!(socket.outbox.held(), 0);
        socket.peer.send(BINARY | RSV1, &pack(&packer, &[7; 100])).await;
        socket.events(1).await;
        let held = socket.outbox.held();
        assert!((100..=200).contains(&held), "{held}");
        socket.peer.send(BINARY | RSV1, &pack(&packer, &[7; 100_000])).await;
        socket.events(2).await;
        assert_eq!(socket.outbox.held(), 32 * 1024);
        socket.peer.send(CLOSE, b"").await;
        socket.events(3).await;
        assert_eq!(socket.outbox.held(), 0);
    });
}
