//! What SQLite says, as errors of a store.

use std::io;
use std::path::Path;

use rusqlite::{ErrorCode, ffi};

use crate::error::Error;

/// The error of a store for what SQLite said about `path`.
pub fn failure(path: &Path, error: &rusqlite::Error) -> Error {
    let file = path.display();
    if is_senseless(error) {
        return Error::Data(format!("{file} is damaged: {error}; it is kept as it is"));
    }
    match (error.sqlite_error_code(), extended(error)) {
        // The second one is a full disk too: the file beside the log of writes
        // cannot grow.
        (Some(ErrorCode::DiskFull), _) | (_, Some(ffi::SQLITE_IOERR_SHMSIZE)) => {
            Error::Full(format!("{file}: {error}"))
        }
        (Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase), _) => {
            Error::Data(format!("{file} is damaged: {error}; it is kept as it is"))
        }
        (Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked), _) => {
            Error::Unavailable(format!("{file} is locked by another program: {error}"))
        }
        _ => Error::Internal(format!("{file}: {error}")),
    }
}

/// The error of a store for what the system said about `path`.
pub fn io_failure(path: &Path, error: &io::Error) -> Error {
    let text = format!("{}: {error}", path.display());
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Error::Full(text),
        _ => Error::Internal(text),
    }
}

/// Whether the disk may have lost writes that it took before: a failed `fsync`
/// forgets what it could not write.
pub fn is_io(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(ErrorCode::SystemIoFailure)
        && extended(error) != Some(ffi::SQLITE_IOERR_SHMSIZE)
}

/// Whether a row is missing or has values that no version of ours wrote.
fn is_senseless(error: &rusqlite::Error) -> bool {
    matches!(
        error,
        rusqlite::Error::QueryReturnedNoRows
            | rusqlite::Error::Utf8Error(..)
            | rusqlite::Error::FromSqlConversionFailure(..)
            | rusqlite::Error::IntegralValueOutOfRange(..)
            | rusqlite::Error::InvalidColumnType(..)
    )
}

fn extended(error: &rusqlite::Error) -> Option<std::ffi::c_int> {
    error.sqlite_error().map(|error| error.extended_code)
}
