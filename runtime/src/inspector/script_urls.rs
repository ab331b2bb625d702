//! What debuggers call the modules: the files that they were read from, so that
//! a breakpoint in an editor finds its script.

use std::collections::HashMap;
use std::path::PathBuf;
use std::rc::Rc;

use deno_core::url::Url;

use crate::modules::{CLASSIC_SCRIPT, module_url};
use crate::worker::{Module, Worker};

/// Where a bundle is said to lie, in the folder of its sources: editors follow
/// the source maps of scripts in their own folder only.
const BUNDLE_FOLDER: &str = ".selvedge/bundle";

/// From the URL that V8 knows a module by to the URL of its file.
#[derive(Debug, Default)]
pub(super) struct ScriptUrls {
    files: HashMap<String, String>,
    /// The source maps that modules do not carry themselves, by what debuggers call
    /// the module.
    maps: Rc<SourceMaps>,
}

/// From what debuggers call a script to the URL of its source map.
pub(super) type SourceMaps = HashMap<String, String>;

impl ScriptUrls {
    pub(super) fn of(worker: &Worker) -> Self {
        let mut urls = HashMap::new();
        let mut maps = HashMap::new();
        for module in &worker.modules {
            let map = module.source_map.as_ref().and_then(|map| map.data_url());
            let name = |file: Option<&Url>| match file {
                Some(file) => file.as_str().to_owned(),
                None => module_url(&module.name),
            };
            let file = shown_as(module).and_then(|path| std::path::absolute(path).ok());
            let file = file.and_then(|path| Url::from_file_path(path).ok());
            if let Some(map) = map {
                maps.insert(name(file.as_ref()), map);
            }
            let Some(file) = file else { continue };
            // A module of that name is never a script.
            if module.name == worker.main && worker.module("worker.js").is_none() {
                urls.insert(CLASSIC_SCRIPT.to_owned(), file.as_str().to_owned());
            }
            urls.insert(module_url(&module.name), file.into());
        }
        Self { files: urls, maps: Rc::new(maps) }
    }

    /// The source maps of bundles.
    pub(super) fn maps(&self) -> Rc<SourceMaps> {
        self.maps.clone()
    }

    /// The URL of the file, if V8's name is that of a module with one.
    pub(super) fn file(&self, name: &str) -> Option<&str> {
        self.files.get(name).map(String::as_str)
    }
}

/// The file of a module. That of a bundle is only a name.
fn shown_as(module: &Module) -> Option<PathBuf> {
    let root = || module.source_map.as_ref()?.root();
    module.path.clone().or_else(|| Some(root()?.join(BUNDLE_FOLDER).join(&module.name)))
}
