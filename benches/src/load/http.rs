//! Keep-alive HTTP/1.1 connections, one request in flight on each, on one thread.

use std::io::{ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};

use super::meter::Meter;
use super::response::ResponseParser;
use crate::results::Sample;

pub(crate) struct HttpLoad<'a> {
    /// A whole request, head and body, ready to be written.
    pub(crate) request: &'a [u8],
    pub(crate) connections: usize,
    /// The size of one read: large for downloads.
    pub(crate) read_bytes: usize,
    /// The length that each body must have, when all are equal.
    pub(crate) body_bytes: Option<u64>,
    /// What counts for each answer in place of the bytes that came back.
    pub(crate) sent_bytes: Option<usize>,
}

impl Default for HttpLoad<'_> {
    fn default() -> Self {
        Self {
            request: &[],
            connections: 1,
            read_bytes: 16 * 1024,
            body_bytes: None,
            sent_bytes: None,
        }
    }
}

struct Connection {
    stream: TcpStream,
    parser: ResponseParser,
    sent: Instant,
    /// How much of the request is written.
    written: usize,
}

impl HttpLoad<'_> {
    pub(crate) fn run(&self, addr: SocketAddr, mut meter: Meter) -> Result<Sample> {
        let mut poll = Poll::new()?;
        let mut events = Events::with_capacity(self.connections.max(8));
        let mut connections = Vec::with_capacity(self.connections);
        for index in 0..self.connections {
            let mut connection = Connection::open(addr)?;
            poll.registry().register(
                &mut connection.stream,
                Token(index),
                Interest::READABLE | Interest::WRITABLE,
            )?;
            connection.write(self.request)?;
            connections.push(connection);
        }
        let mut buffer = vec![0; self.read_bytes];
        while meter.poll(&mut poll, &mut events)? {
            for event in &events {
                let connection = &mut connections[event.token().0];
                if connection.written < self.request.len() {
                    connection.write(self.request)?;
                }
                if event.is_readable() {
                    self.read(connection, &mut buffer, &mut meter)?;
                }
            }
        }
        meter.finish()
    }

    /// Reads what there is and sends the next request when a response is complete. Events
    /// come once per arrival (edge-triggered), but a read that did not fill the buffer has
    /// emptied the socket, so that the usual request costs one read and one write.
    fn read(
        &self,
        connection: &mut Connection,
        buffer: &mut [u8],
        meter: &mut Meter,
    ) -> Result<()> {
        loop {
            let count = match connection.stream.read(buffer) {
                Ok(0) => bail!("the server closed a connection"),
                Ok(count) => count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error).context("reading a response"),
            };
            let now = Instant::now();
            if self.sent_bytes.is_none() {
                meter.received(count, now);
            }
            if let Some(used) = connection.parser.feed(&buffer[..count])? {
                ensure!(used == count, "the server answered more than it was asked");
                self.check(&connection.parser)?;
                meter.received(self.sent_bytes.unwrap_or(0), now);
                meter.completed(connection.sent, now);
                connection.sent = now;
                connection.written = 0;
                connection.write(self.request)?;
            }
            if count < buffer.len() {
                return Ok(());
            }
        }
    }

    fn check(&self, parser: &ResponseParser) -> Result<()> {
        ensure!(parser.status() == 200, "status {}", parser.status());
        if let Some(want) = self.body_bytes {
            let got = parser.body_bytes();
            ensure!(got == want, "a body of {got} bytes instead of {want}");
        }
        Ok(())
    }
}

impl Connection {
    fn open(addr: SocketAddr) -> Result<Self> {
        Ok(Self {
            stream: connect(addr)?,
            parser: ResponseParser::new(),
            sent: Instant::now(),
            written: 0,
        })
    }

    fn write(&mut self, request: &[u8]) -> Result<()> {
        while self.written < request.len() {
            match self.stream.write(&request[self.written..]) {
                Ok(count) => self.written += count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error).context("writing a request"),
            }
        }
        Ok(())
    }
}

/// A connected, non-blocking socket.
fn connect(addr: SocketAddr) -> Result<TcpStream> {
    let stream = std::net::TcpStream::connect(addr).context("connecting")?;
    stream.set_nodelay(true)?;
    stream.set_nonblocking(true)?;
    Ok(TcpStream::from_std(stream))
}
