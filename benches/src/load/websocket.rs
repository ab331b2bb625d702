//! WebSocket connections that each keep one text message in flight: a masked frame out,
//! the same text back. RFC 6455 as far as an echo needs it.

use std::io::{ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};

use super::meter::Meter;
use crate::results::Sample;

pub(crate) struct WebSocketLoad {
    pub(crate) connections: usize,
    /// The text's length; at most 125, so that a frame's head is two bytes.
    pub(crate) message_bytes: usize,
}

pub(super) const OP_TEXT: u8 = 1;
pub(super) const OP_CLOSE: u8 = 8;
pub(super) const OP_PING: u8 = 9;
const FIN: u8 = 0x80;
const MASKED: u8 = 0x80;
/// A mask need not be secret against one's own server, but the server must undo it.
const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// The key and the answer of RFC 6455, section 1.3.
const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

struct Connection {
    stream: TcpStream,
    sent: Instant,
    /// Bytes that are not a whole frame yet.
    pending: Vec<u8>,
}

impl WebSocketLoad {
    pub(crate) fn run(&self, addr: SocketAddr, mut meter: Meter) -> Result<Sample> {
        ensure!(self.message_bytes <= 125, "the message is too long");
        let text: Vec<u8> = (b'a'..=b'z').cycle().take(self.message_bytes).collect();
        let message = masked_frame(OP_TEXT, &text);
        let mut poll = Poll::new()?;
        let mut events = Events::with_capacity(self.connections.max(8));
        let mut connections = Vec::with_capacity(self.connections);
        for index in 0..self.connections {
            let mut stream = TcpStream::from_std(upgrade(addr)?);
            poll.registry().register(&mut stream, Token(index), Interest::READABLE)?;
            let mut connection = Connection { stream, sent: Instant::now(), pending: Vec::new() };
            connection.write(&message)?;
            connections.push(connection);
        }
        let mut buffer = vec![0; 16 * 1024];
        while meter.poll(&mut poll, &mut events)? {
            for event in &events {
                let connection = &mut connections[event.token().0];
                connection.read(&mut buffer, &text, &message, &mut meter)?;
            }
        }
        meter.finish()
    }
}

impl Connection {
    fn read(
        &mut self,
        buffer: &mut [u8],
        text: &[u8],
        message: &[u8],
        meter: &mut Meter,
    ) -> Result<()> {
        loop {
            let count = match self.stream.read(buffer) {
                Ok(0) => bail!("the server closed a connection"),
                Ok(count) => count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error).context("reading a message"),
            };
            let now = Instant::now();
            meter.received(count, now);
            self.pending.extend_from_slice(&buffer[..count]);
            while let Some((opcode, payload, used)) = parse_frame(&self.pending)? {
                match opcode {
                    OP_TEXT => {
                        ensure!(payload == text, "the echo differs from what was sent");
                        meter.completed(self.sent, now);
                        self.sent = now;
                        self.write(message)?;
                    }
                    OP_PING => {
                        let pong = masked_frame(OP_PING + 1, payload);
                        self.write(&pong)?;
                    }
                    OP_CLOSE => bail!("the server closed a WebSocket"),
                    _ => bail!("unexpected WebSocket opcode {opcode}"),
                }
                self.pending.drain(..used);
            }
            if count < buffer.len() {
                return Ok(());
            }
        }
    }

    /// With one small message in flight, a socket's buffer is never full.
    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        let count = self.stream.write(bytes).context("writing a message")?;
        ensure!(count == bytes.len(), "a message was written in part");
        Ok(())
    }
}

pub(super) fn masked_frame(opcode: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![FIN | opcode, MASKED | payload.len() as u8];
    frame.extend_from_slice(&MASK);
    frame.extend(payload.iter().zip(MASK.iter().cycle()).map(|(a, b)| a ^ b));
    frame
}

/// The first frame of `bytes`: opcode, payload, and its length on the wire.
pub(super) fn parse_frame(bytes: &[u8]) -> Result<Option<(u8, &[u8], usize)>> {
    let [first, second, rest @ ..] = bytes else {
        return Ok(None);
    };
    ensure!(first & 0xf0 == FIN, "a fragmented or compressed frame");
    ensure!(*second <= 125, "a frame of unexpected length, or masked");
    let length = usize::from(*second);
    Ok(rest.get(..length).map(|payload| (first & 0x0f, payload, 2 + length)))
}

/// Opens a WebSocket and returns its socket, non-blocking.
pub(super) fn upgrade(addr: SocketAddr) -> Result<std::net::TcpStream> {
    let mut stream = std::net::TcpStream::connect(addr).context("connecting")?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    write!(
        stream,
        "GET / HTTP/1.1\r\nHost: {addr}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {KEY}\r\n\r\n"
    )?;
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).context("reading the upgrade")?;
        head.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&head);
    ensure!(head.starts_with("HTTP/1.1 101 "), "no upgrade: {head}");
    ensure!(head.contains(ACCEPT), "a wrong Sec-WebSocket-Accept: {head}");
    stream.set_nonblocking(true)?;
    Ok(stream)
}

#[cfg(test)]
mod tests {
    use super::{OP_TEXT, masked_frame, parse_frame};

    #[test]
    fn a_frame_is_masked_as_the_rfc_shows() {
        // RFC 6455, section 5.7: a single-frame masked text message "Hello".
        let want = [0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58];
        assert_eq!(masked_frame(OP_TEXT, b"Hello"), want);
    }

    #[test]
    fn a_frame_is_parsed_once_it_is_whole() {
        let frame = b"\x81\x05Hello\x81";
        for size in 0..7 {
            assert!(parse_frame(&frame[..size]).unwrap().is_none());
        }
        let (opcode, payload, used) = parse_frame(frame).unwrap().unwrap();
        assert_eq!((opcode, payload, used), (OP_TEXT, &b"Hello"[..], 7));
    }
}
