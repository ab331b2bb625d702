//! Cloudflare's rules for R2, stated once: what a key, metadata, a range, a part
//! and a page may be, and what is said otherwise
//! (<https://developers.cloudflare.com/r2/platform/limits/>,
//! <https://developers.cloudflare.com/r2/api/error-codes/>). No V8, no SQL.

#[cfg(test)]
mod tests;

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

/// A key in UTF-8: 1024 bytes.
pub const MAX_KEY_BYTES: usize = 1024;
/// An object that is put in one go, or a part: 5 GiB less 5 MiB.
pub const MAX_VALUE_BYTES: u64 = 5_363_466_240;
/// An object made of parts: 5 TiB less 5 GiB.
pub const MAX_OBJECT_BYTES: u64 = 5 * (1 << 40) - 5 * (1 << 30);
/// Names and values of custom metadata, together: 2048 bytes.
pub const MAX_METADATA_BYTES: usize = 2048;
/// A part that is not the last one: 5 MiB.
pub const MIN_PART_BYTES: u64 = 5 * 1024 * 1024;
/// Parts of an upload.
pub const MAX_PARTS: u32 = 10_000;
/// Objects and prefixes on one page of a list.
pub const MAX_LIST: usize = 1000;
/// Keys of one delete.
pub const MAX_DELETE: usize = 1000;
/// An upload that is not completed is aborted after this: seven days in ms.
pub const UPLOAD_LIFE_MILLIS: i64 = 7 * 24 * 3600 * 1000;

/// What cannot be done, with Cloudflare's number, and HTTP's for the API.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message} ({code})")]
pub struct Refusal {
    /// Cloudflare's number.
    pub code: u32,
    /// What HTTP calls it.
    pub status: u16,
    /// The name that S3 has for it.
    pub s3: &'static str,
    pub message: Cow<'static, str>,
}

