//! CommonJS: compiling a module's function, resolving what it requires.

use deno_core::{OpState, op2, v8};
use deno_error::JsErrorBox;
use selvedge_runtime::{Required, ShownPath, required, required_value, shown_path};

use super::isolate;

/// The function of a CommonJS module, `(exports, require, module, __filename,
/// __dirname)`, then `module.path` and the last two of these.
#[op2]
pub(crate) fn op_commonjs_compile<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    state: &mut OpState,
    #[string] key: &str,
) -> Result<v8::Local<'s, v8::Value>, JsErrorBox> {
    let isolate = isolate(state);
    let ShownPath { name, path, filename, dirname } = shown_path(isolate.worker(), key);
    let module = isolate
        .worker()
        .module(&name)
        .ok_or_else(|| JsErrorBox::generic(format!("No such module \"{name}\".")))?;
    let text = String::from_utf8_lossy(&module.body);
    let too_large = || JsErrorBox::type_error("module too large");
    let url = v8::String::new(scope, key).ok_or_else(too_large)?;
    let source = v8::String::new(scope, &text).ok_or_else(too_large)?;
    let origin =
        v8::ScriptOrigin::new(scope, url.into(), 0, 0, false, -1, None, false, false, false, None);
    let mut source = v8::script_compiler::Source::new(source, Some(&origin));
    let mut names = Vec::new();
    for name in ["exports", "require", "module", "__filename", "__dirname"] {
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
    let Some(function) = function else {
        // A syntax error keeps its place: it goes on as it is.
        scope.rethrow();
        return Ok(v8::undefined(scope).into());
    };
    let mut parts: Vec<v8::Local<v8::Value>> = vec![function.into()];
    for text in [path, filename, dirname] {
        parts.push(v8::String::new(scope, &text).ok_or_else(too_large)?.into());
    }
    Ok(v8::Array::new_with_elements(scope, &parts).into())
}

/// What `require(specifier)` means in the module with the key or name `from`: the
/// kind `commonjs`, `node` or `other` and a key, or `missing` and what to say.
#[op2]
#[serde]
pub(crate) fn op_module_resolve(
    scope: &mut v8::PinScope<'_, '_>,
    #[string] specifier: &str,
    #[string] from: &str,
) -> (&'static str, String) {
    match required(scope, specifier, from) {
        Ok(Required::CommonJs(key)) => ("commonjs", key),
        Ok(Required::Node(name)) => ("node", name),
        Ok(Required::Other(key)) => ("other", key),
        Err(text) => ("missing", text),
    }
}

/// What requiring a module gives that is not CommonJS.
#[op2]
pub(crate) fn op_module_value<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    #[string] key: &str,
) -> v8::Local<'s, v8::Value> {
    v8::tc_scope!(let scope, scope);
    match required_value(scope, key) {
        Some(value) => value,
        None => {
            scope.rethrow();
            v8::undefined(scope).into()
        }
    }
}
