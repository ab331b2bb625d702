//! How much a request of a Worker may fetch, and how much at once.

use std::cell::RefCell;
use std::rc::Rc;

use http::Response;
use selvedge_runtime::body::BodyError;
use selvedge_runtime::outbound::{OutboundError, OutboundRequest};
use selvedge_runtime::{Limits, Mode};
use tokio::sync::Semaphore;

use super::harness::*;
use crate::outbound::{ConnectionRule, Options, Policy};

fn isolate(open_connections: usize, connections: ConnectionRule) -> Isolate {
    let options = Options { connections, ..Options::new(Policy::new(Mode::Local)) };
    Isolate::with(options, Limits { open_connections, ..Limits::default() })
}

/// Answers as often as there are permits.
async fn gated() -> (Origin, Rc<Semaphore>) {
    let gate = Rc::new(Semaphore::new(0));
    let inner = gate.clone();
    let origin = Origin::start(move |_| {
        let gate = inner.clone();
        async move {
            gate.acquire().await.unwrap().forget();
            Response::new(full("hello"))
        }
    })
    .await;
    (origin, gate)
}

fn of_context(context: u32, url: String) -> OutboundRequest {
    OutboundRequest { context, ..get(url) }
}

#[test]
fn subrequests_are_counted_per_request() {
    run(async {
        let origin = Origin::saying("hello").await;
        let limits = Limits { subrequests: 2, ..Limits::default() };
        let isolate = Isolate::with(Options::new(Policy::new(Mode::Local)), limits);
        isolate.text(get(origin.url("/"))).await;
        isolate.text(get(origin.url("/"))).await;
        let result = isolate.fetch(get(origin.url("/"))).await;
        assert!(matches!(result, Err(OutboundError::TooManySubrequests)));
        isolate.text(of_context(1, origin.url("/"))).await;
        assert_eq!(origin.requests.borrow().len(), 3);
        isolate.state.close_context(0);
        let result = isolate.fetch(get(origin.url("/"))).await;
        assert!(matches!(result, Err(OutboundError::Network(_))));
    });
}

#[test]
fn at_most_six_connections_are_open_and_the_rest_wait_in_order() {
    run(async {
        let (origin, gate) = gated().await;
        let isolate = isolate(6, ConnectionRule::UntilBody);
        let done = Rc::new(RefCell::new(Vec::new()));
        for number in 0..9 {
            let call = isolate.fetch(get(origin.url(&format!("/{number}"))));
            let done = done.clone();
            tokio::task::spawn_local(async move {
                text(call.await.unwrap()).await.unwrap();
                done.borrow_mut().push(number);
            });
        }
        pause(50).await;
        assert_eq!((origin.active.get(), origin.accepted.get()), (6, 6));
        assert_eq!(isolate.state.context(0).unwrap().open_connections, 6);

        // Another request of the same Worker has its own six.
        let other = isolate.start(of_context(1, origin.url("/other")));
        pause(20).await;
        assert_eq!(origin.active.get(), 7);
        other.abort();
        pause(20).await;

        for finished in 1..=3 {
            gate.add_permits(1);
            pause(20).await;
            assert_eq!(done.borrow().len(), finished);
            let newest = origin.requests.borrow().last().cloned();
            assert_eq!(newest, Some(format!("GET /{}", 5 + finished)));
        }
        gate.add_permits(6);
        pause(50).await;
        assert_eq!((done.borrow().len(), origin.peak.get()), (9, 7));
        assert_eq!(isolate.state.context(0).unwrap().open_connections, 0);
    });
}

#[test]
fn giving_up_while_waiting_lets_the_next_one_in() {
    run(async {
        let (origin, gate) = gated().await;
        let isolate = isolate(1, ConnectionRule::UntilBody);
        let first = isolate.start(get(origin.url("/1")));
        pause(20).await;
        let second = isolate.start(get(origin.url("/2")));
        let third = isolate.start(get(origin.url("/3")));
        pause(20).await;
        second.abort();
        gate.add_permits(2);
        drop(text(first.await.unwrap().unwrap()).await);
        assert_eq!(text(third.await.unwrap().unwrap()).await.unwrap(), "hello");
        assert_eq!(*origin.requests.borrow(), ["GET /1", "GET /3"]);
    });
}

