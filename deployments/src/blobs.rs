//! Blobs: content by its hash, one file each, in `blobs/ab/abcd..` of the data
//! folder.
//!
//! A file appears under its name when all of it is on disk, and never changes.
//! What nobody needs is deleted when it was not asked to be stored for an hour:
//! until then it may be part of an upload.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, UNIX_EPOCH};

use bytes::Bytes;
use selvedge_storage::failure::io_failure;
use selvedge_storage::file::sync_folder;

use crate::UnixMillis;
use crate::error::Error;
use crate::ids::BlobHash;

/// The folder in the data folder.
const FOLDER: &str = "blobs";
/// How long a blob that nobody needs stays: an hour.
const YOUNG_MS: UnixMillis = 3_600_000;

/// The blobs of a data folder.
#[derive(Debug)]
pub(crate) struct Blobs {
    folder: PathBuf,
    next: AtomicU64,
    /// Held while one appears, and while it is decided that one goes.
    changes: Mutex<()>,
}

impl Blobs {
    pub(crate) fn open(data_dir: &Path) -> Result<Self, Error> {
        let folder = data_dir.join(FOLDER);
        fs::create_dir_all(&folder).map_err(|error| io_failure(&folder, &error))?;
        Ok(Self { folder, next: AtomicU64::new(0), changes: Mutex::new(()) })
    }

    fn path(&self, hash: &BlobHash) -> PathBuf {
        let text = hash.as_str();
        self.folder.join(text.get(..2).unwrap_or_default()).join(text)
    }

    pub(crate) fn put(&self, content: &[u8]) -> Result<BlobHash, Error> {
        let hash = BlobHash::of(content);
        let path = self.path(&hash);
        let io = |error: io::Error| Error::from(io_failure(&path, &error));
        if self.renew(&path) {
            return Ok(hash);
        }
        if let Some(folder) = path.parent()
            && !folder.is_dir()
        {
            fs::create_dir_all(folder).map_err(io)?;
            sync_folder(folder).map_err(io)?;
        }
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let new = path.with_extension(format!("{}-{number}.new", std::process::id()));
        let written = write(&new, content).and_then(|()| {
            let _held = self.changes.lock().unwrap_or_else(PoisonError::into_inner);
            fs::rename(&new, &path)?;
            sync_folder(&path)
        });
        if written.is_err() {
            // The failure is what counts.
            let _ = fs::remove_file(&new);
        }
        written.map_err(io)?;
        Ok(hash)
    }

    /// Whether it is there; it counts as young again.
    fn renew(&self, path: &Path) -> bool {
        let _held = self.changes.lock().unwrap_or_else(PoisonError::into_inner);
        let Ok(file) = File::options().write(true).open(path) else { return false };
        file.set_modified(std::time::SystemTime::now()).is_ok()
    }

    pub(crate) fn get(&self, hash: &BlobHash) -> Result<Bytes, Error> {
        let path = self.path(hash);
        let content = match fs::read(&path) {
            Ok(content) => content,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(Error::missing("blob", hash.as_str()));
            }
            Err(error) => return Err(io_failure(&path, &error).into()),
        };
        if BlobHash::of(&content) != *hash {
            let text = format!("{} is damaged: its content has another hash", path.display());
            return Err(selvedge_storage::Error::Data(text).into());
        }
        Ok(content.into())
    }

    /// It must be there.
    pub(crate) fn check(&self, hash: &BlobHash) -> Result<(), Error> {
        match self.renew(&self.path(hash)) {
            true => Ok(()),
            false => Err(Error::missing("blob", hash.as_str())),
        }
    }

    /// Deletes what is old and not needed; gives how many.
    pub(crate) fn collect(
        &self,
        now: UnixMillis,
        is_needed: impl Fn(&BlobHash) -> Result<bool, Error>,
    ) -> Result<u64, Error> {
        let io = |error: io::Error| Error::from(io_failure(&self.folder, &error));
        let mut deleted = 0;
        for folder in fs::read_dir(&self.folder).map_err(io)? {
            let folder = folder.map_err(io)?.path();
            if !folder.is_dir() {
                continue;
            }
            for file in fs::read_dir(&folder).map_err(io)? {
                let path = file.map_err(io)?.path();
                deleted += u64::from(self.collect_one(&path, now, &is_needed)?);
            }
        }
        Ok(deleted)
    }

    fn collect_one(
        &self,
        path: &Path,
        now: UnixMillis,
        is_needed: &impl Fn(&BlobHash) -> Result<bool, Error>,
    ) -> Result<bool, Error> {
        let _held = self.changes.lock().unwrap_or_else(PoisonError::into_inner);
        if !is_old(path, now) {
            return Ok(false);
        }
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let unneeded = match name.parse::<BlobHash>() {
            Ok(hash) => !is_needed(&hash)?,
            // What a crash left of a file that was being written.
            Err(_) => name.ends_with(".new"),
        };
        Ok(unneeded && fs::remove_file(path).is_ok())
    }
}

fn is_old(path: &Path, now: UnixMillis) -> bool {
    let modified = path.metadata().and_then(|data| data.modified());
    let since = modified.ok().and_then(|at| at.duration_since(UNIX_EPOCH).ok());
    since.is_some_and(|at| at < Duration::from_millis(u64::try_from(now - YOUNG_MS).unwrap_or(0)))
}

fn write(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(content)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_blob_reads_back_and_is_stored_once() {
        let folder = tempfile::tempdir().expect("a folder");
        let blobs = Blobs::open(folder.path()).expect("opened");
        let hash = blobs.put(b"hello").expect("stored");
        assert_eq!(blobs.put(b"hello").expect("stored"), hash);
        assert_eq!(blobs.get(&hash).expect("there"), "hello");
        let other = BlobHash::of(b"other");
        assert!(matches!(blobs.get(&other), Err(Error::Missing { .. })));
        blobs.check(&other).expect_err("missing");
    }

    #[test]
    fn a_damaged_blob_is_not_given_out() {
        let folder = tempfile::tempdir().expect("a folder");
        let blobs = Blobs::open(folder.path()).expect("opened");
        let hash = blobs.put(b"hello").expect("stored");
        fs::write(blobs.path(&hash), "jello").expect("written");
        let error = blobs.get(&hash).expect_err("damaged").to_string();
        assert!(error.contains("is damaged"), "{error}");
    }

    #[test]
    fn what_nobody_needs_goes_when_it_is_old() {
        let folder = tempfile::tempdir().expect("a folder");
        let blobs = Blobs::open(folder.path()).expect("opened");
        let kept = blobs.put(b"kept").expect("stored");
        let gone = blobs.put(b"gone").expect("stored");
        let half = blobs.path(&gone).with_extension("1-1.new");
        fs::write(&half, "half").expect("written");
        let needed = |hash: &BlobHash| Ok(*hash == kept);
        assert_eq!(blobs.collect(0, needed).expect("collected"), 0, "all are young");
        let later = 100 * 365 * 24 * 3_600_000;
        assert_eq!(blobs.collect(later, needed).expect("collected"), 2);
        assert_eq!(blobs.get(&kept).expect("there"), "kept");
        blobs.get(&gone).expect_err("gone");
        assert!(!half.exists());
    }
}