macro_rules! refusals {
    ($($(#[$doc:meta])* $name:ident = $code:literal $status:literal $s3:literal $message:literal;)*) => {
        impl Refusal {
            $($(#[$doc])* pub fn $name() -> Self {
                Self {
                    code: $code,
                    status: $status,
                    s3: $s3,
                    message: Cow::Borrowed($message),
                }
            })*
        }
    };
}

refusals! {
    /// Something failed that the log tells more about.
    internal = 10001 500 "InternalError" "We encountered an internal error. Please try again.";
    /// The disk is full.
    full = 10001 507 "InternalError" "There is no space left on the server's disk.";
    /// It may work in a moment.
    unavailable = 10043 503 "ServiceUnavailable" "The service is unavailable. Please try again.";
    no_such_key = 10007 404 "NoSuchKey" "The specified key does not exist.";
    no_such_bucket = 10006 404 "NoSuchBucket" "The specified bucket does not exist.";
    too_large = 100100 400 "EntityTooLarge" "Your proposed upload exceeds the maximum allowed object size.";
    too_small = 10011 400 "EntityTooSmall" "Your proposed upload is smaller than the minimum allowed object size.";
    metadata_too_large = 10012 400 "MetadataTooLarge" "Your metadata headers exceed the maximum allowed metadata size.";
    bad_key = 10020 400 "InvalidObjectName" "The specified object name is not valid.";
    bad_limit = 10022 400 "InvalidMaxKeys" "MaxKeys params must be positive integer <= 1000.";
    no_such_upload = 10024 404 "NoSuchUpload" "The specified multipart upload does not exist.";
    bad_part = 10025 400 "InvalidPart" "One or more of the specified parts could not be found.";
    precondition = 10031 412 "PreconditionFailed" "At least one of the pre-conditions you specified did not hold.";
    bad_range = 10039 416 "InvalidRange" "The requested range is not satisfiable";
    bad_upload = 10048 400 "InvalidPart" "There was a problem with the multipart upload.";
    bad_storage_class = 10062 400 "InvalidStorageClass" "The storage class specified is not valid.";
    wrong_length = 10013 400 "IncompleteBody" "You did not provide the number of bytes specified by the Content-Length header.";
}

impl Refusal {
    /// Something that was said makes no sense.
    pub fn argument(message: impl Into<Cow<'static, str>>) -> Self {
        Self { code: 10029, status: 400, s3: "InvalidArgument", message: message.into() }
    }

    /// A checksum that is not that of the body; both in hexadecimal digits.
    pub fn bad_digest(algorithm: &str, given: &str, actual: &str) -> Self {
        let message = format!(
            "The {algorithm} checksum you specified did not match what we received.\n\
             You provided a {algorithm} checksum with value: {given}\n\
             Actual {algorithm} was: {actual}"
        );
        Self { code: 10037, status: 400, s3: "BadDigest", message: message.into() }
    }
}

/// Checks a key. An empty one is a key, too.
///
/// # Errors
/// When it is too long.
pub fn check_key(key: &str) -> Result<(), Refusal> {
    if key.len() <= MAX_KEY_BYTES { Ok(()) } else { Err(Refusal::bad_key()) }
}

/// Checks how long an object or a part is.
///
/// # Errors
/// When it is too long.
pub fn check_size(bytes: u64) -> Result<(), Refusal> {
    if bytes <= MAX_VALUE_BYTES { Ok(()) } else { Err(Refusal::too_large()) }
}

/// Checks custom metadata. A text with a character beyond Latin-1 has two bytes
/// a character, as it has in V8.
///
/// # Errors
/// When it is too large.
pub fn check_metadata(custom: &[(String, String)]) -> Result<(), Refusal> {
    let length = |text: &str| {
        let units: usize = text.chars().map(char::len_utf16).sum();
        if text.chars().all(|c| u32::from(c) < 256) { units } else { 2 * units }
    };
    let bytes: usize = custom.iter().map(|(name, value)| length(name) + length(value)).sum();
    if bytes <= MAX_METADATA_BYTES { Ok(()) } else { Err(Refusal::metadata_too_large()) }
}

/// Which part of an object is asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Range {
    /// Bytes to leave out.
    pub offset: Option<u64>,
    /// Bytes to have at most.
    pub length: Option<u64>,
    /// The last so many bytes; without the other two.
    pub suffix: Option<u64>,
}

/// A part of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slice {
    pub offset: u64,
    pub length: u64,
}

impl Range {
    /// The part of an object of so many bytes.
    ///
    /// # Errors
    /// When nothing of the object lies in it.
    pub fn of(self, size: u64) -> Result<Slice, Refusal> {
        let (offset, length) = match self.suffix {
            Some(0) => return Err(Refusal::bad_range()),
            Some(suffix) => {
                let length = suffix.min(size);
                (size - length, length)
            }
            None => {
                let offset = self.offset.unwrap_or(0);
                let left = size.checked_sub(offset).ok_or_else(Refusal::bad_range)?;
                (offset, self.length.map_or(left, |length| length.min(left)))
            }
        };
        if length == 0 && (size > 0 || self != Self::default()) {
            return Err(Refusal::bad_range());
        }
        Ok(Slice { offset, length })
    }

    /// A `Range` header with one range of bytes; others are as none
    /// (<https://httpwg.org/specs/rfc9110.html#field.range>).
    pub fn of_header(header: &str) -> Option<Self> {
        let (unit, set) = header.split_once('=')?;
        if !unit.trim().eq_ignore_ascii_case("bytes") || set.contains(',') {
            return None;
        }
        let (first, last) = set.trim().split_once('-')?;
        let number = |text: &str| -> Option<u64> {
            let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            is_number.then(|| text.parse().unwrap_or(u64::MAX))
        };
        if first.is_empty() {
            return Some(Self { suffix: Some(number(last)?), ..Self::default() });
        }
        let offset = number(first)?;
        if last.is_empty() {
            return Some(Self { offset: Some(offset), ..Self::default() });
        }
        let last = number(last)?;
        let length = last.checked_sub(offset)?.saturating_add(1);
        Some(Self { offset: Some(offset), length: Some(length), suffix: None })
    }
}
