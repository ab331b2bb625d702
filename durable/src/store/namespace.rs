//! The objects of a class.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::channel::oneshot;
use selvedge_storage::data_dir::DataDir;
use selvedge_storage::history::Disk as _;

use super::connections::Connections;
use super::disk::Disk;
use super::durability::ObjectFile;
use super::facets::{FacetPath, Facets};
use super::id::ObjectId;
use super::index::Index;
use super::object::ObjectStorage;
use super::objects::Clock;
use super::pool::{Job, Pools};
use super::{UnixMs, tidy};
use crate::error::Error;

/// A namespace of objects: a folder.
#[derive(Debug)]
pub struct Namespace {
    pub(super) registry: Arc<Registry>,
    /// The facets of its objects, once somebody asked.
    pub(super) facets: Mutex<Option<Arc<Facets>>>,
}

/// What a namespace is made of, for its objects and for the threads beside.
pub(super) struct Registry {
    folder: PathBuf,
    pub(super) index: Arc<Index>,
    pub(super) pools: Arc<Pools>,
    pub(super) disk: Disk,
    pub(super) clock: Clock,
    /// Files that are open, or were until a moment ago, or are broken.
    files: Mutex<HashMap<ObjectId, Arc<ObjectFile>>>,
    /// Who waits until a file is not open any more.
    freed: Mutex<Vec<oneshot::Sender<()>>>,
    /// The folder is ours as long as anything may write there.
    dir: Arc<DataDir>,
}

impl std::fmt::Debug for Registry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Registry").field("folder", &self.folder).finish_non_exhaustive()
    }
}

/// An object that has, or had, data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectInfo {
    /// Its id.
    pub id: ObjectId,
    /// Its name, if it was ever told.
    pub name: Option<String>,
    /// When it wrote first, in Unix ms.
    pub created: UnixMs,
    /// When its alarm goes off, or is tried again.
    pub alarm: Option<UnixMs>,
}

/// Which objects to list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ObjectQuery {
    /// Only those after this one, in the order of ids.
    pub after: Option<ObjectId>,
    /// Only those with a name that begins with this.
    pub name_prefix: Option<String>,
    /// At most so many.
    pub limit: usize,
}

/// A page of objects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectPage {
    /// In the order of their ids.
    pub objects: Vec<ObjectInfo>,
    /// Whether there are no more.
    pub complete: bool,
}

impl Namespace {
    pub(super) fn open(
        dir: Arc<DataDir>,
        folder: PathBuf,
        pools: Arc<Pools>,
        disk: Disk,
        clock: Clock,
    ) -> Result<Self, Error> {
        std::fs::create_dir_all(&folder)
            .and_then(|()| disk.sync_folder_of(&folder))
            .map_err(|error| selvedge_storage::failure::io_failure(&folder, &error))?;
        let index = Arc::new(Index::open(&folder, disk.clone())?);
        let (files, freed) = Default::default();
        let registry = Registry { folder, index, pools, disk, clock, files, freed, dir };
        Ok(Self { registry: Arc::new(registry), facets: Mutex::default() })
    }

    /// Opens the storage of an object, for the thread of these connections.
    /// Nothing is read or made yet. `name` is what the object was named by, if
    /// that is known; it is remembered with the object's first write.
    ///
    /// # Errors
    /// [`Error::InUse`] if it is open.
    pub fn object(
        &self,
        id: ObjectId,
        name: Option<&str>,
        connections: &Connections,
    ) -> Result<ObjectStorage, Error> {
        let file = self.registry.take(id)?;
        Ok(ObjectStorage::new(file, self.registry.clone(), name, connections.clone()))
    }

    /// Objects that have data.
    pub fn list_objects(&self, query: &ObjectQuery) -> Result<ObjectPage, Error> {
        self.registry.index.list(query)
    }

    /// What is known of an object; `None` if it has no data.
    pub fn get_object(&self, id: ObjectId) -> Result<Option<ObjectInfo>, Error> {
        self.registry.index.get(id)
    }

    /// Deletes an object with its name, its alarm and its facets.
    ///
    /// # Errors
    /// [`Error::InUse`] while it is open, or a facet of it.
    pub fn delete_object(&self, id: ObjectId) -> Result<(), Error> {
        let file = self.registry.take(id)?;
        let facets = self.known_facets().and_then(|facets| match facets {
            Some(facets) => facets.delete_now(&FacetPath::of_object(&id.to_string())),
            None => Ok(()),
        });
        if let Err(error) = facets {
            self.registry.put_back(&file);
            return Err(error);
        }
        file.wait_for_syncer();
        let deleted = {
            let mut opening = file.opening.lock().unwrap_or_else(PoisonError::into_inner);
            opening.checked = false;
            tidy::delete(&file)
        };
        self.registry.put_back(&file);
        deleted
    }

