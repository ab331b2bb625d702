//! Messages of PostgreSQL's protocol, version 3.0
//! (<https://www.postgresql.org/docs/current/protocol.html>): where they end, and
//! what is looked into.

use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};

/// The longest message: 64 MiB. It is in memory as a whole.
pub(crate) const MAX_MESSAGE: usize = 64 * 1024 * 1024;
/// The longest start-up message, as PostgreSQL has it.
const MAX_STARTUP: usize = 10_000;

/// The version of the protocol.
pub(crate) const VERSION: i32 = 196_608;
pub(crate) const CANCEL: i32 = 80_877_102;
pub(crate) const SSL: i32 = 80_877_103;
pub(crate) const GSS: i32 = 80_877_104;

/// A message: its tag, and all of it with tag and length.
#[derive(Debug, Clone)]
pub(crate) struct Message {
    pub(crate) tag: u8,
    pub(crate) all: Bytes,
}

impl Message {
    /// What is after tag and length.
    pub(crate) fn body(&self) -> &[u8] {
        self.all.get(5..).unwrap_or_default()
    }
}

/// What is not understood, for the log and the client.
pub(crate) type Violation = &'static str;

/// Takes a message off the buffer, if all of it is there.
pub(crate) fn take(buffer: &mut BytesMut) -> Result<Option<Message>, Violation> {
    let Some(head) = buffer.get(..5) else { return Ok(None) };
    let (tag, mut length) = (head[0], &head[1..5]);
    let length = usize::try_from(length.get_i32()).unwrap_or(0);
    if length < 4 {
        return Err("a message has a length that is none");
    }
    if length > MAX_MESSAGE {
        return Err("a message is longer than 64 MiB");
    }
    if buffer.len() < length + 1 {
        buffer.reserve(length + 1 - buffer.len());
        return Ok(None);
    }
    Ok(Some(Message { tag, all: buffer.split_to(length + 1).freeze() }))
}

/// Takes a start-up message off the buffer: its code, and what follows.
pub(crate) fn take_startup(buffer: &mut BytesMut) -> Result<Option<(i32, Bytes)>, Violation> {
    let Some(mut head) = buffer.get(..4) else { return Ok(None) };
    let length = usize::try_from(head.get_i32()).unwrap_or(0);
    if !(8..=MAX_STARTUP).contains(&length) {
        return Err("the start-up message has a length that is none");
    }
    if buffer.len() < length {
        return Ok(None);
    }
    let mut all = buffer.split_to(length).freeze();
    all.advance(4);
    let code = all.get_i32();
    Ok(Some((code, all)))
}

/// Strings that end with a zero byte, up to an empty one.
pub(crate) fn strings(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes.split(|byte| *byte == 0).take_while(|text| !text.is_empty())
}

/// The first string that ends with a zero byte, and what follows.
pub(crate) fn string(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = bytes.iter().position(|byte| *byte == 0)?;
    Some((&bytes[..end], &bytes[end + 1..]))
}

/// Adds a message.
pub(crate) fn put(to: &mut BytesMut, tag: u8, body: &[u8]) {
    to.put_u8(tag);
    to.put_i32(i32::try_from(body.len() + 4).unwrap_or(i32::MAX));
    to.put_slice(body);
}

/// Adds a message of one string.
pub(crate) fn put_text(to: &mut BytesMut, tag: u8, text: &str) {
    let body = [text.as_bytes(), b"\0"].concat();
    put(to, tag, &body);
}

/// Adds a start-up message with these parameters.
pub(crate) fn put_startup(to: &mut BytesMut, parameters: &[(&str, &str)]) {
    let mut body = BytesMut::new();
    body.put_i32(VERSION);
    for (name, value) in parameters {
        for text in [name, value] {
            body.put_slice(text.as_bytes());
            body.put_u8(0);
        }
    }
    body.put_u8(0);
    to.put_i32(i32::try_from(body.len() + 4).unwrap_or(i32::MAX));
    to.put_slice(&body);
}

/// An error as the client gets it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub(crate) struct Fatal {
    /// PostgreSQL's code.
    pub(crate) code: String,
    pub(crate) message: String,
}

impl Fatal {
    pub(crate) fn new(code: &str, message: impl Into<String>) -> Self {
        Self { code: code.to_owned(), message: message.into() }
    }

    /// What an origin says in an `ErrorResponse`.
    pub(crate) fn of(body: &[u8]) -> Self {
        let field = |wanted: u8| {
            let found = strings(body).find(|field| field.first() == Some(&wanted));
            found.map(|field| String::from_utf8_lossy(&field[1..]).into_owned())
        };
        let code = field(b'C').unwrap_or_else(|| "XX000".to_owned());
        Self { code, message: field(b'M').unwrap_or_default() }
    }

    /// As an `ErrorResponse`.
    pub(crate) fn put(&self, to: &mut BytesMut) {
        let Self { code, message } = self;
        let body = format!("SFATAL\0VFATAL\0C{code}\0M{message}\0\0");
        put(to, b'E', body.as_bytes());
    }
}

impl From<Violation> for Fatal {
    fn from(text: Violation) -> Self {
        Self::new("08P01", text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_taken_when_they_are_whole() {
        let mut buffer = BytesMut::new();
        put_text(&mut buffer, b'Q', "SELECT 1");
        put(&mut buffer, b'S', b"");
        let mut part = BytesMut::new();
        let mut seen = Vec::new();
        for byte in buffer.clone() {
            part.put_u8(byte);
            while let Some(message) = take(&mut part).expect("valid") {
                seen.push((message.tag, message.body().to_vec()));
            }
        }
        assert_eq!(seen, [(b'Q', b"SELECT 1\0".to_vec()), (b'S', Vec::new())]);
        assert!(take(&mut BytesMut::from(&b"Q\0\0\0\x03"[..])).is_err());
        assert!(take(&mut BytesMut::from(&b"Q\x7f\0\0\0"[..])).is_err());
        assert!(take_startup(&mut BytesMut::from(&b"GET / HTTP/1.1"[..])).is_err());
    }

    #[test]
    fn an_error_reads_back() {
        let mut buffer = BytesMut::new();
        let fatal = Fatal::new("28P01", "no");
        fatal.put(&mut buffer);
        let message = take(&mut buffer).expect("valid").expect("whole");
        assert_eq!(Fatal::of(message.body()), fatal);
        assert_eq!(string(b"a\0b\0"), Some((&b"a"[..], &b"b\0"[..])));
        assert_eq!(string(b"a"), None);
    }
}
