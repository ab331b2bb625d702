//! What `require()` of CommonJS gives.

use deno_core::v8;

use super::{Modules, Refusal, Resolver, Target, evaluate, throw};
use crate::worker::{ModuleKind, Worker};

/// What a specifier of `require()` leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Required {
    /// A CommonJS module, by its key.
    CommonJs(String),
    /// A module of Node.js, by its full name.
    Node(String),
    /// Another module, by its key: see [`required_value`].
    Other(String),
}

/// What a CommonJS module is told of where it lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShownPath {
    /// The name of the module.
    pub name: String,
    /// `module.path`
    pub path: String,
    /// `__filename`
    pub filename: String,
    /// `__dirname`
    pub dirname: String,
}

/// Where a module with this key lies in the eyes of the Worker: below `/` if modules
/// are named by paths, below `/bundle` if by URLs.
pub fn shown_path(worker: &Worker, key: &str) -> ShownPath {
    let name = super::module_name(key).unwrap_or_default();
    let by_url = Resolver::of(worker).by_url;
    let filename = if by_url { format!("/bundle/{name}") } else { format!("/{name}") };
    let dirname = match filename.rsplit_once('/') {
        Some(("", _)) | None => "/".to_owned(),
        Some((folder, _)) => folder.to_owned(),
    };
    let path = if by_url { key.to_owned() } else { filename.clone() };
    ShownPath { name, path, filename, dirname }
}

/// What CommonJS looks for when there is no module of the very name.
const ENDINGS: [&str; 6] = ["", ".js", ".cjs", ".json", "/index.js", "/index.cjs"];

/// What `require(specifier)` means in a module: `from` is its key, or its name.
///
/// # Errors
/// The text of the error when there is no such module.
pub fn required(isolate: &v8::Isolate, specifier: &str, from: &str) -> Result<Required, String> {
    let modules = Modules::here(isolate).ok_or("CommonJS is not ready")?;
    let resolver = modules.resolver().ok_or("no Worker is loaded")?;
    let from = match super::module_name(from) {
        Some(_) => from.to_owned(),
        None => super::module_url(from),
    };
    let is_relative = specifier.starts_with("./") || specifier.starts_with("../");
    let endings = if is_relative { &ENDINGS[..] } else { &ENDINGS[..1] };
    let found = endings
        .iter()
        .find_map(|ending| resolver.resolve(&format!("{specifier}{ending}"), &from).ok());
    match found {
        Some(Target::Own(key)) => {
            let is_commonjs =
                modules.source(&key).is_some_and(|it| it.kind == ModuleKind::CommonJs);
            Ok(if is_commonjs { Required::CommonJs(key) } else { Required::Other(key) })
        }
        Some(Target::BuiltIn(name)) if name.starts_with("node:") => Ok(Required::Node(name)),
        Some(Target::BuiltIn(name)) => Ok(Required::Other(name)),
        None if resolver.by_url => Err(format!("Module not found: {specifier}")),
        None => Err(match resolver.resolve(specifier, &from) {
            Err(Refusal::Outside(name)) => format!("No such module \"{name}\""),
            Err(Refusal::Missing(name) | Refusal::Invalid(name)) => {
                format!("No such module \"{name}\".")
            }
            Ok(_) => format!("No such module \"{specifier}\"."),
        }),
    }
}

/// What `require()` gives for a module that is not CommonJS, by its key; without it
/// an exception is pending. Of an ES module that is its export `module.exports`,
/// the default one, or its namespace, as
/// <https://developers.cloudflare.com/workers/configuration/compatibility-flags/>
/// has it for the flag `require_returns_default_export`.
pub fn required_value<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    key: &str,
) -> Option<v8::Local<'s, v8::Value>> {
    let modules = Modules::here(scope)?;
    let source = modules.source(key);
    let is_own = source.is_some();
    let is_es_module = source.is_none_or(|source| source.kind == ModuleKind::EsModule);
    let target = if is_own { Target::Own(key.into()) } else { Target::BuiltIn(key.into()) };
    let module = modules.module(scope, &target)?;
    evaluate::link(scope, module)?;
    run_now(scope, &modules, key, module)?;
    let namespace: v8::Local<v8::Object> = module.get_module_namespace().try_into().ok()?;
    let export = |name: &str| {
        let name = v8::String::new(scope, name)?;
        namespace
            .has_own_property(scope, name.into())?
            .then(|| namespace.get(scope, name.into()))?
    };
    if !is_es_module {
        return export("default");
    }
    if let Some(exports) = export("module.exports") {
        return Some(exports);
    }
    let is_unwrapped = export("__cjsUnwrapDefault").is_some_and(|value| value.is_true());
    let by_url = modules.by_url();
    let gives_default = modules.worker()?.compatibility.is_on("require_returns_default_export");
    if !is_unwrapped && (by_url || !gives_default) {
        return Some(namespace.into());
    }
    match export("default") {
        Some(value) => Some(value),
        None => Some(v8::undefined(scope).into()),
    }
}

/// Runs a module that must not wait for anything.
fn run_now(
    scope: &mut v8::PinScope<'_, '_>,
    modules: &Modules,
    key: &str,
    module: v8::Local<'_, v8::Module>,
) -> Option<()> {
    let compatibility = &modules.worker()?.compatibility;
    if module.get_status() != v8::ModuleStatus::Errored && module.is_graph_async() {
        if modules.by_url() {
            let text = "Top-level await is not supported in this context for module";
            throw(scope, false, &format!("{text}: {key}"));
            return None;
        }
        if compatibility.is_on("disable_top_level_await_in_require") {
            throw(scope, false, "Top-level await in module is not permitted at this time.");
            return None;
        }
    }
    let module = v8::Local::new(scope, module);
    let promise = evaluate::run(scope, module)?;
    if promise.state() == v8::PromiseState::Pending {
        scope.perform_microtask_checkpoint();
    }
    match promise.state() {
        v8::PromiseState::Fulfilled => Some(()),
        v8::PromiseState::Rejected => {
            evaluate::take_charge(scope, promise);
            let error = promise.result(scope);
            scope.throw_exception(error);
            None
        }
        v8::PromiseState::Pending => {
            throw(scope, false, "Top-level await in module is unsettled.");
            None
        }
    }
}