#[test]
fn an_unread_response_is_closed_for_one_that_waits() {
    run(async {
        let origin = Origin::start(|_| async { Response::new(unfinished("hello")) }).await;
        let isolate = isolate(2, ConnectionRule::UntilBody);
        let mut first = isolate.fetch(get(origin.url("/1"))).await.unwrap().body.unwrap();
        let mut second = isolate.fetch(get(origin.url("/2"))).await.unwrap().body.unwrap();
        // So the second is the one that was not used for longest.
        assert_eq!(chunk(&mut first).await.unwrap().unwrap(), "hello");
        let _third = isolate.fetch(get(origin.url("/3"))).await.unwrap();
        assert_eq!(origin.closed.get(), 1);
        let Some(Err(BodyError::Invalid(text))) = chunk(&mut second).await else {
            panic!("it was not closed")
        };
        assert_eq!(text, "Response closed due to connection limit");
        assert!(chunk(&mut second).await.is_none());
        assert_eq!(isolate.state.context(0).unwrap().open_connections, 2);
    });
}

#[test]
fn a_response_that_somebody_reads_is_not_closed() {
    run(async {
        let (origin, gate) = gated().await;
        let slow = Origin::start(|_| async { Response::new(unfinished("hello")) }).await;
        let isolate = isolate(2, ConnectionRule::UntilBody);
        let mut body = isolate.fetch(get(slow.url("/"))).await.unwrap().body.unwrap();
        let reader =
            tokio::task::spawn_local(async move { while chunk(&mut body).await.is_some() {} });
        let head = isolate.start(get(origin.url("/1")));
        let waiting = isolate.start(get(origin.url("/2")));
        pause(1300).await;
        assert!(!waiting.is_finished() && !reader.is_finished());
        gate.add_permits(2);
        drop(text(head.await.unwrap().unwrap()).await);
        assert_eq!(text(waiting.await.unwrap().unwrap()).await.unwrap(), "hello");
        assert_eq!(slow.closed.get(), 0);
    });
}

#[test]
fn with_the_newer_rule_an_unread_response_holds_nobody_up() {
    run(async {
        let origin = Origin::start(|_| async { Response::new(unfinished("hello")) }).await;
        let (closed, _gate) = gated().await;
        let isolate = isolate(2, ConnectionRule::UntilHead);
        let mut bodies = Vec::new();
        for _ in 0..5 {
            bodies.push(isolate.fetch(get(origin.url("/"))).await.unwrap().body.unwrap());
        }
        assert_eq!(isolate.state.context(0).unwrap().open_connections, 0);
        for body in &mut bodies {
            assert_eq!(chunk(body).await.unwrap().unwrap(), "hello");
        }
        let _calls: Vec<_> = (0..3).map(|_| isolate.start(get(closed.url("/")))).collect();
        pause(50).await;
        assert_eq!(closed.active.get(), 2);
    });
}

#[test]
fn a_context_that_reuses_a_number_starts_afresh() {
    run(async {
        let origin = Origin::start(|_| async { Response::new(unfinished("hello")) }).await;
        let isolate = isolate(2, ConnectionRule::UntilBody);
        let first = isolate.fetch(get(origin.url("/"))).await.unwrap();
        let second = isolate.fetch(get(origin.url("/"))).await.unwrap();
        // As in a new context of the same number.
        isolate.state.context(0).unwrap().open_connections = 0;
        let started = std::time::Instant::now();
        let third = isolate.fetch(get(origin.url("/"))).await.unwrap();
        let fourth = isolate.fetch(get(origin.url("/"))).await.unwrap();
        assert!(started.elapsed().as_millis() < 400);
        assert_eq!(isolate.state.context(0).unwrap().open_connections, 2);
        drop((first, second));
        assert_eq!(isolate.state.context(0).unwrap().open_connections, 2);
        drop((third, fourth));
        assert_eq!(isolate.state.context(0).unwrap().open_connections, 0);
    });
}

#[test]
fn errors_give_their_slot_back() {
    run(async {
        let isolate = isolate(1, ConnectionRule::UntilBody);
        for _ in 0..3 {
            let result = isolate.fetch(get("http://does-not-exist.invalid/")).await;
            assert!(matches!(result, Err(OutboundError::Network(_))));
        }
        assert_eq!(isolate.state.context(0).unwrap().open_connections, 0);
    });
}
