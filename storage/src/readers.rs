//! Connections that read.
//!
//! A connection keeps its read transaction open after a read, and goes on in it
//! as long as nothing was committed since: a read by key is then one walk down a
//! tree in memory, without a lock or a system call. Nothing is stale, for all commits
//! are this process's own and are counted before they are acknowledged.
//!
//! An open read transaction keeps the log of writes from starting over, so the
//! writer ends those of resting connections first ([`Readers::pause`]).

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rusqlite::Connection;

use crate::ours;

/// Resting connections that are kept: more threads than this rarely read one
/// file at the same moment.
const KEPT: usize = 8;

/// A connection, or what goes with one.
pub trait Connected: Send {
    /// The connection.
    fn connection(&self) -> &Connection;
}

impl Connected for Connection {
    fn connection(&self) -> &Connection {
        self
    }
}

/// The connections that read a file which this process alone writes.
pub struct Readers<C = Connection> {
    path: PathBuf,
    open: fn(&Path) -> rusqlite::Result<C>,
    idle: Mutex<Idle<C>>,
    /// How many transactions were committed by the writer.
    commits: AtomicU64,
}

impl<C> fmt::Debug for Readers<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Readers").field("path", &self.path).finish_non_exhaustive()
    }
}

struct Idle<C> {
    readers: Vec<Reader<C>>,
    /// Whether transactions must end with the read.
    paused: bool,
    /// Whether there was a read since [`Readers::close_unused`].
    used: bool,
}

struct Reader<C> {
    connection: C,
    /// The transaction that is open sees at least this many commits.
    sees: Option<u64>,
}

impl<C: Connected> Readers<C> {
    /// Those of a file; `open` opens a connection when one is needed.
    pub fn new(path: PathBuf, open: fn(&Path) -> rusqlite::Result<C>) -> Self {
        let idle = Idle { readers: Vec::new(), paused: false, used: false };
        Self { path, open, idle: Mutex::new(idle), commits: AtomicU64::new(0) }
    }

    fn idle(&self) -> MutexGuard<'_, Idle<C>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs `read` on a connection that sees all that was committed so far. All
    /// that it reads is of one moment.
    ///
    /// # Errors
    /// What SQLite says.
    pub fn read<T>(&self, read: impl FnOnce(&C) -> rusqlite::Result<T>) -> rusqlite::Result<T> {
        let resting = self.idle().readers.pop();
        let mut reader = match resting {
            Some(reader) => reader,
            None => Reader { connection: (self.open)(&self.path)?, sees: None },
        };
        reader.refresh(self.commits.load(Ordering::Acquire))?;
        // After an error the connection is not used again.
        let result = read(&reader.connection)?;
        self.give_back(reader)?;
        Ok(result)
    }

    fn give_back(&self, mut reader: Reader<C>) -> rusqlite::Result<()> {
        let mut idle = self.idle();
        if idle.paused && reader.sees.is_some() {
            drop(idle);
            reader.end()?;
            idle = self.idle();
        }
        idle.used = true;
        if idle.readers.len() < KEPT {
            idle.readers.push(reader);
        } else {
            drop(idle);
        }
        Ok(())
    }

    /// From now on reads see what was committed.
    pub fn committed(&self) {
        self.commits.fetch_add(1, Ordering::Release);
    }

    /// How many transactions were committed.
    pub fn commits(&self) -> u64 {
        self.commits.load(Ordering::Acquire)
    }

    /// How many connections rest.
    pub fn resting(&self) -> usize {
        self.idle().readers.len()
    }

    /// Ends the transactions of resting connections, and until
    /// [`Readers::resume`] those of others with their read.
    pub fn pause(&self) {
        let resting = {
            let mut idle = self.idle();
            idle.paused = true;
            std::mem::take(&mut idle.readers)
        };
        for mut reader in resting {
            // One that fails is closed.
            if reader.end().is_ok() {
                let _ = self.give_back(reader);
            }
        }
    }

    /// Lets transactions stay open again.
    pub fn resume(&self) {
        self.idle().paused = false;
    }

    /// Closes connections if nothing was read since the last call.
    pub fn close_unused(&self) {
        let closed = {
            let mut idle = self.idle();
            if std::mem::replace(&mut idle.used, false) {
                return;
            }
            std::mem::take(&mut idle.readers)
        };
        drop(closed);
    }

    /// Closes what rests.
    pub fn close(&self) {
        let closed = std::mem::take(&mut self.idle().readers);
        drop(closed);
    }
}

impl<C: Connected> Reader<C> {
    /// Makes the transaction one that sees `commits`.
    fn refresh(&mut self, commits: u64) -> rusqlite::Result<()> {
        if self.sees == Some(commits) {
            return Ok(());
        }
        self.end()?;
        // It begins with the first read, so it may see even more.
        self.connection.connection().prepare_cached(ours!("BEGIN"))?.execute([])?;
        self.sees = Some(commits);
        Ok(())
    }

    fn end(&mut self) -> rusqlite::Result<()> {
        if self.sees.take().is_some() {
            self.connection.connection().prepare_cached(ours!("COMMIT"))?.execute([])?;
        }
        Ok(())
    }
}
