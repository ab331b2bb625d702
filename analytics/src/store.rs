//! Where points are kept: a queue that Workers never wait at, a thread that
//! writes, and one file of SQLite an account.

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender, channel, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use rusqlite::types::Value;
use rusqlite::{Connection, OpenFlags, params_from_iter};
use selvedge_storage::data_dir::DataDir;
use selvedge_storage::failure::{failure, io_failure};
use selvedge_storage::file::{self, Kind};

use crate::Error;
use crate::point::{MAX_MEMBERS, Point};

/// The folder of the files, in the data folder.
const FOLDER: &str = "analytics";
/// The file of Workers that no account has.
const LOCAL: &str = "local";
/// Points that wait; more are dropped.
const QUEUE: usize = 16 * 1024;
/// Points of one transaction.
const BATCH: usize = 4096;
/// Files that stay open.
const OPEN: usize = 32;
/// How long points are kept: three months, as on Cloudflare, in s.
const KEPT_SECONDS: i64 = 92 * 24 * 3600;
/// How often old points are looked for.
const TIDY_EVERY: Duration = Duration::from_secs(600);

pub(crate) const POINTS: Kind = Kind {
    what: "file of data points",
    application_id: u32::from_be_bytes(*b"SvAE"),
    version: 1,
    schema: include_str!("store/schema.sql"),
};

/// Tells the present in Unix ms.
pub type Clock = fn() -> i64;

enum Job {
    Write(Arc<str>, Box<Point>),
    Flush(Sender<()>),
    Forget(String, Sender<()>),
}

/// The points of all accounts. Dropping it writes what waits.
pub struct AnalyticsStore {
    folder: PathBuf,
    clock: Clock,
    sender: Mutex<Option<SyncSender<Job>>>,
    dropped: AtomicU64,
    thread: Mutex<Option<JoinHandle<()>>>,
    /// The folder is ours as long as a thread may write there.
    _dir: Arc<DataDir>,
}

impl fmt::Debug for AnalyticsStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AnalyticsStore").field("folder", &self.folder).finish_non_exhaustive()
    }
}

impl AnalyticsStore {
    /// Opens the store of a data folder.
    ///
    /// # Errors
    /// When the folder cannot be made, or no thread be started.
    pub fn open(dir: Arc<DataDir>, clock: Clock) -> Result<Self, Error> {
        let folder = dir.path().join(FOLDER);
        std::fs::create_dir_all(&folder).map_err(|error| io_failure(&folder, &error))?;
        let (sender, jobs) = sync_channel(QUEUE);
        let writer = Writer { folder: folder.clone(), clock, open: HashMap::new() };
        let thread = std::thread::Builder::new()
            .name("analytics".to_owned())
            .spawn(move || writer.run(&jobs))
            .map_err(|error| {
                let text = format!("no thread can be started: {error}");
                selvedge_storage::Error::Unavailable(text)
            })?;
        Ok(Self {
            folder,
            clock,
            sender: Mutex::new(Some(sender)),
            dropped: AtomicU64::new(0),
            thread: Mutex::new(Some(thread)),
            _dir: dir,
        })
    }

    /// The present in Unix ms.
    pub fn now(&self) -> i64 {
        (self.clock)()
    }

    /// Writes a point soon; never waits. Where too many wait it is dropped.
    pub fn write(&self, account: &Arc<str>, point: Point) {
        let sender = self.sender.lock().unwrap_or_else(PoisonError::into_inner);
        let job = Job::Write(account.clone(), Box::new(point));
        if sender.as_ref().is_none_or(|sender| sender.try_send(job).is_err()) {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// How many points were dropped.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    fn ask(&self, job: impl FnOnce(Sender<()>) -> Job) {
        let (told, answer) = channel();
        let sender = self.sender.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if sender.is_some_and(|sender| sender.send(job(told)).is_ok()) {
            // It ends when the thread does, at the latest.
            let _ = answer.recv();
        }
    }

    /// Waits until all points that were written before are on disk. Blocks.
    pub fn flush(&self) {
        self.ask(Job::Flush);
    }

    /// Deletes all points of an account. Blocks.
    pub fn forget(&self, account: &str) {
        self.ask(|told| Job::Forget(account.to_owned(), told));
    }

    /// The file of an account.
    pub fn file_of(&self, account: &str) -> PathBuf {
        file_of(&self.folder, account)
    }
}

/// The file of an account in a data folder.
pub fn file_in(data: &Path, account: &str) -> PathBuf {
    file_of(&data.join(FOLDER), account)
}

fn file_of(folder: &Path, account: &str) -> PathBuf {
    let name = if account.is_empty() { LOCAL } else { account };
    folder.join(format!("{name}.sqlite"))
}

impl Drop for AnalyticsStore {
    fn drop(&mut self) {
        drop(self.sender.lock().unwrap_or_else(PoisonError::into_inner).take());
        if let Some(thread) = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take() {
            // If it panicked, there is nothing left to write.
            let _ = thread.join();
        }
    }
}

struct Writer {
    folder: PathBuf,
    clock: Clock,
    open: HashMap<Arc<str>, Connection>,
}

impl Writer {
    fn run(mut self, jobs: &Receiver<Job>) {
        loop {
            let first = match jobs.recv_timeout(TIDY_EVERY) {
                Ok(first) => first,
                Err(RecvTimeoutError::Timeout) => {
                    self.tidy();
                    continue;
                }
                Err(RecvTimeoutError::Disconnected) => return,
            };
            let mut points: HashMap<Arc<str>, Vec<Point>> = HashMap::new();
            let mut next = Some(first);
            let mut count = 0;
            let mut last = None;
            while let Some(job) = next.take() {
                match job {
                    Job::Write(account, point) => {
                        points.entry(account).or_default().push(*point);
                        count += 1;
                    }
                    other => {
                        last = Some(other);
                        break;
                    }
                }
                if count < BATCH {
                    next = jobs.try_recv().ok();
                }
            }
            for (account, points) in points {
                if let Err(error) = self.write(&account, &points) {
                    tracing::error!(%error, points = points.len(), "data points are lost");
                    self.open.remove(&account);
                }
            }
            self.answer(last);
        }
    }

