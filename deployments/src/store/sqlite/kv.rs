//! Ids and titles of KV namespaces.

use rusqlite::{Connection, OptionalExtension as _, Row};

use super::row::{self, random_id};
use super::{Change, Fallible, accounts};
use crate::error::Error;
use crate::ids::AccountId;
use crate::zone::KvNamespaceInfo;

/// The longest title: 512 bytes, as on Cloudflare.
const MAX_TITLE_BYTES: usize = 512;

const COLUMNS: &str = "SELECT id, title, account FROM kv_namespaces";

fn read(row: &Row<'_>) -> rusqlite::Result<KvNamespaceInfo> {
    Ok(KvNamespaceInfo { id: row.get(0)?, title: row.get(1)?, account: row::id(row, 2)? })
}

pub(super) fn list(sql: &Connection, account: &AccountId) -> Fallible<Vec<KvNamespaceInfo>> {
    let rows = sql
        .prepare_cached(&format!("{COLUMNS} WHERE account = ?1 ORDER BY title"))?
        .query_map([account.as_str()], read)?
        .collect::<rusqlite::Result<_>>()?;
    Ok(rows)
}

pub(super) fn find(
    sql: &Connection,
    account: &AccountId,
    id: &str,
) -> Fallible<Option<KvNamespaceInfo>> {
    let found = sql
        .prepare_cached(&format!("{COLUMNS} WHERE account = ?1 AND id = ?2"))?
        .query_row([account.as_str(), id], read)
        .optional()?;
    Ok(found)
}

pub(super) fn need(sql: &Connection, account: &AccountId, id: &str) -> Fallible<KvNamespaceInfo> {
    Ok(find(sql, account, id)?.ok_or_else(|| Error::missing("KV namespace", id))?)
}

fn check_title(sql: &Connection, account: &AccountId, title: &str) -> Fallible<()> {
    if title.is_empty() || title.len() > MAX_TITLE_BYTES {
        let text = format!("the title of a namespace has 1 to {MAX_TITLE_BYTES} bytes");
        return Err(Error::Invalid(text).into());
    }
    let taken = sql
        .prepare_cached("SELECT 1 FROM kv_namespaces WHERE account = ?1 AND title = ?2")?
        .exists([account.as_str(), title])?;
    if taken {
        let text = "a namespace with this account ID and title already exists";
        return Err(Error::Taken(text.to_owned()).into());
    }
    Ok(())
}

pub(super) fn create(
    change: &Change<'_>,
    account: &AccountId,
    title: &str,
) -> Fallible<KvNamespaceInfo> {
    accounts::need(&change.sql, account)?;
    check_title(&change.sql, account, title)?;
    let new =
        KvNamespaceInfo { id: random_id(), title: title.to_owned(), account: account.clone() };
    change
        .sql
        .prepare_cached("INSERT INTO kv_namespaces (id, account, title) VALUES (?1, ?2, ?3)")?
        .execute([&new.id, account.as_str(), title])?;
    change.note(Some(account), "kv.create", title)?;
    Ok(new)
}

pub(super) fn rename(
    change: &Change<'_>,
    account: &AccountId,
    id: &str,
    title: &str,
) -> Fallible<()> {
    if need(&change.sql, account, id)?.title == title {
        return Ok(());
    }
    check_title(&change.sql, account, title)?;
    change.sql.execute("UPDATE kv_namespaces SET title = ?2 WHERE id = ?1", [id, title])?;
    change.note(Some(account), "kv.rename", title)
}

pub(super) fn delete(change: &Change<'_>, account: &AccountId, id: &str) -> Fallible<()> {
    let namespace = need(&change.sql, account, id)?;
    if let Some(worker) = user(&change.sql, id)? {
        let text =
            format!("the namespace is bound to the Worker \"{worker}\", which is deployed with it");
        return Err(Error::Taken(text).into());
    }
    change.sql.execute("DELETE FROM kv_namespaces WHERE id = ?1", [id])?;
    change.note(Some(account), "kv.delete", &namespace.title)
}

/// A Worker whose deployment has a version that is bound to the namespace.
fn user(sql: &Connection, id: &str) -> Fallible<Option<String>> {
    let found = sql
        .prepare_cached(
            "SELECT w.name FROM version_namespaces n
             JOIN versions v ON v.id = n.version
             JOIN workers w ON w.id = v.worker
             JOIN deployments d ON d.number =
               (SELECT max(number) FROM deployments WHERE worker = w.id)
             WHERE n.namespace = ?1 AND instr(d.shares, v.id) > 0
             LIMIT 1",
        )?
        .query_row([id], |row| row.get(0))
        .optional()?;
    Ok(found)
}
