//! From the command line to a namespace and an object in it, and to who has them.

use anyhow::{anyhow, bail};
use selvedge_durable::catalog::Catalog;
use selvedge_durable::config::BindingConfig;
use selvedge_durable::id::IdKey;
use selvedge_server::config::{Config, Selection};
use selvedge_server::control::protocol::{NamespaceEntry, ObjectRef, Request};

use super::args::Target;
use crate::api::Api;
use crate::kv::{Place, config_file, data_dir};

/// A namespace.
pub(super) struct Open {
    pub(super) api: Api,
    pub(super) info: NamespaceEntry,
}

/// An object, which may have no data.
pub(super) struct Object {
    pub(super) open: Open,
    pub(super) reference: ObjectRef,
}

/// Who has the data folder.
pub(super) async fn api(place: &Place, command: &str) -> anyhow::Result<Api> {
    let path = data_dir(place)?;
    if !Catalog::exists(&path) {
        bail!(
            "there are no Durable Objects in {}\nhint: `selvedge run` and `selvedge dev` make \
             them; --data-dir names another folder",
            path.display()
        );
    }
    Api::open(&path, &format!("selvedge do {command}")).await
}

/// Which namespaces there are.
pub(super) async fn all_namespaces(api: &Api) -> anyhow::Result<Vec<NamespaceEntry>> {
    api.ask(Request::Namespaces).await
}

/// Finds a namespace.
pub(super) async fn namespace(name: &str, place: &Place, command: &str) -> anyhow::Result<Open> {
    let api = api(place, command).await?;
    let info = find(name, &all_namespaces(&api).await?, place)?;
    Ok(Open { api, info })
}

/// Finds an object in its namespace.
pub(super) async fn object(target: &Target, command: &str) -> anyhow::Result<Object> {
    let open = namespace(&target.namespace, &target.place, command).await?;
    let reference = object_in(&open.info, &target.object)?;
    Ok(Object { open, reference })
}

/// The object of a namespace that a word means: an id, or a name.
pub(super) fn object_in(info: &NamespaceEntry, text: &str) -> anyhow::Result<ObjectRef> {
    let key = IdKey::of_namespace(&info.id);
    let is_id = text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let (id, name) = if is_id {
        let id = key.parse(text);
        (
            id.map_err(|_| anyhow!("the object {text} is not of the namespace {}", shown(info)))?,
            None,
        )
    } else {
        (key.named(text, ""), Some(text.to_owned()))
    };
    Ok(ObjectRef { namespace: info.id.clone(), id: id.to_string(), name })
}

impl Object {
    /// What messages call it.
    pub(super) fn shown(&self) -> String {
        match &self.reference.name {
            Some(name) => format!("\"{name}\""),
            None => self.reference.id.clone(),
        }
    }
}

/// What messages call a namespace.
fn shown(info: &NamespaceEntry) -> String {
    format!("{} of the Worker {}", info.class, info.script)
}

/// The namespace that a word means: an id, a binding of the configuration, or a
/// class, that of the configuration's Worker first.
fn find(name: &str, all: &[NamespaceEntry], place: &Place) -> anyhow::Result<NamespaceEntry> {
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
