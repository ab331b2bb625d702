//! Taking a body: piece by piece into a file, hashed on the way. One block is written
//! and hashed while the next one comes in.

use std::fs::File;
use std::io::{self, IoSlice, Write as _};
use std::sync::Arc;

use aws_lc_rs::digest;
use bytes::{Bytes, BytesMut};
use futures::future::BoxFuture;
use tokio::task::JoinHandle;

use super::bucket::Shared;
use super::files::NewBlob;
use super::md5::Md5;
use crate::Error;
use crate::object::{Checksums, hex};
use crate::rules::{Refusal, check_size};

/// What is written, and hashed, in one go: 512 KiB.
const BLOCK_BYTES: usize = 512 * 1024;
/// Pieces from here on are not copied: 16 KiB.
const LARGE_BYTES: usize = 16 * 1024;

/// What a body must be, as far as it was said: hashes in bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Expected {
    pub length: Option<u64>,
    pub md5: Option<Vec<u8>>,
    pub sha1: Option<Vec<u8>>,
    pub sha256: Option<Vec<u8>>,
    pub sha384: Option<Vec<u8>>,
    pub sha512: Option<Vec<u8>>,
}

/// Takes a body. Nothing of it can be seen before it is put to use; dropping this
/// forgets it.
#[derive(Debug)]
pub struct BodyWriter {
    shared: Arc<Shared>,
    expected: Expected,
    size: u64,
    block: Block,
    state: State,
}

/// What came and is not written yet.
#[derive(Debug, Default)]
struct Block {
    pieces: Vec<Bytes>,
    /// Small pieces, put together.
    small: BytesMut,
    /// Of all.
    bytes: usize,
}

impl Block {
    fn push(&mut self, piece: Bytes) {
        self.bytes += piece.len();
        if piece.len() >= LARGE_BYTES {
            self.close();
            self.pieces.push(piece);
        } else {
            self.small.extend_from_slice(&piece);
        }
    }

    fn close(&mut self) {
        if !self.small.is_empty() {
            self.pieces.push(self.small.split().freeze());
        }
    }

    fn take(&mut self) -> Vec<Bytes> {
        self.close();
        self.bytes = 0;
        std::mem::take(&mut self.pieces)
    }
}

enum State {
    New,
    /// What the last block is made part of.
    Busy(BoxFuture<'static, Result<Sink, Error>>),
    Failed,
}

/// Where blocks go.
struct Sink {
    file: Box<Unfinished>,
    md5: Md5,
}

struct Unfinished {
    blob: NewBlob,
    file: File,
    hashes: Hashes,
}

/// A body that is on disk.
#[derive(Debug)]
pub(super) struct Written {
    pub(super) blob: NewBlob,
    pub(super) size: u64,
    pub(super) checksums: Checksums,
    /// The MD5 in hexadecimal digits.
    pub(super) md5: String,
}

impl BodyWriter {
    pub(super) fn new(shared: Arc<Shared>, expected: Expected) -> Self {
        Self { shared, expected, size: 0, block: Block::default(), state: State::New }
    }

    /// How many bytes came.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Adds a piece, of any size.
    ///
    /// # Errors
    /// When the body gets too long, or the disk is full.
    pub async fn write(&mut self, mut piece: Bytes) -> Result<(), Error> {
        self.size += piece.len() as u64;
        check_size(self.size)?;
        if self.expected.length.is_some_and(|length| self.size > length) {
            return Err(Refusal::wrong_length().into());
        }
        while !piece.is_empty() {
            let room = BLOCK_BYTES - self.block.bytes;
            self.block.push(piece.split_to(room.min(piece.len())));
            if self.block.bytes == BLOCK_BYTES {
                let block = self.block.take();
                self.flush(block).await?;
            }
        }
        Ok(())
    }

    async fn flush(&mut self, block: Vec<Bytes>) -> Result<(), Error> {
        let Sink { mut file, md5 } = self.sink().await?;
        let md5 = md5.update(block.clone());
        let written = tokio::task::spawn_blocking(move || {
            file.write(&block)?;
            Ok(file)
        });
        self.state = State::Busy(Box::pin(async move {
            let (file, md5) = both(written, md5).await?;
            Ok(Sink { file, md5 })
        }));
        Ok(())
    }

    async fn sink(&mut self) -> Result<Sink, Error> {
        match std::mem::replace(&mut self.state, State::Failed) {
            State::New => {
                let epoch = self.shared.epoch().await?;
                let shared = self.shared.clone();
                let hashes = Hashes::new(&self.expected);
                let made = tokio::task::spawn_blocking(move || {
                    let (blob, file) = shared.files.create(epoch)?;
                    Ok(Box::new(Unfinished { blob, file, hashes }))
                });
                Ok(Sink { file: joined(made).await?, md5: Md5::default() })
            }
            State::Busy(busy) => busy.await,
            State::Failed => Err(internal("a body that failed goes on")),
        }
    }

