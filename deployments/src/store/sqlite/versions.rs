//! Versions and deployments.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::row::{self, need_worker, to_json};
use super::{Change, Fallible, kv, secrets, workers};
use crate::binding::BindingKind;
use crate::deployment::{Deployment, NewDeployment, Percentage, Share};
use crate::error::Error;
use crate::ids::{BlobHash, DeploymentId, VersionId, WorkerKey};
use crate::store::Then;
use crate::version::{NewVersion, Version, VersionContent, VersionSummary};

/// Versions, and deployments, that are kept of a Worker: 100, which is how far
/// one can roll back on Cloudflare. What serves is kept besides.
pub(super) const MAX_KEPT: u64 = 100;
/// Versions in a deployment.
const MAX_SHARES: usize = 10;

const COLUMNS: &str = "SELECT v.id, v.number, v.created_on, v.source, v.author, v.annotations,
    v.content, v.assets, v.handlers, v.named_handlers, v.startup_ms, v.etag, v.size
    FROM versions v JOIN workers w ON w.id = v.worker WHERE w.account = ?1 AND w.name = ?2";

fn read(row: &Row<'_>) -> rusqlite::Result<Version> {
    let mut content: VersionContent = row::json(row, 6)?;
    content.assets = row::optional_json(row, 7)?;
    Ok(Version {
        id: row::id(row, 0)?,
        number: row::count(row, 1)?,
        created_on: row.get(2)?,
        source: row.get(3)?,
        author: row.get(4)?,
        annotations: row::json(row, 5)?,
        content,
        handlers: row::json(row, 8)?,
        named_handlers: row::json(row, 9)?,
        startup_time_ms: row.get(10)?,
        etag: row.get(11)?,
        size_bytes: row::count(row, 12)?,
    })
}

fn with_secrets(sql: &Connection, found: Option<Version>) -> Fallible<Option<Version>> {
    let Some(mut version) = found else { return Ok(None) };
    secrets::fill(sql, version.id, &mut version.content.bindings)?;
    Ok(Some(version))
}

pub(super) fn find(sql: &Connection, key: &WorkerKey, id: VersionId) -> Fallible<Option<Version>> {
    let found = sql
        .prepare_cached(&format!("{COLUMNS} AND v.id = ?3"))?
        .query_row([key.account.as_str(), &key.name, &id.to_string()], read)
        .optional()?;
    with_secrets(sql, found)
}

pub(super) fn latest(sql: &Connection, key: &WorkerKey) -> Fallible<Option<Version>> {
    let found = sql
        .prepare_cached(&format!("{COLUMNS} ORDER BY v.number DESC LIMIT 1"))?
        .query_row([key.account.as_str(), &key.name], read)
        .optional()?;
    with_secrets(sql, found)
}

pub(super) fn by_prefix(
    sql: &Connection,
    key: &WorkerKey,
    prefix: &str,
) -> Fallible<Option<VersionId>> {
    if prefix.len() != 8 || !prefix.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Ok(None);
    }
    let found = sql
        .prepare_cached(
            "SELECT v.id FROM versions v JOIN workers w ON w.id = v.worker
             WHERE w.account = ?1 AND w.name = ?2 AND v.id >= ?3 || '-' AND v.id < ?3 || '.'
             ORDER BY v.number DESC LIMIT 1",
        )?
        .query_row([key.account.as_str(), &key.name, &prefix.to_ascii_lowercase()], |row| {
            row::id(row, 0)
        })
        .optional()?;
    Ok(found)
}

pub(super) fn list(sql: &Connection, key: &WorkerKey) -> Fallible<Vec<VersionSummary>> {
    let worker = need_worker(sql, key)?;
    let rows = sql
        .prepare_cached(
            "SELECT id, number, created_on, source, author, annotations FROM versions
             WHERE worker = ?1 ORDER BY number DESC",
        )?
        .query_map([worker], |row| {
            Ok(VersionSummary {
                id: row::id(row, 0)?,
                number: row::count(row, 1)?,
                created_on: row.get(2)?,
                source: row.get(3)?,
                author: row.get(4)?,
                annotations: row::json(row, 5)?,
            })
        })?
        .collect::<rusqlite::Result<_>>()?;
    Ok(rows)
}

