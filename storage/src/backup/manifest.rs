//! What a copy consists of.

use std::path::{Component, Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::Summary;
use crate::error::Error;
use crate::failure::io_failure;

/// The file at the top of a copy.
const NAME: &str = "manifest.json";
/// Copies of another format are refused.
const FORMAT: u32 = 1;

/// All files of a copy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Manifest {
    format: u32,
    /// In seconds since the UNIX epoch.
    created: u64,
    pub(super) files: Vec<Entry>,
}

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Entry {
    pub(super) path: PathBuf,
    pub(super) bytes: u64,
    /// BLAKE3, 64 hexadecimal digits.
    pub(super) hash: String,
}

impl Manifest {
    pub(super) fn new(created: u64) -> Self {
        Self { format: FORMAT, created, files: Vec::new() }
    }

    pub(super) fn summary(&self) -> Summary {
        let bytes = self.files.iter().map(|file| file.bytes).sum();
        Summary { files: self.files.len() as u64, bytes }
    }

    /// Writes it, in one step.
    pub(super) fn write(&self, folder: &Path) -> Result<(), Error> {
        let path = folder.join(NAME);
        let new = folder.join(format!("{NAME}.new"));
        let text = serde_json::to_vec_pretty(self)
            .map_err(|error| Error::Internal(format!("{}: {error}", path.display())))?;
        std::fs::write(&new, text)
            .and_then(|()| std::fs::File::open(&new)?.sync_all())
            .and_then(|()| std::fs::rename(&new, &path))
            .and_then(|()| crate::file::sync_folder(&path))
            .map_err(|error| io_failure(&path, &error))
    }

    /// Reads it.
    pub(super) fn read(folder: &Path) -> Result<Self, Error> {
        let path = folder.join(NAME);
        let text = match std::fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(Error::Data(format!(
                    "{} is no copy of a data folder, or not a whole one: it has no {NAME}",
                    folder.display()
                )));
            }
            Err(error) => return Err(io_failure(&path, &error)),
        };
        let invalid = |reason: String| Error::Data(format!("{}: {reason}", path.display()));
        let manifest: Self =
            serde_json::from_slice(&text).map_err(|error| invalid(error.to_string()))?;
        if manifest.format != FORMAT {
            return Err(invalid(format!("its format is {}, not {FORMAT}", manifest.format)));
        }
        let outside = manifest.files.iter().find(|file| !is_inside(&file.path));
        match outside {
            Some(file) => Err(invalid(format!("{} leads out of the folder", file.path.display()))),
            None => Ok(manifest),
        }
    }
}

/// Whether a path stays below where it starts.
fn is_inside(path: &Path) -> bool {
    path.components().all(|part| matches!(part, Component::Normal(_)))
}
