//! The list of bindings: which crate reads which key of the configuration, and
//! what it puts into `env`.

mod assets;
mod connect;
mod durable;
mod hyperdrive;
mod queues;
mod tails;
#[cfg(test)]
mod tests;
pub(crate) mod workflows;

use std::sync::Arc;

use selvedge_analytics::Dataset;
use selvedge_analytics::config::DatasetConfig;
use selvedge_cache::{Cache, CacheBinding};
use selvedge_d1::D1Database;
use selvedge_d1::config::DatabaseConfig;
use selvedge_durable::catalog::Strictness;
use selvedge_dynamic::config::{LoaderConfig, NamespaceConfig as NamespaceOfWorkers};
use selvedge_dynamic::{DispatchNamespace, OutboundWorker, WorkerLoader};
use selvedge_email::config::SendEmailConfig;
use selvedge_email::{IncomingEmail, SendEmail};
use selvedge_hyperdrive::Hyperdrive;
use selvedge_kv::KvNamespace;
use selvedge_kv::config::NamespaceConfig;
use selvedge_queues::Producer;
use selvedge_queues::config::ProducerConfig;
use selvedge_r2::R2Bucket;
use selvedge_r2::config::BucketConfig;
use selvedge_ratelimit::RateLimit;
use selvedge_ratelimit::config::RateLimitConfig;
use selvedge_runtime::{EnvEntry, EnvValue, GlobalBinding, Worker};
use selvedge_secrets::StoreSecret;
use selvedge_secrets::config::SecretConfig;
use selvedge_workflows::config::WorkflowConfig;

use crate::alarms::Alarms;
use crate::backends::{BackendError, Backends, unix_millis, unix_seconds};
use crate::config::{Config, Diagnostic, Section};
use crate::loaded::Guests;
pub use assets::ProjectAssets;
pub(crate) use assets::bind as bind_assets;
pub use connect::ConnectListeners;
pub use durable::DurableObjects;
pub use queues::QueueConsumers;
pub use tails::TailWorkers;

/// Whose the data of Workers is that no account has.
pub(crate) const NO_ACCOUNT: &str = "";

/// What is said of a binding without a name.
const NO_NAME: &str = "the name of this binding is empty";

/// A binding that the configuration asks for, checked and not yet opened.
#[derive(Debug, Clone)]
pub enum BindingConfig {
    Kv(NamespaceConfig),
    D1(DatabaseConfig),
    Queue(ProducerConfig),
    DurableObject(selvedge_durable::config::BindingConfig),
    R2(BucketConfig),
    RateLimit(RateLimitConfig),
    Dataset(DatasetConfig),
    Secret(SecretConfig),
    Email(SendEmailConfig),
    Hyperdrive(hyperdrive::LocalDatabase),
    Workflow(WorkflowConfig),
    Loader(LoaderConfig),
    Dispatch(NamespaceOfWorkers),
}

impl BindingConfig {
    /// The name in `env`.
    pub fn name(&self) -> &str {
        match self {
            Self::Kv(namespace) => &namespace.binding,
            Self::D1(database) => &database.binding,
            Self::Queue(queue) => &queue.binding,
            Self::DurableObject(objects) => &objects.name,
            Self::R2(bucket) => &bucket.binding,
            Self::RateLimit(limit) => &limit.name,
            Self::Dataset(dataset) => &dataset.binding,
            Self::Secret(secret) => &secret.binding,
            Self::Email(email) => &email.name,
            Self::Hyperdrive(database) => &database.binding,
            Self::Workflow(workflow) => &workflow.binding,
            Self::Loader(loader) => &loader.binding,
            Self::Dispatch(namespace) => &namespace.binding,
        }
    }

