//! From the command line to an open namespace: which data folder, which id.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, anyhow, bail};
use selvedge_kv::config::NamespaceConfig;
use selvedge_kv::store::{Catalog, SqliteStore, UnixSeconds};
use selvedge_server::config::{self, FILE_NAMES};
use selvedge_storage::data_dir::DataDir;

use super::args::{Place, Target};
use crate::run::DATA_DIR;

/// An open namespace. Dropping it closes the data folder.
pub(super) struct Open {
    pub(super) store: Arc<SqliteStore>,
    /// What messages call it.
    pub(super) name: String,
    pub(super) catalog: Catalog,
}

/// The present.
pub(crate) fn now() -> UnixSeconds {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// Takes the data folder. `command` is what others are told who want it too.
pub(super) fn open_catalog(place: &Place, command: &str) -> anyhow::Result<Catalog> {
    let dir = take_folder(&data_dir(place)?, &format!("selvedge kv {command}"))?;
    Ok(Catalog::open(dir, Arc::new(now))?)
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

/// Takes a data folder. `command` is what others are told who want it too.
pub(crate) fn take_folder(path: &Path, command: &str) -> anyhow::Result<Arc<DataDir>> {
    let dir = DataDir::open(path, command, now()).map_err(|error| {
        let hint = match error {
            selvedge_storage::data_dir::OpenError::Held { .. } => "\nhint: stop that process first",
            selvedge_storage::data_dir::OpenError::Io { .. } => "",
        };
        anyhow!("{error}{hint}")
    })?;
    Ok(Arc::new(dir))
}

/// Opens the namespace that was asked for.
pub(super) fn open(target: &Target, command: &str) -> anyhow::Result<Open> {
    let Named { id, name, configured } = named(target)?;
    let catalog = open_catalog(&target.place, command)?;
    if !configured && catalog.get(&id)?.is_none() {
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
