//! A Worker: its modules, configuration and bindings, checked, not yet running.

use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;

use crate::binding::Binding;
use crate::compatibility::Compatibility;
use crate::limits::Limits;
use crate::outbound::{ServiceTarget, Way};
use crate::source_map::SourceMap;

/// A handler that is told of another Worker's events.
#[derive(Debug, Clone)]
pub struct Tail {
    pub target: Arc<ServiceTarget>,
    pub kind: TailKind,
}

/// Which handler that is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TailKind {
    /// `tail()`, of events that are over.
    Tail,
    /// `tailStream()`, of events while they go on.
    Stream,
}

/// One version of one Worker. It is shared by all of its isolates.
#[derive(Debug, Clone)]
pub struct Worker {
    /// The name from the configuration, or the file's stem.
    pub name: String,
    /// Whose it is, where one process serves many; empty otherwise. What Workers
    /// of one account share, such as the cache, is kept apart by it.
    pub account: String,
    /// The name of the module that holds the handlers; one of `modules`.
    pub main: String,
    /// The export that takes events; `None`: the default one.
    pub entrypoint: Option<String>,
    /// All modules that the Worker may import, the main one included.
    pub modules: Vec<Module>,
    /// What `env` holds (globals, in service-worker syntax).
    pub env: Vec<EnvEntry>,
    /// Bindings that are not in `env` and that `ctx.exports` leads to.
    pub hidden: Vec<Arc<dyn Binding>>,
    /// Who is told of its events, beside those whom its server knows.
    pub tails: Vec<Tail>,
    /// What sends for the `email` handler; `None`: no mail comes in. Its script's
    /// `bind` gives a function that makes the handler's message.
    pub mail: Option<Arc<dyn Binding>>,
    /// Globals with behaviour that the host provides, such as `caches`.
    pub globals: Vec<GlobalBinding>,
    /// Classes that something beside the code counts on.
    pub classes: Vec<ExpectedClass>,
    /// Compatibility date and flags.
    pub compatibility: Compatibility,
    /// Limits on each request and on the isolate.
    pub limits: Limits,
    /// Where its `fetch()` leads, whoever calls it; `None`: to the network, unless the
    /// terms of a call say something else.
    pub outbound: Option<Way>,
    /// Whether errors are shown to the client, and time stands still.
    pub mode: Mode,
}

impl Worker {
    /// The module of this name.
    pub fn module(&self, name: &str) -> Option<&Module> {
        self.modules.iter().find(|module| module.name == name)
    }
}

/// Globals that are made by a binding. Its script loads when one of them is first
/// touched; its function `bind` is called for each by its name.
#[derive(Debug, Clone)]
pub struct GlobalBinding {
    pub names: &'static [&'static str],
    pub binding: Arc<dyn Binding>,
}

/// A class that the main module is expected to export.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpectedClass {
    pub name: String,
    /// What is said when it is not exported.
    pub missing: String,
    /// Whether the Worker starts without it all the same; what is missing goes
    /// to the log then.
    pub is_optional: bool,
}

/// A module of a Worker.
#[derive(Debug, Clone)]
pub struct Module {
    /// The name that imports resolve to: a relative path with `/`, no leading `./`.
    pub name: String,
    pub kind: ModuleKind,
    pub body: Bytes,
    /// Where it was read from, for messages; absent for uploaded modules.
    pub path: Option<PathBuf>,
    /// What it was made of, if a bundler made it. One that the module carries
    /// itself, as a `data:` URL, needs not be here.
    pub source_map: Option<Arc<SourceMap>>,
}

/// What importing a module gives
/// (<https://developers.cloudflare.com/workers/wrangler/bundling/>).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ModuleKind {
    EsModule,
    /// `module.exports` is the default export.
    CommonJs,
    /// The parsed value is the default export.
    Json,
    /// A string is the default export.
    Text,
    /// An `ArrayBuffer` is the default export.
    Data,
    /// A compiled `WebAssembly.Module` is the default export.
    Wasm,
}

/// A name in `env` and what it holds.
#[derive(Debug, Clone)]
pub struct EnvEntry {
    pub name: String,
    pub value: EnvValue,
}

/// The value of an entry in `env`.
#[derive(Debug, Clone)]
pub enum EnvValue {
    Text(String),
    Json(serde_json::Value),
    /// An `ArrayBuffer`, each isolate's own.
    Data(Bytes),
    /// A compiled `WebAssembly.Module`.
    Wasm(Bytes),
    /// An object with behaviour, such as a KV namespace.
    Binding(Arc<dyn Binding>),
}

/// Who the client is, and so how much it may see.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// `selvedge run`: error pages show the stack, clocks run, private
    /// addresses may be fetched.
    #[default]
    Local,
    /// Clients are strangers: errors show a code and a reference, clocks
    /// advance only with I/O, private addresses are refused.
    Production,
}
