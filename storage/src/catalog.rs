//! What a data folder has of one sort, such as namespaces of KV: ids and titles,
//! the file of each, their upkeep.

use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension as _, Row, params};

use crate::UnixSeconds;
use crate::connect::{Role, connect};
use crate::data_dir::DataDir;
use crate::error::Error;
use crate::failure::{failure, io_failure};
use crate::file::{self, Kind};
use crate::history;

/// How often each open store is looked at.
const UPKEEP_EVERY: Duration = Duration::from_secs(10);
/// Ids up to this length are file names: 64 bytes, twice that of Cloudflare's.
const MAX_PLAIN_NAME: usize = 64;

/// What time it is, in Unix seconds.
pub type Clock = Arc<dyn Fn() -> UnixSeconds + Send + Sync>;

/// What a catalog is of.
#[derive(Debug)]
pub struct Sort {
    /// What one is called in messages, such as "namespace".
    pub what: &'static str,
    /// The catalog's file, in the data folder.
    pub file: &'static str,
    /// The folder of the stores' files, in the data folder.
    pub folder: &'static str,
    /// The catalog's file. Its schema has the table, with the columns `id`, `title`
    /// and `created`.
    pub kind: Kind,
    /// The table.
    pub table: &'static str,
    /// The name of the thread for upkeep.
    pub thread: &'static str,
    /// Makes an id.
    pub new_id: fn() -> Result<String, Error>,
}

/// A store of which a catalog has many: one file each.
pub trait Stored: Send + Sync + Sized + 'static {
    /// Which sort it is.
    const SORT: Sort;
    /// What holds for all of them.
    type Options: Send + Sync + 'static;

    /// Opens the file, or makes it.
    ///
    /// # Errors
    /// [`Error::Data`] for a file that is not one of this store.
    fn open(
        dir: Arc<DataDir>,
        path: &Path,
        id: &str,
        options: &Self::Options,
    ) -> Result<Self, Error>;

    /// Finishes what waits, takes no more, and closes the file.
    fn close(&self);

    /// Gives back what is not needed while it is idle. Called every few seconds.
    fn upkeep(&self, now: UnixSeconds);

    /// It is to be closed: [`Stored::upkeep`] ends soon. Does nothing where that never
    /// takes long.
    fn end_upkeep(&self) {}
}

/// A store as the catalog knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Info {
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
    /// Another one has the title.
    #[error("a {what} with the title \"{title}\" already exists")]
    TitleTaken {
        /// What it is.
        what: &'static str,
        /// The title.
        title: String,
    },
    /// None has the id.
    #[error("there is no {what} with the id \"{id}\"")]
    NotFound {
        /// What there is none of.
        what: &'static str,
        /// The id.
        id: String,
    },
    /// The files.
    #[error(transparent)]
    Store(#[from] Error),
}

/// The stores of a data folder. Dropping it closes them all.
pub struct Catalog<S: Stored> {
    shared: Arc<Shared<S>>,
    upkeep: Option<JoinHandle<()>>,
}

struct Shared<S: Stored> {
    options: S::Options,
    dir: Arc<DataDir>,
    clock: Clock,
    state: Mutex<State<S>>,
    stopped: Condvar,
}

struct State<S> {
    connection: Connection,
    /// Those that are open, by id. One file has one writer.
    open: HashMap<String, Arc<S>>,
    stopping: bool,
}

impl<S: Stored> fmt::Debug for Catalog<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Catalog").field("dir", &self.shared.dir).finish_non_exhaustive()
    }
}

impl<S: Stored> Catalog<S> {
    /// Opens the catalog of a data folder, or makes it.
    ///
    /// # Errors
    /// [`Error::Data`] if the file is not ours, [`Error::Unavailable`] if no
    /// thread can be started.
    pub fn open(dir: Arc<DataDir>, clock: Clock) -> Result<Self, Error>
    where
        S::Options: Default,
    {
        Self::open_with(dir, clock, S::Options::default())
    }

