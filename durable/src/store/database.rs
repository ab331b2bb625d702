//! The connection to an object's file, and the file itself.

use std::cell::Cell;
use std::io::{self, Read as _, Write as _};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode};
use selvedge_storage::failure::{failure, io_failure};
use selvedge_storage::file::{self, Kind, PAGE_BYTES, first_page, log_of};
use selvedge_storage::ours;
use selvedge_storage::sql::authorizer::Author;
use selvedge_storage::sql::written::Written;
use selvedge_storage::sql::{limits, text_of};

use super::connections::StopFlag;
use super::durability::{Names, ObjectFile, Opening};
use super::tidy::{BUSY_WAIT, copy_log};
use crate::error::Error;

/// The page cache of a connection, as far as it is filled: 1 MiB.
const CACHE_KIB: i64 = 1024;
/// Prepared statements that a connection keeps.
const STATEMENTS: usize = 32;
/// A query is asked to stop every so many steps of SQLite's machine, which takes
/// some 50 us.
const STEPS_BETWEEN_CHECKS: i32 = 5000;

pub(super) const OBJECT: Kind = Kind {
    what: "Durable Object",
    application_id: u32::from_be_bytes(*b"SvDO"),
    version: 1,
    // Tables come with the transaction that needs them.
    schema: "",
};

/// Whether a file is made where there is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Made {
    Yes,
    No,
}

/// Which tables of ours there are.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Tables {
    pub(super) kv: bool,
    pub(super) alarm: bool,
}

/// A connection to an object's file.
#[derive(Debug)]
pub(super) struct Database {
    pub(super) connection: Connection,
    /// Whose statement is prepared or stepped.
    pub(super) author: Author,
    /// What a Worker's statements write.
    pub(super) written: Written,
    /// A transaction is open.
    begun: Cell<bool>,
    tables: Cell<Option<Tables>>,
    log_pages: Arc<AtomicU64>,
    /// SQLite was told not to sync anything, for the log is a new file.
    new_log: Cell<bool>,
    damaged: Cell<bool>,
}

impl Database {
    /// Opens the file, or makes it; `None` if there is none. Tells which names
    /// may not be on disk.
    pub(super) fn open(
        file: &Arc<ObjectFile>,
        opening: &mut Opening,
        made: Made,
        stop: Option<StopFlag>,
    ) -> Result<Option<(Self, Names)>, Error> {
        let path = &file.path;
        let mut names = Names::Durable;
        let first = !opening.checked;
        if first {
            match prepare(path, made)? {
                None => return Ok(None),
                Some(prepared) => names = prepared,
            }
            opening.checked = true;
        }
        let log_bytes = log_of(path).metadata().map_or(0, |log| log.len());
        let fail = |error: rusqlite::Error| Error::from(failure(path, &error));
        let database = Self::connect(file, stop).map_err(fail)?;
        if opening.salvage {
            file.history.keep();
            copy_log(&database.connection, "TRUNCATE").map_err(fail)?;
            opening.salvage = false;
        } else if log_bytes == 0 {
            // Nothing in a new log can be taken for something older, in whatever
            // order the disk has its parts: it needs no sync between them.
            names = names.max(Names::Files);
            database.connection.pragma_update(None, "synchronous", "OFF").map_err(fail)?;
            database.new_log.set(true);
        } else if first {
            // A process that was killed may not have synced what it wrote.
            file.committed(Names::Folder, 0);
        }
        Ok(Some((database, names)))
    }

