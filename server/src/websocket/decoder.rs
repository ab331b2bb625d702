//! Messages out of frames out of bytes (RFC 6455, 5.4 to 5.6).
//!
//! A frame that one read brought whole is unmasked and checked where it lies,
//! and copied once, into the event. Others are collected in the message's own
//! buffer, into which the rest of a large payload is read without a detour. A
//! packed message is collected whole, and then unpacked.

use bytes::Bytes;
use selvedge_runtime::limits::WEBSOCKET_MESSAGE_BYTES;
use selvedge_runtime::websocket::WebSocketEvent;

use super::Role;
use super::deflate::Unpacker;
use super::frame::{self, Head, MAX_HEAD_BYTES, Opcode, Violation};
use super::mask::{self, Key};

/// A payload of which this much is missing is read straight into its message.
const DIRECT_BYTES: usize = 32 * 1024;
/// The room that a message gets at first. It grows with what arrived, not with
/// what was announced: an announcement costs a peer nothing.
const FIRST_ROOM_BYTES: usize = 64 * 1024;

/// What a peer said.
#[derive(Debug)]
pub(super) enum Incoming {
    Event(WebSocketEvent),
    /// To be answered with a pong of the same payload (RFC 6455, 5.5.3).
    Ping(Vec<u8>),
}

/// What arrives on one socket. Empty, it owns no memory.
pub(super) struct Decoder {
    role: Role,
    /// The beginning of a head that was cut.
    head: [u8; MAX_HEAD_BYTES],
    head_len: u8,
    /// The frame whose payload is not whole yet.
    frame: Option<Frame>,
    /// The message of which `data` is the beginning.
    message: Option<Message>,
    data: Vec<u8>,
    /// The beginning of a control frame's payload.
    control: Vec<u8>,
    /// Where messages may come packed.
    unpacker: Option<Box<Unpacker>>,
}

#[derive(Debug, Clone, Copy)]
struct Message {
    kind: Kind,
    compressed: bool,
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    Text,
    Binary,
}

struct Frame {
    opcode: Opcode,
    fin: bool,
    /// For the next byte of the payload.
    key: Key,
    /// Bytes that are missing.
    left: usize,
}

/// Where in the stream of frames a decoder stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    BetweenFrames,
    InHead,
    InPayload,
}

impl Decoder {
    pub(super) fn new(role: Role, unpacker: Option<Box<Unpacker>>) -> Self {
        Self {
            role,
            unpacker,
            head: [0; MAX_HEAD_BYTES],
            head_len: 0,
            frame: None,
            message: None,
            data: Vec::new(),
            control: Vec::new(),
        }
    }

    /// Bytes that it keeps between messages, where messages may come packed.
    pub(super) fn held(&self) -> Option<usize> {
        self.unpacker.as_ref().map(|unpacker| unpacker.held())
    }

    /// Where it stands, after all input was taken.
    pub(super) fn place(&self) -> Place {
        if self.head_len > 0 {
            Place::InHead
        } else if self.frame.is_some() {
            Place::InPayload
        } else {
            Place::BetweenFrames
        }
    }

    /// Takes `input` from `at` on, which moves; gives the next thing that is
    /// whole, or `None` when all input was taken. Unmasks `input` in place.
    ///
    /// # Errors
    /// When the peer broke the protocol. The decoder is of no use after that.
    pub(super) fn next(
        &mut self,
        input: &mut [u8],
        at: &mut usize,
    ) -> Result<Option<Incoming>, Violation> {
        loop {
            if self.frame.is_none() {
                let Some(head) = self.take_head(input, at)? else { return Ok(None) };
                let left = self.admit(&head)?;
                let alone =
                    head.opcode.is_control() || (head.fin && head.opcode != Opcode::Continuation);
                if alone && let Some(payload) = input[*at..].get_mut(..left) {
                    *at += left;
                    mask::apply(payload, head.key);
                    if head.compressed {
                        return self.unpacked(Kind::of(head.opcode), payload).map(Some);
                    }
                    match whole(head.opcode, payload)? {
                        Some(incoming) => return Ok(Some(incoming)),
                        None => continue,
                    }
                }
                self.begin(&head, left);
            }
            let Some(frame) = &mut self.frame else { return Ok(None) };
            let count = frame.left.min(input.len() - *at);
            let piece = &mut input[*at..*at + count];
            *at += count;
            mask::apply(piece, frame.key);
            frame.key = mask::advance(frame.key, count);
            frame.left -= count;
            if frame.opcode.is_control() {
                self.control.extend_from_slice(piece);
            } else {
                self.data.extend_from_slice(piece);
            }
            if frame.left > 0 {
                return Ok(None);
            }
            if let Some(incoming) = self.finish()? {
                return Ok(Some(incoming));
            }
        }
    }

    /// Where the next bytes of a large payload belong, and how many they are at
    /// most. What was added there is told to [`Self::received`].
    pub(super) fn direct(&mut self) -> Option<(&mut Vec<u8>, usize)> {
        let frame = self.frame.as_ref()?;
        if frame.opcode.is_control() || frame.left < DIRECT_BYTES {
            return None;
        }
        if self.data.spare_capacity_mut().len() < DIRECT_BYTES {
            let room = self.data.len().max(FIRST_ROOM_BYTES);
            // The last step makes room for all, so that no small piece at the
            // end doubles the buffer.
            let is_last = frame.left <= room + FIRST_ROOM_BYTES;
            self.data.reserve_exact(if is_last { frame.left } else { room });
        }
        Some((&mut self.data, frame.left))
    }

