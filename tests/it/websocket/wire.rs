//! Handshakes and frames that are not as they should be, byte by byte.

use super::ECHO;
use crate::harness::{Client, Setup, TestServer};

const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";

fn open(server: &TestServer) -> Client {
    let mut client = server.connect();
    client.send(format!(
        "GET / HTTP/1.1\r\nhost: a\r\nupgrade: websocket\r\nconnection: keep-alive, Upgrade\r\n\
         sec-websocket-key: {KEY}\r\nsec-websocket-version: 13\r\n\r\n"
    ));
    let head = client.head();
    assert_eq!(head.status, 101);
    assert_eq!(head.header("sec-websocket-accept"), Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
    assert_eq!(head.header("content-length"), None);
    client
}

/// A frame with a mask of zeros.
fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first, 0x80 | payload.len() as u8, 0, 0, 0, 0];
    frame.extend_from_slice(payload);
    frame
}

/// The code of the close frame that comes next.
fn close_code(client: &mut Client) -> u16 {
    let head = client.exactly(2);
    assert_eq!(head[0], 0x88, "a close frame");
    let payload = client.exactly(usize::from(head[1]));
    u16::from_be_bytes([payload[0], payload[1]])
}

#[test]
fn frames_that_break_the_protocol_end_the_socket() {
    let server = Setup::new(ECHO).start();
    let long = vec![b'x'; 126];
    let mut long_ping = vec![0x89, 0xfe, 0, 126, 0, 0, 0, 0];
    long_ping.extend(&long);
    for (what, frame, code) in [
        ("without a mask", vec![0x81, 1, b'x'], 1002),
        ("a reserved bit", masked(0xc1, b"x"), 1002),
        ("an unknown opcode", masked(0x83, b"x"), 1002),
        ("a continuation of nothing", masked(0x80, b"x"), 1002),
        ("a fragmented ping", masked(0x09, b"x"), 1002),
        ("a long ping", long_ping, 1002),
        ("text that is not UTF-8", masked(0x81, &[0xff]), 1007),
        ("a close code that is not one", masked(0x88, &[0, 1]), 1002),
        ("half a close code", masked(0x88, &[3]), 1002),
    ] {
        let mut client = open(&server);
        client.send(frame);
        assert_eq!(close_code(&mut client), code, "{what}");
        client.shut();
        assert!(client.rest().is_empty(), "{what}");
    }
}

#[test]
fn a_message_beyond_the_limit_ends_the_socket() {
    let server = Setup::new(ECHO).start();
    let mut client = open(&server);
    let mut head = vec![0x82, 0xff];
    head.extend((33u64 << 20).to_be_bytes());
    head.extend([0, 0, 0, 0]);
    client.send(head);
    assert_eq!(close_code(&mut client), 1009);
}

#[test]
fn frames_right_behind_the_handshake_are_not_lost() {
    let server = Setup::new(ECHO).start();
    let mut client = server.connect();
    let mut bytes = format!(
        "GET / HTTP/1.1\r\nhost: a\r\nupgrade: websocket\r\nconnection: Upgrade\r\n\
         sec-websocket-key: {KEY}\r\nsec-websocket-version: 13\r\n\r\n"
    )
    .into_bytes();
    bytes.extend(masked(0x81, b"early"));
    client.send(bytes);
    assert_eq!(client.head().status, 101);
    assert_eq!(client.exactly(7), b"\x81\x05early");
}

#[test]
fn handshakes_that_are_none_get_an_ordinary_answer() {
    let server = Setup::new(ECHO).start();
    for headers in [
        "upgrade: websocket\r\nconnection: Upgrade\r\nsec-websocket-version: 13\r\n",
        "upgrade: websocket\r\nconnection: Upgrade\r\nsec-websocket-key: x\r\nsec-websocket-version: 8\r\n",
        "upgrade: h2c\r\nconnection: Upgrade\r\n",
    ] {
        let mut client = server.connect();
        client.send(format!("GET / HTTP/1.1\r\nhost: a\r\n{headers}\r\n"));
        let response = client.response();
        assert!(response.status >= 400, "{headers}: {}", response.status);
    }
    // And the server is as it was.
    open(&server);
}
