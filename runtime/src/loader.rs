//! Modules of a Worker: names to sources, for V8.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;

use deno_core::error::ModuleLoaderError;
use deno_core::url::Url;
use deno_core::{
    CustomModuleEvaluationKind, FastString, ModuleLoadOptions, ModuleLoadReferrer,
    ModuleLoadResponse, ModuleLoader, ModuleSource, ModuleSourceCode, ModuleSpecifier, ModuleType,
    RequestedModuleType, ResolutionKind, SourceCodeCacheInfo, v8,
};
use deno_error::JsErrorBox;

use crate::code_cache::CodeCache;
use crate::platform::Platform;
use crate::worker::{Module, ModuleKind, Worker};

/// Modules of a Worker get this scheme and their name as the path.
const ROOT: &str = "file:///";
/// Import attributes that only the facades of this loader use.
const FACADE: &str = "selvedge-";
/// Modules that the platform supplies.
const BUILT_IN: &[&str] =
    &["cloudflare:email", "cloudflare:sockets", "cloudflare:workers", "cloudflare:workflows"];

/// The URL that V8 knows a module by.
pub fn module_url(name: &str) -> String {
    let mut url = Url::parse(ROOT).expect("the root is a URL");
    url.set_path(name);
    url.into()
}

/// The module that a URL of V8's names, if it is one of the Worker's.
pub(crate) fn module_name(url: &str) -> Option<String> {
    let parsed = Url::parse(url).ok()?;
    if parsed.scheme() != "file" {
        return None;
    }
    let path = parsed.path().trim_start_matches('/');
    let decoded = percent_decode(path);
    Some(decoded)
}

