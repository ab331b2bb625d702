//! A query from its text to its rows, within a transaction of the caller.

use std::time::Instant;

use rusqlite::{ErrorCode, Statement as Prepared, StatementStatus};
use selvedge_storage::failure::is_io;
use selvedge_storage::sql::split::{Statement, statements};
use selvedge_storage::sql::{
    NO_STATEMENT, ONLY_THE_LAST, WRONG_BINDINGS, authorizer, check_text, text_of,
};

use super::db::Db;
use crate::rules::{DATABASE_FULL, MAX_RESULT_BYTES};
use crate::store::{Meta, Query, ResultSet, SqlValue, Wanted};

/// What a value counts beside its text.
const VALUE_BYTES: usize = 24;

/// Why a query gave nothing.
#[derive(Debug)]
pub(super) enum Fault {
    /// The query's own: the text for the Worker.
    Sql(String),
    /// It took too long.
    Stopped,
    /// Its rows are too much.
    TooLarge,
    /// The file's, or the disk's.
    Broken(rusqlite::Error),
}

/// What a text of SQL is going to do, as far as its words tell.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Words {
    /// It has a pragma, which may say how its transaction goes.
    pub(super) pragma: bool,
    /// It asks what was written last.
    pub(super) asks_writer: bool,
}

impl Words {
    pub(super) fn of(sql: &str) -> Self {
        Self {
            pragma: has(sql, b"pragma") && statements(sql).any(|it| it.is_pragma()),
            asks_writer: has(sql, b"last_insert_rowid") || has(sql, b"changes"),
        }
    }
}

impl Words {
    /// What both do.
    pub(super) fn and(self, other: Self) -> Self {
        Self {
            pragma: self.pragma || other.pragma,
            asks_writer: self.asks_writer || other.asks_writer,
        }
    }
}

fn has(text: &str, word: &[u8]) -> bool {
    text.as_bytes().windows(word.len()).any(|part| part.eq_ignore_ascii_case(word))
}

