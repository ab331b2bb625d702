//! The buckets of a data folder: their names, their folders, their upkeep.

use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use rusqlite::{Connection, OptionalExtension as _, Row, params};
use selvedge_storage::data_dir::DataDir;
use selvedge_storage::failure::{failure, io_failure};
use selvedge_storage::file::{self, Kind};
use selvedge_storage::hold;

use super::bucket::{Bucket, random_hex};
use super::connection::{Role, connect};
use super::sweep::{self, Sweeping};
use crate::Error;
use crate::object::{StorageClass, UnixMillis};

/// The folder of everything, in the data folder.
const FOLDER: &str = "r2";
/// The catalog in it. Backups copy what is called so before all else.
const CATALOG_FILE: &str = "catalog.sqlite";
/// The longest name: 63 bytes
/// (<https://developers.cloudflare.com/r2/buckets/create-buckets/>).
const MAX_NAME_BYTES: usize = 63;
/// The shortest one.
const MIN_NAME_BYTES: usize = 3;

const CATALOG: Kind = Kind {
    what: "list of R2 buckets",
    application_id: u32::from_be_bytes(*b"SvRC"),
    version: 1,
    schema: include_str!("catalog.sql"),
};

/// What time it is.
pub type Clock = fn() -> UnixMillis;

/// A bucket as the catalog knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BucketInfo {
    /// The name of its folder.
    pub id: String,
    /// Whose it is; empty for Workers that no account has.
    pub account: String,
    pub name: String,
    pub created: UnixMillis,
    /// Of objects that are put without one.
    pub storage_class: StorageClass,
    /// A hint, which is only kept.
    pub location: Option<String>,
}

/// Why the catalog could not do what it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    #[error("there is already a bucket named \"{0}\"")]
    Taken(String),
    #[error("there is no bucket named \"{0}\"")]
    NotFound(String),
    #[error(
        "\"{0}\" is no name for a bucket: it has 3 to 63 lowercase letters, digits and hyphens, \
         and no hyphen at either end"
    )]
    BadName(String),
    #[error("the bucket \"{0}\" is not empty")]
    NotEmpty(String),
    #[error(transparent)]
    Store(#[from] Error),
}

/// The buckets of a data folder. Dropping it closes them all.
pub struct Catalog {
    shared: Arc<Shared>,
    upkeep: Option<JoinHandle<()>>,
}

struct Shared {
    dir: Arc<DataDir>,
    folder: PathBuf,
    clock: Clock,
    state: Mutex<State>,
    sweeping: Sweeping,
}

struct State {
    connection: Connection,
    /// Buckets that are open, by id. One file has one writer.
    open: HashMap<String, Arc<Bucket>>,
}

impl fmt::Debug for Catalog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Catalog").field("folder", &self.shared.folder).finish_non_exhaustive()
    }
}

impl Catalog {
    /// Opens the catalog of a data folder, or makes it.
    ///
    /// # Errors
    /// When its file is not ours, or no thread can be started.
    pub fn open(dir: Arc<DataDir>, clock: Clock) -> Result<Self, Error> {
        let folder = dir.path().join(FOLDER);
        std::fs::create_dir_all(&folder).map_err(|error| io_failure(&folder, &error))?;
        let path = folder.join(CATALOG_FILE);
        file::create_or_check(&path, &CATALOG, |_| Ok(()))?;
        let connection = connect(&path, Role::Write).map_err(|error| failure(&path, &error))?;
        let shared = Arc::new(Shared {
            dir,
            folder,
            clock,
            state: Mutex::new(State { connection, open: HashMap::new() }),
            sweeping: Sweeping::default(),
        });
        let mine = shared.clone();
        let upkeep = std::thread::Builder::new()
            .name("r2-upkeep".to_owned())
            .spawn(move || mine.upkeep())
            .map_err(|error| {
                let text = format!("no thread can be started: {error}");
                Error::Storage(selvedge_storage::Error::Unavailable(text))
            })?;
        Ok(Self { shared, upkeep: Some(upkeep) })
    }

    /// A bucket that a configuration names: made where it is not there, whatever
    /// its name is.
    ///
    /// # Errors
    /// When its files cannot be used.
    pub fn bucket(&self, account: &str, name: &str) -> Result<Arc<Bucket>, Error> {
        let mut state = self.shared.lock();
        let info = match self.shared.find(&state, account, name)? {
            Some(info) => info,
            None => self.shared.insert(&state, account, name, None, StorageClass::default())?,
        };
        self.shared.open_bucket(&mut state, &info)
    }

