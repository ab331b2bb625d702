//! From UTF-8 that comes in pieces to the characters of a string of V8. What is
//! not UTF-8 becomes U+FFFD, as the Encoding standard has it.

/// Takes text, a part after the other.
pub(super) trait Sink {
    /// `None` when there is no room for it.
    fn add(&mut self, text: &str) -> Option<()>;
}

/// Finds the characters in pieces that may begin and end within one.
#[derive(Debug, Default)]
pub(super) struct Decoder {
    /// The beginning of a character whose rest comes with the next piece.
    rest: Rest,
}

#[derive(Debug, Default)]
struct Rest {
    bytes: [u8; 4],
    length: usize,
}

impl Rest {
    fn get(&self) -> &[u8] {
        &self.bytes[..self.length]
    }

    fn push(&mut self, byte: u8) {
        self.bytes[self.length] = byte;
        self.length += 1;
    }
}

impl Decoder {
    /// Gives the text of a piece to `sink`; `None` when that has no room.
    pub(super) fn piece(&mut self, mut piece: &[u8], sink: &mut impl Sink) -> Option<()> {
        if let Some(first) = self.rest.get().first() {
            let needed = bytes_of(*first);
            while self.rest.length < needed
                && let Some((byte, others)) = piece.split_first()
                && is_continuation(*byte)
            {
                self.rest.push(*byte);
                piece = others;
            }
            if piece.is_empty() && self.rest.length < needed {
                return Some(());
            }
            self.end(sink)?;
        }
        let (whole, cut) = piece.split_at(complete(piece));
        cut.iter().for_each(|byte| self.rest.push(*byte));
        lossy(whole, sink)
    }

    /// No piece comes any more.
    pub(super) fn end(&mut self, sink: &mut impl Sink) -> Option<()> {
        let rest = std::mem::take(&mut self.rest);
        lossy(rest.get(), sink)
    }
}

fn lossy(bytes: &[u8], sink: &mut impl Sink) -> Option<()> {
    for chunk in bytes.utf8_chunks() {
        sink.add(chunk.valid())?;
        if !chunk.invalid().is_empty() {
            sink.add("\u{fffd}")?;
        }
    }
    Some(())
}

/// How many bytes a character has that begins with this one.
fn bytes_of(first: u8) -> usize {
    match first {
        0xc0..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xf7 => 4,
        _ => 1,
    }
}

fn is_continuation(byte: u8) -> bool {
    matches!(byte, 0x80..=0xbf)
}

/// How many of the bytes come before a character that is cut off at their end.
fn complete(bytes: &[u8]) -> usize {
    for (back, byte) in bytes.iter().rev().take(3).enumerate() {
        if is_continuation(*byte) {
            continue;
        }
        let there = back + 1;
        return if there < bytes_of(*byte) { bytes.len() - there } else { bytes.len() };
    }
    bytes.len()
}

/// Characters of one byte each, Latin-1, until one does not fit; from there on
/// they are counted only.
#[derive(Debug)]
pub(super) struct Narrow<'a> {
    out: &'a mut [u8],
    units: usize,
    fits: bool,
}

impl<'a> Narrow<'a> {
    pub(super) fn new(out: &'a mut [u8]) -> Self {
        Self { out, units: 0, fits: true }
    }

    /// How many there were, as UTF-16 counts, and whether all are in the buffer.
    pub(super) fn units(&self) -> (usize, bool) {
        (self.units, self.fits)
    }
}

impl Sink for Narrow<'_> {
    fn add(&mut self, text: &str) -> Option<()> {
        if self.fits && text.is_ascii() {
            let end = self.units + text.len();
            self.out.get_mut(self.units..end)?.copy_from_slice(text.as_bytes());
            self.units = end;
            return Some(());
        }
        for char in text.chars() {
            match u8::try_from(char) {
                Ok(byte) if self.fits => *self.out.get_mut(self.units)? = byte,
                _ => self.fits = false,
            }
            self.units += char.len_utf16();
        }
        Some(())
    }
}

