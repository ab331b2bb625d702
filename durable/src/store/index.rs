//! The index of a namespace: names of objects, and alarms by time.
//!
//! It is written on the threads of the objects, in short transactions that do not
//! wait for the disk, and synced by the syncers before the commits that need it.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OptionalExtension as _, Row, params};
use selvedge_storage::failure::{failure, io_failure};
use selvedge_storage::file::{Kind, create_or_check};
use selvedge_storage::history::Disk as _;

use super::UnixMs;
use super::disk::Disk;
use super::id::{ID_BYTES, ObjectId};
use super::namespace::{ObjectInfo, ObjectPage, ObjectQuery};
use super::scheduled::Scheduled;
use super::tidy::BUSY_WAIT;
use crate::error::Error;

/// The index's file, in the folder of the namespace.
pub(super) const INDEX_FILE: &str = "index.sqlite";
/// Above this many pages its log is copied into the database: 4 MiB.
const LOG_PAGES: u64 = 1024;

const INDEX: Kind = Kind {
    what: "index of Durable Objects",
    application_id: u32::from_be_bytes(*b"SvDI"),
    version: 1,
    schema: include_str!("index.sql"),
};

const NEXT_ALARMS: &str =
    "SELECT alarm, id FROM objects WHERE (alarm, id) > (?1, ?2) AND alarm <= ?3
                           ORDER BY alarm, id";

/// What the index knows of an object's alarm, and what it is to be told.
#[derive(Debug, Default)]
pub(super) struct AlarmEntry {
    /// What the index has, once it was read.
    pub(super) known: Option<Option<UnixMs>>,
    /// A later time, or none, for when the commit of this number is on disk.
    pub(super) pending: Option<(u64, Option<UnixMs>)>,
    /// The transaction of the index that told it last: what counts on it waits for
    /// that.
    pub(super) written: u64,
    /// The scheduler may find the alarm again once the index is right.
    pub(super) give_back: bool,
}

type Callback = Arc<dyn Fn() + Send + Sync>;

pub(super) struct Index {
    path: PathBuf,
    disk: Disk,
    connection: Mutex<Connection>,
    log_pages: Arc<AtomicU64>,
    /// Transactions, counted, and how many of them are on disk.
    written: AtomicU64,
    synced: Mutex<Synced>,
    /// What the scheduler has. It is locked before the connection.
    scheduled: Mutex<Scheduled>,
    earlier: Mutex<Option<Callback>>,
    copying: AtomicBool,
}

#[derive(Default)]
struct Synced {
    seq: u64,
    /// The log may have lost what it took.
    salvage: bool,
}

impl fmt::Debug for Index {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Index").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Index {
    pub(super) fn open(folder: &Path, disk: Disk) -> Result<Self, Error> {
        let path = folder.join(INDEX_FILE);
        create_or_check(&path, &INDEX, |_| Ok(()))?;
        let fail = |error: rusqlite::Error| Error::from(failure(&path, &error));
        let mut connection = connect(&disk, &path).map_err(fail)?;
        let log_pages = Arc::new(AtomicU64::new(0));
        let pages = log_pages.clone();
        connection
            .wal_hook(Some(move |_: &mut rusqlite::hooks::Wal, count: i32| {
                pages.store(u64::try_from(count).unwrap_or(0), Ordering::Relaxed);
                Ok(())
            }))
            .map_err(fail)?;
        // What an earlier process did not sync is synced with the first need.
        let synced = Mutex::new(Synced { seq: 0, salvage: false });
        let (scheduled, earlier) = Default::default();
        Ok(Self {
            disk,
            connection: Mutex::new(connection),
            log_pages,
            written: AtomicU64::new(1),
            synced,
            scheduled,
            earlier,
            copying: AtomicBool::new(false),
            path,
        })
    }

