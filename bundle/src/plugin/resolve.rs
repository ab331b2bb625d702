//! What an import means to a Worker.

use std::path::{Path, PathBuf};

use rolldown_common::{ImportKind, ResolvedExternal, side_effects::HookSideEffects};
use rolldown_plugin::{
    HookResolveIdArgs, HookResolveIdOutput, HookResolveIdReturn, PluginContext,
    PluginContextResolveOptions,
};

use super::{PREFIX, Shape, Virtual, WorkersPlugin};
use crate::context::Unresolved;
use crate::node;
use crate::options::{Format, NodeCompat};
use crate::problem::Problem;
use crate::rules::{Match, ModuleKind};

/// Modules that the runtime has: they are never files.
const RUNTIME_SCHEMES: [&str; 2] = ["cloudflare:", "workerd:"];
/// What wrangler leaves to Workers Sites.
const RUNTIME_NAMES: [&str; 1] = ["__STATIC_CONTENT_MANIFEST"];
/// What is bundled. A file without an extension is JavaScript.
const BUNDLED: [&str; 10] = ["", "js", "mjs", "cjs", "jsx", "ts", "mts", "cts", "tsx", "json"];

impl WorkersPlugin {
    pub(super) async fn resolve(
        &self,
        ctx: &PluginContext,
        args: &HookResolveIdArgs<'_>,
        importer: &str,
    ) -> HookResolveIdReturn {
        let options = &self.0.options;
        let alias = options.alias.iter().find(|(from, _)| from == args.specifier);
        let alias = alias.map(|(_, to)| to.as_str());
        let specifier = alias.unwrap_or(args.specifier);
        // What an alias stands for is meant from the root, as in esbuild.
        let importer_for_files = match alias {
            Some(_) => options.root.join("package.json").to_string_lossy().into_owned(),
            None => importer.to_owned(),
        };
        if specifier.starts_with('\0') {
            return Ok(None);
        }
        // What a module of this plugin imports was decided when it was made.
        if importer.starts_with(PREFIX) {
            return Ok(Some(left_out(specifier)));
        }
        if let Some(output) = self.runtime_module(specifier, importer, args.kind) {
            return Ok(Some(output));
        }
        if is_url(specifier) {
            let problem = Problem::new(format!(
                "cannot import \"{specifier}\": modules are not loaded from URLs"
            ))
            .with_hint("install it as a package, or copy it into the project");
            self.0.refuse(importer, args.specifier, problem);
            return Ok(Some(left_out(specifier)));
        }
        let path = specifier.split_once('?').map_or(specifier, |(path, _)| path);
        let resolve = PluginContextResolveOptions {
            import_kind: args.kind,
            ..PluginContextResolveOptions::default()
        };
        match ctx.resolve(path, Some(&importer_for_files), Some(resolve)).await? {
            Ok(resolved) => {
                let output = HookResolveIdOutput::from_resolved_id(resolved);
                Ok(Some(self.found(output, specifier, args, importer)))
            }
            Err(error) => {
                // rolldown says where; why is kept for the message.
                let unresolved = Unresolved { error, kind: args.kind };
                let key = (importer.to_owned(), args.specifier.to_owned());
                self.0.found().unresolved.insert(key, unresolved);
                // An alias whose target is missing must not fall back to the name.
                Ok(alias.map(|_| {
                    self.refuse_alias(importer, args.specifier, specifier);
                    left_out(specifier)
                }))
            }
        }
    }

    /// A module that the runtime has, as far as the name tells.
    fn runtime_module(
        &self,
        specifier: &str,
        importer: &str,
        kind: ImportKind,
    ) -> Option<HookResolveIdOutput> {
        let options = &self.0.options;
        let compat = options.node_compat;
        if RUNTIME_NAMES.contains(&specifier) || options.external.iter().any(|it| it == specifier) {
            return Some(left_out(specifier));
        }
        if RUNTIME_SCHEMES.iter().any(|scheme| specifier.starts_with(scheme)) {
            return Some(self.import_or_require(specifier, importer, kind, Shape::Namespace));
        }
        if compat == NodeCompat::On && node::is_bare_builtin(specifier) {
            let name = format!("node:{specifier}");
            return Some(self.import_or_require(&name, importer, kind, Shape::Default));
        }
        if !specifier.starts_with("node:") {
            return None;
        }
        // Without the flag it may not be there: a `require()` in a `try` then fails
        // alone, while an `import` in its place would take the whole Worker along.
        if compat == NodeCompat::On {
            return Some(self.import_or_require(specifier, importer, kind, Shape::Default));
        }
        self.0.external(specifier, importer);
        Some(left_out(specifier))
    }

