//! The files of bodies: where they are, and who reads them.
//!
//! A file is written once, under a name of its own, and nothing leads to it
//! before all of it is on disk. A file that nothing leads to any more is deleted
//! when nobody reads it.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use selvedge_storage::failure::io_failure;
use selvedge_storage::file::sync_folder;

use crate::Error;

/// The folder of the files, beside the bucket's file of SQLite.
const FOLDER: &str = "blobs";
/// Files of one folder.
const PER_FOLDER: u32 = 4096;

/// The number of a file: the epoch, then which one of it.
pub(super) type BlobId = i64;

#[derive(Debug)]
pub(super) struct Files {
    folder: PathBuf,
    next: AtomicU32,
    /// How many read each file.
    pins: Mutex<HashMap<BlobId, usize>>,
}

/// A file that is being written; deleted when this is dropped, unless it is kept.
#[derive(Debug)]
pub(super) struct NewBlob {
    pub(super) id: BlobId,
    path: PathBuf,
    is_kept: bool,
}

impl Files {
    pub(super) fn new(bucket: &Path) -> Self {
        Self { folder: bucket.join(FOLDER), next: AtomicU32::new(0), pins: Mutex::default() }
    }

    pub(super) fn path(&self, id: BlobId) -> PathBuf {
        let (epoch, number) = (id >> 32, id & i64::from(u32::MAX));
        let folder = format!("{:x}", number / i64::from(PER_FOLDER));
        self.epoch(epoch).join(folder).join(format!("{number:x}"))
    }

    fn epoch(&self, epoch: i64) -> PathBuf {
        self.folder.join(format!("{epoch:x}"))
    }

    /// Makes a file. Blocks.
    pub(super) fn create(&self, epoch: u32) -> Result<(NewBlob, File), Error> {
        loop {
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            let made = self.create_numbered(i64::from(epoch) << 32 | i64::from(number))?;
            // In a restored folder there may be files of an epoch that the copied
            // database did not know yet.
            if let Some(made) = made {
                return Ok(made);
            }
        }
    }

    /// `None` where the file is there already.
    fn create_numbered(&self, id: BlobId) -> Result<Option<(NewBlob, File)>, Error> {
        let path = self.path(id);
        let fail = |error: io::Error| Error::Storage(io_failure(&path, &error));
        let open = || OpenOptions::new().write(true).create_new(true).open(&path);
        let file = match open() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                self.make_folders(&path).map_err(fail)?;
                open()
            }
            opened => opened,
        };
        match file {
            Ok(file) => Ok(Some((NewBlob { id, path, is_kept: false }, file))),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(None),
            Err(error) => Err(fail(error)),
        }
    }

    fn make_folders(&self, path: &Path) -> io::Result<()> {
        let Some(folder) = path.parent() else { return Ok(()) };
        std::fs::create_dir_all(folder)?;
        // Their names are on disk, too: folder, epoch, all files, bucket.
        for made in folder.ancestors().take(3) {
            sync_folder(made)?;
        }
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<BlobId, usize>> {
        self.pins.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs `find`, and keeps the files that it names until the pins are dropped:
    /// none of them is deleted in between.
    pub(super) fn pin<T>(
        self: &Arc<Self>,
        find: impl FnOnce() -> Result<(T, Vec<BlobId>), Error>,
    ) -> Result<(T, Pins), Error> {
        let mut pins = self.lock();
        let (found, ids) = find()?;
        for id in &ids {
            *pins.entry(*id).or_default() += 1;
        }
        Ok((found, Pins { files: self.clone(), ids }))
    }

    /// Deletes a file that nothing leads to; whether it is gone. Blocks.
    pub(super) fn delete(&self, id: BlobId) -> Result<bool, Error> {
        {
            if self.lock().contains_key(&id) {
                return Ok(false);
            }
        }
        let path = self.path(id);
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(Error::Storage(io_failure(&path, &error)))
            }
            _ => Ok(true),
        }
    }

    /// All files of an epoch. Blocks.
    pub(super) fn of_epoch(&self, epoch: u32) -> Result<Vec<BlobId>, Error> {
        let top = self.epoch(i64::from(epoch));
        let fail = |error: io::Error| Error::Storage(io_failure(&top, &error));
        let folders = match std::fs::read_dir(&top) {
            Ok(folders) => folders,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(fail(error)),
        };
        let mut ids = Vec::new();
        for folder in folders {
            let folder = folder.map_err(fail)?.path();
            if !folder.is_dir() {
                continue;
            }
            for file in std::fs::read_dir(folder).map_err(fail)? {
                let name = file.map_err(fail)?.file_name();
                let number = name.to_str().and_then(|name| u32::from_str_radix(name, 16).ok());
                // Others are not ours.
                ids.extend(number.map(|number| i64::from(epoch) << 32 | i64::from(number)));
            }
        }
        Ok(ids)
    }
}

impl NewBlob {
    /// Whether the file's name is on disk. Blocks.
    pub(super) fn sync_name(&self) -> Result<(), Error> {
        sync_folder(&self.path).map_err(|error| Error::Storage(io_failure(&self.path, &error)))
    }

    /// The error of the file for what the system said.
    pub(super) fn failed(&self, error: &io::Error) -> Error {
        Error::Storage(io_failure(&self.path, error))
    }

    /// It stays.
    pub(super) fn keep(mut self) {
        self.is_kept = true;
    }
}

impl Drop for NewBlob {
    fn drop(&mut self) {
        if !self.is_kept {
            // After the next start it is looked for again.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// Files that are not deleted as long as this lives.
#[derive(Debug)]
pub(super) struct Pins {
    files: Arc<Files>,
    ids: Vec<BlobId>,
}

impl Drop for Pins {
    fn drop(&mut self) {
        let mut pins = self.files.lock();
        for id in &self.ids {
            if let Some(count) = pins.get_mut(id) {
                *count -= 1;
                if *count == 0 {
                    pins.remove(id);
                }
            }
        }
    }
}
