//! `selvedge do list` and `info`.

use std::io::{BufWriter, Write as _};

use anyhow::Context as _;
use selvedge_durable::config::Storage;
use selvedge_durable::store::{ListOptions, ObjectInfo, ObjectQuery, ObjectStorage};
use serde_json::json;

use super::args::Target;
use super::target::{Open, folder, namespace, object};
use super::time::iso;
use crate::kv::Place;

/// How many objects are read at a time.
const PAGE: usize = 1000;

/// Prints all namespaces.
pub(super) fn namespaces(json: bool, place: &Place) -> anyhow::Result<()> {
    let folder = folder(place, "list")?;
    let mut out = BufWriter::new(std::io::stdout().lock());
    let all = folder.catalog.list()?;
    if json {
        let one = |info: &selvedge_durable::catalog::NamespaceInfo| {
            json!({
                "id": info.id,
                "script": info.script,
                "class": info.class,
                "storage": info.storage.as_str(),
                "created": iso(info.created),
            })
        };
        let all: Vec<_> = all.iter().map(one).collect();
        writeln!(out, "{}", serde_json::to_string_pretty(&all)?)?;
        return out.flush().context(CANNOT_PRINT);
    }
    let class = all.iter().map(|info| info.class.chars().count()).max().unwrap_or(0);
    let script = all.iter().map(|info| info.script.chars().count()).max().unwrap_or(0);
    for info in &all {
        let kind = match info.storage {
            Storage::Sqlite => "",
            Storage::LegacyKv => "  legacy-kv",
        };
        writeln!(out, "{}  {:class$}  {:script$}{kind}", info.id, info.class, info.script)?;
    }
    out.flush().context(CANNOT_PRINT)
}

const CANNOT_PRINT: &str = "cannot print the list";

/// Prints the objects of a namespace, page after page.
pub(super) fn objects(
    name: &str,
    prefix: Option<String>,
    json: bool,
    place: &Place,
) -> anyhow::Result<()> {
    let open = namespace(name, place, "list")?;
    let mut out = BufWriter::new(std::io::stdout().lock());
    let mut query = ObjectQuery { after: None, name_prefix: prefix, limit: PAGE };
    let mut first = true;
    if json {
        write!(out, "[")?;
    }
    loop {
        let page = open.namespace.list_objects(&query)?;
        for info in &page.objects {
            if json {
                write!(out, "{}\n  {}", if first { "" } else { "," }, object_json(&open, info))?;
            } else {
                writeln!(out, "{}", object_line(&open, info))?;
            }
            first = false;
        }
        query.after = page.objects.last().map(|info| info.id);
        if page.complete || query.after.is_none() {
            break;
        }
    }
    if json {
        writeln!(out, "{}]", if first { "" } else { "\n" })?;
    }
    out.flush().context(CANNOT_PRINT)
}

fn object_json(open: &Open, info: &ObjectInfo) -> serde_json::Value {
    json!({
        "id": info.id.to_string(),
        "name": info.name,
        "bytes": open.file_bytes(info.id),
        "created": iso(info.created),
        "alarm": info.alarm.map(iso),
    })
}

/// Id, size, name and alarm.
fn object_line(open: &Open, info: &ObjectInfo) -> String {
    let size = open.file_bytes(info.id).div_ceil(1024);
    let mut line = format!("{}  {size:>6} KiB", info.id);
    if let Some(name) = &info.name {
        line.push_str("  ");
        line.extend(name.escape_debug());
    }
    if let Some(alarm) = info.alarm {
        line.push_str("  alarm ");
        line.push_str(&iso(alarm));
    }
    line
}

/// Prints what is known of an object.
pub(super) fn info(target: &Target) -> anyhow::Result<()> {
    let object = object(target, "info")?;
    let info = object.known()?;
    let storage = object.storage()?;
    let mut keys = 0_u64;
    storage.list_with(&ListOptions::default(), |_, _| keys += 1)?;
    let namespace = &object.open.info;
    let all = json!({
        "id": info.id.to_string(),
        "name": info.name,
        "class": namespace.class,
        "script": namespace.script,
        "namespace": namespace.id,
        "storage": namespace.storage.as_str(),
        "created": iso(info.created),
        "alarm": info.alarm.map(iso),
        "keys": keys,
        "tables": tables(&storage)?,
        "database_bytes": storage.database_size()?,
        "file_bytes": object.file_bytes(),
    });
    writeln!(std::io::stdout(), "{}", serde_json::to_string_pretty(&all)?)?;
    Ok(())
}

/// The names of the Worker's own tables.
fn tables(storage: &ObjectStorage) -> anyhow::Result<Vec<String>> {
    let query = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '\\_cf\\_%' \
                 ESCAPE '\\' ORDER BY name";
    let mut cursor = storage.exec(query, &[])?;
    let mut names = Vec::new();
    while let Some(row) = cursor.next_row()? {
        if let Some(selvedge_durable::store::SqlValue::Text(name)) = row.into_iter().next() {
            names.push(name);
        }
    }
    Ok(names)
}
