//! What is asked of the disk beside SQLite: that things are on it.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::Path;

use super::durability::log_of;

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

    /// Syncs a file: its data, and what is needed to read them, its length.
    pub(super) fn sync_file(&self, path: &Path) -> io::Result<()> {
        #[cfg(test)]
        if let Some(test) = &self.test {
            return test.sync(path);
        }
        OpenOptions::new().read(true).write(true).open(path)?.sync_data()
    }

    /// Syncs a file that was just written, all of it.
    pub(super) fn sync_open_file(&self, path: &Path, file: &File) -> io::Result<()> {
        #[cfg(test)]
        if let Some(test) = &self.test {
            return test.sync(path);
        }
        let _ = path;
        file.sync_data()
    }

    /// Syncs the folder that a file is in.
    pub(super) fn sync_folder_of(&self, path: &Path) -> io::Result<()> {
        #[cfg(test)]
        if let Some(test) = &self.test {
            return path.parent().map_or(Ok(()), |folder| test.sync(folder));
        }
        selvedge_storage::file::sync_folder(path)
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

    /// Gives a file another name, which another one may have. That is on disk when
    /// the folder was synced.
    pub(super) fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        #[cfg(test)]
        if let Some(test) = &self.test {
            return test.rename(from, to);
        }
        std::fs::rename(from, to)
    }

    /// Opens a connection.
    pub(super) fn connect(&self, path: &Path) -> rusqlite::Result<rusqlite::Connection> {
        let flags =
            rusqlite::OpenFlags::SQLITE_OPEN_READ_WRITE | rusqlite::OpenFlags::SQLITE_OPEN_NO_MUTEX;
        rusqlite::Connection::open_with_flags(path, flags)
    }
}
