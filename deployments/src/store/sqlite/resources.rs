//! Ids and names of what accounts have beside Workers.

use rusqlite::{Connection, OptionalExtension as _, Row, params};
use serde_json::Value;

use super::{Change, Fallible, accounts, resource_secrets, row};
use crate::error::Error;
use crate::ids::AccountId;
use crate::resource::{Resource, ResourceChange, ResourceKind};
use crate::secret::SecretText;

/// The longest name: 512 bytes.
const MAX_NAME_BYTES: usize = 512;

/// It came after the first files of this format, and is made where it is missing.
pub(super) const TABLE: &str = "CREATE TABLE IF NOT EXISTS resources (
  id       TEXT PRIMARY KEY,
  account  TEXT NOT NULL REFERENCES accounts ON DELETE CASCADE,
  kind     TEXT NOT NULL,
  name     TEXT NOT NULL,
  created  INTEGER NOT NULL, -- Unix ms
  settings TEXT NOT NULL, -- JSON
  UNIQUE (account, kind, name)
) WITHOUT ROWID";

const COLUMNS: &str = "SELECT id, name, account, created, settings FROM resources";

fn read(row: &Row<'_>) -> rusqlite::Result<Resource> {
    let account = row::id(row, 2)?;
    let settings = row::json(row, 4)?;
    Ok(Resource { id: row.get(0)?, name: row.get(1)?, account, created: row.get(3)?, settings })
}

pub(super) fn list(
    sql: &Connection,
    account: &AccountId,
    kind: ResourceKind,
) -> Fallible<Vec<Resource>> {
    let rows = sql
        .prepare_cached(&format!("{COLUMNS} WHERE account = ?1 AND kind = ?2 ORDER BY name"))?
        .query_map([account.as_str(), kind.name()], read)?
        .collect::<rusqlite::Result<_>>()?;
    Ok(rows)
}

/// By id or, where none has it, by name.
pub(super) fn find(
    sql: &Connection,
    account: &AccountId,
    kind: ResourceKind,
    id_or_name: &str,
) -> Fallible<Option<Resource>> {
    let found = sql
        .prepare_cached(&format!(
            "{COLUMNS} WHERE account = ?1 AND kind = ?2 AND (id = ?3 OR name = ?3)
             ORDER BY id = ?3 DESC LIMIT 1"
        ))?
        .query_row([account.as_str(), kind.name(), id_or_name], read)
        .optional()?;
    Ok(found)
}

pub(super) fn create(change: &Change<'_>, kind: ResourceKind, new: Resource) -> Fallible<Resource> {
    let (account, name) = (&new.account, &new.name);
    accounts::need(&change.sql, account)?;
    check_name(&change.sql, account, kind, name)?;
    let settings = new.settings.to_string();
    change
        .sql
        .prepare_cached(
            "INSERT INTO resources (id, account, kind, name, created, settings)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute(params![new.id, account.as_str(), kind.name(), name, change.now, settings])?;
    change.note(Some(account), &format!("{}.create", kind.name()), name)?;
    Ok(Resource { created: change.now, ..new })
}

/// That it can be one's name, and is nobody's yet.
fn check_name(
    sql: &Connection,
    account: &AccountId,
    kind: ResourceKind,
    name: &str,
) -> Fallible<()> {
    let what = kind.what();
    if name.is_empty() || name.len() > MAX_NAME_BYTES {
        let text = format!("the name of a {what} has 1 to {MAX_NAME_BYTES} bytes");
        return Err(Error::Invalid(text).into());
    }
    let taken = sql
        .prepare_cached("SELECT 1 FROM resources WHERE account = ?1 AND kind = ?2 AND name = ?3")?
        .exists([account.as_str(), kind.name(), name])?;
    if taken {
        // What is before a slash is where it is, and not what people call it.
        let shown = name.rsplit('/').next().unwrap_or(name);
        return Err(Error::Taken(format!("a {what} with the name '{shown}' already exists")).into());
    }
    Ok(())
}

pub(super) fn create_secret(
    change: &Change<'_>,
    kind: ResourceKind,
    new: Resource,
    secret: &SecretText,
) -> Fallible<Resource> {
    let made = create(change, kind, new)?;
    resource_secrets::put(change, &made.account, kind, &made.id, secret)?;
    Ok(made)
}

pub(super) fn change(
    change: &Change<'_>,
    account: &AccountId,
    kind: ResourceKind,
    id: &str,
    wanted: ResourceChange,
) -> Fallible<Resource> {
    let mut found = need(&change.sql, account, kind, id)?;
    if let Some(name) = wanted.name.filter(|name| *name != found.name) {
        check_name(&change.sql, account, kind, &name)?;
        change.sql.execute("UPDATE resources SET name = ?2 WHERE id = ?1", [id, &name])?;
        found.name = name;
    }
    if let Some(settings) = wanted.settings {
        let sql = "UPDATE resources SET settings = ?2 WHERE id = ?1";
        change.sql.execute(sql, [id, &settings.to_string()])?;
        found.settings = settings;
    }
    if let Some(secret) = &wanted.secret {
        resource_secrets::put(change, account, kind, id, secret)?;
    }
    change.note(Some(account), &format!("{}.change", kind.name()), &found.name)?;
    Ok(found)
}

pub(super) fn set_settings(
    change: &Change<'_>,
    account: &AccountId,
    kind: ResourceKind,
    id: &str,
    settings: &Value,
) -> Fallible<()> {
    let found = need(&change.sql, account, kind, id)?;
    let sql = "UPDATE resources SET settings = ?2 WHERE id = ?1";
    change.sql.execute(sql, [id, &settings.to_string()])?;
    change.note(Some(account), &format!("{}.settings", kind.name()), &found.name)
}

fn need(sql: &Connection, account: &AccountId, kind: ResourceKind, id: &str) -> Fallible<Resource> {
    let found = find(sql, account, kind, id)?.filter(|found| found.id == id);
    Ok(found.ok_or_else(|| Error::missing(kind.what(), id))?)
}

pub(super) fn delete(
    change: &Change<'_>,
    account: &AccountId,
    kind: ResourceKind,
    id: &str,
) -> Fallible<()> {
    let found = need(&change.sql, account, kind, id)?;
    change.sql.execute("DELETE FROM resources WHERE id = ?1", [id])?;
    change.note(Some(account), &format!("{}.delete", kind.name()), &found.name)
}
