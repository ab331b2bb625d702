//! A namespace in a file of SQLite.
//!
//! One thread writes ([`writer`]), for all callers together; reads run on their
//! callers' threads ([`selvedge_storage::readers`]). Short values lie beside their keys, others in
//! pieces in a table of their own (`schema.sql`), so that lists read little and
//! no write holds the database for the length of an upload.

mod pins;
mod query;
mod queue;
mod shrink;
mod value;
mod write;
mod writer;

#[cfg(test)]
mod catalog;
#[cfg(test)]
mod durability;
#[cfg(test)]
mod failing_disk;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread::JoinHandle;

use bytes::Bytes;
use futures::future::ready;
use rusqlite::Connection;
use selvedge_storage::catalog::{Sort, Stored, hex_id};
use selvedge_storage::connect::{Role, connect};
use selvedge_storage::data_dir::DataDir;
use selvedge_storage::failure;
use selvedge_storage::file::{Kind, create_or_check};
use selvedge_storage::readers::Readers;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, TryAcquireError, oneshot};

pub use selvedge_storage::catalog::{CatalogError, Clock, Info as NamespaceInfo};

/// The namespaces of a data folder.
pub type Catalog = selvedge_storage::catalog::Catalog<SqliteStore>;

use self::failure::failure;
use self::pins::{Pin, Pins};
use self::query::{Found, FoundValue};
use self::queue::{Added, Chores, QUEUE_BYTES, Queue, Work, Write};
use self::value::{PieceReader, PieceWriter};
use self::write::Effects;
use super::{
    Answer, Attributes, Entry, KvStore, Later, ListPage, ListQuery, UnixSeconds, Value, ValueWriter,
};
use crate::Error;

/// The number of a value that lies in pieces.
type ValueId = i64;

/// The size of all pieces of a value but the last: 256 KiB.
const PIECE_BYTES: usize = 256 * 1024;
/// How many pieces a value may have: 16 GiB of them.
const PIECES_PER_VALUE: i64 = 65_536;

/// Lists of up to this many keys are read on the caller's thread ..
const LIST_AT_ONCE: usize = 100;
/// .. unless so many rows are passed over, for they have expired.
const ROWS_AT_ONCE: usize = 1000;

const NAMESPACE: Kind = Kind {
    what: "KV namespace",
    application_id: u32::from_be_bytes(*b"SvKV"),
    version: 1,
    schema: include_str!("sqlite/schema.sql"),
};

/// A namespace in a file. Large values and long lists are read on tokio's
/// blocking threads, so futures of it run inside of a tokio runtime.
#[derive(Debug)]
pub struct SqliteStore {
    shared: Arc<Shared>,
}

/// What the threads share.
#[derive(Debug)]
struct Shared {
    path: PathBuf,
    readers: Readers,
    queue: Queue,
    /// The room in the queue, in bytes.
    room: Arc<Semaphore>,
    pins: Pins,
    last_value: AtomicI64,
    /// When the next entry expires, or earlier; the largest number for never.
    next_expiration: AtomicU64,
    /// Set once a write found damage: there are no writes from then on.
    damaged: OnceLock<Error>,
    /// Whether something was written since [`SqliteStore::upkeep`].
    changed: AtomicBool,
    closed: AtomicBool,
    thread: Mutex<Option<JoinHandle<()>>>,
    /// The folder is ours as long as a thread may write there.
    _dir: Arc<DataDir>,
}

impl SqliteStore {
    /// Opens the file of a namespace in the data folder, or makes it.
    ///
    /// # Errors
    /// [`Error::Data`] for a file that is not one of this namespace.
    pub fn open(dir: Arc<DataDir>, path: &Path, id: &str) -> Result<Self, Error> {
        create_or_check(path, &NAMESPACE, |connection| {
            connection.execute("INSERT INTO namespace (id) VALUES (?1)", [id]).map(|_| ())
        })?;
        let readers = Readers::new(path.to_owned(), |path| connect(path, Role::Read));
        let start = readers.read(query::start).map_err(|error| failure(path, &error))?;
        if start.namespace != id {
            return Err(Error::Data(format!(
                "{} holds the namespace {}, not {id}; it is kept as it is",
                path.display(),
                start.namespace
            )));
        }
        if start.prepare {
            let prepared = connect(path, Role::Write).and_then(|it| shrink::prepare(&it));
            readers.committed();
            // It works all the same, and is tried again when it is opened next.
            if let Err(error) = prepared {
                tracing::debug!("{}: it will not get smaller: {error}", path.display());
            }
        }
        let shared = Arc::new(Shared {
            path: path.to_owned(),
            readers,
            queue: Queue::default(),
            room: Arc::new(Semaphore::new(QUEUE_BYTES)),
            pins: Pins::default(),
            last_value: AtomicI64::new(start.last_value),
            next_expiration: AtomicU64::new(start.next_expiration.unwrap_or(u64::MAX)),
            damaged: OnceLock::new(),
            // Who had the file before may have left free pages.
            changed: AtomicBool::new(start.shrink),
            closed: AtomicBool::new(false),
            thread: Mutex::default(),
            _dir: dir,
        });
        if start.orphans {
            Shared::sweep_orphans(&shared);
        }
        Ok(Self { shared })
    }

