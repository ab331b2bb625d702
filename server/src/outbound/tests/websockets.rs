//! WebSockets that a Worker connects.

use std::cell::RefCell;
use std::rc::Rc;

use bytes::Bytes;
use http::Response;
use selvedge_runtime::outbound::{OutboundBody, OutboundError, OutboundRequest};
use selvedge_runtime::websocket::WebSocketSink;
use selvedge_runtime::{Limits, Mode};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::harness::*;
use crate::outbound::{Options, Policy, UpgradedSocket};
use crate::websocket::accept_key;

struct NoSink;

impl WebSocketSink for NoSink {
    fn send_text(&mut self, _: &str) {}
    fn send_binary(&mut self, _: &[u8]) {}
    fn close(&mut self, _: Option<u16>, _: &str) {}
    fn buffered(&self) -> usize {
        0
    }
    fn count(&mut self, _: selvedge_runtime::HeldBytes) {}
}

type Sockets = Rc<RefCell<Vec<UpgradedSocket>>>;

fn isolate() -> (Isolate, Sockets) {
    let sockets = Sockets::default();
    let kept = sockets.clone();
    let options = Options {
        connect_socket: Some(Rc::new(move |socket| {
            kept.borrow_mut().push(socket);
            Box::new(NoSink)
        })),
        ..Options::new(Policy::new(Mode::Local))
    };
    (Isolate::with(options, Limits::default()), sockets)
}

fn connect(url: String, headers: &[(&str, &str)]) -> OutboundRequest {
    let request = request("GET", url, headers, OutboundBody::Empty);
    OutboundRequest { websocket: Some(7), ..request }
}

/// Upgrades, sends `ready` at once, then echoes. Gives its URL and the head
/// of the request.
async fn socket_origin(accept: Option<&'static str>) -> (String, Rc<RefCell<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/chat", listener.local_addr().unwrap());
    let seen = Rc::new(RefCell::new(String::new()));
    let head_seen = seen.clone();
    tokio::task::spawn_local(async move {
        let (mut tcp, _) = listener.accept().await.unwrap();
        let mut buffer = vec![0; 8192];
        let size = tcp.read(&mut buffer).await.unwrap();
        let head = String::from_utf8(buffer[..size].to_vec()).unwrap();
        let key = head.lines().find_map(|line| line.strip_prefix("sec-websocket-key: "));
        let accept = accept.map_or_else(|| accept_key(key.unwrap().as_bytes()), str::to_owned);
        *head_seen.borrow_mut() = head;
        let answer = format!(
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Accept: {accept}\r\nSec-WebSocket-Protocol: chat\r\n\r\nready"
        );
        tcp.write_all(answer.as_bytes()).await.unwrap();
        while let Ok(size @ 1..) = tcp.read(&mut buffer).await {
            tcp.write_all(&buffer[..size]).await.unwrap();
        }
    });
    (url, seen)
}

#[test]
fn after_the_handshake_the_connection_is_handed_over() {
    run(async {
        let (url, head) = socket_origin(None).await;
        let (isolate, sockets) = isolate();
        let headers = [
            ("sec-websocket-protocol", "chat, other"),
            ("sec-websocket-key", "mine"),
            ("sec-websocket-extensions", "permessage-deflate"),
            ("upgrade", "websocket"),
            ("connection", "upgrade"),
        ];
        let response = isolate.fetch(connect(url, &headers)).await.unwrap();
        assert_eq!((response.status, response.body.is_none()), (101, true));
        assert!(response.websocket.is_some());
        assert_eq!(header(&response, "sec-websocket-protocol").as_deref(), Some("chat"));
        let head = head.borrow().clone();
        assert!(head.starts_with("GET /chat HTTP/1.1\r\n"), "{head}");
        assert!(head.contains("\r\nupgrade: websocket\r\n"), "{head}");
        assert!(head.contains("\r\nconnection: Upgrade\r\n"), "{head}");
        assert!(head.contains("\r\nsec-websocket-version: 13\r\n"), "{head}");
        assert!(!head.contains("mine"), "{head}");
        assert!(head.contains("\r\nsec-websocket-extensions: permessage-deflate\r\n"), "{head}");

        let mut socket = sockets.borrow_mut().pop().unwrap();
        assert_eq!((socket.id, socket.epoch, socket.agreed), (7, 0, None));
        let mut received = socket.leftover.to_vec();
        socket.io.write_all(b"!").await.unwrap();
        while received.len() < 6 {
            let mut buffer = [0; 16];
            let size = socket.io.read(&mut buffer).await.unwrap();
            received.extend_from_slice(&buffer[..size]);
        }
        assert_eq!(Bytes::from(received), "ready!");
        let context = isolate.state.context(0).unwrap();
        assert_eq!((context.open_connections, context.subrequests), (0, 1));
    });
}

#[test]
fn a_wrong_answer_is_no_websocket() {
    run(async {
        let (isolate, sockets) = isolate();
        let (url, _) = socket_origin(Some("AAAAAAAAAAAAAAAAAAAAAAAAAAA=")).await;
        let offered = [("sec-websocket-protocol", "chat")];
        let result = isolate.fetch(connect(url, &offered)).await;
        assert!(matches!(result, Err(OutboundError::Network(_))));
        let (url, _) = socket_origin(None).await;
        // It chose a protocol that was not offered.
        let result = isolate.fetch(connect(url, &[])).await;
        assert!(matches!(result, Err(OutboundError::Network(_))));
        assert!(sockets.borrow().is_empty());
    });
}

#[test]
fn an_origin_that_declines_is_an_ordinary_response() {
    run(async {
        let origin = Origin::start(|_| async {
            Response::builder().status(426).body(full("not here")).unwrap()
        })
        .await;
        let (isolate, _) = isolate();
        let response = isolate.fetch(connect(origin.url("/"), &[])).await.unwrap();
        assert_eq!((response.status, response.websocket.is_none()), (426, true));
        assert_eq!(text(response).await.unwrap(), "not here");
    });
}

#[test]
fn an_upgrade_that_nobody_asked_for_is_an_error() {
    run(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        tokio::task::spawn_local(async move {
            let (mut tcp, _) = listener.accept().await.unwrap();
            let mut buffer = [0; 1024];
            let _ = tcp.read(&mut buffer).await.unwrap();
            tcp.write_all(b"HTTP/1.1 101 X\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n")
                .await
                .unwrap();
            std::future::pending::<()>().await;
        });
        let (isolate, _) = isolate();
        let result = isolate.fetch(get(url)).await;
        assert!(matches!(result, Err(OutboundError::Network(_))));
    });
}

#[test]
fn without_a_codec_a_websocket_is_refused() {
    run(async {
        let result = Isolate::new().fetch(connect("http://127.0.0.1:1/".into(), &[])).await;
        assert!(matches!(result, Err(OutboundError::Invalid(_))));
    });
}
