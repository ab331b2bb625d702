//! The folder of a history, as names of files tell it.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use super::UnixMs;
use super::bookmark::Position;
use super::disk::Disk;

/// The bookmark that the next session begins with.
pub(super) const RESTORE: &str = "restore";
/// What the database was like when it was closed.
pub(super) const END: &str = "end";
/// Files that are not whole yet.
pub(super) const NEW: &str = "new";

/// What there is.
pub(super) struct Folder<'a, D> {
    pub(super) path: PathBuf,
    disk: &'a D,
    /// Databases as they were at positions.
    pub(super) bases: BTreeSet<Position>,
    /// Logs by their numbers, with their lengths in bytes.
    pub(super) logs: BTreeMap<u32, u64>,
}

impl<'a, D: Disk> Folder<'a, D> {
    pub(super) fn read(path: &Path, disk: &'a D) -> io::Result<Self> {
        let (bases, logs) = Default::default();
        let mut folder = Self { path: path.to_owned(), disk, bases, logs };
        let entries = match path.read_dir() {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(folder),
            Err(error) => return Err(error),
        };
        for entry in entries {
            let entry = entry?;
            let name = entry.file_name();
            let Some((stem, kind)) = name.to_str().and_then(|name| name.split_once('.')) else {
                continue;
            };
            let number = |digits: &str| u32::from_str_radix(digits, 16).ok();
            match kind {
                "log" => {
                    if let Some(log) = number(stem) {
                        folder.logs.insert(log, entry.metadata()?.len());
                    }
                }
                "base" => {
                    let position = stem.split_once('-').and_then(|(log, frame)| {
                        Some(Position { log: number(log)?, frame: number(frame)? })
                    });
                    folder.bases.extend(position);
                }
                _ => {}
            }
        }
        Ok(folder)
    }

    pub(super) fn log(&self, log: u32) -> PathBuf {
        self.path.join(format!("{log:08x}.log"))
    }

    fn times_path(&self, log: u32) -> PathBuf {
        self.path.join(format!("{log:08x}.times"))
    }

    pub(super) fn base(&self, at: Position) -> PathBuf {
        self.path.join(format!("{:08x}-{:08x}.base", at.log, at.frame))
    }

    /// The newest log that has frames.
    pub(super) fn newest_log(&self) -> Option<u32> {
        self.logs.last_key_value().map(|(log, _)| *log)
    }

    /// The number of the next log, which begins at `now` at the earliest, so that
    /// no number of a history that is gone comes again.
    pub(super) fn next_log(&self, now: UnixMs) -> u32 {
        let newest = self.bases.last().map(|base| base.log).max(self.newest_log());
        match newest {
            Some(newest) => newest.saturating_add(1),
            None => u32::try_from(now / 1000).unwrap_or(0).max(1),
        }
    }

    /// Writes a file under another name until it is whole and on disk.
    pub(super) fn write_whole(
        &self,
        path: &Path,
        write: impl FnOnce(&Path) -> io::Result<()>,
    ) -> io::Result<()> {
        let new = path.with_extension(NEW);
        write(&new)?;
        self.disk.sync_file(&new)?;
        self.disk.rename(&new, path)?;
        self.disk.sync_folder_of(path)
    }

    /// Takes down when states of a log were new.
    pub(super) fn add_times(&self, log: u32, times: &[(u32, UnixMs)]) -> io::Result<()> {
        let mut bytes = Vec::with_capacity(times.len() * RECORD);
        for (frame, time) in times {
            bytes.extend(frame.to_be_bytes());
            bytes.extend(time.to_be_bytes());
        }
        let path = self.times_path(log);
        let mut file = std::fs::OpenOptions::new().create(true).append(true).open(path)?;
        // What a crash left of a record would shift all others.
        let whole = file.metadata()?.len() / RECORD as u64 * RECORD as u64;
        file.set_len(whole)?;
        file.write_all(&bytes)
    }

    /// When states of a log were new, by their frames.
    pub(super) fn times(&self, log: u32) -> io::Result<Vec<(u32, UnixMs)>> {
        let bytes = match std::fs::read(self.times_path(log)) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(error),
        };
        let (records, _) = bytes.as_chunks::<RECORD>();
        let record = |it: &[u8; RECORD]| {
            let (frame, time) = it.split_at(4);
            let frame = frame.try_into().map(u32::from_be_bytes).unwrap_or_default();
            (frame, time.try_into().map(UnixMs::from_be_bytes).unwrap_or_default())
        };
        Ok(records.iter().map(record).collect())
    }

    /// Bytes of all bases and logs.
    pub(super) fn bytes(&self) -> io::Result<u64> {
        let mut bytes = self.logs.values().sum();
        for base in &self.bases {
            bytes += self.base(*base).metadata()?.len();
        }
        Ok(bytes)
    }

    /// Drops what is older than this base.
    pub(super) fn drop_before(&mut self, base: Position) -> io::Result<()> {
        let newer = self.bases.split_off(&base);
        for old in std::mem::replace(&mut self.bases, newer) {
            std::fs::remove_file(self.base(old))?;
        }
        let newer = self.logs.split_off(&base.log);
        for log in std::mem::replace(&mut self.logs, newer).into_keys() {
            std::fs::remove_file(self.log(log))?;
            match std::fs::remove_file(self.times_path(log)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }
}

/// A frame and a time.
const RECORD: usize = 12;
