//! Tests of the coders.

use super::*;

const DEFAULTS: deflate::Options =
    deflate::Options { window: 15, level: 6, mem_level: 8, strategy: 0 };

fn coder(mode: u32, dictionary: &[u8], parameters: &[u32]) -> Coder {
    let plan = Plan { options: DEFAULTS, dictionary, parameters, pledged: None };
    Coder::new(mode, &plan).unwrap()
}

/// Parameters of Zstandard, by their numbers.
fn parameters(set: &[(usize, u32)]) -> Vec<u32> {
    let mut all = vec![UNSET; 403];
    for (number, value) in set {
        all[*number] = *value;
    }
    all
}

fn all(coder: &mut Coder, finish: u32, input: &[u8], step: usize) -> Vec<u8> {
    let mut out = Vec::new();
    let mut read = 0;
    loop {
        let end = (read + step).min(input.len());
        let flush = if end == input.len() { finish } else { 0 };
        let mut buffer = [0; 7];
        let mut done = Progress::default();
        let status = coder.write(flush, &input[read..end], &mut buffer, &mut done);
        assert!(status != DATA_ERROR && status != NEED_DICT, "{status}");
        read += done.read;
        out.extend_from_slice(&buffer[..done.written]);
        if status == STREAM_END || (done.written < buffer.len() && read == input.len()) {
            return out;
        }
    }
}

#[test]
fn what_is_packed_comes_out_again_in_pieces_of_any_size() {
    let text = "to be or not to be, that is the question. ".repeat(20);
    for (pack, unpack, finish) in [
        (DEFLATE, INFLATE, FINISH),
        (DEFLATERAW, INFLATERAW, FINISH),
        (GZIP, GUNZIP, FINISH),
        (GZIP, UNZIP, FINISH),
        (DEFLATE, UNZIP, FINISH),
        (BROTLI_ENCODE, BROTLI_DECODE, 2),
        (ZSTD_COMPRESS, ZSTD_DECOMPRESS, 2),
    ] {
        for step in [1, 10, 1000] {
            let mut packer = coder(pack, &[], &[]);
            let packed = all(&mut packer, finish, text.as_bytes(), step);
            assert!(packed.len() < text.len() / 2);
            let mut unpacker = coder(unpack, &[], &[]);
            let out = all(&mut unpacker, finish, &packed, step);
            assert_eq!(String::from_utf8(out).unwrap(), text, "{pack} {step}");
        }
    }
}

#[test]
fn a_gzip_file_may_have_several_members() {
    let member = |text: &str| {
        let mut packer = coder(GZIP, &[], &[]);
        all(&mut packer, FINISH, text.as_bytes(), 100)
    };
    let both = [member("one, "), member("two")].concat();
    let mut unpacker = coder(GUNZIP, &[], &[]);
    assert_eq!(all(&mut unpacker, FINISH, &both, 1000), b"one, two");
}

#[test]
fn a_dictionary_is_needed_on_both_sides() {
    let dictionary = b"the quick brown fox";
    let mut packer = coder(DEFLATE, dictionary, &[]);
    let packed = all(&mut packer, FINISH, b"the quick brown fox jumps", 100);
    let mut unpacker = coder(INFLATE, dictionary, &[]);
    assert_eq!(all(&mut unpacker, FINISH, &packed, 100), b"the quick brown fox jumps");
    let mut without = coder(INFLATE, &[], &[]);
    let status = without.write(FINISH, &packed, &mut [0; 100], &mut Progress::default());
    assert_eq!(status, NEED_DICT);
}

#[test]
fn a_window_that_nobody_wrote_to_takes_no_memory() {
    // A frame whose window is 128 MiB, with an empty last block, and one of 512 MiB.
    let frame = |window: u8| [0x28, 0xb5, 0x2f, 0xfd, 0, window, 1, 0, 0];
    let mut unpacker = coder(ZSTD_DECOMPRESS, &[], &[]);
    let mut done = Progress::default();
    assert_eq!(unpacker.write(2, &frame(17 << 3), &mut [0; 10], &mut done), STREAM_END);
    assert!(unpacker.bytes() < 1 << 20, "{}", unpacker.bytes());
    let mut unpacker = coder(ZSTD_DECOMPRESS, &[], &parameters(&[(100, 31)])[..101]);
    let status = unpacker.write(2, &frame(19 << 3), &mut [0; 10], &mut Progress::default());
    assert_eq!(status, DATA_ERROR);
    let (message, code, number) = unpacker.fault();
    assert_eq!(message, "Frame requires too much memory for decoding");
    assert_eq!((code.as_str(), number), ("ZSTD_error_frameParameter_windowTooLarge", 16));
}