    /// A bucket that is there.
    ///
    /// # Errors
    /// [`CatalogError::NotFound`].
    pub fn existing(
        &self,
        account: &str,
        name: &str,
    ) -> Result<(BucketInfo, Arc<Bucket>), CatalogError> {
        let mut state = self.shared.lock();
        let found = self.shared.find(&state, account, name)?;
        let info = found.ok_or_else(|| CatalogError::NotFound(name.to_owned()))?;
        let bucket = self.shared.open_bucket(&mut state, &info)?;
        Ok((info, bucket))
    }

    /// The bucket of a name.
    ///
    /// # Errors
    /// When the catalog's file cannot be read.
    pub fn get(&self, account: &str, name: &str) -> Result<Option<BucketInfo>, Error> {
        self.shared.find(&self.shared.lock(), account, name)
    }

    /// An account's buckets, by name.
    ///
    /// # Errors
    /// When the catalog's file cannot be read.
    pub fn list(&self, account: &str) -> Result<Vec<BucketInfo>, Error> {
        let state = self.shared.lock();
        self.shared.sql(|| {
            state
                .connection
                .prepare_cached(&format!("{COLUMNS} WHERE account = ?1 ORDER BY name"))?
                .query_map([account], info)?
                .collect()
        })
    }

    /// Makes a bucket.
    ///
    /// # Errors
    /// [`CatalogError::Taken`], [`CatalogError::BadName`].
    pub fn create(
        &self,
        account: &str,
        name: &str,
        location: Option<&str>,
        storage_class: StorageClass,
    ) -> Result<BucketInfo, CatalogError> {
        if !is_name(name) {
            return Err(CatalogError::BadName(name.to_owned()));
        }
        let state = self.shared.lock();
        if self.shared.find(&state, account, name)?.is_some() {
            return Err(CatalogError::Taken(name.to_owned()));
        }
        Ok(self.shared.insert(&state, account, name, location, storage_class)?)
    }

    /// Sets the storage class of objects that are put without one.
    ///
    /// # Errors
    /// [`CatalogError::NotFound`].
    pub fn set_storage_class(
        &self,
        account: &str,
        name: &str,
        class: StorageClass,
    ) -> Result<BucketInfo, CatalogError> {
        let state = self.shared.lock();
        let found = self.shared.find(&state, account, name)?;
        let info = found.ok_or_else(|| CatalogError::NotFound(name.to_owned()))?;
        let sql = "UPDATE buckets SET storage_class = ?2 WHERE id = ?1";
        self.shared.sql(|| state.connection.execute(sql, [&info.id, class.as_str()]))?;
        if let Some(bucket) = state.open.get(&info.id) {
            bucket.set_storage_class(class);
        }
        Ok(BucketInfo { storage_class: class, ..info })
    }

    /// Deletes a bucket that has no objects. Who still has it gets
    /// [`selvedge_storage::Error::Unavailable`] from it.
    ///
    /// # Errors
    /// [`CatalogError::NotFound`], [`CatalogError::NotEmpty`].
    pub fn delete(&self, account: &str, name: &str) -> Result<(), CatalogError> {
        let mut state = self.shared.lock();
        let found = self.shared.find(&state, account, name)?;
        let info = found.ok_or_else(|| CatalogError::NotFound(name.to_owned()))?;
        let bucket = self.shared.open_bucket(&mut state, &info)?;
        if !bucket.is_empty()? {
            return Err(CatalogError::NotEmpty(name.to_owned()));
        }
        self.shared.remove(&mut state, &info)?;
        Ok(())
    }

    /// Deletes all buckets of an account, with what is in them.
    ///
    /// # Errors
    /// When a file cannot be deleted.
    pub fn delete_account(&self, account: &str) -> Result<(), Error> {
        for info in self.list(account)? {
            self.shared.remove(&mut self.shared.lock(), &info)?;
        }
        Ok(())
    }
}

