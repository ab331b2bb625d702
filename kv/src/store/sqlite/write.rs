//! The writes, in SQL. Each function runs inside of a transaction of its caller.

use rusqlite::{Connection, OptionalExtension as _, params};

use super::ValueId;
use super::query::{WHOLE_BYTES, piece_id};
use super::queue::Work;
use crate::store::{Attributes, UnixSeconds};

/// Values up to this size lie in the row of their key: 512 bytes. A page has
/// room for several such rows.
const INLINE_BYTES: usize = 512;
/// How many expired entries one transaction deletes.
const EXPIRED_PER_STEP: usize = 200;
/// How many pieces one transaction deletes.
const PIECES_PER_STEP: i64 = 16;

/// What a transaction did to values in pieces and to expirations; it counts
/// once the transaction is committed.
#[derive(Debug, Default)]
pub(super) struct Effects {
    pub(super) orphaned: Vec<ValueId>,
    pub(super) finished: Vec<ValueId>,
    /// The earliest expiration that was set.
    pub(super) expiration: Option<UnixSeconds>,
}

/// Does a write. `new_id` gives numbers to values that need one.
pub(super) fn apply(
    connection: &Connection,
    work: &Work,
    effects: &mut Effects,
    new_id: impl Fn() -> ValueId,
) -> rusqlite::Result<()> {
    match work {
        Work::Put { key, value, attributes } => {
            release(connection, key.as_bytes(), effects)?;
            let row = Row { key, attributes, length: value.len() as u64 };
            if value.len() <= INLINE_BYTES {
                return insert(connection, row, None, Some(value.as_ref()), effects);
            }
            let id = new_id();
            add_piece(connection, id, 0, value)?;
            insert(connection, row, Some(id), None, effects)
        }
        Work::Delete { keys } => {
            for key in keys {
                release(connection, key.as_bytes(), effects)?;
                delete(connection, key.as_bytes())?;
            }
            Ok(())
        }
        Work::Piece { id, index, data } => {
            if *index == 0 {
                add_orphan(connection, *id)?;
            }
            add_piece(connection, *id, *index, data)
        }
        Work::Finish { key, id, pieces, length, attributes } => {
            let there = count_pieces(connection, *id)?;
            if there != *pieces as usize {
                // Not reached: who finishes a value has waited for its pieces.
                return Err(rusqlite::Error::StatementChangedRows(there));
            }
            release(connection, key.as_bytes(), effects)?;
            remove_orphan(connection, *id)?;
            effects.finished.push(*id);
            insert(connection, Row { key, attributes, length: *length }, Some(*id), None, effects)
        }
    }
}

struct Row<'a> {
    key: &'a str,
    attributes: &'a Attributes,
    length: u64,
}

fn insert(
    connection: &Connection,
    row: Row<'_>,
    id: Option<ValueId>,
    value: Option<&[u8]>,
    effects: &mut Effects,
) -> rusqlite::Result<()> {
    let Attributes { expiration, metadata } = row.attributes;
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO entries (key, expiration, metadata, length, value_id, value) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute(params![
            row.key.as_bytes(),
            expiration.map(number),
            metadata.as_deref(),
            number(row.length),
            id,
            value,
        ])?;
    if let Some(expiration) = *expiration {
        let earliest = effects.expiration.map_or(expiration, |first| first.min(expiration));
        effects.expiration = Some(earliest);
    }
    Ok(())
}

fn delete(connection: &Connection, key: &[u8]) -> rusqlite::Result<()> {
    connection.prepare_cached("DELETE FROM entries WHERE key = ?1")?.execute([key]).map(|_| ())
}

/// The key is about to lose its value. What is read in one go is deleted at
/// once; what is read piece by piece may be in use.
fn release(connection: &Connection, key: &[u8], effects: &mut Effects) -> rusqlite::Result<()> {
    let old: Option<(Option<ValueId>, i64)> = connection
        .prepare_cached("SELECT value_id, length FROM entries WHERE key = ?1")?
        .query_row([key], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    match old {
        Some((Some(id), length)) if length > WHOLE_BYTES as i64 => {
            effects.orphaned.push(id);
            add_orphan(connection, id)
        }
        Some((Some(id), _)) => connection
            .prepare_cached("DELETE FROM pieces WHERE id = ?1")?
            .execute([piece_id(id, 0)])
            .map(|_| ()),
        _ => Ok(()),
    }
}

fn add_piece(
    connection: &Connection,
    id: ValueId,
    index: u32,
    data: &[u8],
) -> rusqlite::Result<()> {
    connection
        .prepare_cached("INSERT INTO pieces (id, data) VALUES (?1, ?2)")?
        .execute(params![piece_id(id, index), data])
        .map(|_| ())
}

fn count_pieces(connection: &Connection, id: ValueId) -> rusqlite::Result<usize> {
    connection
        .prepare_cached("SELECT count(*) FROM pieces WHERE id >= ?1 AND id < ?2")?
        .query_row([piece_id(id, 0), piece_id(id + 1, 0)], |row| row.get::<_, i64>(0))
        .map(|count| usize::try_from(count).unwrap_or(0))
}

fn add_orphan(connection: &Connection, id: ValueId) -> rusqlite::Result<()> {
    connection
        .prepare_cached("INSERT OR IGNORE INTO orphans (value_id) VALUES (?1)")?
        .execute([id])
        .map(|_| ())
}

fn remove_orphan(connection: &Connection, id: ValueId) -> rusqlite::Result<()> {
    connection.prepare_cached("DELETE FROM orphans WHERE value_id = ?1")?.execute([id]).map(|_| ())
}

/// The first orphan for which `free` holds.
pub(super) fn free_orphan(
    connection: &Connection,
    free: impl Fn(ValueId) -> bool,
) -> rusqlite::Result<Option<ValueId>> {
    let mut statement =
        connection.prepare_cached("SELECT value_id FROM orphans ORDER BY value_id")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let id = row.get(0)?;
        if free(id) {
            return Ok(Some(id));
        }
    }
    Ok(None)
}

/// Deletes some pieces of an orphan, and with the last ones the orphan.
pub(super) fn sweep_orphan(connection: &Connection, id: ValueId) -> rusqlite::Result<()> {
    let deleted = connection
        .prepare_cached(
            "DELETE FROM pieces WHERE id IN \
             (SELECT id FROM pieces WHERE id >= ?1 AND id < ?2 LIMIT ?3)",
        )?
        .execute([piece_id(id, 0), piece_id(id + 1, 0), PIECES_PER_STEP])?;
    if (deleted as i64) < PIECES_PER_STEP {
        remove_orphan(connection, id)?;
    }
    Ok(())
}

/// Deletes some entries that expired by `now`. Says whether there may be more.
pub(super) fn sweep_expired(
    connection: &Connection,
    now: UnixSeconds,
    effects: &mut Effects,
) -> rusqlite::Result<bool> {
    let mut statement = connection.prepare_cached(
        "SELECT key FROM entries WHERE expiration IS NOT NULL AND expiration <= ?1 LIMIT ?2",
    )?;
    let keys = statement
        .query_map([number(now), EXPIRED_PER_STEP as i64], |row| row.get(0))?
        .collect::<Result<Vec<Vec<u8>>, _>>()?;
    for key in &keys {
        release(connection, key, effects)?;
        delete(connection, key)?;
    }
    Ok(keys.len() == EXPIRED_PER_STEP)
}

/// SQLite's numbers have a sign; no length and no year is near their end.
fn number(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
