//! From a main module's file to a Worker that can be loaded: all modules that
//! it may import, read and named.
//!
//! `run` does not bundle. What V8 will ask for is found by parsing each module
//! the same way, and what cannot be had is said before anything runs.

mod additional;
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

use selvedge_js::ServiceBinding;
use selvedge_runtime::outbound::ServiceTarget;
use selvedge_runtime::{EnvEntry, EnvValue, Mode, Module, Worker};

use crate::bindings::{self, BindingConfig};
use crate::config::{Config, Diagnostic, Service, Var, shown};
use collect::Collected;

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
    /// The folder of the configuration file, else of the main module.
    pub root: PathBuf,
    /// What the user should know and can go on without.
    pub warnings: Vec<String>,
    /// Cron triggers, as the configuration gives them.
    pub crons: Vec<String>,
    /// All files that were read.
    pub files: Vec<PathBuf>,
}

impl Project {
    /// Reads all modules of a Worker.
    ///
    /// # Errors
    /// When a module is missing, too large, not text or not JavaScript, or an
    /// import names what `run` cannot supply.
    pub fn load(config: Config, mode: Mode) -> Result<Self, Diagnostic> {
        let spawn = |stack_bytes| {
            let config = config.clone();
            std::thread::Builder::new()
                .name("parser".into())
                .stack_size(stack_bytes)
                .spawn(move || Self::read(config, mode))
        };
        // Where the system promises no more memory than it has, less must do.
        let reader = spawn(PARSER_STACK_BYTES).or_else(|_| spawn(PARSER_STACK_BYTES / 16));
        let reader = reader.map_err(|error| {
            Diagnostic::new(format!("cannot start a thread to parse on: {error}"))
        })?;
        reader.join().unwrap_or_else(|_| Err(Diagnostic::new("the parser failed on this Worker")))
    }

    fn read(config: Config, mode: Mode) -> Result<Self, Diagnostic> {
        let (bindings, binding_warnings) = bindings::configured(&config)?;
        let Collected { files, warnings } = collect::collect(&config)?;
        let folder = names::base_of(&config, files.iter().map(|file| file.path.as_path()));
        let mut read: Vec<PathBuf> = files.iter().map(|file| file.path.clone()).collect();
        read.extend(config.watched.iter().cloned());
        let crons = config.crons.iter().map(|cron| cron.expression.clone()).collect();
        let modules = files
            .into_iter()
            .map(|file| {
                let name = names::name_in(&folder, &file.path)?;
                let source_map = source_map::beside(&file.path, &file.body);
                let (kind, body) = (file.kind, file.body);
                Ok(Module { name, kind, body, path: Some(file.path), source_map })
            })
            .collect::<Result<Vec<_>, Diagnostic>>()?;
        let main = modules.first().map(|module| module.name.clone()).unwrap_or_default();
        let env = env_of(&config, &modules)?;
        let worker = Worker {
            name: config.name,
            main,
            entrypoint: None,
            modules,
            env,
            compatibility: config.compatibility,
            limits: config.limits,
            mode,
        };
        let warnings =
            config.warnings.into_iter().chain(binding_warnings).chain(warnings).collect();
        Ok(Self { worker, bindings, root: config.root, warnings, crons, files: read })
    }
}

/// What the configuration puts into `env`, objects left out.
fn env_of(config: &Config, modules: &[Module]) -> Result<Vec<EnvEntry>, Diagnostic> {
    let entry = |var: &Var| EnvEntry { name: var.name.clone(), value: var.value.clone() };
    let mut env: Vec<EnvEntry> = config.vars.iter().map(entry).collect();
    for (name, path) in &config.text_blobs {
        let text = std::fs::read_to_string(path)
            .map_err(|error| Diagnostic::new(format!("cannot read {}: {error}", shown(path))))?;
        env.push(EnvEntry { name: name.clone(), value: EnvValue::Text(text) });
    }
    env.extend(config.services.iter().map(service));
    if let Some(name) = &config.version_metadata {
        let value = EnvValue::Json(version::metadata(modules));
        env.push(EnvEntry { name: name.clone(), value });
    }
    Ok(env)
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
    };
    let value = EnvValue::Binding(Arc::new(ServiceBinding(Arc::new(target))));
    EnvEntry { name: service.binding.clone(), value }
}
