//! SQL of a Worker: what is allowed, the limits, and cursors that step lazily.

pub(super) mod cursor;

use std::rc::Rc;

use rusqlite::CachedStatement;
use selvedge_storage::ours;
pub use selvedge_storage::sql::SqlValue;
use selvedge_storage::sql::split::{Statement, statements};
use selvedge_storage::sql::{NO_STATEMENT, ONLY_THE_LAST, authorizer, check_text};

pub use self::cursor::Cursor;

use super::database::Database;
use super::object::{Inner, ObjectStorage};
use crate::error::Error;

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
        let mut current = statements.next().ok_or_else(|| Error::Sql(NO_STATEMENT.to_owned()))?;
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
            return Err(Error::Sql(ONLY_THE_LAST.to_owned()));
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
        check_text(statement).map_err(|text| Error::Sql(text.to_owned()))?;
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
