//! WebSocket clients of one room: what each sends must come back to all. Each message says
//! whose it is, and its sender sends the next one when its own has come back to it. All that
//! arrive are counted; the latency is that of one's own.

use std::io::{ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};

use super::meter::Meter;
use super::websocket::{OP_CLOSE, OP_PING, OP_TEXT, masked_frame, parse_frame, upgrade};
use crate::results::Sample;

pub(crate) struct BroadcastLoad {
    pub(crate) connections: usize,
    /// The text's length; at most 125, so that a frame's head is two bytes.
    pub(crate) message_bytes: usize,
}

/// A message begins with its sender's number in so many digits.
const NUMBER_DIGITS: usize = 5;
/// What one read takes at most: hundreds of messages wait for a client that was away.
const READ_BYTES: usize = 64 * 1024;

struct Client {
    stream: TcpStream,
    /// Its message as a frame.
    frame: Vec<u8>,
    /// Bytes that are not a whole frame yet.
    pending: Vec<u8>,
    /// When its message left.
    sent: Instant,
}

impl BroadcastLoad {
    pub(crate) fn run(&self, addr: SocketAddr, mut meter: Meter) -> Result<Sample> {
        ensure!((NUMBER_DIGITS..=125).contains(&self.message_bytes), "the message is too long");
        let mut poll = Poll::new()?;
        let mut events = Events::with_capacity(self.connections.max(8));
        let mut clients = Vec::with_capacity(self.connections);
        for index in 0..self.connections {
            let mut stream = TcpStream::from_std(upgrade(addr)?);
            poll.registry().register(&mut stream, Token(index), Interest::READABLE)?;
            let frame = masked_frame(OP_TEXT, &self.message(index));
            let (pending, sent) = (Vec::new(), Instant::now());
            clients.push(Client { stream, frame, pending, sent });
        }
        // All are in the room before the first one speaks.
        for client in &mut clients {
            client.sent = Instant::now();
            client.say()?;
        }
        let mut buffer = vec![0; READ_BYTES];
        while meter.poll(&mut poll, &mut events)? {
            for event in &events {
                let index = event.token().0;
                clients[index].read(index, self.message_bytes, &mut buffer, &mut meter)?;
            }
        }
        meter.finish()
    }

    fn message(&self, index: usize) -> Vec<u8> {
        let mut text = format!("{index:0NUMBER_DIGITS$}").into_bytes();
        text.resize(self.message_bytes, b'x');
        text
    }
}

impl Client {
    fn read(
        &mut self,
        own: usize,
        message_bytes: usize,
        buffer: &mut [u8],
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
            let pending = std::mem::take(&mut self.pending);
            let mut rest = &pending[..];
            while let Some((opcode, payload, used)) = parse_frame(rest)? {
                match opcode {
                    OP_TEXT => {
                        ensure!(payload.len() == message_bytes, "a message of another length");
                        if sender(payload).context("a message of nobody")? == own {
                            meter.completed(self.sent, now);
                            self.sent = now;
                            self.say()?;
                        } else {
                            meter.arrived(now);
                        }
                    }
                    OP_PING => {
                        let pong = masked_frame(OP_PING + 1, payload);
                        self.write(&pong)?;
                    }
                    OP_CLOSE => bail!("the server closed a WebSocket"),
                    _ => bail!("unexpected WebSocket opcode {opcode}"),
                }
                rest = &rest[used..];
            }
            self.pending.extend_from_slice(rest);
            if count < buffer.len() {
                return Ok(());
            }
        }
    }

    fn say(&mut self) -> Result<()> {
        let frame = std::mem::take(&mut self.frame);
        let written = self.write(&frame);
        self.frame = frame;
        written
    }

    /// With one small message in flight, a socket's buffer is never full.
    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        let count = self.stream.write(bytes).context("writing a message")?;
        ensure!(count == bytes.len(), "a message was written in part");
        Ok(())
    }
}

/// Whose message it is.
fn sender(message: &[u8]) -> Option<usize> {
    std::str::from_utf8(message.get(..NUMBER_DIGITS)?).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::{BroadcastLoad, sender};

    #[test]
    fn a_message_says_whose_it_is() {
        let load = BroadcastLoad { connections: 200, message_bytes: 64 };
        let message = load.message(42);
        assert_eq!((message.len(), sender(&message)), (64, Some(42)));
        assert_eq!(sender(b"xx"), None);
    }
}
