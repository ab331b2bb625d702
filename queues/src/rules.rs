//! Cloudflare's rules for Queues, stated once
//! (<https://developers.cloudflare.com/queues/platform/limits/>). No V8, no SQL.

use deno_error::JsError;
use selvedge_storage::Error;

/// A message: 128,000 bytes.
pub const MAX_MESSAGE_BYTES: usize = 128_000;
/// Messages of one `sendBatch()`.
pub const MAX_SEND_COUNT: usize = 100;
/// All messages of one `sendBatch()`: 288,000 bytes.
pub const MAX_SEND_BYTES: usize = 288_000;
/// The longest delay, of a message or of a retry: 24 h, in seconds.
pub const MAX_DELAY: u32 = 86_400;
/// Messages of a batch for a consumer.
pub const MAX_BATCH_SIZE: u32 = 100;
/// Bytes of a batch for a consumer: 256 KB.
pub const MAX_BATCH_BYTES: usize = 256_000;
/// Seconds that a batch waits to be full.
pub const MAX_BATCH_TIMEOUT: u32 = 60;
/// Times that a message is delivered again.
pub const MAX_RETRIES: u32 = 100;
/// Batches that are delivered at the same time where nothing is said.
pub const MAX_CONCURRENCY: u32 = 10;
/// Where nothing is said.
pub const DEFAULT_BATCH_SIZE: u32 = 10;
/// Where nothing is said, in seconds.
pub const DEFAULT_BATCH_TIMEOUT: u32 = 5;
/// Where nothing is said.
pub const DEFAULT_RETRIES: u32 = 3;
/// How long a message is kept: 4 days, in seconds.
pub const DEFAULT_RETENTION: u64 = 4 * 24 * 60 * 60;
/// A consumer may take so long for a batch: 15 min, in milliseconds.
pub const MAX_DELIVERY_MS: i64 = 15 * 60 * 1000;
/// Who pulled a message has so long for it where nothing is said: 30 s.
pub const DEFAULT_VISIBILITY_MS: u64 = 30_000;
/// .. and at most 12 h.
pub const MAX_VISIBILITY_MS: u64 = 12 * 60 * 60 * 1000;

/// What a Worker is told when messages are not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, JsError)]
#[class(generic)]
pub enum Refusal {
    #[error("Queue {0} failed: message length of {1} bytes exceeds limit of {MAX_MESSAGE_BYTES}")]
    TooLong(&'static str, usize),
    #[error(
        "Queue {0} failed: message in batch has length {1} bytes which exceeds single message \
         size limit of {MAX_MESSAGE_BYTES}"
    )]
    TooLongInBatch(&'static str, usize),
    #[error("Queue {0} failed: batch message count of {1} exceeds limit of {MAX_SEND_COUNT}")]
    TooMany(&'static str, usize),
    #[error("Queue {0} failed: batch size of {1} bytes exceeds limit of {MAX_SEND_BYTES}")]
    TooMuch(&'static str, usize),
    #[error(
        "Queue {0} failed: message delay {1} is invalid: it must be between 0 and {MAX_DELAY} \
         seconds"
    )]
    Delay(&'static str, i64),
    #[error("Queue {0} failed: {1}")]
    Store(&'static str, &'static str),
}

impl Refusal {
    /// What a Worker is told of an error of the store. The log has all of it.
    pub fn of_store(call: &'static str, error: &Error) -> Self {
        Self::Store(
            call,
            match error {
                Error::Unavailable(_) => "Too Many Requests",
                Error::Full(_) => "the queue has no space left",
                Error::Data(_) | Error::Internal(_) => "Internal Server Error",
            },
        )
    }
}

/// Whether the messages of a call may be sent: their sizes in bytes.
///
/// # Errors
/// Why not.
pub fn check_sizes(call: &'static str, sizes: &[usize]) -> Result<(), Refusal> {
    if sizes.len() > MAX_SEND_COUNT {
        return Err(Refusal::TooMany(call, sizes.len()));
    }
    if let Some(size) = sizes.iter().find(|size| **size > MAX_MESSAGE_BYTES) {
        return Err(match call {
            "send" => Refusal::TooLong(call, *size),
            _ => Refusal::TooLongInBatch(call, *size),
        });
    }
    let sum = sizes.iter().sum();
    if sum > MAX_SEND_BYTES {
        return Err(Refusal::TooMuch(call, sum));
    }
    Ok(())
}

/// A delay in seconds, if one is given.
///
/// # Errors
/// When it is none.
pub fn check_delay(call: &'static str, delay: i64) -> Result<u32, Refusal> {
    u32::try_from(delay).ok().filter(|delay| *delay <= MAX_DELAY).ok_or(Refusal::Delay(call, delay))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_checked_one_by_one_and_together() {
        let said = |call, sizes: &[usize]| check_sizes(call, sizes).map_err(|it| it.to_string());
        assert_eq!(said("send", &[128_000]), Ok(()));
        assert_eq!(
            said("send", &[128_001]),
            Err("Queue send failed: message length of 128001 bytes exceeds limit of 128000".into())
        );
        assert_eq!(said("sendBatch", &[100_000, 100_000, 88_000]), Ok(()));
        assert_eq!(
            said("sendBatch", &[100_000, 100_000, 88_001]),
            Err("Queue sendBatch failed: batch size of 288001 bytes exceeds limit of 288000".into())
        );
        assert!(said("sendBatch", &[1; 101]).is_err());
    }

    #[test]
    fn delays_have_a_range() {
        assert_eq!(check_delay("send", 0), Ok(0));
        assert_eq!(check_delay("send", 86_400), Ok(86_400));
        assert!(check_delay("send", -1).is_err() && check_delay("send", 86_401).is_err());
    }
}
