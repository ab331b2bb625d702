//! What facets of objects keep: each has a database of its own, as an object has,
//! in a folder beside those of the objects.
//!
//! A facet is known by its path: the object, and the names that lead from it to the
//! facet. Facets of an object have ids that begin alike, so that all of them are
//! found together.

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::channel::oneshot;
use rusqlite::Connection;
use rusqlite::backup::{Backup, StepResult};
use rusqlite::config::DbConfig;
use selvedge_storage::failure::{failure, io_failure};
use selvedge_storage::history::Disk as _;

use super::connections::{Connections, ConnectionsOptions};
use super::id::{ID_BYTES, ObjectId};
use super::namespace::{Namespace, ObjectInfo, ObjectQuery};
use super::pool::Job;
use crate::error::Error;

/// The folder of facets, in that of their namespace.
pub const FACETS_FOLDER: &str = "facets";
/// Facets that are looked up at once.
const PAGE: usize = 256;
/// Bytes of an id that tell the object.
const HALF: usize = ID_BYTES / 2;

/// Where a facet stands: below an object, or below another facet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FacetPath {
    /// The object's id, in digits.
    root: String,
    /// The object's id and the names, each with a slash after it.
    text: String,
    depth: u32,
    /// Only what is below it.
    is_below: bool,
}

impl FacetPath {
    /// The object itself.
    pub fn of_object(id: &str) -> Self {
        Self { root: id.to_owned(), text: format!("{id}/"), depth: 0, is_below: false }
    }

    /// The facet of this name below.
    #[must_use]
    pub fn child(&self, name: &str) -> Self {
        let name = name.replace('%', "%25").replace('/', "%2F");
        let text = format!("{}{name}/", self.text);
        Self { root: self.root.clone(), text, depth: self.depth + 1, is_below: false }
    }

    /// All facets below, without itself.
    #[must_use]
    pub fn all_below(&self) -> Self {
        Self { is_below: true, ..self.clone() }
    }

    /// How many names there are: 0 for the object itself.
    pub fn depth(&self) -> u32 {
        self.depth
    }

    /// The id that its data has.
    pub fn id(&self) -> ObjectId {
        let mut id = [0; ID_BYTES];
        id[..HALF].copy_from_slice(&half("selvedge facets of an object 1", &self.root));
        id[HALF..].copy_from_slice(&half("selvedge facet 1", &self.text));
        ObjectId(id)
    }

    /// As it is remembered with the data.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The names that lead from here to the facet of a text.
    fn names_to(&self, other: &str) -> Option<Vec<String>> {
        let rest = other.strip_prefix(&self.text)?.strip_suffix('/')?;
        Some(rest.split('/').map(|name| name.replace("%2F", "/").replace("%25", "%")).collect())
    }

    /// Whether another one is this one, or below it.
    fn holds(&self, other: &str) -> bool {
        other.starts_with(&self.text) && (!self.is_below || other.len() > self.text.len())
    }
}

fn half(context: &str, text: &str) -> [u8; HALF] {
    let mut half = [0; HALF];
    half.copy_from_slice(&blake3::derive_key(context, text.as_bytes())[..HALF]);
    half
}

/// The facets of all objects of a namespace.
#[derive(Debug)]
pub struct Facets {
    namespace: Arc<Namespace>,
    /// What is being deleted, or copied over.
    busy: Mutex<Vec<(u64, FacetPath)>>,
}

/// As long as it lives, no facet of a path begins.
#[derive(Debug)]
pub struct Busy {
    facets: Arc<Facets>,
    number: u64,
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.facets.busy().retain(|(number, _)| *number != self.number);
        self.facets.namespace.registry.tell_freed();
    }
}

impl Facets {
    pub(super) fn new(namespace: Namespace) -> Arc<Self> {
        Arc::new(Self { namespace: Arc::new(namespace), busy: Mutex::default() })
    }

    /// Their data, each by the id of its path.
    pub fn namespace(&self) -> &Arc<Namespace> {
        &self.namespace
    }

    fn busy(&self) -> MutexGuard<'_, Vec<(u64, FacetPath)>> {
        self.busy.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps the facet of a path, and those below, from beginning.
    pub fn hold(self: &Arc<Self>, path: &FacetPath) -> Busy {
        let mut busy = self.busy();
        let number = busy.last().map_or(0, |(number, _)| number + 1);
        busy.push((number, path.clone()));
        Busy { facets: self.clone(), number }
    }

