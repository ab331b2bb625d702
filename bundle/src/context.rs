//! What one build knows and finds out, shared between rolldown's threads.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use oxc_resolver::ResolveError;
use rolldown_common::ImportKind;
use sha1::{Digest, Sha1};

use crate::additional::Additional;
use crate::options::{Format, Options};
use crate::output::{Module, Watch};
use crate::problem::{Problem, relative_to, shown};
use crate::rules::{Match, ModuleKind};

/// One build.
#[derive(Debug)]
pub(crate) struct Context {
    pub(crate) options: Options,
    pub(crate) format: Format,
    /// The folder that module names and globs are relative to.
    pub(crate) base: PathBuf,
    pub(crate) additional: Additional,
    found: Mutex<Found>,
}

/// What a build has found out.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// Modules that stay apart, by their name.
    pub(crate) modules: BTreeMap<String, Module>,
    /// Imports left to the runtime, with their importers from the root.
    pub(crate) externals: BTreeMap<String, BTreeSet<String>>,
    /// Files that a rule makes JSON although they are named otherwise.
    pub(crate) json: BTreeSet<PathBuf>,
    /// Imports that did not resolve, by importer and specifier.
    pub(crate) unresolved: HashMap<(String, String), Unresolved>,
    pub(crate) problems: Vec<Problem>,
    pub(crate) warnings: Vec<Problem>,
    pub(crate) watch: Watch,
}

/// Why an import did not resolve.
#[derive(Debug)]
pub(crate) struct Unresolved {
    pub(crate) error: ResolveError,
    pub(crate) kind: ImportKind,
}

impl Context {
    pub(crate) fn new(
        options: Options,
        format: Format,
        base: PathBuf,
        additional: Additional,
    ) -> Self {
        Self { options, format, base, additional, found: Mutex::default() }
    }

    /// What was found so far. A thread that panicked with it in hand left it whole:
    /// each change is a single insert.
    pub(crate) fn found(&self) -> MutexGuard<'_, Found> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn shown(&self, path: &str) -> String {
        shown(&self.options.root, Path::new(path)).replace('\0', "")
    }

    /// What the rules say of a file, and else of how it is imported.
    pub(crate) fn rule_for(&self, path: &Path, specifier: &str) -> Match {
        let query = specifier.find('?').map_or("", |at| &specifier[at..]);
        let name = relative_to(&self.base, path).unwrap_or_default() + query;
        match self.options.rules.of(&name) {
            Match::Nothing => self.options.rules.of(specifier.trim_start_matches("./")),
            found => found,
        }
    }

    /// Reads a file that stays a module of its own, and gives its name.
    pub(crate) fn collect(&self, path: &Path, kind: ModuleKind) -> std::io::Result<String> {
        let bytes = std::fs::read(path)?;
        let name = self.module_name(path, &bytes);
        let module = Module { name: name.clone(), kind, bytes, path: Some(path.to_path_buf()) };
        let mut found = self.found();
        found.watch.files.insert(path.to_path_buf());
        found.modules.insert(name.clone(), module);
        Ok(name)
    }

    /// wrangler's names: `<sha1>-name.ext`, or the path.
    fn module_name(&self, path: &Path, bytes: &[u8]) -> String {
        let file_name = path.file_name().unwrap_or_default().to_string_lossy();
        let hash = || {
            let digest = Sha1::digest(bytes);
            digest.iter().map(|byte| format!("{byte:02x}")).collect::<String>()
        };
        if !self.options.preserve_file_names {
            return format!("{}-{file_name}", hash());
        }
        match relative_to(&self.base, path) {
            Some(relative) if !relative.starts_with("../") => relative,
            _ => format!("{}/{file_name}", hash()),
        }
    }

    /// Notes that `specifier` is left to the runtime.
    pub(crate) fn external(&self, specifier: &str, importer: &str) {
        let importer = self.shown(importer);
        self.found().externals.entry(specifier.to_owned()).or_default().insert(importer);
    }

    /// Notes a problem at the place where `importer` names `specifier`.
    pub(crate) fn refuse(&self, importer: &str, specifier: &str, problem: Problem) {
        let file = self.shown(importer);
        let problem = match std::fs::read_to_string(importer) {
            Ok(text) => match literal(&text, specifier) {
                Some(offset) => problem.at(file, &text, offset),
                None => problem.in_file(file),
            },
            Err(_) => problem.in_file(file),
        };
        let mut found = self.found();
        if !found.problems.contains(&problem) {
            found.problems.push(problem);
        }
    }
}

/// The byte where a specifier stands in a source as a literal.
fn literal(text: &str, specifier: &str) -> Option<usize> {
    let quoted = |quote: char| text.find(&format!("{quote}{specifier}{quote}"));
    ['"', '\'', '`'].into_iter().filter_map(quoted).min()
}
