//! Projects with packages of npm.

use std::path::Path;
use std::process::{Command, Stdio};

/// Installs the packages of the folder's `package.json`; `false` where there is
/// no npm, or it cannot reach its registry.
pub(crate) fn npm_install(folder: &Path) -> bool {
    let npm = if cfg!(windows) { "npm.cmd" } else { "npm" };
    let status = Command::new(npm)
        .args(["install", "--no-audit", "--no-fund", "--ignore-scripts", "--prefer-offline"])
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    status.is_ok_and(|status| status.success())
}

/// Copies a folder without what tools left in it.
pub(crate) fn copy_tree(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("it can be made");
    for entry in std::fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry");
        let name = entry.file_name();
        if name == "node_modules" || name == ".selvedge" || name == "package-lock.json" {
            continue;
        }
        let (from, to) = (entry.path(), to.join(name));
        if from.is_dir() {
            copy_tree(&from, &to);
        } else {
            std::fs::copy(from, to).expect("it can be copied");
        }
    }
}
