//! Uploads of assets, and which blobs are needed.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension as _, params};

use super::row::{self, to_json};
use super::{Change, Fallible, accounts};
use crate::UnixMillis;
use crate::assets::{AssetEntry, AssetsSession};
use crate::ids::{AccountId, BlobHash};

/// How long a file that no version has stays known, so that the next upload
/// needs not bring it again: 7 days.
const UNUSED_MS: UnixMillis = 7 * 24 * 3_600_000;

/// How exact the time of last use is: a day, so that a deploy writes little.
const USE_MS: UnixMillis = 24 * 3_600_000;

pub(super) fn create_session(change: &Change<'_>, session: &AssetsSession) -> Fallible<()> {
    accounts::need(&change.sql, &session.account)?;
    change
        .sql
        .prepare_cached(
            "INSERT INTO asset_sessions (id, account, worker, manifest, expires_on)
             VALUES (?1, ?2, ?3, ?4, ?5)",
        )?
        .execute(params![
            session.id,
            session.account.as_str(),
            session.worker,
            to_json(&session.manifest)?,
            session.expires_on
        ])?;
    Ok(())
}

pub(super) fn session(
    sql: &Connection,
    id: &str,
    now: UnixMillis,
) -> Fallible<Option<AssetsSession>> {
    let found = sql
        .prepare_cached(
            "SELECT id, account, worker, manifest, expires_on FROM asset_sessions
             WHERE id = ?1 AND expires_on > ?2",
        )?
        .query_row(params![id, now], |row| {
            Ok(AssetsSession {
                id: row.get(0)?,
                account: row::id(row, 1)?,
                worker: row.get(2)?,
                manifest: row::json(row, 3)?,
                expires_on: row.get(4)?,
            })
        })
        .optional()?;
    Ok(found)
}

pub(super) fn known(
    change: &Change<'_>,
    account: &AccountId,
    hashes: &[&str],
) -> Fallible<BTreeMap<String, AssetEntry>> {
    let mut select = change.sql.prepare_cached(
        "SELECT blob, size, content_type, used_on FROM assets WHERE account = ?1 AND hash = ?2",
    )?;
    let mut mark = change
        .sql
        .prepare_cached("UPDATE assets SET used_on = ?3 WHERE account = ?1 AND hash = ?2")?;
    let mut found = BTreeMap::new();
    for hash in hashes {
        let entry = select.query_row(params![account.as_str(), hash], |row| {
            let entry = AssetEntry {
                hash: (*hash).to_owned(),
                blob: row::id(row, 0)?,
                size: row::count(row, 1)?,
                content_type: row.get(2)?,
            };
            Ok((entry, row.get::<_, UnixMillis>(3)?))
        });
        let Some((entry, used_on)) = entry.optional()? else { continue };
        if change.now - used_on >= USE_MS {
            mark.execute(params![account.as_str(), hash, change.now])?;
        }
        found.insert((*hash).to_owned(), entry);
    }
    Ok(found)
}

pub(super) fn put(
    change: &Change<'_>,
    account: &AccountId,
    entries: &[AssetEntry],
) -> Fallible<()> {
    accounts::need(&change.sql, account)?;
    let mut insert = change.sql.prepare_cached(
        "INSERT OR REPLACE INTO assets (account, hash, blob, size, content_type, used_on)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?;
    for entry in entries {
        insert.execute(params![
            account.as_str(),
            entry.hash,
            entry.blob.as_str(),
            row::number(entry.size),
            entry.content_type,
            change.now
        ])?;
    }
    Ok(())
}

/// Each content counts once in an account.
pub(super) fn storage_bytes(sql: &Connection, account: &AccountId) -> Fallible<u64> {
    let bytes = sql
        .prepare_cached(
            "SELECT ifnull(sum(size), 0) FROM (
               SELECT b.blob, b.size FROM version_blobs b JOIN versions v ON v.id = b.version
               JOIN workers w ON w.id = v.worker WHERE w.account = ?1
               UNION SELECT blob, size FROM assets WHERE account = ?1)",
        )?
        .query_row([account.as_str()], |row| row::count(row, 0))?;
    Ok(bytes)
}

pub(super) fn forget_unneeded(change: &Change<'_>) -> Fallible<()> {
    let now = change.now;
    change.sql.execute("DELETE FROM asset_sessions WHERE expires_on <= ?1", [now])?;
    change.sql.execute(
        "DELETE FROM assets WHERE used_on <= ?1 AND NOT EXISTS (
           SELECT 1 FROM version_blobs b JOIN versions v ON v.id = b.version
           JOIN workers w ON w.id = v.worker
           WHERE b.blob = assets.blob AND w.account = assets.account)",
        [now - UNUSED_MS],
    )?;
    change.trim_audit()
}

pub(super) fn is_needed(sql: &Connection, hash: &BlobHash) -> Fallible<bool> {
    let needed = sql
        .prepare_cached(
            "SELECT 1 FROM version_blobs WHERE blob = ?1
             UNION ALL SELECT 1 FROM assets WHERE blob = ?1",
        )?
        .exists([hash.as_str()])?;
    Ok(needed)
}