    /// Gives back what an idle namespace does not need, starts to delete what has
    /// expired, and to give back the room of what was deleted. To be called every
    /// few seconds.
    pub fn upkeep(&self, now: UnixSeconds) {
        let shared = &self.shared;
        shared.readers.close_unused();
        if shared.damaged.get().is_some() {
            return;
        }
        let expired = shared.next_expiration.load(Ordering::Relaxed) <= now;
        let shrink = shared.changed.swap(false, Ordering::Relaxed);
        let chores = Chores { expired: expired.then_some(now), shrink, orphans: false };
        if !chores.is_empty() {
            Shared::add_chores(shared, chores);
        }
    }

    /// Finishes the writes that wait, takes no more, and closes the file. Blocks
    /// until that is done.
    pub fn close(&self) {
        self.shared.queue.close();
        self.shared.closed.store(true, Ordering::Relaxed);
        self.shared.queue.wait_for_end();
        let thread = self.shared.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            // If it panicked, its callers were told.
            let _ = thread.join();
        }
        self.shared.readers.close();
    }

    fn find(&self, key: &str, now: UnixSeconds) -> Result<Option<Entry>, Error> {
        let get = |connection: &Connection| query::get(connection, key, now);
        let Some(Found { value, metadata }) = self.shared.read(get)? else { return Ok(None) };
        if let FoundValue::Whole(value) = value {
            return Ok(Some(Entry { value: Value::Whole(value), metadata }));
        }
        // Again, with a lock: a value that has a key now is not swept before it
        // is pinned.
        let mut pinned = self.shared.pins.lock();
        let Some(Found { value, metadata }) = self.shared.read(get)? else { return Ok(None) };
        let value = match value {
            FoundValue::Whole(value) => Value::Whole(value),
            FoundValue::Large { id, length } => {
                let pin = Pin::found(&self.shared, &mut pinned, id);
                Value::Pieces(Box::new(PieceReader::new(self.shared.clone(), pin, length)))
            }
        };
        Ok(Some(Entry { value, metadata }))
    }
}

impl Drop for SqliteStore {
    fn drop(&mut self) {
        self.close();
    }
}

impl Stored for SqliteStore {
    const SORT: Sort = Sort {
        what: "namespace",
        file: "kv.sqlite",
        folder: "kv",
        kind: Kind {
            what: "list of KV namespaces",
            application_id: u32::from_be_bytes(*b"SvKC"),
            version: 1,
            schema: include_str!("sqlite/catalog.sql"),
        },
        table: "namespaces",
        thread: "kv-upkeep",
        new_id: hex_id,
    };

    type Options = ();

    fn open(dir: Arc<DataDir>, path: &Path, id: &str, (): &()) -> Result<Self, Error> {
        Self::open(dir, path, id)
    }

    fn close(&self) {
        self.close();
    }

    fn upkeep(&self, now: UnixSeconds) {
        self.upkeep(now);
    }
}

impl KvStore for SqliteStore {
    fn get(&self, key: &str, now: UnixSeconds) -> Answer<Option<Entry>> {
        Answer::Ready(self.find(key, now))
    }

    fn put(&self, key: String, value: Bytes, attributes: Attributes) -> Later<()> {
        if value.len() <= PIECE_BYTES {
            return Shared::submit(&self.shared, Work::Put { key, value, attributes });
        }
        let mut writer = Box::new(PieceWriter::new(&self.shared, key, attributes));
        Box::pin(async move {
            writer.write(value).await?;
            writer.commit().await
        })
    }

    fn put_pieces(&self, key: String, attributes: Attributes) -> Box<dyn ValueWriter> {
        Box::new(PieceWriter::new(&self.shared, key, attributes))
    }

    fn delete(&self, keys: Vec<String>) -> Later<()> {
        Shared::submit(&self.shared, Work::Delete { keys })
    }

