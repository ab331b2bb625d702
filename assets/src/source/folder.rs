//! Assets of a folder: `[assets] directory`. It is walked once; who follows it
//! makes another source when it changes.

#[cfg(test)]
mod tests;

use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use super::ignore::{Kind, Patterns};
use super::index::Index;
use super::{Asset, AssetSource, Error, MAX_ASSET_BYTES, MAX_ASSETS, Opened};
use crate::content_type::content_type;
use crate::hash::AssetHash;

/// `_headers`, `_redirects` and `.assetsignore` are read up to here: 1 MiB. More
/// than all the rules that count do not fit into less.
const MAX_RULES_BYTES: u64 = 1024 * 1024;
/// So many names of what is left out stand in a warning.
const NAMED: usize = 3;

/// The files of a folder. Names that are not UTF-8, links that lead out of it,
/// and what is no file are not among them.
#[derive(Debug)]
pub struct FolderSource {
    /// Absolute, without links.
    root: PathBuf,
    index: Index<()>,
}

/// What a walk through a folder found.
#[derive(Debug)]
pub struct Walked {
    /// Its files.
    pub source: FolderSource,
    /// The text of `_headers`.
    pub headers: Option<String>,
    /// The text of `_redirects`.
    pub redirects: Option<String>,
    /// What the user should know.
    pub warnings: Vec<String>,
}

impl FolderSource {
    /// Walks through a folder. It waits for the disk, and holds in memory no more
    /// than the names of [`MAX_ASSETS`] files.
    ///
    /// # Errors
    /// When it cannot be read, holds too many files or one that is too large, or
    /// code of a Worker.
    pub fn walk(folder: &Path) -> Result<Walked, Error> {
        let root = folder.canonicalize().map_err(|reason| io_error(folder, reason))?;
        let ignored = rules_file(&root, ".assetsignore")?;
        let (patterns, mut warnings) = Patterns::new(ignored.as_deref().unwrap_or_default());
        let mut walk = Walk {
            root: &root,
            patterns,
            refuses_server_code: ignored.is_none(),
            files: Vec::new(),
            left_out: LeftOut::default(),
        };
        walk.run()?;
        let Walk { files, left_out, .. } = walk;
        warnings.extend(left_out.warnings());
        let index = Index::new(files, &folder.display().to_string())?;
        let (headers, redirects) =
            (rules_file(&root, "_headers")?, rules_file(&root, "_redirects")?);
        Ok(Walked { source: Self { root, index }, headers, redirects, warnings })
    }
}

impl FolderSource {
    /// The paths of all files, in their order, for who uploads them.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.index.paths()
    }
}

impl AssetSource for FolderSource {
    fn find(&self, path: &str) -> Option<&Asset> {
        self.index.find(path)
    }

    fn open(&self, path: &str) -> io::Result<Opened> {
        let known = self.index.find(path).ok_or(io::ErrorKind::NotFound)?;
        let relative = path.trim_start_matches('/');
        let (file, facts) = open_below(&self.root, relative)?;
        let asset = asset(relative, &facts, known.content_type.clone());
        Ok(Opened { asset, content: Box::new(file) })
    }

    fn count(&self) -> usize {
        self.index.len()
    }
}

/// Opens a file below a folder, which may have become something else since it was
/// found: a link out of the folder, a pipe, too large.
fn open_below(root: &Path, relative: &str) -> io::Result<(File, Metadata)> {
    let path = root.join(relative).canonicalize()?;
    if !path.starts_with(root) {
        return Err(io::ErrorKind::NotFound.into());
    }
    let file = File::options()
        .read(true)
        // A link that was put there meanwhile is not followed, a pipe not waited for.
        .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK)
        .open(path)?;
    let facts = file.metadata()?;
    if !facts.is_file() {
        return Err(io::ErrorKind::NotFound.into());
    }
    if facts.len() > MAX_ASSET_BYTES {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "the file became too large"));
    }
    Ok((file, facts))
}

fn asset(relative: &str, facts: &Metadata, content_type: Option<std::sync::Arc<str>>) -> Asset {
    let hash = AssetHash::of_facts(&[
        relative.as_bytes(),
        &facts.len().to_le_bytes(),
        &facts.mtime().to_le_bytes(),
        &facts.mtime_nsec().to_le_bytes(),
    ]);
    Asset { hash, size: facts.len(), content_type }
}

/// The text of a file that says how to serve the others.
fn rules_file(root: &Path, name: &str) -> Result<Option<String>, Error> {
    let path = root.join(name);
    let read = || {
        let (file, facts) = open_below(root, name)?;
        if facts.len() > MAX_RULES_BYTES {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "it is larger than 1 MiB"));
        }
        io::read_to_string(file)
    };
    match read() {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(reason) => Err(io_error(&path, reason)),
    }
}