    /// The same with options.
    ///
    /// # Errors
    /// As [`Catalog::open`].
    pub fn open_with(dir: Arc<DataDir>, clock: Clock, options: S::Options) -> Result<Self, Error> {
        let path = dir.path().join(S::SORT.file);
        file::create_or_check(&path, &S::SORT.kind, |_| Ok(()))?;
        let connection = connect(&path, Role::Write).map_err(|error| failure(&path, &error))?;
        let folder = dir.path().join(S::SORT.folder);
        std::fs::create_dir_all(&folder).map_err(|error| io_failure(&folder, &error))?;
        let shared = Arc::new(Shared {
            options,
            dir,
            clock,
            state: Mutex::new(State { connection, open: HashMap::new(), stopping: false }),
            stopped: Condvar::new(),
        });
        let mine = shared.clone();
        let upkeep = std::thread::Builder::new()
            .name(S::SORT.thread.to_owned())
            .spawn(move || mine.upkeep())
            .map_err(|error| Error::Unavailable(format!("no thread can be started: {error}")))?;
        Ok(Self { shared, upkeep: Some(upkeep) })
    }

    /// The store of an id. One that is new gets its id as title.
    ///
    /// # Errors
    /// When its file cannot be used.
    pub fn store(&self, id: &str) -> Result<Arc<S>, Error> {
        let mut state = self.shared.lock();
        if let Some(store) = state.open.get(id) {
            return Ok(store.clone());
        }
        if self.find(&state, id)?.is_none() {
            self.register_under_any_title(&state, id)?;
        }
        let path = self.path_of(id);
        let store = Arc::new(S::open(self.shared.dir.clone(), &path, id, &self.shared.options)?);
        state.open.insert(id.to_owned(), store.clone());
        Ok(store)
    }

    /// All of them, by title.
    ///
    /// # Errors
    /// When the catalog cannot be read.
    pub fn list(&self) -> Result<Vec<Info>, Error> {
        let state = self.shared.lock();
        let table = S::SORT.table;
        let sql = format!("SELECT id, title, created FROM {table} ORDER BY title, id");
        self.sql(|| state.connection.prepare_cached(&sql)?.query_map([], info)?.collect())
    }

    /// The one of an id.
    ///
    /// # Errors
    /// When the catalog cannot be read.
    pub fn get(&self, id: &str) -> Result<Option<Info>, Error> {
        self.find(&self.shared.lock(), id)
    }

    /// Makes one with an id of its own.
    ///
    /// # Errors
    /// [`CatalogError::TitleTaken`].
    pub fn create(&self, title: &str) -> Result<Info, CatalogError> {
        let state = self.shared.lock();
        self.must_be_free(&state, title)?;
        let created = (self.shared.clock)();
        let info = Info { id: (S::SORT.new_id)()?, title: title.to_owned(), created };
        self.insert(&state, &info)?;
        Ok(info)
    }

    /// Gives one another title.
    ///
    /// # Errors
    /// [`CatalogError::NotFound`], [`CatalogError::TitleTaken`].
    pub fn rename(&self, id: &str, title: &str) -> Result<Info, CatalogError> {
        let state = self.shared.lock();
        let not_found = || CatalogError::NotFound { what: S::SORT.what, id: id.to_owned() };
        let info = self.find(&state, id)?.ok_or_else(not_found)?;
        if info.title != title {
            self.must_be_free(&state, title)?;
            let sql = format!("UPDATE {} SET title = ?2 WHERE id = ?1", S::SORT.table);
            self.sql(|| state.connection.execute(&sql, [id, title]))?;
        }
        Ok(Info { title: title.to_owned(), ..info })
    }

    /// Deletes one with all that is in it. Who still has its store gets
    /// [`Error::Unavailable`] from it.
    ///
    /// # Errors
    /// [`CatalogError::NotFound`].
    pub fn delete(&self, id: &str) -> Result<(), CatalogError> {
        let mut state = self.shared.lock();
        if self.find(&state, id)?.is_none() {
            return Err(CatalogError::NotFound { what: S::SORT.what, id: id.to_owned() });
        }
        if let Some(store) = state.open.remove(id) {
            store.close();
        }
        // The files go first: one of the same id must never find them.
        let path = self.path_of(id);
        file::remove(&path)
            .and_then(|()| history::delete(&path))
            .map_err(|error| io_failure(&path, &error))?;
        let sql = format!("DELETE FROM {} WHERE id = ?1", S::SORT.table);
        self.sql(|| state.connection.execute(&sql, [id]))?;
        Ok(())
    }

