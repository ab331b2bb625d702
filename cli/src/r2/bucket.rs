//! `selvedge r2 bucket`.

use std::io::Write as _;

use anyhow::Context as _;
use selvedge_r2::object::StorageClass;
use selvedge_server::control::protocol::R2BucketEntry;

use super::place::Buckets;
use crate::kv::{Place, config_file, say};

pub(super) async fn create(
    name: &str,
    storage_class: &str,
    location: Option<&str>,
    place: &Place,
) -> anyhow::Result<()> {
    let class: StorageClass = storage_class.parse()?;
    Buckets::open(place, "bucket create").await?.create(name, class, location).await?;
    say(&format!("Created the bucket \"{name}\"."));
    let file = config_file(place)?;
    let file = file
        .as_ref()
        .and_then(|file| file.file_name())
        .map_or_else(|| "wrangler.toml".into(), std::ffi::OsStr::to_string_lossy);
    say(&format!("To use it, add this to {file}:\n"));
    let binding: String =
        name.chars().map(|c| if c == '-' { '_' } else { c.to_ascii_uppercase() }).collect();
    let binding = match binding.chars().next() {
        Some(first) if first.is_ascii_digit() => format!("R2_{binding}"),
        _ => binding,
    };
    let snippet = if file.ends_with(".toml") {
        let table = place.env.as_ref().map(|env| format!("env.{env}.")).unwrap_or_default();
        format!("[[{table}r2_buckets]]\nbinding = \"{binding}\"\nbucket_name = \"{name}\"\n")
    } else {
        let list = serde_json::json!([{ "binding": binding, "bucket_name": name }]);
        format!("\"r2_buckets\": {list:#}\n")
    };
    std::io::stdout().write_all(snippet.as_bytes()).context("cannot print it")
}

fn shown(bucket: &R2BucketEntry) -> serde_json::Value {
    let mut shown = serde_json::json!({
        "name": bucket.name,
        "created": bucket.created,
        "storage_class": bucket.storage_class.as_str(),
        "location": bucket.location,
    });
    if let Some((objects, bytes)) = bucket.figures {
        shown["object_count"] = objects.into();
        shown["bucket_size"] = bytes.into();
    }
    shown
}

pub(super) async fn list(place: &Place) -> anyhow::Result<()> {
    let all = Buckets::open(place, "bucket list").await?.list().await?;
    let all: Vec<_> = all.iter().map(shown).collect();
    print(&serde_json::to_string_pretty(&all)?)
}

pub(super) async fn info(name: &str, json: bool, place: &Place) -> anyhow::Result<()> {
    let bucket = Buckets::open(place, "bucket info").await?.info(name).await?;
    if json {
        return print(&serde_json::to_string_pretty(&shown(&bucket))?);
    }
    let (objects, bytes) = bucket.figures.unwrap_or_default();
    let mut lines = vec![
        format!("name:                   {}", bucket.name),
        format!("default_storage_class:  {}", bucket.storage_class.as_str()),
        format!("object_count:           {objects}"),
        format!("bucket_size:            {bytes} bytes"),
    ];
    if let Some(location) = &bucket.location {
        lines.push(format!("location:               {location}"));
    }
    print(&lines.join("\n"))
}

pub(super) async fn delete(name: &str, place: &Place) -> anyhow::Result<()> {
    Buckets::open(place, "bucket delete").await?.delete(name).await?;
    say(&format!("Deleted the bucket \"{name}\"."));
    Ok(())
}

fn print(text: &str) -> anyhow::Result<()> {
    writeln!(std::io::stdout(), "{text}").context("cannot print it")
}
