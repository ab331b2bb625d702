//! The thread that writes: group commit, sweeping, and the upkeep of the log.
//!
//! It takes all writes that wait, does them in one transaction, waits once for
//! the disk, and then acknowledges each. While the disk works, the next ones
//! gather. It starts with the first write and ends when nothing came for a while.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rusqlite::hooks::Wal;
use rusqlite::wal::CheckpointMode;
use rusqlite::{Connection, MAIN_DB};
use selvedge_storage::connect::{LOCK_WAIT, Role, connect};
use tokio::sync::oneshot;

use super::failure::{failure, is_io};
use super::queue::{Chores, Next, Work, Write};
use super::write::{Effects, apply, free_orphan, sweep_expired, sweep_orphan};
use super::{Shared, query, shrink};
use crate::Error;

/// Above this many pages the log is copied into the database: 16 MiB.
const LOG_PAGES: u64 = 4096;
/// How long that waits for reads that began before it.
const CHECKPOINT_WAIT: Duration = Duration::from_millis(100);

/// What the thread runs.
pub(super) fn run(shared: Arc<Shared>) {
    let guard = Abandon(&shared);
    let mut writer = Writer {
        shared: &shared,
        connection: None,
        log_pages: Arc::default(),
        checkpoint_at: LOG_PAGES,
        distrust: false,
        shrinking: false,
    };
    loop {
        match shared.queue.next() {
            Next::Work(writes, chores) => {
                writer.commit(writes);
                writer.chores(chores);
            }
            Next::Idle | Next::Closed => {
                writer.close();
                if shared.queue.end_if_empty() {
                    break;
                }
            }
        }
    }
    std::mem::forget(guard);
}

/// If the thread panics, nobody waits for it forever.
struct Abandon<'a>(&'a Shared);

impl Drop for Abandon<'_> {
    fn drop(&mut self) {
        drop(self.0.queue.abandon());
    }
}

struct Writer<'a> {
    shared: &'a Arc<Shared>,
    connection: Option<Open>,
    /// How long the log is, in pages.
    log_pages: Arc<AtomicU64>,
    /// At which length it is copied.
    checkpoint_at: u64,
    /// Whether the log may have lost what it took, so that nothing must be
    /// added to it before it is copied.
    distrust: bool,
    /// Whether free pages are being given back.
    shrinking: bool,
}

struct Open {
    connection: Connection,
    /// Whether a commit waits for the disk.
    durable: bool,
}

type Done = oneshot::Sender<Result<(), Error>>;

