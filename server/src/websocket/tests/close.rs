//! The ways in which a socket ends.

use super::super::{Pending, accept_key, client_key};
use super::*;

const ROLES: [Role; 2] = [Role::Server, Role::Client];
const GONE: &str = "error The other end of the WebSocket is gone.";
const LOST: &str = "error WebSocket disconnected between frames without sending `Close`.";

/// The socket's end after both close frames: a server closes first, a client
/// waits for that.
async fn expect_end(mut socket: Socket) {
    if socket.peer.role == Role::Server {
        settle().await;
        assert!(!socket.task.is_finished(), "the client closed first");
        socket.peer.io.shutdown().await.unwrap();
        assert_eq!(socket.peer.frame().await, None);
    } else {
        assert_eq!(socket.peer.frame().await, None);
        drop(socket.peer);
    }
    socket.task.await.unwrap();
}

#[test]
fn a_peers_close_is_delivered_and_answered() {
    run(async {
        for role in ROLES {
            for (payload, event) in [
                (closing(1000, "done"), "close 1000 done"),
                (closing(3000, ""), "close 3000 "),
                (closing(1014, "\u{e9}"), "close 1014 \u{e9}"),
                (Vec::new(), "close 1005 "),
            ] {
                let mut socket = Socket::open(role, Handler::Echo);
                socket.peer.send(CLOSE, &payload).await;
                // Nothing counts behind a close frame, however wrong.
                socket.peer.write(&[0xff; 100]).await;
                assert_eq!(socket.peer.frame().await, Some((CLOSE, payload)));
                assert_eq!(socket.events(1).await, [event]);
                expect_end(socket).await;
            }
        }
    });
}

#[test]
fn a_workers_close_waits_for_the_answer() {
    run(async {
        for role in ROLES {
            for (code, reason, payload) in [
                (Some(1000), "done", closing(1000, "done")),
                (Some(4999), "", closing(4999, "")),
                (None, "not sent without a code", Vec::new()),
                (Some(1000), &*"\u{e9}".repeat(80), closing(1000, &"\u{e9}".repeat(61))),
            ] {
                let mut socket = Socket::open(role, Handler::Record);
                socket.with_sink(|sink| {
                    sink.send_text("last");
                    sink.close(code, reason);
                    sink.send_text("too late");
                    sink.close(Some(1001), "too late as well");
                });
                assert_eq!(socket.peer.frame().await, Some((TEXT, b"last".to_vec())));
                assert_eq!(socket.peer.frame().await, Some((CLOSE, payload)));
                // What was under way when the peer learns of it still counts,
                // but gets no pong.
                socket.peer.send(PING, b"").await;
                socket.peer.send(TEXT, b"mine").await;
                socket.peer.send(CLOSE, &closing(1000, "")).await;
                assert_eq!(socket.events(2).await, ["text mine", "close 1000 "]);
                expect_end(socket).await;
            }
        }
    });
}

#[test]
fn a_closed_peer_may_be_sent_to_until_the_worker_closes() {
    run(async {
        let mut socket = Socket::open(Role::Server, Handler::Record);
        socket.peer.send(CLOSE, &[]).await;
        socket.events(1).await;
        socket.with_sink(|sink| sink.send_text("still"));
        assert_eq!(socket.peer.frame().await, Some((TEXT, b"still".to_vec())));
        // It may even close its side of the connection.
        socket.peer.io.shutdown().await.unwrap();
        settle().await;
        socket.with_sink(|sink| {
            sink.send_text("more");
            sink.close(None, "");
        });
        assert_eq!(socket.peer.frame().await, Some((TEXT, b"more".to_vec())));
        assert_eq!(socket.peer.frame().await, Some((CLOSE, Vec::new())));
        // Who need not answer any more is told.
        assert_eq!(socket.events(2).await[1], GONE);
        socket.task.await.unwrap();
    });
}

#[test]
fn a_peer_that_does_not_answer_is_cut() {
    run(async {
        for role in ROLES {
            let mut socket =
                Socket::build(role, Handler::Record, &[], 4096, Duration::from_millis(20));
            socket.with_sink(|sink| sink.close(Some(1000), ""));
            assert_eq!(socket.peer.frame().await, Some((CLOSE, closing(1000, ""))));
            assert_eq!(socket.events(1).await, [LOST]);
            socket.task.await.unwrap();
            assert_eq!(socket.peer.frame().await, None);
        }
    });
}

#[test]
fn a_peer_that_answers_but_stays_is_cut() {
    run(async {
        let mut socket =
            Socket::build(Role::Server, Handler::Echo, &[], 4096, Duration::from_millis(20));
        socket.peer.send(CLOSE, &[]).await;
        socket.task.await.unwrap();
        assert_eq!(socket.events.borrow().len(), 1);
    });
}

#[test]
fn a_slow_reader_is_not_cut_while_it_reads() {
    run(async {
        let mut socket =
            Socket::build(Role::Server, Handler::Record, &[], 1000, Duration::from_secs(1));
        socket.with_sink(|sink| {
            sink.send_binary(&[7; 20_000]);
            sink.close(Some(1000), "");
        });
        // In all this takes longer than the peer may be silent.
        for _ in 0..20 {
            tokio::time::sleep(Duration::from_millis(75)).await;
            let mut some = [0; 1000];
            socket.peer.io.read_exact(&mut some).await.unwrap();
        }
        assert!(!socket.task.is_finished());
        socket.peer.send(CLOSE, &[]).await;
        assert_eq!(socket.events(1).await, ["close 1005 "]);
    });
}