#[test]
fn windows_and_tables_are_bounded() {
    let text = "to be or not to be. ".repeat(1000);
    let largest = [(101, 31), (102, 30), (103, 30), (160, 1), (161, 30)];
    let mut packer = coder(ZSTD_COMPRESS, &[], &parameters(&largest));
    let packed = all(&mut packer, 2, text.as_bytes(), 100_000);
    let mut unpacker = coder(ZSTD_DECOMPRESS, &[], &[]);
    assert_eq!(all(&mut unpacker, 2, &packed, 1000), text.as_bytes());
    for wrong in [(1, 1), (101, 5), (107, 10)] {
        let parameters = &parameters(&[wrong]);
        let plan = Plan { options: DEFAULTS, dictionary: &[], parameters, pledged: None };
        assert!(Coder::new(ZSTD_COMPRESS, &plan).is_err(), "{wrong:?}");
    }
}

#[test]
fn coders_tell_what_they_hold() {
    let text = "to be or not to be, that is the question. ".repeat(20);
    for mode in DEFLATE..=ZSTD_DECOMPRESS {
        let mut coder = coder(mode, &[], &[]);
        let _ = coder.write(0, text.as_bytes(), &mut [0; 100], &mut Progress::default());
        let bytes = coder.bytes();
        assert!((500..16 << 20).contains(&bytes), "{mode}: {bytes}");
    }
}

/// Writes, and flushes as `params()` of Node.js does before.
fn flushed(coder: &mut Coder, input: &[u8]) -> Vec<u8> {
    let mut buffer = vec![0; 1 << 20];
    let mut done = Progress::default();
    let status = coder.write(2, input, &mut buffer, &mut done);
    assert!(matches!(status, OK | BUF_ERROR) && done.read == input.len(), "{status}");
    buffer.truncate(done.written);
    buffer
}

fn set_params(coder: &mut Coder, level: i32, strategy: i32) {
    let Coder::Deflate(packer) = coder else { panic!("it packs") };
    packer.set_params(level, strategy);
}

#[test]
fn a_strategy_is_changed_in_the_middle() {
    const HUFFMAN_ONLY: i32 = 2;
    let text = "to be or not to be, that is the question. ".repeat(2000);
    let text = text.as_bytes();
    for (pack, unpack) in [(DEFLATE, INFLATE), (DEFLATERAW, INFLATERAW), (GZIP, GUNZIP)] {
        // The same way on, another one, and back again.
        let mut coder = coder(pack, &[], &[]);
        let mut sizes = Vec::new();
        let mut packed = Vec::new();
        for (level, strategy) in [(6, 0), (6, HUFFMAN_ONLY), (1, HUFFMAN_ONLY), (6, 0), (9, 0)] {
            set_params(&mut coder, level, strategy);
            let piece = flushed(&mut coder, text);
            sizes.push(piece.len());
            packed.extend(piece);
        }
        packed.extend(all(&mut coder, FINISH, b"the end", 3));
        assert!(sizes[1] > 5 * sizes[0] && sizes[2] > 5 * sizes[0], "{sizes:?}");
        // It finds what was there before the change.
        assert!(sizes[3] < 2 * sizes[0] && sizes[4] < 2 * sizes[0], "{sizes:?}");
        let out = all(&mut self::coder(unpack, &[], &[]), FINISH, &packed, 1000);
        assert_eq!(out, [&text.repeat(5)[..], b"the end"].concat(), "{pack}");
    }
}

#[test]
fn a_strategy_is_changed_before_anything_is_written() {
    let dictionary = b"to be or not to be, that is the question";
    for (pack, unpack) in [(DEFLATE, INFLATE), (DEFLATERAW, INFLATERAW)] {
        let mut packer = coder(pack, dictionary, &[]);
        set_params(&mut packer, 6, 3);
        let packed = all(&mut packer, FINISH, dictionary, 7);
        let mut unpacker = coder(unpack, dictionary, &[]);
        assert_eq!(all_with_dictionary(&mut unpacker, &packed), dictionary, "{pack}");
    }
}

fn all_with_dictionary(coder: &mut Coder, input: &[u8]) -> Vec<u8> {
    let mut buffer = vec![0; 1 << 10];
    let mut done = Progress::default();
    let status = coder.write(FINISH, input, &mut buffer, &mut done);
    assert_eq!(status, STREAM_END);
    buffer.truncate(done.written);
    buffer
}
