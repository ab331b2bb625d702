//! Zstandard.

use deno_error::JsErrorBox;
use zstd_safe::{
    CCtx, CParameter, DCtx, DParameter, InBuffer, OutBuffer, Strategy, get_error_name,
};

use super::{BUF_ERROR, DATA_ERROR, OK, Progress, STREAM_END, UNSET};

/// The largest window, and the largest table: 2^27 bytes or entries. It is the window up
/// to which Zstandard itself decompresses unless asked for more (`ZSTD_WINDOWLOG_LIMIT_DEFAULT`).
const LARGEST_LOG: u32 = 27;
/// The largest table of long distance matching; its entries are of 8 bytes.
const LARGEST_LDM_LOG: u32 = 24;
/// What `ZSTD_d_windowLogMax` may be.
const WINDOW_LOGS: std::ops::RangeInclusive<u32> = 10..=31;

/// Numbers of parameters, from zstd.h.
mod parameter {
    pub(super) const D_WINDOW_LOG_MAX: u32 = 100;
    pub(super) const C_NB_WORKERS: u32 = 400;
    pub(super) const C_OVERLAP_LOG: u32 = 402;
}

/// What of a decompressor's memory is in use besides its window.
const UNPACKER_BYTES: usize = 256 << 10;

type Message = &'static str;
const NOT_SET: Message = "Setting parameter failed";

/// What failed: zstd.h's number and text of it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Failure {
    pub(super) number: i32,
    pub(super) message: &'static str,
}

impl Failure {
    fn of(code: usize) -> Self {
        // Zstandard's functions give a size, or an error's number below zero.
        let number = i32::try_from(0_usize.wrapping_sub(code)).unwrap_or(1);
        Self { number, message: get_error_name(code) }
    }

    /// The name of the number: `ZSTD_error_prefix_unknown`.
    pub(super) fn code(self) -> String {
        let name = NAMES.iter().find(|(number, _)| *number == self.number);
        format!("ZSTD_error_{}", name.map_or("GENERIC", |(_, name)| name))
    }
}

/// `ZSTD_ErrorCode` of zstd_errors.h.
const NAMES: &[(i32, &str)] = &[
    (1, "GENERIC"),
    (10, "prefix_unknown"),
    (12, "version_unsupported"),
    (14, "frameParameter_unsupported"),
    (16, "frameParameter_windowTooLarge"),
    (20, "corruption_detected"),
    (22, "checksum_wrong"),
    (24, "literals_headerWrong"),
    (30, "dictionary_corrupted"),
    (32, "dictionary_wrong"),
    (34, "dictionaryCreation_failed"),
    (40, "parameter_unsupported"),
    (41, "parameter_combination_unsupported"),
    (42, "parameter_outOfBound"),
    (44, "tableLog_tooLarge"),
    (46, "maxSymbolValue_tooLarge"),
    (48, "maxSymbolValue_tooSmall"),
    (50, "stabilityCondition_notRespected"),
    (60, "stage_wrong"),
    (62, "init_missing"),
    (64, "memory_allocation"),
    (66, "workSpace_tooSmall"),
    (70, "dstSize_tooSmall"),
    (72, "srcSize_wrong"),
    (74, "dstBuffer_null"),
    (80, "noForwardProgress_destFull"),
    (82, "noForwardProgress_inputEmpty"),
];

/// The parameters that are set, each with its number.
fn set(parameters: &[u32]) -> impl Iterator<Item = (u32, u32)> {
    (0..).zip(parameters.iter().copied()).filter(|(_, value)| *value != UNSET)
}

/// Compresses.
pub(crate) struct Packer {
    context: CCtx<'static>,
    failure: Option<Failure>,
}

impl Packer {
    /// `pledged` is how much there will be, if that is known.
    pub(super) fn new(
        parameters: &[u32],
        pledged: Option<u64>,
        dictionary: &[u8],
    ) -> Result<Self, JsErrorBox> {
        let mut context = CCtx::try_create()
            .ok_or_else(|| JsErrorBox::generic("Could not initialize zstd instance"))?;
        for (number, value) in set(parameters) {
            if (parameter::C_NB_WORKERS..=parameter::C_OVERLAP_LOG).contains(&number) {
                // They tell how threads share the work. There is one.
                continue;
            }
            let parameter = packing(number, value).ok_or_else(|| JsErrorBox::generic(NOT_SET))?;
            context.set_parameter(parameter).map_err(|_| JsErrorBox::generic(NOT_SET))?;
        }
        let pledge = |_| JsErrorBox::generic("Could not set pledged src size");
        context.set_pledged_src_size(pledged).map_err(pledge)?;
        if !dictionary.is_empty() {
            let failed = |_| JsErrorBox::generic("Failed to load zstd dictionary");
            context.load_dictionary(dictionary).map_err(failed)?;
        }
        Ok(Self { context, failure: None })
    }

