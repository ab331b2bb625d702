//! Compression, a piece at a time, as `node:zlib` asks for it: from a buffer into a
//! buffer, and who calls looks at what is left of both.

use std::borrow::Cow;
use std::cell::RefCell;

use brotli::enc::StandardAlloc;
use brotli::enc::encode::{
    BrotliEncoderOperation, BrotliEncoderParameter, BrotliEncoderStateStruct,
};
use brotli::{BrotliDecompressStream, BrotliResult, BrotliState};
use deno_core::{OpState, Resource, ResourceId, op2};
use deno_error::JsErrorBox;
use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

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

/// What zlib's functions give.
const OK: i32 = 0;
const STREAM_END: i32 = 1;
const NEED_DICT: i32 = 2;
const DATA_ERROR: i32 = -3;
const BUF_ERROR: i32 = -5;

const FINISH: u32 = 4;

/// What each member of a gzip file begins with.
const MAGIC: [u8; 2] = [0x1f, 0x8b];

/// How much of both buffers one call used.
#[derive(Default)]
struct Progress {
    read: usize,
    written: usize,
}

struct Deflate {
    stream: Compress,
}

struct Inflate {
    mode: u32,
    stream: Option<Decompress>,
    window: u8,
    dictionary: Vec<u8>,
    /// Whether there is a member under way, and one was before.
    ended: bool,
    message: String,
}

enum Coder {
    Deflate(Deflate),
    Inflate(Inflate),
    BrotliEncode(Box<BrotliEncoderStateStruct<StandardAlloc>>),
    BrotliDecode(Box<BrotliState<StandardAlloc, StandardAlloc, StandardAlloc>>),
}

impl Deflate {
    fn new(mode: u32, window: u8, level: i32, dictionary: &[u8]) -> Result<Self, JsErrorBox> {
        let level = u32::try_from(level).map_or_else(|_| Compression::default(), Compression::new);
        // A window of 256 bytes is one that zlib itself does not make.
        let window = window.max(9);
        let mut stream = match mode {
            GZIP => Compress::new_gzip(level, window),
            _ => Compress::new_with_window_bits(level, mode == DEFLATE, window),
        };
        if !dictionary.is_empty() && mode != GZIP {
            let failed = |_| JsErrorBox::generic("Failed to set dictionary");
            stream.set_dictionary(dictionary).map_err(failed)?;
        }
        Ok(Self { stream })
    }

    fn write(&mut self, flush: u32, input: &[u8], output: &mut [u8], done: &mut Progress) -> i32 {
        let flush = match flush {
            0 => FlushCompress::None,
            1 => FlushCompress::Partial,
            2 | 5 => FlushCompress::Sync,
            3 => FlushCompress::Full,
            _ => FlushCompress::Finish,
        };
        let (before_in, before_out) = (self.stream.total_in(), self.stream.total_out());
        let status = self.stream.compress(input, output, flush);
        done.read += as_usize(self.stream.total_in() - before_in);
        done.written += as_usize(self.stream.total_out() - before_out);
        match status {
            Ok(Status::Ok) => OK,
            Ok(Status::BufError) => BUF_ERROR,
            Ok(Status::StreamEnd) => STREAM_END,
            Err(_) => DATA_ERROR,
        }
    }
}

impl Inflate {
    fn new(mode: u32, window: u8, dictionary: &[u8]) -> Self {
        let mut inflate = Self {
            mode,
            stream: None,
            window: if window == 0 { 15 } else { window.max(9) },
            dictionary: dictionary.to_vec(),
            ended: false,
            message: String::new(),
        };
        if mode != UNZIP {
            inflate.start(mode);
        }
        inflate
    }

    fn start(&mut self, mode: u32) {
        let mut stream = match mode {
            GUNZIP => Decompress::new_gzip(self.window),
            _ => Decompress::new_with_window_bits(mode == INFLATE, self.window),
        };
        if mode == INFLATERAW && !self.dictionary.is_empty() {
            // What does not fit shows in the data.
            let _ = stream.set_dictionary(&self.dictionary);
        }
        self.mode = mode;
        self.stream = Some(stream);
    }

