//! Opening database files for reading or writing, with what all of ours have set.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

/// How long a connection waits for a lock of another one: 5 s. Only the opening
/// and closing of connections makes any wait, and for much less.
pub const LOCK_WAIT: Duration = Duration::from_secs(5);
/// The page cache of a connection that writes: 16 MiB.
const WRITER_CACHE_KIB: i64 = 16 * 1024;
/// The page cache of a connection that reads: 8 MiB. The kernel's cache is behind it.
const READER_CACHE_KIB: i64 = 8 * 1024;
/// The log of writes keeps this much room between checkpoints: 64 MiB.
const LOG_KEPT_BYTES: i64 = 64 * 1024 * 1024;
/// Prepared statements that a connection keeps.
const STATEMENTS: usize = 32;

/// What a connection is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// It cannot write.
    Read,
    /// What it commits is on disk then.
    Write,
}

/// Opens a file that was checked.
///
/// # Errors
/// What SQLite says.
pub fn connect(path: &Path, role: Role) -> rusqlite::Result<Connection> {
    // A reader can write as well: the last connection that closes tidies up.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(LOCK_WAIT)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    // A damaged page is found when it is read, and schemas run no code.
    connection.pragma_update(None, "cell_size_check", true)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    match role {
        Role::Read => {
            connection.pragma_update(None, "query_only", true)?;
            connection.pragma_update(None, "cache_size", -READER_CACHE_KIB)?;
        }
        Role::Write => {
            connection.pragma_update(None, "synchronous", "FULL")?;
            connection.pragma_update(None, "cache_size", -WRITER_CACHE_KIB)?;
            // On a Mac, a plain fsync leaves data in the disk's own memory.
            connection.pragma_update(None, "fullfsync", true)?;
            connection.pragma_update(None, "checkpoint_fullfsync", true)?;
            connection.pragma_update_and_check(
                None,
                "journal_size_limit",
                LOG_KEPT_BYTES,
                |_| Ok(()),
            )?;
        }
    }
    Ok(connection)
}