/// All blobs that a version needs, with their sizes.
pub(super) fn blobs(content: &VersionContent) -> BTreeMap<&BlobHash, u64> {
    let modules = content.modules.iter().map(|module| (&module.blob, module.size));
    let assets = content.assets.iter().flat_map(|assets| assets.manifest.values());
    modules.chain(assets.map(|asset| (&asset.blob, asset.size))).collect()
}

/// What the code is: modules by name and content.
fn etag(content: &VersionContent) -> String {
    let mut hasher = blake3::Hasher::new();
    for module in &content.modules {
        for part in [&module.name, module.blob.as_str()] {
            hasher.update(part.as_bytes()).update(&[0]);
        }
    }
    hasher.finalize().to_hex().to_string()
}

pub(super) fn put(
    change: &Change<'_>,
    key: &WorkerKey,
    new: NewVersion,
    then: Then,
) -> Fallible<Version> {
    let worker = workers::need_or_create(change, key)?;
    let number: u64 = change
        .sql
        .prepare_cached(
            "UPDATE workers SET last_number = last_number + 1, modified_on = ?2,
               last_deployed_from = ?3
             WHERE id = ?1 RETURNING last_number",
        )?
        .query_row(params![worker, change.now, new.source], |row| row::count(row, 0))?;
    let size_bytes = new.content.modules.iter().map(|module| module.size).sum();
    let version = Version {
        id: VersionId::random(),
        number,
        created_on: change.now,
        source: new.source,
        author: change.by.name.clone(),
        annotations: new.annotations,
        etag: etag(&new.content),
        content: new.content,
        handlers: new.handlers,
        named_handlers: new.named_handlers,
        startup_time_ms: new.startup_time_ms,
        size_bytes,
    };
    insert(change, worker, &version)?;
    insert_needs(change, key, &version)?;
    secrets::put(change, version.id, &version.content.bindings)?;
    change.note(Some(&key.account), "version.create", &format!("{} {}", key.name, version.id))?;
    if let Then::Deploy { annotations, settings } = then {
        if let Some(settings) = settings {
            workers::store_settings(change, worker, &settings)?;
        }
        let shares = vec![Share { version: version.id, percentage: Percentage::FULL }];
        deploy(change, key, NewDeployment { source: version.source.clone(), annotations, shares })?;
    }
    prune(change, worker, number)?;
    Ok(version)
}

fn insert(change: &Change<'_>, worker: i64, version: &Version) -> Fallible<()> {
    change
        .sql
        .prepare_cached(
            "INSERT INTO versions (id, worker, number, created_on, source, author, annotations,
               content, assets, handlers, named_handlers, startup_ms, etag, size)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)",
        )?
        .execute(params![
            version.id.to_string(),
            worker,
            row::number(version.number),
            version.created_on,
            version.source,
            version.author,
            to_json(&version.annotations)?,
            to_json(&version.content)?,
            version.content.assets.as_ref().map(to_json).transpose()?,
            to_json(&version.handlers)?,
            to_json(&version.named_handlers)?,
            version.startup_time_ms,
            version.etag,
            row::number(version.size_bytes)
        ])?;
    Ok(())
}

fn insert_needs(change: &Change<'_>, key: &WorkerKey, version: &Version) -> Fallible<()> {
    let id = version.id.to_string();
    for (blob, size) in blobs(&version.content) {
        change
            .sql
            .prepare_cached("INSERT INTO version_blobs (version, blob, size) VALUES (?1, ?2, ?3)")?
            .execute(params![id, blob.as_str(), row::number(size)])?;
    }
    let namespaces: BTreeSet<&str> = version
        .content
        .bindings
        .iter()
        .filter_map(|binding| match &binding.kind {
            BindingKind::Kv { namespace } => Some(namespace.as_str()),
            _ => None,
        })
        .collect();
    for namespace in namespaces {
        kv::need(&change.sql, &key.account, namespace)?;
        change
            .sql
            .prepare_cached("INSERT INTO version_namespaces (version, namespace) VALUES (?1, ?2)")?
            .execute([&id, namespace])?;
    }
    Ok(())
}

