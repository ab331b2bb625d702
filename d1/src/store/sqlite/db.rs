//! A connection with all that a Worker's SQL needs: who asks, what it writes, how
//! long it may take.

use std::cell::Cell;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rusqlite::Connection;
use rusqlite::config::DbConfig;
use selvedge_storage::connect::{Role, connect};
use selvedge_storage::file::PAGE_BYTES;
use selvedge_storage::group::Writes;
use selvedge_storage::ours;
use selvedge_storage::readers::Connected;
use selvedge_storage::sql::authorizer::Author;
use selvedge_storage::sql::limits;
use selvedge_storage::sql::written::Written;

use crate::rules::MAX_DATABASE_BYTES;

/// Prepared statements that a connection keeps.
const STATEMENTS: usize = 128;
/// A query is asked to stop every so many steps of SQLite's machine, which takes
/// some 20 us.
const STEPS_BETWEEN_CHECKS: i32 = 2000;

/// A connection to a database.
#[derive(Debug)]
pub(super) struct Db {
    pub(super) connection: Connection,
    pub(super) author: Author,
    pub(super) written: Written,
    pub(super) budget: Arc<Budget>,
    /// What [`Db::size`] gave, as long as nothing was done since.
    known_size: Cell<Option<u64>>,
}

impl Db {
    /// Opens a file that was checked, to read.
    pub(super) fn reader(path: &Path) -> rusqlite::Result<Self> {
        Self::open(path, Role::Read)
    }

    /// The same, to write.
    pub(super) fn writer(path: &Path) -> rusqlite::Result<Self> {
        let db = Self::open(path, Role::Write)?;
        let pages = i64::try_from(MAX_DATABASE_BYTES / u64::from(PAGE_BYTES)).unwrap_or(i64::MAX);
        db.connection.pragma_update_and_check(None, "max_page_count", pages, |_| Ok(()))?;
        Ok(db)
    }

    fn open(path: &Path, role: Role) -> rusqlite::Result<Self> {
        let mut connection = connect(path, role)?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS);
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
        connection.pragma_update(None, "foreign_keys", true)?;
        limits::apply(&connection)?;
        let author = Author::default();
        connection.authorizer(Some(author.authorizer()))?;
        let written = Written::watch(&mut connection, &author)?;
        let budget = Arc::new(Budget::default());
        let asked = budget.clone();
        connection.progress_handler(STEPS_BETWEEN_CHECKS, Some(move || asked.is_spent()))?;
        Ok(Self { connection, author, written, budget, known_size: Cell::new(None) })
    }

    /// The size of the database in bytes, without what deletions left free.
    ///
    /// SQLite parses a pragma again each time that it runs.
    pub(super) fn size(&self) -> rusqlite::Result<u64> {
        if let Some(size) = self.known_size.get() {
            return Ok(size);
        }
        let number = |sql: &str| {
            self.connection.prepare_cached(sql)?.query_row([], |row| row.get::<_, u32>(0))
        };
        let pages = number(ours!("PRAGMA page_count"))?
            .saturating_sub(number(ours!("PRAGMA freelist_count"))?);
        let size = u64::from(pages) * u64::from(PAGE_BYTES);
        self.known_size.set(Some(size));
        Ok(size)
    }

    /// The size may be another one from here on.
    pub(super) fn forget_size(&self) {
        self.known_size.set(None);
    }

    /// Whether the database is as large as it may be.
    pub(super) fn is_full(&self) -> bool {
        // Some pages short of it nothing fits that needs them at once.
        const ALMOST: u64 = 64 * 1024;
        self.size().is_ok_and(|size| size + ALMOST >= MAX_DATABASE_BYTES)
    }

    /// Takes back what a Worker's pragmas have set: they hold within their call.
    pub(super) fn reset_pragmas(&self) -> rusqlite::Result<()> {
        self.connection.execute_batch(
            "/*_cf_*/PRAGMA case_sensitive_like = OFF;
             /*_cf_*/PRAGMA ignore_check_constraints = OFF;
             /*_cf_*/PRAGMA legacy_alter_table = OFF;
             /*_cf_*/PRAGMA recursive_triggers = OFF;
             /*_cf_*/PRAGMA reverse_unordered_selects = OFF;",
        )
    }

    /// Marks what is prepared and stepped as a Worker's, for as long as it lives.
    pub(super) fn foreign(&self) -> Foreign<'_> {
        self.author.set_foreign(true);
        Foreign(&self.author)
    }
}

/// See [`Db::foreign`].
pub(super) struct Foreign<'a>(&'a Author);

impl Drop for Foreign<'_> {
    fn drop(&mut self) {
        self.0.set_foreign(false);
    }
}

impl Connected for Db {
    fn connection(&self) -> &Connection {
        &self.connection
    }
}

impl Writes for Db {
    fn connection(&self) -> &Connection {
        &self.connection
    }

    fn connection_mut(&mut self) -> &mut Connection {
        &mut self.connection
    }
}

/// How long what a connection does may go on.
#[derive(Debug)]
pub(super) struct Budget {
    base: Instant,
    /// Microseconds from `base`.
    until: AtomicU64,
}

impl Default for Budget {
    fn default() -> Self {
        Self { base: Instant::now(), until: AtomicU64::new(u64::MAX) }
    }
}

impl Budget {
    /// From now on so long; the limit is gone when the result is dropped.
    pub(super) fn limit(&self, time: Duration) -> Limited<'_> {
        self.until.store(micros(self.base.elapsed() + time), Ordering::Relaxed);
        Limited(self)
    }

    fn is_spent(&self) -> bool {
        let until = self.until.load(Ordering::Relaxed);
        until != u64::MAX && micros(self.base.elapsed()) >= until
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX - 1)
}

/// See [`Budget::limit`].
pub(super) struct Limited<'a>(&'a Budget);

impl Drop for Limited<'_> {
    fn drop(&mut self) {
        self.0.until.store(u64::MAX, Ordering::Relaxed);
    }
}
