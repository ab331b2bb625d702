//! A WebSocket client that does nothing by itself.

use std::net::SocketAddr;

use bytes::Bytes;
use fastwebsockets::{Frame, OpCode, Payload, WebSocket, handshake};
use http_body_util::Empty;
use hyper::upgrade::Upgraded;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;

/// An open socket.
pub(crate) struct Client {
    socket: WebSocket<TokioIo<Upgraded>>,
}

/// What came.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Message {
    Text(String),
    Binary(Vec<u8>),
    Pong(Vec<u8>),
    Close(u16, String),
    /// The connection ended without a close frame.
    End,
}

pub(crate) fn text(text: &str) -> Message {
    Message::Text(text.into())
}

impl Client {
    pub(crate) async fn connect(address: SocketAddr, path: &str) -> Self {
        Self::connect_with(address, path, &[]).await.0
    }

    pub(crate) async fn connect_with(
        address: SocketAddr,
        path: &str,
        headers: &[(&str, &str)],
    ) -> (Self, http::HeaderMap) {
        let stream = TcpStream::connect(address).await.expect("it listens");
        let mut request = http::Request::get(path);
        if headers.iter().all(|(name, _)| *name != "host") {
            request = request.header("host", address.to_string());
        }
        request = request
            .header("upgrade", "websocket")
            .header("connection", "Upgrade")
            .header("sec-websocket-key", handshake::generate_key())
            .header("sec-websocket-version", "13");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Empty::<Bytes>::new()).expect("valid");
        let (mut socket, response) =
            handshake::client(&TokioExecutor::new(), request, stream).await.expect("an upgrade");
        socket.set_auto_close(false);
        socket.set_auto_pong(false);
        socket.set_max_message_size(64 << 20);
        (Self { socket }, response.headers().clone())
    }

    pub(crate) async fn text(&mut self, text: &str) {
        self.frame(true, OpCode::Text, text.as_bytes()).await;
    }

    pub(crate) async fn binary(&mut self, bytes: &[u8]) {
        self.frame(true, OpCode::Binary, bytes).await;
    }

    pub(crate) async fn close(&mut self, code: u16, reason: &str) {
        self.socket.write_frame(Frame::close(code, reason.as_bytes())).await.expect("it is taken");
    }

    pub(crate) async fn frame(&mut self, last: bool, kind: OpCode, bytes: &[u8]) {
        let frame = Frame::new(last, kind, None, Payload::Borrowed(bytes));
        self.socket.write_frame(frame).await.expect("it is taken");
    }

    /// The next message, put together from its fragments.
    pub(crate) async fn next(&mut self) -> Message {
        let mut whole = Vec::new();
        let mut is_text = false;
        loop {
            let Ok(frame) = self.socket.read_frame().await else { return Message::End };
            match frame.opcode {
                OpCode::Text | OpCode::Binary => {
                    is_text = frame.opcode == OpCode::Text;
                    whole = frame.payload.to_vec();
                }
                OpCode::Continuation => whole.extend_from_slice(&frame.payload),
                OpCode::Ping => continue,
                OpCode::Pong => return Message::Pong(frame.payload.to_vec()),
                OpCode::Close => {
                    let payload = frame.payload.to_vec();
                    let Some((code, reason)) = payload.split_at_checked(2) else {
                        return Message::Close(1005, String::new());
                    };
                    let code = u16::from_be_bytes([code[0], code[1]]);
                    return Message::Close(code, String::from_utf8_lossy(reason).into_owned());
                }
            }
            if frame.fin {
                return if is_text {
                    Message::Text(String::from_utf8(whole).expect("valid text"))
                } else {
                    Message::Binary(whole)
                };
            }
        }
    }

    /// Sends a text and awaits its echo.
    pub(crate) async fn echo(&mut self, said: &str) {
        self.text(said).await;
        assert_eq!(self.next().await, text(said));
    }
}
