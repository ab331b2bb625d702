//! The file of an entry: a fixed head, the facts as JSON, the headers, the body.

use std::fs::File;
use std::io::{Error, ErrorKind, Read, Result, Seek, SeekFrom, Write};
use std::path::Path;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use selvedge_runtime::body::{BodyError, BodySource};
use selvedge_runtime::headers::HeaderBlobBuf;
use tokio::task::JoinHandle;

use crate::entry::{Body, Entry, Key, Meta};
use crate::range::Range;

/// What each file begins with; another layout gets another one.
const MAGIC: &[u8; 8] = b"SLVCACH1";
/// The magic, the lengths of facts, headers and body.
const HEAD_BYTES: usize = 24;
/// Facts and headers of a response are smaller than this.
const MOST_HEAD_BYTES: u32 = 1024 * 1024;
/// What is read of a body at once.
const PIECE_BYTES: usize = 256 * 1024;

/// What stands before the body.
pub(super) fn head(meta: &Meta, headers: &[u8], body: u64) -> Vec<u8> {
    let facts = serde_json::to_vec(meta).unwrap_or_default();
    let mut head = Vec::with_capacity(HEAD_BYTES + facts.len() + headers.len());
    head.extend_from_slice(MAGIC);
    head.extend_from_slice(&(facts.len() as u32).to_le_bytes());
    head.extend_from_slice(&(headers.len() as u32).to_le_bytes());
    head.extend_from_slice(&body.to_le_bytes());
    head.extend_from_slice(&facts);
    head.extend_from_slice(headers);
    head
}

/// Tells the length of the body, once it is known.
pub(super) fn set_length(file: &mut File, body: u64) -> Result<()> {
    file.seek(SeekFrom::Start(16))?;
    file.write_all(&body.to_le_bytes())
}

/// Reads an entry, with its body if that has at most so many bytes.
pub(super) fn read(path: &Path, most: u64) -> Result<Entry> {
    let mut file = File::open(path)?;
    let mut head = [0; HEAD_BYTES];
    file.read_exact(&mut head)?;
    let damaged = |what| Error::new(ErrorKind::InvalidData, what);
    if &head[..8] != MAGIC {
        return Err(damaged("not a cached response"));
    }
    let word = |at: usize| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
    let (facts, headers) = (word(8), word(12));
    let length = u64::from(word(16)) | u64::from(word(20)) << 32;
    if facts > MOST_HEAD_BYTES || headers > MOST_HEAD_BYTES {
        return Err(damaged("a head that is too long"));
    }
    let offset = HEAD_BYTES as u64 + u64::from(facts) + u64::from(headers);
    if file.metadata()?.len() != offset + length {
        return Err(damaged("a file of the wrong length"));
    }
    let mut text = vec![0; facts as usize];
    file.read_exact(&mut text)?;
    let meta: Meta = serde_json::from_slice(&text).map_err(|_| damaged("facts that are none"))?;
    let mut blob = vec![0; headers as usize];
    file.read_exact(&mut blob)?;
    let body = if length <= most {
        let mut bytes = vec![0; usize::try_from(length).unwrap_or_default()];
        file.read_exact(&mut bytes)?;
        Body::Memory(bytes.into())
    } else {
        Body::File { path: path.to_owned(), offset, length }
    };
    Ok(Entry::new(meta, HeaderBlobBuf::from_bytes(blob), body))
}

/// The length of an entry's file, about: facts of equal length.
pub(super) fn length(entry: &Entry) -> u64 {
    let facts = 256 + entry.meta.url.len() + entry.meta.status_text.len();
    (HEAD_BYTES + facts + entry.headers().0.len()) as u64 + entry.length()
}

