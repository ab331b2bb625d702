//! Brotli.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use brotli::enc::encode::{
    BrotliEncoderOperation, BrotliEncoderParameter, BrotliEncoderStateStruct,
};
use brotli::enc::{BrotliAlloc, StandardAlloc};
use brotli::{Allocator, BrotliDecompressStream, BrotliResult, BrotliState, SliceWrapper};

use super::{BUF_ERROR, DATA_ERROR, OK, Progress, STREAM_END, UNSET};

/// Node's `BROTLI_DECODER_PARAM_LARGE_WINDOW`, its index among the parameters.
const LARGE_WINDOW: usize = 1;

/// Allocates, and counts what is in use.
#[derive(Clone, Default)]
struct Counted(Arc<AtomicUsize>);

impl Counted {
    fn bytes(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

impl<T: Clone + Default> Allocator<T> for Counted {
    type AllocatedMemory = <StandardAlloc as Allocator<T>>::AllocatedMemory;

    fn alloc_cell(&mut self, len: usize) -> Self::AllocatedMemory {
        self.0.fetch_add(len * size_of::<T>(), Ordering::Relaxed);
        StandardAlloc::default().alloc_cell(len)
    }

    fn free_cell(&mut self, data: Self::AllocatedMemory) {
        self.0.fetch_sub(size_of_val(data.slice()), Ordering::Relaxed);
        StandardAlloc::default().free_cell(data);
    }
}

impl BrotliAlloc for Counted {}

/// Compresses.
pub(crate) struct Packer {
    state: BrotliEncoderStateStruct<Counted>,
    memory: Counted,
}

impl Packer {
    /// `None` if a parameter is not taken.
    pub(super) fn new(parameters: &[u32]) -> Option<Self> {
        use BrotliEncoderParameter as P;
        let memory = Counted::default();
        let mut state = BrotliEncoderStateStruct::new(memory.clone());
        let known = [
            P::BROTLI_PARAM_MODE,
            P::BROTLI_PARAM_QUALITY,
            P::BROTLI_PARAM_LGWIN,
            P::BROTLI_PARAM_LGBLOCK,
            P::BROTLI_PARAM_DISABLE_LITERAL_CONTEXT_MODELING,
            P::BROTLI_PARAM_SIZE_HINT,
            P::BROTLI_PARAM_LARGE_WINDOW,
        ];
        for (parameter, value) in known.into_iter().zip(parameters) {
            if *value != UNSET && !state.set_parameter(parameter, *value) {
                return None;
            }
        }
        Some(Self { state, memory })
    }

    pub(super) fn bytes(&self) -> usize {
        self.memory.bytes()
    }

    pub(super) fn write(
        &mut self,
        flush: u32,
        input: &[u8],
        output: &mut [u8],
        done: &mut Progress,
    ) -> i32 {
        let operation = match flush {
            0 => BrotliEncoderOperation::BROTLI_OPERATION_PROCESS,
            1 => BrotliEncoderOperation::BROTLI_OPERATION_FLUSH,
            2 => BrotliEncoderOperation::BROTLI_OPERATION_FINISH,
            _ => BrotliEncoderOperation::BROTLI_OPERATION_EMIT_METADATA,
        };
        let (mut left, mut room) = (input.len(), output.len());
        let went = self.state.compress_stream(
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
}

/// Decompresses.
pub(crate) struct Unpacker {
    state: BrotliState<Counted, Counted, Counted>,
    memory: Counted,
}

impl Unpacker {
    pub(super) fn new(parameters: &[u32]) -> Self {
        let memory = Counted::default();
        let (bytes, numbers, codes) = (memory.clone(), memory.clone(), memory.clone());
        // Windows above 16 MiB are an extension that must be asked for.
        let large = parameters.get(LARGE_WINDOW).is_some_and(|value| ![0, UNSET].contains(value));
        let state = if large {
            BrotliState::new(bytes, numbers, codes)
        } else {
            BrotliState::new_strict(bytes, numbers, codes)
        };
        Self { state, memory }
    }

    pub(super) fn bytes(&self) -> usize {
        self.memory.bytes()
    }

    /// What is wrong with the data, as Node names it: `ERR__ERROR_FORMAT_PADDING_1`.
    pub(super) fn code(&self) -> String {
        let name = format!("{:?}", self.state.error_code);
        format!("ERR_{}", name.trim_start_matches("BROTLI_DECODER"))
    }

    /// Its number: below zero.
    pub(super) fn number(&self) -> i32 {
        self.state.error_code as i32
    }

    pub(super) fn write(&mut self, input: &[u8], output: &mut [u8], done: &mut Progress) -> i32 {
        let (mut left, mut room, mut total) = (input.len(), output.len(), 0);
        let result = BrotliDecompressStream(
            &mut left,
            &mut done.read,
            input,
            &mut room,
            &mut done.written,
            output,
            &mut total,
            &mut self.state,
        );
        match result {
            BrotliResult::ResultSuccess => STREAM_END,
            BrotliResult::ResultFailure => DATA_ERROR,
            BrotliResult::NeedsMoreInput => BUF_ERROR,
            BrotliResult::NeedsMoreOutput => OK,
        }
    }
}
