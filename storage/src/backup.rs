//! Copies of a data folder, made while its server runs, and back.
//!
//! Each database is copied by SQLite's own interface, from one moment of it, with
//! what stands in its log; all other files never change once they are there. So
//! what is copied is what the server would have found after a power cut at that
//! moment. A manifest with the hash of each file is written last: a copy without
//! it is not whole, and is not restored.
//!
//! Left out are what can be made again (`cache/`), what belongs to the running
//! process, and the history of objects: a restored object can go back to nothing
//! that was before the copy.

mod copy;
mod manifest;
#[cfg(test)]
mod tests;
mod walk;

use std::path::{Path, PathBuf};

use crate::error::Error;
use crate::failure::io_failure;
use crate::hold::keep;
use copy::{copy_database, copy_file, verify};
use manifest::{Entry, Manifest};
use walk::{Kind, walk};

/// What a copy holds, or a restored folder.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Summary {
    pub files: u64,
    pub bytes: u64,
}

/// Whether kept events and logs are copied too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Logs {
    Copied,
    LeftOut,
}

/// Is told of each file: how many are done, how many there are.
pub type Progress<'a> = &'a mut dyn FnMut(u64, u64);

/// Folders with files that a database beside them names.
const HOLDS: [&str; 1] = ["r2"];

/// Copies the data folder `data` into the folder `to`, which must not be there or
/// be empty. `created` is the present, for the manifest.
///
/// # Errors
/// When a file cannot be read or written. What was copied before stays.
pub fn backup(
    data: &Path,
    to: &Path,
    logs: Logs,
    created: u64,
    progress: Progress<'_>,
) -> Result<Summary, Error> {
    if !data.join("lock").is_file() {
        return Err(Error::Data(format!("{} is no data folder", data.display())));
    }
    let to = empty_folder(to)?;
    if to.starts_with(data.canonicalize().map_err(|error| io_failure(data, &error))?) {
        return Err(Error::Data("a copy cannot lie in the folder that it is of".into()));
    }
    // What databases name is there until all of it is copied.
    let kept = HOLDS.iter().map(|folder| data.join(folder)).filter(|folder| folder.is_dir());
    let kept = kept.map(|folder| keep(&folder).map_err(|error| io_failure(&folder, &error)));
    let _kept = kept.collect::<Result<Vec<_>, _>>()?;
    let files = walk(data, logs)?;
    let total = files.len() as u64;
    let mut manifest = Manifest::new(created);
    for (done, file) in files.into_iter().enumerate() {
        progress(done as u64, total);
        let (from, target) = (data.join(&file.path), to.join(&file.path));
        make_parent(&target)?;
        let copied = match file.kind {
            Kind::Database => copy_database(&from, &target)?,
            Kind::Plain => copy_file(&from, &target)?,
        };
        // What is gone by now was deleted while we copied.
        if let Some((bytes, hash)) = copied {
            manifest.files.push(Entry { path: file.path, bytes, hash });
        }
    }
    progress(total, total);
    manifest.write(&to)?;
    Ok(manifest.summary())
}

/// Makes a data folder of a copy. `data` must not be there or be empty.
///
/// # Errors
/// When the copy is not whole: then nothing is left at `data`.
pub fn restore(from: &Path, data: &Path, progress: Progress<'_>) -> Result<Summary, Error> {
    let manifest = Manifest::read(from)?;
    let data = empty_folder(data)?;
    let result = fill(from, &data, &manifest, progress);
    if result.is_err() {
        // It was empty; why it is not filled is what counts.
        let _ = std::fs::remove_dir_all(&data);
    }
    result.map(|()| manifest.summary())
}

fn fill(
    from: &Path,
    data: &Path,
    manifest: &Manifest,
    progress: Progress<'_>,
) -> Result<(), Error> {
    let total = manifest.files.len() as u64;
    for (done, entry) in manifest.files.iter().enumerate() {
        progress(done as u64, total);
        let (source, target) = (from.join(&entry.path), data.join(&entry.path));
        make_parent(&target)?;
        let missing = || Error::Data(format!("{} is missing", source.display()));
        let copied = copy_file(&source, &target)?.ok_or_else(missing)?;
        verify(&source, &copied, (entry.bytes, &entry.hash))?;
    }
    progress(total, total);
    crate::file::sync_folder(data).map_err(|error| io_failure(data, &error))
}

/// The folder, made if need be; it must hold nothing.
fn empty_folder(path: &Path) -> Result<PathBuf, Error> {
    let fail = |error: std::io::Error| io_failure(path, &error);
    private_folder(path).map_err(fail)?;
    if std::fs::read_dir(path).map_err(fail)?.next().is_some() {
        return Err(Error::Data(format!("{} is not empty", path.display())));
    }
    path.canonicalize().map_err(fail)
}

fn make_parent(path: &Path) -> Result<(), Error> {
    match path.parent() {
        Some(parent) => private_folder(parent).map_err(|error| io_failure(parent, &error)),
        None => Ok(()),
    }
}

/// Copies hold what their servers keep from others.
#[cfg(unix)]
fn private_folder(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}

#[cfg(not(unix))]
fn private_folder(path: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(path)
}