    /// Comes back when the facet may begin: nobody has its data open, and nothing is
    /// done to it.
    pub async fn free(self: Arc<Self>, path: FacetPath) {
        loop {
            let freed = self.namespace.registry.freed();
            let is_held = self.busy().iter().any(|(_, held)| held.holds(&path.text));
            if !is_held && !self.namespace.registry.has_open(path.id()) {
                return;
            }
            // It is told of even when the sender is dropped.
            let _ = freed.await;
        }
    }

    /// Deletes the facet of a path, and those below, when nobody has them open. They
    /// are gone from the disk then.
    ///
    /// # Errors
    /// When files cannot be deleted.
    pub async fn delete(self: Arc<Self>, held: Busy, path: FacetPath) -> Result<(), Error> {
        self.rest(&path).await?;
        let this = self.clone();
        self.upkeep(move || this.delete_now(&path)).await?;
        drop(held);
        Ok(())
    }

    /// Copies the facet of one path, and those below, over another one, which nobody
    /// is to have open. What is copied may be in use: it is as its last commit left it.
    ///
    /// # Errors
    /// When files cannot be read or written.
    pub async fn copy(
        self: Arc<Self>,
        held: Busy,
        from: FacetPath,
        to: FacetPath,
    ) -> Result<(), Error> {
        self.rest(&to).await?;
        let this = self.clone();
        self.upkeep(move || this.copy_now(&from, &to)).await?;
        drop(held);
        Ok(())
    }

    /// Waits until none below a path is open.
    async fn rest(&self, path: &FacetPath) -> Result<(), Error> {
        loop {
            let freed = self.namespace.registry.freed();
            let all = self.below(path)?;
            let registry = &self.namespace.registry;
            let is_open = |info: &ObjectInfo| registry.has_open(info.id);
            let is_in_use = !path.is_below && registry.has_open(path.id());
            if !is_in_use && !all.iter().any(is_open) {
                return Ok(());
            }
            let _ = freed.await;
        }
    }

    /// Does something on the thread for upkeep.
    async fn upkeep(
        &self,
        work: impl FnOnce() -> Result<(), Error> + Send + 'static,
    ) -> Result<(), Error> {
        let (told, done) = oneshot::channel();
        let work = Box::new(move || drop(told.send(work())));
        self.namespace.registry.pools.upkeep.submit(Job::Other(work.into()));
        let gone = |_| Error::Broken("the thread for upkeep ended".to_owned());
        done.await.map_err(gone)?
    }

    /// All that is kept of a path and below.
    fn below(&self, path: &FacetPath) -> Result<Vec<ObjectInfo>, Error> {
        let mut first = ObjectId([0; ID_BYTES]);
        first.0[..HALF].copy_from_slice(&path.id().0[..HALF]);
        let mut query = ObjectQuery { after: Some(first), name_prefix: None, limit: PAGE };
        let mut found = Vec::new();
        loop {
            let page = self.namespace.list_objects(&query)?;
            query.after = page.objects.last().map(|info| info.id);
            for info in page.objects {
                if info.id.0[..HALF] != first.0[..HALF] {
                    return Ok(found);
                }
                if info.name.as_deref().is_some_and(|name| path.holds(name)) {
                    found.push(info);
                }
            }
            if page.complete {
                return Ok(found);
            }
        }
    }

