//! What kinds of bindings there are, what wrangler calls them, and which type
//! they have in TypeScript.

use std::collections::BTreeMap;

use super::{Config, Diagnostic, Section, VarSource};

/// A kind of binding.
#[derive(Debug, Clone, Copy)]
pub struct BindingKind {
    /// The key of the configuration.
    pub key: &'static str,
    /// The key below it that holds the list, if there is one.
    pub list: Option<&'static str>,
    /// The key of a table that holds the binding's name.
    pub name: &'static str,
    /// What people call it.
    pub label: &'static str,
    /// Its type in `@cloudflare/workers-types`.
    pub type_name: &'static str,
}

/// A binding of a configuration.
#[derive(Debug, Clone)]
pub struct NamedBinding {
    /// Its name in `env`.
    pub name: String,
    pub kind: &'static BindingKind,
    /// Its table.
    pub section: Section,
}

const fn kind(key: &'static str, label: &'static str, type_name: &'static str) -> BindingKind {
    BindingKind { key, list: None, name: "binding", label, type_name }
}

impl BindingKind {
    const fn below(mut self, list: &'static str) -> Self {
        self.list = Some(list);
        self
    }

    const fn called(mut self, name: &'static str) -> Self {
        self.name = name;
        self
    }
}

/// All kinds. A key whose value is one table and not a list has one binding.
pub const BINDING_KINDS: &[BindingKind] = &[
    kind("kv_namespaces", "KV Namespace", "KVNamespace"),
    kind("durable_objects", "Durable Object", "DurableObjectNamespace")
        .below("bindings")
        .called("name"),
    kind("r2_buckets", "R2 Bucket", "R2Bucket"),
    kind("d1_databases", "D1 Database", "D1Database"),
    kind("queues", "Queue", "Queue").below("producers"),
    kind("services", "Worker", "Fetcher"),
    kind("workflows", "Workflow", "Workflow"),
    kind("ratelimits", "Rate Limit", "RateLimit").called("name"),
    kind("hyperdrive", "Hyperdrive Config", "Hyperdrive"),
    kind("vectorize", "Vectorize Index", "VectorizeIndex"),
    kind("analytics_engine_datasets", "Analytics Engine Dataset", "AnalyticsEngineDataset"),
    kind("assets", "Assets", "Fetcher"),
    kind("ai", "AI", "Ai"),
    kind("ai_search", "AI Search Instance", "AiSearchInstance"),
    kind("ai_search_namespaces", "AI Search Namespace", "AiSearchNamespace"),
    kind("agent_memory", "Agent Memory", "AgentMemoryNamespace"),
    kind("browser", "Browser", "BrowserRun"),
    kind("images", "Images", "ImagesBinding"),
    kind("media", "Media", "MediaBinding"),
    kind("stream", "Stream", "StreamBinding"),
    kind("websearch", "Web Search", "WebSearch"),
    kind("send_email", "Send Email", "SendEmail").called("name"),
    kind("mtls_certificates", "mTLS Certificate", "Fetcher"),
    kind("dispatch_namespaces", "Dispatch Namespace", "DispatchNamespace"),
    kind(
        "pipelines",
        "Pipeline",
        "import(\"cloudflare:pipelines\").Pipeline<import(\"cloudflare:pipelines\").PipelineRecord>",
    ),
    kind("secrets_store_secrets", "Secrets Store Secret", "SecretsStoreSecret"),
    kind("artifacts", "Artifacts", "Artifacts"),
    kind("flagship", "Flagship", "Flagship"),
    kind("worker_loaders", "Worker Loader", "WorkerLoader"),
    kind("vpc_services", "VPC Service", "Fetcher"),
    kind("vpc_networks", "VPC Network", "Fetcher"),
    kind("unsafe_hello_world", "Hello World", "HelloWorldBinding"),
    kind("unsafe", "Unsafe", "any").below("bindings").called("name"),
    kind("version_metadata", "Worker Version Metadata", "WorkerVersionMetadata"),
];

/// The keys that name what a binding leads to.
const TARGETS: &[&str] = &[
    "id",
    "service",
    "class_name",
    "bucket_name",
    "database_name",
    "queue",
    "namespace",
    "index_name",
    "dataset",
    "namespace_id",
    "directory",
    "secret_name",
    "pipeline",
    "stream",
];

impl NamedBinding {
    /// What it leads to, in a word.
    pub fn summary(&self) -> String {
        let text = |key: &str| Some(self.section.get(key)?.as_str()?.to_owned());
        let target = TARGETS.iter().find_map(|key| text(key)).unwrap_or_default();
        match text("entrypoint") {
            Some(entrypoint) => format!("{target}#{entrypoint}"),
            None => target,
        }
    }
}

impl Config {
    /// All bindings, whether Selvedge supplies them or not, by kind.
    pub fn bindings(&self) -> Vec<NamedBinding> {
        let mut bindings = Vec::new();
        for kind in BINDING_KINDS {
            let Some(section) = self.section(kind.key) else { continue };
            let section = match kind.list {
                None => section.clone(),
                Some(list) => match section.get(list) {
                    Some(list) => list,
                    None => continue,
                },
            };
            let tables = section.items().unwrap_or_else(|_| vec![section]);
            bindings.extend(tables.into_iter().filter_map(|table| {
                let name = table.get(kind.name)?.as_str()?.to_owned();
                Some(NamedBinding { name, kind, section: table })
            }));
        }
        bindings
    }

    /// That no two bindings have the same name.
    pub(super) fn check_names(&self) -> Result<(), Diagnostic> {
        let mut known: BTreeMap<String, &'static str> = BTreeMap::new();
        for var in self.vars.iter().filter(|var| var.source == VarSource::Configuration) {
            known.insert(var.name.clone(), "Environment Variable");
        }
        for binding in self.bindings() {
            let label = binding.kind.label;
            let Some(other) = known.insert(binding.name.clone(), label) else { continue };
            let name = &binding.name;
            let message = if other == label {
                format!("{name} assigned to multiple {label} bindings.")
            } else {
                format!("{name} assigned to {other} and {label} bindings.")
            };
            let at = binding.section.get(binding.kind.name).unwrap_or(binding.section);
            return Err(at.error(message).with_hint(
                "Bindings must have unique names, so that they can all be referenced in the worker.",
            ));
        }
        Ok(())
    }
}
