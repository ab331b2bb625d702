//! Which files changed, in bursts.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::sync::mpsc;

use super::DevError;

/// A change is acted on when nothing else changed for this long: an editor
/// writes a file in several steps.
const QUIET: Duration = Duration::from_millis(25);
/// The same when many files change at once, as a checkout makes them.
const QUIET_OF_MANY: Duration = Duration::from_millis(250);
/// How many changed files are many.
const MANY: usize = 8;
/// Nobody waits longer for files to rest.
const LONGEST: Duration = Duration::from_secs(3);

/// Folders in which nothing is a source of a Worker.
const IGNORED: &[&str] = &["node_modules", ".git", ".selvedge", ".wrangler", "target", "dist"];

/// Tells of changes in folders.
pub(super) struct Watch {
    watcher: RecommendedWatcher,
    changes: mpsc::UnboundedReceiver<PathBuf>,
    folders: BTreeMap<PathBuf, RecursiveMode>,
}

impl Watch {
    /// Watches nothing yet.
    ///
    /// # Errors
    /// When the system has no means for it, or no more of them.
    pub(super) fn start() -> Result<Self, DevError> {
        let (sender, changes) = mpsc::unbounded_channel();
        let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            let Ok(event) = event else { return };
            // Reading is no change.
            if matches!(event.kind, EventKind::Access(_)) {
                return;
            }
            for path in event.paths {
                let _ = sender.send(path);
            }
        });
        let watcher = watcher.map_err(|error| DevError::Watch(error.to_string()))?;
        Ok(Self { watcher, changes, folders: BTreeMap::new() })
    }

    /// Watches these folders, and with all that lies below them these trees, and
    /// no others.
    pub(super) fn follow<'a>(
        &mut self,
        folders: impl Iterator<Item = &'a Path>,
        trees: impl Iterator<Item = &'a Path>,
    ) {
        let mut wanted: BTreeMap<PathBuf, RecursiveMode> = BTreeMap::new();
        for folder in folders.filter(|folder| folder.is_dir()) {
            wanted.insert(folder.to_path_buf(), RecursiveMode::NonRecursive);
        }
        for tree in trees.filter(|tree| tree.is_dir()) {
            wanted.insert(tree.to_path_buf(), RecursiveMode::Recursive);
        }
        for (folder, mode) in &self.folders {
            if wanted.get(folder) != Some(mode) {
                // It may be gone already.
                let _ = self.watcher.unwatch(folder);
            }
        }
        let mut watched = BTreeMap::new();
        for (folder, mode) in wanted {
            if self.folders.get(&folder) == Some(&mode) {
                watched.insert(folder, mode);
                continue;
            }
            match self.watcher.watch(&folder, mode) {
                Ok(()) => {
                    watched.insert(folder, mode);
                }
                Err(error) => tracing::warn!(%error, "a folder is not watched"),
            }
        }
        self.folders = watched;
    }

    /// The files of the next burst of changes.
    pub(super) async fn changed(&mut self) -> BTreeSet<PathBuf> {
        let mut changed = BTreeSet::new();
        let Some(first) = self.changes.recv().await else {
            return std::future::pending().await;
        };
        changed.insert(first);
        let end = tokio::time::Instant::now() + LONGEST;
        loop {
            let quiet = if changed.len() < MANY { QUIET } else { QUIET_OF_MANY };
            let rest = (tokio::time::Instant::now() + quiet).min(end);
            match tokio::time::timeout_at(rest, self.changes.recv()).await {
                Ok(Some(path)) => {
                    changed.insert(path);
                }
                Ok(None) | Err(_) => return changed,
            }
        }
    }
}

/// Extensions of files that Workers are made of. Others change for many reasons:
/// a log in the project's folder must not bring a build with each line.
const SOURCES: &[&str] = &[
    "js", "mjs", "cjs", "jsx", "ts", "mts", "cts", "tsx", "json", "jsonc", "toml", "wasm", "txt",
    "html", "sql", "bin", "css", "svg", "md", "graphql", "gql", "xml", "yaml", "yml", "vars",
    "env",
];

/// Whether a new or changed file with this name may be a part of a Worker.
pub(super) fn is_source(path: &Path) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str());
    extension.is_some_and(|extension| SOURCES.contains(&extension))
}

/// Whether a change at this path may be one of the assets of this folder.
pub(super) fn is_asset(folder: &Path, path: &Path) -> bool {
    let Ok(below) = path.strip_prefix(folder) else { return false };
    // What the server itself writes is below one of these.
    let ignored = ["node_modules", ".git", ".selvedge", ".wrangler"];
    !below.components().any(|part| match part {
        Component::Normal(name) => ignored.iter().any(|ignored| name == *ignored),
        _ => false,
    })
}

/// Whether a change at this path may repair a Worker of this folder.
pub(super) fn may_help(root: &Path, path: &Path) -> bool {
    let Ok(below) = path.strip_prefix(root) else { return false };
    is_source(path)
        && !below.components().any(|part| match part {
            Component::Normal(name) => IGNORED.iter().any(|ignored| name == *ignored),
            _ => false,
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_source_does_not_help() {
        let root = Path::new("/project");
        assert!(may_help(root, Path::new("/project/src/new.ts")));
        assert!(!may_help(root, Path::new("/project/node_modules/a/index.js")));
        assert!(!may_help(root, Path::new("/project/.git/index")));
        assert!(!may_help(root, Path::new("/project/dev.log")));
        assert!(!may_help(root, Path::new("/elsewhere/a.ts")));
    }

    #[tokio::test]
    async fn a_burst_is_one_change() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        let mut watch = Watch::start().unwrap();
        watch.follow([root.as_path()].into_iter(), std::iter::empty());
        let files: BTreeSet<_> = (0..40).map(|n| root.join(format!("{n}.js"))).collect();
        for file in &files {
            std::fs::write(file, "x").unwrap();
        }
        assert_eq!(watch.changed().await, files);
        let more = tokio::time::timeout(Duration::from_millis(50), watch.changed()).await;
        assert!(more.is_err(), "{more:?}");
    }
}
