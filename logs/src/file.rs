//! The file of one account.

use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, params};
use selvedge_storage::failure::failure;
use selvedge_storage::file::{Kind, create_or_check};

use crate::record::Record;
use crate::{Error, UnixMillis};

/// How long one connection waits for another: 5 s.
const BUSY: Duration = Duration::from_secs(5);
/// Rows that go at once.
const PIECE: i64 = 1000;

const KIND: Kind = Kind {
    what: "log of events",
    application_id: 0x5365_6c4c,
    version: 1,
    schema: "PRAGMA auto_vacuum = INCREMENTAL;
        CREATE TABLE events (
            id INTEGER PRIMARY KEY,
            at INTEGER NOT NULL,
            script TEXT NOT NULL,
            version TEXT,
            outcome TEXT NOT NULL,
            level INTEGER NOT NULL,
            text TEXT NOT NULL,
            item TEXT NOT NULL
        ) STRICT;
        CREATE INDEX events_at ON events (at);
        CREATE INDEX events_script_at ON events (script, at);",
};

/// An open file.
pub(crate) struct File {
    connection: Connection,
}

impl File {
    /// Opens the file to write; it is made where there is none.
    pub(crate) fn open(path: &Path) -> Result<Self, Error> {
        create_or_check(path, &KIND, |_| Ok(()))?;
        let fail = |error: rusqlite::Error| Error::Storage(failure(path, &error));
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags).map_err(fail)?;
        connection.busy_timeout(BUSY).map_err(fail)?;
        // The last moments before a power cut may be missing; the file is whole.
        connection
            .execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;")
            .map_err(fail)?;
        Ok(Self { connection })
    }

    /// Opens the file to read; `None` when there is none.
    pub(crate) fn read(path: &Path) -> Result<Option<Connection>, Error> {
        if !path.is_file() {
            return Ok(None);
        }
        selvedge_storage::file::check(path, &KIND)?;
        let fail = |error: rusqlite::Error| Error::Storage(failure(path, &error));
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags).map_err(fail)?;
        connection.busy_timeout(BUSY).map_err(fail)?;
        connection.execute_batch("PRAGMA query_only = ON").map_err(fail)?;
        Ok(Some(connection))
    }

    /// Writes records in one transaction.
    pub(crate) fn write(&mut self, records: &[Record]) -> rusqlite::Result<()> {
        let transaction = self.connection.transaction()?;
        {
            let mut insert = transaction.prepare_cached(
                "INSERT INTO events (at, script, version, outcome, level, text, item)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            )?;
            for record in records {
                insert.execute(params![
                    record.at,
                    record.script,
                    record.version,
                    record.outcome(),
                    record.level().number(),
                    record.text(),
                    record.item.to_string(),
                ])?;
            }
        }
        transaction.commit()
    }

    /// Removes what is older than `before`, and the oldest while the file holds
    /// more than `max_bytes`. Gives how many rows went.
    pub(crate) fn tidy(&mut self, before: UnixMillis, max_bytes: u64) -> rusqlite::Result<usize> {
        let mut removed = 0;
        loop {
            let gone = self.connection.execute(
                "DELETE FROM events WHERE id IN
                 (SELECT id FROM events WHERE at < ?1 ORDER BY at LIMIT ?2)",
                params![before, PIECE],
            )?;
            removed += gone;
            if gone < PIECE as usize {
                break;
            }
        }
        while self.bytes()? > max_bytes {
            let gone = self.connection.execute(
                "DELETE FROM events WHERE id IN (SELECT id FROM events ORDER BY at LIMIT ?1)",
                params![PIECE],
            )?;
            removed += gone;
            if gone == 0 {
                break;
            }
        }
        if removed > 0 {
            self.connection.execute_batch("PRAGMA incremental_vacuum")?;
        }
        Ok(removed)
    }

    /// Bytes of the pages that hold something.
    fn bytes(&self) -> rusqlite::Result<u64> {
        let number = |pragma: &str| {
            self.connection.query_row(&format!("PRAGMA {pragma}"), [], |row| row.get::<_, i64>(0))
        };
        let used = number("page_count")?.saturating_sub(number("freelist_count")?);
        Ok(u64::try_from(used * number("page_size")?).unwrap_or(0))
    }
}
