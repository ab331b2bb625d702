//! Zones and routes: which hosts are whose.

use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::row::{self, need_worker, random_id};
use super::{Change, Fallible, Options, accounts, workers};
use crate::error::Error;
use crate::ids::{AccountId, WorkerKey};
use crate::names::{self, Pattern};
use crate::zone::{NewRoute, Route, Zone, ZonePolicy};

const ZONE: &str = "SELECT id, account, name, created_on FROM zones";
const ROUTE: &str = "SELECT r.id, r.pattern, r.zone, w.name FROM routes r
    JOIN workers w ON w.id = r.worker";

fn read_zone(row: &Row<'_>) -> rusqlite::Result<Zone> {
    Ok(Zone {
        id: row.get(0)?,
        account: row::id(row, 1)?,
        name: row.get(2)?,
        created_on: Some(row.get(3)?),
    })
}

/// The columns of a route, beginning with this one.
pub(super) fn route(row: &Row<'_>, first: usize) -> rusqlite::Result<Route> {
    Ok(Route {
        id: row.get(first)?,
        pattern: row.get(first + 1)?,
        zone: row.get(first + 2)?,
        script: row.get(first + 3)?,
    })
}

// ----- Zones. -----

pub(super) fn zones(sql: &Connection, account: &AccountId) -> Fallible<Vec<Zone>> {
    let rows = sql
        .prepare_cached(&format!("{ZONE} WHERE account = ?1 ORDER BY name"))?
        .query_map([account.as_str()], read_zone)?
        .collect::<rusqlite::Result<_>>()?;
    Ok(rows)
}

pub(super) fn zone(sql: &Connection, account: &AccountId, id: &str) -> Fallible<Option<Zone>> {
    let found = sql
        .prepare_cached(&format!("{ZONE} WHERE account = ?1 AND id = ?2"))?
        .query_row([account.as_str(), id], read_zone)
        .optional()?;
    Ok(found)
}

fn named(sql: &Connection, name: &str) -> Fallible<Option<Zone>> {
    let found = sql
        .prepare_cached(&format!("{ZONE} WHERE name = ?1"))?
        .query_row([name], read_zone)
        .optional()?;
    Ok(found)
}

pub(super) fn zone_by_name(
    sql: &Connection,
    options: &Options,
    account: &AccountId,
    name: &str,
) -> Fallible<Option<Zone>> {
    let Some(name) = names::host(name) else { return Ok(None) };
    if let Some(zone) = named(sql, &name)? {
        return Ok(Some(zone).filter(|zone| zone.account == *account));
    }
    // Within a zone of the account, a name is no zone of its own.
    if around(sql, account, &name)?.is_some() || check_free(sql, options, account, &name).is_err() {
        return Ok(None);
    }
    Ok(Some(Zone { id: zone_id(account, &name), account: account.clone(), name, created_on: None }))
}

/// The same before and after the account has it, for clients ask for it first.
fn zone_id(account: &AccountId, name: &str) -> String {
    let hash = blake3::hash(format!("zone\n{account}\n{name}").as_bytes());
    hash.to_hex().chars().take(32).collect()
}

/// The smallest zone of the account that a host lies in.
fn around(sql: &Connection, account: &AccountId, host: &str) -> Fallible<Option<Zone>> {
    for suffix in suffixes(host) {
        if let Some(zone) = named(sql, suffix)?.filter(|zone| zone.account == *account) {
            return Ok(Some(zone));
        }
    }
    Ok(None)
}

/// `a.b.c`, `b.c`, `c`.
fn suffixes(host: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(host), |host| host.split_once('.').map(|(_, rest)| rest))
}

/// Whether an account may have a zone by itself.
fn check_free(
    sql: &Connection,
    options: &Options,
    account: &AccountId,
    name: &str,
) -> Fallible<()> {
    let taken = |text: String| Err(Error::Taken(text).into());
    if options.zones == ZonePolicy::Assigned {
        return taken(format!("only the operator of this server gives zones away: {name}"));
    }
    if !name.contains('.') {
        return taken(format!("\"{name}\" is no zone that an account can have"));
    }
    if let Some(domain) = &options.domain
        && (names::is_within(name, domain) || names::is_within(domain, name))
    {
        return taken(format!("{name} belongs to this server"));
    }
    check_others(sql, account, name)
}

