//! CommonJS: compiling a module's function, resolving what it requires.

use deno_core::{OpState, op2, v8};
use deno_error::JsErrorBox;
use selvedge_runtime::ModuleKind;

use super::isolate;

/// The function of a CommonJS module: `(exports, require, module)`.
#[op2]
pub(crate) fn op_commonjs_compile<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    state: &mut OpState,
    #[string] name: &str,
) -> Result<v8::Local<'s, v8::Value>, JsErrorBox> {
    let isolate = isolate(state);
    let module = isolate
        .worker()
        .module(name)
        .ok_or_else(|| JsErrorBox::generic(format!("No such module \"{name}\".")))?;
    let text = String::from_utf8_lossy(&module.body);
    let too_large = || JsErrorBox::type_error("module too large");
    let url = v8::String::new(scope, &selvedge_runtime::module_url(name)).ok_or_else(too_large)?;
    let source = v8::String::new(scope, &text).ok_or_else(too_large)?;
    let origin =
        v8::ScriptOrigin::new(scope, url.into(), 0, 0, false, -1, None, false, false, false, None);
    let mut source = v8::script_compiler::Source::new(source, Some(&origin));
    let mut names = Vec::new();
    for name in ["exports", "require", "module"] {
        names.push(v8::String::new(scope, name).ok_or_else(too_large)?);
    }
    v8::tc_scope!(let scope, scope);
    let function = v8::script_compiler::compile_function(
        scope,
        &mut source,
        &names,
        &[],
        v8::script_compiler::CompileOptions::NoCompileOptions,
        v8::script_compiler::NoCacheReason::NoReason,
    );
    match function {
        Some(function) => Ok(function.into()),
        None => {
            // A syntax error keeps its place: it goes on as it is.
            scope.rethrow();
            Ok(v8::undefined(scope).into())
        }
    }
}

/// What `require(specifier)` in `referrer` names: kind and name, or nothing.
/// Kinds: `commonjs`, `esm`, `node`, or one of the data kinds.
#[op2]
#[serde]
pub(crate) fn op_module_resolve(
    state: &mut OpState,
    #[string] specifier: &str,
    #[string] referrer: &str,
) -> Option<(&'static str, String, String)> {
    let isolate = isolate(state);
    let worker = isolate.worker();
    let mut candidates = Vec::new();
    if specifier.starts_with("./") || specifier.starts_with("../") {
        let mut path: Vec<&str> = referrer.split('/').collect();
        path.pop();
        for part in specifier.split('/') {
            match part {
                "." | "" => {}
                ".." => {
                    path.pop()?;
                }
                part => path.push(part),
            }
        }
        let joined = path.join("/");
        for extension in ["", ".js", ".cjs", ".json", "/index.js", "/index.cjs"] {
            candidates.push(format!("{joined}{extension}"));
        }
    } else {
        candidates.push(specifier.trim_start_matches('/').to_owned());
    }
    let Some(module) = candidates.iter().find_map(|name| worker.module(name)) else {
        let name = worker.compatibility.node_module(specifier)?;
        return Some(("node", name, String::new()));
    };
    let kind = match module.kind {
        ModuleKind::CommonJs => "commonjs",
        ModuleKind::EsModule => "esm",
        ModuleKind::Json => "json",
        ModuleKind::Text => "text",
        ModuleKind::Data => "data",
        ModuleKind::Wasm => "wasm",
    };
    let text = match module.kind {
        ModuleKind::Json | ModuleKind::Text => String::from_utf8_lossy(&module.body).into_owned(),
        _ => String::new(),
    };
    Some((kind, module.name.clone(), text))
}
