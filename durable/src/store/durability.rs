//! Which commits of an object are on disk, and how they get there.
//!
//! A commit appends to the log (`-wal`) without waiting. The object's
//! [`ObjectFile`] then waits in the queue of the syncers ([`super::pool`]): one
//! `fdatasync` of the log makes all commits durable that were there when it
//! began. Nothing else sets the number of durable commits, so none is told of
//! too early. If the disk refuses, the object is broken: what was not on disk
//! counts as lost until the log, as the system has it, was copied and synced by
//! the next opening.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use futures::channel::oneshot;
use selvedge_storage::history::Disk as _;

use super::disk::Disk;
use super::history::{HISTORY, History};
use super::id::ObjectId;
use super::index::{AlarmEntry, Index};
use super::objects::Clock;
use super::pool::{Job, Pools};
use crate::error::Error;

/// A commit of an object. The numbers of an object grow by one, as long as it
/// is open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Commit {
    /// Its number.
    pub seq: u64,
}

/// Tells which commits of an object are on disk. Cheap to clone, for any thread,
/// and it may outlive the object's storage.
#[derive(Debug, Clone)]
pub struct Durability(pub(super) Arc<ObjectFile>);

type Call = Box<dyn FnOnce(Result<(), Error>) + Send>;

/// What is known of an object's file by all threads.
pub(super) struct ObjectFile {
    pub(super) id: ObjectId,
    pub(super) path: PathBuf,
    pub(super) index: Arc<Index>,
    pub(super) pools: Arc<Pools>,
    pub(super) disk: Disk,
    /// What it was before.
    pub(super) history: History,
    /// Whether an `ObjectStorage` has it.
    pub(super) in_use: AtomicBool,
    /// Held while a connection is opened, and while nobody may open one.
    pub(super) opening: Mutex<Opening>,
    /// What the index knows of the alarm.
    pub(super) alarm: Mutex<AlarmEntry>,
    /// A checkpoint beside the object's thread has ended since its last write.
    pub(super) checkpointed: AtomicBool,
    /// A checkpoint is asked for.
    pub(super) checkpoint_asked: AtomicBool,
    /// The last commit and the last durable one, as in `sync`, to be read
    /// without a lock.
    committed: AtomicU64,
    durable: AtomicU64,
    broken: AtomicBool,
    sync: Mutex<Sync>,
    rested: Condvar,
}

/// How far the opening of a file has come.
#[derive(Debug, Default)]
pub(super) struct Opening {
    /// The file was checked by its header. That must not be done again while
    /// there is a connection, for closing the file drops SQLite's locks.
    pub(super) checked: bool,
    /// The object's thread has a connection.
    pub(super) connected: bool,
    /// The log may have lost what it took: all of it is to be copied and synced
    /// before anything is added.
    pub(super) salvage: bool,
}

#[derive(Default)]
struct Sync {
    failed: Option<String>,
    /// Waits for a syncer.
    queued: bool,
    /// A syncer has it.
    syncing: bool,
    /// The folder has names that may not be on disk.
    names: Names,
    /// What the index must have on disk first.
    index: u64,
    waiting: Vec<(u64, Call)>,
}

/// Names in folders that may not be on disk.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Names {
    #[default]
    Durable,
    /// In the folder of the file.
    Files,
    /// The folder itself.
    Folder,
}

impl fmt::Debug for ObjectFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ObjectFile").field("path", &self.path).finish_non_exhaustive()
    }
}

impl ObjectFile {
    pub(super) fn new(
        id: ObjectId,
        path: PathBuf,
        index: Arc<Index>,
        pools: Arc<Pools>,
        disk: Disk,
        clock: Clock,
        salvage: bool,
    ) -> Arc<Self> {
        let history = History::new(&path, &HISTORY, id.0, clock, disk.clone());
        Arc::new(Self {
            history,
            id,
            path,
            index,
            pools,
            disk,
            in_use: AtomicBool::new(false),
            opening: Mutex::new(Opening { salvage, ..Opening::default() }),
            alarm: Mutex::default(),
            checkpointed: AtomicBool::new(false),
            checkpoint_asked: AtomicBool::new(false),
            committed: AtomicU64::new(0),
            durable: AtomicU64::new(0),
            broken: AtomicBool::new(false),
            sync: Mutex::default(),
            rested: Condvar::new(),
        })
    }

    fn lock(&self) -> MutexGuard<'_, Sync> {
        self.sync.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes note of a commit, and sees to it that it gets on disk.
    /// `index` is what the index must have on disk before.
    pub(super) fn committed(self: &Arc<Self>, names: Names, index: u64) -> Commit {
        let mut sync = self.lock();
        let seq = self.committed.load(Ordering::Relaxed) + 1;
        self.committed.store(seq, Ordering::Release);
        sync.names = sync.names.max(names);
        sync.index = sync.index.max(index);
        let submit = !sync.queued && !sync.syncing;
        sync.queued = true;
        drop(sync);
        if submit {
            self.pools.syncers.submit(Job::Sync(self.clone()));
        }
        Commit { seq }
    }

    /// The number of the next commit.
    pub(super) fn next_seq(&self) -> u64 {
        self.committed.load(Ordering::Relaxed) + 1
    }