    /// The whole body is here: writes what is left, syncs it, compares hashes.
    pub(super) async fn finish(mut self) -> Result<Written, Error> {
        if self.expected.length.is_some_and(|length| self.size != length) {
            return Err(Refusal::wrong_length().into());
        }
        let rest = self.block.take();
        let Sink { mut file, md5 } = self.sink().await?;
        let md5 = md5.update(rest.clone());
        let synced = tokio::task::spawn_blocking(move || {
            file.write(&rest)?;
            file.sync()
        });
        let ((blob, hashes), md5) = both(synced, md5).await?;
        let (checksums, md5) = hashes.finish(&md5, &self.expected)?;
        Ok(Written { blob, size: self.size, checksums, md5 })
    }
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::New => "New",
            Self::Busy(_) => "Busy",
            Self::Failed => "Failed",
        })
    }
}

impl Unfinished {
    /// Adds a block. Blocks.
    fn write(&mut self, block: &[Bytes]) -> Result<(), Error> {
        for piece in block {
            self.hashes.update(piece);
        }
        write_all(&mut self.file, block).map_err(|error| self.blob.failed(&error))
    }

    /// All of it is on disk when this returns. Blocks.
    fn sync(self) -> Result<(NewBlob, Hashes), Error> {
        let Self { blob, file, hashes } = self;
        file.sync_data().map_err(|error| blob.failed(&error))?;
        drop(file);
        blob.sync_name()?;
        Ok((blob, hashes))
    }
}

/// Writes pieces, with one system call if the system takes them.
fn write_all(file: &mut File, pieces: &[Bytes]) -> io::Result<()> {
    let mut slices: Vec<_> = pieces.iter().map(|piece| IoSlice::new(piece)).collect();
    let mut left = &mut slices[..];
    // Some systems say that they wrote none of no bytes.
    IoSlice::advance_slices(&mut left, 0);
    while !left.is_empty() {
        match file.write_vectored(left) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => IoSlice::advance_slices(&mut left, written),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// A block is written and hashed at the same time.
async fn both<T>(
    written: JoinHandle<Result<T, Error>>,
    hashed: impl Future<Output = Option<Md5>>,
) -> Result<(T, Md5), Error> {
    let (written, hashed) = tokio::join!(joined(written), hashed);
    Ok((written?, hashed.ok_or_else(|| internal("a body was not hashed"))?))
}

async fn joined<T>(handle: JoinHandle<Result<T, Error>>) -> Result<T, Error> {
    handle.await.map_err(|error| internal(&format!("a body was not written: {error}")))?
}

fn internal(text: &str) -> Error {
    Error::Storage(selvedge_storage::Error::Internal(text.to_owned()))
}

/// The hashes that were asked for, beside the MD5 that every object has.
struct Hashes {
    sha: Vec<(Algorithm, digest::Context)>,
}

#[derive(Debug, Clone, Copy)]
struct Algorithm {
    name: &'static str,
    of: fn(&Expected) -> Option<&Vec<u8>>,
    algorithm: &'static digest::Algorithm,
    slot: fn(&mut Checksums) -> &mut Option<String>,
}

const SHA: [Algorithm; 4] = [
    Algorithm {
        name: "SHA-1",
        of: |expected| expected.sha1.as_ref(),
        algorithm: &digest::SHA1_FOR_LEGACY_USE_ONLY,
        slot: |checksums| &mut checksums.sha1,
    },
    Algorithm {
        name: "SHA-256",
        of: |expected| expected.sha256.as_ref(),
        algorithm: &digest::SHA256,
        slot: |checksums| &mut checksums.sha256,
    },
    Algorithm {
        name: "SHA-384",
        of: |expected| expected.sha384.as_ref(),
        algorithm: &digest::SHA384,
        slot: |checksums| &mut checksums.sha384,
    },
    Algorithm {
        name: "SHA-512",
        of: |expected| expected.sha512.as_ref(),
        algorithm: &digest::SHA512,
        slot: |checksums| &mut checksums.sha512,
    },
];

impl Hashes {
    fn new(expected: &Expected) -> Self {
        let asked = SHA.into_iter().filter(|sha| (sha.of)(expected).is_some());
        let sha = asked.map(|sha| (sha, digest::Context::new(sha.algorithm))).collect();
        Self { sha }
    }

    fn update(&mut self, bytes: &[u8]) {
        for (_, context) in &mut self.sha {
            context.update(bytes);
        }
    }

    fn finish(self, md5: &Md5, expected: &Expected) -> Result<(Checksums, String), Error> {
        let md5 = hex(&md5.finish());
        compare("MD5", expected.md5.as_ref(), &md5)?;
        let mut checksums = Checksums { md5: Some(md5.clone()), ..Checksums::default() };
        for (sha, context) in self.sha {
            let actual = hex(context.finish().as_ref());
            compare(sha.name, (sha.of)(expected), &actual)?;
            *(sha.slot)(&mut checksums) = Some(actual);
        }
        Ok((checksums, md5))
    }
}

fn compare(name: &str, given: Option<&Vec<u8>>, actual: &str) -> Result<(), Refusal> {
    match given.map(|given| hex(given)) {
        Some(given) if given != actual => Err(Refusal::bad_digest(name, &given, actual)),
        _ => Ok(()),
    }
}
