//! The data folder: one process at a time owns it.
//!
//! The owner holds a lock (`flock`) on the file `lock` in the folder. The kernel
//! drops it with the process, whatever way that ends. The file says who holds
//! the lock, for the message that a second process gets.

use std::fmt;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

use crate::UnixSeconds;
use crate::error::Error;

/// The file in the data folder that is locked.
const LOCK_FILE: &str = "lock";
/// What a lock file says is shorter: 4 KiB.
const MAX_OWNER_BYTES: u64 = 4096;

/// A data folder that this process owns, for as long as the value lives.
#[derive(Debug)]
pub struct DataDir {
    path: PathBuf,
    lock: File,
}

/// Who owns a data folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// The process.
    pub pid: u32,
    /// What it was started as, such as `selvedge run worker.js`.
    pub command: String,
    /// When it took the folder.
    pub started: UnixSeconds,
}

/// Why a data folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has it.
    #[error("the data folder {} is in use by {owner}", path.display())]
    Held {
        /// The folder.
        path: PathBuf,
        /// Whom to ask.
        owner: OwnerName,
    },
    /// It cannot be made, read or locked.
    #[error("cannot use the data folder {}: {source}", path.display())]
    Io {
        /// The folder.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

impl From<OpenError> for Error {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::Held { .. } => Self::Unavailable(error.to_string()),
            OpenError::Io { .. } => Self::Internal(error.to_string()),
        }
    }
}

/// The owner as far as it is known: another program may hold the lock, or the
/// file may have been changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnerName(pub Option<Owner>);

impl fmt::Display for OwnerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(owner) = &self.0 else { return f.write_str("another process") };
        let started = UNIX_EPOCH
            .checked_add(Duration::from_secs(owner.started))
            .filter(|_| owner.started < MAX_DATE)
            .map(httpdate::fmt_http_date);
        write!(f, "process {} (`{}`", owner.pid, owner.command)?;
        match started {
            Some(started) => write!(f, ", since {started})"),
            None => f.write_str(")"),
        }
    }
}

/// The first second that the format of dates has no room for: the year 10000.
const MAX_DATE: UnixSeconds = 253_402_300_800;

impl DataDir {
    /// Takes the folder, which is made where it is missing. `command` and
    /// `started` are what other processes are told.
    ///
    /// # Errors
    /// [`OpenError::Held`] while another process, or another value in this
    /// process, has it.
    pub fn open(path: &Path, command: &str, started: UnixSeconds) -> Result<Self, OpenError> {
        let io = |source| OpenError::Io { path: path.to_owned(), source };
        std::fs::create_dir_all(path).map_err(io)?;
        let mut lock = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path.join(LOCK_FILE))
            .map_err(io)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let owner = OwnerName(read_owner(&mut lock));
                return Err(OpenError::Held { path: path.to_owned(), owner });
            }
            Err(TryLockError::Error(source)) => return Err(io(source)),
        }
        let owner = Owner { pid: std::process::id(), command: command.to_owned(), started };
        write_owner(&mut lock, &owner).map_err(io)?;
        Ok(Self { path: path.to_owned(), lock })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for DataDir {
    fn drop(&mut self) {
        // Nobody is told of an owner that is gone.
        let _ = self.lock.set_len(0);
        // Closing the file is not enough: a child of this process that was just made has
        // the file too, until it starts its own program.
        let _ = self.lock.unlock();
    }
}

/// One fact a line; the command's own line breaks become spaces.
fn write_owner(file: &mut File, owner: &Owner) -> io::Result<()> {
    let command: String =
        owner.command.chars().map(|c| if c.is_control() { ' ' } else { c }).take(1000).collect();
    let text = format!("pid {}\ncommand {command}\nstarted {}\n", owner.pid, owner.started);
    file.set_len(0)?;
    file.rewind()?;
    file.write_all(text.as_bytes())
}

fn read_owner(file: &mut File) -> Option<Owner> {
    let mut text = String::new();
    file.rewind().ok()?;
    file.take(MAX_OWNER_BYTES).read_to_string(&mut text).ok()?;
    let fact =
        |name: &str| text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    Some(Owner {
        pid: fact("pid")?.parse().ok()?,
        command: fact("command")?.to_owned(),
        started: fact("started")?.parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_owner_is_told_who_has_the_folder() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("data");
        let first = DataDir::open(&path, "selvedge run\nworker.js", 1_700_000_000).expect("free");
        let error = DataDir::open(&path, "selvedge kv", 0).expect_err("held").to_string();
        let expected = format!(
            "the data folder {} is in use by process {} (`selvedge run worker.js`, since \
             Tue, 14 Nov 2023 22:13:20 GMT)",
            path.display(),
            std::process::id()
        );
        assert_eq!(error, expected);
        drop(first);
        DataDir::open(&path, "selvedge kv", 0).expect("free again");
    }

    #[test]
    fn a_lock_file_that_makes_no_sense_is_still_a_lock() {
        let folder = tempfile::tempdir().expect("a folder");
        let first = DataDir::open(folder.path(), "a", 0).expect("free");
        for text in ["", "pid x\n", "pid 1\ncommand a\nstarted 99999999999999999999\n", "\u{ff}"] {
            std::fs::write(folder.path().join(LOCK_FILE), text).expect("written");
            let error = DataDir::open(folder.path(), "b", 0).expect_err("held").to_string();
            assert!(error.ends_with("is in use by another process"), "{error}");
        }
        std::fs::write(
            folder.path().join(LOCK_FILE),
            format!("pid 1\ncommand a\nstarted {}\n", u64::MAX),
        )
        .expect("written");
        let error = DataDir::open(folder.path(), "b", 0).expect_err("held").to_string();
        assert!(error.ends_with("is in use by process 1 (`a`)"), "{error}");
        drop(first);
    }

    #[test]
    fn a_folder_that_cannot_be_made_is_named() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("file");
        std::fs::write(&file, "").expect("written");
        let error = DataDir::open(&file, "a", 0).expect_err("a file").to_string();
        assert!(
            error.contains(&format!("cannot use the data folder {}", file.display())),
            "{error}"
        );
    }
}
