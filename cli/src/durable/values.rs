//! `selvedge do get`, `put` and `delete`.

use std::io::{BufWriter, Write as _};

use anyhow::{Context as _, bail};
use selvedge_durable::clone::encode_json;
use selvedge_durable::store::ListOptions;
use serde_json::Value;

use super::args::Target;
use super::target::object;
use super::value::json_of;
use super::{must_write, say};

const CANNOT_PRINT: &str = "cannot print the values";
/// How many keys are read at a time.
const PAGE: usize = 100;

/// Prints a value, or all.
pub(super) fn get(
    target: &Target,
    key: Option<&str>,
    prefix: Option<String>,
) -> anyhow::Result<()> {
    let object = object(target, "get")?;
    object.known()?;
    let storage = object.storage()?;
    let mut out = BufWriter::new(std::io::stdout().lock());
    if let Some(key) = key {
        let Some(value) = storage.get(key)? else {
            bail!("there is no key \"{key}\" in the object {}", object.shown());
        };
        writeln!(out, "{}", serde_json::to_string_pretty(&json_of(&value))?)?;
        return out.flush().context(CANNOT_PRINT);
    }
    let mut options = ListOptions { prefix, limit: Some(PAGE), ..ListOptions::default() };
    let mut first = true;
    write!(out, "{{")?;
    loop {
        let entries = storage.list(&options)?;
        for (key, value) in &entries {
            let comma = if first { "" } else { "," };
            let value = serde_json::to_string_pretty(&json_of(value))?.replace('\n', "\n  ");
            write!(out, "{comma}\n  {}: {value}", Value::from(key.as_str()))?;
            first = false;
        }
        if entries.len() < PAGE {
            break;
        }
        options.start_after = entries.last().map(|(key, _)| key.clone());
    }
    writeln!(out, "{}}}", if first { "" } else { "\n" })?;
    out.flush().context(CANNOT_PRINT)
}

/// Writes a value.
pub(super) fn put(
    target: &Target,
    key: &str,
    value: &str,
    write: bool,
    runtime: &tokio::runtime::Runtime,
) -> anyhow::Result<()> {
    let value: Value = serde_json::from_str(value).with_context(|| {
        format!("the value {value} is no JSON\nhint: a string has quotes: '\"{value}\"'")
    })?;
    must_write(write)?;
    let object = object(target, "put")?;
    let storage = object.storage()?;
    storage.put(key, &encode_json(&value))?;
    object.commit(&storage, runtime)?;
    say(&format!("Wrote the key \"{key}\" of the object {}.", object.shown()));
    Ok(())
}

/// Deletes a key, or the object.
pub(super) fn delete(
    target: &Target,
    key: Option<&str>,
    write: bool,
    runtime: &tokio::runtime::Runtime,
) -> anyhow::Result<()> {
    let object = object(target, "delete")?;
    object.known()?;
    let Some(key) = key else {
        must_write(write)?;
        object.open.namespace.delete_object(object.id)?;
        say(&format!("Deleted the object {} with all that it had.", object.shown()));
        return Ok(());
    };
    let storage = object.storage()?;
    if storage.get(key)?.is_none() {
        bail!("there is no key \"{key}\" in the object {}", object.shown());
    }
    must_write(write)?;
    storage.delete(key)?;
    object.commit(&storage, runtime)?;
    say(&format!("Deleted the key \"{key}\" of the object {}.", object.shown()));
    Ok(())
}