    /// The facets of an object and those below, by the names that lead there, in the
    /// order of those; each with what is known of its data.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn of_object(&self, id: &str) -> Result<Vec<(Vec<String>, ObjectInfo)>, Error> {
        let object = FacetPath::of_object(id);
        let mut found: Vec<_> = self
            .below(&object.all_below())?
            .into_iter()
            .filter_map(|info| Some((object.names_to(info.name.as_deref()?)?, info)))
            .collect();
        found.sort_by(|(first, _), (second, _)| first.cmp(second));
        Ok(found)
    }

    pub(super) fn delete_now(&self, path: &FacetPath) -> Result<(), Error> {
        self.below(path)?.iter().try_for_each(|info| self.namespace.delete_object(info.id))
    }

    fn copy_now(&self, from: &FacetPath, to: &FacetPath) -> Result<(), Error> {
        if from == to {
            return Ok(());
        }
        self.delete_now(to)?;
        // Below itself, what is copied is not copied again.
        let sources = self.below(from)?;
        for info in
            sources.iter().filter(|info| !info.name.as_deref().is_some_and(|it| to.holds(it)))
        {
            let Some(rest) = info.name.as_deref().and_then(|it| it.strip_prefix(from.as_str()))
            else {
                continue;
            };
            let target = FacetPath {
                root: to.root.clone(),
                text: format!("{}{rest}", to.text),
                depth: to.depth,
                is_below: false,
            };
            self.copy_one(info, &target)?;
        }
        Ok(())
    }

    fn copy_one(&self, from: &ObjectInfo, to: &FacetPath) -> Result<(), Error> {
        let registry = &self.namespace.registry;
        let connections = Connections::new(ConnectionsOptions::default());
        // Opening it puts in order what a process that was killed left.
        let opened = match self.namespace.object(from.id, None, &connections) {
            Ok(storage) => Some(storage),
            Err(Error::InUse) => None,
            Err(error) => return Err(error),
        };
        if let Some(storage) = &opened {
            drop(storage.0.to_read()?);
        }
        // Who has it open begins no connection meanwhile.
        let known = opened.is_none().then(|| registry.known(from.id)).flatten();
        let opening = known.as_ref().map(|file| file.opening.lock());
        let (source, target) = (registry.path_of(from.id), registry.path_of(to.id()));
        let io = |error: std::io::Error| Error::from(io_failure(&target, &error));
        if let Some(folder) = target.parent() {
            std::fs::create_dir_all(folder).map_err(io)?;
        }
        if source.exists() {
            let new = target.with_extension("new");
            copy_database(&source, &new)?;
            std::fs::rename(&new, &target).map_err(io)?;
            registry.disk.sync_folder_of(&target).map_err(io)?;
            if let Some(folder) = target.parent() {
                registry.disk.sync_folder_of(folder).map_err(io)?;
            }
            let now = (registry.clock)();
            registry.index.sync(registry.index.add(to.id(), Some(to.as_str()), now)?)?;
        }
        drop((opening, opened));
        Ok(())
    }
}

/// Copies a database as it is, whoever has it open.
fn copy_database(from: &Path, to: &Path) -> Result<(), Error> {
    let fail = |error: rusqlite::Error| Error::from(failure(from, &error));
    let gone = std::fs::remove_file(to);
    if let Err(error) = gone
        && error.kind() != std::io::ErrorKind::NotFound
    {
        return Err(io_failure(to, &error).into());
    }
    let source = Connection::open(from).map_err(fail)?;
    source.busy_timeout(super::tidy::BUSY_WAIT).map_err(fail)?;
    // Its log is the business of who has it open.
    source.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true).map_err(fail)?;
    let mut target = Connection::open(to).map_err(fail)?;
    target.execute_batch("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF").map_err(fail)?;
    let step =
        Backup::new(&source, &mut target).and_then(|backup| backup.step(-1)).map_err(fail)?;
    if step != StepResult::Done {
        let busy = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_BUSY);
        return Err(fail(rusqlite::Error::SqliteFailure(busy, None)));
    }
    target.close().map_err(|(_, error)| fail(error))?;
    let synced = std::fs::File::open(to).and_then(|file| file.sync_all());
    synced.map_err(|error| io_failure(to, &error).into())
}

impl Namespace {
    /// The facets of its objects, whose folder is made if there is none.
    ///
    /// # Errors
    /// When the files cannot be used.
    pub fn facets(&self) -> Result<Arc<Facets>, Error> {
        let mut facets = self.facets.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = &*facets {
            return Ok(known.clone());
        }
        let made = Facets::new(self.registry.beside(FACETS_FOLDER)?);
        *facets = Some(made.clone());
        Ok(made)
    }

    /// The same, if there are or ever were any.
    ///
    /// # Errors
    /// As [`Namespace::facets`].
    pub fn known_facets(&self) -> Result<Option<Arc<Facets>>, Error> {
        let known = self.facets.lock().unwrap_or_else(PoisonError::into_inner).clone();
        match known {
            Some(known) => Ok(Some(known)),
            None if self.registry.has_folder(FACETS_FOLDER) => self.facets().map(Some),
            None => Ok(None),
        }
    }

    /// Whether a facet is open.
    pub(super) fn has_facets_in_use(&self) -> bool {
        let facets = self.facets.lock().unwrap_or_else(PoisonError::into_inner);
        facets.as_ref().is_some_and(|facets| facets.namespace.registry.is_in_use())
    }
}
