//! From the configuration's bindings to those of the API.

use anyhow::anyhow;
use selvedge_runtime::ModuleKind;
use selvedge_server::config::{Config, NamedBinding};
use serde_json::{Map, Value, json};

use super::build::var_binding;

/// One binding of the upload.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::remote) struct Binding {
    pub(super) name: String,
    /// What people call the kind.
    pub(super) label: &'static str,
    /// What it leads to, for people.
    pub(super) resource: String,
    /// As the API wants it.
    pub(super) json: Value,
}

impl Binding {
    pub(super) fn to_json(&self) -> Value {
        self.json.clone()
    }

    pub(super) fn kind(&self) -> &str {
        self.json.get("type").and_then(Value::as_str).unwrap_or_default()
    }
}

/// How a kind is sent: its key in the configuration, its type in the API, and
/// the properties with their names here and there.
type Kind = (&'static str, &'static str, &'static [(&'static str, &'static str)]);

const KINDS: &[Kind] = &[
    ("kv_namespaces", "kv_namespace", &[("id", "namespace_id")]),
    (
        "durable_objects",
        "durable_object_namespace",
        &[
            ("class_name", "class_name"),
            ("script_name", "script_name"),
            ("environment", "environment"),
        ],
    ),
    (
        "services",
        "service",
        &[
            ("service", "service"),
            ("environment", "environment"),
            ("entrypoint", "entrypoint"),
            ("props", "props"),
        ],
    ),
    (
        "r2_buckets",
        "r2_bucket",
        &[("bucket_name", "bucket_name"), ("jurisdiction", "jurisdiction")],
    ),
    ("d1_databases", "d1", &[("database_id", "id")]),
    ("queues", "queue", &[("queue", "queue_name"), ("delivery_delay", "delivery_delay")]),
    (
        "workflows",
        "workflow",
        &[("name", "workflow_name"), ("class_name", "class_name"), ("script_name", "script_name")],
    ),
    ("ratelimits", "ratelimit", &[("namespace_id", "namespace_id"), ("simple", "simple")]),
    ("hyperdrive", "hyperdrive", &[("id", "id")]),
    ("vectorize", "vectorize", &[("index_name", "index_name")]),
    ("analytics_engine_datasets", "analytics_engine", &[("dataset", "dataset")]),
    ("ai", "ai", &[("staging", "staging")]),
    ("browser", "browser", &[]),
    ("images", "images", &[]),
    ("media", "media", &[]),
    ("stream", "stream", &[]),
    ("websearch", "websearch", &[]),
    (
        "send_email",
        "send_email",
        &[
            ("destination_address", "destination_address"),
            ("allowed_destination_addresses", "allowed_destination_addresses"),
            ("allowed_sender_addresses", "allowed_sender_addresses"),
        ],
    ),
    ("mtls_certificates", "mtls_certificate", &[("certificate_id", "certificate_id")]),
    ("dispatch_namespaces", "dispatch_namespace", &[("namespace", "namespace")]),
    ("pipelines", "pipelines", &[("pipeline", "pipeline"), ("stream", "stream")]),
    (
        "secrets_store_secrets",
        "secrets_store_secret",
        &[("store_id", "store_id"), ("secret_name", "secret_name")],
    ),
    ("worker_loaders", "worker_loader", &[]),
    ("vpc_services", "vpc_service", &[("service_id", "service_id")]),
    ("assets", "assets", &[]),
    ("version_metadata", "version_metadata", &[]),
];

/// All bindings of a configuration: variables first, then those that lead
/// somewhere.
pub(super) fn of(config: &Config) -> anyhow::Result<Vec<Binding>> {
    let vars = config.vars.iter().filter_map(|var| var_binding(&var.name, &var.value));
    let mut all: Vec<Binding> = vars.collect();
    for binding in config.bindings() {
        let name = binding.name.clone();
        all.retain(|known| known.name != name);
        all.push(of_named(&binding)?);
    }
    for blob in &config.blobs {
        let kind = match blob.kind {
            ModuleKind::Data => "data_blob",
            ModuleKind::Wasm => "wasm_module",
            _ => "text_blob",
        };
        all.push(Binding {
            name: blob.name.clone(),
            label: "File",
            resource: blob.path.display().to_string(),
            json: json!({ "name": blob.name, "type": kind, "part": blob.name }),
        });
    }
    Ok(all)
}

fn of_named(binding: &NamedBinding) -> anyhow::Result<Binding> {
    let key = binding.kind.key;
    let table = binding.section.to_json();
    let made = |json: Value| Binding {
        name: binding.name.clone(),
        label: binding.kind.label,
        resource: binding.summary(),
        json,
    };
    if key == "unsafe" {
        return Ok(made(table));
    }
    let Some((_, kind, properties)) = KINDS.iter().find(|(known, ..)| *known == key) else {
        let message = format!("\"{}\": bindings of \"{key}\" cannot be deployed", binding.name);
        return Err(anyhow!(binding.section.error(message).text()));
    };
    let mut json = Map::new();
    if let Some(outbound) = table.get("outbound").filter(|_| key == "dispatch_namespaces") {
        json.insert("outbound".into(), outbound_worker(outbound));
    }
    json.insert("name".into(), binding.name.clone().into());
    json.insert("type".into(), (*kind).into());
    for (from, to) in *properties {
        if let Some(value) = table.get(from).filter(|value| !value.is_null()) {
            json.insert((*to).to_owned(), value.clone());
        }
    }
    Ok(made(json.into()))
}

/// The way out of a dispatch namespace as the API wants it.
fn outbound_worker(outbound: &Value) -> Value {
    let mut worker = json!({ "service": outbound["service"] });
    if let Some(environment) = outbound.get("environment").filter(|it| !it.is_null()) {
        worker["environment"] = environment.clone();
    }
    let given = outbound["parameters"].as_array();
    let params: Option<Vec<Value>> =
        given.map(|given| given.iter().map(|name| json!({ "name": name })).collect());
    let mut made = json!({ "worker": worker });
    if let Some(params) = params {
        made["params"] = params.into();
    }
    made
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bindings(toml: &str) -> anyhow::Result<Vec<Value>> {
        let folder = tempfile::tempdir()?;
        std::fs::write(folder.path().join("worker.js"), "export default {}")?;
        std::fs::write(
            folder.path().join("wrangler.toml"),
            format!("main = \"worker.js\"\n{toml}"),
        )?;
        let selection = selvedge_server::config::Selection {
            file: Some(folder.path()),
            ..selvedge_server::config::Selection::default()
        };
        let config = Config::load(selection).map_err(|error| anyhow!(error.text()))?;
        Ok(of(&config)?.iter().map(Binding::to_json).collect())
    }

    #[test]
    fn bindings_are_as_wrangler_sends_them() -> anyhow::Result<()> {
        let toml = "vars = { A = \"x\", B = { c = 1 } }\n\
            kv_namespaces = [{ binding = \"KV\", id = \"0f\", preview_id = \"1\" }]\n\
            services = [{ binding = \"S\", service = \"other\", entrypoint = \"E\" }]\n\
            version_metadata = { binding = \"V\" }\n\
            [durable_objects]\nbindings = [{ name = \"DO\", class_name = \"C\" }]\n";
        let expected = [
            json!({ "name": "A", "type": "plain_text", "text": "x" }),
            json!({ "name": "B", "type": "json", "json": { "c": 1 } }),
            json!({ "name": "KV", "type": "kv_namespace", "namespace_id": "0f" }),
            json!({ "name": "DO", "type": "durable_object_namespace", "class_name": "C" }),
            json!({ "name": "S", "type": "service", "service": "other", "entrypoint": "E" }),
            json!({ "name": "V", "type": "version_metadata" }),
        ];
        assert_eq!(bindings(toml)?, expected);
        Ok(())
    }

    #[test]
    fn every_kind_of_the_configuration_is_known_or_refused_on_purpose() {
        const REFUSED: [&str; 8] = [
            "ai_search",
            "ai_search_namespaces",
            "agent_memory",
            "artifacts",
            "flagship",
            "vpc_networks",
            "unsafe_hello_world",
            "unsafe",
        ];
        for kind in selvedge_server::config::BINDING_KINDS {
            let known = KINDS.iter().any(|(key, ..)| *key == kind.key);
            assert!(known != REFUSED.contains(&kind.key), "{}", kind.key);
        }
    }
}
