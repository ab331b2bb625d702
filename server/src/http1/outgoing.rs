//! The bytes of a response's head.

use std::sync::LazyLock;

use deno_http_h1::Version;
use memchr::memmem::Finder;
use selvedge_runtime::HeaderBlob;

use crate::site::Clock;

/// What a response says of its body's length.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Framing {
    /// Exactly so many bytes follow.
    Length(u64),
    Chunked,
    /// The end of the connection ends it (HTTP/1.0).
    UntilClose,
    /// The status has no body.
    None,
    /// No body follows, but the Worker may say how long it would be.
    Head,
}

/// What the head is made of.
pub(super) struct HeadParts<'a> {
    pub(super) status: u16,
    pub(super) status_text: &'a str,
    pub(super) headers: HeaderBlob<'a>,
    pub(super) version: Version,
    pub(super) keep_alive: bool,
    pub(super) framing: Framing,
    /// CPU time in milliseconds, if it is to be told.
    pub(super) cpu: Option<f64>,
    /// Whether nothing is added that the Worker did not set, such as `date`.
    pub(super) bare: bool,
}

/// Appends the head. Names and values were checked when the Worker set them;
/// what could still end a line is left out.
pub(super) fn write_head(out: &mut Vec<u8>, parts: &HeadParts<'_>, clock: &Clock) {
    if let Framing::Length(length) = parts.framing
        && parts.is_plain()
    {
        write_plain_head(out, parts.headers, length, clock);
        return;
    }
    write_status(out, parts);
    let mut has_date = false;
    let clean = memchr::memchr2(b'\r', b'\n', parts.headers.0).is_none();
    for (name, value) in parts.headers.iter().take_while(|_| clean) {
        if skips(name, parts) {
            continue;
        }
        has_date |= name == b"date";
        out.extend_from_slice(name);
        out.extend_from_slice(b": ");
        out.extend_from_slice(value);
        out.extend_from_slice(b"\r\n");
    }
    match parts.framing {
        Framing::Length(length) => {
            out.extend_from_slice(b"content-length: ");
            push_number(out, length);
            out.extend_from_slice(b"\r\n");
        }
        Framing::Chunked => out.extend_from_slice(b"transfer-encoding: chunked\r\n"),
        Framing::UntilClose | Framing::None | Framing::Head => {}
    }
    if !has_date && !parts.bare {
        out.extend_from_slice(b"date: ");
        clock.date(|date| out.extend_from_slice(date.as_bytes()));
        out.extend_from_slice(b"\r\n");
    }
    if let Some(cpu) = parts.cpu {
        out.extend_from_slice(format!("server-timing: cpu;dur={cpu:.3}\r\n").as_bytes());
    }
    if !parts.keep_alive {
        out.extend_from_slice(b"connection: close\r\n");
    } else if parts.version == Version::Http10 {
        out.extend_from_slice(b"connection: keep-alive\r\n");
    }
    out.extend_from_slice(b"\r\n");
}

/// The headers of a response that a Worker made of text alone.
const PLAIN_TEXT: &[u8] = b"content-type\0text/plain;charset=UTF-8";
/// The same of JSON.
const PLAIN_JSON: &[u8] = b"content-type\0application/json";

impl HeadParts<'_> {
    /// Whether nothing of the head is out of the ordinary.
    fn is_plain(&self) -> bool {
        self.status == 200
            && self.keep_alive
            && self.cpu.is_none()
            && !self.bare
            && self.version == Version::Http11
            && self.status_text.is_empty()
            && (self.headers.0 == PLAIN_TEXT || self.headers.0 == PLAIN_JSON)
    }
}

/// What most small Workers answer with, in few pieces.
fn write_plain_head(out: &mut Vec<u8>, headers: HeaderBlob<'_>, length: u64, clock: &Clock) {
    const TEXT: &[u8] =
        b"HTTP/1.1 200 OK\r\ncontent-type: text/plain;charset=UTF-8\r\ncontent-length: ";
    const JSON: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ";
    out.extend_from_slice(if headers.0 == PLAIN_JSON { JSON } else { TEXT });
    push_number(out, length);
    out.extend_from_slice(b"\r\ndate: ");
    clock.date(|date| out.extend_from_slice(date.as_bytes()));
    out.extend_from_slice(b"\r\n\r\n");
}

