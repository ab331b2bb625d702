//! Secrets of versions.

use rusqlite::{Connection, Row, params};

use super::row::senseless;
use super::{Change, Fallible};
use crate::binding::{Binding, BindingKind};
use crate::ids::{AccountId, VersionId, WorkerKey};
use crate::secret::EncryptedSecret;

/// Puts the secrets of a version into its bindings.
pub(super) fn fill(sql: &Connection, id: VersionId, bindings: &mut [Binding]) -> Fallible<()> {
    let mut select = sql.prepare_cached(
        "SELECT key_id, nonce, ciphertext FROM secrets WHERE version = ?1 AND name = ?2",
    )?;
    for binding in bindings {
        if let BindingKind::Secret(secret) = &mut binding.kind {
            *secret = Some(select.query_row([&id.to_string(), &binding.name], |row| read(row, 0))?);
        }
    }
    Ok(())
}

pub(super) fn read(row: &Row<'_>, first: usize) -> rusqlite::Result<EncryptedSecret> {
    let nonce: Vec<u8> = row.get(first + 1)?;
    let wrong = |_| senseless(first + 1, std::io::Error::other("a nonce of another size"));
    Ok(EncryptedSecret {
        key_id: row.get(first)?,
        nonce: nonce.try_into().map_err(wrong)?,
        ciphertext: row.get(first + 2)?,
    })
}

/// Stores the secrets of a new version.
pub(super) fn put(change: &Change<'_>, id: VersionId, bindings: &[Binding]) -> Fallible<()> {
    for binding in bindings {
        let BindingKind::Secret(secret) = &binding.kind else { continue };
        let missing =
            || crate::Error::Invalid(format!("the secret \"{}\" has no text", binding.name));
        let secret = secret.as_ref().ok_or_else(missing)?;
        change
            .sql
            .prepare_cached(
                "INSERT INTO secrets (version, name, key_id, nonce, ciphertext)
                 VALUES (?1, ?2, ?3, ?4, ?5)",
            )?
            .execute(params![
                id.to_string(),
                binding.name,
                secret.key_id,
                secret.nonce,
                secret.ciphertext
            ])?;
    }
    Ok(())
}

/// A secret that an older key encrypted.
struct Old {
    version: String,
    name: String,
    worker: WorkerKey,
    secret: EncryptedSecret,
}

/// Encrypts with the current key what was encrypted with another one.
pub(super) fn reencrypt(change: &Change<'_>) -> Fallible<u64> {
    let keys = &change.options.keys;
    let old: Vec<Old> = change
        .sql
        .prepare(
            "SELECT s.version, s.name, w.account, w.name, s.key_id, s.nonce, s.ciphertext
             FROM secrets s JOIN versions v ON v.id = s.version JOIN workers w ON w.id = v.worker
             WHERE s.key_id <> ?1",
        )?
        .query_map([keys.current_id()], |row| {
            let account: AccountId = super::row::id(row, 2)?;
            Ok(Old {
                version: row.get(0)?,
                name: row.get(1)?,
                worker: WorkerKey { account, name: row.get(3)? },
                secret: read(row, 4)?,
            })
        })?
        .collect::<rusqlite::Result<_>>()?;
    for Old { version, name, worker, secret } in &old {
        let new = keys.seal(worker, name, &keys.open(worker, name, secret)?)?;
        change
            .sql
            .prepare_cached(
                "UPDATE secrets SET key_id = ?3, nonce = ?4, ciphertext = ?5
                 WHERE version = ?1 AND name = ?2",
            )?
            .execute(params![version, name, new.key_id, new.nonce, new.ciphertext])?;
    }
    if !old.is_empty() {
        change.note(None, "secrets.reencrypt", keys.current_id())?;
    }
    Ok(old.len() as u64)
}