    pub(super) fn bytes(&self) -> usize {
        self.context.sizeof()
    }

    pub(super) fn failure(&self) -> Option<Failure> {
        self.failure
    }

    pub(super) fn write(
        &mut self,
        flush: u32,
        input: &[u8],
        output: &mut [u8],
        done: &mut Progress,
    ) -> i32 {
        use zstd_safe::zstd_sys::ZSTD_EndDirective as Directive;
        let directive = match flush {
            0 => Directive::ZSTD_e_continue,
            1 => Directive::ZSTD_e_flush,
            _ => Directive::ZSTD_e_end,
        };
        let (mut from, mut to) = (InBuffer::around(input), OutBuffer::around(output));
        let result = self.context.compress_stream2(&mut to, &mut from, directive);
        (done.read, done.written) = (from.pos(), to.pos());
        match result {
            Ok(_) => OK,
            Err(code) => {
                self.failure = Some(Failure::of(code));
                DATA_ERROR
            }
        }
    }
}

/// The parameter of that number. Sizes of windows and tables are bounded: what is above is
/// as good as the bound.
fn packing(number: u32, value: u32) -> Option<CParameter> {
    use CParameter as P;
    let log = value.min(LARGEST_LOG);
    Some(match number {
        100 => P::CompressionLevel(value.cast_signed()),
        101 => P::WindowLog(log),
        102 => P::HashLog(log),
        103 => P::ChainLog(log),
        104 => P::SearchLog(value),
        105 => P::MinMatch(value),
        106 => P::TargetLength(value),
        107 => P::Strategy(strategy(value)?),
        160 => P::EnableLongDistanceMatching(value != 0),
        161 => P::LdmHashLog(value.min(LARGEST_LDM_LOG)),
        162 => P::LdmMinMatch(value),
        163 => P::LdmBucketSizeLog(value),
        164 => P::LdmHashRateLog(value),
        200 => P::ContentSizeFlag(value != 0),
        201 => P::ChecksumFlag(value != 0),
        202 => P::DictIdFlag(value != 0),
        _ => return None,
    })
}

fn strategy(value: u32) -> Option<Strategy> {
    Some(match value {
        1 => Strategy::ZSTD_fast,
        2 => Strategy::ZSTD_dfast,
        3 => Strategy::ZSTD_greedy,
        4 => Strategy::ZSTD_lazy,
        5 => Strategy::ZSTD_lazy2,
        6 => Strategy::ZSTD_btlazy2,
        7 => Strategy::ZSTD_btopt,
        8 => Strategy::ZSTD_btultra,
        9 => Strategy::ZSTD_btultra2,
        _ => return None,
    })
}

/// Decompresses.
pub(crate) struct Unpacker {
    context: DCtx<'static>,
    /// How much came out: no more of the window was written to.
    written: usize,
    /// Whether a frame is over.
    ended: bool,
    failure: Option<Failure>,
}

impl Unpacker {
    pub(super) fn new(parameters: &[u32], dictionary: &[u8]) -> Result<Self, JsErrorBox> {
        let failed = |message: Message| move |_| JsErrorBox::generic(message);
        let mut context = DCtx::try_create()
            .ok_or_else(|| JsErrorBox::generic("Could not initialize zstd instance"))?;
        for (number, value) in set(parameters) {
            if number != parameter::D_WINDOW_LOG_MAX || !WINDOW_LOGS.contains(&value) {
                return Err(JsErrorBox::generic(NOT_SET));
            }
            let largest = DParameter::WindowLogMax(value.min(LARGEST_LOG));
            context.set_parameter(largest).map_err(failed(NOT_SET))?;
        }
        if !dictionary.is_empty() {
            context
                .load_dictionary(dictionary)
                .map_err(failed("Failed to load zstd dictionary"))?;
        }
        Ok(Self { context, written: 0, ended: false, failure: None })
    }

    /// The window is allocated when a frame's header asks for it, but takes no memory
    /// before it is written to.
    pub(super) fn bytes(&self) -> usize {
        self.context.sizeof().min(self.written.saturating_add(UNPACKER_BYTES))
    }

    pub(super) fn failure(&self) -> Option<Failure> {
        self.failure
    }

    /// What follows a frame is left: so does Node.
    pub(super) fn write(&mut self, input: &[u8], output: &mut [u8], done: &mut Progress) -> i32 {
        if self.ended {
            return STREAM_END;
        }
        let (mut from, mut to) = (InBuffer::around(input), OutBuffer::around(output));
        let result = self.context.decompress_stream(&mut to, &mut from);
        (done.read, done.written) = (from.pos(), to.pos());
        self.written = self.written.saturating_add(done.written);
        match result {
            Ok(0) => {
                self.ended = true;
                STREAM_END
            }
            Ok(_) => BUF_ERROR,
            Err(code) => {
                self.failure = Some(Failure::of(code));
                DATA_ERROR
            }
        }
    }
}