fn write_status(out: &mut Vec<u8>, parts: &HeadParts<'_>) {
    if parts.status == 200 && parts.status_text.is_empty() {
        out.extend_from_slice(b"HTTP/1.1 200 OK\r\n");
        return;
    }
    out.extend_from_slice(b"HTTP/1.1 ");
    push_number(out, u64::from(parts.status));
    out.push(b' ');
    if parts.status_text.is_empty() {
        let phrase = http::StatusCode::from_u16(parts.status)
            .ok()
            .and_then(|status| status.canonical_reason())
            .unwrap_or("");
        out.extend_from_slice(phrase.as_bytes());
    } else {
        out.extend(parts.status_text.bytes().filter(|byte| !matches!(byte, b'\r' | b'\n' | 0)));
    }
    out.extend_from_slice(b"\r\n");
}

/// Headers that only the server may set (RFC 9110, 7.6.1; RFC 9112, 6).
fn skips(name: &[u8], parts: &HeadParts<'_>) -> bool {
    match name.first() {
        Some(b'c') => {
            name == b"connection" || (name == b"content-length" && parts.framing != Framing::Head)
        }
        Some(b'k') => name == b"keep-alive",
        Some(b't') => name == b"transfer-encoding" || name == b"trailer",
        Some(b'u') => name == b"upgrade",
        Some(b'p') => name == b"proxy-connection",
        _ => false,
    }
}

pub(super) fn push_number(out: &mut Vec<u8>, mut number: u64) {
    let mut digits = [0u8; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}

/// Appends the line before a chunk.
pub(super) fn push_chunk_size(out: &mut Vec<u8>, size: usize) {
    let mut digits = [0u8; 16];
    let mut at = digits.len();
    let mut rest = size;
    loop {
        at -= 1;
        digits[at] = b"0123456789abcdef"[rest & 15];
        rest >>= 4;
        if rest == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
    out.extend_from_slice(b"\r\n");
}

/// Whether the Worker asks for the connection to end.
pub(super) fn wants_close(headers: HeaderBlob<'_>) -> bool {
    static NAME: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(b"connection"));
    // Few Workers set it: one look for the name settles most responses.
    NAME.find(headers.0).is_some()
        && headers.get("connection").is_some_and(|value| value.eq_ignore_ascii_case(b"close"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(headers: &[u8], framing: Framing) -> String {
        let mut out = Vec::new();
        let parts = HeadParts {
            status: 200,
            status_text: "",
            headers: HeaderBlob(headers),
            version: Version::Http11,
            keep_alive: true,
            framing,
            cpu: None,
            bare: false,
        };
        write_head(&mut out, &parts, &Clock::default());
        String::from_utf8(out).expect("the head is ASCII")
    }

    #[test]
    fn the_server_alone_frames_the_body() {
        let text =
            head(b"content-length\x00999\x00transfer-encoding\x00x\x00a\x00b", Framing::Length(2));
        assert!(text.contains("content-length: 2\r\n"));
        assert!(text.contains("a: b\r\n"));
        assert!(!text.contains("999") && !text.contains("transfer-encoding"));
    }

    #[test]
    fn a_line_break_in_a_value_never_leaves() {
        assert!(!head(b"a\x00b\r\nevil: 1", Framing::None).contains("evil"));
    }

    #[test]
    fn the_answer_to_head_may_tell_a_length() {
        assert!(head(b"content-length\x005", Framing::Head).contains("content-length: 5\r\n"));
    }

    #[test]
    fn numbers_and_chunk_sizes() {
        let mut out = Vec::new();
        push_number(&mut out, 0);
        push_number(&mut out, 1203);
        push_chunk_size(&mut out, 0x1f0);
        assert_eq!(out, b"012031f0\r\n");
    }
}
