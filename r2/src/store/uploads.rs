//! Objects that are uploaded in parts. Completing an upload copies nothing: the
//! parts' files become those of the object.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use md5::{Digest as _, Md5};
use rusqlite::{Connection, OptionalExtension as _, params};

use super::bucket::{Bucket, MadePart, keep_unless_undone};
use super::files::BlobId;
use super::list::PartEntry;
use super::query::{self, signed, to_json, unsigned};
use super::writer::Failed;
use super::writing::{BodyWriter, Written};
use crate::Error;
use crate::object::{Attributes, Checksums, Object, UnixMillis, hex, unhex};
use crate::rules::{
    MAX_OBJECT_BYTES, MAX_PARTS, MIN_PART_BYTES, Refusal, check_key, check_metadata,
};

/// The random part of an upload's id.
const ID_BYTES: usize = 48;

/// A part as its row has it.
struct StoredPart {
    blob: BlobId,
    size: u64,
    etag: String,
}

impl Bucket {
    /// Begins an upload; its id.
    ///
    /// # Errors
    /// When the key or the metadata is too long.
    pub async fn create_upload(
        &self,
        key: String,
        attributes: Attributes,
    ) -> Result<String, Error> {
        check_key(&key)?;
        check_metadata(&attributes.custom_metadata)?;
        let mut random = [0; ID_BYTES];
        getrandom::fill(&mut random).map_err(|error| {
            let text = format!("there is no randomness: {error}");
            Error::Storage(selvedge_storage::Error::Internal(text))
        })?;
        let id = URL_SAFE_NO_PAD.encode(random);
        let now = (self.shared.clock)();
        let insert = move |connection: &Connection| {
            connection
                .prepare_cached(
                    "INSERT INTO uploads (id, key, created, storage_class, http, custom) \
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                )?
                .execute(params![
                    id,
                    key.as_bytes(),
                    now,
                    attributes.storage_class.map(|class| class.as_str()),
                    to_json(&attributes.http_metadata),
                    to_json(&attributes.custom_metadata),
                ])?;
            Ok(id)
        };
        self.shared.writer.submit(insert, |_| {}).await
    }

    /// Whether an upload of the key is under way.
    ///
    /// # Errors
    /// When there is none, or the number is not one of a part.
    pub fn check_part(&self, key: &str, upload: &str, number: u32) -> Result<(), Error> {
        check_key(key)?;
        if number == 0 || number > MAX_PARTS {
            return Err(Refusal::bad_part().into());
        }
        match self.shared.read(|connection| finished(connection, key, upload))? {
            Some(false) => Ok(()),
            _ => Err(Refusal::no_such_upload().into()),
        }
    }

    /// Makes a body a part of an upload, in the place of an earlier one.
    ///
    /// # Errors
    /// When there is no such upload, or the body cannot be stored.
    pub async fn put_part(
        &self,
        key: String,
        upload: String,
        number: u32,
        body: BodyWriter,
    ) -> Result<MadePart, Error> {
        self.check_part(&key, &upload, number)?;
        let Written { blob, size, md5, .. } = body.finish().await?;
        let now = (self.shared.clock)();
        let id = blob.id;
        let part = MadePart { part_number: number, etag: md5 };
        let sweeping = self.shared.sweeping.clone();
        let insert = move |connection: &Connection| {
            must_be_open(connection, &key, &upload)?;
            let earlier: Option<BlobId> = connection
                .prepare_cached("SELECT blob FROM parts WHERE upload = ?1 AND number = ?2")?
                .query_row(params![upload, number], |row| row.get(0))
                .optional()?;
            if let Some(earlier) = earlier {
                query::orphan(connection, earlier)?;
            }
            connection
                .prepare_cached(
                    "INSERT OR REPLACE INTO parts (upload, number, blob, size, etag, uploaded) \
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                )?
                .execute(params![upload, number, id, signed(size), part.etag, now])?;
            Ok(part)
        };
        let after = move |committed: &super::writer::Committed| {
            keep_unless_undone(blob, committed);
            sweeping.wake();
        };
        self.shared.writer.submit(insert, after).await
    }

    /// Makes an object of parts, at once and durably.
    ///
    /// # Errors
    /// When there is no such upload, a part is not there, or they do not fit.
    pub async fn complete_upload(
        &self,
        key: String,
        upload: String,
        parts: Vec<MadePart>,
    ) -> Result<Object, Error> {
        check_key(&key)?;
        let shared = self.shared.clone();
        let sweeping = self.shared.sweeping.clone();
        let work = move |connection: &Connection| {
            must_be_open(connection, &key, &upload)?;
            let chosen = choose(connection, &upload, parts)?;
            let attributes = attributes(connection, &upload)?;
            let size = chosen.iter().map(|part| part.size).sum();
            let object = shared
                .object(key, size, etag(&chosen), attributes, Checksums::default())
                .map_err(|_| Refusal::internal())?;
            let number = query::replace(connection, &object, None)?;
            let mut insert = connection.prepare_cached(
                "INSERT INTO segments (object, number, blob, size) VALUES (?1, ?2, ?3, ?4)",
            )?;
            for (at, part) in chosen.iter().enumerate() {
                insert.execute(params![number, at as i64, part.blob, signed(part.size)])?;
            }
            let kept = chosen.iter().map(|part| part.blob).collect();
            finish(connection, &upload, &kept)?;
            Ok(object)
        };
        self.shared.writer.submit(work, move |_| sweeping.wake()).await
    }

    /// Forgets an upload with its parts. One that is finished stays so.
    ///
    /// # Errors
    /// When there was no such upload.
    pub async fn abort_upload(&self, key: String, upload: String) -> Result<(), Error> {
        check_key(&key)?;
        let sweeping = self.shared.sweeping.clone();
        let work = move |connection: &Connection| match finished(connection, &key, &upload)? {
            None => Err(Refusal::no_such_upload().into()),
            Some(true) => Ok(()),
            Some(false) => Ok(finish(connection, &upload, &BTreeSet::new())?),
        };
        self.shared.writer.submit(work, move |_| sweeping.wake()).await
    }

    /// The parts of an upload that is under way, by number.
    ///
    /// # Errors
    /// When there is no such upload.
    pub async fn parts(&self, key: String, upload: String) -> Result<Vec<PartEntry>, Error> {
        self.check_part(&key, &upload, 1)?;
        let read = move |connection: &Connection| {
            connection
                .prepare_cached(
                    "SELECT number, size, etag, uploaded FROM parts WHERE upload = ?1 ORDER BY number",
                )?
                .query_map([upload], |row| {
                    Ok(PartEntry {
                        number: row.get(0)?,
                        size: unsigned(row.get(1)?),
                        etag: row.get(2)?,
                        uploaded: row.get(3)?,
                    })
                })?
                .collect()
        };
        self.shared.clone().blocking(read).await
    }
}

/// Whether an upload is completed or aborted; `None`: there was none.
fn finished(connection: &Connection, key: &str, upload: &str) -> rusqlite::Result<Option<bool>> {
    connection
        .prepare_cached("SELECT finished FROM uploads WHERE id = ?1 AND key = ?2")?
        .query_row(params![upload, key.as_bytes()], |row| row.get(0))
        .optional()
}

fn must_be_open(connection: &Connection, key: &str, upload: &str) -> Result<(), Failed> {
    match finished(connection, key, upload)? {
        Some(false) => Ok(()),
        _ => Err(Refusal::no_such_upload().into()),
    }
}

fn attributes(connection: &Connection, upload: &str) -> rusqlite::Result<Attributes> {
    connection
        .prepare_cached("SELECT http, custom, storage_class FROM uploads WHERE id = ?1")?
        .query_row([upload], |row| {
            Ok(Attributes {
                http_metadata: query::json(row, 0)?,
                custom_metadata: query::json(row, 1)?,
                storage_class: query::class(row.get(2)?),
            })
        })
}

/// The parts that were named, by number, if they make an object: all but the last
/// one are of one size, and none is too small.
fn choose(
    connection: &Connection,
    upload: &str,
    mut named: Vec<MadePart>,
) -> Result<Vec<StoredPart>, Failed> {
    named.sort_by_key(|part| part.part_number);
    if named.windows(2).any(|pair| pair[0].part_number == pair[1].part_number) {
        return Err(Refusal::bad_upload().into());
    }
    let mut find = connection
        .prepare_cached("SELECT blob, size, etag FROM parts WHERE upload = ?1 AND number = ?2")?;
    let mut chosen = Vec::with_capacity(named.len());
    for part in &named {
        let found = find
            .query_row(params![upload, part.part_number], |row| {
                let size = unsigned(row.get(1)?);
                Ok(StoredPart { blob: row.get(0)?, size, etag: row.get(2)? })
            })
            .optional()?;
        let found = found.filter(|found| found.etag == part.etag);
        chosen.push(found.ok_or_else(Refusal::bad_part)?);
    }
    let Some((last, others)) = chosen.split_last() else { return Ok(chosen) };
    if others.iter().any(|part| part.size < MIN_PART_BYTES) {
        return Err(Refusal::too_small().into());
    }
    if let Some(first) = others.first()
        && (others.iter().any(|part| part.size != first.size) || last.size > first.size)
    {
        return Err(Refusal::bad_upload().into());
    }
    if chosen.iter().map(|part| part.size).sum::<u64>() > MAX_OBJECT_BYTES {
        return Err(Refusal::too_large().into());
    }
    Ok(chosen)
}

/// The MD5 of the parts' MD5s, and how many there are.
fn etag(parts: &[StoredPart]) -> String {
    let mut md5 = Md5::new();
    for part in parts {
        md5.update(unhex(&part.etag).unwrap_or_default());
    }
    format!("{}-{}", hex(&md5.finalize()), parts.len())
}

/// Nothing leads to the upload's parts any more, but for those that are kept.
pub(super) fn finish(
    connection: &Connection,
    upload: &str,
    kept: &BTreeSet<BlobId>,
) -> rusqlite::Result<()> {
    let blobs = connection
        .prepare_cached("DELETE FROM parts WHERE upload = ?1 RETURNING blob")?
        .query_map([upload], |row| row.get(0))?
        .collect::<rusqlite::Result<Vec<BlobId>>>()?;
    for blob in blobs.iter().filter(|blob| !kept.contains(blob)) {
        query::orphan(connection, *blob)?;
    }
    connection
        .prepare_cached("UPDATE uploads SET finished = 1 WHERE id = ?1")?
        .execute([upload])
        .map(drop)
}

/// Ends uploads that nobody ended, and forgets those that ended long ago. Whether
/// there may be more.
pub(super) fn expire(connection: &Connection, before: UnixMillis) -> rusqlite::Result<bool> {
    const STEP: usize = 100;
    let old = connection
        .prepare_cached("SELECT id FROM uploads WHERE created < ?1 LIMIT ?2")?
        .query_map(params![before, STEP as i64], |row| row.get(0))?
        .collect::<rusqlite::Result<Vec<String>>>()?;
    for id in &old {
        finish(connection, id, &BTreeSet::new())?;
        connection.prepare_cached("DELETE FROM uploads WHERE id = ?1")?.execute([id])?;
    }
    Ok(old.len() == STEP)
}
