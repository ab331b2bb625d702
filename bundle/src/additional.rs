//! The files of a Worker's folder, for imports that only the running code can
//! name.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::{Path, PathBuf};

use crate::options::Options;
use crate::output::Module;
use crate::problem::{Problem, relative_to, shown};
use crate::rules::ModuleKind;

/// Folders that hold no modules of the Worker's own.
const SKIPPED: [&str; 1] = ["node_modules"];
/// More files than any Worker has: this is somebody's home folder.
const MAX_FILES: usize = 20_000;

/// Modules that are there without being imported by name.
#[derive(Debug, Default)]
pub(crate) struct Additional {
    /// By their file.
    pub(crate) modules: BTreeMap<PathBuf, Module>,
    /// All folders that were looked into.
    pub(crate) folders: BTreeSet<PathBuf>,
    pub(crate) warnings: Vec<Problem>,
}

impl Additional {
    /// Reads all files below `base` that a rule is for.
    pub(crate) fn find(options: &Options, base: &Path, entry: &Path) -> Result<Self, Problem> {
        let mut found = Self::default();
        for path in files_below(base, &options.root, &mut found.folders)? {
            if path == entry || options.ignore.contains(&path) {
                continue;
            }
            let name = relative_to(base, &path).unwrap_or_default();
            let Some(kind) = options.rules.of_additional(&name) else { continue };
            let file = shown(&options.root, &path);
            let bytes = std::fs::read(&path).map_err(|error| {
                Problem::new(format!("cannot read an additional module: {error}"))
                    .in_file(file.clone())
            })?;
            if kind == ModuleKind::EsModule && is_typescript(&path) {
                found.warnings.push(
                    Problem::new(
                        "an additional module is taken as it is, and this one is TypeScript",
                    )
                    .in_file(file)
                    .with_hint("import it by name, or leave it out of `rules`"),
                );
            }
            let module = Module { name, kind, bytes, path: Some(path.clone()) };
            found.modules.insert(path, module);
        }
        Ok(found)
    }
}

fn is_typescript(path: &Path) -> bool {
    let extension = path.extension().unwrap_or_default();
    ["ts", "tsx", "mts", "cts"].iter().any(|typescript| extension == *typescript)
}

/// All files below a folder, sorted, without hidden folders.
fn files_below(
    folder: &Path,
    root: &Path,
    looked_into: &mut BTreeSet<PathBuf>,
) -> Result<Vec<PathBuf>, Problem> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    // Links may lead around in circles.
    let mut seen: HashSet<PathBuf> = HashSet::new();
    while let Some(folder) = folders.pop() {
        let unreadable =
            |error| Problem::new(format!("cannot read {}: {error}", shown(root, &folder)));
        if !seen.insert(folder.canonicalize().map_err(unreadable)?) {
            continue;
        }
        for entry in std::fs::read_dir(&folder).map_err(unreadable)? {
            let path = entry.map_err(unreadable)?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if path.is_dir() {
                if !name.starts_with('.') && !SKIPPED.contains(&&*name) {
                    folders.push(path);
                }
            } else if path.is_file() {
                files.push(path);
            }
        }
        looked_into.insert(folder);
        if files.len() > MAX_FILES {
            return Err(Problem::new(format!(
                "there are more than {MAX_FILES} files to look at for additional modules"
            ))
            .with_hint("set `base_dir` to the folder that holds the modules"));
        }
    }
    files.sort();
    Ok(files)
}
