//! Transactions of an object. There is an implicit one, from the first write to
//! [`ObjectStorage::commit`]; savepoints lie within it, and explicit ones hold
//! back the commit for as long as they are open.

use std::rc::Rc;
use std::sync::atomic::Ordering;

use selvedge_storage::sql::ours::OURS;

use super::database::Database;
use super::durability::{Commit, Names};
use super::object::{Inner, ObjectStorage};
use super::pool::Job;
use crate::error::Error;

/// A log above this many pages is copied into the database: 4 MiB. Tests have
/// short ones, so that logs often begin anew.
const LOG_PAGES: u64 = if cfg!(test) { 48 } else { 1024 };

/// What is open within the implicit transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Level {
    Savepoint,
    Transaction,
}

impl ObjectStorage {
    /// Ends the implicit transaction, without waiting for the disk. Tells the
    /// commit, or `None` if nothing was written, or if a savepoint or an explicit
    /// transaction is open.
    ///
    /// # Errors
    /// [`Error::Broken`] if it cannot be committed: the writes are lost.
    pub fn commit(&self) -> Result<Option<Commit>, Error> {
        if !self.0.dirty.get() || !self.0.levels.borrow().is_empty() {
            return Ok(None);
        }
        self.0.commit().map(Some)
    }

    /// Whether writes wait for a commit.
    pub fn has_uncommitted(&self) -> bool {
        self.0.dirty.get()
    }

    /// Begins a savepoint within the transaction, for code that does not wait
    /// (`transactionSync`, and writes of many keys). They nest.
    pub fn savepoint(&self) -> Result<(), Error> {
        self.0.push(Level::Savepoint)
    }

    /// Ends the innermost savepoint; its writes belong to what is around it.
    pub fn release_savepoint(&self) -> Result<(), Error> {
        self.0.pop(Level::Savepoint, End::Keep)
    }

    /// Ends the innermost savepoint and undoes its writes.
    pub fn rollback_savepoint(&self) -> Result<(), Error> {
        self.0.pop(Level::Savepoint, End::Undo)
    }

    /// Begins an explicit transaction (`transaction`), which may last for many
    /// turns. Writes before the outermost one are committed first: that commit
    /// is told. They nest.
    pub fn begin_transaction(&self) -> Result<Option<Commit>, Error> {
        let before = self.commit()?;
        self.0.push(Level::Transaction)?;
        Ok(before)
    }

    /// Commits the innermost explicit transaction, with all savepoints in it.
    /// That of the outermost one is a commit of the object, if it wrote.
    pub fn commit_transaction(&self) -> Result<Option<Commit>, Error> {
        self.0.pop(Level::Transaction, End::Keep)?;
        self.commit()
    }

    /// Undoes the innermost explicit transaction, with all savepoints in it.
    pub fn rollback_transaction(&self) -> Result<(), Error> {
        self.0.pop(Level::Transaction, End::Undo)
    }

    /// How many savepoints and explicit transactions are open.
    pub fn depth(&self) -> usize {
        self.0.levels.borrow().len()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Keep,
    Undo,
}

impl Inner {
    fn push(self: &Rc<Self>, level: Level) -> Result<(), Error> {
        let database = self.to_use()?;
        let depth = self.levels.borrow().len();
        let begun = database.run(|connection| {
            connection
                .prepare_cached(&format!("{OURS}SAVEPOINT _cf_savepoint_{depth}"))?
                .execute([])
                .map(drop)
        });
        begun.map_err(|error| self.check(&database, error))?;
        self.levels.borrow_mut().push(level);
        Ok(())
    }

    /// Ends the innermost level of this kind, and all within it.
    fn pop(self: &Rc<Self>, level: Level, end: End) -> Result<(), Error> {
        if let Some(failure) = self.file.failure() {
            return Err(failure);
        }
        let Some(depth) = self.levels.borrow().iter().rposition(|it| *it == level) else {
            return Err(Error::Sql("no such transaction is open".to_owned()));
        };
        self.levels.borrow_mut().truncate(depth);
        let database = self.to_use()?;
        let ended = database.run(|connection| {
            if end == End::Undo {
                connection
                    .prepare_cached(&format!("{OURS}ROLLBACK TO _cf_savepoint_{depth}"))?
                    .execute([])?;
            }
            connection
                .prepare_cached(&format!("{OURS}RELEASE _cf_savepoint_{depth}"))?
                .execute([])
                .map(drop)
        });
        if end == End::Undo {
            database.forget_tables();
        }
        // If that fails the object cannot say what it holds.
        ended.map_err(|error| self.broken(&error.to_string()))
    }

    pub(super) fn commit(self: &Rc<Self>) -> Result<Commit, Error> {
        let database = self.to_use()?;
        let committed = self.index_alarm_before(&database).and_then(|()| {
            let notes = self.file.history.notes();
            database.commit()?;
            notes.add(database.log_pages());
            Ok(())
        });
        if let Err(error) = committed {
            return Err(self.broken(&error.to_string()));
        }
        self.dirty.set(false);
        self.alarm_dirty.set(false);
        let commit = self.file.committed(self.names.replace(Names::Durable), self.index.replace(0));
        self.restore_foreign_keys(&database)?;
        if database.log_pages() > LOG_PAGES
            && !self.file.checkpoint_asked.swap(true, Ordering::AcqRel)
        {
            self.registry.pools.upkeep.submit(Job::Checkpoint(self.file.clone()));
        }
        Ok(commit)
    }

    /// Most of the log was copied beside this thread. Copies the rest, which is
    /// short, so that the next write begins the log anew.
    pub(super) fn finish_checkpoint(self: &Rc<Self>, database: &Database) -> Result<(), Error> {
        if !self.levels.borrow().is_empty() {
            return Ok(());
        }
        self.file.checkpointed.store(false, Ordering::Relaxed);
        database.commit()?;
        self.file.history.keep();
        // With a cursor open it does nothing.
        let copied = super::tidy::copy_log(&database.connection, "PASSIVE");
        if let Err(error) = copied
            && selvedge_storage::failure::is_io(&error)
        {
            return Err(self.broken(&error.to_string()));
        }
        database.begin()
    }
}
