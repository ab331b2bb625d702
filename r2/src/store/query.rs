//! Objects in the bucket's file of SQLite.

use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::files::BlobId;
use super::writer::Failed;
use crate::conditions::{Conditions, Seen};
use crate::object::{Object, StorageClass};
use crate::rules::Refusal;

/// What every query of objects begins with; [`object`] reads it.
pub(super) const COLUMNS: &str = "SELECT key, version, size, etag, uploaded, storage_class, http, \
                                  custom, checksums, blob, id FROM objects";

/// An object, and the files of its body with their sizes.
pub(super) type WithBody = (Object, Vec<(BlobId, u64)>);

/// An object as its row has it, without its body.
pub(super) fn object(row: &Row<'_>) -> rusqlite::Result<Object> {
    let class: String = row.get(5)?;
    Ok(Object {
        key: text(row, 0)?,
        version: row.get(1)?,
        size: unsigned(row.get(2)?),
        etag: row.get(3)?,
        uploaded: row.get(4)?,
        storage_class: class.parse().unwrap_or_default(),
        http_metadata: json(row, 6)?,
        custom_metadata: json(row, 7)?,
        checksums: json(row, 8)?,
    })
}

/// A text that is kept as bytes.
pub(super) fn text(row: &Row<'_>, column: usize) -> rusqlite::Result<String> {
    String::from_utf8(row.get(column)?)
        .map_err(|error| rusqlite::Error::Utf8Error(column, error.utf8_error()))
}

pub(super) fn json<T: serde::de::DeserializeOwned>(
    row: &Row<'_>,
    column: usize,
) -> rusqlite::Result<T> {
    let text: String = row.get(column)?;
    serde_json::from_str(&text).map_err(|error| {
        let kind = rusqlite::types::Type::Text;
        rusqlite::Error::FromSqlConversionFailure(column, kind, Box::new(error))
    })
}

/// JSON text; what we make of our own types cannot fail.
pub(super) fn to_json<T: serde::Serialize>(value: &T) -> String {
    serde_json::to_string(value).unwrap_or_else(|_| "null".to_owned())
}

pub(super) fn unsigned(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}

pub(super) fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

pub(super) fn head(connection: &Connection, key: &str) -> rusqlite::Result<Option<Object>> {
    connection
        .prepare_cached(&format!("{COLUMNS} WHERE key = ?1"))?
        .query_row([key.as_bytes()], object)
        .optional()
}

pub(super) fn find(connection: &Connection, key: &str) -> rusqlite::Result<Option<WithBody>> {
    let found = connection
        .prepare_cached(&format!("{COLUMNS} WHERE key = ?1"))?
        .query_row([key.as_bytes()], |row| {
            let blob: Option<BlobId> = row.get(9)?;
            Ok((object(row)?, blob, row.get::<_, i64>(10)?))
        })
        .optional()?;
    let Some((object, blob, id)) = found else { return Ok(None) };
    let segments = match blob {
        Some(blob) => vec![(blob, object.size)],
        None => segments(connection, id)?,
    };
    Ok(Some((object, segments)))
}

fn segments(connection: &Connection, object: i64) -> rusqlite::Result<Vec<(BlobId, u64)>> {
    connection
        .prepare_cached("SELECT blob, size FROM segments WHERE object = ?1 ORDER BY number")?
        .query_map([object], |row| Ok((row.get(0)?, unsigned(row.get(1)?))))?
        .collect()
}

/// Refuses when the conditions do not hold for what there is.
pub(super) fn check(
    connection: &Connection,
    key: &str,
    conditions: &Conditions,
) -> Result<(), Failed> {
    if conditions.is_empty() {
        return Ok(());
    }
    let seen = connection
        .prepare_cached("SELECT etag, uploaded FROM objects WHERE key = ?1")?
        .query_row([key.as_bytes()], |row| Ok(Seen { etag: row.get(0)?, uploaded: row.get(1)? }))
        .optional()?;
    if conditions.hold(seen.as_ref()) { Ok(()) } else { Err(Refusal::precondition().into()) }
}

/// Puts an object in the place of what was there; its number. The files that
/// nothing leads to then become orphans.
pub(super) fn replace(
    connection: &Connection,
    object: &Object,
    blob: Option<BlobId>,
) -> rusqlite::Result<i64> {
    remove(connection, &object.key)?;
    connection
        .prepare_cached(
            "INSERT INTO objects (key, version, size, etag, uploaded, storage_class, http, custom, \
             checksums, blob) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        )?
        .execute(params![
            object.key.as_bytes(),
            object.version,
            signed(object.size),
            object.etag,
            object.uploaded,
            object.storage_class.as_str(),
            to_json(&object.http_metadata),
            to_json(&object.custom_metadata),
            to_json(&object.checksums),
            blob,
        ])?;
    Ok(connection.last_insert_rowid())
}

/// Removes an object; whether there was one.
pub(super) fn remove(connection: &Connection, key: &str) -> rusqlite::Result<bool> {
    let found: Option<(i64, Option<BlobId>)> = connection
        .prepare_cached("SELECT id, blob FROM objects WHERE key = ?1")?
        .query_row([key.as_bytes()], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let Some((id, blob)) = found else { return Ok(false) };
    match blob {
        Some(blob) => orphan(connection, blob)?,
        None => {
            for (blob, _) in segments(connection, id)? {
                orphan(connection, blob)?;
            }
            connection.prepare_cached("DELETE FROM segments WHERE object = ?1")?.execute([id])?;
        }
    }
    connection.prepare_cached("DELETE FROM objects WHERE id = ?1")?.execute([id])?;
    Ok(true)
}

pub(super) fn orphan(connection: &Connection, blob: BlobId) -> rusqlite::Result<()> {
    connection
        .prepare_cached("INSERT OR IGNORE INTO orphans (blob) VALUES (?1)")?
        .execute([blob])
        .map(drop)
}

/// How many objects there are, and how many bytes they have.
pub(super) fn figures(connection: &Connection) -> rusqlite::Result<(u64, u64)> {
    connection
        .prepare_cached("SELECT count(*), coalesce(sum(size), 0) FROM objects")?
        .query_row([], |row| Ok((unsigned(row.get(0)?), unsigned(row.get(1)?))))
}

/// A storage class, as its column has it.
pub(super) fn class(name: Option<String>) -> Option<StorageClass> {
    name.and_then(|name| name.parse().ok())
}
