//! An incremental parser of HTTP/1.1 responses that does no more than a load generator
//! needs: status, where the body ends, and the body's bytes when asked to keep them.

use anyhow::{Context, Result, bail, ensure};

const MAX_HEAD_BYTES: usize = 256 * 1024;

pub(crate) struct ResponseParser {
    state: State,
    /// The head so far, when it came in pieces.
    head: Vec<u8>,
    status: u16,
    body_bytes: u64,
    kept: Option<Vec<u8>>,
}

enum State {
    Head,
    Sized { left: u64 },
    ChunkSize { size: u64, in_extension: bool },
    ChunkData { left: u64 },
    ChunkEnd { left: u8 },
    Trailer { line_bytes: usize },
}

impl ResponseParser {
    pub(crate) fn new() -> Self {
        Self { state: State::Head, head: Vec::new(), status: 0, body_bytes: 0, kept: None }
    }

    /// A parser whose `body` can be read after each response.
    pub(crate) fn keeping_body() -> Self {
        Self { kept: Some(Vec::new()), ..Self::new() }
    }

    /// The status of the response that was just completed.
    pub(crate) fn status(&self) -> u16 {
        self.status
    }

    /// The length of the body that was just completed.
    pub(crate) fn body_bytes(&self) -> u64 {
        self.body_bytes
    }

    /// The body that was just completed, when it is kept.
    pub(crate) fn body(&self) -> &[u8] {
        self.kept.as_deref().unwrap_or_default()
    }

    /// Takes the next bytes. `Some(n)`: a response is complete after `n` of them.
    pub(crate) fn feed(&mut self, input: &[u8]) -> Result<Option<usize>> {
        let mut at = 0;
        loop {
            let rest = &input[at..];
            match self.state {
                State::Head => match self.feed_head(rest)? {
                    None => return Ok(None),
                    Some(used) => at += used,
                },
                State::Sized { left } => {
                    let used = self.take_body(rest, left);
                    if used == left {
                        return Ok(Some(self.complete(at + used as usize)));
                    }
                    self.state = State::Sized { left: left - used };
                    return Ok(None);
                }
                State::ChunkData { left } => {
                    let used = self.take_body(rest, left);
                    at += used as usize;
                    if used < left {
                        self.state = State::ChunkData { left: left - used };
                        return Ok(None);
                    }
                    self.state = State::ChunkEnd { left: 2 };
                }
                _ => {
                    let Some(&byte) = rest.first() else {
                        return Ok(None);
                    };
                    at += 1;
                    if self.feed_framing(byte)? {
                        return Ok(Some(self.complete(at)));
                    }
                }
            }
        }
    }

    fn complete(&mut self, at: usize) -> usize {
        self.state = State::Head;
        at
    }

    /// Takes at most `left` bytes of the body, and says how many.
    fn take_body(&mut self, input: &[u8], left: u64) -> u64 {
        let used = left.min(input.len() as u64);
        self.body_bytes += used;
        if let Some(kept) = &mut self.kept {
            kept.extend_from_slice(&input[..used as usize]);
        }
        used
    }

    /// Looks for the head's end; the common case, a whole head in `input`, copies nothing.
    fn feed_head(&mut self, input: &[u8]) -> Result<Option<usize>> {
        if self.head.is_empty() {
            if let Some(end) = head_end(input, 0) {
                self.start_body(&input[..end])?;
                return Ok(Some(end));
            }
            self.head.extend_from_slice(input);
            return Ok(None);
        }
        let before = self.head.len();
        self.head.extend_from_slice(input);
        ensure!(self.head.len() < MAX_HEAD_BYTES, "a response's head is too long");
        let Some(end) = head_end(&self.head, before.saturating_sub(3)) else {
            return Ok(None);
        };
        let head = std::mem::take(&mut self.head);
        self.start_body(&head[..end])?;
        Ok(Some(end - before))
    }

