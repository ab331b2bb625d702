//! The catalog of a data folder: which namespaces of objects there are, whose
//! class each is, and which migrations of a Worker were applied.
//!
//! A namespace is known by an id of its own, so that its objects stay when the
//! class gets another name or another Worker. All that a start changes, it
//! changes in one transaction.

mod exports;
mod migrations;
mod session;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, OptionalExtension as _, Row, TransactionBehavior};
use selvedge_storage::Error;
use selvedge_storage::data_dir::DataDir;
use selvedge_storage::failure::{failure, io_failure};
use selvedge_storage::file::{self, Kind};

use crate::config::{Config, Lifecycle, Misfit, Storage};
use session::Session;

/// The folder of the objects in a data folder.
pub const FOLDER: &str = "do";
/// The catalog's file in it.
const FILE: &str = "catalog.sqlite";
/// What the file is.
const KIND: Kind = Kind {
    what: "catalog of Durable Objects",
    // "SeDc"
    application_id: 0x5365_4463,
    version: 1,
    schema: include_str!("catalog.sql"),
};
/// How long another program may hold the file: 5 s.
const LOCK_WAIT: Duration = Duration::from_secs(5);

/// Tells the present in Unix ms.
pub type Clock = Arc<dyn Fn() -> i64 + Send + Sync>;

/// A namespace: the objects of a class.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamespaceInfo {
    /// Its own id: 32 hexadecimal digits, and the name of its folder.
    pub id: String,
    /// The Worker that has the class.
    pub script: String,
    /// The class.
    pub class: String,
    /// Whether its objects have `storage.sql`.
    pub storage: Storage,
    /// Why it is there.
    pub origin: Origin,
    /// The Worker that it is to belong to.
    pub offered_to: Option<String>,
    /// When it was made, in Unix ms.
    pub created: i64,
}

/// Why a namespace is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// `migrations` or `exports` made it.
    Declared,
    /// A binding leads to it, and nothing declares it.
    Binding,
    /// Its objects are to come from another Worker.
    Expecting,
}

impl Origin {
    fn as_str(self) -> &'static str {
        match self {
            Self::Declared => "declared",
            Self::Binding => "binding",
            Self::Expecting => "expecting",
        }
    }

    fn of(name: &str) -> Option<Self> {
        [Self::Declared, Self::Binding, Self::Expecting]
            .into_iter()
            .find(|origin| origin.as_str() == name)
    }
}

/// What happens to a binding whose class nothing declares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strictness {
    /// Its namespace is made, as wrangler does on the developer's machine.
    Local,
    /// It is refused, as Cloudflare does.
    Strict,
}

/// Why a configuration could not be applied; nothing was changed then.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// It does not fit what is there.
    #[error(transparent)]
    Refused(#[from] Misfit),
    /// The files.
    #[error(transparent)]
    Store(#[from] Error),
}

/// The namespaces of a data folder.
#[derive(Debug)]
pub struct Catalog {
    path: PathBuf,
    clock: ClockOf,
    connection: Mutex<Connection>,
    /// Kept for as long as the file is used.
    _dir: Arc<DataDir>,
}

/// A clock that can be shown.
struct ClockOf(Clock);

impl std::fmt::Debug for ClockOf {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Clock")
    }
}

impl Catalog {
    /// Opens the catalog of a data folder, or makes it.
    ///
    /// # Errors
    /// [`Error::Data`] if the file is not ours.
    pub fn open(dir: Arc<DataDir>, clock: Clock) -> Result<Self, Error> {
        let folder = dir.path().join(FOLDER);
        std::fs::create_dir_all(&folder).map_err(|error| io_failure(&folder, &error))?;
        let path = folder.join(FILE);
        file::create_or_check(&path, &KIND, |_| Ok(()))?;
        let connection = connect(&path).map_err(|error| failure(&path, &error))?;
        Ok(Self { path, clock: ClockOf(clock), connection: Mutex::new(connection), _dir: dir })
    }

    /// Whether a data folder has a catalog.
    pub fn exists(dir: &Path) -> bool {
        dir.join(FOLDER).join(FILE).exists()
    }

    /// Makes the namespaces of a Worker what its configuration says: takes the
    /// migrations that were not taken yet, or compares `exports`, and sees that
    /// all bindings lead somewhere. Gives notes for the user.
    ///
    /// Namespaces that end here are told by [`Catalog::removed`].
    ///
    /// # Errors
    /// [`ApplyError::Refused`] when it does not fit what is there.
    pub fn apply(
        &self,
        script: &str,
        config: &Config,
        strictness: Strictness,
    ) -> Result<Vec<String>, ApplyError> {
        self.session(script, config, strictness, |session| session.commit())
    }

    /// Tells whether [`Catalog::apply`] would work, and changes nothing.
    ///
    /// # Errors
    /// As [`Catalog::apply`].
    pub fn would_apply(
        &self,
        script: &str,
        config: &Config,
        strictness: Strictness,
    ) -> Result<Vec<String>, ApplyError> {
        self.session(script, config, strictness, |session| Ok(session.notes))
    }

