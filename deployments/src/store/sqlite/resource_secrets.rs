//! Secrets of what accounts have beside Workers: of stores, and passwords.

use rusqlite::{Connection, OptionalExtension as _, params};

use super::row::id as id_of;
use super::secrets::read;
use super::{Change, Fallible};
use crate::ids::AccountId;
use crate::resource::ResourceKind;
use crate::secret::{EncryptedSecret, Keyring, SecretText};

/// It came after the first files of this format, and is made where it is missing.
pub(super) const TABLE: &str = "CREATE TABLE IF NOT EXISTS resource_secrets (
  resource   TEXT PRIMARY KEY REFERENCES resources ON DELETE CASCADE,
  key_id     TEXT NOT NULL,
  nonce      BLOB NOT NULL,
  ciphertext BLOB NOT NULL
) WITHOUT ROWID";

const PUT: &str = "INSERT OR REPLACE INTO resource_secrets (resource, key_id, nonce, ciphertext)
  VALUES (?1, ?2, ?3, ?4)";

pub(super) fn put(
    change: &Change<'_>,
    account: &AccountId,
    kind: ResourceKind,
    id: &str,
    text: &SecretText,
) -> Fallible<()> {
    let sealed = change.options.keys.seal_at(&place(account, kind.name(), id), text)?;
    write(change, id, &sealed)
}

fn write(change: &Change<'_>, id: &str, sealed: &EncryptedSecret) -> Fallible<()> {
    change.sql.prepare_cached(PUT)?.execute(params![
        id,
        sealed.key_id,
        sealed.nonce,
        sealed.ciphertext
    ])?;
    Ok(())
}

pub(super) fn open(
    sql: &Connection,
    keys: &Keyring,
    account: &AccountId,
    kind: ResourceKind,
    id: &str,
) -> Fallible<Option<SecretText>> {
    let found = sql
        .prepare_cached(
            "SELECT s.key_id, s.nonce, s.ciphertext
             FROM resource_secrets s JOIN resources r ON r.id = s.resource
             WHERE r.id = ?1 AND r.account = ?2 AND r.kind = ?3",
        )?
        .query_row([id, account.as_str(), kind.name()], |row| read(row, 0))
        .optional()?;
    let Some(sealed) = found else { return Ok(None) };
    Ok(Some(keys.open_at(&place(account, kind.name(), id), &sealed)?))
}

/// A secret that an older key encrypted.
struct Old {
    id: String,
    account: AccountId,
    kind: String,
    sealed: EncryptedSecret,
}

/// Encrypts with the current key what was encrypted with another one.
pub(super) fn reencrypt(change: &Change<'_>) -> Fallible<u64> {
    let keys = &change.options.keys;
    let old: Vec<Old> = change
        .sql
        .prepare(
            "SELECT r.id, r.account, r.kind, s.key_id, s.nonce, s.ciphertext
             FROM resource_secrets s JOIN resources r ON r.id = s.resource
             WHERE s.key_id <> ?1",
        )?
        .query_map([keys.current_id()], |row| {
            let account = id_of(row, 1)?;
            Ok(Old { id: row.get(0)?, account, kind: row.get(2)?, sealed: read(row, 3)? })
        })?
        .collect::<rusqlite::Result<_>>()?;
    for Old { id, account, kind, sealed } in &old {
        let place = place(account, kind, id);
        write(change, id, &keys.seal_at(&place, &keys.open_at(&place, sealed)?)?)?;
    }
    if !old.is_empty() {
        change.note(None, "resource_secrets.reencrypt", keys.current_id())?;
    }
    Ok(old.len() as u64)
}

/// Where a secret belongs: it cannot be read anywhere else.
fn place(account: &AccountId, kind: &str, id: &str) -> String {
    format!("{kind} {id} of {account}")
}
