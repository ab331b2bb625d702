//! A database in a file of SQLite.
//!
//! One thread writes, for all callers together ([`selvedge_storage::group`]). What
//! only reads runs on its caller's thread for some milliseconds, and on a thread
//! for such work if it takes longer.

mod db;
mod execute;
mod export;
mod travel;
mod write;

#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use selvedge_storage::catalog::{Sort, Stored};
use selvedge_storage::data_dir::DataDir;
use selvedge_storage::failure::failure;
use selvedge_storage::file::{Kind, create_or_check};
use selvedge_storage::group::Writer;
use selvedge_storage::history::{self, History, SystemDisk, UnixMs};
use selvedge_storage::readers::Readers;
use selvedge_storage::sql::split::statements;
use selvedge_storage::{Error, UnixSeconds};
use tokio::sync::{Semaphore, oneshot};

pub use export::DumpOptions;
pub use selvedge_storage::catalog::{CatalogError, Clock, Info as DatabaseInfo};
pub use travel::{Restored, TravelError};

use self::db::Db;
use self::execute::{Fault, Words, room};
use self::travel::{HISTORY, HISTORY_LIMITS};
use self::write::{Call, Way, refusal};
use super::{Answer, D1Store, Later, Meta, Query, Refusal, ResultSet, Results, Wanted};
use crate::rules::MAX_QUERY;

/// The databases of a data folder.
pub type Catalog = selvedge_storage::catalog::Catalog<SqliteStore>;

/// How long a query may read on its caller's thread.
const AT_ONCE: Duration = Duration::from_millis(3);
/// Reads of one database that go on elsewhere at the same time.
const LONG_READS: usize = 8;
/// Statements that are known to write rows, at most.
const WRITES: usize = 256;
/// Longer ones are not remembered, in bytes: they hardly come twice, and 256 of the longest
/// would be 25 MB.
const MAX_REMEMBERED: usize = 1024;
/// How long the statements of an import may take.
const MAX_IMPORT: Duration = Duration::from_secs(15 * 60);

const DATABASE: Kind = Kind {
    what: "D1 database",
    application_id: u32::from_be_bytes(*b"SvD1"),
    version: 1,
    // All tables are the user's.
    schema: "",
};

/// A database in a file. Its futures run inside of a tokio runtime.
#[derive(Debug)]
pub struct SqliteStore {
    shared: Arc<Shared>,
    writer: Writer<Db>,
}

/// What the threads share.
#[derive(Debug)]
struct Shared {
    path: PathBuf,
    /// What it was before.
    history: Arc<History>,
    /// Held while a base of the history is taken, or a state restored.
    travels: Mutex<()>,
    readers: Arc<Readers<Db>>,
    long_reads: Arc<Semaphore>,
    /// Texts of one statement that writes rows: they need not be prepared to know it.
    writes: Mutex<HashSet<String>>,
    /// As the last commit left them.
    size: AtomicU64,
    last_row_id: AtomicI64,
    closed: AtomicBool,
    /// It is to be closed soon.
    ending: AtomicBool,
    /// The folder is ours as long as a thread may write there.
    _dir: Arc<DataDir>,
}

/// What came of reading at once.
enum Tried {
    Done(Results),
    Writes(Way),
    TooLong,
}

impl SqliteStore {
    /// Opens the file of a database in the data folder, or makes it.
    ///
    /// # Errors
    /// [`Error::Data`] for a file that is not one of D1.
    pub fn open(dir: Arc<DataDir>, path: &Path, id: &str) -> Result<Self, Error> {
        Self::open_at(dir, path, id, Arc::new(unix_ms), HISTORY_LIMITS)
    }

    /// The same, with another clock and other limits of the history.
    fn open_at(
        dir: Arc<DataDir>,
        path: &Path,
        id: &str,
        clock: history::Clock,
        limits: history::Limits,
    ) -> Result<Self, Error> {
        create_or_check(path, &DATABASE, |_| Ok(()))?;
        let key = *blake3::hash(id.as_bytes()).as_bytes();
        let history = History::new(path, &HISTORY, key, clock, SystemDisk).with_limits(limits);
        history.discard_built();
        history.begin().map_err(|error| Error::Internal(error.to_string()))?;
        // What a process that was killed left in the log is kept before anybody has a
        // connection, for the last one that closes copies the log.
        history.note_head()?;
        let history = Arc::new(history);
        let readers = Arc::new(Readers::new(path.to_owned(), Db::reader));
        let size = readers.read(|db| db.size()).map_err(|error| failure(path, &error))?;
        let shared = Shared {
            path: path.to_owned(),
            history: history.clone(),
            travels: Mutex::new(()),
            readers: readers.clone(),
            long_reads: Arc::new(Semaphore::new(LONG_READS)),
            writes: Mutex::default(),
            size: AtomicU64::new(size),
            last_row_id: AtomicI64::new(0),
            closed: AtomicBool::new(false),
            ending: AtomicBool::new(false),
            _dir: dir,
        };
        let writer = Writer::with_history("d1-writer", path, Db::writer, readers, Some(history));
        Ok(Self { shared: Arc::new(shared), writer })
    }