    fn lock(&self) -> MutexGuard<'_, Connection> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read<T>(&self, read: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, Error> {
        read(&self.lock()).map_err(|error| failure(&self.path, &error).into())
    }

    /// Runs one transaction of one statement. Tells what to ask of
    /// [`Index::sync`].
    fn write(
        &self,
        write: impl FnOnce(&Connection) -> rusqlite::Result<usize>,
    ) -> Result<u64, Error> {
        let connection = self.lock();
        write(&connection).map_err(|error| failure(&self.path, &error))?;
        Ok(self.written.fetch_add(1, Ordering::AcqRel) + 1)
    }

    /// The last transaction's number.
    pub(super) fn written(&self) -> u64 {
        self.written.load(Ordering::Acquire)
    }

    /// What is known of an object.
    pub(super) fn get(&self, id: ObjectId) -> Result<Option<ObjectInfo>, Error> {
        self.read(|connection| {
            connection
                .prepare_cached("SELECT id, name, created, alarm FROM objects WHERE id = ?1")?
                .query_row([id.0], info)
                .optional()
        })
    }

    /// An object has data, and may have this name.
    pub(super) fn add(
        &self,
        id: ObjectId,
        name: Option<&str>,
        created: UnixMs,
    ) -> Result<u64, Error> {
        self.write(|connection| {
            connection
                .prepare_cached(
                    "INSERT INTO objects (id, name, created) VALUES (?1, ?2, ?3)
                     ON CONFLICT DO UPDATE SET name = ifnull(excluded.name, name)",
                )?
                .execute(params![id.0, name, created])
        })
    }

    /// An object is gone.
    pub(super) fn remove(&self, id: ObjectId) -> Result<u64, Error> {
        let mut scheduled = self.scheduled();
        let removed = self.write(|connection| {
            connection.prepare_cached("DELETE FROM objects WHERE id = ?1")?.execute([id.0])
        })?;
        scheduled.taken.remove(&id);
        scheduled.is_at(id, None);
        Ok(removed)
    }

    /// Sets when the scheduler finds an object.
    pub(super) fn set_alarm(&self, id: ObjectId, alarm: Option<UnixMs>) -> Result<u64, Error> {
        let mut scheduled = self.scheduled();
        let set = self.write(|connection| {
            connection
                .prepare_cached(
                    "INSERT INTO objects (id, created, alarm) VALUES (?1, 0, ?2)
                     ON CONFLICT DO UPDATE SET alarm = excluded.alarm",
                )?
                .execute(params![id.0, alarm])
        })?;
        scheduled.is_at(id, alarm);
        Ok(set)
    }

    /// A page of objects.
    pub(super) fn list(&self, query: &ObjectQuery) -> Result<ObjectPage, Error> {
        let mut objects: Vec<ObjectInfo> = self.read(|connection| {
            connection
                .prepare_cached(
                    "SELECT id, name, created, alarm FROM objects
                     WHERE id > ?1 AND (?2 IS NULL OR substr(name, 1, length(?2)) = ?2)
                     ORDER BY id LIMIT ?3",
                )?
                .query_map(
                    params![
                        query.after.map_or_else(Vec::new, |id| id.0.to_vec()),
                        query.name_prefix,
                        i64::try_from(query.limit.saturating_add(1)).unwrap_or(i64::MAX)
                    ],
                    info,
                )?
                .collect()
        })?;
        let complete = objects.len() <= query.limit;
        objects.truncate(query.limit);
        Ok(ObjectPage { objects, complete })
    }

    fn scheduled(&self) -> MutexGuard<'_, Scheduled> {
        self.scheduled.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many entries were read on behalf of the scheduler.
    #[cfg(test)]
    pub(super) fn scanned(&self) -> u64 {
        self.scheduled().scanned
    }

    #[cfg(test)]
    pub(super) fn plan_of_alarms(&self) -> String {
        let sql = format!("EXPLAIN QUERY PLAN {NEXT_ALARMS}");
        self.read(|connection| {
            connection.query_row(&sql, params![0, [0u8; 32], 0], |row| row.get(3))
        })
        .expect("a plan")
    }

    /// The earliest alarms up to `until` that are not taken.
    fn alarms(
        &self,
        scheduled: &mut Scheduled,
        until: UnixMs,
        limit: usize,
    ) -> Result<Vec<(UnixMs, ObjectId)>, Error> {
        let mut found = scheduled.passed_by(until, limit);
        if found.len() < limit {
            let (time, id) = scheduled.upto.unwrap_or((UnixMs::MIN, ObjectId([0; ID_BYTES])));
            self.read(|connection| {
                let mut statement = connection.prepare_cached(NEXT_ALARMS)?;
                let mut rows = statement.query(params![time, id.0, until])?;
                while found.len() < limit
                    && let Some(row) = rows.next()?
                {
                    scheduled.scanned += 1;
                    let id = object_id(row, 1)?;
                    // One that is on its way may have a later time by now.
                    if !scheduled.taken.contains(&id) {
                        found.push((row.get(0)?, id));
                    }
                }
                Ok(())
            })?;
        }
        Ok(found)
    }

    pub(super) fn next_alarm(&self) -> Result<Option<(UnixMs, ObjectId)>, Error> {
        Ok(self.alarms(&mut self.scheduled(), UnixMs::MAX, 1)?.pop())
    }

    pub(super) fn take_due(
        &self,
        now: UnixMs,
        limit: usize,
    ) -> Result<Vec<(UnixMs, ObjectId)>, Error> {
        let mut scheduled = self.scheduled();
        let due = self.alarms(&mut scheduled, now, limit)?;
        for alarm in &due {
            scheduled.take(*alarm);
        }
        Ok(due)
    }

    /// Lets the scheduler find an alarm again. Tells whether it was taken.
    pub(super) fn give_back(&self, id: ObjectId) -> bool {
        let mut scheduled = self.scheduled();
        if !scheduled.taken.remove(&id) {
            return false;
        }
        match self.get(id) {
            Ok(info) => scheduled.is_at(id, info.and_then(|info| info.alarm)),
            Err(error) => {
                tracing::warn!(
                    "{}: its alarms are gone through again: {error}",
                    self.path.display()
                );
                scheduled.forget();
            }
        }
        true
    }

    pub(super) fn on_earlier(&self, call: Callback) {
        *self.earlier.lock().unwrap_or_else(PoisonError::into_inner) = Some(call);
    }

    /// An alarm is there that the scheduler may not know of.
    pub(super) fn tell_earlier(&self) {
        let call = self.earlier.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(call) = call {
            call();
        }
    }

    /// Makes what was written up to `seq` durable.
    pub(super) fn sync(&self, seq: u64) -> Result<(), Error> {
        let mut synced = self.synced.lock().unwrap_or_else(PoisonError::into_inner);
        if seq <= synced.seq {
            return Ok(());
        }
        if synced.salvage {
            self.salvage()?;
            synced.salvage = false;
        }
        let target = self.written.load(Ordering::Acquire);
        let first = synced.seq == 0;
        if let Err(error) = self.sync_log(first) {
            synced.salvage = true;
            return Err(io_failure(&self.path, &error).into());
        }
        synced.seq = target;
        drop(synced);
        if self.log_pages.load(Ordering::Relaxed) > LOG_PAGES {
            self.copy_log();
        }
        Ok(())
    }

    fn sync_log(&self, first: bool) -> std::io::Result<()> {
        if first {
            self.disk.sync_folder_of(&self.path)?;
        }
        self.disk.sync_log(&self.path)
    }

    /// Copies and syncs all of the log.
    fn salvage(&self) -> Result<(), Error> {
        let connection = self.lock();
        connection
            .pragma_update(None, "synchronous", "FULL")
            .and_then(|()| super::tidy::copy_log(&connection, "TRUNCATE"))
            .and_then(|()| connection.pragma_update(None, "synchronous", "NORMAL"))
            .map_err(|error| failure(&self.path, &error).into())
    }

    /// Copies the log into the database: most of it beside those who write, the
    /// rest while they wait.
    fn copy_log(&self) {
        if self.copying.swap(true, Ordering::AcqRel) {
            return;
        }
        let copied = connect(&self.disk, &self.path)
            .and_then(|beside| super::tidy::copy_log(&beside, "PASSIVE"))
            .and_then(|()| super::tidy::copy_log(&self.lock(), "PASSIVE"));
        match copied {
            Ok(()) => self.log_pages.store(0, Ordering::Relaxed),
            Err(error) => {
                tracing::warn!("{}: the log was not copied: {error}", self.path.display())
            }
        }
        self.copying.store(false, Ordering::Release);
    }
}

fn connect(disk: &Disk, path: &Path) -> rusqlite::Result<Connection> {
    let connection = disk.connect(path)?;
    connection.busy_timeout(BUSY_WAIT)?;
    // The log stays the same file, so that its name is synced once.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    connection.execute_batch(
        "PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON; PRAGMA temp_store = MEMORY;
         PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = 0;",
    )?;
    Ok(connection)
}

fn info(row: &Row<'_>) -> rusqlite::Result<ObjectInfo> {
    Ok(ObjectInfo {
        id: object_id(row, 0)?,
        name: row.get(1)?,
        created: row.get(2)?,
        alarm: row.get(3)?,
    })
}

fn object_id(row: &Row<'_>, column: usize) -> rusqlite::Result<ObjectId> {
    let bytes = row.get_ref(column)?.as_blob()?;
    ObjectId::from_slice(bytes).ok_or_else(|| {
        rusqlite::Error::InvalidColumnType(column, "id".to_owned(), rusqlite::types::Type::Blob)
    })
}
