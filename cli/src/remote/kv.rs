//! `selvedge kv .. --remote`: the same commands on a server's namespaces.

use std::io::{BufWriter, Read as _, Write as _};
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, anyhow, bail};
use indicatif::{ProgressBar, ProgressStyle};
use selvedge_client::{Multipart, Part};
use selvedge_server::config;
use serde_json::{Map, Value, json};

use super::connect::Remote;
use super::output::{must_confirm, print_json, say};
use super::project::Found;
use super::{end, runtime};
use crate::kv::{BulkCommand, KeyCommand, KvCommand, NamespaceCommand, Place, PutArgs, Target};

use http::Method;

/// Keys of one call.
const CHUNK: usize = 1000;
/// Bytes of one call, roughly: 50 MiB.
const CHUNK_BYTES: usize = 50 * 1024 * 1024;

/// Does what the command says, on the server.
pub(crate) fn run(command: KvCommand) -> ExitCode {
    end(runtime().and_then(|runtime| runtime.block_on(dispatch(command))))
}

async fn dispatch(command: KvCommand) -> anyhow::Result<()> {
    match command {
        KvCommand::Namespace(command) => Box::pin(namespace(command)).await,
        KvCommand::Key(command) => Box::pin(key(command)).await,
        KvCommand::Bulk(command) => Box::pin(bulk(command)).await,
    }
}

/// A server and an account.
struct Server {
    remote: Remote,
    account: String,
}

impl Server {
    async fn of(place: &Place) -> anyhow::Result<Self> {
        let found = Found::new(place.config.as_deref(), place.env.as_deref())?;
        let remote = Remote::new(&place.server, &found.around)?;
        let account = remote.account().await?;
        Ok(Self { remote, account })
    }

    fn account(&self) -> selvedge_client::Account<'_> {
        self.remote.client.account(&self.account)
    }

    fn explain(&self, error: selvedge_client::Error) -> anyhow::Error {
        self.remote.explain(error)
    }

    async fn by_title(&self, title: &str) -> anyhow::Result<String> {
        let all = self.account().kv_namespaces().await.map_err(|error| self.explain(error))?;
        let found = all.into_iter().find(|namespace| namespace.title == title);
        found.map(|namespace| namespace.id).ok_or_else(|| {
            anyhow!(
                "there is no namespace with the title \"{title}\"\nhint: `selvedge kv namespace \
                 list --remote` prints those there are"
            )
        })
    }
}

/// The namespace's id: given, or that of a binding in the configuration.
fn id_of(target: &Target) -> anyhow::Result<String> {
    if let Some(id) = &target.namespace_id {
        return Ok(id.clone());
    }
    let Some(binding) = &target.binding else {
        bail!("which namespace?\nhint: say --binding NAME or --namespace-id ID");
    };
    let Some(file) = crate::kv::config_file(&target.place)? else {
        bail!("there is no configuration in this folder or one above\nhint: say --namespace-id ID");
    };
    let tables = config::tables_in(&file, target.place.env.as_deref(), "kv_namespaces");
    for table in tables.map_err(|error| anyhow!(error.text()))? {
        let text = |key: &str| table.get(key).and_then(|it| it.as_str().map(str::to_owned));
        if text("binding").as_ref() == Some(binding) {
            return text("id").filter(|id| !id.is_empty()).with_context(|| {
                format!(
                    "the binding \"{binding}\" has no id in the configuration\nhint: `selvedge kv \
                     namespace list --remote` prints the ids; name one with --namespace-id"
                )
            });
        }
    }
    bail!("there is no binding \"{binding}\" in \"kv_namespaces\" of {}", file.display())
}

