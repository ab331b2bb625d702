//! Linking and running modules.

use deno_core::v8;

use super::{Modules, Target, module_url, throw_type_error, values};
use crate::worker::{Module, ModuleKind};

/// Links a module with all that it imports; without `Some` an exception is pending.
pub(super) fn link(
    scope: &mut v8::PinScope<'_, '_>,
    module: v8::Local<'_, v8::Module>,
) -> Option<()> {
    if module.get_status() != v8::ModuleStatus::Uninstantiated {
        return Some(());
    }
    module.instantiate_module2(scope, resolve_import, resolve_source)?.then_some(())
}

/// Links and runs a module. The promise settles when it is done, and rejects with
/// what it throws; without a promise an exception is pending.
pub(crate) fn run<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    module: v8::Local<'s, v8::Module>,
) -> Option<v8::Local<'s, v8::Promise>> {
    link(scope, module)?;
    if module.get_status() == v8::ModuleStatus::Evaluating {
        // Its own code asks for it: all that can be told is that it is there.
        let resolver = v8::PromiseResolver::new(scope)?;
        let nothing = v8::undefined(scope).into();
        resolver.resolve(scope, nothing)?;
        return Some(resolver.get_promise(scope));
    }
    module.evaluate(scope)?.try_into().ok()
}

/// Nobody else is told when this promise rejects.
pub(crate) fn take_charge<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    promise: v8::Local<'s, v8::Promise>,
) {
    let ignore = |_: &mut v8::PinScope<'_, '_>,
                  _: v8::FunctionCallbackArguments<'_>,
                  _: v8::ReturnValue<'_, v8::Value>| {};
    if let Some(ignore) = v8::Function::new(scope, ignore) {
        promise.catch(scope, ignore);
    }
}

/// A module whose exports are set when it runs: `names` of the platform's, or the
/// default export.
pub(super) fn synthetic<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    key: &str,
    names: &[v8::Local<'s, v8::String>],
) -> Option<v8::Local<'s, v8::Module>> {
    let key = v8::String::new(scope, key)?;
    let default = [v8::String::new(scope, "default")?];
    let names = if names.is_empty() { &default[..] } else { names };
    Some(v8::Module::create_synthetic_module(scope, key, names, set_exports))
}

/// The names of an object's own properties.
pub(super) fn own_names<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    object: v8::Local<'s, v8::Object>,
) -> Option<Vec<v8::Local<'s, v8::String>>> {
    let wanted = v8::GetPropertyNamesArgsBuilder::new()
        .mode(v8::KeyCollectionMode::OwnOnly)
        .property_filter(v8::PropertyFilter::SKIP_SYMBOLS)
        .key_conversion(v8::KeyConversionMode::ConvertToString)
        .build();
    let found = object.get_own_property_names(scope, wanted)?;
    (0..found.length()).map(|index| found.get_index(scope, index)?.try_into().ok()).collect()
}

fn resolve_import<'s>(
    context: v8::Local<'s, v8::Context>,
    specifier: v8::Local<'s, v8::String>,
    attributes: v8::Local<'s, v8::FixedArray>,
    referrer: v8::Local<'s, v8::Module>,
) -> Option<v8::Local<'s, v8::Module>> {
    // SAFETY: V8 calls this with the context that it links in, on its thread.
    v8::callback_scope!(unsafe scope, context);
    let modules = Modules::here(scope)?;
    let from = modules.key_of(scope, referrer)?;
    let specifier = specifier.to_rust_string_lossy(scope);
    // Keys, values and places in the source.
    let attributes = attributes_of(scope, attributes, 3);
    let (_, module) = modules.import(scope, &specifier, &from, &attributes, true)?;
    Some(module)
}

fn resolve_source<'s>(
    context: v8::Local<'s, v8::Context>,
    specifier: v8::Local<'s, v8::String>,
    attributes: v8::Local<'s, v8::FixedArray>,
    referrer: v8::Local<'s, v8::Module>,
) -> Option<v8::Local<'s, v8::Object>> {
    // SAFETY: as above.
    v8::callback_scope!(unsafe scope, context);
    let modules = Modules::here(scope)?;
    let from = modules.key_of(scope, referrer)?;
    let specifier = specifier.to_rust_string_lossy(scope);
    let attributes = attributes_of(scope, attributes, 3);
    let (target, _) = modules.import(scope, &specifier, &from, &attributes, true)?;
    source_phase(scope, &modules, &target)
}