/// Forgets old versions and deployments, but for what serves.
fn prune(change: &Change<'_>, worker: i64, last: u64) -> Fallible<()> {
    change
        .sql
        .prepare_cached(
            "DELETE FROM versions WHERE worker = ?1 AND number + ?2 <= ?3 AND NOT EXISTS (
               SELECT 1 FROM deployments d
               WHERE d.number = (SELECT max(number) FROM deployments WHERE worker = ?1)
                 AND instr(d.shares, versions.id) > 0)",
        )?
        .execute(params![worker, row::number(MAX_KEPT), row::number(last)])?;
    Ok(())
}

pub(super) fn deploy(
    change: &Change<'_>,
    key: &WorkerKey,
    new: NewDeployment,
) -> Fallible<Deployment> {
    let worker = need_worker(&change.sql, key)?;
    check_shares(change, worker, &new.shares)?;
    let deployment = Deployment {
        id: DeploymentId::random(),
        created_on: change.now,
        source: new.source,
        author: change.by.name.clone(),
        annotations: new.annotations,
        shares: new.shares,
    };
    change
        .sql
        .prepare_cached(
            "INSERT INTO deployments (id, worker, created_on, source, author, annotations, shares)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?
        .execute(params![
            deployment.id.to_string(),
            worker,
            deployment.created_on,
            deployment.source,
            deployment.author,
            to_json(&deployment.annotations)?,
            to_json(&deployment.shares)?
        ])?;
    change
        .sql
        .prepare_cached(
            "DELETE FROM deployments WHERE worker = ?1 AND number <= (
               SELECT number FROM deployments WHERE worker = ?1
               ORDER BY number DESC LIMIT 1 OFFSET ?2)",
        )?
        .execute(params![worker, row::number(MAX_KEPT)])?;
    workers::touch(change, worker)?;
    let subject = format!("{} {}", key.name, deployment.id);
    change.note(Some(&key.account), "deployment.create", &subject)?;
    Ok(deployment)
}

fn check_shares(change: &Change<'_>, worker: i64, shares: &[Share]) -> Fallible<()> {
    let invalid = |text: String| Err(Error::Invalid(text).into());
    if shares.is_empty() || shares.len() > MAX_SHARES {
        return invalid(format!("a deployment has 1 to {MAX_SHARES} versions"));
    }
    let mut sum = 0;
    for (index, share) in shares.iter().enumerate() {
        sum += u32::from(share.percentage.hundredths());
        if shares[..index].iter().any(|earlier| earlier.version == share.version) {
            return invalid(format!("the version {} stands there twice", share.version));
        }
        let found = change
            .sql
            .prepare_cached("SELECT 1 FROM versions WHERE worker = ?1 AND id = ?2")?
            .exists(params![worker, share.version.to_string()])?;
        if !found {
            return Err(Error::NoVersion(share.version).into());
        }
    }
    if sum != u32::from(Percentage::FULL.hundredths()) {
        let percent = f64::from(sum) / 100.0;
        return invalid(format!("the percentages add up to {percent}, and must to 100"));
    }
    Ok(())
}

pub(super) fn deployments(sql: &Connection, key: &WorkerKey) -> Fallible<Vec<Deployment>> {
    let worker = need_worker(sql, key)?;
    let rows = sql
        .prepare_cached(
            "SELECT id, created_on, source, author, annotations, shares FROM deployments
             WHERE worker = ?1 ORDER BY number DESC",
        )?
        .query_map([worker], |row| {
            Ok(Deployment {
                id: row::id(row, 0)?,
                created_on: row.get(1)?,
                source: row.get(2)?,
                author: row.get(3)?,
                annotations: row::json(row, 4)?,
                shares: row::json(row, 5)?,
            })
        })?
        .collect::<rusqlite::Result<_>>()?;
    Ok(rows)
}
