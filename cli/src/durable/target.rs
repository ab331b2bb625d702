//! From the command line to an open namespace and an object in it.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{anyhow, bail};
use selvedge_durable::catalog::{Catalog, NamespaceInfo};
use selvedge_durable::config::BindingConfig;
use selvedge_durable::id::IdKey;
use selvedge_durable::store::{
    Connections, ConnectionsOptions, Namespace, ObjectId, ObjectInfo, ObjectStorage, Objects,
};
use selvedge_server::config::{Config, Selection};

use super::args::Target;
use crate::kv::{Place, config_file, data_dir, take_folder};

/// A data folder with objects. Dropping it closes the folder.
pub(super) struct Folder {
    pub(super) path: PathBuf,
    pub(super) catalog: Catalog,
    pub(super) objects: Objects,
}

/// An open namespace.
pub(super) struct Open {
    pub(super) folder: Folder,
    pub(super) info: NamespaceInfo,
    pub(super) namespace: Arc<Namespace>,
}

/// An object, which may have no data.
pub(super) struct Object {
    pub(super) open: Open,
    pub(super) id: ObjectId,
    /// The name that it was asked for by.
    pub(super) name: Option<String>,
}

/// Opens the data folder.
pub(super) fn folder(place: &Place, command: &str) -> anyhow::Result<Folder> {
    let path = data_dir(place)?;
    if !Catalog::exists(&path) {
        bail!(
            "there are no Durable Objects in {}\nhint: `selvedge run` and `selvedge dev` make \
             them; --data-dir names another folder",
            path.display()
        );
    }
    let dir = take_folder(&path, &format!("selvedge do {command}"))?;
    let clock = Arc::new(unix_millis);
    let catalog = Catalog::open(dir.clone(), clock.clone())?;
    Ok(Folder { path, catalog, objects: Objects::open(dir, clock)? })
}

/// Opens a namespace.
pub(super) fn namespace(name: &str, place: &Place, command: &str) -> anyhow::Result<Open> {
    let folder = folder(place, command)?;
    let info = find(name, &folder.catalog.list()?, place)?;
    let namespace = folder.objects.namespace(&info.id)?;
    Ok(Open { folder, info, namespace })
}

/// Finds an object in its namespace.
pub(super) fn object(target: &Target, command: &str) -> anyhow::Result<Object> {
    let open = namespace(&target.namespace, &target.place, command)?;
    let key = IdKey::of_namespace(&open.info.id);
    let text = &target.object;
    let is_id = text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let (id, name) = if is_id {
        let id = key.parse(text).map_err(|_| {
            anyhow!("the object {text} is not of the namespace {}", shown(&open.info))
        })?;
        (id, None)
    } else {
        (key.named(text, ""), Some(text.clone()))
    };
    Ok(Object { open, id: ObjectId(*id.as_bytes()), name })
}

impl Object {
    /// Its storage.
    pub(super) fn storage(&self) -> anyhow::Result<ObjectStorage> {
        let connections = Connections::new(ConnectionsOptions::default());
        Ok(self.open.namespace.object(self.id, self.name.as_deref(), &connections)?)
    }

    /// What is known of it.
    ///
    /// # Errors
    /// When it never wrote anything.
    pub(super) fn known(&self) -> anyhow::Result<ObjectInfo> {
        match self.open.namespace.get_object(self.id)? {
            Some(info) => Ok(info),
            None => bail!(
                "there is no object {} with data in the namespace {}\nhint: `selvedge do list {}` \
                 prints those there are",
                self.shown(),
                shown(&self.open.info),
                self.open.info.id
            ),
        }
    }

    /// What messages call it.
    pub(super) fn shown(&self) -> String {
        match &self.name {
            Some(name) => format!("\"{name}\""),
            None => self.id.to_string(),
        }
    }

    /// How many bytes its files have.
    pub(super) fn file_bytes(&self) -> u64 {
        self.open.file_bytes(self.id)
    }

    /// Writes what was changed to the disk.
    pub(super) fn commit(
        &self,
        storage: &ObjectStorage,
        runtime: &tokio::runtime::Runtime,
    ) -> anyhow::Result<()> {
        if let Some(commit) = storage.commit()? {
            runtime.block_on(storage.durability().wait(commit.seq))?;
        }
        Ok(())
    }
}

impl Open {
    /// How many bytes the files of an object have.
    pub(super) fn file_bytes(&self, id: ObjectId) -> u64 {
        let id = id.to_string();
        let folder = self.folder.path.join("do").join(&self.info.id).join(&id[..2]);
        let bytes = |suffix: &str| {
            let file = folder.join(format!("{id}.sqlite{suffix}"));
            file.metadata().map_or(0, |metadata| metadata.len())
        };
        bytes("") + bytes("-wal")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What was written is on disk already; this puts the files in order.
        self.objects.settle();
    }
}

/// What messages call a namespace.
pub(super) fn shown(info: &NamespaceInfo) -> String {
    format!("{} of the Worker {}", info.class, info.script)
}

/// The namespace that a word means: an id, a binding of the configuration, or a
/// class, that of the configuration's Worker first.
fn find(name: &str, all: &[NamespaceInfo], place: &Place) -> anyhow::Result<NamespaceInfo> {
    if let Some(info) = all.iter().find(|info| info.id == name) {
        return Ok(info.clone());
    }
    let own = configured(place)?;
    if let Some((script, bindings)) = &own {
        let binding = bindings.iter().find(|binding| binding.name == name);
        let (script, class) = match binding {
            Some(binding) => (binding.script(script), binding.class_name.as_str()),
            None => (script.clone(), name),
        };
        if let Some(info) = all.iter().find(|info| info.script == script && info.class == class) {
            return Ok(info.clone());
        }
        if binding.is_some() {
            bail!(
                "the namespace \"{name}\" (the class {class} of the Worker {script}) has no data \
                 yet"
            );
        }
    }
    let same: Vec<_> = all.iter().filter(|info| info.class == name).collect();
    match same[..] {
        [info] => Ok(info.clone()),
        [] => {
            let mut names: Vec<String> =
                own.into_iter().flat_map(|(_, bindings)| bindings).map(|b| b.name).collect();
            names.extend(all.iter().map(|info| info.class.clone()));
            names.sort_unstable();
            names.dedup();
            bail!("there is no namespace \"{name}\"\nhint: there is {}", names.join(", "))
        }
        _ => {
            let ids: Vec<_> =
                same.iter().map(|info| format!("{} ({})", info.id, info.script)).collect();
            bail!(
                "several Workers have a class \"{name}\"\nhint: name one by its id: {}",
                ids.join(", ")
            )
        }
    }
}

/// The Worker's name and its bindings, if there is a configuration.
fn configured(place: &Place) -> anyhow::Result<Option<(String, Vec<BindingConfig>)>> {
    let Some(file) = config_file(place)? else { return Ok(None) };
    let selection =
        Selection { config: Some(&file), env: place.env.as_deref(), ..Selection::default() };
    let config = Config::load(selection).map_err(|error| anyhow!(error.text()))?;
    let Some(section) = config.section("durable_objects") else {
        return Ok(Some((config.name, Vec::new())));
    };
    let objects: selvedge_durable::config::DurableObjects =
        section.read().map_err(|error| anyhow!(error.text()))?;
    Ok(Some((config.name, objects.bindings)))
}

fn unix_millis() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
