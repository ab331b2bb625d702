//! From a main module's file to a Worker that can be loaded: all modules that
//! it may import, read and named.
//!
//! A Worker of plain modules is taken as it is: what V8 will ask for is found by
//! parsing each module the same way, and what cannot be had is said before
//! anything runs. One that names TypeScript or packages is bundled.

mod additional;
mod bundled;
mod collect;
mod names;
mod resolve;
mod scan;
mod source_map;
#[cfg(test)]
mod tests;
mod version;

use std::path::PathBuf;
use std::sync::Arc;

use selvedge_cache::Cache;
use selvedge_js::ServiceBinding;
use selvedge_runtime::outbound::ServiceTarget;
use selvedge_runtime::{EnvEntry, EnvValue, Mode, Module, ModuleKind, Worker};

use crate::bindings::{
    self, BindingConfig, ConnectListeners, DurableObjects, ProjectAssets, QueueConsumers,
    TailWorkers,
};
use crate::config::{Blob, Config, Cron, Diagnostic, EnvLine, Section, Service, Var, shown};
use crate::front::{Front, FrontOptions};
use collect::{Collected, Refused};

/// The most that all modules of a Worker may hold: 64 MiB, as on Cloudflare
/// (<https://developers.cloudflare.com/workers/platform/limits/#worker-size>).
pub const MAX_WORKER_BYTES: u64 = 64 * 1024 * 1024;

/// The parser recurses, and long chains of operators in bundles recurse far.
/// Untouched pages of a stack cost nothing.
const PARSER_STACK_BYTES: usize = 512 * 1024 * 1024;

/// A Worker read from files.
#[derive(Debug, Clone)]
pub struct Project {
    pub worker: Worker,
    /// What `env` gets when the Worker's data is opened.
    pub bindings: Vec<BindingConfig>,
    /// Its static assets.
    pub assets: Option<ProjectAssets>,
    /// The cache before it.
    pub(crate) front: ProjectFront,
    /// What it says of Durable Objects.
    pub objects: DurableObjects,
    /// The queues of which it takes the messages.
    pub consumers: QueueConsumers,
    /// The Workers that are told of its events.
    pub tails: TailWorkers,
    /// Where it takes TCP connections.
    pub connect: ConnectListeners,
    /// The folder of the configuration file, else of the main module.
    pub root: PathBuf,
    /// What the user should know and can go on without.
    pub warnings: Vec<String>,
    /// Cron triggers, as the configuration gives them.
    pub crons: Vec<Cron>,
    /// What `env` holds, for people; values of secrets are not in it.
    pub env: Vec<EnvLine>,
}

/// What a Worker depends on.
#[derive(Debug, Clone, Default)]
pub struct Watched {
    /// Files, also those that are missing.
    pub files: Vec<PathBuf>,
    /// Folders in which a new file matters.
    pub folders: Vec<PathBuf>,
    /// Folders of static assets.
    pub assets: Vec<PathBuf>,
}

impl Project {
    /// Reads all modules of a Worker, and bundles them if they must be.
    ///
    /// # Errors
    /// When a module is missing, too large, not text or not JavaScript, or an
    /// import names what there is not.
    pub fn load(config: Config, mode: Mode) -> Result<Self, Diagnostic> {
        Self::build(config, mode).0
    }

    /// The same, with what the result depends on, also when there is none.
    pub fn build(config: Config, mode: Mode) -> (Result<Self, Diagnostic>, Watched) {
        let mut watched = Watched {
            files: config.watched.clone(),
            folders: Vec::new(),
            assets: config.assets.iter().cloned().collect(),
        };
        if !config.is_assets_only {
            watched.files.push(config.main.clone());
        }
        let result = modules(&config, mode, &mut watched)
            .and_then(|(modules, warnings)| Self::of(config, mode, modules, warnings));
        (result, watched)
    }

