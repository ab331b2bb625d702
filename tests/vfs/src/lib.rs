//! A disk for SQLite that fails when it is told to, and that forgets what was
//! not synced when its power goes. For tests only.
//!
//! [`Disk`] puts a layer between SQLite and the files of one folder; the files of
//! other folders are as ever. The layer knows, for each file, which bytes a sync
//! has made durable. A sync that fails makes nothing durable, then or later: the
//! kernel says once that it could not write, and then takes the pages for clean.
//!
//! There are two kinds. With [`Disk::watch`] what others than SQLite write is
//! durable, names are at once, and [`Disk::copy_after_power_loss`] writes what is
//! found if nothing else got to the disk. With [`Disk::strict`] only that is
//! durable of which the test says that it was synced, names included, and
//! [`Disk::image`] writes one of the many things that a disk may hold then: any
//! block and any name of what was not synced may have got there.
//!
//! The files themselves are real ones, and no sync of them is done. What is not
//! told: torn sectors, and the file of shared memory, which no crash outlives.

mod file;
mod layer;
mod model;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use model::Model;
pub use model::Random;

/// The files of one folder, watched until it is dropped. Clones are the same.
#[derive(Debug, Clone)]
pub struct Disk {
    watch: Arc<Watch>,
}

#[derive(Debug)]
struct Watch(Arc<State>);

/// What the layer knows of a folder. It is locked while a file is changed.
#[derive(Debug)]
struct State {
    folder: PathBuf,
    model: Mutex<Model>,
}

/// How often something was synced, or was to be.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Syncs {
    /// By others than SQLite, as they said.
    pub by_us: u64,
    pub by_sqlite: u64,
}

type Disks = Mutex<Vec<Arc<State>>>;

fn disks() -> &'static Disks {
    static DISKS: OnceLock<Disks> = OnceLock::new();
    DISKS.get_or_init(Disks::default)
}

/// A test that panicked elsewhere has not broken these.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The folder's state that a file belongs to.
fn disk_of(path: &Path) -> Option<Arc<State>> {
    lock(disks()).iter().find(|disk| path.starts_with(&disk.folder)).cloned()
}

impl Disk {
    /// Watches the files that SQLite opens in a folder from now on. What is in
    /// them already is durable.
    ///
    /// # Errors
    /// When the folder is not there.
    ///
    /// # Panics
    /// When SQLite does not take the layer.
    pub fn watch(folder: &Path) -> io::Result<Self> {
        Self::new(folder, false, 0)
    }

    /// Watches a folder in which only what is synced is durable. What is there
    /// already is. The seed says what [`Disk::image`] gives.
    ///
    /// # Errors
    /// As [`Disk::watch`], and when it cannot be read.
    pub fn strict(folder: &Path, seed: u64) -> io::Result<Self> {
        let disk = Self::new(folder, true, seed)?;
        disk.lock().all_is_on_disk()?;
        Ok(disk)
    }

    fn new(folder: &Path, is_strict: bool, seed: u64) -> io::Result<Self> {
        layer::install();
        let folder = folder.canonicalize()?;
        let model = Mutex::new(Model::new(folder.clone(), is_strict, seed));
        let state = Arc::new(State { folder, model });
        lock(disks()).push(state.clone());
        Ok(Self { watch: Arc::new(Watch(state)) })
    }

    fn lock(&self) -> MutexGuard<'_, Model> {
        lock(&self.watch.0.model)
    }

    /// The next `count` syncs of SQLite fail.
    pub fn fail_syncs(&self, count: usize) {
        self.lock().failing = count;
    }

    /// The next `count` syncs of logs by others fail.
    pub fn fail_our_log_syncs(&self, count: usize) {
        self.lock().failing_ours = count;
    }

    /// How many syncs failed so far.
    pub fn failed_syncs(&self) -> usize {
        self.lock().failed
    }

    /// How many syncs there were, those that failed included.
    pub fn syncs(&self) -> Syncs {
        self.lock().syncs
    }

    /// Nothing more fits on the disk, or there is room again.
    pub fn set_full(&self, full: bool) {
        self.lock().full = full;
    }

    /// What is there so far is on disk.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn all_is_on_disk(&self) -> io::Result<()> {
        self.lock().all_is_on_disk()
    }

    /// A file or a folder is synced by others than SQLite.
    ///
    /// # Errors
    /// When it is to fail.
    pub fn sync(&self, path: &Path) -> io::Result<()> {
        self.lock().sync_by_us(&real(path)?)
    }

    /// Renames a file.
    ///
    /// # Errors
    /// When it cannot be renamed.
    pub fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let (from, to) = (real(from)?, real(to)?);
        self.lock().rename(&from, &to)
    }

    /// Writes the files as they were found if the power went now into another
    /// folder, and nothing was on disk but what had to be.
    ///
    /// # Errors
    /// When one of them cannot be written.
    pub fn copy_after_power_loss(&self, to: &Path) -> io::Result<()> {
        let model = self.lock();
        for (path, content) in model.durable() {
            let name = path.strip_prefix(&model.root).map_err(io::Error::other)?;
            let target = to.join(name);
            if let Some(folder) = target.parent() {
                std::fs::create_dir_all(folder)?;
            }
            std::fs::write(target, content)?;
        }
        Ok(())
    }

    /// Writes what a disk may hold if the power fails now into another folder.
    ///
    /// # Errors
    /// When a file cannot be read or written.
    pub fn image(&self, to: &Path) -> io::Result<()> {
        self.lock().image(to)
    }

    /// Writes such an image before each so manyth sync from now on takes effect,
    /// into folders of a folder that have numbers.
    pub fn images_at_syncs(&self, folder: &Path, every: u64) {
        self.lock().images = Some((folder.to_owned(), every));
    }

    /// How many images were written at syncs.
    pub fn images(&self) -> u64 {
        self.lock().taken
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        lock(disks()).retain(|disk| !Arc::ptr_eq(disk, &self.0));
    }
}

/// A path as the layer knows it. The file itself need not be there.
fn real(path: &Path) -> io::Result<PathBuf> {
    match (path.parent(), path.file_name()) {
        (Some(folder), Some(name)) => Ok(folder.canonicalize()?.join(name)),
        _ => path.canonicalize(),
    }
}

#[cfg(test)]
mod tests;