    /// Finishes the writes that wait, takes no more, and closes the file. Blocks
    /// until that is done.
    pub fn close(&self) {
        self.shared.closed.store(true, Ordering::Relaxed);
        self.shared.ending.store(true, Ordering::Relaxed);
        // Whoever travels is done, or gives up.
        drop(self.shared.travels.lock().unwrap_or_else(PoisonError::into_inner));
        self.writer.close();
        self.shared.readers.close();
    }

    /// The size of the database in bytes, without what deletions left free.
    pub fn size(&self) -> u64 {
        self.shared.size.load(Ordering::Relaxed)
    }

    /// Runs many statements, such as those of a dump, all or none. They may take
    /// longer than those of a Worker.
    pub fn import(&self, sql: String) -> Later<Results> {
        let query = Query { sql, params: Vec::new() };
        self.submit(vec![query], Wanted::All, Way::Alone, MAX_IMPORT)
    }

    /// Writes what the database has as statements, of one moment. Blocks.
    ///
    /// # Errors
    /// What the store says, or `to`.
    pub fn export(
        &self,
        options: &DumpOptions,
        to: &mut dyn std::io::Write,
    ) -> Result<(), std::io::Error> {
        if self.shared.closed.load(Ordering::Relaxed) {
            return Err(std::io::Error::other(closed()));
        }
        let db = Db::reader(&self.shared.path).map_err(std::io::Error::other)?;
        export::export(&db, options, to)
    }

    fn submit(
        &self,
        queries: Vec<Query>,
        wanted: Wanted,
        way: Way,
        limit: Duration,
    ) -> Later<Results> {
        let (told, answer) = oneshot::channel();
        self.writer.submit(Box::new(Call {
            shared: self.shared.clone(),
            queries,
            wanted,
            way,
            limit,
            results: None,
            stopped: false,
            told,
        }));
        Box::pin(async move {
            answer.await.unwrap_or_else(|_| {
                Err(Refusal::Store(Error::Internal("the writer has ended".to_owned())))
            })
        })
    }
}

impl Drop for SqliteStore {
    fn drop(&mut self) {
        self.close();
    }
}

/// How far back databases go, and how much their histories may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HistoryLimits(pub history::Limits);

impl Default for HistoryLimits {
    fn default() -> Self {
        Self(HISTORY_LIMITS)
    }
}

impl Stored for SqliteStore {
    const SORT: Sort = Sort {
        what: "database",
        file: "d1.sqlite",
        folder: "d1",
        kind: Kind {
            what: "list of D1 databases",
            application_id: u32::from_be_bytes(*b"SvDC"),
            version: 1,
            schema: include_str!("sqlite/catalog.sql"),
        },
        table: "databases",
        thread: "d1-upkeep",
        new_id: || Ok(uuid::Uuid::new_v4().to_string()),
    };

    type Options = HistoryLimits;

    fn open(
        dir: Arc<DataDir>,
        path: &Path,
        id: &str,
        limits: &HistoryLimits,
    ) -> Result<Self, Error> {
        Self::open_at(dir, path, id, Arc::new(unix_ms), limits.0)
    }

    fn close(&self) {
        self.close();
    }

    fn upkeep(&self, _now: UnixSeconds) {
        self.shared.readers.close_unused();
        self.rest_history();
    }

    fn end_upkeep(&self) {
        self.shared.ending.store(true, Ordering::Relaxed);
    }
}

impl D1Store for SqliteStore {
    fn run(&self, queries: Vec<Query>, wanted: Wanted) -> Answer<Results> {
        match self.shared.read(&queries, wanted, AT_ONCE) {
            Tried::Done(results) => Answer::Ready(results),
            Tried::Writes(way) => Answer::Later(self.submit(queries, wanted, way, MAX_QUERY)),
            Tried::TooLong => {
                Answer::Later(Box::pin(read_elsewhere(self.shared.clone(), queries, wanted)))
            }
        }
    }

