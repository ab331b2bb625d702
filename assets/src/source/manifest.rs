//! Assets of a deployed Worker: a list of paths, and contents as files by hash.

use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use super::index::Index;
use super::{Asset, AssetSource, Error, MAX_ASSET_BYTES, Opened};
use crate::content_type::content_type;
use crate::hash::AssetHash;

/// One asset of a manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManifestEntry {
    /// The hash that the client gave the content.
    pub hash: AssetHash,
    /// What the content is stored under: its BLAKE3.
    pub blob: [u8; 32],
    /// In bytes.
    pub size: u64,
    /// The `Content-Type` that came with the upload. Absent: what the path's
    /// extension says. Empty: none.
    pub content_type: Option<String>,
}

/// The assets of a manifest. The content of a blob `abcdef..` is the file
/// `ab/abcdef..` of a folder: versions share what they have in common.
#[derive(Debug)]
pub struct ManifestSource {
    blobs: PathBuf,
    index: Index<[u8; 32]>,
}

impl ManifestSource {
    /// The assets of this manifest, whose contents are in the folder `blobs`.
    /// Paths begin with `/` and are not encoded, as wrangler sends them. That the
    /// contents are there is not asked: what is missing is an error when it is
    /// opened.
    ///
    /// # Errors
    /// When there are too many assets, one is too large, or paths are not valid.
    pub fn new(
        blobs: impl Into<PathBuf>,
        entries: impl IntoIterator<Item = (String, ManifestEntry)>,
    ) -> Result<Self, Error> {
        let mut assets = Vec::new();
        for (path, entry) in entries {
            if entry.size > MAX_ASSET_BYTES {
                return Err(Error::TooLarge { path, size: entry.size });
            }
            let content_type = match entry.content_type {
                None => content_type(&path),
                Some(given) if given.is_empty() => None,
                // The types of the table are there once for all.
                Some(given) => Some(
                    content_type(&path)
                        .filter(|known| **known == *given)
                        .unwrap_or_else(|| Arc::from(given)),
                ),
            };
            let asset = Asset { hash: entry.hash, size: entry.size, content_type };
            assets.push((path, asset, entry.blob));
        }
        Ok(Self { blobs: blobs.into(), index: Index::new(assets, "the manifest")? })
    }

    fn file(&self, blob: &[u8; 32]) -> PathBuf {
        let name = blake3::Hash::from_bytes(*blob).to_hex();
        self.blobs.join(&name[..2]).join(name.as_str())
    }
}

impl AssetSource for ManifestSource {
    fn find(&self, path: &str) -> Option<&Asset> {
        self.index.find(path)
    }

    fn open(&self, path: &str) -> io::Result<Opened> {
        let (asset, blob) = self.index.find_with(path).ok_or(io::ErrorKind::NotFound)?;
        let file = File::open(self.file(blob))?;
        let size = file.metadata()?.len();
        if size != asset.size {
            let reason = format!("{path} has {size} bytes, not {}", asset.size);
            return Err(io::Error::new(io::ErrorKind::InvalidData, reason));
        }
        Ok(Opened { asset: asset.clone(), content: Box::new(file) })
    }

    fn count(&self) -> usize {
        self.index.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::MAX_ASSETS;
    use crate::source::contract::{self, read};

    fn entry(content: &[u8], path: &str) -> ManifestEntry {
        ManifestEntry {
            hash: AssetHash::of_upload(content, path),
            blob: *blake3::hash(content).as_bytes(),
            size: content.len() as u64,
            content_type: None,
        }
    }

    /// A source of these files.
    fn source(folder: &std::path::Path, files: &[(&str, &[u8])]) -> ManifestSource {
        let entries =
            files.iter().map(|(path, content)| ((*path).to_owned(), entry(content, path)));
        let source = ManifestSource::new(folder, entries).expect("it is valid");
        for (_, content) in files {
            let file = source.file(blake3::hash(content).as_bytes());
            std::fs::create_dir_all(file.parent().expect("a folder")).expect("it can be made");
            std::fs::write(file, content).expect("it can be written");
        }
        source
    }

    #[test]
    fn it_keeps_the_contract() {
        contract::check(|files| {
            let folder = tempfile::tempdir().expect("a folder");
            let source = source(folder.path(), files);
            (folder, Box::new(source))
        });
    }

    #[test]
    fn contents_are_files_by_their_hash() {
        let folder = tempfile::tempdir().expect("a folder");
        let source = source(folder.path(), &[("/a.txt", b"A"), ("/b.txt", b"A")]);
        let name = blake3::hash(b"A").to_hex();
        let path = folder.path().join(&name[..2]).join(name.as_str());
        assert_eq!(std::fs::read(&path).expect("the content"), b"A");
        assert_eq!(read(&source.open("/b.txt").expect("it is there"), 0, 9), b"A");
    }

    #[test]
    fn a_missing_or_cut_content_is_an_error() {
        let folder = tempfile::tempdir().expect("a folder");
        let source = source(folder.path(), &[("/a.txt", b"content"), ("/b.txt", b"other")]);
        let file = |content: &[u8]| source.file(blake3::hash(content).as_bytes());
        std::fs::remove_file(file(b"content")).expect("it was there");
        let error = source.open("/a.txt").err().expect("it is gone");
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
        std::fs::write(file(b"other"), "ot").expect("it can be written");
        let error = source.open("/b.txt").err().expect("it is cut");
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    }

    #[test]
    fn types_are_given_or_told_by_the_extension() {
        let mut html = entry(b"x", "/a.html");
        html.content_type = Some("text/html; charset=latin1".into());
        let mut none = entry(b"x", "/b.html");
        none.content_type = Some(String::new());
        let entries = [("/a.html", html), ("/b.html", none), ("/c.html", entry(b"x", "/c.html"))];
        let entries = entries.map(|(path, entry)| (path.to_owned(), entry));
        let source = ManifestSource::new("/nowhere", entries).expect("valid");
        let of = |path| source.find(path).expect("it is there").content_type.as_deref();
        assert_eq!(of("/a.html"), Some("text/html; charset=latin1"));
        assert_eq!(of("/b.html"), None);
        assert_eq!(of("/c.html"), Some("text/html; charset=utf-8"));
    }

    #[test]
    fn what_is_too_much_or_no_path_is_refused() {
        let make = |entries: Vec<(String, ManifestEntry)>| {
            ManifestSource::new("/nowhere", entries).map(|source| source.count())
        };
        let one = entry(b"", "/a");
        let large = ManifestEntry { size: MAX_ASSET_BYTES + 1, ..one.clone() };
        assert!(matches!(make(vec![("/a".into(), large)]), Err(Error::TooLarge { .. })));
        assert!(matches!(make(vec![("a".into(), one.clone())]), Err(Error::Path(_))));
        let twice = vec![("/a".into(), one.clone()), ("/a".into(), one.clone())];
        assert!(matches!(make(twice), Err(Error::Twice(_))));
        let many = |count: usize| (0..count).map(|n| (format!("/{n}"), one.clone())).collect();
        assert!(matches!(make(many(MAX_ASSETS)), Ok(MAX_ASSETS)));
        assert!(matches!(make(many(MAX_ASSETS + 1)), Err(Error::TooMany(_))));
    }
}
