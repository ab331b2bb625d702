//! Where assets come from. What answers requests knows this trait and no folder.

mod folder;
mod ignore;
mod index;
mod manifest;

#[cfg(test)]
mod contract;

use std::fmt::Debug;
use std::io;
use std::sync::Arc;

use crate::hash::AssetHash;

pub use folder::{FolderSource, Walked};
pub use manifest::{ManifestEntry, ManifestSource};

/// Assets of one Worker at most (as wrangler 4 has it).
pub const MAX_ASSETS: usize = 100_000;
/// Bytes of one asset at most: 25 MiB (as wrangler 4 has it).
pub const MAX_ASSET_BYTES: u64 = 25 * 1024 * 1024;

/// What is known of an asset without opening it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asset {
    /// Names the content: other content has another hash.
    pub hash: AssetHash,
    /// In bytes.
    pub size: u64,
    /// The `Content-Type`, if there is one.
    pub content_type: Option<Arc<str>>,
}

/// An asset that is open.
pub struct Opened {
    /// The asset as it is now; a folder's file may have changed since it was found.
    pub asset: Asset,
    /// Its content. What is replaced meanwhile stays as it was here.
    pub content: Box<dyn ReadAt>,
}

/// Content that is read from any place. Reading may wait for a disk.
pub trait ReadAt: Send + Sync {
    /// Fills as much of the buffer as there is content from `offset` on, and says
    /// how much that is.
    ///
    /// # Errors
    /// What the system says.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize>;
}

impl ReadAt for std::fs::File {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        let mut filled = 0;
        while filled < buffer.len() {
            let rest = &mut buffer[filled..];
            match std::os::unix::fs::FileExt::read_at(self, rest, offset + filled as u64) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(filled)
    }
}

/// The assets of one version of a Worker.
///
/// - Paths begin with `/` and are decoded: `/img/a b.png`. They are compared byte
///   by byte, so that `/../x` or `/A` find only what has exactly that name.
/// - Which assets there are does not change; a folder that changed is another
///   source. Only the content behind a path may.
pub trait AssetSource: Debug + Send + Sync {
    /// The asset at a path. It costs no system call.
    fn find(&self, path: &str) -> Option<&Asset>;

    /// Opens the asset at a path. It may wait for a disk.
    ///
    /// # Errors
    /// [`io::ErrorKind::NotFound`] when there is none, or no more; else what the
    /// system says.
    fn open(&self, path: &str) -> io::Result<Opened>;

    /// How many there are.
    fn count(&self) -> usize;
}

/// Why assets cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// One of them is larger than [`MAX_ASSET_BYTES`].
    #[error(
        "the asset {path} has {size} bytes; an asset may have at most 25 MiB ({MAX_ASSET_BYTES} bytes)"
    )]
    TooLarge {
        /// Where it is.
        path: String,
        /// In bytes.
        size: u64,
    },
    /// There are more than [`MAX_ASSETS`].
    #[error("there are more than {MAX_ASSETS} assets in {0}")]
    TooMany(String),
    /// What names an asset is not a path.
    #[error("\"{0}\" is no path of an asset: it must begin with \"/\"")]
    Path(String),
    /// Two assets have the same path.
    #[error("there are two assets at {0}")]
    Twice(String),
    /// The folder or a file of it cannot be read.
    #[error("cannot read {path}: {reason}")]
    Io {
        /// Which one.
        path: String,
        /// What the system says.
        reason: io::Error,
    },
    /// Server code that would be public.
    #[error(
        "{0} would be served as an asset, and may hold code that is not meant to be public; \
         remove it, or name it in a file `.assetsignore` in the folder of the assets (an empty \
         one serves it)"
    )]
    ServerCode(String),
}
