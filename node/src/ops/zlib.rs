//! Compression, a piece at a time, as `node:zlib` asks for it: from a buffer into a
//! buffer, and who calls looks at what is left of both.

mod brotli;
mod deflate;
mod zstd;

use std::rc::Rc;

use deno_core::{OpState, op2};
use deno_error::JsErrorBox;
use selvedge_runtime::{Collected, IsolateState};

/// Node's numbers of what a stream does.
const DEFLATE: u32 = 1;
const INFLATE: u32 = 2;
const GZIP: u32 = 3;
const GUNZIP: u32 = 4;
const DEFLATERAW: u32 = 5;
const INFLATERAW: u32 = 6;
const UNZIP: u32 = 7;
const BROTLI_DECODE: u32 = 8;
const BROTLI_ENCODE: u32 = 9;
const ZSTD_COMPRESS: u32 = 10;
const ZSTD_DECOMPRESS: u32 = 11;

/// What zlib's functions give.
const OK: i32 = 0;
const STREAM_END: i32 = 1;
const NEED_DICT: i32 = 2;
const STREAM_ERROR: i32 = -2;
const DATA_ERROR: i32 = -3;
const BUF_ERROR: i32 = -5;

const FINISH: u32 = 4;

/// Parameters that are not set have all bits set.
const UNSET: u32 = u32::MAX;

/// How much of both buffers one call used.
#[derive(Default)]
struct Progress {
    read: usize,
    written: usize,
}

impl Progress {
    fn add(&mut self, read: u64, written: u64) {
        let number = |value| usize::try_from(value).unwrap_or(usize::MAX);
        self.read += number(read);
        self.written += number(written);
    }
}

/// What a stream of `node:zlib` works with.
pub(crate) enum Coder {
    Deflate(deflate::Packer),
    Inflate(deflate::Unpacker),
    BrotliEncode(Box<brotli::Packer>),
    BrotliDecode(Box<brotli::Unpacker>),
    ZstdCompress(zstd::Packer),
    ZstdDecompress(zstd::Unpacker),
    Closed,
}

/// All that a coder is made of, whatever it does.
struct Plan<'a> {
    options: deflate::Options,
    dictionary: &'a [u8],
    /// Those of Brotli and Zstandard, by their numbers.
    parameters: &'a [u32],
    pledged: Option<u64>,
}

/// What is wrong: text, `code` and `errno` of an error.
type Fault = (String, String, i32);

impl Coder {
    fn new(mode: u32, plan: &Plan<'_>) -> Result<Self, JsErrorBox> {
        let Plan { options, dictionary, parameters, pledged } = *plan;
        Ok(match mode {
            DEFLATE | GZIP | DEFLATERAW => {
                Self::Deflate(deflate::Packer::new(mode, options, dictionary)?)
            }
            INFLATE | GUNZIP | INFLATERAW | UNZIP => {
                Self::Inflate(deflate::Unpacker::new(mode, options.window, dictionary))
            }
            BROTLI_ENCODE => {
                let packer = brotli::Packer::new(parameters);
                Self::BrotliEncode(Box::new(
                    packer.ok_or_else(|| JsErrorBox::generic("Initialization failed"))?,
                ))
            }
            BROTLI_DECODE => Self::BrotliDecode(Box::new(brotli::Unpacker::new(parameters))),
            ZSTD_COMPRESS => {
                Self::ZstdCompress(zstd::Packer::new(parameters, pledged, dictionary)?)
            }
            ZSTD_DECOMPRESS => Self::ZstdDecompress(zstd::Unpacker::new(parameters, dictionary)?),
            _ => return Err(JsErrorBox::type_error("Unknown mode")),
        })
    }

    fn write(&mut self, flush: u32, input: &[u8], output: &mut [u8], done: &mut Progress) -> i32 {
        match self {
            Self::Deflate(packer) => packer.write(flush, input, output, done),
            Self::Inflate(unpacker) => unpacker.write(flush, input, output, done),
            Self::BrotliEncode(packer) => packer.write(flush, input, output, done),
            Self::BrotliDecode(unpacker) => unpacker.write(input, output, done),
            Self::ZstdCompress(packer) => packer.write(flush, input, output, done),
            Self::ZstdDecompress(unpacker) => unpacker.write(input, output, done),
            Self::Closed => STREAM_ERROR,
        }
    }

    /// About how much memory it holds, in bytes.
    fn bytes(&self) -> usize {
        match self {
            Self::Deflate(packer) => packer.bytes(),
            Self::Inflate(unpacker) => unpacker.bytes(),
            Self::BrotliEncode(packer) => packer.bytes(),
            Self::BrotliDecode(unpacker) => unpacker.bytes(),
            Self::ZstdCompress(packer) => packer.bytes(),
            Self::ZstdDecompress(unpacker) => unpacker.bytes(),
            Self::Closed => 0,
        }
    }