/// The source of a module as an object, which WebAssembly has; without one a
/// `SyntaxError` is pending.
pub(super) fn source_phase<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    modules: &Modules,
    target: &Target,
) -> Option<v8::Local<'s, v8::Object>> {
    let (Target::Own(key) | Target::BuiltIn(key)) = target;
    match modules.source(key) {
        Some(module) if module.kind == ModuleKind::Wasm => {
            modules.wasm(scope, module)?.try_into().ok()
        }
        _ => {
            let text = format!("Source phase import not available for module: {key}");
            let text = v8::String::new(scope, &text)?;
            let error = v8::Exception::syntax_error(scope, text);
            scope.throw_exception(error);
            None
        }
    }
}

/// Import attributes in the form in which V8 has them, of so many parts each.
pub(super) fn attributes_of(
    scope: &mut v8::PinScope<'_, '_>,
    attributes: v8::Local<'_, v8::FixedArray>,
    parts: usize,
) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for index in (0..attributes.length()).step_by(parts) {
        let text = |index| {
            let value = attributes.get(scope, index)?;
            let value = v8::Local::<v8::Value>::try_from(value).ok()?;
            Some(value.to_rust_string_lossy(scope))
        };
        if let (Some(key), Some(value)) = (text(index), text(index + 1)) {
            found.push((key, value));
        }
    }
    found
}

/// Runs a module that is no ES module.
fn set_exports<'s>(
    context: v8::Local<'s, v8::Context>,
    module: v8::Local<'s, v8::Module>,
) -> Option<v8::Local<'s, v8::Value>> {
    // SAFETY: V8 calls this with the context that it runs the module in, on its thread.
    v8::callback_scope!(unsafe scope, context);
    let modules = Modules::here(scope)?;
    let key = modules.key_of(scope, module)?;
    let exports = modules.known.borrow().get(&key).and_then(|known| known.exports.clone());
    if let Some(exports) = exports {
        let exports = v8::Local::new(scope, exports);
        for name in own_names(scope, exports)? {
            let value = exports.get(scope, name.into())?;
            module.set_synthetic_module_export(scope, name, value)?;
        }
    } else {
        let source = modules.source(&key)?;
        let value = match source.kind {
            ModuleKind::CommonJs => modules.require(scope, &key)?,
            ModuleKind::Wasm => modules.wasm(scope, source)?,
            _ => values::value_of(scope, source)?,
        };
        let name = v8::String::new(scope, "default")?;
        module.set_synthetic_module_export(scope, name, value)?;
    }
    let resolver = v8::PromiseResolver::new(scope)?;
    let nothing = v8::undefined(scope).into();
    resolver.resolve(scope, nothing)?;
    Some(resolver.get_promise(scope).into())
}

impl Modules {
    /// A module of WebAssembly; without it a `CompileError` is pending.
    fn wasm<'s>(
        &self,
        scope: &mut v8::PinScope<'s, '_>,
        module: &Module,
    ) -> Option<v8::Local<'s, v8::Value>> {
        let compatibility = &self.worker()?.compatibility;
        let compiled: v8::Local<v8::WasmModuleObject> =
            if compatibility.is_on("wasm_esm_integration_builtins") {
                let hook = v8::Local::new(scope, &self.hooks.get()?.compile_wasm);
                let bytes = values::array_buffer(scope, &module.body).into();
                let receiver = v8::undefined(scope).into();
                let compile = || hook.call(scope, receiver, &[bytes]);
                crate::isolate::with_wasm_allowed(compile)?.try_into().ok()?
            } else {
                values::wasm(scope, &module.body)?
            };
        if compatibility.is_on("wasm_source_url_support") {
            let name = compiled.get_compiled_module().source_url().to_owned();
            let url = if self.by_url() { module_url(&module.name) } else { module.name.clone() };
            let mut wasm_urls = self.wasm_urls.borrow_mut();
            if wasm_urls.iter().all(|(known, _)| *known != name) {
                wasm_urls.push((name, url));
            }
        }
        Some(compiled.into())
    }

    /// `module.exports` of a CommonJS module; without it an exception is pending.
    fn require<'s>(
        &self,
        scope: &mut v8::PinScope<'s, '_>,
        key: &str,
    ) -> Option<v8::Local<'s, v8::Value>> {
        let hook = v8::Local::new(scope, &self.hooks.get()?.require);
        let Some(key) = v8::String::new(scope, key) else {
            throw_type_error(scope, "the name of the module is too long");
            return None;
        };
        let receiver = v8::undefined(scope).into();
        hook.call(scope, receiver, &[key.into()])
    }
}
