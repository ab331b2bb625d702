//! The storage of one object: its connection, opened when it is needed.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::rc::Rc;
use std::sync::{Arc, PoisonError};

use super::connections::Connections;
use super::database::{Database, Made};
use super::durability::{Durability, Names, ObjectFile};
use super::namespace::Registry;
use super::pool::Job;
use super::sql::cursor::{Cancel, Cursors};
use super::transaction::Level;
use crate::error::Error;

/// A log above this many pages is copied when its connection is closed to make
/// room: 256 KiB. The next opening reads what is left.
const RELEASED_LOG_PAGES: u64 = 64;

/// Whether `deleteAll` takes the alarm along: as of the compatibility date
/// 2026-02-24 it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeleteAlarm {
    /// It is deleted.
    Yes,
    /// It stays.
    No,
}

/// The storage of one object, on the thread where the object lives. There is
/// one at a time: [`super::Namespace::object`] refuses a second one. Dropping it
/// undoes what was not committed, and ends an object's time as one that is open.
pub struct ObjectStorage(pub(super) Rc<Inner>);

pub(super) struct Inner {
    pub(super) file: Arc<ObjectFile>,
    pub(super) registry: Arc<Registry>,
    connections: Connections,
    name: Option<String>,
    database: RefCell<Option<Rc<Database>>>,
    last_use: Cell<u64>,
    /// Explicit transactions and savepoints, outermost first.
    pub(super) levels: RefCell<Vec<Level>>,
    /// The implicit transaction has written.
    pub(super) dirty: Cell<bool>,
    /// It may have changed the alarm.
    pub(super) alarm_dirty: Cell<bool>,
    /// The alarm's handler runs.
    pub(super) alarm_runs: Cell<bool>,
    /// It has set or deleted the alarm.
    pub(super) alarm_changed: Cell<bool>,
    /// What the next commit must have on disk beside the log.
    pub(super) names: Cell<Names>,
    pub(super) index: Cell<u64>,
    /// Those that may have more rows.
    pub(super) cursors: Cursors,
    /// References between tables are not looked at until the next commit.
    pub(super) foreign_keys_off: Cell<bool>,
    /// The index knows the object's name.
    known: Cell<bool>,
    /// The session has begun: what was to be restored before is.
    begun: Cell<bool>,
}

impl fmt::Debug for ObjectStorage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ObjectStorage").field("id", &self.0.file.id).finish_non_exhaustive()
    }
}

impl Drop for ObjectStorage {
    fn drop(&mut self) {
        self.0.end();
    }
}

impl ObjectStorage {
    pub(super) fn new(
        file: Arc<ObjectFile>,
        registry: Arc<Registry>,
        name: Option<&str>,
        connections: Connections,
    ) -> Self {
        connections.began();
        Self(Rc::new(Inner {
            file,
            registry,
            connections,
            name: name.map(str::to_owned),
            database: RefCell::default(),
            last_use: Cell::new(0),
            levels: RefCell::default(),
            dirty: Cell::new(false),
            alarm_dirty: Cell::new(false),
            alarm_runs: Cell::new(false),
            alarm_changed: Cell::new(false),
            names: Cell::new(Names::Durable),
            index: Cell::new(0),
            cursors: Cursors::default(),
            foreign_keys_off: Cell::new(false),
            known: Cell::new(false),
            begun: Cell::new(false),
        }))
    }

    /// Which of the object's commits are on disk.
    pub fn durability(&self) -> Durability {
        Durability(self.0.file.clone())
    }

    /// Why the object is broken, if it is.
    pub fn failure(&self) -> Option<Error> {
        self.0.file.failure()
    }

    /// Closes the connection until the object is used again, unless it is
    /// needed: a cursor lives, or writes are not committed.
    pub fn release(&self) {
        if !self.0.is_pinned() {
            self.0.release();
        }
    }

    /// Whether a connection is open.
    pub fn is_open(&self) -> bool {
        self.0.is_open()
    }
}

impl Inner {
    pub(super) fn is_open(&self) -> bool {
        self.database.borrow().is_some()
    }

    pub(super) fn last_use(&self) -> u64 {
        self.last_use.get()
    }

    /// Whether its connection cannot be closed now.
    pub(super) fn is_pinned(&self) -> bool {
        self.dirty.get()
            || !self.levels.borrow().is_empty()
            || self.database.borrow().as_ref().is_some_and(|it| Rc::strong_count(it) > 1)
    }

    /// Closes the connection of an object that is not pinned.
    pub(super) fn release(&self) {
        let Some(database) = self.database.take() else { return };
        let long = database.log_pages() > RELEASED_LOG_PAGES;
        drop(database);
        self.file.opening.lock().unwrap_or_else(PoisonError::into_inner).connected = false;
        if long {
            self.registry.pools.upkeep.submit(Job::Tidy(self.file.clone(), self.registry.clone()));
        }
    }

