//! Versions: what was uploaded, never changed after.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::UnixMillis;
use crate::assets::AssetsRef;
use crate::binding::Binding;
use crate::ids::{BlobHash, VersionId};

/// A version of a Worker.
#[derive(Debug, Clone, PartialEq)]
pub struct Version {
    /// What it is called.
    pub id: VersionId,
    /// 1 for a Worker's first one.
    pub number: u64,
    /// When it was uploaded.
    pub created_on: UnixMillis,
    /// What uploaded it, such as `wrangler`.
    pub source: String,
    /// Whose token uploaded it.
    pub author: String,
    /// `workers/message`, `workers/tag`, `workers/triggered_by` and others.
    pub annotations: BTreeMap<String, String>,
    /// The code and all that goes with it.
    pub content: VersionContent,
    /// The events that the default export takes, such as `fetch`, as seen when it
    /// was started at upload.
    pub handlers: Vec<String>,
    /// Other exports that are classes: `(name, handlers)`.
    pub named_handlers: Vec<(String, Vec<String>)>,
    /// What its global scope took at upload.
    pub startup_time_ms: Option<u32>,
    /// A hash of the code.
    pub etag: String,
    /// Of all modules together, in bytes.
    pub size_bytes: u64,
}

/// A version as lists show it: without its code.
#[derive(Debug, Clone, PartialEq)]
pub struct VersionSummary {
    /// What it is called.
    pub id: VersionId,
    /// 1 for a Worker's first one.
    pub number: u64,
    /// When it was uploaded.
    pub created_on: UnixMillis,
    /// What uploaded it.
    pub source: String,
    /// Whose token uploaded it.
    pub author: String,
    /// `workers/message` and others.
    pub annotations: BTreeMap<String, String>,
}

/// A version to store.
#[derive(Debug, Clone, PartialEq)]
pub struct NewVersion {
    /// What uploads it, such as `wrangler`.
    pub source: String,
    /// `workers/message` and others.
    pub annotations: BTreeMap<String, String>,
    /// The code and all that goes with it.
    pub content: VersionContent,
    /// As [`Version::handlers`].
    pub handlers: Vec<String>,
    /// As [`Version::named_handlers`].
    pub named_handlers: Vec<(String, Vec<String>)>,
    /// As [`Version::startup_time_ms`].
    pub startup_time_ms: Option<u32>,
}

/// The code of a version and all that goes with it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct VersionContent {
    /// Which module has the handlers.
    pub script: Script,
    /// All modules that may be imported, the main one included. Those that came
    /// as parts for bindings (`wasm_module`, ..) are here too.
    pub modules: Vec<ModuleRef>,
    /// What `env` gets.
    pub bindings: Vec<Binding>,
    /// `YYYY-MM-DD`.
    pub compatibility_date: Option<String>,
    /// In the order of the upload.
    #[serde(default)]
    pub compatibility_flags: Vec<String>,
    /// `limits.cpu_ms`, of one request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu_ms: Option<u32>,
    /// `limits.subrequests`, of one request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subrequests: Option<u32>,
    /// Static files; a column of its own in the store.
    #[serde(skip)]
    pub assets: Option<AssetsRef>,
    /// `exports` as uploaded: which classes of Durable Objects there are to be.
    /// Applied when the version is deployed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exports: Option<Value>,
    /// `placement` as uploaded: given back, without effect on one machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub placement: Option<Value>,
    /// The cache before the Worker.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_options: Option<CacheOptions>,
}

/// `cache` of the configuration
/// (<https://developers.cloudflare.com/workers/cache/configuration/>).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CacheOptions {
    /// Whether responses are kept before exports that do not say otherwise.
    pub enabled: bool,
    /// Whether versions share what is kept.
    #[serde(default)]
    pub cross_version_cache: bool,
}

/// Where a version's handlers are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "syntax", content = "module", rename_all = "kebab-case")]
pub enum Script {
    /// In the exports of this module.
    Modules(String),
    /// In `addEventListener` of this script (service-worker syntax).
    ServiceWorker(String),
    /// Nowhere: there are only static files.
    AssetsOnly,
}

impl Script {
    /// The main module, if there is code.
    pub fn main(&self) -> Option<&str> {
        match self {
            Self::Modules(name) | Self::ServiceWorker(name) => Some(name),
            Self::AssetsOnly => None,
        }
    }
}

/// A module, by its content's hash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModuleRef {
    /// The name that imports resolve to.
    pub name: String,
    /// What importing it gives.
    pub kind: ModuleKind,
    /// The content.
    pub blob: BlobHash,
    /// Its size in bytes.
    pub size: u64,
}

/// What importing a module gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ModuleKind {
    /// `application/javascript+module`.
    EsModule,
    /// `application/javascript`: CommonJS, or the script of service-worker syntax.
    CommonJs,
    /// `application/json`: the parsed value.
    Json,
    /// `text/plain`: a string.
    Text,
    /// `application/octet-stream`: an `ArrayBuffer`.
    Data,
    /// `application/wasm`: a `WebAssembly.Module`.
    Wasm,
    /// `application/source-map`: no module; the map of the module whose name it
    /// has, with `.map` added.
    SourceMap,
}
