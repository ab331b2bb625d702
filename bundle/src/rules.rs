//! Which files stay modules of their own, as the configuration's `rules` say.

use std::fmt::Debug;

/// What importing a module gives
/// (<https://developers.cloudflare.com/workers/wrangler/bundling/>).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ModuleKind {
    EsModule,
    CommonJs,
    Json,
    /// A string is the default export.
    Text,
    /// An `ArrayBuffer` is the default export.
    Data,
    /// A compiled `WebAssembly.Module` is the default export.
    Wasm,
}

impl ModuleKind {
    /// What a rule of the configuration calls it.
    pub fn rule_type(self) -> &'static str {
        match self {
            Self::EsModule => "ESModule",
            Self::CommonJs => "CommonJS",
            Self::Json => "JSON",
            Self::Text => "Text",
            Self::Data => "Data",
            Self::Wasm => "CompiledWasm",
        }
    }
}

/// What the rules say of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Match {
    Kind(ModuleKind),
    /// Only a rule matches that an earlier one of its type ended.
    Ended(ModuleKind),
    Nothing,
}

/// The module rules of a Worker.
///
/// Names are paths with `/`, relative to the folder of the modules, and keep a
/// query (`wasm/x.wasm?module`).
pub trait Rules: Debug + Send + Sync {
    /// What a file is that a module imports.
    fn of(&self, name: &str) -> Match;

    /// What a file is that lies in the Worker's folder and that nothing needs to
    /// import by name.
    fn of_additional(&self, name: &str) -> Option<ModuleKind>;
}

/// The rules of a configuration without `rules`.
#[derive(Debug, Clone, Copy, Default)]
pub struct DefaultRules;

impl Rules for DefaultRules {
    fn of(&self, name: &str) -> Match {
        self.of_additional(name).map_or(Match::Nothing, Match::Kind)
    }

    fn of_additional(&self, name: &str) -> Option<ModuleKind> {
        let ends = |suffixes: &[&str]| suffixes.iter().any(|suffix| name.ends_with(suffix));
        match () {
            () if ends(&[".txt", ".html", ".sql"]) => Some(ModuleKind::Text),
            () if ends(&[".bin"]) => Some(ModuleKind::Data),
            () if ends(&[".wasm", ".wasm?module"]) => Some(ModuleKind::Wasm),
            () => None,
        }
    }
}
