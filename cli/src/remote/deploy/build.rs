//! From the command line to what is uploaded.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};
use bytes::Bytes;
use selvedge_client::Part;
use selvedge_runtime::{EnvValue, Mode, Module, ModuleKind};
use selvedge_server::config::{Config, Selection, VarSource};
use selvedge_server::project::Project;
use serde_json::{Value, json};

use super::super::args::BuildArgs;
use super::assets::Assets;
use super::bindings::{self, Binding};
use crate::custom_build;
use crate::guard::Output;

/// A Worker that is ready to be uploaded.
pub(in crate::remote) struct Built {
    pub(super) name: String,
    pub(super) account_id: Option<String>,
    /// The folder of the configuration, or of the main module.
    pub(super) root: PathBuf,
    pub(super) config: Config,
    /// The main one first; empty when there are only assets.
    pub(super) modules: Vec<Module>,
    pub(super) bindings: Vec<Binding>,
    pub(super) assets: Option<Assets>,
    pub(super) required_secrets: Vec<String>,
    pub(super) warnings: Vec<String>,
    pub(super) keep_vars: bool,
    /// Whether source maps are uploaded.
    pub(super) source_maps: bool,
}

/// Builds the Worker as the command line says.
pub(super) fn build(args: &BuildArgs) -> anyhow::Result<Built> {
    let vars = args.vars.options();
    let mut config = Config::load(Selection {
        file: args.path.as_deref(),
        config: args.worker.config.as_deref(),
        env: args.worker.env.as_deref(),
        vars: Some(&vars),
    })
    .map_err(|error| anyhow!(error.text()))?;
    override_config(&mut config, args);
    // The build command's output must not stand between lines of JSON.
    let output = if args.json { Output::Stderr } else { Output::Ours };
    custom_build::run(&config.build, output).map_err(|error| anyhow!(error.text()))?;
    let flag = |key: &str| {
        let section = config.section(key);
        section.map_or(Ok(false), |section| section.read()).map_err(|error| anyhow!(error.text()))
    };
    let (keep_vars, source_maps) =
        (args.keep_vars || flag("keep_vars")?, flag("upload_source_maps")?);
    let text =
        |key: &str| config.section(key).and_then(|section| section.as_str().map(str::to_owned));
    let account_id = text("account_id");
    let assets = Assets::of(&config, args.assets.as_deref())?;
    let bindings = bindings::of(&config)?;
    let project = Project::load(config.clone(), Mode::Production);
    let project = project.map_err(|error| anyhow!(error.text()))?;
    let warnings = project.warnings.into_iter().filter(|warning| !about_running_here(warning));
    let of_connect = (!project.connect.is_empty()).then(|| NO_LISTENERS.to_owned());
    let of_assets = assets.as_ref().map(|assets| assets.warnings.clone()).unwrap_or_default();
    Ok(Built {
        name: args.worker.name.clone().unwrap_or_else(|| config.name.clone()),
        account_id,
        root: config.root.clone(),
        modules: project.worker.modules,
        bindings,
        assets,
        required_secrets: config.required_secrets.clone().unwrap_or_default(),
        warnings: warnings.chain(of_connect).chain(of_assets).collect(),
        keep_vars,
        source_maps,
        config,
    })
}

/// Nor are the ports that a Worker has there.
const NO_LISTENERS: &str = "\"connect\" acts in `run` and `dev`. On a server, `[[tcp]]` of its \
    server.toml says which Workers take TCP connections, and where";

/// Secrets of the developer's machine are not what is deployed.
fn about_running_here(warning: &str) -> bool {
    warning.starts_with("Missing required secrets")
}

fn override_config(config: &mut Config, args: &BuildArgs) {
    if let Some(date) = &args.compatibility_date {
        config.compatibility.date.clone_from(date);
    }
    for flag in &args.compatibility_flags {
        if !config.compatibility.flags.contains(flag) {
            config.compatibility.flags.push(flag.clone());
        }
    }
    config.bundling.minify |= args.minify;
    if args.no_bundle {
        config.bundling.no_bundle = true;
        config.find_additional_modules = true;
    }
    // What is local stays local: secrets of .dev.vars and .env are set by
    // `secret put`, never by a deployment.
    config
        .vars
        .retain(|var| matches!(var.source, VarSource::Configuration | VarSource::CommandLine));
}

