//! The real command: what it says and how it ends.

mod above;
mod analytics;
mod check;
mod control;
mod d1;
mod durable;
mod errors;
mod init;
mod kv;
mod secrets_store;
mod serving;
mod types;
mod vars;

use std::path::Path;

use tempfile::TempDir;

use crate::harness::{Ended, Program};

/// A folder with these files.
fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = TempDir::new().expect("a temporary folder");
    for (name, text) in files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a file has a folder"))
            .expect("it can be made");
        std::fs::write(path, text).expect("it can be written");
    }
    folder
}

/// Runs a command that ends by itself.
fn run(folder: &Path, args: &[&str]) -> Ended {
    Program::selvedge(folder, args).wait()
}