    fn find(&self, state: &State<S>, id: &str) -> Result<Option<Info>, Error> {
        let table = S::SORT.table;
        let sql = format!("SELECT id, title, created FROM {table} WHERE id = ?1");
        self.sql(|| state.connection.prepare_cached(&sql)?.query_row([id], info).optional())
    }

    fn must_be_free(&self, state: &State<S>, title: &str) -> Result<(), CatalogError> {
        if self.is_free(state, title)? {
            return Ok(());
        }
        Err(CatalogError::TitleTaken { what: S::SORT.what, title: title.to_owned() })
    }

    fn is_free(&self, state: &State<S>, title: &str) -> Result<bool, Error> {
        let sql = format!("SELECT 1 FROM {} WHERE title = ?1", S::SORT.table);
        self.sql(|| {
            let mut statement = state.connection.prepare_cached(&sql)?;
            statement.exists([title]).map(|exists| !exists)
        })
    }

    fn register_under_any_title(&self, state: &State<S>, id: &str) -> Result<(), Error> {
        let mut title = id.to_owned();
        let mut number = 2;
        while !self.is_free(state, &title)? {
            title = format!("{id} ({number})");
            number += 1;
        }
        let info = Info { id: id.to_owned(), title, created: (self.shared.clock)() };
        self.insert(state, &info)
    }

    fn insert(&self, state: &State<S>, info: &Info) -> Result<(), Error> {
        let created = i64::try_from(info.created).unwrap_or(i64::MAX);
        let table = S::SORT.table;
        let sql = format!("INSERT INTO {table} (id, title, created) VALUES (?1, ?2, ?3)");
        self.sql(|| state.connection.execute(&sql, params![info.id, info.title, created]))?;
        Ok(())
    }

    fn sql<T>(&self, work: impl FnOnce() -> rusqlite::Result<T>) -> Result<T, Error> {
        work().map_err(|error| failure(&self.shared.dir.path().join(S::SORT.file), &error))
    }

    fn path_of(&self, id: &str) -> PathBuf {
        self.shared.dir.path().join(S::SORT.folder).join(file_name(id))
    }
}

impl<S: Stored> Drop for Catalog<S> {
    fn drop(&mut self) {
        {
            let mut state = self.shared.lock();
            state.stopping = true;
            state.open.values().for_each(|store| store.end_upkeep());
        }
        self.shared.stopped.notify_all();
        if let Some(upkeep) = self.upkeep.take() {
            // If it panicked, there is nothing left to end.
            let _ = upkeep.join();
        }
        let open = std::mem::take(&mut self.shared.lock().open);
        open.values().for_each(|store| store.close());
    }
}

impl<S: Stored> Shared<S> {
    fn lock(&self) -> MutexGuard<'_, State<S>> {
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

fn info(row: &Row<'_>) -> rusqlite::Result<Info> {
    let created: i64 = row.get(2)?;
    Ok(Info { id: row.get(0)?, title: row.get(1)?, created: u64::try_from(created).unwrap_or(0) })
}

/// 32 hexadecimal digits, as most of Cloudflare's ids have.
///
/// # Errors
/// When the system has no random numbers.
pub fn hex_id() -> Result<String, Error> {
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
mod tests {
    use super::file_name;

    #[test]
    fn ids_that_differ_have_files_that_differ() {
        let ids = [
            "kv",
            "KV",
            "Kv",
            "k/v",
            "k\\v",
            "..",
            ".",
            "",
            "k\u{e4}",
            &"x".repeat(64),
            &"x".repeat(65),
        ];
        let mut names: Vec<_> =
            ids.iter().map(|id| file_name(id).to_str().expect("text").to_lowercase()).collect();
        assert!(names.iter().all(|name| !name.contains(['/', '\\']) && name.len() < 100));
        assert_eq!(names[0], "kv.sqlite");
        names.sort();
        names.dedup();
        assert_eq!(names.len(), ids.len());
    }
}