fn percent_decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut index = 0;
    while index < bytes.len() {
        let code = (bytes[index] == b'%')
            .then(|| text.get(index + 1..index + 3))
            .flatten()
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match code {
            Some(code) => {
                out.push(code);
                index += 3;
            }
            None => {
                out.push(bytes[index]);
                index += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// Loads the modules of one Worker, and nothing else.
pub(crate) struct WorkerModules {
    platform: Arc<Platform>,
    worker: OnceCell<Arc<Worker>>,
}

impl WorkerModules {
    pub(crate) fn new(platform: Arc<Platform>) -> Rc<Self> {
        Rc::new(Self { platform, worker: OnceCell::new() })
    }

    pub(crate) fn set_worker(&self, worker: Arc<Worker>) {
        let _ = self.worker.set(worker);
    }

    /// The module of Node.js that an import resolves to. Its name with `node:` is
    /// nobody else's; without that the Worker's own modules come first.
    fn node_module(&self, specifier: &str) -> Option<String> {
        let worker = self.worker.get()?;
        if specifier == "cloudflare:node" {
            return worker.compatibility.is_on("nodejs_compat").then(|| specifier.to_owned());
        }
        if !specifier.starts_with("node:") && worker.module(specifier).is_some() {
            return None;
        }
        worker.compatibility.node_module(specifier)
    }

    /// The name that an import resolves to.
    fn resolve_name(&self, specifier: &str, referrer: &str) -> Result<String, String> {
        let worker = self.worker.get().ok_or("no Worker is loaded")?;
        let from = module_name(referrer).unwrap_or_default();
        let base = Url::parse(&module_url(&from)).expect("a module's URL is a URL");
        let relative = specifier.starts_with("./")
            || specifier.starts_with("../")
            || specifier.starts_with('/')
            || specifier.starts_with(ROOT);
        let joined = base.join(specifier).ok().and_then(|url| module_name(url.as_str()));
        let mut candidates = Vec::new();
        if !relative {
            candidates.push(specifier.to_owned());
        }
        candidates.extend(joined);
        for name in &candidates {
            // A Wasm import may ask for its module form by a query.
            let name = name.strip_suffix("?module").unwrap_or(name);
            if worker.module(name).is_some() {
                return Ok(name.to_owned());
            }
        }
        let name = candidates.first().map_or(specifier, |name| name);
        let imported =
            if from.is_empty() { String::new() } else { format!("\n  imported from \"{from}\"") };
        Err(format!("No such module \"{name}\".{imported}"))
    }

    fn source(
        &self,
        url: &ModuleSpecifier,
        requested: &RequestedModuleType,
    ) -> Result<ModuleSource, String> {
        let name = module_name(url.as_str()).ok_or_else(|| format!("No such module \"{url}\"."))?;
        let module = self
            .worker
            .get()
            .and_then(|worker| worker.module(&name))
            .ok_or_else(|| format!("No such module \"{name}\"."))?;
        if let RequestedModuleType::Other(kind) = requested
            && let Some(kind) = kind.strip_prefix(FACADE)
        {
            return Ok(ModuleSource::new(
                ModuleType::Other(Cow::Owned(kind.to_owned())),
                ModuleSourceCode::Bytes(module.body.to_vec().into_boxed_slice().into()),
                url,
                None,
            ));
        }
        match module.kind {
            ModuleKind::EsModule => Ok(self.es_module(module, url)),
            ModuleKind::Json if *requested == RequestedModuleType::Json => Ok(ModuleSource::new(
                ModuleType::Json,
                ModuleSourceCode::String(text_of(module)?.into()),
                url,
                None,
            )),
            ModuleKind::Json => Ok(facade(url, &name, "json")),
            ModuleKind::Text => Ok(facade(url, &name, "text")),
            ModuleKind::Data => Ok(facade(url, &name, "data")),
            ModuleKind::Wasm => Ok(facade(url, &name, "wasm")),
            ModuleKind::CommonJs => Ok(facade(url, &name, "commonjs")),
        }
    }

    fn es_module(&self, module: &Module, url: &ModuleSpecifier) -> ModuleSource {
        let text = String::from_utf8_lossy(&module.body).into_owned();
        let cache = self.platform.parts.code_cache.as_ref().map(|cache| {
            let key = CodeCache::key(&text);
            SourceCodeCacheInfo { hash: short_hash(&key), data: cache.get(&key) }
        });
        ModuleSource::new(ModuleType::JavaScript, ModuleSourceCode::String(text.into()), url, cache)
    }
}

fn short_hash(key: &blake3::Hash) -> u64 {
    u64::from_le_bytes(key.as_bytes()[..8].try_into().expect("a hash has 32 bytes"))
}

fn text_of(module: &Module) -> Result<String, String> {
    String::from_utf8(module.body.to_vec())
        .map_err(|_| format!("module \"{}\" is not valid UTF-8", module.name))
}

/// An ES module that gives what the same file is under a private attribute.
fn facade(url: &ModuleSpecifier, name: &str, kind: &str) -> ModuleSource {
    let quoted = serde_json::to_string(&module_url(name)).expect("a string is JSON");
    let code =
        format!("import v from {quoted} with {{ type: \"{FACADE}{kind}\" }};\nexport default v;");
    ModuleSource::new(ModuleType::JavaScript, ModuleSourceCode::String(code.into()), url, None)
}

/// Makes the default export of a module that is not JavaScript.
pub(crate) fn evaluate_data_module(
    scope: &mut v8::PinScope,
    kind: Cow<'_, str>,
    specifier: &FastString,
    code: ModuleSourceCode,
) -> Result<CustomModuleEvaluationKind, JsErrorBox> {
    let url: &str = specifier.as_str();
    let name = module_name(url).unwrap_or_default();
    let bytes = code.as_bytes();
    let value: v8::Local<v8::Value> = match &*kind {
        "text" => v8_text(scope, bytes, &name)?.into(),
        "json" => {
            let text = v8_text(scope, bytes, &name)?;
            v8::tc_scope!(let scope, scope);
            match v8::json::parse(scope, text) {
                Some(value) => {
                    let value = v8::Global::new(scope, value);
                    return Ok(CustomModuleEvaluationKind::Synthetic(value));
                }
                None => {
                    let reason = scope
                        .exception()
                        .map(|exception| exception.to_rust_string_lossy(scope))
                        .unwrap_or_default();
                    return Err(syntax_error(format!("{name}: {reason}")));
                }
            }
        }
        "data" => array_buffer(scope, bytes).into(),
        "wasm" => compile_wasm(scope, bytes)
            .map_err(|reason| syntax_error(format!("{name}: {reason}")))?
            .into(),
        "commonjs" => {
            return crate::isolate::require_commonjs(scope, &name)
                .map(CustomModuleEvaluationKind::Synthetic);
        }
        other => return Err(JsErrorBox::type_error(format!("unknown module type \"{other}\""))),
    };
    Ok(CustomModuleEvaluationKind::Synthetic(v8::Global::new(scope, value)))
}

fn syntax_error(message: String) -> JsErrorBox {
    JsErrorBox::new("SyntaxError", message)
}

/// A copy of the bytes for JavaScript.
pub(crate) fn array_buffer<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    bytes: &[u8],
) -> v8::Local<'s, v8::ArrayBuffer> {
    let store = v8::ArrayBuffer::new_backing_store_from_vec(bytes.to_vec()).make_shared();
    v8::ArrayBuffer::with_backing_store(scope, &store)
}

/// Compiles WebAssembly.
///
/// # Errors
/// With V8's reason when the bytes are no module.
pub(crate) fn compile_wasm<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    bytes: &[u8],
) -> Result<v8::Local<'s, v8::WasmModuleObject>, String> {
    v8::tc_scope!(let scope, scope);
    let module = crate::isolate::with_wasm_allowed(|| v8::WasmModuleObject::compile(scope, bytes));
    module.ok_or_else(|| {
        scope
            .exception()
            .map_or("not a WebAssembly module".into(), |error| error.to_rust_string_lossy(scope))
    })
}

