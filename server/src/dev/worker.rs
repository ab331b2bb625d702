//! A Worker that follows its files: what its last build gave, and who answers for it.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use selvedge_assets::{Cache, Handle};
use selvedge_runtime::Worker;

use super::failing::Failing;
use super::generation::Generation;
use super::options::Build;
use super::watch;
use crate::bindings::{self, ProjectAssets};
use crate::project::ProjectFront;

/// See the top of this file.
pub(super) struct DevWorker {
    pub(super) build: Build,
    pub(super) name: String,
    pub(super) serving: Serving,
    /// What serves, to see whether a build changed anything.
    pub(super) worker: Option<Arc<Worker>>,
    /// What it depends on.
    pub(super) files: BTreeSet<PathBuf>,
    pub(super) folders: BTreeSet<PathBuf>,
    pub(super) trees: BTreeSet<PathBuf>,
    pub(super) asset_folders: Vec<PathBuf>,
    /// Its static assets: those of the last build, whichever generation serves.
    pub(super) assets: Option<Arc<Handle>>,
    /// The cache before it, as the last build says.
    pub(super) front: ProjectFront,
    pub(super) root: PathBuf,
    pub(super) broken: bool,
    /// Whether any build succeeded so far.
    pub(super) was_built: bool,
    /// What is wrong, as it was last said.
    pub(super) said: Option<String>,
    /// What the last build warned of.
    pub(super) warnings: Vec<String>,
}

/// Who answers a Worker's requests.
pub(super) enum Serving {
    Nobody,
    Generation(Generation),
    /// It answers until it is dropped.
    Failing {
        _page: Failing,
    },
}

impl DevWorker {
    pub(super) fn new(build: Build) -> Self {
        Self {
            build,
            name: String::new(),
            serving: Serving::Nobody,
            worker: None,
            files: BTreeSet::new(),
            folders: BTreeSet::new(),
            trees: BTreeSet::new(),
            asset_folders: Vec::new(),
            assets: None,
            front: ProjectFront::default(),
            root: PathBuf::new(),
            broken: true,
            was_built: false,
            said: None,
            warnings: Vec::new(),
        }
    }

    /// Takes the assets of a build, and puts them into the Worker's `env`.
    pub(super) fn take_assets(
        &mut self,
        assets: Option<ProjectAssets>,
        cache: &Arc<Cache>,
        worker: &mut Worker,
    ) {
        let Some(assets) = assets else {
            self.assets = None;
            return;
        };
        let binding = assets.binding.clone();
        let assets = assets.open(cache.clone());
        let handle = match self.assets.take() {
            Some(handle) => {
                handle.set(assets);
                handle
            }
            None => Handle::new(assets),
        };
        binding.iter().for_each(|name| bindings::bind_assets(name, &handle, worker));
        self.assets = Some(handle);
    }

    /// Whether changed files are a reason to build.
    pub(super) fn is_affected(&self, changed: &BTreeSet<PathBuf>) -> bool {
        changed.iter().any(|path| {
            self.files.contains(path)
                || (watch::is_source(path)
                    && path.parent().is_some_and(|folder| self.folders.contains(folder)))
                || self.trees.iter().any(|tree| watch::may_help(tree, path))
                || self.asset_folders.iter().any(|folder| watch::is_asset(folder, path))
                || (self.broken && watch::may_help(&self.root, path))
        })
    }
}