    fn fault(&self) -> Fault {
        let data = |message: &str| (message.to_owned(), "Z_DATA_ERROR".to_owned(), DATA_ERROR);
        let failure = match self {
            Self::Inflate(unpacker) if !unpacker.message().is_empty() => {
                return data(unpacker.message());
            }
            Self::BrotliDecode(unpacker) => {
                return ("Decompression failed".into(), unpacker.code(), unpacker.number());
            }
            Self::BrotliEncode(_) => {
                let code = "ERR_BROTLI_COMPRESSION_FAILED";
                return ("Compression failed".into(), code.into(), -1);
            }
            Self::ZstdCompress(packer) => packer.failure(),
            Self::ZstdDecompress(unpacker) => unpacker.failure(),
            _ => None,
        };
        failure.map_or_else(
            || ("Zlib error".into(), "Z_STREAM_ERROR".into(), STREAM_ERROR),
            |failure| (failure.message.to_owned(), failure.code(), failure.number),
        )
    }
}

/// The object behind a stream: V8 collects it if nobody closes it.
type ZlibCoder = Collected<Coder>;

/// A coder. `options` are log2 of the window, level, memLevel and strategy; `pledged` is
/// below zero if the size is not known.
#[op2]
#[cppgc]
pub(crate) fn op_node_zlib_new(
    state: &mut OpState,
    mode: u32,
    #[buffer] options: &[u32],
    #[buffer] dictionary: &[u8],
    #[buffer] parameters: &[u32],
    pledged: f64,
) -> Result<ZlibCoder, JsErrorBox> {
    let [window, level, mem_level, strategy] = options else {
        return Err(JsErrorBox::type_error("Invalid options"));
    };
    let plan = Plan {
        options: deflate::Options {
            window: u8::try_from(*window).unwrap_or(15),
            level: level.cast_signed(),
            mem_level: mem_level.cast_signed(),
            strategy: strategy.cast_signed(),
        },
        dictionary,
        parameters,
        // (Sizes are whole numbers that a double holds.)
        pledged: (pledged >= 0.0).then_some(pledged as u64),
    };
    let coder = Coder::new(mode, &plan)?;
    let bytes = coder.bytes();
    let held = state.borrow::<Rc<IsolateState>>().held_bytes();
    let coder = Collected::new(coder, held);
    coder.holds(bytes);
    Ok(coder)
}

/// Goes on; `used` gets how many bytes were read and written.
#[op2(fast)]
#[smi]
pub(crate) fn op_node_zlib_write(
    #[cppgc] coder: &ZlibCoder,
    flush: u32,
    #[buffer] input: &[u8],
    #[buffer] output: &mut [u8],
    #[buffer] used: &mut [u32],
) -> i32 {
    let mut done = Progress::default();
    let result = coder.with(|coder| {
        let status = coder.write(flush, input, output, &mut done);
        (status, coder.bytes())
    });
    let Some((status, bytes)) = result else { return STREAM_ERROR };
    let number = |value: usize| u32::try_from(value).unwrap_or(u32::MAX);
    if let [read, written, ..] = used {
        *read = number(done.read);
        *written = number(done.written);
    }
    coder.holds(bytes);
    status
}

/// What is wrong with the data: text, `code`, `errno`.
#[op2]
#[serde]
pub(crate) fn op_node_zlib_fault(#[cppgc] coder: &ZlibCoder) -> Fault {
    coder.with(|coder| coder.fault()).unwrap_or_default()
}

/// Another level and strategy for what follows.
#[op2(fast)]
pub(crate) fn op_node_zlib_params(
    #[cppgc] coder: &ZlibCoder,
    #[smi] level: i32,
    #[smi] strategy: i32,
) {
    coder.with(|coder| {
        if let Coder::Deflate(packer) = coder {
            packer.set_params(level, strategy);
        }
    });
}

/// Gives its memory back. It may be closed already.
#[op2(fast)]
pub(crate) fn op_node_zlib_close(#[cppgc] coder: &ZlibCoder) {
    coder.with(|coder| *coder = Coder::Closed);
    coder.holds(0);
}

/// The checksum of `value` and of what follows it.
#[op2(fast)]
pub(crate) fn op_node_crc32(#[buffer] bytes: &[u8], value: u32) -> u32 {
    let mut crc = !value;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 };
        }
    }
    !crc
}

#[cfg(test)]
mod tests;