    fn session(
        &self,
        script: &str,
        config: &Config,
        strictness: Strictness,
        end: impl FnOnce(Session<'_>) -> Result<Vec<String>, Error>,
    ) -> Result<Vec<String>, ApplyError> {
        config.check(script)?;
        let now = (self.clock.0)();
        let folder = self.path.parent().unwrap_or(Path::new("")).to_owned();
        let mut connection = self.lock();
        let transaction = connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(|error| failure(&self.path, &error))?;
        let mut session = Session {
            transaction,
            path: &self.path,
            folder,
            script,
            strictness,
            now,
            notes: Vec::new(),
        };
        match &config.lifecycle {
            Lifecycle::Migrations(migrations) => session.migrate(migrations)?,
            Lifecycle::Exports(exports) => session.reconcile(exports)?,
        }
        session.bind(config)?;
        Ok(end(session)?)
    }

    /// A Worker is gone: so are its namespaces, and the last migration that it
    /// took. Their objects are told by [`Catalog::removed`].
    ///
    /// # Errors
    /// When the file cannot be used.
    pub fn forget(&self, script: &str) -> Result<(), Error> {
        let mut connection = self.lock();
        let mut forget = || -> rusqlite::Result<()> {
            let transaction = connection.transaction()?;
            transaction.execute(
                "INSERT OR IGNORE INTO removed (id) SELECT id FROM namespaces WHERE script = ?1",
                [script],
            )?;
            transaction.execute("DELETE FROM namespaces WHERE script = ?1", [script])?;
            transaction.execute("DELETE FROM scripts WHERE name = ?1", [script])?;
            transaction.commit()
        };
        forget().map_err(|error| failure(&self.path, &error))
    }

    /// The namespace of a Worker's class.
    pub fn find(&self, script: &str, class: &str) -> Result<Option<NamespaceInfo>, Error> {
        let connection = self.lock();
        find(&connection, script, class).map_err(|error| failure(&self.path, &error))
    }

    /// All namespaces, by Worker and class.
    pub fn list(&self) -> Result<Vec<NamespaceInfo>, Error> {
        let connection = self.lock();
        let list = || -> rusqlite::Result<Vec<NamespaceInfo>> {
            let sql = format!("SELECT {COLUMNS} FROM namespaces ORDER BY script, class");
            connection.prepare_cached(&sql)?.query_map([], info)?.collect()
        };
        list().map_err(|error| failure(&self.path, &error))
    }

    /// The last migration of a Worker that was applied.
    pub fn migration_tag(&self, script: &str) -> Result<Option<String>, Error> {
        let connection = self.lock();
        tag(&connection, script).map_err(|error| failure(&self.path, &error))
    }

    /// Hands the ids of namespaces that are gone to `delete`, which deletes their
    /// objects. What it cannot delete now, for an object is in use, it is asked
    /// for again next time.
    ///
    /// # Errors
    /// Those of `delete`.
    pub fn removed<E: From<Error>>(
        &self,
        mut delete: impl FnMut(&str) -> Result<Deleted, E>,
    ) -> Result<(), E> {
        for id in self.removed_ids()? {
            if delete(&id)? == Deleted::Now {
                let connection = self.lock();
                connection
                    .execute("DELETE FROM removed WHERE id = ?1", [&id])
                    .map_err(|error| failure(&self.path, &error))?;
            }
        }
        Ok(())
    }

    fn removed_ids(&self) -> Result<Vec<String>, Error> {
        let connection = self.lock();
        let list = || -> rusqlite::Result<Vec<String>> {
            connection
                .prepare_cached("SELECT id FROM removed ORDER BY id")?
                .query_map([], |row| row.get(0))?
                .collect()
        };
        list().map_err(|error| failure(&self.path, &error))
    }

    fn lock(&self) -> MutexGuard<'_, Connection> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What became of the files of a namespace that is gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deleted {
    /// They are gone too.
    Now,
    /// They are in use.
    Later,
}

fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(LOCK_WAIT)?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    Ok(connection)
}

/// What [`info`] reads.
const COLUMNS: &str = "id, script, class, storage, origin, offered_to, created";

fn info(row: &Row<'_>) -> rusqlite::Result<NamespaceInfo> {
    let unknown = |column: usize, text: String| {
        let kind = rusqlite::types::Type::Text;
        rusqlite::Error::FromSqlConversionFailure(column, kind, text.into())
    };
    let storage: String = row.get(3)?;
    let origin: String = row.get(4)?;
    Ok(NamespaceInfo {
        id: row.get(0)?,
        script: row.get(1)?,
        class: row.get(2)?,
        storage: Storage::of(&storage).ok_or_else(|| unknown(3, storage))?,
        origin: Origin::of(&origin).ok_or_else(|| unknown(4, origin))?,
        offered_to: row.get(5)?,
        created: row.get(6)?,
    })
}

fn find(
    connection: &Connection,
    script: &str,
    class: &str,
) -> rusqlite::Result<Option<NamespaceInfo>> {
    let sql = format!("SELECT {COLUMNS} FROM namespaces WHERE script = ?1 AND class = ?2");
    connection.prepare_cached(&sql)?.query_row([script, class], info).optional()
}

fn tag(connection: &Connection, script: &str) -> rusqlite::Result<Option<String>> {
    connection
        .prepare_cached("SELECT migration_tag FROM scripts WHERE name = ?1")?
        .query_row([script], |row| row.get(0))
        .optional()
}
