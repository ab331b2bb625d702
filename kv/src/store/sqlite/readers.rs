//! Connections that read.
//!
//! A connection keeps its read transaction open after a read, and goes on in it
//! as long as nothing was committed since: a `get` is then one walk down a tree
//! in memory, without a lock or a system call. Nothing is stale, for all commits
//! are this process's own and are counted before they are acknowledged.
//!
//! An open read transaction keeps the log of writes from starting over, so the
//! writer ends those of resting connections first ([`Readers::pause`]).

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rusqlite::Connection;

use super::file::{Role, connect};

/// Resting connections that are kept: more threads than this rarely read one
/// namespace at the same moment.
const KEPT: usize = 8;

#[derive(Debug)]
pub(super) struct Readers {
    path: PathBuf,
    idle: Mutex<Idle>,
    /// How many transactions were committed by the writer.
    commits: AtomicU64,
}

#[derive(Debug, Default)]
struct Idle {
    readers: Vec<Reader>,
    /// Whether transactions must end with the read.
    paused: bool,
    /// Whether there was a read since [`Readers::close_unused`].
    used: bool,
}

#[derive(Debug)]
struct Reader {
    connection: Connection,
    /// The transaction that is open sees at least this many commits.
    sees: Option<u64>,
}

impl Readers {
    pub(super) fn new(path: PathBuf) -> Self {
        Self { path, idle: Mutex::default(), commits: AtomicU64::new(0) }
    }

    fn idle(&self) -> MutexGuard<'_, Idle> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs `read` on a connection that sees all that was committed so far. All
    /// that it reads is of one moment.
    pub(super) fn read<T>(
        &self,
        read: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<T> {
        let resting = self.idle().readers.pop();
        let mut reader = match resting {
            Some(reader) => reader,
            None => Reader { connection: connect(&self.path, Role::Read)?, sees: None },
        };
        reader.refresh(self.commits.load(Ordering::Acquire))?;
        // After an error the connection is not used again.
        let result = read(&reader.connection)?;
        self.give_back(reader)?;
        Ok(result)
    }

    fn give_back(&self, mut reader: Reader) -> rusqlite::Result<()> {
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
    pub(super) fn committed(&self) {
        self.commits.fetch_add(1, Ordering::Release);
    }

    #[cfg(test)]
    pub(super) fn commits(&self) -> u64 {
        self.commits.load(Ordering::Acquire)
    }

    #[cfg(test)]
    pub(super) fn resting(&self) -> usize {
        self.idle().readers.len()
    }

    /// Ends the transactions of resting connections, and until
    /// [`Readers::resume`] those of others with their read.
    pub(super) fn pause(&self) {
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

    pub(super) fn resume(&self) {
        self.idle().paused = false;
    }

    /// Closes connections if nothing was read since the last call.
    pub(super) fn close_unused(&self) {
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
    pub(super) fn close(&self) {
        let closed = std::mem::take(&mut self.idle().readers);
        drop(closed);
    }
}

impl Reader {
    /// Makes the transaction one that sees `commits`.
    fn refresh(&mut self, commits: u64) -> rusqlite::Result<()> {
        if self.sees == Some(commits) {
            return Ok(());
        }
        self.end()?;
        // It begins with the first read, so it may see even more.
        self.connection.prepare_cached("BEGIN")?.execute([])?;
        self.sees = Some(commits);
        Ok(())
    }

    fn end(&mut self) -> rusqlite::Result<()> {
        if self.sees.take().is_some() {
            self.connection.prepare_cached("COMMIT")?.execute([])?;
        }
        Ok(())
    }
}
