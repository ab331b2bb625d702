//! Taking a body: piece by piece into a file, hashed on the way.

use std::fs::File;
use std::io::Write as _;
use std::sync::Arc;

use aws_lc_rs::digest;
use bytes::{Bytes, BytesMut};
use md5::{Digest as _, Md5};
use tokio::task::JoinHandle;

use super::bucket::Shared;
use super::files::NewBlob;
use crate::Error;
use crate::object::{Checksums, hex};
use crate::rules::{Refusal, check_size};

/// What is written, and hashed, in one go: 512 KiB.
const BLOCK_BYTES: usize = 512 * 1024;

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
    block: BytesMut,
    state: State,
}

#[derive(Debug)]
enum State {
    New,
    /// One block is written while the next one comes in.
    Busy(JoinHandle<Result<Box<Sink>, Error>>),
    Failed,
}

#[derive(Debug)]
struct Sink {
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
        Self { shared, expected, size: 0, block: BytesMut::new(), state: State::New }
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
            if self.block.is_empty() && piece.len() >= BLOCK_BYTES {
                let block = piece.split_to(BLOCK_BYTES);
                self.flush(block).await?;
                continue;
            }
            let room = BLOCK_BYTES - self.block.len();
            let part = piece.split_to(room.min(piece.len()));
            self.block.extend_from_slice(&part);
            if self.block.len() == BLOCK_BYTES {
                let block = self.block.split().freeze();
                self.flush(block).await?;
            }
        }
        Ok(())
    }

    async fn flush(&mut self, block: Bytes) -> Result<(), Error> {
        let mut sink = self.sink().await?;
        self.state = State::Busy(tokio::task::spawn_blocking(move || {
            sink.hashes.update(&block);
            sink.file.write_all(&block).map_err(|error| sink.blob.failed(&error))?;
            Ok(sink)
        }));
        Ok(())
    }

    async fn sink(&mut self) -> Result<Box<Sink>, Error> {
        match std::mem::replace(&mut self.state, State::Failed) {
            State::New => {
                let epoch = self.shared.epoch().await?;
                let shared = self.shared.clone();
                let hashes = Hashes::new(&self.expected);
                let made = tokio::task::spawn_blocking(move || {
                    let (blob, file) = shared.files.create(epoch)?;
                    Ok(Box::new(Sink { blob, file, hashes }))
                });
                joined(made).await
            }
            State::Busy(busy) => joined(busy).await,
            State::Failed => Err(internal("a body that failed goes on")),
        }
    }

    /// The whole body is here: writes what is left, syncs it, compares hashes.
    pub(super) async fn finish(mut self) -> Result<Written, Error> {
        if self.expected.length.is_some_and(|length| self.size != length) {
            return Err(Refusal::wrong_length().into());
        }
        let rest = std::mem::take(&mut self.block).freeze();
        let mut sink = self.sink().await?;
        let (size, expected) = (self.size, std::mem::take(&mut self.expected));
        joined(tokio::task::spawn_blocking(move || {
            sink.hashes.update(&rest);
            let Sink { blob, mut file, hashes } = *sink;
            let failed = |error: std::io::Error| blob.failed(&error);
            file.write_all(&rest).map_err(failed)?;
            let (checksums, md5) = hashes.finish(&expected)?;
            file.sync_data().map_err(failed)?;
            drop(file);
            blob.sync_name()?;
            Ok(Written { blob, size, checksums, md5 })
        }))
        .await
    }
}

async fn joined<T>(handle: JoinHandle<Result<T, Error>>) -> Result<T, Error> {
    handle.await.map_err(|error| internal(&format!("a body was not written: {error}")))?
}

fn internal(text: &str) -> Error {
    Error::Storage(selvedge_storage::Error::Internal(text.to_owned()))
}

/// MD5, which every object has, and one that was asked for.
struct Hashes {
    md5: Md5,
    sha: Vec<(Algorithm, digest::Context)>,
}

impl std::fmt::Debug for Hashes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hashes").field("sha", &self.sha.len()).finish_non_exhaustive()
    }
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
        Self { md5: Md5::new(), sha }
    }

    fn update(&mut self, bytes: &[u8]) {
        self.md5.update(bytes);
        for (_, context) in &mut self.sha {
            context.update(bytes);
        }
    }

    fn finish(self, expected: &Expected) -> Result<(Checksums, String), Error> {
        let md5 = hex(&self.md5.finalize());
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
