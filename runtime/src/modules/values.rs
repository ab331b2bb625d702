//! Modules that are not JavaScript: what importing them gives.

use deno_core::v8;

use crate::worker::{Module, ModuleKind};

/// The default export of a module of text, data or JSON; without one an exception is
/// pending. (The other kinds have none here.)
pub(super) fn value_of<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    module: &Module,
) -> Option<v8::Local<'s, v8::Value>> {
    match module.kind {
        ModuleKind::Text => Some(text(scope, module)?.into()),
        ModuleKind::Json => {
            let text = text(scope, module)?;
            v8::json::parse(scope, text)
        }
        ModuleKind::Data => Some(array_buffer(scope, &module.body).into()),
        ModuleKind::EsModule | ModuleKind::CommonJs | ModuleKind::Wasm => None,
    }
}

/// A copy of the bytes for JavaScript.
pub(crate) fn array_buffer<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    bytes: &[u8],
) -> v8::Local<'s, v8::ArrayBuffer> {
    let store = v8::ArrayBuffer::new_backing_store_from_vec(bytes.to_vec()).make_shared();
    v8::ArrayBuffer::with_backing_store(scope, &store)
}

/// Compiles WebAssembly; without a module a `CompileError` is pending.
pub(super) fn wasm<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    bytes: &[u8],
) -> Option<v8::Local<'s, v8::WasmModuleObject>> {
    crate::isolate::with_wasm_allowed(|| v8::WasmModuleObject::compile(scope, bytes))
}

/// The same for a binding.
///
/// # Errors
/// With V8's reason when the bytes are no module.
pub(crate) fn compile_wasm<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    bytes: &[u8],
) -> Result<v8::Local<'s, v8::WasmModuleObject>, String> {
    v8::tc_scope!(let scope, scope);
    wasm(scope, bytes).ok_or_else(|| {
        scope
            .exception()
            .map_or("not a WebAssembly module".into(), |error| error.to_rust_string_lossy(scope))
    })
}

fn text<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    module: &Module,
) -> Option<v8::Local<'s, v8::String>> {
    let Ok(text) = std::str::from_utf8(&module.body) else {
        let reason = format!("module \"{}\" is not valid UTF-8", module.name);
        super::throw_type_error(scope, &reason);
        return None;
    };
    let text = v8::String::new(scope, text.strip_prefix('\u{feff}').unwrap_or(text));
    if text.is_none() {
        super::throw_type_error(scope, &format!("module \"{}\" is too large", module.name));
    }
    text
}
