//! Connections: made, kept, retried, given up.

use std::cell::Cell;
use std::rc::Rc;

use http::Response;
use selvedge_runtime::body::BodyError;
use selvedge_runtime::outbound::{OutboundBody, OutboundError};
use selvedge_runtime::{Limits, Mode};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::harness::*;
use crate::outbound::{Options, Policy};

const OK: &[u8] = b"HTTP/1.1 200 Fine\r\ncontent-length: 2\r\n\r\nok";

/// Reads until the peer is silent for a moment.
async fn read_some(tcp: &mut TcpStream) -> String {
    let mut buffer = vec![0; 64 * 1024];
    let size = tcp.read(&mut buffer).await.unwrap();
    String::from_utf8(buffer[..size].to_vec()).unwrap()
}

#[test]
fn a_connection_is_used_again() {
    run(async {
        let origin = Origin::saying("hello").await;
        let isolate = Isolate::new();
        for _ in 0..3 {
            assert_eq!(isolate.text(get(origin.url("/"))).await, "hello");
            pause(5).await;
        }
        assert_eq!(origin.accepted.get(), 1);
    });
}

#[test]
fn each_isolate_has_its_own_connections() {
    run(async {
        let origin = Origin::saying("hello").await;
        for _ in 0..2 {
            assert_eq!(Isolate::new().text(get(origin.url("/"))).await, "hello");
        }
        pause(20).await;
        assert_eq!((origin.accepted.get(), origin.closed.get()), (2, 2));
    });
}

#[test]
fn an_unread_connection_is_not_used_again() {
    run(async {
        let origin = Origin::start(|_| async { Response::new(endless(Rc::default())) }).await;
        let isolate = Isolate::new();
        let first = isolate.fetch(get(origin.url("/"))).await.unwrap();
        drop(first);
        let _second = isolate.fetch(get(origin.url("/"))).await.unwrap();
        pause(20).await;
        assert_eq!((origin.accepted.get(), origin.closed.get()), (2, 1));
    });
}

#[test]
fn status_text_and_headers_come_in() {
    run(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        tokio::task::spawn_local(async move {
            let (mut tcp, _) = listener.accept().await.unwrap();
            read_some(&mut tcp).await;
            let head = b"HTTP/1.1 299 Quite Fine\r\nSet-Cookie: a=1\r\nX-Latin: \xe9\r\n\
                Set-Cookie: b=2\r\nConnection: close, x-hop\r\nX-Hop: 1\r\n\r\nuntil the end";
            tcp.write_all(head).await.unwrap();
        });
        let response = Isolate::new().fetch(get(&url)).await.unwrap();
        assert_eq!((response.status, &*response.status_text), (299, "Quite Fine"));
        assert_eq!((&*response.url, response.redirected), (&*url, false));
        let headers: Vec<_> = response.headers.as_blob().iter().collect();
        let expected: [(&[u8], &[u8]); 3] =
            [(b"set-cookie", b"a=1"), (b"set-cookie", b"b=2"), (b"x-latin", b"\xe9")];
        assert_eq!(headers, expected);
        assert_eq!(text(response).await.unwrap(), "until the end");
    });
}

#[test]
fn a_request_has_the_headers_of_its_url_and_body() {
    run(async {
        let origin = Origin::start(echo).await;
        let host = origin.address;
        let isolate = Isolate::new();
        let headers = [("host", "other.example"), ("x-a", "1")];
        let with_password = format!("http://me:secret@{host}/p?q=1#f");
        let plain = request("GET", with_password, &headers, OutboundBody::Empty);
        assert_eq!(
            isolate.text(plain).await,
            format!(
                "GET /p?q=1\naccept-encoding: gzip, br\ncdn-loop: selvedge\nhost: {host}\nx-a: 1\n"
            )
        );
        let known = post(origin.url("/"), "12345");
        assert!(isolate.text(known).await.contains("\ncontent-length: 5\n"));
        let nothing = request("PUT", origin.url("/"), &[], OutboundBody::Empty);
        assert!(isolate.text(nothing).await.contains("\ncontent-length: 0\n"));
        let unknown = Upload::of(&["12", "345"]).stream(None);
        let sent = isolate.text(request("POST", origin.url("/"), &[], unknown)).await;
        assert!(sent.contains("\ntransfer-encoding: chunked\n"), "{sent}");
        assert!(!sent.contains("content-length") && sent.ends_with("\n12345"), "{sent}");
        let announced = Upload::of(&["12", "345"]).stream(Some(5));
        let sent = isolate.text(request("POST", origin.url("/"), &[], announced)).await;
        assert!(sent.contains("\ncontent-length: 5\n") && sent.ends_with("\n12345"), "{sent}");
    });
}

