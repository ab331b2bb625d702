//! deflate, with zlib's header, gzip's or none.

use deno_error::JsErrorBox;
use zlib_rs::{
    Deflate, DeflateConfig, DeflateFlush, Inflate, InflateError, InflateFlush, Status, Strategy,
};

use super::{
    BUF_ERROR, DATA_ERROR, DEFLATE, FINISH, GUNZIP, GZIP, INFLATE, INFLATERAW, NEED_DICT, OK,
    Progress, STREAM_END, STREAM_ERROR, UNZIP,
};

/// What each member of a gzip file begins with.
const MAGIC: [u8; 2] = [0x1f, 0x8b];

/// zlib's default of the option `memLevel`.
const DEFAULT_MEM_LEVEL: i32 = 8;
/// Tells zlib of gzip's header.
const WITH_GZIP: i32 = 16;

/// How to compress: Node's options.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Options {
    /// log2 of the window's bytes; 0 for the default.
    pub(super) window: u8,
    /// -1 to 9.
    pub(super) level: i32,
    /// 1 to 9, or 0 for the default.
    pub(super) mem_level: i32,
    /// One of zlib's `Z_DEFAULT_STRATEGY` (0) to `Z_FIXED` (4).
    pub(super) strategy: i32,
}

/// Compresses.
pub(crate) struct Packer {
    stream: Deflate,
    bytes: usize,
}

impl Packer {
    pub(super) fn new(mode: u32, options: Options, dictionary: &[u8]) -> Result<Self, JsErrorBox> {
        // A window of 256 bytes is one that zlib itself does not make.
        let window = if options.window == 0 { 15 } else { options.window.clamp(9, 15) };
        let mem_level = match options.mem_level {
            level @ 1..=9 => level,
            _ => DEFAULT_MEM_LEVEL,
        };
        let window_bits = match mode {
            DEFLATE => i32::from(window),
            GZIP => WITH_GZIP + i32::from(window),
            _ => -i32::from(window),
        };
        let mut stream = Deflate::new_with_config(DeflateConfig {
            level: options.level.clamp(-1, 9),
            window_bits,
            mem_level,
            strategy: Strategy::try_from(options.strategy).unwrap_or_default(),
            ..DeflateConfig::default()
        });
        if !dictionary.is_empty() && mode != GZIP {
            let failed = |_| JsErrorBox::generic("Failed to set dictionary");
            stream.set_dictionary(dictionary).map_err(failed)?;
        }
        Ok(Self { stream, bytes: packer_bytes(window, mem_level) })
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Another level for what follows. (One that is the same already is no failure, nor
    /// one that must wait.)
    pub(super) fn set_level(&mut self, level: i32) {
        let _ = self.stream.set_level(level.clamp(-1, 9));
    }

    pub(super) fn write(
        &mut self,
        flush: u32,
        input: &[u8],
        output: &mut [u8],
        done: &mut Progress,
    ) -> i32 {
        let flush = match flush {
            0 => DeflateFlush::NoFlush,
            1 => DeflateFlush::PartialFlush,
            2 => DeflateFlush::SyncFlush,
            3 => DeflateFlush::FullFlush,
            5 => DeflateFlush::Block,
            _ => DeflateFlush::Finish,
        };
        let before = (self.stream.total_in(), self.stream.total_out());
        let status = self.stream.compress(input, output, flush);
        done.add(self.stream.total_in() - before.0, self.stream.total_out() - before.1);
        match status {
            Ok(Status::Ok) => OK,
            Ok(Status::BufError) => BUF_ERROR,
            Ok(Status::StreamEnd) => STREAM_END,
            Err(_) => STREAM_ERROR,
        }
    }
}

/// About what zlib allocates: two windows and their chains, heads, what is pending.
fn packer_bytes(window: u8, mem_level: i32) -> usize {
    const HEADS: usize = 128 << 10;
    (4 << window) + HEADS + (7 << (mem_level.clamp(1, 9) + 6))
}

/// Decompresses.
pub(crate) struct Unpacker {
    mode: u32,
    stream: Option<Inflate>,
    window: u8,
    dictionary: Vec<u8>,
    /// Whether there is no member under way, and one was before.
    ended: bool,
    message: String,
}

impl Unpacker {
    pub(super) fn new(mode: u32, window: u8, dictionary: &[u8]) -> Self {
        let mut unpacker = Self {
            mode,
            stream: None,
            window: if window == 0 { 15 } else { window.clamp(9, 15) },
            dictionary: dictionary.to_vec(),
            ended: false,
            message: String::new(),
        };
        if mode != UNZIP {
            unpacker.start(mode);
        }
        unpacker
    }

    pub(super) fn bytes(&self) -> usize {
        const TABLES: usize = 40 << 10;
        TABLES + (1 << self.window) + self.dictionary.len()
    }

    pub(super) fn message(&self) -> &str {
        &self.message
    }

    fn start(&mut self, mode: u32) {
        let mut stream = match mode {
            GUNZIP => Inflate::new(true, 16 + self.window),
            _ => Inflate::new(mode == INFLATE, self.window),
        };
        if mode == INFLATERAW && !self.dictionary.is_empty() {
            // What does not fit shows in the data.
            let _ = stream.set_dictionary(&self.dictionary);
        }
        self.mode = mode;
        self.stream = Some(stream);
    }

    pub(super) fn write(
        &mut self,
        flush: u32,
        input: &[u8],
        output: &mut [u8],
        done: &mut Progress,
    ) -> i32 {
        if self.stream.is_none() {
            // The first byte tells, but for one that both may begin with.
            match input.first() {
                None => return OK,
                Some(first) if *first == MAGIC[0] => self.start(GUNZIP),
                Some(_) => self.start(INFLATE),
            }
        }
        loop {
            let status = self.step(flush, &input[done.read..], &mut output[done.written..], done);
            let rest = &input[done.read..];
            // Further members of a gzip file follow at once.
            if status == STREAM_END && self.mode == GUNZIP && rest.starts_with(&MAGIC[..1]) {
                self.start(GUNZIP);
                continue;
            }
            self.ended |= status == STREAM_END;
            return status;
        }
    }

    fn step(&mut self, flush: u32, input: &[u8], output: &mut [u8], done: &mut Progress) -> i32 {
        if self.ended {
            return STREAM_END;
        }
        let Some(stream) = &mut self.stream else { return OK };
        let flush_as = match flush {
            0 => InflateFlush::NoFlush,
            FINISH => InflateFlush::Finish,
            _ => InflateFlush::SyncFlush,
        };
        let before = (stream.total_in(), stream.total_out());
        let status = stream.decompress(input, output, flush_as);
        let mut here = Progress::default();
        here.add(stream.total_in() - before.0, stream.total_out() - before.1);
        done.read += here.read;
        done.written += here.written;
        match status {
            Ok(Status::Ok) => OK,
            Ok(Status::BufError) => BUF_ERROR,
            Ok(Status::StreamEnd) => STREAM_END,
            Err(InflateError::NeedDict { .. }) => {
                if self.dictionary.is_empty() || stream.set_dictionary(&self.dictionary).is_err() {
                    return NEED_DICT;
                }
                self.dictionary.clear();
                self.step(flush, &input[here.read..], &mut output[here.written..], done)
            }
            Err(_) => {
                self.message = stream.error_message().unwrap_or("invalid data").to_owned();
                DATA_ERROR
            }
        }
    }
}
