//! Keeping a response while its body comes.

use std::fs::File;
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::{Bytes, BytesMut};
use selvedge_runtime::headers::HeaderBlobBuf;

use super::{Cache, Error, file};
use crate::entry::{Body, Entry, Key, Meta};

/// Takes a body piece by piece. What is dropped before [`Writer::finish`] was
/// never there.
#[derive(Debug)]
pub struct Writer {
    cache: Arc<Cache>,
    key: Key,
    buffer: BytesMut,
    /// Where a large body goes to.
    spilled: Option<Spilled>,
    length: u64,
}

/// A file that is not in its place yet.
#[derive(Debug)]
struct Spilled {
    path: PathBuf,
    /// Absent while somebody writes to it.
    file: Option<File>,
    moved: bool,
}

impl Drop for Spilled {
    fn drop(&mut self) {
        if !self.moved {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

impl Writer {
    pub(super) fn new(cache: Arc<Cache>, key: Key) -> Self {
        Self { cache, key, buffer: BytesMut::new(), spilled: None, length: 0 }
    }

    /// The next piece of the body.
    ///
    /// # Errors
    /// When the body gets too large, or the disk is full.
    pub async fn write(
        &mut self,
        meta: &Meta,
        headers: &HeaderBlobBuf,
        piece: &Bytes,
    ) -> Result<(), Error> {
        self.length += piece.len() as u64;
        if self.length > self.cache.limits.body_bytes {
            return Err(Error::TooLarge(self.cache.limits.body_bytes));
        }
        self.buffer.extend_from_slice(piece);
        if self.buffer.len() > self.cache.limits.memory_body_bytes {
            self.spill(meta, headers).await?;
        }
        Ok(())
    }

    /// Moves what is in memory to the file.
    async fn spill(&mut self, meta: &Meta, headers: &HeaderBlobBuf) -> Result<(), Error> {
        let bytes = self.buffer.split().freeze();
        let (file, head) = match &mut self.spilled {
            Some(spilled) => (spilled.file.take(), Vec::new()),
            None => {
                let path = self.cache.dir.join("new").join(random_name());
                self.spilled = Some(Spilled { path, file: None, moved: false });
                (None, file::head(meta, headers.as_blob().0, 0))
            }
        };
        let Some(spilled) = &mut self.spilled else { return Ok(()) };
        let path = spilled.path.clone();
        let written = tokio::task::spawn_blocking(move || {
            let mut file = match file {
                Some(file) => file,
                None => create(&path)?,
            };
            file.write_all(&head)?;
            file.write_all(&bytes)?;
            Ok::<_, std::io::Error>(file)
        });
        let file = written.await.map_err(std::io::Error::other)??;
        spilled.file = Some(file);
        Ok(())
    }

    /// Keeps the response: from now on it is found.
    ///
    /// # Errors
    /// When the file of a large body cannot be written. A small one is kept in
    /// memory all the same, and its file is written a moment later.
    pub async fn finish(mut self, meta: Meta, headers: HeaderBlobBuf) -> Result<(), Error> {
        if self.spilled.is_some() {
            self.spill(&meta, &headers).await?;
            self.move_spilled(meta, headers).await?;
        } else {
            let body = std::mem::take(&mut self.buffer).freeze();
            keep(&self.cache, self.key, meta, headers, body);
            return Ok(());
        }
        self.cache.figures.stored.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    async fn move_spilled(&mut self, meta: Meta, headers: HeaderBlobBuf) -> Result<(), Error> {
        let Some(spilled) = self.spilled.take() else { return Ok(()) };
        let (cache, key, length) = (self.cache.clone(), self.key, self.length);
        let moved = tokio::task::spawn_blocking(move || {
            // All of it, and not a copy of a field.
            let mut spilled = spilled;
            let Some(mut file) = spilled.file.take() else { return Ok(()) };
            file::set_length(&mut file, length)?;
            file.sync_data()?;
            drop(file);
            let path = cache.path(&key);
            let offset = file::head(&meta, headers.as_blob().0, 0).len() as u64;
            let body = Body::File { path: path.clone(), offset, length };
            let entry = Arc::new(Entry::new(meta, headers, body));
            let mut index = cache.index();
            rename(&spilled.path, &path)?;
            spilled.moved = true;
            let evicted = index.put(key, entry, offset + length);
            drop(index);
            cache.unlink_all(evicted);
            Ok::<_, std::io::Error>(())
        });
        Ok(moved.await.map_err(std::io::Error::other)??)
    }
}

/// Keeps a small response in memory, and writes its file a moment later.
pub(super) fn keep(
    cache: &Arc<Cache>,
    key: Key,
    meta: Meta,
    headers: HeaderBlobBuf,
    body: Bytes,
) -> Arc<Entry> {
    let entry = Arc::new(Entry::new(meta, headers, Body::Memory(body)));
    cache.index().add(key, entry.clone());
    cache.figures.stored.fetch_add(1, Ordering::Relaxed);
    let (cache, written) = (cache.clone(), entry.clone());
    tokio::task::spawn_blocking(move || {
        // It may be gone by then.
        if let Err(error) = write_now(&cache, key, &written) {
            tracing::warn!(%error, "a cached response is in memory only");
            cache.index().give_up(&key, &written);
        }
    });
    entry
}

fn write_now(cache: &Arc<Cache>, key: Key, entry: &Arc<Entry>) -> std::io::Result<()> {
    let Body::Memory(bytes) = &entry.body else { return Ok(()) };
    let path = cache.dir.join("new").join(random_name());
    let mut spilled = Spilled { path, file: None, moved: false };
    let mut file = create(&spilled.path)?;
    let head = file::head(&entry.meta, entry.headers().0, bytes.len() as u64);
    file.write_all(&head)?;
    file.write_all(bytes)?;
    file.sync_data()?;
    drop(file);
    // Nobody deletes or replaces it while the index is held.
    let mut index = cache.index();
    if !index.wants_file(&key, entry) {
        return Ok(());
    }
    rename(&spilled.path, &cache.path(&key))?;
    spilled.moved = true;
    let evicted = index.put(key, entry.clone(), (head.len() + bytes.len()) as u64);
    drop(index);
    cache.unlink_all(evicted);
    Ok(())
}

/// The folder may have been deleted a moment ago.
fn create(path: &std::path::Path) -> std::io::Result<File> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    File::create_new(path)
}

fn rename(from: &std::path::Path, to: &std::path::Path) -> std::io::Result<()> {
    if let Some(folder) = to.parent() {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::rename(from, to)
}

fn random_name() -> String {
    let mut bytes = [0; 16];
    // Without randomness the name is taken, and creating the file fails.
    let _ = getrandom::fill(&mut bytes);
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