    fn write(&mut self, flush: u32, input: &[u8], output: &mut [u8], done: &mut Progress) -> i32 {
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
        let flush = match flush {
            0 => FlushDecompress::None,
            FINISH => FlushDecompress::Finish,
            _ => FlushDecompress::Sync,
        };
        let (before_in, before_out) = (stream.total_in(), stream.total_out());
        let status = stream.decompress(input, output, flush);
        let read = as_usize(stream.total_in() - before_in);
        let written = as_usize(stream.total_out() - before_out);
        done.read += read;
        done.written += written;
        match status {
            Ok(Status::Ok) => OK,
            Ok(Status::BufError) => BUF_ERROR,
            Ok(Status::StreamEnd) => STREAM_END,
            Err(error) => {
                if error.needs_dictionary().is_some() {
                    if self.dictionary.is_empty()
                        || stream.set_dictionary(&self.dictionary).is_err()
                    {
                        return NEED_DICT;
                    }
                    self.dictionary.clear();
                    let mut more = Progress::default();
                    let rest = &input[read..];
                    let result = self.step(FINISH.min(2), rest, &mut output[written..], &mut more);
                    done.read += more.read;
                    done.written += more.written;
                    return result;
                }
                self.message = error.message().unwrap_or("invalid data").to_owned();
                DATA_ERROR
            }
        }
    }
}

fn as_usize(value: u64) -> usize {
    usize::try_from(value).unwrap_or(usize::MAX)
}

impl Coder {
    fn new(
        mode: u32,
        window: u8,
        level: i32,
        dictionary: &[u8],
        parameters: &[u32],
    ) -> Result<Self, JsErrorBox> {
        Ok(match mode {
            DEFLATE | GZIP | DEFLATERAW => {
                Self::Deflate(Deflate::new(mode, window, level, dictionary)?)
            }
            INFLATE | GUNZIP | INFLATERAW | UNZIP => {
                Self::Inflate(Inflate::new(mode, window, dictionary))
            }
            BROTLI_ENCODE => Self::BrotliEncode(Box::new(brotli_encoder(parameters)?)),
            BROTLI_DECODE => Self::BrotliDecode(Box::new(BrotliState::new(
                StandardAlloc::default(),
                StandardAlloc::default(),
                StandardAlloc::default(),
            ))),
            _ => return Err(JsErrorBox::type_error("Unknown mode")),
        })
    }

    fn write(&mut self, flush: u32, input: &[u8], output: &mut [u8], done: &mut Progress) -> i32 {
        match self {
            Self::Deflate(deflate) => deflate.write(flush, input, output, done),
            Self::Inflate(inflate) => inflate.write(flush, input, output, done),
            Self::BrotliEncode(encoder) => {
                let operation = match flush {
                    0 => BrotliEncoderOperation::BROTLI_OPERATION_PROCESS,
                    1 => BrotliEncoderOperation::BROTLI_OPERATION_FLUSH,
                    2 => BrotliEncoderOperation::BROTLI_OPERATION_FINISH,
                    _ => BrotliEncoderOperation::BROTLI_OPERATION_EMIT_METADATA,
                };
                let (mut left, mut room) = (input.len(), output.len());
                let went = encoder.compress_stream(
                    operation,
                    &mut left,
                    input,
                    &mut done.read,
                    &mut room,
                    output,
                    &mut done.written,
                    &mut None,
                    &mut |_, _, _, _| (),
                );
                if went { OK } else { DATA_ERROR }
            }
            Self::BrotliDecode(state) => {
                let (mut left, mut room, mut total) = (input.len(), output.len(), 0);
                let result = BrotliDecompressStream(
                    &mut left,
                    &mut done.read,
                    input,
                    &mut room,
                    &mut done.written,
                    output,
                    &mut total,
                    state,
                );
                match result {
                    BrotliResult::ResultSuccess => STREAM_END,
                    BrotliResult::ResultFailure => DATA_ERROR,
                    BrotliResult::NeedsMoreInput => BUF_ERROR,
                    BrotliResult::NeedsMoreOutput => OK,
                }
            }
        }
    }
}

/// Parameters that are not set have all bits set.
const UNSET: u32 = u32::MAX;

fn brotli_encoder(
    parameters: &[u32],
) -> Result<BrotliEncoderStateStruct<StandardAlloc>, JsErrorBox> {
    use BrotliEncoderParameter as P;
    let mut encoder = BrotliEncoderStateStruct::new(StandardAlloc::default());
    let known = [
        (0, P::BROTLI_PARAM_MODE),
        (1, P::BROTLI_PARAM_QUALITY),
        (2, P::BROTLI_PARAM_LGWIN),
        (3, P::BROTLI_PARAM_LGBLOCK),
        (4, P::BROTLI_PARAM_DISABLE_LITERAL_CONTEXT_MODELING),
        (5, P::BROTLI_PARAM_SIZE_HINT),
        (6, P::BROTLI_PARAM_LARGE_WINDOW),
    ];
    for (index, parameter) in known {
        let Some(value) = parameters.get(index).filter(|value| **value != UNSET) else { continue };
        if !encoder.set_parameter(parameter, *value) {
            return Err(JsErrorBox::type_error("Initialization failed"));
        }
    }
    Ok(encoder)
}

struct ZlibResource(RefCell<Coder>);

