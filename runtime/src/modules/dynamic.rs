//! `import()` and `import.meta`.

use deno_core::v8;

use super::{Modules, Target, evaluate, throw_refusal, throw_type_error};

pub(super) fn install(isolate: &mut v8::Isolate) {
    isolate.set_host_import_module_dynamically_callback(import);
    isolate.set_host_import_module_with_phase_dynamically_callback(import_phase);
    isolate.set_host_initialize_import_meta_object_callback(initialize_meta);
}

fn import<'s, 'i>(
    scope: &mut v8::PinScope<'s, 'i>,
    options: v8::Local<'s, v8::Data>,
    from: v8::Local<'s, v8::Value>,
    specifier: v8::Local<'s, v8::String>,
    attributes: v8::Local<'s, v8::FixedArray>,
) -> Option<v8::Local<'s, v8::Promise>> {
    let phase = v8::ModuleImportPhase::kEvaluation;
    import_phase(scope, options, from, specifier, phase, attributes)
}

/// Gives a promise in any case but where V8 was told to stop.
fn import_phase<'s, 'i>(
    scope: &mut v8::PinScope<'s, 'i>,
    _options: v8::Local<'s, v8::Data>,
    from: v8::Local<'s, v8::Value>,
    specifier: v8::Local<'s, v8::String>,
    phase: v8::ModuleImportPhase,
    attributes: v8::Local<'s, v8::FixedArray>,
) -> Option<v8::Local<'s, v8::Promise>> {
    let resolver = v8::PromiseResolver::new(scope)?;
    let promise = resolver.get_promise(scope);
    let from = from.to_rust_string_lossy(scope);
    let specifier = specifier.to_rust_string_lossy(scope);
    let attributes = evaluate::attributes_of(scope, attributes, 2);
    v8::tc_scope!(let scope, scope);
    match begin(scope, &from, &specifier, phase, &attributes) {
        Some(value) => {
            resolver.resolve(scope, value)?;
        }
        None => {
            if scope.has_terminated() {
                return None;
            }
            let error = scope.exception()?;
            resolver.reject(scope, error)?;
        }
    }
    Some(promise)
}

/// What the promise of an `import()` resolves with; without it an exception is pending.
fn begin<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    from: &str,
    specifier: &str,
    phase: v8::ModuleImportPhase,
    attributes: &[(String, String)],
) -> Option<v8::Local<'s, v8::Value>> {
    let modules = Modules::here(scope)?;
    let by_url = modules.by_url();
    let from = if modules.source(from).is_some() { from } else { super::CLASSIC_SCRIPT };
    let (target, module) = modules.import(scope, specifier, from, attributes, false)?;
    if matches!(phase, v8::ModuleImportPhase::kSource) {
        return Some(evaluate::source_phase(scope, &modules, &target)?.into());
    }
    if by_url && module.get_status() != v8::ModuleStatus::Evaluating {
        return Some(namespace_when_done(scope, module)?.into());
    }
    // It runs after what is due.
    let (Target::Own(key) | Target::BuiltIn(key)) = target;
    let key = v8::String::new(scope, &key)?;
    let wait = v8::Function::builder(pass_on).data(key.into()).build(scope)?;
    let then = v8::Function::builder(run_by_key).data(key.into()).build(scope)?;
    let resolver = v8::PromiseResolver::new(scope)?;
    resolver.resolve(scope, key.into())?;
    Some(resolver.get_promise(scope).then(scope, wait)?.then(scope, then)?.into())
}

/// A promise for the namespace of a module, which this begins to run.
fn namespace_when_done<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    module: v8::Local<'s, v8::Module>,
) -> Option<v8::Local<'s, v8::Promise>> {
    let done = evaluate::run(scope, module)?;
    let namespace = module.get_module_namespace();
    let give = v8::Function::builder(pass_on).data(namespace).build(scope)?;
    done.then(scope, give)
}

/// Gives its data.
fn pass_on(
    _scope: &mut v8::PinScope<'_, '_>,
    args: v8::FunctionCallbackArguments<'_>,
    mut result: v8::ReturnValue<'_, v8::Value>,
) {
    result.set(args.data());
}

/// Runs the module whose key is its data.
fn run_by_key<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    args: v8::FunctionCallbackArguments<'s>,
    mut result: v8::ReturnValue<'s, v8::Value>,
) {
    let key = args.data().to_rust_string_lossy(scope);
    let module = Modules::here(scope).and_then(|modules| {
        let known = modules.known.borrow();
        known.get(&key).map(|known| v8::Local::new(scope, &known.module))
    });
    if let Some(promise) = module.and_then(|module| namespace_when_done(scope, module)) {
        result.set(promise.into());
    }
}

extern "C" fn initialize_meta(
    context: v8::Local<'_, v8::Context>,
    module: v8::Local<'_, v8::Module>,
    meta: v8::Local<'_, v8::Object>,
) {
    // SAFETY: V8 calls this with the context that it runs in, on its thread.
    v8::callback_scope!(unsafe scope, context);
    describe(scope, module, meta);
}

/// Fills `import.meta`, which is empty where modules are named by paths.
fn describe<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    module: v8::Local<'s, v8::Module>,
    meta: v8::Local<'s, v8::Object>,
) -> Option<()> {
    let modules = Modules::here(scope)?;
    if !modules.by_url() {
        return None;
    }
    let key = modules.key_of(scope, module)?;
    let is_main = key == super::module_url(&modules.worker()?.main);
    let url = v8::String::new(scope, &key)?;
    let path = format!("/bundle/{}", super::module_name(&key)?);
    let folder = path.rsplit_once('/').map_or("/", |(folder, _)| folder);
    let resolve = v8::Function::builder(resolve).data(url.into()).build(scope)?;
    let properties: [(&str, v8::Local<v8::Value>); 5] = [
        ("main", v8::Boolean::new(scope, is_main).into()),
        ("url", url.into()),
        ("filename", v8::String::new(scope, &path)?.into()),
        ("dirname", v8::String::new(scope, folder)?.into()),
        ("resolve", resolve.into()),
    ];
    for (name, value) in properties {
        let name = v8::String::new(scope, name)?;
        meta.create_data_property(scope, name.into(), value)?;
    }
    Some(())
}

/// `import.meta.resolve(specifier)`; its data is the URL of the module.
fn resolve<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    args: v8::FunctionCallbackArguments<'s>,
    mut result: v8::ReturnValue<'s, v8::Value>,
) {
    if args.length() == 0 {
        throw_type_error(scope, "import.meta.resolve requires a specifier argument");
        return;
    }
    let Some(specifier) = args.get(0).to_string(scope) else { return };
    let specifier = specifier.to_rust_string_lossy(scope);
    let from = args.data().to_rust_string_lossy(scope);
    let Some(modules) = Modules::here(scope) else { return };
    let Some(resolver) = modules.resolver() else { return };
    match resolver.url(&specifier, &from) {
        Ok(url) => {
            if let Some(url) = v8::String::new(scope, &url) {
                result.set(url.into());
            }
        }
        Err(refusal) => throw_refusal(scope, true, refusal, None),
    }
}
