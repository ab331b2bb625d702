//! Workers.

use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::row::{self, need_worker, random_id, to_json};
use super::{Change, Fallible, accounts};
use crate::account::AccountLimits;
use crate::deployment::Share;
use crate::error::Error;
use crate::ids::{AccountId, WorkerKey};
use crate::worker::{LiveWorker, WorkerInfo, WorkerSettings};
use crate::zone::{Domain, Route};

const COLUMNS: &str = "SELECT account, name, tag, created_on, modified_on, last_deployed_from,
    workers_dev, previews, settings, EXISTS (SELECT 1 FROM deployments d WHERE d.worker = w.id)
    FROM workers w";

fn read(row: &Row<'_>) -> rusqlite::Result<WorkerInfo> {
    Ok(WorkerInfo {
        key: key(row, 0)?,
        tag: row.get(2)?,
        created_on: row.get(3)?,
        modified_on: row.get(4)?,
        last_deployed_from: row.get(5)?,
        workers_dev: row.get(6)?,
        previews: row.get(7)?,
        settings: row::json(row, 8)?,
        is_deployed: row.get(9)?,
    })
}

/// Account and name, in columns that follow each other.
pub(super) fn key(row: &Row<'_>, first: usize) -> rusqlite::Result<WorkerKey> {
    Ok(WorkerKey { account: row::id(row, first)?, name: row.get(first + 1)? })
}

pub(super) fn find(sql: &Connection, key: &WorkerKey) -> Fallible<Option<WorkerInfo>> {
    let found = sql
        .prepare_cached(&format!("{COLUMNS} WHERE account = ?1 AND name = ?2"))?
        .query_row([key.account.as_str(), &key.name], read)
        .optional()?;
    Ok(found)
}

pub(super) fn list(sql: &Connection, account: &AccountId) -> Fallible<Vec<WorkerInfo>> {
    let rows = sql
        .prepare_cached(&format!("{COLUMNS} WHERE account = ?1 ORDER BY name"))?
        .query_map([account.as_str()], read)?
        .collect::<rusqlite::Result<_>>()?;
    Ok(rows)
}

/// All Workers, or one. Few statements for all of them, for there may be tens of
/// thousands.
pub(super) fn live(sql: &Connection, only: Option<&WorkerKey>) -> Fallible<Vec<LiveWorker>> {
    let row_id = match only {
        None => None,
        Some(key) => match row::worker_row(sql, key)? {
            Some(id) => Some(id),
            None => return Ok(Vec::new()),
        },
    };
    let mut routes = routes_of(sql, row_id)?;
    let mut domains = domains_of(sql, row_id)?;
    let mut workers = sql.prepare_cached(
        "SELECT w.id, w.account, w.name, a.subdomain, w.workers_dev, w.previews, w.crons,
           w.settings, d.shares
         FROM workers w JOIN accounts a ON a.id = w.account
         LEFT JOIN deployments d ON d.number =
           (SELECT max(number) FROM deployments WHERE worker = w.id)
         WHERE ?1 IS NULL OR w.id = ?1
         ORDER BY a.created_on, w.account, w.name",
    )?;
    let rows = workers
        .query_map([row_id], |row| {
            let id: i64 = row.get(0)?;
            let shares: Option<Vec<Share>> = row::optional_json(row, 8)?;
            Ok(LiveWorker {
                key: key(row, 1)?,
                subdomain: row.get(3)?,
                workers_dev: row.get(4)?,
                previews: row.get(5)?,
                shares: shares.unwrap_or_default(),
                routes: routes.remove(&id).unwrap_or_default(),
                domains: domains.remove(&id).unwrap_or_default(),
                crons: row::json(row, 6)?,
                settings: row::json(row, 7)?,
            })
        })?
        .collect::<rusqlite::Result<_>>()?;
    Ok(rows)
}

/// The routes of all Workers, or of one.
fn routes_of(sql: &Connection, row_id: Option<i64>) -> Fallible<HashMap<i64, Vec<Route>>> {
    let mut routes: HashMap<i64, Vec<Route>> = HashMap::new();
    sql.prepare_cached(
        "SELECT r.worker, r.id, r.pattern, r.zone, w.name FROM routes r
         JOIN workers w ON w.id = r.worker
         WHERE ?1 IS NULL OR r.worker = ?1 ORDER BY r.place, r.pattern",
    )?
    .query_map([row_id], |row| Ok((row.get(0)?, super::hosts::route(row, 1)?)))?
    .try_for_each(|found| found.map(|(id, route)| routes.entry(id).or_default().push(route)))?;
    Ok(routes)
}

