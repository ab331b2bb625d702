//! Database files: made whole, checked before SQLite touches them, and opened
//! for reading or writing.
//!
//! SQLite changes a file when it opens one, for it may find work that another
//! program left. So what is not ours is found out by the file's header alone.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use super::failure::{failure, io_failure};
use crate::error::Error;

/// How long a connection waits for a lock of another one: 5 s. Only the opening
/// and closing of connections makes any wait, and for much less.
pub(super) const LOCK_WAIT: Duration = Duration::from_secs(5);
/// The size of a page in new files: 4 KiB, that of a page of memory.
const PAGE_BYTES: u32 = 4096;
/// The page cache of a connection that writes: 16 MiB.
const WRITER_CACHE_KIB: i64 = 16 * 1024;
/// The page cache of a connection that reads: 8 MiB. The kernel's cache is behind it.
const READER_CACHE_KIB: i64 = 8 * 1024;
/// The log of writes keeps this much room between checkpoints: 64 MiB.
const LOG_KEPT_BYTES: i64 = 64 * 1024 * 1024;
/// Prepared statements that a connection keeps; there are fewer.
const STATEMENTS: usize = 32;

/// What a file of ours is.
#[derive(Debug)]
pub(super) struct Kind {
    /// For messages, such as "KV namespace".
    pub(super) what: &'static str,
    /// SQLite's `application_id`.
    pub(super) application_id: u32,
    /// SQLite's `user_version`: of the tables.
    pub(super) version: u32,
    /// The tables.
    pub(super) schema: &'static str,
}

/// What a connection is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Read,
    Write,
}

/// Makes the file where there is none, and checks one that is there.
pub(super) fn create_or_check(
    path: &Path,
    kind: &Kind,
    fill: impl FnOnce(&Connection) -> rusqlite::Result<()>,
) -> Result<(), Error> {
    match path.symlink_metadata() {
        Ok(_) => check(path, kind),
        Err(error) if error.kind() == io::ErrorKind::NotFound => create(path, kind, fill),
        Err(error) => Err(io_failure(path, &error)),
    }
}

/// A file appears under its name only when all of it is on disk: a crash leaves
/// no half of one.
fn create(
    path: &Path,
    kind: &Kind,
    fill: impl FnOnce(&Connection) -> rusqlite::Result<()>,
) -> Result<(), Error> {
    for left in companions(path) {
        // SQLite would take it for the log of the new file.
        if left.symlink_metadata().is_ok() {
            return Err(Error::Data(format!(
                "{} is there, but not the file it belongs to, {}; move it away or put that back",
                left.display(),
                path.display()
            )));
        }
    }
    let new = with_suffix(path, ".new");
    remove(&new).map_err(|error| io_failure(&new, &error))?;
    let made = build(&new, kind, fill).map_err(|error| failure(&new, &error)).and_then(|()| {
        let io = |error: io::Error| io_failure(path, &error);
        File::open(&new).and_then(|file| file.sync_all()).map_err(io)?;
        std::fs::rename(&new, path).map_err(io)?;
        sync_folder(path).map_err(io)
    });
    if made.is_err() {
        // The failure is what counts.
        let _ = remove(&new);
    }
    made
}

fn build(
    path: &Path,
    kind: &Kind,
    fill: impl FnOnce(&Connection) -> rusqlite::Result<()>,
) -> rusqlite::Result<()> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.pragma_update(None, "page_size", PAGE_BYTES)?;
    connection.execute_batch("BEGIN")?;
    connection.pragma_update(None, "application_id", kind.application_id)?;
    connection.pragma_update(None, "user_version", kind.version)?;
    connection.execute_batch(kind.schema)?;
    fill(&connection)?;
    connection.execute_batch("COMMIT; PRAGMA journal_mode = WAL")?;
    connection.close().map_err(|(_, error)| error)
}

/// Removes a database with all that belongs to it. The log goes first: SQLite
/// would take it for the log of a later file of that name.
pub(super) fn remove(path: &Path) -> io::Result<()> {
    for file in companions(path).into_iter().chain([path.to_owned()]) {
        match std::fs::remove_file(&file) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    sync_folder(path)
}

/// The files that SQLite keeps beside a database.
fn companions(path: &Path) -> [PathBuf; 3] {
    ["-wal", "-shm", "-journal"].map(|suffix| with_suffix(path, suffix))
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// Names that appear and go are on disk too.
fn sync_folder(path: &Path) -> io::Result<()> {
    #[cfg(unix)]
    if let Some(folder) = path.parent() {
        File::open(folder)?.sync_all()?;
    }
    let _ = path;
    Ok(())
}

/// Refuses what is not a file of this kind, without changing it.
fn check(path: &Path, kind: &Kind) -> Result<(), Error> {
    let Kind { what, .. } = kind;
    let file = path.display();
    let refuse =
        |why: &str| Err(Error::Data(format!("{file} is not a {what}: {why}; it is kept as it is")));
    let io = |error: io::Error| io_failure(path, &error);
    if !path.metadata().map_err(io)?.is_file() {
        return refuse("it is not a file");
    }
    let mut header = Vec::new();
    File::open(path).map_err(io)?.take(HEADER_BYTES).read_to_end(&mut header).map_err(io)?;
    if header.len() < HEADER_BYTES as usize {
        return refuse("it is too short for a database");
    }
    if !header.starts_with(b"SQLite format 3\0") {
        return refuse("it is not a database of SQLite");
    }
    let number = |at: usize| {
        header[at..].first_chunk().map(|bytes| u32::from_be_bytes(*bytes)).unwrap_or_default()
    };
    if number(APPLICATION_ID_AT) != kind.application_id {
        return refuse("another program made it");
    }
    let version = number(USER_VERSION_AT);
    if version > kind.version {
        return Err(Error::Data(format!(
            "{file} is of a newer version of Selvedge: its format is {version}, and this version \
             reads up to {}; it is kept as it is",
            kind.version
        )));
    }
    if version < kind.version {
        return refuse("its format has no known number");
    }
    Ok(())
}

// From SQLite's description of its file format.
const HEADER_BYTES: u64 = 100;
const USER_VERSION_AT: usize = 60;
const APPLICATION_ID_AT: usize = 68;

/// Opens a file that was checked.
pub(super) fn connect(path: &Path, role: Role) -> rusqlite::Result<Connection> {
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
