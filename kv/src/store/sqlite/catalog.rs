//! The namespaces of a data folder: their titles, their files, their upkeep.

use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::SqliteStore;
use super::failure::{failure, io_failure};
use crate::Error;
use crate::store::UnixSeconds;
use selvedge_storage::connect::{Role, connect};
use selvedge_storage::data_dir::DataDir;
use selvedge_storage::file::{self, Kind};

/// The file of the catalog, in the data folder.
const CATALOG_FILE: &str = "kv.sqlite";
/// The folder of the namespaces' files, in the data folder.
const NAMESPACES_FOLDER: &str = "kv";
/// How often each open namespace is looked at.
const UPKEEP_EVERY: Duration = Duration::from_secs(10);
/// Ids up to this length are file names: 64 bytes, twice that of Cloudflare's.
const MAX_PLAIN_NAME: usize = 64;

const CATALOG: Kind = Kind {
    what: "list of KV namespaces",
    application_id: u32::from_be_bytes(*b"SvKC"),
    version: 1,
    schema: include_str!("catalog.sql"),
};

/// What time it is, in Unix seconds.
pub type Clock = Arc<dyn Fn() -> UnixSeconds + Send + Sync>;

/// A namespace as the catalog knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamespaceInfo {
    /// What bindings name it by.
    pub id: String,
    /// What people name it by; no two have the same.
    pub title: String,
    /// When it was made.
    pub created: UnixSeconds,
}

/// Why the catalog could not do what it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    /// Another namespace has the title.
    #[error("a namespace with the title \"{0}\" already exists")]
    TitleTaken(String),
    /// No namespace has the id.
    #[error("there is no namespace with the id \"{0}\"")]
    NotFound(String),
    /// The files.
    #[error(transparent)]
    Store(#[from] Error),
}

/// The namespaces of a data folder. Dropping it closes them all.
pub struct Catalog {
    shared: Arc<Shared>,
    upkeep: Option<JoinHandle<()>>,
}

struct Shared {
    dir: Arc<DataDir>,
    clock: Clock,
    state: Mutex<State>,
    stopped: Condvar,
}

struct State {
    connection: Connection,
    /// Namespaces that are open, by id. One file has one writer.
    open: HashMap<String, Arc<SqliteStore>>,
    stopping: bool,
}

impl fmt::Debug for Catalog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Catalog").field("dir", &self.shared.dir).finish_non_exhaustive()
    }
}

impl Catalog {
    /// Opens the catalog of a data folder, or makes it.
    ///
    /// # Errors
    /// [`Error::Data`] if the file is not ours, [`Error::Unavailable`] if no
    /// thread can be started.
    pub fn open(dir: Arc<DataDir>, clock: Clock) -> Result<Self, Error> {
        let path = dir.path().join(CATALOG_FILE);
        file::create_or_check(&path, &CATALOG, |_| Ok(()))?;
        let connection = connect(&path, Role::Write).map_err(|error| failure(&path, &error))?;
        let folder = dir.path().join(NAMESPACES_FOLDER);
        std::fs::create_dir_all(&folder).map_err(|error| io_failure(&folder, &error))?;
        let shared = Arc::new(Shared {
            dir,
            clock,
            state: Mutex::new(State { connection, open: HashMap::new(), stopping: false }),
            stopped: Condvar::new(),
        });
        let mine = shared.clone();
        let upkeep = std::thread::Builder::new()
            .name("kv-upkeep".to_owned())
            .spawn(move || mine.upkeep())
            .map_err(|error| Error::Unavailable(format!("no thread can be started: {error}")))?;
        Ok(Self { shared, upkeep: Some(upkeep) })
    }

    /// The store of a namespace. One that is new gets its id as title.
    pub fn store(&self, id: &str) -> Result<Arc<SqliteStore>, Error> {
        let mut state = self.shared.lock();
        if let Some(store) = state.open.get(id) {
            return Ok(store.clone());
        }
        if self.find(&state, id)?.is_none() {
            self.register_under_any_title(&state, id)?;
        }
        let path = self.path_of(id);
        let store = Arc::new(SqliteStore::open(self.shared.dir.clone(), &path, id)?);
        state.open.insert(id.to_owned(), store.clone());
        Ok(store)
    }

    /// All namespaces, by title.
    pub fn list(&self) -> Result<Vec<NamespaceInfo>, Error> {
        let state = self.shared.lock();
        self.sql(|| {
            state
                .connection
                .prepare_cached("SELECT id, title, created FROM namespaces ORDER BY title, id")?
                .query_map([], info)?
                .collect()
        })
    }

    /// The namespace of an id.
    pub fn get(&self, id: &str) -> Result<Option<NamespaceInfo>, Error> {
        self.find(&self.shared.lock(), id)
    }

    /// Makes a namespace with an id of its own.
    ///
    /// # Errors
    /// [`CatalogError::TitleTaken`].
    pub fn create(&self, title: &str) -> Result<NamespaceInfo, CatalogError> {
        let state = self.shared.lock();
        self.must_be_free(&state, title)?;
        let created = (self.shared.clock)();
        let info = NamespaceInfo { id: new_id()?, title: title.to_owned(), created };
        self.insert(&state, &info)?;
        Ok(info)
    }

