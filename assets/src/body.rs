//! The body of a response that comes from a file, piece by piece.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use selvedge_runtime::{BodyError, BodySource};
use tokio::task::JoinHandle;

use crate::source::ReadAt;

/// Bytes of a piece: 128 KiB.
const PIECE_BYTES: u64 = 128 * 1024;

/// A part of a content. Pieces are read on the event loop's blocking threads, one
/// at a time, when they are asked for.
pub(crate) struct FileBody {
    content: Arc<dyn ReadAt>,
    at: u64,
    end: u64,
    reading: Option<JoinHandle<std::io::Result<Vec<u8>>>>,
}

impl FileBody {
    /// The bytes from `begin` to before `end`.
    pub(crate) fn new(content: Arc<dyn ReadAt>, begin: u64, end: u64) -> Self {
        Self { content, at: begin, end, reading: None }
    }

    fn read(&self) -> JoinHandle<std::io::Result<Vec<u8>>> {
        let (content, at) = (self.content.clone(), self.at);
        let mut piece = vec![0; (self.end - at).min(PIECE_BYTES) as usize];
        tokio::task::spawn_blocking(move || {
            let count = content.read_at(&mut piece, at)?;
            piece.truncate(count);
            Ok(piece)
        })
    }
}

impl BodySource for FileBody {
    fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, BodyError>>> {
        if self.at >= self.end {
            return Poll::Ready(None);
        }
        let mut reading = self.reading.take().unwrap_or_else(|| self.read());
        let Poll::Ready(read) = Pin::new(&mut reading).poll(cx) else {
            self.reading = Some(reading);
            return Poll::Pending;
        };
        let broken = |reason: String| {
            tracing::warn!(reason, "an asset cannot be read");
            Some(Err(BodyError::Invalid("The asset cannot be read.".to_owned())))
        };
        Poll::Ready(match read {
            // It became shorter: the client must see that this is not all.
            Ok(Ok(piece)) if piece.is_empty() => {
                self.at = self.end;
                broken("its file is shorter than it was".to_owned())
            }
            Ok(Ok(piece)) => {
                self.at += piece.len() as u64;
                Some(Ok(piece.into()))
            }
            Ok(Err(error)) => broken(error.to_string()),
            Err(error) => broken(error.to_string()),
        })
    }

    fn length(&self) -> Option<u64> {
        Some(self.end - self.at)
    }
}
