//! Messages packed and unpacked, as permessage-deflate has them (RFC 7692, 7.2).
//!
//! A socket owns no codec. What it must keep is what the other end's next
//! message may refer to: up to 32 KiB of the last messages, as they were. They
//! are unpacked by the thread's one decompressor, which is given that window
//! first. Compressors are kept by the thread for the sockets that sent last;
//! one that lost its own goes on with an empty window, which no other end can
//! tell. So a socket that rests costs what it received, and no more.

use std::cell::{Cell, RefCell};

use zlib_rs::{Inflate, InflateFlush, Status};

use super::Role;
use super::extension::{Context, Deflate, MAX_WINDOW_BITS};
use super::frame::Violation;
pub(super) use pool::{Packer, age};

mod pool;

/// What a message ends with before its last block is cut (RFC 7692, 7.2.1).
const TAIL: [u8; 4] = [0, 0, 0xff, 0xff];
/// What is unpacked in one go.
const PAGE_BYTES: usize = 32 * 1024;
/// A message may end a stream and begin another (RFC 7692, 7.2.3.4), but each
/// costs the other end two bytes and this one a window.
const MAX_STREAMS: usize = 16;
/// So many sockets of a thread are answered that the client may keep its window:
/// together they hold 8 MiB at most. The others are asked not to.
const MAX_WINDOWS: usize = 256;

thread_local! {
    static UNPACKING: RefCell<Option<Unpacking>> = const { RefCell::new(None) };
    static WINDOWS: Cell<usize> = const { Cell::new(0) };
}

/// What a server says of the client's window to who offers the extension now.
pub(super) fn context() -> Context {
    if WINDOWS.get() < MAX_WINDOWS { Context::Kept } else { Context::Dropped }
}

/// Packs what leaves and unpacks what arrives on one socket.
pub(super) fn codec(agreed: Deflate, role: Role) -> (Packer, Box<Unpacker>) {
    let server = (agreed.server_no_context, agreed.server_bits);
    let client = (agreed.client_no_context, agreed.client_bits);
    let (ours, theirs) = match role {
        Role::Server => (server, client),
        Role::Client => (client, server),
    };
    (Packer::new(ours.0, bits(ours.1)), Box::new(Unpacker::new(theirs.0, bits(theirs.1))))
}

fn bits(agreed: Option<u8>) -> u8 {
    agreed.unwrap_or(MAX_WINDOW_BITS)
}

/// The decompressor of a thread.
struct Unpacking {
    stream: Inflate,
    page: Vec<u8>,
}

impl Unpacking {
    fn new() -> Self {
        Self { stream: Inflate::new(false, MAX_WINDOW_BITS), page: vec![0; PAGE_BYTES] }
    }
}

/// What arrives on one socket.
pub(super) struct Unpacker {
    /// The end of what arrived: the next message may refer to it.
    window: Vec<u8>,
    /// How much of it the other end can refer to.
    window_bytes: usize,
}

impl Unpacker {
    fn new(no_context: bool, bits: u8) -> Self {
        let window_bytes = if no_context { 0 } else { 1 << bits };
        if window_bytes > 0 {
            WINDOWS.set(WINDOWS.get() + 1);
        }
        Self { window: Vec::new(), window_bytes }
    }

    /// What is kept between messages, in bytes.
    pub(super) fn held(&self) -> usize {
        self.window.capacity()
    }

    /// Unpacks a message.
    ///
    /// # Errors
    /// When the data are none, or more than `limit` bytes come of them: the rest stays
    /// packed.
    pub(super) fn unpack(&mut self, packed: &[u8], limit: usize) -> Result<Vec<u8>, Violation> {
        let mut unpacking = UNPACKING.take().unwrap_or_else(Unpacking::new);
        let message = self.run(&mut unpacking, packed, limit);
        UNPACKING.set(Some(unpacking));
        let message = message?;
        self.remember(&message);
        Ok(message)
    }

    fn run(
        &self,
        unpacking: &mut Unpacking,
        packed: &[u8],
        limit: usize,
    ) -> Result<Vec<u8>, Violation> {
        let Unpacking { stream, page } = unpacking;
        let mut message = Vec::new();
        let mut streams = 0;
        self.begin(stream, &message)?;
        for mut input in [packed, &TAIL] {
            loop {
                let before = (stream.total_in(), stream.total_out());
                let status = stream.decompress(input, page, InflateFlush::SyncFlush);
                let status = status.map_err(|_| invalid())?;
                input = &input[(stream.total_in() - before.0) as usize..];
                let written = (stream.total_out() - before.1) as usize;
                if message.len() + written > limit {
                    return Err(Violation::unpacks_too_large());
                }
                message.extend_from_slice(&page[..written]);
                if status == Status::StreamEnd {
                    streams += 1;
                    if streams == MAX_STREAMS {
                        return Err(invalid());
                    }
                    self.begin(stream, &message)?;
                } else if written < page.len() {
                    // All input was taken.
                    break;
                }
            }
        }
        Ok(message)
    }

    /// Starts a stream behind all that came before it.
    fn begin(&self, stream: &mut Inflate, message: &[u8]) -> Result<(), Violation> {
        stream.reset(false);
        for part in [&self.window, message] {
            if !part.is_empty() {
                let part = &part[part.len().saturating_sub(1 << MAX_WINDOW_BITS)..];
                stream.set_dictionary(part).map_err(|_| invalid())?;
            }
        }
        Ok(())
    }

    fn remember(&mut self, message: &[u8]) {
        let new = &message[message.len().saturating_sub(self.window_bytes)..];
        let kept = self.window_bytes - new.len();
        self.window.drain(..self.window.len().saturating_sub(kept));
        let needed = self.window.len() + new.len();
        if needed > self.window.capacity() {
            let room = needed.max(self.window.capacity() * 2).min(self.window_bytes);
            self.window.reserve_exact(room - self.window.len());
        }
        self.window.extend_from_slice(new);
    }
}

impl Drop for Unpacker {
    fn drop(&mut self) {
        if self.window_bytes > 0 {
            // Not there any more when the thread ends.
            let _ = WINDOWS.try_with(|windows| windows.set(windows.get().saturating_sub(1)));
        }
    }
}

/// Code and text are workerd's.
fn invalid() -> Violation {
    Violation::protocol("Invalid compressed data")
}

#[cfg(test)]
mod tests;