async fn namespace(command: NamespaceCommand) -> anyhow::Result<()> {
    match command {
        NamespaceCommand::Create { namespace, place } => {
            let server = Server::of(&place).await?;
            let title = match &place.env {
                Some(env) => format!("{env}-{namespace}"),
                None => namespace,
            };
            let made = server.account().create_kv_namespace(&title).await;
            let made = made.map_err(|error| server.explain(error))?;
            say(&format!("Created the namespace \"{title}\" with the id {}.", made.id));
            print_json(&made)
        }
        NamespaceCommand::List { place } => {
            let server = Server::of(&place).await?;
            let all = server.account().kv_namespaces().await;
            print_json(&all.map_err(|error| server.explain(error))?)
        }
        NamespaceCommand::Delete { namespace, target, confirm } => {
            let server = Server::of(&target.place).await?;
            let id = match namespace {
                Some(title) => server.by_title(&title).await?,
                None => id_of(&target)?,
            };
            let question = format!("Delete the namespace {id} with all that is in it?");
            must_confirm(&question, confirm.force, "--force")?;
            let call = server.account().kv_call(Method::DELETE, &id, "");
            call.done().await.map_err(|error| server.explain(error))?;
            say(&format!("Deleted the namespace {id}."));
            Ok(())
        }
        NamespaceCommand::Rename { old_name, namespace_id, new_name, place } => {
            let server = Server::of(&place).await?;
            let id = match (namespace_id, old_name) {
                (Some(id), _) => id,
                (None, Some(title)) => server.by_title(&title).await?,
                (None, None) => bail!("which namespace?"),
            };
            let call = server.account().kv_call(Method::PUT, &id, "");
            let renamed = call.json(&json!({ "title": new_name })).done().await;
            renamed.map_err(|error| server.explain(error))?;
            say(&format!("Renamed the namespace {id} to \"{new_name}\"."));
            Ok(())
        }
    }
}

async fn key(command: KeyCommand) -> anyhow::Result<()> {
    match command {
        KeyCommand::Put(args) => put(*args).await,
        KeyCommand::Get { key, text, target } => {
            let (server, id) = (Server::of(&target.place).await?, id_of(&target)?);
            let value = server.account().kv_value(Method::GET, &id, &key).raw().await;
            let value = value.map_err(|error| server.explain(error))?;
            let mut stdout = std::io::stdout().lock();
            let written = if text {
                writeln!(stdout, "{}", String::from_utf8_lossy(&value))
            } else {
                stdout.write_all(&value)
            };
            written.and_then(|()| stdout.flush()).context("cannot print the value")
        }
        KeyCommand::List { prefix, target } => {
            list(&Server::of(&target.place).await?, &id_of(&target)?, &prefix).await
        }
        KeyCommand::Delete { key, target } => {
            let (server, id) = (Server::of(&target.place).await?, id_of(&target)?);
            let call = server.account().kv_value(Method::DELETE, &id, &key);
            call.done().await.map_err(|error| server.explain(error))?;
            say(&format!("Deleted the key \"{key}\" of the namespace {id}."));
            Ok(())
        }
    }
}

async fn put(args: PutArgs) -> anyhow::Result<()> {
    let (server, id) = (Server::of(&args.target.place).await?, id_of(&args.target)?);
    let value = match (args.value, &args.path) {
        (Some(value), _) => value.into_bytes(),
        (None, Some(path)) => read(path)?,
        (None, None) => bail!("there is no value"),
    };
    let length = value.len();
    let call = server.account().kv_value(Method::PUT, &id, &args.key);
    let call = call.query_if("expiration", args.expiration).query_if("expiration_ttl", args.ttl);
    let call = match &args.metadata {
        Some(metadata) => {
            let form = Multipart::new(super::deploy::boundary())
                .part(Part::field("value", value))
                .part(Part::field("metadata", metadata.clone()));
            call.form(&form, None)
        }
        None => call.bytes("application/octet-stream", value),
    };
    call.done().await.map_err(|error| server.explain(error))?;
    say(&format!("Wrote {length} bytes to the key \"{}\" of the namespace {id}.", args.key));
    Ok(())
}

fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    let mut value = Vec::new();
    if path == Path::new("-") {
        std::io::stdin().lock().read_to_end(&mut value).context("cannot read standard input")?;
        return Ok(value);
    }
    std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))
}

/// Prints page after page.
async fn list(server: &Server, id: &str, prefix: &str) -> anyhow::Result<()> {
    let mut out = BufWriter::new(std::io::stdout().lock());
    let mut cursor = None;
    let mut first = true;
    write!(out, "[")?;
    loop {
        let page = server.account().kv_keys(id, prefix, cursor.as_deref()).await;
        let page = page.map_err(|error| server.explain(error))?;
        for key in &page.result {
            let text = serde_json::to_string_pretty(key)?.replace('\n', "\n  ");
            write!(out, "{}\n  {text}", if first { "" } else { "," })?;
            first = false;
        }
        cursor = page.cursor;
        if cursor.is_none() {
            break;
        }
    }
    writeln!(out, "{}]", if first { "" } else { "\n" })?;
    out.flush().context("cannot print the list")
}