    fn of(
        config: Config,
        mode: Mode,
        modules: Vec<Module>,
        warnings: Vec<String>,
    ) -> Result<Self, Diagnostic> {
        let (mut bindings, binding_warnings) = bindings::configured(&config)?;
        let (assets, asset_warnings) = ProjectAssets::configured(&config)?;
        let consumers = QueueConsumers::configured(&config)?;
        let tails = TailWorkers::configured(&config)?;
        let connect = ConnectListeners::configured(&config)?;
        let (objects, object_warnings) = DurableObjects::configured(&config)?;
        bindings.extend(objects.bindings().iter().cloned().map(BindingConfig::DurableObject));
        let env_lines = config.env_lines();
        let mut classes = objects.expected_classes();
        classes.extend(bindings::workflows::expected_classes(&bindings, &config.name));
        let options = front_options(&config)?;
        let main = modules.first().map(|module| module.name.clone()).unwrap_or_default();
        let env = env_of(&config, &modules)?;
        let worker = Worker {
            name: config.name,
            account: String::new(),
            main,
            entrypoint: None,
            modules,
            env,
            hidden: Vec::new(),
            tails: Vec::new(),
            mail: None,
            globals: Vec::new(),
            classes,
            compatibility: config.compatibility,
            limits: config.limits,
            outbound: None,
            mode,
        };
        let front = ProjectFront { options, version: version::of(&worker) };
        let mut all = config.warnings;
        all.extend(binding_warnings);
        all.extend(object_warnings);
        all.extend(asset_warnings);
        all.extend(warnings);
        Ok(Self {
            worker,
            bindings,
            assets,
            front,
            objects,
            consumers,
            tails,
            connect,
            root: config.root,
            warnings: all,
            crons: config.crons,
            env: env_lines,
        })
    }
}

/// The cache before a Worker that is read from files.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct ProjectFront {
    options: FrontOptions,
    /// The same for the same code and configuration.
    version: String,
}

impl ProjectFront {
    /// For a Worker of this name.
    pub(crate) fn open(self, cache: &Arc<Cache>, worker: &str) -> Option<Arc<Front>> {
        Front::new(cache, self.options, worker, self.version)
    }
}

/// What `cache` and `exports` say of the cache before a Worker.
fn front_options(config: &Config) -> Result<FrontOptions, Diagnostic> {
    let own = config.section("cache").map(Section::read).transpose()?;
    let exports = config.section("exports").map(Section::to_json);
    Ok(FrontOptions::of(own, exports.as_ref()))
}

/// The modules of a Worker, the main one first, and warnings.
fn modules(
    config: &Config,
    mode: Mode,
    watched: &mut Watched,
) -> Result<(Vec<Module>, Vec<String>), Diagnostic> {
    if config.is_assets_only {
        return Ok((vec![no_worker()], Vec::new()));
    }
    let bundling = &config.bundling;
    let asked = !bundling.alias.is_empty()
        || !bundling.define.is_empty()
        || bundling.minify
        || bundling.jsx_factory.is_some();
    if bundling.no_bundle {
        return as_they_are(config, watched).map_err(|refused| refused.error).map(|plain| plain.0);
    }
    if asked {
        return bundle(config, mode, watched);
    }
    match as_they_are(config, watched) {
        Ok((plain, false)) => Ok(plain),
        // What may fail when it is reached is no reason to run nothing.
        Ok((plain, true)) => Ok(bundle(config, mode, watched).unwrap_or(plain)),
        Err(refused) if refused.wants_bundler => bundle(config, mode, watched),
        Err(refused) => Err(refused.error),
    }
}

/// The module of a project that is static assets alone: no request reaches it.
fn no_worker() -> Module {
    Module {
        name: "assets-only.js".to_owned(),
        kind: ModuleKind::EsModule,
        body: bytes::Bytes::from_static(b"export default {};"),
        path: None,
        source_map: None,
    }
}

type Modules = (Vec<Module>, Vec<String>);

fn bundle(config: &Config, mode: Mode, watched: &mut Watched) -> Result<Modules, Diagnostic> {
    let (result, more) = match bundled::bundle(config, mode) {
        Ok(bundled) => (Ok((bundled.modules, bundled.warnings)), bundled.watched),
        Err((error, watched)) => (Err(error), watched),
    };
    watched.files.extend(more.files);
    watched.folders.extend(more.folders);
    result
}

