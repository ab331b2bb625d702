//! `selvedge kv namespace`.

use std::io::Write as _;

use anyhow::{Context as _, bail};
use selvedge_kv::store::NamespaceInfo;

use super::args::{Confirm, Place, Target};
use super::target::{Namespaces, config_file, named};
use super::{must_confirm, say};

/// The longest title: 512 characters, as Cloudflare's.
const MAX_TITLE_CHARS: usize = 512;

pub(super) async fn create(title: &str, place: &Place) -> anyhow::Result<()> {
    let title = match &place.env {
        Some(env) => format!("{env}-{title}"),
        None => title.to_owned(),
    };
    check_title(&title)?;
    let info = Namespaces::open(place, "namespace create").await?.create(&title).await?;
    say(&format!("Created the namespace \"{}\" with the id {}.", info.title, info.id));
    let file = config_file(place)?;
    let name = file
        .as_ref()
        .and_then(|file| file.file_name())
        .map_or_else(|| "wrangler.toml".into(), std::ffi::OsStr::to_string_lossy);
    say(&format!("To use it, add this to {name}:\n"));
    let snippet = snippet(&info, place.env.as_deref(), name.ends_with(".toml"));
    std::io::stdout().write_all(snippet.as_bytes()).context("cannot print it")
}

/// What a configuration needs to have the namespace.
fn snippet(info: &NamespaceInfo, env: Option<&str>, toml: bool) -> String {
    let binding = binding_name(&info.title);
    if toml {
        let table = env.map(|env| format!("env.{env}.")).unwrap_or_default();
        format!("[[{table}kv_namespaces]]\nbinding = \"{binding}\"\nid = \"{}\"\n", info.id)
    } else {
        let list = serde_json::json!([{ "binding": binding, "id": info.id }]);
        format!("\"kv_namespaces\": {list:#}\n")
    }
}

/// A name for `env` that JavaScript can write after a dot.
fn binding_name(title: &str) -> String {
    let name: String =
        title.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    match name.chars().next() {
        Some(first) if !first.is_ascii_digit() => name,
        _ => format!("KV_{name}"),
    }
}

pub(super) async fn list(place: &Place) -> anyhow::Result<()> {
    let all: Vec<_> = Namespaces::open(place, "namespace list")
        .await?
        .list()
        .await?
        .into_iter()
        .map(|NamespaceInfo { id, title, .. }| {
            // The last one is wrangler's; scripts may look for it.
            serde_json::json!({ "id": id, "title": title, "supports_url_encoding": true })
        })
        .collect();
    let text = serde_json::to_string_pretty(&all)?;
    writeln!(std::io::stdout(), "{text}").context("cannot print the list")
}

pub(super) async fn delete(
    title: Option<&str>,
    target: &Target,
    confirm: &Confirm,
) -> anyhow::Result<()> {
    let asked = match title {
        Some(_) => None,
        None => Some(named(target)?.id),
    };
    let catalog = Namespaces::open(&target.place, "namespace delete").await?;
    let info = match (title, asked) {
        (Some(title), _) => by_title(&catalog, title).await?,
        (None, id) => by_id(&catalog, &id.unwrap_or_default()).await?,
    };
    let name = format!("\"{}\" ({})", info.title, info.id);
    must_confirm(&format!("All data of the namespace {name} will be deleted."), confirm)?;
    catalog.delete(&info.id).await?;
    say(&format!("Deleted the namespace {name}."));
    Ok(())
}

pub(super) async fn rename(
    old: Option<&str>,
    id: Option<&str>,
    title: &str,
    place: &Place,
) -> anyhow::Result<()> {
    check_title(title)?;
    let catalog = Namespaces::open(place, "namespace rename").await?;
    let info = match old {
        Some(old) => by_title(&catalog, old).await?,
        None => by_id(&catalog, id.unwrap_or_default()).await?,
    };
    let renamed = catalog.rename(&info.id, title).await?;
    say(&format!("Renamed the namespace \"{}\" to \"{}\".", info.title, renamed.title));
    Ok(())
}

fn check_title(title: &str) -> anyhow::Result<()> {
    match title.chars().count() {
        0 => bail!("a namespace needs a title"),
        length if length > MAX_TITLE_CHARS => {
            bail!("the title has {length} characters; at most {MAX_TITLE_CHARS} are allowed")
        }
        _ => Ok(()),
    }
}

const LIST_HINT: &str = "hint: `selvedge kv namespace list` prints those there are";

async fn by_title(catalog: &Namespaces, title: &str) -> anyhow::Result<NamespaceInfo> {
    catalog
        .list()
        .await?
        .into_iter()
        .find(|info| info.title == title)
        .with_context(|| format!("there is no namespace with the title \"{title}\"\n{LIST_HINT}"))
}

async fn by_id(catalog: &Namespaces, id: &str) -> anyhow::Result<NamespaceInfo> {
    catalog
        .get(id)
        .await?
        .with_context(|| format!("there is no namespace with the id \"{id}\"\n{LIST_HINT}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_snippet_fits_the_configuration() {
        let info = NamespaceInfo { id: "abc".into(), title: "live-my kv".into(), created: 0 };
        let toml = snippet(&info, Some("live"), true);
        assert_eq!(toml, "[[env.live.kv_namespaces]]\nbinding = \"live_my_kv\"\nid = \"abc\"\n");
        let json = snippet(&info, None, false);
        assert!(
            json.starts_with("\"kv_namespaces\": [") && json.contains("\"live_my_kv\""),
            "{json}"
        );
    }

    #[test]
    fn names_of_bindings_are_identifiers() {
        assert_eq!(binding_name("sessions"), "sessions");
        assert_eq!(binding_name("1st"), "KV_1st");
        assert_eq!(binding_name("\u{e4}"), "_");
    }
}
