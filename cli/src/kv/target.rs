//! From the command line to an open namespace: which data folder, which id.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, anyhow, bail};
use bytes::Bytes;
use selvedge_kv::config::NamespaceConfig;
use selvedge_kv::store::{Catalog, KvStore, NamespaceInfo, UnixSeconds};
use selvedge_server::config::{self, FILE_NAMES};
use selvedge_server::control::client::Client;
use selvedge_server::control::protocol::{KvNamespaceEntry, Request};
use selvedge_storage::data_dir::{DataDir, OpenError};
use serde::de::DeserializeOwned;

use super::args::{Place, Target};
use super::server::ServerStore;
use crate::api;
use crate::run::DATA_DIR;

/// An open namespace. Dropping it closes the data folder.
pub(super) struct Open {
    pub(super) store: Arc<dyn KvStore>,
    /// What messages call it.
    pub(super) name: String,
    pub(super) catalog: Namespaces,
}

/// The namespaces of a data folder, and who has it.
pub(super) enum Namespaces {
    /// This process, until this is dropped.
    Here(Catalog),
    Server(Arc<Client>),
}

impl Namespaces {
    /// Takes the data folder, or connects to the server that has it. `command` is
    /// what others are told who want the folder, too.
    pub(super) async fn open(place: &Place, command: &str) -> anyhow::Result<Self> {
        let path = data_dir(place)?;
        match DataDir::open(&path, &format!("selvedge kv {command}"), now()) {
            Ok(dir) => Ok(Self::Here(Catalog::open(Arc::new(dir), Arc::new(now))?)),
            Err(held @ OpenError::Held { .. }) => match api::connect(&path).await {
                Some(client) => Ok(Self::Server(Arc::new(client))),
                None => bail!("{held}\nhint: stop that process first"),
            },
            Err(error) => bail!("{error}"),
        }
    }

    pub(super) async fn list(&self) -> anyhow::Result<Vec<NamespaceInfo>> {
        match self {
            Self::Here(catalog) => Ok(catalog.list()?),
            Self::Server(client) => {
                let all: Vec<KvNamespaceEntry> = ask(client, Request::KvNamespaces).await?;
                Ok(all.into_iter().map(info).collect())
            }
        }
    }

    pub(super) async fn get(&self, id: &str) -> anyhow::Result<Option<NamespaceInfo>> {
        Ok(self.list().await?.into_iter().find(|info| info.id == id))
    }

    pub(super) async fn create(&self, title: &str) -> anyhow::Result<NamespaceInfo> {
        match self {
            Self::Here(catalog) => Ok(catalog.create(title)?),
            Self::Server(client) => {
                ask(client, Request::KvCreate { title: title.to_owned() }).await.map(info)
            }
        }
    }

    pub(super) async fn rename(&self, id: &str, title: &str) -> anyhow::Result<NamespaceInfo> {
        match self {
            Self::Here(catalog) => Ok(catalog.rename(id, title)?),
            Self::Server(client) => {
                let (id, title) = (id.to_owned(), title.to_owned());
                ask(client, Request::KvRename { id, title }).await.map(info)
            }
        }
    }

    pub(super) async fn delete(&self, id: &str) -> anyhow::Result<()> {
        match self {
            Self::Here(catalog) => Ok(catalog.delete(id)?),
            Self::Server(client) => {
                let request = Request::KvDeleteNamespace { id: id.to_owned() };
                ask::<bool>(client, request).await.map(drop)
            }
        }
    }

    fn store(&self, id: &str) -> anyhow::Result<Arc<dyn KvStore>> {
        match self {
            Self::Here(catalog) => Ok(catalog.store(id)?),
            Self::Server(client) => Ok(Arc::new(ServerStore::new(client.clone(), id))),
        }
    }
}

async fn ask<T: DeserializeOwned>(client: &Client, request: Request) -> anyhow::Result<T> {
    Ok(client.execute(request, Bytes::new()).await?.read()?)
}