/// The modules as files; whether a bundler could do more with them.
fn as_they_are(config: &Config, watched: &mut Watched) -> Result<(Modules, bool), Refused> {
    let Collected { files, warnings, wants_bundler } = collect_apart(config)?;
    let folder = names::base_of(config, files.iter().map(|file| file.path.as_path()));
    watched.files.extend(files.iter().map(|file| file.path.clone()));
    let modules = files
        .into_iter()
        .map(|file| {
            let name = names::name_in(&folder, &file.path)?;
            let source_map = source_map::beside(&file.path, &file.body);
            let (kind, body) = (file.kind, file.body);
            Ok(Module { name, kind, body, path: Some(file.path), source_map })
        })
        .collect::<Result<Vec<_>, Diagnostic>>()
        .map_err(|error| Refused { error, wants_bundler: false })?;
    Ok(((modules, warnings), wants_bundler))
}

/// Reads files on a thread with a stack for the parser.
fn collect_apart(config: &Config) -> Result<Collected, Refused> {
    let refused =
        |message: String| Refused { error: Diagnostic::new(message), wants_bundler: false };
    let spawn = |stack_bytes| {
        let config = config.clone();
        std::thread::Builder::new()
            .name("parser".into())
            .stack_size(stack_bytes)
            .spawn(move || collect::collect(&config))
    };
    // Where the system promises no more memory than it has, less must do.
    let reader = spawn(PARSER_STACK_BYTES).or_else(|_| spawn(PARSER_STACK_BYTES / 16));
    let reader =
        reader.map_err(|error| refused(format!("cannot start a thread to parse on: {error}")))?;
    reader.join().unwrap_or_else(|_| Err(refused("the parser failed on this Worker".into())))
}

/// What the configuration puts into `env`, objects left out.
fn env_of(config: &Config, modules: &[Module]) -> Result<Vec<EnvEntry>, Diagnostic> {
    let entry = |var: &Var| EnvEntry { name: var.name.clone(), value: var.value.clone() };
    let mut env: Vec<EnvEntry> = config.vars.iter().map(entry).collect();
    for blob in &config.blobs {
        env.push(EnvEntry { name: blob.name.clone(), value: blob_value(blob)? });
    }
    env.extend(config.services.iter().map(service));
    if let Some(name) = &config.version_metadata {
        let value = EnvValue::Json(version::metadata(modules));
        env.push(EnvEntry { name: name.clone(), value });
    }
    Ok(env)
}

/// What a file of `text_blobs` and the like holds.
fn blob_value(blob: &Blob) -> Result<EnvValue, Diagnostic> {
    let fail = |reason: &dyn std::fmt::Display| {
        Diagnostic::new(format!("cannot read {}: {reason}", shown(&blob.path)))
    };
    let bytes = std::fs::metadata(&blob.path).map_err(|error| fail(&error))?.len();
    if bytes > MAX_WORKER_BYTES {
        return Err(fail(&"it is larger than 64 MiB"));
    }
    let bytes = std::fs::read(&blob.path).map_err(|error| fail(&error))?;
    Ok(match blob.kind {
        ModuleKind::Data => EnvValue::Data(bytes.into()),
        ModuleKind::Wasm => EnvValue::Wasm(bytes.into()),
        _ => EnvValue::Text(String::from_utf8(bytes).map_err(|_| fail(&"it is not UTF-8"))?),
    })
}

/// Another Worker as a binding.
fn service(service: &Service) -> EnvEntry {
    let name = match &service.environment {
        Some(environment) => format!("{}-{environment}", service.service),
        None => service.service.clone(),
    };
    let target = ServiceTarget {
        service: name,
        entrypoint: service.entrypoint.clone(),
        props: service.props.as_ref().map(ToString::to_string),
        ..ServiceTarget::default()
    };
    let value = EnvValue::Binding(Arc::new(ServiceBinding(Arc::new(target))));
    EnvEntry { name: service.binding.clone(), value }
}
