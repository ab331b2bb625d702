//! Database files: made whole, and checked before SQLite touches them.
//!
//! SQLite changes a file when it opens one, for it may find work that another
//! program left. So what is not ours is found out by the file's header alone.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags, ffi};

use crate::error::Error;
use crate::failure::{failure, io_failure};

/// The size of a page in new files: 4 KiB, that of a page of memory.
pub const PAGE_BYTES: u32 = 4096;

/// What a file of ours is.
#[derive(Debug)]
pub struct Kind {
    /// For messages, such as "KV namespace".
    pub what: &'static str,
    /// SQLite's `application_id`.
    pub application_id: u32,
    /// SQLite's `user_version`: of the tables.
    pub version: u32,
    /// The tables.
    pub schema: &'static str,
}

/// Makes the file where there is none, and checks one that is there. `fill` adds
/// rows to a new one.
///
/// # Errors
/// [`Error::Data`] for a file that is not of this kind; it is left as it is.
pub fn create_or_check(
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
///
/// # Errors
/// What the system says.
pub fn remove(path: &Path) -> io::Result<()> {
    for file in companions(path).into_iter().chain([path.to_owned()]) {
        match std::fs::remove_file(&file) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    sync_folder(path)
}

/// The files that SQLite keeps beside a database.
pub fn companions(path: &Path) -> [PathBuf; 3] {
    ["-wal", "-shm", "-journal"].map(|suffix| with_suffix(path, suffix))
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// The log of a database.
pub fn log_of(path: &Path) -> PathBuf {
    with_suffix(path, "-wal")
}

/// Syncs the folder of a file, so that names that appear and go are on disk too.
///
/// # Errors
/// What the system says.
pub fn sync_folder(path: &Path) -> io::Result<()> {
    #[cfg(unix)]
    if let Some(folder) = path.parent() {
        File::open(folder)?.sync_all()?;
    }
    let _ = path;
    Ok(())
}

/// Refuses what is not a file of this kind, without changing it.
///
/// # Errors
/// [`Error::Data`] with the reason.
pub fn check(path: &Path, kind: &Kind) -> Result<(), Error> {
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

/// The first page of a database without tables whose writes go to a log first, by
/// SQLite's description of its file format.
pub fn first_page(kind: &Kind) -> [u8; PAGE_BYTES as usize] {
    let mut page = [0; PAGE_BYTES as usize];
    let mut put = |at: usize, bytes: &[u8]| page[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, b"SQLite format 3\0");
    put(16, &(PAGE_BYTES as u16).to_be_bytes());
    // The format of a database with a log: to write, and to read.
    put(18, &[2, 2, 0, 64, 32, 32]);
    // Changes, and the size in pages.
    put(24, &1u32.to_be_bytes());
    put(28, &1u32.to_be_bytes());
    // The format of the schema, and UTF-8.
    put(44, &4u32.to_be_bytes());
    put(56, &1u32.to_be_bytes());
    put(60, &kind.version.to_be_bytes());
    put(68, &kind.application_id.to_be_bytes());
    // The size is that of change 1, of this version of SQLite.
    put(92, &1u32.to_be_bytes());
    put(96, &ffi::SQLITE_VERSION_NUMBER.to_be_bytes());
    // The root of the schema: a leaf without cells.
    put(100, &[13, 0, 0, 0, 0]);
    put(105, &(PAGE_BYTES as u16).to_be_bytes());
    page
}
