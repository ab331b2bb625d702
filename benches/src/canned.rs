//! A server that answers every request with the same bytes and knows no HTTP beyond where
//! a head ends. What the load reaches against it is the most that it can measure.

use std::io::{ErrorKind, Read, Write};

use anyhow::Result;
use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};

#[derive(clap::Args)]
pub(crate) struct CannedArgs {
    #[arg(long)]
    port: u16,
}

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: text/plain;charset=UTF-8\r\n\
    content-length: 13\r\n\r\nHello, world!";

/// Serves until it is killed.
pub(crate) fn run(args: &CannedArgs) -> Result<()> {
    let mut poll = Poll::new()?;
    let mut events = Events::with_capacity(256);
    let mut listener = TcpListener::bind(([127, 0, 0, 1], args.port).into())?;
    let listening = Token(usize::MAX);
    poll.registry().register(&mut listener, listening, Interest::READABLE)?;
    let mut streams: Vec<Option<TcpStream>> = Vec::new();
    let mut buffer = vec![0; 16 * 1024];
    loop {
        poll.poll(&mut events, None)?;
        for event in &events {
            if event.token() != listening {
                let stream = &mut streams[event.token().0];
                if let Some(open) = stream
                    && !answer(open, &mut buffer)?
                {
                    *stream = None;
                }
                continue;
            }
            while let Ok((mut stream, _)) = listener.accept() {
                let token = Token(streams.len());
                poll.registry().register(&mut stream, token, Interest::READABLE)?;
                streams.push(Some(stream));
            }
        }
    }
}

/// False when the client has gone.
fn answer(stream: &mut TcpStream, buffer: &mut [u8]) -> Result<bool> {
    loop {
        let count = match stream.read(buffer) {
            Ok(0) => return Ok(false),
            Ok(count) => count,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(true),
            Err(_) => return Ok(false),
        };
        // The load sends one small request at a time, so that it arrives whole.
        if buffer[..count].ends_with(b"\r\n\r\n") && stream.write(ANSWER).is_err() {
            return Ok(false);
        }
        if count < buffer.len() {
            return Ok(true);
        }
    }
}