    /// What a syncer does.
    pub(super) fn sync(self: &Arc<Self>) {
        let (target, names, index) = {
            let mut sync = self.lock();
            sync.queued = false;
            if sync.failed.is_some() {
                return;
            }
            sync.syncing = true;
            (self.committed.load(Ordering::Relaxed), std::mem::take(&mut sync.names), sync.index)
        };
        let synced = self.flush(names, index);
        let mut sync = self.lock();
        sync.syncing = false;
        if let Err(error) = &synced {
            self.set_failed(&mut sync, error.to_string());
        } else if sync.failed.is_none() {
            self.durable.store(target, Ordering::Release);
        }
        let again = sync.queued && sync.failed.is_none();
        sync.queued = again;
        let calls = self.take_ready(&mut sync);
        self.rested.notify_all();
        drop(sync);
        if synced.is_ok() {
            self.move_alarm_later(target);
        }
        for (call, result) in calls {
            call(result);
        }
        if again {
            self.pools.syncers.submit(Job::Sync(self.clone()));
        }
    }

    fn flush(&self, names: Names, index: u64) -> Result<(), Error> {
        self.index.sync(index)?;
        let io = |error: io::Error| {
            Error::from(selvedge_storage::failure::io_failure(&self.path, &error))
        };
        if names >= Names::Files {
            self.disk.sync_folder_of(&self.path).map_err(io)?;
        }
        if names == Names::Folder
            && let Some(folder) = self.path.parent()
        {
            self.disk.sync_folder_of(folder).map_err(io)?;
        }
        self.disk.sync_log(&self.path).map_err(io)
    }

    /// What waits for a commit that is on disk, or for anything if there is a
    /// failure.
    fn take_ready(&self, sync: &mut Sync) -> Vec<(Call, Result<(), Error>)> {
        let durable = self.durable.load(Ordering::Relaxed);
        let failed = sync.failed.clone().map(Error::Broken);
        let ready = |seq: u64| seq <= durable || failed.is_some();
        sync.waiting
            .extract_if(.., |(seq, _)| ready(*seq))
            .map(|(seq, call)| {
                let result =
                    if seq <= durable { Ok(()) } else { failed.clone().map_or(Ok(()), Err) };
                (call, result)
            })
            .collect()
    }

    fn set_failed(&self, sync: &mut Sync, why: String) {
        if sync.failed.is_none() {
            tracing::error!("{}: {why}", self.path.display());
            sync.failed = Some(why);
            self.broken.store(true, Ordering::Release);
        }
    }

    /// Breaks the object: no commit gets on disk from here on.
    pub(super) fn fail(&self, why: String) {
        let mut sync = self.lock();
        self.set_failed(&mut sync, why);
        let calls = self.take_ready(&mut sync);
        drop(sync);
        for (call, result) in calls {
            call(result);
        }
    }

    /// Why the object is broken.
    pub(super) fn failure(&self) -> Option<Error> {
        if !self.broken.load(Ordering::Acquire) {
            return None;
        }
        self.lock().failed.clone().map(Error::Broken)
    }

    /// Whether all commits are on disk, and no syncer has the file.
    pub(super) fn is_settled(&self) -> bool {
        let sync = self.lock();
        !sync.queued && !sync.syncing && sync.failed.is_none()
    }

    /// Waits for the syncer that has the file, if one has.
    pub(super) fn wait_for_syncer(&self) {
        let mut sync = self.lock();
        while sync.syncing || (sync.queued && sync.failed.is_none()) {
            sync = self.rested.wait(sync).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn check(&self, seq: u64) -> Option<Result<(), Error>> {
        if seq <= self.durable.load(Ordering::Acquire) {
            return Some(Ok(()));
        }
        self.failure().map(Err)
    }
}

impl Durability {
    /// The last commit; 0 if there was none. What an object says depends on all
    /// commits up to this one. It may be ahead of what [`super::ObjectStorage`]
    /// told: what a process that was killed left in the log counts as a commit.
    pub fn committed(&self) -> u64 {
        self.0.committed.load(Ordering::Acquire)
    }

    /// The last commit that is on disk; 0 if none is.
    pub fn durable(&self) -> u64 {
        self.0.durable.load(Ordering::Acquire)
    }

    /// Whether this commit is on disk, or will never be. `None` while the disk
    /// works.
    pub fn check(&self, seq: u64) -> Option<Result<(), Error>> {
        self.0.check(seq)
    }

    /// Calls back once when the commit is on disk or never will be: at once, on
    /// this thread, if that is known, otherwise on a thread of the syncers, which
    /// must not be held up.
    pub fn when(&self, seq: u64, call: impl FnOnce(Result<(), Error>) + Send + 'static) {
        let result = {
            let mut sync = self.0.lock();
            match self.0.durable.load(Ordering::Relaxed) {
                durable if seq <= durable => Ok(()),
                _ => match sync.failed.clone() {
                    Some(why) => Err(Error::Broken(why)),
                    None => return sync.waiting.push((seq, Box::new(call))),
                },
            }
        };
        call(result);
    }

    /// Waits until the commit is on disk.
    ///
    /// # Errors
    /// [`Error::Broken`] if it never will be.
    pub fn wait(&self, seq: u64) -> impl Future<Output = Result<(), Error>> + Send + use<> {
        let known = self.check(seq);
        let later = known.is_none().then(|| {
            let (told, result) = oneshot::channel();
            self.when(seq, move |result| drop(told.send(result)));
            result
        });
        async move {
            match (known, later) {
                (Some(known), _) => known,
                (None, Some(later)) => later
                    .await
                    .unwrap_or_else(|_| Err(Error::Broken("no syncer is left".to_owned()))),
                (None, None) => Ok(()),
            }
        }
    }
}