    /// Takes the `count` bytes at the end of the buffer of [`Self::direct`].
    ///
    /// # Errors
    /// As [`Self::next`].
    pub(super) fn received(&mut self, count: usize) -> Result<Option<Incoming>, Violation> {
        let Some(frame) = &mut self.frame else { return Ok(None) };
        let start = self.data.len() - count;
        mask::apply(&mut self.data[start..], frame.key);
        frame.key = mask::advance(frame.key, count);
        frame.left -= count;
        if frame.left > 0 { Ok(None) } else { self.finish() }
    }

    /// Reads the head of a frame, which may have begun in earlier input.
    fn take_head(&mut self, input: &[u8], at: &mut usize) -> Result<Option<Head>, Violation> {
        let rest = &input[*at..];
        let before = usize::from(self.head_len);
        if before == 0 {
            if let Some(head) = Head::parse(rest, self.role)? {
                *at += head.bytes;
                return Ok(Some(head));
            }
            // A head that is not whole is shorter than the longest head.
            self.head[..rest.len()].copy_from_slice(rest);
            self.head_len = rest.len() as u8;
            *at = input.len();
            return Ok(None);
        }
        let added = rest.len().min(MAX_HEAD_BYTES - before);
        self.head[before..before + added].copy_from_slice(&rest[..added]);
        if let Some(head) = Head::parse(&self.head[..before + added], self.role)? {
            *at += head.bytes - before;
            self.head_len = 0;
            return Ok(Some(head));
        }
        self.head_len = (before + added) as u8;
        *at = input.len();
        Ok(None)
    }

    /// Checks that a frame may come now; gives the length of its payload.
    fn admit(&self, head: &Head) -> Result<usize, Violation> {
        if head.compressed {
            self.admit_compressed(head.opcode)?;
        }
        match head.opcode {
            Opcode::Close | Opcode::Ping | Opcode::Pong => return Ok(head.payload as usize),
            Opcode::Continuation if self.message.is_none() => {
                return Err(Violation::protocol("Unexpected continuation frame"));
            }
            Opcode::Text | Opcode::Binary if self.message.is_some() => {
                return Err(Violation::protocol("Missing continuation frame"));
            }
            _ => {}
        }
        let total = head.payload.saturating_add(self.data.len() as u64);
        match usize::try_from(total) {
            Ok(total) if total <= WEBSOCKET_MESSAGE_BYTES => Ok(head.payload as usize),
            _ => Err(Violation::too_large(total, WEBSOCKET_MESSAGE_BYTES)),
        }
    }

    /// Only the first frame of a message says that it is packed (RFC 7692, 6).
    fn admit_compressed(&self, opcode: Opcode) -> Result<(), Violation> {
        if self.unpacker.is_none() {
            return Err(Violation::protocol(
                "Received a WebSocket frame whose compression bit was set, but the compression \
                 extension was not negotiated for this connection.",
            ));
        }
        if !opcode.begins_message() {
            return Err(Violation::protocol(
                "Received a WebSocket frame whose compression bit was set, but which does not \
                 begin a message.",
            ));
        }
        Ok(())
    }

    fn begin(&mut self, head: &Head, left: usize) {
        if head.opcode.begins_message() {
            let kind = Kind::of(head.opcode);
            self.message = Some(Message { kind, compressed: head.compressed });
        }
        self.frame = Some(Frame { opcode: head.opcode, fin: head.fin, key: head.key, left });
    }

    /// The payload of the frame is whole.
    fn finish(&mut self) -> Result<Option<Incoming>, Violation> {
        let Some(frame) = self.frame.take() else { return Ok(None) };
        if frame.opcode.is_control() {
            return whole(frame.opcode, &std::mem::take(&mut self.control));
        }
        if !frame.fin {
            return Ok(None);
        }
        let data = std::mem::take(&mut self.data);
        match self.message.take() {
            Some(Message { kind, compressed: true }) => self.unpacked(kind, &data).map(Some),
            Some(Message { kind, compressed: false }) => message(kind, data).map(Some),
            None => Ok(None),
        }
    }

    fn unpacked(&mut self, kind: Kind, packed: &[u8]) -> Result<Incoming, Violation> {
        let unpacker = self.unpacker.as_mut().expect("`admit` lets none through without it");
        message(kind, unpacker.unpack(packed, WEBSOCKET_MESSAGE_BYTES)?)
    }
}

impl Kind {
    fn of(opcode: Opcode) -> Self {
        if opcode == Opcode::Text { Self::Text } else { Self::Binary }
    }
}

/// A message that is whole.
fn message(kind: Kind, data: Vec<u8>) -> Result<Incoming, Violation> {
    Ok(Incoming::Event(match kind {
        Kind::Text => {
            let text = String::from_utf8(data).map_err(|_| Violation::invalid_utf8())?;
            WebSocketEvent::Text(text)
        }
        Kind::Binary => WebSocketEvent::Binary(data.into()),
    }))
}

/// A frame that is a message of its own; `None` where there is nothing to do.
#[inline]
fn whole(opcode: Opcode, payload: &[u8]) -> Result<Option<Incoming>, Violation> {
    let event = match opcode {
        Opcode::Text => {
            let text = std::str::from_utf8(payload).map_err(|_| Violation::invalid_utf8())?;
            WebSocketEvent::Text(text.to_owned())
        }
        Opcode::Binary => WebSocketEvent::Binary(Bytes::copy_from_slice(payload)),
        Opcode::Close => frame::read_close(payload)?,
        Opcode::Ping => return Ok(Some(Incoming::Ping(payload.to_vec()))),
        // A pong may come unasked, and we ask for none (RFC 6455, 5.5.3).
        Opcode::Pong | Opcode::Continuation => return Ok(None),
    };
    Ok(Some(Incoming::Event(event)))
}
