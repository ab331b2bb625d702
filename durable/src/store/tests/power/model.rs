//! What files hold, and what of it is on disk.

use std::collections::{HashMap, HashSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard};

/// Disks write blocks of this size whole, or not at all.
const BLOCK: usize = 512;

/// Numbers that look random, and are the same each time (splitmix64).
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(super) fn below(&mut self, end: u64) -> u64 {
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

/// How often something was synced.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Syncs {
    pub(super) by_us: u64,
    pub(super) by_sqlite: u64,
}

pub(super) struct Model(Mutex<State>);

pub(super) struct State {
    random: Random,
    /// What files hold, as long as they have a name.
    current: HashMap<PathBuf, Vec<u8>>,
    /// What of it is on disk, also of files that lost their name.
    durable: HashMap<PathBuf, Vec<u8>>,
    /// Names that are on disk, of files and folders.
    names: HashSet<PathBuf>,
    syncs: Syncs,
    fail_next: bool,
    pub(super) full: bool,
}

impl Model {
    pub(super) fn new(seed: u64) -> Self {
        Self(Mutex::new(State {
            random: Random::new(seed),
            current: HashMap::new(),
            durable: HashMap::new(),
            names: HashSet::new(),
            syncs: Syncs::default(),
            fail_next: false,
            full: false,
        }))
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    pub(super) fn syncs(&self) -> Syncs {
        self.lock().syncs
    }

    /// The next sync of ours fails.
    pub(super) fn fail_next_sync(&self) {
        self.lock().fail_next = true;
    }

    /// Nothing more fits on the disk, or there is room again.
    pub(super) fn set_full(&self, full: bool) {
        self.lock().full = full;
    }

    /// What is there so far is on disk.
    pub(super) fn all_is_on_disk(&self) {
        let mut state = self.lock();
        let State { current, durable, names, .. } = &mut *state;
        for (path, bytes) in current.iter() {
            durable.insert(path.clone(), bytes.clone());
            names.extend(path.ancestors().map(Path::to_owned));
        }
    }

    /// What we ask the disk for: a log, or a folder.
    pub(super) fn sync(&self, path: &Path) -> io::Result<()> {
        let mut state = self.lock();
        if std::mem::take(&mut state.fail_next) {
            return Err(io::Error::from_raw_os_error(5));
        }
        state.syncs.by_us += 1;
        if path.is_dir() {
            state.sync_folder(path);
        } else {
            assert!(state.current.contains_key(path), "{} is not there", path.display());
            state.sync_file(path);
        }
        Ok(())
    }

    /// What a disk may hold if the power fails now.
    pub(super) fn image(&self, root: &Path) -> tempfile::TempDir {
        let mut state = self.lock();
        let folder = tempfile::tempdir().expect("a folder");
        let paths: HashSet<PathBuf> =
            state.current.keys().chain(state.durable.keys()).cloned().collect();
        let mut paths: Vec<_> = paths.into_iter().collect();
        paths.sort();
        let mut folders = HashMap::new();
        for path in paths {
            let parent = path.parent().expect("in a folder").to_owned();
            let named = state.names.contains(&parent);
            let there = *folders.entry(parent).or_insert_with(|| named || state.random.coin());
            if there && let Some(bytes) = state.after_loss(&path) {
                let to = folder.path().join(path.strip_prefix(root).expect("below the root"));
                std::fs::create_dir_all(to.parent().expect("in a folder")).expect("made");
                std::fs::write(to, bytes).expect("written");
            }
        }
        folder
    }
}

impl State {
    pub(super) fn file(&mut self, path: &Path) -> &mut Vec<u8> {
        self.current.entry(path.to_owned()).or_default()
    }

    pub(super) fn is_known(&self, path: &Path) -> bool {
        self.current.contains_key(path)
    }

    fn sync_file(&mut self, path: &Path) {
        let bytes = self.current.get(path).cloned().unwrap_or_default();
        self.durable.insert(path.to_owned(), bytes);
    }

    /// SQLite syncs a file, and the name of one that it made.
    pub(super) fn sync_by_sqlite(&mut self, path: &Path, name: bool) {
        self.syncs.by_sqlite += 1;
        self.sync_file(path);
        if name {
            self.names.insert(path.to_owned());
        }
    }

    fn sync_folder(&mut self, folder: &Path) {
        let in_it = |path: &PathBuf| path.parent() == Some(folder);
        for path in self.current.keys() {
            for name in path.ancestors().filter(|it| it.parent() == Some(folder)) {
                self.names.insert(name.to_owned());
            }
        }
        let current = &self.current;
        let gone = |path: &PathBuf| in_it(path) && !current.contains_key(path) && !path.is_dir();
        self.names.retain(|path| !gone(path));
        self.durable.retain(|path, _| !gone(path));
    }

    pub(super) fn delete(&mut self, path: &Path) {
        self.current.remove(path);
    }

    /// A file after the failure: each block as it was or as it is.
    fn after_loss(&mut self, path: &Path) -> Option<Vec<u8>> {
        let there = self.current.get(path);
        let named = self.names.contains(path);
        // A name that is not on disk may have got there, and one that was taken
        // away may still be there.
        if (there.is_none() || !named) && self.random.coin() {
            return None;
        }
        let old = self.durable.get(path).cloned().unwrap_or_default();
        let Some(new) = there else { return named.then_some(old) };
        let length = if self.random.coin() { old.len() } else { new.len() };
        let mut bytes = vec![0; length];
        for (at, block) in bytes.chunks_mut(BLOCK).enumerate() {
            let from = at * BLOCK;
            let source = if self.random.coin() { &old } else { new };
            if let Some(source) = source.get(from..) {
                let size = block.len().min(source.len());
                block[..size].copy_from_slice(&source[..size]);
            }
        }
        Some(bytes)
    }
}