    fn connect(file: &ObjectFile, stop: Option<StopFlag>) -> rusqlite::Result<Self> {
        let mut connection = file.disk.connect(&file.path)?;
        connection.busy_timeout(BUSY_WAIT)?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS);
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
        // Closing is quick; who is last tidies up elsewhere.
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
        // SQLite syncs the header of a log that begins anew, and nothing else.
        connection.execute_batch(&format!(
            "PRAGMA synchronous = NORMAL; PRAGMA temp_store = MEMORY;
             PRAGMA cell_size_check = ON; PRAGMA cache_size = -{CACHE_KIB};
             PRAGMA fullfsync = ON; PRAGMA checkpoint_fullfsync = ON;"
        ))?;
        limits::apply(&connection)?;
        let author = Author::default();
        connection.authorizer(Some(author.authorizer()))?;
        let written = Written::watch(&mut connection, &author)?;
        if let Some(stop) = stop {
            connection.progress_handler(STEPS_BETWEEN_CHECKS, Some(move || stop()))?;
        }
        let log_pages = Arc::new(AtomicU64::new(0));
        let pages = log_pages.clone();
        // In the place of SQLite's own checkpoints.
        connection.wal_hook(Some(move |_: &mut rusqlite::hooks::Wal, count: i32| {
            pages.store(u64::try_from(count).unwrap_or(0), Ordering::Relaxed);
            Ok(())
        }))?;
        Ok(Self {
            connection,
            author,
            written,
            begun: Cell::new(false),
            tables: Cell::new(None),
            log_pages,
            new_log: Cell::new(false),
            damaged: Cell::new(false),
        })
    }

    /// How long the log was after the last commit.
    pub(super) fn log_pages(&self) -> u64 {
        self.log_pages.load(Ordering::Relaxed)
    }

    /// Runs SQL of ours.
    pub(super) fn run<T>(
        &self,
        run: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, Error> {
        run(&self.connection).map_err(|error| self.error(&error))
    }

    /// The error for what SQLite says.
    pub(super) fn error(&self, error: &rusqlite::Error) -> Error {
        let code = error.sqlite_error_code();
        if matches!(code, Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase))
            || selvedge_storage::failure::is_io(error)
        {
            self.damaged.set(true);
        }
        Error::Sql(text_of(error))
    }

    /// A transaction, which begins with the first read and ends with a commit:
    /// what is read before it sees the same, and takes no lock.
    #[inline]
    pub(super) fn begin(&self) -> Result<(), Error> {
        if !self.begun.get() {
            self.run(|connection| {
                connection.prepare_cached(ours!("BEGIN"))?.execute([]).map(drop)
            })?;
            self.begun.set(true);
        }
        Ok(())
    }

    /// Ends the transaction.
    pub(super) fn commit(&self) -> Result<(), Error> {
        if self.begun.get() {
            self.run(|connection| {
                connection.prepare_cached(ours!("COMMIT"))?.execute([]).map(drop)
            })?;
            self.begun.set(false);
            if self.new_log.get() && self.log_pages() > 0 {
                self.run(|it| it.pragma_update(None, "synchronous", "NORMAL"))?;
                self.new_log.set(false);
            }
        }
        Ok(())
    }

    /// Undoes the transaction.
    pub(super) fn roll_back(&self) {
        if self.begun.replace(false) && !self.connection.is_autocommit() {
            // It fails only if there is none.
            let _ = self.connection.execute_batch("ROLLBACK");
        }
        self.forget_tables();
    }

    /// Whether SQLite ended the transaction of its own accord.
    pub(super) fn lost_transaction(&self) -> bool {
        self.begun.get() && self.connection.is_autocommit() && {
            self.begun.set(false);
            self.forget_tables();
            true
        }
    }

    pub(super) fn is_damaged(&self) -> bool {
        self.damaged.get()
    }

    /// Which tables of ours there are.
    #[inline]
    pub(super) fn tables(&self) -> Result<Tables, Error> {
        if let Some(tables) = self.tables.get() {
            return Ok(tables);
        }
        let mut tables = Tables::default();
        self.run(|connection| {
            let mut statement = connection.prepare_cached(ours!(
                "SELECT name FROM sqlite_schema WHERE name IN ('_cf_KV', '_cf_ALARM')"
            ))?;
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                match row.get_ref(0)?.as_str()? {
                    "_cf_KV" => tables.kv = true,
                    _ => tables.alarm = true,
                }
            }
            Ok(())
        })?;
        self.tables.set(Some(tables));
        Ok(tables)
    }

    /// Tables were made or dropped, or their making was undone.
    pub(super) fn forget_tables(&self) {
        self.written.forget_tables();
        self.tables.set(None);
    }
}

/// What each file of SQLite begins with is so long.
const MAGIC_BYTES: usize = 16;

/// Makes the file, or checks it by its header.
fn prepare(path: &Path, made: Made) -> Result<Option<Names>, Error> {
    let io = |error: io::Error| Error::from(io_failure(path, &error));
    let head = match std::fs::File::open(path) {
        Ok(file) => {
            let mut head = Vec::new();
            file.take(u64::from(PAGE_BYTES)).read_to_end(&mut head).map_err(io)?;
            Some(head)
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(io(error)),
    };
    let has_log = || log_of(path).metadata().is_ok_and(|log| log.len() > 0);
    match head {
        Some(head) if !is_lost(&head, has_log()) => {
            file::check(path, &OBJECT)?;
            Ok(Some(Names::Durable))
        }
        // Its first page lies in the log as well, as far as anybody was told of a
        // commit: see the first page below.
        Some(_) => write_first_page(path).map_err(io).map(|()| Some(Names::Files)),
        None if made == Made::No && !has_log() => Ok(None),
        None => make(path).map_err(io).map(Some),
    }
}

/// Whether a first page never got to the disk, or only a part of it without its
/// beginning: the log has it then.
fn is_lost(head: &[u8], has_log: bool) -> bool {
    let is_zero = |bytes: &[u8]| bytes.iter().all(|byte| *byte == 0);
    is_zero(head) || has_log && is_zero(&head[..head.len().min(MAGIC_BYTES)])
}

fn make(path: &Path) -> io::Result<Names> {
    let mut names = Names::Files;
    if let Some(folder) = path.parent() {
        match std::fs::create_dir(folder) {
            Ok(()) => names = Names::Folder,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    write_first_page(path).map(|()| names)
}

/// A database without tables is one page, written at once and not synced: the
/// first transaction makes a table, so it has this page too, in the log. Before
/// the log is on disk nobody was told of anything, and then it can be made again.
fn write_first_page(path: &Path) -> io::Result<()> {
    let mut file =
        std::fs::OpenOptions::new().write(true).create(true).truncate(true).open(path)?;
    file.write_all(&first_page(&OBJECT))
}
