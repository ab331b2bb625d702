//! One bucket: its verbs. What is asked for is checked here, too, so that no way
//! in passes the rules by.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use selvedge_storage::data_dir::DataDir;
use selvedge_storage::failure::failure;
use selvedge_storage::file::{self, Kind};
use tokio::sync::OnceCell;

use super::catalog::Clock;
use super::connection::Readers;
use super::files::Files;
use super::reader::{Body, body};
use super::writer::Writer;
use super::writing::{BodyWriter, Expected, Written};
use super::{query, sweep};
use crate::Error;
use crate::conditions::{Conditions, Seen};
use crate::object::{Attributes, Object, StorageClass, hex};
use crate::rules::{self, MAX_DELETE, Range, Refusal, Slice, check_key, check_metadata};

/// The file in a bucket's folder. Backups copy it before the files that it names,
/// and let none of them be deleted meanwhile.
const FILE: &str = "bucket.sqlite";

const BUCKET: Kind = Kind {
    what: "R2 bucket",
    application_id: u32::from_be_bytes(*b"SvR2"),
    version: 1,
    schema: include_str!("schema.sql"),
};

/// A bucket. It reads and writes on tokio's blocking threads, so that its futures
/// run inside of a tokio runtime.
#[derive(Debug)]
pub struct Bucket {
    pub(super) shared: Arc<Shared>,
}

#[derive(Debug)]
pub(super) struct Shared {
    id: String,
    pub(super) path: PathBuf,
    pub(super) readers: Readers,
    pub(super) writer: Writer,
    pub(super) files: Arc<Files>,
    pub(super) clock: Clock,
    /// Of objects that are put without one.
    storage_class: Mutex<StorageClass>,
    epoch: OnceCell<u32>,
    /// The last epoch of processes before this one; 0 for none.
    pub(super) last_epoch: u32,
    pub(super) sweeping: sweep::Sweeping,
    /// The folder is ours as long as a thread may write there.
    _dir: Arc<DataDir>,
}

/// An object and what of its body was asked for.
#[derive(Debug)]
pub struct Found {
    pub object: Object,
    pub slice: Slice,
    pub body: Body,
}

/// What a `get` finds.
#[derive(Debug)]
pub enum Got {
    Nothing,
    /// The conditions do not hold.
    Refused(Box<Object>),
    Found(Box<Found>),
}

/// What is put, but for its body.
#[derive(Debug, Clone, Default)]
pub struct Put {
    pub key: String,
    pub attributes: Attributes,
    pub only_if: Conditions,
}

/// A part that was uploaded.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MadePart {
    pub part_number: u32,
    pub etag: String,
}

/// How much is in a bucket.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct BucketFigures {
    pub objects: u64,
    /// Of all bodies.
    pub bytes: u64,
}

