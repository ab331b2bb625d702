//! Memory: what waits is bounded, and an idle socket holds nothing.

use super::super::connection::HIGH_WATER_BYTES;
use super::super::outbox::MAX_UNSENT_BYTES;
use super::*;

/// Writes for as long as the socket takes any of it; gives how much it took.
async fn write_until_stuck(peer: &mut Peer, bytes: &[u8]) -> usize {
    let mut taken = 0;
    let mut idle = 0;
    while taken < bytes.len() && idle < 20 {
        let wrote = std::future::poll_fn(|cx| {
            Poll::Ready(match Pin::new(&mut peer.io).poll_write(cx, &bytes[taken..]) {
                Poll::Ready(count) => count.unwrap(),
                Poll::Pending => 0,
            })
        })
        .await;
        taken += wrote;
        idle = if wrote == 0 { idle + 1 } else { 0 };
        settle().await;
    }
    taken
}

#[test]
fn an_echo_stops_reading_from_a_peer_that_does_not_read() {
    run(async {
        let pipe = 64 * 1024;
        let patience = Duration::from_secs(30);
        for role in [Role::Server, Role::Client] {
            let mut socket = Socket::build(role, Handler::Echo, &[], pipe, patience);
            let message = vec![b'x'; 1000];
            let count = 8000;
            let stream = frame(socket.peer.role, TEXT, &message).repeat(count);
            let taken = write_until_stuck(&mut socket.peer, &stream).await;
            let waiting = socket.with_sink(|sink| sink.buffered());
            assert!(waiting > HIGH_WATER_BYTES, "{waiting}");
            assert!(waiting <= HIGH_WATER_BYTES + 2000, "{waiting}");
            assert!(taken < HIGH_WATER_BYTES + 5 * pipe, "{taken}");

            // It goes on when the peer reads, and nothing got lost.
            let (read, mut write) = tokio::io::split(socket.peer.io);
            let writer = tokio::task::spawn_local(async move {
                write.write_all(&stream[taken..]).await.unwrap();
                write
            });
            let one = frame(role, TEXT, &message).len() as u64;
            let mut back = Vec::new();
            let total = one * count as u64;
            read.take(total).read_to_end(&mut back).await.unwrap();
            assert_eq!(back.len() as u64, total);
            drop(writer.await.unwrap());
            assert_eq!(socket.events.borrow().len(), count);
        }
    });
}

#[test]
fn one_read_of_small_messages_cannot_cause_unbounded_answers() {
    run(async {
        let (io, mut peer) = tokio::io::duplex(256 * 1024);
        let sink = SharedSink::default();
        let held = sink.clone();
        let answered = Rc::new(Cell::new(0));
        let count = answered.clone();
        let deliver: Deliver = Rc::new(move |event| {
            if matches!(event, WebSocketEvent::Text(_)) {
                count.set(count.get() + 1);
                held.borrow_mut().as_mut().unwrap().send_binary(&[0; 100_000]);
            }
        });
        let made = super::super::spawn(io, Bytes::new(), Role::Server, None, deliver);
        *sink.borrow_mut() = Some(made);
        let messages = 100;
        let frames = frame(Role::Client, TEXT, b"").repeat(messages);
        peer.write_all(&frames).await.unwrap();
        settle().await;
        let waiting = sink.borrow().as_ref().unwrap().buffered();
        assert!(waiting <= HIGH_WATER_BYTES + 100_010, "{waiting}");
        assert!(answered.get() < 20);
        let mut back = vec![0; 100_010 * messages];
        peer.read_exact(&mut back).await.unwrap();
        assert_eq!(answered.get(), messages);
    });
}

#[test]
fn a_socket_on_which_too_much_waits_is_cut() {
    run(async {
        let patience = Duration::from_secs(30);
        let mut socket = Socket::build(Role::Server, Handler::Record, &[], 1000, patience);
        let message = vec![0; 1024 * 1024];
        let mut most = 0;
        for _ in 0..80 {
            socket.with_sink(|sink| {
                sink.send_binary(&message);
                most = sink.buffered().max(most);
            });
        }
        assert!(most > MAX_UNSENT_BYTES && most < MAX_UNSENT_BYTES + 2 * message.len());
        assert_eq!(
            socket.events(1).await,
            ["error WebSocket disconnected because more than 67108864 bytes of messages were \
              waiting for the peer to read them."]
        );
        assert_eq!(socket.with_sink(|sink| sink.buffered()), 0);
        socket.task.await.unwrap();
        assert!(socket.peer.drain().await <= 1000);
    });
}

#[test]
fn a_single_message_of_any_size_is_taken() {
    run(async {
        let mut socket = Socket::open(Role::Server, Handler::Record);
        let length = MAX_UNSENT_BYTES + 10;
        socket.with_sink(|sink| sink.send_binary(&vec![0; length]));
        let mut frame = vec![0; length + 10];
        socket.peer.io.read_exact(&mut frame).await.unwrap();
        assert_eq!(frame[..2], [BINARY, 127]);
        assert!(socket.events.borrow().is_empty());
    });
}

#[test]
fn a_slow_reader_gets_all_in_order() {
    run(async {
        let patience = Duration::from_secs(30);
        let mut socket = Socket::build(Role::Server, Handler::Record, &[], 10_000, patience);
        let mut next = 0;
        for n in 0..2000_u32 {
            socket.with_sink(|sink| sink.send_binary(&n.to_be_bytes().repeat(200)));
            tokio::task::yield_now().await;
            if n % 3 == 0 {
                let (_, payload) = socket.peer.frame().await.unwrap();
                assert_eq!(payload[..4], u32::to_be_bytes(next));
                next += 1;
            }
        }
        while next < 2000 {
            let (_, payload) = socket.peer.frame().await.unwrap();
            assert_eq!(payload, next.to_be_bytes().repeat(200));
            next += 1;
        }
    });
}

#[test]
fn an_idle_socket_owns_no_buffer() {
    run(async {
        let mut socket = Socket::open(Role::Server, Handler::Echo);
        for length in [10, 1000, 100_000] {
            let message = vec![b'x'; length];
            socket.peer.send(TEXT, &message).await;
            assert_eq!(socket.peer.frame().await, Some((TEXT, message)));
            settle().await;
            assert_eq!(socket.outbox.capacity(), 0);
        }
    });
    let task = size_of::<Connection<tokio::net::TcpStream>>();
    assert!(task <= 256, "{task}");
    let outbox = size_of::<Outbox>();
    assert!(outbox <= 128, "{outbox}");
}
