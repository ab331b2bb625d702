//! `selvedge do list` and `info`.

use std::io::{BufWriter, Write as _};

use anyhow::Context as _;
use selvedge_server::control::protocol::{
    FacetEntry, NamespaceEntry, ObjectDetails, ObjectEntry, ObjectsPage, Request,
};
use serde_json::json;

use super::args::Target;
use super::target::{all_namespaces, api, namespace, object};
use super::time::iso;
use crate::kv::Place;

/// How many objects are read at a time.
const PAGE: usize = 1000;

/// Prints all namespaces.
pub(super) async fn namespaces(json: bool, place: &Place) -> anyhow::Result<()> {
    let all = all_namespaces(&api(place, "list").await?).await?;
    let mut out = BufWriter::new(std::io::stdout().lock());
    if json {
        let one = |info: &NamespaceEntry| {
            json!({
                "id": info.id,
                "script": info.script,
                "class": info.class,
                "storage": info.storage,
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
        let kind = if info.storage == "sqlite" { "" } else { "  legacy-kv" };
        writeln!(out, "{}  {:class$}  {:script$}{kind}", info.id, info.class, info.script)?;
    }
    out.flush().context(CANNOT_PRINT)
}

const CANNOT_PRINT: &str = "cannot print the list";

/// Prints the objects of a namespace, page after page.
pub(super) async fn objects(
    name: &str,
    prefix: Option<String>,
    json: bool,
    place: &Place,
) -> anyhow::Result<()> {
    let open = namespace(name, place, "list").await?;
    let mut out = BufWriter::new(std::io::stdout().lock());
    let mut after = None;
    let mut first = true;
    if json {
        write!(out, "[")?;
    }
    loop {
        let (namespace, prefix) = (open.info.id.clone(), prefix.clone());
        let request = Request::Objects { namespace, prefix, after, limit: PAGE };
        let page: ObjectsPage = open.api.ask(request).await?;
        for object in &page.objects {
            if json {
                write!(out, "{}\n  {}", if first { "" } else { "," }, object_json(object))?;
            } else {
                writeln!(out, "{}", object_line(object))?;
            }
            first = false;
        }
        after = page.objects.last().map(|object| object.id.clone());
        if page.complete || after.is_none() {
            break;
        }
    }
    if json {
        writeln!(out, "{}]", if first { "" } else { "\n" })?;
    }
    out.flush().context(CANNOT_PRINT)
}

fn object_json(object: &ObjectEntry) -> serde_json::Value {
    json!({
        "id": object.id,
        "name": object.name,
        "bytes": object.bytes,
        "created": iso(object.created),
        "alarm": object.alarm.map(iso),
        "lives": object.lives,
        "facets": object.facets.len(),
    })
}

/// The names that lead to it, with what its file has.
fn facet_json(facet: &FacetEntry) -> serde_json::Value {
    json!({ "path": facet.names, "created": iso(facet.created), "file_bytes": facet.bytes })
}

/// Id, size, name, alarm, and whether it lives.
fn object_line(object: &ObjectEntry) -> String {
    let size = object.bytes.div_ceil(1024);
    let mut line = format!("{}  {size:>6} KiB", object.id);
    if let Some(name) = &object.name {
        line.push_str("  ");
        line.extend(name.escape_debug());
    }
    if let Some(alarm) = object.alarm {
        line.push_str("  alarm ");
        line.push_str(&iso(alarm));
    }
    match object.facets.len() {
        0 => {}
        1 => line.push_str("  1 facet"),
        count => line.push_str(&format!("  {count} facets")),
    }
    if object.lives {
        line.push_str("  lives");
    }
    line
}

/// Prints what is known of an object.
pub(super) async fn info(target: &Target) -> anyhow::Result<()> {
    let object = object(target, "info").await?;
    let request = Request::Info { object: object.reference.clone() };
    let ObjectDetails { entry, keys, tables, database_bytes } =
        object.open.api.ask(request).await?;
    let namespace = &object.open.info;
    let all = json!({
        "id": entry.id,
        "name": entry.name,
        "class": namespace.class,
        "script": namespace.script,
        "namespace": namespace.id,
        "storage": namespace.storage,
        "created": iso(entry.created),
        "alarm": entry.alarm.map(iso),
        "lives": entry.lives,
        "keys": keys,
        "tables": tables,
        "database_bytes": database_bytes,
        "file_bytes": entry.bytes,
        "facets": entry.facets.iter().map(facet_json).collect::<Vec<_>>(),
    });
    writeln!(std::io::stdout(), "{}", serde_json::to_string_pretty(&all)?)?;
    Ok(())
}
