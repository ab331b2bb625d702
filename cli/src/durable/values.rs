//! `selvedge do get`, `put` and `delete`.

use std::io::{BufWriter, Write as _};

use anyhow::{Context as _, bail};
use bytes::Bytes;
use selvedge_durable::clone::encode_json;
use selvedge_server::control::protocol::{Reply, Request, ValuesPage};
use serde_json::Value;

use super::args::Target;
use super::target::object;
use super::value::json_of;
use super::{must_write, say};

const CANNOT_PRINT: &str = "cannot print the values";
/// How many keys are read at a time.
const PAGE: usize = 100;

/// Prints a value, or all.
pub(super) async fn get(
    target: &Target,
    key: Option<String>,
    prefix: Option<String>,
) -> anyhow::Result<()> {
    let object = object(target, "get").await?;
    let mut out = BufWriter::new(std::io::stdout().lock());
    if let Some(key) = key {
        let request = Request::Get { object: object.reference.clone(), key: key.clone() };
        let Reply { json, bytes } = object.open.api.call(request, Bytes::new()).await?;
        if json != true {
            bail!("there is no key \"{key}\" in the object {}", object.shown());
        }
        writeln!(out, "{}", serde_json::to_string_pretty(&json_of(&bytes))?)?;
        return out.flush().context(CANNOT_PRINT);
    }
    let mut after = None;
    let mut first = true;
    write!(out, "{{")?;
    loop {
        let (reference, prefix) = (object.reference.clone(), prefix.clone());
        let request = Request::Values { object: reference, prefix, after, limit: PAGE };
        let page: ValuesPage = object.open.api.ask(request).await?;
        for (key, value) in &page.entries {
            let comma = if first { "" } else { "," };
            let value = serde_json::to_string_pretty(&json_of(&value.0))?.replace('\n', "\n  ");
            write!(out, "{comma}\n  {}: {value}", Value::from(key.as_str()))?;
            first = false;
        }
        after = page.entries.into_iter().next_back().map(|(key, _)| key);
        if page.complete || after.is_none() {
            break;
        }
    }
    writeln!(out, "{}}}", if first { "" } else { "\n" })?;
    out.flush().context(CANNOT_PRINT)
}

/// Writes a value.
pub(super) async fn put(
    target: &Target,
    key: &str,
    value: &str,
    write: bool,
) -> anyhow::Result<()> {
    let value: Value = serde_json::from_str(value).with_context(|| {
        format!("the value {value} is no JSON\nhint: a string has quotes: '\"{value}\"'")
    })?;
    must_write(write)?;
    let object = object(target, "put").await?;
    let request = Request::Put { object: object.reference.clone(), key: key.to_owned() };
    object.open.api.call(request, encode_json(&value).into()).await?;
    say(&format!("Wrote the key \"{key}\" of the object {}.", object.shown()));
    Ok(())
}

/// Deletes a key, or the object.
pub(super) async fn delete(
    target: &Target,
    key: Option<String>,
    write: bool,
) -> anyhow::Result<()> {
    let object = object(target, "delete").await?;
    let api = &object.open.api;
    let reference = object.reference.clone();
    let Some(key) = key else {
        must_write(write)?;
        api.ask::<bool>(Request::DeleteObject { object: reference }).await?;
        say(&format!("Deleted the object {} with all that it had.", object.shown()));
        return Ok(());
    };
    must_write(write)?;
    let request = Request::DeleteKey { object: reference, key: key.clone() };
    if !api.ask::<bool>(request).await? {
        bail!("there is no key \"{key}\" in the object {}", object.shown());
    }
    say(&format!("Deleted the key \"{key}\" of the object {}.", object.shown()));
    Ok(())
}