    fn open(
        &self,
        backends: &Backends,
        alarms: &Arc<Alarms>,
        guests: &Arc<Guests>,
        worker: &str,
    ) -> Result<EnvEntry, BackendError> {
        let value = match self {
            Self::Kv(namespace) => {
                let store = backends.kv(namespace.id())?;
                let binding = KvNamespace::new(namespace.id(), store, unix_seconds);
                EnvValue::Binding(Arc::new(binding))
            }
            Self::D1(database) => {
                let store = backends.d1(database.local_id())?;
                EnvValue::Binding(Arc::new(D1Database::new(database.local_id(), store)))
            }
            Self::Queue(queue) => {
                let store = backends.queue(&queue.queue)?;
                let delay = queue.delivery_delay.unwrap_or(0);
                EnvValue::Binding(Arc::new(Producer::new(&queue.queue, store, delay)))
            }
            Self::DurableObject(objects) => {
                let script = objects.script(worker);
                let namespace = backends.durable(&script, &objects.class_name)?;
                EnvValue::Binding(Arc::new(namespace))
            }
            Self::R2(config) => {
                let bucket = backends.r2(NO_ACCOUNT, config.bucket())?;
                EnvValue::Binding(Arc::new(R2Bucket::new(config.bucket(), bucket)))
            }
            Self::Dataset(config) => {
                let store = backends.analytics()?;
                let dataset = Dataset::new(store, NO_ACCOUNT, config.dataset());
                EnvValue::Binding(Arc::new(dataset))
            }
            Self::Loader(config) => {
                let scope = format!("{worker}\0{}", config.binding);
                EnvValue::Binding(Arc::new(WorkerLoader::new(guests.clone(), scope)))
            }
            Self::Dispatch(config) => EnvValue::Binding(Arc::new(dispatch(config))),
            Self::Secret(SecretConfig { store_id, secret_name, .. }) => {
                let source = backends.secrets()?;
                EnvValue::Binding(Arc::new(StoreSecret::new(source, store_id, secret_name)))
            }
            Self::Hyperdrive(database) => {
                let (origin, pool) = database.origin()?;
                let (pools, name) = (backends.hyperdrive()?, origin.database.clone());
                let binding = Hyperdrive::new(pools, &pool, &name, Arc::new(origin));
                EnvValue::Binding(Arc::new(binding))
            }
            Self::Email(config) => {
                let email = SendEmail::new(backends.mailer(), config.rules.clone());
                EnvValue::Binding(Arc::new(email))
            }
            Self::RateLimit(config) => {
                let counter = backends.counter(NO_ACCOUNT, &config.namespace_id);
                let limit = RateLimit::new(counter, config.simple, rate_clock);
                EnvValue::Binding(Arc::new(limit))
            }
            Self::Workflow(config) => {
                EnvValue::Binding(Arc::new(workflows::open(config, backends, alarms, worker)?))
            }
        };
        Ok(EnvEntry { name: self.name().to_owned(), value })
    }
}

/// Opens a Worker's bindings and puts them into its `env`. Gives notes for the
/// user.
///
/// # Errors
/// When the data of one of them cannot be used, or does not fit `objects`.
pub(crate) fn open(
    bindings: &[BindingConfig],
    objects: &DurableObjects,
    backends: &Backends,
    guests: &Arc<Guests>,
    alarms: &Arc<Alarms>,
    worker: &mut Worker,
) -> Result<Vec<String>, BackendError> {
    let mut notes = Vec::new();
    worker.globals.push(caches(backends.cache(), &worker.account));
    worker.mail = Some(Arc::new(IncomingEmail::new(backends.mailer())));
    if !objects.is_empty() {
        let namespaces = backends.objects()?;
        notes = objects.apply(namespaces.catalog(), Strictness::Local)?;
        namespaces.delete_removed()?;
    }
    if !objects.is_empty() {
        for namespace in backends.durable_of(&worker.name)? {
            // Opened once, however many bindings lead there.
            worker.hidden.push(Arc::new(namespace.clone()));
            alarms.watch(namespace);
        }
    }
    for binding in bindings {
        let entry = binding.open(backends, alarms, guests, &worker.name)?;
        // A binding goes before a variable of its name.
        worker.env.retain(|other| other.name != entry.name);
        worker.env.push(entry);
    }
    Ok(notes)
}

/// `caches` of an account's Workers.
pub(crate) fn caches(cache: &Arc<Cache>, account: &str) -> GlobalBinding {
    let binding = Arc::new(CacheBinding::new(cache.clone(), account));
    GlobalBinding { names: &["caches", "Cache", "CacheStorage"], binding }
}

/// The present, for rate limits.
pub(crate) fn rate_clock() -> u64 {
    u64::try_from(unix_millis()).unwrap_or(0)
}

