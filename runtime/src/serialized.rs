//! Whether a serialized value holds an error, which V8 writes without most of
//! its properties. What is written is a row of tags and their payloads, so that
//! it is read from front to back without looking at what is inside of what.

/// The tag of an error.
const ERROR: u8 = b'r';

/// What an error begins with: its class, if it is one of the language's; what else V8
/// tells of it; its end.
const FIRST_OF_ERROR: &[u8] = b"ERFSTUmcs.";

/// Whether there is an error in a value that V8 serialized here.
pub fn holds_error(bytes: &[u8]) -> bool {
    // Most values have no such byte in front of one that may follow it.
    let mut tags = memchr::memchr_iter(ERROR, bytes).filter_map(|at| bytes.get(at + 1));
    if !tags.any(|next| FIRST_OF_ERROR.contains(next)) {
        return false;
    }
    let mut scan = Scan { rest: bytes.get(2..).unwrap_or_default() };
    loop {
        match scan.step() {
            Some(true) => return true,
            Some(false) => {}
            None => return false,
        }
    }
}

struct Scan<'a> {
    rest: &'a [u8],
}

impl Scan<'_> {
    /// Passes one tag with its payload; whether it is an error's. `None` at the
    /// end, and at what V8 does not write.
    fn step(&mut self) -> Option<bool> {
        let (tag, rest) = self.rest.split_first()?;
        self.rest = rest;
        match tag {
            b'r' => return Some(true),
            b'I' | b'U' | b'^' | b'?' | b'{' | b':' | b',' | b'A' | b'a' | b't' | b'u' | b'\\' => {
                self.varint()?;
            }
            b'$' | b'@' => {
                self.varint()?;
                self.varint()?;
            }
            b'N' | b'D' | b'n' => self.pass(8)?,
            b'Z' | b'z' => {
                let bits = self.varint()?;
                self.pass(bits >> 1)?;
            }
            b'"' | b'c' | b'S' | b'B' | b'C' => {
                let length = self.varint()?;
                self.pass(length)?;
            }
            b'~' => {
                let length = self.varint()?;
                self.varint()?;
                self.pass(length)?;
            }
            b'R' => {
                // The source is text with a tag of its own, the flags follow.
                self.step()?;
                self.varint()?;
            }
            b'V' => {
                self.pass(1)?;
                for _ in 0..3 {
                    self.varint()?;
                }
            }
            // What has no payload, or is followed by values of its own.
            0 | b'_' | b'0' | b'T' | b'F' | b'x' | b'y' | b's' | b'o' | b';' | b'\'' | b'-' => {}
            _ => return None,
        }
        Some(false)
    }

    fn pass(&mut self, length: usize) -> Option<()> {
        self.rest = self.rest.get(length..)?;
        Some(())
    }

    fn varint(&mut self) -> Option<usize> {
        let mut value = 0_usize;
        for shift in (0..63).step_by(7) {
            let (byte, rest) = self.rest.split_first()?;
            self.rest = rest;
            value |= usize::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }
}
