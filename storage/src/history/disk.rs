//! What a history asks of the disk: that things are on it.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::Path;

/// The disk. Tests may have another one, which loses power.
pub trait Disk {
    /// Syncs a file: its data, and what is needed to read them, its length.
    ///
    /// # Errors
    /// What the system says, as below.
    fn sync_file(&self, path: &Path) -> io::Result<()>;

    /// Syncs a file that was just written, all of it.
    ///
    /// # Errors
    /// See above.
    fn sync_open_file(&self, path: &Path, file: &File) -> io::Result<()>;

    /// Syncs the folder that a file is in.
    ///
    /// # Errors
    /// See above.
    fn sync_folder_of(&self, path: &Path) -> io::Result<()>;

    /// Gives a file another name, which another one may have. That is on disk when
    /// the folder was synced.
    ///
    /// # Errors
    /// See above.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
}

/// That of the system.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemDisk;

impl Disk for SystemDisk {
    fn sync_file(&self, path: &Path) -> io::Result<()> {
        OpenOptions::new().read(true).write(true).open(path)?.sync_data()
    }

    fn sync_open_file(&self, _: &Path, file: &File) -> io::Result<()> {
        file.sync_data()
    }

    fn sync_folder_of(&self, path: &Path) -> io::Result<()> {
        crate::file::sync_folder(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        std::fs::rename(from, to)
    }
}
