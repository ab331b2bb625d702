//! The files of all accounts, and the thread that writes them.

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender, TrySendError};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::file::File;
use crate::query::{Page, Query, run};
use crate::record::Record;
use crate::{Error, Options};

/// Records that wait to be written.
const QUEUE: usize = 16_384;
/// Records of one transaction.
const BATCH: usize = 1000;
/// How long a record waits for company.
const COMPANY: Duration = Duration::from_millis(100);
/// How often old records are removed.
const TIDY_EVERY: Duration = Duration::from_secs(60);
/// Files that stay open.
const OPEN_FILES: usize = 64;

enum Command {
    Record(Record),
    /// Answers when all before it is on disk.
    Flush(SyncSender<()>),
    Tidy(SyncSender<()>),
    Forget(String, SyncSender<()>),
}

/// Kept events. Dropping it writes what waits.
#[derive(Debug)]
pub struct LogStore {
    folder: PathBuf,
    sender: Option<SyncSender<Command>>,
    dropped: Arc<AtomicU64>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl LogStore {
    /// Opens the folder and starts the thread that writes.
    ///
    /// # Errors
    /// When the folder cannot be made.
    pub fn open(options: Options) -> Result<Self, Error> {
        let io = |error: std::io::Error| {
            Error::Storage(selvedge_storage::failure::io_failure(&options.folder, &error))
        };
        std::fs::create_dir_all(&options.folder).map_err(io)?;
        let (sender, receiver) = mpsc::sync_channel(QUEUE);
        let folder = options.folder.clone();
        let dropped = Arc::new(AtomicU64::new(0));
        let writer = Writer { options, files: HashMap::new(), dropped: dropped.clone() };
        let thread = std::thread::Builder::new()
            .name("logs".into())
            .spawn(move || writer.run(&receiver))
            .map_err(|error| {
                Error::Storage(selvedge_storage::Error::Unavailable(error.to_string()))
            })?;
        Ok(Self { folder, sender: Some(sender), dropped, thread: Mutex::new(Some(thread)) })
    }

    /// Queues a record. It never waits: what does not fit is dropped and
    /// counted.
    pub fn write(&self, record: Record) {
        let Some(sender) = &self.sender else { return };
        if let Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) =
            sender.try_send(Command::Record(record))
        {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Records that were dropped since the start.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Looks for events of an account. It waits for the disk.
    ///
    /// # Errors
    /// See [`Error`].
    pub fn query(&self, account: &str, query: &Query) -> Result<Page, Error> {
        run(&path_of(&self.folder, account)?, query)
    }

    /// Waits until all that was queued is written.
    pub fn flush(&self) {
        self.ask(Command::Flush);
    }

    /// Removes what is too old or too much, now.
    pub fn tidy(&self) {
        self.ask(Command::Tidy);
    }

    /// Removes all of an account.
    pub fn forget(&self, account: &str) {
        self.ask(|answer| Command::Forget(account.to_owned(), answer));
    }

    fn ask(&self, command: impl FnOnce(SyncSender<()>) -> Command) {
        let (answer, answered) = mpsc::sync_channel(1);
        if let Some(sender) = &self.sender
            && sender.send(command(answer)).is_ok()
        {
            // The thread ends only with the store.
            let _ = answered.recv();
        }
    }
}

impl Drop for LogStore {
    fn drop(&mut self) {
        drop(self.sender.take());
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread {
            // It has said what went wrong.
            let _ = thread.join();
        }
    }
}

/// The file of an account, whose id cannot be a path.
fn path_of(folder: &Path, account: &str) -> Result<PathBuf, Error> {
    let is_id = !account.is_empty() && account.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if !is_id {
        return Err(Error::Invalid(format!("\"{account}\" is no account")));
    }
    Ok(folder.join(format!("{account}.sqlite")))
}

struct Writer {
    options: Options,
    files: HashMap<Arc<str>, File>,
    dropped: Arc<AtomicU64>,
}

impl Writer {
    fn run(mut self, receiver: &Receiver<Command>) {
        let mut next_tidy = Instant::now() + TIDY_EVERY;
        loop {
            let wait = next_tidy.saturating_duration_since(Instant::now());
            let first = match receiver.recv_timeout(wait) {
                Ok(first) => Some(first),
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => return,
            };
            let mut batch = Vec::new();
            let mut after = None;
            match first {
                Some(Command::Record(record)) => {
                    batch.push(record);
                    after = collect(receiver, &mut batch);
                }
                other => after = after.or(other),
            }
            self.write(batch);
            match after {
                Some(Command::Flush(answer)) => done(&answer),
                Some(Command::Tidy(answer)) => {
                    self.tidy();
                    done(&answer);
                }
                Some(Command::Forget(account, answer)) => {
                    self.forget(&account);
                    done(&answer);
                }
                Some(Command::Record(_)) | None => {}
            }
            if Instant::now() >= next_tidy {
                self.tidy();
                next_tidy = Instant::now() + TIDY_EVERY;
            }
        }
    }

    /// Writes records, each account's in one transaction.
    fn write(&mut self, records: Vec<Record>) {
        let mut by_account: HashMap<Arc<str>, Vec<Record>> = HashMap::new();
        for record in records {
            by_account.entry(record.account.clone()).or_default().push(record);
        }
        for (account, records) in by_account {
            if let Err(error) = self.write_of(&account, &records) {
                self.dropped.fetch_add(records.len() as u64, Ordering::Relaxed);
                self.files.remove(&account);
                tracing::error!(%account, %error, "events were not kept");
            }
        }
    }

    fn write_of(&mut self, account: &Arc<str>, records: &[Record]) -> Result<(), Error> {
        let path = path_of(&self.options.folder, account)?;
        if !self.files.contains_key(account) {
            if self.files.len() >= OPEN_FILES {
                // Opening costs little; which one goes does not matter.
                self.files.clear();
            }
            self.files.insert(account.clone(), File::open(&path)?);
        }
        let Some(file) = self.files.get_mut(account) else { return Ok(()) };
        let fail = |error: rusqlite::Error| {
            Error::Storage(selvedge_storage::failure::failure(&path, &error))
        };
        file.write(records).map_err(fail)
    }

    /// Removes what is too old or too much, in the files of all accounts.
    fn tidy(&mut self) {
        let retention = i64::try_from(self.options.retention.as_millis()).unwrap_or(i64::MAX);
        let before = (self.options.now)().saturating_sub(retention);
        let Ok(entries) = std::fs::read_dir(&self.options.folder) else { return };
        for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
            if path.extension().is_none_or(|extension| extension != "sqlite") {
                continue;
            }
            let tidied = File::open(&path).and_then(|mut file| {
                file.tidy(before, self.options.max_bytes_per_account).map_err(|error| {
                    Error::Storage(selvedge_storage::failure::failure(&path, &error))
                })
            });
            if let Err(error) = tidied {
                tracing::error!(path = %path.display(), %error, "old events were not removed");
            }
        }
    }

    fn forget(&mut self, account: &str) {
        self.files.remove(account);
        let Ok(path) = path_of(&self.options.folder, account) else { return };
        let removed = std::iter::once(path.clone())
            .chain(selvedge_storage::file::companions(&path))
            .try_for_each(|path| match std::fs::remove_file(path) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
                _ => Ok(()),
            });
        if let Err(error) = removed {
            tracing::error!(account, %error, "events of a deleted account were not removed");
        }
    }
}

/// Tells who asked; they may have gone.
fn done(answer: &SyncSender<()>) {
    let _ = answer.send(());
}

/// Gathers records for a moment; gives the command that ended it.
fn collect(receiver: &Receiver<Command>, batch: &mut Vec<Record>) -> Option<Command> {
    let end = Instant::now() + COMPANY;
    while batch.len() < BATCH {
        let wait = end.saturating_duration_since(Instant::now());
        match receiver.recv_timeout(wait) {
            Ok(Command::Record(record)) => batch.push(record),
            Ok(other) => return Some(other),
            Err(_) => return None,
        }
    }
    None
}
