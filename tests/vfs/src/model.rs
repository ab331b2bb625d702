//! What of a folder is on disk, and what a disk may hold when the power fails.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::io;
use std::path::{Path, PathBuf};

use crate::Syncs;
use crate::file::Content;

/// Disks write blocks of this size whole, or not at all.
const BLOCK: usize = 512;

/// Numbers that look random, and are the same each time (splitmix64).
#[derive(Debug)]
pub struct Random(u64);

impl Random {
    /// The numbers of this seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number, below `end`.
    pub fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut it = self.0;
        it = (it ^ (it >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        it = (it ^ (it >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (it ^ (it >> 31)) % end
    }

    fn coin(&mut self) -> bool {
        self.below(2) == 0
    }
}

/// A file that took another one's name, or a new one, or lost its own, and whose
/// folder was not synced since.
#[derive(Debug)]
struct Renamed {
    from: PathBuf,
    to: PathBuf,
    /// What had the name on disk.
    before: Option<Vec<u8>>,
}

#[derive(Debug)]
pub(crate) struct Model {
    pub(crate) root: PathBuf,
    /// Whether only what was synced is on disk, names included. Otherwise what
    /// others wrote is, too, and names are at once.
    pub(crate) is_strict: bool,
    random: Random,
    /// What SQLite opened, and what was synced.
    files: HashMap<PathBuf, Content>,
    /// Names that are on disk, of files and folders.
    names: HashSet<PathBuf>,
    renamed: Vec<Renamed>,
    pub(crate) syncs: Syncs,
    /// How many syncs of SQLite's fail from now on, and how many of logs by others.
    pub(crate) failing: usize,
    pub(crate) failing_ours: usize,
    pub(crate) failed: usize,
    pub(crate) full: bool,
    /// Where an image is written before each so manyth sync takes effect.
    pub(crate) images: Option<(PathBuf, u64)>,
    pub(crate) taken: u64,
}

impl Model {
    pub(crate) fn new(root: PathBuf, is_strict: bool, seed: u64) -> Self {
        Self {
            root,
            is_strict,
            random: Random::new(seed),
            files: HashMap::new(),
            names: HashSet::new(),
            renamed: Vec::new(),
            syncs: Syncs::default(),
            failing: 0,
            failing_ours: 0,
            failed: 0,
            full: false,
            images: None,
            taken: 0,
        }
    }

    /// SQLite opened a file. Tells whether it was known.
    pub(crate) fn opened(&mut self, path: &Path) -> bool {
        let is_known = self.files.contains_key(path);
        let content = self.files.entry(path.to_owned()).or_default();
        if !self.is_strict && content.open == 0 && content.is_clean() {
            // It may have been written by others meanwhile, or renamed.
            content.reset(std::fs::read(path).unwrap_or_default());
        } else if !is_known {
            content.write(0, &std::fs::read(path).unwrap_or_default());
        }
        content.open += 1;
        is_known
    }

    pub(crate) fn closed(&mut self, path: &Path) {
        if let Some(content) = self.files.get_mut(path) {
            content.open = content.open.saturating_sub(1);
        }
    }

    pub(crate) fn deleted(&mut self, path: &Path) {
        let before = self.files.remove(path).map(Content::into_durable);
        if self.names.remove(path) {
            // It may still be there.
            let (from, to) = (path.to_owned(), path.to_owned());
            self.renamed.push(Renamed { from, to, before });
        }
    }

    pub(crate) fn written(&mut self, path: &Path, at: u64, bytes: &[u8]) {
        if let Some(content) = self.files.get_mut(path) {
            content.write(at, bytes);
        }
    }

    pub(crate) fn truncated(&mut self, path: &Path, length: u64) {
        if let Some(content) = self.files.get_mut(path) {
            content.truncate(length);
        }
    }

    /// SQLite syncs a file, and the name of one that it made. Tells whether that
    /// succeeds.
    pub(crate) fn sync_by_sqlite(&mut self, path: &Path, made: bool) -> bool {
        self.take_image();
        self.syncs.by_sqlite += 1;
        if self.failing > 0 {
            self.failing -= 1;
            self.failed += 1;
            self.lose(path);
            return false;
        }
        if let Some(content) = self.files.get_mut(path) {
            content.sync();
        }
        if made {
            self.names.insert(path.to_owned());
            self.renamed.retain(|it| it.to != path);
        }
        true
    }

    /// The same by others, of files and folders.
    pub(crate) fn sync_by_us(&mut self, path: &Path) -> io::Result<()> {
        self.take_image();
        self.syncs.by_us += 1;
        if self.failing_ours > 0 && path.as_os_str().as_encoded_bytes().ends_with(b"-wal") {
            self.failing_ours -= 1;
            self.failed += 1;
            self.lose(path);
            return Err(io::Error::from_raw_os_error(5));
        }
        if path.is_dir() {
            return self.sync_folder(path);
        }
        let real = std::fs::read(path)?;
        let content = self.files.entry(path.to_owned()).or_default();
        if content.open == 0 {
            content.lose();
            content.reset(real);
        } else {
            content.sync();
        }
        Ok(())
    }

    fn lose(&mut self, path: &Path) {
        if let Some(content) = self.files.get_mut(path) {
            content.lose();
        }
    }

    fn sync_folder(&mut self, folder: &Path) -> io::Result<()> {
        for entry in folder.read_dir()? {
            self.names.insert(entry?.path());
        }
        let gone = |path: &Path| path.parent() == Some(folder) && path.symlink_metadata().is_err();
        // What is in a folder that is gone went with it.
        let dropped: Vec<PathBuf> = self.names.iter().filter(|it| gone(it)).cloned().collect();
        let is_dropped = |path: &Path| dropped.iter().any(|gone| path.starts_with(gone));
        self.files.retain(|path, _| !is_dropped(path) && !gone(path));
        self.names.retain(|path| !is_dropped(path));
        self.renamed.retain(|it| it.to.parent() != Some(folder));
        Ok(())
    }

    /// A file gets another name, in the same folder or another one.
    pub(crate) fn rename(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        std::fs::rename(from, to)?;
        let before = self.files.remove(to).map(Content::into_durable);
        let before = before.filter(|_| self.names.contains(to));
        let content = self.files.remove(from).unwrap_or_default();
        self.files.insert(to.to_owned(), content);
        self.renamed.push(Renamed { from: from.to_owned(), to: to.to_owned(), before });
        Ok(())
    }

    /// What is there so far is on disk.
    pub(crate) fn all_is_on_disk(&mut self) -> io::Result<()> {
        let (folders, files) = walk(&self.root)?;
        for file in files {
            let content = self.files.entry(file.clone()).or_default();
            content.lose();
            content.reset(std::fs::read(&file)?);
            self.names.insert(file);
        }
        self.names.extend(folders);
        self.renamed.clear();
        Ok(())
    }

    /// What each file has of what was synced, with the names as they are.
    pub(crate) fn durable(&self) -> impl Iterator<Item = (&Path, &[u8])> {
        self.files.iter().map(|(path, content)| (path.as_path(), content.durable()))
    }

    fn take_image(&mut self) {
        let Some((folder, every)) = self.images.clone() else { return };
        let number = self.syncs.by_us + self.syncs.by_sqlite;
        if number.is_multiple_of(every) {
            let to = folder.join(self.taken.to_string());
            self.image(&to).expect("an image can be written");
            self.taken += 1;
        }
    }

    /// Writes what a disk may hold if the power fails now.
    pub(crate) fn image(&mut self, to: &Path) -> io::Result<()> {
        std::fs::create_dir_all(to)?;
        let (_, real) = walk(&self.root)?;
        let mut paths: BTreeSet<PathBuf> = real.iter().cloned().collect();
        paths.extend(self.files.keys().filter(|path| self.names.contains(*path)).cloned());
        let mut bytes: HashMap<PathBuf, Vec<u8>> = HashMap::new();
        for path in paths {
            if let Some(found) = self.after_loss(&path, real.contains(&path))? {
                bytes.insert(path, found);
            }
        }
        // Names that were given anew may not be on disk: the older ones first.
        let on_disk = self.random.below(self.renamed.len() as u64 + 1) as usize;
        for Renamed { from, to, before } in self.renamed[on_disk..].iter().rev() {
            let had = bytes.remove(to);
            if let Some(had) = had.filter(|_| self.random.coin()) {
                bytes.insert(from.clone(), had);
            }
            if let Some(before) = before {
                bytes.insert(to.clone(), before.clone());
            }
        }
        let mut folders = HashMap::from([(self.root.clone(), true)]);
        let mut paths: Vec<_> = bytes.keys().cloned().collect();
        paths.sort();
        for path in paths {
            let folder = path.parent().expect("in a folder").to_owned();
            if self.is_there(&folder, &mut folders) {
                let to = to.join(path.strip_prefix(&self.root).expect("below the root"));
                std::fs::create_dir_all(to.parent().expect("in a folder"))?;
                std::fs::write(to, &bytes[&path])?;
            }
        }
        Ok(())
    }

    /// Whether a folder is there after the failure.
    fn is_there(&mut self, folder: &Path, known: &mut HashMap<PathBuf, bool>) -> bool {
        if let Some(known) = known.get(folder) {
            return *known;
        }
        let above = folder.parent().expect("below the root").to_owned();
        let is_there =
            self.is_there(&above, known) && (self.names.contains(folder) || self.random.coin());
        known.insert(folder.to_owned(), is_there);
        is_there
    }

    /// A file after the failure: each block as it was or as it is.
    fn after_loss(&mut self, path: &Path, is_real: bool) -> io::Result<Option<Vec<u8>>> {
        let renamed = self.renamed.iter().any(|it| it.to == path);
        let named = renamed || self.names.contains(path);
        // A name that is not on disk may have got there, and one that was taken
        // away may still be there.
        if (!is_real || !named) && self.random.coin() {
            return Ok(None);
        }
        let old = self.files.get(path).map_or(&[][..], Content::durable).to_vec();
        if !is_real {
            return Ok(named.then_some(old));
        }
        let new = match std::fs::read(path) {
            Ok(new) => new,
            // Another thread deleted it just now.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let length = if self.random.coin() { old.len() } else { new.len() };
        let mut bytes = vec![0; length];
        for (at, block) in bytes.chunks_mut(BLOCK).enumerate() {
            let from = at * BLOCK;
            let source = if self.random.coin() { &old } else { &new };
            if let Some(source) = source.get(from..) {
                let size = block.len().min(source.len());
                block[..size].copy_from_slice(&source[..size]);
            }
        }
        Ok(Some(bytes))
    }
}

/// Folders and files below a folder, without those that no crash outlives.
fn walk(root: &Path) -> io::Result<(Vec<PathBuf>, Vec<PathBuf>)> {
    let (mut folders, mut files) = (Vec::new(), Vec::new());
    let mut left = vec![root.to_owned()];
    while let Some(folder) = left.pop() {
        let entries = match folder.read_dir() {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error),
        };
        for entry in entries {
            let Ok(entry) = entry else { continue };
            let path = entry.path();
            let name = entry.file_name();
            let name = name.to_string_lossy();
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => {
                    folders.push(path.clone());
                    left.push(path);
                }
                Ok(kind) if kind.is_file() && name != "lock" && !name.ends_with("-shm") => {
                    files.push(path);
                }
                _ => {}
            }
        }
    }
    Ok((folders, files))
}
