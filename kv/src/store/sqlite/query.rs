//! The reads, in SQL.

use bytes::Bytes;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OptionalExtension as _, Row};

use super::{PIECES_PER_VALUE, ValueId, shrink};
use crate::store::{ListPage, ListQuery, ListedKey, UnixSeconds};

/// Values up to this size are read on the caller's thread in one go: 64 KiB,
/// which even a slow disk has within a few milliseconds.
pub(super) const WHOLE_BYTES: usize = 64 * 1024;

/// What a key has.
pub(super) struct Found {
    pub(super) value: FoundValue,
    pub(super) metadata: Option<Box<str>>,
}

pub(super) enum FoundValue {
    Whole(Bytes),
    Large { id: ValueId, length: u64 },
}

/// The entry of a key.
pub(super) fn get(
    connection: &Connection,
    key: &str,
    now: UnixSeconds,
) -> rusqlite::Result<Option<Found>> {
    let mut statement = connection.prepare_cached(
        "SELECT expiration, metadata, length, value_id, value FROM entries WHERE key = ?1",
    )?;
    let mut rows = statement.query([key.as_bytes()])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    if expired(seconds(row, 0)?, now) {
        return Ok(None);
    }
    let metadata = text(row, 1)?;
    let length = number(row, 2)?.unwrap_or(0);
    let value = match row.get(3)? {
        None => FoundValue::Whole(bytes(row, 4)?),
        Some(id) if length > WHOLE_BYTES as u64 => FoundValue::Large { id, length },
        Some(id) => FoundValue::Whole(piece(connection, id, 0)?),
    };
    Ok(Some(Found { value, metadata }))
}

/// One piece of a value. That there is none is damage, for pieces stay as long
/// as somebody may ask for them.
pub(super) fn piece(connection: &Connection, id: ValueId, index: u32) -> rusqlite::Result<Bytes> {
    connection
        .prepare_cached("SELECT data FROM pieces WHERE id = ?1")?
        .query_row([piece_id(id, index)], |row| bytes(row, 0))
}

/// The row of a piece.
pub(super) fn piece_id(id: ValueId, index: u32) -> i64 {
    id * PIECES_PER_VALUE + i64::from(index)
}

/// A page of keys, or `None` when more than `budget` rows would have to be read.
pub(super) fn list(
    connection: &Connection,
    query: &ListQuery,
    now: UnixSeconds,
    budget: usize,
) -> rusqlite::Result<Option<ListPage>> {
    let (from, to) = bounds(query);
    let mut statement = connection.prepare_cached(
        "SELECT key, expiration, metadata FROM entries WHERE key >= ?1 AND key < ?2 ORDER BY key",
    )?;
    let mut rows = statement.query([from, to])?;
    let mut page = ListPage { keys: Vec::new(), complete: true };
    let mut seen = 0;
    while let Some(row) = rows.next()? {
        seen += 1;
        if seen > budget {
            return Ok(None);
        }
        let expiration = seconds(row, 1)?;
        if expired(expiration, now) {
            continue;
        }
        if page.keys.len() == query.limit {
            page.complete = false;
            break;
        }
        page.keys.push(ListedKey { name: key(row)?, expiration, metadata: text(row, 2)? });
    }
    Ok(Some(page))
}

/// From the first key to before the last bound. No UTF-8 holds the byte 255, so
/// it ends the range of a prefix; the byte 0 follows a key most closely.
fn bounds(query: &ListQuery) -> (Vec<u8>, Vec<u8>) {
    let from = match &query.after {
        Some(after) if *after >= query.prefix => [after.as_bytes(), &[0]].concat(),
        _ => query.prefix.clone().into_bytes(),
    };
    (from, [query.prefix.as_bytes(), &[255]].concat())
}

fn expired(expiration: Option<UnixSeconds>, now: UnixSeconds) -> bool {
    expiration.is_some_and(|expiration| expiration <= now)
}

fn seconds(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<UnixSeconds>> {
    number(row, column)
}

fn number(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<u64>> {
    let number: Option<i64> = row.get(column)?;
    number
        .map(|number| {
            u64::try_from(number)
                .map_err(|_| rusqlite::Error::IntegralValueOutOfRange(column, number))
        })
        .transpose()
}

fn bytes(row: &Row<'_>, column: usize) -> rusqlite::Result<Bytes> {
    match row.get_ref(column)? {
        ValueRef::Null => Ok(Bytes::new()),
        value => Ok(Bytes::copy_from_slice(value.as_bytes()?)),
    }
}

fn text(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<Box<str>>> {
    Ok(row.get_ref(column)?.as_str_or_null()?.map(Box::from))
}

fn key(row: &Row<'_>) -> rusqlite::Result<String> {
    let bytes = row.get_ref(0)?.as_bytes()?;
    std::str::from_utf8(bytes)
        .map(str::to_owned)
        .map_err(|error| rusqlite::Error::Utf8Error(0, error))
}

/// What is known of a file when it is opened.
pub(super) struct Start {
    pub(super) namespace: String,
    /// The largest number that a value has; 0 if none has one.
    pub(super) last_value: ValueId,
    pub(super) next_expiration: Option<UnixSeconds>,
    pub(super) orphans: bool,
    /// Whether the file has many free pages.
    pub(super) shrink: bool,
    /// Whether the file should be made one that can get smaller.
    pub(super) prepare: bool,
}

pub(super) fn start(connection: &Connection) -> rusqlite::Result<Start> {
    let number = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, Option<i64>>(0));
    let pieces = number("SELECT max(id) FROM pieces")?.unwrap_or(0) / PIECES_PER_VALUE;
    let orphan = number("SELECT max(value_id) FROM orphans")?;
    Ok(Start {
        namespace: connection
            .query_row("SELECT id FROM namespace", [], |row| row.get(0))
            .optional()?
            .unwrap_or_default(),
        last_value: pieces.max(orphan.unwrap_or(0)),
        next_expiration: next_expiration(connection)?,
        orphans: orphan.is_some(),
        shrink: shrink::is_worth_it(connection)?,
        prepare: shrink::should_prepare(connection)?,
    })
}

/// When the next entry expires, or did expire.
pub(super) fn next_expiration(connection: &Connection) -> rusqlite::Result<Option<UnixSeconds>> {
    connection.query_row(
        "SELECT min(expiration) FROM entries WHERE expiration IS NOT NULL",
        [],
        |row| seconds(row, 0),
    )
}