    fn answer(&mut self, job: Option<Job>) {
        let told = match job {
            None | Some(Job::Write(..)) => return,
            Some(Job::Flush(told)) => told,
            Some(Job::Forget(account, told)) => {
                self.open.remove(account.as_str());
                let path = file_of(&self.folder, &account);
                if path.exists()
                    && let Err(error) = file::remove(&path)
                {
                    tracing::error!(%error, "data points of an account stay");
                }
                told
            }
        };
        // Nobody may wait any more.
        let _ = told.send(());
    }

    fn connection(&mut self, account: &Arc<str>) -> Result<&Connection, Error> {
        if !self.open.contains_key(account) {
            if self.open.len() >= OPEN {
                self.open.clear();
            }
            let path = file_of(&self.folder, account);
            file::create_or_check(&path, &POINTS, |_| Ok(()))?;
            let connection = connect(&path).map_err(|error| failure(&path, &error))?;
            self.open.insert(account.clone(), connection);
        }
        self.open
            .get(account)
            .ok_or_else(|| selvedge_storage::Error::Internal("no connection".to_owned()).into())
    }

    fn write(&mut self, account: &Arc<str>, points: &[Point]) -> Result<(), Error> {
        let path = file_of(&self.folder, account);
        let old = (self.clock)().div_euclid(1000) - KEPT_SECONDS;
        let connection = self.connection(account)?;
        let write = || -> rusqlite::Result<()> {
            let transaction = connection.unchecked_transaction()?;
            let mut insert = transaction.prepare_cached(&insert_sql())?;
            for point in points.iter().filter(|point| point.timestamp.div_euclid(1000) > old) {
                insert.execute(params_from_iter(values(point)))?;
            }
            drop(insert);
            transaction.commit()
        };
        write().map_err(|error| failure(&path, &error).into())
    }

    /// Deletes what is too old, of files that are in use.
    fn tidy(&mut self) {
        let old = (self.clock)().div_euclid(1000) - KEPT_SECONDS;
        for connection in self.open.values() {
            // It is tried again.
            let _ = connection.execute("DELETE FROM points WHERE timestamp <= ?1", [old]);
        }
        // Those that are written to are opened again.
        self.open.clear();
    }
}

fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(Duration::from_secs(5))?;
    connection.pragma_update(None, "trusted_schema", false)?;
    // A point is acknowledged to nobody: it need not be synced one by one.
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    Ok(connection)
}

/// All columns of the views that questions are about.
pub(crate) fn columns() -> Vec<String> {
    let numbered = |name: &str| (1..=MAX_MEMBERS).map(|n| format!("{name}{n}")).collect::<Vec<_>>();
    let mut all: Vec<String> =
        ["dataset", "timestamp", "_sample_interval", "index1"].map(str::to_owned).to_vec();
    all.extend(numbered("blob"));
    all.extend(numbered("double"));
    all
}

fn insert_sql() -> String {
    let columns = columns();
    let marks = vec!["?"; columns.len()].join(", ");
    format!("INSERT INTO points ({}) VALUES ({marks})", columns.join(", "))
}

fn values(point: &Point) -> Vec<Value> {
    let text = |text: Option<&String>| text.map_or(Value::Null, |text| Value::Text(text.clone()));
    let mut all = vec![
        Value::Text(point.dataset.clone()),
        Value::Integer(point.timestamp.div_euclid(1000)),
        Value::Integer(1),
        text(point.index.as_ref()),
    ];
    // What is not there is as on Cloudflare: an empty text, a zero.
    for at in 0..MAX_MEMBERS {
        let blob = point.blobs.get(at).and_then(Option::as_ref);
        all.push(Value::Text(blob.cloned().unwrap_or_default()));
    }
    for at in 0..MAX_MEMBERS {
        all.push(Value::Real(point.doubles.get(at).copied().unwrap_or(0.0)));
    }
    all
}