/// The domains of all Workers, or of one.
fn domains_of(sql: &Connection, row_id: Option<i64>) -> Fallible<HashMap<i64, Vec<Domain>>> {
    let mut domains: HashMap<i64, Vec<Domain>> = HashMap::new();
    sql.prepare_cached(
        "SELECT d.worker, d.id, d.hostname, d.zone, w.account, w.name, d.enabled, d.previews
         FROM domains d JOIN workers w ON w.id = d.worker
         WHERE ?1 IS NULL OR d.worker = ?1 ORDER BY d.hostname",
    )?
    .query_map([row_id], |row| Ok((row.get(0)?, super::domains::domain(row, 1)?)))?
    .try_for_each(|found| found.map(|(id, domain)| domains.entry(id).or_default().push(domain)))?;
    Ok(domains)
}

/// The row of a Worker, which is made if it is missing.
pub(super) fn need_or_create(change: &Change<'_>, key: &WorkerKey) -> Fallible<i64> {
    if let Some(id) = row::worker_row(&change.sql, key)? {
        return Ok(id);
    }
    if WorkerKey::parse(key.account.clone(), &key.name).is_err() {
        let text = format!("\"{}\" cannot be the name of a Worker", key.name);
        return Err(Error::Invalid(text).into());
    }
    let account = accounts::need(&change.sql, &key.account)?;
    check_count(change, &account.limits.unwrap_or_default(), &key.account)?;
    change
        .sql
        .prepare_cached(
            "INSERT INTO workers (account, name, tag, created_on, modified_on,
               last_deployed_from, workers_dev, previews, settings, crons, last_number)
             VALUES (?1, ?2, ?3, ?4, ?4, '', FALSE, FALSE, ?5, '[]', 0)",
        )?
        .execute(params![
            key.account.as_str(),
            key.name,
            random_id(),
            change.now,
            to_json(&WorkerSettings::default())?
        ])?;
    let id = change.sql.last_insert_rowid();
    change.note(Some(&key.account), "worker.create", &key.name)?;
    Ok(id)
}

fn check_count(change: &Change<'_>, limits: &AccountLimits, account: &AccountId) -> Fallible<()> {
    let Some(limit) = limits.workers else { return Ok(()) };
    let count: u32 = change
        .sql
        .prepare_cached("SELECT count(*) FROM workers WHERE account = ?1")?
        .query_row([account.as_str()], |row| row.get(0))?;
    if count < limit {
        return Ok(());
    }
    let text = format!("the account has reached its limit of {limit} Workers");
    Err(Error::Taken(text).into())
}

pub(super) fn touch(change: &Change<'_>, id: i64) -> Fallible<()> {
    change
        .sql
        .prepare_cached("UPDATE workers SET modified_on = ?2 WHERE id = ?1")?
        .execute(params![id, change.now])?;
    Ok(())
}

/// Settings without a row of their own in the log of changes.
pub(super) fn store_settings(
    change: &Change<'_>,
    id: i64,
    settings: &WorkerSettings,
) -> Fallible<()> {
    change
        .sql
        .prepare_cached("UPDATE workers SET settings = ?2 WHERE id = ?1")?
        .execute(params![id, to_json(settings)?])?;
    Ok(())
}

pub(super) fn set_settings(
    change: &Change<'_>,
    key: &WorkerKey,
    settings: &WorkerSettings,
) -> Fallible<()> {
    let id = need_worker(&change.sql, key)?;
    store_settings(change, id, settings)?;
    touch(change, id)?;
    change.note(Some(&key.account), "worker.settings", &key.name)
}

pub(super) fn set_workers_dev(
    change: &Change<'_>,
    key: &WorkerKey,
    enabled: bool,
    previews: bool,
) -> Fallible<()> {
    let id = need_worker(&change.sql, key)?;
    change
        .sql
        .prepare_cached("UPDATE workers SET workers_dev = ?2, previews = ?3 WHERE id = ?1")?
        .execute(params![id, enabled, previews])?;
    change.note(Some(&key.account), "worker.subdomain", &key.name)
}

pub(super) fn set_crons(change: &Change<'_>, key: &WorkerKey, crons: &[String]) -> Fallible<()> {
    let id = need_worker(&change.sql, key)?;
    change
        .sql
        .prepare_cached("UPDATE workers SET crons = ?2 WHERE id = ?1")?
        .execute(params![id, to_json(&crons)?])?;
    change.note(Some(&key.account), "worker.schedules", &key.name)
}

pub(super) fn delete(change: &Change<'_>, key: &WorkerKey) -> Fallible<()> {
    let id = need_worker(&change.sql, key)?;
    change.sql.execute("DELETE FROM workers WHERE id = ?1", [id])?;
    super::hosts::release_unused(change, &key.account)?;
    change.note(Some(&key.account), "worker.delete", &key.name)
}
