//! Connections to a bucket's file of SQLite.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

/// How long a connection waits for a lock of another one.
const LOCK_WAIT: Duration = Duration::from_secs(5);
/// The page cache of a connection: 8 MiB. The kernel's is behind it.
const CACHE_KIB: i64 = 8 * 1024;
/// The log of writes keeps this much room between checkpoints: 16 MiB.
const LOG_KEPT_BYTES: i64 = 16 * 1024 * 1024;
/// Prepared statements that a connection keeps; there are fewer.
const STATEMENTS: usize = 48;
/// Connections that rest: more threads than this rarely read at the same moment.
const KEPT: usize = 8;

/// What a connection is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Read,
    Write,
}

/// Opens a file that was checked.
pub(super) fn connect(path: &Path, role: Role) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(LOCK_WAIT)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    connection.pragma_update(None, "cell_size_check", true)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
    match role {
        Role::Read => connection.pragma_update(None, "query_only", true)?,
        Role::Write => {
            connection.pragma_update(None, "synchronous", "FULL")?;
            // On a Mac, a plain fsync leaves data in the disk's own memory.
            connection.pragma_update(None, "fullfsync", true)?;
            connection.pragma_update(None, "checkpoint_fullfsync", true)?;
            let limit = "journal_size_limit";
            connection.pragma_update_and_check(None, limit, LOG_KEPT_BYTES, |_| Ok(()))?;
        }
    }
    Ok(connection)
}

/// Connections that read, on their callers' threads.
#[derive(Debug)]
pub(super) struct Readers {
    path: PathBuf,
    resting: Mutex<Vec<Connection>>,
}

impl Readers {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, resting: Mutex::default() }
    }

    /// Runs `read` in a transaction: all that it reads is of one moment.
    pub(super) fn read<T>(
        &self,
        read: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<T> {
        let resting = self.resting.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let connection = match resting {
            Some(connection) => connection,
            None => connect(&self.path, Role::Read)?,
        };
        // After an error the connection is not used again.
        connection.prepare_cached("BEGIN")?.execute([])?;
        let result = read(&connection)?;
        connection.prepare_cached("COMMIT")?.execute([])?;
        let mut resting = self.resting.lock().unwrap_or_else(PoisonError::into_inner);
        if resting.len() < KEPT {
            resting.push(connection);
        }
        Ok(result)
    }

    /// Closes what rests.
    pub(super) fn close(&self) {
        let closed =
            std::mem::take(&mut *self.resting.lock().unwrap_or_else(PoisonError::into_inner));
        drop(closed);
    }
}
