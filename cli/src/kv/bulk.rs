//! `selvedge kv bulk`: many keys at once, in memory that does not grow with the
//! file.

mod input;

use std::collections::VecDeque;
use std::io::{BufWriter, Write as _};
use std::path::Path;

use anyhow::{Context as _, anyhow, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use indicatif::{ProgressBar, ProgressStyle};
use selvedge_kv::namespace::{Operation, PutOptions, check_key, check_value};
use selvedge_kv::store::{Attributes, KvStore, Later, UnixSeconds};
use serde::Deserialize;
use tokio::runtime::Runtime;

use self::input::{Input, for_each};
use super::args::{Confirm, Target};
use super::target::{Open, now, open};
use super::{key, must_confirm, say};

/// Writes that wait at most; the store commits what waits at once.
const IN_FLIGHT: usize = 16_384;
/// Values above this many bytes are written one at a time: 128 KiB.
const LARGE_BYTES: usize = 128 * 1024;
/// Keys of one deletion.
const DELETED_AT_ONCE: usize = 1000;

/// One entry of a file for `bulk put`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PutEntry {
    key: String,
    value: String,
    #[serde(default)]
    base64: bool,
    expiration: Option<i64>,
    expiration_ttl: Option<i64>,
    metadata: Option<serde_json::Value>,
}

impl PutEntry {
    /// Checks it, and gives what a store takes.
    fn checked(self, now: UnixSeconds) -> anyhow::Result<(String, Bytes, Attributes)> {
        let Self { key, value, base64, expiration, expiration_ttl, metadata } = self;
        let named = |error: String| anyhow!("key \"{}\": {error}", shortened(&key));
        check_key(Operation::Put, &key).map_err(|error| named(error.to_string()))?;
        let value = if base64 {
            STANDARD.decode(&value).map_err(|error| named(format!("not base64: {error}")))?.into()
        } else {
            Bytes::from(value)
        };
        check_value(value.len() as u64).map_err(|error| named(error.to_string()))?;
        let metadata = metadata.map(|metadata| metadata.to_string().into());
        let attributes = PutOptions { expiration, expiration_ttl, metadata }
            .attributes(now)
            .map_err(|error| named(error.to_string()))?;
        Ok((key, value, attributes))
    }
}

/// A key in a file for `bulk get` and `bulk delete`.
#[derive(Debug, Deserialize)]
#[serde(untagged, expecting = "expected a string, or an object with a \"name\"")]
enum KeyEntry {
    Name(String),
    Listed { name: String },
}

impl KeyEntry {
    fn checked(self, operation: Operation) -> anyhow::Result<String> {
        let (Self::Name(name) | Self::Listed { name }) = self;
        check_key(operation, &name)
            .map_err(|error| anyhow!("key \"{}\": {error}", shortened(&name)))?;
        Ok(name)
    }
}

/// A key for a message: its first characters.
fn shortened(key: &str) -> String {
    const SHOWN: usize = 60;
    if key.chars().count() <= SHOWN {
        return key.to_owned();
    }
    key.chars().take(SHOWN).chain("..".chars()).collect()
}

pub(super) fn put(file: &Path, target: &Target, runtime: &Runtime) -> anyhow::Result<()> {
    let input = Input::new(file);
    let mut total = None;
    if !input.is_stdin() {
        // Nothing is written of a file that has an error somewhere.
        let mut count = 0;
        let bar = bar(input.bytes()?, "checking");
        let now = now();
        for_each(input.open(&bar)?, |entry: PutEntry| {
            count += 1;
            entry.checked(now).map(drop)
        })
        .with_context(|| format!("{}: nothing was written", file.display()))?;
        bar.finish_and_clear();
        total = Some(count);
    }
    let Open { store, name, catalog, .. } = runtime.block_on(open(target, "bulk put"))?;
    let bar = bar(total, "writing");
    let hidden = ProgressBar::hidden();
    let mut writes =
        Writes { store: &*store, runtime, bar: &bar, waiting: VecDeque::new(), done: 0 };
    let now = now();
    let result = for_each(input.open(&hidden)?, |entry: PutEntry| {
        let (key, value, attributes) = entry.checked(now)?;
        writes.add(key, value, attributes)
    });
    let result = result.and(writes.finish());
    bar.finish_and_clear();
    let done = writes.done;
    result.with_context(|| format!("{}: {done} keys were written before this", file.display()))?;
    drop(catalog);
    say(&format!("Wrote {done} keys to the namespace {name}."));
    Ok(())
}

/// Writes that are under way, oldest first.
struct Writes<'a> {
    store: &'a dyn KvStore,
    runtime: &'a Runtime,
    bar: &'a ProgressBar,
    waiting: VecDeque<Later<()>>,
    done: u64,
}

