//! The store in a file of SQLite, `meta/deployments.sqlite` in the data folder,
//! with the blobs beside it.
//!
//! One connection, one transaction per change, synced to disk before the call
//! returns. Statements are in one file per noun.

mod accounts;
mod assets;
mod audit;
mod calls;
mod domains;
mod hosts;
mod kv;
mod resource_secrets;
mod resources;
mod row;
mod secrets;
mod tokens;
mod versions;
mod workers;

#[cfg(test)]
mod tests;

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};
use selvedge_storage::data_dir::DataDir;
use selvedge_storage::failure::{failure, io_failure};
use selvedge_storage::file::{self, Kind};

use crate::audit::Actor;
use crate::blobs::Blobs;
use crate::error::Error;
use crate::secret::Keyring;
use crate::zone::ZonePolicy;
use crate::{UnixMillis, names};

/// The folder in the data folder.
pub const FOLDER: &str = "meta";
/// The file in it.
pub const FILE: &str = "deployments.sqlite";
const KIND: Kind = Kind {
    what: "store of deployments",
    application_id: u32::from_be_bytes(*b"SvDp"),
    version: 1,
    schema: include_str!("sqlite/schema.sql"),
};
/// How long another program may hold the file, such as a backup: 5 s.
const LOCK_WAIT: Duration = Duration::from_secs(5);

/// Tells the present in Unix ms.
pub type Clock = Arc<dyn Fn() -> UnixMillis + Send + Sync>;

/// How a store is opened.
pub struct Options {
    /// The keys of the secrets.
    pub keys: Keyring,
    /// Who may have zones.
    pub zones: ZonePolicy,
    /// The server's own domain: below it are the Workers' own names, and no
    /// account can have routes there.
    pub domain: Option<String>,
    /// The present.
    pub clock: Clock,
}

/// The store of a data folder.
pub struct SqliteStore {
    path: PathBuf,
    connection: Mutex<Connection>,
    blobs: Blobs,
    options: Options,
    /// The folder is ours as long as the file is used.
    dir: Arc<DataDir>,
}

impl fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteStore").field("path", &self.path).finish_non_exhaustive()
    }
}

/// What goes wrong within a transaction.
enum Fault {
    Sql(rusqlite::Error),
    Refused(Error),
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sql(error)
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::Refused(error)
    }
}

impl From<serde_json::Error> for Fault {
    fn from(error: serde_json::Error) -> Self {
        Self::Refused(Error::Storage(selvedge_storage::Error::Internal(error.to_string())))
    }
}

type Fallible<T> = Result<T, Fault>;

/// A transaction that changes something.
struct Change<'a> {
    sql: Transaction<'a>,
    now: UnixMillis,
    by: &'a Actor,
    options: &'a Options,
}

impl SqliteStore {
    /// Opens the store of a data folder, or makes it.
    ///
    /// # Errors
    /// A storage error if the file is not ours, or [`Error::Invalid`] for a domain
    /// that is none.
    pub fn open(dir: Arc<DataDir>, mut options: Options) -> Result<Self, Error> {
        if let Some(domain) = &mut options.domain {
            let invalid = || Error::Invalid(format!("\"{domain}\" is not a domain"));
            *domain = names::host(domain).ok_or_else(invalid)?;
        }
        let folder = dir.path().join(FOLDER);
        std::fs::create_dir_all(&folder).map_err(|error| io_failure(&folder, &error))?;
        let path = folder.join(FILE);
        file::create_or_check(&path, &KIND, |_| Ok(()))?;
        let connection = connect(&path).map_err(|error| failure(&path, &error))?;
        for table in [resources::TABLE, resource_secrets::TABLE] {
            connection.execute_batch(table).map_err(|error| failure(&path, &error))?;
        }
        let blobs = Blobs::open(dir.path())?;
        Ok(Self { path, connection: Mutex::new(connection), blobs, options, dir })
    }

    /// The data folder.
    pub fn dir(&self) -> &Arc<DataDir> {
        &self.dir
    }

    fn lock(&self) -> MutexGuard<'_, Connection> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> UnixMillis {
        (self.options.clock)()
    }

    fn error(&self, fault: Fault) -> Error {
        match fault {
            Fault::Refused(error) => error,
            Fault::Sql(error) => failure(&self.path, &error).into(),
        }
    }

    /// Reads in one transaction, so that all is of one moment.
    fn read<T>(&self, read: impl FnOnce(&Connection) -> Fallible<T>) -> Result<T, Error> {
        let mut connection = self.lock();
        let run = || -> Fallible<T> { read(&*connection.transaction()?) };
        run().map_err(|fault| self.error(fault))
    }

    /// Changes in one transaction: all of it, or nothing.
    fn change<T>(
        &self,
        by: &Actor,
        change: impl FnOnce(&Change<'_>) -> Fallible<T>,
    ) -> Result<T, Error> {
        let now = self.now();
        let mut connection = self.lock();
        let run = || -> Fallible<T> {
            let sql = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let session = Change { sql, now, by, options: &self.options };
            let done = change(&session)?;
            session.sql.commit()?;
            Ok(done)
        };
        run().map_err(|fault| self.error(fault))
    }
}

fn connect(path: &std::path::Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(LOCK_WAIT)?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.set_prepared_statement_cache_capacity(128);
    Ok(connection)
}
