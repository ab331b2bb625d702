//! `selvedge r2 object`.

use std::fs::File;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use bytes::Bytes;
use selvedge_r2::object::{Attributes, HttpMetadata};
use selvedge_r2::rules::{MAX_LIST, check_key};
use selvedge_r2::store::ListQuery;

use super::args::PutArgs;
use super::place::Buckets;
use crate::kv::{Place, say};

/// `BUCKET/KEY`, as wrangler has it.
fn parts(path: &str) -> anyhow::Result<(&str, &str)> {
    match path.split_once('/') {
        Some((bucket, key)) if !bucket.is_empty() && !key.is_empty() => {
            check_key(key)?;
            Ok((bucket, key))
        }
        _ => bail!("which object?\nhint: say BUCKET/KEY, not \"{path}\""),
    }
}

pub(super) async fn put(args: PutArgs) -> anyhow::Result<()> {
    let named = parts(&args.path)?;
    let attributes = Attributes {
        http_metadata: HttpMetadata {
            content_type: args.content_type,
            content_language: args.content_language,
            content_disposition: args.content_disposition,
            content_encoding: args.content_encoding,
            cache_control: args.cache_control,
            cache_expiry: None,
        },
        custom_metadata: Vec::new(),
        storage_class: args.storage_class.map(|class| class.parse()).transpose()?,
    };
    let path = args.file.unwrap_or_else(|| PathBuf::from("-"));
    let mut input: Box<dyn Read> = if path == Path::new("-") {
        Box::new(std::io::stdin().lock())
    } else {
        Box::new(File::open(&path).with_context(|| format!("cannot read {}", path.display()))?)
    };
    let mut source = |limit: usize| -> anyhow::Result<Bytes> {
        let mut piece = Vec::new();
        let read = input.by_ref().take(limit as u64).read_to_end(&mut piece);
        read.with_context(|| format!("cannot read {}", path.display()))?;
        Ok(piece.into())
    };
    let buckets = Buckets::open(&args.place, "object put").await?;
    let length = buckets.put(&args.place, named, attributes, &mut source).await?;
    say(&format!("Wrote {length} bytes to \"{}\" of the bucket {}.", named.1, named.0));
    Ok(())
}

pub(super) async fn get(
    path: &str,
    file: Option<&Path>,
    pipe: bool,
    place: &Place,
) -> anyhow::Result<()> {
    let named = parts(path)?;
    let buckets = Buckets::open(place, "object get").await?;
    let missing =
        || anyhow::anyhow!("there is no object \"{}\" in the bucket {}", named.1, named.0);
    if pipe || file == Some(Path::new("-")) {
        let mut stdout = std::io::stdout().lock();
        let mut sink = |piece: &[u8]| stdout.write_all(piece).context("cannot print the object");
        buckets.get(place, named, &mut sink).await?.ok_or_else(missing)?;
        return stdout.flush().context("cannot print the object");
    }
    let file = match file {
        Some(file) => file.to_owned(),
        None => {
            let name = named.1.rsplit('/').next().unwrap_or_default();
            // A key is no path: it must not lead out of this folder.
            if name.is_empty() || name == ".." || name == "." || name.contains('\\') {
                bail!("the key \"{}\" gives no name for a file\nhint: say --file FILE", named.1);
            }
            PathBuf::from(name)
        }
    };
    // It is made with the first piece: what is not there leaves no file.
    let mut output: Option<File> = None;
    let fail = || format!("cannot write {}", file.display());
    let mut sink = |piece: &[u8]| -> anyhow::Result<()> {
        let output = match &mut output {
            Some(output) => output,
            none => none.insert(File::create(&file).with_context(fail)?),
        };
        output.write_all(piece).with_context(fail)
    };
    let length = buckets.get(place, named, &mut sink).await?.ok_or_else(missing)?;
    if length == 0 {
        File::create(&file).with_context(fail)?;
    }
    say(&format!("Wrote {length} bytes to {}.", file.display()));
    Ok(())
}

pub(super) async fn delete(path: &str, place: &Place) -> anyhow::Result<()> {
    let named = parts(path)?;
    Buckets::open(place, "object delete").await?.delete_object(place, named).await?;
    say(&format!("Deleted \"{}\" of the bucket {}.", named.1, named.0));
    Ok(())
}

pub(super) async fn list(
    bucket: &str,
    prefix: &str,
    delimiter: Option<&str>,
    place: &Place,
) -> anyhow::Result<()> {
    let buckets = Buckets::open(place, "object list").await?;
    let (mut all, mut prefixes, mut cursor) = (Vec::new(), Vec::new(), None);
    loop {
        let query = ListQuery {
            prefix: prefix.to_owned(),
            delimiter: delimiter.map(str::to_owned),
            start_after: None,
            cursor: cursor.take(),
            limit: MAX_LIST,
        };
        let (objects, page) = buckets.objects(place, bucket, query).await?;
        all.extend(objects);
        prefixes.extend(page.prefixes);
        match page.cursor {
            Some(next) => cursor = Some(next),
            None => break,
        }
    }
    let text = if delimiter.is_some() {
        serde_json::to_string_pretty(&serde_json::json!({ "objects": all, "prefixes": prefixes }))?
    } else {
        serde_json::to_string_pretty(&all)?
    };
    writeln!(std::io::stdout(), "{text}").context("cannot print the list")
}
