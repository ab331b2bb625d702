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
    pub(super) disk: &'a D,
    /// Databases as they were at positions.
    pub(super) bases: BTreeSet<Position>,
    /// Logs by their numbers, with their lengths in bytes.
    pub(super) logs: BTreeMap<u32, u64>,
    /// Pieces of older logs by where they end, with their lengths in bytes.
    pub(super) thins: BTreeMap<Position, u64>,
}

impl<'a, D: Disk> Folder<'a, D> {
    pub(super) fn read(path: &Path, disk: &'a D) -> io::Result<Self> {
        let (bases, logs, thins) = Default::default();
        let mut folder = Self { path: path.to_owned(), disk, bases, logs, thins };
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
            match kind {
                "log" => {
                    if let Some(log) = number(stem) {
                        folder.logs.insert(log, entry.metadata()?.len());
                    }
                }
                "thin" => {
                    if let Some(at) = position(stem) {
                        folder.thins.insert(at, entry.metadata()?.len());
                    }
                }
                "base" => folder.bases.extend(position(stem)),
                _ => {}
            }
        }
        // They are not in the place of the log yet.
        folder.thins.retain(|at, _| !folder.logs.contains_key(&at.log));
        Ok(folder)
    }

    /// A piece of a log that ends there.
    pub(super) fn thin(&self, at: Position) -> PathBuf {
        self.path.join(format!("{:08x}-{:08x}.thin", at.log, at.frame))
    }

    /// The file that has a log up to there: all of it, or a piece.
    pub(super) fn source(&self, at: Position) -> Option<PathBuf> {
        if self.logs.contains_key(&at.log) {
            return Some(self.log(at.log));
        }
        self.thins.contains_key(&at).then(|| self.thin(at))
    }

    /// What leads from a base to a state, in order: where each ends.
    pub(super) fn way(&self, base: Position, until: Position) -> Vec<Position> {
        let whole = self.logs.range(base.log..=until.log).map(|(log, _)| Position {
            log: *log,
            frame: if *log == until.log { until.frame } else { u32::MAX },
        });
        let pieces = self.thins.range(base..=until).map(|(at, _)| *at).filter(|at| *at > base);
        let all: BTreeSet<Position> = whole.chain(pieces).collect();
        all.into_iter().collect()
    }

    fn thins_from(&self, log: u32) -> impl Iterator<Item = (&Position, &u64)> {
        self.thins.range(Position { log, frame: 0 }..)
    }

    /// All logs from a number on of which there is something.
    pub(super) fn logs_from(&self, first: u32) -> BTreeSet<u32> {
        let whole = self.logs.range(first..).map(|(log, _)| *log);
        whole.chain(self.thins_from(first).map(|(at, _)| at.log)).collect()
    }

    /// Bytes of them.
    pub(super) fn log_bytes_from(&self, first: u32) -> u64 {
        let whole: u64 = self.logs.range(first..).map(|(_, bytes)| bytes).sum();
        whole + self.thins_from(first).map(|(_, bytes)| bytes).sum::<u64>()
    }

    /// Drops when states of a log were new.
    pub(super) fn forget_times(&self, log: u32) -> io::Result<()> {
        match std::fs::remove_file(self.times_path(log)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
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
        let mut bytes = self.log_bytes_from(0);
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
            self.forget_times(log)?;
        }
        let newer = self.thins.split_off(&Position { log: base.log, frame: 0 });
        for at in std::mem::replace(&mut self.thins, newer).into_keys() {
            std::fs::remove_file(self.thin(at))?;
            self.forget_times(at.log)?;
        }
        Ok(())
    }
}

/// A frame and a time.
const RECORD: usize = 12;

fn number(digits: &str) -> Option<u32> {
    u32::from_str_radix(digits, 16).ok()
}

fn position(stem: &str) -> Option<Position> {
    let (log, frame) = stem.split_once('-')?;
    Some(Position { log: number(log)?, frame: number(frame)? })
}