impl Db {
    /// Whether all statements of a text only read. Those after one that writes may
    /// stand on it, and are not looked at.
    pub(super) fn is_readonly(&self, sql: &str) -> Result<bool, Fault> {
        let _foreign = self.foreign();
        for statement in statements(sql) {
            if !self.prepare(&statement, |prepared| Ok(prepared.readonly()))? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Runs a query. What is before the last statement has no rows for anybody.
    /// `room` is how many bytes the rows may have; what they have is taken off.
    pub(super) fn run(
        &self,
        query: &Query,
        wanted: Wanted,
        room: &mut usize,
    ) -> Result<ResultSet, Fault> {
        let begun = Instant::now();
        self.forget_size();
        let before = self.connection.total_changes();
        let mut all = statements(&query.sql);
        let mut current = all.next().ok_or_else(|| Fault::Sql(NO_STATEMENT.to_owned()))?;
        let mut rows_written = 0;
        for next in all {
            rows_written += self.counted(&current, || {
                self.prepare(&current, |prepared| {
                    if prepared.parameter_count() > 0 {
                        return Err(Fault::Sql(ONLY_THE_LAST.to_owned()));
                    }
                    let stepped = prepared.raw_query().next().map(drop);
                    stepped.map_err(|error| self.fault(error))
                })
            })?;
            current = next;
        }
        let mut set = ResultSet::default();
        rows_written += self.counted(&current, || {
            self.prepare(&current, |prepared| self.rows(prepared, query, wanted, room, &mut set))
        })?;
        let changes = self.connection.total_changes().saturating_sub(before);
        set.meta = Meta {
            changes,
            rows_written,
            duration: begun.elapsed().as_secs_f64() * 1000.0,
            ..set.meta
        };
        Ok(set)
    }

    /// Binds, and steps through the rows.
    fn rows(
        &self,
        prepared: &mut Prepared<'_>,
        query: &Query,
        wanted: Wanted,
        room: &mut usize,
        set: &mut ResultSet,
    ) -> Result<(), Fault> {
        if prepared.parameter_count() != query.params.len() {
            return Err(Fault::Sql(WRONG_BINDINGS.to_owned()));
        }
        for (index, value) in query.params.iter().enumerate() {
            prepared.raw_bind_parameter(index + 1, value).map_err(|error| self.fault(error))?;
        }
        prepared.reset_status(StatementStatus::FullscanStep);
        set.columns = prepared.column_names().map(str::to_owned).collect();
        let stops = wanted == Wanted::First && prepared.readonly();
        let columns = set.columns.len();
        let mut rows = prepared.raw_query();
        while let Some(row) = rows.next().map_err(|error| self.fault(error))? {
            for at in 0..columns {
                let value = SqlValue::from(row.get_ref(at).map_err(|error| self.fault(error))?);
                let bytes = bytes(&value);
                *room = room.checked_sub(bytes).ok_or(Fault::TooLarge)?;
                set.values.push(value);
            }
            set.rows += 1;
            if stops {
                break;
            }
        }
        drop(rows);
        let steps = u64::try_from(prepared.get_status(StatementStatus::FullscanStep)).unwrap_or(0);
        // The first row of a scan is no step of it.
        let scanned = steps + u64::from(steps > 0);
        set.meta.rows_read = scanned.max(set.rows as u64);
        Ok(())
    }

    /// Runs one statement and gives how many rows it wrote.
    fn counted(
        &self,
        statement: &Statement<'_>,
        run: impl FnOnce() -> Result<(), Fault>,
    ) -> Result<u64, Fault> {
        let before = self.connection.total_changes();
        let schema = self.schema(statement)?;
        self.written.begin();
        let foreign = self.foreign();
        let ran = run();
        drop(foreign);
        if statement.is_definition() {
            self.written.forget_tables();
        }
        ran?;
        let changes = self.connection.total_changes().saturating_sub(before);
        // `IF NOT EXISTS` may have made nothing.
        let is_new = schema.is_some() && self.schema(statement)? != schema;
        let schema_rows = if is_new { statement.schema_rows() } else { 0 };
        if changes == 0 || statement.is_virtual() {
            // What a new virtual table keeps for itself does not count.
            return Ok(schema_rows);
        }
        let columns = self.written.columns(statement.text);
        let counted = self.written.count(&self.connection, columns.as_ref(), changes);
        Ok(schema_rows + counted.map_err(Fault::Broken)?)
    }

    /// What changes with the schema, for statements that change it.
    fn schema(&self, statement: &Statement<'_>) -> Result<Option<i64>, Fault> {
        if !statement.is_definition() {
            return Ok(None);
        }
        let version = self.connection.query_row("PRAGMA schema_version", [], |row| row.get(0));
        version.map(Some).map_err(Fault::Broken)
    }

    /// Prepares a statement and runs `act` on it.
    fn prepare<T>(
        &self,
        statement: &Statement<'_>,
        act: impl FnOnce(&mut Prepared<'_>) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        check_text(statement).map_err(|text| Fault::Sql(text.to_owned()))?;
        drop(self.author.take_updates());
        let mut prepared = self.connection.prepare_cached(statement.text).map_err(|error| {
            let error = statement.place(error);
            match self.author.take_refused_transaction() {
                true => Fault::Sql(authorizer::NO_TRANSACTIONS.to_owned()),
                false => self.fault(error),
            }
        })?;
        self.written.prepared(statement.text, &self.author);
        act(&mut prepared)
    }

    fn fault(&self, error: rusqlite::Error) -> Fault {
        match error.sqlite_error_code() {
            Some(ErrorCode::OperationInterrupted) => Fault::Stopped,
            Some(ErrorCode::DiskFull) if self.is_full() => Fault::Sql(DATABASE_FULL.to_owned()),
            Some(
                ErrorCode::DatabaseCorrupt
                | ErrorCode::NotADatabase
                | ErrorCode::DiskFull
                | ErrorCode::OutOfMemory
                | ErrorCode::DatabaseBusy
                | ErrorCode::DatabaseLocked,
            ) => Fault::Broken(error),
            _ if is_io(&error) => Fault::Broken(error),
            _ => Fault::Sql(text_of(&error)),
        }
    }
}

fn bytes(value: &SqlValue) -> usize {
    VALUE_BYTES
        + match value {
            SqlValue::Text(text) => text.len(),
            SqlValue::Blob(bytes) => bytes.len(),
            _ => 0,
        }
}

/// The room that the rows of a call have.
pub(super) fn room() -> usize {
    MAX_RESULT_BYTES
}