#[test]
fn a_connection_that_breaks_is_an_error() {
    run(async {
        for role in ROLES {
            let from = other(role);
            for (bytes, missing, error) in [
                (Vec::new(), 0, LOST),
                (frame(from, 1, b"a fragment"), 0, LOST),
                (
                    frame(from, TEXT, b"text")[..1].to_vec(),
                    0,
                    "error WebSocket EOF in frame header",
                ),
                (frame(from, TEXT, b"text"), 1, "error WebSocket EOF in message"),
                (frame(from, PING, b"text"), 4, "error WebSocket EOF in message"),
            ] {
                let mut socket = Socket::open(role, Handler::Record);
                socket.peer.write(&bytes[..bytes.len() - missing]).await;
                drop(socket.peer);
                socket.task.await.unwrap();
                let events: Vec<_> = socket.events.borrow().iter().map(show).collect();
                assert_eq!(events, [error], "{bytes:?}");
                let mut sink = socket.sink.take().unwrap();
                sink.send_text("into the void");
                assert_eq!(sink.buffered(), 0);
            }
        }
    });
}

#[test]
fn a_close_frame_is_seen_on_a_connection_that_takes_nothing_more() {
    run(async {
        let mut socket = Socket::open(Role::Server, Handler::Echo);
        socket.with_sink(|sink| sink.send_text("never read"));
        socket.peer.send(CLOSE, &closing(1001, "going")).await;
        drop(socket.peer);
        socket.task.await.unwrap();
        let events: Vec<_> = socket.events.borrow().iter().map(show).collect();
        assert_eq!(events, ["close 1001 going"]);
    });
}

#[test]
fn dropping_the_sink_closes_with_1001_and_silence() {
    run(async {
        for role in ROLES {
            let mut socket = Socket::open(role, Handler::Record);
            settle().await;
            socket.with_sink(|sink| sink.send_text("last"));
            socket.sink.take();
            assert_eq!(socket.peer.frame().await, Some((TEXT, b"last".to_vec())));
            assert_eq!(socket.peer.frame().await, Some((CLOSE, closing(1001, ""))));
            socket.peer.send(TEXT, b"nobody listens").await;
            socket.peer.send(CLOSE, &closing(1001, "")).await;
            let events = socket.events.clone();
            expect_end(socket).await;
            assert!(events.borrow().is_empty());
        }
    });
}

#[test]
fn a_sink_dropped_by_the_last_event_is_no_trouble() {
    run(async {
        let (io, peer) = tokio::io::duplex(4096);
        let sink = SharedSink::default();
        let held = sink.clone();
        let deliver: Deliver = Rc::new(move |event| {
            if let WebSocketEvent::Close { .. } = event {
                let mut sink = held.take().unwrap();
                sink.close(Some(1000), "answer");
            }
        });
        let (made, socket) = super::super::attach(io, Bytes::new(), Role::Server, None, deliver);
        *sink.borrow_mut() = Some(made);
        let task = tokio::task::spawn_local(socket);
        let mut peer = Peer::new(peer, Role::Client);
        peer.send(CLOSE, &[]).await;
        assert_eq!(peer.frame().await, Some((CLOSE, closing(1000, "answer"))));
        assert_eq!(peer.frame().await, None);
        drop(peer);
        task.await.unwrap();
    });
}

#[test]
fn what_is_sent_before_the_connection_is_there_goes_out_first() {
    run(async {
        let pending = Pending::new(Role::Server, None, Rc::new(|_| {}));
        let mut sink = pending.sink();
        sink.send_text("early");
        assert_eq!(sink.buffered(), 7);
        let (io, peer) = tokio::io::duplex(4096);
        let mut peer = Peer::new(peer, Role::Client);
        let task = tokio::task::spawn_local(pending.run(io, Bytes::new()));
        sink.send_text("late");
        sink.close(None, "");
        assert_eq!(peer.frame().await, Some((TEXT, b"early".to_vec())));
        assert_eq!(peer.frame().await, Some((TEXT, b"late".to_vec())));
        assert_eq!(peer.frame().await, Some((CLOSE, Vec::new())));
        peer.send(CLOSE, &[]).await;
        assert_eq!(peer.frame().await, None);
        drop(peer);
        task.await.unwrap();
    });
}

#[test]
fn a_sink_whose_connection_never_comes_keeps_nothing() {
    let pending = Pending::new(Role::Server, None, Rc::new(|_| {}));
    let mut sink = pending.sink();
    sink.send_text("early");
    drop(pending);
    sink.send_text("late");
    assert_eq!(sink.buffered(), 0);
}

#[test]
fn a_dropped_socket_leaves_a_sink_that_keeps_nothing() {
    run(async {
        let (io, _peer) = tokio::io::duplex(10);
        let (mut sink, socket) =
            super::super::attach(io, Bytes::new(), Role::Client, None, Rc::new(|_| {}) as Deliver);
        sink.send_binary(&[0; 100]);
        drop(socket);
        sink.send_binary(&[0; 100]);
        assert_eq!(sink.buffered(), 0);
    });
}

#[test]
fn keys_are_answered_as_the_rfc_says() {
    // RFC 6455, 1.3.
    assert_eq!(accept_key(b"dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    let key = client_key();
    assert_eq!(key.len(), 24);
    assert_ne!(client_key(), key);
}
