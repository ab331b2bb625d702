//! Modules of a Worker: each isolate's own, made when they are first imported.
//!
//! All sources are at hand, so nothing here waits. A Worker of a date before the
//! flag `new_module_registry` names modules by paths, a later one by URLs.

mod dynamic;
mod evaluate;
mod names;
mod require;
mod resolve;
mod values;

use std::borrow::Cow;
use std::cell::{Cell, OnceCell, RefCell};
use std::collections::HashMap;
use std::num::NonZeroI32;
use std::rc::Rc;
use std::sync::Arc;

use deno_core::error::ModuleLoaderError;
use deno_core::v8::script_compiler::{CachedData, CompileOptions, NoCacheReason, Source};
use deno_core::{
    ModuleLoadOptions, ModuleLoadReferrer, ModuleLoadResponse, ModuleLoader, ModuleSpecifier,
    ResolutionKind, v8,
};
use deno_error::JsErrorBox;

use crate::code_cache::CodeCache;
use crate::memory::{ExternalMemory, HeldBytes};
use crate::platform::Platform;
use crate::worker::{Module, ModuleKind, Worker};

pub(crate) use evaluate::{run, take_charge};
pub use names::module_url;
pub(crate) use names::{CLASSIC_SCRIPT, ROOT, module_name};
pub use require::{Required, ShownPath, required, required_value, shown_path};
use resolve::{Refusal, Resolver, Target};
pub(crate) use values::{array_buffer, compile_wasm};

/// What a module takes beside its key, at least.
const ENTRY_BYTES: usize = 256;

/// The functions of the platform's JavaScript that modules need.
pub(crate) struct Hooks {
    /// Gives `module.exports` of a CommonJS module, by its key.
    pub(crate) require: v8::Global<v8::Function>,
    /// Gives the exports of a module of the platform, by its name.
    pub(crate) built_in: v8::Global<v8::Function>,
    /// Compiles WebAssembly that may import functions of JavaScript's.
    pub(crate) compile_wasm: v8::Global<v8::Function>,
}

/// The modules of one isolate. V8's callbacks find them in the isolate's slot.
pub(crate) struct Modules {
    platform: Arc<Platform>,
    worker: OnceCell<Arc<Worker>>,
    /// Whether specifiers are URLs.
    by_url: Cell<bool>,
    hooks: OnceCell<Hooks>,
    /// By key: see [`Target`].
    known: RefCell<HashMap<String, Known>>,
    /// Bytes of `known` and `keys`: each query may make an instance, so that a Worker
    /// decides how many there are.
    kept: Cell<usize>,
    held: HeldBytes,
    /// V8's names of WebAssembly that was imported, and what stacks call it instead.
    wasm_urls: RefCell<Vec<(String, String)>>,
    /// Keys by V8's hash of a module, to find which one imports.
    keys: RefCell<HashMap<NonZeroI32, Vec<String>>>,
}

struct Known {
    module: v8::Global<v8::Module>,
    /// Of a module of the platform: its exports.
    exports: Option<v8::Global<v8::Object>>,
}

impl Modules {
    /// `memory` counts what is kept for each module.
    pub(crate) fn new(platform: Arc<Platform>, memory: Arc<ExternalMemory>) -> Rc<Self> {
        Rc::new(Self {
            platform,
            kept: Cell::new(0),
            held: HeldBytes::new(memory),
            worker: OnceCell::new(),
            by_url: Cell::new(false),
            hooks: OnceCell::new(),
            known: RefCell::default(),
            wasm_urls: RefCell::default(),
            keys: RefCell::default(),
        })
    }

    /// Takes over what deno_core does for modules.
    pub(crate) fn install(self: &Rc<Self>, isolate: &mut v8::Isolate, hooks: Hooks) {
        let _ = self.hooks.set(hooks);
        isolate.set_slot(self.clone());
        dynamic::install(isolate);
    }

    pub(crate) fn set_worker(&self, worker: Arc<Worker>) {
        self.by_url.set(Resolver::of(&worker).by_url);
        let _ = self.worker.set(worker);
    }

    /// Those of the isolate that runs.
    fn here(isolate: &v8::Isolate) -> Option<Rc<Self>> {
        isolate.get_slot::<Rc<Self>>().cloned()
    }

    fn by_url(&self) -> bool {
        self.by_url.get()
    }

    fn worker(&self) -> Option<&Arc<Worker>> {
        self.worker.get()
    }