impl Resource for ZlibResource {
    fn name(&self) -> Cow<'_, str> {
        "nodeZlib".into()
    }
}

fn gone() -> JsErrorBox {
    JsErrorBox::type_error("This stream is closed.")
}

#[op2(fast)]
#[smi]
pub(crate) fn op_node_zlib_new(
    state: &mut OpState,
    mode: u32,
    window: u32,
    #[smi] level: i32,
    #[buffer] dictionary: &[u8],
    #[buffer] parameters: &[u32],
) -> Result<ResourceId, JsErrorBox> {
    let window = u8::try_from(window).unwrap_or(15).min(15);
    let coder = Coder::new(mode, window, level, dictionary, parameters)?;
    Ok(state.resource_table.add(ZlibResource(RefCell::new(coder))))
}

/// Goes on; `used` gets how many bytes were read and written.
#[op2(fast)]
#[smi]
pub(crate) fn op_node_zlib_write(
    state: &mut OpState,
    #[smi] rid: ResourceId,
    flush: u32,
    #[buffer] input: &[u8],
    #[buffer] output: &mut [u8],
    #[buffer] used: &mut [u32],
) -> Result<i32, JsErrorBox> {
    let coder = state.resource_table.get::<ZlibResource>(rid).map_err(|_| gone())?;
    let mut done = Progress::default();
    let status = coder.0.borrow_mut().write(flush, input, output, &mut done);
    let number = |value: usize| u32::try_from(value).unwrap_or(u32::MAX);
    if let [read, written, ..] = used {
        *read = number(done.read);
        *written = number(done.written);
    }
    Ok(status)
}

/// What is wrong with the data.
#[op2]
#[string]
pub(crate) fn op_node_zlib_message(state: &mut OpState, #[smi] rid: ResourceId) -> String {
    let Ok(coder) = state.resource_table.get::<ZlibResource>(rid) else { return String::new() };
    match &*coder.0.borrow() {
        Coder::Inflate(inflate) => inflate.message.clone(),
        Coder::BrotliDecode(_) => "Decompression failed".into(),
        _ => "Compression failed".into(),
    }
}

/// Another level for what follows.
#[op2(fast)]
pub(crate) fn op_node_zlib_level(state: &mut OpState, #[smi] rid: ResourceId, #[smi] level: i32) {
    let Ok(coder) = state.resource_table.get::<ZlibResource>(rid) else { return };
    if let Coder::Deflate(deflate) = &mut *coder.0.borrow_mut()
        && let Ok(level) = u32::try_from(level)
    {
        // (One that is the same already is no failure, nor one that must wait.)
        let _ = deflate.stream.set_level(Compression::new(level));
    }
}

#[op2(fast)]
pub(crate) fn op_node_zlib_close(state: &mut OpState, #[smi] rid: ResourceId) {
    // It may be closed already.
    let _ = state.resource_table.take::<ZlibResource>(rid);
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
mod tests {
    use super::*;

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
        ] {
            for step in [1, 10, 1000] {
                let mut packer = Coder::new(pack, 15, 6, &[], &[]).unwrap();
                let packed = all(&mut packer, finish, text.as_bytes(), step);
                assert!(packed.len() < text.len() / 2);
                let mut unpacker = Coder::new(unpack, 15, 0, &[], &[]).unwrap();
                let out = all(&mut unpacker, finish, &packed, step);
                assert_eq!(String::from_utf8(out).unwrap(), text, "{pack} {step}");
            }
        }
    }

    #[test]
    fn a_gzip_file_may_have_several_members() {
        let member = |text: &str| {
            let mut packer = Coder::new(GZIP, 15, 6, &[], &[]).unwrap();
            all(&mut packer, FINISH, text.as_bytes(), 100)
        };
        let both = [member("one, "), member("two")].concat();
        let mut unpacker = Coder::new(GUNZIP, 15, 0, &[], &[]).unwrap();
        assert_eq!(all(&mut unpacker, FINISH, &both, 1000), b"one, two");
    }

    #[test]
    fn a_dictionary_is_needed_on_both_sides() {
        let dictionary = b"the quick brown fox";
        let mut packer = Coder::new(DEFLATE, 15, 6, dictionary, &[]).unwrap();
        let packed = all(&mut packer, FINISH, b"the quick brown fox jumps", 100);
        let mut unpacker = Coder::new(INFLATE, 15, 0, dictionary, &[]).unwrap();
        assert_eq!(all(&mut unpacker, FINISH, &packed, 100), b"the quick brown fox jumps");
        let mut without = Coder::new(INFLATE, 15, 0, &[], &[]).unwrap();
        let status = without.write(FINISH, &packed, &mut [0; 100], &mut Progress::default());
        assert_eq!(status, NEED_DICT);
    }
}
