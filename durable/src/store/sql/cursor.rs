//! Rows of a query, stepped to as they are asked for.

use std::fmt;
use std::rc::Rc;

use rusqlite::types::ValueRef;
use rusqlite::{CachedStatement, Rows, StatementStatus};
use self_cell::{MutBorrow, self_cell};

use super::split::Statement;
use super::{Foreign, SqlValue};
use crate::error::Error;
use crate::store::database::Database;
use crate::store::object::Inner;

/// A prepared statement with the connection that it borrows.
struct Prepared<'a>(CachedStatement<'a>);

self_cell!(
    struct Owned {
        owner: Rc<Database>,
        #[covariant]
        dependent: Prepared,
    }
);

self_cell!(
    struct Running {
        owner: MutBorrow<Owned>,
        #[covariant]
        dependent: Rows,
    }
);

/// The rows of a query, read as they are asked for. While a cursor lives its
/// object's connection stays open, and its log grows without being copied: it is
/// to be dropped when it is done with.
pub struct Cursor {
    object: Rc<Inner>,
    database: Rc<Database>,
    /// `None` after the last row, or after an error.
    running: Option<Running>,
    columns: Vec<String>,
    /// The row that the statement stands at, if it was not asked for yet.
    first: bool,
    returned: u64,
    rows_read: u64,
    rows_written: u64,
}

impl fmt::Debug for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cursor").field("columns", &self.columns).finish_non_exhaustive()
    }
}

impl Cursor {
    /// Runs a statement to its first row.
    pub(super) fn open(
        object: &Rc<Inner>,
        database: &Rc<Database>,
        statement: &Statement<'_>,
        bindings: &[SqlValue],
    ) -> Result<Self, Error> {
        let foreign = Foreign::enter(database);
        let mut owned = Owned::try_new(database.clone(), |database| {
            object.prepare(database, statement, &foreign).map(Prepared)
        })?;
        let readonly = owned.with_dependent_mut(|_, Prepared(prepared)| {
            if prepared.parameter_count() != bindings.len() {
                return Err(Error::Sql(
                    "Wrong number of parameter bindings for SQL query.".to_owned(),
                ));
            }
            for (index, value) in bindings.iter().enumerate() {
                prepared
                    .raw_bind_parameter(index + 1, value)
                    .map_err(|error| object.check(database, database.error(&error)))?;
            }
            prepared.reset_status(StatementStatus::FullscanStep);
            Ok(prepared.readonly())
        })?;
        foreign.pause(|| object.before(database, statement, readonly))?;
        let columns = owned.borrow_dependent().0.column_names().map(str::to_owned).collect();
        let written = database.connection.total_changes();
        let mut running = Running::new(MutBorrow::new(owned), |owned| {
            owned.borrow_mut().with_dependent_mut(|_, Prepared(prepared)| prepared.raw_query())
        });
        let stepped = running.with_dependent_mut(|_, rows| step(rows));
        let mut cursor = Self {
            object: object.clone(),
            database: database.clone(),
            running: Some(running),
            columns,
            first: false,
            returned: 0,
            rows_read: 0,
            rows_written: database.connection.total_changes().saturating_sub(written),
        };
        cursor.first = cursor.stepped(stepped)?;
        drop(foreign);
        if statement.is_definition() {
            database.forget_tables();
        }
        Ok(cursor)
    }

    /// The names of the columns.
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// Shows the next row's values to `read`, in the order of the columns;
    /// `None` after the last. `read` must not use this object's storage.
    ///
    /// # Errors
    /// [`Error::Sql`] with Cloudflare's text; there are no more rows then.
    pub fn next_with<T>(
        &mut self,
        read: impl FnOnce(&mut dyn Iterator<Item = ValueRef<'_>>) -> T,
    ) -> Result<Option<T>, Error> {
        if !self.first && !self.step()? {
            return Ok(None);
        }
        self.first = false;
        let columns = self.columns.len();
        Ok(self.running.as_ref().and_then(|running| {
            use rusqlite::fallible_streaming_iterator::FallibleStreamingIterator as _;
            let row = running.borrow_dependent().get()?;
            // All of the columns are there.
            let mut values = (0..columns).map(|at| row.get_ref(at).unwrap_or(ValueRef::Null));
            Some(read(&mut values))
        }))
    }

    /// The next row; `None` after the last.
    ///
    /// # Errors
    /// As [`Cursor::next_with`].
    pub fn next_row(&mut self) -> Result<Option<Vec<SqlValue>>, Error> {
        self.next_with(|values| values.map(SqlValue::from).collect())
    }

    /// How many rows were read so far: an estimate. SQLite counts the steps of
    /// full scans only; for other plans it is the rows that were returned.
    pub fn rows_read(&self) -> u64 {
        self.rows_read.max(self.returned)
    }

    /// How many rows of tables were written so far, those that triggers wrote
    /// included. Entries of indexes are not counted.
    pub fn rows_written(&self) -> u64 {
        self.rows_written
    }

    fn step(&mut self) -> Result<bool, Error> {
        if let Some(failure) = self.object.file.failure() {
            self.running = None;
            return Err(failure);
        }
        let Some(running) = &mut self.running else { return Ok(false) };
        let foreign = Foreign::enter(&self.database);
        let written = self.database.connection.total_changes();
        let stepped = running.with_dependent_mut(|_, rows| step(rows));
        drop(foreign);
        self.rows_written += self.database.connection.total_changes().saturating_sub(written);
        self.stepped(stepped)
    }

    /// Takes note of a step: whether it came to a row.
    fn stepped(&mut self, stepped: rusqlite::Result<Step>) -> Result<bool, Error> {
        match stepped {
            Ok(Step { row, scanned }) => {
                // The first row of a scan is not counted as a step.
                self.rows_read = scanned;
                self.returned += u64::from(row);
                if !row {
                    self.running = None;
                }
                Ok(row)
            }
            Err(error) => {
                self.running = None;
                Err(self.object.check(&self.database, self.database.error(&error)))
            }
        }
    }
}

struct Step {
    row: bool,
    scanned: u64,
}

fn step(rows: &mut Rows<'_>) -> rusqlite::Result<Step> {
    let scanned = |rows: &Rows<'_>| {
        let steps = rows.as_ref().map_or(0, |it| it.get_status(StatementStatus::FullscanStep));
        u64::try_from(steps).unwrap_or(0)
    };
    let before = scanned(rows);
    let row = rows.next()?.is_some();
    // After the last row the statement is out of reach.
    let scanned = if row { scanned(rows) } else { before };
    Ok(Step { row, scanned: scanned + u64::from(scanned > 0) })
}