    fn end(self: &Rc<Self>) {
        self.connections.ended();
        self.cursors.cancel(Cancel::Closed);
        if let Some(database) = self.database.take() {
            database.roll_back();
        }
        self.dirty.set(false);
        self.file.opening.lock().unwrap_or_else(PoisonError::into_inner).connected = false;
        self.registry.put_back(&self.file);
    }

    /// The database for reads, in a transaction; `None` if there is no file.
    #[inline]
    pub(super) fn to_read(self: &Rc<Self>) -> Result<Option<Rc<Database>>, Error> {
        self.open(Made::No, Database::begin)
    }

    /// The database for writes, which is made where there is none.
    pub(super) fn to_write(self: &Rc<Self>) -> Result<Rc<Database>, Error> {
        let database = self.to_use()?;
        self.wrote(&database)?;
        Ok(database)
    }

    /// The database, in a transaction, made where there is none.
    pub(super) fn to_use(self: &Rc<Self>) -> Result<Rc<Database>, Error> {
        self.open(Made::Yes, Database::begin)?.ok_or_else(|| self.broken("it has no file"))
    }

    /// The database as it is.
    pub(super) fn to_query(self: &Rc<Self>) -> Result<Rc<Database>, Error> {
        self.open(Made::Yes, |_| Ok(()))?.ok_or_else(|| self.broken("it has no file"))
    }

    #[inline]
    fn open(
        self: &Rc<Self>,
        made: Made,
        begin: impl FnOnce(&Database) -> Result<(), Error>,
    ) -> Result<Option<Rc<Database>>, Error> {
        if let Some(failure) = self.file.failure() {
            return Err(failure);
        }
        self.last_use.set(self.connections.next_use());
        let known = self.database.borrow().clone();
        let database = match known {
            Some(database) => database,
            None => match self.connect(made)? {
                Some(database) => database,
                None => return Ok(None),
            },
        };
        begin(&database).map_err(|error| self.check(&database, error))?;
        Ok(Some(database))
    }

    fn connect(self: &Rc<Self>, made: Made) -> Result<Option<Rc<Database>>, Error> {
        let opened = {
            let mut opening = self.file.opening.lock().unwrap_or_else(PoisonError::into_inner);
            if !self.begun.get() {
                if self.file.history.is_asked() {
                    self.file.wait_for_syncer();
                }
                if self.file.history.begin()? {
                    // The index is compared with the alarm of the state that is back.
                    self.file.lock_alarm().known = None;
                }
                self.begun.set(true);
            }
            let opened =
                Database::open(&self.file, &mut opening, made, self.connections.stop_flag())?;
            opening.connected = opened.is_some();
            opened
        };
        let Some((database, names)) = opened else { return Ok(None) };
        self.names.set(self.names.get().max(names));
        self.connections.opened(self);
        let database = Rc::new(database);
        *self.database.borrow_mut() = Some(database.clone());
        self.compare_alarm(&database)?;
        Ok(Some(database))
    }

    /// The transaction is about to write.
    #[inline]
    pub(super) fn wrote(self: &Rc<Self>, database: &Rc<Database>) -> Result<(), Error> {
        if self.dirty.get() {
            return Ok(());
        }
        // A transaction that began after the log was copied can begin it anew.
        if self.file.checkpointed.load(std::sync::atomic::Ordering::Relaxed) {
            self.finish_checkpoint(database)?;
        }
        if !self.known.get() {
            let now = (self.registry.clock)();
            let index = &self.registry.index;
            let seq = match index.get(self.file.id)? {
                // It may be of a process that was killed before it synced it.
                Some(info) if info.name.is_some() || self.name.is_none() => 1,
                _ => index.add(self.file.id, self.name.as_deref(), now)?,
            };
            self.index.set(self.index.get().max(seq));
            self.known.set(true);
        }
        self.dirty.set(true);
        Ok(())
    }

    /// Breaks the object.
    pub(super) fn broken(&self, why: &str) -> Error {
        self.file.fail(why.to_owned());
        // A cursor that is stepped right now is dealt with by its own step.
        if let Some(database) = self.database.borrow().as_ref() {
            database.roll_back();
        }
        self.dirty.set(false);
        self.levels.borrow_mut().clear();
        self.file.failure().unwrap_or_else(|| Error::Broken(why.to_owned()))
    }

    /// After an error: whether SQLite has ended the transaction with it. Writes
    /// that the Worker took for done are lost then, and the object is broken.
    pub(super) fn check(&self, database: &Database, error: Error) -> Error {
        if database.lost_transaction() {
            if self.dirty.get() || !self.levels.borrow().is_empty() {
                self.broken(&error.to_string());
            }
        } else if database.is_damaged() {
            self.broken(&error.to_string());
        }
        error
    }
}
