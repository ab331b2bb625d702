//! From a version as it is stored to a Worker that can be started: modules,
//! `env`, limits. Nothing of it is kept while no isolate runs.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use selvedge_analytics::Dataset;
use selvedge_assets::Handle;
use selvedge_d1::D1Database;
use selvedge_deployments::{
    AccountLimits, Binding as StoredBinding, BindingKind, DeploymentStore, EncryptedSecret,
    ModuleKind, ResourceKind, Script, VersionContent, VersionId, WorkerKey,
};
use selvedge_durable::DurableNamespace;
use selvedge_dynamic::{DispatchNamespace, OutboundWorker, WorkerLoader};
use selvedge_email::{Rules, SendEmail};
use selvedge_hyperdrive::Hyperdrive;
use selvedge_js::ServiceBinding;
use selvedge_kv::KvNamespace;
use selvedge_queues::Producer;
use selvedge_r2::R2Bucket;
use selvedge_ratelimit::RateLimit;
use selvedge_ratelimit::config::Simple;
use selvedge_runtime::compatibility::Compatibility;
use selvedge_runtime::outbound::ServiceTarget;
use selvedge_runtime::{
    Binding, EnvEntry, EnvValue, ExpectedClass, Limits, Mode, Module, SourceMap, Worker,
};
use selvedge_secrets::StoreSecret;

use super::hyperdrive::AccountDatabase;
use super::secrets::AccountSecrets;
use super::settings::WorkerDefaults;
use super::workflows;
use crate::backends::{Backends, unix_seconds};
use crate::bindings::{bind_assets, caches, rate_clock};
use crate::loaded::Guests;
use crate::log::rfc3339;

/// What of a version goes into its Worker.
pub(crate) struct Given<'a> {
    pub(crate) key: &'a WorkerKey,
    pub(crate) content: &'a VersionContent,
    /// What `version_metadata` tells.
    pub(crate) id: VersionId,
    pub(crate) created_on: i64,
    pub(crate) annotations: &'a BTreeMap<String, String>,
    pub(crate) limits: Option<&'a AccountLimits>,
    /// Its static assets, if it has some and they are served.
    pub(crate) assets: Option<Arc<Handle>>,
}

/// What a Worker is made with.
pub(crate) struct Stores<'a> {
    pub(crate) store: &'a Arc<dyn DeploymentStore>,
    pub(crate) backends: &'a Backends,
    pub(crate) defaults: &'a WorkerDefaults,
    pub(crate) guests: &'a Arc<Guests>,
    pub(crate) purpose: Purpose,
}

/// What a Worker is made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    Serving,
    /// It is only started: its classes of Durable Objects are made after that.
    Trying,
}