    /// Gives a namespace another title.
    ///
    /// # Errors
    /// [`CatalogError::NotFound`], [`CatalogError::TitleTaken`].
    pub fn rename(&self, id: &str, title: &str) -> Result<NamespaceInfo, CatalogError> {
        let state = self.shared.lock();
        let not_found = || CatalogError::NotFound(id.to_owned());
        let info = self.find(&state, id)?.ok_or_else(not_found)?;
        if info.title != title {
            self.must_be_free(&state, title)?;
            let sql = "UPDATE namespaces SET title = ?2 WHERE id = ?1";
            self.sql(|| state.connection.execute(sql, [id, title]))?;
        }
        Ok(NamespaceInfo { title: title.to_owned(), ..info })
    }

    /// Deletes a namespace with all that is in it. Who still has its store gets
    /// [`Error::Unavailable`] from it.
    ///
    /// # Errors
    /// [`CatalogError::NotFound`].
    pub fn delete(&self, id: &str) -> Result<(), CatalogError> {
        let mut state = self.shared.lock();
        if self.find(&state, id)?.is_none() {
            return Err(CatalogError::NotFound(id.to_owned()));
        }
        if let Some(store) = state.open.remove(id) {
            store.close();
        }
        // The files go first: a namespace of the same id must never find them.
        let path = self.path_of(id);
        file::remove(&path).map_err(|error| io_failure(&path, &error))?;
        self.sql(|| state.connection.execute("DELETE FROM namespaces WHERE id = ?1", [id]))?;
        Ok(())
    }

    fn find(&self, state: &State, id: &str) -> Result<Option<NamespaceInfo>, Error> {
        self.sql(|| {
            state
                .connection
                .prepare_cached("SELECT id, title, created FROM namespaces WHERE id = ?1")?
                .query_row([id], info)
                .optional()
        })
    }

    fn must_be_free(&self, state: &State, title: &str) -> Result<(), CatalogError> {
        if self.is_free(state, title)? {
            return Ok(());
        }
        Err(CatalogError::TitleTaken(title.to_owned()))
    }

    fn is_free(&self, state: &State, title: &str) -> Result<bool, Error> {
        self.sql(|| {
            let mut statement =
                state.connection.prepare_cached("SELECT 1 FROM namespaces WHERE title = ?1")?;
            statement.exists([title]).map(|exists| !exists)
        })
    }

    fn register_under_any_title(&self, state: &State, id: &str) -> Result<(), Error> {
        let mut title = id.to_owned();
        let mut number = 2;
        while !self.is_free(state, &title)? {
            title = format!("{id} ({number})");
            number += 1;
        }
        let info = NamespaceInfo { id: id.to_owned(), title, created: (self.shared.clock)() };
        self.insert(state, &info)
    }

    fn insert(&self, state: &State, info: &NamespaceInfo) -> Result<(), Error> {
        let created = i64::try_from(info.created).unwrap_or(i64::MAX);
        let sql = "INSERT INTO namespaces (id, title, created) VALUES (?1, ?2, ?3)";
        self.sql(|| state.connection.execute(sql, params![info.id, info.title, created]))?;
        Ok(())
    }

    fn sql<T>(&self, work: impl FnOnce() -> rusqlite::Result<T>) -> Result<T, Error> {
        work().map_err(|error| failure(&self.shared.dir.path().join(CATALOG_FILE), &error))
    }

    fn path_of(&self, id: &str) -> PathBuf {
        self.shared.dir.path().join(NAMESPACES_FOLDER).join(file_name(id))
    }
}

impl Drop for Catalog {
    fn drop(&mut self) {
        self.shared.lock().stopping = true;
        self.shared.stopped.notify_all();
        if let Some(upkeep) = self.upkeep.take() {
            // If it panicked, there is nothing left to end.
            let _ = upkeep.join();
        }
        let open = std::mem::take(&mut self.shared.lock().open);
        open.values().for_each(|store| store.close());
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the thread for upkeep runs.
    fn upkeep(&self) {
        loop {
            let (state, _) = self
                .stopped
                .wait_timeout_while(self.lock(), UPKEEP_EVERY, |state| !state.stopping)
                .unwrap_or_else(PoisonError::into_inner);
            if state.stopping {
                return;
            }
            let open: Vec<_> = state.open.values().cloned().collect();
            drop(state);
            let now = (self.clock)();
            open.iter().for_each(|store| store.upkeep(now));
        }
    }
}

fn info(row: &Row<'_>) -> rusqlite::Result<NamespaceInfo> {
    let created: i64 = row.get(2)?;
    Ok(NamespaceInfo {
        id: row.get(0)?,
        title: row.get(1)?,
        created: u64::try_from(created).unwrap_or(0),
    })
}

/// 32 hexadecimal digits, as Cloudflare's ids have.
fn new_id() -> Result<String, Error> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes)
        .map_err(|error| Error::Internal(format!("the system has no random numbers: {error}")))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Ids are any text, as configurations have them; file names are not. Where
/// capitals are the same file as small letters, two ids stay two files.
fn file_name(id: &str) -> PathBuf {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_');
    if (1..=MAX_PLAIN_NAME).contains(&id.len()) && id.chars().all(plain) {
        return Path::new(id).with_extension("sqlite");
    }
    let readable: String = id
        .chars()
        .map(|c| c.to_ascii_lowercase())
        .map(|c| if plain(c) { c } else { '_' })
        .take(MAX_PLAIN_NAME / 2)
        .collect();
    let hash = blake3::hash(id.as_bytes()).to_hex();
    PathBuf::from(format!("{readable}.{}.sqlite", &hash[..16]))
}

#[cfg(test)]
mod tests;
