//! WebSockets at the border: frames stay outside, messages cross.

use bytes::Bytes;

use crate::memory::HeldBytes;

/// Names a WebSocket within its isolate.
pub type WebSocketId = u32;

/// What arrives on a WebSocket.
#[derive(Debug, Clone)]
pub enum WebSocketEvent {
    Text(String),
    Binary(Bytes),
    /// The peer's close frame; 1005 when it had no code (RFC 6455, 7.1.5).
    Close {
        code: u16,
        reason: String,
    },
    /// The connection broke without a close frame.
    Error(String),
}

/// The way out of a WebSocket. Messages are buffered and leave in order.
/// Dropping it closes the connection with 1001.
pub trait WebSocketSink {
    fn send_text(&mut self, text: &str);
    fn send_binary(&mut self, bytes: &[u8]);
    /// Sends a close frame; nothing may follow it.
    fn close(&mut self, code: Option<u16>, reason: &str);
    /// Bytes that were accepted and have not left yet.
    fn buffered(&self) -> usize;
    /// Takes the account on which it keeps what it buffers, before anything
    /// is sent by the isolate.
    fn count(&mut self, account: HeldBytes);
}