/// Why there is no Worker. It is the server's fault: what is stored was checked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum EnvError {
    #[error(transparent)]
    Store(#[from] selvedge_deployments::Error),
    #[error("the binding {0}: {1}")]
    Backend(String, crate::backends::BackendError),
    #[error("the binding {0}: {1}")]
    Binding(String, &'static str),
    #[error("the static assets: {0}")]
    Assets(String),
}

/// The main module of a version that is static assets alone.
const ASSETS_ONLY: &str = "assets-only.js";

impl Stores<'_> {
    /// The Worker of a version.
    pub(crate) fn worker(&self, given: &Given<'_>) -> Result<Worker, EnvError> {
        let content = given.content;
        let main = content.script.main().unwrap_or(ASSETS_ONLY);
        let (mut modules, parts) = self.modules(content, main)?;
        if content.script == Script::AssetsOnly {
            modules.push(no_worker());
        }
        let mut env = Vec::with_capacity(content.bindings.len());
        for binding in &content.bindings {
            if binding.kind == BindingKind::Assets {
                continue;
            }
            let value = self.value(given, binding, &parts)?;
            env.push(EnvEntry { name: binding.name.clone(), value });
        }
        let mut worker = Worker {
            name: given.key.to_string(),
            account: cache_owner(given.key),
            main: main.to_owned(),
            entrypoint: None,
            modules,
            env,
            tails: Vec::new(),
            hidden: self.own_objects(given)?,
            // No mail comes in.
            mail: None,
            globals: vec![caches(self.backends.cache(), &cache_owner(given.key))],
            classes: classes(content, &given.key.name),
            compatibility: compatibility(content),
            limits: self.limits(given),
            outbound: None,
            mode: Mode::Production,
        };
        for binding in &content.bindings {
            if let (BindingKind::Assets, Some(handle)) = (&binding.kind, &given.assets) {
                bind_assets(&binding.name, handle, &mut worker);
            }
        }
        Ok(worker)
    }

    fn limits(&self, given: &Given<'_>) -> Limits {
        let defaults = self.defaults;
        let account = given.limits.cloned().unwrap_or_default();
        let cpu = account.cpu_ms.map_or(defaults.cpu_ms, u64::from);
        let cpu = given.content.cpu_ms.map_or(cpu, |own| u64::from(own).min(cpu));
        let subrequests = account.subrequests.unwrap_or(defaults.subrequests);
        let memory = account.memory_bytes.and_then(|bytes| usize::try_from(bytes).ok());
        Limits {
            cpu: Duration::from_millis(cpu),
            memory_bytes: memory.unwrap_or(defaults.memory_bytes),
            subrequests: given.content.subrequests.map_or(subrequests, |own| own.min(subrequests)),
            request_body_bytes: defaults.request_body_bytes,
            ..Limits::default()
        }
    }

    /// The modules that may be imported, and the content of all parts by name.
    fn modules(
        &self,
        content: &VersionContent,
        main: &str,
    ) -> Result<(Vec<Module>, BTreeMap<String, bytes::Bytes>), EnvError> {
        let mut parts = BTreeMap::new();
        for module in &content.modules {
            parts.insert(module.name.clone(), self.store.blob(&module.blob)?);
        }
        let is_script = matches!(content.script, Script::ServiceWorker(_));
        let mut modules = Vec::new();
        for module in &content.modules {
            let is_main = module.name == main;
            let kind = match module.kind {
                // A script of the old syntax is found out by having no exports.
                ModuleKind::CommonJs if is_main && is_script => {
                    selvedge_runtime::ModuleKind::EsModule
                }
                ModuleKind::EsModule => selvedge_runtime::ModuleKind::EsModule,
                ModuleKind::CommonJs => selvedge_runtime::ModuleKind::CommonJs,
                ModuleKind::Json => selvedge_runtime::ModuleKind::Json,
                ModuleKind::Text => selvedge_runtime::ModuleKind::Text,
                ModuleKind::Data => selvedge_runtime::ModuleKind::Data,
                ModuleKind::Wasm => selvedge_runtime::ModuleKind::Wasm,
                ModuleKind::SourceMap => continue,
            };
            let map = parts.get(&format!("{}.map", module.name));
            modules.push(Module {
                name: module.name.clone(),
                kind,
                body: parts.get(&module.name).cloned().unwrap_or_default(),
                path: None,
                source_map: map.map(|json| Arc::new(SourceMap::new(json.clone()))),
            });
        }
        // The main one stands first, as for Workers from files.
        if let Some(at) = modules.iter().position(|module| module.name == main) {
            modules[..=at].rotate_right(1);
        }
        Ok((modules, parts))
    }

    fn value(
        &self,
        given: &Given<'_>,
        binding: &StoredBinding,
        parts: &BTreeMap<String, bytes::Bytes>,
    ) -> Result<EnvValue, EnvError> {
        let name = &binding.name;
        let part = |part: &str| {
            parts.get(part).cloned().ok_or(EnvError::Binding(name.clone(), "its part is missing"))
        };
        Ok(match &binding.kind {
            BindingKind::Text(text) => EnvValue::Text(text.clone()),
            BindingKind::Json(value) => EnvValue::Json(value.clone()),
            BindingKind::Secret(secret) => EnvValue::Text(self.secret(given, name, secret)?),
            BindingKind::Kv { namespace } => {
                // It was the account's when it was bound; it may be gone.
                if self.store.kv_namespace(&given.key.account, namespace)?.is_none() {
                    return Err(EnvError::Binding(name.clone(), "its namespace was deleted"));
                }
                let store = self.backends.kv(namespace);
                let store = store.map_err(|error| EnvError::Backend(name.clone(), error))?;
                EnvValue::Binding(Arc::new(KvNamespace::new(namespace, store, unix_seconds)))
            }
            BindingKind::D1 { database } => {
                let kind = ResourceKind::D1Database;
                if self.store.resource(&given.key.account, kind, database)?.is_none() {
                    return Err(EnvError::Binding(name.clone(), "its database was deleted"));
                }
                let store = self.backends.d1(database);
                let store = store.map_err(|error| EnvError::Backend(name.clone(), error))?;
                EnvValue::Binding(Arc::new(D1Database::new(database, store)))
            }
            BindingKind::Queue { queue, delay } => {
                let found = self.store.resource(&given.key.account, ResourceKind::Queue, queue)?;
                let missing = || EnvError::Binding(name.clone(), "its queue was deleted");
                let found = found.ok_or_else(missing)?;
                let store = self.backends.queue(&found.id);
                let store = store.map_err(|error| EnvError::Backend(name.clone(), error))?;
                // What the binding does not say, the queue does.
                let default =
                    found.settings.get("delivery_delay").and_then(serde_json::Value::as_u64);
                let default = default.and_then(|delay| u32::try_from(delay).ok()).unwrap_or(0);
                let delay = delay.unwrap_or(default);
                EnvValue::Binding(Arc::new(Producer::new(queue, store, delay)))
            }
            BindingKind::R2 { bucket } => {
                // It was the account's when it was bound; it may be gone.
                let failed = |error| EnvError::Backend(name.clone(), error);
                let buckets = self.backends.buckets().map_err(failed)?;
                let (_, found) = buckets
                    .existing(given.key.account.as_str(), bucket)
                    .map_err(|_| EnvError::Binding(name.clone(), "its bucket was deleted"))?;
                EnvValue::Binding(Arc::new(R2Bucket::new(bucket, found)))
            }
            BindingKind::Dataset { dataset } => {
                let store = self.backends.analytics();
                let store = store.map_err(|error| EnvError::Backend(name.clone(), error))?;
                let account = given.key.account.as_str();
                EnvValue::Binding(Arc::new(Dataset::new(store, account, dataset)))
            }
            BindingKind::Email { destination, destinations, senders } => {
                let rules = Rules {
                    destination_address: destination.clone(),
                    allowed_destination_addresses: destinations.clone(),
                    allowed_sender_addresses: senders.clone(),
                };
                EnvValue::Binding(Arc::new(SendEmail::new(self.backends.mailer(), rules)))
            }
            BindingKind::Hyperdrive { config } => {
                let database = AccountDatabase::new(self.store, &given.key.account, config);
                let missing =
                    || EnvError::Binding(name.clone(), "its Hyperdrive configuration was deleted");
                let title = database.database()?.ok_or_else(missing)?;
                let pools = self.backends.hyperdrive();
                let pools = pools.map_err(|error| EnvError::Backend(name.clone(), error))?;
                let binding = Hyperdrive::new(pools, config, &title, Arc::new(database));
                EnvValue::Binding(Arc::new(binding))
            }
            BindingKind::StoreSecret { store, secret } => {
                let source = AccountSecrets::new(self.store, &given.key.account);
                EnvValue::Binding(Arc::new(StoreSecret::new(Arc::new(source), store, secret)))
            }
            BindingKind::RateLimit { namespace, limit, period } => {
                let counter = self.backends.counter(given.key.account.as_str(), namespace);
                let simple = Simple { limit: *limit, period: *period };
                EnvValue::Binding(Arc::new(RateLimit::new(counter, simple, rate_clock)))
            }
            BindingKind::Workflow { workflow, class, script } => {
                if self.purpose == Purpose::Trying {
                    // The global scope, which alone sees it, can do nothing with it.
                    return Ok(EnvValue::Json(serde_json::json!({})));
                }
                let found = workflows::binding(
                    self.backends,
                    given.key,
                    workflow,
                    class,
                    script.as_deref(),
                );
                let found = found.map_err(|error| EnvError::Backend(name.clone(), error))?;
                let missing = || EnvError::Binding(name.clone(), "its Workflow was deleted");
                EnvValue::Binding(Arc::new(found.ok_or_else(missing)?))
            }
            BindingKind::Objects { class, script } => {
                let script = qualified(given.key, script.as_deref());
                match self.backends.durable(&script, class) {
                    Ok(namespace) => EnvValue::Binding(Arc::new(namespace)),
                    Err(_) if self.purpose == Purpose::Trying => {
                        EnvValue::Binding(Arc::new(self.no_objects(&script, class)))
                    }
                    Err(error) => return Err(EnvError::Backend(name.clone(), error)),
                }
            }
            BindingKind::Service { service, entrypoint, props } => {
                let target = ServiceTarget {
                    service: qualified(given.key, Some(service)),
                    entrypoint: entrypoint.clone(),
                    props: props.as_ref().map(ToString::to_string),
                    ..ServiceTarget::default()
                };
                EnvValue::Binding(Arc::new(ServiceBinding(Arc::new(target))))
            }
            BindingKind::Loader => {
                let scope = super::loaded::scope(given.key, given.id, name);
                EnvValue::Binding(Arc::new(WorkerLoader::new(self.guests.clone(), scope)))
            }
            BindingKind::Dispatch { namespace, outbound } => {
                let account = &given.key.account;
                let kind = ResourceKind::DispatchNamespace;
                if self.store.resource(account, kind, namespace)?.is_none() {
                    return Err(EnvError::Binding(name.clone(), "its namespace was deleted"));
                }
                let outbound = outbound.as_ref().map(|outbound| OutboundWorker {
                    service: format!("{account}/{}", outbound.service),
                    parameters: outbound.parameters.clone(),
                });
                let prefix = format!("{account}/{namespace}/");
                EnvValue::Binding(Arc::new(DispatchNamespace::new(prefix, outbound)))
            }
            BindingKind::VersionMetadata => EnvValue::Json(metadata(given)),
            // They are bound when the Worker is there.
            BindingKind::Assets => {
                return Err(EnvError::Binding(name.clone(), "the version has no assets"));
            }
            BindingKind::Wasm { part: of } => EnvValue::Wasm(part(of)?),
            BindingKind::DataBlob { part: of } => EnvValue::Data(part(of)?),
            BindingKind::TextBlob { part: of } => {
                EnvValue::Text(String::from_utf8_lossy(&part(of)?).into_owned())
            }
        })
    }

    /// The namespaces of the Worker's own classes, for `ctx.exports`.
    fn own_objects(&self, given: &Given<'_>) -> Result<Vec<Arc<dyn Binding>>, EnvError> {
        let own = self.backends.durable_of(&given.key.to_string());
        let own = own.map_err(|error| EnvError::Backend("ctx.exports".to_owned(), error))?;
        Ok(own.into_iter().map(|namespace| Arc::new(namespace) as Arc<dyn Binding>).collect())
    }

    /// A namespace in the place of one that is not there yet. The global scope,
    /// which alone sees it, can do nothing with it.
    fn no_objects(&self, script: &str, class: &str) -> DurableNamespace {
        let (idle, placement) = (self.backends.object_idle(), self.backends.placement());
        DurableNamespace::new(&"0".repeat(32), script, class, idle, placement)
    }

    fn secret(
        &self,
        given: &Given<'_>,
        name: &str,
        secret: &Option<EncryptedSecret>,
    ) -> Result<String, EnvError> {
        let secret =
            secret.as_ref().ok_or(EnvError::Binding(name.to_owned(), "the secret is missing"))?;
        Ok(self.store.reveal(given.key, name, secret)?.reveal().to_owned())
    }
}

