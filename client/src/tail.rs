//! The WebSocket of `tail`: one JSON text for each event of a Worker.

use std::time::Duration;

use bytes::Bytes;
use fastwebsockets::{
    CloseCode, Frame, OpCode, Payload, WebSocketError, WebSocketRead, WebSocketWrite, handshake,
};
use http::Request;
use http::header::{
    CONNECTION, HOST, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, UPGRADE,
    USER_AGENT,
};
use http_body_util::Empty;
use hyper::upgrade::Upgraded;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{ReadHalf, WriteHalf};
use tokio::sync::mpsc;
use tokio::time::MissedTickBehavior;

use crate::client::Client;
use crate::error::Error;

/// The protocol that the server must speak.
const PROTOCOL: &str = "trace-v1";
/// What a ping carries; the server must send it back.
const PING: &[u8] = b"wrangler tail ping";
/// How often one is sent.
const PING_EVERY: Duration = Duration::from_secs(10);
/// The largest message: 16 MiB.
const MAX_MESSAGE_BYTES: usize = 16 * 1024 * 1024;
/// Messages that wait to be read.
const WAITING: usize = 64;

/// What a tail brings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TailMessage {
    /// One event as JSON.
    Event(String),
    /// The server ended it, with the code of the close frame.
    Closed { code: Option<u16>, reason: String },
    /// Nothing came, not even the answer to a ping.
    Silent,
}

/// An open tail.
#[derive(Debug)]
pub struct Tail {
    messages: mpsc::Receiver<TailMessage>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Tail {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Tail {
    /// Opens the WebSocket that the API named.
    ///
    /// # Errors
    /// When there is no connection, or what answers speaks something else.
    pub async fn open(client: &Client, url: &str) -> Result<Self, Error> {
        let uri: http::Uri =
            url.parse().map_err(|_| Error::Invalid(format!("the tail's \"{url}\" is no URL")))?;
        let network = |error: WebSocketError| Error::Network {
            origin: url.into(),
            reason: error.to_string(),
        };
        let authority = uri.authority().map(ToString::to_string).unwrap_or_default();
        let target = uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
        let request = Request::get(target)
            .header(HOST, authority)
            .header(UPGRADE, "websocket")
            .header(CONNECTION, "Upgrade")
            .header(SEC_WEBSOCKET_KEY, handshake::generate_key())
            .header(SEC_WEBSOCKET_VERSION, "13")
            .header(SEC_WEBSOCKET_PROTOCOL, PROTOCOL)
            .header(USER_AGENT, client.agent().clone())
            .body(Empty::<Bytes>::new())
            .map_err(|error| Error::Invalid(error.to_string()))?;
        let stream = client.connect(&uri).await?;
        let (mut socket, _) =
            handshake::client(&TokioExecutor::new(), request, stream).await.map_err(network)?;
        socket.set_max_message_size(MAX_MESSAGE_BYTES);
        socket.set_auto_close(true);
        let (reader, mut writer) = socket.split(tokio::io::split);
        let hello = Frame::text(Payload::Borrowed(b"{\"debug\":false}"));
        writer.write_frame(hello).await.map_err(network)?;
        let (sender, messages) = mpsc::channel(WAITING);
        let task = tokio::spawn(carry(reader, writer, sender));
        Ok(Self { messages, task })
    }

    /// The next message; after anything but an event there is none.
    pub async fn next(&mut self) -> Option<TailMessage> {
        self.messages.recv().await
    }
}

type Reader = WebSocketRead<ReadHalf<TokioIo<Upgraded>>>;
type Writer = WebSocketWrite<WriteHalf<TokioIo<Upgraded>>>;

enum Heard {
    Text(String),
    Pong,
    Closed { code: Option<u16>, reason: String },
}

/// Carries messages out of the socket and pings into it, until it ends.
async fn carry(mut reader: Reader, mut writer: Writer, sender: mpsc::Sender<TailMessage>) {
    // Reading a frame cannot be broken off half way, so it has a task of its own.
    let (heard, mut hear) = mpsc::channel(WAITING);
    let listening = tokio::spawn(async move {
        let mut text = Vec::new();
        loop {
            let step = listen(&mut reader, &mut text).await;
            let ended = matches!(step, Some(Heard::Closed { .. }));
            if let Some(step) = step
                && (heard.send(step).await.is_err() || ended)
            {
                break;
            }
        }
    });
    let mut pings = tokio::time::interval(PING_EVERY);
    pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut unanswered = 0;
    let last = loop {
        tokio::select! {
            _ = pings.tick() => {
                let ping = Frame::new(true, OpCode::Ping, None, Payload::Borrowed(PING));
                if unanswered > 2 || writer.write_frame(ping).await.is_err() {
                    break TailMessage::Silent;
                }
                unanswered += 1;
            }
            heard = hear.recv() => match heard {
                Some(Heard::Text(text)) => {
                    unanswered = 0;
                    if sender.send(TailMessage::Event(text)).await.is_err() {
                        let code = CloseCode::Normal.into();
                        // It is over anyway.
                        let _ = writer.write_frame(Frame::close(code, b"")).await;
                        break TailMessage::Silent;
                    }
                }
                Some(Heard::Pong) => unanswered = 0,
                Some(Heard::Closed { code, reason }) => break TailMessage::Closed { code, reason },
                None => break TailMessage::Silent,
            }
        }
    };
    listening.abort();
    // Nobody may be there any more to read it.
    let _ = sender.send(last).await;
}

/// Reads one frame; `text` holds the beginning of a message.
async fn listen(reader: &mut Reader, text: &mut Vec<u8>) -> Option<Heard> {
    // Pongs and the answer to a close frame: the server of a tail needs neither.
    let mut obliged = |_: Frame<'_>| std::future::ready(Ok::<(), std::io::Error>(()));
    let frame = match reader.read_frame(&mut obliged).await {
        Ok(frame) => frame,
        Err(WebSocketError::ConnectionClosed | WebSocketError::UnexpectedEOF) => {
            return Some(Heard::Closed { code: None, reason: String::new() });
        }
        Err(error) => return Some(Heard::Closed { code: None, reason: error.to_string() }),
    };
    match frame.opcode {
        OpCode::Text | OpCode::Binary | OpCode::Continuation => {
            text.extend_from_slice(&frame.payload);
            let complete = frame.fin;
            complete
                .then(|| Heard::Text(String::from_utf8_lossy(&std::mem::take(text)).into_owned()))
        }
        OpCode::Pong => Some(Heard::Pong),
        OpCode::Ping => None,
        OpCode::Close => {
            let (code, reason) = frame.payload.split_first_chunk::<2>().map_or(
                (None, String::new()),
                |(code, reason)| {
                    let reason = String::from_utf8_lossy(reason).into_owned();
                    (Some(u16::from_be_bytes(*code)), reason)
                },
            );
            Some(Heard::Closed { code, reason })
        }
    }
}
