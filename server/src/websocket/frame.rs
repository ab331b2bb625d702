//! The head of a frame, both ways (RFC 6455, 5.2), and what a close frame may
//! say (RFC 6455, 5.5.1 and 7.4).

use std::borrow::Cow;

use selvedge_runtime::websocket::WebSocketEvent;

use super::Role;
use super::mask::Key;

/// A head is two bytes, up to eight of length, and four of key.
pub(super) const MAX_HEAD_BYTES: usize = 14;
/// The payload of a control frame (RFC 6455, 5.5).
pub(super) const MAX_CONTROL_BYTES: usize = 125;
/// A close frame's reason: what its code leaves of the payload.
pub(super) const MAX_REASON_BYTES: usize = MAX_CONTROL_BYTES - 2;

/// Status codes that this end gives (RFC 6455, 7.4.1).
pub(super) mod code {
    pub(crate) const GOING_AWAY: u16 = 1001;
    pub(crate) const PROTOCOL_ERROR: u16 = 1002;
    pub(crate) const NO_STATUS: u16 = 1005;
    pub(crate) const INVALID_DATA: u16 = 1007;
    pub(crate) const TOO_BIG: u16 = 1009;
}

pub(super) const FIN: u8 = 0x80;
/// The message is packed (RFC 7692, 6).
pub(super) const RSV1: u8 = 0x40;
const RSV2_AND_3: u8 = 0x30;
const OPCODE: u8 = 0x0f;
pub(super) const MASKED: u8 = 0x80;
const LENGTH: u8 = 0x7f;
const LENGTH_IN_2: u8 = 126;
const LENGTH_IN_8: u8 = 127;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Opcode {
    Continuation = 0,
    Text = 1,
    Binary = 2,
    Close = 8,
    Ping = 9,
    Pong = 10,
}

impl Opcode {
    /// Close, ping or pong.
    pub(super) fn is_control(self) -> bool {
        self as u8 >= Self::Close as u8
    }

    /// Text or binary.
    pub(super) fn begins_message(self) -> bool {
        matches!(self, Self::Text | Self::Binary)
    }
}

/// How the peer broke the protocol: the code that it is told, and why. The
/// texts are workerd's where it has one (capnproto, kj/compat/http.c++).
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Violation {
    pub(super) code: u16,
    pub(super) text: Cow<'static, str>,
}

impl Violation {
    pub(super) fn protocol(text: impl Into<Cow<'static, str>>) -> Self {
        Self { code: code::PROTOCOL_ERROR, text: text.into() }
    }

    pub(super) fn invalid_utf8() -> Self {
        Self { code: code::INVALID_DATA, text: "Received text that is not valid UTF-8".into() }
    }

    pub(super) fn too_large(bytes: u64, limit: usize) -> Self {
        let text = format!("Message is too large: {bytes} > {limit}");
        Self { code: code::TOO_BIG, text: text.into() }
    }

    /// It was not unpacked, so nobody knows how large.
    pub(super) fn unpacks_too_large() -> Self {
        Self { code: code::TOO_BIG, text: "Message is too large".into() }
    }
}

/// What stands in front of a payload.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) opcode: Opcode,
    pub(super) fin: bool,
    pub(super) compressed: bool,
    /// Zero where the payload is not masked.
    pub(super) key: Key,
    /// Bytes of the payload.
    pub(super) payload: u64,
    /// Bytes of the head itself.
    pub(super) bytes: usize,
}

impl Head {
    /// Reads a head from the beginning of `input`; `None` when it is longer.
    ///
    /// # Errors
    /// When it may not come to an end of this role.
    #[inline]
    pub(super) fn parse(input: &[u8], role: Role) -> Result<Option<Self>, Violation> {
        let [first, second, rest @ ..] = input else { return Ok(None) };
        let opcode = opcode(*first)?;
        let fin = first & FIN != 0;
        let compressed = first & RSV1 != 0;
        let short = second & LENGTH;
        check_second(opcode, fin, *second, role)?;
        let (payload, rest) = match short {
            LENGTH_IN_2 => {
                let Some((bytes, rest)) = rest.split_first_chunk() else { return Ok(None) };
                (u64::from(u16::from_be_bytes(*bytes)), rest)
            }
            LENGTH_IN_8 => {
                let Some((bytes, rest)) = rest.split_first_chunk() else { return Ok(None) };
                (u64::from_be_bytes(*bytes), rest)
            }
            _ => (u64::from(short), rest),
        };
        if payload > i64::MAX as u64 {
            return Err(Violation::protocol("Received frame whose length has its top bit set"));
        }
        let (key, rest) = if second & MASKED != 0 {
            let Some((key, rest)) = rest.split_first_chunk() else { return Ok(None) };
            (*key, rest)
        } else {
            ([0; 4], rest)
        };
        let bytes = input.len() - rest.len();
        Ok(Some(Self { opcode, fin, compressed, key, payload, bytes }))
    }
}