/// All bindings of a configuration but for those of Durable Objects, and
/// warnings about them.
///
/// # Errors
/// When a table is not valid.
pub(crate) fn configured(config: &Config) -> Result<(Vec<BindingConfig>, Vec<String>), Diagnostic> {
    let mut bindings: Vec<BindingConfig> = Vec::new();
    let mut warnings = Vec::new();
    kv_namespaces(config, &mut bindings, &mut warnings)?;
    d1_databases(config, &mut bindings, &mut warnings)?;
    r2_buckets(config, &mut bindings, &mut warnings)?;
    queues::configured(config, &mut bindings, &mut warnings)?;
    workflows::configured(config, &mut bindings, &mut warnings)?;
    for section in config.tables("analytics_engine_datasets")? {
        let dataset: DatasetConfig = section.read()?;
        if dataset.binding.is_empty() {
            return Err(section.error(NO_NAME));
        }
        bindings.push(BindingConfig::Dataset(dataset));
    }
    hyperdrive::configured(config, &mut bindings)?;
    for section in config.tables("send_email")? {
        let email: SendEmailConfig = section.read()?;
        if email.name.is_empty() {
            return Err(section.error(NO_NAME));
        }
        if email.remote {
            let text = format!("\"{}\" sends nothing over Cloudflare (\"remote\")", email.name);
            warnings.push(section.warning(&text));
        }
        bindings.push(BindingConfig::Email(email));
    }
    for section in config.tables("secrets_store_secrets")? {
        bindings.push(BindingConfig::Secret(secret(&section)?));
    }
    for section in config.tables("ratelimits")? {
        let limit: RateLimitConfig = section.read()?;
        if limit.name.is_empty() {
            return Err(section.error(NO_NAME));
        }
        limit.simple.check().map_err(|text| section.error(text))?;
        bindings.push(BindingConfig::RateLimit(limit));
    }
    for section in config.tables("worker_loaders")? {
        let loader: LoaderConfig = section.read()?;
        if loader.binding.is_empty() {
            return Err(section.error(NO_NAME));
        }
        bindings.push(BindingConfig::Loader(loader));
    }
    for section in config.tables("dispatch_namespaces")? {
        let namespace: NamespaceOfWorkers = section.read()?;
        let (what, name) = ("dispatch namespace", &namespace.binding);
        warnings.extend(Kept { what, name, remote: namespace.remote }.check(&section)?);
        bindings.push(BindingConfig::Dispatch(namespace));
    }
    Ok((bindings, warnings))
}

/// A namespace whose Workers are those that run in this process, by their names.
fn dispatch(config: &NamespaceOfWorkers) -> DispatchNamespace {
    let outbound = config.outbound.as_ref().map(|outbound| OutboundWorker {
        service: match outbound.environment.as_deref() {
            None | Some("production") => outbound.service.clone(),
            Some(environment) => format!("{}-{environment}", outbound.service),
        },
        parameters: outbound.parameters.clone(),
    });
    DispatchNamespace::new("", outbound)
}

fn secret(section: &Section) -> Result<SecretConfig, Diagnostic> {
    let secret: SecretConfig = section.read()?;
    let SecretConfig { binding, store_id, secret_name } = &secret;
    if binding.is_empty() {
        return Err(section.error(NO_NAME));
    }
    for (key, value) in [("store_id", store_id), ("secret_name", secret_name)] {
        if value.is_empty() {
            return Err(section.error(format!("\"{key}\" is empty")));
        }
    }
    Ok(secret)
}

fn kv_namespaces(
    config: &Config,
    bindings: &mut Vec<BindingConfig>,
    warnings: &mut Vec<String>,
) -> Result<(), Diagnostic> {
    for section in config.tables("kv_namespaces")? {
        let namespace: NamespaceConfig = section.read()?;
        let kept = Kept { what: "namespace", name: &namespace.binding, remote: namespace.remote };
        warnings.extend(kept.check(&section)?);
        bindings.push(BindingConfig::Kv(namespace));
    }
    Ok(())
}

fn d1_databases(
    config: &Config,
    bindings: &mut Vec<BindingConfig>,
    warnings: &mut Vec<String>,
) -> Result<(), Diagnostic> {
    for section in config.tables("d1_databases")? {
        let database: DatabaseConfig = section.read()?;
        let kept = Kept { what: "database", name: &database.binding, remote: database.remote };
        warnings.extend(kept.check(&section)?);
        bindings.push(BindingConfig::D1(database));
    }
    Ok(())
}

fn r2_buckets(
    config: &Config,
    bindings: &mut Vec<BindingConfig>,
    warnings: &mut Vec<String>,
) -> Result<(), Diagnostic> {
    for section in config.tables("r2_buckets")? {
        let bucket: BucketConfig = section.read()?;
        let kept = Kept { what: "bucket", name: &bucket.binding, remote: bucket.remote };
        warnings.extend(kept.check(&section)?);
        bindings.push(BindingConfig::R2(bucket));
    }
    Ok(())
}

/// A binding whose data is kept here.
pub(crate) struct Kept<'a> {
    /// What it is, such as "namespace".
    pub(crate) what: &'static str,
    /// The binding's name.
    pub(crate) name: &'a str,
    /// Whether Cloudflare's data was asked for.
    pub(crate) remote: bool,
}

impl Kept<'_> {
    /// A warning, if there is something to be said.
    pub(crate) fn check(&self, section: &Section) -> Result<Option<String>, Diagnostic> {
        let Self { what, name, remote } = self;
        if name.is_empty() {
            return Err(section.error(NO_NAME));
        }
        let said = format!(
            "the {what} \"{name}\" is kept here: Selvedge does not use Cloudflare's data (\"remote\")"
        );
        Ok(remote.then(|| section.warning(&said)))
    }
}
