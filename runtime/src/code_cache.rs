//! V8's compiled code on disk, so that a Worker that starts again is not
//! compiled again. Anything may be deleted at any time; what does not fit is
//! compiled as if it were not there.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use deno_core::v8;

/// A folder of compiled code, one file per source text and V8 version.
#[derive(Debug, Clone)]
pub struct CodeCache {
    folder: PathBuf,
}

impl CodeCache {
    /// Keeps compiled code in this folder, which is made when it is needed.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    /// A hash of the source and of all that its compiled form depends on.
    pub(crate) fn key(source: &str) -> blake3::Hash {
        let mut hasher = blake3::Hasher::new();
        hasher.update(v8::V8::get_version().as_bytes());
        hasher.update(env!("CARGO_PKG_VERSION").as_bytes());
        hasher.update(source.as_bytes());
        hasher.finalize()
    }

    fn path(&self, key: &blake3::Hash) -> PathBuf {
        let name = key.to_hex();
        self.folder.join(&name[..2]).join(&name[2..])
    }

    pub(crate) fn get(&self, key: &blake3::Hash) -> Option<Cow<'static, [u8]>> {
        let stored = std::fs::read(self.path(key)).ok()?;
        // The first 32 bytes are the hash of the rest: a torn file is no file.
        let (sum, code) = stored.split_at_checked(blake3::OUT_LEN)?;
        (blake3::hash(code).as_bytes() == sum).then(|| Cow::Owned(code.to_vec()))
    }

    pub(crate) fn put(&self, key: &blake3::Hash, code: &[u8]) {
        let path = self.path(key);
        if let Err(error) = Self::write(&path, code) {
            tracing::debug!(path = %path.display(), %error, "compiled code not kept");
        }
    }

    fn write(path: &Path, code: &[u8]) -> std::io::Result<()> {
        let folder = path.parent().expect("the path of an entry has a folder");
        std::fs::create_dir_all(folder)?;
        let mut bytes = blake3::hash(code).as_bytes().to_vec();
        bytes.extend_from_slice(code);
        let unique = format!("{}.{:?}.tmp", std::process::id(), std::thread::current().id());
        let part = path.with_extension(unique);
        std::fs::write(&part, bytes)?;
        std::fs::rename(&part, path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_torn_file_counts_as_missing() {
        let folder = std::env::temp_dir().join(format!("selvedge-cache-{}", std::process::id()));
        let cache = CodeCache::new(&folder);
        let key = CodeCache::key("export default 1");
        assert!(cache.get(&key).is_none());
        cache.put(&key, b"compiled");
        assert_eq!(cache.get(&key).as_deref(), Some(&b"compiled"[..]));
        std::fs::write(cache.path(&key), b"comp").expect("the entry can be overwritten");
        assert!(cache.get(&key).is_none());
        std::fs::remove_dir_all(&folder).expect("the folder can be removed");
    }
}
