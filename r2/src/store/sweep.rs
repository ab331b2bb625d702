//! Deleting files that nothing leads to: what was overwritten or deleted, and what
//! a process left that ended in the middle of a put.

use std::collections::HashSet;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use rusqlite::Connection;

use super::bucket::Shared;
use super::files::BlobId;
use super::{query, uploads};
use crate::Error;
use crate::rules::UPLOAD_LIFE_MILLIS;

/// Files of one step.
const STEP: i64 = 500;
/// How often is looked without being woken.
const EVERY: Duration = Duration::from_secs(60);
/// Puts often come together: their files are deleted together.
const GATHER: Duration = Duration::from_millis(200);

/// Wakes the thread that sweeps.
#[derive(Debug, Clone, Default)]
pub(super) struct Sweeping(Arc<Signal>);

#[derive(Debug, Default)]
struct Signal {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    is_dirty: bool,
    is_over: bool,
}

impl Sweeping {
    /// There may be something to delete.
    pub(super) fn wake(&self) {
        self.set(|state| state.is_dirty = true);
    }

    /// The thread is to end.
    pub(super) fn end(&self) {
        self.set(|state| state.is_over = true);
    }

    fn set(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.0.state.lock().unwrap_or_else(PoisonError::into_inner));
        self.0.changed.notify_all();
    }

    /// Waits until there may be something to do. `false`: it is over.
    pub(super) fn wait(&self) -> bool {
        let lock = || self.0.state.lock().unwrap_or_else(PoisonError::into_inner);
        let is_idle = |state: &mut State| !state.is_dirty && !state.is_over;
        let woken = self.0.changed.wait_timeout_while(lock(), EVERY, is_idle);
        drop(woken.unwrap_or_else(PoisonError::into_inner));
        let more = self.0.changed.wait_timeout_while(lock(), GATHER, |state| !state.is_over);
        let (mut state, _) = more.unwrap_or_else(PoisonError::into_inner);
        state.is_dirty = false;
        !state.is_over
    }
}

/// Sweeps one bucket. Blocks; not to be called on a thread of a tokio runtime.
pub(super) fn sweep(shared: &Arc<Shared>) -> Result<(), Error> {
    let before = (shared.clock)() - UPLOAD_LIFE_MILLIS;
    let has_old = |connection: &Connection| {
        connection.prepare_cached("SELECT 1 FROM uploads WHERE created < ?1")?.exists([before])
    };
    if shared.read(has_old)? {
        while write(shared, move |connection| uploads::expire(connection, before))? {}
    }
    old_epochs(shared)?;
    orphans(shared)
}

/// Deletes all orphans that nobody reads.
pub(super) fn orphans(shared: &Arc<Shared>) -> Result<(), Error> {
    let mut after = -1;
    loop {
        let found = shared.read(|connection| {
            connection
                .prepare_cached("SELECT blob FROM orphans WHERE blob > ?1 ORDER BY blob LIMIT ?2")?
                .query_map([after, STEP], |row| row.get(0))?
                .collect::<rusqlite::Result<Vec<BlobId>>>()
        })?;
        let Some(last) = found.last() else { return Ok(()) };
        after = *last;
        let mut gone = Vec::with_capacity(found.len());
        for blob in found {
            if shared.files.delete(blob)? {
                gone.push(blob);
            }
        }
        if gone.is_empty() {
            continue;
        }
        write(shared, move |connection| {
            let mut delete = connection.prepare_cached("DELETE FROM orphans WHERE blob = ?1")?;
            gone.iter().try_for_each(|blob| delete.execute([blob]).map(drop))
        })?;
    }
}

/// Looks once for files of processes before this one that nothing leads to.
fn old_epochs(shared: &Arc<Shared>) -> Result<(), Error> {
    let last = shared.last_epoch;
    let epochs = shared.read(|connection| {
        connection
            .prepare_cached("SELECT id FROM epochs WHERE swept = 0 AND id <= ?1")?
            .query_map([last], |row| row.get(0))?
            .collect::<rusqlite::Result<Vec<u32>>>()
    })?;
    for epoch in epochs {
        let mut left = shared.files.of_epoch(epoch)?;
        if !left.is_empty() {
            // Nothing ever comes to lead to a file of an old epoch.
            let used = shared.read(|connection| used(connection, epoch))?;
            left.retain(|blob| !used.contains(blob));
        }
        write(shared, move |connection| {
            left.into_iter().try_for_each(|blob| query::orphan(connection, blob))?;
            let sql = "UPDATE epochs SET swept = 1 WHERE id = ?1";
            connection.execute(sql, [epoch]).map(drop)
        })?;
    }
    Ok(())
}

/// The files of an epoch that something leads to.
fn used(connection: &Connection, epoch: u32) -> rusqlite::Result<HashSet<BlobId>> {
    const USED: &str = "SELECT blob FROM objects WHERE blob BETWEEN ?1 AND ?2 \
                        UNION ALL SELECT blob FROM segments WHERE blob BETWEEN ?1 AND ?2 \
                        UNION ALL SELECT blob FROM parts WHERE blob BETWEEN ?1 AND ?2";
    let first = i64::from(epoch) << 32;
    connection
        .prepare(USED)?
        .query_map([first, first | i64::from(u32::MAX)], |row| row.get(0))?
        .collect()
}

fn write<T: Send + 'static>(
    shared: &Arc<Shared>,
    work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
) -> Result<T, Error> {
    let submitted = shared.writer.submit(|connection| Ok(work(connection)?), |_| {});
    futures::executor::block_on(submitted)
}
