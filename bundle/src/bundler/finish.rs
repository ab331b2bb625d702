//! What is left of a build: a bundle, or all that is wrong.

use std::path::{Path, PathBuf};

use rolldown::BundleOutput;
use rolldown_common::{Output, OutputChunk};
use rolldown_error::BatchedBuildDiagnostic;

use super::{Built, canonical, internal};
use crate::attributes;
use crate::context::Context;
use crate::diagnose::{self, Verdict};
use crate::node;
use crate::options::{Format, NodeCompat, Options};
use crate::output::{Bundle, External, Failure, Module, Watch};
use crate::problem::{Problem, shown};
use crate::rules::ModuleKind;
use crate::source_map::SourceMap;

/// Errors and warnings, as they come.
#[derive(Default)]
struct Said {
    problems: Vec<Problem>,
    warnings: Vec<Problem>,
}

/// Puts together what is left of a build.
pub(super) fn finish(context: &Context, built: Built, mut watch: Watch) -> Result<Bundle, Failure> {
    let Built { result, watched, failed } = built;
    let mut said = Said::default();
    said.problems.extend(failed.iter().map(|reason| internal(reason)));
    let output = said.judge(context, result);
    let chunk = output.as_ref().and_then(entry_chunk);
    add_watched(context, watched, &mut watch);
    let (apart, externals) = said.take_found(context);
    if said.problems.is_empty() && chunk.is_none() {
        said.problems.push(internal("it made no main module"));
    }
    let modules: Option<Vec<Module>> = chunk.map(|chunk| {
        let main = main_module(chunk, &apart);
        std::iter::once(main).chain(apart).collect()
    });
    said.problems.extend(modules.iter().filter_map(|modules| clash(modules, context)));
    let Said { mut problems, mut warnings } = said;
    tidy(&mut problems);
    tidy(&mut warnings);
    match (chunk, modules) {
        (Some(chunk), Some(modules)) if problems.is_empty() => Ok(Bundle {
            source_map: source_map(chunk, &modules[0].name),
            modules,
            format: context.format,
            exports: chunk.exports.iter().map(ToString::to_string).collect(),
            externals,
            warnings,
            watch,
        }),
        _ => Err(Failure { problems, warnings, watch }),
    }
}

impl Said {
    /// Takes what rolldown said, and gives what it made.
    fn judge(
        &mut self,
        context: &Context,
        result: Result<BundleOutput, BatchedBuildDiagnostic>,
    ) -> Option<BundleOutput> {
        let (diagnostics, output) = match result {
            Ok(mut output) => (std::mem::take(&mut output.warnings), Some(output)),
            Err(errors) => (errors.into_vec(), None),
        };
        let judge = if output.is_some() { diagnose::warning } else { diagnose::error };
        for diagnostic in &diagnostics {
            match judge(context, diagnostic) {
                Verdict::Error(problem) => self.problems.push(problem),
                Verdict::Warning(problem) => self.warnings.push(problem),
                Verdict::Nothing => {}
            }
        }
        output
    }

    /// Takes what the plugin found: what it said, modules and imports.
    fn take_found(&mut self, context: &Context) -> (Vec<Module>, Vec<External>) {
        let mut found = context.found();
        self.problems.append(&mut found.problems);
        self.warnings.append(&mut found.warnings);
        self.warnings.extend(context.additional.warnings.iter().cloned());
        let externals = std::mem::take(&mut found.externals).into_iter();
        let externals: Vec<External> = externals
            .map(|(specifier, importers)| External {
                specifier,
                importers: importers.into_iter().collect(),
            })
            .collect();
        if context.format == Format::ServiceWorker && !externals.is_empty() {
            let names: Vec<_> = externals.iter().map(|it| it.specifier.as_str()).collect();
            self.problems.push(node::in_service_worker(&names));
        } else {
            warn_of_node(context.options.node_compat, &externals, &mut self.warnings);
        }
        let collected = std::mem::take(&mut found.modules).into_values();
        let apart = context.additional.modules.values().cloned().chain(collected);
        (apart.collect(), externals)
    }
}

fn add_watched(context: &Context, watched: Vec<PathBuf>, watch: &mut Watch) {
    let mut found = context.found();
    watch.files.extend(watched.into_iter().filter(|path| path.is_absolute()));
    watch.files.append(&mut found.watch.files);
    watch.files.extend(context.additional.modules.keys().cloned());
    watch.folders.extend(missing(found.unresolved.keys(), &context.options));
}

fn entry_chunk(output: &BundleOutput) -> Option<&OutputChunk> {
    output.assets.iter().find_map(|asset| match asset {
        Output::Chunk(chunk) if chunk.is_entry => Some(chunk.as_ref()),
        _ => None,
    })
}

fn main_module(chunk: &OutputChunk, apart: &[Module]) -> Module {
    let mut code = chunk.code.clone();
    for module in apart {
        attributes::blank(&mut code, &module.name);
    }
    Module {
        name: chunk.filename.to_string(),
        kind: ModuleKind::EsModule,
        bytes: code.into_bytes(),
        path: None,
    }
}

fn source_map(chunk: &OutputChunk, file: &str) -> SourceMap {
    let map = chunk.map.clone();
    SourceMap::new(
        map.unwrap_or_else(|| oxc_sourcemap::SourceMapBuilder::default().into_sourcemap()),
        file,
    )
}

/// Two modules of one name: the second would never be found.
fn clash(modules: &[Module], context: &Context) -> Option<Problem> {
    let main = modules.first()?;
    let other = modules.iter().skip(1).find(|module| module.name == main.name)?;
    let problem =
        Problem::new(format!("the bundle and an additional module are both named {}", main.name))
            .with_hint("rename the file, or leave it out of `rules`");
    Some(match &other.path {
        Some(path) => problem.in_file(shown(&context.options.root, path)),
        None => problem,
    })
}

/// wrangler's warnings about modules of Node.js that no flag asks for.
fn warn_of_node(compat: NodeCompat, externals: &[External], warnings: &mut Vec<Problem>) {
    for External { specifier, importers } in externals {
        let expected = match compat {
            NodeCompat::On => true,
            NodeCompat::AsyncLocalStorage => specifier == "node:async_hooks",
            NodeCompat::Off => false,
        };
        if specifier.starts_with("node:") && !expected {
            warnings.push(node::unsupported_warning(specifier, importers));
        }
    }
}

/// The folders in which an import that did not resolve may come to be.
fn missing<'a>(
    unresolved: impl Iterator<Item = &'a (String, String)>,
    options: &Options,
) -> Vec<PathBuf> {
    unresolved
        .filter_map(|(importer, specifier)| {
            let folder = Path::new(importer).parent()?;
            let wanted = if specifier.starts_with('.') {
                folder.join(specifier).parent()?.to_path_buf()
            } else {
                options.root.join("node_modules")
            };
            wanted.ancestors().find(|folder| folder.is_dir()).map(canonical)
        })
        .collect()
}

/// Sorts by place, and says nothing twice of a file: a package may ask for what is
/// missing in many lines.
fn tidy(problems: &mut Vec<Problem>) {
    problems.sort_by(|left, right| (&left.file, left.position).cmp(&(&right.file, right.position)));
    problems.dedup_by(|next, first| {
        next.file.is_some() && (&next.file, &next.message) == (&first.file, &first.message)
    });
}
