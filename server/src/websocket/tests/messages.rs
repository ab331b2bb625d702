//! What arrives and what leaves while a socket is open.

use selvedge_runtime::limits::WEBSOCKET_MESSAGE_BYTES;

use super::*;

const ROLES: [Role; 2] = [Role::Server, Role::Client];

#[test]
fn messages_of_all_lengths_come_back() {
    run(async {
        for role in ROLES {
            let mut socket = Socket::open(role, Handler::Echo);
            for length in [0, 1, 7, 8, 125, 126, 127, 65_535, 65_536, 65_537, 300_000] {
                let text: Vec<u8> = (b'a'..=b'z').cycle().take(length).collect();
                socket.peer.send(TEXT, &text).await;
                assert_eq!(socket.peer.frame().await, Some((TEXT, text)));
                let bytes: Vec<u8> = (0..=255).cycle().take(length).collect();
                socket.peer.send(BINARY, &bytes).await;
                assert_eq!(socket.peer.frame().await, Some((BINARY, bytes)));
            }
        }
    });
}

#[test]
fn fragments_make_one_message_around_control_frames() {
    run(async {
        for role in ROLES {
            let mut socket = Socket::open(role, Handler::Echo);
            // The two bytes of one character come apart, as they may.
            socket.peer.send(1, b"na\xc3").await;
            socket.peer.send(PING, b"one").await;
            socket.peer.send(0, b"").await;
            socket.peer.send(PONG, b"unasked").await;
            socket.peer.send(0, b"\xaf").await;
            socket.peer.send(PING, b"").await;
            socket.peer.send(FIN, b"ve").await;
            socket.peer.send(2, b"").await;
            socket.peer.send(FIN, b"").await;
            assert_eq!(socket.peer.frame().await, Some((PONG, b"one".to_vec())));
            assert_eq!(socket.peer.frame().await, Some((PONG, Vec::new())));
            assert_eq!(socket.peer.frame().await, Some((TEXT, "na\u{ef}ve".into())));
            assert_eq!(socket.peer.frame().await, Some((BINARY, Vec::new())));
            assert_eq!(socket.events(2).await, ["text na\u{ef}ve", "binary b\"\""]);
        }
    });
}

#[test]
fn pings_are_answered_and_not_delivered() {
    run(async {
        for role in ROLES {
            let mut socket = Socket::open(role, Handler::Record);
            let longest: Vec<u8> = (0..125).collect();
            for payload in [&b""[..], b"wrangler tail ping", &longest] {
                socket.peer.send(PING, payload).await;
                socket.peer.send(PONG, payload).await;
                assert_eq!(socket.peer.frame().await, Some((PONG, payload.to_vec())));
            }
            assert!(socket.events(0).await.is_empty());
        }
    });
}

/// Frames of all kinds, ending with a close frame.
fn all_kinds(from: Role) -> Vec<u8> {
    [
        frame(from, TEXT, "h\u{e9}llo".as_bytes()),
        frame(from, BINARY, &[0xab; 130]),
        frame(from, 1, b"frag"),
        frame(from, PING, b"ping"),
        frame(from, PONG, b"pong"),
        frame(from, 0, &[b'm'; 128]),
        frame(from, FIN, b"ent"),
        frame(from, TEXT, b""),
        frame(from, CLOSE, &closing(3000, "bye")),
    ]
    .concat()
}

async fn expect_all_kinds(socket: &mut Socket) {
    let events = [
        "text h\u{e9}llo".to_owned(),
        format!("binary {:?}", Bytes::from_static(&[0xab; 130])),
        format!("text frag{}ent", "m".repeat(128)),
        "text ".to_owned(),
        "close 3000 bye".to_owned(),
    ];
    assert_eq!(socket.events(5).await, events);
    let mut frames = Vec::new();
    while let Some((first, _)) = socket.peer.frame().await {
        frames.push(first);
        if first == CLOSE {
            break;
        }
    }
    assert_eq!(frames, [TEXT, BINARY, PONG, TEXT, TEXT, CLOSE]);
}

#[test]
fn a_stream_may_be_cut_anywhere() {
    run(async {
        for role in ROLES {
            let stream = all_kinds(other(role));
            for cut in 0..=stream.len() {
                let mut socket = Socket::open(role, Handler::Echo);
                socket.peer.write(&stream[..cut]).await;
                settle().await;
                socket.peer.write(&stream[cut..]).await;
                expect_all_kinds(&mut socket).await;
            }
        }
    });
}

#[test]
fn a_stream_may_come_byte_by_byte() {
    run(async {
        for role in ROLES {
            let mut socket = Socket::open(role, Handler::Echo);
            for byte in all_kinds(other(role)) {
                socket.peer.write(&[byte]).await;
                settle().await;
            }
            expect_all_kinds(&mut socket).await;
        }
    });
}

#[test]
fn what_was_read_behind_the_handshake_comes_first() {
    run(async {
        let stream = all_kinds(Role::Client);
        let patience = Duration::from_secs(30);
        for cut in [1, 20, stream.len()] {
            let mut socket =
                Socket::build(Role::Server, Handler::Echo, &stream[..cut], 4096, patience);
            settle().await;
            socket.peer.write(&stream[cut..]).await;
            expect_all_kinds(&mut socket).await;
        }
    });
}

