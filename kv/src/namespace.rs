//! Cloudflare's rules for KV, stated once: what a key, a value, metadata, an
//! expiration and a cursor may be, and what a Worker is told otherwise
//! (<https://developers.cloudflare.com/kv/platform/limits/>). No V8, no SQL.

#[cfg(test)]
mod tests;

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use deno_error::JsError;

use crate::Error;
use crate::store::{Attributes, ListQuery, UnixSeconds};

/// A key in UTF-8: 512 bytes.
pub const MAX_KEY_BYTES: usize = 512;
/// A value: 25 MiB.
pub const MAX_VALUE_BYTES: u64 = 25 * 1024 * 1024;
/// Metadata as JSON text: 1024 bytes.
pub const MAX_METADATA_BYTES: usize = 1024;
/// The shortest `expirationTtl`, and the nearest `expiration`: 60 s from now.
pub const MIN_EXPIRATION_TTL: UnixSeconds = 60;
/// The shortest `cacheTtl`: 30 s.
pub const MIN_CACHE_TTL: i32 = 30;
/// Keys on one page of a list.
pub const MAX_LIST_KEYS: usize = 1000;
/// Keys of one bulk `get`.
pub const MAX_BULK_GET_KEYS: usize = 100;
/// Values of one bulk `get`, together: 25 MiB.
pub const MAX_BULK_GET_BYTES: u64 = 25 * 1024 * 1024;
/// Keys of one bulk delete: 10,000, as in Cloudflare's API.
pub const MAX_BULK_DELETE_KEYS: usize = 10_000;

/// What was asked for, in the words of error texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operation {
    Get,
    GetBulk,
    Put,
    Delete,
    DeleteBulk,
    /// Cloudflare's texts call it `GET`.
    List,
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Get | Self::List => "GET",
            Self::GetBulk => "GET_BULK",
            Self::Put => "PUT",
            Self::Delete => "DELETE",
            Self::DeleteBulk => "DELETE_BULK",
        })
    }
}

/// What a Worker is told when something cannot be done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, JsError)]
pub enum Refusal {
    #[class(type)]
    #[error("Key name cannot be empty.")]
    EmptyKey,
    #[class(type)]
    #[error("\"{0}\" is not allowed as a key name.")]
    DotKey(String),
    #[class(type)]
    #[error(
        "Unknown response type. Possible types are \"text\", \"arrayBuffer\", \"json\", and \"stream\"."
    )]
    UnknownType,
    /// What Cloudflare answers with an HTTP status.
    #[class(generic)]
    #[error("KV {operation} failed: {status} {reason}")]
    Failed { operation: Operation, status: u16, reason: String },
}

impl Refusal {
    fn failed(operation: Operation, status: u16, reason: impl Into<String>) -> Self {
        Self::Failed { operation, status, reason: reason.into() }
    }

    /// What a Worker is told of a store's error: the status, and no inside
    /// facts.
    pub fn of_store(operation: Operation, error: &Error) -> Self {
        match error {
            Error::Unavailable(_) => Self::failed(operation, 503, "Service Unavailable"),
            Error::Full(_) => Self::failed(operation, 507, "Insufficient Storage"),
            Error::Data(_) | Error::Internal(_) => {
                Self::failed(operation, 500, "Internal Server Error")
            }
        }
    }

    /// More writes are under way than the isolate may hold in memory.
    pub fn too_many_writes() -> Self {
        Self::failed(Operation::Put, 429, "Too Many Requests")
    }
}

/// Checks the key of a single `get`, `put` or `delete`.
///
/// # Errors
/// When it is empty, `.`, `..` or too long.
pub fn check_key(operation: Operation, key: &str) -> Result<(), Refusal> {
    match key {
        "" => Err(Refusal::EmptyKey),
        "." | ".." => Err(Refusal::DotKey(key.to_owned())),
        _ => check_key_length(operation, key),
    }
}

fn check_key_length(operation: Operation, key: &str) -> Result<(), Refusal> {
    if key.len() <= MAX_KEY_BYTES {
        return Ok(());
    }
    let reason = format!(
        "UTF-8 encoded length of {} exceeds key length limit of {MAX_KEY_BYTES}.",
        key.len()
    );
    Err(Refusal::failed(operation, 414, reason))
}

/// Checks the keys of a bulk operation.
///
/// # Errors
/// When there are none or too many, or one of them cannot be a key.
pub fn check_keys<K: AsRef<str>>(operation: Operation, keys: &[K]) -> Result<(), Refusal> {
    let (max, verb) = match operation {
        Operation::DeleteBulk => (MAX_BULK_DELETE_KEYS, "delete"),
        _ => (MAX_BULK_GET_KEYS, "request"),
    };
    if keys.len() > max {
        let reason = format!("You can {verb} a maximum of {max} keys");
        return Err(Refusal::failed(operation, 400, reason));
    }
    if keys.is_empty() {
        let reason = format!("You must {verb} a minimum of 1 key");
        return Err(Refusal::failed(operation, 400, reason));
    }
    for key in keys {
        let key = key.as_ref();
        match key {
            "" => return Err(Refusal::failed(operation, 400, "Key names must not be empty")),
            "." | ".." => {
                let reason = format!("Illegal key name \"{key}\". Please use a different name.");
                return Err(Refusal::failed(operation, 400, reason));
            }
            _ => check_key_length(operation, key)?,
        }
    }
    Ok(())
}

