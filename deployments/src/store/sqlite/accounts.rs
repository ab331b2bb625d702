//! Accounts.

use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::row::{self, check_name, to_json};
use super::{Change, Fallible};
use crate::account::{Account, AccountChange, NewAccount};
use crate::error::Error;
use crate::ids::AccountId;
use crate::names;

const COLUMNS: &str = "SELECT id, name, subdomain, created_on, limits FROM accounts";

fn read(row: &Row<'_>) -> rusqlite::Result<Account> {
    Ok(Account {
        id: row::id(row, 0)?,
        name: row.get(1)?,
        subdomain: row.get(2)?,
        created_on: row.get(3)?,
        limits: row::optional_json(row, 4)?,
    })
}

pub(super) fn find(sql: &Connection, id: &AccountId) -> Fallible<Option<Account>> {
    let found = sql
        .prepare_cached(&format!("{COLUMNS} WHERE id = ?1"))?
        .query_row([id.as_str()], read)
        .optional()?;
    Ok(found)
}

pub(super) fn list(sql: &Connection) -> Fallible<Vec<Account>> {
    let rows = sql
        .prepare_cached(&format!("{COLUMNS} ORDER BY created_on, id"))?
        .query_map([], read)?
        .collect::<rusqlite::Result<_>>()?;
    Ok(rows)
}

pub(super) fn subdomain_is_taken(sql: &Connection, label: &str) -> Fallible<bool> {
    let found = sql
        .prepare_cached("SELECT 1 FROM accounts WHERE ifnull(subdomain, '') = ?1")?
        .exists([label])?;
    Ok(found)
}

pub(super) fn create(change: &Change<'_>, new: NewAccount) -> Fallible<Account> {
    check_name("an account", &new.name)?;
    let subdomain = match new.subdomain {
        Some(label) => Some(free_label(change, &label)?),
        None if !subdomain_is_taken(&change.sql, "")? => None,
        None => Some(made_label(change, &new.name)?),
    };
    let account = Account {
        id: AccountId::random(),
        name: new.name,
        subdomain,
        created_on: change.now,
        limits: new.limits,
    };
    let limits = account.limits.as_ref().map(to_json).transpose()?;
    change
        .sql
        .prepare_cached(
            "INSERT INTO accounts (id, name, subdomain, created_on, limits)
             VALUES (?1, ?2, ?3, ?4, ?5)",
        )?
        .execute(params![
            account.id.as_str(),
            account.name,
            account.subdomain,
            account.created_on,
            limits
        ])?;
    change.note(Some(&account.id), "account.create", &account.name)?;
    Ok(account)
}

fn free_label(change: &Change<'_>, label: &str) -> Fallible<String> {
    if !names::is_subdomain(label) {
        let text = format!("\"{label}\" cannot be a subdomain: it is a label of a-z, 0-9 and -");
        return Err(Error::Invalid(text).into());
    }
    if subdomain_is_taken(&change.sql, label)? {
        return Err(Error::Taken(format!("the subdomain \"{label}\" is taken")).into());
    }
    Ok(label.to_owned())
}

/// One made of a name; with a number if that is taken.
fn made_label(change: &Change<'_>, name: &str) -> Fallible<String> {
    let label = names::subdomain_of(name);
    if !subdomain_is_taken(&change.sql, &label)? {
        return Ok(label);
    }
    for number in 2..10_000 {
        let numbered = format!("{label}-{number}");
        if !subdomain_is_taken(&change.sql, &numbered)? {
            return Ok(numbered);
        }
    }
    Err(Error::Taken(format!("the subdomain \"{label}\" is taken")).into())
}

pub(super) fn update(
    change: &Change<'_>,
    id: &AccountId,
    update: AccountChange,
) -> Fallible<Account> {
    let mut account = find(&change.sql, id)?.ok_or_else(|| Error::NoAccount(id.clone()))?;
    if let Some(name) = update.name {
        check_name("an account", &name)?;
        account.name = name;
    }
    match update.subdomain {
        Some(label) if label == account.subdomain => {}
        Some(Some(label)) => account.subdomain = Some(free_label(change, &label)?),
        Some(None) if subdomain_is_taken(&change.sql, "")? => {
            let text = "another account has no subdomain, and only one can";
            return Err(Error::Taken(text.to_owned()).into());
        }
        Some(None) => account.subdomain = None,
        None => {}
    }
    if let Some(limits) = update.limits {
        account.limits = limits;
    }
    let limits = account.limits.as_ref().map(to_json).transpose()?;
    change
        .sql
        .prepare_cached("UPDATE accounts SET name = ?2, subdomain = ?3, limits = ?4 WHERE id = ?1")?
        .execute(params![id.as_str(), account.name, account.subdomain, limits])?;
    change.note(Some(id), "account.update", &account.name)?;
    Ok(account)
}

pub(super) fn delete(change: &Change<'_>, id: &AccountId) -> Fallible<()> {
    let account = find(&change.sql, id)?.ok_or_else(|| Error::NoAccount(id.clone()))?;
    change.sql.execute("DELETE FROM accounts WHERE id = ?1", [id.as_str()])?;
    change.note(Some(id), "account.delete", &account.name)
}

/// The account must be there.
pub(super) fn need(sql: &Connection, id: &AccountId) -> Fallible<Account> {
    Ok(find(sql, id)?.ok_or_else(|| Error::NoAccount(id.clone()))?)
}