impl Writer<'_> {
    /// Does all of the writes in one transaction. If one fails, each is done by
    /// itself, so that the others do not fail with it.
    fn commit(&mut self, writes: Vec<Write>) {
        if writes.is_empty() {
            return;
        }
        let works: Vec<&Work> = writes.iter().map(|write| &write.work).collect();
        let together = self.transaction(&works);
        match together {
            Ok(()) => writes.into_iter().for_each(|write| write.acknowledge(Ok(()))),
            Err(Failed { error, alone: false }) => {
                writes.into_iter().for_each(|write| write.acknowledge(Err(error.clone())));
            }
            Err(Failed { error, .. }) if writes.len() == 1 => {
                writes.into_iter().for_each(|write| write.acknowledge(Err(error.clone())));
            }
            Err(_) => {
                for write in writes {
                    let result = self.transaction(&[&write.work]);
                    write.acknowledge(result.map_err(|failed| failed.error));
                }
            }
        }
        self.checkpoint_if_long();
    }

    /// One transaction. When it returns, all of it is on disk and can be read.
    fn transaction(&mut self, works: &[&Work]) -> Result<(), Failed> {
        let shared = self.shared;
        let durable = works.iter().any(|work| work.is_durable());
        self.write(durable, |connection, effects| {
            works
                .iter()
                .try_for_each(|work| apply(connection, work, effects, || shared.new_value_id()))
        })
    }

    /// Runs `write` inside of a transaction.
    fn write(
        &mut self,
        durable: bool,
        write: impl FnOnce(&Connection, &mut Effects) -> rusqlite::Result<()>,
    ) -> Result<(), Failed> {
        if let Some(error) = self.shared.damaged.get() {
            return Err(Failed { error: error.clone(), alone: false });
        }
        let mut effects = Effects::default();
        let result = self.open().and_then(|open| {
            open.set_durable(durable)?;
            transact(&open.connection, |connection| write(connection, &mut effects))
        });
        if let Err(error) = result {
            return Err(self.failed(&error));
        }
        self.shared.readers.committed();
        self.shared.committed(&effects);
        Ok(())
    }

    /// What is to be said and done about an error.
    fn failed(&mut self, error: &rusqlite::Error) -> Failed {
        if is_io(error) {
            self.connection = None;
            self.distrust = true;
        }
        let text = failure(&self.shared.path, error);
        if matches!(text, Error::Data(_)) {
            // Writing on would do more damage.
            let _ = self.shared.damaged.set(text.clone());
        }
        Failed { error: text, alone: !self.distrust }
    }

    fn open(&mut self) -> rusqlite::Result<&mut Open> {
        if self.connection.is_none() {
            let connection = self.connect()?;
            if self.distrust {
                self.checkpoint(&connection, CheckpointMode::RESTART)?;
                self.distrust = false;
            }
            self.connection = Some(Open { connection, durable: true });
        }
        Ok(self.connection.as_mut().expect("it was opened above"))
    }

    fn connect(&self) -> rusqlite::Result<Connection> {
        let mut connection = connect(&self.shared.path, Role::Write)?;
        let log_pages = self.log_pages.clone();
        // It takes the place of SQLite's own, which would copy the log.
        connection.wal_hook(Some(move |_: &mut Wal, pages: std::ffi::c_int| {
            log_pages.store(u64::try_from(pages).unwrap_or(0), Ordering::Relaxed);
            Ok(())
        }))?;
        Ok(connection)
    }

    fn checkpoint_if_long(&mut self) {
        let pages = self.log_pages.load(Ordering::Relaxed);
        if pages < self.checkpoint_at {
            return;
        }
        let Some(open) = &self.connection else { return };
        match self.checkpoint(&open.connection, CheckpointMode::RESTART) {
            Ok(()) => {
                self.log_pages.store(0, Ordering::Relaxed);
                self.checkpoint_at = LOG_PAGES;
            }
            // A long read goes on, or the disk is full. It is tried again later.
            Err(error) => {
                tracing::debug!("{}: no checkpoint: {error}", self.shared.path.display());
                self.checkpoint_at = pages + LOG_PAGES;
            }
        }
    }

    /// Copies the log into the database, so that the log starts over.
    fn checkpoint(&self, connection: &Connection, mode: CheckpointMode) -> rusqlite::Result<()> {
        connection.busy_timeout(CHECKPOINT_WAIT)?;
        self.shared.readers.pause();
        let result = connection.wal_checkpoint_v2(Some(MAIN_DB), mode);
        self.shared.readers.resume();
        connection.busy_timeout(LOCK_WAIT)?;
        result.map(|_| ())
    }

    /// Does a little of what is to be done beside the writes, and asks for more
    /// time if that was not all.
    fn chores(&mut self, chores: Chores) {
        let mut rest = Chores::default();
        if chores.orphans {
            match self.sweep_orphan() {
                Ok(more) => rest.orphans = more,
                Err(error) => self.warn("the pieces of old values", &error),
            }
        }
        if let Some(now) = chores.expired {
            match self.sweep_expired(now) {
                Ok(more) => rest.expired = more.then_some(now),
                Err(error) => self.warn("expired entries", &error),
            }
        }
        if chores.shrink {
            match self.shrink() {
                Ok(more) => rest.shrink = more,
                Err(error) => self.warn("free pages", &error),
            }
        }
        if !rest.is_empty() {
            Shared::add_chores(self.shared, rest);
        }
        if !chores.is_empty() {
            self.checkpoint_if_long();
        }
    }

    /// Makes the file smaller by some pages, if it is worth it.
    fn shrink(&mut self) -> Result<bool, Error> {
        if !self.shrinking {
            let worth_it = self.open().and_then(|open| shrink::is_worth_it(&open.connection));
            if !worth_it.map_err(|error| self.failed(&error).error)? {
                return Ok(false);
            }
        }
        self.shrinking = false;
        let mut more = false;
        self.write(false, |connection, _| {
            more = shrink::step(connection)?;
            Ok(())
        })
        .map_err(|failed| failed.error)?;
        self.shrinking = more;
        if !more {
            // The file is cut off when the log is copied.
            self.checkpoint_at = 0;
        }
        Ok(more)
    }

    fn sweep_orphan(&mut self) -> Result<bool, Error> {
        let shared = self.shared;
        let found = self.open().and_then(|open| {
            let pinned = shared.pins.lock();
            free_orphan(&open.connection, |id| !pinned.holds(id))
        });
        let Some(id) = found.map_err(|error| self.failed(&error).error)? else {
            return Ok(false);
        };
        // Nobody pins it from now on: it has no key by which it could be found.
        self.write(false, |connection, _| sweep_orphan(connection, id))
            .map_err(|failed| failed.error)?;
        Ok(true)
    }

    fn sweep_expired(&mut self, now: u64) -> Result<bool, Error> {
        let mut more = false;
        self.write(false, |connection, effects| {
            more = sweep_expired(connection, now, effects)?;
            Ok(())
        })
        .map_err(|failed| failed.error)?;
        if !more {
            let next = self.open().and_then(|open| query::next_expiration(&open.connection));
            let next = next.map_err(|error| self.failed(&error).error)?;
            self.shared.next_expiration.store(next.unwrap_or(u64::MAX), Ordering::Relaxed);
        }
        Ok(more)
    }

    fn warn(&self, what: &str, error: &Error) {
        tracing::warn!("{}: cannot sweep {what}: {error}", self.shared.path.display());
    }

    /// Closes the connection, with the log copied and empty if nobody reads.
    fn close(&mut self) {
        if let Some(open) = self.connection.take() {
            if let Err(error) = self.checkpoint(&open.connection, CheckpointMode::TRUNCATE) {
                tracing::debug!("{}: no checkpoint: {error}", self.shared.path.display());
            }
            self.log_pages.store(0, Ordering::Relaxed);
        }
    }
}

impl Open {
    /// Outside of a transaction: whether the next commit waits for the disk. One
    /// that does makes those before it durable too.
    fn set_durable(&mut self, durable: bool) -> rusqlite::Result<()> {
        if self.durable != durable {
            let level = if durable { "FULL" } else { "NORMAL" };
            self.connection.pragma_update(None, "synchronous", level)?;
            self.durable = durable;
        }
        Ok(())
    }
}

/// Why a transaction failed.
struct Failed {
    error: Error,
    /// Whether its writes may do better one by one.
    alone: bool,
}

impl Write {
    /// Tells the caller, who may be gone.
    fn acknowledge(self, result: Result<(), Error>) {
        let Self { done, room, .. } = self;
        let done: Done = done;
        let _ = done.send(result);
        drop(room);
    }
}

fn transact(
    connection: &Connection,
    write: impl FnOnce(&Connection) -> rusqlite::Result<()>,
) -> rusqlite::Result<()> {
    connection.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
    let result = write(connection)
        .and_then(|()| connection.prepare_cached("COMMIT")?.execute([]).map(|_| ()));
    if result.is_err() && !connection.is_autocommit() {
        // Some errors have rolled it back already.
        let _ = connection.execute_batch("ROLLBACK");
    }
    result
}
