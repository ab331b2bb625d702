//! Rows of a query, stepped to as they are asked for.

use std::cell::RefCell;
use std::fmt;
use std::rc::{Rc, Weak};

use rusqlite::fallible_streaming_iterator::FallibleStreamingIterator as _;
use rusqlite::types::ValueRef;
use rusqlite::{CachedStatement, Rows, StatementStatus};
use self_cell::{MutBorrow, self_cell};

use selvedge_storage::sql::WRONG_BINDINGS;
use selvedge_storage::sql::split::Statement;
use selvedge_storage::sql::written::Columns;

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

/// The rows of a query, read as they are asked for. While a cursor has more, its
/// object's connection stays open, and its log grows without being copied: it is
/// to be dropped when it is done with. It ends with its object.
pub struct Cursor {
    object: Rc<Inner>,
    state: Rc<RefCell<State>>,
    columns: Vec<String>,
    /// The statement stands at a row that was not asked for yet.
    first: bool,
    returned: u64,
    rows_read: u64,
    rows_written: u64,
    /// What the statement sets, if it writes.
    writes: Option<Writes>,
}

/// What is known of a statement that writes.
struct Writes {
    columns: Option<Columns>,
}

/// Where a cursor is. Its object may cancel it.
enum State {
    Running(Running, Rc<Database>),
    Done,
    Canceled(Cancel),
}

/// What became of the database of a cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store) enum Cancel {
    Closed,
    Deleted,
}

impl Cancel {
    fn error(self) -> Error {
        let what = match self {
            Self::Closed => "closed",
            Self::Deleted => "deleted",
        };
        Error::Sql(format!("SQLite query was canceled because the database was {what}."))
    }
}

/// The cursors of an object that may have more rows.
#[derive(Default)]
pub(in crate::store) struct Cursors(RefCell<Vec<Weak<RefCell<State>>>>);

impl Cursors {
    fn add(&self, state: &Rc<RefCell<State>>) {
        let mut cursors = self.0.borrow_mut();
        if cursors.len() == cursors.capacity() {
            cursors.retain(|cursor| cursor.strong_count() > 0);
        }
        cursors.push(Rc::downgrade(state));
    }

    /// Ends all that have more rows.
    pub(in crate::store) fn cancel(&self, why: Cancel) {
        for cursor in self.0.take().iter().filter_map(Weak::upgrade) {
            let mut state = cursor.borrow_mut();
            if matches!(*state, State::Running(..)) {
                *state = State::Canceled(why);
            }
        }
    }
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
                return Err(Error::Sql(WRONG_BINDINGS.to_owned()));
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
        let running = Running::new(MutBorrow::new(owned), |owned| {
            owned.borrow_mut().with_dependent_mut(|_, Prepared(prepared)| prepared.raw_query())
        });
        drop(foreign);
        let mut cursor = Self {
            object: object.clone(),
            state: Rc::new(RefCell::new(State::Running(running, database.clone()))),
            columns,
            first: false,
            returned: 0,
            rows_read: 0,
            rows_written: if readonly { 0 } else { statement.schema_rows() },
            // What a new virtual table keeps for itself does not count.
            writes: (!readonly && !statement.is_virtual())
                .then(|| Writes { columns: database.written.columns(statement.text) }),
        };
        cursor.first = cursor.step()?;
        if cursor.first {
            object.cursors.add(&cursor.state);
        }
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
        if !std::mem::take(&mut self.first) && !self.step()? {
            return Ok(None);
        }
        match &*self.state.borrow() {
            State::Running(running, _) => {
                let Some(row) = running.borrow_dependent().get() else { return Ok(None) };
                let columns = self.columns.len();
                // All of the columns are there.
                let mut values = (0..columns).map(|at| row.get_ref(at).unwrap_or(ValueRef::Null));
                Ok(Some(read(&mut values)))
            }
            State::Done => Ok(None),
            State::Canceled(why) => Err(why.error()),
        }
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

    /// How many rows were written so far, entries of indexes and what triggers
    /// wrote included, see [`selvedge_storage::sql::written`].
    pub fn rows_written(&self) -> u64 {
        self.rows_written
    }

    /// Goes to the next row, if there is one.
    fn step(&mut self) -> Result<bool, Error> {
        let mut state = self.state.borrow_mut();
        let (running, database) = match &mut *state {
            State::Running(running, database) => (running, database.clone()),
            State::Done => return Ok(false),
            State::Canceled(why) => return Err(why.error()),
        };
        if let Some(failure) = self.object.file.failure() {
            *state = State::Done;
            return Err(failure);
        }
        let foreign = Foreign::enter(&database);
        let written = database.connection.total_changes();
        if self.writes.is_some() {
            database.written.begin();
        }
        let stepped = running.with_dependent_mut(|_, rows| rows.next().map(|row| row.is_some()));
        drop(foreign);
        if let Some(Writes { columns }) = &self.writes {
            let changes = database.connection.total_changes().saturating_sub(written);
            let counted = database.written.count(&database.connection, columns.as_ref(), changes);
            // It is only a number: what fails here is told by the next statement.
            self.rows_written += counted.unwrap_or(changes);
        }
        match stepped {
            Ok(true) => {
                self.returned += 1;
                if let State::Running(running, _) = &*state {
                    self.rows_read = scanned(running.borrow_dependent().as_ref());
                }
                Ok(true)
            }
            Ok(false) => {
                if let State::Running(running, _) = std::mem::replace(&mut *state, State::Done) {
                    let owned = running.into_owner().into_inner();
                    self.rows_read = scanned(Some(&owned.borrow_dependent().0));
                }
                Ok(false)
            }
            Err(error) => {
                *state = State::Done;
                Err(self.object.check(&database, database.error(&error)))
            }
        }
    }
}

/// The rows that full scans went over: the first one of a scan is no step of it.
fn scanned(statement: Option<&rusqlite::Statement<'_>>) -> u64 {
    let steps = statement.map_or(0, |it| it.get_status(StatementStatus::FullscanStep));
    let steps = u64::try_from(steps).unwrap_or(0);
    steps + u64::from(steps > 0)
}
