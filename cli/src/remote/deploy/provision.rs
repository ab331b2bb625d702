//! KV namespaces that the configuration names without an id: those of the
//! deployed Worker are taken over, the others made.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::super::output::say;
use super::Prepared;
use super::build::Built;

/// Names of bindings and ids of namespaces.
pub(super) type Provisioned = BTreeMap<String, String>;

#[derive(Default, Deserialize)]
#[serde(default)]
struct Settings {
    bindings: Vec<Value>,
}

/// Finds or makes what has no id.
pub(super) async fn provision(prepared: &Prepared) -> anyhow::Result<Provisioned> {
    let open: Vec<_> = prepared.built.without_id().map(str::to_owned).collect();
    let mut found = Provisioned::new();
    if open.is_empty() {
        return Ok(found);
    }
    let explain = |error| prepared.remote.explain(error);
    let settings = match prepared.script().get("/settings").send::<Settings>().await {
        Ok(settings) => settings,
        Err(error) if error.is_not_found() => Settings::default(),
        Err(error) => return Err(explain(error)),
    };
    let existing = prepared.account().kv_namespaces().await.map_err(explain)?;
    for name in open {
        let deployed = settings.bindings.iter().find_map(|binding| id_of(binding, &name));
        if let Some(id) = deployed {
            found.insert(name, id);
            continue;
        }
        let title = format!("{}-{}", prepared.built.name, name.to_lowercase().replace('_', "-"));
        if let Some(namespace) = existing.iter().find(|namespace| namespace.title == title) {
            say(&format!("Using the KV namespace \"{title}\" ({}) for {name}.", namespace.id));
            found.insert(name, namespace.id.clone());
            continue;
        }
        let made = prepared.account().create_kv_namespace(&title).await.map_err(explain)?;
        say(&format!("Created the KV namespace \"{title}\" ({}) for {name}.", made.id));
        found.insert(name, made.id);
    }
    Ok(found)
}

/// The namespace's id, if the binding is one of this name.
fn id_of(binding: &Value, name: &str) -> Option<String> {
    let text = |key: &str| binding.get(key).and_then(Value::as_str);
    let is_it = text("name") == Some(name) && text("type") == Some("kv_namespace");
    text("namespace_id").filter(|_| is_it).map(str::to_owned)
}

impl Built {
    /// The names of KV bindings without an id.
    fn without_id(&self) -> impl Iterator<Item = &str> {
        let is_open = |json: &Value| {
            let id = json.get("namespace_id").and_then(Value::as_str);
            id.is_none_or(str::is_empty)
        };
        self.bindings
            .iter()
            .filter(move |binding| binding.kind() == "kv_namespace" && is_open(&binding.json))
            .map(|binding| binding.name.as_str())
    }

    /// Puts the ids in.
    pub(super) fn fill_in(&mut self, provisioned: &Provisioned) {
        for binding in &mut self.bindings {
            if let Some(id) = provisioned.get(&binding.name) {
                binding.json["namespace_id"] = id.clone().into();
                binding.resource.clone_from(id);
            }
        }
    }
}