    /// When the next alarm goes off that was not taken by
    /// [`Namespace::take_due`].
    pub fn next_alarm(&self) -> Result<Option<(UnixMs, ObjectId)>, Error> {
        self.registry.index.next_alarm()
    }

    /// Alarms whose time has come, earliest first. They are not told again
    /// before the index is right after [`ObjectStorage::alarm_started`] said
    /// that there is none to run, or after [`ObjectStorage::alarm_ended`], or
    /// before [`Namespace::give_back_alarm`].
    pub fn take_due(&self, now: UnixMs, limit: usize) -> Result<Vec<(UnixMs, ObjectId)>, Error> {
        self.registry.index.take_due(now, limit)
    }

    /// The object did not get to the end of its alarm, and the scheduler is to
    /// find it again.
    pub fn give_back_alarm(&self, id: ObjectId) {
        if self.registry.index.give_back(id) {
            self.registry.index.tell_earlier();
        }
    }

    /// Calls back whenever [`Namespace::next_alarm`] may have become earlier, on
    /// the thread of the object that set it or on one that syncs. There is one
    /// callback, which must not be held up.
    pub fn on_earlier_alarm(&self, call: impl Fn() + Send + Sync + 'static) {
        self.registry.index.on_earlier(Arc::new(call));
    }
}

impl Registry {
    fn lock(&self) -> MutexGuard<'_, HashMap<ObjectId, Arc<ObjectFile>>> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where the file of an object is.
    pub(super) fn path_of(&self, id: ObjectId) -> PathBuf {
        let name = id.to_string();
        self.folder.join(&name[..2]).join(name).with_extension("sqlite")
    }

    /// The file of an object, for one who has it alone.
    fn take(&self, id: ObjectId) -> Result<Arc<ObjectFile>, Error> {
        let known = self.lock().get(&id).cloned();
        if let Some(broken) = known.filter(|file| file.failure().is_some()) {
            // Nobody touches the files of the broken one from here on.
            broken.wait_for_syncer();
            drop(broken.opening.lock());
        }
        let mut files = self.lock();
        let salvage = match files.get(&id) {
            Some(file) if file.in_use.load(Ordering::Acquire) => return Err(Error::InUse),
            Some(file) if file.failure().is_none() => {
                file.in_use.store(true, Ordering::Release);
                return Ok(file.clone());
            }
            Some(_) => true,
            None => false,
        };
        let file = ObjectFile::new(
            id,
            self.path_of(id),
            self.index.clone(),
            self.pools.clone(),
            self.disk.clone(),
            self.clock.clone(),
            salvage,
        );
        file.in_use.store(true, Ordering::Release);
        files.insert(id, file.clone());
        Ok(file)
    }

    /// The file is not in use any more.
    pub(super) fn put_back(self: &Arc<Self>, file: &Arc<ObjectFile>) {
        file.in_use.store(false, Ordering::Release);
        self.tell_freed();
        self.pools.upkeep.submit(Job::Tidy(file.clone(), self.clone()));
    }

    /// Forgets a file that nobody uses. One that is broken is kept in mind until
    /// it is opened anew.
    pub(super) fn forget_if_idle(&self, file: &Arc<ObjectFile>) {
        let mut files = self.lock();
        let same = files.get(&file.id).is_some_and(|known| Arc::ptr_eq(known, file));
        if same && !file.in_use.load(Ordering::Acquire) && file.failure().is_none() {
            files.remove(&file.id);
        }
    }

    /// Whether an object is open.
    pub(super) fn is_in_use(&self) -> bool {
        self.lock().values().any(|file| file.in_use.load(Ordering::Acquire))
    }

    /// Whether this one is.
    pub(super) fn has_open(&self, id: ObjectId) -> bool {
        self.lock().get(&id).is_some_and(|file| file.in_use.load(Ordering::Acquire))
    }

    /// The file of an object, if it is open, or was until a moment ago.
    pub(super) fn known(&self, id: ObjectId) -> Option<Arc<ObjectFile>> {
        self.lock().get(&id).cloned()
    }

    /// Settles when an object is not open any more that was.
    pub(super) fn freed(&self) -> oneshot::Receiver<()> {
        let (sender, receiver) = oneshot::channel();
        self.freed.lock().unwrap_or_else(PoisonError::into_inner).push(sender);
        receiver
    }

    /// Wakes who waits for that.
    pub(super) fn tell_freed(&self) {
        // Who was told looks again, and waits again.
        drop(std::mem::take(&mut *self.freed.lock().unwrap_or_else(PoisonError::into_inner)));
    }

    /// Objects in a folder of this one's.
    pub(super) fn beside(&self, folder: &str) -> Result<Namespace, Error> {
        let (dir, pools) = (self.dir.clone(), self.pools.clone());
        Namespace::open(dir, self.folder.join(folder), pools, self.disk.clone(), self.clock.clone())
    }

    /// Whether there is such a folder.
    pub(super) fn has_folder(&self, folder: &str) -> bool {
        self.folder.join(folder).is_dir()
    }
}
