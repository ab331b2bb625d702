//! Which files of a data folder are copied, and in which order.

use std::path::{Path, PathBuf};

use super::Logs;
use crate::error::Error;
use crate::failure::io_failure;

/// How a file is copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Database,
    /// One that does not change.
    Plain,
}

/// A file below the data folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct File {
    pub(super) path: PathBuf,
    pub(super) kind: Kind,
}

/// At the top of the folder: of the process, or made again when missing.
const NOT_DATA: [&str; 3] = ["lock", "control.json", "cache"];
/// Ends of names: a database's companions, files that are not whole yet, what
/// objects were, what is only locked.
const NOT_FILES: [&str; 6] = ["-wal", "-shm", "-journal", ".new", ".history", ".lock"];
/// What says which other files there are comes before them: what is deployed
/// before its blobs, a catalog before its namespaces, a bucket before its bodies.
const FIRST: [&str; 3] = ["meta", "catalog.sqlite", "bucket.sqlite"];
/// What may name more files than there are comes after them: a new object stands
/// in the index before it has a file.
const LAST: &str = "index.sqlite";

/// All files to copy.
pub(super) fn walk(data: &Path, logs: Logs) -> Result<Vec<File>, Error> {
    let mut files = Vec::new();
    below(data, Path::new(""), logs, &mut files)?;
    files.sort_by_cached_key(|file| {
        let has = |name: &str| file.path.iter().any(|part| part == name);
        let rank = if FIRST.iter().any(|name| has(name)) {
            0
        } else if has(LAST) {
            2
        } else {
            1
        };
        (rank, file.path.clone())
    });
    Ok(files)
}

fn below(data: &Path, folder: &Path, logs: Logs, files: &mut Vec<File>) -> Result<(), Error> {
    let path = data.join(folder);
    let entries = match std::fs::read_dir(&path) {
        Ok(entries) => entries,
        // It was deleted while we looked.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(io_failure(&path, &error)),
    };
    for entry in entries {
        let entry = entry.map_err(|error| io_failure(&path, &error))?;
        let name = entry.file_name();
        let Some(text) = name.to_str() else { continue };
        let at_top = folder.as_os_str().is_empty();
        let is_out =
            at_top && (NOT_DATA.contains(&text) || (text == "logs" && logs == Logs::LeftOut));
        if is_out || NOT_FILES.iter().any(|end| text.ends_with(end)) {
            continue;
        }
        let kind = entry.file_type().map_err(|error| io_failure(&entry.path(), &error))?;
        let below_data = folder.join(&name);
        if kind.is_dir() {
            below(data, &below_data, logs, files)?;
        } else if kind.is_file() {
            let kind = if text.ends_with(".sqlite") { Kind::Database } else { Kind::Plain };
            files.push(File { path: below_data, kind });
        }
    }
    Ok(())
}
