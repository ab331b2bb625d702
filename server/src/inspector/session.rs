//! One debugger: a WebSocket on one side, a client of the inspector on the other.

use std::time::Duration;

use fastwebsockets::upgrade::UpgradeFut;
use fastwebsockets::{
    FragmentCollectorRead, Frame, OpCode, Payload, WebSocketError, WebSocketRead, WebSocketWrite,
};
use selvedge_runtime::{Inspector, InspectorClient};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc;

/// How long a debugger waits for an isolate that is being replaced.
const ISOLATE_PATIENCE: Duration = Duration::from_secs(10);
/// How often it looks.
const ISOLATE_LOOK: Duration = Duration::from_millis(20);
/// Breakpoints and scripts are small: 64 MiB.
const MAX_MESSAGE_BYTES: usize = 64 << 20;

/// Close codes of RFC 6455 and its registry.
const NORMAL: u16 = 1000;
const SERVICE_RESTART: u16 = 1012;
const TRY_AGAIN_LATER: u16 = 1013;

/// Serves a debugger until it leaves or its isolate goes.
pub(super) async fn run(upgrade: UpgradeFut, inspector: Inspector) {
    let mut socket = match upgrade.await {
        Ok(socket) => socket,
        Err(error) => {
            tracing::debug!(%error, "a debugger did not connect");
            return;
        }
    };
    socket.set_auto_pong(false);
    socket.set_auto_close(false);
    socket.set_max_message_size(MAX_MESSAGE_BYTES);
    let (output, mut messages) = mpsc::unbounded_channel();
    let (read, mut write) = socket.split(tokio::io::split);
    let Some(client) = connect(&inspector, &output).await else {
        close(&mut write, TRY_AGAIN_LATER, "no isolate runs").await;
        return;
    };
    // The isolate holds the other end; it lets go when it ends the session.
    drop(output);
    let (pong, mut pongs) = mpsc::unbounded_channel();
    let (code, reason) = tokio::select! {
        () = hear(read, &client, &pong) => (NORMAL, ""),
        result = say(&mut write, &mut messages, &mut pongs) => match result {
            Ok(()) => (SERVICE_RESTART, "the isolate was replaced or ended"),
            Err(_) => return,
        },
    };
    drop(client);
    close(&mut write, code, reason).await;
}

/// Connects to the isolate; one that was replaced just now is there in a moment.
async fn connect(
    inspector: &Inspector,
    output: &mpsc::UnboundedSender<String>,
) -> Option<InspectorClient> {
    let attempt = async {
        loop {
            let output = output.clone();
            let sink = Box::new(move |message| {
                // A debugger that left hears nothing.
                let _ = output.send(message);
            });
            if let Some(client) = inspector.connect(sink) {
                return Some(client);
            }
            if inspector.is_closed() {
                return None;
            }
            tokio::time::sleep(ISOLATE_LOOK).await;
        }
    };
    tokio::time::timeout(ISOLATE_PATIENCE, attempt).await.ok().flatten()
}

/// Takes messages to the isolate until the debugger leaves.
async fn hear<R: AsyncRead + Unpin>(
    read: WebSocketRead<R>,
    client: &InspectorClient,
    pong: &mpsc::UnboundedSender<Vec<u8>>,
) {
    let mut read = FragmentCollectorRead::new(read);
    // Answers to control frames are ours: there is nothing to send from there.
    let mut nothing = |_: Frame<'_>| std::future::ready(Ok::<(), WebSocketError>(()));
    while let Ok(frame) = read.read_frame(&mut nothing).await {
        match frame.opcode {
            OpCode::Text => match std::str::from_utf8(&frame.payload) {
                Ok(message) => client.send(message.to_owned()),
                Err(_) => return,
            },
            OpCode::Ping => drop(pong.send(frame.payload.to_vec())),
            OpCode::Close => return,
            OpCode::Binary | OpCode::Pong | OpCode::Continuation => {}
        }
    }
}

/// Takes messages to the debugger until the isolate says no more.
async fn say<W: AsyncWrite + Unpin>(
    write: &mut WebSocketWrite<W>,
    messages: &mut mpsc::UnboundedReceiver<String>,
    pongs: &mut mpsc::UnboundedReceiver<Vec<u8>>,
) -> Result<(), WebSocketError> {
    loop {
        let frame = tokio::select! {
            message = messages.recv() => match message {
                Some(message) => Frame::text(Payload::Owned(message.into_bytes())),
                None => return Ok(()),
            },
            Some(payload) = pongs.recv() => Frame::pong(Payload::Owned(payload)),
        };
        write.write_frame(frame).await?;
        write.flush().await?;
    }
}

async fn close<W: AsyncWrite + Unpin>(write: &mut WebSocketWrite<W>, code: u16, reason: &str) {
    // The debugger may be gone.
    let _ = write.write_frame(Frame::close(code, reason.as_bytes())).await;
    let _ = write.flush().await;
}