    fn list(&self, query: ListQuery, now: UnixSeconds) -> Answer<ListPage> {
        if query.limit <= LIST_AT_ONCE {
            let page = self.shared.read(|it| query::list(it, &query, now, ROWS_AT_ONCE));
            if let Some(page) = page.transpose() {
                return Answer::Ready(page);
            }
        }
        Answer::Later(Box::pin(Shared::blocking(self.shared.clone(), move |shared| {
            let page = shared.read(|it| query::list(it, &query, now, usize::MAX))?;
            Ok(page.unwrap_or_default())
        })))
    }
}

impl Shared {
    /// Runs a read on this thread.
    fn read<T>(&self, read: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, Error> {
        if self.closed.load(Ordering::Relaxed) {
            return Err(closed());
        }
        self.readers.read(read).map_err(|error| failure(&self.path, &error))
    }

    /// Runs reads that may take longer, on a thread for such work.
    async fn blocking<T: Send + 'static>(
        shared: Arc<Self>,
        work: impl FnOnce(&Self) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        tokio::task::spawn_blocking(move || work(&shared))
            .await
            .unwrap_or_else(|error| Err(Error::Internal(format!("a read ended early: {error}"))))
    }

    fn new_value_id(&self) -> ValueId {
        self.last_value.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Hands work to the writer. It is queued when this returns, unless the
    /// queue is full: then it is when the future got its turn.
    fn submit(shared: &Arc<Self>, work: Work) -> Later<()> {
        if let Some(error) = shared.damaged.get() {
            return Box::pin(ready(Err(error.clone())));
        }
        // A write takes less than the queue has, which fits.
        let bytes = work.bytes() as u32;
        match shared.room.clone().try_acquire_many_owned(bytes) {
            Ok(room) => Box::pin(Self::enqueue(shared, work, room)),
            Err(TryAcquireError::Closed) => Box::pin(ready(Err(closed()))),
            Err(TryAcquireError::NoPermits) => {
                let shared = shared.clone();
                Box::pin(async move {
                    let room = shared.room.clone().acquire_many_owned(bytes).await;
                    let room = room.map_err(|_| closed())?;
                    Self::enqueue(&shared, work, room).await
                })
            }
        }
    }

    fn enqueue(
        shared: &Arc<Self>,
        work: Work,
        room: OwnedSemaphorePermit,
    ) -> impl Future<Output = Result<(), Error>> + use<> {
        let (done, acknowledged) = oneshot::channel();
        let added = shared.queue.push(Write { work, done, room });
        let refused = match added {
            Added::Refused => Some(closed()),
            Added::NeedsThread => Self::start_thread(shared).err(),
            Added::Queued => None,
        };
        async move {
            match refused {
                Some(error) => Err(error),
                None => acknowledged
                    .await
                    .unwrap_or_else(|_| Err(Error::Internal("the writer has ended".to_owned()))),
            }
        }
    }

    fn add_chores(shared: &Arc<Self>, chores: Chores) {
        if shared.queue.add_chores(chores) == Added::NeedsThread
            && let Err(error) = Self::start_thread(shared)
        {
            tracing::warn!("{}: {error}", shared.path.display());
        }
    }

    fn sweep_orphans(shared: &Arc<Self>) {
        Self::add_chores(shared, Chores { orphans: true, ..Chores::default() });
    }

    fn start_thread(shared: &Arc<Self>) -> Result<(), Error> {
        let mine = shared.clone();
        let started = std::thread::Builder::new()
            .name("kv-writer".to_owned())
            .spawn(move || writer::run(mine));
        match started {
            Ok(thread) => {
                *shared.thread.lock().unwrap_or_else(PoisonError::into_inner) = Some(thread);
                Ok(())
            }
            Err(error) => {
                drop(shared.queue.abandon());
                Err(Error::Unavailable(format!("no thread can be started to write: {error}")))
            }
        }
    }

    /// What is to be known of a transaction that was committed.
    fn committed(self: &Arc<Self>, effects: &Effects) {
        self.changed.store(true, Ordering::Relaxed);
        if let Some(expiration) = effects.expiration {
            self.next_expiration.fetch_min(expiration, Ordering::Relaxed);
        }
        let mut sweep = false;
        {
            let mut pinned = self.pins.lock();
            for id in &effects.finished {
                pinned.set_orphan(*id, false);
            }
            // It may be one of those, if its key was set again at once.
            for id in &effects.orphaned {
                sweep |= !pinned.set_orphan(*id, true);
            }
        }
        if sweep {
            Self::sweep_orphans(self);
        }
    }
}

fn closed() -> Error {
    Error::Unavailable("the namespace is closed".to_owned())
}
