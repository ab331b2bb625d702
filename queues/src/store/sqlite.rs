//! A queue in a file of SQLite. One thread writes, for all callers together
//! ([`selvedge_storage::group`]): a message is on disk when `send()` comes back.

mod work;

#[cfg(test)]
mod tests;

use std::fmt;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use rusqlite::Connection;
use selvedge_storage::catalog::{Sort, Stored, hex_id};
use selvedge_storage::connect::{Role, connect};
use selvedge_storage::data_dir::DataDir;
use selvedge_storage::failure::failure;
use selvedge_storage::file::{Kind, create_or_check};
use selvedge_storage::group::Writer;
use selvedge_storage::readers::Readers;
use selvedge_storage::{Error, UnixSeconds};
use tokio::sync::{Notify, oneshot};

pub use selvedge_storage::catalog::{CatalogError, Clock, Info as QueueInfo};

use self::work::{Change, Task, Work};
use super::{Later, Metrics, NewMessage, QueueStore, Settled, Taken, UnixMs};
use crate::rules::DEFAULT_RETENTION;

/// The queues of a data folder.
pub type Catalog = selvedge_storage::catalog::Catalog<SqliteStore>;

const QUEUE: Kind = Kind {
    what: "queue",
    application_id: u32::from_be_bytes(*b"SvQu"),
    version: 1,
    schema: include_str!("sqlite/schema.sql"),
};

/// A queue in a file. Its futures run inside of a tokio runtime.
#[derive(Debug)]
pub struct SqliteStore {
    shared: Arc<Shared>,
    writer: Writer<Connection>,
}

/// What the threads share.
struct Shared {
    path: PathBuf,
    readers: Arc<Readers>,
    clock: fn() -> UnixMs,
    count: AtomicI64,
    bytes: AtomicI64,
    /// In seconds.
    retention: AtomicU64,
    changed: Notify,
    /// The folder is ours as long as a thread may write there.
    _dir: Arc<DataDir>,
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("path", &self.path).finish_non_exhaustive()
    }
}

impl SqliteStore {
    /// Opens the file of a queue in the data folder, or makes it. What Workers of
    /// an earlier process had taken can be taken again.
    ///
    /// # Errors
    /// [`Error::Data`] for a file that is not a queue.
    pub fn open(dir: Arc<DataDir>, path: &Path, clock: fn() -> UnixMs) -> Result<Self, Error> {
        create_or_check(path, &QUEUE, |_| Ok(()))?;
        let fail = |error: rusqlite::Error| failure(path, &error);
        let given_back = connect(path, Role::Write).and_then(|sql| {
            let sql_text = "UPDATE messages SET visible = ?1, pushed = 0 WHERE pushed = 1";
            sql.execute(sql_text, [clock()])
        });
        given_back.map_err(fail)?;
        let readers = Arc::new(Readers::new(path.to_owned(), |path| connect(path, Role::Read)));
        let (count, bytes) = readers
            .read(|sql| {
                let sum = "SELECT count(*), coalesce(sum(length(body)), 0) FROM messages";
                sql.query_row(sum, [], |row| Ok((row.get(0)?, row.get(1)?)))
            })
            .map_err(fail)?;
        let shared = Shared {
            path: path.to_owned(),
            readers: readers.clone(),
            clock,
            count: AtomicI64::new(count),
            bytes: AtomicI64::new(bytes),
            retention: AtomicU64::new(DEFAULT_RETENTION),
            changed: Notify::new(),
            _dir: dir,
        };
        let open = |path: &Path| connect(path, Role::Write);
        let writer = Writer::new("queue-writer", path, open, readers);
        Ok(Self { shared: Arc::new(shared), writer })
    }

    /// Finishes what waits, takes no more, and closes the file. Blocks until that
    /// is done.
    pub fn close(&self) {
        self.writer.close();
        self.shared.readers.close();
    }

    /// The present, by the clock of the queue.
    pub fn now(&self) -> UnixMs {
        (self.shared.clock)()
    }

    /// How long messages are kept, in seconds.
    pub fn set_retention(&self, seconds: u64) {
        self.shared.retention.store(seconds, Ordering::Relaxed);
    }

    /// As [`QueueStore::take`], for a Worker of this process: when the process ends,
    /// the messages can be taken again.
    pub fn take_to_push(&self, limit: usize, bytes: usize, time: i64) -> Later<Vec<Taken>> {
        self.submit(Work::Take { limit, bytes, time, pushed: true })
    }