/// Zones of different accounts never lie within each other.
fn check_others(sql: &Connection, account: &AccountId, name: &str) -> Fallible<()> {
    let taken = || Err(Error::Taken(format!("another account has {name}, or a part of it")).into());
    for suffix in suffixes(name) {
        if named(sql, suffix)?.is_some_and(|zone| zone.account != *account) {
            return taken();
        }
    }
    let below = sql
        .prepare_cached(
            "SELECT 1 FROM zones WHERE account <> ?1 AND substr(name, -length(?2)) = ?2",
        )?
        .exists([account.as_str(), &format!(".{name}")])?;
    if below { taken() } else { Ok(()) }
}

fn insert_zone(
    change: &Change<'_>,
    account: &AccountId,
    name: &str,
    given: bool,
) -> Fallible<Zone> {
    let zone = Zone {
        id: zone_id(account, name),
        account: account.clone(),
        name: name.to_owned(),
        created_on: Some(change.now),
    };
    change
        .sql
        .prepare_cached(
            "INSERT INTO zones (id, account, name, created_on, given) VALUES (?1, ?2, ?3, ?4, ?5)",
        )?
        .execute(params![zone.id, account.as_str(), name, change.now, given])?;
    change.note(Some(account), "zone.create", name)?;
    Ok(zone)
}

/// What the operator does: also what nobody may take by himself.
pub(super) fn assign(change: &Change<'_>, account: &AccountId, name: &str) -> Fallible<Zone> {
    let host = names::host(name)
        .ok_or_else(|| Error::Invalid(format!("\"{name}\" is not a host name")))?;
    accounts::need(&change.sql, account)?;
    if let Some(zone) = named(&change.sql, &host)?.filter(|zone| zone.account == *account) {
        change.sql.execute("UPDATE zones SET given = TRUE WHERE id = ?1", [&zone.id])?;
        return Ok(zone);
    }
    check_others(&change.sql, account, &host)?;
    insert_zone(change, account, &host, true)
}

pub(super) fn release(change: &Change<'_>, account: &AccountId, id: &str) -> Fallible<()> {
    let zone = zone(&change.sql, account, id)?.ok_or_else(|| Error::missing("zone", id))?;
    change.sql.execute("DELETE FROM zones WHERE id = ?1", [id])?;
    change.note(Some(account), "zone.delete", &zone.name)
}

/// The zone that a route or domain lies in; it is the account's from now on.
pub(super) fn zone_for(
    change: &Change<'_>,
    account: &AccountId,
    host: &str,
    zone_name: Option<&str>,
    zone_id: Option<&str>,
) -> Fallible<Zone> {
    if let Some(domain) = &change.options.domain
        && names::is_within(host, domain)
    {
        let text = format!("{host} belongs to this server: Workers answer there by their names");
        return Err(Error::Taken(text).into());
    }
    let outside = |zone: &str| {
        Err(Error::Invalid(format!("the host {host} is not in the zone {zone}")).into())
    };
    if let Some(zone) = zone_id.map(|id| zone(&change.sql, account, id)).transpose()?.flatten() {
        return if names::is_within(host, &zone.name) { Ok(zone) } else { outside(&zone.name) };
    }
    let wanted = match zone_name {
        None => None,
        Some(name) => match names::host(name) {
            Some(name) if names::is_within(host, &name) => Some(name),
            _ => return outside(name),
        },
    };
    if let Some(zone) = around(&change.sql, account, host)? {
        return Ok(zone);
    }
    let name = wanted.as_deref().unwrap_or(host);
    check_free(&change.sql, change.options, account, name)?;
    insert_zone(change, account, name, false)
}

/// Zones that an account took go with their last route or domain, so that a name
/// that nobody uses is nobody's.
pub(super) fn release_unused(change: &Change<'_>, account: &AccountId) -> Fallible<()> {
    change
        .sql
        .prepare_cached(
            "DELETE FROM zones WHERE account = ?1 AND NOT given
               AND NOT EXISTS (SELECT 1 FROM routes WHERE zone = zones.id)
               AND NOT EXISTS (SELECT 1 FROM domains WHERE zone = zones.id)",
        )?
        .execute([account.as_str()])?;
    Ok(())
}

// ----- Routes. -----

pub(super) fn zone_routes(
    sql: &Connection,
    account: &AccountId,
    zone: &str,
) -> Fallible<Vec<Route>> {
    let rows = sql
        .prepare_cached(&format!(
            "{ROUTE} WHERE w.account = ?1 AND r.zone = ?2 ORDER BY r.pattern"
        ))?
        .query_map([account.as_str(), zone], |row| route(row, 0))?
        .collect::<rusqlite::Result<_>>()?;
    Ok(rows)
}

