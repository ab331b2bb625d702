//! The files of a Worker's folder, for imports that only the running code can
//! name.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use crate::config::{Diagnostic, shown};

/// Folders that hold no modules of the Worker's own.
const SKIPPED: &[&str] = &["node_modules"];
/// More files than any Worker has: this is somebody's home folder.
const MAX_FILES: usize = 20_000;

/// All files below a folder, sorted, without hidden folders and `skip`.
pub(super) fn files_below(folder: &Path, skip: Option<&Path>) -> Result<Vec<PathBuf>, Diagnostic> {
    let mut files = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    // Links may lead around in circles.
    let mut seen: HashSet<PathBuf> = HashSet::new();
    while let Some(folder) = folders.pop() {
        let unreadable =
            |error| Diagnostic::new(format!("cannot read {}: {error}", shown(&folder)));
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
            } else if path.is_file() && skip != Some(&path) {
                files.push(path);
            }
        }
        if files.len() > MAX_FILES {
            return Err(Diagnostic::new(format!(
                "there are more than {MAX_FILES} files to look at for additional modules"
            ))
            .with_hint("set `base_dir` to the folder that holds the modules"));
        }
    }
    files.sort();
    Ok(files)
}
