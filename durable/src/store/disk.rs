//! What is asked of the disk beside SQLite: that things are on it.

use std::fs::OpenOptions;
use std::io;
use std::path::Path;

use super::durability::log_of;

/// The disk. Tests have another one, which loses power.
#[derive(Debug, Clone, Default)]
pub(super) struct Disk {
    /// A file system of SQLite by name, and what is told of each sync.
    #[cfg(test)]
    pub(super) test: Option<TestDisk>,
}

#[cfg(test)]
#[derive(Clone)]
pub(super) struct TestDisk {
    pub(super) vfs: &'static std::ffi::CStr,
    pub(super) sync: std::sync::Arc<TestSync>,
}

#[cfg(test)]
pub(super) type TestSync = dyn Fn(&Path) -> io::Result<()> + Send + Sync;

#[cfg(test)]
impl std::fmt::Debug for TestDisk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TestDisk")
    }
}

impl Disk {
    /// Whether its files are seen by SQLite alone.
    pub(super) fn has_no_folders(&self) -> bool {
        #[cfg(test)]
        return self.test.is_some();
        #[cfg(not(test))]
        false
    }

    /// Syncs the log of a database. It is opened for that: there may be thousands
    /// of objects, and few files that may be open.
    pub(super) fn sync_log(&self, path: &Path) -> io::Result<()> {
        #[cfg(test)]
        if let Some(test) = &self.test {
            return (test.sync)(&log_of(path));
        }
        // Its data, and what is needed to read them: its length.
        OpenOptions::new().read(true).write(true).open(log_of(path))?.sync_data()
    }

    /// Syncs the folder that a file is in.
    pub(super) fn sync_folder_of(&self, path: &Path) -> io::Result<()> {
        #[cfg(test)]
        if let Some(test) = &self.test {
            return path.parent().map_or(Ok(()), |folder| (test.sync)(folder));
        }
        selvedge_storage::file::sync_folder(path)
    }

    /// Opens a connection.
    pub(super) fn connect(&self, path: &Path) -> rusqlite::Result<rusqlite::Connection> {
        let flags =
            rusqlite::OpenFlags::SQLITE_OPEN_READ_WRITE | rusqlite::OpenFlags::SQLITE_OPEN_NO_MUTEX;
        #[cfg(test)]
        if let Some(test) = &self.test {
            return rusqlite::Connection::open_with_flags_and_vfs(path, flags, test.vfs);
        }
        rusqlite::Connection::open_with_flags(path, flags)
    }
}