    fn resolver(&self) -> Option<Resolver<'_>> {
        self.worker.get().map(|worker| Resolver { worker, by_url: self.by_url() })
    }

    /// One of the Worker's own, by its key.
    fn source(&self, key: &str) -> Option<&Module> {
        let worker = self.worker.get()?;
        let name = names::name_in_bundle(&deno_core::url::Url::parse(key).ok()?)?;
        worker.module(&name)
    }

    /// The module that the Worker begins with, linked with all that it imports;
    /// without it an exception is pending.
    pub(crate) fn main<'s>(
        &self,
        scope: &mut v8::PinScope<'s, '_>,
    ) -> Option<v8::Local<'s, v8::Module>> {
        let main = module_url(&self.worker()?.main);
        let module = self.module(scope, &Target::Own(main))?;
        evaluate::link(scope, module)?;
        Some(module)
    }

    /// What a specifier leads to, for a module with this key; without it an
    /// exception is pending. `is_static` says that there is a place to name.
    fn import<'s>(
        &self,
        scope: &mut v8::PinScope<'s, '_>,
        specifier: &str,
        from: &str,
        attributes: &[(String, String)],
        is_static: bool,
    ) -> Option<(Target, v8::Local<'s, v8::Module>)> {
        let resolver = self.resolver()?;
        let worker = self.worker()?;
        let wants_json = match check_attributes(worker, resolver.by_url, attributes) {
            Ok(wants_json) => wants_json,
            Err(Thrown(is_type_error, text)) => {
                throw(scope, is_type_error, &text);
                return None;
            }
        };
        let target = match resolver.resolve(specifier, from) {
            Ok(target) => target,
            Err(refusal) => {
                throw_refusal(scope, resolver.by_url, refusal, is_static.then_some(from));
                return None;
            }
        };
        let is_json = || match &target {
            Target::Own(key) => self.source(key).is_some_and(|it| it.kind == ModuleKind::Json),
            Target::BuiltIn(_) => false,
        };
        if wants_json && !is_json() {
            throw_type_error(scope, &format!("Module \"{specifier}\" is not of type \"json\""));
            return None;
        }
        let module = self.module(scope, &target)?;
        Some((target, module))
    }

    /// A module, made if it is not there; without it an exception is pending.
    fn module<'s>(
        &self,
        scope: &mut v8::PinScope<'s, '_>,
        target: &Target,
    ) -> Option<v8::Local<'s, v8::Module>> {
        let (Target::Own(key) | Target::BuiltIn(key)) = target;
        if let Some(known) = self.known.borrow().get(key) {
            return Some(v8::Local::new(scope, &known.module));
        }
        let mut exports = None;
        let module = match target {
            Target::Own(key) => {
                let source = self.source(key)?;
                match source.kind {
                    ModuleKind::EsModule => self.compile(scope, key, source)?,
                    _ => evaluate::synthetic(scope, key, &[])?,
                }
            }
            Target::BuiltIn(name) => {
                let given = self.built_in(scope, name)?;
                exports = Some(v8::Global::new(scope, given));
                let names = evaluate::own_names(scope, given)?;
                evaluate::synthetic(scope, name, &names)?
            }
        };
        let known = Known { module: v8::Global::new(scope, module), exports };
        self.known.borrow_mut().insert(key.clone(), known);
        self.keys.borrow_mut().entry(module.get_identity_hash()).or_default().push(key.clone());
        self.kept.set(self.kept.get() + 2 * key.len() + ENTRY_BYTES);
        self.held.set(self.kept.get());
        Some(module)
    }

    /// The key of a module.
    fn key_of(
        &self,
        scope: &mut v8::PinScope<'_, '_>,
        module: v8::Local<'_, v8::Module>,
    ) -> Option<String> {
        let known = self.known.borrow();
        let keys = self.keys.borrow();
        let mut keys = keys.get(&module.get_identity_hash())?.iter();
        let is_it = |key: &&String| {
            known.get(*key).is_some_and(|known| v8::Local::new(scope, &known.module) == module)
        };
        keys.find(is_it).cloned()
    }

    /// The exports of a module of the platform; without them an exception is pending.
    fn built_in<'s>(
        &self,
        scope: &mut v8::PinScope<'s, '_>,
        name: &str,
    ) -> Option<v8::Local<'s, v8::Object>> {
        let hook = v8::Local::new(scope, &self.hooks.get()?.built_in);
        let name = v8::String::new(scope, name)?;
        let receiver = v8::undefined(scope).into();
        hook.call(scope, receiver, &[name.into()])?.try_into().ok()
    }

    fn compile<'s>(
        &self,
        scope: &mut v8::PinScope<'s, '_>,
        key: &str,
        module: &Module,
    ) -> Option<v8::Local<'s, v8::Module>> {
        let text = String::from_utf8_lossy(&module.body);
        let (Some(source), Some(name)) =
            (v8::String::new(scope, &text), v8::String::new(scope, key))
        else {
            throw_type_error(scope, &format!("module \"{}\" is too large", module.name));
            return None;
        };
        let origin = v8::ScriptOrigin::new(
            scope,
            name.into(),
            0,
            0,
            false,
            -1,
            None,
            false,
            false,
            true,
            None,
        );
        let cache = self.platform.parts.code_cache.as_ref();
        let cache = cache.map(|cache| (cache, CodeCache::key(&text)));
        let stored = cache.as_ref().and_then(|(cache, key)| cache.get(key));
        let (mut source, options) = match &stored {
            Some(code) => {
                let code = CachedData::new(code);
                let source = Source::new_with_cached_data(source, Some(&origin), code);
                (source, CompileOptions::ConsumeCodeCache)
            }
            None => (Source::new(source, Some(&origin)), CompileOptions::NoCompileOptions),
        };
        let reason = NoCacheReason::NoReason;
        let compiled = v8::script_compiler::compile_module2(scope, &mut source, options, reason)?;
        let is_fresh = source.get_cached_data().is_none_or(CachedData::rejected);
        if let Some((cache, key)) = cache.filter(|_| is_fresh) {
            let code = compiled.get_unbound_module_script(scope).create_code_cache();
            if let Some(code) = code {
                cache.put(&key, &code);
            }
        }
        Some(compiled)
    }
}