    fn submit(&self, work: Work) -> Later<Vec<Taken>> {
        let (told, answer) = oneshot::channel();
        let (shared, taken, change) = (self.shared.clone(), Vec::new(), Change::default());
        self.writer.submit(Box::new(Task { shared, work, taken, change, told }));
        Box::pin(async move {
            let ended = |_| Err(Error::Internal("the writer has ended".to_owned()));
            answer.await.unwrap_or_else(ended)
        })
    }

    fn done(&self, work: Work) -> Later<()> {
        let later = self.submit(work);
        Box::pin(async move { later.await.map(drop) })
    }

    fn read<T>(&self, read: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, Error> {
        let shared = &self.shared;
        shared.readers.read(read).map_err(|error| failure(&shared.path, &error))
    }
}

impl Drop for SqliteStore {
    fn drop(&mut self) {
        self.close();
    }
}

impl Stored for SqliteStore {
    const SORT: Sort = Sort {
        what: "queue",
        file: "queues.sqlite",
        folder: "queues",
        kind: Kind {
            what: "list of queues",
            application_id: u32::from_be_bytes(*b"SvQC"),
            version: 1,
            schema: include_str!("sqlite/catalog.sql"),
        },
        table: "queues",
        thread: "queue-upkeep",
        new_id: hex_id,
    };

    type Options = ();

    fn open(dir: Arc<DataDir>, path: &Path, _id: &str, (): &()) -> Result<Self, Error> {
        Self::open(dir, path, unix_millis)
    }

    fn close(&self) {
        self.close();
    }

    fn upkeep(&self, now: UnixSeconds) {
        self.shared.readers.close_unused();
        let retention = self.shared.retention.load(Ordering::Relaxed);
        let before = i64::try_from(now.saturating_sub(retention)).unwrap_or(0) * 1000;
        let oldest = self.read(|sql| {
            let sql_text = "SELECT added FROM messages ORDER BY number LIMIT 1";
            sql.prepare_cached(sql_text)?.query_row([], |row| row.get::<_, i64>(0))
        });
        if oldest.is_ok_and(|oldest| oldest < before) {
            // Nobody waits for it.
            drop(self.submit(Work::Expire(before)));
        }
    }
}

impl QueueStore for SqliteStore {
    fn send(&self, messages: Vec<NewMessage>) -> Later<()> {
        self.done(Work::Send(messages))
    }

    fn take(&self, limit: usize, bytes: usize, time: i64) -> Later<Vec<Taken>> {
        self.submit(Work::Take { limit, bytes, time, pushed: false })
    }

    fn settle(&self, settled: Settled) -> Later<()> {
        self.done(Work::Settle(settled))
    }

    fn purge(&self) -> Later<()> {
        self.done(Work::Purge)
    }

    fn due(&self, limit: usize) -> Result<(usize, Option<UnixMs>), Error> {
        let now = (self.shared.clock)();
        self.read(|sql| {
            let count = sql
                .prepare_cached(
                    "SELECT count(*) FROM (SELECT 1 FROM messages WHERE visible <= ?1 LIMIT ?2)",
                )?
                .query_row([now, i64::try_from(limit).unwrap_or(i64::MAX)], |row| {
                    row.get::<_, i64>(0)
                })?;
            let first = sql
                .prepare_cached("SELECT min(visible) FROM messages")?
                .query_row([], |row| row.get(0))?;
            Ok((usize::try_from(count).unwrap_or(0), first))
        })
    }

    fn metrics(&self) -> Result<Metrics, Error> {
        let number = |it: &AtomicI64| u64::try_from(it.load(Ordering::Relaxed)).unwrap_or(0);
        let (count, bytes) = (number(&self.shared.count), number(&self.shared.bytes));
        let oldest = match count {
            0 => None,
            _ => self.read(|sql| {
                let sql_text =
                    "SELECT min(sent) FROM (SELECT sent FROM messages ORDER BY number LIMIT 1)";
                sql.prepare_cached(sql_text)?.query_row([], |row| row.get(0))
            })?,
        };
        Ok(Metrics { count, bytes, oldest })
    }

    fn changed(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(self.shared.changed.notified())
    }
}

fn unix_millis() -> UnixMs {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
