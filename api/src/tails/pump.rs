//! From the events of a Worker to the frames of a tail.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use fastwebsockets::{Frame, OpCode, Payload, WebSocket, WebSocketError, WebSocketRead};
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::io::{AsyncRead, ReadHalf, WriteHalf, split};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};

use super::filter::redact;
use super::{GOING_AWAY, NORMAL, Tail};

/// Clients send a ping every 10 s; one that is silent for a minute is gone.
const SILENCE: Duration = Duration::from_secs(60);
/// Messages of clients are small: 64 KiB.
const MAX_MESSAGE: usize = 64 * 1024;
/// How long the closing frame may take.
const CLOSING: Duration = Duration::from_secs(2);

/// What a client sent.
enum Heard {
    Ping(Bytes),
    Other,
    Close,
}

type Stream = TokioIo<Upgraded>;

/// Sends events until the tail, the client or the Worker ends.
pub(crate) async fn pump(
    socket: WebSocket<Stream>,
    tail: Arc<Tail>,
    mut events: mpsc::Receiver<Arc<Value>>,
    stopped: watch::Receiver<u16>,
) {
    let (mut read, mut write) = socket.split(split::<Stream>);
    read.set_auto_pong(false);
    read.set_auto_close(false);
    read.set_max_message_size(MAX_MESSAGE);
    let (sender, mut heard) = mpsc::channel(8);
    let reader = tokio::spawn(listen(read, sender));
    let code = send(&mut write, &tail, &mut events, &mut heard, stopped).await;
    if let Some((code, reason)) = code {
        let closing = write.write_frame(Frame::close(code, reason.as_bytes()));
        let _ = tokio::time::timeout(CLOSING, closing).await;
    }
    reader.abort();
}

async fn listen(mut read: WebSocketRead<ReadHalf<Stream>>, sender: mpsc::Sender<Heard>) {
    while let Ok(heard) = next(&mut read).await {
        let end = matches!(heard, Heard::Close);
        if sender.send(heard).await.is_err() || end {
            break;
        }
    }
}

async fn next<S: AsyncRead + Unpin>(read: &mut WebSocketRead<S>) -> Result<Heard, WebSocketError> {
    // Answers are sent by the other half.
    let mut nothing = async |_: Frame<'_>| Ok::<(), WebSocketError>(());
    let frame = read.read_frame(&mut nothing).await?;
    Ok(match frame.opcode {
        OpCode::Ping => Heard::Ping(Bytes::copy_from_slice(&frame.payload)),
        OpCode::Close => Heard::Close,
        _ => Heard::Other,
    })
}

type Write = fastwebsockets::WebSocketWrite<WriteHalf<Stream>>;

/// Gives the code and reason to close with; `None` when nobody listens any more.
async fn send(
    write: &mut Write,
    tail: &Tail,
    events: &mut mpsc::Receiver<Arc<Value>>,
    heard: &mut mpsc::Receiver<Heard>,
    mut stopped: watch::Receiver<u16>,
) -> Option<(u16, &'static str)> {
    let mut deadline = Instant::now() + SILENCE;
    loop {
        let frame = tokio::select! {
            _ = stopped.changed() => return Some((*stopped.borrow(), "the tail was ended")),
            () = sleep_until(deadline) => return Some((GOING_AWAY, "no ping was heard")),
            heard = heard.recv() => {
                deadline = Instant::now() + SILENCE;
                match heard {
                    Some(Heard::Ping(payload)) => Frame::pong(Payload::Owned(payload.to_vec())),
                    Some(Heard::Other) => continue,
                    Some(Heard::Close) => return Some((NORMAL, "")),
                    None => return None,
                }
            }
            event = events.recv() => match event {
                Some(event) => match message(tail, &event) {
                    Some(text) => Frame::text(Payload::Owned(text.into_bytes())),
                    None => continue,
                },
                None => return Some((NORMAL, "the Worker is gone")),
            },
        };
        if write.write_frame(frame).await.is_err() {
            return None;
        }
    }
}

fn message(tail: &Tail, event: &Arc<Value>) -> Option<String> {
    if !tail.filter.takes(event, chance()) {
        return None;
    }
    let mut shown = Value::clone(event);
    redact(&mut shown);
    Some(shown.to_string())
}

/// A random number from 0 to 1.
fn chance() -> f64 {
    let random = getrandom::u32().unwrap_or_default();
    f64::from(random) / (f64::from(u32::MAX) + 1.0)
}