fn io_error(path: &Path, reason: io::Error) -> Error {
    Error::Io { path: path.display().to_string(), reason }
}

/// A walk that is under way.
struct Walk<'a> {
    root: &'a Path,
    patterns: Patterns,
    /// Whether `_worker.js` stops it.
    refuses_server_code: bool,
    files: Vec<(String, Asset, ())>,
    left_out: LeftOut,
}

impl Walk<'_> {
    fn run(&mut self) -> Result<(), Error> {
        let mut folders = vec![String::new()];
        while let Some(folder) = folders.pop() {
            let path = self.root.join(&folder);
            let entries = std::fs::read_dir(&path).map_err(|reason| io_error(&path, reason))?;
            for entry in entries {
                let entry = entry.map_err(|reason| io_error(&path, reason))?;
                let name = entry.file_name();
                let Some(name) = name.to_str() else {
                    self.left_out.no_text.add(&entry.path().display().to_string());
                    continue;
                };
                let relative = match folder.is_empty() {
                    true => name.to_owned(),
                    false => format!("{folder}/{name}"),
                };
                let kind = entry.file_type().map_err(|reason| io_error(&entry.path(), reason))?;
                if kind.is_dir() {
                    if self.takes(&relative, Kind::Folder)? {
                        folders.push(relative);
                    }
                } else if self.takes(&relative, Kind::File)? {
                    self.file(relative, kind.is_symlink())?;
                }
            }
        }
        Ok(())
    }

    /// Whether what is at this path is served, as far as its name says.
    fn takes(&mut self, relative: &str, kind: Kind) -> Result<bool, Error> {
        if self.patterns.leaves_out(relative, kind) {
            let name = relative.rsplit('/').next().unwrap_or(relative);
            if name.starts_with('.') && relative != ".assetsignore" {
                self.left_out.hidden.add(relative);
            }
            return Ok(false);
        }
        if self.refuses_server_code && relative.starts_with("_worker.js") {
            return Err(Error::ServerCode(self.root.join(relative).display().to_string()));
        }
        Ok(true)
    }

    /// Takes a file or a link to one.
    fn file(&mut self, relative: String, is_link: bool) -> Result<(), Error> {
        let path = self.root.join(&relative);
        let facts = match is_link {
            false => path.symlink_metadata(),
            true => match self.behind_link(&path) {
                Some(facts) => Ok(facts),
                None => {
                    self.left_out.links.add(&relative);
                    return Ok(());
                }
            },
        };
        let facts = match facts {
            Ok(facts) => facts,
            // It went away while we walked.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(reason) => return Err(io_error(&path, reason)),
        };
        if !facts.is_file() {
            self.left_out.others.add(&relative);
            return Ok(());
        }
        if facts.len() > MAX_ASSET_BYTES {
            return Err(Error::TooLarge { path: path.display().to_string(), size: facts.len() });
        }
        if self.files.len() >= MAX_ASSETS {
            return Err(Error::TooMany(self.root.display().to_string()));
        }
        let asset = asset(&relative, &facts, content_type(&relative));
        self.files.push((format!("/{relative}"), asset, ()));
        Ok(())
    }

    /// What a link leads to, if that is a file that would be served as well.
    fn behind_link(&self, link: &Path) -> Option<Metadata> {
        let target = link.canonicalize().ok()?;
        let relative = target.strip_prefix(self.root).ok()?.to_str()?;
        if self.patterns.leaves_out_deep(relative) {
            return None;
        }
        target.symlink_metadata().ok().filter(Metadata::is_file)
    }
}

/// What is not served, and the user may not expect.
#[derive(Default)]
struct LeftOut {
    hidden: Names,
    links: Names,
    no_text: Names,
    others: Names,
}

/// How many there are, and the first few.
#[derive(Default)]
struct Names {
    count: usize,
    first: Vec<String>,
}

impl Names {
    fn add(&mut self, name: &str) {
        self.count += 1;
        if self.first.len() < NAMED {
            self.first.push(name.to_owned());
        }
    }
}

impl LeftOut {
    fn warnings(self) -> Vec<String> {
        let all = [
            (
                self.hidden,
                "names that begin with a dot are not served; a line such as `!.name` in \
                 `.assetsignore` serves one",
            ),
            (
                self.links,
                "links that lead out of the folder, to no file or to what is left out are not served",
            ),
            (self.no_text, "names that are not UTF-8 are not served"),
            (self.others, "what is no file is not served"),
        ];
        let told = |(names, what): (Names, &str)| {
            let more = match names.count - names.first.len() {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            format!("assets: {what}: {}{more}", names.first.join(", "))
        };
        all.into_iter().filter(|(names, _)| names.count > 0).map(told).collect()
    }
}