impl Built {
    /// The name of the module that is run.
    pub(super) fn main(&self) -> Option<&str> {
        self.modules.first().map(|module| module.name.as_str())
    }

    /// Whether it is in service-worker syntax with files as global variables.
    pub(super) fn is_service_worker(&self) -> bool {
        !self.config.blobs.is_empty()
    }

    /// The parts of the upload but for the metadata.
    pub(super) fn parts(&self) -> anyhow::Result<Vec<Part>> {
        let mut parts = Vec::new();
        for module in &self.modules {
            let body = self.body_of(module);
            parts.push(Part::file(&module.name, content_type(module.kind, self), body));
            if let Some(map) = module.source_map.as_ref().filter(|_| self.source_maps) {
                let name = format!("{}.map", module.name);
                parts.push(Part::file(name, "application/source-map", map.json().clone()));
            }
        }
        for blob in &self.config.blobs {
            let bytes = std::fs::read(&blob.path)
                .with_context(|| format!("cannot read {}", blob.path.display()))?;
            parts.push(Part::file(&blob.name, content_type(blob.kind, self), bytes));
        }
        Ok(parts)
    }

    /// A module's text, with the name of its source map if that goes with it.
    fn body_of(&self, module: &Module) -> Bytes {
        if module.source_map.is_none() || !self.source_maps {
            return module.body.clone();
        }
        let file = module.name.rsplit('/').next().unwrap_or(&module.name);
        let mut body = module.body.to_vec();
        body.extend_from_slice(format!("\n//# sourceMappingURL={file}.map\n").as_bytes());
        body.into()
    }

    /// How many bytes all modules have.
    pub(super) fn bytes(&self) -> u64 {
        self.modules.iter().map(|module| module.body.len() as u64).sum()
    }

    /// Writes the modules and the metadata into a folder.
    pub(super) fn write_to(&self, folder: &Path) -> anyhow::Result<()> {
        let write = |name: &str, bytes: &[u8]| {
            let path = folder.join(name);
            let parent = path.parent().unwrap_or(folder);
            std::fs::create_dir_all(parent)
                .and_then(|()| std::fs::write(&path, bytes))
                .with_context(|| format!("cannot write {}", path.display()))
        };
        for module in &self.modules {
            write(&module.name, &self.body_of(module))?;
            if let Some(map) = &module.source_map {
                write(&format!("{}.map", module.name), map.json())?;
            }
        }
        Ok(())
    }

    /// What a dry run says.
    pub(super) fn to_json(&self) -> Value {
        let module = |module: &Module| json!({ "name": module.name, "bytes": module.body.len() });
        json!({
            "name": self.name,
            "main_module": self.main(),
            "modules": self.modules.iter().map(module).collect::<Vec<_>>(),
            "bindings": self.bindings.iter().map(Binding::to_json).collect::<Vec<_>>(),
            "assets": self.assets.as_ref().map(|assets| assets.manifest()),
        })
    }
}

/// The type of a part, as the API wants it.
fn content_type(kind: ModuleKind, built: &Built) -> &'static str {
    match kind {
        ModuleKind::EsModule if built.is_service_worker() => "application/javascript",
        ModuleKind::EsModule => "application/javascript+module",
        ModuleKind::CommonJs => "application/javascript",
        ModuleKind::Json => "application/json",
        ModuleKind::Text => "text/plain",
        ModuleKind::Data => "application/octet-stream",
        ModuleKind::Wasm => "application/wasm",
    }
}

/// A variable as a binding.
pub(super) fn var_binding(name: &str, value: &EnvValue) -> Option<Binding> {
    let (json, shown) = match value {
        EnvValue::Text(text) => {
            let shown = Value::from(text.as_str()).to_string();
            (json!({ "name": name, "type": "plain_text", "text": text }), shown)
        }
        EnvValue::Json(value) => {
            (json!({ "name": name, "type": "json", "json": value }), value.to_string())
        }
        EnvValue::Data(_) | EnvValue::Wasm(_) | EnvValue::Binding(_) => return None,
    };
    Some(Binding { name: name.to_owned(), label: "Environment Variable", resource: shown, json })
}