/// Answers one request per connection, and closes it when the second arrives.
async fn closing_origin() -> (String, Rc<Cell<usize>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let accepted = Rc::new(Cell::new(0));
    let counter = accepted.clone();
    tokio::task::spawn_local(async move {
        loop {
            let (mut tcp, _) = listener.accept().await.unwrap();
            counter.set(counter.get() + 1);
            tokio::task::spawn_local(async move {
                read_some(&mut tcp).await;
                tcp.write_all(OK).await.unwrap();
                read_some(&mut tcp).await;
            });
        }
    });
    (url, accepted)
}

#[test]
fn a_stale_connection_is_replaced_once() {
    run(async {
        let (url, accepted) = closing_origin().await;
        let isolate = Isolate::new();
        for expected in 1..=3 {
            assert_eq!(isolate.text(post(&url, "again")).await, "ok");
            pause(5).await;
            assert_eq!(accepted.get(), expected);
        }
    });
}

#[test]
fn a_stream_is_not_sent_twice() {
    run(async {
        let (url, accepted) = closing_origin().await;
        let isolate = Isolate::new();
        assert_eq!(isolate.text(get(&url)).await, "ok");
        pause(5).await;
        let upload = Upload::of(&["once"]).stream(None);
        let result = isolate.fetch(request("POST", &url, &[], upload)).await;
        assert!(matches!(result, Err(OutboundError::Network(_))));
        assert_eq!(accepted.get(), 1);
    });
}

#[test]
fn a_new_connection_that_breaks_is_not_retried() {
    run(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let accepted = Rc::new(Cell::new(0));
        let counter = accepted.clone();
        tokio::task::spawn_local(async move {
            loop {
                let (mut tcp, _) = listener.accept().await.unwrap();
                counter.set(counter.get() + 1);
                read_some(&mut tcp).await;
            }
        });
        let result = Isolate::new().fetch(get(url)).await;
        assert!(matches!(result, Err(OutboundError::Network(_))));
        assert_eq!(accepted.get(), 1);
    });
}

#[test]
fn dropping_the_call_closes_the_connection() {
    run(async {
        let origin = Origin::start(|_| std::future::pending()).await;
        let isolate = Isolate::new();
        let call = isolate.start(get(origin.url("/")));
        pause(20).await;
        assert_eq!((origin.active.get(), origin.closed.get()), (1, 0));
        call.abort();
        pause(50).await;
        assert_eq!((origin.active.get(), origin.closed.get()), (0, 1));
        assert_eq!(isolate.state.context(0).unwrap().open_connections, 0);
    });
}

#[test]
fn who_is_not_there_is_a_lost_connection() {
    run(async {
        let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        let isolate = Isolate::new();
        for url in [format!("http://{free}/"), "http://does-not-exist.invalid/".into()] {
            let result = isolate.fetch(get(url)).await;
            let Err(error @ OutboundError::Network(_)) = result else { panic!("it was there") };
            assert_eq!(error.to_string(), "Network connection lost.");
        }
        // Nobody saw anything of the request.
        assert!(!isolate.state.context(0).unwrap().touched);
        let origin = Origin::saying("hello").await;
        isolate.text(get(origin.url("/"))).await;
        assert!(isolate.state.context(0).unwrap().touched);
    });
}

#[test]
fn what_is_no_request_is_invalid() {
    run(async {
        let isolate = Isolate::new();
        for (method, url) in [
            ("CONNECT", "http://a.example/"),
            ("G T", "http://a.example/"),
            ("GET", "ftp://a.example/"),
            ("GET", "nothing"),
        ] {
            let result = isolate.fetch(request(method, url, &[], OutboundBody::Empty)).await;
            assert!(matches!(result, Err(OutboundError::Invalid(_))), "{method} {url}");
        }
    });
}

#[test]
fn production_does_not_reach_loopback_by_address_or_name() {
    run(async {
        let origin = Origin::saying("secret").await;
        let options = Options::new(Policy::new(Mode::Production));
        let isolate = Isolate::with(options, Limits::default());
        let port = origin.address.port();
        for host in ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "2130706433", "0"] {
            let result = isolate.fetch(get(format!("http://{host}:{port}/"))).await;
            assert!(matches!(result, Err(OutboundError::Refused(_))), "{host}");
        }
        assert_eq!(origin.accepted.get(), 0);
    });
}

#[test]
fn a_response_that_breaks_off_is_a_lost_connection() {
    run(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        tokio::task::spawn_local(async move {
            let (mut tcp, _) = listener.accept().await.unwrap();
            read_some(&mut tcp).await;
            tcp.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nok").await.unwrap();
        });
        let response = Isolate::new().fetch(get(url)).await.unwrap();
        assert_eq!(response.body.as_ref().unwrap().length(), Some(9));
        assert!(matches!(text(response).await, Err(BodyError::ConnectionLost)));
    });
}