#[test]
fn the_largest_message_is_taken_whole_and_in_pieces() {
    run(async {
        for role in ROLES {
            let mut socket = Socket::open(role, Handler::Record);
            let bytes: Vec<u8> = (0..251).cycle().take(WEBSOCKET_MESSAGE_BYTES).collect();
            socket.peer.send(BINARY, &bytes).await;
            let (half, rest) = bytes.split_at(WEBSOCKET_MESSAGE_BYTES / 3);
            socket.peer.send(2, half).await;
            socket.peer.send(PING, b"").await;
            socket.peer.send(FIN, rest).await;
            socket.events.borrow_mut().reserve(2);
            while socket.events.borrow().len() < 2 {
                settle().await;
            }
            for event in &*socket.events.borrow() {
                let WebSocketEvent::Binary(got) = event else { panic!("not a binary message") };
                assert!(*got == bytes);
            }
        }
    });
}

#[test]
fn one_write_answers_all_that_one_read_brought() {
    run(async {
        let mut socket = Socket::open(Role::Server, Handler::Echo);
        settle().await;
        let frames: Vec<u8> =
            (0..1000).flat_map(|n| frame(Role::Client, TEXT, format!("{n}").as_bytes())).collect();
        socket.peer.write(&frames).await;
        for n in 0..1000 {
            assert_eq!(socket.peer.frame().await, Some((TEXT, format!("{n}").into_bytes())));
        }
        assert_eq!((socket.calls.reads.get(), socket.calls.writes.get()), (1, 1));
    });
}

#[test]
fn more_frames_than_one_turn_takes_all_arrive() {
    run(async {
        let mut socket = Socket::open(Role::Server, Handler::Record);
        let frames: Vec<u8> =
            (0..9000).flat_map(|n| frame(Role::Client, TEXT, format!("{n}").as_bytes())).collect();
        socket.peer.write(&frames).await;
        let events = socket.events(9000).await;
        assert!(events.iter().enumerate().all(|(n, event)| *event == format!("text {n}")));
    });
}

#[test]
fn what_is_sent_between_events_leaves_in_one_write() {
    run(async {
        let mut socket = Socket::open(Role::Server, Handler::Record);
        settle().await;
        for round in 1..=3 {
            socket.with_sink(|sink| {
                sink.send_text("one");
                sink.send_binary(b"two");
                assert_eq!(sink.buffered(), 10);
            });
            assert_eq!(socket.peer.frame().await, Some((TEXT, b"one".to_vec())));
            assert_eq!(socket.peer.frame().await, Some((BINARY, b"two".to_vec())));
            assert_eq!(socket.with_sink(|sink| sink.buffered()), 0);
            assert_eq!(socket.calls.writes.get(), round);
        }
    });
}

#[test]
fn a_client_masks_each_frame_with_its_own_key() {
    run(async {
        let (io, mut peer) = tokio::io::duplex(4096);
        let mut sink =
            super::super::spawn(io, Bytes::new(), Role::Client, None, Rc::new(|_| {}) as Deliver);
        let mut keys = std::collections::HashSet::new();
        for _ in 0..300 {
            sink.send_text("");
            let mut frame = [0; 6];
            peer.read_exact(&mut frame).await.unwrap();
            assert_eq!(frame[..2], [TEXT, MASKED]);
            keys.insert([frame[2], frame[3], frame[4], frame[5]]);
        }
        assert!(keys.len() > 290);
    });
}

/// A client sends to an echo over a connection that holds so many bytes.
async fn converse(pipe_bytes: usize, lengths: &[usize]) {
    let (left, right) = tokio::io::duplex(pipe_bytes);
    let client_events = Rc::new(RefCell::new(Vec::new()));
    let server_sink = SharedSink::default();
    let echo = deliver(Handler::Echo, Rc::default(), Rc::default(), server_sink.clone());
    let record =
        deliver(Handler::Record, client_events.clone(), Rc::default(), SharedSink::default());
    let (sink, server) = super::super::attach(left, Bytes::new(), Role::Server, None, echo);
    *server_sink.borrow_mut() = Some(sink);
    let (mut client_sink, client) =
        super::super::attach(right, Bytes::new(), Role::Client, None, record);
    let server = tokio::task::spawn_local(server);
    let client = tokio::task::spawn_local(client);
    let mut expected = Vec::new();
    for length in lengths {
        let text: String = ('a'..='z').cycle().take(*length).collect();
        client_sink.send_text(&text);
        expected.push(format!("text {text}"));
    }
    client_sink.close(Some(4001), "enough");
    expected.push("close 4001 enough".into());
    server.await.unwrap();
    client.await.unwrap();
    let events: Vec<_> = client_events.borrow().iter().map(show).collect();
    assert!(events == expected);
}

#[test]
fn both_roles_understand_each_other() {
    run(async {
        let small: Vec<usize> = (0..140).collect();
        converse(1, &small).await;
        converse(7, &small).await;
        converse(3000, &[0, 5000, 70_000, 1, 2_000_000]).await;
        converse(1_000_000, &[40_000; 100]).await;
    });
}
