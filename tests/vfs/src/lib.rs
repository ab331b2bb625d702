//! A disk for SQLite that fails when it is told to, and that forgets what was
//! not synced when its power goes. For tests only.
//!
//! [`Disk::watch`] puts a layer between SQLite and the files of one folder; the
//! files of other folders are as ever. The layer knows, for each file, which
//! bytes a sync has made durable. A sync that fails makes nothing durable, then
//! or later: the kernel says once that it could not write, and then takes the
//! pages for clean. [`Disk::copy_after_power_loss`] writes what would be found.
//!
//! What is not told: changes of names (a new file is taken to have its name at
//! once), torn sectors, and the file of shared memory, which no crash outlives.

mod file;
mod layer;

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use file::Content;

/// The files of one folder, watched until it is dropped.
#[derive(Debug)]
pub struct Disk {
    state: Arc<State>,
}

/// What the layer knows of a folder.
#[derive(Debug, Default)]
struct State {
    folder: PathBuf,
    files: Mutex<HashMap<PathBuf, Content>>,
    /// How many syncs fail from now on.
    failing: AtomicUsize,
    /// How many did.
    failed: AtomicUsize,
    syncs: AtomicUsize,
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
        layer::install();
        let state = Arc::new(State { folder: folder.canonicalize()?, ..State::default() });
        lock(disks()).push(state.clone());
        Ok(Self { state })
    }

    /// The next `count` syncs fail.
    pub fn fail_syncs(&self, count: usize) {
        self.state.failing.store(count, Ordering::SeqCst);
    }

    /// How many syncs failed so far.
    pub fn failed_syncs(&self) -> usize {
        self.state.failed.load(Ordering::SeqCst)
    }

    /// How many syncs there were, those that failed included.
    pub fn syncs(&self) -> usize {
        self.state.syncs.load(Ordering::SeqCst)
    }

    /// Writes the files as they were found if the power went now into another
    /// folder.
    ///
    /// # Errors
    /// When one of them cannot be written.
    pub fn copy_after_power_loss(&self, to: &Path) -> io::Result<()> {
        for (path, content) in lock(&self.state.files).iter() {
            let name = path.strip_prefix(&self.state.folder).map_err(io::Error::other)?;
            let target = to.join(name);
            if let Some(folder) = target.parent() {
                std::fs::create_dir_all(folder)?;
            }
            std::fs::write(target, content.durable())?;
        }
        Ok(())
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        lock(disks()).retain(|disk| !Arc::ptr_eq(disk, &self.state));
    }
}

impl State {
    /// SQLite opened a file.
    fn opened(&self, path: &Path) {
        let mut files = lock(&self.files);
        let content = files.entry(path.to_owned()).or_default();
        if content.open == 0 && content.is_clean() {
            // It may have been written by others meanwhile, or renamed.
            content.reset(std::fs::read(path).unwrap_or_default());
        }
        content.open += 1;
    }

    fn closed(&self, path: &Path) {
        if let Some(content) = lock(&self.files).get_mut(path) {
            content.open = content.open.saturating_sub(1);
        }
    }

    fn deleted(&self, path: &Path) {
        lock(&self.files).remove(path);
    }

    fn written(&self, path: &Path, at: u64, bytes: &[u8]) {
        if let Some(content) = lock(&self.files).get_mut(path) {
            content.write(at, bytes);
        }
    }

    fn truncated(&self, path: &Path, length: u64) {
        if let Some(content) = lock(&self.files).get_mut(path) {
            content.truncate(length);
        }
    }

    /// Whether a sync may succeed; it then has.
    fn may_sync(&self, path: &Path) -> bool {
        self.syncs.fetch_add(1, Ordering::SeqCst);
        let fails = self
            .failing
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1))
            .is_ok();
        if let Some(content) = lock(&self.files).get_mut(path) {
            if fails { content.lose() } else { content.sync() }
        }
        if fails {
            self.failed.fetch_add(1, Ordering::SeqCst);
        }
        !fails
    }
}

#[cfg(test)]
mod tests;