/// Checks `cacheTtl`, in seconds. Selvedge reads from the store itself, so that
/// it has no further effect.
///
/// # Errors
/// When it is too short.
pub fn check_cache_ttl(operation: Operation, seconds: i32) -> Result<(), Refusal> {
    if seconds >= MIN_CACHE_TTL {
        return Ok(());
    }
    let reason =
        format!("Invalid cache_ttl of {seconds}. Cache TTL must be at least {MIN_CACHE_TTL}.");
    Err(Refusal::failed(operation, 400, reason))
}

/// Checks how many bytes a bulk `get` brings until now.
///
/// # Errors
/// When they are too many.
pub fn check_bulk_bytes(bytes: u64) -> Result<(), Refusal> {
    if bytes <= MAX_BULK_GET_BYTES {
        return Ok(());
    }
    let reason = "Total size of request exceeds the limit of 25MB";
    Err(Refusal::failed(Operation::GetBulk, 413, reason))
}

/// Checks the size of a value in bytes.
///
/// # Errors
/// When it is too large.
pub fn check_value(bytes: u64) -> Result<(), Refusal> {
    if bytes <= MAX_VALUE_BYTES {
        return Ok(());
    }
    let reason = format!("Value length of {bytes} exceeds limit of {MAX_VALUE_BYTES}.");
    Err(Refusal::failed(Operation::Put, 413, reason))
}

/// What `put` says beside the value.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PutOptions {
    /// Unix time in seconds.
    pub expiration: Option<i64>,
    /// Seconds from now; it goes before `expiration`.
    pub expiration_ttl: Option<i64>,
    /// JSON text.
    pub metadata: Option<Box<str>>,
}

impl PutOptions {
    /// Checks them and makes the entry's attributes of them.
    ///
    /// # Errors
    /// When an expiration is too near or the metadata too large.
    pub fn attributes(self, now: UnixSeconds) -> Result<Attributes, Refusal> {
        let refused = |reason| Err(Refusal::failed(Operation::Put, 400, reason));
        let expiration = match (self.expiration_ttl, self.expiration) {
            (Some(ttl), _) => match UnixSeconds::try_from(ttl) {
                Err(_) | Ok(0) => {
                    return refused(format!(
                        "Invalid expiration_ttl of {ttl}. Please specify integer greater than 0."
                    ));
                }
                Ok(seconds) if seconds < MIN_EXPIRATION_TTL => {
                    return refused(format!(
                        "Invalid expiration_ttl of {ttl}. Expiration TTL must be at least \
                         {MIN_EXPIRATION_TTL}."
                    ));
                }
                Ok(seconds) => Some(now.saturating_add(seconds)),
            },
            (None, Some(expiration)) => match UnixSeconds::try_from(expiration) {
                Ok(at) if at >= now.saturating_add(MIN_EXPIRATION_TTL) => Some(at),
                Ok(at) if at > now => {
                    return refused(format!(
                        "Invalid expiration of {expiration}. Expiration times must be at least \
                         {MIN_EXPIRATION_TTL} seconds in the future."
                    ));
                }
                _ => {
                    return refused(format!(
                        "Invalid expiration of {expiration}. Please specify integer greater than \
                         the current number of seconds since the UNIX epoch."
                    ));
                }
            },
            (None, None) => None,
        };
        if let Some(metadata) = &self.metadata
            && metadata.len() > MAX_METADATA_BYTES
        {
            let reason = format!(
                "Metadata length of {} exceeds limit of {MAX_METADATA_BYTES}.",
                metadata.len()
            );
            return Err(Refusal::failed(Operation::Put, 413, reason));
        }
        Ok(Attributes { expiration, metadata: self.metadata })
    }
}

/// Checks what `list` is asked for. A limit below 1 is none.
///
/// # Errors
/// When the limit is too high, the prefix too long, or the cursor not one of
/// ours.
pub fn list_query(
    prefix: Option<String>,
    limit: Option<i64>,
    cursor: Option<&str>,
) -> Result<ListQuery, Refusal> {
    let limit = match limit {
        Some(limit) if limit > MAX_LIST_KEYS as i64 => {
            let reason = format!(
                "Invalid key_count_limit of {limit}. Please specify an integer less than \
                 {MAX_LIST_KEYS}."
            );
            return Err(Refusal::failed(Operation::List, 400, reason));
        }
        Some(limit) if limit >= 1 => usize::try_from(limit).unwrap_or(MAX_LIST_KEYS),
        _ => MAX_LIST_KEYS,
    };
    let prefix = prefix.unwrap_or_default();
    check_key_length(Operation::List, &prefix)?;
    let after = match cursor {
        None | Some("") => None,
        Some(cursor) => Some(
            decode_cursor(cursor)
                .ok_or_else(|| Refusal::failed(Operation::List, 400, "Invalid cursor."))?,
        ),
    };
    Ok(ListQuery { prefix, after, limit })
}

/// The cursor of the page after the one that ends with this key.
pub fn cursor_after(key: &str) -> String {
    STANDARD.encode(key)
}

fn decode_cursor(cursor: &str) -> Option<String> {
    let key = String::from_utf8(STANDARD.decode(cursor).ok()?).ok()?;
    (1..=MAX_KEY_BYTES).contains(&key.len()).then_some(key)
}
