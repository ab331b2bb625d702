//! Calls that write, as jobs of the writer's thread.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use selvedge_storage::group::{Failed, Job, Ran};
use selvedge_storage::sql::text_of;
use tokio::sync::oneshot;

use super::Shared;
use super::db::Db;
use super::execute::{Fault, room};
use crate::rules::{TOO_LARGE, TOO_LONG};
use crate::store::{Query, Refusal, ResultSet, Results, SqlValue, Wanted};

/// What is known of how a call writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// One statement that writes rows and nothing else.
    Rows,
    /// Anything, within a transaction.
    Any,
    /// It has a pragma, so it gets a transaction of its own.
    Alone,
}

/// The queries of one call.
pub(super) struct Call {
    pub(super) shared: Arc<Shared>,
    pub(super) queries: Vec<Query>,
    pub(super) wanted: Wanted,
    pub(super) way: Way,
    pub(super) limit: Duration,
    /// What it gave when it ran last.
    pub(super) results: Option<Results>,
    /// It took too long: it is not tried again.
    pub(super) stopped: bool,
    pub(super) told: oneshot::Sender<Results>,
}

impl Job<Db> for Call {
    fn bytes(&self) -> usize {
        let of = |query: &Query| query.sql.len() + params(&query.params);
        self.queries.iter().map(of).sum()
    }

    fn is_alone(&self) -> bool {
        self.way == Way::Alone
    }

    fn run(&mut self, db: &Db) -> rusqlite::Result<Ran> {
        if self.stopped {
            return Ok(Ran::Undo);
        }
        // What ran before may have been taken back.
        db.forget_size();
        let limited = db.budget.limit(self.limit);
        let ran = match self.queries.as_slice() {
            [query] if self.way == Way::Rows => run_write(db, query, self.wanted),
            queries => run_all(db, queries, self.wanted),
        };
        drop(limited);
        if self.is_alone() {
            db.reset_pragmas()?;
        }
        let results = match ran {
            Ok(sets) => Ok(sets),
            Err((_, Fault::Broken(error))) => {
                db.written.forget_tables();
                return Err(error);
            }
            Err((at, fault)) => {
                db.written.forget_tables();
                self.stopped = matches!(fault, Fault::Stopped);
                Err(refusal(at, fault))
            }
        };
        let ran = if results.is_ok() { Ran::Keep } else { Ran::Undo };
        self.results = Some(results);
        Ok(ran)
    }

    fn before_commit(&mut self, db: &Db) -> rusqlite::Result<()> {
        if self.way == Way::Rows
            && let Some(Ok(sets)) = &mut self.results
        {
            // All that is committed together leaves the same size.
            let size = db.size()?;
            sets.iter_mut().for_each(|set| set.meta.size_after = size);
        }
        Ok(())
    }

    fn done(self: Box<Self>, result: Result<(), Failed>) {
        let Self { shared, queries, results, told, .. } = *self;
        let results = match result {
            Ok(()) => results.unwrap_or_else(|| Ok(Vec::new())),
            Err(Failed::Store(error)) => Err(Refusal::Store(error)),
            Err(Failed::Refused(error)) => {
                Err(Refusal::Sql(queries.len().saturating_sub(1), text_of(&error)))
            }
        };
        if let Ok(sets) = &results {
            shared.note(sets);
        }
        // Who asked may be gone.
        let _ = told.send(results);
    }
}

impl Shared {
    /// What is to be known of a call that was committed.
    fn note(&self, sets: &[ResultSet]) {
        if let Some(last) = sets.last() {
            self.size.store(last.meta.size_after, Ordering::Relaxed);
            self.last_row_id.store(last.meta.last_row_id, Ordering::Relaxed);
        }
    }
}

/// Runs a query that writes rows alone within the transaction that is open, with its
/// figures but for the size.
fn run_write(db: &Db, query: &Query, wanted: Wanted) -> Result<Vec<ResultSet>, (usize, Fault)> {
    let last_row_id = db.connection.last_insert_rowid();
    let mut set = db.run(query, wanted, &mut room()).map_err(|fault| (0, fault))?;
    let meta = &mut set.meta;
    meta.last_row_id = db.connection.last_insert_rowid();
    meta.changed = meta.changes > 0 || meta.rows_written > 0 || meta.last_row_id != last_row_id;
    Ok(vec![set])
}

/// Runs queries within the transaction that is open, with their figures.
fn run_all(db: &Db, queries: &[Query], wanted: Wanted) -> Result<Vec<ResultSet>, (usize, Fault)> {
    let mut room = room();
    let broken = |at: usize| move |error| (at, Fault::Broken(error));
    let mut size = db.size().map_err(broken(0))?;
    let mut last_row_id = db.connection.last_insert_rowid();
    let mut sets = Vec::with_capacity(queries.len());
    for (at, query) in queries.iter().enumerate() {
        let mut set = db.run(query, wanted, &mut room).map_err(|fault| (at, fault))?;
        let meta = &mut set.meta;
        meta.size_after = db.size().map_err(broken(at))?;
        meta.last_row_id = db.connection.last_insert_rowid();
        meta.changed = meta.changes > 0
            || meta.rows_written > 0
            || meta.size_after != size
            || meta.last_row_id != last_row_id;
        (size, last_row_id) = (meta.size_after, meta.last_row_id);
        sets.push(set);
    }
    Ok(sets)
}

/// What a Worker is told.
pub(super) fn refusal(at: usize, fault: Fault) -> Refusal {
    let text = match fault {
        Fault::Sql(text) => text,
        Fault::Stopped => TOO_LONG.to_owned(),
        Fault::TooLarge => TOO_LARGE.to_owned(),
        Fault::Broken(error) => text_of(&error),
    };
    Refusal::Sql(at, text)
}

fn params(params: &[SqlValue]) -> usize {
    let bytes = |value: &SqlValue| match value {
        SqlValue::Text(text) => text.len(),
        SqlValue::Blob(bytes) => bytes.len(),
        _ => 16,
    };
    params.iter().map(bytes).sum()
}