fn opcode(first: u8) -> Result<Opcode, Violation> {
    if first & RSV2_AND_3 != 0 {
        return Err(Violation::protocol("Received frame had RSV bits 2 or 3 set"));
    }
    Ok(match first & OPCODE {
        0 => Opcode::Continuation,
        1 => Opcode::Text,
        2 => Opcode::Binary,
        8 => Opcode::Close,
        9 => Opcode::Ping,
        10 => Opcode::Pong,
        other => return Err(Violation::protocol(format!("Unknown opcode {other}"))),
    })
}

fn check_second(opcode: Opcode, fin: bool, second: u8, role: Role) -> Result<(), Violation> {
    match (role, second & MASKED != 0) {
        (Role::Server, false) => {
            return Err(Violation::protocol("Received unmasked frame from a client"));
        }
        (Role::Client, true) => {
            return Err(Violation::protocol("Received masked frame from a server"));
        }
        _ => {}
    }
    if opcode.is_control() {
        if !fin {
            return Err(Violation::protocol("Received fragmented control frame"));
        }
        if usize::from(second & LENGTH) > MAX_CONTROL_BYTES {
            return Err(Violation::protocol("Received control frame with more than 125 bytes"));
        }
    }
    Ok(())
}

/// Writes the head of an unfragmented frame; `first` is its opcode, with [`RSV1`] for a
/// packed message. With a key, the caller masks the payload.
#[inline]
pub(super) fn write_head(out: &mut Vec<u8>, first: u8, payload: usize, key: Option<Key>) {
    let masked = if key.is_some() { MASKED } else { 0 };
    let mut head = [0; MAX_HEAD_BYTES];
    head[0] = FIN | first;
    let mut at = match payload {
        0..=125 => {
            head[1] = masked | payload as u8;
            2
        }
        126..=0xffff => {
            head[1] = masked | LENGTH_IN_2;
            head[2..4].copy_from_slice(&(payload as u16).to_be_bytes());
            4
        }
        _ => {
            head[1] = masked | LENGTH_IN_8;
            head[2..10].copy_from_slice(&(payload as u64).to_be_bytes());
            10
        }
    };
    if let Some(key) = key {
        head[at..at + 4].copy_from_slice(&key);
        at += 4;
    }
    out.extend_from_slice(&head[..at]);
}

/// Reads a close frame (RFC 6455, 5.5.1).
pub(super) fn read_close(payload: &[u8]) -> Result<WebSocketEvent, Violation> {
    let (code, reason) = match payload {
        [] => (code::NO_STATUS, &[][..]),
        [_] => return Err(Violation::protocol("Received close frame with half a status code")),
        [high, low, reason @ ..] => (u16::from_be_bytes([*high, *low]), reason),
    };
    if !payload.is_empty() && !may_be_sent(code) {
        return Err(Violation::protocol(format!("Received invalid close code {code}")));
    }
    let reason = std::str::from_utf8(reason).map_err(|_| Violation::invalid_utf8())?;
    Ok(WebSocketEvent::Close { code, reason: reason.to_owned() })
}

/// Whether a status code may stand in a frame (RFC 6455, 7.4; 1012 to 1014 are
/// IANA's, <https://www.iana.org/assignments/websocket>).
pub(super) fn may_be_sent(code: u16) -> bool {
    matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999)
}

/// The most of a reason that fits a close frame.
pub(super) fn fitting_reason(reason: &str) -> &str {
    &reason[..reason.floor_char_boundary(MAX_REASON_BYTES)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_are_read_as_they_are_written() {
        for payload in [0, 1, 125, 126, 127, 0xffff, 0x1_0000, 1 << 33] {
            for (role, key) in [(Role::Client, None), (Role::Server, Some([1, 2, 3, 4]))] {
                let mut head = Vec::new();
                write_head(&mut head, Opcode::Binary as u8, payload, key);
                for cut in 0..head.len() {
                    assert!(Head::parse(&head[..cut], role).unwrap().is_none());
                }
                let read = Head::parse(&head, role).unwrap().unwrap();
                assert_eq!((read.opcode, read.fin), (Opcode::Binary, true));
                assert_eq!((read.payload, read.bytes), (payload as u64, head.len()));
                assert_eq!(read.key, key.unwrap_or_default());
            }
        }
    }

    #[test]
    fn codes_that_are_reserved_are_not_sent() {
        let valid = [1000, 1001, 1002, 1003, 1007, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999];
        assert!(valid.into_iter().all(may_be_sent));
        let invalid = [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535];
        assert!(!invalid.into_iter().any(may_be_sent));
    }

    #[test]
    fn long_reasons_are_cut_between_characters() {
        assert_eq!(fitting_reason("done"), "done");
        assert_eq!(fitting_reason(&"\u{e9}".repeat(100)).len(), 122);
        assert_eq!(fitting_reason(&"a".repeat(200)).len(), 123);
    }
}