/// The stack of an error as the Worker sees it: with the names of its modules where
/// those are paths, with their URLs otherwise.
pub(crate) fn shown_stack<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    stack: v8::Local<'s, v8::Value>,
) -> v8::Local<'s, v8::Value> {
    let Some(modules) = Modules::here(scope) else { return stack };
    // (The Worker may have made something else of it.)
    let Ok(text) = v8::Local::<v8::String>::try_from(stack) else { return stack };
    let wasm_urls = modules.wasm_urls.borrow();
    if modules.by_url() && wasm_urls.is_empty() {
        return stack;
    }
    let text = text.to_rust_string_lossy(scope);
    let mut shown = if modules.by_url() { text.clone() } else { text.replace(ROOT, "") };
    for (name, url) in wasm_urls.iter() {
        shown = shown.replace(name, url);
    }
    if shown == text {
        return stack;
    }
    v8::String::new(scope, &shown).map_or(stack, Into::into)
}

/// What is thrown: whether it is a `TypeError`, and its text.
struct Thrown(bool, String);

/// Whether import attributes ask for JSON.
fn check_attributes(
    worker: &Worker,
    by_url: bool,
    attributes: &[(String, String)],
) -> Result<bool, Thrown> {
    if attributes.is_empty() {
        return Ok(false);
    }
    if !by_url {
        let is_refused = worker.compatibility.is_on("throw_on_unrecognized_import_assertion");
        return match is_refused {
            true => Err(Thrown(false, "Unrecognized import attributes specified".into())),
            false => Ok(false),
        };
    }
    let mut wants_json = false;
    for (key, value) in attributes {
        match (key.as_str(), value.as_str()) {
            ("type", "json") => wants_json = true,
            ("type", "text" | "bytes") => {
                let text = format!("Import attribute type \"{value}\" is not yet supported");
                return Err(Thrown(true, text));
            }
            ("type", _) => {
                return Err(Thrown(
                    true,
                    format!("Unsupported import attribute type: \"{value}\""),
                ));
            }
            _ => return Err(Thrown(true, format!("Unsupported import attribute: \"{key}\""))),
        }
    }
    Ok(wants_json)
}

fn throw_refusal(
    scope: &mut v8::PinScope<'_, '_>,
    by_url: bool,
    refusal: Refusal,
    from: Option<&str>,
) {
    match refusal {
        Refusal::Invalid(specifier) => {
            throw_type_error(scope, &format!("Invalid module specifier: {specifier}"));
        }
        Refusal::Outside(name) => throw(scope, false, &format!("No such module \"{name}\"")),
        Refusal::Missing(name) if by_url => {
            throw(scope, false, &format!("Module not found: {name}"))
        }
        Refusal::Missing(name) => {
            let from = from.and_then(module_name);
            let from = from.map_or(String::new(), |from| format!("\n  imported from \"{from}\""));
            throw(scope, false, &format!("No such module \"{name}\".{from}"));
        }
    }
}

fn throw_type_error(scope: &mut v8::PinScope<'_, '_>, text: &str) {
    throw(scope, true, text);
}

fn throw(scope: &mut v8::PinScope<'_, '_>, is_type_error: bool, text: &str) {
    let text = v8::String::new(scope, text).unwrap_or_else(|| v8::String::empty(scope));
    let error = if is_type_error {
        v8::Exception::type_error(scope, text)
    } else {
        v8::Exception::error(scope, text)
    };
    scope.throw_exception(error);
}

/// deno_core asks for source maps only: it loads no modules.
impl ModuleLoader for Modules {
    fn resolve(
        &self,
        specifier: &str,
        _referrer: &str,
        _kind: ResolutionKind,
    ) -> Result<ModuleSpecifier, ModuleLoaderError> {
        Err(JsErrorBox::generic(format!("No such module \"{specifier}\".")))
    }

    fn load(
        &self,
        url: &ModuleSpecifier,
        _referrer: Option<&ModuleLoadReferrer>,
        _options: ModuleLoadOptions,
    ) -> ModuleLoadResponse {
        let error = JsErrorBox::generic(format!("No such module \"{url}\"."));
        ModuleLoadResponse::Sync(Err(error))
    }

    fn get_source_map(&self, file: &str) -> Option<Cow<'_, [u8]>> {
        let worker = self.worker.get()?;
        let module = worker.module(&module_name(file)?)?;
        Some(Cow::Borrowed(module.source_map.as_ref()?.json()))
    }

    fn source_map_source_exists(&self, _: &str) -> Option<bool> {
        // A name in a map says more than a place in a bundle, also of a file
        // that is not at hand.
        Some(true)
    }
}