    fn dump(&self) -> Later<Result<Bytes, Refusal>> {
        let shared = self.shared.clone();
        Box::pin(async move {
            blocking(move || export::file(&shared.path).map(Bytes::from))
                .await
                .and_then(|result| result)
                .map_err(Refusal::Store)
        })
    }

    fn bookmark(&self) -> String {
        self.shared.history.head().unwrap_or_default()
    }
}

impl Shared {
    /// Runs queries on this thread, if they only read and do not take longer.
    fn read(&self, queries: &[Query], wanted: Wanted, limit: Duration) -> Tried {
        if self.closed.load(Ordering::Relaxed) {
            return Tried::Done(Err(Refusal::Store(closed())));
        }
        if let [query] = queries
            && self.writes().contains(&query.sql)
        {
            return Tried::Writes(Way::Rows);
        }
        let words = queries.iter().map(|query| Words::of(&query.sql));
        let words = words.fold(Words::default(), |all, one| all.and(one));
        if words.pragma {
            return Tried::Writes(Way::Alone);
        }
        if words.asks_writer {
            return Tried::Writes(Way::Any);
        }
        let read = self.readers.read(|db| self.read_with(db, queries, wanted, limit));
        read.unwrap_or_else(|error| Tried::Done(Err(Refusal::Store(failure(&self.path, &error)))))
    }

    fn read_with(
        &self,
        db: &Db,
        queries: &[Query],
        wanted: Wanted,
        limit: Duration,
    ) -> rusqlite::Result<Tried> {
        for (at, query) in queries.iter().enumerate() {
            match db.is_readonly(&query.sql) {
                Ok(true) => {}
                Ok(false) => return Ok(Tried::Writes(self.way(queries))),
                Err(Fault::Broken(error)) => return Err(error),
                Err(fault) => return Ok(Tried::Done(Err(refusal(at, fault)))),
            }
        }
        let _limited = db.budget.limit(limit);
        let mut room = room();
        let mut sets = Vec::with_capacity(queries.len());
        for (at, query) in queries.iter().enumerate() {
            match db.run(query, wanted, &mut room) {
                Ok(set) => sets.push(self.with_figures(set)),
                Err(Fault::Stopped) if limit < MAX_QUERY => return Ok(Tried::TooLong),
                Err(Fault::Broken(error)) => return Err(error),
                Err(fault) => return Ok(Tried::Done(Err(refusal(at, fault)))),
            }
        }
        Ok(Tried::Done(Ok(sets)))
    }

    fn writes(&self) -> MutexGuard<'_, HashSet<String>> {
        self.writes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How queries write that have no pragma.
    fn way(&self, queries: &[Query]) -> Way {
        let [Query { sql, .. }] = queries else { return Way::Any };
        let mut all = statements(sql);
        let writes_rows = all.next().is_some_and(|it| it.is_write_of_rows());
        if !writes_rows || all.next().is_some() {
            return Way::Any;
        }
        if sql.len() <= MAX_REMEMBERED {
            let mut writes = self.writes();
            if writes.len() >= WRITES {
                writes.clear();
            }
            writes.insert(sql.clone());
        }
        Way::Rows
    }

    fn with_figures(&self, set: ResultSet) -> ResultSet {
        let meta = Meta {
            size_after: self.size.load(Ordering::Relaxed),
            last_row_id: self.last_row_id.load(Ordering::Relaxed),
            ..set.meta
        };
        ResultSet { meta, ..set }
    }
}

/// The same on a thread for such work, up to the limit of a query.
async fn read_elsewhere(shared: Arc<Shared>, queries: Vec<Query>, wanted: Wanted) -> Results {
    let asked = Instant::now();
    let permit = shared.long_reads.clone().acquire_owned().await;
    if asked.elapsed() >= MAX_QUERY {
        let text = "long reads wait for others".to_owned();
        return Err(Refusal::Store(Error::Unavailable(text)));
    }
    let read = blocking(move || {
        let _permit = permit;
        shared.read(&queries, wanted, MAX_QUERY)
    });
    match read.await.map_err(Refusal::Store)? {
        Tried::Done(results) => results,
        // A table that it reads became another one meanwhile.
        Tried::Writes(_) | Tried::TooLong => {
            let text = "the database was changed meanwhile".to_owned();
            Err(Refusal::Store(Error::Unavailable(text)))
        }
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Error> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| Error::Internal(format!("a read ended early: {error}")))
}

/// In Unix ms.
fn unix_ms() -> UnixMs {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UnixMs::try_from(since.as_millis()).unwrap_or(UnixMs::MAX)
}

fn closed() -> Error {
    Error::Unavailable("the database is closed".to_owned())
}