pub(super) fn routes(sql: &Connection, key: &WorkerKey) -> Fallible<Vec<Route>> {
    let worker = need_worker(sql, key)?;
    let rows = sql
        .prepare_cached(&format!("{ROUTE} WHERE r.worker = ?1 ORDER BY r.place, r.pattern"))?
        .query_map([worker], |row| route(row, 0))?
        .collect::<rusqlite::Result<_>>()?;
    Ok(rows)
}

pub(super) fn set_routes(
    change: &Change<'_>,
    key: &WorkerKey,
    wanted: &[NewRoute],
) -> Fallible<Vec<Route>> {
    let worker = need_worker(&change.sql, key)?;
    let old = routes(&change.sql, key)?;
    change.sql.prepare_cached("DELETE FROM routes WHERE worker = ?1")?.execute([worker])?;
    for (place, new) in wanted.iter().enumerate() {
        insert_route(change, key, worker, new, place, &old)?;
    }
    release_unused(change, &key.account)?;
    change.note(Some(&key.account), "worker.routes", &key.name)?;
    routes(&change.sql, key)
}

pub(super) fn add_route(change: &Change<'_>, key: &WorkerKey, new: &NewRoute) -> Fallible<Route> {
    let worker = need_worker(&change.sql, key)?;
    let place = routes(&change.sql, key)?.len();
    let route = insert_route(change, key, worker, new, place, &[])?;
    change.note(Some(&key.account), "worker.routes", &key.name)?;
    Ok(route)
}

/// What was there keeps its id.
fn insert_route(
    change: &Change<'_>,
    key: &WorkerKey,
    worker: i64,
    new: &NewRoute,
    place: usize,
    old: &[Route],
) -> Fallible<Route> {
    let parsed = Pattern::parse(&new.pattern).map_err(Error::Invalid)?;
    let pattern = normal(&new.pattern, &parsed);
    let zone = zone_for(
        change,
        &key.account,
        parsed.host.name(),
        new.zone_name.as_deref(),
        new.zone_id.as_deref(),
    )?;
    let id = old
        .iter()
        .find(|route| route.pattern == pattern)
        .map_or_else(random_id, |route| route.id.clone());
    check_holder(change, key, &pattern)?;
    change
        .sql
        .prepare_cached(
            "INSERT INTO routes (id, worker, zone, pattern, place) VALUES (?1, ?2, ?3, ?4, ?5)",
        )?
        .execute(params![id, worker, zone.id, pattern, row::number(place as u64)])?;
    Ok(Route { id, pattern, zone: zone.id, script: key.name.clone() })
}

/// Nobody must have the route. Zones are disjoint, so it could only be another
/// Worker of the account.
fn check_holder(change: &Change<'_>, key: &WorkerKey, pattern: &str) -> Fallible<()> {
    let holder: Option<WorkerKey> = change
        .sql
        .prepare_cached(
            "SELECT w.account, w.name FROM routes r JOIN workers w ON w.id = r.worker
             WHERE r.pattern = ?1",
        )?
        .query_row([pattern], |row| workers::key(row, 0))
        .optional()?;
    let Some(holder) = holder else { return Ok(()) };
    let text = match holder == *key {
        true => format!("the route {pattern} stands there twice"),
        false => format!("the route {pattern} is already that of \"{}\"", holder.name),
    };
    Err(Error::Taken(text).into())
}

/// The pattern with its host in lower case, so that equal ones are equal.
fn normal(text: &str, parsed: &Pattern) -> String {
    let begin = text.find("://").map_or(0, |at| at + 3);
    let rest = &text[begin..];
    let path = rest.find('/').map_or("/", |slash| &rest[slash..]);
    let star = match parsed.host {
        names::HostPattern::Exact(_) => "",
        names::HostPattern::Below(_) => "*.",
        names::HostPattern::With(_) => "*",
    };
    let scheme = parsed.scheme.map(|scheme| format!("{scheme}://")).unwrap_or_default();
    format!("{scheme}{star}{}{path}", parsed.host.name())
}

pub(super) fn delete_route(
    change: &Change<'_>,
    account: &AccountId,
    id: &str,
) -> Fallible<WorkerKey> {
    let key: WorkerKey = change
        .sql
        .prepare_cached(
            "SELECT w.account, w.name FROM routes r JOIN workers w ON w.id = r.worker
             WHERE w.account = ?1 AND r.id = ?2",
        )?
        .query_row([account.as_str(), id], |row| workers::key(row, 0))
        .optional()?
        .ok_or_else(|| Error::missing("route", id))?;
    change.sql.prepare_cached("DELETE FROM routes WHERE id = ?1")?.execute([id])?;
    release_unused(change, account)?;
    change.note(Some(account), "worker.routes", &key.name)?;
    Ok(key)
}