    fn import_or_require(
        &self,
        specifier: &str,
        importer: &str,
        kind: ImportKind,
        shape: Shape,
    ) -> HookResolveIdOutput {
        self.0.external(specifier, importer);
        if kind == ImportKind::Require && self.0.format == Format::Modules {
            return HookResolveIdOutput::from_id(Virtual::Required { specifier, shape }.id());
        }
        left_out(specifier)
    }

    /// What becomes of a file: part of the bundle, or a module of its own.
    fn found(
        &self,
        output: HookResolveIdOutput,
        specifier: &str,
        args: &HookResolveIdArgs<'_>,
        importer: &str,
    ) -> HookResolveIdOutput {
        let path = PathBuf::from(output.id.as_str());
        if !path.is_absolute() || output.external.is_some_and(|external| external.is_external()) {
            return output;
        }
        if let Some(package) = &output.package_json_path {
            self.0.found().watch.files.insert(PathBuf::from(package));
        }
        if let Some(module) = self.0.additional.modules.get(&path) {
            let name = format!("./{}", module.name);
            return self.apart(&name, args.kind);
        }
        match self.0.rule_for(&path, specifier) {
            Match::Kind(kind @ (ModuleKind::Text | ModuleKind::Data | ModuleKind::Wasm)) => {
                self.collected(&path, kind, args, importer)
            }
            Match::Kind(ModuleKind::Json) => {
                if path.extension().is_none_or(|extension| extension != "json") {
                    self.0.found().json.insert(path);
                }
                output
            }
            Match::Kind(ModuleKind::EsModule | ModuleKind::CommonJs) => output,
            Match::Ended(kind) => {
                let problem = Problem::new(format!(
                    "The file {specifier} matched a module rule of type {} in your \
                     configuration, but was ignored because a previous rule with the same type \
                     was not marked as `fallthrough = true`.",
                    kind.rule_type()
                ));
                self.0.refuse(importer, args.specifier, problem);
                left_out(specifier)
            }
            Match::Nothing if is_bundled(&path) => output,
            Match::Nothing => {
                self.0.refuse(importer, args.specifier, no_rule(&path));
                left_out(specifier)
            }
        }
    }

    fn collected(
        &self,
        path: &Path,
        kind: ModuleKind,
        args: &HookResolveIdArgs<'_>,
        importer: &str,
    ) -> HookResolveIdOutput {
        if self.0.format == Format::ServiceWorker {
            self.0.found().watch.files.insert(path.to_path_buf());
            let path = path.to_string_lossy();
            return HookResolveIdOutput::from_id(Virtual::Inlined { kind, path: &path }.id());
        }
        match self.0.collect(path, kind) {
            Ok(name) => self.apart(&format!("./{name}"), args.kind),
            Err(error) => {
                let problem = Problem::new(format!("cannot read the module: {error}"));
                self.0.refuse(importer, args.specifier, problem);
                left_out(args.specifier)
            }
        }
    }

    /// An import of a module that stays apart.
    fn apart(&self, name: &str, kind: ImportKind) -> HookResolveIdOutput {
        if kind == ImportKind::Require {
            let module = Virtual::Required { specifier: name, shape: Shape::Default };
            return HookResolveIdOutput::from_id(module.id());
        }
        HookResolveIdOutput { side_effects: Some(HookSideEffects::False), ..left_out(name) }
    }

    fn refuse_alias(&self, importer: &str, specifier: &str, target: &str) {
        let is_alias = self.0.options.alias.iter().any(|(from, _)| from == target);
        let hint = if is_alias {
            "that is an alias too, and aliases are applied only once: name what it stands for"
        } else {
            "aliases are looked up from the root of the project; a file starts with ./"
        };
        let problem = Problem::new(format!(
            "Could not resolve \"{specifier}\": its alias \"{target}\" is not there"
        ));
        self.0.refuse(importer, specifier, problem.with_hint(hint));
    }
}

/// An import that stays in the bundle as it is.
fn left_out(specifier: &str) -> HookResolveIdOutput {
    HookResolveIdOutput {
        id: specifier.into(),
        external: Some(ResolvedExternal::Bool(true)),
        ..HookResolveIdOutput::default()
    }
}

fn is_url(specifier: &str) -> bool {
    ["http://", "https://", "//"].iter().any(|start| specifier.starts_with(start))
}

fn is_bundled(path: &Path) -> bool {
    let extension = path.extension().unwrap_or_default().to_string_lossy();
    BUNDLED.contains(&&*extension)
}

fn no_rule(path: &Path) -> Problem {
    let extension = path.extension().unwrap_or_default().to_string_lossy();
    Problem::new(format!("there is no module rule for .{extension} files")).with_hint(format!(
        "say what they are with `rules`, e.g. {{ type = \"Text\", globs = [\"**/*.{extension}\"] }}"
    ))
}
