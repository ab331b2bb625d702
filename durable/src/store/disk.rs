//! What is asked of the disk beside SQLite: that things are on it.

use std::fs::File;
use std::io;
use std::path::Path;

use selvedge_storage::file::log_of;
use selvedge_storage::history::{Disk as _, SystemDisk};

/// The disk. Tests have another one, which loses power.
#[derive(Debug, Clone, Default)]
pub(super) struct Disk {
    /// What is told of each sync and each new name.
    #[cfg(test)]
    pub(super) test: Option<selvedge_test_vfs::Disk>,
}

impl Disk {
    /// Syncs the log of a database. It is opened for that: there may be thousands
    /// of objects, and few files that may be open.
    pub(super) fn sync_log(&self, path: &Path) -> io::Result<()> {
        self.sync_file(&log_of(path))
    }

    /// The folder that a file is in was synced already.
    pub(super) fn has_synced_folder_of(&self, path: &Path) -> io::Result<()> {
        #[cfg(test)]
        if self.test.is_some() {
            return self.sync_folder_of(path);
        }
        let _ = path;
        Ok(())
    }

    /// Opens a connection.
    pub(super) fn connect(&self, path: &Path) -> rusqlite::Result<rusqlite::Connection> {
        let flags =
            rusqlite::OpenFlags::SQLITE_OPEN_READ_WRITE | rusqlite::OpenFlags::SQLITE_OPEN_NO_MUTEX;
        rusqlite::Connection::open_with_flags(path, flags)
    }
}

impl selvedge_storage::history::Disk for Disk {
    fn sync_file(&self, path: &Path) -> io::Result<()> {
        #[cfg(test)]
        if let Some(test) = &self.test {
            return test.sync(path);
        }
        SystemDisk.sync_file(path)
    }

    fn sync_open_file(&self, path: &Path, file: &File) -> io::Result<()> {
        #[cfg(test)]
        if let Some(test) = &self.test {
            return test.sync(path);
        }
        SystemDisk.sync_open_file(path, file)
    }

    fn sync_folder_of(&self, path: &Path) -> io::Result<()> {
        #[cfg(test)]
        if let Some(test) = &self.test {
            return path.parent().map_or(Ok(()), |folder| test.sync(folder));
        }
        SystemDisk.sync_folder_of(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        #[cfg(test)]
        if let Some(test) = &self.test {
            return test.rename(from, to);
        }
        SystemDisk.rename(from, to)
    }
}
