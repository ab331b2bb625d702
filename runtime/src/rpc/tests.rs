use super::*;

fn message(size: usize) -> RpcMessage {
    RpcMessage { head: vec![1], payload: Some(vec![7; size]), ways: Vec::new() }
}

fn run<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(future)
}

#[test]
fn messages_arrive_whole_and_in_order() {
    run(async {
        let (one, other) = RpcEnd::pair();
        let (one, other) = (one.open(), other.open());
        for size in 0..10 {
            one.send(message(size)).expect("there is room");
        }
        assert!(other.receive().await);
        for size in 0..10 {
            assert_eq!(other.take().expect("it arrived").payload, Some(vec![7; size]));
        }
        assert!(other.take().is_none());
    });
}

#[test]
fn a_sender_waits_for_its_reader() {
    run(async {
        let (one, other) = RpcEnd::pair();
        let (one, other) = (one.open(), other.open());
        one.send(message(40 * WINDOW_BYTES)).expect("the first one goes whatever its size");
        assert!(one.send(message(0)).is_err(), "there is no room");
        assert!(other.receive().await);
        assert_eq!(
            other.take().expect("it arrived").payload.map(|it| it.len()),
            Some(40 * WINDOW_BYTES)
        );
        one.writable().await;
        one.send(message(0)).expect("there is room again");
    });
}

#[test]
fn a_closed_end_is_noticed_after_what_it_sent() {
    run(async {
        let (one, other) = RpcEnd::pair();
        let (one, other) = (one.open(), other.open());
        one.send(message(1)).expect("there is room");
        one.close();
        assert!(other.receive().await);
        assert!(other.take().is_some());
        assert!(!other.receive().await);
        other.writable().await;
    });
}

#[test]
fn an_end_that_waits_is_closed_at_once() {
    run(async {
        let (one, _other) = RpcEnd::pair();
        let one = Rc::new(one.open());
        let waiting = one.clone();
        let received = async { waiting.receive().await };
        let closing = one.clone();
        let close = async move { closing.close() };
        let (received, ()) = tokio::join!(received, close);
        assert!(!received);
        assert!(!one.receive().await, "and it stays closed");
        one.writable().await;
    });
}