/// The compatibility date and flags of a version.
pub(crate) fn compatibility(content: &VersionContent) -> Compatibility {
    Compatibility {
        date: content.compatibility_date.clone().unwrap_or_default(),
        flags: content.compatibility_flags.clone(),
    }
}

/// The module of a version that is static assets alone: no request reaches it.
fn no_worker() -> Module {
    Module {
        name: ASSETS_ONLY.to_owned(),
        kind: selvedge_runtime::ModuleKind::EsModule,
        body: bytes::Bytes::from_static(b"export default {};"),
        path: None,
        source_map: None,
    }
}

/// Whose cache a Worker has: that of its account, but in a dispatch namespace one of
/// its own, as nobody there trusts the others.
fn cache_owner(key: &WorkerKey) -> String {
    match key.namespace() {
        Some(_) => key.to_string(),
        None => key.account.to_string(),
    }
}

/// A Worker's name in the process: names of two accounts never meet.
pub(crate) fn qualified(own: &WorkerKey, other: Option<&str>) -> String {
    format!("{}/{}", own.account, other.unwrap_or(&own.name))
}

/// `{ id, tag, timestamp }`.
fn metadata(given: &Given<'_>) -> serde_json::Value {
    serde_json::json!({
        "id": given.id.to_string(),
        "tag": given.annotations.get("workers/tag").map_or("", String::as_str),
        "timestamp": rfc3339(u64::try_from(given.created_on).unwrap_or(0)),
    })
}

/// The classes that the Worker is to export.
fn classes(content: &VersionContent, own: &str) -> Vec<ExpectedClass> {
    let mut classes: Vec<ExpectedClass> = Vec::new();
    for binding in &content.bindings {
        let BindingKind::Objects { class, script } = &binding.kind else { continue };
        let is_own = script.as_deref().is_none_or(|script| script == own);
        if !is_own || classes.iter().any(|other| other.name == *class) {
            continue;
        }
        let missing =
            format!("Cannot create binding for class {class} that is not exported by the script");
        classes.push(ExpectedClass { name: class.clone(), missing, is_optional: false });
    }
    for (workflow, class) in workflows::own(content, own) {
        if classes.iter().all(|other| other.name != class) {
            let missing = crate::bindings::workflows::missing(&class, &workflow);
            classes.push(ExpectedClass { name: class, missing, is_optional: false });
        }
    }
    classes
}
