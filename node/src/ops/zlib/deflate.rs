//! deflate, with zlib's header, gzip's or none.

use deno_error::JsErrorBox;
use zlib_rs::adler32::adler32;
use zlib_rs::crc32::crc32;
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

impl Options {
    /// log2 of the window. One of 256 bytes is none that zlib itself makes.
    fn window_bits(&self) -> u8 {
        if self.window == 0 { 15 } else { self.window.clamp(9, 15) }
    }

    fn memory(&self) -> i32 {
        match self.mem_level {
            level @ 1..=9 => level,
            _ => DEFAULT_MEM_LEVEL,
        }
    }
}

/// Compresses.
pub(crate) struct Packer {
    stream: Deflate,
    options: Options,
    wrap: Wrap,
    checksum: u32,
    total: u64,
    /// The end of what was read, up to a window: another stream goes on from there.
    window: Vec<u8>,
    /// Whether the stream is one that goes on, and writes neither header nor checksum.
    goes_on: bool,
    /// What is still to be written behind the end of such a stream.
    trailer: Option<Vec<u8>>,
    bytes: usize,
}

/// What stands around the data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wrap {
    None,
    Zlib,
    Gzip,
}

impl Wrap {
    /// The checksum of nothing.
    fn begin(self) -> u32 {
        match self {
            Self::Zlib => 1,
            _ => 0,
        }
    }

    fn checksum(self, before: u32, data: &[u8]) -> u32 {
        match self {
            Self::None => 0,
            Self::Zlib => adler32(before, data),
            Self::Gzip => crc32(before, data),
        }
    }

    fn trailer(self, checksum: u32, total: u64) -> Vec<u8> {
        match self {
            Self::None => Vec::new(),
            Self::Zlib => checksum.to_be_bytes().to_vec(),
            Self::Gzip => {
                let size = u32::try_from(total & u64::from(u32::MAX)).unwrap_or(0);
                [checksum.to_le_bytes(), size.to_le_bytes()].concat()
            }
        }
    }
}

impl Packer {
    pub(super) fn new(mode: u32, options: Options, dictionary: &[u8]) -> Result<Self, JsErrorBox> {
        let wrap = match mode {
            DEFLATE => Wrap::Zlib,
            GZIP => Wrap::Gzip,
            _ => Wrap::None,
        };
        let mut packer = Self {
            stream: stream_of(options, wrap),
            options,
            wrap,
            checksum: wrap.begin(),
            total: 0,
            window: Vec::new(),
            goes_on: false,
            trailer: None,
            bytes: packer_bytes(options.window_bits(), options.memory()),
        };
        if !dictionary.is_empty() && mode != GZIP {
            let failed = |_| JsErrorBox::generic("Failed to set dictionary");
            packer.stream.set_dictionary(dictionary).map_err(failed)?;
            packer.remember(dictionary);
        }
        Ok(packer)
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes + self.window.capacity()
    }

    /// Another level and strategy for what follows, after all that came before was flushed.
    pub(super) fn set_params(&mut self, level: i32, strategy: i32) {
        let level = level.clamp(-1, 9);
        if self.options.strategy == 0 && strategy == 0 {
            self.options.level = level;
            // (One that is the same already is no failure, nor one that must wait.)
            let _ = self.stream.set_level(level);
            return;
        }
        self.options = Options { level, strategy, ..self.options };
        if self.stream.total_out() == 0 && !self.goes_on {
            // Nothing was begun: not even the header is written.
            self.stream = stream_of(self.options, self.wrap);
            if self.wrap != Wrap::Gzip && !self.window.is_empty() {
                let _ = self.stream.set_dictionary(&self.window);
            }
            return;
        }
        // A stream that was flushed ends with a byte: one more goes on from there.
        self.goes_on = true;
        self.stream = stream_of(self.options, Wrap::None);
        let _ = self.stream.set_dictionary(&self.window);
    }

    /// Keeps the end of what was read.
    fn remember(&mut self, data: &[u8]) {
        let most = 1 << self.options.window_bits();
        let data = &data[data.len().saturating_sub(most)..];
        let kept = most - data.len();
        if self.window.len() > kept {
            self.window.drain(..self.window.len() - kept);
        }
        self.window.extend_from_slice(data);
    }

    /// Writes what stands behind the data.
    fn end(&mut self, output: &mut [u8], done: &mut Progress) -> i32 {
        let (wrap, checksum, total) = (self.wrap, self.checksum, self.total);
        let trailer = self.trailer.get_or_insert_with(|| wrap.trailer(checksum, total));
        let count = trailer.len().min(output.len());
        output[..count].copy_from_slice(&trailer[..count]);
        trailer.drain(..count);
        done.written += count;
        if trailer.is_empty() { STREAM_END } else { OK }
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
        if self.trailer.is_some() {
            return self.end(output, done);
        }
        let before = (self.stream.total_in(), self.stream.total_out());
        let status = self.stream.compress(input, output, flush);
        done.add(self.stream.total_in() - before.0, self.stream.total_out() - before.1);
        let read = &input[..done.read];
        self.checksum = self.wrap.checksum(self.checksum, read);
        self.total += read.len() as u64;
        self.remember(read);
        match status {
            Ok(Status::Ok) => OK,
            Ok(Status::BufError) => BUF_ERROR,
            Ok(Status::StreamEnd) if self.goes_on => {
                let written = done.written;
                self.end(&mut output[written..], done)
            }
            Ok(Status::StreamEnd) => STREAM_END,
            Err(_) => STREAM_ERROR,
        }
    }
}

fn stream_of(options: Options, wrap: Wrap) -> Deflate {
    let window = i32::from(options.window_bits());
    Deflate::new_with_config(DeflateConfig {
        level: options.level.clamp(-1, 9),
        window_bits: match wrap {
            Wrap::Zlib => window,
            Wrap::Gzip => WITH_GZIP + window,
            Wrap::None => -window,
        },
        mem_level: options.memory(),
        strategy: Strategy::try_from(options.strategy).unwrap_or_default(),
        ..DeflateConfig::default()
    })
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
