//! Tokens.

use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::row::{self, check_name, to_json};
use super::{Change, Fallible, accounts};
use crate::UnixMillis;
use crate::error::Error;
use crate::ids::{AccountId, TokenId};
use crate::token::{NewToken, Token, TokenSecret};

/// How exact the time of last use is: an hour, so that requests write little.
const LAST_USE_MS: UnixMillis = 3_600_000;

const COLUMNS: &str = "SELECT id, account, name, scopes, created_on, expires_on, last_used_on
    FROM tokens";

fn read(row: &Row<'_>) -> rusqlite::Result<Token> {
    Ok(Token {
        id: row::id(row, 0)?,
        account: row::optional_id(row, 1)?,
        name: row.get(2)?,
        scopes: row::json(row, 3)?,
        created_on: row.get(4)?,
        expires_on: row.get(5)?,
        last_used_on: row.get(6)?,
    })
}

pub(super) fn create(change: &Change<'_>, new: NewToken) -> Fallible<(Token, TokenSecret)> {
    check_name("a token", &new.name)?;
    if new.scopes.is_empty() {
        return Err(Error::Invalid("a token has at least one scope".to_owned()).into());
    }
    if new.expires_on.is_some_and(|at| at <= change.now) {
        return Err(Error::Invalid("the token would have expired already".to_owned()).into());
    }
    if let Some(account) = &new.account {
        accounts::need(&change.sql, account)?;
    }
    let secret = TokenSecret::random()?;
    let token = Token {
        id: TokenId::random(),
        account: new.account,
        name: new.name,
        scopes: new.scopes,
        created_on: change.now,
        expires_on: new.expires_on,
        last_used_on: None,
    };
    change
        .sql
        .prepare_cached(
            "INSERT INTO tokens (id, account, name, scopes, hash, created_on, expires_on)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?
        .execute(params![
            token.id.as_str(),
            token.account.as_ref().map(AccountId::as_str),
            token.name,
            to_json(&token.scopes)?,
            TokenSecret::hash(secret.reveal()),
            token.created_on,
            token.expires_on
        ])?;
    change.note(token.account.as_ref(), "token.create", &token.name)?;
    Ok((token, secret))
}

pub(super) fn list(sql: &Connection, account: Option<&AccountId>) -> Fallible<Vec<Token>> {
    let wanted = match account {
        Some(_) => "WHERE account = ?1",
        None => "WHERE ?1 IS NULL",
    };
    let rows = sql
        .prepare_cached(&format!("{COLUMNS} {wanted} ORDER BY created_on, id"))?
        .query_map([account.map(AccountId::as_str)], read)?
        .collect::<rusqlite::Result<_>>()?;
    Ok(rows)
}

/// A token that is valid, with its hash.
pub(super) fn key(
    sql: &Connection,
    id: &TokenId,
    now: UnixMillis,
) -> Fallible<Option<(Token, Vec<u8>)>> {
    let found = sql
        .prepare_cached(
            "SELECT id, account, name, scopes, created_on, expires_on, last_used_on, hash
             FROM tokens WHERE id = ?1 AND (expires_on IS NULL OR expires_on > ?2)",
        )?
        .query_row(params![id.as_str(), now], |row| Ok((read(row)?, row.get(7)?)))
        .optional()?;
    Ok(found)
}

/// By the hash: how long the search takes tells nothing of a secret that has the
/// hash.
pub(super) fn find(sql: &Connection, secret: &str, now: UnixMillis) -> Fallible<Option<Token>> {
    let found = sql
        .prepare_cached(&format!(
            "{COLUMNS} WHERE hash = ?1 AND (expires_on IS NULL OR expires_on > ?2)"
        ))?
        .query_row(params![TokenSecret::hash(secret), now], read)
        .optional()?;
    Ok(found)
}

pub(super) fn is_to_be_marked(token: &Token, now: UnixMillis) -> bool {
    token.last_used_on.is_none_or(|at| now - at >= LAST_USE_MS)
}

pub(super) fn mark(change: &Change<'_>, id: &TokenId) -> Fallible<()> {
    change
        .sql
        .prepare_cached("UPDATE tokens SET last_used_on = ?2 WHERE id = ?1")?
        .execute(params![id.as_str(), change.now])?;
    Ok(())
}

pub(super) fn revoke(
    change: &Change<'_>,
    account: Option<&AccountId>,
    id: &TokenId,
) -> Fallible<()> {
    let token = change
        .sql
        .prepare_cached(&format!("{COLUMNS} WHERE id = ?1"))?
        .query_row([id.as_str()], read)
        .optional()?
        .filter(|token| account.is_none() || token.account.as_ref() == account)
        .ok_or_else(|| Error::missing("token", id.as_str()))?;
    change.sql.execute("DELETE FROM tokens WHERE id = ?1", [id.as_str()])?;
    change.note(token.account.as_ref(), "token.revoke", &token.name)
}