impl Bucket {
    /// Opens the bucket of a folder, or makes it.
    ///
    /// # Errors
    /// [`selvedge_storage::Error::Data`] for a file that is not one of this bucket.
    pub(super) fn open(
        dir: Arc<DataDir>,
        folder: &Path,
        id: &str,
        storage_class: StorageClass,
        clock: Clock,
        sweeping: sweep::Sweeping,
    ) -> Result<Self, Error> {
        let io = |error: std::io::Error| {
            Error::Storage(selvedge_storage::failure::io_failure(folder, &error))
        };
        std::fs::create_dir_all(folder).map_err(io)?;
        file::sync_folder(folder).map_err(io)?;
        let path = folder.join(FILE);
        file::create_or_check(&path, &BUCKET, |connection| {
            connection.execute("INSERT INTO bucket (id) VALUES (?1)", [id]).map(drop)
        })?;
        let readers = Readers::new(path.clone());
        let start = "SELECT id, coalesce((SELECT max(id) FROM epochs), 0) FROM bucket";
        let (owner, last_epoch): (String, u32) = readers
            .read(|connection| {
                connection.query_row(start, [], |row| Ok((row.get(0)?, row.get(1)?)))
            })
            .map_err(|error| failure(&path, &error))?;
        if owner != id {
            let text = format!("{} is the bucket {owner}, not {id}", path.display());
            return Err(selvedge_storage::Error::Data(text).into());
        }
        let writer = Writer::new(path.clone());
        writer.start()?;
        let shared = Shared {
            id: id.to_owned(),
            path,
            readers,
            writer,
            files: Arc::new(Files::new(folder)),
            clock,
            storage_class: Mutex::new(storage_class),
            epoch: OnceCell::new(),
            last_epoch,
            sweeping,
            _dir: dir,
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Finishes what was begun, and takes no more. Blocks.
    pub(super) fn close(&self) {
        self.shared.writer.close();
        self.shared.readers.close();
    }

    /// An object without its body.
    ///
    /// # Errors
    /// When the key is too long, or the file cannot be read.
    pub fn head(&self, key: &str) -> Result<Option<Object>, Error> {
        check_key(key)?;
        self.shared.read(|connection| query::head(connection, key))
    }

    /// An object with its body, or a part of it. The body stays as it was when it
    /// was found. Small ones are read at once.
    ///
    /// # Errors
    /// When the key is too long, nothing of the object lies in the range, or the
    /// files cannot be read.
    pub fn get(&self, key: &str, range: Range, only_if: &Conditions) -> Result<Got, Error> {
        self.get_with(key, only_if, |size| range.of(size))
    }

    /// The same with a `Range` header: what it cannot say is as if it said nothing.
    ///
    /// # Errors
    /// As [`Bucket::get`].
    pub fn get_with_header(
        &self,
        key: &str,
        range: &str,
        only_if: &Conditions,
    ) -> Result<Got, Error> {
        self.get_with(key, only_if, |size| {
            let range = Range::of_header(range).and_then(|range| range.of(size).ok());
            Ok(range.unwrap_or(Slice { offset: 0, length: size }))
        })
    }

    fn get_with(
        &self,
        key: &str,
        only_if: &Conditions,
        slice: impl FnOnce(u64) -> Result<Slice, Refusal>,
    ) -> Result<Got, Error> {
        check_key(key)?;
        let shared = &self.shared;
        let (found, pins) = shared.files.pin(|| {
            let found = shared.read(|connection| query::find(connection, key))?;
            let ids = found.iter().flat_map(|(_, segments)| segments.iter().map(|(id, _)| *id));
            let ids = ids.collect();
            Ok((found, ids))
        })?;
        let Some((object, segments)) = found else { return Ok(Got::Nothing) };
        let seen = Seen { etag: object.etag.clone(), uploaded: object.uploaded };
        if !only_if.hold(Some(&seen)) {
            return Ok(Got::Refused(Box::new(object)));
        }
        let slice = slice(object.size)?;
        let body = body(&shared.files, &segments, slice, pins)?;
        Ok(Got::Found(Box::new(Found { object, slice, body })))
    }

    /// Takes the body of an object or of a part.
    pub fn writer(&self, expected: Expected) -> BodyWriter {
        BodyWriter::new(self.shared.clone(), expected)
    }

    /// Checks what can be known of a put before its body is there.
    ///
    /// # Errors
    /// What is against the rules.
    pub fn check(key: &str, attributes: &Attributes, length: Option<u64>) -> Result<(), Refusal> {
        check_key(key)?;
        check_metadata(&attributes.custom_metadata)?;
        length.map_or(Ok(()), rules::check_size)
    }

    /// Makes a body an object, at once and durably. `None`: the conditions do not
    /// hold, and nothing changed.
    ///
    /// # Errors
    /// When a checksum is another one, or the body cannot be stored. What was there
    /// stays.
    pub async fn put(&self, put: Put, body: BodyWriter) -> Result<Option<Object>, Error> {
        Self::check(&put.key, &put.attributes, Some(body.size()))?;
        let Written { blob, size, checksums, md5 } = body.finish().await?;
        let object = self.shared.object(put.key, size, md5, put.attributes, checksums)?;
        let only_if = put.only_if;
        let id = blob.id;
        let sweeping = self.shared.sweeping.clone();
        let result = self.shared.writer.submit(
            move |connection| {
                query::check(connection, &object.key, &only_if)?;
                query::replace(connection, &object, Some(id))?;
                Ok(object)
            },
            move |committed| {
                keep_unless_undone(blob, committed);
                sweeping.wake();
            },
        );
        match result.await {
            Ok(object) => Ok(Some(object)),
            Err(Error::Refused(refusal)) if refusal == Refusal::precondition() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Deletes objects, all of them at once. One that is not there is no error.
    ///
    /// # Errors
    /// When there are too many keys, or one is too long.
    pub async fn delete(&self, keys: Vec<String>) -> Result<(), Error> {
        if keys.len() > MAX_DELETE {
            let text = format!("You can delete at most {MAX_DELETE} keys at once.");
            return Err(Refusal::argument(text).into());
        }
        for key in &keys {
            check_key(key)?;
        }
        let sweeping = self.shared.sweeping.clone();
        let work = move |connection: &rusqlite::Connection| {
            for key in &keys {
                query::remove(connection, key)?;
            }
            Ok(())
        };
        self.shared.writer.submit(work, move |_| sweeping.wake()).await
    }

    pub(super) fn set_storage_class(&self, class: StorageClass) {
        *self.shared.class() = class;
    }

    pub(super) fn is_empty(&self) -> Result<bool, Error> {
        self.shared.read(|connection| {
            let mut any = connection.prepare_cached("SELECT 1 FROM objects LIMIT 1")?;
            any.exists([]).map(|any| !any)
        })
    }

    /// How much is in it. Reads all of its index.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub async fn figures(&self) -> Result<BucketFigures, Error> {
        let (objects, bytes) = self.shared.clone().blocking(query::figures).await?;
        Ok(BucketFigures { objects, bytes })
    }
}

impl Drop for Bucket {
    fn drop(&mut self) {
        self.close();
    }
}

/// What may be led to stays: after the next start it is known.
pub(super) fn keep_unless_undone(
    blob: super::files::NewBlob,
    committed: &super::writer::Committed,
) {
    if !matches!(committed, super::writer::Committed::No(_)) {
        blob.keep();
    }
}

impl Shared {
    fn class(&self) -> MutexGuard<'_, StorageClass> {
        self.storage_class.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The name of its folder, which cursors are of.
    pub(super) fn id(&self) -> &str {
        &self.id
    }

    /// Reads on this thread.
    pub(super) fn read<T>(
        &self,
        read: impl FnOnce(&rusqlite::Connection) -> rusqlite::Result<T>,
    ) -> Result<T, Error> {
        let result = self.readers.read(read);
        result.map_err(|error| Error::Storage(failure(&self.path, &error)))
    }

    /// Reads on another thread.
    pub(super) async fn blocking<T: Send + 'static>(
        self: Arc<Self>,
        read: impl FnOnce(&rusqlite::Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, Error> {
        let result = tokio::task::spawn_blocking(move || self.read(read)).await;
        result.map_err(|error| {
            let text = format!("a read did not end: {error}");
            Error::Storage(selvedge_storage::Error::Internal(text))
        })?
    }

    /// The folder of this process's files; made with the first one.
    pub(super) async fn epoch(&self) -> Result<u32, Error> {
        let new = || async {
            let insert = self.writer.submit(
                |connection| {
                    connection.execute("INSERT INTO epochs DEFAULT VALUES", [])?;
                    Ok(connection.last_insert_rowid())
                },
                |_| {},
            );
            let epoch = insert.await?;
            u32::try_from(epoch).map_err(|_| {
                let text = format!("{} was opened too often", self.path.display());
                Error::Storage(selvedge_storage::Error::Data(text))
            })
        };
        self.epoch.get_or_try_init(new).await.copied()
    }

    /// A new version of an object.
    pub(super) fn object(
        &self,
        key: String,
        size: u64,
        etag: String,
        attributes: Attributes,
        checksums: crate::object::Checksums,
    ) -> Result<Object, Error> {
        Ok(Object {
            key,
            version: random_hex()?,
            size,
            etag,
            uploaded: (self.clock)(),
            storage_class: attributes.storage_class.unwrap_or_else(|| *self.class()),
            http_metadata: attributes.http_metadata,
            custom_metadata: attributes.custom_metadata,
            checksums,
        })
    }
}

/// 128 random bits.
pub(super) fn random_hex() -> Result<String, Error> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| {
        let text = format!("there is no randomness: {error}");
        Error::Storage(selvedge_storage::Error::Internal(text))
    })?;
    Ok(hex(&bytes))
}