impl Writes<'_> {
    fn add(&mut self, key: String, value: Bytes, attributes: Attributes) -> anyhow::Result<()> {
        let large = value.len() > LARGE_BYTES;
        if large {
            // A later entry of the same key must come later.
            self.finish()?;
        }
        let _in_runtime = self.runtime.enter();
        self.waiting.push_back(self.store.put(key, value, attributes));
        if large {
            return self.finish();
        }
        while self.waiting.len() > IN_FLIGHT {
            self.wait_for_one()?;
        }
        Ok(())
    }

    fn finish(&mut self) -> anyhow::Result<()> {
        while !self.waiting.is_empty() {
            self.wait_for_one()?;
        }
        Ok(())
    }

    fn wait_for_one(&mut self) -> anyhow::Result<()> {
        if let Some(write) = self.waiting.pop_front() {
            self.runtime.block_on(write)?;
            self.done += 1;
            self.bar.inc(1);
        }
        Ok(())
    }
}

pub(super) fn get(file: &Path, target: &Target, runtime: &Runtime) -> anyhow::Result<()> {
    let input = Input::new(file);
    let Open { store, .. } = &runtime.block_on(open(target, "bulk get"))?;
    let mut out = BufWriter::new(std::io::stdout().lock());
    let mut first = true;
    let hidden = ProgressBar::hidden();
    write!(out, "{{")?;
    for_each(input.open(&hidden)?, |entry: KeyEntry| {
        let name = entry.checked(Operation::Get)?;
        let value = match runtime.block_on(key::find(&**store, &name))? {
            Some(entry) => {
                let value = runtime.block_on(key::read(entry.value))?;
                serde_json::to_string(&String::from_utf8_lossy(&value))?
            }
            None => "null".to_owned(),
        };
        let comma = if first { "" } else { "," };
        first = false;
        let name = serde_json::to_string(&name)?;
        write!(out, "{comma}\n  {name}: {{\n    \"value\": {value}\n  }}")?;
        Ok(())
    })
    .with_context(|| file.display().to_string())?;
    writeln!(out, "{}}}", if first { "" } else { "\n" })?;
    out.flush().context("cannot print the values")
}

pub(super) fn delete(
    file: &Path,
    target: &Target,
    confirm: &Confirm,
    runtime: &Runtime,
) -> anyhow::Result<()> {
    let input = Input::new(file);
    let mut total = None;
    if input.is_stdin() && !confirm.force {
        bail!("keys from standard input are deleted only with --force");
    }
    if !input.is_stdin() {
        let mut count = 0;
        let hidden = ProgressBar::hidden();
        for_each(input.open(&hidden)?, |entry: KeyEntry| {
            count += 1;
            entry.checked(Operation::Delete).map(drop)
        })
        .with_context(|| format!("{}: nothing was deleted", file.display()))?;
        total = Some(count);
    }
    let Open { store, name, catalog, .. } = runtime.block_on(open(target, "bulk delete"))?;
    let what = format!("{} keys of the namespace {name} will be deleted.", total.unwrap_or(0));
    must_confirm(&what, confirm)?;
    let bar = bar(total, "deleting");
    let hidden = ProgressBar::hidden();
    let mut done = 0;
    let mut keys = Vec::new();
    let mut flush = |keys: &mut Vec<String>| -> anyhow::Result<()> {
        let keys = std::mem::take(keys);
        let count = keys.len() as u64;
        runtime.block_on(async { store.delete(keys).await })?;
        done += count;
        bar.inc(count);
        Ok(())
    };
    let result = for_each(input.open(&hidden)?, |entry: KeyEntry| {
        keys.push(entry.checked(Operation::Delete)?);
        if keys.len() == DELETED_AT_ONCE { flush(&mut keys) } else { Ok(()) }
    });
    let result = result.and_then(|()| flush(&mut keys));
    bar.finish_and_clear();
    result.with_context(|| format!("{}: {done} keys were deleted before this", file.display()))?;
    drop(catalog);
    say(&format!("Deleted {done} keys of the namespace {name}."));
    Ok(())
}

/// Progress on stderr, if that is a terminal.
fn bar(total: Option<u64>, what: &'static str) -> ProgressBar {
    let (bar, template) = match total {
        Some(total) => (
            ProgressBar::new(total),
            "{msg} {wide_bar} {percent}% {human_pos}/{human_len} ({per_sec}, {eta})",
        ),
        None => (ProgressBar::new_spinner(), "{msg} {human_pos} ({per_sec})"),
    };
    let style = ProgressStyle::with_template(template).expect("the template is valid");
    bar.with_style(style).with_message(what)
}

#[cfg(test)]
mod tests;
