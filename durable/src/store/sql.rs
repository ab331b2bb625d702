//! SQL of a Worker: what is allowed, the limits, and cursors that step lazily.

pub(super) mod authorizer;
pub(super) mod cursor;
pub(super) mod limits;
mod split;
mod text;
pub(super) mod written;

use std::rc::Rc;

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{CachedStatement, ToSql};

pub use self::cursor::Cursor;
pub(super) use self::text::text_of;

use self::split::{Statement, statements};
use super::database::Database;
use super::object::{Inner, ObjectStorage};
use super::ours::{OURS, ours};
use crate::error::Error;

/// A value of SQL.
#[derive(Debug, Clone, PartialEq)]
pub enum SqlValue {
    /// `NULL`
    Null,
    /// `INTEGER`. Cloudflare shows it to JavaScript as a number.
    Integer(i64),
    /// `REAL`
    Real(f64),
    /// `TEXT`. What is not UTF-8 was replaced by U+FFFD.
    Text(String),
    /// `BLOB`
    Blob(Vec<u8>),
}

impl SqlValue {
    /// The value, borrowed.
    pub fn as_ref(&self) -> ValueRef<'_> {
        match self {
            Self::Null => ValueRef::Null,
            Self::Integer(value) => ValueRef::Integer(*value),
            Self::Real(value) => ValueRef::Real(*value),
            Self::Text(value) => ValueRef::Text(value.as_bytes()),
            Self::Blob(value) => ValueRef::Blob(value),
        }
    }
}

impl From<ValueRef<'_>> for SqlValue {
    fn from(value: ValueRef<'_>) -> Self {
        match value {
            ValueRef::Null => Self::Null,
            ValueRef::Integer(value) => Self::Integer(value),
            ValueRef::Real(value) => Self::Real(value),
            ValueRef::Text(value) => Self::Text(String::from_utf8_lossy(value).into_owned()),
            ValueRef::Blob(value) => Self::Blob(value.to_vec()),
        }
    }
}

impl ToSql for SqlValue {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(self.as_ref()))
    }
}

impl ObjectStorage {
    /// Runs statements. All but the last run to their first row and their rows
    /// are dropped; the last one gets the bindings, and runs to its first row.
    /// What writes does all its writes by then.
    ///
    /// # Errors
    /// [`Error::Sql`] with Cloudflare's text.
    pub fn exec(&self, query: &str, bindings: &[SqlValue]) -> Result<Cursor, Error> {
        let database = self.0.to_query()?;
        let mut statements = statements(query);
        let mut current = statements
            .next()
            .ok_or_else(|| Error::Sql("SQL code did not contain a statement.".to_owned()))?;
        for next in statements {
            self.0.run_before_last(&database, &current)?;
            current = next;
        }
        Cursor::open(&self.0, &database, &current, bindings)
    }

    /// The size of the database in bytes, without what deletions left free.
    pub fn database_size(&self) -> Result<u64, Error> {
        let Some(database) = self.0.to_read()? else { return Ok(0) };
        self.0.run(&database, |connection| {
            let number = |sql: &str| {
                connection.prepare_cached(sql)?.query_row([], |row| row.get::<_, u32>(0))
            };
            let pages = number(ours!("PRAGMA page_count"))?
                .saturating_sub(number(ours!("PRAGMA freelist_count"))?);
            Ok(u64::from(pages) * u64::from(selvedge_storage::file::PAGE_BYTES))
        })
    }
}

impl Inner {
    fn run_before_last(
        self: &Rc<Self>,
        database: &Rc<Database>,
        statement: &Statement<'_>,
    ) -> Result<(), Error> {
        let foreign = Foreign::enter(database);
        let mut prepared = self.prepare(database, statement, &foreign)?;
        if prepared.parameter_count() > 0 {
            return Err(Error::Sql(
                "When executing multiple SQL statements in a single call, only the last statement \
                 can have parameters."
                    .to_owned(),
            ));
        }
        foreign.pause(|| self.before(database, statement, prepared.readonly()))?;
        let mut rows = prepared.raw_query();
        let stepped = rows.next().map(drop);
        drop(rows);
        drop(prepared);
        stepped.map_err(|error| self.check(database, database.error(&error)))?;
        if statement.is_definition() {
            database.forget_tables();
        }
        Ok(())
    }

    fn prepare<'a>(
        self: &Rc<Self>,
        database: &'a Database,
        statement: &Statement<'_>,
        _foreign: &Foreign<'_>,
    ) -> Result<CachedStatement<'a>, Error> {
        if statement.is_empty() {
            return Err(Error::Sql("SQL code did not contain a statement.".to_owned()));
        }
        if statement.new_name().is_some_and(|name| !authorizer::is_free(name)) {
            // SQLite does not ask for the name that a table gets.
            return Err(Error::Sql("not authorized: SQLITE_AUTH".to_owned()));
        }
        if statement.text.trim_start().starts_with(OURS) {
            return Err(Error::Sql("not authorized: SQLITE_AUTH".to_owned()));
        }
        drop(database.author.take_updates());
        let prepared = database.connection.prepare_cached(statement.text).map_err(|error| {
            let error = statement.place(error);
            match database.author.take_refused_transaction() {
                true => Error::Sql(authorizer::NO_TRANSACTIONS.to_owned()),
                false => self.check(database, database.error(&error)),
            }
        })?;
        database.written.prepared(statement.text, &database.author);
        Ok(prepared)
    }

    /// Before a statement's first step: the transaction that it needs.
    fn before(
        self: &Rc<Self>,
        database: &Rc<Database>,
        statement: &Statement<'_>,
        readonly: bool,
    ) -> Result<(), Error> {
        if readonly && statement.is_pragma() {
            // Some of them do nothing within a transaction.
            if !self.dirty.get() && self.levels.borrow().is_empty() {
                database.commit()?;
            }
            return Ok(());
        }
        database.begin()?;
        if readonly { Ok(()) } else { self.wrote(database) }
    }
}

/// Marks the statement that is prepared or stepped as a Worker's.
struct Foreign<'a>(&'a Database);

impl<'a> Foreign<'a> {
    fn enter(database: &'a Database) -> Self {
        database.author.set_foreign(true);
        Self(database)
    }

    /// Runs statements of ours in between.
    fn pause<T>(&self, run: impl FnOnce() -> T) -> T {
        self.0.author.set_foreign(false);
        let result = run();
        self.0.author.set_foreign(true);
        result
    }
}

impl Drop for Foreign<'_> {
    fn drop(&mut self) {
        self.0.author.set_foreign(false);
    }
}
