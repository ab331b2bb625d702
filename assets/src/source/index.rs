//! Assets by path, in little memory: one string with all paths, and a sorted list.

use crate::source::{Asset, Error, MAX_ASSETS};

/// Assets by path, each with what its source needs to open it. For 100,000 of them,
/// about 5 MB, the paths, and what the source needs.
#[derive(Debug)]
pub(super) struct Index<T> {
    paths: Box<str>,
    /// Sorted by path.
    entries: Box<[Entry<T>]>,
}

#[derive(Debug)]
struct Entry<T> {
    /// Where its path begins and ends in `paths`.
    path: (u32, u32),
    asset: Asset,
    place: T,
}

impl<T> Index<T> {
    /// An index of these assets; `of` names them in errors.
    ///
    /// # Errors
    /// When there are too many, two have the same path, or one has no path.
    pub(super) fn new(mut assets: Vec<(String, Asset, T)>, of: &str) -> Result<Self, Error> {
        if assets.len() > MAX_ASSETS {
            return Err(Error::TooMany(of.to_owned()));
        }
        assets.sort_unstable_by(|(one, ..), (other, ..)| one.cmp(other));
        let bytes = assets.iter().map(|(path, ..)| path.len()).sum();
        if u32::try_from(bytes).is_err() {
            return Err(Error::TooMany(of.to_owned()));
        }
        let mut paths = String::with_capacity(bytes);
        let mut entries: Vec<Entry<T>> = Vec::with_capacity(assets.len());
        for (path, asset, place) in assets {
            if !path.starts_with('/') {
                return Err(Error::Path(path));
            }
            let begin = paths.len() as u32;
            if entries.last().is_some_and(|last| paths[last.range()] == *path) {
                return Err(Error::Twice(path));
            }
            paths.push_str(&path);
            entries.push(Entry { path: (begin, paths.len() as u32), asset, place });
        }
        Ok(Self { paths: paths.into(), entries: entries.into() })
    }

    /// The asset at this path.
    pub(super) fn find(&self, path: &str) -> Option<&Asset> {
        self.entry(path).map(|entry| &entry.asset)
    }

    /// The same, with what its source needs.
    pub(super) fn find_with(&self, path: &str) -> Option<(&Asset, &T)> {
        self.entry(path).map(|entry| (&entry.asset, &entry.place))
    }

    fn entry(&self, path: &str) -> Option<&Entry<T>> {
        let path = path.as_bytes();
        let paths = self.paths.as_bytes();
        let at = self.entries.binary_search_by(|entry| paths[entry.range()].cmp(path)).ok()?;
        self.entries.get(at)
    }

    /// All paths, in their order.
    pub(super) fn paths(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().map(|entry| &self.paths[entry.range()])
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }
}

impl<T> Entry<T> {
    fn range(&self) -> std::ops::Range<usize> {
        self.path.0 as usize..self.path.1 as usize
    }
}
