//! Workers that are bundled: TypeScript, JSX, packages of npm.

use std::path::PathBuf;
use std::sync::Arc;

use selvedge_bundle as bundle;
use selvedge_runtime::{Mode, Module, ModuleKind, SourceMap};

use super::Watched;
use crate::config::{Config, Diagnostic, Match, Rules};

/// A bundled Worker's modules.
pub(super) struct Bundled {
    /// The main module first.
    pub(super) modules: Vec<Module>,
    pub(super) warnings: Vec<String>,
    pub(super) watched: Watched,
}

/// Bundles a Worker as its configuration says.
///
/// # Errors
/// All that is wrong, as one diagnostic, and what a repair may change.
pub(super) fn bundle(config: &Config, mode: Mode) -> Result<Bundled, (Diagnostic, Watched)> {
    match bundle::bundle(&options(config, mode)) {
        Ok(bundled) => Ok(Bundled::of(bundled, project_root(config))),
        Err(failure) => {
            let watched = Watched::of(failure.watch);
            Err((diagnostic(failure.problems), watched))
        }
    }
}

impl Bundled {
    fn of(bundled: bundle::Bundle, root: PathBuf) -> Self {
        let bundle::Bundle { modules, source_map, warnings, watch, .. } = bundled;
        let source_map = SourceMap::new(source_map.to_json().into()).with_root(root);
        let mut source_map = Some(Arc::new(source_map));
        let modules = modules
            .into_iter()
            .map(|module| Module {
                name: module.name,
                kind: kind(module.kind),
                body: module.bytes.into(),
                path: module.path,
                // The main module comes first and is what the map is of.
                source_map: source_map.take(),
            })
            .collect();
        Self {
            modules,
            warnings: warnings.into_iter().map(|warning| translated(warning).line()).collect(),
            watched: Watched::of(watch),
        }
    }
}

impl Watched {
    fn of(watch: bundle::Watch) -> Self {
        Self {
            files: watch.files.into_iter().collect(),
            folders: watch.folders.into_iter().collect(),
            assets: Vec::new(),
        }
    }
}

fn options(config: &Config, mode: Mode) -> bundle::Options {
    let node_env = match mode {
        Mode::Local => "development",
        Mode::Production => "production",
    };
    let compatibility = &config.compatibility;
    let node_compat = if compatibility.is_on("nodejs_compat") {
        bundle::NodeCompat::On
    } else if compatibility.is_on("nodejs_als") {
        bundle::NodeCompat::AsyncLocalStorage
    } else {
        bundle::NodeCompat::Off
    };
    let bundling = &config.bundling;
    let pairs = |map: &std::collections::BTreeMap<String, String>| {
        map.iter().map(|(from, to)| (from.clone(), to.clone())).collect()
    };
    bundle::Options {
        base_dir: config.base_dir.clone(),
        rules: Arc::new(ConfigRules(config.rules.clone())),
        find_additional_modules: config.find_additional_modules,
        preserve_file_names: bundling.preserve_file_names,
        ignore: config.file.iter().cloned().collect(),
        alias: pairs(&bundling.alias),
        define: pairs(&bundling.define),
        node_env: node_env.into(),
        define_user_agent: compatibility.is_on("global_navigator"),
        tsconfig: bundling.tsconfig.clone(),
        jsx_factory: bundling.jsx_factory.clone(),
        jsx_fragment: bundling.jsx_fragment.clone(),
        minify: bundling.minify,
        keep_names: bundling.keep_names,
        node_compat,
        ..bundle::Options::new(config.main.clone(), project_root(config))
    }
}

/// The folder of the project: of its configuration, or the nearest one above the
/// main module with a `package.json`.
fn project_root(config: &Config) -> PathBuf {
    if config.file.is_some() {
        return config.root.clone();
    }
    let above = config.main.ancestors().skip(1);
    let package = above.into_iter().find(|folder| folder.join("package.json").is_file());
    package.map_or_else(|| config.root.clone(), std::path::Path::to_path_buf)
}

/// The configuration's rules, as the bundler asks them.
#[derive(Debug)]
struct ConfigRules(Rules);

impl bundle::Rules for ConfigRules {
    fn of(&self, name: &str) -> bundle::Match {
        match self.0.of(name) {
            Match::Kind(found) => bundle::Match::Kind(bundler_kind(found)),
            Match::Ended(found) => bundle::Match::Ended(bundler_kind(found)),
            Match::Nothing => bundle::Match::Nothing,
        }
    }

    fn of_additional(&self, name: &str) -> Option<bundle::ModuleKind> {
        self.0.of_additional(name).map(bundler_kind)
    }
}

fn kind(of: bundle::ModuleKind) -> ModuleKind {
    match of {
        bundle::ModuleKind::EsModule => ModuleKind::EsModule,
        bundle::ModuleKind::CommonJs => ModuleKind::CommonJs,
        bundle::ModuleKind::Json => ModuleKind::Json,
        bundle::ModuleKind::Text => ModuleKind::Text,
        bundle::ModuleKind::Data => ModuleKind::Data,
        bundle::ModuleKind::Wasm => ModuleKind::Wasm,
    }
}

fn bundler_kind(of: ModuleKind) -> bundle::ModuleKind {
    match of {
        ModuleKind::EsModule => bundle::ModuleKind::EsModule,
        ModuleKind::CommonJs => bundle::ModuleKind::CommonJs,
        ModuleKind::Json => bundle::ModuleKind::Json,
        ModuleKind::Text => bundle::ModuleKind::Text,
        ModuleKind::Data => bundle::ModuleKind::Data,
        ModuleKind::Wasm => bundle::ModuleKind::Wasm,
    }
}

fn translated(problem: bundle::Problem) -> Diagnostic {
    Diagnostic {
        message: problem.message,
        file: problem.file,
        position: problem.position,
        code_frame: problem.code_frame,
        hint: problem.hint,
    }
}

/// The first problem, with the text of the others below its own.
fn diagnostic(problems: Vec<bundle::Problem>) -> Diagnostic {
    let mut problems = problems.into_iter();
    let Some(first) = problems.next() else {
        return Diagnostic::new("the Worker cannot be bundled");
    };
    let mut first = translated(first);
    let others: Vec<String> = problems.map(|problem| format!("\n{problem}")).collect();
    if !others.is_empty() {
        let own = [first.code_frame.take(), first.hint.take().map(|hint| format!("hint: {hint}"))];
        let parts = own.into_iter().flatten().chain(others);
        first.code_frame = Some(parts.collect::<Vec<_>>().join("\n"));
    }
    first
}
