//! Custom domains.

use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::row::{need_worker, random_id};
use super::{Change, Fallible, hosts, workers};
use crate::error::Error;
use crate::ids::{AccountId, WorkerKey};
use crate::names;
use crate::zone::{Domain, NewDomain};

const COLUMNS: &str = "SELECT d.id, d.hostname, d.zone, w.account, w.name, d.enabled, d.previews
    FROM domains d JOIN workers w ON w.id = d.worker";

/// The columns of a domain, beginning with this one.
pub(super) fn domain(row: &Row<'_>, first: usize) -> rusqlite::Result<Domain> {
    Ok(Domain {
        id: row.get(first)?,
        hostname: row.get(first + 1)?,
        zone: row.get(first + 2)?,
        worker: workers::key(row, first + 3)?,
        enabled: row.get(first + 5)?,
        previews_enabled: row.get(first + 6)?,
    })
}

pub(super) fn list(sql: &Connection, account: &AccountId) -> Fallible<Vec<Domain>> {
    let rows = sql
        .prepare_cached(&format!("{COLUMNS} WHERE w.account = ?1 ORDER BY d.hostname"))?
        .query_map([account.as_str()], |row| domain(row, 0))?
        .collect::<rusqlite::Result<_>>()?;
    Ok(rows)
}

fn at(sql: &Connection, hostname: &str) -> Fallible<Option<Domain>> {
    let found = sql
        .prepare_cached(&format!("{COLUMNS} WHERE d.hostname = ?1"))?
        .query_row([hostname], |row| domain(row, 0))
        .optional()?;
    Ok(found)
}

pub(super) fn set(
    change: &Change<'_>,
    key: &WorkerKey,
    wanted: &[NewDomain],
    take_over: bool,
) -> Fallible<(Vec<Domain>, Vec<WorkerKey>)> {
    let worker = need_worker(&change.sql, key)?;
    let old: Vec<Domain> = list(&change.sql, &key.account)?
        .into_iter()
        .filter(|domain| domain.worker == *key)
        .collect();
    change.sql.prepare_cached("DELETE FROM domains WHERE worker = ?1")?.execute([worker])?;
    let mut losers = Vec::new();
    let mut now = Vec::new();
    for new in wanted {
        let domain = insert(change, key, worker, new, take_over, &old, &mut losers)?;
        now.push(domain);
    }
    hosts::release_unused(change, &key.account)?;
    change.note(Some(&key.account), "worker.domains", &key.name)?;
    Ok((now, losers))
}

fn insert(
    change: &Change<'_>,
    key: &WorkerKey,
    worker: i64,
    new: &NewDomain,
    take_over: bool,
    old: &[Domain],
    losers: &mut Vec<WorkerKey>,
) -> Fallible<Domain> {
    let hostname = names::host(&new.hostname)
        .ok_or_else(|| Error::Invalid(format!("\"{}\" is not a host name", new.hostname)))?;
    let (name, id) = (new.zone_name.as_deref(), new.zone_id.as_deref());
    // Fails for a host that another account has.
    let zone = hosts::zone_for(change, &key.account, &hostname, name, id)?;
    losers.extend(vacate(change, key, &hostname, take_over)?);
    let known = old.iter().find(|domain| domain.hostname == hostname);
    let domain = Domain {
        id: known.map_or_else(random_id, |domain| domain.id.clone()),
        hostname,
        zone: zone.id,
        worker: key.clone(),
        enabled: new.enabled,
        previews_enabled: new.previews_enabled,
    };
    change
        .sql
        .prepare_cached(
            "INSERT INTO domains (id, worker, zone, hostname, enabled, previews)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute(params![
            domain.id,
            worker,
            domain.zone,
            domain.hostname,
            domain.enabled,
            domain.previews_enabled
        ])?;
    Ok(domain)
}

/// Sees that nobody has the host; gives who had it.
fn vacate(
    change: &Change<'_>,
    key: &WorkerKey,
    hostname: &str,
    take_over: bool,
) -> Fallible<Option<WorkerKey>> {
    let Some(holder) = at(&change.sql, hostname)? else { return Ok(None) };
    if holder.worker == *key {
        return Err(Error::Invalid(format!("the domain {hostname} stands there twice")).into());
    }
    if !take_over {
        let text = format!("the domain {hostname} is that of \"{}\"", holder.worker.name);
        return Err(Error::Taken(text).into());
    }
    change.sql.prepare_cached("DELETE FROM domains WHERE id = ?1")?.execute([&holder.id])?;
    Ok(Some(holder.worker))
}

pub(super) fn delete(change: &Change<'_>, account: &AccountId, id: &str) -> Fallible<WorkerKey> {
    let domain = change
        .sql
        .prepare_cached(&format!("{COLUMNS} WHERE w.account = ?1 AND d.id = ?2"))?
        .query_row([account.as_str(), id], |row| domain(row, 0))
        .optional()?
        .ok_or_else(|| Error::missing("domain", id))?;
    change.sql.prepare_cached("DELETE FROM domains WHERE id = ?1")?.execute([id])?;
    hosts::release_unused(change, account)?;
    change.note(Some(account), "worker.domains", &domain.worker.name)?;
    Ok(domain.worker)
}