async fn bulk(command: BulkCommand) -> anyhow::Result<()> {
    match command {
        BulkCommand::Put { filename, target } => {
            let (server, id) = (Server::of(&target.place).await?, id_of(&target)?);
            let entries = values(&filename)?;
            let bar = bar(entries.len(), "writing");
            for chunk in chunks(entries) {
                let count = chunk.len() as u64;
                let call = server.account().kv_call(Method::PUT, &id, "/bulk");
                call.json(&chunk.into()).done().await.map_err(|error| {
                    let done = bar.position();
                    server.explain(error).context(format!("{done} keys were written before this"))
                })?;
                bar.inc(count);
            }
            let done = bar.position();
            bar.finish_and_clear();
            say(&format!("Wrote {done} keys to the namespace {id}."));
            Ok(())
        }
        BulkCommand::Get { filename, target } => {
            let (server, id) = (Server::of(&target.place).await?, id_of(&target)?);
            let mut all = Map::new();
            for keys in names(&filename)?.chunks(100) {
                let call = server.account().kv_call(Method::POST, &id, "/bulk/get");
                let found: Value = call
                    .json(&json!({ "keys": keys }))
                    .send()
                    .await
                    .map_err(|error| server.explain(error))?;
                let values = found.get("values").and_then(Value::as_object).cloned();
                for (key, value) in values.unwrap_or_default() {
                    let value = if value.is_object() { value } else { json!({ "value": value }) };
                    all.insert(key, value);
                }
            }
            print_json(&all)
        }
        BulkCommand::Delete { filename, confirm, target } => {
            let (server, id) = (Server::of(&target.place).await?, id_of(&target)?);
            let keys = names(&filename)?;
            let question = format!("Delete {} keys of the namespace {id}?", keys.len());
            must_confirm(&question, confirm.force, "--force")?;
            let bar = bar(keys.len(), "deleting");
            for chunk in keys.chunks(CHUNK) {
                let call = server.account().kv_call(Method::DELETE, &id, "/bulk");
                call.json(&json!(chunk)).done().await.map_err(|error| server.explain(error))?;
                bar.inc(chunk.len() as u64);
            }
            bar.finish_and_clear();
            say(&format!("Deleted {} keys of the namespace {id}.", keys.len()));
            Ok(())
        }
    }
}

/// The JSON values of a file: of an array, or one after the other.
fn values(file: &Path) -> anyhow::Result<Vec<Value>> {
    let text = read(file)?;
    let mut all = Vec::new();
    for value in serde_json::Deserializer::from_slice(&text).into_iter::<Value>() {
        match value.with_context(|| format!("{} is no JSON", file.display()))? {
            Value::Array(items) => all.extend(items),
            other => all.push(other),
        }
    }
    Ok(all)
}

/// The keys of a file: strings, or objects with a name.
fn names(file: &Path) -> anyhow::Result<Vec<String>> {
    let name = |value: Value| match &value {
        Value::String(name) => Ok(name.clone()),
        other => match other.get("name").and_then(Value::as_str) {
            Some(name) => Ok(name.to_owned()),
            None => Err(anyhow!("expected a string, or an object with a \"name\", not {other}")),
        },
    };
    values(file)?.into_iter().map(name).collect()
}

/// Entries in groups that one call may carry.
fn chunks(entries: Vec<Value>) -> Vec<Vec<Value>> {
    let mut all: Vec<Vec<Value>> = Vec::new();
    let mut bytes = CHUNK_BYTES;
    for entry in entries {
        let length = entry.get("value").and_then(Value::as_str).map_or(0, str::len);
        let is_full = all.last().is_none_or(|last| last.len() >= CHUNK);
        if is_full || bytes + length > CHUNK_BYTES {
            all.push(Vec::new());
            bytes = 0;
        }
        bytes += length;
        if let Some(last) = all.last_mut() {
            last.push(entry);
        }
    }
    all
}

fn bar(total: usize, what: &'static str) -> ProgressBar {
    let style = ProgressStyle::with_template("{msg} {wide_bar} {percent}% {human_pos}/{human_len}")
        .expect("the template is valid");
    ProgressBar::new(total as u64).with_style(style).with_message(what)
}