fn info(entry: KvNamespaceEntry) -> NamespaceInfo {
    let KvNamespaceEntry { id, title, created } = entry;
    NamespaceInfo { id, title, created }
}

/// The present.
pub(crate) fn now() -> UnixSeconds {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// Where the data folder is; absolute.
pub(crate) fn data_dir(place: &Place) -> anyhow::Result<PathBuf> {
    if place.remote {
        bail!("this command works on a data folder: it has no --remote");
    }
    let path = match &place.data_dir {
        Some(path) => path.clone(),
        None => config_file(place)?.map_or_else(PathBuf::new, folder_of).join(DATA_DIR),
    };
    std::path::absolute(path).context("cannot find this folder")
}

/// Opens the namespace that was asked for.
pub(super) async fn open(target: &Target, command: &str) -> anyhow::Result<Open> {
    let Named { id, name, configured } = named(target)?;
    let catalog = Namespaces::open(&target.place, command).await?;
    if !configured && catalog.get(&id).await?.is_none() {
        bail!(
            "there is no namespace with the id \"{id}\"\nhint: `selvedge kv namespace list` prints \
             those there are"
        );
    }
    let store = catalog.store(&id)?;
    Ok(Open { store, name, catalog })
}

/// Which namespace a command line means.
pub(super) struct Named {
    pub(super) id: String,
    pub(super) name: String,
    /// Whether the configuration has it, so that it needs not be there yet.
    pub(super) configured: bool,
}

/// Finds out the id of the namespace that was asked for.
pub(super) fn named(target: &Target) -> anyhow::Result<Named> {
    if let Some(id) = &target.namespace_id {
        let configured = config_file(&target.place)?.is_some()
            && namespaces(&target.place)?.iter().any(|namespace| namespace.id() == id);
        return Ok(Named { id: id.clone(), name: format!("\"{id}\""), configured });
    }
    let Some(binding) = &target.binding else {
        bail!("which namespace?\nhint: say --binding NAME or --namespace-id ID");
    };
    let all = namespaces(&target.place)?;
    match all.iter().find(|namespace| namespace.binding == *binding) {
        Some(found) => Ok(Named {
            id: found.id().to_owned(),
            name: format!("\"{binding}\" ({})", found.id()),
            configured: true,
        }),
        None if all.is_empty() => bail!(
            "there is no binding \"{binding}\": the configuration has no \"kv_namespaces\"{}",
            in_environment(&target.place)
        ),
        None => {
            let names: Vec<_> =
                all.iter().map(|namespace| format!("\"{}\"", namespace.binding)).collect();
            bail!(
                "there is no binding \"{binding}\" in \"kv_namespaces\"{}\nhint: there is {}",
                in_environment(&target.place),
                names.join(", ")
            )
        }
    }
}

fn in_environment(place: &Place) -> String {
    place.env.as_ref().map(|env| format!(" of the environment \"{env}\"")).unwrap_or_default()
}

/// What the configuration says about KV.
fn namespaces(place: &Place) -> anyhow::Result<Vec<NamespaceConfig>> {
    let Some(file) = config_file(place)? else {
        bail!(
            "there is no configuration in this folder or one above: no {}\nhint: name it with --config, or the \
             namespace with --namespace-id",
            FILE_NAMES.join(", ")
        );
    };
    let tables = config::tables_in(&file, place.env.as_deref(), "kv_namespaces");
    let tables = tables.map_err(|error| anyhow!(error.text()))?;
    tables.iter().map(|table| table.read().map_err(|error| anyhow!(error.text()))).collect()
}

/// The configuration: what was named, else that of this folder or of one above.
pub(crate) fn config_file(place: &Place) -> anyhow::Result<Option<PathBuf>> {
    if let Some(file) = &place.config {
        if !file.is_file() {
            bail!("there is no configuration {}", file.display());
        }
        return Ok(Some(file.clone()));
    }
    Ok(config::find_above(Path::new(".")))
}

fn folder_of(file: PathBuf) -> PathBuf {
    file.parent().map_or_else(PathBuf::new, Path::to_path_buf)
}