    fn start_body(&mut self, head: &[u8]) -> Result<()> {
        ensure!(
            head.len() > 12 && head.starts_with(b"HTTP/1.1 "),
            "not an HTTP/1.1 response: {:?}",
            String::from_utf8_lossy(&head[..head.len().min(60)])
        );
        self.status = digits(&head[9..12], 10).context("bad status")? as u16;
        self.body_bytes = 0;
        if let Some(kept) = &mut self.kept {
            kept.clear();
        }
        if self.status < 200 || self.status == 204 || self.status == 304 {
            self.state = State::Sized { left: 0 };
            return Ok(());
        }
        for line in head.split(|&byte| byte == b'\n') {
            if let Some(value) = value_of(line, b"content-length") {
                let left = digits(value, 10).context("bad content-length")?;
                self.state = State::Sized { left };
                return Ok(());
            }
            if let Some(value) = value_of(line, b"transfer-encoding") {
                ensure!(value.eq_ignore_ascii_case(b"chunked"), "unknown transfer-encoding");
                self.state = CHUNK_START;
                return Ok(());
            }
        }
        bail!("a response ends with its connection: keep-alive is not kept")
    }

    /// One byte between chunks; true when it ends the response.
    fn feed_framing(&mut self, byte: u8) -> Result<bool> {
        match &mut self.state {
            State::ChunkSize { size, in_extension } => match byte {
                b'\n' if *size == 0 => self.state = State::Trailer { line_bytes: 0 },
                b'\n' => self.state = State::ChunkData { left: *size },
                b'\r' => {}
                b';' => *in_extension = true,
                _ if *in_extension => {}
                _ => *size = *size * 16 + digits(&[byte], 16).context("bad chunk size")?,
            },
            State::ChunkEnd { left } => {
                *left -= 1;
                if *left == 0 {
                    self.state = CHUNK_START;
                }
            }
            State::Trailer { line_bytes } => match byte {
                b'\n' if *line_bytes == 0 => return Ok(true),
                b'\n' => *line_bytes = 0,
                b'\r' => {}
                _ => *line_bytes += 1,
            },
            _ => unreachable!("feed handles heads and data itself"),
        }
        Ok(false)
    }
}

const CHUNK_START: State = State::ChunkSize { size: 0, in_extension: false };

/// The index after the empty line, looking from `from` on.
fn head_end(bytes: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    while let Some(found) = bytes[at..].iter().position(|&byte| byte == b'\r') {
        at += found;
        if bytes[at..].starts_with(b"\r\n\r\n") {
            return Some(at + 4);
        }
        at += 1;
    }
    None
}

/// The trimmed value of the header `name` (lower case) when `line` is that header.
fn value_of<'a>(line: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let (key, value) = line.split_at_checked(name.len())?;
    let value = value.strip_prefix(b":")?;
    key.eq_ignore_ascii_case(name).then(|| value.trim_ascii())
}

fn digits(text: &[u8], radix: u32) -> Option<u64> {
    u64::from_str_radix(std::str::from_utf8(text).ok()?, radix).ok()
}

#[cfg(test)]
mod tests {
    use super::ResponseParser;

    const SIZED: &[u8] = b"HTTP/1.1 200 OK\r\nDate: x\r\nContent-Length: 5\r\n\r\nhello";
    const CHUNKED: &[u8] = b"HTTP/1.1 201 Created\r\ntransfer-encoding: chunked\r\n\r\n\
        5\r\nhello\r\nA;x=1\r\n, world...\r\n0\r\nx-sum: 1\r\n\r\n";

    #[test]
    fn a_response_may_come_in_any_pieces() {
        for (bytes, status, body) in
            [(SIZED, 200, &b"hello"[..]), (CHUNKED, 201, &b"hello, world..."[..])]
        {
            for size in 1..=bytes.len() {
                let mut parser = ResponseParser::keeping_body();
                for _ in 0..2 {
                    let mut left = bytes.len();
                    for piece in bytes.chunks(size) {
                        left -= piece.len();
                        let done = parser.feed(piece).unwrap();
                        assert_eq!(done.is_some(), left == 0);
                    }
                    assert_eq!(parser.status(), status);
                    assert_eq!(parser.body(), body);
                    assert_eq!(parser.body_bytes(), body.len() as u64);
                }
            }
        }
    }

    #[test]
    fn an_empty_body_completes_with_its_head() {
        let mut parser = ResponseParser::new();
        let head = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
        assert_eq!(parser.feed(head).unwrap(), Some(head.len()));
    }

    #[test]
    fn a_response_without_length_is_an_error() {
        let mut parser = ResponseParser::new();
        assert!(parser.feed(b"HTTP/1.1 200 OK\r\n\r\n").is_err());
    }
}