fn v8_text<'s>(
    scope: &mut v8::PinScope<'s, '_>,
    bytes: &[u8],
    name: &str,
) -> Result<v8::Local<'s, v8::String>, JsErrorBox> {
    let text = std::str::from_utf8(bytes)
        .map_err(|_| JsErrorBox::type_error(format!("module \"{name}\" is not valid UTF-8")))?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    v8::String::new(scope, text)
        .ok_or_else(|| JsErrorBox::type_error(format!("module \"{name}\" is too large")))
}

impl ModuleLoader for WorkerModules {
    fn resolve(
        &self,
        specifier: &str,
        referrer: &str,
        _kind: ResolutionKind,
    ) -> Result<ModuleSpecifier, ModuleLoaderError> {
        if BUILT_IN.contains(&specifier) {
            return Url::parse(specifier).map_err(JsErrorBox::from_err);
        }
        if let Some(module) = self.node_module(specifier) {
            return Url::parse(&module).map_err(JsErrorBox::from_err);
        }
        let name = self.resolve_name(specifier, referrer).map_err(JsErrorBox::generic)?;
        Url::parse(&module_url(&name)).map_err(JsErrorBox::from_err)
    }

    fn load(
        &self,
        url: &ModuleSpecifier,
        _referrer: Option<&ModuleLoadReferrer>,
        options: ModuleLoadOptions,
    ) -> ModuleLoadResponse {
        let source = self.source(url, &options.requested_module_type);
        ModuleLoadResponse::Sync(source.map_err(JsErrorBox::generic))
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

    fn code_cache_ready(
        &self,
        url: ModuleSpecifier,
        _hash: u64,
        code: &[u8],
    ) -> Pin<Box<dyn Future<Output = ()>>> {
        if let Some(cache) = &self.platform.parts.code_cache
            && let Some(worker) = self.worker.get()
            && let Some(module) = module_name(url.as_str()).and_then(|name| worker.module(&name))
        {
            cache.put(&CodeCache::key(&String::from_utf8_lossy(&module.body)), code);
        }
        Box::pin(async {})
    }
}