impl Drop for Catalog {
    fn drop(&mut self) {
        self.shared.sweeping.end();
        if let Some(upkeep) = self.upkeep.take() {
            // If it panicked, there is nothing left to end.
            let _ = upkeep.join();
        }
        for bucket in std::mem::take(&mut self.shared.lock().open).into_values() {
            bucket.close();
        }
    }
}

const COLUMNS: &str = "SELECT id, account, name, created, storage_class, location FROM buckets";

fn info(row: &Row<'_>) -> rusqlite::Result<BucketInfo> {
    let class: String = row.get(4)?;
    Ok(BucketInfo {
        id: row.get(0)?,
        account: row.get(1)?,
        name: row.get(2)?,
        created: row.get(3)?,
        storage_class: class.parse().unwrap_or_default(),
        location: row.get(5)?,
    })
}

/// Whether a bucket may have the name.
pub(super) fn is_name(name: &str) -> bool {
    let bytes = name.as_bytes();
    let is_inner = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || *byte == b'-';
    (MIN_NAME_BYTES..=MAX_NAME_BYTES).contains(&bytes.len())
        && bytes.iter().all(is_inner)
        && !name.starts_with('-')
        && !name.ends_with('-')
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn sql<T>(&self, work: impl FnOnce() -> rusqlite::Result<T>) -> Result<T, Error> {
        let result = work();
        result.map_err(|error| failure(&self.folder.join(CATALOG_FILE), &error).into())
    }

    fn find(&self, state: &State, account: &str, name: &str) -> Result<Option<BucketInfo>, Error> {
        self.sql(|| {
            state
                .connection
                .prepare_cached(&format!("{COLUMNS} WHERE account = ?1 AND name = ?2"))?
                .query_row([account, name], info)
                .optional()
        })
    }

    fn insert(
        &self,
        state: &State,
        account: &str,
        name: &str,
        location: Option<&str>,
        storage_class: StorageClass,
    ) -> Result<BucketInfo, Error> {
        let info = BucketInfo {
            id: random_hex()?,
            account: account.to_owned(),
            name: name.to_owned(),
            created: (self.clock)(),
            storage_class,
            location: location.map(str::to_owned),
        };
        let sql = "INSERT INTO buckets (id, account, name, created, storage_class, location) \
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
        self.sql(|| {
            let class = info.storage_class.as_str();
            let values = params![info.id, account, name, info.created, class, info.location];
            state.connection.execute(sql, values)
        })?;
        Ok(info)
    }

    fn folder_of(&self, info: &BucketInfo) -> PathBuf {
        self.folder.join(&info.id)
    }

    fn open_bucket(&self, state: &mut State, info: &BucketInfo) -> Result<Arc<Bucket>, Error> {
        if let Some(bucket) = state.open.get(&info.id) {
            return Ok(bucket.clone());
        }
        let bucket = Arc::new(Bucket::open(
            self.dir.clone(),
            &self.folder_of(info),
            &info.id,
            info.storage_class,
            self.clock,
            self.sweeping.clone(),
        )?);
        state.open.insert(info.id.clone(), bucket.clone());
        // What a process before this one left behind.
        self.sweeping.wake();
        Ok(bucket)
    }

    /// The files go first: a half of a bucket is never found under its name.
    fn remove(&self, state: &mut State, info: &BucketInfo) -> Result<(), Error> {
        if let Some(bucket) = state.open.remove(&info.id) {
            bucket.close();
        }
        let folder = self.folder_of(info);
        remove_folder(&folder).map_err(|error| io_failure(&folder, &error))?;
        let sql = "DELETE FROM buckets WHERE id = ?1";
        self.sql(|| state.connection.execute(sql, [&info.id])).map(drop)
    }

    fn upkeep(&self) {
        while self.sweeping.wait() {
            let _deleting = match hold::delete(&self.folder) {
                Ok(Some(deleting)) => deleting,
                // The next look comes soon enough.
                Ok(None) => continue,
                Err(error) => {
                    tracing::warn!(%error, "files of buckets are not deleted yet");
                    continue;
                }
            };
            let open: Vec<_> = self.lock().open.values().cloned().collect();
            for bucket in open {
                if let Err(error) = sweep::sweep(&bucket.shared) {
                    tracing::warn!(%error, "files of a bucket are not deleted yet");
                }
            }
        }
    }
}

fn remove_folder(folder: &Path) -> std::io::Result<()> {
    match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => file::sync_folder(folder),
    }
}
