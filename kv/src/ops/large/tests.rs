//! How much of a value is outside of V8's memory while it is read.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::namespace::MAX_BULK_GET_BYTES;
use crate::store::{Answer, Entry, Value};

const PIECE: usize = 1000;
const PIECES: usize = 50;

/// How many bytes of pieces are in memory, and how many were at most.
#[derive(Default)]
struct Counted {
    now: AtomicUsize,
    peak: AtomicUsize,
}

/// Memory that is counted until the last `Bytes` of it is dropped.
struct Piece(Vec<u8>, Arc<Counted>);

impl Piece {
    fn counted(bytes: Vec<u8>, counted: &Arc<Counted>) -> Bytes {
        let now = counted.now.fetch_add(bytes.len(), Ordering::Relaxed) + bytes.len();
        counted.peak.fetch_max(now, Ordering::Relaxed);
        Bytes::from_owner(Self(bytes, counted.clone()))
    }
}

impl AsRef<[u8]> for Piece {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for Piece {
    fn drop(&mut self) {
        self.1.now.fetch_sub(self.0.len(), Ordering::Relaxed);
    }
}

struct Reader {
    text: String,
    at: usize,
    counted: Arc<Counted>,
}

impl ValueReader for Reader {
    fn length(&self) -> u64 {
        self.text.len() as u64
    }

    fn next(&mut self) -> Later<Option<Bytes>> {
        let end = self.text.len().min(self.at + PIECE);
        let piece = self.text.as_bytes()[self.at..end].to_vec();
        self.at = end;
        let piece = (!piece.is_empty()).then(|| Piece::counted(piece, &self.counted));
        Box::pin(std::future::ready(Ok(piece)))
    }

    fn rewind(&mut self) {
        self.at = 0;
    }
}

fn reader(pattern: &str) -> (Box<dyn ValueReader>, String, Arc<Counted>) {
    let counted = Arc::new(Counted::default());
    let text = pattern.repeat(PIECE * PIECES / pattern.len());
    (Box::new(Reader { text: text.clone(), at: 0, counted: counted.clone() }), text, counted)
}

fn at_most_one_piece(counted: &Counted) {
    assert_eq!(counted.peak.load(Ordering::Relaxed), PIECE);
    assert_eq!(counted.now.load(Ordering::Relaxed), 0);
}

#[test]
fn one_piece_at_a_time_is_beside_the_bytes() {
    let (mut reader, text, counted) = reader("0123456789");
    let mut out = vec![0; text.len()];
    futures::executor::block_on(copy(&mut reader, &mut out)).expect("read");
    assert!(out == text.as_bytes());
    at_most_one_piece(&counted);
}

#[test]
fn one_piece_at_a_time_is_beside_the_text() {
    // 3 bytes: most pieces end within a character.
    for (pattern, latin_1) in [("plain text", true), ("ab\u{20ac}", false)] {
        let (mut reader, text, counted) = reader(pattern);
        let mut out = vec![0; text.len()];
        let mut narrow = Narrow::new(&mut out);
        futures::executor::block_on(decode(&mut reader, &mut narrow)).expect("read");
        let (units, fits) = narrow.units();
        assert_eq!((units, fits), (text.encode_utf16().count(), latin_1));
        let mut out = vec![0; 2 * units];
        futures::executor::block_on(decode(&mut reader, &mut Wide::new(&mut out))).expect("read");
        let expected: Vec<u8> = text.encode_utf16().flat_map(u16::to_ne_bytes).collect();
        assert!(out == expected, "{pattern}");
        at_most_one_piece(&counted);
    }
}

#[test]
fn a_value_of_another_length_than_announced_is_an_error() {
    let (mut reader, text, _) = reader("0123456789");
    for length in [text.len() - 1, text.len() + 1] {
        reader.rewind();
        let mut out = vec![0; length];
        let error = futures::executor::block_on(copy(&mut reader, &mut out)).expect_err("broken");
        assert_eq!(error.to_string(), "KV GET failed: 500 Internal Server Error");
    }
}

/// A value of this length whose pieces are never asked for.
struct Unread(u64);

impl ValueReader for Unread {
    fn length(&self) -> u64 {
        self.0
    }

    fn next(&mut self) -> Later<Option<Bytes>> {
        panic!("nothing is read before there is a buffer for it")
    }

    fn rewind(&mut self) {}
}

#[test]
fn a_bulk_read_is_refused_or_accepted_before_a_piece_is_in_memory() {
    let entry = |length| {
        let value = Value::Pieces(Box::new(Unread(length)));
        Answer::Ready(Ok(Some(Entry { value, metadata: None })))
    };
    let gather = |lengths: &[u64]| {
        let answers = lengths.iter().map(|length| entry(*length)).collect();
        let check = |result: Result<_, crate::Error>| Ok(result.expect("found"));
        futures::executor::block_on(get::gather(answers, check))
    };
    let half = MAX_BULK_GET_BYTES / 2;
    let (entries, waited) = gather(&[half, half]).expect("accepted");
    let lengths: Vec<u64> = entries.iter().flatten().map(|entry| entry.value.length()).collect();
    assert_eq!((lengths.as_slice(), waited), (&[half, half][..], false));
    let refused = gather(&[half, half, 1]).map(|_| ()).expect_err("too large");
    assert_eq!(
        refused.to_string(),
        "KV GET_BULK failed: 413 Total size of request exceeds the limit of 25MB"
    );
}
