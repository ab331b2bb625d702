//! `selvedge kv key`.

use std::io::{BufWriter, Read, Write};
use std::path::Path;

use anyhow::{Context as _, anyhow, bail};
use bytes::Bytes;
use selvedge_kv::namespace::{MAX_LIST_KEYS, Operation, PutOptions, check_key, check_value};
use selvedge_kv::store::{Answer, Attributes, Entry, KvStore, ListQuery, ListedKey, Value};

use super::args::{PutArgs, Target};
use super::say;
use super::target::{Open, now, open};

/// How much of a file is read at a time: 256 KiB.
const READ_BYTES: usize = 256 * 1024;

pub(super) async fn put(args: PutArgs) -> anyhow::Result<()> {
    check_key(Operation::Put, &args.key)?;
    let options = PutOptions {
        expiration: args.expiration,
        expiration_ttl: args.ttl,
        metadata: args.metadata.as_deref().map(metadata).transpose()?,
    };
    let attributes = options.attributes(now())?;
    let Open { store, name, catalog, .. } = open(&args.target, "key put").await?;
    let length = match (args.value, &args.path) {
        (Some(value), _) => {
            check_value(value.len() as u64)?;
            let length = value.len();
            store.put(args.key.clone(), value.into(), attributes).await?;
            length as u64
        }
        (None, Some(path)) => put_file(&*store, &args.key, path, attributes).await?,
        (None, None) => bail!("there is no value"),
    };
    drop(catalog);
    say(&format!("Wrote {length} bytes to the key \"{}\" of the namespace {name}.", args.key));
    Ok(())
}

/// Metadata is a JSON object, as wrangler has it.
fn metadata(text: &str) -> anyhow::Result<Box<str>> {
    let value: serde_json::Value = serde_json::from_str(text)
        .map_err(|error| anyhow!("--metadata must be valid JSON: {error}"))?;
    if !value.is_object() {
        bail!("--metadata must be a JSON object, not {text}");
    }
    Ok(value.to_string().into())
}

async fn put_file(
    store: &dyn KvStore,
    key: &str,
    path: &Path,
    attributes: Attributes,
) -> anyhow::Result<u64> {
    let mut input: Box<dyn Read> = if path == Path::new("-") {
        Box::new(std::io::stdin().lock())
    } else {
        Box::new(
            std::fs::File::open(path).with_context(|| format!("cannot read {}", path.display()))?,
        )
    };
    let mut writer = store.put_pieces(key.to_owned(), attributes);
    let mut length = 0;
    let mut piece = vec![0; READ_BYTES];
    loop {
        let read = match input.read(&mut piece) {
            Ok(read) => read,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            Err(error) => bail!("cannot read {}: {error}", path.display()),
        };
        if read == 0 {
            break;
        }
        length += read as u64;
        check_value(length)?;
        writer.write(Bytes::copy_from_slice(&piece[..read])).await?;
    }
    writer.commit().await?;
    Ok(length)
}

pub(super) async fn get(key: &str, text: bool, target: &Target) -> anyhow::Result<()> {
    check_key(Operation::Get, key)?;
    let Open { store, name, .. } = &open(target, "key get").await?;
    let Some(Entry { value, .. }) = find(&**store, key).await? else {
        bail!("there is no key \"{key}\" in the namespace {name}");
    };
    let mut stdout = std::io::stdout().lock();
    if text {
        let value = read(value).await?;
        writeln!(stdout, "{}", String::from_utf8_lossy(&value)).context(CANNOT_PRINT)?;
        return Ok(());
    }
    match value {
        Value::Whole(value) => stdout.write_all(&value).context(CANNOT_PRINT)?,
        Value::Pieces(mut reader) => {
            while let Some(piece) = reader.next().await? {
                stdout.write_all(&piece).context(CANNOT_PRINT)?;
            }
        }
    }
    stdout.flush().context(CANNOT_PRINT)
}

const CANNOT_PRINT: &str = "cannot print the value";

pub(super) async fn find(store: &dyn KvStore, key: &str) -> anyhow::Result<Option<Entry>> {
    Ok(answer(store.get(key, now())).await?)
}

pub(super) async fn read(value: Value) -> anyhow::Result<Vec<u8>> {
    match value {
        Value::Whole(value) => Ok(value.into()),
        Value::Pieces(mut reader) => {
            let mut all = Vec::new();
            while let Some(piece) = reader.next().await? {
                all.extend_from_slice(&piece);
            }
            Ok(all)
        }
    }
}

async fn answer<T>(answer: Answer<T>) -> Result<T, selvedge_kv::Error> {
    match answer {
        Answer::Ready(result) => result,
        Answer::Later(later) => later.await,
    }
}

/// Prints page after page, so that memory does not grow with the namespace.
pub(super) async fn list(prefix: String, target: &Target) -> anyhow::Result<()> {
    let Open { store, .. } = &open(target, "key list").await?;
    let mut out = BufWriter::new(std::io::stdout().lock());
    let mut query = ListQuery { prefix, after: None, limit: MAX_LIST_KEYS };
    let mut first = true;
    write!(out, "[")?;
    loop {
        let page = answer(store.list(query.clone(), now())).await?;
        for key in &page.keys {
            write!(out, "{}\n  {}", if first { "" } else { "," }, listed(key)?)?;
            first = false;
        }
        query.after = page.keys.last().map(|key| key.name.clone());
        if page.complete || query.after.is_none() {
            break;
        }
    }
    writeln!(out, "{}]", if first { "" } else { "\n" })?;
    out.flush().context("cannot print the list")
}

/// A key as JSON, indented as one of an array.
fn listed(key: &ListedKey) -> anyhow::Result<String> {
    let mut object = serde_json::Map::new();
    object.insert("name".to_owned(), key.name.clone().into());
    if let Some(expiration) = key.expiration {
        object.insert("expiration".to_owned(), expiration.into());
    }
    if let Some(metadata) = &key.metadata {
        let value = serde_json::from_str(metadata)
            .with_context(|| format!("the metadata of the key \"{}\" is no JSON", key.name))?;
        object.insert("metadata".to_owned(), value);
    }
    Ok(serde_json::to_string_pretty(&object)?.replace('\n', "\n  "))
}

pub(super) async fn delete(key: String, target: &Target) -> anyhow::Result<()> {
    check_key(Operation::Delete, &key)?;
    let Open { store, name, .. } = &open(target, "key delete").await?;
    if find(&**store, &key).await?.is_none() {
        bail!("there is no key \"{key}\" in the namespace {name}");
    }
    store.delete(vec![key.clone()]).await?;
    say(&format!("Deleted the key \"{key}\" of the namespace {name}."));
    Ok(())
}