/// Characters of two bytes each, UTF-16 of this machine.
#[derive(Debug)]
pub(super) struct Wide<'a> {
    out: &'a mut [u8],
    filled: usize,
}

impl<'a> Wide<'a> {
    pub(super) fn new(out: &'a mut [u8]) -> Self {
        Self { out, filled: 0 }
    }

    /// How many bytes were filled.
    pub(super) fn filled(&self) -> usize {
        self.filled
    }
}

impl Sink for Wide<'_> {
    fn add(&mut self, text: &str) -> Option<()> {
        for unit in text.encode_utf16() {
            self.out.get_mut(self.filled..self.filled + 2)?.copy_from_slice(&unit.to_ne_bytes());
            self.filled += 2;
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(pieces: &[&[u8]], sink: &mut impl Sink) -> Option<()> {
        let mut decoder = Decoder::default();
        pieces.iter().try_for_each(|piece| decoder.piece(piece, sink))?;
        decoder.end(sink)
    }

    fn wide(pieces: &[&[u8]]) -> String {
        let mut out = [0; 256];
        let mut sink = Wide::new(&mut out);
        decode(pieces, &mut sink).expect("it has room");
        let filled = sink.filled();
        let units: Vec<u16> =
            out[..filled].chunks(2).map(|unit| u16::from_ne_bytes([unit[0], unit[1]])).collect();
        String::from_utf16(&units).expect("whole")
    }

    #[test]
    fn text_is_the_same_however_it_is_cut() {
        let texts: [&[u8]; 9] = [
            "abc\u{e9}\u{20ac}\u{1f600}z".as_bytes(),
            b"\xff\x80\x80\x80\x80a",
            b"\xe2A\xe2\x82A\xe2",
            b"\xf0\x9f\x98A\xf0\x9f\x98",
            b"\xf0A\xe2\x82\xac",
            b"\xe0\x80\x80\xed\xa0\x80",
            b"\xf7\xbf\xbf\xbf\xf0\x80\x80\x80",
            b"\xc3\xa9\xc3\xc3\xa9",
            b"",
        ];
        for text in texts {
            let expected = String::from_utf8_lossy(text);
            for first in 0..=text.len() {
                for second in first..=text.len() {
                    let pieces = [&text[..first], &text[first..second], &text[second..]];
                    assert_eq!(wide(&pieces), expected, "{text:?} {first} {second}");
                }
            }
            let bytes: Vec<&[u8]> = text.chunks(1).collect();
            assert_eq!(wide(&bytes), expected, "{text:?}");
        }
    }

    #[test]
    fn latin_1_takes_a_byte_for_each_character() {
        let mut out = [0; 8];
        let mut sink = Narrow::new(&mut out);
        decode(&[b"ab\xc3", b"\xa9\xc3\xbf"], &mut sink).expect("it has room");
        assert_eq!(sink.units(), (4, true));
        assert_eq!(&out, b"ab\xe9\xff\0\0\0\0");
    }

    #[test]
    fn other_text_is_counted() {
        let mut out = [0; 8];
        let mut sink = Narrow::new(&mut out);
        decode(&["ab\u{20ac}".as_bytes(), "c\u{1f600}".as_bytes(), b"\xff"], &mut sink)
            .expect("only the first two take room");
        assert_eq!(sink.units(), (7, false));
    }

    #[test]
    fn text_that_is_longer_than_its_room_is_refused() {
        assert_eq!(decode(&[b"abc"], &mut Narrow::new(&mut [0; 2])), None);
        assert_eq!(decode(&["\u{e9}\u{e9}".as_bytes()], &mut Narrow::new(&mut [0; 1])), None);
        assert_eq!(decode(&[b"abc"], &mut Wide::new(&mut [0; 5])), None);
    }
}
