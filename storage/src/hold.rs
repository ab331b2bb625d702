//! Files that are not deleted while they are copied.
//!
//! A database may name files beside it. A copy takes the database first and then
//! the files; until it has them all, none may go. Who deletes such files holds a
//! lock that it shares with others of its kind; a copy holds it alone.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::Path;

/// The file that is locked, in the folder of the files.
const FILE: &str = "deletions.lock";

/// Until it is dropped, nothing is deleted; or nothing is copied.
#[derive(Debug)]
pub struct Hold(File);

fn open(folder: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create(true).truncate(false).open(folder.join(FILE))
}

/// Keeps all files of a folder, after waiting for deletions that are under way.
///
/// # Errors
/// What the system says.
pub fn keep(folder: &Path) -> io::Result<Hold> {
    let file = open(folder)?;
    file.lock()?;
    Ok(Hold(file))
}

/// Allows to delete files of a folder; `None` while they are kept.
///
/// # Errors
/// What the system says.
pub fn delete(folder: &Path) -> io::Result<Option<Hold>> {
    let file = open(folder)?;
    match file.try_lock_shared() {
        Ok(()) => Ok(Some(Hold(file))),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        // A child that was just made has the file too, until it starts its program.
        let _ = self.0.unlock();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_not_deleted() -> io::Result<()> {
        let folder = tempfile::tempdir()?;
        let (one, other) = (delete(folder.path())?, delete(folder.path())?);
        assert!(one.is_some() && other.is_some(), "they share it");
        drop((one, other));
        let kept = keep(folder.path())?;
        assert!(delete(folder.path())?.is_none());
        drop(kept);
        assert!(delete(folder.path())?.is_some());
        Ok(())
    }
}
