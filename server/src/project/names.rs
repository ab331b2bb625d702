//! The names of modules: paths with `/` from one folder that holds them all,
//! so that V8's resolution of `../x.js` finds what the file system would.

use std::path::{Component, Path, PathBuf};

use crate::config::{Config, Diagnostic, folder_of, shown};

/// The folder that names start at: `base_dir` or the main module's, or the
/// nearest one above that holds all modules.
pub(super) fn base_of<'a>(config: &Config, files: impl Iterator<Item = &'a Path>) -> PathBuf {
    let mut base = config.base_dir.clone().unwrap_or_else(|| folder_of(&config.main));
    for file in files {
        while !file.starts_with(&base) && base.pop() {}
    }
    base
}

/// A module's name.
pub(super) fn name_in(base: &Path, file: &Path) -> Result<String, Diagnostic> {
    name_of(file.strip_prefix(base).unwrap_or(file))
        .ok_or_else(|| Diagnostic::new(format!("the file name {} is not UTF-8", shown(file))))
}

/// What globs are matched with: the path from `base`, or from the file
/// system's root for files outside of it.
pub(super) fn glob_name(base: &Path, file: &Path) -> String {
    name_of(file.strip_prefix(base).unwrap_or(file)).unwrap_or_default()
}

fn name_of(relative: &Path) -> Option<String> {
    let mut name = String::new();
    for component in relative.components() {
        if let Component::Normal(part) = component {
            if !name.is_empty() {
                name.push('/');
            }
            name.push_str(part.to_str()?);
        }
    }
    Some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_start_at_the_folder_that_holds_all() {
        let base = Path::new("/app/src");
        assert_eq!(name_in(base, Path::new("/app/src/lib/a.js")).expect("UTF-8"), "lib/a.js");
        assert_eq!(glob_name(base, Path::new("/app/lib/a.js")), "app/lib/a.js");
    }
}