/// The files of a cache with their lengths, newest first. What was left by a
/// process that was killed is removed.
pub(super) fn list(dir: &Path) -> Vec<(Key, u64)> {
    let mut found = Vec::new();
    let Ok(folders) = std::fs::read_dir(dir) else { return Vec::new() };
    for folder in folders.flatten() {
        let Ok(files) = std::fs::read_dir(folder.path()) else { continue };
        for file in files.flatten() {
            let Ok(facts) = file.metadata() else { continue };
            let name = file.file_name();
            match name.to_str().and_then(Key::from_hex) {
                Some(key) => {
                    let used = facts.accessed().or_else(|_| facts.modified()).ok();
                    found.push((used, key, facts.len()));
                }
                None if is_old(&facts) => drop(std::fs::remove_file(file.path())),
                None => {}
            }
        }
    }
    found.sort_by_key(|file| std::cmp::Reverse(file.0));
    found.into_iter().map(|(_, key, length)| (key, length)).collect()
}

/// Whether nobody writes a file any more.
fn is_old(facts: &std::fs::Metadata) -> bool {
    let age = facts.modified().ok().and_then(|time| time.elapsed().ok());
    age.is_some_and(|age| age.as_secs() > 3600)
}

/// Writes a small file anew; whoever reads it sees the old one or the new one.
pub(super) fn replace(dir: &Path, name: &str, content: &[u8]) -> Result<()> {
    std::fs::create_dir_all(dir)?;
    let temporary = dir.join(format!("{name}.new"));
    let mut file = File::create(&temporary)?;
    file.write_all(content)?;
    file.sync_data()?;
    std::fs::rename(temporary, dir.join(name))
}

/// Opens the body of an entry, or a part of it.
pub(super) async fn open(entry: &Entry, range: Option<Range>) -> Option<Box<dyn BodySource>> {
    let length = range.map_or(entry.length(), Range::length);
    let first = range.map_or(0, |range| range.first);
    match &entry.body {
        Body::Memory(_) => entry.ready_body(range),
        Body::File { path, offset, .. } => {
            let (path, at) = (path.clone(), offset + first);
            let opened = tokio::task::spawn_blocking(move || {
                let mut file = File::open(path)?;
                file.seek(SeekFrom::Start(at))?;
                Ok::<_, Error>(file)
            });
            let file = opened.await.ok()?.ok()?;
            Some(Box::new(FileBody { state: State::Idle(file), left: length, length }))
        }
    }
}

/// A body that is read from a file, piece by piece, on blocking threads.
struct FileBody {
    state: State,
    left: u64,
    length: u64,
}

enum State {
    Idle(File),
    Reading(JoinHandle<Result<(File, Bytes)>>),
    Over,
}

impl BodySource for FileBody {
    fn poll_chunk(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<std::result::Result<Bytes, BodyError>>> {
        loop {
            match &mut self.state {
                State::Over => return Poll::Ready(None),
                State::Idle(_) if self.left == 0 => self.state = State::Over,
                State::Idle(_) => {
                    let most = PIECE_BYTES.min(usize::try_from(self.left).unwrap_or(PIECE_BYTES));
                    let State::Idle(mut file) = std::mem::replace(&mut self.state, State::Over)
                    else {
                        return Poll::Ready(None);
                    };
                    let read = tokio::task::spawn_blocking(move || {
                        let mut bytes = vec![0; most];
                        file.read_exact(&mut bytes)?;
                        Ok((file, bytes.into()))
                    });
                    self.state = State::Reading(read);
                }
                State::Reading(read) => {
                    let done = ready!(std::pin::Pin::new(read).poll(cx));
                    return match done {
                        Ok(Ok((file, bytes))) => {
                            self.left -= bytes.len() as u64;
                            self.state = State::Idle(file);
                            Poll::Ready(Some(Ok(bytes)))
                        }
                        Ok(Err(_)) | Err(_) => {
                            self.state = State::Over;
                            Poll::Ready(Some(Err(BodyError::ConnectionLost)))
                        }
                    };
                }
            }
        }
    }

    fn length(&self) -> Option<u64> {
        Some(self.length)
    }
}
