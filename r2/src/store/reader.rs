//! Reading a body: whole when it is small, else block by block.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use selvedge_storage::failure::io_failure;
use tokio::task::JoinHandle;

use super::files::{BlobId, Files, Pins};
use crate::Error;
use crate::rules::Slice;

/// A body up to this size is read at once, on the caller's thread: 64 KiB.
pub(super) const WHOLE_BYTES: u64 = 64 * 1024;
/// What is read in one go: 512 KiB.
const BLOCK_BYTES: u64 = 512 * 1024;

/// A body, or a part of it.
#[derive(Debug)]
pub enum Body {
    Whole(Bytes),
    Pieces(BodyReader),
}

impl Body {
    /// Its length in bytes.
    pub fn length(&self) -> u64 {
        match self {
            Self::Whole(bytes) => bytes.len() as u64,
            Self::Pieces(reader) => reader.length,
        }
    }

    /// The next piece; `None` at the end.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub async fn next(&mut self) -> Result<Option<Bytes>, Error> {
        match self {
            Self::Whole(bytes) => {
                let all = std::mem::take(bytes);
                Ok((!all.is_empty()).then_some(all))
            }
            Self::Pieces(reader) => reader.next().await,
        }
    }
}

/// A file of a body, and how much of it is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Piece {
    path: PathBuf,
    slice: Slice,
}

/// Reads a body, which stays as it was when it was found, whatever becomes of
/// the object. One block is read ahead.
#[derive(Debug)]
pub struct BodyReader {
    length: u64,
    source: Option<Source>,
    ahead: Option<JoinHandle<Result<(Bytes, Source), Error>>>,
}

/// Where the next block comes from.
#[derive(Debug)]
struct Source {
    /// Those that are not read yet, the last one first.
    pieces: Vec<Piece>,
    file: Option<File>,
    _pins: Arc<Pins>,
}

/// What of files is wanted for a slice of them all; sizes in bytes.
fn pieces(files: &Files, segments: &[(BlobId, u64)], slice: Slice) -> Vec<Piece> {
    let (mut begin, end) = (0_u64, slice.offset.saturating_add(slice.length));
    let mut pieces = Vec::new();
    for (id, size) in segments {
        let (from, to) = (slice.offset.max(begin), end.min(begin + size));
        if from < to {
            let slice = Slice { offset: from - begin, length: to - from };
            pieces.push(Piece { path: files.path(*id), slice });
        }
        begin += size;
    }
    pieces.reverse();
    pieces
}

/// The body of these files.
pub(super) fn body(
    files: &Files,
    segments: &[(BlobId, u64)],
    slice: Slice,
    pins: Pins,
) -> Result<Body, Error> {
    let pieces = pieces(files, segments, slice);
    let mut source = Source { pieces, file: None, _pins: Arc::new(pins) };
    if slice.length > WHOLE_BYTES {
        let reader = BodyReader { length: slice.length, source: Some(source), ahead: None };
        return Ok(Body::Pieces(reader));
    }
    let mut all = Vec::with_capacity(usize::try_from(slice.length).unwrap_or_default());
    while source.read(WHOLE_BYTES, &mut all)? {}
    Ok(Body::Whole(all.into()))
}

impl BodyReader {
    async fn next(&mut self) -> Result<Option<Bytes>, Error> {
        let block = match self.ahead.take() {
            Some(ahead) => ahead.await,
            None => match self.source.take().and_then(read_block) {
                Some(block) => block.await,
                None => return Ok(None),
            },
        };
        let broken = |error| {
            let text = format!("a body was not read: {error}");
            Error::Storage(selvedge_storage::Error::Internal(text))
        };
        let (bytes, source) = block.map_err(broken)??;
        self.ahead = read_block(source);
        Ok(Some(bytes))
    }
}

fn read_block(mut source: Source) -> Option<JoinHandle<Result<(Bytes, Source), Error>>> {
    let length = source.pieces.last()?.slice.length.min(BLOCK_BYTES);
    Some(tokio::task::spawn_blocking(move || {
        let mut block = Vec::with_capacity(usize::try_from(length).unwrap_or_default());
        source.read(BLOCK_BYTES, &mut block)?;
        Ok((block.into(), source))
    }))
}

impl Source {
    /// Reads up to so many bytes of one file; whether there was one. Blocks.
    fn read(&mut self, limit: u64, into: &mut Vec<u8>) -> Result<bool, Error> {
        let Some(piece) = self.pieces.last_mut() else { return Ok(false) };
        let fail = |error: std::io::Error| match error.kind() {
            std::io::ErrorKind::NotFound => {
                let text = format!("{} is missing", piece.path.display());
                Error::Storage(selvedge_storage::Error::Data(text))
            }
            _ => Error::Storage(io_failure(&piece.path, &error)),
        };
        let file = match &mut self.file {
            Some(file) => file,
            none => {
                let mut file = File::open(&piece.path).map_err(fail)?;
                file.seek(SeekFrom::Start(piece.slice.offset)).map_err(fail)?;
                none.insert(file)
            }
        };
        let wanted = piece.slice.length.min(limit);
        let read = file.take(wanted).read_to_end(into).map_err(fail)?;
        if (read as u64) < wanted {
            let text = format!("{} is shorter than it was", piece.path.display());
            return Err(Error::Storage(selvedge_storage::Error::Data(text)));
        }
        piece.slice.length -= wanted;
        if piece.slice.length == 0 {
            self.pieces.pop();
            self.file = None;
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn a_slice_touches_only_the_files_that_it_lies_in() {
        let files = Files::new(Path::new("/b"));
        let segments = [(1, 10), (2, 10), (3, 5)];
        let of = |offset, length| -> Vec<(PathBuf, u64, u64)> {
            let pieces = pieces(&files, &segments, Slice { offset, length });
            let all = pieces.into_iter().rev();
            all.map(|piece| (piece.path, piece.slice.offset, piece.slice.length)).collect()
        };
        let path = |id| files.path(id);
        assert_eq!(of(0, 25), [(path(1), 0, 10), (path(2), 0, 10), (path(3), 0, 5)]);
        assert_eq!(of(9, 2), [(path(1), 9, 1), (path(2), 0, 1)]);
        assert_eq!(of(10, 10), [(path(2), 0, 10)]);
        assert_eq!(of(24, 1), [(path(3), 4, 1)]);
        assert_eq!(of(0, 0), []);
    }
}
